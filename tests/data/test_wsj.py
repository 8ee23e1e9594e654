"""The Wall Street Journal corpora: SPHERE files, .dot transcripts and their mark-up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tfpipeline.data import DataError, load_sentences, normalize_text, write_wav
from tfpipeline.data.sentences.wsj_text import dot_text
from tfpipeline.extras import MissingExtraError

SPEAKERS = {"si_tr_s": ("011", "4k0"), "si_dt_05": ("050",), "si_et_20": ("440",)}
TEXTS = ("The female [loud_breath] produces ,COMMA four", "I\\. B\\. M\\. fell .PERIOD")


def sound(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(16000) * 2000).astype(np.int16)


def sphere(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(seed), 16000, format="NIST", subtype="PCM_16")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Two utterances of each speaker, one .dot file a speaker, in folders like those of LDC."""
    root = tmp_path / "csr"
    for folder, speakers in SPEAKERS.items():
        for speaker in speakers:
            lines = []
            for number, text in enumerate(TEXTS):
                identity = f"{speaker}c020{number}"
                sphere(root / "11-1.1/wsj0" / folder / speaker / f"{identity}.wv1", number)
                sphere(root / "11-1.1/wsj0" / folder / speaker / f"{identity}.wv2", 9)
                lines.append(f"{text} ({identity})\n")
            dots = root / "11-4.1/transcrp/dots" / speaker / f"{speaker}c0200.dot"
            dots.parent.mkdir(parents=True)
            dots.write_text("".join(lines))
    return root


def test_discs_become_a_dataset(root: Path) -> None:
    data = load_sentences(root)
    assert data.train.speakers == ("011", "011", "4k0", "4k0")
    assert data.train.texts == ("the female produces comma four", "i b m fell period") * 2
    assert data.train.paths[0] == "11-1.1/wsj0/si_tr_s/011/011c0200.wv1"
    assert data.validation.speakers == ("050",) * 2
    assert data.test.speakers == ("440",) * 2
    assert data.skipped == data.converted == ()
    expected = data.log_mel(sound(1))
    assert np.array_equal(data.train.features[1], expected)


def test_folders_and_files_in_capitals_are_found(root: Path) -> None:
    folder = root / "11-1.1/wsj0/si_et_20"
    for path in (folder / "440").iterdir():
        path.rename(path.with_name(path.name.upper()))
    folder.rename(folder.with_name("SI_ET_20"))
    data = load_sentences(root)
    assert data.test.paths[0].endswith("SI_ET_20/440/440C0200.WV1")
    assert data.test.speakers == ("440",) * 2


def test_splits_may_be_named(root: Path) -> None:
    sphere(root / "wsj1/si_tr_jd/4p0/4p0c0101.wv1")
    (root / "x.dot").write_text("more (4p0c0101)\n")
    assert len(load_sentences(root).train) == 5
    assert len(load_sentences(root, splits={"train": "si_tr_s"}).train) == 4
    with pytest.raises(DataError, match="no folder 'si_tr_l'"):
        load_sentences(root, splits={"train": ("si_tr_s", "si_tr_l")})


def shorten(path: Path) -> None:
    data = path.read_bytes()
    coding = b"sample_coding -s3 pcm\n", b"sample_coding -s26 pcm,embedded-shorten-v2.00\n"
    assert coding[0] in data
    head = data[:1024].replace(*coding)[:1024]
    path.write_bytes(head + data[1024:])


def test_shorten_names_the_program_that_decodes_it(root: Path) -> None:
    files = sorted(root.rglob("*.wv1"))
    for path in files:
        shorten(path)
    with pytest.raises(DataError, match="compressed with Shorten; write it as WAV .*sph2pipe -f"):
        load_sentences(root)
    # The advice followed: WAV files beside the compressed ones.
    for path in files:
        write_wav(path.with_suffix(".wav"), sound(0))
    data = load_sentences(root)
    assert data.train.paths[0].endswith("011c0200.wav")
    assert data.skipped == ()


