"""Music as the verbs take it up: its tempo, what is off the grid, and how far back it goes."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symgen
from symgen.copying import fingerprints
from symgen.errors import UsageError
from symgen.models.checkpoint import save_checkpoint, save_fingerprints
from symgen.models.losses import weights_of
from symgen.opening import open_piece
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.tokens.codec import encode
from symgen.verbs.hearing import as_heard, off_the_grid, on_the_grid
from symgen.verbs.infilling import parse_bars
from symgen.verbs.sources import open_source
from tests.models.music import TINY, random_generator

TUNE = (53, 53, 57, 60, 62, 60, 57, 53, 50, 53, 57, 60, 62, 65, 62, 60, 57, 55, 53, 55, 57, 60, 57, 53)


def tune(times=1, **fields):
    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate(TUNE * times)])
    return Score(notes, **{"tempi": (Tempo(0, 60.0),), "metres": (Metre(0, 4, 4),), "title": "tune", **fields})


class TestTempo:
    """A file of MIDI that names no tempo goes at 120, as its standard says; a score on paper goes slowly."""

    @pytest.mark.parametrize(("suffix", "qpm"), [(".mid", 120.0), (".musicxml", 60.0), (".jianpu", 60.0)])
    def test_where_none_is_named(self, tmp_path, suffix, qpm):
        file = symgen.write(tune(tempi=()), tmp_path / f"a{suffix}")
        assert symgen.read(file).tempi == ()
        source = open_source(file, "guqin")
        assert source.score.tempi == source.performance.tempi == (Tempo(0, qpm),)

    def test_it_is_told(self, tmp_path):
        silent, spoken = (symgen.write(tune(tempi=tempi), tmp_path / f"{len(tempi)}.mid")
                          for tempi in ((), (Tempo(0, 72.0),)))  # fmt: skip
        assert open_piece(silent)[0].mended["assumed-tempo"] == 1
        assert "assumed-tempo" not in open_piece(spoken)[0].mended
        assert open_piece(spoken)[0].score.tempi == (Tempo(0, 72.0),)

    def test_arranging_and_inspecting_take_it_so(self, tmp_path):
        from symgen.inspect import inspect_file

        file = symgen.write(replace(tune(), tempi=()), tmp_path / "a.mid")
        assert symgen.arrange(file, raw=True).performance.tempi == (Tempo(0, 120.0),)
        assert inspect_file(file).tempo == 120.0


def played(score, seed=1, spread=12.0):
    """Return a score as somebody plays it who keeps no time: onsets wander, in order."""
    rng = np.random.default_rng(seed)
    notes = score.notes.copy()
    notes["onset"] = np.maximum(0, notes["onset"] + np.rint(rng.normal(0, spread, len(notes))).astype(int))
    notes["duration"] = np.maximum(30, notes["duration"] - rng.integers(0, 60, len(notes)))
    return replace(score, notes=notes, end=score.end + 480)


class TestOffTheGrid:
    def test_what_is_on_the_grid_is_heard_as_it_is(self):
        source = open_source(tune(), "guqin")
        assert as_heard(source) is source
        assert on_the_grid(source.score) == source.score

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 2000), st.integers(40, 80)), min_size=1))
    def test_all_that_is_heard_lies_on_note_values_near_by(self, rows):
        score = Score(make_notes(rows), metres=(Metre(0, 4, 4),))
        heard = on_the_grid(score)
        assert len(heard) == len(score)
        assert off_the_grid(heard) == 0.0
        shift = np.sort(heard.notes["onset"]) - np.sort(score.notes["onset"])
        assert np.abs(shift).max() <= 80
        assert heard.notes["duration"].min() >= 60

    @pytest.mark.parametrize("values", [(480, 240, 240, 480), (160, 160, 160, 480), (240, 120, 120, 480)])
    def test_what_was_meant_is_found(self, values):
        onsets = np.cumsum([0, *(values * 6)])[:-1]
        notes = make_notes([(int(onset), 60, 50 + place % 5) for place, onset in enumerate(onsets)])
        written = Score(notes, metres=(Metre(0, 4, 4),))
        heard = on_the_grid(played(written, spread=8.0))
        assert np.mean(heard.notes["onset"] == written.notes["onset"]) > 0.9

    @pytest.mark.parametrize("go_on", [partial(symgen.infill, bars="3-4"), partial(symgen.continue_piece, bars=2)])
    def test_the_source_stays_and_it_is_said(self, go_on):
        source = played(tune())
        result = go_on(source, style="guqin", seed=1)
        assert any("off the grid" in remark for remark in result.remarks)
        opened = open_source(source, "guqin")
        start, end = (3840, 7680) if go_on.func is symgen.infill else (int(opened.bars[-1]), 10**9)
        before, after = (one.notes[(one.notes["onset"] < start) | (one.notes["onset"] >= end)]
                         for one in (opened.score, result.takes[0].score))  # fmt: skip
        assert np.array_equal(before, after)

    def test_the_generator_hears_plain_values(self):
        heard = as_heard(open_source(played(tune()), "guqin")).tokens
        played_as = open_source(played(tune()), "guqin").tokens
        assert heard.gong == played_as.gong
        assert (heard.lost["off-grid-onset"], played_as.lost["off-grid-onset"] > 0) == (0, True)
        assert set(encode(tune(), gong=5).onsets()) <= set(heard.onsets())  # and rests where notes were cut short


@pytest.mark.parametrize("bars", [(1, 2, 3), (1,), (), ("1", "2"), (1.0, 2.0), (True, 2), 5, None, [2, 1], (0, 1)])
def test_bars_are_two_whole_numbers_in_order(bars):
    with pytest.raises(UsageError, match=r"^bars "):
        parse_bars(bars)


def test_bars_may_be_of_numpy_or_in_a_list():
    assert parse_bars([np.int64(2), 3]) == (2, 3)


class TestCopiesOfAnAccompaniment:
    """Only what was added is compared: the melody is not the verb's, and may be a training piece."""

    def test_a_melody_that_is_known_is_no_copy(self, tmp_path):
        source = tune()
        known = save_tiny(tmp_path / "tiny", [encode(source, gong=5)])
        (take,) = symgen.accompany(source, style="guqin", kind="octaves", density=0.6, seed=1, checkpoint=known).takes
        assert take.copy.longest_run == 0
        asked = {"kind": "octaves", "density": 0.6, "seed": 1, "checkpoint": known, "max_copy": 7}
        (promised,) = symgen.accompany(source, style="guqin", **asked).takes
        assert promised.score == take.score
        row = next(row for row in promised.guarantees if row.name == "longest copy")
        assert (row.kept, row.found) == (True, "no run of eight notes")

    def test_what_was_added_is_compared(self, tmp_path):
        source, options = tune(2), {"kind": "octaves", "density": 1.0, "seed": 1}
        plain = save_tiny(tmp_path / "plain", [encode(source, gong=5)])
        (take,) = symgen.accompany(source, style="guqin", checkpoint=plain, **options).takes
        added = take.score.notes[take.score.notes["voice"] == 1].copy()
        added["voice"] = 0
        assert len(added) >= 8
        known = save_tiny(tmp_path / "known", [encode(replace(take.score, notes=added), gong=5)])
        (again,) = symgen.accompany(source, style="guqin", checkpoint=known, **options).takes
        assert again.copy.longest_run >= 8


def save_tiny(folder, known):
    """Write a checkpoint of random weights that knows some pieces, and return its folder."""
    save_checkpoint(
        folder, config=TINY.as_json(), weights=weights_of(random_generator(TINY)), styles={"guqin": {}}, facts={}
    )
    save_fingerprints(folder, fingerprints(known))
    return folder
