"""What is beyond the tolerances, before it becomes a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One way in which one file is not the model.

    Args:
        form: Name of the form.
        what: What was measured, against which bound.
        acceptable: By field of `Tolerances`, a bound that would accept it; empty where none can.
        output: Name of the output, where it is about one.
        channel: The channel of the output, where it is about one.
        verb: What the form does.
    """

    form: str
    what: str
    acceptable: Mapping[str, float]
    output: str | None = None
    channel: int | None = None
    verb: str = "disagrees with the model"

    def sentence(self, labels: Sequence[str] | None = None) -> str:
        """Return what was measured, and where."""
        where = ""
        if self.channel is not None:
            where = f" in {channel_name(self.channel, labels)} of output {self.output!r}"
        return self.what + where


def channel_name(channel: int, labels: Sequence[str] | None) -> str:
    """Return a channel, by its label where it has one."""
    return f"channel {channel}" + ("" if labels is None else f" ({labels[channel]!r})")


def by_form(problems: Iterable[Problem], labels: Sequence[str] | None = None) -> dict[str, str]:
    """Return what each form that has a problem does wrong: "disagrees with the model: ..."."""
    found: dict[str, dict[str, list[str]]] = {}
    for problem in problems:
        verbs = found.setdefault(problem.form, {})
        verbs.setdefault(problem.verb, []).append(problem.sentence(labels))
    return {
        form: " and ".join(f"{verb}: {', '.join(what)}" for verb, what in verbs.items())
        for form, verbs in found.items()
    }


def acceptable(problems: Iterable[Problem]) -> dict[str, float]:
    """Bounds that accept all problems; none where one of them cannot be accepted."""
    found: dict[str, float] = {}
    for problem in problems:
        if not problem.acceptable or not all(map(math.isfinite, problem.acceptable.values())):
            return {}
        for name, bound in problem.acceptable.items():
            looser = min if name == "agreement" else max
            found[name] = looser(found.get(name, bound), bound)
    return found
