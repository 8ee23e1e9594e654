"""A runtime in a process that stays, because starting it takes seconds."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import native_library as native
import numpy as np
from serve_runtime import REPLY

from tfpipeline.runtime.native import library_path

_SCRIPT = Path(__file__).with_name("serve_runtime.py")
_SECONDS = 180.0


class RuntimeProcess:
    """Runs models in one runtime; a process that died is started again for the next one.

    Args:
        name: "litert", "tf" or "tflite_runtime".
        python: the Python that has it.
    """

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        self._command = [python, str(_SCRIPT), name, str(library_path())]
        self._process: subprocess.Popen[str] | None = None

    def run(
        self, model: bytes, inputs: Mapping[str, np.ndarray], folder: Path, what: str = "once"
    ) -> Mapping[str, np.ndarray]:
        """What the model returns with every instruction set, as `<isa>_<output>`.

        Args:
            model: a `.tflite` file.
            inputs: by name.
            folder: for files.
            what: "once" or "stream", see `serve_runtime.Server`.
        """
        (folder / "op.tflite").write_bytes(model)
        np.savez(folder / "in.npz", isas=np.array(native.supported()), **inputs)
        problem = self._ask([what, *(str(folder / n) for n in ("op.tflite", "in.npz", "out.npz"))])
        assert not problem, problem[-2000:]
        return np.load(folder / "out.npz")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, request: list[str]) -> str:
        if self._process is None:
            self._start()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            reply = self._replies.get(timeout=_SECONDS)
        except (BrokenPipeError, queue.Empty):
            reply = None
        if reply is None:
            self.close()
            return f"the process of {self.name} ended or hung:\n{''.join(self._said[-40:])}"
        return reply

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._replies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._said: list[str] = []
        threading.Thread(
            target=_listen,
            args=(self._process.stdout, self._replies, self._said),
            daemon=True,
        ).start()


def _listen(output: IO[str], replies: queue.SimpleQueue[str | None], said: list[str]) -> None:
    for line in output:
        if line.startswith(REPLY):
            replies.put(json.loads(line.removeprefix(REPLY)))
        else:
            said.append(line)
    replies.put(None)
