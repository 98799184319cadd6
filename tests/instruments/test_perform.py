"""Performances: the same for the same seed, in order, within the piece, and bent only where a hand can bend."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symgen.errors import PlayabilityError
from symgen.instruments import get_instrument, playable_pitches, strikeable
from symgen.instruments.curves import Restrike, Travel
from symgen.instruments.fingering import finger
from symgen.instruments.perform import perform, plain
from symgen.instruments.ringing import for_one_wheel
from symgen.instruments.shapes import Pair, Repeat, Run
from symgen.score import Metre, Score, Section, Technique, Tempo, make_notes
from symgen.units import TICKS_PER_QUARTER, ticks_to_seconds
from symgen.writers import midi

GUQIN, GUZHENG, VOICE = get_instrument("guqin"), get_instrument("guzheng"), get_instrument("voice")
SETUPS = [
    (GUQIN, GUQIN.tunings["zhengdiao"]),
    (GUQIN, GUQIN.tunings["huangzhong"]),
    (GUZHENG, GUZHENG.tunings["D"]),
    (VOICE, VOICE.tunings["free"]),
]
MARKS = [Technique.PLUCK] * 6 + [
    Technique.SLIDE_UP,
    Technique.SLIDE_DOWN,
    Technique.VIBRATO,
    Technique.HARMONIC,
    Technique.TREMOLO,
    Technique.GRACE,
]
ROWS = [row for instrument, _ in SETUPS for row in instrument.ornaments]
ADDED = {row.name for row in ROWS if isinstance(row.curve, Run | Repeat | Pair | Restrike)}
SOUNDED_BY_A_SLIDE = {row.name for row in ROWS if isinstance(row.curve, Travel)}
STRUCK_AGAIN = {row.name for row in ROWS if isinstance(row.curve, Restrike)}


@st.composite
def pieces(draw):
    instrument, tuning = draw(st.sampled_from(SETUPS))
    rows, tick = [], 0
    for _ in range(draw(st.integers(1, 20))):
        mark = draw(st.sampled_from(MARKS))
        known = sorted(playable_pitches(instrument, tuning, mark))
        chord = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2)) if known else []
        step = draw(st.sampled_from([30, 60, 160, 240, 480, 960, 1920]))
        if strikeable(instrument, tuning, tuple(chord), mark):
            rows += [(tick, step, pitch, draw(st.integers(1, 127)), 0, mark) for pitch in chord]
        tick += step
    qpm = draw(st.floats(30, 200))
    bar = 3 * TICKS_PER_QUARTER
    end = -(-tick // bar) * bar
    score = Score(
        make_notes(rows), tempi=(Tempo(0, qpm),), metres=(Metre(0, 3, 4),), sections=(Section(0, "A"),), end=end
    )
    assume(finger(score, instrument, tuning).playable)  # not so fast that the hand is too late
    return instrument, tuning, score


def for_any_performance(check):
    chances = given(piece=pieces(), seed=st.integers(-5, 2**40), humanize=st.sampled_from([0.0, 0.5, 1.0]))
    return settings(max_examples=60, deadline=None)(chances(check))


class TestAnyPerformance:
    @for_any_performance
    def test_every_written_note_sounds(self, piece, seed, humanize):
        """As a stroke, or as the end of a slide; and what else is struck belongs to an ornament."""
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style=instrument.name, seed=seed, humanize=humanize)
        assert played.score == score
        sounding = Counter(note.pitch for note in played.notes)
        sounding += Counter(note.pitch + round(note.bends[-1].cents / 100) for note in slid(played))
        written = Counter(score.notes["pitch"].tolist())
        assert not written - sounding
        added = sum(1 for note in played.notes if set(note.ornament.split("+")) & ADDED)
        assert sounding.total() - written.total() <= added

    @for_any_performance
    def test_strokes_keep_their_order_near_the_grid(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style=instrument.name, seed=seed, humanize=humanize)
        low, high = instrument.velocity
        plainly = [note for note in played.notes if not set(note.ornament.split("+")) & {*ADDED, "payin"}]
        written = {pitch: score.notes["onset"][score.notes["pitch"] == pitch] for pitch in range(128)}
        for note in plainly:
            seconds = abs(written[note.pitch] - note.onset).min() * 60 / (score.tempi[0].qpm * TICKS_PER_QUARTER)
            assert seconds <= 0.012 * humanize + 0.02
        for note in played.notes:
            assert 0 <= note.onset < note.onset + note.duration <= score.end
            assert low <= note.velocity <= high
        order = [note.onset for note in played.notes]
        assert order == sorted(order)

    @for_any_performance
    def test_no_string_sounds_twice(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style="guqin", seed=seed, humanize=humanize)
        last = {}
        for note in played.notes:
            if note.string in last and note.string:
                assert last[note.string] <= note.onset
            last[note.string] = note.onset + note.duration

    @for_any_performance
    def test_bends_only_where_a_hand_can_bend(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style="guzheng", seed=seed, humanize=humanize)
        for note in played.notes:
            if not note.bends:
                continue
            rise = 100 * (note.pitch - tuning.open_pitches[note.string - 1])
            assert note.technique != Technique.HARMONIC
            assert [bend.offset for bend in note.bends] == sorted({bend.offset for bend in note.bends})
            assert note.bends[0].offset >= 0
            assert note.bends[-1].offset < note.duration
            assert note.bends[-1].cents == 0 or note in slid(played) or note.ornament.split("+")[-1] in STRUCK_AGAIN
            for bend in note.bends:
                assert -300 <= bend.cents <= 300 or note in slid(played)
                if instrument is GUQIN:
                    assert rise + bend.cents >= 25  # hui 13.9
                assert rise + bend.cents >= 0  # never below the open string
                if instrument is GUQIN:
                    assert rise > 0  # an open string has no pitch but its own

    @for_any_performance
    def test_a_curve_is_over_before_the_next_stroke(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style=instrument.name, seed=seed, humanize=humanize)
        for index, note in enumerate(played.notes):
            if note.bends:
                end = note.onset + note.bends[-1].offset
                assert all(other.onset > end for other in played.notes[index + 1 :])

    @for_any_performance
    def test_on_one_wheel_a_curve_has_the_channel_for_itself(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style=instrument.name, seed=seed, humanize=humanize)
        notes = for_one_wheel(played.notes)
        assert [(n.onset, n.pitch, n.bends) for n in notes] == [(n.onset, n.pitch, n.bends) for n in played.notes]
        for index, note in enumerate(notes):
            if not note.bends:
                continue
            begin = note.onset + (0 if note.bends[0].cents else note.bends[0].offset)
            end = note.onset + (note.duration if note.bends[-1].cents else note.bends[-1].offset)
            for other in notes[:index] + notes[index + 1 :]:
                assert other.onset + other.duration <= max(begin, other.onset + 1) or other.onset >= end

    @for_any_performance
    def test_ornaments_do_not_depend_on_humanize(self, piece, seed, humanize):
        instrument, tuning, score = piece
        free, strict = (
            perform(score, instrument, tuning, style=instrument.name, seed=seed, humanize=share)
            for share in (humanize, 0.0)
        )
        assert [made(note) for note in in_order(free)] == [made(note) for note in in_order(strict)]

    @for_any_performance
    def test_tempo_stays_near_what_is_written(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style="guqin", seed=seed, humanize=humanize)
        last_bar = score.end - 3 * TICKS_PER_QUARTER
        for tempo in played.tempi:
            share = tempo.qpm / score.tempi[0].qpm
            assert share <= 1.121
            assert share >= (0.599 if tempo.tick <= last_bar else 0.3)

    @for_any_performance
    def test_is_written_as_midi_with_every_note(self, piece, seed, humanize):
        instrument, tuning, score = piece
        played = perform(score, instrument, tuning, style="guqin", seed=seed, humanize=humanize)
        symusic = pytest.importorskip("symusic")
        read = symusic.Score.from_midi(midi.encode(played))
        doubled = len(played.notes) - len({(note.onset, note.pitch) for note in played.notes})
        found = sum(len(track.notes) for track in read.tracks)
        assert found >= len(played.notes) - doubled


def slid(played):
    """Return the notes whose curve sounds the next written note."""
    return [note for note in played.notes if set(note.ornament.split("+")) & SOUNDED_BY_A_SLIDE]


def in_order(played):
    return sorted(played.notes, key=lambda note: (note.pitch, note.string, note.onset))


def made(note):
    """Return what is done to a note, without when and how loud."""
    return note.pitch, note.string, note.position, note.technique, note.ornament, [bend.cents for bend in note.bends]


def tune(*pitches, step=480, technique=Technique.PLUCK):
    rows = [(i * step, step, pitch, 80, 0, technique) for i, pitch in enumerate(pitches)]
    return Score(
        make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), end=-(-len(pitches) * step // 1920) * 1920
    )


def performed(score, setup=SETUPS[0], seed=1, humanize=0.5):
    return perform(score, *setup, style="guqin", seed=seed, humanize=humanize)


LONG = tune(*[50, 53, 55, 57, 60, 57, 55, 53] * 6)


def test_the_seed_decides():
    assert performed(LONG) == performed(LONG)
    assert performed(LONG) != performed(LONG, seed=2)


def test_without_humanising_the_grid_and_the_tempo_stay():
    played = performed(LONG, humanize=0.0)
    strokes = [note.onset for note in played.notes if not set(note.ornament.split("+")) & ADDED]
    assert set(strokes) <= set(LONG.notes["onset"].tolist())
    assert len(strokes) > len(LONG) / 2
    assert played.tempi == LONG.tempi


def test_strings_ring_until_they_fade():
    played = performed(tune(36, 38, 41, 43, step=480), humanize=0.0)
    assert all(note.onset + note.duration == 1920 for note in played.notes)
    alone = performed(Score(make_notes([(0, 480, 36)]), tempi=(Tempo(0, 60.0),), end=48000), humanize=0.0)
    assert alone.notes[0].duration == 7.5 * 480


def test_a_long_piece_has_slides_and_vibrato_but_not_everywhere():
    bent = [note for note in performed(LONG).notes if note.bends]
    assert 8 <= len(bent) <= 40
    assert {note.technique for note in bent} <= {Technique.SLIDE_UP, Technique.SLIDE_DOWN, Technique.VIBRATO}


def test_a_written_slide_is_played():
    score = tune(50, 57, 50, technique=Technique.PLUCK)
    notes = score.notes.copy()
    notes["technique"][1] = Technique.SLIDE_UP
    played = performed(Score(notes, score.ticks_per_quarter, score.tempi, score.metres, end=score.end))
    assert played.notes[1].bends[0].cents <= -100


def test_pressed_notes_of_the_guzheng_slide_up_from_the_open_string():
    played = performed(tune(66, 67, 66, technique=Technique.PLUCK), SETUPS[2])
    marked = perform(tune(67, 67, technique=Technique.SLIDE_UP), *SETUPS[2], style="guzheng", seed=1)
    assert played.notes[1].position == 1.0
    assert marked.notes[1].bends[0].cents == pytest.approx(-100)


def test_the_last_bar_slows_down():
    tempi = performed(LONG).tempi
    assert tempi[-1].qpm < 0.85 * 60
    assert ticks_to_seconds(LONG.end, [(t.tick, t.qpm) for t in tempi]) == pytest.approx(LONG.seconds, rel=0.05)


def test_plain_is_what_is_written():
    played = plain(LONG, *SETUPS[0])
    assert [(n.onset, n.duration, n.pitch, n.velocity) for n in played.notes] == [
        tuple(row)[:4] for row in LONG.notes.tolist()
    ]
    assert played.tempi == LONG.tempi
    assert not any(note.bends for note in played.notes)


def test_the_unplayable_is_refused_with_bar_pitch_and_rule():
    with pytest.raises(PlayabilityError, match=r"bar 1, pitch 30: guqin in tuning zhengdiao cannot play"):
        plain(tune(50, 30), *SETUPS[0])


def test_accents_fall_on_downbeats():
    played = performed(LONG, humanize=0.0)
    down = [note.velocity for note in played.notes if note.onset % 1920 == 0]
    off = [note.velocity for note in played.notes if note.onset % 1920 == 480]
    assert sum(down) > sum(off)
