"""Finding the library, its exported surface, and one sentence for each way it can be wrong."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import native_library as native
import pytest
from ai_edge_litert import schema_py_generated as schema
from model_files import model_file

import tfpipeline.runtime.native as runtime_native
from tfpipeline.numerics.ops import OPS
from tfpipeline.runtime.native import (
    LIBRARY_VARIABLE,
    NativeLibraryError,
    best_isa,
    default_library_path,
    describe_binary,
    host_architecture,
    library_path,
)

pytestmark = pytest.mark.slow

EXPORTS = {
    "LiteRtAcceleratorImpl",
    "tflite_plugin_create_delegate",
    "tflite_plugin_destroy_delegate",
    "tfpipeline_abi_version",
    "tfpipeline_find_metadata",
    "tfpipeline_tokenizer_encode",
    "tfpipeline_tokenizer_most_ids",
    "tfpipeline_tokenizer_open",
    "tfpipeline_best_isa",
    "tfpipeline_delegate_create",
    "tfpipeline_delegate_destroy",
    "tfpipeline_kernel_variant",
    "tfpipeline_op_count",
    "tfpipeline_op_magic",
    "tfpipeline_op_name",
    "tfpipeline_register",
    "tfpipeline_register_fully_connected",
    "tfpipeline_register_factored_fully_connected",
    "tfpipeline_recurrent_create",
    "tfpipeline_recurrent_destroy",
    "tfpipeline_recurrent_run",
    "tfpipeline_register_gru",
    "tfpipeline_register_lstm",
    "tfpipeline_version",
}
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


def elf(machine: int, order: str = "<") -> bytes:
    ident = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
    return ident + struct.pack(order + "HH", 3, machine) + bytes(44)


def test_the_package_has_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    path = library_path()
    assert path == default_library_path().resolve() and path.is_file()
    assert best_isa() in native.supported()
    assert native.load().tfpipeline_abi_version() == runtime_native.ABI_VERSION


def custom_options(op: str, folder: Path) -> bytes:
    """The options of a model's node of the op."""
    data = model_file(op.removeprefix("tfpipeline."), folder).model.read_bytes()
    content = schema.ModelT.InitFromPackedBuf(data, 0)
    (node,) = content.subgraphs[0].operators
    assert content.operatorCodes[node.opcodeIndex].customCode.decode() == op
    return bytes(node.customOptions)


def test_the_plug_in_has_the_ops_of_our_table(tmp_path: Path) -> None:
    ops = native.ops()
    assert set(ops) == set(OPS) and len(ops) == native.load().tfpipeline_op_count()
    assert len(set(ops.values())) == len(ops), "the first four bytes of the options name the op"
    for name, magic in ops.items():
        options = custom_options(name, tmp_path)
        assert magic == options[:4]
        OPS[name].unpack(options)  # refuses another magic
    past = len(ops)
    assert native.load().tfpipeline_op_name(past) is native.load().tfpipeline_op_magic(past) is None


@pytest.mark.parametrize("name", ["", "gru", "tfpipeline.", "tfpipeline.gruu", "FULLY_CONNECTED"])
def test_no_other_op_is_registered(name: str) -> None:
    assert native.load().tfpipeline_register(name.encode()) is None
    assert native.load().tfpipeline_register(None) is None


def test_functions_of_one_op_give_its_registration() -> None:
    names = {n.removeprefix("tfpipeline_register_") for n in EXPORTS if "_register_" in n}
    assert names == {"gru", "lstm", "fully_connected", "factored_fully_connected"}
    for name in names:
        register = getattr(native.load(), f"tfpipeline_register_{name}")
        register.restype = ctypes.c_void_p
        assert register() == native.load().tfpipeline_register(f"tfpipeline.{name}".encode())


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert native.load().tfpipeline_version().decode() == version("tfpipeline")


def test_an_explicit_path_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / default_library_path().name
    shutil.copy(default_library_path(), copy)
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "missing.so"))
    assert library_path(copy) == copy.resolve()
    with pytest.raises(NativeLibraryError, match=f"missing.so, which {LIBRARY_VARIABLE} names"):
        library_path()
    monkeypatch.setenv(LIBRARY_VARIABLE, str(copy))
    assert library_path() == copy.resolve()


def one_sentence(error: pytest.ExceptionInfo[NativeLibraryError]) -> str:
    text = str(error.value)
    assert "\n" not in text and text.endswith(".")
    return text


def test_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    monkeypatch.setattr(runtime_native, "default_library_path", lambda: tmp_path / "lib.so")
    with pytest.raises(NativeLibraryError) as error:
        library_path()
    assert "was not built" in one_sentence(error) and "pip install" in str(error.value)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(NativeLibraryError, match="There is no native library at") as error:
        library_path(tmp_path / "nothing.so")
    one_sentence(error)


