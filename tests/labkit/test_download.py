"""Downloads: resumed, whole or not at all."""

from __future__ import annotations

import pytest

from labkit.corpora import DownloadFailed
from labkit.corpora.download import ATTEMPTS, fetch

CONTENT = bytes(range(256)) * 4000  # a megabyte


@pytest.fixture
def target(tmp_path):
    return tmp_path / "downloads" / "file.bin"


def test_file_arrives_whole(server, target) -> None:
    server.content = CONTENT
    assert fetch(server.url, target, progress=False) == target
    assert target.read_bytes() == CONTENT
    assert [file.name for file in target.parent.iterdir()] == ["file.bin"]


def test_broken_connection_is_resumed_where_it_broke(server, target, no_waiting) -> None:
    server.content = CONTENT
    server.cut_after = [400_000]
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT
    assert [r.get("Range") for r in server.requests] == [None, "bytes=400000-"]
    assert sum(server.sent) == len(CONTENT)  # nothing came twice
    assert no_waiting == [1.0]


def test_next_call_goes_on_where_the_last_gave_up(server, target, no_waiting) -> None:
    server.content = CONTENT
    server.cut_after = [1000] * ATTEMPTS
    with pytest.raises(DownloadFailed, match=f"{1000 * ATTEMPTS} bytes are kept; the same command goes on"):
        fetch(server.url, target, progress=False)
    assert not target.exists()
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT
    assert server.requests[-1]["Range"] == f"bytes={1000 * ATTEMPTS}-"


def test_server_without_ranges_is_asked_again_from_the_start(server, target, no_waiting) -> None:
    server.content, server.ranges = CONTENT, False
    server.cut_after = [400_000]
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_rest_is_fetched_without_a_strong_etag_too(server, target, no_waiting, etag) -> None:
    server.content, server.etag = CONTENT, etag
    server.cut_after = [400_000]
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT
    assert "If-Range" not in server.requests[1]
    assert sum(server.sent) == len(CONTENT)


def test_changed_file_is_not_joined_to_an_old_beginning(server, target, no_waiting) -> None:
    server.content = CONTENT
    server.cut_after = [1000] * ATTEMPTS
    with pytest.raises(DownloadFailed):
        fetch(server.url, target, progress=False)
    server.content, server.etag = CONTENT[::-1], '"second"'
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT[::-1]


def test_part_of_another_address_is_not_used(server, target, no_waiting) -> None:
    server.content = CONTENT
    server.cut_after = [1000] * ATTEMPTS
    with pytest.raises(DownloadFailed):
        fetch(server.url, target, progress=False)
    server.requests.clear()
    fetch(server.url + "?other", target, progress=False)
    assert "Range" not in server.requests[0]
    assert target.read_bytes() == CONTENT


def test_part_longer_than_the_file_is_thrown_away(server, target, no_waiting) -> None:
    server.content, server.etag = CONTENT, None
    server.cut_after = [400_000] * ATTEMPTS
    server.cut_after[1:] = [100] * (ATTEMPTS - 1)
    with pytest.raises(DownloadFailed):
        fetch(server.url, target, progress=False)
    server.content = CONTENT[:1000]
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT[:1000]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_passing_trouble_of_the_server_is_waited_for(server, target, no_waiting, status) -> None:
    server.content, server.status = CONTENT, [status, status]
    fetch(server.url, target, progress=False)
    assert target.read_bytes() == CONTENT
    assert no_waiting == [1.0, 2.0]


def test_missing_file_is_said_at_once(server, target, no_waiting) -> None:
    server.status = [404]
    with pytest.raises(DownloadFailed, match="404"):
        fetch(server.url, target, progress=False)
    assert len(server.requests) == 1
    assert not target.exists()


def test_offline_is_said_with_the_address_and_nothing_is_left(server, target, no_waiting) -> None:
    url = server.url
    server.http.server_close()
    with pytest.raises(
        DownloadFailed, match="could not download http://127.*Is this machine online.*Nothing was kept"
    ):
        fetch(url, target, progress=False)
    assert list(target.parent.iterdir()) == []


def test_existing_file_is_not_fetched_again(server, target) -> None:
    target.parent.mkdir()
    target.write_bytes(b"here")
    fetch(server.url, target, progress=False)
    assert server.requests == []
