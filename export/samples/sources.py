"""Where calibration and verification samples come from: arrays, iterables, files, folders of audio.

Every source becomes arrays of model inputs, with a record of what they were. Nothing is unpickled,
a generator is asked for no more batches than are needed, and TensorFlow is not imported for a
`tf.data.Dataset`: like any iterable it yields batches that NumPy can read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.array_file import SUFFIXES, ArrayFileError, read_array_file
from tfpipeline.errors import TfpipelineError
from tfpipeline.export.errors import ExportError
from tfpipeline.export.samples.positions import as_slices
from tfpipeline.features import front_end_of

_EXPECTED = (
    "an array, a dict or list of arrays by input, an iterable of batches such as a "
    "tf.data.Dataset, the path of a .npy or .npz file, or a folder of .wav files"
)


@dataclass(frozen=True)
class Source:
    """Samples, not yet compared with the model's inputs.

    Who has arrays and knows their files makes one and passes it to `export()`.

    Args:
        values: An array `(samples, ...)`, or a dict or list of them by input.
        kind: "array", "arrays", "npy", "npz", "folder", "dataset", "iterable", "generator", or
            another word for what the user made.
        name: File name of a path; None for what has none.
        files: The file of each sample, where each has one.
    """

    values: Any
    kind: str
    name: str | None = None
    files: tuple[str, ...] | None = None

    def record(self, positions: Sequence[int]) -> dict[str, Any]:
        """Return what the report says of the samples at some positions of the source.

        The list has the file of each sample, or slices of positions in the source.
        """
        listed = as_slices(positions)
        if self.files is not None:
            listed = [self.files[i] for i in positions]
        text = "\n".join([self.kind, *listed])
        return {
            "source": self.kind,
            "name": self.name,
            "list": listed,
            "list_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }


def read_source(
    argument: str,
    given: Any,
    limit: int,
    frontend: Mapping[str, Any] | None = None,
    frames: int | None = None,
) -> Source:
    """Read samples from whatever the user has.

    Args:
        argument: What the user calls them, for messages.
        given: The source; labels of `(x, y)` batches are ignored.
        limit: Most samples to take from an iterable or a folder; arrays are given back whole.
        frontend: `LogMel.to_config()`, for a folder of audio.
        frames: Time steps of a clip; None takes the median length of the folder's clips.

    Raises:
        ExportError: the source is of an unknown kind, or is empty or damaged.
    """
    if isinstance(given, Source):
        return given
    if isinstance(given, str | os.PathLike):
        return _from_path(argument, Path(os.path.expanduser(given)), limit, frontend, frames)
    if isinstance(given, Mapping | list | tuple):
        return Source(given, "arrays")
    if hasattr(given, "__array__"):
        return Source(given, "array")
    if callable(given) and not hasattr(given, "__iter__"):
        # The way in which TensorFlow Lite's converter wants its representative dataset.
        return Source(_joined(argument, given(), limit), "generator")
    batches = _iterable(given)
    if batches is None:
        raise ExportError(f"{argument} must be {_EXPECTED}; received {type(given).__name__}")
    kind = "iterable"
    if hasattr(given, "__next__"):
        kind = "generator"
    elif type(given).__module__.startswith("tensorflow."):
        kind = "dataset"
    return Source(_joined(argument, batches, limit), kind)


def _iterable(given: Any) -> Iterable[Any] | None:
    if hasattr(given, "__iter__"):
        found: Iterable[Any] = given
        return found
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):  # keras.utils.PyDataset
        return (given[i] for i in range(len(given)))
    return None


def _joined(argument: str, batches: Iterable[Any], limit: int) -> Any:
    """Return the first `limit` samples of some batches, in the structure of a batch."""
    parts: list[dict[Any, np.ndarray]] = []
    structure: Callable[[dict[Any, np.ndarray]], Any] | None = None
    count = 0
    iterator: Iterator[Any] = iter(batches)
    while count < limit:
        try:
            batch = next(iterator)
        except StopIteration:
            break
        inputs, structure = _inputs(batch)
        arrays = {key: _array(argument, value) for key, value in inputs.items()}
        size = min(len(values) for values in arrays.values()) if arrays else 0
        if not size:
            raise ExportError(
                f"{argument} yields a batch without samples: expected {_shape_hint()}"
            )
        parts.append({key: values[: limit - count] for key, values in arrays.items()})
        count += size
    if structure is None:
        raise ExportError(
            f"{argument} yields no batch: expected at least one, {_shape_hint()}; a generator that "
            "was read before is empty, so make a new one"
        )
    keys = parts[0].keys()
    for part in parts:
        shapes = [(key, part[key].shape[1:]) for key in part]
        expected = [(key, parts[0][key].shape[1:]) for key in keys]
        if shapes != expected:
            raise ExportError(
                f"{argument} yields batches of different inputs: expected "
                f"{_listed(expected)} for each sample, as in the first batch, received "
                f"{_listed(shapes)}; cut or pad them to one length"
            )
    return structure({key: np.concatenate([part[key] for part in parts]) for key in keys})


def _inputs(batch: Any) -> tuple[dict[Any, Any], Callable[[dict[Any, np.ndarray]], Any]]:
    """Return the model inputs of a batch: x of a tuple `(x, y)` or `(x, y, weights)`."""
    if isinstance(batch, tuple) and batch:
        batch = batch[0]
    if isinstance(batch, Mapping):
        return dict(batch), dict
    if isinstance(batch, list | tuple):
        single = len(batch) == 1
        return dict(enumerate(batch)), lambda v: v[0] if single else list(v.values())
    return {0: batch}, lambda v: v[0]


def _array(argument: str, value: Any) -> np.ndarray:
    try:
        found = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ExportError(
            f"{argument} yields a {type(value).__name__} that is no array ({error}): expected "
            f"{_shape_hint()}"
        ) from error
    if found.dtype.kind not in "biuf" or not found.ndim:
        raise ExportError(
            f"{argument} yields {found.dtype} of the shape {found.shape}: expected numbers, "
            f"{_shape_hint()}"
        )
    return found


def _shape_hint() -> str:
    return "(batch, ...) arrays of model inputs, or (x, y) tuples of them and labels"


def _listed(shapes: Iterable[tuple[Any, tuple[int, ...]]]) -> str:
    return ", ".join(str(s) if isinstance(key, int) else f"{key}: {s}" for key, s in shapes)


def _from_path(
    argument: str, path: Path, limit: int, frontend: Mapping[str, Any] | None, frames: int | None
) -> Source:
    if path.is_dir():
        return _from_folder(argument, path, limit, frontend, frames)
    if not path.exists():
        raise ExportError(f"{argument}: there is no file or folder {path}; check the path")
    if path.suffix not in SUFFIXES:
        raise ExportError(
            f"{argument} must be {_EXPECTED}; received the path {str(path)!r}, which is neither"
        )
    try:
        arrays = read_array_file(path)
    except ArrayFileError as error:
        raise ExportError(f"{argument}: {error}") from error
    if isinstance(arrays, np.ndarray):
        return Source(arrays, "npy", path.name)
    # numpy.savez(path, a, b) makes these names up, so there the order counts.
    if list(arrays) == [f"arr_{i}" for i in range(len(arrays))] and arrays:
        values = list(arrays.values())
        return Source(values[0] if len(values) == 1 else values, "npz", path.name)
    return Source(arrays, "npz", path.name)


def _from_folder(
    argument: str, path: Path, limit: int, frontend: Mapping[str, Any] | None, frames: int | None
) -> Source:
    from tfpipeline.data.commands.clip_folder import read_clip_folder

    if frontend is None:
        raise ExportError(
            f"{argument} is a folder of audio, from which features must be computed: pass "
            "frontend=log_mel.to_config(), as in training"
        )
    try:
        clips = read_clip_folder(path, front_end_of(frontend), limit, frames)
    except (TfpipelineError, ValueError) as error:
        raise ExportError(f"{argument}: {error}") from error
    return Source(clips.features, "folder", path.name, clips.files)
