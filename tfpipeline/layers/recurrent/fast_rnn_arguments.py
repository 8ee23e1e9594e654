"""What FastRNN may be given beside what every recurrent cell takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.layers.recurrent.logits import check_logit

#: Starts alpha at one over the number of time steps.
ONE_OVER_TIME = "1/T"


def check_alpha(alpha_init: Any) -> float | str:
    """Return `alpha_init` as it is kept, or raise."""
    if isinstance(alpha_init, str):
        if alpha_init == ONE_OVER_TIME:
            return alpha_init
        raise ValueError(f"`alpha_init` must be a logit or '1/T'; received {alpha_init!r}.")
    return check_logit(alpha_init, "alpha_init")


def optional_logit(value: Any, argument: str) -> float | None:
    """Return the start of a logit or None, or raise."""
    return None if value is None else check_logit(value, argument)


def check_time_steps(time_steps: Any, alpha_init: Any) -> int | None:
    """Return `time_steps` if it is a positive int that is asked for, or None; raise otherwise."""
    if time_steps is None:
        return None
    whole = isinstance(time_steps, (int, np.integer)) and not isinstance(time_steps, bool)
    if not whole or time_steps < 1:
        raise ValueError(f"`time_steps` must be a positive int or None; received {time_steps!r}.")
    if alpha_init != ONE_OVER_TIME:
        raise ValueError(
            f"`time_steps` must be None unless alpha_init='1/T'; received {time_steps!r} with "
            f"alpha_init={alpha_init!r}."
        )
    return int(time_steps)


def check_forms(
    tie_beta: bool,
    vector_alpha: bool,
    beta_init: float | None,
    zeta_init: float | None,
    nu_init: float | None,
) -> None:
    """Raise where one argument says that another has no effect."""
    if tie_beta and vector_alpha:
        raise ValueError(
            "`tie_beta` must be False with vector_alpha=True, where beta is zeta (1 - alpha) + nu; "
            "leave one of them out."
        )
    if beta_init is not None and (tie_beta or vector_alpha):
        form = "tie_beta=True" if tie_beta else "vector_alpha=True"
        raise ValueError(
            f"`beta_init` must be None with {form}, where beta follows from alpha; received "
            f"{beta_init!r}."
        )
    if not vector_alpha and (zeta_init, nu_init) != (None, None):
        raise ValueError(
            "`zeta_init` and `nu_init` must be None with vector_alpha=False, where there is "
            f"neither zeta nor nu; received {zeta_init!r} and {nu_init!r}."
        )
