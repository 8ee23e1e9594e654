"""Sentences of the documentation that ships with Python, by what they are about."""

from __future__ import annotations

import ast
import hashlib
import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.labelled_texts import LabelledTexts, samples_of
from tfpipeline.data.text.python_text import language_topics

# Modules and packages of the library by what they are for, near to the chapters of its reference.
# A name that a Python does not have is passed over.
AREAS = {
    "command line": "argparse cmd contextlib getopt getpass logging optparse os platform shlex "
    "traceback warnings",
    "concurrency": "_pyio _threading_local asyncio concurrent multiprocessing queue sched "
    "selectors signal subprocess threading",
    "data types": "_pydatetime _pydecimal _weakrefset bisect calendar collections copy copyreg "
    "datetime decimal enum fractions functools graphlib heapq numbers operator pprint random "
    "reprlib statistics types weakref zoneinfo",
    "files": "_compression bz2 compression dbm filecmp fileinput fnmatch genericpath glob gzip "
    "linecache lzma ntpath pathlib pickle posixpath shelve shutil stat tarfile tempfile zipfile",
    "importing": "distutils ensurepip importlib modulefinder pkgutil runpy site sysconfig venv "
    "zipimport",
    "internet": "cgi ftplib http ipaddress socket socketserver ssl urllib uuid webbrowser wsgiref "
    "xmlrpc",
    "mail": "base64 binascii email imaplib mailbox mimetypes nntplib poplib quopri smtplib uu",
    "source code": "ast code codeop compileall dis inspect lib2to3 opcode pickletools py_compile "
    "pyclbr symtable tabnanny token tokenize typing",
    "testing": "bdb cProfile doctest pdb profile pstats pydoc timeit trace tracemalloc unittest",
    "text": "codecs configparser csv difflib encodings gettext html json locale plistlib re string "
    "stringprep textwrap tomllib unicodedata xml",
    "windows": "curses idlelib tkinter turtle turtledemo",
}
LANGUAGE = "language"
MASK = "module"
_SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_LEFT_OUT = {"test", "tests", "idle_test"}
_PROMPTS = (">>>", "...", "$", "%")
_FEWEST_WORDS, _MOST_WORDS = 4, 40
# Of the characters of a sentence; what has less is code, a table or a formula.
_LETTERS = 0.65
_FEWEST_MODULES = 3

Documents = dict[str, list[str]]


def load_documentation() -> LabelledTexts:
    """Load sentences of Python's documentation: which area of the library is each about?

    Docstrings of the standard library's modules make eleven classes, near to the chapters of its
    reference ("mail", "concurrency", "files" ...), and the pages of `help()` about the language a
    twelfth: some 19,000 sentences with Python 3.11. It needs no download and is the same for a
    version of Python; the version and a hash of the text are in the provenance. Sources are parsed
    and not run.

    Sentences have 4 to 40 words and are mostly letters. The names of all modules of all classes are
    replaced by "module", so that a sentence does not say where it is from. A module with all its
    sentences is in one split (about 70, 15 and 15 % of the sentences of each class), so that
    neighbours, which are alike, are not on both sides. A sentence that several classes have is left
    out, and one that a class has twice is kept once.

    Raises:
        DataError: this Python comes without the texts.

    Example:
        >>> data = load_documentation()                                     # doctest: +SKIP
        >>> data.labels[data.test.y[0]], data.test.texts[0]                 # doctest: +SKIP
        ('command line', 'This class provides ...')
    """
    library = Path(sysconfig.get_path("stdlib"))
    found = {area: _modules(library, names.split()) for area, names in AREAS.items()}
    found[LANGUAGE] = {
        name: list(sentences(text)) for name, text in sorted(language_topics().items())
    }
    found = dict(sorted(found.items()))
    masked = _without_repeats({area: _masked(modules) for area, modules in found.items()})
    texts: dict[str, list[str]] = {split: [] for split in SPLITS}
    numbers: dict[str, list[int]] = {split: [] for split in SPLITS}
    for number, (area, modules) in enumerate(masked.items()):
        if len(modules) < _FEWEST_MODULES:
            raise DataError(
                f"Python {platform.python_version()} comes with {len(modules)} documented modules "
                f"of the area {area!r}, and {_FEWEST_MODULES} are needed; install the whole "
                "standard library."
            )
        for split, part in split_by_module(modules).items():
            texts[split] += part
            numbers[split] += [number] * len(part)
    digest = hashlib.sha256("\n".join(line for split in texts.values() for line in split).encode())
    return LabelledTexts(
        tuple(masked),
        *(samples_of(texts[split], numbers[split]) for split in SPLITS),
        provenance={
            "name": "documentation",
            "source": "pydoc_data.topics and docstrings of the standard library",
            "python": platform.python_version(),
            "modules": sum(len(modules) for modules in masked.values()),
            "sha256": digest.hexdigest(),
        },
    )


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of prose, without paragraphs of code and what is no sentence."""
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.lstrip().startswith(_PROMPTS):
            continue
        plain = " ".join(re.sub(r"[^ -~\s]", " ", paragraph).split())
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z])", plain):
            words = re.findall(r"[A-Za-z]+", sentence)
            letters = sum(map(len, words))
            if _FEWEST_WORDS <= len(words) <= _MOST_WORDS and letters > _LETTERS * len(sentence):
                yield sentence


def split_by_module(modules: Documents) -> dict[str, list[str]]:
    """Return the sentences of each split: each module, the largest first, to whom most is missing.

    Args:
        modules: sentences by the name of their module.
    """
    total = sum(map(len, modules.values()))
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    for name in sorted(modules, key=lambda name: (-len(modules[name]), name)):
        neediest = max(SPLITS, key=lambda split: _SHARES[split] * total - len(parts[split]))
        parts[neediest] += modules[name]
    return parts


def _modules(library: Path, names: list[str]) -> Documents:
    """Return the sentences of the docstrings of each module that there is."""
    found = {}
    for name in names:
        files = [library / f"{name}.py", *sorted((library / name).rglob("*.py"))]
        for file in files:
            inside = file.relative_to(library)
            if file.is_file() and not _LEFT_OUT & set(inside.parts):
                found[inside.as_posix()] = list(_docstrings(file))
    return found


def _docstrings(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return  # Pythons differ in what they have; the hash tells.
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from sentences(ast.get_docstring(node) or "")


def _masked(modules: Documents) -> Documents:
    names = " ".join(AREAS.values()).split()
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)
    return {
        name: [pattern.sub(MASK, sentence) for sentence in found] for name, found in modules.items()
    }


def _without_repeats(areas: dict[str, Documents]) -> dict[str, Documents]:
    """Leave out what several classes say, and what one says again; modules in their order."""
    homes: dict[str, set[str]] = {}
    for area, modules in areas.items():
        for found in modules.values():
            for sentence in found:
                homes.setdefault(sentence.lower(), set()).add(area)
    seen: set[str] = set()
    kept: dict[str, Documents] = {}
    for area, modules in areas.items():
        kept[area] = {}
        for name, found in modules.items():
            own = []
            for sentence in found:
                same = sentence.lower()
                if len(homes[same]) == 1 and same not in seen:
                    seen.add(same)
                    own.append(sentence)
            if own:
                kept[area][name] = own
    return kept
