"""What other libraries see of our music is what they would see of a file, and comes back the same."""

import numpy as np
import pytest

from symgen.exchange import (
    from_music21,
    from_pretty_midi,
    from_symusic,
    to_music21,
    to_pretty_midi,
    to_symusic,
)
from symgen.score import Metre, Score, Tempo, make_notes

SCORE = Score(
    make_notes([(0, 480, 53), (480, 240, 55), (720, 240, 57), (960, 480, 60), (960, 480, 48), (1440, 480, 62)]),
    tempi=(Tempo(0, 60.0),),
    metres=(Metre(0, 2, 4),),
)
FIELDS = ["onset", "duration", "pitch"]


def rows(score: Score) -> list[tuple[int, ...]]:
    return sorted(map(tuple, score.resampled(480).notes[FIELDS].tolist()))


class TestPrettyMidi:
    def test_it_hears_the_same_seconds_and_pitches(self):
        midi = to_pretty_midi(SCORE)
        heard = sorted((n.start, n.end, n.pitch) for part in midi.instruments for n in part.notes)
        expected = sorted((o / 480, (o + d) / 480, p) for o, d, p in rows(SCORE))  # one quarter a second
        np.testing.assert_allclose(heard, expected, atol=1e-6)

    def test_there_and_back(self):
        assert rows(from_pretty_midi(to_pretty_midi(SCORE))) == rows(SCORE)


class TestSymusic:
    def test_it_sees_the_same_ticks(self):
        seen = sorted((n.start, n.duration, n.pitch) for track in to_symusic(SCORE).tracks for n in track.notes)
        assert seen == rows(SCORE)

    def test_there_and_back(self):
        assert rows(from_symusic(to_symusic(SCORE))) == rows(SCORE)


class TestMusic21:
    def test_it_reads_the_same_notes(self):
        seen = sorted((float(e.offset), p.midi) for e in to_music21(SCORE).flatten().notes for p in e.pitches)
        assert seen == sorted((o / 480, p) for o, _, p in rows(SCORE))

    @pytest.mark.parametrize("semitones", [0, 5])
    def test_there_and_back(self, semitones: int):
        score = SCORE.transpose(semitones)
        assert rows(from_music21(to_music21(score))) == rows(score)
