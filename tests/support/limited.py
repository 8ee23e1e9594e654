"""Runs code in a process that may take only so much more memory than it has when it starts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tfpipeline.worker_process import python_command, worker_environment

_CODE = """
import json, resource, sys

{setup}
with open("/proc/self/status") as status:
    sizes = dict(line.split(":") for line in status if ":" in line)
# Memory of its own, so that a file that is mapped does not count.
most = int(sizes["VmData"].split()[0]) * 1024 + {megabytes} * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
{code}
"""


def limited(setup: str, code: str, *arguments: object, megabytes: int) -> str:
    """Runs `code` after `setup` with so much memory; returns what it printed.

    Args:
        setup: Imports, and whatever else takes memory that does not count.
        code: What may take `megabytes`; `sys.argv[1:]` are the arguments.
        arguments: Of the process.
        megabytes: 2^20 bytes.
    """
    if sys.platform != "linux":
        pytest.skip("only Linux limits and tells the memory of a process")
    program = _CODE.format(setup=setup, code=code, megabytes=megabytes)
    command = python_command("-c", program, *map(str, arguments))
    done = subprocess.run(
        command, env=worker_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def error_of(setup: str, call: str, *arguments: object, megabytes: int) -> tuple[str, str]:
    """The class and the sentence of the error that a call raises in so much memory."""
    code = (
        f"try:\n    {call}\n    found = ('none', '')\n"
        "except Exception as error:\n    found = (type(error).__name__, str(error))\n"
        "print(chr(10) + json.dumps(found))"
    )
    lines = limited(setup, code, *arguments, megabytes=megabytes).splitlines()
    name, sentence = json.loads(lines[-1])
    return name, sentence
