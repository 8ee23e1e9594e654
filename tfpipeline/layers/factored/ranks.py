"""What users give as `rank` and `joint`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Rank = int | float | str

JOINT_FORMS = {
    "partial": "one factorization for the input kernel and one for the recurrent kernel",
    "split": "one a gate",
    "all": "one for both kernels",
    "prabhavalkar": "one of the recurrent kernel, whose left factor also projects the output",
}


def check_rank(rank: Any, argument: str) -> Rank:
    """Return `rank` if it is `"full"`, a positive int, or a float in (0, 1]; raise otherwise."""
    valid = rank == "full" if isinstance(rank, str) else False
    if isinstance(rank, (int, np.integer)) and not isinstance(rank, bool):
        rank = int(rank)
        valid = rank >= 1
    elif isinstance(rank, (float, np.floating)):
        rank = float(rank)
        valid = 0.0 < rank <= 1.0
    if not valid:
        raise ValueError(
            f"`{argument}` must be 'full', a positive int, or a float in (0, 1] as a fraction of "
            f"the smaller side of the matrix; received {rank!r}."
        )
    return rank


def resolve_rank(rank: Rank, rows: int, columns: int, argument: str) -> int:
    """Turn a rank as the user gave it into a number for a `(rows, columns)` matrix."""
    full = min(rows, columns)
    if rank == "full":
        return full
    if isinstance(rank, float):
        # The tolerance keeps 0.1 * 30 at 3: the product is 3.0000000000000004 in floating point.
        return max(1, math.ceil(rank * full - 1e-9))
    if int(rank) > full:
        raise ValueError(
            f"`{argument}` must be at most {full} for a matrix of shape ({rows}, {columns}); "
            f"received {rank}; use 'full' for the largest rank."
        )
    return int(rank)


def check_joint(joint: Any, forms: tuple[str, ...] = tuple(JOINT_FORMS)) -> str:
    """Return `joint` if that form of joint factorization exists."""
    if joint not in forms:
        listed = ", ".join(f"{form!r} ({JOINT_FORMS[form]})" for form in forms)
        raise ValueError(f"`joint` must be one of {listed}; received {joint!r}.")
    return str(joint)


def check_forms(joint: Any, recurrent_rank: Any) -> str:
    """Return `joint` if it exists and may have a rank of its own for the recurrent kernel."""
    joint = check_joint(joint)
    if joint in ("all", "prabhavalkar") and recurrent_rank is not None:
        raise ValueError(
            f"`recurrent_rank` must be None with joint={joint!r}, which has one rank; received "
            f"{recurrent_rank!r}: give `rank`."
        )
    return joint


def check_ranks(rank: Any, argument: str, joint: str, gates: int) -> Any:
    """Return one rank, or with `joint="split"` also a list of one a gate."""
    if not isinstance(rank, (list, tuple)) or joint != "split":
        return check_rank(rank, argument)
    if len(rank) != gates:
        raise ValueError(
            f"`{argument}` as a list must have one rank for each of the {gates} gates; received "
            f"{list(rank)!r}."
        )
    return [check_rank(item, argument) for item in rank]
