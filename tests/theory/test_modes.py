import pytest

from symgen.errors import UsageError
from symgen.theory.degrees import BIAN, PENTATONIC
from symgen.theory.modes import APPROACHES, MODES, SCALE_TYPES, final_of, gong_of, mode_name, parse_mode, scale_type


def weights(*semitones, each=1.0):
    return [each if s in semitones else 0.0 for s in range(12)]


def test_finals_are_the_zheng_tones():
    assert [(mode.name, mode.final) for mode in MODES] == [
        ("gong", 0),
        ("shang", 2),
        ("jue", 4),
        ("zhi", 7),
        ("yu", 9),
    ]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_partner_is_a_fifth_above_or_a_fourth_where_there_is_none(mode):
    fifth, fourth = (mode.final + 7) % 12, (mode.final + 5) % 12
    assert mode.partner == (fifth if fifth in PENTATONIC else fourth)
    assert mode.partner in PENTATONIC


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_measured_shares_are_shares(mode):
    assert sum(mode.profile.values()) == pytest.approx(0.965, abs=0.025)
    for table in (mode.profile, mode.phrase_ends, mode.first_notes):
        assert set(table) <= set(PENTATONIC)
        assert sum(table.values()) <= 1.0
    assert mode.profile[mode.final] == max(mode.profile.values())
    assert mode.phrase_ends[mode.final] == max(mode.phrase_ends.values())


def test_shares_of_finals_sum_to_one():
    assert sum(mode.folk_share for mode in MODES) == pytest.approx(1.0, abs=0.01)
    assert sum(mode.guqin_share for mode in MODES) == pytest.approx(1.0)


def test_approaches_end_on_finals():
    assert len({(a.before, a.final) for a in APPROACHES}) == len(APPROACHES)
    for approach in APPROACHES:
        assert approach.final in PENTATONIC
        assert 0 < approach.folk + approach.guqin < 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("gong", "gong"), ("GONG", "gong"), ("宫", "gong"), ("宮", "gong"), ("商调式", "shang"), ("jiao", "jue")),
        *(("jue", "jue"), ("角", "jue"), ("徵", "zhi"), ("征调", "zhi"), (" yu ", "yu"), ("羽調式", "yu")),
    ],
)
def test_mode_is_understood(text, name):
    assert parse_mode(text) == name


@pytest.mark.parametrize("text", ["", "dorian", "调式", "宫宫", "\x1b[2J"])
def test_other_modes_are_refused_in_one_line(text):
    with pytest.raises(UsageError, match="gong 宫, shang 商, jue 角, zhi 徵, yu 羽") as caught:
        parse_mode(text)
    assert "\x1b" not in str(caught.value)


def test_mode_name_gives_final_and_header():
    assert mode_name(5, "yu") == "D yu, 1=F (D 羽调式)"
    assert mode_name(0, "宫") == "C gong, 1=C (C 宫调式)"


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("gong", range(12))
def test_gong_and_final_determine_each_other(gong, mode):
    assert gong_of(final_of(gong, mode.name), mode.name) == gong


@pytest.mark.parametrize("row", SCALE_TYPES, ids=lambda row: row.name)
def test_each_scale_is_recognised_from_its_tones(row):
    assert set(PENTATONIC) <= set(row.semitones)
    assert set(row.semitones) <= {*PENTATONIC, *BIAN}
    assert scale_type(weights(*row.semitones)) == row.name
    assert scale_type(weights(*row.semitones, each=0.001)) == row.name


def test_traces_do_not_change_a_scale():
    ornamented = weights(*PENTATONIC, each=100.0)
    ornamented[11] = 2.0  # 0.4 %
    assert scale_type(ornamented) == "Pentatonic"
    ornamented[11] = 3.0
    assert scale_type(ornamented) == "Hexatonic_Biangong"


def test_sets_without_a_name_and_silence_are_none():
    assert scale_type(weights(*range(12))) is None
    assert scale_type(weights(0, 2, 4, 6, 7, 9)) is None
    assert scale_type(weights()) is None
    assert scale_type(weights(0, 7)) == "Pentatonic"
