"""Ornaments: curves within what a hand can do, shares as documented, sections as marked or planned."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.instruments import get_instrument, instruments
from symgen.instruments.choosing import draw, probabilities
from symgen.instruments.curves import REST, Arc, Bump, Restrike, Slide, Space, Vibrato
from symgen.instruments.expression import MANNERS, phrase_edges, shaped_tempi
from symgen.instruments.perform import perform
from symgen.instruments.ringing import ring_seconds
from symgen.instruments.rules import placements
from symgen.instruments.sections import parts, role_of
from symgen.instruments.shapes import Run
from symgen.performance import Bend
from symgen.score import Key, Metre, Score, Section, Technique, Tempo, make_notes
from symgen.units import ticks_to_seconds

GUQIN, GUZHENG = get_instrument("guqin"), get_instrument("guzheng")
ROWS = [row for instrument in instruments() for row in instrument.ornaments]
BENDING = [row for row in ROWS if isinstance(row.curve, Slide | Vibrato | Bump | Arc)]
SPACES = st.builds(
    Space,
    seconds=st.floats(0.0, 6.0),
    down=st.floats(0.0, 2400.0),
    up=st.floats(0.0, 2400.0),
    step_down=st.sampled_from([100.0, 200.0, 300.0]),
    step_up=st.sampled_from([100.0, 200.0, 300.0]),
    width=st.floats(0.5, 1.3),
)


@pytest.mark.parametrize("row", BENDING, ids=lambda row: row.name)
def test_a_curve_stays_within_the_note_and_the_reach_and_ends_at_rest(row):
    @settings(max_examples=30, deadline=None)
    @given(space=SPACES, seed=st.integers(0, 2**32))
    def check(space, seed):
        points = row.curve.points(space, Random(seed))
        if not points:
            return
        times, cents = zip(*points, strict=True)
        assert times[0] >= 0.0
        assert all(after >= before for before, after in pairwise(times))
        assert times[-1] <= REST * space.seconds + 1e-9
        assert -space.down - 0.01 <= min(cents)
        assert max(cents) <= space.up + 0.01
        assert cents[-1] == 0.0
        if not isinstance(row.curve, Slide):
            assert cents[0] == 0.0

    check()


@pytest.mark.parametrize("row", BENDING, ids=lambda row: row.name)
def test_with_all_the_room_there_is_every_shape_comes_out_as_its_row_says(row):
    space = Space(seconds=4.0, down=300.0, up=600.0, step_down=200.0, step_up=200.0)
    for seed in range(20):
        points = row.curve.points(space, Random(seed))
        assert points
        widest = max(abs(cents) for _, cents in points)
        if isinstance(row.curve, Vibrato):
            swung = [cents for _, cents in points if cents]
            assert widest <= row.curve.cents[1]
            assert row.curve.side <= 0 or min(swung) > 0
            assert row.curve.side >= 0 or max(swung) < 0
        elif isinstance(row.curve, Arc):
            assert widest == 200.0
        else:
            low, high = sorted(abs(cents) for cents in row.curve.cents)
            assert 0.9 * low <= widest <= high


@settings(max_examples=60, deadline=None)
@given(space=SPACES, seed=st.integers(0, 2**32))
def test_a_string_struck_again_goes_on_from_where_it_has_slid_to(space, seed):
    row = next(row for row in ROWS if isinstance(row.curve, Restrike))
    out, at, back = row.curve.halves(space, Random(seed))
    if out:
        assert out[0][1] == back[-1][1] == 0.0
        assert out[-1][1] == back[0][1] == space.step_up <= space.up
        assert 0.0 <= out[0][0] < out[-1][0] <= REST * at
        assert at + back[-1][0] <= REST * space.seconds + 1e-9
        assert all(after[0] >= before[0] for curve in (out, back) for before, after in pairwise(curve))


def test_rates_of_vibrato_are_those_of_the_handbooks():
    space = Space(seconds=6.0, down=2000.0, up=2000.0)
    rows = {row.name: row for row in GUQIN.ornaments}
    for name, low, high in (("yin", 3, 4), ("huanyin", 1, 2), ("jiyin", 5, 6), ("nao", 1.5, 3)):
        for seed in range(10):
            points = rows[name].curve.points(space, Random(seed))
            turn = (points[12][0] - points[0][0]) if len(points) > 12 else points[-1][0] - points[0][0]
            assert low <= 1.0 / turn <= high + 1e-9


class TestChoosing:
    @settings(max_examples=200, deadline=None)
    @given(
        weights=st.lists(st.floats(0.0, 3.0), max_size=40),
        quota=st.floats(0.0, 50.0),
        seed=st.integers(0, 999),
    )
    def test_what_is_drawn_is_right_to_one(self, weights, quota, seed):
        chances = probabilities(weights, [1.0] * len(weights), quota)
        assert all(0.0 <= chance <= 1.0 for chance in chances)
        welcome = sum(weight > 0.0 for weight in weights)
        assert sum(chances) == pytest.approx(min(quota, welcome), abs=1e-6)
        taken = draw(chances, Random(seed))
        assert abs(len(taken) - sum(chances)) <= 1.0 + 1e-6
        assert all(weights[index] > 0.0 for index in taken)
        assert len(set(taken)) == len(taken)

    def test_each_is_drawn_with_its_own_probability(self):
        chances = [0.1, 0.7, 0.0, 0.4, 1.0, 0.3]
        counts = Counter(index for seed in range(4000) for index in draw(chances, Random(seed)))
        assert [counts[i] / 4000 for i in range(6)] == pytest.approx(chances, abs=0.03)

    def test_large_ones_count_for_their_size(self):
        chances = probabilities([1.0, 1.0, 1.0, 1.0], [5.0, 5.0, 10.0, 20.0], 4.0)
        assert chances == pytest.approx([0.1] * 4)


def walk(seed, notes=240, gong=2, qpm=80.0):
    """Return a melody over the open strings of the guzheng in D: mostly eighths and quarters, some longer notes."""
    random, rows, tick, place = Random(seed), [], 0, 10
    strings = GUZHENG.tunings["D"].open_pitches
    for _ in range(notes):
        step = random.choice([240] * 5 + [480] * 4 + [720, 960])
        place = min(16, max(4, place + random.choice([-2, -1, -1, 0, 1, 1, 2])))
        rows.append((tick, step, strings[place], 80))
        tick += step
    end = -(-tick // 960) * 960
    return Score(make_notes(rows), tempi=(Tempo(0, qpm),), metres=(Metre(0, 2, 4),), keys=(Key(0, gong),), end=end)


def test_guzheng_shares_come_out_as_documented():
    """Vibrato 12.6 %, up 4.7, runs 4.6, down 1.3, dianyin 1.3, tremolo 0.5: within a fifth, or half a point."""
    found, notes = Counter(), 0
    for seed in range(40):
        played = perform(walk(seed), GUZHENG, GUZHENG.tunings["D"], style="guzheng", seed=seed)
        strokes = Counter(note.ornament for note in played.notes)
        tremoli = sum(note.ornament == "yaozhi" and first for note, first in with_first(played.notes))
        found += strokes
        found["tremoli"] += tremoli
        found["runs"] += sum(
            note.technique == Technique.GLISSANDO or note.ornament == "saoxian" for note in played.notes
        )
        notes += len(played.notes) - strokes["yaozhi"] + tremoli
    documented = {
        ("chanyin", "zhongchan"): 0.126,
        ("shanghua", "huihua"): 0.047,
        ("runs",): 0.046,
        ("xiahua",): 0.013,
        ("dianyin",): 0.013,
        ("tremoli",): 0.005,
    }
    for names, share in documented.items():
        assert sum(found[name] for name in names) / notes == pytest.approx(share, rel=0.2, abs=0.005)


def only(instrument, name, share=0.3):
    """Return the instrument with one ornament, and much of it."""
    row = next(row for row in instrument.ornaments if row.name == name)
    return replace(instrument, ornaments=(replace(row, share=share),))


def slow_tune(*pitches, step=960, technique=Technique.PLUCK):
    rows = [(i * step, step, pitch, 80, 0, technique) for i, pitch in enumerate(pitches)]
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), keys=(Key(0, 5),))


ZHENGDIAO = GUQIN.tunings["zhengdiao"]


def played_with(name, score, seed):
    return perform(score, only(GUQIN, name), ZHENGDIAO, style="guqin", seed=seed, humanize=0.0).notes


@pytest.mark.parametrize(("name", "direction"), [("gun", -1), ("fu", 1), ("li", -1)])
def test_gun_fu_and_li_sweep_open_strings_towards_their_note(name, direction):
    swept = 0
    for seed in range(10):
        run = []
        for note in played_with(name, slow_tune(*[36, 50, 41, 48, 38, 50] * 3), seed):
            if note.ornament == name:
                assert note.pitch == ZHENGDIAO.open_pitches[note.string - 1]
                assert note.stroke == name
                run.append(note)
            elif run:
                strings = [one.string for one in [*run, note]]
                assert strings == sorted(strings, reverse=direction < 0)
                assert note.onset % 960 == 0
                assert run[0].onset > note.onset - 960
                swept, run = swept + 1, []
    assert swept > 5


def test_gunfu_goes_down_and_comes_back():
    turned = 0
    for seed in range(20):
        strings = [
            note.string for note in played_with("gunfu", slow_tune(*[36, 50] * 6, step=1440), seed) if note.ornament
        ]
        if strings:
            low = strings.index(min(strings))
            assert strings[: low + 1] == sorted(strings[: low + 1], reverse=True)
            turned += 1
    assert turned > 3


def test_bola_strikes_an_open_string_and_its_stopped_neighbour_to_and_fro():
    figures = 0
    for seed in range(10):
        notes = [
            note for note in played_with("bola", slow_tune(*[48, 50, 45, 50] * 4), seed) if note.ornament == "bola"
        ]
        assert len(notes) % 4 == 0
        for figure in zip(*[iter(notes)] * 4, strict=True):
            assert len({note.pitch for note in figure}) == 1
            strings = [note.string for note in figure]
            assert strings[:2] == strings[:1:-1]
            assert abs(strings[0] - strings[1]) == 1
            assert {bool(note.position) for note in figure} == {True, False}
            assert all(bool(note.finger) == bool(note.position) for note in figure)
            figures += 1
    assert figures > 10


def test_fenkai_strikes_again_where_it_has_slid_to_and_comes_back():
    seen = 0
    for seed in range(10):
        score = slow_tune(*[55, 57, 53, 55] * 4, technique=Technique.STOPPED)
        notes = [note for note in played_with("fenkai", score, seed) if note.ornament == "fenkai"]
        for first, again in zip(notes[::2], notes[1::2], strict=True):
            assert (first.string, first.position) == (again.string, again.position)
            assert 100.0 <= first.bends[-1].cents <= 300.0
            assert first.onset + first.bends[-1].offset < again.onset
            assert again.bends[0] == Bend(0, first.bends[-1].cents)
            assert again.bends[-1].cents == 0.0
            seen += 1
    assert seen > 10


def test_a_chain_of_slides_sounds_two_notes_or_three_by_one_stroke():
    chains = 0
    for seed in range(20):
        score = slow_tune(*[50, 53, 55, 57, 50, 48] * 3, step=240, technique=Technique.STOPPED)
        written = dict(zip(score.notes["onset"].tolist(), score.notes["pitch"].tolist(), strict=True))
        notes = played_with("ershang", score, seed)
        struck = {note.onset for note in notes}
        for note in notes:
            if note.ornament:
                later = [
                    tick for tick in written if note.onset < tick < note.onset + note.duration and tick not in struck
                ]
                assert 2 <= len(later) <= 3
                for tick in later:  # at rest before the next one begins
                    held = [bend.cents for bend in note.bends if bend.offset < tick - note.onset + 240]
                    assert note.pitch + held[-1] / 100 == written[tick]
                chains += 1
    assert chains > 5


def test_a_huazhi_on_the_beat_begins_where_its_note_is_written():
    seen = 0
    for seed in range(20):
        score = walk(seed, notes=60)
        written = dict(zip(score.notes["onset"].tolist(), score.notes["pitch"].tolist(), strict=True))
        player = only(GUZHENG, "zhengbanhua", 0.1)
        notes = perform(score, player, GUZHENG.tunings["D"], style="guzheng", seed=seed, humanize=0.0).notes
        run = []
        for note in notes:
            if note.technique == Technique.GLISSANDO:
                assert note.stroke == "huazhi"
                run.append(note)
            elif run:
                assert written[run[0].onset] == note.pitch
                assert note.ornament == "zhengbanhua"
                assert [one.string for one in run] == sorted({one.string for one in run})
                assert 0 < note.onset - run[0].onset < 0.5 * 480 * 80 / 60
                seen, run = seen + 1, []
    assert seen > 20


def with_first(notes):
    """Yield each note and whether it begins a tremolo: no stroke of its string less than 0.2 s before."""
    last = {}
    for note in notes:
        before = last.get((note.string, note.ornament))
        last[note.string, note.ornament] = note.onset
        yield note, before is None or note.onset - before > 130


def test_runs_lead_down_to_their_note_over_open_strings():
    runs = 0
    for seed in range(10):
        played = perform(walk(seed), GUZHENG, GUZHENG.tunings["D"], style="guzheng", seed=seed, humanize=0.0)
        for note, after in pairwise(played.notes):
            if note.ornament == "huazhi":
                assert note.pitch == GUZHENG.tunings["D"].open_pitches[note.string - 1]
                assert after.onset > note.onset
                assert after.pitch < note.pitch
                runs += 1
    assert runs > 40


def test_a_shanghua_begins_at_the_open_string_and_arrives_at_what_is_written():
    tuning, seen = GUZHENG.tunings["D"], 0
    for seed in range(5):
        for note in perform(walk(seed), GUZHENG, tuning, style="guzheng", seed=seed).notes:
            if note.ornament == "shanghua":
                assert note.pitch + note.bends[0].cents / 100 == tuning.open_pitches[note.string - 1]
                assert note.bends[-1].cents == 0.0
                seen += 1
    assert seen > 20


def stopped(*pitches, step=480):
    rows = [(i * step, step, pitch, 80, 0, Technique.STOPPED) for i, pitch in enumerate(pitches)]
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), keys=(Key(0, 5),))


def test_a_slide_to_the_next_note_sounds_it_on_the_same_string():
    seen = 0
    for seed in range(30):
        score = stopped(*[53, 55, 53, 50, 53, 55, 57, 55] * 3)
        played = perform(score, GUQIN, GUQIN.tunings["zhengdiao"], style="guqin", seed=seed, humanize=0.0)
        written = dict(zip(score.notes["onset"].tolist(), score.notes["pitch"].tolist(), strict=True))
        for note in played.notes:
            if note.ornament in ("shang", "xia"):
                reached = note.pitch + note.bends[-1].cents / 100
                assert written[note.onset + 480] == reached
                assert note.onset + 480 not in {other.onset for other in played.notes}
                assert note.bends[0].offset >= 480
                assert note.duration > 480
                rise = reached - GUQIN.tunings["zhengdiao"].open_pitches[note.string - 1]
                assert 0.25 <= rise <= 24
                seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("instrument", "tuning", "mark", "pitch"),
    [
        (GUQIN, "zhengdiao", Technique.SLIDE_UP, 57),
        (GUQIN, "zhengdiao", Technique.SLIDE_DOWN, 57),
        (GUQIN, "zhengdiao", Technique.VIBRATO, 57),
        (GUQIN, "zhengdiao", Technique.TREMOLO, 50),
        (GUZHENG, "D", Technique.SLIDE_UP, 67),
        (GUZHENG, "D", Technique.SLIDE_DOWN, 62),
        (GUZHENG, "D", Technique.VIBRATO, 62),
        (GUZHENG, "D", Technique.TREMOLO, 62),
    ],
)
def test_what_is_marked_is_played(instrument, tuning, mark, pitch):
    rows = [(0, 960, pitch, 80, 0, 0), (960, 1440, pitch, 80, 0, mark), (2400, 1440, pitch, 80, 0, 0)]
    score = Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),))
    for seed in range(5):
        played = perform(score, instrument, instrument.tunings[tuning], style=instrument.name, seed=seed, humanize=0.0)
        (note,) = [note for note in played.notes if note.onset == 960]
        assert note.technique == mark
        again = [other for other in played.notes if 960 < other.onset < 2400]
        assert bool(again) == (mark == Technique.TREMOLO)
        assert bool(note.bends) != (mark == Technique.TREMOLO)


def test_chords_of_three_are_rolled_from_below():
    rows = [(480 * i, 480, pitch, 80) for i in range(1, 9) for pitch in (50, 62, 69)]
    score = Score(make_notes([(0, 480, 62, 80), *rows]), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),))
    rolled = 0
    for seed in range(4):
        played = perform(score, GUZHENG, GUZHENG.tunings["D"], style="guzheng", seed=seed, humanize=0.0)
        for low, middle, high in zip(played.notes, played.notes[1:], played.notes[2:], strict=False):
            if (low.pitch, middle.pitch, high.pitch) == (50, 62, 69) and "payin" in low.ornament:
                assert low.onset < middle.onset < high.onset
                rolled += 1
    assert rolled > 16


def test_rows_of_ornaments_are_complete():
    for instrument in (GUQIN, GUZHENG):
        names = [row.name for row in instrument.ornaments]
        assert len(set(names)) == len(names)
        for row in instrument.ornaments:
            assert row.chinese
            assert 0.0 < row.share <= 1.0
            assert row.hand in ("left", "right")
            assert isinstance(row.curve, Run) or row.on


def long_piece(bars=48, **fields):
    rows = [(i * 480, 480, (50, 53, 55, 57)[i % 4], 80) for i in range(4 * bars)]
    return Score(make_notes(rows), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), **fields)


class TestSections:
    @pytest.mark.parametrize(
        ("mark", "role"),
        [("散起", "sanqi"), ("SANQI", "sanqi"), ("入调", "rudiao"), ("3. 入慢", "ruman"), ("Weisheng", "weisheng")],
    )
    def test_marks_name_roles(self, mark, role):
        assert role_of(mark).name == role

    @pytest.mark.parametrize("mark", ["DUAN 1", "", "泛起", "A", "主题"])
    def test_other_marks_name_none(self, mark):
        assert role_of(mark) is None

    def test_marked_sections_decide(self):
        score = long_piece(sections=(Section(0, "散起"), Section(7680, "入调"), Section(80640, "尾声")))
        found = parts(score, "guqin", phrase_edges(score))
        assert [(part.tick, part.role.name) for part in found] == [
            (0, "sanqi"),
            (7680, "rudiao"),
            (80640, "weisheng"),
        ]

    def test_a_piece_without_marks_has_the_plan_of_its_style(self):
        score = long_piece(sections=(Section(0, "DUAN 1"), Section(84480, "FAN_START")))
        found = parts(score, "guqin", phrase_edges(score))
        assert [part.role.name for part in found] == ["sanqi", "rudiao", "ruman", "fuqi", "weisheng"]
        assert found[-1].tick == 84480  # where the harmonics begin
        assert {part.tick for part in found[:-1]} <= set(phrase_edges(score))

    def test_a_written_change_of_tempo_leaves_no_plan(self):
        score = long_piece()
        score = score.with_maps(tempi=(Tempo(0, 60.0), Tempo(9600, 80.0)))
        assert [part.role.name for part in parts(score, "guqin", phrase_edges(score))] == ["rudiao"]

    def test_free_sections_are_slower_and_the_whole_as_long_as_written(self):
        score = long_piece(sections=(Section(0, "散起"), Section(19200, "入调"), Section(80640, "尾声")))
        found = parts(score, "guqin", phrase_edges(score))
        tempi = shaped_tempi(score, MANNERS["guqin"], 0.5, found)
        speed = {
            name: [tempo.qpm for tempo in tempi if begin <= tempo.tick < end]
            for name, begin, end in (("sanqi", 0, 17280), ("body", 19200, 78720), ("coda", 80640, 90240))
        }
        mean = {name: sum(values) / len(values) for name, values in speed.items()}
        assert mean["sanqi"] < 0.85 * mean["body"]
        assert mean["coda"] < 0.88 * mean["body"]
        lasts = ticks_to_seconds(score.end, [(tempo.tick, tempo.qpm) for tempo in tempi])
        assert lasts == pytest.approx(score.seconds, rel=0.05)
        assert shaped_tempi(score, MANNERS["guqin"], 0.0, found) == score.tempi


def test_timing_and_velocity_are_humanised_apart():
    score, setup = walk(1), (GUZHENG, GUZHENG.tunings["D"])

    def played(**options):
        notes = perform(score, *setup, style="guzheng", seed=1, **options).notes
        return [note.onset for note in notes], [note.velocity for note in notes if not note.ornament]

    strict, free = played(humanize=0.0), played(humanize=1.0)
    assert played(humanize=1.0, humanize_timing=0.0, humanize_velocity=0.0) == strict
    assert played(humanize_timing=0.0, humanize=1.0)[0] == strict[0]
    assert sorted(played(humanize_velocity=0.0, humanize=1.0)[1]) == sorted(strict[1])
    assert free[0] != strict[0]
    assert free[1] != strict[1]


def test_short_strings_ring_shorter():
    tuning = GUQIN.tunings["zhengdiao"]
    spots = {
        pitch: next(p for p in placements(GUQIN, tuning, pitch, Technique.STOPPED) if p.string == 7)
        for pitch in (52, 62, 74)
    }
    lengths = [ring_seconds(GUQIN, tuning, place, pitch) for pitch, place in spots.items()]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > 1.5 * lengths[-1]


def test_a_set_of_pieces_is_played_the_same_again():
    for seed in range(3):
        score = walk(seed, notes=60)
        one, two = (
            perform(score, GUZHENG, GUZHENG.tunings["D"], style="guzheng", seed=seed, humanize=1.0) for _ in "ab"
        )
        assert one == two
        assert one.score == score
