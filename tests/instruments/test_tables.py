"""Tables of a user's own: what is right is an instrument, and each mistake is one line with file, line and key."""

import re
from pathlib import Path

import pytest

from symgen.errors import UsageError
from symgen.instruments import get_instrument, get_tuning, instruments, strikeable
from symgen.instruments.fingering import finger
from symgen.score import Score, make_notes

LOW_ZITHER = """\
extends = "guqin"
name = "low_qin"
chinese = "低琴"
low = "G1"

[[tunings]]
name = "zhengdiao"
chinese = "正调"
strings = ["G1", "A1", "C2", "D2", "E2", "G2", "A2"]
gongs = ["C"]
"""
TUNING = """\
instrument = "guqin"

[[tunings]]
name = "mine"
chinese = "自定"
strings = ["C2", "D2", "F#2", "G2", "A2", "C3", "D3"]
gongs = ["D"]
"""
BUILT = """\
name = "three"
chinese = "三弦筝"
track = "Three"
program = 107
low = 48
high = "C6"
default_tuning = "plain"
velocity = [30, 100]

[hands]
plucking_hands = 1
notes_per_hand = 2
strings_per_hand = 2
stops = 1

[[reach]]
strings = "1-3"
everyday = 2
extreme = 3

[ring_seconds]
open = [3, 2]
stopped = [2, 1]
harmonic = [1, 1]

[[tunings]]
name = "plain"
strings = ["C3", "D3", "E3"]
gongs = ["C"]

[[ornaments]]
name = "bend"
chinese = "滑"
technique = "slide_up"
on = ["stopped"]
share = 0.1
seconds = 0.4
curve = { kind = "slide", cents = [-200, -100], seconds = [0.1, 0.2] }
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYMGEN_INSTRUMENTS", str(tmp_path))
    return tmp_path


def test_an_own_tuning_in_the_own_folder(own: Path):
    (own / "mine.toml").write_text(TUNING, "utf-8")
    guqin = get_instrument("guqin")
    assert get_tuning(guqin, "自定").open_pitches[2] == 42
    assert next(iter(guqin.tunings)) == "zhengdiao"
    assert list(guqin.tunings)[-1] == "mine"


def test_an_own_tuning_may_lie_lower_than_all_of_the_instrument(own: Path):
    """Players of silk strings tune the whole set lower."""
    strings = ["A1", "B1", "D2", "E2", "F#2", "A2", "B2"]
    (own / "silk.toml").write_text(
        f'instrument = "guqin"\n[[tunings]]\nname = "silk"\nstrings = {strings}\ngongs = ["D"]\n', "utf-8"
    )
    guqin = get_instrument("guqin")
    assert guqin.low == guqin.tunings["silk"].open_pitches[0] == 33


def test_an_own_instrument_that_extends_another(own: Path):
    (own / "low.toml").write_text(LOW_ZITHER, "utf-8")
    assert "low_qin" in [instrument.name for instrument in instruments()]
    low = get_instrument("低琴")
    assert low.tunings["zhengdiao"].open_pitches[0] == 31
    assert low.marks == get_instrument("guqin").marks
    assert finger(Score(make_notes([(0, 480, 31), (480, 480, 60)])), low, low.tunings["zhengdiao"]).playable


def test_an_own_instrument_from_the_ground_up(own: Path):
    (own / "three.toml").write_text(BUILT, "utf-8")
    three = get_instrument("three")
    assert strikeable(three, three.tunings["plain"], (48, 53))
    assert not strikeable(three, three.tunings["plain"], (53, 55))
    assert three.ornaments[0].curve.cents == (-200.0, -100.0)


def test_the_examples_of_the_documentation_can_be_taken_as_they_are(own: Path):
    page = (Path(__file__).parents[2] / "docs" / "INSTRUMENTS.md").read_text("utf-8")
    for number, text in enumerate(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)):
        (own / f"{number}.toml").write_text(text, "utf-8")
    assert list(get_instrument("guqin").tunings)[-2:] == ["mine", "lower_third"]
    zheng = get_instrument("zheng25")
    assert {len(tuning.open_pitches) for tuning in zheng.tunings.values()} == {25}
    assert get_tuning(zheng, "B").open_pitches[-1] == 27


def test_files_named_on_the_command_line(tmp_path: Path):
    tuning, instrument = tmp_path / "t.toml", tmp_path / "i.toml"
    tuning.write_text(TUNING, "utf-8")
    instrument.write_text(BUILT, "utf-8")
    assert get_tuning(get_instrument("guqin"), str(tuning)).name == "mine"
    assert get_instrument(str(instrument)).name == "three"
    with pytest.raises(UsageError, match=r"t\.toml, line 1, instrument: 'guqin'; expected instrument = 'guzheng'"):
        get_tuning(get_instrument("guzheng"), str(tuning))
    with pytest.raises(UsageError, match=r"no\.toml: No such file"):
        get_instrument(str(tmp_path / "no.toml"))


MISTAKES = [
    (BUILT, "program = 107", "program = 107\nprogram = 1", r"line 5.*overwrite"),
    (BUILT, "low = 48", 'low = "H3"', r"line 5, low: 'H3'; expected a pitch as \"C2\""),
    (BUILT, "program = 107", "program = 128", r"line 4, program: 128; expected 0 to 127"),
    (BUILT, "program = 107", "programme = 107", r"line 4, programme: unknown key; expected one of"),
    (BUILT, "stops = 1", 'stops = "one"', r"line 14, hands.stops: 'one'; expected a whole number"),
    (BUILT, "stops = 1", "", r"line 10, hands: stops is missing; expected stops = a whole number"),
    (BUILT, '"1-3"', '"1-2"', r"line 16, reach: nothing for string 3"),
    (BUILT, '"E3"]', '"E"]', r"line 28, tunings 1.strings: 'E'"),
    (
        BUILT,
        "cents = [-200, -100]",
        "cents = [-200]",
        r"curve.cents: \[-200\]; expected a list of 2",
    ),
    (BUILT, 'kind = "slide"', 'kind = "glide"', r"line 38, ornaments 1.curve: 'glide'; expected .*slide"),
    (BUILT, '"slide_up"', '"sliding"', r"line 34, ornaments 1.technique: 'sliding'; expected one of pluck, open"),
    (BUILT, 'name = "three"', 'name = "Three strings"', r"line 1, name: 'Three strings'; expected a name of small"),
    (BUILT, 'default_tuning = "plain"', 'default_tuning = "x"', r"line 7, default_tuning: 'x'; expected one of plain"),
    (LOW_ZITHER, '"guqin"', '"erhu"', r"line 1, extends: 'erhu'; expected one of guqin"),
    (LOW_ZITHER, 'name = "low_qin"', 'name = "guqin"', r"line 2, name: 'guqin' is taken"),
    (LOW_ZITHER, '"zhengdiao"', '"mine"', r"line 8, tunings 1.chinese: the name '正调' is taken"),
    (BUILT, "low = 48", "low = 50", r"line 5, low: D3, but tuning plain has a string C3; .*write low = \"C3\""),
    (TUNING, '"D3"]', '"D4"]', r"line 6, tunings 1.strings: string 7 at D4; expected at most 7 semitones from D3"),
    (TUNING, '"D3"]', '"D3", "E3"]', r"line 6, tunings 1.strings: 8 strings; expected the 7 strings of the guqin"),
    (TUNING, 'name = "mine"', 'name = "manjiao"', r"line 4, tunings 1.name: the name 'manjiao' is taken"),
    (TUNING, '["D"]', '["H"]', r"line 7, tunings 1.gongs: 'H'; expected a letter"),
    (TUNING, '"guqin"', '"erhu"', r"line 1, instrument: 'erhu'; expected one of guqin"),
    (TUNING, "[[tunings]]", "[[tunings]", r"line 3, column \d+: .*expected TOML"),
]


@pytest.mark.parametrize(("text", "right", "wrong", "message"), MISTAKES)
def test_each_mistake_is_one_line(own: Path, text: str, right: str, wrong: str, message: str):
    assert right in text
    (own / "mistake.toml").write_text(text.replace(right, wrong, 1), "utf-8")
    with pytest.raises(UsageError, match=message) as caught:
        instruments()
    assert "\n" not in str(caught.value)
    assert str(own / "mistake.toml") in str(caught.value)
