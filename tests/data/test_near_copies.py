from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.data.text.near_copies import near_copies

TEXTS = st.lists(st.text("abcdef ", max_size=14), max_size=8)


@given(texts=TEXTS, others=TEXTS, share=st.sampled_from([0.34, 0.5, 0.8, 1.0]))
def test_it_finds_what_all_pairs_give(texts: list[str], others: list[str], share: float) -> None:
    def alike(one: str, other: str) -> bool:
        a, b = set(re.findall(r"\w+", one)), set(re.findall(r"\w+", other))
        return bool(a) and len(a & b) >= share * len(a | b) - 1e-9

    wanted = [any(alike(text, other) for other in others) for text in texts]
    assert near_copies(texts, others, share).tolist() == wanted


def test_order_case_and_signs_do_not_count() -> None:
    assert near_copies(["Return it, the NAME!"], ["the name it return"]).tolist() == [True]
    assert near_copies(["Return it"], []).tolist() == [False]
