"""Forms: every file of the folder, every length, own plans, and what sections write into a score."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symgen.forms
from symgen.errors import UsageError
from symgen.forms import (
    SectionPlan,
    form_of,
    forms,
    get_form,
    get_modulation,
    least_bars,
    nearest_bars,
    resolve,
)
from symgen.forms.marks import key_map, length_seconds, section_marks, tempo_map
from symgen.forms.modulating import bian_degrees, cadence_degrees, exchanged, hear_section, section_gong, zheng_degrees
from symgen.forms.resolving import apportion, returning_bars
from symgen.forms.tables import read_form
from symgen.forms.text import parse_plan
from symgen.instruments.expression import MANNERS, shaped_tempi
from symgen.instruments.sections import parts, role_of
from symgen.score import Metre, Score, make_notes
from symgen.styles import STYLES, get_style
from symgen.theory.modes import MODE_BY_NAME

FOLDER = Path(symgen.forms.__file__).parent
FILES = sorted(FOLDER.glob("*.toml"))
METRE = (2, 4)
BAR = 960


def check(plans: tuple[SectionPlan, ...], bars: int) -> None:
    """Check what holds for every resolved form."""
    assert sum(plan.bars for plan in plans) == bars
    assert plans[0].start == 0
    assert all(before.stop == after.start for before, after in pairwise(plans))
    assert all(plan.bars >= 2 for plan in plans)
    assert len({plan.name for plan in plans}) == len(plans)
    assert plans[-1].cadence == "final"
    stated: dict[str, SectionPlan] = {}
    for plan in plans:
        if plan.theme in stated:
            first = stated[plan.theme]
            assert len(plan.source) == plan.bars
            assert set(plan.source) <= set(range(first.start, first.stop))
        else:
            assert plan.source == ()
            assert plan.variation == 0
            stated |= {plan.theme: plan} if plan.theme else {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEveryFile:
    def test_is_a_form_with_the_name_of_the_file(self, path: Path):
        form = read_form(path)
        assert form.name == path.stem
        assert form.chinese
        assert form.doc.endswith(".")
        assert set(form.styles) <= set(STYLES)
        assert get_form(form.name) == get_form(form.chinese) == form
        assert path.read_text("utf-8").startswith("#"), "a comment says how far the figures are to be trusted"

    def test_resolves_at_every_length_or_names_the_nearest(self, path: Path):
        form = read_form(path)
        least, good = least_bars(form), 0
        for bars in range(401):
            nearest = nearest_bars(form, bars)
            if nearest == bars:
                good += 1
                check(resolve(form, bars), bars)
            else:
                with pytest.raises(UsageError, match=f"nearest is {nearest} bars"):
                    resolve(form, bars)
                assert nearest_bars(form, nearest) == nearest
        assert good == (400 // least if form.rounds else 401 - least)

    def test_suits_its_styles(self, path: Path):
        form = read_form(path)
        for style in form.styles:
            assert resolve(form, 68, style=get_style(style)) == resolve(form, 68)

    @pytest.mark.parametrize("fifths", [-1, 1])
    def test_modulates_where_asked_and_only_there(self, path: Path, fifths: int):
        plans = resolve(read_form(path), 68, modulation=fifths)
        assert {plan.modulation for plan in plans} == {0, fifths}
        assert plans[0].modulation == plans[-1].modulation == 0, "it goes out and comes home"


def test_a_change_of_gong_is_refused_where_its_section_is_missing():
    with pytest.raises(UsageError, match="at least 16 bars"):
        resolve(get_form("guqin"), 12, modulation=1)
    with pytest.raises(UsageError, match="# or b"):
        resolve(parse_plan("A8 B8"), modulation=1)


def test_rudiao_is_more_than_half_of_a_guqin_piece():
    for bars in range(24, 401):
        plans = resolve(get_form("guqin"), bars)
        assert sum(plan.bars for plan in plans if plan.name.startswith("RUDIAO")) > bars / 2
        assert plans[0].free
        assert plans[-1].harmonics


@pytest.mark.parametrize(("metre", "bars"), [((2, 4), 34), ((4, 4), 17), ((1, 4), 68)])
def test_baban_has_68_beats_in_eight_phrases(metre, bars):
    for rounds in (1, 2, 5):
        plans = resolve(get_form("八板"), bars * rounds, metre=metre)
        assert [plan.bars * metre[0] for plan in plans] == [8, 8, 8, 8, 12, 8, 8, 8] * rounds
        assert all(plan.returns and plan.variation > 0 for plan in plans[8:])
        assert [plan.tempo for plan in plans] == sorted(plan.tempo for plan in plans)
    with pytest.raises(UsageError, match="2/4 works"):
        resolve(get_form("baban"), 34, metre=(3, 4))


@pytest.mark.parametrize("bars", [8, 33, 64, 400])
def test_slow_to_fast_gets_faster_up_to_its_coda(bars: int):
    plans = resolve(get_form("slow-to-fast"), bars)
    tempi = tempo_map(plans, 80.0, METRE)
    body = [tempo.qpm for tempo in tempi if tempo.tick < plans[-1].start * BAR]
    assert body == sorted(body)
    assert body[0] < 80 < body[-1]


@given(
    st.lists(st.tuples(st.fractions(min_value="1/100", max_value=100), st.integers(0, 6)), min_size=1, max_size=9),
    st.integers(0, 300),
)
def test_parts_add_up_and_are_near_their_shares(rows, extra):
    weights, least = [row[0] for row in rows], [row[1] for row in rows]
    total = sum(least) + extra
    found = apportion(total, weights, least)
    assert sum(found) == total
    assert all(part >= lowest for part, lowest in zip(found, least, strict=True))
    if not any(least):
        assert all(abs(part - total * w / sum(weights)) < 1 for part, w in zip(found, weights, strict=True))


@given(st.integers(2, 40), st.integers(2, 120))
def test_a_return_begins_and_ends_as_its_theme(stated: int, bars: int):
    found = returning_bars(stated, bars)
    assert len(found) == bars
    assert set(found) <= set(range(stated))
    assert found[0] == 0
    assert found[-1] == stated - 1
    assert bars != stated or found == tuple(range(stated))


class TestOwnPlans:
    def test_an_example(self):
        plans = resolve(parse_plan("sanqi4 A8 B8^^-@1>1.5 A'8#, fuqi:A''12! coda4o"))
        check(plans, 44)
        assert [plan.name for plan in plans] == ["SANQI", "A", "B", "A'", "FUQI", "CODA"]
        assert plans[0].free
        assert plans[0].tempo < 1
        assert plans[0].chinese == "散起"
        assert (plans[2].register, plans[2].density, plans[2].tempo, plans[2].tempo_end) == (0.8, 0.35, 1.0, 1.5)
        assert (plans[3].modulation, plans[3].cadence, plans[3].source) == (1, "fifth", tuple(range(4, 12)))
        assert plans[3].variation < plans[4].variation
        assert plans[5].harmonics
        assert not plans[4].harmonics

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "without sections"),
            ("A8 B", "'B': no section"),
            ("A1", "1 bars"),
            ("A401", "401 bars"),
            ("A'8 A8", "before it is stated"),
            ("A8@9", "tempo factor 9"),
            ("A8^_", "one sign for the register"),
            ("A8?", "the sign '\\?'"),
            ("sanki4 A8", "no known name"),
            (" ".join(["A2"] * 65), "at most 64"),
        ],
    )
    def test_mistakes_name_the_word(self, text: str, said: str):
        with pytest.raises(UsageError, match=said) as caught:
            parse_plan(text)
        assert "\n" not in str(caught.value)

    @given(st.text("AB' 0123456789@.>^_+-o~#b!,:sanqicod\n\u2019\u0663", max_size=40) | st.text(max_size=30))
    def test_any_text_is_a_form_or_one_line(self, text: str):
        if text.endswith(".toml"):
            return
        try:
            form = form_of(text)
        except UsageError as error:
            said = str(error)
        else:
            said = ""
            if form.name == "own":
                check(resolve(form), sum(section.bars for section in form.sections))
        assert "\n" not in said
        assert len(said) < 500

    def test_its_length_is_its_own(self):
        with pytest.raises(UsageError, match="nearest is 16 bars"):
            resolve(parse_plan("A8 B8"), 20)

    def test_harmonics_only_where_the_style_has_them(self):
        plan = parse_plan("A8 coda4o")
        assert resolve(plan, style=get_style("guqin"))
        with pytest.raises(UsageError, match="harmonics"):
            resolve(plan, style=get_style("guzheng"))
        with pytest.raises(UsageError, match="style guqin"):
            resolve(get_form("guqin"), 32, style=get_style("folk"))


GOOD = 'name = "mine"\n[[sections]]\nname = "ONE"\nshare = 1\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "mine"\n', "sections: no sections"),
        (GOOD.replace('"mine"', "3"), "line 1, name: 3; expected a text"),
        (GOOD.replace("[[sections]]", "[sections]"), "a table [[sections]]"),
        (GOOD + "loud = 1\n", "line 5, sections 1.loud: unknown key"),
        (GOOD + "density = 1.5\n", "line 5, sections 1.density: 1.5; expected 0 to 1"),
        (GOOD + "tempo = [1.0]\n", "a list of 2"),
        (GOOD + "tempo = [1.0, 9.0]\n", "expected 0.25 to 4"),
        (GOOD + "bars = 8\n", "share and bars"),
        (GOOD + "variation = 0.5\n", "no theme comes back"),
        (GOOD + 'cadence = "4"\n', "one of final"),
        (GOOD + 'theme = "AB"\n', "one capital letter"),
        (GOOD + "least = 1\n", "expected 2 to"),
        (GOOD.replace("ONE", "one"), "capital letters"),
        (GOOD.replace("mine", "My Form"), "small letters"),
        (GOOD.replace("share = 1", "beats = 7"), "even number"),
        (GOOD + "[rounds]\ntempo = 2\n", "rounds only where"),
        (GOOD + '[[sections]]\nname = "TWO"\nshare = 1\nfrom_bars = 3\n', "at least 4"),
        (GOOD + '[[sections]]\nname = "TWO"\nbeats = 8\n', "beats in all sections"),
        ("name = \n", "docs/COMPOSING.md"),
    ],
)
def test_mistakes_in_a_file_are_one_line(tmp_path: Path, text: str, said: str):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        form_of(str(tmp_path / "mine.toml"))
    assert said in str(caught.value)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_form_of_the_own_folder_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine.toml").write_text(GOOD)
    monkeypatch.setenv("SYMGEN_FORMS", str(tmp_path))
    assert "mine" in [form.name for form in forms()]
    check(resolve(form_of("mine"), 12), 12)
    (tmp_path / "again.toml").write_text(GOOD)
    with pytest.raises(UsageError, match="second form"):
        forms()


class TestScore:
    def test_tempi_stand_at_every_section_and_follow_the_factors(self):
        plans = resolve(parse_plan("A4 B4@0.5>2 C4"))
        tempi = tempo_map(plans, 60.0, METRE)
        assert [(tempo.tick // BAR, tempo.qpm) for tempo in tempi] == [
            (0, 60.0),
            (4, 30.0),
            (5, 47.62),
            (6, 75.6),
            (7, 120.0),
            (8, 60.0),
        ]
        score = Score(make_notes([(0, 12 * BAR, 60)]), tempi=tempi, metres=(Metre(0, *METRE),))
        assert score.seconds == pytest.approx(length_seconds(plans, 60.0, METRE), rel=1e-3)

    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_maps_are_those_of_a_valid_score(self, path: Path):
        plans = resolve(read_form(path), 68, modulation=-1)
        score = Score(
            make_notes([(0, 68 * BAR, 60)]),
            tempi=tempo_map(plans, 60.0, METRE),
            metres=(Metre(0, *METRE),),
            keys=key_map(plans, 5, "gong", METRE),
            sections=section_marks(plans, METRE),
        )
        assert {key.gong for key in score.keys} == {5, 10}
        marks = {mark.name: mark.tick // BAR for mark in score.sections}
        assert all(marks[plan.name] == plan.start for plan in plans)

    def test_harmonics_are_marked(self):
        marks = section_marks(resolve(parse_plan("A4o A'4o B4 coda4o")), METRE)
        fans = [(mark.name, mark.tick // BAR) for mark in marks if mark.name.startswith("FAN")]
        assert fans == [("FAN_START", 0), ("FAN_END", 8), ("FAN_START", 12)]

    def test_a_player_knows_each_section(self):
        plans = resolve(parse_plan("sanqi4 A8 B8~ C8 coda4"))
        score = Score(
            make_notes([(0, 32 * BAR, 60)]),
            tempi=tempo_map(plans, 60.0, METRE),
            metres=(Metre(0, *METRE),),
            sections=section_marks(plans, METRE),
        )
        found = parts(score, "guqin", (0, 16 * BAR, 32 * BAR))
        assert [(part.tick // BAR, part.role.name) for part in found] == [
            (0, "sanqi"),
            (4, "rudiao"),
            (12, "sanqi"),
            (20, "rudiao"),
            (28, "weisheng"),
        ]
        assert {part.role.tempo for part in found} == {1.0}, "the tempo of a section is written, not added again"
        played = shaped_tempi(score, MANNERS["guqin"], 0.5, found)
        assert 0.85 * 46.8 < played[0].qpm < 1.15 * 46.8


class TestModulation:
    def test_one_fifth_changes_one_tone(self):
        assert exchanged(1) == {0: 11}
        assert exchanged(-1) == {4: 5}
        assert exchanged(0) == {}
        assert zheng_degrees(1) == {2, 4, 7, 9, 11}
        assert zheng_degrees(-1) == {0, 2, 5, 7, 9}
        assert all(not zheng_degrees(step) & bian_degrees(step) for step in (-1, 0, 1))

    def test_names(self):
        assert get_modulation("清角为宫") == get_modulation("qingjue") == get_modulation("Qingjue wei gong")
        assert (get_modulation("qingjue").steps, get_modulation("biangong-wei-jue").steps) == (-1, 1)
        assert section_gong(0, get_modulation("qingjue").steps) == 5
        with pytest.raises(UsageError, match="no modulation"):
            get_modulation("tritone")

    @pytest.mark.parametrize("mode", sorted(MODE_BY_NAME))
    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_cadences_are_zheng_tones_of_the_section(self, mode: str, step: int):
        for cadence in ("final", "fifth", "open", "1", "2", "3", "5", "6"):
            assert cadence_degrees(cadence, mode, step) <= zheng_degrees(step)
        assert cadence_degrees("final", mode) == {MODE_BY_NAME[mode].final}

    @pytest.mark.parametrize("step", [-1, 0, 1])
    def test_a_section_is_heard_in_its_gong(self, step: int):
        (plan,) = (s for s in resolve(get_form("guqin"), 40, modulation=step) if s.name == "RUMAN")
        tune = [0, 2, 4, 7, 9, 7, 4, 2] * 2
        moved = [exchanged(step).get(tone, tone) for tone in tune]
        home = [(beat * 480, 480, 60 + tune[beat % 16]) for beat in range(80)]
        there = range(plan.start * 2, plan.stop * 2)
        rows = [(on, long, 60 + moved[on // 480 % 16] if on // 480 in there else pitch) for on, long, pitch in home]
        heard = hear_section(Score(make_notes(rows)), plan, 0, METRE)
        assert heard.kept
        assert heard.heard == section_gong(0, step)
        if step:
            assert not hear_section(Score(make_notes(home)), plan, 0, METRE).kept

    def test_silence_is_in_no_gong(self):
        (plan,) = resolve(parse_plan("A8"))
        assert hear_section(Score(make_notes()), plan, 0, METRE).heard is None


def test_names_of_the_guqin_plan_are_those_a_player_knows():
    assert all(role_of(section.name) for section in get_form("guqin").sections)


def test_a_plan_that_goes_where_it_is_asked_to_go_is_taken():
    form = form_of("A4 B4# A4")
    assert [section.modulation for section in resolve(form, 12, modulation=1)] == [0, 1, 0]
    with pytest.raises(UsageError, match="no section that may modulate"):
        resolve(form, 12, modulation=-1)
