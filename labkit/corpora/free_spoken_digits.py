"""Free Spoken Digit Dataset: 3000 recordings of the digits by six speakers.

Found in the cache, else in the mirror folder, else (only when asked for) on the internet. Wherever it
comes from, every clip is checked against its checksum and stored in the cache in one form.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.corpora import download
from labkit.corpora.clip import Corpus
from labkit.corpora.errors import CorpusDamaged, CorpusNotFound
from labkit.corpora.pack import read_pack, write_pack
from labkit.corpora.store import cache_dir, lock, mirror_dir, place_in_cache

NAME = "fsdd"
LICENCE = "CC BY-SA 4.0"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
TEST_INDICES = range(5)  # upstream's README: recordings 0 to 4 are the test set

# upstream's metadata.py
SPEAKERS = {
    "george": {"gender": "male", "accent": "GRC/Greek"},
    "jackson": {"gender": "male", "accent": "USA/neutral"},
    "lucas": {"gender": "male", "accent": "DEU/German"},
    "nicolas": {"gender": "male", "accent": "BEL/French"},
    "theo": {"gender": "male", "accent": "USA/neutral"},
    "yweweler": {"gender": "male", "accent": "DEU/German"},
}

_FILE = re.compile(r"(\d)_([a-z]+)_(\d{1,3})\.(wav|flac)")
_IN_ARCHIVE = re.compile(r"[^/]+/recordings/(\d_[a-z]+_\d{1,3}\.wav)")
_LARGEST_FILE = 4_000_000  # bytes; the longest clip has 36 thousand


@dataclass(frozen=True)
class Recipe:
    """Which recordings, and where from. Tests put their own small one here."""

    url: str = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.tar.gz"
    version: str = COMMIT[:12]
    clips: int = 3000
    sample_rate: int = 8000
    # SHA-256 over the sorted lines "name sha256-of-the-samples"; see `digest`. GitHub packs archives
    # afresh, so their bytes may change; the samples inside may not.
    sha256: str = "15623e82c083db98c4bb55897aaefc7cba2cfd2dcd4650027babe0f3954fd372"
    checksums: Path = Path(__file__).parents[2] / "datasets" / NAME / "checksums.txt"


RECIPE = Recipe()


def folder(recipe: Recipe = RECIPE) -> Path:
    """Where the corpus lies, or will lie, in the cache."""
    return place_in_cache(NAME, recipe.version)


def in_mirror() -> Path | None:
    """Folder of the recordings in the mirror: as FLAC with a manifest, or as upstream lays them out."""
    mirror = mirror_dir()
    if mirror is None or not mirror.is_dir():
        return None
    places = [mirror / NAME, *sorted(mirror.glob("free-spoken-digit-dataset*"))]
    for place in (place / "recordings" for place in places):
        if place.is_dir() and any(_FILE.fullmatch(file.name) for file in place.iterdir()):
            return place
    return None


def load(recipe: Recipe = RECIPE) -> Corpus:
    """The corpus from the cache or the mirror; never from the internet.

    Raises:
        CorpusNotFound: if it is in neither.
        CorpusDamaged: if it is there, but not as its checksums promise.
    """
    place, recordings = folder(recipe), in_mirror()
    if place.exists():
        try:
            return read_pack(place)
        except CorpusDamaged as error:
            if recordings is None:
                raise CorpusDamaged(
                    f"{error}. `speechlab data get {NAME}` fetches it anew; without the folder {place}, "
                    "the labs go on with synthetic digits"
                ) from error
            print(f"{error}: reading it from the mirror again")
    if recordings is None:
        mirror = mirror_dir()
        raise CorpusNotFound(
            f"the recordings of {NAME} are neither in the cache ({cache_dir()}) nor in a mirror folder "
            f"({'SPEECHLAB_MIRROR is not set' if mirror is None else f'SPEECHLAB_MIRROR={mirror}'}). "
            f"`speechlab data get {NAME}` downloads them (about 16 MB)"
        )
    with lock(place):
        try:
            return read_pack(place)  # another process was quicker
        except CorpusDamaged:
            _store(_from_folder(recordings), recipe, str(recordings))
            return read_pack(place)


def get(recipe: Recipe = RECIPE, progress: bool = True) -> Path:
    """Bring the corpus into the cache, from the internet if it must be.

    Args:
        recipe: which recordings.
        progress: whether to show a bar.
    Returns:
        Folder in the cache.
    Raises:
        DownloadFailed: if the network does not deliver; the next call goes on where this one stopped.
        CorpusDamaged: if what came is not what the checksums promise; nothing of it is kept.
    """
    try:
        load(recipe)
        return folder(recipe)
    except CorpusDamaged as error:
        print(error)
    except CorpusNotFound:
        pass  # that is why we are here
    place = folder(recipe)
    archive = place_in_cache("downloads", f"{NAME}-{recipe.version}.tar.gz")
    print(f"{NAME}: {recipe.url}\nlicence: {LICENCE}")
    with lock(archive):
        try:
            read_pack(place)  # another process was quicker
        except CorpusDamaged:
            download.fetch(recipe.url, archive, progress)
            try:
                _store(_from_archive(archive), recipe, recipe.url)
            finally:
                archive.unlink(missing_ok=True)  # stored by now, or not what was promised
    return place


def _from_folder(recordings: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(recordings.iterdir()):
        if _FILE.fullmatch(file.name):
            yield file.name, file.read_bytes()


def _from_archive(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The WAV files of upstream's archive, read in memory.

    Nothing is unpacked to disk and no name in the archive becomes a path, so an archive with names such
    as "../../x", with links or with devices has nothing to write to.
    """
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                match = _IN_ARCHIVE.fullmatch(member.name)
                if match and member.isreg() and member.size <= _LARGEST_FILE:
                    content = tar.extractfile(member)
                    assert content is not None  # a regular file has content
                    yield match[1], content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CorpusDamaged(f"the downloaded archive is damaged: {error}") from error


