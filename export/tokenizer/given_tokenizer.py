"""A tokenizer as the user passed it, and how it is asked for ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from tfpipeline.export.errors import ExportError
from tfpipeline.tokenization.tables import TokenizerTables

EXPECTED = "an adapted keras.layers.TextVectorization or a tokenizers.Tokenizer"


class GivenTokenizer(ABC):
    """A tokenizer of another library.

    Args:
        name: Of its class, for messages and the model card.
        takes_bytes: Whether it takes texts that are no UTF-8.
        length: How many ids it gives; None where it depends on the text.
        padding: The id that it pads with; None where it has none.
    """

    name: str
    takes_bytes: bool
    length: int | None
    padding: int | None

    @abstractmethod
    def tables(self, frames: int, bounded: bool) -> TokenizerTables:
        """Return the same as data.

        Args:
            frames: How many ids the model takes.
            bounded: Whether it takes fewer too.

        Raises:
            ExportError: it does what these cannot, or another number of ids.
        """

    @abstractmethod
    def ids(self, texts: Sequence[bytes], tables: TokenizerTables) -> list[list[int]]:
        """Return its own ids of texts, cut and padded as the tables say."""

    @abstractmethod
    def whole(self, texts: Sequence[bytes]) -> list[list[int]]:
        """Return its own ids of texts, cut and padded as its user wants them."""


def refused(name: str, feature: str, instead: str) -> ExportError:
    """Return the error that a tokenizer does something which cannot be written down exactly."""
    return ExportError(
        f"tokenizer: {name} with {feature} cannot be exported exactly; expected {instead}"
    )


def check_length(name: str, what: str, length: int, frames: int, bounded: bool) -> None:
    """Refuse ids that the model cannot take.

    Raises:
        ExportError: `length` ids are more than `frames`, or not as many where that is fixed.
    """
    if length > frames or (length < frames and not bounded):
        most = f"1 to {frames}" if bounded else str(frames)
        raise ExportError(
            f"tokenizer: {name} has {what}={length}, expected {most} ids, which the model takes: "
            "use the same length in both"
        )


def class_name(given: Any) -> str:
    """Return how a user knows the class of an object: `tokenizers.Tokenizer`."""
    kind = type(given)
    return f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
