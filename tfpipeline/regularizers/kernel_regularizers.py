"""The two strengths of Kliegl et al.: for recurrent and for all other matrices."""

from __future__ import annotations

from typing import Any

from tfpipeline.regularizers.half_l2 import HalfL2
from tfpipeline.regularizers.trace_norm import TraceNorm, check_strength

_KINDS = {"trace_norm": TraceNorm, "l2": HalfL2}


def kernel_regularizers(
    kind: str | None, nonrec: float, rec: float | None = None, *, ratio: float | None = None
) -> dict[str, Any]:
    """Return the arguments `kernel_regularizer` and `recurrent_regularizer` of a recurrent layer.

    Kliegl et al. (2018), section 3.2.1, have one strength lambda_rec for recurrent matrices and one
    lambda_nonrec for all others; for the trace norm they tie the two, for l2 they search both.

    Args:
        kind: `"trace_norm"` for factored layers, `"l2"` for plain ones, None for no regularizer.
        nonrec: lambda_nonrec.
        rec: lambda_rec; give this or `ratio`.
        ratio: lambda_rec / lambda_nonrec.

    Raises:
        ValueError: for an unknown kind, a bad strength, or both or none of `rec` and `ratio`.

    Example:

    >>> layer = FactoredGRU(96, **kernel_regularizers("trace_norm", 1e-4, ratio=3))
    """
    if (rec is None) == (ratio is None):
        raise ValueError(
            f"kernel_regularizers needs one of `rec` and `ratio`; received rec={rec!r} and "
            f"ratio={ratio!r}."
        )
    nonrec = check_strength(nonrec, "nonrec")
    if rec is None:
        rec = nonrec * check_strength(ratio, "ratio")
    rec = check_strength(rec, "rec")
    if kind is None:
        return {"kernel_regularizer": None, "recurrent_regularizer": None}
    if kind not in _KINDS:
        raise ValueError(
            f"`kind` must be {', '.join(map(repr, _KINDS))} or None; received {kind!r}."
        )
    make = _KINDS[kind]
    return {"kernel_regularizer": make(nonrec), "recurrent_regularizer": make(rec)}