def test_sphere_without_its_package_names_the_extra(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfpipeline.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs soundfile.*'tfpipeline\[speech\]'"):
        load_sentences(root)


def test_a_wav_file_may_be_sphere(root: Path) -> None:
    for path in root.rglob("*.wv1"):
        path.rename(path.with_suffix(".wav"))
    assert load_sentences(root).train.paths[0].endswith(".wav")


def test_a_sphere_file_that_is_cut_short_is_skipped(root: Path) -> None:
    path = root / "11-1.1/wsj0/si_tr_s/011/011c0200.wv1"
    path.write_bytes(path.read_bytes()[:20001])
    data = load_sentences(root)
    assert [str(note) for note in data.skipped] == [
        "11-1.1/wsj0/si_tr_s/011/011c0200.wv1: cut short: its header promises 16000 samples and "
        "9488 are there; copy it again."
    ]


def test_prompts_stand_in_for_missing_transcripts(root: Path) -> None:
    for path in root.rglob("440*.dot"):
        path.unlink()
    (root / "440.lsn").write_text("THE LSN TEXT  (440C0200)\n")
    (root / "notes.txt").write_text("Read me.\nOTHER (440c0200)\nTHE PROMPT (440c0201)\n")
    data = load_sentences(root)
    assert data.test.texts == ("the lsn text", "the prompt")
    assert data.skipped == ()


def test_what_cannot_be_used_is_noted(root: Path) -> None:
    sphere(root / "11-1.1/wsj0/si_tr_s/011/011c0209.wv1")
    sphere(root / "copy/si_tr_s/011/011c0200.wv1")
    dots = root / "11-4.1/transcrp/dots/011/011c0200.dot"
    dots.write_text("~ cut (011c0200)\nno id here\n../../x (../../etc/passwd)\n")
    (root / "binary.dot").write_bytes(b"\x00\xff")
    notes = "\n".join(str(note) for note in load_sentences(root).skipped)
    disc = "11-1.1/wsj0/si_tr_s/011"
    assert sorted(notes.splitlines()) == sorted(
        [
            f"copy/si_tr_s/011/011c0200.wv1: is {disc}/011c0200.wv1 again.",
            "11-4.1/transcrp/dots/011/011c0200.dot: line 2 does not end in an id such as "
            "(4k0c0301).",
            "11-4.1/transcrp/dots/011/011c0200.dot: line 3 does not end in an id such as "
            "(4k0c0301).",
            "binary.dot: is not UTF-8 text; its recordings are passed over.",
            f"{disc}/011c0200.wv1: its transcript marks the recording as cut off.",
            f"{disc}/011c0201.wv1: no transcript has a line that ends in (011c0201).",
            f"{disc}/011c0209.wv1: no transcript has a line that ends in (011c0209).",
        ]
    )


def test_links_to_discs_are_followed_and_loops_end(root: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir()
    for disc in root.iterdir():
        (links / disc.name).symlink_to(disc)
    (root / "11-1.1/loop").symlink_to(links)
    data = load_sentences(links)
    assert len(data.train) == 4
    assert data.skipped == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[<door_slam] the [tongue_click>] dog [phone_ring/] barks [/phone_ring]", "the dog barks"),
        ("bad[cough] day", "bad day"),
        ("<the> the *wrong* *<both>* !right lo:ng", "the the wrong both right long"),
        ("a . pause ... here", "a pause here"),
        ("\\-hyphen rock\\-n\\-roll '\\em", "hyphen rock n roll 'em"),
        (
            ',COMMA "DOUBLE-QUOTE --DASH -HYPHEN ?QUESTION-MARK',
            "comma double quote dash hyphen question mark",
        ),
        (
            "(LEFT-PAREN x )RIGHT-PAREN 'SINGLE-QUOTE 'EM",
            "left paren x right paren single quote 'em",
        ),
        ("ten %PERCENT ;SEMI-COLON :COLON &AMPERSAND", "ten percent semi colon colon ampersand"),
        (
            "...ELLIPSIS .POINT {LEFT-BRACE /SLASH !EXCLAMATION-POINT",
            "ellipsis point left brace slash exclamation point",
        ),
        ("Mr\\. Smith's U\\.S\\. twenty-one", "mr smith's u s twenty one"),
        ('\\,COMMA \\"QUOTE', "comma quote"),
        ("[unintelligible]", ""),
    ],
)
def test_mark_up_becomes_words(text: str, expected: str) -> None:
    assert normalize_text(dot_text(text)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("revo(lutionary)- war", "broken off"),
        ("rev- war", "broken off"),
        ("*rev-* war", "broken off"),
        ("<rev-> war", "broken off"),
        ("-tation war", "broken off"),
        ("-TATION war", "broken off"),
        ("((maybe)) war", "guessed"),
        ("((may be)) war", "guessed"),
        ("~war", "cut off"),
        ("a [cough", "mark-up"),
        ("[two words]", "mark-up"),
    ],
)
def test_what_was_not_said_in_words_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dot_text(text)


WORDS = st.from_regex(r"[a-z]+('[a-z]+)?", fullmatch=True)
MARKS = (
    "{}",
    "<{}>",
    "*{}*",
    "!{}",
    "{} [cough]",
    "[<cough] {}",
    "[x/] {} [/x]",
    "{}\\.",
    "{}:",
    ". {}",
)


@given(st.lists(st.tuples(WORDS, st.sampled_from(MARKS)), max_size=8))
def test_mark_up_around_words_leaves_the_words(marked: list[tuple[str, str]]) -> None:
    text = " ".join(mark.format(word) for word, mark in marked)
    assert normalize_text(dot_text(text)) == " ".join(word for word, _ in marked)


@given(st.text(alphabet="ab'CD<>[]()*!~:.-\\/ ,&"))
def test_any_mark_up_gives_words_or_one_sentence(text: str) -> None:
    try:
        out = normalize_text(dot_text(text))
    except ValueError as error:
        assert str(error).endswith(".")
    else:
        assert set(out) <= set("' abcd")
