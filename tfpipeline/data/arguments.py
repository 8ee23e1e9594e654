"""Checks of arguments that several readers and makers of corpora take."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from tfpipeline.features import LogMelConfig


def check_count(function: str, name: str, value: Any, least: int = 1, none: bool = False) -> None:
    """Refuse what is no whole number from `least` on.

    Args:
        function, name: whose argument it is, and what it is called.
        value: what was given.
        least: the smallest number that will do.
        none: whether None will do as well.

    Raises:
        ValueError: naming all of these.
    """
    if none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        choices = f"at least {least}" + (" or None" if none else "")
        raise ValueError(
            f"{function}: {name} must be {choices}, a whole number; received {value!r}."
        )


def log_mel_or_default(function: str, log_mel: Any) -> LogMelConfig:
    """Return the given constants of the features, or the usual ones for None.

    Raises:
        ValueError: naming the function, for anything else.
    """
    if log_mel is None:
        return LogMelConfig()
    if not isinstance(log_mel, LogMelConfig):
        raise ValueError(
            f"{function}: log_mel must be a LogMelConfig or None; received {log_mel!r}."
        )
    return log_mel
