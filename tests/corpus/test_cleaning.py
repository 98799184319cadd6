"""What is measured of a piece, and the rules that say what is made of it."""

import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symgen.corpus.cleaning import ACTIONS, SHIPPED, CleaningRules, read_rules
from symgen.corpus.measures import MEASURES, NAMES, measure, octave_leaps
from symgen.errors import CorpusError
from symgen.resources import corpora_dir
from symgen.score import make_notes
from symgen.tokens.prefix import STYLES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "CLEANING.md"
FLAGS = read_rules().flags


def melody(pitches, length=240):
    return make_notes([(number * length, length, pitch) for number, pitch in enumerate(pitches)])


def measured(notes, **options):
    end = int((notes["onset"] + notes["duration"]).max()) if len(notes) else 0
    return measure(notes, **{"gong": 0, "end": end, **options})


@st.composite
def songs(draw):
    """Pitches of a pentatonic melody by step, within an octave."""
    scale = [60, 62, 64, 67, 69, 72]
    place, line = draw(st.integers(0, 5)), []
    for step in draw(st.lists(st.integers(-2, 2), min_size=24, max_size=60)):
        place = min(max(place + step, 0), 5)
        line.append(scale[place])
    return line


class TestMeasures:
    @given(songs(), st.integers(-20, 20), st.integers(0, 11))
    def test_transposition_changes_none(self, line, semitones, gong):
        moved = melody([pitch + semitones for pitch in line])
        assert measured(moved, gong=gong + semitones) == measured(melody(line), gong=gong)

    @given(
        st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 5000), st.integers(0, 127)), max_size=40),
        st.integers(1, 2000),
        st.lists(st.integers(0, 40_000), max_size=12, unique=True),
    )
    def test_all_are_finite_and_shares_are_shares(self, rows, tpq, lines):
        notes = make_notes(sorted(rows))
        found = measured(notes, ticks_per_quarter=tpq, bar_starts=np.array(sorted(lines), dtype=np.int64))
        assert tuple(found) == NAMES
        assert all(type(value) is float and math.isfinite(value) and value >= 0 for value in found.values())
        shares = [row.name for row in MEASURES if row.unit.startswith("share")]
        assert all(found[name] <= 1 for name in shares)

    @given(songs(), st.sampled_from([240, 480, 960, 1024]))
    def test_the_time_base_changes_none(self, line, tpq):
        length = tpq // 2
        lines = np.arange(0, len(line) * length, 2 * tpq)
        found = measured(melody(line, length), ticks_per_quarter=tpq, bar_starts=lines)
        assert found == measured(melody(line), bar_starts=np.arange(0, len(line) * 240, 960))

    def test_a_piece_by_hand(self):
        notes = make_notes([(0, 480, 60), (480, 480, 65), (960, 480, 65), (1920, 960, 67)])
        found = measured(notes)
        assert found == {
            "notes": 4,
            "distinct_pitches": 3,
            "longest_repeat": 0.5,
            "range": 7,
            "octave_leaps": 0,
            "octave_share": 0,
            "odd_bars": 0,
            "off_grid": 0,
            "bian_share": pytest.approx(960 / 2400),
            "silence": pytest.approx(480 / 2880),
            "density": pytest.approx(4 / 6),
        }

    def test_chords_count_by_their_top_note(self):
        line = [60, 62, 64, 62] * 6
        octaves = sorted(
            [(240 * n, 240, p) for n, p in enumerate(line)] + [(240 * n, 240, p - 24) for n, p in enumerate(line)]
        )
        assert measured(make_notes(octaves))["octave_leaps"] == 0
        assert measured(make_notes(octaves))["longest_repeat"] == 1 / 24

    def test_time_off_the_grid(self):
        notes = make_notes([(n * 240 + (7 if n % 4 == 1 else 0), 200, 60) for n in range(40)])
        assert measured(notes)["off_grid"] == 0.5  # each late note spoils the interval before and after it

    def test_long_rests_are_on_the_grid(self):
        assert measured(make_notes([(0, 480, 60), (19_200, 480, 60), (24_000, 480, 60)]))["off_grid"] == 0


