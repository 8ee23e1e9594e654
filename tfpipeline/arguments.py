"""Checks of arguments that any part may need."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def is_number(value: Any) -> bool:
    """Return whether it is a finite number, and not a bool."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
