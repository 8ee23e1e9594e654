"""What becomes of a worker is a result, whatever it does."""

from __future__ import annotations

import os
import signal

import pytest

from tfpipeline.worker_process import python_command, run_worker, signal_name


def test_a_worker_that_does_its_work() -> None:
    code = "import os, sys; print(os.environ['GIVEN'], sys.stdin.read() == '')"
    done = run_worker(python_command("-c", code), GIVEN="42")
    assert (done.status, done.stdout, done.stderr) == (0, "42 True\n", "")
    assert (done.reason, done.end) == ("", "ended with status 0 and said: nothing")


def test_a_worker_that_fails_says_why() -> None:
    done = run_worker(python_command("-c", "print('before'); raise KeyError('no such model')"))
    assert (done.status, done.stdout) == (1, "before\n")
    assert done.reason == "KeyError: 'no such model'"
    assert done.end == "ended with status 1 and said: KeyError: 'no such model'"


def test_a_long_complaint_is_cut() -> None:
    done = run_worker(python_command("-c", "raise SystemExit('x' * 10_000)"))
    assert len(done.reason) == 10_000 and len(done.end) < 300


@pytest.mark.skipif(os.name != "posix", reason="signals end processes of POSIX systems")
def test_a_worker_that_a_signal_ends() -> None:
    code = "import os, signal; print('before', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    done = run_worker(python_command("-c", code))
    assert (done.status, done.stdout) == (-signal.SIGKILL, "before\n")
    assert done.end == "crashed with SIGKILL"
    assert signal_name(signal.SIGSEGV) == "SIGSEGV" and signal_name(99) == "signal 99"


def test_a_worker_whose_time_is_over() -> None:
    code = "import time; print('before', flush=True); time.sleep(600)"
    done = run_worker(python_command("-c", code), seconds=2)
    assert (done.status, done.stdout) == (None, "before\n")
    assert done.end == "did not finish in 2 s"


def test_output_that_is_no_text() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'a\xffb')"
    assert run_worker(python_command("-c", code)).stdout == "a\N{REPLACEMENT CHARACTER}b"
