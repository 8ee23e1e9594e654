from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import (
    AudioError,
    DataError,
    LabelledInterval,
    read_label_track,
    read_recordings,
    write_label_track,
    write_wav,
)

EACH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
INTERVALS = st.builds(
    lambda start, length, label: LabelledInterval(start / 1000, (start + length) / 1000, label),
    st.integers(0, 10**7),
    st.integers(0, 10**4),
    st.text("abc déñ_-'", min_size=1).map(str.strip).filter(bool),
)


@EACH
@given(intervals=st.lists(INTERVALS, max_size=6))
def test_what_was_written_is_read_in_order(
    tmp_path: Path, intervals: list[LabelledInterval]
) -> None:
    path = tmp_path / "a.txt"
    write_label_track(path, intervals)
    assert read_label_track(path) == sorted(intervals, key=lambda one: (one.start, one.end))


@pytest.mark.parametrize("label", ["a\tb", "a\nb", "a\r"])
def test_what_would_not_be_read_again_is_not_written(tmp_path: Path, label: str) -> None:
    with pytest.raises(ValueError, match="a label must be one line without tabs"):
        write_label_track(tmp_path / "a.txt", [LabelledInterval(0.0, 1.0, label)])
    assert not (tmp_path / "a.txt").exists()


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).standard_normal(48000) * 0.1
    write_wav(tmp_path / "b.wav", noise[:32000])
    write_wav(tmp_path / "a.WAV", noise, 32000)
    write_wav(tmp_path / ".hidden.wav", noise)
    (tmp_path / "b.txt").write_text("0.5\t1.0\tyes\n")
    (tmp_path / "README.txt").write_text("recorded in the kitchen")
    (tmp_path / "notes.md").write_text("")
    return tmp_path


def test_recordings_come_one_by_one_with_their_words(folder: Path) -> None:
    recordings = read_recordings(folder)
    assert isinstance(recordings, Iterator)
    first, second = recordings
    assert (first.path.name, first.intervals) == ("a.WAV", ())
    assert first.samples.shape == (24000,)
    assert first.seconds == 1.5
    assert second.intervals == (LabelledInterval(0.5, 1.0, "yes"),)
    assert second.samples.dtype == np.float32
    assert second.sample_rate == 16000


def test_a_broken_folder_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    def sentence(kind: type[Exception] = DataError) -> str:
        with pytest.raises(kind) as caught:
            list(read_recordings(folder))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    (folder / "b.txt").write_text("0.5\t2.5\tyes\n")
    assert "b.txt: says 'yes' until 2.5 s, and b.wav ends after 2 s" in sentence()
    (folder / "c.txt").write_text("0.5\t1.0\tyes\n")
    assert "c.txt: has no recording c.wav beside it" in sentence()
    (folder / "c.wav").write_bytes(b"RIFF")
    (folder / "b.txt").unlink()
    assert "c.wav: not a WAV file" in sentence(AudioError)
    with pytest.raises(DataError, match="there is no such folder; expected one of WAV files"):
        list(read_recordings(folder / "none"))
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="holds no WAV file; expected recordings such as"):
        list(read_recordings(folder / "empty"))
