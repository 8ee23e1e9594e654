"""Prefix beam search over the logits of a CTC model, with a language model if there is one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tfpipeline.decoding.alphabet import Alphabet
from tfpipeline.decoding.greedy import check_logits
from tfpipeline.decoding.prefix_tree import LanguageModel, PrefixTree


class Hypothesis(NamedTuple):
    """A text, the score that ranks it, and its log p by the CTC model alone."""

    text: str
    score: float
    log_probability: float


def beam_search(
    logits: Any,
    frames: Any = None,
    alphabet: Alphabet | None = None,
    beam_width: int = 32,
    language_model: LanguageModel | None = None,
    alpha: float = 0.5,
    beta: float = 1.0,
    margin: float = float("inf"),
    n_best: int = 1,
) -> list[list[Hypothesis]]:
    """Return the texts with the largest log p_CTC(text) + alpha log p_LM(text) + beta words(text).

    A prefix keeps the probability of all its paths, those that end in a blank apart from the others
    (Graves 2008; Hannun et al. 2014); with a wide enough beam `log_probability` is exact. Words are
    what spaces separate; each is rated when a space or the last frame ends it. Without a language
    model alpha and beta are not used. Of equal scores the shorter and earlier prefix wins, so that
    results are the same on every machine.

    Args:
        logits: `(batch, frames, symbols)`, not probabilities.
        frames: valid frames of each utterance, `(batch,)`; None is all of them.
        alphabet: of the symbols; English by default.
        beam_width: prefixes that are kept after each frame.
        language_model: `language_model(history, word)` returns the natural logarithm of the
            probability of `word`, a str, after `history`, a tuple of the words before it.
        alpha: weight of the language model.
        beta: what each word adds, against the preference of a language model for few words.
        margin: prefixes whose score is farther below the best one are dropped.
        n_best: hypotheses for each utterance, the best first; at most `beam_width`.

    Raises:
        ValueError: for a bad argument, or a language model with an alphabet that has no space.

    >>> [best] = [found[0].text for found in beam_search(logits, alphabet=Alphabet())]
    """
    alphabet = alphabet or Alphabet()
    values, lengths = check_logits(logits, frames, alphabet)
    for name, number in (("beam_width", beam_width), ("n_best", n_best)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"`{name}` must be a positive int; received {number!r}.")
    if not isinstance(margin, (int, float)) or not margin > 0:
        raise ValueError(f"`margin` must be positive; received {margin!r}.")
    if alphabet.grams:
        raise ValueError(
            "`alphabet` must not have grams, since a beam would hold the same text in several "
            "cuts; use greedy_decode."
        )
    if language_model is not None and not callable(language_model):
        raise ValueError(
            f"`language_model` must be a function of a history and a word; received "
            f"{language_model!r}."
        )
    if language_model is not None and alphabet.space is None:
        raise ValueError(
            f"`language_model` rates words, and {alphabet!r} has no space to separate them; use an "
            "alphabet with a space."
        )
    return [
        _search(
            _log_softmax(row[:length]),
            PrefixTree(alphabet, language_model, alpha, beta),
            _Pruning(beam_width, margin),
        )[:n_best]
        for row, length in zip(values, lengths, strict=True)
    ]


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class _Pruning:
    def __init__(self, width: int, margin: float) -> None:
        self.width, self.margin = width, margin

    def kept(self, scores: np.ndarray) -> np.ndarray:
        """Return the indices of the best scores, best first; of equal ones the first."""
        order = np.argsort(-scores, kind="stable")[: self.width]
        best = scores[order]
        return order[(best >= best[0] - self.margin) & (best > -np.inf)]


def _search(log_p: np.ndarray, tree: PrefixTree, pruning: _Pruning) -> list[Hypothesis]:
    blank, symbols = tree.alphabet.blank, log_p.shape[1]
    nodes = np.array([tree.root])
    # log p of the paths of each prefix that end in a blank, and of those in its last symbol.
    after_blank, after_symbol = np.zeros(1), np.full(1, -np.inf)
    for frame in log_p:
        width = len(nodes)
        last = tree.last_symbols(nodes)
        total = np.logaddexp(after_blank, after_symbol)
        # The root has no last symbol, and no path that ends in one.
        stay_symbol = after_symbol + np.where(last == blank, -np.inf, frame[last])
        grown = total[:, None] + frame
        rows = np.arange(width)
        grown[rows, last] = after_blank + frame[last]
        grown[:, blank] = -np.inf
        # A prefix that grows into another one of the beam adds to that one.
        parents = tree.parents_among(nodes)
        children = np.flatnonzero(parents >= 0)
        source = (parents[children], last[children])
        stay_symbol[children] = np.logaddexp(stay_symbol[children], grown[source])
        grown[source] = -np.inf

        stay_blank = total + frame[blank]
        stay_score = np.logaddexp(stay_blank, stay_symbol) + tree.bonus(nodes)
        kept = pruning.kept(np.concatenate([stay_score, (grown + tree.bonuses(nodes)).ravel()]))
        stays = kept < width
        parent, symbol = np.divmod(np.where(stays, 0, kept - width), symbols)
        old = np.where(stays, kept, 0)
        nodes = np.array(
            [
                nodes[kept[i]] if stays[i] else tree.child(int(nodes[parent[i]]), int(symbol[i]))
                for i in range(len(kept))
            ]
        )
        after_blank = np.where(stays, stay_blank[old], -np.inf)
        after_symbol = np.where(stays, stay_symbol[old], grown[parent, symbol])
    total = np.logaddexp(after_blank, after_symbol)
    scores = total + np.array([tree.final_bonus(int(node)) for node in nodes])
    return [
        Hypothesis(tree.text(int(nodes[i])), float(scores[i]), float(total[i]))
        for i in np.argsort(-scores, kind="stable")
    ]
