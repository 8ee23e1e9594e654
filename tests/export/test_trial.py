"""Written files run in the worker process first: an interpreter that aborts ends only that."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, Exported

from tfpipeline.errors import TfpipelineError
from tfpipeline.export import Tolerances, VerificationError, export, pipeline
from tfpipeline.export.convert import worker as convert_module
from tfpipeline.export.convert.run_once import run_once, try_files
from tfpipeline.export.convert.worker import close_worker
from tfpipeline.export.options import Form
from tfpipeline.runtime.native import LIBRARY_VARIABLE

pytestmark = pytest.mark.slow

PORTABLE = Form(fused=False, streaming=False)


@pytest.fixture()
def fresh_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A worker for the test alone: the usual one has TensorFlow loaded, and must live on."""
    with monkeypatch.context() as patch:
        patch.setattr(convert_module, "_current", None)
        patch.setattr("tempfile.tempdir", str(tmp_path))
        yield
        close_worker()


@pytest.fixture()
def aborting(target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file at which TensorFlow Lite's ADD calls abort(): two large values that cancel."""
    kept = target.with_name("aborting.tflite")

    class Tried(Exception):
        pass

    def keep(files: dict[Form, Path], work: Path) -> None:
        shutil.copy(files[PORTABLE], kept)
        raise Tried

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "try_files", keep)
        # Running it would end the process of the tests.
        patch.delattr(pipeline, "verify")
        x = keras.Input((FEATURES,))
        large, negative = keras.layers.Dense(4), keras.layers.Dense(4, bias_initializer="ones")
        model = keras.Model(x, keras.layers.Add()([large(x), negative(x)]))
        kernel = np.full((FEATURES, 4), 1e8, np.float32)
        large.kernel.assign(kernel)
        negative.kernel.assign(-kernel)
        with pytest.raises(Tried):
            # The two cancel on all samples, so nothing is proved.
            samples = np.outer([0.1, 0.15, 0.2, 0.25], np.ones(FEATURES)).astype(np.float32)
            export(model, target, calibration=samples, tolerances=Tolerances(0.0, 1.0))
    return kept


def test_an_abort_is_one_sentence(aborting: Path, tmp_path: Path, fresh_worker: None) -> None:
    with pytest.raises(VerificationError, match="portable form cannot be run") as caught:
        try_files({PORTABLE: aborting}, tmp_path)
    log = re.search(r"the interpreter crashed with SIGABRT \(log: (.*?)\)", str(caught.value))
    assert log is not None and Path(log[1]).is_file()


@pytest.mark.parametrize("form", ["portable", "fused", "stream_portable", "stream_fused"])
def test_a_file_runs_as_the_user_s_process_would_run_it(
    exported: Exported, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, "")
    arguments: Any = (str(getattr(exported.report, form)), form.startswith("stream"))
    run_once(*arguments, library="")
    if "fused" in form:
        with pytest.raises(TfpipelineError, match="There is no native library at /no/such"):
            run_once(*arguments, library="/no/such")


def test_what_the_worker_survives_is_left_to_the_caller(
    target: Path, tmp_path: Path, fresh_worker: None
) -> None:
    target.write_bytes(b"no model")
    try_files({PORTABLE: target}, tmp_path)
    assert "ModelFileError" in (tmp_path / "converter.log").read_text()
