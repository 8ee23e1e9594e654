from __future__ import annotations

import json
import re
from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.data import synthesize_book_intents
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text import book_intents
from tfpipeline.data.text.book_frames import AFTER, BEFORE
from tfpipeline.data.text.book_slots import SLOTS
from tfpipeline.data.text.book_templates import TEMPLATES
from tfpipeline.data.text.spelling_noise import misspelled

SMALL = {"train": 400, "validation": 100, "test": 100}


def test_it_is_the_same_again_and_another_for_another_seed() -> None:
    one, same, other = (synthesize_book_intents(seed, **SMALL) for seed in (1, 1, 2))
    for split in SPLITS:
        assert one.splits()[split].texts == same.splits()[split].texts
        np.testing.assert_array_equal(one.splits()[split].y, same.splits()[split].y)
        assert not set(one.splits()[split].texts) & set(other.splits()[split].texts)
    json.dumps(one.provenance)
    assert one.summary().startswith("book intents: 400 train, 100 validation, 100 test texts")


def test_twenty_intents_are_equally_frequent_and_no_text_is_there_twice() -> None:
    data = synthesize_book_intents(**SMALL)
    assert len(data.labels) == 20
    texts = [text for split in data.splits().values() for text in split.texts]
    assert len(set(texts)) == 600
    for split in data.splits().values():
        assert set(Counter(split.y.tolist()).values()) == {len(split) // 20}
    # None of the slots and choices is left as it is written in the templates.
    assert not any(re.search(r"[^a-z0-9 ]|  |^ | $", text) for text in texts)


def test_no_template_of_a_whole_request_is_in_two_splits() -> None:
    for frames in (BEFORE, AFTER):
        texts = [text for split in SPLITS for text in frames[split] if text]
        assert len(set(texts)) == len(texts)
    seen: dict[str, set[tuple[str, ...]]] = {split: set() for split in SPLITS}
    for split in SPLITS:
        draw = Random(0)
        for templates in list(TEMPLATES.values())[:4]:
            for index in book_intents._TEMPLATES_OF[split]:
                for _ in range(100):
                    parts = book_intents._parts(draw, split, templates[index])
                    assert parts[1] == templates[index]
                    seen[split].add(parts)
    assert all(len(parts) > 500 for parts in seen.values())
    assert not seen["train"] & seen["validation"]
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]
    # Some of it is said in all splits, and some is new.
    for place in (0, 1, 2):
        known = {parts[place] for parts in seen["train"]}
        for split in ("validation", "test"):
            assert 0 < np.mean([parts[place] in known for parts in seen[split]]) < 1


def test_templates_have_slots_that_exist_and_closed_choices() -> None:
    assert all(len(templates) == len(set(templates)) == 10 for templates in TEMPLATES.values())
    every = [template for templates in TEMPLATES.values() for template in templates]
    # A wording of two intents would have no right answer.
    assert len(set(every)) == 200
    frames = [text for texts in (*BEFORE.values(), *AFTER.values()) for text in texts]
    for template in (*every, *frames):
        assert set(re.findall(r"{(\w+)}", template)) <= set(SLOTS), template
        plain = re.sub(r"\([^()]*\)|{\w+}", "", template)
        assert re.fullmatch(r"[a-z ]*", plain), template


def test_noise_is_a_share_of_the_words() -> None:
    clean = synthesize_book_intents(noise=0.0, **SMALL).train.texts
    noisy = synthesize_book_intents(noise=1.0, **SMALL).train.texts
    known = {word for text in clean for word in text.split()}
    strange = [word for text in noisy for word in text.split() if word not in known]
    assert len(strange) > 0.4 * sum(len(text.split()) for text in noisy)


@given(word=st.text("abcdefgh", max_size=9), seed=st.integers(0, 50))
def test_a_misspelled_word_is_one_step_away(word: str, seed: int) -> None:
    found = misspelled(Random(seed), word, 1.0)
    if len(word) < 4:
        assert found == word
        return
    assert found[0] == word[0]
    steps = {word}
    for place in range(1, len(word)):
        steps |= {word[:place] + word[place + 1 :], word[:place] + word[place] + word[place:]}
        steps |= {
            word[:place] + letter + word[place + 1 :] for letter in "qwertyuiopasdfghjklzxcvbnm"
        }
        if place + 1 < len(word):
            steps.add(word[:place] + word[place + 1] + word[place] + word[place + 2 :])
    assert found in steps
    assert misspelled(Random(seed), word, 0.0) == word


def test_impossible_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="synthesize_book_intents: test must be at least 1"):
        synthesize_book_intents(test=0)
    with pytest.raises(ValueError, match="noise must be a number from 0 to 1"):
        synthesize_book_intents(noise=2)
