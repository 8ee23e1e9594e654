"""Which matrices of a recurrent layer share a factorization."""

from __future__ import annotations

from typing import Any

from tfpipeline.layers.factored.factored_kernel import check_rank

JOINT_FORMS = {
    "partial": "one factorization for the input kernel and one for the recurrent kernel",
    "split": "one a gate",
    "all": "one for both kernels",
    "prabhavalkar": "one of the recurrent kernel, whose left factor also projects the output",
}


def check_joint(joint: Any, forms: tuple[str, ...] = tuple(JOINT_FORMS)) -> str:
    """Returns `joint` if that form of joint factorization exists."""
    if joint not in forms:
        listed = ", ".join(f"{form!r} ({JOINT_FORMS[form]})" for form in forms)
        raise ValueError(f"`joint` must be one of {listed}; received {joint!r}.")
    return str(joint)


def check_forms(joint: Any, recurrent_rank: Any) -> str:
    """Returns `joint` if it exists and may have a rank of its own for the recurrent kernel."""
    joint = check_joint(joint)
    if joint in ("all", "prabhavalkar") and recurrent_rank is not None:
        raise ValueError(
            f"`recurrent_rank` must be None with joint={joint!r}, which has one rank; received "
            f"{recurrent_rank!r}: give `rank`."
        )
    return joint


def check_ranks(rank: Any, argument: str, joint: str, gates: int) -> Any:
    """Returns one rank, or with `joint="split"` also a list of one a gate."""
    if not isinstance(rank, (list, tuple)) or joint != "split":
        return check_rank(rank, argument)
    if len(rank) != gates:
        raise ValueError(
            f"`{argument}` as a list must have one rank for each of the {gates} gates; received "
            f"{list(rank)!r}."
        )
    return [check_rank(item, argument) for item in rank]
