"""Text that options of `tfpipeline export` name: lines of samples, and tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfpipeline.cli.export_input_error import ExportInputError


def text_of(option: str, path: Path) -> str:
    """Return the text of a file.

    Raises:
        ExportInputError: it cannot be read, or is no UTF-8.
    """
    try:
        # Notepad and spreadsheets put a byte order mark in front.
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ExportInputError(f"{option} {path} cannot be read: {reason}") from error


def read_texts(option: str, path: Path) -> list[str]:
    """Return the lines of a file that are not empty.

    Raises:
        ExportInputError: there are none.
    """
    found = [line for line in text_of(f"--{option}", path).splitlines() if line.strip()]
    if not found:
        raise ExportInputError(f"--{option} {path} is empty: expected one text a line")
    return found


def read_tokenizer_file(path: Path) -> Any:
    """Return the tokenizer of a JSON file, or `TextVectorization` with the words of another.

    Raises:
        ExportInputError: the file is none, or the package of the first kind is missing.
    """
    text = text_of("--tokenizer", path)
    if path.suffix == ".json":
        try:
            from tokenizers import Tokenizer
        except ModuleNotFoundError as error:
            raise ExportInputError(
                f"--tokenizer {path} needs the package tokenizers: pip install 'tfpipeline[text]'"
            ) from error
        try:
            return Tokenizer.from_str(text)
        # The library raises this class itself.
        except Exception as error:
            raise ExportInputError(
                f"--tokenizer {path} is no tokenizer of the tokenizers library ({error}): pass "
                "what its save() wrote, or a .txt file of words"
            ) from error
    import keras

    words = [line for line in text.splitlines() if line not in ("", "[UNK]")]
    if not words or len(set(words)) < len(words):
        raise ExportInputError(
            f"--tokenizer {path} must have one word a line, each once; received {len(words)} with "
            f"{len(set(words))} different ones"
        )
    return keras.layers.TextVectorization(vocabulary=words)
