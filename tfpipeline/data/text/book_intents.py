"""Makes requests to a bookshop by intent: a stand-in for the proprietary Books Intent."""

from __future__ import annotations

import re
from random import Random

from tfpipeline.data.arguments import check_count
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.book_slots import SLOTS
from tfpipeline.data.text.book_templates import TEMPLATES
from tfpipeline.data.text.labelled_texts import LabelledTexts, TextSamples, samples_of
from tfpipeline.data.text.spelling_noise import misspelled

# Templates of each intent by split; none is in two.
_TEMPLATES_OF = {"train": slice(0, 6), "validation": slice(6, 8), "test": slice(8, 10)}
# What people say before and after what they want, whatever that is.
_BEFORE = (
    *(
        "",
        "",
        "",
        "",
        "",
        "hi",
        "hello",
        "please",
        "can you help me",
        "excuse me",
        "quick question",
    ),
    *("i have a question", "last week i bought {title}", "i just finished {title} by {author}"),
    *("my {person} gave me {title}", "i read a review of {author}", "i like {genre}"),
    *("i ordered {title} on {day}", "i saw {title} in {city} for {price}", "i live in {city}"),
    *("my {person} is reading {title}", "i have {title} in {language} already"),
)
_AFTER = (
    *("", "", "", "", "", "please", "thanks", "thank you", "if you can", "i am in a hurry"),
    *("it is for my {person}", "i have {price}", "i am in {city} until {day}", "not {title}"),
    *("my {person} wants to know", "i do not mind the price", "i do not need it before {day}"),
)
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
    intents, so that no word gives an intent away. Of each intent's ten templates six are for
    training, two for validation and two for the test, so that a model meets wordings it has not
    seen. Intents are equally frequent, and no request occurs twice in the set.

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
    splits = [
        _split(Random(f"books {seed} {split}"), split, sizes[split], noise, seen)
        for split in SPLITS
    ]
    return LabelledTexts(
        tuple(TEMPLATES),
        *splits,
        provenance={"name": "book intents", "source": "synthesized", "seed": seed, "noise": noise},
    )


def _split(draw: Random, split: str, size: int, noise: float, seen: set[str]) -> TextSamples:
    intents = list(TEMPLATES)
    order = [number % len(intents) for number in range(size)]
    draw.shuffle(order)
    texts = []
    for number in order:
        templates = TEMPLATES[intents[number]][_TEMPLATES_OF[split]]
        for _ in range(_ATTEMPTS):
            text = _request(draw, draw.choice(templates), noise)
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


def _request(draw: Random, template: str, noise: float) -> str:
    parts = (draw.choice(_BEFORE), template, draw.choice(_AFTER))
    filled = " ".join(" ".join(_filled(draw, part) for part in parts).split())
    return " ".join(misspelled(draw, word, noise) for word in filled.split())


def _filled(draw: Random, template: str) -> str:
    chosen = re.sub(r"\(([^)]*)\)", lambda match: draw.choice(match[1].split("|")), template)
    return re.sub(r"\{(\w+)\}", lambda match: SLOTS[match[1]](draw), chosen)
