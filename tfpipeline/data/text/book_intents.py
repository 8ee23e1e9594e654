"""Makes requests to a bookshop by intent: a stand-in for the proprietary Books Intent."""

from __future__ import annotations

import re
import zlib
from random import Random

from tfpipeline.data.arguments import check_count
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.book_frames import AFTER, BEFORE
from tfpipeline.data.text.book_slots import SLOTS
from tfpipeline.data.text.book_templates import TEMPLATES
from tfpipeline.data.text.labelled_texts import LabelledTexts, TextSamples, samples_of
from tfpipeline.data.text.spelling_noise import misspelled

# Eight templates of each intent are in all splits, one only in validation and one only in the test.
_TEMPLATES_OF = {
    "train": (0, 1, 2, 3, 4, 5, 6, 7),
    "validation": (0, 1, 2, 3, 4, 5, 6, 7, 8),
    "test": (0, 1, 2, 3, 4, 5, 6, 7, 9),
}
_SHARED = {templates[index] for templates in TEMPLATES.values() for index in _TEMPLATES_OF["train"]}
# Of ten whole requests that all splits could have, two are for validation and two for the test.
_TENTHS = {6: "validation", 7: "validation", 8: "test", 9: "test"}
_ATTEMPTS = 50


def synthesize_book_intents(
    seed: int = 0,
    train: int = 50_000,
    validation: int = 5_000,
    test: int = 5_000,
    noise: float = 0.08,
) -> LabelledTexts:
    """Make requests to a bookshop with twenty intents: find by author, price, return an order.

    In the manner and sizes of Books Intent (Acharya et al. 2019), which is not public. Each request
    is a template filled with names, titles and the like, often with something else said before or
    after it, in lower case without signs, and with spelling errors. Titles are made of the words of
    requests ("the price of a page", "return to oslo"), and the same things are said around all
    intents, so that no word gives an intent away.

    No template of a whole request (something before, what is wanted, something behind) is in two
    splits. Of an intent itself eight wordings are in all splits, a ninth only in validation and a
    tenth only in the test: one request in nine has a wording that no model has seen. A third of
    what is said around it is new there too. Intents are equally frequent, and no request occurs
    twice in the set.

    Made text is more regular than that of people: figures from it compare models.

    Args:
        seed: of everything that is drawn.
        train, validation, test: requests of each split.
        noise: share of the words of four letters and more that have a spelling error.

    Raises:
        ValueError: impossible sizes or noise, or sizes that need more requests than there are.

    Example:
        >>> data = synthesize_book_intents(train=2000, validation=200, test=200)
        >>> len(data.labels)
        20
    """
    sizes = {"train": train, "validation": validation, "test": test}
    for name, size in sizes.items():
        check_count("synthesize_book_intents", name, size)
    if isinstance(noise, bool) or not isinstance(noise, (int, float)) or not 0 <= noise <= 1:
        raise ValueError(
            f"synthesize_book_intents: noise must be a number from 0 to 1, the share of misspelled "
            f"words; received {noise!r}."
        )
    seen: set[str] = set()
    # One stream of random numbers a split: the size of one does not change another's first texts.
    for_training, for_validation, for_test = (
        _split(Random(f"books {seed} {split}"), split, sizes[split], noise, seen)
        for split in SPLITS
    )
    return LabelledTexts(
        tuple(TEMPLATES),
        for_training,
        for_validation,
        for_test,
        {"name": "book intents", "source": "synthesized", "seed": seed, "noise": noise},
    )


def _split(draw: Random, split: str, size: int, noise: float, seen: set[str]) -> TextSamples:
    intents = list(TEMPLATES)
    order = [number % len(intents) for number in range(size)]
    draw.shuffle(order)
    texts = []
    for number in order:
        templates = [TEMPLATES[intents[number]][index] for index in _TEMPLATES_OF[split]]
        for _ in range(_ATTEMPTS):
            text = _request(draw, split, draw.choice(templates), noise)
            if text not in seen:
                break
        else:
            raise ValueError(
                f"synthesize_book_intents: {split} must be smaller than {size}: the templates give "
                f"no more different requests of the intent {intents[number]!r}."
            )
        seen.add(text)
        texts.append(text)
    return samples_of(texts, order)


def _request(draw: Random, split: str, template: str, noise: float) -> str:
    parts = _parts(draw, split, template)
    filled = " ".join(" ".join(_filled(draw, part) for part in parts).split())
    return " ".join(misspelled(draw, word, noise) for word in filled.split())


def _parts(draw: Random, split: str, template: str) -> tuple[str, str, str]:
    """Return a whole request: something before, what is wanted, and something behind it."""
    own = () if split == "train" else (split,)
    before, after = (
        [text for name in ("train", *own) for text in frames[name]] for frames in (BEFORE, AFTER)
    )
    while True:
        parts = (draw.choice(before), template, draw.choice(after))
        if _home(parts) in (split, None):
            return parts


def _home(parts: tuple[str, str, str]) -> str | None:
    """Return the split of a whole request; None where one of its parts says it already."""
    shared = (BEFORE["train"], _SHARED, AFTER["train"])
    if not all(part in texts for part, texts in zip(parts, shared, strict=True)):
        return None
    # The same in all versions of Python, as its own hash of strings is not.
    return _TENTHS.get(zlib.crc32("|".join(parts).encode()) % 10, "train")


def _filled(draw: Random, template: str) -> str:
    chosen = re.sub(r"\(([^)]*)\)", lambda match: draw.choice(match[1].split("|")), template)
    return re.sub(r"\{(\w+)\}", lambda match: SLOTS[match[1]](draw), chosen)
