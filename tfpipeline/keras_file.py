"""Says what a file or folder is that is no Keras model, before Keras says something else."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .file_size import size_on_disk

_EXPECTED = "expected a .keras file, as model.save('model.keras') writes it"
_HDF5 = b"\x89HDF"
_PROTOBUFS = {".pb": "a TensorFlow graph", ".onnx": "an ONNX model", ".pbtxt": "a TensorFlow graph"}
_CHECKPOINTS = (".index", ".ckpt", ".data-00000-of-00001")


def problem_of(path: Path) -> str | None:
    """Return what speaks against a path, the rest of a sentence that begins with it, or None.

    An HDF5 file passes: Keras reads those that hold a whole model.
    """
    try:
        if path.is_dir():
            return _problem_of_folder(path)
        if not path.is_file():
            return f"is not there; {_EXPECTED}"
        with path.open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError) as error:
        # A name too long, no permission, a zero in the name.
        return f"cannot be read ({getattr(error, 'strerror', None) or error}); check the path"
    if not head:
        return f"is empty, as a save that was interrupted leaves it; {_EXPECTED}"
    if head[4:8] == b"TFL3":
        return (
            "is a TensorFlow Lite file, of which no Keras model can be made; pass the .keras file "
            "that it was exported from"
        )
    if head[:2] == b"PK":
        return _problem_of_archive(path)
    if head[:4] == _HDF5:
        if path.name.endswith(".weights.h5"):
            return "holds weights only; build the model in Python and call load_weights on it"
        if path.suffix not in (".h5", ".hdf5"):
            return "is an HDF5 file, as Keras 2 wrote them; rename it to end in .h5"
        return None
    return _problem_of_bytes(path, head)


def problem_of_hdf5(path: Path, reason: str) -> str:
    """Return why an HDF5 file that Keras refused may have been refused, and what to do."""
    if "model config" in reason.lower():
        return "holds weights only; build the model in Python and call load_weights on it"
    return (
        f"is an HDF5 file, as Keras 2 wrote them, that Keras 3 cannot load: {reason}; load it with "
        "the package tf_keras, save its weights, and load them into the model built with Keras 3"
    )


def _problem_of_folder(path: Path) -> str:
    if (path / "saved_model.pb").exists() or (path / "saved_model.pbtxt").exists():
        return (
            "is a SavedModel folder, which holds graphs and no Keras layers; "
            f"{_EXPECTED} in the program that made it"
        )
    if (path / "config.json").exists() and (path / "metadata.json").exists():
        return "is an unpacked .keras file; pack its files into a zip archive named model.keras"
    models = sorted(file.name for file in path.glob("*.keras"))
    if models:
        return f"is a folder; pass a file in it, such as {models[0]}"
    return f"is a folder; {_EXPECTED}"


def _problem_of_archive(path: Path) -> str | None:
    wrong = None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            # A file with holes may be of any length: `keras_file_claims` judges that.
            if size_on_disk(path) >= path.stat().st_size:
                damaged = (m.filename for m in archive.infolist() if _is_damaged(archive, m))
                wrong = next(damaged, None)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        return f"is cut short or damaged ({error}); save or copy it again"
    if wrong is not None:
        return f"is damaged (the checksum of {wrong} in it is wrong); save or copy it again"
    if "config.json" in names and "metadata.json" in names:
        return None
    if any(name.endswith("data.pkl") for name in names):
        return f"is a PyTorch file; {_EXPECTED}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is a NumPy archive of arrays; {_EXPECTED}"
    return f"is a zip archive without a Keras model in it; {_EXPECTED}"


def _is_damaged(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Whether a member's checksum is wrong: Keras reads weights in parts, and asks for none.

    Compressed members, which Keras does not write, may be larger than any memory.
    """
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        return False
    try:
        with archive.open(member) as file:
            while file.read(1 << 20):
                pass
    except zipfile.BadZipFile:
        return True
    return False


def _problem_of_bytes(path: Path, head: bytes) -> str:
    if path.suffix in _PROTOBUFS:
        return f"is {_PROTOBUFS[path.suffix]}, not a Keras model; {_EXPECTED}"
    if path.name.endswith(_CHECKPOINTS):
        return "is a TensorFlow checkpoint of weights; build the model in Python and load them"
    if path.suffix in (".pt", ".pth"):
        return f"is a PyTorch file; {_EXPECTED}"
    if path.suffix == ".keras":
        return "is damaged: it does not begin as a .keras file does; save or copy it again"
    if path.suffix in (".h5", ".hdf5"):
        return "is damaged: it does not begin as an HDF5 file does; save or copy it again"
    return f"is no Keras model (it begins with {head[:8]!r}); {_EXPECTED}"
