"""Whether the runtimes people use can run a file, and what they refuse in it.

Judged are operators, their versions, tensor types and custom operators, which a runtime looks up
when it loads a file, and what it checks then (`load_checks.py`). A kernel may still refuse a shape
or an option that it looks at later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tfpipeline.inspection import esphome
from tfpipeline.inspection.custom_ops import (
    PLUGIN,
    RUNTIME,
    SELECT,
    count_custom_ops,
    provider_of,
)
from tfpipeline.inspection.graph import CUSTOM, ModelGraph, OperatorCode
from tfpipeline.inspection.load_checks import LoadChecks
from tfpipeline.inspection.micro_types import refused_types
from tfpipeline.inspection.operator_table import Registrations, registrations
from tfpipeline.inspection.tensor_types import type_name


@dataclass(frozen=True)
class Target:
    """A place where a file may have to run.

    Args:
        name: How users name it.
        title: How it is printed, without its version.
        package: Column of the operator table.
        plugin: Whether our plug-in is loaded.
        select: Whether TensorFlow's own operators (Flex) are there.
        micro: Whether it is TFLite-Micro, which looks at types and at no versions.
        wake_words: Whether it is the part of it that ESPHome runs wake words with.
    """

    name: str
    title: str
    package: str
    plugin: bool = False
    select: bool = False
    micro: bool = False
    wake_words: bool = False

    @property
    def source(self) -> str:
        """The release that the answer is about."""
        return registrations(self.package).source


TARGETS = (
    Target("litert", "LiteRT", "ai-edge-litert"),
    Target("plugin", "LiteRT + plug-in", "ai-edge-litert", plugin=True),
    Target("tensorflow", "tf.lite", "tensorflow", select=True),
    Target("tflite-runtime", "tflite-runtime", "tflite-runtime"),
    Target("tflite-runtime+plugin", "tflite-runtime + plug-in", "tflite-runtime", plugin=True),
    Target("tflite-micro", "TFLite-Micro", "tflite-micro", micro=True),
    Target("esphome", "ESPHome wake word", "tflite-micro", micro=True, wake_words=True),
)
TARGET_NAMES = tuple(target.name for target in TARGETS)


@dataclass(frozen=True)
class Refusal:
    """Something in a file that a target cannot run: `FULLY_CONNECTED` for `version 12, has 10`."""

    what: str
    reason: str
    count: int


@dataclass(frozen=True)
class Coverage:
    """The answer for one target."""

    target: str
    title: str
    source: str
    refusals: tuple[Refusal, ...]

    @property
    def runs(self) -> bool:
        """Whether nothing in the file is refused."""
        return not self.refusals


def cover(model: ModelGraph, target: Target, checks: LoadChecks) -> Coverage:
    """Look up everything that a target looks up when it loads the file.

    Args:
        model: The file.
        target: Where it may have to run.
        checks: Of the file.
    """
    known = registrations(target.package)
    used = Counter(op.code for graph in model.graphs for op in graph.operators)
    # An interpreter resolves every code of the file at once, TFLite-Micro only those that run;
    # custom codes are allowed to stay unresolved until they run.
    codes = dict.fromkeys(used)
    if not target.micro:
        codes |= dict.fromkeys(code for code in model.codes if code.name != CUSTOM)
    found: Counter[tuple[str, str]] = Counter()
    for code in codes:
        reason = _refused_code(code, target, known)
        if reason:
            found[code.label, reason] += used[code]
    found.update(_refused_options(model, target))
    found.update(_refused_types(model, target, known))
    if not target.micro:
        found.update(checks.refused(target.package))
    if target.wake_words:
        found.update(esphome.refused(model))
    refusals = tuple(Refusal(what, reason, count) for (what, reason), count in found.items())
    return Coverage(target.name, target.title, target.source, refusals)


def _refused_code(code: OperatorCode, target: Target, known: Registrations) -> str:
    if code.name == CUSTOM:
        return _refused_custom(code.custom, target, known)
    if code.number not in known.builtin:
        return "not among its operators"
    versions = known.builtin[code.number]
    if versions is None or versions[0] <= code.version <= versions[1]:
        return ""
    return f"version {code.version}, it has {'–'.join(str(v) for v in dict.fromkeys(versions))}"


def _refused_custom(name: str, target: Target, known: Registrations) -> str:
    if name in known.custom:
        return ""
    provider = provider_of(name)
    if provider == PLUGIN:
        needs = "of the tfpipeline plug-in, which it cannot load"
        return "" if target.plugin else needs if target.micro else "needs the tfpipeline plug-in"
    if provider == SELECT:
        return "" if target.select else "needs TensorFlow Select"
    if provider == RUNTIME:
        return "not among its operators"
    return "custom operator of an unknown library"


def _refused_options(model: ModelGraph, target: Target) -> Counter[tuple[str, str]]:
    """Our own operators with options that the plug-in of this version would refuse."""
    found: Counter[tuple[str, str]] = Counter()
    if target.plugin:
        for op, count in count_custom_ops(model):
            if op.problem:
                found[op.name, op.problem] += count
    return found


def _refused_types(
    model: ModelGraph, target: Target, known: Registrations
) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for graph in model.graphs:
        for tensor in graph.tensors:
            if tensor.type_code not in known.types:
                found[f"{type_name(tensor.type_code)} tensors", "no such type"] += 1
        if target.micro:
            for operator in graph.operators:
                reason = refused_types(graph, operator)
                if reason:
                    found[operator.code.label, reason] += 1
    return found
