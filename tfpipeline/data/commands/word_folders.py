"""Finds the clips of a folder with one subfolder for each word, and notes what it passes over."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.file_note import FileNote

NOISE_FOLDER = "_background_noise_"
SILENCE = "_silence_"
UNKNOWN = "_unknown_"
_WAV = {".wav", ".wave"}
# Recordings that are not WAV are named, other files (texts, licences) are passed over.
_OTHER_AUDIO = (
    {".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".aifc"}
    | {".au", ".snd", ".caf", ".amr", ".3gp", ".webm", ".mka", ".mp4", ".mp2", ".ac3", ".wv"}
    | {".ape", ".w64", ".rf64", ".sph"}
)
# Folders of a data set that was cut in parts already.
_PARTS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}


@dataclasses.dataclass(frozen=True)
class WordFolders:
    """The clips of a corpus, as sorted paths relative to it with forward slashes.

    Args:
        words: the clips of each word, of which there is at least one.
        silence: clips in a folder `_silence_` of the user's own.
        unknown: clips in a folder `_unknown_` of the user's own.
        skipped: what could not be used, a note each.
    """

    words: dict[str, list[str]]
    silence: list[str]
    unknown: list[str]
    skipped: list[FileNote]

    def files(self) -> list[str]:
        """Return all clips."""
        words = [file for files in self.words.values() for file in files]
        return [*words, *self.silence, *self.unknown]


def find_words(root: Path) -> WordFolders:
    """Return the audio files of every word folder and its subfolders.

    Raises:
        DataError: no such folder, no audio in it, or a folder of training, validation and test
            data, each with folders of its own.
    """
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; check the path.")
    if not root.is_dir():
        raise DataError(f"{root}: is a file; expected a folder with one subfolder for each word.")
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"{root}: cannot be read ({error.strerror}).") from None
    found = WordFolders({}, [], [], [])
    for entry in entries:
        if entry.is_dir():
            _add_folder(found, root, entry.name)
        elif _is_audio(entry.name):
            found.skipped.append(FileNote(entry.name, "lies in no word's folder; move it to one."))
    if not found.words:
        raise DataError(
            f"{root}: holds no audio; expected a subfolder of WAV files for each word, such as "
            f"{root.name or root}/yes/anna_nohash_0.wav."
        )
    _refuse_parts(root, found.words)
    return found


def audio_files(root: Path, folder: str, skipped: list[FileNote]) -> list[str]:
    """Return the audio files in a folder of `root` and its subfolders, sorted, relative to `root`.

    Notes in `skipped` what cannot be read; hidden files and folders are passed over.
    """
    files: list[str] = []
    _walk(root, folder, files, skipped, frozenset([_identity(root)]))
    return sorted(files)


def is_wav(path: str) -> bool:
    """Return whether the name is a WAV file's."""
    return Path(path).suffix.lower() in _WAV


def _add_folder(found: WordFolders, root: Path, name: str) -> None:
    if name == NOISE_FOLDER:
        return  # read by the one who makes silence of it
    special = {SILENCE: found.silence, UNKNOWN: found.unknown}
    if name.startswith((".", "_")) and name not in special:
        if audio_files(root, name, []):
            found.skipped.append(
                FileNote(name, f"begins with {name[0]}, so it is no word; rename it to use it.")
            )
        return
    notes: list[FileNote] = []
    files = audio_files(root, name, notes)
    found.skipped.extend(notes)
    if not files:
        if not notes:
            found.skipped.append(FileNote(name, "holds no audio; expected WAV files in it."))
    elif name in special:
        special[name].extend(files)
    else:
        found.words[name] = files


def _walk(
    root: Path, folder: str, files: list[str], skipped: list[FileNote], above: frozenset[object]
) -> None:
    here = _identity(root / folder)
    if here in above:
        skipped.append(FileNote(folder, "is a link to a folder that it lies in; remove it."))
        return
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError as error:
        skipped.append(FileNote(folder, f"cannot be read ({error.strerror})."))
        return
    for entry in entries:
        path = f"{folder}/{entry.name}"
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            _walk(root, path, files, skipped, above | {here})
        elif _is_audio(entry.name):
            if entry.is_file():
                files.append(path)
            else:
                skipped.append(FileNote(path, "is no file, or a link to none; remove it."))


def _identity(folder: Path) -> object:
    """Return what two paths of one folder have in common."""
    return os.path.realpath(folder)


def _is_audio(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in _WAV | _OTHER_AUDIO


def _refuse_parts(root: Path, words: dict[str, list[str]]) -> None:
    """Refuse a corpus that is split by folders: its splits would be words."""
    if not {name.lower() for name in words} <= _PARTS or len(words) < 2:
        return
    if all(file.count("/") > 1 for files in words.values() for file in files):
        names = ", ".join(words)
        raise DataError(
            f"{root}: its folders {names} are splits with folders of words in them, expected one "
            "folder for each word; put the words of all of them together, and name the files of "
            "validation and test in validation_list.txt and testing_list.txt."
        )
