"""CTC whose symbols are grams: one or more characters each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfpipeline.losses.ctc import CTC, LOG_ZERO, judged, log_probabilities, valid_frames
from tfpipeline.losses.grams import check_gram_logits, check_grams
from tfpipeline.losses.packed_labels import check_shapes, split_labels, well_formed


@keras.saving.register_keras_serializable(package="tfpipeline")
class GramCTC(CTC):
    """loss = -log sum of p(path) over all paths that collapse to a cut of the label into grams.

    Liu et al. (2017): the model may emit frequent groups of characters as one symbol, so that it
    needs fewer frames; the loss sums over all cuts of the text as well. A state (i, j) has emitted
    i characters and ended in the gram of the last j of them, or in a blank when j = 0:

        a(i, 0) <- p(blank) (a(i, 0) + sum over j of a(i, j))
        a(i, j) <- p(gram) (a(i, j) + sum over k of a(i - j, k), without k = j if that is the same
        gram, which would merge with this one)

    With grams of one character only it equals `CTC`. The gradient is that of the forward and the
    backward variables. Lengths, infeasible labels and precision are as in `CTC`.

    Args:
        grams: the character indices of each symbol, in the order of the logits after the blank,
            which is 0: `Alphabet(grams=["th", "he"]).gram_indices`. Every character that occurs
            must also be there alone.
        reduction: as in Keras; the mean over the utterances by default.
        name: of the loss.

    Call arguments:
        y_true: `(batch, 1 + max_label)`, from `pack_labels(..., grams=grams)`: frames, then
            characters.
        y_pred: logits, `(batch, frames, 1 + number of grams)`.

    Raises:
        ValueError: for grams that are empty, twice there, or have a character that is not.
    """

    def __init__(
        self,
        grams: Sequence[Sequence[int]],
        reduction: str | None = "sum_over_batch_size",
        name: str = "gram_ctc",
    ) -> None:
        super().__init__(0, reduction, name)
        self.grams = check_grams(grams)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        check_shapes(type(self).__name__, y_true, y_pred, self.blank)
        check_gram_logits(y_pred, self.grams)
        frames, labels, lengths = split_labels(y_true, self.blank)
        if labels.shape[1] == 0:  # all empty: a column of padding, since a loop must have a step
            labels = ops.pad(labels, [(0, 0), (0, 1)])
        symbols = _gram_symbols(labels, self.grams)
        return _gram_ctc_loss(y_pred, frames, symbols, lengths, well_formed(y_true, self.blank))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["blank"]
        return {**config, "grams": [list(gram) for gram in self.grams]}


def _gram_symbols(labels: Any, grams: Sequence[Sequence[int]]) -> Any:
    """`(batch, 1 + max_label, 1 + longest)`: the symbol of each state; -1 where there is none."""
    longest = max(map(len, grams))
    base = 1 + max(map(max, grams))
    codes = [sum(c * base**k for k, c in enumerate(reversed(gram))) for gram in grams]
    known = ops.convert_to_tensor(codes, dtype="int32")
    padded = ops.pad(labels, [(0, 0), (longest, 0)])
    width = ops.shape(labels)[1] + 1
    columns = [ops.zeros_like(padded[:, :width])]
    code = columns[0]
    whole = ops.ones_like(code, dtype="bool")
    for j in range(1, longest + 1):
        # The character j places before the end of the first i characters.
        character = padded[:, longest - j : longest - j + width]
        code = code + character * base ** (j - 1)
        whole = whole & (character > 0) & (character < base)
        same = ops.equal(code[:, :, None], known) & whole[:, :, None]
        symbol = 1 + ops.cast(ops.argmax(ops.cast(same, "int32"), axis=2), "int32")
        columns.append(ops.where(ops.any(same, axis=2), symbol, -1))
    return ops.stack(columns, axis=2)


def _gram_ctc_loss(logits: Any, frames: Any, symbols: Any, lengths: Any, sound: Any) -> Any:
    rows = ops.arange(ops.shape(symbols)[1], dtype="int32")[None, :]
    # Every character that occurs in a gram is a gram of its own as well.
    unknown = (symbols[:, :, 1] < 0) & (rows > 0) & (rows <= lengths[:, None])
    sound = sound & ops.logical_not(ops.any(unknown, axis=1)) & (frames <= ops.shape(logits)[1])
    fits = (_least_frames(symbols, lengths) <= frames) & (frames > 0)

    def with_gradient(values: Any) -> Any:
        # Or a persistent GradientTape would differentiate the loop as well, beside `gradient`.
        values = ops.stop_gradient(values)
        log_p = log_probabilities(values)
        log_total, occupancy = _forward_backward(log_p, frames, symbols, lengths)
        valid = valid_frames(frames, ops.shape(values)[1])
        loss, counts = judged(-log_total, log_p, valid, fits, sound)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            (scale,) = arguments if upstream is None else (upstream,)
            chosen = (valid & counts[:, None])[:, :, None]
            slope = ops.where(chosen, ops.exp(log_p) - occupancy, 0.0)
            return scale[:, None, None] * slope

        return loss, gradient

    return ops.custom_gradient(with_gradient)(logits)


def _least_frames(symbols: Any, lengths: Any) -> Any:
    """Return the least frames for each label, `(batch,)`: `frames_needed` in a compiled step."""
    columns = symbols.shape[2]
    longest = columns - 1
    never = ops.full_like(symbols[:, 0], 2**30)  # twice that would not fit
    empty = ops.where(ops.arange(columns, dtype="int32")[None, :] == 0, 0, never)

    def step(last: Any, now: Any) -> Any:
        # `last`: the least frames and the symbols of the rows i - 1, i - 2, ...
        counts, before = last[:, :, 0], last[:, :, 1]
        ends = [never[:, 0]]
        for j in range(1, columns):
            again = ops.arange(columns, dtype="int32")[None, :] == j
            again = again & (before[:, j - 1] == now[:, j : j + 1])
            least = 1 + ops.min(counts[:, j - 1] + ops.cast(again, "int32"), axis=1)
            ends.append(ops.where(now[:, j] >= 0, ops.minimum(least, never[:, 0]), never[:, 0]))
        row = ops.stack(ends, axis=1)
        newest = ops.stack([row, now], axis=1)[:, None]
        rows = ops.concatenate([newest, last[:, :-1]], axis=1)
        return rows, rows  # what is collected has the shape of the carry

    first = ops.stack([empty, ops.full_like(empty, -2)], axis=1)[:, None]
    others = ops.stack([never, ops.full_like(empty, -2)], axis=1)[:, None]
    start = ops.concatenate([first] + [others] * (longest - 1), axis=1)
    _, rows = ops.scan(step, start, ops.transpose(symbols[:, 1:], (1, 0, 2)))
    rows = ops.concatenate([empty[None], rows[:, :, 0, 0]], axis=0)
    least = ops.min(ops.transpose(rows, (1, 0, 2)), axis=2)
    return ops.take_along_axis(least, lengths[:, None], axis=1)[:, 0]


def _forward_backward(log_p: Any, frames: Any, symbols: Any, lengths: Any) -> Any:
    """Return log p of each label, and the share of each symbol in each frame of its paths."""
    batch, time, classes = ops.shape(log_p)
    rows, columns = ops.shape(symbols)[1], symbols.shape[2]
    exists = symbols >= 0
    index = ops.reshape(ops.where(exists, symbols, 0), (batch, 1, rows * columns))
    emitted = ops.take_along_axis(
        log_p, ops.broadcast_to(index, (batch, time, rows * columns)), axis=2
    )
    emitted = ops.reshape(emitted, (batch, time, rows, columns))
    emitted = ops.transpose(ops.where(exists[:, None], emitted, LOG_ZERO), (1, 0, 2, 3))
    # Adds LOG_ZERO where a gram would follow itself without a blank between.
    repeats = [
        ops.where(symbols[:, :, j] == _later(symbols, j, -2)[:, :, j], LOG_ZERO, 0.0)
        for j in range(1, columns)
    ]
    row = ops.arange(rows, dtype="int32")[None, :, None]
    start = ops.where(row + ops.arange(columns, dtype="int32") == 0, 0.0, LOG_ZERO)
    start = ops.broadcast_to(start, (batch, rows, columns))
    end = ops.broadcast_to(
        ops.where(row == lengths[:, None, None], 0.0, LOG_ZERO), (batch, rows, columns)
    )

    def forward(alpha: Any, log_p_now: Any) -> Any:
        arrived = [_log_sum(alpha)]
        for j in range(1, columns):
            before = _without_repeat(_later(alpha, j, LOG_ZERO), repeats[j - 1], j)
            arrived.append(_log_sum(ops.concatenate([alpha[:, :, j : j + 1], before], axis=2)))
        alpha = log_p_now + ops.stack(arrived, axis=2)
        return alpha, alpha

    def backward(carry: Any, item: Any) -> Any:
        log_p_next, at_end = item
        ahead = carry + log_p_next
        after_blank = [ahead[:, :, :1]]
        for j in range(1, columns):
            after_blank.append(_earlier(ahead[:, :, j : j + 1], j, LOG_ZERO))
        # From a blank on, and from each gram on: staying in it, or leaving it for any but itself.
        ways = ops.concatenate(after_blank, axis=2)
        left = [_log_sum(ways)]
        for j in range(1, columns):
            repeat = _earlier(repeats[j - 1], j, 0.0)
            others = _without_repeat(ways, repeat, j)
            left.append(_log_sum(ops.concatenate([ahead[:, :, j : j + 1], others], axis=2)))
        beta = ops.where(at_end[:, None, None], end, ops.stack(left, axis=2))
        return beta, beta

    _, alpha = ops.scan(forward, start, emitted)
    next_emitted = ops.concatenate([emitted[1:], emitted[:1]], axis=0)
    at_end = ops.arange(time, dtype="int32")[:, None] == frames[None, :] - 1
    _, beta = ops.scan(backward, end, (next_emitted, at_end), reverse=True)
    joint = ops.reshape(alpha + beta, (time, batch, rows * columns))
    total = _log_sum(joint)
    shares = ops.exp(joint - total[:, :, None])
    one_hot = ops.one_hot(ops.reshape(symbols, (batch, rows * columns)), classes, dtype="float32")
    return total[0], ops.einsum("tbs,bsk->btk", shares, one_hot)


def _log_sum(values: Any) -> Any:
    """ops.logsumexp over the last axis, of finite numbers."""
    peak = ops.max(values, axis=-1)
    return peak + ops.log(ops.sum(ops.exp(values - peak[..., None]), axis=-1))


def _later(values: Any, j: int, filler: float) -> Any:
    """Return values j characters on: entry i of the result is entry i - j."""
    edge = ops.full_like(values[:, :1], filler)
    return ops.concatenate([edge] * j + [values], axis=1)[:, : ops.shape(values)[1]]


def _earlier(values: Any, j: int, filler: float) -> Any:
    """Return values j characters back: entry i of the result is entry i + j."""
    edge = ops.full_like(values[:, :1], filler)
    return ops.concatenate([values] + [edge] * j, axis=1)[:, j:]


def _without_repeat(values: Any, repeat: Any, j: int) -> Any:
    return ops.concatenate(
        [values[:, :, :j], values[:, :, j : j + 1] + repeat[:, :, None], values[:, :, j + 1 :]],
        axis=2,
    )
