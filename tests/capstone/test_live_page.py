"""The page that speaks and listens: its text, and what it does in a real browser."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from browser import Tab, browser, find_browser
from html_page import Page
from serving import PARTS, RATE, models, result, running, tone

from capstone import live_page
from capstone.connected import LONGEST
from labkit.players import wav_bytes

# --- the text ----------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    return result(tmp_path / "made")


def section(found: dict[str, Any], folder: Path) -> Page:
    page = Page(live_page.classical_section(found, folder, "made", live_page.live_section("make serve")))
    assert page.open == []
    return page


def test_figures_are_told_beside_their_target(made, tmp_path):
    words = " ".join(section(made, tmp_path).words.split())
    for wanted in (
        "Data: fsdd, recordings of people.",
        "At 20, 10, 5 dB together, 5.0% of 900 words are wrong (95 % interval 4.0% to 6.0%).",
        "✓ target of at most 8% reached",
        "20 dB 1.0% 0.1% to 2.0% 3 of 300",
        "white noise, 5 dB 20.0% 17.0% to 24.0% 60 of 300",
        "Whose parts: 1 of 2 yours",
        "said by <ann>, 10 dB over noise4: four two heard: four nine ✗ not all right",
        "nine 0.60 to 1.00 s",
        "the source voice 7.0% 3.0% to 12.0% 7 of 100",
        "unit selection pitch and formants × 0.8 7.0%",
        "formant rules 7.0%",
        "unit selection as recorded 33.0%",
        "word error rate in noise no noise 20 dB natural recordings 7.0% 50.0%",
        "synth_ljs, 300 sentences of a synthetic voice, not of a person.",
        "Is it <ten>?",
        "make serve",
    ):
        assert wanted in words, words
    assert "fast mode" not in words


def test_a_missed_target_and_no_target_are_told_as_they_are(made, tmp_path):
    made["noisy"]["rate"] = 0.0801
    assert "✗ target of at most 8% missed" in section(made, tmp_path).words
    words = section({**made, "target": None, "fast": True, "kind": "synthetic speech"}, tmp_path).words
    assert "target" not in words and "fast mode" in words and "synthetic speech" in words


def test_the_page_is_whole_and_asks_for_nothing_of_others(made, tmp_path):
    text = live_page.own_page(made, tmp_path / "made", "speechlab capstone serve")
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.tags:
        source = attributes.get("src") or attributes.get("href") or ""
        assert not source.startswith(("http:", "https:", "//", "/")), source
        if source and not source.startswith(("data:", "#")):
            assert (tmp_path / "made" / source).exists(), source
        if tag == "img":
            assert attributes.get("alt")
        if tag == "audio":
            assert attributes.get("aria-label")
    code = live_page.SCRIPT.read_text(encoding="utf-8") + live_page.style()
    assert "https:" not in code and "@import" not in code and "url(" not in code
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_page_without_results_has_the_controls_alone(tmp_path):
    page = Page(live_page.own_page(None, tmp_path, "speechlab capstone serve"))
    assert page.open == [] and "Try it" in page.words and "Whose parts" not in page.words


def test_rates_are_drawn_to_one_scale():
    rows = [("a", "", {"rate": 0.2, "interval": [0.1, 0.4], "words": 10, "errors": 2})]
    page = Page(live_page.errors_table("x", rows, "x", 0.08))
    (bar,) = [a for tag, a in page.tags if tag == "rect"]
    assert float(bar["width"]) == pytest.approx(live_page.BAR * 0.5)  # of 0.4, the table's largest
    (span,) = [a for _, a in page.tags if a.get("class") == "range"]
    assert (float(span["x1"]), float(span["x2"])) == pytest.approx((live_page.BAR / 4, live_page.BAR))


def test_outline_of_a_sound_goes_from_zero_to_one(tmp_path):
    (tmp_path / "sound.wav").write_bytes(wav_bytes(tone(0.5), RATE))
    outline, seconds = live_page.peaks(tmp_path / "sound.wav", 10)
    assert seconds == 0.5 and len(outline) == 10 and max(outline) == 1.0 and min(outline) > 0.9
    (tmp_path / "silence.wav").write_bytes(wav_bytes(tone(0.5) * 0, RATE))
    assert live_page.peaks(tmp_path / "silence.wav", 10)[0] == [0.0] * 10


# --- the browser --------------------------------------------------------------------------------------

FORMS = "[...document.querySelectorAll('.live fieldset')]"
# contrast of text with what is behind it, as WCAG 2 counts it; 4.5 is its level AA
CONTRAST = """(selector) => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const element = document.querySelector(selector);
  let behind = element, ground;
  do {
    ground = rgb(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  } while (ground.length === 4 && ground[3] === 0 && behind);
  const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


def in_browser(work: Callable[[Tab], Coroutine[Any, Any, None]]) -> None:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium or Chrome on this machine; SPEECHLAB_BROWSER may name one")

    async def run() -> None:
        async with browser(program) as tab:
            await work(tab)

    asyncio.run(run())


async def is_live(tab: Tab, address: str) -> None:
    await tab.open(address)
    await tab.until("document.querySelector('[data-live=on]')")


def status_of(name: str) -> str:
    return f"document.querySelector('[data-part={name}-status]').textContent"


@pytest.mark.slow
def test_as_a_file_the_examples_play_and_the_controls_say_what_to_do(tmp_path):
    made = result(tmp_path)
    page = tmp_path / "index.html"
    page.write_text(live_page.own_page(made, tmp_path, "make serve"), encoding="utf-8")

    async def work(tab: Tab) -> None:
        await tab.open(page.as_uri())
        assert await tab.run(f"{FORMS}.every((form) => form.disabled)")
        notice = await tab.run("document.querySelector('[data-part=notice]').innerText")
        assert "make serve" in notice and "need the local server" in notice
        # drawn: an outline, two words over it, two buttons with times
        assert await tab.run("document.querySelector('.wave path').getAttribute('d').length") > 1000
        words = "[...document.querySelectorAll('.strings .span')].map((span) => span.textContent)"
        assert await tab.run(words) == ["four", "nine"]
        left = await tab.run("document.querySelector('.strings .span').getBoundingClientRect().left")
        box = await tab.run("document.querySelector('.strings .wave').getBoundingClientRect().toJSON()")
        assert left == pytest.approx(box["left"] + box["width"] * 0.1 / 1.2, abs=2)  # its border
        # a word plays from its start to its end, and no further
        label = "document.querySelectorAll('.times button')[1].getAttribute('aria-label')"
        assert await tab.run(label) == "play nine, 0.60 s to 1.00 s"
        await tab.run("document.querySelectorAll('.times button')[1].focus()")
        await tab.press("Enter", 13, "\r")
        await tab.until("document.querySelector('.strings audio').currentTime >= 1")
        await tab.until("document.querySelector('.strings audio').paused")
        assert await tab.run("document.querySelector('.strings audio').currentTime") < 1.2
        assert tab.messages == []
        assert all(request.startswith(("file:", "data:")) for request in tab.requests)

    in_browser(work)


@pytest.mark.slow
def test_a_typed_number_is_heard_from_three_voices_with_the_keyboard_alone(tmp_path):
    async def work(tab: Tab) -> None:
        await is_live(tab, address)
        assert await tab.run("document.querySelector('[data-part=notice]').textContent") == ""
        whose = await tab.run("document.querySelector('[data-part=whose]').textContent")
        assert whose == "The parts that answer: 1 yours, 1 the reference's."
        await tab.run("document.querySelector('#live-text').select()")
        for number in "705":
            await tab.press(number, ord(number), number)
        await tab.press("Enter", 13, "\r")
        await tab.until(f"{status_of('speak')}.startsWith('✓')")
        assert "“705” is spoken by 3 voices" in await tab.run(status_of("speak"))
        players = "[...document.querySelectorAll('[data-part=voices] audio')]"
        await tab.until(f"{players}.every((audio) => audio.duration > 1.19 && audio.duration < 1.21)")
        labels = await tab.run(f"{players}.map((audio) => audio.getAttribute('aria-label'))")
        assert labels == ["705, unit selection", "705, formant rules", "705, HMM and WORLD"]
        phones = "[...document.querySelectorAll('[data-part=voices] .span')].map((s) => s.textContent)"
        assert await tab.run(phones) == ["ɹ", "<b>"] * 3  # text, never markup
        assert await tab.run("document.activeElement.id") == "live-text"  # the focus stays
        # a sentence to pick, and one that cannot be said
        await tab.run(
            "{const pick = document.querySelector('#live-sentence'); pick.selectedIndex = 1;"
            "pick.dispatchEvent(new Event('change'))}"
        )
        assert await tab.run("document.querySelector('#live-text').value.length") > 10
        await tab.run("document.querySelector('#live-text').value = '100 %'")
        await tab.run("document.querySelector('[data-part=speak] button').click()")
        await tab.until(f"{status_of('speak')}.startsWith('✗')")
        assert await tab.run(status_of("speak")) == "✗ “%” cannot be said"
        assert await tab.run("document.querySelector('[data-part=speak-status]').getAttribute('aria-live')")
        assert not await tab.run(f"{FORMS}.some((form) => form.disabled)")
        assert await tab.run(f"{players}.length") == 0
        assert [m for m in tab.messages if "/api/speak" not in m] == []  # the browser notes the answer 400
        assert all(request.startswith((address, "data:", "blob:")) for request in tab.requests)

    with running(models(tmp_path)) as address:
        in_browser(work)


@pytest.mark.slow
def test_a_recording_picked_chosen_or_made_becomes_words_over_its_waveform(tmp_path):
    (tmp_path / "mine.wav").write_bytes(wav_bytes(tone(2.0), RATE))
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "text.m4a").write_text("no sound")
    heard = "document.querySelector('[data-part=result] .said').textContent"
    spans = "[...document.querySelectorAll('[data-part=result] .span')].map((s) => s.textContent)"

    async def work(tab: Tab) -> None:
        await is_live(tab, address)
        await tab.run("document.querySelector('[data-part=hear] button[type=submit]').click()")
        await tab.until(f"{status_of('hear')}.startsWith('✓')")
        assert await tab.run(status_of("hear")) == "✓ <ann>: four two: 2 words in 1.20 s: four two."
        assert await tab.run(heard) == "Heard: four two" and await tab.run(spans) == ["four", "two"]
        assert (
            await tab.run("document.querySelector('[data-part=result] path').getAttribute('d').length") > 1000
        )
        await tab.choose_file("#live-file", tmp_path / "mine.wav")
        await tab.until(f"{status_of('hear')}.startsWith('✓ mine.wav')")
        assert "2 words in 2.00 s" in await tab.run(status_of("hear"))
        await tab.choose_file("#live-file", tmp_path / "text.wav")
        await tab.until(f"{status_of('hear')}.startsWith('✗')")
        assert "the recording is not a readable WAV" in await tab.run(status_of("hear"))
        await tab.choose_file("#live-file", tmp_path / "text.m4a")  # refused without asking the server
        await tab.until(f"{status_of('hear')}.startsWith('✗ text.m4a holds no sound')")
        # the microphone: the browser's own, which beeps
        await tab.run("document.querySelector('button[name=record]').click()")
        await tab.until(f"{status_of('hear')}.startsWith('●')")
        assert await tab.run("document.querySelector('button[name=record]').textContent") == "Stop"
        await asyncio.sleep(1)
        await tab.run("document.querySelector('button[name=record]').click()")
        await tab.until(f"/^[✓✗] your recording|^✗/.test({status_of('hear')})")
        assert "✓ your recording: 2 words" in await tab.run(status_of("hear"))
        assert await tab.run("document.querySelector('button[name=record]').textContent") == "Record"
        assert [m for m in tab.messages if "/api/transcribe" not in m] == []

    with running(models(tmp_path)) as address:
        in_browser(work)


