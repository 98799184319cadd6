"""Music as the verbs take it up: its tempo, what is off the grid, and how far back it goes."""

from dataclasses import replace

import pytest

import symgen
from symgen.opening import open_piece
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.sources import open_source

TUNE = (53, 53, 57, 60, 62, 60, 57, 53, 50, 53, 57, 60, 62, 65, 62, 60, 57, 55, 53, 55, 57, 60, 57, 53)


def tune(**fields):
    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate(TUNE)])
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
