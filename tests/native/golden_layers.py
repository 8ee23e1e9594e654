"""The golden cases of fully connected layers and of embeddings, as what tests run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import make_embedding_golden
import make_factored_golden
import make_fully_connected_golden
import numpy as np
from embedding_models import EmbeddingCase
from factored_models import FactoredCase
from fully_connected_models import LayerCase
from unsigned_layers import UnsignedLayer

from tfpipeline.numerics.embedding_options import EmbeddingOptions
from tfpipeline.numerics.factored import QuantizedFactor
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.numerics.fully_connected import unpack_rows
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions


@dataclass(frozen=True)
class GoldenEntry:
    """One case of a golden file."""

    content: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.content["name"])

    @property
    def kind(self) -> str:
        """The type of x: "int8", "uint8" or "float32"."""
        return self.name.split(",")[0]

    @property
    def y(self) -> bytes:
        return bytes.fromhex(self.content["y"]["values"])

    def array(self, dtype: str, *path: str) -> np.ndarray:
        """The array that stands at `path`."""
        value = self.content
        for name in path:
            value = value[name]
        return np.frombuffer(bytes.fromhex(value["values"]), dtype).reshape(value["shape"])

    def numbers(self) -> dict[str, Any]:
        """Scales and zero points."""
        names = ("_scale", "_zero_point")
        return {k: v for k, v in self.content.items() if k.endswith(names)}

    def options(self) -> bytes:
        return bytes.fromhex(self.content["custom_options"])

    def x_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        types = {"int8": ("<i1", "<i4"), "uint8": ("u1", "<i4"), "float32": ("<f4", "<f4")}
        x, bias = types[self.kind]
        return self.array(x, "x"), self.array(bias, "bias")

    def layer(self) -> LayerCase:
        """A layer of int8 or float32 vectors."""
        options = FullyConnectedOptions.unpack(self.options())
        weights = unpack_rows(self.array("<i1", "weights"), options.weight_bits, options.depth)
        x, bias = self.x_and_bias()
        return LayerCase(options, weights, self.array("<f4", "scales"), bias, x, **self.numbers())

    def unsigned(self) -> UnsignedLayer:
        """A layer of uint8 vectors."""
        activation = FullyConnectedOptions.unpack(self.options()).activation
        x, bias = self.x_and_bias()
        return UnsignedLayer(
            self.array("u1", "weights"),
            bias,
            x,
            activation=activation,
            raw="raw" in self.name,
            **self.numbers(),
        )

    def factored(self) -> FactoredCase:
        """A layer of two factors."""
        options = FactoredOptions.unpack(self.options())

        def factor(name: str, bits: int, depth: int) -> QuantizedFactor:
            values = unpack_rows(self.array("<i1", name), bits, depth)
            return QuantizedFactor(values, self.array("<f4", name, "scales"))

        x, bias = self.x_and_bias()
        return FactoredCase(
            options,
            factor("first", options.first_bits, options.depth),
            factor("last", options.last_bits, options.rank),
            bias,
            x,
            **self.numbers(),
        )

    def embedding(self) -> EmbeddingCase:
        """A lookup, with the matrix that follows it or without."""
        options = EmbeddingOptions.unpack(self.options())

        def factor(name: str, bits: int) -> QuantizedFactor:
            values = unpack_rows(self.array("<i1", name), bits, options.width)
            return QuantizedFactor(values, self.array("<f4", name, "scales"))

        product = factor("product", options.product_bits) if options.units else None
        table = factor("table", options.table_bits)
        return EmbeddingCase(options, table, product, self.array("<i4", "ids"), **self.numbers())


def _entries(text: str) -> list[GoldenEntry]:
    return [GoldenEntry(entry) for entry in json.loads(text)["cases"]]


FACTORED = _entries(make_factored_golden.PATH.read_text(encoding="utf-8"))
EMBEDDINGS = _entries(make_embedding_golden.PATH.read_text(encoding="utf-8"))
_ALL = _entries(make_fully_connected_golden.PATH.read_text(encoding="utf-8"))
LAYERS = [entry for entry in _ALL if entry.kind != "uint8"]
UNSIGNED = [entry for entry in _ALL if entry.kind == "uint8"]
