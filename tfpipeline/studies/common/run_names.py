"""What runs are called. Rows are found again by these names, so none of them may ever change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar


def number_text(value: float | None) -> str:
    """Return a number as part of a name: as short as can be, and never that of another number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def value_text(value: Any) -> str:
    """Return an option as part of a name: words as they are, numbers short, sizes as in 8x4."""
    if isinstance(value, (bool, str)) or value is None:
        # Names are files too.
        return str(value).replace("/", ":")
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return number_text(value)


def changed_fields(run: Any, after: str, text: Callable[[Any], str] = value_text) -> list[str]:
    """Return `name=value` for each field of a run that is not its default.

    Pairs, such as options of a layer, count as fields of their own.

    Args:
        run: an instance of a dataclass.
        after: the last of the fields that are left out.
        text: of a value.

    Example:

    >>> changed_fields(Training(0, "gru", 64, rank=8), after="data")
    ['rank=8']
    """
    parts, fields = [], dataclasses.fields(run)
    first = [field.name for field in fields].index(after) + 1
    for field in fields[first:]:
        value = getattr(run, field.name)
        if value == field.default:
            continue
        pairs = isinstance(value, tuple) and all(isinstance(one, tuple) for one in value)
        parts += [f"{k}={text(v)}" for k, v in (value if pairs else [(field.name, value)])]
    return parts


class SeededRun:
    """A run that trains: its setting and its seed. A base of dataclasses."""

    exports: ClassVar[bool] = False

    @property
    def setting(self) -> str:
        """The name without the seed."""
        raise NotImplementedError

    @property
    def origin(self) -> Any:
        """The run that has the seed: this one, or that whose model it starts from."""
        return self

    @property
    def name(self) -> str:
        return f"{self.setting}-seed{self.origin.seed}"


class FollowingRun:
    """What is done, without training, with the model of another run. A base of dataclasses."""

    exports: ClassVar[bool] = False
    run: Any

    @property
    def suffix(self) -> str:
        """What is added to the other run's setting and name."""
        raise NotImplementedError

    @property
    def setting(self) -> str:
        return f"{self.run.setting}{self.suffix}"

    @property
    def name(self) -> str:
        return f"{self.run.name}{self.suffix}"
