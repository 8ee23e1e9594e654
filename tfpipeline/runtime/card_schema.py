"""What a model card may hold: types, ranges, and that its parts agree with each other.

A card is data of a file, and files come from anywhere. Everything that a program reads of it is
checked here once, so that nobody has to ask again. Keys that nobody knows are left alone: later
versions may write them.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfpipeline.features import windows_of

_KEYS = ("labels", "inputs", "outputs", "states", "form", "streaming")
_SIGNATURE_KEYS = ("inputs", "outputs", "states", "streaming")
_ENTRY_KEYS = ("name", "shape", "dtype", "scale", "zero_point", "time_axis")
_STATE_KEYS = ("shape", "dtype", "scale")
_OBJECT_KEYS = (
    *("metrics", "ranks", "quantization", "calibration", "requires", "versions", "tokenizer"),
)
_DTYPES = (
    *("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
_MOST_DEPTH = 32
_MOST_ELEMENTS = 1 << 31
_MOST_INTEGER = 1 << 63
_MOST_SHOWN = 60
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _MOST_SHOWN


class CardError(ValueError):
    """What is wrong with a card, as the end of a sentence that begins with the file's name."""


def check_card(card: Any) -> dict[str, Any]:
    """Return the card.

    Raises:
        CardError: it is not what an export writes.
    """
    _plain_data(card)
    if not isinstance(card, dict):
        raise _wrong("model card", card, "a JSON object")
    missing = [key for key in _KEYS if key not in card]
    if missing:
        raise CardError(f"has a model card without {sorted(missing)}")
    _labels(card["labels"])
    _one_of("form", card["form"], ("portable", "fused"))
    _graph("", card)
    _frontend(card.get("frontend"))
    _signatures(card)
    for key in ("name", "description", "license"):
        _text_or_none(key, card.get(key))
    for key in _OBJECT_KEYS:
        value = card.get(key)
        if value is not None and not isinstance(value, dict):
            raise _wrong(key, value, "an object or null")
    return card


