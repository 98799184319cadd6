"""Sections of a form in a composed piece: themes return, tempi and marks stand, a modulation is heard."""

import numpy as np
import pytest

from symgen.compose import ComposeRequest, compose, compose_files, compose_takes, plan_of
from symgen.errors import UsageError
from symgen.forms.modulating import hear_section
from symgen.grammar.rules import Grammar
from symgen.models.context import Context
from symgen.planning.checking import check_request
from symgen.script import Again, Free, length_of
from symgen.tokens import melody, rhythm


def bars_of(take, first, last):
    """Return the notes of bars `first` to `last`, from 0, each at its place within them."""
    bar = 1920
    notes = take.score.notes[(take.score.notes["onset"] >= first * bar) & (take.score.notes["onset"] < last * bar)]
    return [(int(n["onset"]) - first * bar, int(n["duration"]), int(n["pitch"])) for n in notes]


def test_a_theme_comes_back_as_it_was():
    (take,) = compose("guzheng", form="A4 B4 A4 coda2", metre="4/4", seed=1).takes
    assert take.bars == 14
    assert bars_of(take, 0, 4) == bars_of(take, 8, 12)
    assert [(mark.name, mark.tick // 1920) for mark in take.score.sections] == [
        ("A 1", 0),
        ("B", 4),
        ("A 2", 8),
        ("CODA", 12),
    ]


def test_a_varied_theme_keeps_some_bars_and_its_first():
    (take,) = compose("guzheng", form="A8 B4 A'8 coda2", metre="4/4", seed=2).takes
    same = [bars_of(take, bar, bar + 1) == bars_of(take, 12 + bar, 13 + bar) for bar in range(8)]
    assert same[0]
    assert 4 <= sum(same) < 8


def test_tempi_follow_the_sections():
    (take,) = compose("guqin", form="A4@0.5 B4@1>2", tempo=60, metre="4/4", seed=1).takes
    assert [round(tempo.qpm) for tempo in take.score.tempi][:2] == [30, 60]
    assert take.score.tempi[-1].qpm == 120


def test_harmonics_stand_where_the_form_has_them():
    (take,) = compose("guqin", form="guqin", bars=24, gong="F", seed=1).takes
    marks = {mark.name: mark.tick for mark in take.score.sections}
    coda = take.score.notes[take.score.notes["onset"] >= marks["FAN_START"]]
    assert len(coda)
    assert set(coda["technique"].tolist()) == {3}


@pytest.mark.parametrize("move", ["qingjue-wei-gong", "biangong-wei-jue"])
def test_a_modulation_is_heard_and_the_piece_stays_in_its_gong(move):
    request = ComposeRequest("guzheng", form="slow-to-fast", modulate=move, gong="G", bars=32, seed=1)
    (take,) = compose_takes(request).takes
    plan = plan_of(request)
    away = [one for one in plan.sections if one.modulation]
    assert away
    metre = (plan.metre.numerator, plan.metre.denominator)
    assert all(hear_section(take.score, one, take.gong, metre).kept for one in away)
    assert [row.name for row in take.guarantees if row.name.startswith("gong of")]


def test_a_motif_begins_the_first_theme():
    (take,) = compose("guzheng", form="sanqi2 A8 B4 A8 coda2", motif="5 6 1' 2'", metre="4/4", seed=4).takes
    opening = bars_of(take, 2, 3)
    assert [on for on, _, _ in opening] == [0, 480, 960, 1440]
    assert bars_of(take, 14, 15) == opening


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "no such form at all"}, "form|section|plan"),
        ({"form": "baban", "bars": 40}, "guzheng or folk"),
        ({"form": "guqin", "bars": 3}, "8|bars"),
        ({"modulate": "qingjue-wei-gong"}, "add --form"),
        ({"form": "guqin", "modulate": "sideways"}, "qingjue"),
        ({"form": "A2 B8", "motif": "1 2 3 5 | 1 2 3 5 | 1 - - -"}, "at least a bar after it"),
    ],
)
def test_forms_that_cannot_be(options, message):
    with pytest.raises(UsageError, match=message):
        compose_takes(ComposeRequest("guqin", seed=1, **options))


@pytest.mark.parametrize("bars", [24, 40, 64])
@pytest.mark.parametrize("form", ["guqin", "sannong"])
def test_a_script_is_as_long_as_the_piece(form, bars):
    plan = plan_of(ComposeRequest("guqin", form=form, bars=bars, seed=3))
    assert length_of(plan.script) == plan.total
    assert isinstance(plan.script[-1], Free)
    ends = np.cumsum([segment.ticks for segment in plan.script])
    for segment, end in zip(plan.script, ends, strict=True):
        if isinstance(segment, Again):
            assert segment.start + segment.ticks <= end - segment.ticks


def test_dials_of_sections_are_added_to_those_of_the_piece():
    request = ComposeRequest("guqin", form="A4+ B4-", density=0.9, seed=1)
    plan = plan_of(request)
    assert check_request(request).dials.density == 0.9
    assert plan.dials.density > 0.9
    assert plan.turns[0][1].density < 0.9


def test_a_form_is_no_longer_than_a_piece_may_be():
    with pytest.raises(UsageError, match="in 2400 bars; expected at most 2000 bars"):
        check_request(ComposeRequest("guzheng", form="A400 B400 C400 D400 E400 F400"))


def test_a_rest_that_has_no_harmonic_is_left_open():
    """Under no final and no approach nothing could be written at all."""
    plan = plan_of(ComposeRequest("guqin", mode="jue", gong=5, form="A8#o, B8bo! C4#", seed=1))
    grammar = Grammar(plan, Context(plan.metre_map, plan.total))
    while grammar.context.time < 8 * plan.bar:  # the second section, in harmonics and a fifth down
        grammar.append(int(np.flatnonzero((rhythm.INTERVAL == 480) & (rhythm.LENGTH == 480))[0]), melody.REST)
    segment = next(one for one in plan.script[1:] if isinstance(one, Free) and one.cadence is not None)
    grammar.enter(segment)
    while not grammar.finished and grammar.context.time < 16 * plan.bar:
        chosen = int(np.flatnonzero(grammar.rhythms())[-1])
        allowed = np.flatnonzero(grammar.melodies(chosen))
        assert len(allowed)
        grammar.append(chosen, int(allowed[-1]))


@pytest.mark.parametrize("form", ["guqin", "A8@0.5 B8"])
def test_seconds_of_a_form_are_met(form):
    (take,) = compose_takes(ComposeRequest("guqin", form=form, seconds=70, seed=2)).takes
    assert abs(take.seconds - 70) <= 70 / take.bars
    assert all(row.kept for row in take.guarantees)


def test_seconds_that_a_form_cannot_last_are_refused_with_those_that_it_can():
    with pytest.raises(UsageError, match=r"10 seconds, but 80 bars of 4/4 at tempo"):
        compose_takes(ComposeRequest("guqin", form="A40 B40", seconds=10, seed=1))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_promised_is_found_in_the_file(seed, tmp_path):
    request = ComposeRequest("guqin", form="sanqi4o A8#! coda4o", seed=seed, output=tmp_path / "a.mid")
    (take,) = compose_files(request).takes
    assert [row.name for row in take.guarantees if not row.kept] == []
