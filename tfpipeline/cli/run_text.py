"""Texts through a model, for `tfpipeline run --text`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tfpipeline.errors import TfpipelineError


class TextFileError(TfpipelineError):
    """A file of texts that cannot be read."""


def add_text_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name texts."""
    parser.add_argument(
        "--text",
        action="append",
        metavar="TEXT",
        help="a text, for a model that was exported with its tokenizer; may be repeated",
    )
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="a file with a text a line")


def run_texts(arguments: argparse.Namespace) -> int:
    """Classify the texts, and print a line for each, or JSON."""
    from tfpipeline.cli.output import print_json
    from tfpipeline.runtime import TextClassifier

    texts: list[bytes] = [text.encode("utf-8", "surrogateescape") for text in arguments.text or []]
    if arguments.text_file is not None:
        texts += _lines(arguments.text_file)
    found = TextClassifier(arguments.model).predict(texts)
    if arguments.json:
        print_json(
            [
                {
                    "label": one.label,
                    "score": one.score,
                    "scores": dict(zip(one.labels, one.scores.tolist(), strict=True)),
                }
                for one in found
            ]
        )
        return 0
    for one in found:
        best = ", ".join(f"{label} {score:.4g}" for label, score in one.best(arguments.top))
        print("".join(c if c.isprintable() else "?" for c in f"{one.label or '(none)'}: {best}"))
    return 0


def _lines(file: Path) -> list[bytes]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TextFileError(f"--text-file {file} cannot be read: {error.strerror}") from error
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    return lines[:-1] if lines[-1] == b"" else lines
