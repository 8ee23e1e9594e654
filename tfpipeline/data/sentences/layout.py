"""What the layouts of spoken-sentence corpora have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.file_note import FileNote
from tfpipeline.data.splits import SPLITS


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One recording of a corpus and what is said in it.

    Args:
        split: "train", "validation" or "test".
        path: the recording, relative to the corpus, with forward slashes, or absolute.
        text: the transcript without the layout's mark-up, not yet normalized.
        speaker: who speaks.
    """

    split: str
    path: str
    text: str
    speaker: str


class SplitFolders:
    """Says which split a folder of a corpus belongs to.

    Args:
        named: by split, the folders that the user chose; splits that are absent have all folders
            that begin with one of their prefixes.
        prefixes: by split, how its folders usually begin, in lower case. The first split with a
            prefix that fits has the folder.

    Raises:
        ValueError: an unknown split, or folders that are not text or are in two splits.
    """

    def __init__(
        self,
        named: Mapping[str, str | Sequence[str]] | None,
        prefixes: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._prefixes = prefixes
        self._named: dict[str, tuple[str, ...]] = {}
        self._seen: set[str] = set()
        if not isinstance(named, Mapping | None):
            raise ValueError(
                "load_sentences: splits must map 'train', 'validation' and 'test' to names of "
                f"folders, or be None; received {named!r}."
            )
        for split, folders in (named or {}).items():
            if split not in SPLITS:
                raise ValueError(
                    f"load_sentences: splits must name folders for {', '.join(SPLITS)}, got the "
                    f"split {split!r}."
                )
            chosen = (folders,) if isinstance(folders, str) else tuple(folders)
            if not chosen or not all(isinstance(folder, str) and folder for folder in chosen):
                raise ValueError(
                    f"load_sentences: splits[{split!r}] must be a folder's name or several, got "
                    f"{folders!r}."
                )
            taken = [folder for group in self._named.values() for folder in group]
            twice = next((folder for folder in chosen if folder in taken), None)
            if twice is not None:
                raise ValueError(
                    f"load_sentences: splits names the folder {twice!r} in two splits; keep one."
                )
            self._named[split] = chosen

    def split_of(self, folder: str) -> str | None:
        """Return the split of a folder by its name; None for one that is not part of any."""
        for split, folders in self._named.items():
            if folder in folders:
                self._seen.add(folder)
                return split
        for split, prefixes in self._prefixes.items():
            if folder.lower().startswith(prefixes):
                return None if split in self._named else split
        return None

    def check_all_seen(self, root: Path) -> None:
        """Raise DataError when a folder that the user named was never met."""
        for split, folders in self._named.items():
            for folder in folders:
                if folder not in self._seen:
                    raise DataError(
                        f"{root}: has no folder {folder!r} with recordings, which "
                        f"splits[{split!r}] names; check its spelling."
                    )


@dataclasses.dataclass(frozen=True)
class Layout:
    """A way to lay out a corpus.

    Args:
        expects: what the folder must hold, for the sentence of an error.
        prefixes: by split, how its folders usually begin, in lower case.
        fits: whether a folder looks like this layout.
        utterances: finds the corpus' utterances; notes go to the list.
    """

    expects: str
    prefixes: Mapping[str, tuple[str, ...]]
    fits: Callable[[Path], bool]
    utterances: Callable[[Path, SplitFolders, list[FileNote]], Iterator[Utterance]]