class TestOctaveLeaps:
    @given(songs())
    def test_a_song_by_step_has_none(self, line):
        assert not len(octave_leaps(np.array(line)))

    @given(songs(), st.data())
    def test_a_note_moved_out_of_the_song_is_found(self, line, data):
        place = data.draw(st.integers(1, len(line) - 2))
        up = data.draw(st.booleans())
        near = line[max(0, place - 8) : place] + line[place + 1 : place + 9]
        moved = line[place] + (12 if up else -12)
        assume(moved - max(near) >= 6 if up else min(near) - moved >= 6)
        sides = abs(moved - line[place - 1]), abs(moved - line[place + 1])
        assume(sum(sides) >= 18)
        wrong = np.array([*line[:place], moved, *line[place + 1 :]])
        assume(min(near) - 2 <= line[place] <= max(near) + 2)
        assert octave_leaps(wrong).tolist() == [place]

    def test_a_change_of_register_is_none(self):
        low = [60, 62, 64, 62, 60, 62, 64, 67, 64, 62]
        assert not len(octave_leaps(np.array(low + [pitch + 12 for pitch in low] + low)))

    def test_alternating_octaves_are_none(self):
        assert not len(octave_leaps(np.array([60, 72] * 20)))

    @pytest.mark.parametrize("line", [[], [60], [60, 72], [60, 84, 60]])
    def test_short_lines(self, line):
        assert not len(octave_leaps(np.array(line, dtype=np.int64)))


PLAIN = dict(zip(NAMES, (60, 6, 0.05, 14, 0, 0, 0, 0, 0.02, 0.01, 1.6), strict=True))
"""Measures of a song that no shipped rule holds for."""


@pytest.fixture
def rules_of(tmp_path):
    """Return a function that reads rules from text."""

    def read(text):
        path = tmp_path / "rules.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_rules(path)

    return read


class TestShippedRules:
    @pytest.mark.parametrize("style", STYLES)
    def test_an_ordinary_song_is_clean(self, style):
        assert read_rules().judge(PLAIN, style) == ([], None)

    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("flag", FLAGS)
    def test_every_flag_can_fire(self, flag, style):
        (rule,) = [rule for rule in read_rules().of(style) if rule.flag == flag]
        step = 1e-6 if rule.comparison == "above" else -1e-6
        flags, dropped = read_rules().judge(PLAIN | {rule.measure: rule.threshold + step}, style)
        assert flag in flags
        assert (dropped is not None) == (rule.action == "drop")
        assert flag not in read_rules().judge(PLAIN | {rule.measure: rule.threshold}, style)[0]

    @pytest.mark.parametrize("flag", FLAGS)
    def test_every_flag_can_be_switched_off(self, flag, rules_of):
        text = SHIPPED.read_text("utf-8")
        head, table, rest = text.partition(f"[flag.{flag}]\n")
        body, _, others = rest.partition("\n[")
        silent = rules_of(
            head + table + re.sub(r'action = ".*"', 'action = "off"', body) + "\n[" * bool(others) + others
        )
        worst = [
            PLAIN | {rule.measure: rule.threshold + sign}
            for style in STYLES
            for rule in read_rules().of(style)
            for sign in (-0.001, 0.001)
        ]
        assert not any(flag in silent.judge(measures, style)[0] for measures in worst for style in STYLES)
        assert silent.digest != read_rules().digest

    @given(st.integers(0, 3))
    def test_hardly_any_note_is_dropped(self, count):
        flags, dropped = read_rules().judge(measured(melody([60, 62, 64][:count])))
        assert dropped == "too-few-notes"
        assert dropped in flags

    @given(st.integers(4, 40))
    def test_one_pitch_is_dropped(self, count):
        assert read_rules().judge(measured(melody([60] * count)))[1] == "one-pitch"

    def test_nothing_else_is_dropped(self):
        drops = {rule.flag for style in STYLES for rule in read_rules().of(style) if rule.action == "drop"}
        assert drops == {"too-few-notes", "one-pitch"}

    def test_octaves_are_idiom_on_a_zither_and_not_in_a_voice(self):
        leaps = PLAIN | {"octave_leaps": 1.0, "octave_share": 1 / 60}
        assert read_rules().judge(leaps, "folk") == (["octave-dots"], None)
        assert read_rules().judge(leaps, "guzheng") == ([], None)

    def test_it_is_no_declaration_of_a_corpus(self):
        assert SHIPPED not in corpora_dir().glob("*.toml")
        assert SHIPPED.parent != corpora_dir()


