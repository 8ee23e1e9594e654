"""Recurrent layers of a model that go on where the last call ended, without being `stateful`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras


def recurrent_layers(model: keras.Model) -> list[keras.layers.RNN]:
    """Return the recurrent layers of a model.

    Raises:
        ValueError: there is none, or one that cannot go on: in both directions, or backwards.
    """
    layers = list(model._flatten_layers(include_self=False))
    both = [layer for layer in layers if isinstance(layer, keras.layers.Bidirectional)]
    found = [layer for layer in layers if isinstance(layer, keras.layers.RNN)]
    wrong = [layer.name for layer in (*both, *found) if getattr(layer, "go_backwards", True)]
    if wrong:
        raise ValueError(
            f"`model` must hear a stream in one direction; its layers {wrong} need the end of it."
        )
    if not found:
        raise ValueError(
            "`model` must have a recurrent layer, whose states go from one batch to the next; "
            f"received {model.name!r} without one."
        )
    return found


@contextmanager
def carried(
    layers: Sequence[keras.layers.RNN], states: Sequence[list[Any]], every_frame: bool = False
) -> Iterator[None]:
    """Let layers start from variables and leave their last states there, within the block.

    Args:
        layers: of a built model.
        states: of each layer, as its `get_initial_state` has them: variables.
        every_frame: let all of them return their outputs of all time steps.
    """
    with ExitStack() as stack:
        for layer, own in zip(layers, states, strict=True):
            changes: dict[str, Any] = {"stateful": True, "states": own}
            if every_frame:
                changes["return_sequences"] = True
            stack.enter_context(_changed(layer, changes))
        yield


@contextmanager
def _changed(layer: keras.layers.RNN, changes: dict[str, Any]) -> Iterator[None]:
    # Past __setattr__: a built layer takes no variables, and these belong to somebody else.
    attributes = vars(layer)
    before = {name: attributes[name] for name in changes}
    attributes.update(changes)
    try:
        yield
    finally:
        attributes.update(before)
