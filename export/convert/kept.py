"""Conversions that are kept for the next exports of the same model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import keras

from tfpipeline.export.graph.markers import Delay
from tfpipeline.export.trace.markers_in_keras import MarkedModel
from tfpipeline.export.trace.predictions import predicted_once


@dataclass(frozen=True)
class Conversion:
    """What the converter made of a model.

    Args:
        model: The Keras model.
        shapes: Of its inputs, at the length of the samples.
        chunk: Time steps of a call of the stream that it was converted for; None without one.
        marked: The model with markers.
        data: The converted model at each of its lengths, by name.
    """

    model: keras.Model
    shapes: Sequence[tuple[int, ...]]
    chunk: int | None
    marked: MarkedModel
    data: dict[str, bytes]

    def serves(self, chunk: int | None) -> bool:
        """Return whether the same follows from it as from a conversion for `chunk` time steps.

        The graph at any number of time steps follows from two lengths that are multiples of it, and
        without a stream from any, unless the past of convolutions was marked for one.
        """
        if chunk == self.chunk:
            return True
        if chunk is None:
            return not any(isinstance(marked, Delay) for marked in self.marked.marked)
        return self.chunk is not None and self.chunk % chunk == 0


@dataclass
class KeptConversions:
    """The conversions of a while."""

    _all: list[Conversion] = field(default_factory=list)

    def find(
        self, model: keras.Model, shapes: Sequence[tuple[int, ...]], chunk: int | None
    ) -> Conversion | None:
        """Return one of `model` that serves `chunk` time steps a call."""
        for one in self._all:
            if one.model is model and one.shapes == shapes and one.serves(chunk):
                return one
        return None

    def add(self, conversion: Conversion) -> None:
        """Keep it, and its model, for the next."""
        self._all.append(conversion)


_kept: ContextVar[KeptConversions | None] = ContextVar("kept_conversions", default=None)


def current() -> KeptConversions:
    """Return what is kept now; outside of `kept_conversions` it is empty and soon forgotten."""
    return _kept.get() or KeptConversions()


@contextmanager
def kept_conversions() -> Iterator[None]:
    """While open, a model that was converted once is not converted again, nor run twice on samples.

    For comparing many ways to export one model, which all begin with the same float graph. Its
    weights must not change meanwhile. A stream of several time steps a call serves those whose
    number divides it, and whole sequences: it comes best first.
    """
    token = _kept.set(KeptConversions())
    try:
        with predicted_once():
            yield
    finally:
        _kept.reset(token)
