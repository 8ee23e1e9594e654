"""What one call of `export` writes: its options, checked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tfpipeline.export.errors import ExportError
from tfpipeline.export.modes import FLOAT32, INT16, MODES, ModeTable, canonical
from tfpipeline.export.quantize.ranges import CLIPPINGS

_FORMS = ("portable", "fused")
COMPARE = "compare"
"""Instead of a rule of calibration ranges: try them all."""


@dataclass(frozen=True)
class Form:
    """Which file is written.

    Args:
        fused: Recurrent and factored layers as our custom ops; otherwise builtin ops only.
        streaming: A few time steps with explicit states; otherwise a whole sequence.
    """

    fused: bool
    streaming: bool

    @property
    def name(self) -> str:
        return ("stream " if self.streaming else "") + ("fused" if self.fused else "portable")


@dataclass(frozen=True)
class ExportOptions:
    """Checked options of one export.

    Args:
        target: Where the portable form goes.
        quantize: Name of the model's mode.
        overrides: Names of modes by layer name or pattern.
        modes: The mode of each layer.
        forms: Every file to write.
        forms_asked_for: Whether the user chose between portable and fused.
        io: Type of real inputs and outputs.
        chunk: Time steps of a call of a stream; None without one.
        internal_state: Whether streams keep their states inside.
        bounded: Whether whole sequences may be shorter than the samples.
        one_file: Whether whole sequences and streams are signatures of one file.
        clipping: Rule of calibration ranges, or "compare".
        correct_bias: Whether biases take up the mean error of rounded weights.
        block_sparse: Whether the fused form leaves out blocks of zeros where that pays.
    """

    target: Path
    quantize: str
    overrides: Mapping[str, str]
    modes: ModeTable
    forms: tuple[Form, ...]
    forms_asked_for: bool
    io: str
    chunk: int | None
    internal_state: bool
    one_file: bool
    bounded: bool
    clipping: str
    correct_bias: bool
    block_sparse: bool

    @classmethod
    def check(
        cls,
        path: str | Path,
        layers: Mapping[str, Sequence[str]],
        *,
        quantize: str,
        overrides: Mapping[str, str],
        streaming: bool | str,
        chunk: int,
        state: str,
        one_file: bool,
        length: str,
        io: str,
        forms: Sequence[str] | None,
        clipping: str,
        bias_correction: bool,
        per_channel: bool = True,
        block_sparse: bool = True,
    ) -> ExportOptions:
        """Check what the user gave; `layers` are the names of the layers that hold each layer.

        Raises:
            ExportError: an option is none of its choices, or does not go with another.
        """
        _choice("per_channel", per_channel, (False, True))
        _choice("block_sparse", block_sparse, (False, True))
        target, modes = _target(path), ModeTable(quantize, overrides, layers, per_channel)
        ios = tuple(dict.fromkeys((FLOAT32, modes.default.activations)))
        _choice("io", io, ios, f" with quantize={quantize!r}")
        _choice("streaming", streaming, (False, True, "both"))
        _choice("state", state, ("explicit", "internal"))
        _choice("clipping", clipping, (*CLIPPINGS, COMPARE))
        if clipping == COMPARE and bias_correction:
            raise ExportError(
                "bias_correction must be left out with clipping='compare', which tries it on and "
                "off; received True"
            )
        if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < 1:
            raise ExportError(f"chunk must be a positive number of time steps, received {chunk!r}")
        _choice("length", length, ("fixed", "bounded"))
        if length == "bounded" and streaming is True:
            raise ExportError(
                "length='bounded' is for whole sequences, received streaming=True: a stream takes "
                "any length; pass streaming='both', or leave length out"
            )
        if one_file and streaming != "both":
            raise ExportError(
                f"one_file=True is for streaming='both', received streaming={streaming!r}: there "
                "is one signature only; pass streaming='both', or leave one_file out"
            )
        chosen = _forms(forms, modes, quantize)
        streams = {False: (False,), True: (True,), "both": (False, True)}[streaming]
        return cls(
            target=target,
            # Cards and reports have one name for a mode.
            quantize=canonical(quantize),
            overrides={key: canonical(mode) for key, mode in overrides.items()},
            modes=modes,
            forms=tuple(
                Form(name == "fused", stream)
                for stream in streams
                for name in _FORMS
                if name in chosen
            ),
            forms_asked_for=forms is not None,
            io=io,
            chunk=chunk if streaming else None,
            internal_state=state == "internal",
            one_file=one_file,
            bounded=length == "bounded",
            clipping=clipping,
            correct_bias=bias_correction,
            block_sparse=block_sparse,
        )

    def without_idle_forms(self, can_fuse: bool) -> ExportOptions:
        """Nobody who did not ask for it wants a fused form without one fused layer."""
        if can_fuse or self.forms_asked_for:
            return self
        return replace(self, forms=tuple(form for form in self.forms if not form.fused))

    @property
    def compares(self) -> bool:
        """Whether clipping and bias correction are to be tried, and make a difference."""
        return self.clipping == COMPARE and self.uses_ranges

    @property
    def uses_ranges(self) -> bool:
        """Whether any file has quantized activations; inside our ops they always are."""
        return self.modes.needs_ranges or self.fuses

    def with_choice(self, clipping: str, correct_bias: bool) -> ExportOptions:
        """Return the same with clipping and bias correction chosen."""
        return replace(self, clipping=clipping, correct_bias=correct_bias)

    def for_trial(self, modes: ModeTable, correct_bias: bool) -> ExportOptions:
        """Return the same for a file to measure with: float32 in and out, and of fixed length."""
        return replace(
            self,
            modes=modes,
            correct_bias=correct_bias,
            io=FLOAT32,
            internal_state=False,
            bounded=False,
        )

    def with_float_layers(self, layers: Iterable[str]) -> ExportOptions:
        """Return the same with some layers in float32, where the user chose no mode for them."""
        more = {layer: FLOAT32 for layer in layers if layer not in self.overrides}
        modes = self.modes.with_overrides(more)
        return replace(self, overrides={**self.overrides, **more}, modes=modes)

    @property
    def exact_streams(self) -> bool:
        """Whether streams must have the bits of the whole sequence.

        Runtimes round float inputs to int16 by two rules: ties go to the even number in vectors,
        away from zero in what is left over. Which values are left over depends on the length.
        """
        rounds_ties_twice = self.io == FLOAT32 and any(
            mode.activations == INT16 for mode in self.modes.modes()
        )
        return self.modes.integer_activations and not rounds_ties_twice

    @property
    def fuses(self) -> bool:
        return any(form.fused for form in self.forms)

    def files(self) -> dict[Path, tuple[Form, ...]]:
        """Return every file to write, with the forms that it holds, the main one first."""
        found: dict[Path, tuple[Form, ...]] = {}
        for form in self.forms:
            path = self.path(form)
            found[path] = (*found.get(path, ()), form)
        return found

    def path(self, form: Form) -> Path:
        """Where a form goes."""
        apart = form.streaming and not self.one_file
        stream, fused = ".stream" if apart else "", ".fused" if form.fused else ""
        return self.target.with_name(f"{self.target.stem}{stream}{fused}.tflite")

    @property
    def report_path(self) -> Path:
        stream = ".stream" if all(form.streaming for form in self.forms) else ""
        return self.target.with_suffix(f"{stream}.report.json")


def _target(path: object) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise ExportError(f"path must be the path of a .tflite file to write, received {path!r}")
    target = Path(os.path.expanduser(path))
    if target.suffix != ".tflite":
        raise ExportError(f"path must end in .tflite, received {str(target)!r}")
    return target


def _choice(name: str, value: object, allowed: tuple[object, ...], context: str = "") -> None:
    if value not in allowed:
        options = ", ".join(repr(choice) for choice in allowed)
        raise ExportError(f"{name} must be one of {options}{context}, received {value!r}")


def _forms(forms: Sequence[str] | None, modes: ModeTable, quantize: str) -> tuple[str, ...]:
    can_fuse = any(mode.fusable for mode in modes.modes())
    if forms is None:
        return _FORMS if can_fuse else ("portable",)
    named = isinstance(forms, Collection) and not isinstance(forms, str)
    if not named or not forms or any(form not in _FORMS for form in forms):
        raise ExportError(f"forms must hold 'portable', 'fused' or both, received {forms!r}")
    if "fused" in forms and not can_fuse:
        fusable = ", ".join(repr(name) for name, mode in MODES.items() if mode.fusable)
        raise ExportError(
            f"forms has 'fused', but quantize={quantize!r} has none: our ops take int8 activations "
            f"and integer weights; expected one of {fusable}"
        )
    return tuple(forms)
