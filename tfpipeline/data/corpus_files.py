"""Finds the files of a corpus and says which split each belongs to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tfpipeline.data.corpus_plan import COMMANDS
from tfpipeline.data.errors import DataError

NOISE_FOLDER = "_background_noise_"
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
# Percent of the speakers, where no list says who belongs where.
_PERCENT = {"validation": 10.0, "test": 10.0}
_HASH_RANGE = (1 << 27) - 1
# Recordings that are not WAV are named, other files (texts, licences) are passed over.
_AUDIO = {".wav", ".wave"}
_OTHER_AUDIO = {".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".au"}


def word_folders(root: Path) -> dict[str, list[str]]:
    """Returns the audio files, sorted, of every word folder, as paths relative to `root`.

    Raises:
        DataError: no such folder, or no audio in it.
    """
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; check the path.")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; expected a folder with one subfolder for each word.")
    folders = {}
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        for name in names:
            if name.startswith((".", "_")):
                continue
            files = audio_files(root, name)
            if files:
                folders[name] = files
    except OSError as error:
        raise DataError(f"{root}: cannot be read ({error.strerror}).") from None
    if not folders:
        raise DataError(
            f"{root}: holds no audio; expected a subfolder of WAV files for each word, such as "
            f"{root.name or root}/yes/anna_nohash_0.wav."
        )
    return folders


def audio_files(root: Path, folder: str) -> list[str]:
    """Audio files in a folder of `root`, sorted, as relative paths with forward slashes."""
    return sorted(
        f"{folder}/{entry.name}"
        for entry in os.scandir(root / folder)
        if not entry.name.startswith(".")
        and Path(entry.name).suffix.lower() in _AUDIO | _OTHER_AUDIO
        and entry.is_file()
    )


def is_wav(path: str) -> bool:
    """Whether the name is a WAV file's."""
    return Path(path).suffix.lower() in _AUDIO


def choose_words(
    root: Path, folders: Iterable[str], words: Sequence[str] | None
) -> tuple[str, ...]:
    """Settles the words to recognize.

    Raises:
        DataError: a wanted word has no folder.
        ValueError: no word, or one twice.
    """
    found = set(folders)
    if words is None:
        # Speech Commands in any version; otherwise the folder's own words.
        return COMMANDS if found.issuperset(COMMANDS) else tuple(sorted(found))
    wanted = tuple(words)
    if isinstance(words, str) or not wanted or len(set(wanted)) != len(wanted):
        raise ValueError(
            f"load_speech_commands: words must be a sequence of different words, got {words!r}."
        )
    missing = [word for word in wanted if word not in found]
    if missing:
        have = ", ".join(sorted(found)[:12]) + (" ..." if len(found) > 12 else "")
        raise DataError(
            f"{root}: holds no audio for the word {missing[0]!r}; it has folders for {have}."
        )
    return wanted


def assign_splits(root: Path, files: Iterable[str]) -> dict[str, str]:
    """Returns the split of every file.

    Files in `validation_list.txt` and `testing_list.txt` belong there. Without a list, a hash of
    the speaker (what comes before `_nohash_` in the file's name) decides, as Speech Commands
    does, so that a speaker is never on two sides and stays where it is as a corpus grows.

    Raises:
        DataError: a list that cannot be read.
    """
    listed: dict[str, str] = {}
    hashed = dict(_PERCENT)
    for split, name in LISTS.items():
        path = root / name
        if not path.exists():
            continue
        hashed.pop(split)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as a list of files ({error}).") from None
        for line in lines:
            if line.strip():
                listed[line.strip().replace("\\", "/").removeprefix("./")] = split
    splits = {}
    for file in files:
        splits[file] = listed.get(file) or _hashed_split(speaker_of(file), hashed)
    return splits


def speaker_of(file: str) -> str:
    """The speaker that a file's name tells: all before `_nohash_`, or the name itself."""
    return re.sub(r"_nohash_.*$", "", Path(file).stem)


def _hashed_split(speaker: str, percents: dict[str, float]) -> str:
    digest = hashlib.sha1(speaker.encode("utf-8", "surrogateescape"), usedforsecurity=False)
    percent = int(digest.hexdigest(), 16) % (_HASH_RANGE + 1) * (100.0 / _HASH_RANGE)
    for split, share in percents.items():
        if percent < share:
            return split
        percent -= share
    return "train"