def check_tensors(
    card: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Compare a card with the tensors of the graph that it describes.

    Args:
        card: A checked card.
        inputs: The interpreter's details of each input, by name.
        outputs: The same of outputs.

    Raises:
        CardError: a tensor is missing, or is another one than the card says.
    """
    states = [state for state in card["states"] if "input" in state]
    for kind, details in (("input", inputs), ("output", outputs)):
        described = [(entry["name"], entry) for entry in card[f"{kind}s"]]
        described += [(state[kind], state) for state in states]
        if kind == "input" and card.get("length"):
            described.append((card["length"]["input"], {"shape": [1], "dtype": "int32"}))
        for name, entry in described:
            found = details.get(name)
            if found is None:
                raise CardError(f"has no {kind} {_shown(name)}, which its card names")
            _same_tensor(f"{kind} {name!r}", entry, found)
        unknown = sorted(set(details) - {name for name, _ in described})
        # An input that nobody sets would be zero at every call, such as a state that is forgotten.
        if unknown and kind == "input":
            raise CardError(f"has the inputs {_shown(unknown)}, which its card does not name")


def _same_tensor(what: str, entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    shape, dtype = tuple(int(size) for size in found["shape"]), np.dtype(found["dtype"])
    if shape != tuple(entry["shape"]) or dtype != np.dtype(entry["dtype"]):
        raise CardError(
            f"has an {what} of type {dtype} and shape {shape}, while its card says "
            f"{entry['dtype']} {tuple(entry['shape'])}"
        )
    if entry.get("scale") is None or dtype.kind == "f":
        return
    scale, zero_point = found["quantization"]
    if scale != np.float32(entry["scale"]) or zero_point != entry["zero_point"]:
        raise CardError(
            f"has an {what} of scale {scale} and zero point {zero_point}, while its card says "
            f"{entry['scale']} and {entry['zero_point']}"
        )


def _plain_data(card: Any) -> None:
    """Whether every value in it can be printed, computed with, and written again."""
    waiting = [(card, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            raise CardError(f"has a model card that is nested more than {_MOST_DEPTH} deep")
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise CardError(f"has a model card with the number {value}, expected finite ones")
        elif isinstance(value, int) and abs(value) > _MOST_INTEGER:
            raise CardError("has a model card with an integer of more than 64 bits")
        elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            raise CardError("has a model card with text that is not Unicode")


def _graph(where: str, card: Mapping[str, Any]) -> None:
    """One graph's inputs, outputs and states."""
    streaming = card["streaming"]
    if not isinstance(streaming, bool):
        raise _wrong(f"{where}streaming", streaming, "true or false")
    chunk = card.get("chunk")
    if chunk is not None:
        _integer(f"{where}chunk", chunk, 1, _MOST_ELEMENTS)
        if not streaming:
            raise _wrong(f"{where}chunk", chunk, "null where streaming is false")
    for kind in ("inputs", "outputs"):
        entries = _objects(f"{where}{kind}", card[kind], _ENTRY_KEYS)
        if not entries:
            raise _wrong(f"{where}{kind}", card[kind], "at least one")
        for i, entry in enumerate(entries):
            _entry(f"{where}{kind}[{i}]", entry)
        _unique(f"{where}{kind}", (entry["name"] for entry in entries))
    states = _objects(f"{where}states", card["states"], _STATE_KEYS)
    for i, state in enumerate(states):
        _state(f"{where}states[{i}]", state)
    if states and not streaming:
        raise _wrong(f"{where}states", states, "none where streaming is false")
    for i, entry in enumerate(card["inputs"]):
        if streaming and entry["time_axis"] and entry["shape"][1] != (chunk or 1):
            raise _wrong(
                f"{where}inputs[{i}].shape", entry["shape"], f"{chunk or 1} time steps as in chunk"
            )
    _length(f"{where}length", card)


def _entry(where: str, entry: Mapping[str, Any]) -> None:
    _name(f"{where}.name", entry["name"])
    _tensor(where, entry)
    if not isinstance(entry["time_axis"], bool):
        raise _wrong(f"{where}.time_axis", entry["time_axis"], "true or false")
    if entry["time_axis"] and len(entry["shape"]) < 2:
        raise _wrong(f"{where}.shape", entry["shape"], "a batch and a time axis")
    for key in ("unit", "scores"):
        _text_or_none(f"{where}.{key}", entry.get(key))
    for key in ("sample_rate", "frame_rate"):
        if entry.get(key) is not None:
            _positive(f"{where}.{key}", entry[key])


def _state(where: str, state: Mapping[str, Any]) -> None:
    _tensor(where, state)
    names = ("variable",) if "variable" in state else ("input", "output")
    for key in names:
        _name(f"{where}.{key}", state.get(key))


def _tensor(where: str, entry: Mapping[str, Any]) -> None:
    """Return the parts that inputs, outputs and states share."""
    shape = entry["shape"]
    if not isinstance(shape, list) or not shape:
        raise _wrong(f"{where}.shape", shape, "a list of sizes")
    elements = 1
    for size in shape:
        _integer(f"{where}.shape", size, 1, _MOST_ELEMENTS)
        elements *= size
    if elements > _MOST_ELEMENTS:
        raise _wrong(f"{where}.shape", shape, f"at most {_MOST_ELEMENTS} elements")
    _one_of(f"{where}.dtype", entry["dtype"], _DTYPES)
    if entry["scale"] is not None:
        _positive(f"{where}.scale", entry["scale"])
    kind = np.dtype(entry["dtype"])
    # Where the tensor is float, the card says how the graph quantizes it inside.
    limits = np.iinfo(kind if kind.kind in "iu" else np.int16)
    zero_point = entry.get("zero_point", 0)
    _integer(f"{where}.zero_point", zero_point, int(limits.min), int(limits.max))


def _length(where: str, card: Mapping[str, Any]) -> None:
    length = card.get("length")
    if length is None:
        return
    if not isinstance(length, dict) or not length.keys() >= {"input", "max"} or card["streaming"]:
        raise _wrong(where, length, "the input and max of a whole sequence, or null")
    _name(f"{where}.input", length["input"])
    _integer(f"{where}.max", length["max"], 1, _MOST_ELEMENTS)
    timed = [entry["shape"][1] for entry in card["inputs"] if entry["time_axis"]]
    if any(size != length["max"] for size in timed) or not timed:
        raise _wrong(f"{where}.max", length["max"], f"the time steps of the inputs, {timed}")


def _frontend(frontend: Any) -> None:
    if frontend is None:
        return
    if not isinstance(frontend, dict):
        raise _wrong("frontend", frontend, "an object or null")
    try:
        windows_of(frontend)
    except (ValueError, TypeError) as error:
        raise CardError(f"has a model card whose frontend is wrong ({error})") from error


def _signatures(card: Mapping[str, Any]) -> None:
    signatures = card.get("signatures")
    if signatures is None:
        return
    if not isinstance(signatures, dict):
        raise _wrong("signatures", signatures, "an object")
    for key, part in signatures.items():
        where = f"signatures.{_shown(key)}"
        if not isinstance(part, dict) or not part.keys() >= set(_SIGNATURE_KEYS):
            raise _wrong(where, part, f"an object with {', '.join(_SIGNATURE_KEYS)}")
        _graph(f"{where}.", part)


def _labels(labels: Any) -> None:
    if labels is None:
        return
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise _wrong("labels", labels, "a list of names or null")


def _objects(where: str, value: Any, keys: Iterable[str]) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise _wrong(where, value, "a list of objects")
    for i, item in enumerate(value):
        if not isinstance(item, dict) or not item.keys() >= set(keys):
            raise _wrong(f"{where}[{i}]", item, f"an object with {', '.join(keys)}")
    return value


def _unique(where: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        raise _wrong(where, listed, "names that differ")


def _name(where: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong(where, value, "a name")


def _text_or_none(where: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise _wrong(where, value, "a text or null")


def _one_of(where: str, value: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise _wrong(where, value, f"one of {', '.join(choices)}")


def _integer(where: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(where, value, f"a whole number from {least} to {most}")


def _positive(where: str, value: Any) -> None:
    """Return a number that is one in float32 too, and neither zero nor infinite there."""
    limits = np.finfo(np.float32)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not float(limits.tiny) <= value <= float(limits.max):
        raise _wrong(where, value, "a positive number that float32 can hold")


def _wrong(where: str, value: Any, expected: str) -> CardError:
    return CardError(f"has a model card whose {where} is {_shown(value)}, expected {expected}")


def _shown(value: Any) -> str:
    """Return a value for a line of a message: short, and nothing in it controls a terminal."""
    text = "".join(c if c.isprintable() else "?" for c in _SHORT.repr(value))
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."