def _store(files: Iterable[tuple[str, bytes]], recipe: Recipe, source: str) -> None:
    clips = {}
    for name, data in files:
        clips[name.rpartition(".")[0]] = _decode(name, data, recipe.sample_rate)
    sums = {name: hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest() for name, pcm in clips.items()}
    if digest(sums) != recipe.sha256:
        raise CorpusDamaged(f"{source} does not hold the recordings expected: {_difference(sums, recipe)}")
    order = sorted(clips, key=lambda name: (name.split("_")[0], name.split("_")[1], int(name.split("_")[2])))
    facts = {
        "name": NAME,
        "real": True,
        "sample_rate": recipe.sample_rate,
        "licence": LICENCE,
        "source": recipe.url,
    }
    write_pack(folder(recipe), ((_entry(name), clips[name]) for name in order), facts)


def _decode(name: str, data: bytes, sample_rate: int) -> np.ndarray:
    import soundfile

    try:
        pcm, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise CorpusDamaged(f"{name} is not a readable sound file: {error.error_string}") from error
    if rate != sample_rate or pcm.shape[1] != 1 or len(pcm) == 0:
        found = f"{len(pcm)} samples, {pcm.shape[1]} channels, {rate} Hz"
        raise CorpusDamaged(f"{name} has {found}; expected one channel at {sample_rate} Hz")
    return np.ascontiguousarray(pcm[:, 0])


def _entry(name: str) -> dict:
    digit, speaker, index = name.split("_")
    return {
        "audio_filepath": f"recordings/{name}.wav",
        "text": WORDS[int(digit)],
        "label": int(digit),
        "speaker": speaker,
        "split": "test" if int(index) in TEST_INDICES else "train",
        "index": int(index),
        **SPEAKERS.get(speaker, {}),
        "language": "en",
    }


def digest(sums: dict[str, str]) -> str:
    """One number for all recordings: SHA-256 over the lines "name sha256", sorted by name."""
    lines = "".join(f"{name} {sums[name]}\n" for name in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()


def _difference(sums: dict[str, str], recipe: Recipe) -> str:
    if len(sums) != recipe.clips:
        return f"{len(sums)} clips, expected {recipe.clips}"
    if not recipe.checksums.is_file():
        return "their common checksum differs"
    expected = dict(
        line.split() for line in recipe.checksums.read_text().splitlines() if not line.startswith("#")
    )
    wrong = sorted(name for name in sums if not sums[name].startswith(expected.get(name, "?")))
    return f"{len(wrong)} clips differ, the first is {wrong[0]}" if wrong else "their common checksum differs"
