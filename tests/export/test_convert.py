"""The converter's process: its failures become one sentence that names the log."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from tfpipeline.export import ConversionError, ExportError, export
from tfpipeline.export.convert import worker as convert_module
from tfpipeline.export.convert.worker import ConversionJob, close_worker, convert

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _logs_go_with_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept logs lie in the system's temporary folder; here that is the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    close_worker()


class _Twice(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 2))])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return 2 * x


def test_a_failure_gives_the_reason_and_the_log(tmp_path: Path) -> None:
    job = ConversionJob(str(tmp_path / "missing"), str(tmp_path / "out.tflite"))
    with pytest.raises(ConversionError, match="converter failed: .*missing") as caught:
        convert([job], tmp_path)
    log = re.search(r"log: (.*)\)$", str(caught.value))
    assert log is not None and "Traceback" in Path(log[1]).read_text()


def test_relative_paths_are_those_of_the_caller_after_a_change_of_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker lives on in the folder where it was started."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        monkeypatch.chdir(folder)
        tf.saved_model.save(_Twice(), "model")
        convert([ConversionJob("model", "out.tflite")], Path())
        assert (folder / "out.tflite").read_bytes()[4:8] == b"TFL3"


def test_a_hang_ends_at_the_time_limit(tmp_path: Path) -> None:
    job = ConversionJob(str(tmp_path / "missing"), str(tmp_path / "out.tflite"))
    with pytest.raises(ConversionError, match="did not finish within 0 s"):
        convert([job], tmp_path, time_limit=0.05)


def test_a_crash_names_the_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash = tmp_path / "python"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(convert_module.sys, "executable", str(crash))
    assert sys.executable == str(crash)
    with pytest.raises(ConversionError, match="crashed with SIGSEGV"):
        convert([ConversionJob("a", "b")], tmp_path)


def test_the_log_says_why_a_worker_did_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named numpy >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(convert_module.sys, "executable", str(broken))
    with pytest.raises(ConversionError, match="failed with exit status 1") as caught:
        convert([ConversionJob("a", "b")], tmp_path)
    log = re.search(r"log: (.*)\)$", str(caught.value))
    assert log is not None and "no module named numpy" in Path(log[1]).read_text()


def test_a_worker_outlives_a_failure_and_is_replaced_after_a_crash(tmp_path: Path) -> None:
    job = ConversionJob(str(tmp_path / "missing"), str(tmp_path / "out.tflite"))

    def worker_after_a_failure() -> int:
        with pytest.raises(ConversionError, match="missing"):
            convert([job], tmp_path)
        current = convert_module._current
        assert current is not None
        return current._process.pid

    first = worker_after_a_failure()
    assert worker_after_a_failure() == first
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    assert worker_after_a_failure() != first


def in_child(work: Callable[[], None]) -> int:
    """Does something in a forked child; returns how it ended, -14 for a hang."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(120)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_a_worker_of_its_own(tmp_path: Path) -> None:
    job = ConversionJob(str(tmp_path / "missing"), str(tmp_path / "out.tflite"))

    def pid_after_a_failure() -> int:
        with pytest.raises(ConversionError, match="missing"):
            convert([job], tmp_path)
        assert convert_module._current is not None
        return convert_module._current._process.pid

    first = pid_after_a_failure()

    def child() -> None:
        assert convert_module._current is None
        assert pid_after_a_failure() != first
        close_worker()

    # As if another thread were converting, which the child does not have.
    with convert_module._lock:
        assert in_child(child) == 0
    assert pid_after_a_failure() == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_of_a_process_that_uses_tensorflow_is_refused(tmp_path: Path) -> None:
    tf.zeros(1)  # The runtime starts with its first op.

    def child() -> None:
        with pytest.raises(ExportError, match="was forked .*'spawn'"):
            export(None, tmp_path / "a.tflite")  # type: ignore[arg-type]

    assert in_child(child) == 0
    with pytest.raises(ExportError, match=r"must be a keras\.Model"):
        export(None, tmp_path / "a.tflite")  # type: ignore[arg-type]
