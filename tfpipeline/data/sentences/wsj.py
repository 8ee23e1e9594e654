"""The layout of the Wall Street Journal corpora WSJ0 and WSJ1 as LDC delivers them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tfpipeline.data.file_note import FileNote
from tfpipeline.data.sentences.layout import Layout, SplitFolders, Utterance
from tfpipeline.data.sentences.transcript_file import transcript_lines
from tfpipeline.data.sentences.wsj_text import dot_text

_PREFIXES = {
    "train": ("si_tr",),
    "validation": ("si_dt",),
    "test": ("si_et",),
}
# The first microphone of each recording; who has decoded it to WAV keeps both.
_AUDIO = (".wav", ".wv1")
# The first kind that names an utterance counts: .dot is what was said, a prompt what was asked.
_TEXTS = (".dot", ".lsn", ".txt")
_LINE = re.compile(r"(.*?)\(\s*([A-Za-z0-9_]{4,32})\s*\)")
_SPEAKER = 3


def fits(root: Path) -> bool:
    """Return whether a folder of a usual name has recordings below it."""
    usual = SplitFolders(None, _PREFIXES)
    return any(
        file.suffix.lower() in _AUDIO and _split(root, file, usual) is not None
        for file in _files(root)
    )


def utterances(root: Path, splits: SplitFolders, skipped: list[FileNote]) -> Iterator[Utterance]:
    """Yield the utterances that have a recording and a transcript, sorted by recording."""
    recordings: dict[str, tuple[Path, str]] = {}
    transcripts: dict[str, list[Path]] = {kind: [] for kind in _TEXTS}
    for file in sorted(_files(root), key=lambda path: (_rank(path), path)):
        kind = file.suffix.lower()
        if kind in transcripts:
            transcripts[kind].append(file)
        elif kind in _AUDIO:
            split = _split(root, file, splits)
            if split is None:
                continue
            first = recordings.setdefault(file.stem.lower(), (file, split))[0]
            # A decoded copy is expected, the same utterance on two discs is not.
            if first is not file and first.suffix == file.suffix:
                where = file.relative_to(root).as_posix()
                reason = f"is {first.relative_to(root).as_posix()} again."
                skipped.append(FileNote(where, reason))
    texts = _texts(root, transcripts, set(recordings), skipped)
    for identity, (file, split) in sorted(recordings.items(), key=lambda item: item[1][0]):
        where = file.relative_to(root).as_posix()
        if identity not in texts:
            skipped.append(FileNote(where, f"no transcript has a line that ends in ({identity})."))
            continue
        try:
            text = dot_text(texts[identity])
        except ValueError as error:
            skipped.append(FileNote(where, str(error)))
        else:
            yield Utterance(split, where, text, identity[:_SPEAKER])


WSJ = Layout(
    expects="si_tr_s, si_dt_05, si_et_05 or the like with .wv1 files, and .dot files",
    prefixes=_PREFIXES,
    fits=fits,
    utterances=utterances,
)


def _files(root: Path) -> Iterator[Path]:
    """Yield all files below `root`, also through links, which often stand for the discs."""
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        # A link that leads back up must not be walked for ever.
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else [f for f in folders if not f.startswith(".")]
        if real not in seen:
            yield from (Path(folder, file) for file in files if not file.startswith("."))
        seen.add(real)


def _rank(file: Path) -> int:
    kind = file.suffix.lower()
    return _AUDIO.index(kind) if kind in _AUDIO else len(_AUDIO)


def _split(root: Path, file: Path, splits: SplitFolders) -> str | None:
    """Return the split of the innermost folder that belongs to one."""
    for folder in reversed(file.relative_to(root).parts[:-1]):
        split = splits.split_of(folder)
        if split is not None:
            return split
    return None


def _texts(
    root: Path, transcripts: dict[str, list[Path]], wanted: set[str], skipped: list[FileNote]
) -> dict[str, str]:
    """Texts of the wanted utterances, with their mark-up."""
    texts: dict[str, str] = {}
    for kind in _TEXTS:
        missing = wanted - texts.keys()
        if not missing:
            break
        for file in transcripts[kind]:
            where = file.relative_to(root).as_posix()
            for number, line in transcript_lines(file, where, skipped) or ():
                found = _LINE.fullmatch(line)
                if found and found[2].lower() in missing:
                    texts.setdefault(found[2].lower(), found[1].strip())
                elif not found and kind == _TEXTS[0]:
                    reason = f"line {number} does not end in an id such as (4k0c0301)."
                    skipped.append(FileNote(where, reason))
    return texts
