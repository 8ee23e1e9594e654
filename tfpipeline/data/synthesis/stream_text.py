"""What is said in a long stream beside its keywords: sentences and words that hold none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfpipeline.data.synthesis.corpus_plan import UNKNOWN
from tfpipeline.data.synthesis.noise import SENTENCES
from tfpipeline.data.synthesis.sentence_grammar import GRAMMAR, draw_sentence

# What people talk about who do not talk to a device.
SMALL_TALK: dict[str, tuple[str, ...]] = {
    "sentence": (
        "the {adjective} {animal} slept under the {furniture} all {time}",
        "my {relative} {bought} a {adjective} {object} last {day}",
        "they {travelled} to the {place} by {vehicle} and came back {feeling}",
        "we should invite the {people} for {meal} next {day}",
        "have you seen the {adjective} {object} that my {relative} {bought}",
        "there were {many} {people} at the {place} this {time}",
        "he told us a {adjective} story about a {animal} and a {object}",
        "the {people} said it would take {many} weeks to paint the {place}",
        "after {meal} the {people} {travelled} home by {vehicle}",
        "a {adjective} {animal} was waiting near the {place}",
        "she felt {feeling} because her {object} was {adjective}",
        "{many} {people} live in that {adjective} house behind the {place}",
    ),
    "adjective": (
        *("old", "small", "beautiful", "strange", "green", "expensive", "broken", "friendly"),
        *("dirty", "famous", "heavy", "lovely", "yellow", "quiet", "wooden", "clever"),
    ),
    "animal": ("rabbit", "horse", "spider", "puppy", "squirrel", "turtle", "parrot", "sheep"),
    "furniture": ("table", "armchair", "cupboard", "blanket", "wardrobe", "bench"),
    "time": ("morning", "afternoon", "evening", "winter", "summer", "week"),
    "relative": ("sister", "uncle", "cousin", "grandfather", "daughter", "nephew"),
    "bought": ("bought", "repaired", "borrowed", "painted", "described", "received"),
    "object": (
        *("bicycle", "umbrella", "guitar", "picture", "mirror", "basket", "jacket", "lamp"),
        *("suitcase", "camera", "kettle", "pencil"),
    ),
    "day": ("thursday", "saturday", "tuesday", "month", "january", "winter"),
    "travelled": ("travelled", "walked", "drove", "hurried", "returned", "wandered"),
    "place": ("museum", "harbour", "village", "library", "theatre", "bakery", "hospital", "beach"),
    "vehicle": ("bus", "taxi", "ferry", "tram", "bicycle", "aeroplane"),
    "feeling": ("happy", "hungry", "tired", "proud", "nervous", "cheerful"),
    "people": ("teachers", "farmers", "students", "painters", "visitors", "musicians", "nurses"),
    "meal": ("breakfast", "lunch", "dinner", "supper", "tea"),
    "many": ("many", "several", "twelve", "thirty", "hundreds of", "few"),
}
# Words that sound like a keyword, and so are one to who listens.
_SOUND_ALIKE = {
    **{"no": ("know",), "right": ("write", "rite", "wright"), "one": ("won",)},
    **{"two": ("to", "too"), "four": ("for", "fore"), "eight": ("ate",), "hey": ("hay",)},
}
_TRIES = 1000


class FillerText:
    """Draws text that holds none of the keywords, nor a word that sounds like one.

    Args:
        keywords: lower-case words or phrases.

    Raises:
        ValueError: the keywords leave too little to say.
    """

    def __init__(self, keywords: Sequence[str]) -> None:
        sounds = [word for keyword in keywords for word in _SOUND_ALIKE.get(keyword, ())]
        self._forbidden = tuple(f" {word} " for word in (*keywords, *sounds))
        spoken = {word for rule in SMALL_TALK.values() for text in rule for word in text.split()}
        self._words = tuple(
            word
            for word in sorted({*UNKNOWN, *spoken})
            if word.isalpha() and self.allows(word) and len(word) > 2
        )
        self.sentences = tuple(text for text in SENTENCES if self.allows(text))
        if not self.sentences or len(self._words) < len(UNKNOWN):
            raise ValueError(
                "synthesize_stream: keywords are so common words that no text without them is "
                f"left; received {tuple(keywords)!r}."
            )

    def allows(self, text: str) -> bool:
        """Return whether a text holds none of the keywords."""
        return not any(word in f" {text} " for word in self._forbidden)

    def sentence(self, rng: np.random.Generator) -> str:
        """Return small talk, or what is said to a device that obeys other words."""
        for _ in range(_TRIES):
            grammar = SMALL_TALK if rng.random() < 0.6 else GRAMMAR
            text = draw_sentence(rng, grammar)
            if self.allows(text):
                return text
        return self.sentences[int(rng.integers(len(self.sentences)))]

    def word(self, rng: np.random.Generator) -> str:
        """Return a single word."""
        return self._words[int(rng.integers(len(self._words)))]
