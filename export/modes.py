"""The number formats that a model can be exported in, and who gets which.

A mode is a pair of formats: of the activations that flow between ops, and of the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from tfpipeline.export.errors import ExportError

FLOAT32, INT8, INT16 = "float32", "int8", "int16"
"""Formats of activations."""


@dataclass(frozen=True)
class Mode:
    """One number format.

    Args:
        activations: "float32", "int8" (affine) or "int16" (symmetric).
        weights: "float32", "float16", "int8", "int4" or "int2".
        per_channel: Whether each output row of integer weights has a scale of its own, and not
            the whole matrix one.
        unpacked: Whether matrices that two bits hold exactly are stored so, of float32 weights, and
            unpacked before they are multiplied.
    """

    activations: str
    weights: str
    per_channel: bool = True
    unpacked: bool = False

    @property
    def weight_bits(self) -> int:
        """Bits of an integer weight: 8 where weights are floating point."""
        return 2 if self.unpacked else {"int4": 4, "int2": 2}.get(self.weights, 8)

    @property
    def integer_weights(self) -> bool:
        return self.weights.startswith("int")

    @property
    def fusable(self) -> bool:
        """Whether our ops take a layer of this mode: int8 activations, integer weights."""
        return self.integer_weights and self.activations != INT16


MODES: Mapping[str, Mode] = {
    "float32": Mode(FLOAT32, "float32"),
    "float16": Mode(FLOAT32, "float16"),
    "dynamic": Mode(FLOAT32, "int8"),
    "int4": Mode(FLOAT32, "int4"),
    "int2": Mode(FLOAT32, "int2"),
    "int8": Mode(INT8, "int8"),
    "int8x4": Mode(INT8, "int4"),
    "int8x2": Mode(INT8, "int2"),
    "int16x8": Mode(INT16, "int8"),
    "w2af32": Mode(FLOAT32, "float32", unpacked=True),
}
"""By the name that users give; "AxB" reads activations times weights, as in TensorFlow Lite."""
ALIASES: Mapping[str, str] = {"w2a8": "int8x2"}
"""Further names of these, which work on low-bit weights has."""


class ModeTable:
    """The mode of every layer: one for the model, and overrides.

    Args:
        mode: Name of the model's mode.
        overrides: Mode by layer name, where `*` and `?` match as in file names; the first pattern
            that fits counts.
        layers: The model's layers, against which patterns are checked: by name, or the names of
            the layers that each is part of by its own, such as those of a `Bidirectional`, whose
            mode holds for what is inside too.
        per_channel: Of all modes.

    Raises:
        ExportError: a mode is unknown, or a pattern fits no layer.
    """

    def __init__(
        self,
        mode: str,
        overrides: Mapping[str, str],
        layers: Iterable[str],
        per_channel: bool = True,
    ) -> None:
        self._parents: Mapping[str, Iterable[str]] = (
            layers if isinstance(layers, Mapping) else dict.fromkeys(layers, ())
        )
        if not isinstance(overrides, Mapping) or not all(isinstance(key, str) for key in overrides):
            raise ExportError(
                "overrides must map names of layers to modes, for example {'dense*': 'float32'}; "
                f"received {overrides!r}"
            )
        self.per_channel = per_channel
        self.default = _mode("quantize", mode, per_channel)
        self._overrides = {
            key: _mode(f"overrides[{key!r}]", name, per_channel) for key, name in overrides.items()
        }
        self._names = canonical(mode), {key: canonical(own) for key, own in overrides.items()}
        names = sorted({name for one in self._parents for name in self._names_of(one)})
        for pattern in self._overrides:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ExportError(
                    f"overrides has {pattern!r}, which is no layer of the model: expected one of "
                    f"{', '.join(names)}, or a pattern such as 'dense*'"
                )

    def of(self, layer: str | None) -> Mode:
        """Return the mode of a layer; ops that belong to none have the model's."""
        if layer is not None:
            for pattern, mode in self._overrides.items():
                if self._fits(layer, pattern):
                    return mode
        return self.default

    def name_of(self, layer: str) -> str:
        """Return the name of a layer's mode."""
        default, overrides = self._names
        fitting = (name for pattern, name in overrides.items() if self._fits(layer, pattern))
        return next(fitting, default)

    def is_overridden(self, layer: str) -> bool:
        """Return whether an override says the mode of a layer."""
        return any(self._fits(layer, pattern) for pattern in self._overrides)

    def with_overrides(self, more: Mapping[str, str]) -> ModeTable:
        """Return the same with further overrides, of other names and behind those there are."""
        mode, overrides = self._names
        return ModeTable(mode, {**overrides, **more}, self._parents, self.per_channel)

    def _names_of(self, layer: str) -> tuple[str, ...]:
        return (layer, *self._parents.get(layer, ()))

    def _fits(self, layer: str, pattern: str) -> bool:
        return any(fnmatchcase(name, pattern) for name in self._names_of(layer))

    def modes(self) -> tuple[Mode, ...]:
        """Return every mode that some layer may have."""
        return (self.default, *self._overrides.values())

    @property
    def integer_activations(self) -> bool:
        """Whether activations are integers everywhere."""
        return all(mode.activations != FLOAT32 for mode in self.modes())

    @property
    def needs_ranges(self) -> bool:
        """Whether activations are quantized anywhere, so that calibration data is needed."""
        return any(mode.activations != FLOAT32 for mode in self.modes())


def canonical(name: str) -> str:
    """Return the name in `MODES` that another name stands for; what stands for none as it is."""
    return ALIASES.get(name, name) if isinstance(name, str) else name


def _mode(argument: str, name: str, per_channel: bool) -> Mode:
    known = canonical(name)
    if not isinstance(known, str) or known not in MODES:
        options = ", ".join(repr(key) for key in MODES)
        raise ExportError(f"{argument} must be one of {options}, received {name!r}")
    return MODES[known] if per_channel else replace(MODES[known], per_channel=False)
