"""Our own ABI header against the official ones: same offsets, sizes and values.

The headers come from the Android package of tensorflow-lite, which is a zip file.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from downloads import ANDROID_RUNTIME

OURS = Path(__file__).resolve().parents[2] / "custom_ops" / "plugin"
FIELDS = {
    "TfLiteIntArray": "size data",
    "TfLiteFloatArray": "size data",
    "TfLiteQuantizationParams": "scale zero_point",
    "TfLiteQuantization": "type params",
    "TfLiteAffineQuantization": "scale zero_point quantized_dimension",
    "TfLiteDimensionMetadata": "format dense_size array_segments array_indices",
    "TfLiteSparsity": "traversal_order block_map dim_metadata dim_metadata_size",
    "TfLiteTensor": "type data dims params allocation_type bytes allocation name delegate "
    "buffer_handle data_is_stale is_variable quantization sparsity dims_signature",
    "TfLiteNode": "inputs outputs intermediates temporaries user_data builtin_data "
    "custom_initial_data custom_initial_data_size delegate",
    "TfLiteDelegateParams": "delegate nodes_to_replace input_tensors output_tensors",
    "TfLiteRegistration": "init free prepare invoke profiling_string builtin_code custom_name "
    "version registration_external async_kernel inplace_operator",
    "TfLiteContext": "tensors_size GetExecutionPlan tensors impl_ ResizeTensor ReportError "
    "AddTensors GetNodeAndRegistration ReplaceNodeSubsetsWithDelegateKernels",
    "TfLiteDelegate": "data_ Prepare CopyFromBufferHandle CopyToBufferHandle FreeBufferHandle "
    "flags opaque_delegate_builder",
}
SIZES = [
    "TfLiteTensor",
    "TfLiteDelegate",
    "TfLiteQuantization",
    "TfLiteAffineQuantization",
    "TfLiteDimensionMetadata",
    "TfLiteSparsity",
]
CONSTANTS = [
    "kTfLiteOk",
    "kTfLiteError",
    "kTfLiteDelegateError",
    "kTfLiteNoType",
    "kTfLiteFloat32",
    "kTfLiteInt32",
    "kTfLiteUInt8",
    "kTfLiteInt64",
    "kTfLiteInt16",
    "kTfLiteInt8",
    "kTfLiteMmapRo",
    "kTfLiteAffineQuantization",
    "kTfLiteDimDense",
    "kTfLiteDimSparseCSR",
    "kTfLiteBuiltinCustom",
    "kTfLiteBuiltinUnidirectionalSequenceLstm",
    "kTfLiteBuiltinDelegate",
    "kTfLiteDelegateFlagsAllowDynamicTensors",
    "kTfLiteOptionalTensor",
]


@pytest.fixture(scope="module")
def official_headers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder to include from."""
    folder = tmp_path_factory.mktemp("headers")
    with zipfile.ZipFile(ANDROID_RUNTIME.path(request.config)) as archive:
        for name in archive.namelist():
            if name.startswith("headers/") and name.endswith(".h"):
                archive.extract(name, folder)
    return folder / "headers"


def layout(includes: list[str], folder: Path, tmp_path: Path) -> str:
    """What a program that includes these headers says about them."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    lines = [f"#include {name}" for name in includes]
    lines += ["#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    for struct, names in FIELDS.items():
        lines += [
            f'printf("{struct}.{n} %zu %zu\\n", offsetof({struct}, {n}),'
            f" sizeof((({struct} *)0)->{n}));"
            for n in names.split()
            if n != "data" or struct == "TfLiteTensor"
        ]
    lines += [f'printf("sizeof {s} %zu\\n", sizeof({s}));' for s in SIZES]
    lines += [f'printf("{c} %d\\n", (int){c});' for c in CONSTANTS]
    lines += ["return 0; }"]
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text("\n".join(lines), encoding="utf-8")
    command = [compiler, "-std=c11", "-I", str(folder), str(source), "-o", str(program)]
    subprocess.run(command, check=True)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def test_layout_is_the_official_one(official_headers: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    official = ['"tensorflow/lite/core/c/common.h"', '"tensorflow/lite/builtin_ops.h"']
    expected = layout(official, official_headers, theirs)
    assert layout(['"tfp_tflite_abi.h"'], OURS, ours) == expected
    assert len(expected.splitlines()) > 70
