"""The tokenizer in C gives the ids of the one in Python, and refuses the same bytes."""

from __future__ import annotations

import base64
import json
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_tokenizer_golden import GOLDEN
from make_tokenizer_golden import golden as make_golden
from native_tokenizer import NativeTokenizer, find_metadata
from odd_texts import odd_texts
from random_tokenizer import random_tokenizer
from text_models import text_model

from tfpipeline.tokenization import (
    TOKENIZER_METADATA,
    Tokenizer,
    TokenizerBytesError,
    TokenizerTables,
    pack_tokenizer,
    read_tokenizer,
)

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_short_texts(seed: int) -> None:
    tables = random_tokenizer(seed)
    native, python = NativeTokenizer(pack_tokenizer(tables)), Tokenizer(tables)
    for text in odd_texts(300, seed):
        if len(text) < 1000:
            assert native.encode(text) == python.encode(text), text


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[::4])
def test_ten_thousand_texts(seed: int) -> None:
    tables = random_tokenizer(seed)
    native, python = NativeTokenizer(pack_tokenizer(tables)), Tokenizer(tables)
    for text in odd_texts(10_000, seed):
        assert native.encode(text) == python.encode(text), text[:200]


@settings(max_examples=200, deadline=None)
@given(text=st.binary(max_size=60), seed=st.integers(0, 1 << 20))
def test_any_bytes(text: bytes, seed: int) -> None:
    tables = random_tokenizer(seed)
    assert NativeTokenizer(pack_tokenizer(tables)).encode(text) == Tokenizer(tables).encode(text)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60), seed=st.integers(0, 1 << 20))
def test_any_text(text: str, seed: int) -> None:
    tables = random_tokenizer(seed)
    data = text.encode("utf-8", "surrogatepass")
    assert NativeTokenizer(pack_tokenizer(tables)).encode(data) == Tokenizer(tables).encode(data)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_more_is_written_than_fits(seed: int) -> None:
    native = NativeTokenizer(pack_tokenizer(random_tokenizer(seed)))
    for text in odd_texts(150, seed):
        if len(text) < 1000:
            whole = native.encode(text)
            for capacity in {0, 1, len(whole) // 2, len(whole), len(whole) + 3}:
                assert native.encode(text, capacity) == whole[:capacity]


def test_the_most_ids_of_a_text() -> None:
    for most, padded, expected in ((0, 0, 0), (5, 0, 5), (5, 5, 5), (5, 9, 9), (0, 9, 0)):
        tables = TokenizerTables({b"a": 1}, unknown=0, most=most, padded=padded)
        assert NativeTokenizer(pack_tokenizer(tables)).most_ids == expected


def opened(data: bytes) -> tuple[str | None, str | None]:
    """What Python and C say of the bytes."""
    said: list[str | None] = []
    for read in (read_tokenizer, NativeTokenizer):
        try:
            read(data)
            said.append(None)
        except ValueError as error:
            said.append(str(error))
    return said[0], said[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_bytes_are_refused_by_both_or_work_in_both(seed: int) -> None:
    whole = pack_tokenizer(random_tokenizer(seed))
    chosen, texts, refused = random.Random(seed), odd_texts(120, seed)[90:], 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chosen.choice((1, 1, 2, 8))):
            # More often where the structure is than among the strings.
            at = chosen.randrange(chosen.choice((112, len(damaged))))
            if chosen.random() < 0.5:
                damaged[at] = chosen.randrange(256)
            else:
                number = chosen.choice((0, 1, 2, 0xFFFFFFFF, 0x7FFFFFFF, 0xD800, len(damaged)))
                struct.pack_into("<I", damaged, min(at, len(damaged) - 4), number)
        data = bytes(damaged[: chosen.choice((len(damaged), len(damaged), at))])
        python, native = opened(data)
        # Of several things that are wrong each may name another one first.
        assert (python is None) == (native is None), (python, native)
        refused += python is not None
        if python is None:
            tables = read_tokenizer(data)
            if max(tables.padded, tables.most) < 1000:
                one, other = Tokenizer(tables), NativeTokenizer(data)
                assert all(one.encode(text) == other.encode(text) for text in texts)
    assert refused > 50


def test_every_cut_is_refused() -> None:
    data = pack_tokenizer(TokenizerTables({b"a": 1, b"bc": 2}, unknown=0, added={b"[X]": 3}))
    for size in range(len(data)):
        with pytest.raises(TokenizerBytesError):
            read_tokenizer(data[:size])
        with pytest.raises(ValueError, match="is shorter|another size"):
            NativeTokenizer(data[:size])


def test_golden_bytes() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert golden == make_golden()
    texts = [base64.b64decode(text) for text in golden["texts"]]
    assert len(texts) > 100
    for one in golden["tokenizers"]:
        native = NativeTokenizer(base64.b64decode(one["bytes"]))
        assert [native.encode(text) for text in texts] == one["ids"]


def test_the_spec_says_the_header() -> None:
    data = pack_tokenizer(TokenizerTables({b"a": 5}, unknown=1, padding=2, most=3, padded=4))
    assert data[:4] == b"TFPT"
    assert struct.unpack_from("<HHIIIIIIII", data, 4) == (1, 112, len(data), 0, 1, 2, 3, 4, 0, 0)
    where = struct.unpack_from("<18I", data, 40)
    assert where[1::2] == (0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert data[where[16] :] == struct.pack("<III", 0, 1, 5) + b"a"


def test_the_tokenizer_is_found_in_a_model(tmp_path: Path) -> None:
    path, tables = text_model(tmp_path)
    model = path.read_bytes()
    assert find_metadata(model, TOKENIZER_METADATA) == pack_tokenizer(tables)
    assert find_metadata(model, "other") == b"\1" * 100
    assert find_metadata(model, "tfpipeline") is None and find_metadata(model, "") is None
    for size in range(0, len(model), 7):
        found = find_metadata(model[:size], TOKENIZER_METADATA)
        assert found is None or found == pack_tokenizer(tables)