@linux
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a shared library"),
        (b"hello", "is not a shared library"),
        (b"\x7fELF", "is not a shared library"),
        (elf(183 if host_architecture() != "aarch64" else 62), "was built for ELF"),
        (elf(40), "was built for ELF arm,"),
        (elf(4711), "was built for ELF ELF machine 4711"),
        (b"\xcf\xfa\xed\xfe" + struct.pack("<I", 0x0100000C), "was built for Mach-O aarch64"),
        (b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0\x64\x86", "built for PE x86-64"),
        (b"MZ" + bytes(58) + struct.pack("<I", 1 << 30), "is not a shared library"),
    ],
)
def test_other_files_and_architectures(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    with pytest.raises(NativeLibraryError, match=message) as error:
        library_path(path)
    one_sentence(error)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (elf(62), ("ELF", ("x86-64",))),
        (elf(183, ">"), ("ELF", ("aarch64",))),
        (b"\xca\xfe\xba\xbe" + struct.pack(">I", 0), ("Mach-O", ())),
        (
            b"\xca\xfe\xba\xbe"
            + struct.pack(">I", 2)
            + struct.pack(">5I", 0x01000007, 0, 0, 0, 0)
            + struct.pack(">5I", 0x0100000C, 0, 0, 0, 0),
            ("Mach-O", ("x86-64", "aarch64")),
        ),
        (b"", ("unknown", ())),
    ],
)
def test_describe_binary(data: bytes, expected: tuple) -> None:
    assert describe_binary(data) == expected


@linux
@pytest.mark.parametrize("kept", [60, 64, 3000, -1])
def test_a_library_cut_short(tmp_path: Path, kept: int) -> None:
    # dlopen itself would end the process with a bus error.
    path = tmp_path / "lib.so"
    path.write_bytes(default_library_path().read_bytes()[:kept])
    with pytest.raises(NativeLibraryError, match="is cut short") as error:
        library_path(path)
    one_sentence(error)


@linux
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("int tfpipeline_abi_version(void) { return 99; }", "has ABI version 99"),
        ("int something_else(void) { return 1; }", "but not tfpipeline's"),
    ],
)
def test_other_abi(tmp_path: Path, source: str, message: str) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to build a library of another ABI with")
    (tmp_path / "other.c").write_text(source, encoding="utf-8")
    path = tmp_path / "other.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", str(path), str(tmp_path / "other.c")], check=True
    )
    with pytest.raises(NativeLibraryError, match=message) as error:
        library_path(path)
    one_sentence(error)


@linux
def test_exports_and_needs() -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("binutils' nm is not installed")
    path = str(default_library_path())

    def symbols(*arguments: str) -> set[str]:
        out = subprocess.run(
            [nm, "-D", *arguments, path], capture_output=True, text=True, check=True
        )
        return {line.split()[-1].split("@")[0] for line in out.stdout.splitlines()}

    assert symbols("--defined-only") == EXPORTS
    needed = symbols("--undefined-only")
    assert not {s for s in needed if s.startswith(("TfLite", "_Z", "LiteRt"))}
    # No mathematical library: its results differ from one system to the next.
    assert not needed & {"expf", "exp", "tanhf", "tanh", "lrintf", "rintf", "fmaf"}


def test_the_library_is_small() -> None:
    # Eight cells on three instruction sets are 67 kB of it, the builtin LSTM 27, sparse weights 20,
    # the tokenizer 12, embeddings 14, chains 7.
    assert default_library_path().stat().st_size <= 425_000


@pytest.mark.parametrize("op", OPS)
def test_static_registration_is_a_custom_op(op: str) -> None:
    """Offsets as in tfp_tflite_abi.h, which test_abi_header.py compares with the official ones."""
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("offsets are those of 64-bit systems")
    address = native.load().tfpipeline_register(op.encode())
    functions = (ctypes.c_void_p * 5).from_address(address)
    assert all(functions), "init, free, prepare, invoke and profiling_string are all there"
    assert ctypes.c_int32.from_address(address + 40).value == 32  # kTfLiteBuiltinCustom
    assert ctypes.c_char_p.from_address(address + 48).value == op.encode()
    assert bytes((ctypes.c_char * 88).from_address(address + 64)) == bytes(88)


def test_c_entry_points(capfd: pytest.CaptureFixture[str]) -> None:
    library = native.load()
    create, destroy = library.tfpipeline_delegate_create, library.tfpipeline_delegate_destroy
    create.restype = ctypes.c_void_p
    create.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    destroy.argtypes = [ctypes.c_void_p]
    delegate = create(None, None, 0)
    assert ctypes.c_int64.from_address(delegate + 40).value == 1  # AllowDynamicTensors
    destroy(delegate)
    keys, values = (ctypes.c_char_p * 1)(b"isa"), (ctypes.c_char_p * 1)(b"none")
    assert create(keys, values, 1) is None
    assert create(None, None, 1) is None
    errors = capfd.readouterr().err
    assert "option isa must be one of" in errors and "has no name or no value" in errors
