"""A client of the synthesizer's process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import struct
import subprocess

import numpy as np

from tfpipeline.data.errors import SynthesizerError
from tfpipeline.worker_process import worker_command, worker_environment


@dataclasses.dataclass(frozen=True)
class Utterance:
    """What to say, and how.

    Args:
        voice: an accent, or `accent+variant`.
        text: the words.
        rate: words per minute, 80 to 450.
        pitch: 0 to 99, 50 is the voice's own.
        range: liveliness of the pitch, 0 (monotone) to 99.
    """

    voice: str
    text: str
    rate: int = 175
    pitch: int = 50
    range: int = 50


class EspeakVoice:
    """A running synthesizer; it is a context manager, and stops when left.

    The same utterances in the same order, from the start, give the same samples.

    Raises:
        SynthesizerError: it is not installed, or does not start.

    Example:
        >>> with EspeakVoice() as espeak:                                   # doctest: +SKIP
        ...     samples = espeak.say(Utterance("en-us+f3", "yes"))
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            worker_command("tfpipeline.data.synthesis.espeak_process"),
            env=worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            hello = json.loads(self._receive())
        except BaseException:
            self.close()
            raise
        self.version: str = hello["version"]
        self.sample_rate: int = hello["sample_rate"]
        self.accents: tuple[str, ...] = tuple(hello["accents"])
        self.variants: tuple[str, ...] = tuple(hello["variants"])

    def __enter__(self) -> EspeakVoice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, utterance: Utterance) -> np.ndarray:
        """Return int16 `(samples,)` at `sample_rate`.

        Raises:
            SynthesizerError: the voice was rejected (the sentence names it), or the process died.
        """
        assert self._process.stdin is not None
        line = json.dumps(dataclasses.asdict(utterance)) + "\n"
        try:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None
        return np.frombuffer(self._receive(), "<i2").astype(np.int16)

    def close(self) -> None:
        """End the process."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            # A dead process's pipe cannot be flushed.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _receive(self) -> bytes:
        status, length = struct.unpack("<II", self._read(8))
        payload = self._read(length)
        if status != 0:
            raise SynthesizerError(payload.decode(errors="replace"))
        return payload

    def _read(self, count: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(count)
        if len(data) != count:
            raise self._died()
        return data

    def _died(self) -> SynthesizerError:
        status = self._process.wait()
        return SynthesizerError(
            f"The synthesizer's process ended unexpectedly with status {status}; check the "
            "installation of espeakng-loader."
        )
