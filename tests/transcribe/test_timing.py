"""Beats are found where they are, free rhythm where they are not, and ticks lie on the grid of the tokens."""

import numpy as np
import pytest

from symgen.score import Score, Technique
from symgen.tokens.rhythm import GRID
from symgen.transcribe.notes import HeardNote
from symgen.transcribe.techniques import named
from symgen.transcribe.timing import Clock, clock_of
from symgen.transcribe.writing import metre_of, played, written


def heard(
    onsets: list[float], pitches: list[int] | None = None, velocities: list[int] | None = None
) -> list[HeardNote]:
    stops = [*onsets[1:], onsets[-1] + 1.0]
    return [
        HeardNote(
            on,
            off,
            float((pitches or [62])[i % len(pitches or [62])]),
            (velocities or [80])[i % len(velocities or [80])],
            0.9,
        )
        for i, (on, off) in enumerate(zip(onsets, stops, strict=True))
    ]


def in_beats(values: list[float], qpm: float, start: float = 0.4, jitter: float = 0.0, seed: int = 1) -> list[float]:
    rng = np.random.default_rng(seed)
    beats = np.concatenate([[0.0], np.cumsum(values)])[:-1]
    return (start + beats * 60 / qpm + rng.normal(0, jitter, len(beats))).clip(0.0).tolist()


TUNE = [1, 0.5, 0.5, 1, 1, 0.5, 0.25, 0.25, 1, 0.75, 0.25, 1, 0.5, 0.5, 2, 1, 1, 0.5, 0.5, 1, 0.25, 0.25, 0.5, 1, 2]


def qpm_of(clock: Clock) -> float:
    steps = np.diff(clock.seconds[1:])
    return float(60.0 / np.median(steps))


@pytest.mark.parametrize("qpm", [48.0, 60.0, 72.0, 92.0])
@pytest.mark.parametrize("jitter", [0.0, 0.012])
def test_the_beat_of_a_tune_is_found(qpm: float, jitter: float) -> None:
    notes = heard(in_beats(TUNE * 2, qpm, jitter=jitter))
    clock = clock_of(notes, notes[-1].offset_s)
    assert clock.has_beat
    ratio = qpm_of(clock) / qpm
    assert min(abs(ratio - size) for size in (0.5, 1.0, 2.0)) < 0.03
    score = written(notes, clock, metre_of(notes, clock), notes[-1].offset_s)
    steps = np.diff(score.notes["onset"]) / 480 * (1.0 / round(ratio * 2) * 2)
    assert np.abs(steps - np.array((TUNE * 2)[:-1])).max() < 0.01


def test_a_beat_that_gives_way_is_followed() -> None:
    beats = np.concatenate([[0.0], np.cumsum(TUNE * 2)])[:-1]
    times = 0.3 + beats * 0.9 + 2.0 * np.sin(beats / 16)  # 60 to 77 qpm and back
    notes = heard(times.tolist())
    clock = clock_of(notes, notes[-1].offset_s)
    assert clock.has_beat
    score = written(notes, clock, None, notes[-1].offset_s)
    steps = np.diff(score.notes["onset"]) / 480
    assert (np.abs(steps - np.array((TUNE * 2)[:-1])) < 0.01).mean() > 0.9


@pytest.mark.parametrize("seed", range(8))
def test_free_rhythm_is_left_free(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = 0.3 + np.cumsum(rng.gamma(2.5, 0.3, 60))
    notes = heard(times.tolist())
    clock = clock_of(notes, notes[-1].offset_s)
    assert not clock.has_beat
    score = written(notes, clock, metre_of(notes, clock), notes[-1].offset_s)
    assert score.metres == ()
    assert [tempo.qpm for tempo in score.tempi] == [60.0]
    assert np.abs(score.notes["onset"] / 480 - times).max() < 0.002


def test_seconds_survive_the_score_and_the_performance() -> None:
    notes = heard(in_beats(TUNE * 2, 66.0, jitter=0.012))
    clock = clock_of(notes, notes[-1].offset_s)
    score = written(notes, clock, metre_of(notes, clock), notes[-1].offset_s)
    performance = played(notes, clock, score, "guqin", None)
    assert performance is not None
    assert score.seconds == pytest.approx(notes[-1].offset_s, abs=0.3)
    from symgen.units import ticks_to_seconds

    tempi = [(tempo.tick, tempo.qpm) for tempo in performance.tempi]
    seconds = ticks_to_seconds([note.onset for note in performance.notes], tempi)
    assert np.abs(seconds - [note.onset_s for note in notes]).max() < 0.012


def test_metres_of_three_are_told_from_two() -> None:
    three = heard(in_beats([1.0] * 60, 80.0), velocities=[110, 60, 60])
    two = heard(in_beats([1.0] * 60, 80.0), velocities=[110, 60])
    for notes, size in ((three, 3), (two, 2)):
        clock = clock_of(notes, notes[-1].offset_s)
        metre = metre_of(notes, clock)
        assert metre is not None
        assert metre.numerator == size


def steps_of(score: Score) -> set[int]:
    return set(np.diff(np.unique(score.notes["onset"])).tolist())


def test_written_steps_are_on_the_grid_of_the_tokens() -> None:
    triplets = [1, 1 / 3, 1 / 3, 1 / 3, 0.5, 0.5, 1, 1 / 3, 1 / 3, 1 / 3, 1, 0.25, 0.25, 0.25, 0.25] * 4
    notes = heard(in_beats(triplets, 60.0, jitter=0.008))
    clock = clock_of(notes, notes[-1].offset_s)
    assert clock.has_beat
    steps = steps_of(written(notes, clock, None, notes[-1].offset_s))
    assert steps <= set(GRID)
    assert 160 in steps


def test_a_tremolo_is_written_as_one_note_and_played_as_strokes() -> None:
    tune = in_beats(TUNE, 60.0)
    shake = [tune[-1] + 2.0 + 0.08 * i for i in range(24)]
    notes = named(heard(tune + shake, pitches=[62, 64, 66, 69])[: len(tune)] + heard(shake, pitches=[74]))
    clock = clock_of(notes, notes[-1].offset_s)
    score = written(notes, clock, None, notes[-1].offset_s)
    marked = score.notes[score.notes["technique"] == Technique.TREMOLO]
    assert len(marked) == 1
    assert marked["duration"][0] >= 480
    performance = played(notes, clock, score, "guzheng", None)
    assert performance is not None
    assert sum(note.technique == Technique.TREMOLO for note in performance.notes) == 24


def test_a_glissando_keeps_its_notes_apart() -> None:
    tune = in_beats(TUNE, 60.0)
    goal = tune[-1] + 4.0
    run = [goal - 0.04 * i for i in range(8, 0, -1)]
    strings = [86, 83, 81, 78, 76, 74, 71, 69]
    end = in_beats(TUNE, 60.0, start=goal)
    notes = named(heard(tune) + heard(run, pitches=strings) + heard(end))
    clock = clock_of(notes, notes[-1].offset_s)
    assert clock.has_beat
    score = written(notes, clock, None, notes[-1].offset_s)
    marked = score.notes[score.notes["technique"] == Technique.GLISSANDO]
    assert marked["pitch"].tolist() == strings
    assert np.diff(marked["onset"]).min() >= 30
