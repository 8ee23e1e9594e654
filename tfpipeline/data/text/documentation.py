"""Sentences of the documentation that ships with Python, by what they are about."""

from __future__ import annotations

import hashlib
import platform
import re
import sysconfig
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.docstrings import Documents, docstring_sentences, sentences
from tfpipeline.data.text.labelled_texts import LabelledTexts, samples_of
from tfpipeline.data.text.near_copies import near_copies
from tfpipeline.data.text.python_text import language_topics

# Packages and modules of the library by what they are for, near to the chapters of its reference.
# A name that a Python does not have is passed over.
AREAS = {
    "concurrency": "_pyio _threading_local asyncio concurrent multiprocessing queue sched "
    "selectors signal subprocess threading",
    "data types": "_pydatetime _pydecimal _weakrefset bisect calendar collections copy copyreg "
    "datetime decimal enum fractions functools graphlib heapq numbers operator pprint random "
    "reprlib statistics types weakref zoneinfo",
    "files": "_compression bz2 compression dbm filecmp fileinput fnmatch genericpath glob gzip "
    "linecache lzma ntpath pathlib pickle posixpath shelve shutil stat tarfile tempfile zipfile",
    "importing": "distutils ensurepip importlib modulefinder pkgutil runpy site sysconfig venv "
    "zipimport",
    "internet": "base64 binascii cgi email ftplib http imaplib ipaddress mailbox mimetypes nntplib "
    "poplib quopri smtplib socket socketserver ssl urllib uu uuid webbrowser wsgiref xmlrpc",
    "source code": "ast code codeop compileall dis inspect lib2to3 opcode pickletools py_compile "
    "pyclbr symtable tabnanny token tokenize typing",
    "text": "codecs configparser csv difflib encodings gettext html json locale plistlib re string "
    "stringprep textwrap tomllib unicodedata xml",
    "windows": "curses idlelib tkinter turtle turtledemo",
}
LANGUAGE = "language"
MASK = "module"
_SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
# Documented classes, functions or pages of an area.
_FEWEST = 20


def load_documentation() -> LabelledTexts:
    """Load sentences of Python's documentation: which area of the library is each about?

    Docstrings of the standard library make eight classes, near to the chapters of its reference
    ("internet", "concurrency", "files" ...), and the pages of `help()` about the language a ninth:
    some 16,000 sentences with Python 3.11. It needs no download and is the same for a version of
    Python; the version and a hash of the texts are in the provenance. Sources are parsed and not
    run.

    Sentences have 4 to 40 words and are mostly letters. The names of all modules of all classes are
    replaced by "module", so that a sentence does not say where it is from. A class of Python with
    all its methods, a function or a page is in one split as a whole (about 70, 15 and 15 % of the
    sentences of each class of texts). A sentence that several classes have is left out, one that a
    class has twice is kept once, and validation and test have none that nearly is one of a split
    before them (four fifths of the words of both).

    Raises:
        DataError: this Python comes without the texts.

    Example:
        >>> data = load_documentation()                                     # doctest: +SKIP
        >>> data.labels                                                     # doctest: +SKIP
        ('concurrency', 'data types', 'files', 'importing', ...)
    """
    library = Path(sysconfig.get_path("stdlib"))
    found = {area: docstring_sentences(library, names.split()) for area, names in AREAS.items()}
    found[LANGUAGE] = {
        name: list(sentences(text)) for name, text in sorted(language_topics().items())
    }
    areas = _without_repeats({area: _masked(found[area]) for area in sorted(found)})
    texts: dict[str, list[str]] = {split: [] for split in SPLITS}
    numbers: dict[str, list[int]] = {split: [] for split in SPLITS}
    for number, (area, documents) in enumerate(areas.items()):
        if len(documents) < _FEWEST:
            raise DataError(
                f"Python {platform.python_version()} comes with {len(documents)} documented "
                f"classes, functions or pages of the area {area!r}, and {_FEWEST} are needed; "
                "install the whole standard library."
            )
        for split, part in split_documents(documents).items():
            texts[split] += part
            numbers[split] += [number] * len(part)
    before: list[str] = []
    for split in SPLITS:
        copies = near_copies(texts[split], before)
        numbers[split] = [n for n, copy in zip(numbers[split], copies, strict=True) if not copy]
        texts[split] = [text for text, copy in zip(texts[split], copies, strict=True) if not copy]
        before += texts[split]
    train, validation, test = (samples_of(texts[split], numbers[split]) for split in SPLITS)
    return LabelledTexts(
        tuple(areas),
        train,
        validation,
        test,
        {
            "name": "documentation",
            "source": "pydoc_data.topics and docstrings of the standard library",
            "python": platform.python_version(),
            "sha256": hashlib.sha256("\n".join(before).encode()).hexdigest(),
        },
    )


def split_documents(documents: Documents) -> dict[str, list[str]]:
    """Return the sentences of each split: documents, the largest first, to whom most is missing.

    Args:
        documents: sentences by the name of what they describe.
    """
    total = sum(map(len, documents.values()))
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    for name in sorted(documents, key=lambda name: (-len(documents[name]), name)):
        neediest = max(SPLITS, key=lambda split: _SHARES[split] * total - len(parts[split]))
        parts[neediest] += documents[name]
    return parts


def _masked(documents: Documents) -> Documents:
    names = " ".join(AREAS.values()).split()
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b", re.IGNORECASE)
    return {
        name: [pattern.sub(MASK, sentence) for sentence in found]
        for name, found in documents.items()
    }


def _without_repeats(areas: dict[str, Documents]) -> dict[str, Documents]:
    """Leave out what several areas say, and what one says again."""
    homes: dict[str, set[str]] = {}
    for area, documents in areas.items():
        for found in documents.values():
            for sentence in found:
                homes.setdefault(sentence.lower(), set()).add(area)
    seen: set[str] = set()
    kept: dict[str, Documents] = {}
    for area, documents in areas.items():
        kept[area] = {}
        for name, found in documents.items():
            own = []
            for sentence in found:
                same = sentence.lower()
                if len(homes[same]) == 1 and same not in seen:
                    seen.add(same)
                    own.append(sentence)
            if own:
                kept[area][name] = own
    return kept
