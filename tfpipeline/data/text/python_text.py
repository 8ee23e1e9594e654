"""Text that comes with Python: its language reference and the docstrings of its library."""

from __future__ import annotations

import ast
import hashlib
import platform
import re
import sysconfig
from pathlib import Path

from tfpipeline.data.arguments import check_count
from tfpipeline.data.errors import DataError
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.load_text import symbols_at
from tfpipeline.data.text.text_dataset import TextDataset
from tfpipeline.data.text.vocabulary import fit_vocabulary, words_of_prose

# Modules with much to read, in every Python from 3.11 on.
_MODULES = (
    *("abc", "argparse", "ast", "asyncio/base_events", "asyncio/streams", "asyncio/tasks"),
    *("bdb", "calendar", "codecs", "collections", "concurrent/futures/_base", "configparser"),
    *("contextlib", "copy", "csv", "ctypes/util", "dataclasses", "datetime", "decimal"),
    *("difflib", "dis", "doctest", "email/message", "email/header", "enum", "filecmp"),
    *("fractions", "ftplib", "functools", "gettext", "glob", "gzip", "heapq", "hmac"),
    *("html/parser", "http/client", "http/cookiejar", "imaplib", "importlib/abc", "inspect"),
    *("ipaddress", "json", "json/encoder", "locale", "logging", "logging/handlers", "mailbox"),
    *("mimetypes", "numbers", "optparse", "os", "pathlib", "pdb", "pickle", "pickletools"),
    *("pkgutil", "platform", "plistlib", "poplib", "pprint", "profile", "pstats", "pydoc"),
    *("queue", "random", "sched", "secrets", "selectors", "shelve", "shlex", "shutil"),
    *("smtplib", "socket", "socketserver", "ssl", "statistics", "string", "subprocess"),
    *("tarfile", "tempfile", "textwrap", "threading", "timeit", "trace", "traceback", "typing"),
    *("unittest/case", "unittest/mock", "urllib/parse", "urllib/request", "uuid", "warnings"),
    *("wave", "weakref", "xmlrpc/client", "zipfile"),
)
# Of ten documents one is for validation and one for the test.
_TENTHS = {8: "validation", 9: "test"}


def load_python_text(level: str = "word", most_symbols: int | None = None) -> TextDataset:
    """Load the text that comes with this Python: `pydoc_data.topics` and docstrings of modules.

    It needs no download and is the same for a version of Python; the version and a hash of the text
    are in the provenance. Sources are parsed and not run. A document (a topic, or the docstrings of
    a module) is in one split, and a paragraph that was there before, in any document, is left out,
    because topics quote each other. Words are lower-case, and signs are words; those that occur
    once in the training text are `<unk>`. Characters are those of ASCII, others are left out.

    Args:
        level: "word" or "character".
        most_symbols: the commonest that are kept, with `<unk>`; None for all.

    Raises:
        DataError: this Python comes without the texts.
        ValueError: impossible arguments.
    """
    symbols = symbols_at("load_python_text", level, words_of_prose)
    check_count("load_python_text", "most_symbols", most_symbols, least=2, none=True)
    documents = {**_topics(), **_docstrings()}
    texts = {split: "" for split in SPLITS}
    seen: set[str] = set()
    for number, name in enumerate(sorted(documents)):
        kept = []
        for paragraph in re.split(r"\n\s*\n", documents[name]):
            same = " ".join(paragraph.split())
            if same and same not in seen:
                seen.add(same)
                kept.append(paragraph.strip("\n"))
        if kept:
            texts[_TENTHS.get(number % 10, "train")] += "\n\n".join(kept) + "\n\n"
    # What the text says once is `<unk>`, so that a model meets that in training too.
    least = 2 if level == "word" else 1
    vocabulary = fit_vocabulary(symbols(texts["train"]), most_symbols, least)
    encoded = {split: vocabulary.encode(symbols(text)) for split, text in texts.items()}
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()
    return TextDataset(
        vocabulary,
        **encoded,
        provenance={
            "name": "Python's documentation",
            "source": "pydoc_data.topics and docstrings of the standard library",
            "python": platform.python_version(),
            "documents": len(documents),
            "sha256": digest,
            "level": level,
        },
    )


def _topics() -> dict[str, str]:
    return {f"topic {name}": _ascii(text) for name, text in language_topics().items()}


def language_topics() -> dict[str, str]:
    """Return the pages of the language reference that `help()` shows, by their name.

    Raises:
        DataError: this Python comes without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise DataError(
            f"Python {platform.python_version()} comes without pydoc_data.topics here; install the "
            "whole standard library, or use files of your own."
        ) from None
    return dict(topics)


def _docstrings() -> dict[str, str]:
    """Return the docstrings of each module, of its classes and functions, in their order."""
    library = Path(sysconfig.get_path("stdlib"))
    found = {}
    for name in _MODULES:
        files = (library / f"{name}.py", library / name / "__init__.py")
        try:
            source = next(file for file in files if file.is_file()).read_text(encoding="utf-8")
            tree = ast.parse(source)
        except (StopIteration, OSError, SyntaxError, UnicodeDecodeError):
            continue  # Pythons differ in what they have; the hash tells.
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
        found[f"module {name}"] = _ascii("\n\n".join(filter(None, texts)))
    return found


def _ascii(text: str) -> str:
    return "".join(c for c in text if c == "\n" or " " <= c <= "~")
