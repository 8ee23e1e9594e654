"""A `.tflite` file as C source, for programs without a file system, such as TFLite-Micro's."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from tfpipeline.export.errors import ExportError

_ALIGNMENT = 16
"""What interpreters want of a model in memory, and what its constants are aligned to within it."""
_BYTES_A_LINE = 16
_IDENTIFIER = slice(4, 8)
_SUFFIXES = (".c", ".cc", ".cpp")

_HEADER = """\
/* {title} */
#ifndef {guard}
#define {guard}

#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

extern const unsigned char {name}[];
extern const size_t {name}_len;

#ifdef __cplusplus
}}
#endif

#endif
"""
_SOURCE = """\
/* {title}
 * SHA-256 {digest} */
#include "{header}"

#if defined(__cplusplus)
#define {macro} alignas({alignment})
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define {macro} _Alignas({alignment})
#else
#define {macro} __attribute__((aligned({alignment})))
#endif

{macro} const unsigned char {name}[] = {{
{rows}
}};
const size_t {name}_len = sizeof({name});
"""


def write_c_array(
    tflite_path: str | Path, c_path: str | Path, name: str | None = None
) -> tuple[Path, Path]:
    """Write a model as an array of bytes, in a source file and a header beside it.

    The header declares `const unsigned char NAME[]`, aligned to 16 bytes, and `const size_t
    NAME_len`. The same model gives the same text. Both files are C and C++.

    Args:
        tflite_path: A `.tflite` file of any origin.
        c_path: The source file to write: `.c`, `.cc` or `.cpp`; the header is called `.h`.
        name: Of the array; by default that of the model, `kws_stream_tflite` for
            `kws.stream.tflite`.

    Returns:
        The paths of source and header.

    Raises:
        ExportError: the file is no `.tflite` file, or a name is none in C.

    Example:
        >>> write_c_array("kws.stream.tflite", "firmware/kws_model.c")  # doctest: +SKIP
    """
    model, source = Path(tflite_path), Path(c_path)
    if source.suffix not in _SUFFIXES:
        raise ExportError(
            f"c_path must end in {', '.join(_SUFFIXES)}, received {str(source)!r}: the header is "
            "written beside it"
        )
    try:
        data = model.read_bytes()
    except OSError as error:
        raise ExportError(
            f"tflite_path {model} cannot be read ({error.strerror}); check the path"
        ) from error
    if data[_IDENTIFIER] != b"TFL3":
        raise ExportError(
            f"tflite_path {model} is not a .tflite file: expected a file that export() wrote"
        )
    array = _identifier(model.name) if name is None else name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", array):
        raise ExportError(
            f"name must be one that C allows, such as 'kws_model', received {array!r}"
        )
    header = source.with_suffix(".h")
    words = {
        "title": f"{_comment(model.name)}: {len(data)} bytes, written by tfpipeline.",
        "digest": hashlib.sha256(data).hexdigest(),
        "guard": f"{_identifier(header.name).upper()}_",
        "header": header.name,
        "macro": f"{array.upper()}_ALIGN",
        "alignment": _ALIGNMENT,
        "name": array,
    }
    _write(header, _HEADER.format(**words))
    _write(source, _SOURCE.format(**words, rows=_rows(data)))
    return source, header


def _rows(data: bytes) -> str:
    lines = (data[i : i + _BYTES_A_LINE] for i in range(0, len(data), _BYTES_A_LINE))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines)


def _identifier(name: str) -> str:
    found = re.sub(r"[^A-Za-z0-9]+", "_", name)
    return f"_{found}" if found[:1].isdigit() else found


def _comment(name: str) -> str:
    """Return a file name that cannot end a comment or begin a line of its own."""
    return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)


def _write(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="ascii")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
