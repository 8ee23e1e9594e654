"""The speech synthesizer, in a process of its own.

    python -m tfpipeline.data.synthesis.espeak_process

espeak-ng is free software under the GPL, version 3. It is neither linked nor imported by
tfpipeline: this little program opens the library that the package `espeakng-loader` installs, and
talks to its parent over pipes.

Protocol. Requests are lines of JSON on standard input:
    {"voice": "en-us+f3", "text": "yes", "rate": 175, "pitch": 50, "range": 50}
Answers on standard output are frames: status (0 good, 1 error) and length, both little-endian
uint32, then the bytes: 16-bit little-endian mono samples, or a sentence in UTF-8. The first frame,
before any request, holds JSON: version, sample_rate, accents and variants of this build.
A fresh process given the same requests answers with the same bits.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: samples come to the callback, nothing is played.
_DONT_EXIT = 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_SEED = 1
_INSTALL = "install it with: pip install 'tfpipeline[demo]'"
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class _Voice(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


class _Failure(Exception):
    """A sentence for the parent."""


class _Espeak:
    """The library, opened and set up."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise _Failure(f"The speech synthesizer espeak-ng is missing; {_INSTALL}") from None
        path = espeakng_loader.get_library_path()
        try:
            self._library = ctypes.CDLL(path)
        except OSError as error:
            raise _Failure(f"The speech synthesizer cannot be opened ({error}).") from None
        data = espeakng_loader.get_data_path()
        self.sample_rate = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, os.fsencode(data), _DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise _Failure(f"The speech synthesizer found no data in {data}; {_INSTALL}")
        # It draws its breath noise from a generator that starts with the time of day otherwise.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        self._samples = bytearray()
        # Kept, because the library keeps only its address.
        self._callback = _CALLBACK(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Info.restype = ctypes.c_char_p
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.version = self._library.espeak_Info(None).decode()
        self.variants = sorted(self._identifiers(b"variant", "!v/"))
        self.accents = sorted(self._identifiers(b"en", ""))

    def say(self, request: dict[str, Any]) -> bytes:
        voice, text = request["voice"], request["text"].encode() + b"\0"
        accent, plus, variant = voice.partition("+")
        # The library itself would speak with some other voice when it knows only half of a name.
        if accent not in self.accents:
            raise _Failure(f"The synthesizer rejected the voice {voice!r}: no accent {accent!r}.")
        if plus and variant not in self.variants:
            raise _Failure(f"The synthesizer rejected the voice {voice!r}: no variant {variant!r}.")
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise _Failure(f"The synthesizer rejected the voice {voice!r}.")
        settings = ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "range"))
        for parameter, name in settings:
            if self._library.espeak_SetParameter(parameter, int(request[name]), 0) != 0:
                raise _Failure(f"The synthesizer rejected {name}={request[name]!r}.")
        self._samples.clear()
        status = self._library.espeak_Synth(
            text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None
        )
        if status != 0 or not any(self._samples):
            raise _Failure(f"The synthesizer said nothing for {request['text']!r} as {voice!r}.")
        return bytes(self._samples)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, 2 * count)
        return 0

    def _identifiers(self, language: bytes, folder: str) -> list[str]:
        """Return the names of the voices for a language; variants live in the folder `!v`."""
        voices = self._library.espeak_ListVoices(ctypes.byref(_Voice(languages=language)))
        names, index = [], 0
        while voices[index]:
            identifier = voices[index].contents.identifier.decode(errors="replace")
            index += 1
            if folder:
                if identifier.startswith(folder):
                    names.append(identifier.removeprefix(folder))
            elif not identifier.startswith("!v/"):
                names.append(identifier.rpartition("/")[2].lower())
        return names


def _answer(out: BinaryIO, status: int, payload: bytes) -> None:
    out.write(struct.pack("<II", status, len(payload)) + payload)
    out.flush()


def main() -> int:
    """Serve requests until standard input ends."""
    # Ctrl-C reaches the whole group: the parent decides, and closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever the library prints must not fall between the frames.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        espeak = _Espeak()
    except _Failure as failure:
        _answer(out, 1, str(failure).encode())
        return 1
    hello = {
        "version": espeak.version,
        "sample_rate": espeak.sample_rate,
        "accents": espeak.accents,
        "variants": espeak.variants,
    }
    _answer(out, 0, json.dumps(hello).encode())
    for line in sys.stdin.buffer:
        try:
            _answer(out, 0, espeak.say(json.loads(line)))
        except _Failure as failure:
            _answer(out, 1, str(failure).encode())
        except (KeyError, TypeError, ValueError) as error:
            _answer(out, 1, f"The synthesizer cannot read the request ({error!r}).".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
