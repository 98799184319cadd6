"""Every instrument of the folder keeps the contract; tunings are what the handbooks say."""

import pytest

from symgen.errors import UsageError
from symgen.instruments import get_instrument, get_tuning, instruments, serves, tuning_for, tunings_for
from symgen.instruments.base import cents_at, position_at
from symgen.score import Technique
from tests.instruments import checker

GUQIN, GUZHENG, VOICE = get_instrument("guqin"), get_instrument("guzheng"), get_instrument("voice")
HUI = GUQIN.marks


@pytest.mark.parametrize("instrument", instruments(), ids=lambda instrument: instrument.name)
class TestEveryInstrument:
    def test_is_found_by_its_names(self, instrument):
        assert get_instrument(instrument.name.upper()) is instrument
        assert get_instrument(instrument.chinese) is instrument

    def test_tunings_are_found_by_all_their_names_and_share_none(self, instrument):
        seen = set()
        for key, tuning in instrument.tunings.items():
            names = {tuning.name, tuning.chinese, *tuning.aliases}
            assert key == tuning.name
            assert not names & seen
            assert {get_tuning(instrument, name) for name in names} == {tuning}
            seen |= names

    def test_data_agree_with_each_other(self, instrument):
        hands = instrument.hands
        assert instrument.default_tuning in instrument.tunings
        assert instrument.track.isascii()
        assert 0 <= instrument.program <= 127
        assert 1 <= instrument.velocity[0] < instrument.velocity[1] <= 127
        assert len(hands.everyday) == len(hands.extreme)
        assert all(easy <= most for easy, most in zip(hands.everyday, hands.extreme, strict=True))
        assert set(instrument.ways) == set(Technique)
        for tuning in instrument.tunings.values():
            assert len(tuning.open_pitches) == len(hands.everyday)
            assert set(tuning.gongs) <= set(range(12))
            assert all(instrument.low <= pitch <= instrument.high for pitch in tuning.open_pitches)

    def test_every_gong_has_a_tuning(self, instrument):
        for gong in range(12):
            serving = tunings_for(instrument, gong)
            best = tuning_for(instrument, gong)
            assert best in (serving or instrument.tunings.values())
            assert all(serves(instrument, tuning, gong) for tuning in serving)


@pytest.mark.parametrize("name", ["", "pipa", "古筝 "])
def test_unknown_instrument_lists_the_known(name):
    if name.strip() == "古筝":
        assert get_instrument(name) is GUZHENG
        return
    with pytest.raises(UsageError, match=r"guqin, guzheng, .*voice"):
        get_instrument(name)


def test_unknown_tuning_lists_the_known():
    with pytest.raises(UsageError, match="zhengdiao, manjiao"):
        get_tuning(GUQIN, "E")


@pytest.mark.parametrize("name", checker.GUQIN_TUNINGS)
def test_guqin_strings(name):
    assert GUQIN.tunings[name].open_pitches == tuple(checker.guqin_strings(name).values())


@pytest.mark.parametrize("name", checker.GUZHENG_TUNINGS)
def test_guzheng_strings(name):
    strings = checker.guzheng_strings(name)
    assert GUZHENG.tunings[name].open_pitches == tuple(strings[i] for i in range(1, 22))


@pytest.mark.parametrize(
    ("alias", "name"), [("紧五", "ruibin"), ("慢三", "manjiao"), ("Yunv", "yunü"), ("慢一三六", "mangong")]
)
def test_guqin_aliases(alias, name):
    assert get_tuning(GUQIN, alias).name == name


@pytest.mark.parametrize(
    ("gong", "name"), [(5, "zhengdiao"), (0, "zhengdiao"), (10, "ruibin"), (7, "mangong"), (3, "qingshang")]
)
def test_the_tuning_that_players_use(gong, name):
    assert tuning_for(GUQIN, gong).name == name


def test_a_mode_prefers_a_tuning_that_rings_its_final():
    for mode, final in (("gong", 0), ("shang", 2), ("zhi", 7), ("yu", 9)):
        first = tunings_for(GUQIN, 5, mode)[0]
        assert any((pitch - 5) % 12 == final for pitch in first.open_pitches)


@pytest.mark.parametrize("gong", range(12))
def test_guzheng_has_a_tuning_for_every_gong_and_no_tuning_for_all(gong):
    serving = tunings_for(GUZHENG, gong)
    assert serving
    assert len(serving) < len(GUZHENG.tunings)


def test_some_gongs_lie_badly_on_the_guqin():
    assert not serves(GUQIN, GUQIN.tunings["zhengdiao"], 6)
    assert serves(GUQIN, GUQIN.tunings["zhengdiao"], 7)


@pytest.mark.parametrize(
    ("semitones", "hui"),
    [
        (1, 13.55),
        (2, 13.1),
        (3, 12.2),
        (4, 10.9),
        (5, 10.0),
        (7, 9.0),
        (8, 8.45),
        (12, 7.0),
        (16, 5.95),
        (19, 5.0),
        (24, 4.0),
        (28, 2.95),
        (36, 1.0),
    ],
)
def test_hui_of_tempered_intervals_as_printed_in_handbooks(semitones, hui):
    position = position_at(semitones, HUI)
    assert position == pytest.approx(hui, abs=0.06)
    assert cents_at(position, HUI) == pytest.approx(100 * semitones, abs=5)


def test_no_position_on_the_nut_or_beyond_the_first_hui():
    for semitones in (0, -1, 37):
        with pytest.raises(ValueError):
            position_at(semitones, HUI)


SIZES = {16: ("D3", "D6"), 18: ("A2", "D6"), 21: ("D2", "D6"), 23: ("B1", "E6"), 26: ("F#1", "F#6")}


@pytest.mark.parametrize(("strings", "ends"), SIZES.items())
def test_guzheng_of_other_sizes(strings, ends):
    instrument = get_instrument("guzheng" if strings == 21 else f"guzheng{strings}")
    assert list(instrument.tunings) == list(GUZHENG.tunings)
    low, high = (checker.midi_number(name) for name in ends)
    d = instrument.tunings["D"].open_pitches
    assert (len(d), d[-1], d[0]) == (strings, low, high)
    for name, tuning in instrument.tunings.items():
        assert sorted(tuning.open_pitches, reverse=True) == list(tuning.open_pitches)
        assert {(pitch - tuning.gongs[0]) % 12 for pitch in tuning.open_pitches} == {0, 2, 4, 7, 9}, name


def test_26_strings_in_g_are_g1_to_g6():
    strings = get_instrument("guzheng26").tunings["G"].open_pitches
    assert (strings[-1], strings[0]) == (31, 91)
