from __future__ import annotations

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import SynthesizerError
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, NOT_ACCENTS, SPEAKERS, UNKNOWN
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance

ALL_SPEAKERS = tuple(itertools.chain(*SPEAKERS.values()))


def first_words(voice: str, text: str = "seven") -> bytes:
    with EspeakVoice() as espeak:
        return espeak.say(Utterance(voice, text)).tobytes()


def test_the_accents_are_all_that_the_build_has() -> None:
    with EspeakVoice() as espeak:
        assert set(espeak.accents) == {*ACCENTS, *NOT_ACCENTS}
        assert set(ALL_SPEAKERS) <= set(espeak.variants)
        assert espeak.sample_rate == 22050


def test_every_accent_and_every_speaker_sounds_different() -> None:
    # In fresh processes, because the synthesizer's state carries over from word to word.
    accents = {accent: first_words(accent, "stop going on") for accent in ACCENTS}
    assert len(set(accents.values())) == len(ACCENTS)
    speakers = set()
    with EspeakVoice() as espeak:
        for speaker in ALL_SPEAKERS:
            samples = espeak.say(Utterance(f"en-us+{speaker}", "seven"))
            assert 0.25 < len(samples) / espeak.sample_rate < 1.0, speaker
            assert np.abs(samples.astype(int)).max() > 3000, speaker
            speakers.add(hashlib.sha256(samples.tobytes()).digest())
    assert len(speakers) == len(ALL_SPEAKERS)


def test_the_shavian_voice_is_no_accent_of_its_own() -> None:
    lengths = []
    for voice in ("en", "en-shaw", "en-029"):
        with EspeakVoice() as espeak:
            lengths.append([len(espeak.say(Utterance(voice, w))) for w in (*COMMANDS, *UNKNOWN)])
    plain, shavian, caribbean = lengths
    assert shavian == plain
    assert caribbean != plain


def test_a_fresh_process_repeats_itself_bit_for_bit() -> None:
    def spoken() -> list[bytes]:
        with EspeakVoice() as espeak:
            words = ("yes", "no", "whisper", "stop")
            return [espeak.say(Utterance("en-gb-x-rp+f2", word)).tobytes() for word in words]

    before = spoken()
    # Left alone, the library would start its noise from the time of day, in seconds.
    time.sleep(1.1)
    assert spoken() == before


def test_rate_pitch_and_range_are_heard() -> None:
    with EspeakVoice() as espeak:

        def length(rate: int) -> int:
            return len(espeak.say(Utterance("en-us+m3", "stop going on", rate)))

        assert length(120) > 1.3 * length(200)

        def peak_hz(pitch: int) -> float:
            samples = espeak.say(Utterance("en-us+m3", "oh", 120, pitch, 0)).astype(float)
            middle = samples[len(samples) // 2 - 1024 :][:2048]
            lags = np.correlate(middle, middle, "full")[2048:]
            return 22050 / (60 + np.argmax(lags[60:400]))

        assert peak_hz(90) > 1.4 * peak_hz(30)


@pytest.mark.parametrize(
    ("voice", "part"),
    [
        ("en-gb", "'en-gb'"),
        ("en-us+nobody", "'en-us\\+nobody'.*'nobody'"),
        ("en-us+", "'en-us\\+'"),
        ("klingon+f3", "'klingon\\+f3'"),
    ],
)
def test_a_rejected_voice_is_an_error_that_names_it(voice: str, part: str) -> None:
    with EspeakVoice() as espeak:
        with pytest.raises(SynthesizerError, match=f"rejected the voice {part}"):
            espeak.say(Utterance(voice, "yes"))
        # The process is still there.
        assert len(espeak.say(Utterance("en", "yes"))) > 1000


def test_nothing_to_say_is_an_error() -> None:
    with EspeakVoice() as espeak, pytest.raises(SynthesizerError, match="said nothing"):
        espeak.say(Utterance("en", ""))


def test_a_missing_synthesizer_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SynthesizerError, match="pip install 'tfpipeline\\[demo\\]'") as caught:
        EspeakVoice()
    assert "\n" not in str(caught.value)


def test_a_synthesizer_that_dies_is_one_sentence() -> None:
    with EspeakVoice() as espeak:
        espeak._process.kill()
        espeak._process.wait()
        with pytest.raises(SynthesizerError, match="ended unexpectedly"):
            espeak.say(Utterance("en", "yes"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_is_for_the_parent_to_decide() -> None:
    with EspeakVoice() as espeak:
        espeak._process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert len(espeak.say(Utterance("en", "yes"))) > 1000


def test_the_synthesizer_stays_out_of_this_process() -> None:
    code = (
        "import sys\n"
        "from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance\n"
        "with EspeakVoice() as espeak:\n"
        "    espeak.say(Utterance('en', 'yes'))\n"
        "assert 'espeakng_loader' not in sys.modules\n"
        "assert 'tfpipeline.data.synthesis.espeak_process' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
