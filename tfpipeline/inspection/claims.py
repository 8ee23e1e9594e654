"""Asks the plug-in which nodes of a file it runs, those of the runtime's own ops included.

The plug-in itself is asked, in a process with limits as in `trial.py`: a second copy of its rules
would be wrong one day.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfpipeline.inspection.trial import LIMIT_BYTES, refusal_of
from tfpipeline.runtime.backends import backend
from tfpipeline.worker_process import run_worker, worker_command

_SECONDS = 120
_OUR_OPS = "tfpipeline."
#: What the plug-in says with `verbose=1` (custom_ops/plugin/tfp_claim.c).
_SAID = re.compile(
    r"^tfpipeline: node (\d+): (\S+) (?:runs on (\S+?), .*?|is left to the runtime: (.+?))$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class NodeClaim:
    """What the plug-in says about one node.

    Args:
        node: Its number in its graph.
        op: `FULLY_CONNECTED`, `tfpipeline.gru` and so on.
        kernels: What runs it, such as `avx2`; empty where it is left to the runtime.
        reason: Why it is left; empty where it is not.
    """

    node: int
    op: str
    kernels: str
    reason: str = ""

    @property
    def is_builtin(self) -> bool:
        """Whether the runtime could run it, too."""
        return not self.op.startswith(_OUR_OPS)


@dataclass(frozen=True)
class PluginClaims:
    """What the plug-in says about a file with `accelerate_builtin=1`.

    Args:
        runtime: Name and version of the runtime that held the file.
        nodes: Nodes that it runs or says why not, in the order of its graphs.
        problem: Why the file does not run so; empty where it does.
    """

    runtime: str
    nodes: tuple[NodeClaim, ...]
    problem: str = ""

    @property
    def accelerated(self) -> tuple[NodeClaim, ...]:
        """Builtin nodes that the plug-in runs in place of the runtime."""
        return tuple(one for one in self.nodes if one.is_builtin and one.kernels)

    @property
    def ours(self) -> tuple[NodeClaim, ...]:
        """Nodes of our ops, which only the plug-in runs."""
        return tuple(one for one in self.nodes if not one.is_builtin and one.kernels)

    @property
    def left(self) -> tuple[NodeClaim, ...]:
        """Nodes that the plug-in knows, and leaves to the runtime for a reason."""
        return tuple(one for one in self.nodes if not one.kernels)

    def sentences(self) -> list[str]:
        """Return what there is to say, one line each."""
        if self.problem:
            return [f"cannot be run with the plug-in: {self.problem}"]
        claimed = _named(self.accelerated)
        lines = [
            f"the plug-in would run {claimed}"
            if claimed
            else "the plug-in would run no builtin node: accelerate_builtin changes nothing"
        ]
        if self.ours:
            lines.append(f"it runs ops of its own: {_named(self.ours)}")
        for reason in dict.fromkeys(one.reason for one in self.left):
            same = [one for one in self.left if one.reason == reason]
            lines.append(f"it leaves {_named(same)}: {reason}")
        return lines


def ask_plugin(
    path: str | Path, runtime: str | None = None, isa: str = "auto", seconds: float = _SECONDS
) -> PluginClaims:
    """Ask the plug-in which nodes it runs with `accelerate_builtin=1`.

    The file is run once on zeros, in a process of its own with limits on memory and time.

    Args:
        path: A `.tflite` file of any origin.
        runtime: As in `tfpipeline.Interpreter`.
        isa: Instruction set of the kernels.
        seconds: Time that it may take.

    Raises:
        RuntimeUnavailableError: no runtime is installed, or not this one.

    Example:
        >>> [one.op for one in ask_plugin("kws.tflite").accelerated]       # doctest: +SKIP
        ['FULLY_CONNECTED']
    """
    chosen = backend(runtime)
    limits = [str(LIMIT_BYTES), str(int(seconds) + 1)]
    module = f"{__package__}.claims_process"
    command = worker_command(module, chosen.name, str(path), *limits, isa)
    done = run_worker(command, seconds=seconds)
    nodes = tuple(
        NodeClaim(int(node), op, kernels or "", reason or "")
        for node, op, kernels, reason in _SAID.findall(done.stderr)
    )
    return PluginClaims(f"{chosen.name} {chosen.version}", nodes, refusal_of(done))


def _named(nodes: Sequence[NodeClaim]) -> str:
    """Return `2 FULLY_CONNECTED (nodes 0, 3)`; what only says how many, beyond a few."""
    counts = Counter(one.op for one in nodes)
    parts = []
    for op, count in counts.items():
        numbers = [str(one.node) for one in nodes if one.op == op]
        shown = ", ".join(numbers[:8]) + (", …" if count > 8 else "")
        parts.append(f"{count} {op} (node{'s' if count > 1 else ''} {shown})")
    return ", ".join(parts)