@pytest.mark.slow
def test_what_is_missing_is_said_and_the_rest_works(tmp_path):
    missing = models(tmp_path, voices=None, problems=["voices.npz does not exist: make it"])

    async def work(tab: Tab) -> None:
        await is_live(tab, address)
        assert "voices.npz does not exist" in await tab.run(
            "document.querySelector('[data-part=notice]').innerText"
        )
        assert await tab.run(f"{FORMS}.map((form) => form.disabled)") == [True, False]

    with running(missing) as address:
        in_browser(work)


@pytest.mark.slow
def test_a_server_that_has_gone_is_said(tmp_path):
    async def work(tab: Tab) -> None:
        with running(models(tmp_path)) as address:
            await is_live(tab, address)
        await tab.run("document.querySelector('[data-part=speak] button').click()")
        await tab.until(f"{status_of('speak')}.startsWith('✗')")
        assert "is `speechlab capstone serve` still running?" in await tab.run(status_of("speak"))

    in_browser(work)


@pytest.mark.slow
def test_light_and_dark_wide_and_narrow_can_be_read_and_every_control_has_a_name(tmp_path):
    async def work(tab: Tab) -> None:
        await is_live(tab, address)
        await tab.run("document.querySelector('[data-part=hear] button[type=submit]').click()")
        await tab.until(f"{status_of('hear')}.startsWith('✓')")
        for dark in (False, True):
            await tab.look(1100, dark=dark)
            for selector in (
                *("body", "button.main", ".good", ".bad", ".lead", "#live-text", ".times button"),
                *(".notice", "summary", ".wave .tick", "thead th"),
            ):
                assert await tab.run(f"({CONTRAST})({json.dumps(selector)})") >= 4.5, (selector, dark)
        for width in (1100, 380, 320):
            await tab.look(width)
            assert await tab.run("document.documentElement.scrollWidth") <= width
        nameless = await tab.run(
            "[...document.querySelectorAll('input, select, button, audio')].filter((e) => "
            "!e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim())"
            ".map((e) => e.outerHTML)"
        )
        assert nameless == []

    with running(models(tmp_path)) as address:
        in_browser(work)


def test_limits_of_the_page_are_those_of_the_server(tmp_path):
    status = models(tmp_path).status()
    assert status["longest_seconds"] == LONGEST and status["parts"] == PARTS
