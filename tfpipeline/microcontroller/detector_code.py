"""The detector of a header: scores of a frame in, the word that was found out."""

from __future__ import annotations

from tfpipeline.microcontroller.integer_detector import IntegerDetector
from tfpipeline.microcontroller.integer_probabilities import (
    BETWEEN_BITS,
    EXPONENT_BITS,
    MOST,
    POWER_BITS,
    POWERS,
    ToExponent,
)
from tfpipeline.microcontroller.matrix_code import smallest_type, table


class DetectorCode:
    """C of one detector.

    Args:
        name: prefix of everything.
        detector: what it computes.
    """

    def __init__(self, name: str, detector: IntegerDetector) -> None:
        self._name, self._detector = name, detector

    def sizes(self) -> dict[str, int]:
        """Return the macros, without the prefix."""
        return {"WORDS": len(self._detector.columns), "WINDOW": self._detector.window}

    @property
    def table_bytes(self) -> int:
        """Bytes of the tables."""
        return 2 * len(POWERS) + len(self._detector.columns) * self._index_bytes

    def state(self) -> str:
        """Return the definition of the type."""
        top = self._name.upper()
        return (
            "\ntypedef struct {\n"
            f"    uint16_t ring[{top}_WINDOW][{top}_WORDS];\n"
            f"    uint32_t sums[{top}_WORDS];\n"
            "    uint32_t at, wait;\n"
            f"}} {self._name}_detector;\n"
        )

    def tables(self) -> list[str]:
        """Return the definitions of the tables: powers of 2, and the class of each word."""
        kind = smallest_type(max(self._detector.columns))
        return [
            table("uint16_t", f"{self._name}_power", POWERS.astype(int)),
            table(kind, f"{self._name}_word", self._detector.columns),
        ]

    def functions(self) -> list[str]:
        """Return the definitions of all functions, `NAME_detect` last."""
        return [
            self._exponential(),
            self._share(),
            self._probabilities(),
            self._reset(),
            self._find(),
        ]

    @property
    def _index_bytes(self) -> int:
        return 1 if smallest_type(max(self._detector.columns)) == "uint8_t" else 2

    def _exponential(self) -> str:
        name, to = self._name, self._detector.probabilities.exponent
        return (
            "/* 2^23 times exp(-d), of a distance between scores. */\n"
            f"static inline uint32_t {name}_exp(uint32_t d)\n{{\n"
            "    uint32_t t, i, a;\n"
            f"    if (d > {to.limit}u) d = {to.limit}u;\n"
            f"    t = {_exponent(to)};\n"
            f"    i = (t & {(1 << EXPONENT_BITS) - 1}u) >> {BETWEEN_BITS};\n"
            f"    a = {name}_power[i];\n"
            f"    a = a * {1 << BETWEEN_BITS}u - (a - {name}_power[i + 1]) * "
            f"(t & {(1 << BETWEEN_BITS) - 1}u);\n"
            f"    return a >> (t >> {EXPONENT_BITS});\n}}\n"
        )

    def _share(self) -> str:
        return (
            "/* 2^16 times a power, times a reciprocal. */\n"
            f"static inline uint16_t {self._name}_share(uint32_t power, uint32_t reciprocal)\n{{\n"
            "    const uint32_t q = (((power + 128u) >> 8) * reciprocal + 16384u) >> 15;\n"
            f"    return (uint16_t)(q > {MOST}u ? {MOST}u : q);\n}}\n"
        )

    def _probabilities(self) -> str:
        name, top = self._name, self._name.upper()
        head = (
            "/* The probability of each word, in units of 1/65536. */\n"
            f"static inline void {name}_probabilities(const int32_t scores[{top}_CLASSES], "
            f"uint16_t q[{top}_WORDS])\n{{\n    unsigned j;\n"
        )
        one = f"{1 << POWER_BITS}u"
        if self._detector.probabilities.sigmoid:
            return head + (
                f"    for (j = 0; j < {top}_WORDS; ++j) {{\n"
                f"        const int32_t s = scores[{name}_word[j]];\n"
                f"        const uint32_t e = {name}_exp(s < 0 ? 0u - (uint32_t)s : (uint32_t)s);\n"
                f"        q[j] = {name}_share(s < 0 ? e : {one}, "
                f"2147483648u / (({one} + e) >> 8));\n    }}\n}}\n"
            )
        distance, word = "(uint32_t)most - (uint32_t)scores", f"{name}_word[j]"
        return head + (
            "    int32_t most = scores[0];\n    uint32_t total = 0, reciprocal;\n"
            f"    for (j = 1; j < {top}_CLASSES; ++j)\n"
            "        if (scores[j] > most) most = scores[j];\n"
            f"    for (j = 0; j < {top}_CLASSES; ++j) total += {name}_exp({distance}[j]);\n"
            "    reciprocal = 2147483648u / (total >> 8);\n"
            f"    for (j = 0; j < {top}_WORDS; ++j)\n"
            f"        q[j] = {name}_share({name}_exp({distance}[{word}]), reciprocal);\n}}\n"
        )

    def _reset(self) -> str:
        name, top = self._name, self._name.upper()
        return (
            f"static inline void {name}_detector_reset({name}_detector *d)\n{{\n"
            "    unsigned i, j;\n"
            f"    for (i = 0; i < {top}_WINDOW; ++i)\n"
            f"        for (j = 0; j < {top}_WORDS; ++j) d->ring[i][j] = 0;\n"
            f"    for (j = 0; j < {top}_WORDS; ++j) d->sums[j] = 0;\n"
            "    d->at = 0;\n    d->wait = 0;\n}\n"
        )

    def _find(self) -> str:
        name, top, detector = self._name, self._name.upper(), self._detector
        return (
            "/* Takes the scores of one more frame; returns the class found in it, or -1. */\n"
            f"static inline int {name}_detect({name}_detector *d, "
            f"const int32_t scores[{top}_CLASSES])\n{{\n"
            f"    uint16_t q[{top}_WORDS];\n    unsigned j, best = 0;\n"
            f"    uint16_t *const oldest = d->ring[d->at];\n"
            f"    {name}_probabilities(scores, q);\n"
            f"    for (j = 0; j < {top}_WORDS; ++j) {{\n"
            "        d->sums[j] += q[j];\n        d->sums[j] -= oldest[j];\n"
            "        oldest[j] = q[j];\n"
            "        if (d->sums[j] > d->sums[best]) best = j;\n    }\n"
            f"    d->at = d->at + 1 == {top}_WINDOW ? 0 : d->at + 1;\n"
            "    if (d->wait != 0) --d->wait;\n"
            f"    if (d->wait != 0 || d->sums[best] < {detector.threshold}u) return -1;\n"
            f"    d->wait = {detector.rest}u;\n"
            f"    return (int){name}_word[best];\n}}\n"
        )


def _exponent(to: ToExponent) -> str:
    kept = _shifted("d", to.before)
    return _shifted(f"({kept}) * {to.multiplier}u", to.after)


def _shifted(value: str, bits: int) -> str:
    return f"({value} + {1 << (bits - 1)}u) >> {bits}" if bits else value
