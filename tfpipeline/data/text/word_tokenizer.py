"""Words of texts as numbers, exactly as Keras' `TextVectorization` numbers them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.text.token_ids import UNKNOWN, check_texts, padded

_SPECIAL = ("", "[UNK]")
# Of ASCII only, as TensorFlow has it by default.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_SIGNS = {ord(sign): None for sign in "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"}
_STANDARD = {**_LOWER, **_SIGNS}
_SPACES = re.compile(r"[ \t\n\v\f\r]+")


class WordTokenizer:
    """The words of a text and their numbers: 0 pads, 1 is any word outside of the vocabulary.

    What `keras.layers.TextVectorization` computes with its default options, without TensorFlow:
    letters of ASCII become lower case, signs of ASCII are left out, words are what is between
    spaces of ASCII. `models.text.text_vectorization` makes that layer of it.

    Args:
        vocabulary: of different words, by number, beginning with "" and "[UNK]".

    Raises:
        ValueError: for another beginning, or a word twice.

    Example:
        >>> words = WordTokenizer.fit(["A cat.", "A dog, a cat"])
        >>> words.vocabulary
        ('', '[UNK]', 'a', 'cat', 'dog')
        >>> words.encode(["The cat!"], length=3).tolist()
        [[1, 3, 0]]
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        if self.vocabulary[:2] != _SPECIAL:
            raise ValueError(
                "WordTokenizer: vocabulary must begin with '' (padding) and '[UNK]'; received "
                f"{list(self.vocabulary[:2])}."
            )
        self._numbers = {word: number for number, word in enumerate(self.vocabulary)}
        if len(self._numbers) != len(self.vocabulary):
            twice, _ = Counter(self.vocabulary).most_common(1)[0]
            raise ValueError(
                f"WordTokenizer: vocabulary must have different words; received {twice!r} twice."
            )

    @classmethod
    def fit(
        cls, texts: Sequence[str], most_words: int | None = None, least_count: int = 1
    ) -> WordTokenizer:
        """Return the tokenizer of training texts, with their words from the commonest on.

        Words that are as common as each other are in the order in which Keras has them.

        Args:
            texts: of the training split only.
            most_words: the size of the vocabulary at most, with padding and "[UNK]"; None for all.
            least_count: times that a word must occur.

        Raises:
            ValueError: impossible arguments.
        """
        check_texts("WordTokenizer.fit", texts)
        check_count("WordTokenizer.fit", "most_words", most_words, least=2, none=True)
        check_count("WordTokenizer.fit", "least_count", least_count)
        counts = Counter(word for text in texts for word in words_of(text))
        for special in _SPECIAL:
            counts.pop(special, None)
        kept = [word for word, count in counts.items() if count >= least_count]
        # By the bytes of the words, backwards.
        kept.sort(key=lambda word: (counts[word], word.encode("utf-8")), reverse=True)
        return cls([*_SPECIAL, *(kept if most_words is None else kept[: most_words - 2])])

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Return int32 `(texts, length)`, with zeros behind the words of each text.

        Args:
            texts: any strings; longer ones are cut.
            length: words of a row; None for those of the longest text.

        Raises:
            ValueError: `texts` is one string or holds what is none, or an impossible length.
        """
        check_texts("WordTokenizer.encode", texts)
        numbers = self._numbers.get
        rows = [[numbers(word, UNKNOWN) for word in words_of(text)] for text in texts]
        return padded("WordTokenizer.encode", rows, length)


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case and without signs.

    Example:
        >>> words_of("Don't stop, it's MORE!")
        ['dont', 'stop', 'its', 'more']
    """
    return [word for word in _SPACES.split(text.translate(_STANDARD)) if word]
