"""Several synthesizers at work."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tfpipeline.data.errors import SynthesizerError
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, SPEAKERS
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice


@contextlib.contextmanager
def synthesizer_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that forgets what has not begun when it is left by an error or Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def check_voices() -> str:
    """Return the synthesizer's version.

    Raises:
        SynthesizerError: it lacks one of the voices.
    """
    with EspeakVoice() as espeak:
        for kind, wanted, offered in (
            ("accent", ACCENTS, espeak.accents),
            ("variant", tuple(itertools.chain(*SPEAKERS.values())), espeak.variants),
        ):
            missing = [name for name in wanted if name not in offered]
            if missing:
                raise SynthesizerError(
                    f"The synthesizer (espeak-ng {espeak.version}) has no {kind} {missing[0]!r}; "
                    "install the release of espeakng-loader that 'tfpipeline[demo]' asks for."
                )
        return espeak.version
