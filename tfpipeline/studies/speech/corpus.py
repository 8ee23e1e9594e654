"""Sentences as arrays of one size, made once and read by every run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tfpipeline.data.splits import SPLITS
from tfpipeline.decoding import Alphabet
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.common.rows import StudyError

_CORPUS_SEED = 0
# Output frames after the end of a recording that still count: a model that looks back only knows a
# letter a little after it was said.
_TAIL = 3


class Settings(Protocol):
    """What settings of a study say of its sentences.

    `train`, `validation` and `test` are sentences of the synthesized corpus, at most so many of
    another; recordings longer than `max_seconds` are left out, and of `train` what is not a whole
    batch of `batch_size` utterances.
    """

    @property
    def train(self) -> int: ...

    @property
    def validation(self) -> int: ...

    @property
    def test(self) -> int: ...

    @property
    def max_seconds(self) -> float: ...

    @property
    def batch_size(self) -> int: ...


@dataclass(frozen=True)
class Utterances:
    """A split.

    Args:
        features: float32 `(utterances, frames, bands)`, zeros after the end of each.
        frames: output frames of the model, int32 `(utterances,)`.
        texts: what is said.
    """

    features: np.ndarray
    frames: np.ndarray
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


def prepare_corpus(out: Path, settings: Settings, data: Path | None) -> Path:
    """Write the features of the corpus, once, and return their file.

    Args:
        out: the folder of the study.
        settings: how much of it.
        data: a corpus in a layout of `load_sentences`; None synthesizes one in `out`.

    Raises:
        StudyError: the folder has the features of another corpus.
    """
    return prepare_arrays(
        out / "corpus.npz",
        data,
        lambda data: _arrays_of(data or _synthesized(out, settings), settings),
    )


def _sizes(settings: Settings) -> dict[str, int]:
    return {split: getattr(settings, split) for split in SPLITS}


# NumPy only: the processes that train import Keras with a backend of their own.
def _synthesized(out: Path, settings: Settings) -> Path:
    from tfpipeline.data import synthesize_sentences

    return synthesize_sentences(out / "corpus", seed=_CORPUS_SEED, **_sizes(settings)).path


def _arrays_of(data: Path, settings: Settings) -> dict[str, Any]:
    from tfpipeline.data import load_sentences

    sizes = _sizes(settings)
    found = load_sentences(data, max_seconds=settings.max_seconds, limit=max(sizes.values()))
    arrays: dict[str, Any] = {}
    for split, most in sizes.items():
        part = getattr(found, split)
        # At even distances, so that all speakers are heard.
        chosen = np.arange(min(len(part), most)) * len(part) // min(len(part), most)
        arrays[f"{split}_features"] = part.features[chosen]
        arrays[f"{split}_frames"] = part.frames[chosen]
        arrays[f"{split}_texts"] = np.asarray([part.texts[i] for i in chosen])
    return arrays


def read_corpus(path: Path, settings: Settings) -> dict[str, Utterances]:
    """Return the splits, padded to one length, without utterances too short for the stride."""
    from tfpipeline.models.deep_speech import output_frames

    splits = {}
    with np.load(path) as stored:
        longest = max(stored[f"{split}_features"].shape[1] for split in SPLITS)
        for split in SPLITS:
            features = stored[f"{split}_features"]
            frames = output_frames(stored[f"{split}_frames"].astype(np.int32), fast=True)
            frames = np.minimum(frames + _TAIL, output_frames(longest, fast=True))
            texts = [str(text) for text in stored[f"{split}_texts"]]
            fits = np.asarray([_needed(text) for text in texts]) <= frames
            keep = np.flatnonzero(fits)
            if split == "train":
                # Whole batches only: a compiler makes a program for each shape.
                keep = keep[: len(keep) // settings.batch_size * settings.batch_size]
            if not len(keep):
                raise StudyError(
                    f"the {split} split has no utterance that the model can spell: longer "
                    "recordings, or more of them, are needed"
                )
            padded = np.zeros((len(keep), longest, features.shape[2]), np.float32)
            padded[:, : features.shape[1]] = features[keep]
            splits[split] = Utterances(padded, frames[keep], tuple(texts[i] for i in keep))
    return splits


def packed(utterances: Utterances) -> np.ndarray:
    """Return the labels as `tfpipeline.losses.CTC` takes them."""
    from tfpipeline.losses import pack_labels

    alphabet = Alphabet()
    labels = [alphabet.encode(text) for text in utterances.texts]
    return pack_labels(labels, utterances.frames.tolist())


def _needed(text: str) -> int:
    """Return how many frames CTC needs: one a character, and a blank between equal neighbours."""
    return len(text) + sum(a == b for a, b in zip(text, text[1:], strict=False))