class TestOwnRules:
    TEXT = '[flag.short]\nmeasure = "notes"\nbelow = 10\naction = "drop"\n[flag.short.style.guqin]\nabove = 90\n'

    def test_styles_differ(self, rules_of):
        rules = rules_of(self.TEXT)
        assert rules.judge(PLAIN | {"notes": 9.0}, "folk") == (["short"], "short")
        assert rules.judge(PLAIN | {"notes": 9.0}, "guqin") == ([], None)
        assert rules.judge(PLAIN | {"notes": 91.0}, "guqin") == (["short"], "short")

    def test_no_rule_flags_nothing(self, rules_of):
        assert rules_of("") == CleaningRules()
        assert rules_of("").judge(dict.fromkeys(NAMES, 0.0)) == ([], None)

    def test_the_first_rule_that_drops_is_named(self, rules_of):
        text = '[flag.a]\nmeasure = "notes"\nbelow = 9\n[flag.b]\nmeasure = "notes"\nbelow = 8\naction = "drop"\n'
        assert rules_of(text).judge(PLAIN | {"notes": 5.0}) == (["a", "b"], "b")

    def test_the_digest_tells_rules_apart(self, rules_of):
        assert rules_of(self.TEXT).digest == rules_of(self.TEXT + "# a comment\n").digest
        assert rules_of(self.TEXT).digest != rules_of(self.TEXT.replace("90", "91")).digest
        assert len({rules_of(self.TEXT.replace("drop", action)).digest for action in ACTIONS}) == 3

    def test_rules_travel_to_other_processes(self, rules_of):
        rules = rules_of(self.TEXT)
        assert pickle.loads(pickle.dumps(rules)) == rules

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("flag", "expected rules of cleaning in TOML"),
            (b"# \xff", "can't decode"),
            ("flag = 3", "flag is 3; expected a table"),
            ("[rule.a]", "unknown entry 'rule'; expected tables"),
            ("[flag]\na = 1", "flag 'a' is 1; expected a table"),
            ("[flag.a]\nbelow = 1", "flag 'a': measure None; expected one of notes"),
            ('[flag.a]\nmeasure = "loudness"\nbelow = 1', "measure 'loudness'; expected one of notes"),
            ('[flag.a]\nmeasure = ["notes"]\nbelow = 1', "expected one of notes"),
            ('[flag.a]\nmeasure = "notes"', "no threshold; expected one of above, below"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\nbelow = 1', "above and below"),
            ('[flag.a]\nmeasure = "notes"\nabove = "1"', "above is '1'; expected a number"),
            ('[flag.a]\nmeasure = "notes"\nabove = true', "above is True; expected a number"),
            ('[flag.a]\nmeasure = "notes"\nabove = nan', "above is nan; expected a number"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\naction = "delete"', "action 'delete'; expected one of flag"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\nlevel = 2', "unknown entry 'level'; expected one of measure"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\n[flag.a.style.jazz]\nabove = 2', "style 'jazz'; expected one of"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\n[flag.a.style.folk]\nabove = "x"', "style folk: above is 'x'"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\n[flag.a.style]\nfolk = 1', "style folk is 1; expected a table"),
            ('[flag.a]\nmeasure = "notes"\nabove = 1\nstyle = 4', "style is 4; expected a table"),
            ('[flag."a\\nb"]\nmeasure = "notes"\nabove = 1', "no name for a flag"),
        ],
    )
    def test_mistakes_are_named_in_one_line(self, rules_of, text, words):
        with pytest.raises(CorpusError, match=re.escape(words)) as caught:
            rules_of(text)
        assert "rules.toml" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(CorpusError, match="No such file"):
            read_rules(tmp_path / "none.toml")


def test_the_document_lists_every_measure_and_flag():
    text = DOCUMENT.read_text("utf-8")
    for row in MEASURES:
        assert re.search(rf"^\| `{row.name}` \| {re.escape(row.unit)} \|", text, re.MULTILINE), row.name
    for rule in read_rules().rules:
        assert f"| `{rule.flag}` | `{rule.measure}` {rule.comparison} {rule.threshold:g} |" in text, rule.flag


def test_the_example_in_the_document(capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    exec(code, {})
    assert capsys.readouterr().out == "(['octave-dots'], None)\n"


def test_the_rules_in_the_document_are_rules(rules_of):
    (text,) = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert rules_of(text).judge(PLAIN | {"octave_leaps": 1.0}, "folk") == (["octave-dots"], "octave-dots")
