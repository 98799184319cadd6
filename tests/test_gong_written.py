"""What symgen writes says the gong in which its notes lie, whatever the key signature of the source says."""

import pytest

import symgen
from symgen.score import Key, Metre, Score, Tempo, make_notes
from symgen.theory.naming import in_gong

IN_F = (53, 53, 57, 60, 62, 60, 57, 53, 50, 53, 57, 60, 62, 65, 62, 60, 57, 55, 53, 55, 57, 60, 57, 53)


def tune(*keys):
    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate(IN_F)])
    return Score(notes, tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), keys=keys)


@pytest.mark.parametrize(("keys", "found"), [
    ((), (Key(0, 5, "gong"),)),
    ((Key(0, 0),), (Key(0, 5, "gong"),)),
    ((Key(0, 5),), (Key(0, 5, "gong"),)),
    ((Key(0, 5), Key(1920, 0, "yu"), Key(3840, 5)), (Key(0, 5, "gong"), Key(1920, 0, "yu"), Key(3840, 5, "gong"))),
    ((Key(0, 0), Key(1920, 7)), (Key(0, 5, "gong"),)),
])  # fmt: skip
def test_own_keys_stay_where_they_agree(keys, found):
    assert in_gong(tune(*keys), 5, "gong").keys == found


@pytest.mark.parametrize("keys", [(), (Key(0, 0),), (Key(0, 5),)])
@pytest.mark.parametrize("suffix", [".mid", ".musicxml"])
def test_jianpu_of_others_counts_from_the_gong_found(tmp_path, keys, suffix):
    file = symgen.write(tune(*keys), tmp_path / f"a{suffix}")
    result = symgen.export(file, output=tmp_path / "b.jianpu")
    assert "1=F" in (tmp_path / "b.jianpu").read_text("utf-8")
    assert [("1=C" in remark) for remark in result.remarks] == ([True] if keys == (Key(0, 0),) else [])


def test_what_verbs_and_arranging_write_says_gong_and_mode():
    wrong = tune(Key(0, 0, "zhi"))
    filled = symgen.infill(wrong, "2-3", style="guqin", seed=1)
    assert filled.takes[0].score.keys == (Key(0, 5, "gong"),)
    assert any("1=C" in remark and "1=F" in remark for remark in filled.remarks)
    varied = symgen.vary(tune(), style="guqin", keep="rhythm", mode="yu", seed=1).takes[0]
    assert varied.performance.score.keys == (Key(0, 5, "yu"),)
    assert symgen.arrange(wrong, raw=True).score.keys[0].mode == "gong"
