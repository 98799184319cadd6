"""Continuing and filling in: what stands stays to the tick, what is new keeps every promise."""

import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import symgen
from symgen.compose import ComposeRequest, compose, compose_files
from symgen.copying import fingerprints
from symgen.errors import PlayabilityError, UsageError
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.fingering import finger
from symgen.models.checkpoint import load_checkpoint, save_checkpoint, save_fingerprints
from symgen.models.losses import weights_of
from symgen.performance import Performance, PlayedNote, late_at_a_seam, spliced
from symgen.score import Metre, Score, Tempo, Text, make_notes
from symgen.theory.detect import detect_mode
from symgen.tokens.codec import encode
from symgen.verbs import revising
from symgen.verbs.accompanying import accompany
from symgen.verbs.continuing import ContinueRequest, continue_files, continue_piece
from symgen.verbs.infilling import InfillRequest, infill, infill_files, parse_bars
from symgen.verbs.revising import _copied
from symgen.verbs.sources import open_source
from symgen.verbs.task import stretch
from symgen.writers import write
from tests.models.music import TINY, random_generator

TUNE = (
    *(53, 53, 57, 60, 62, 60, 57, 53, 50, 53, 57, 60, 62, 65, 62, 60),
    *(57, 55, 53, 55, 57, 60, 57, 55, 53, 50, 53, 53, 50, 48, 50, 53),
)
"""In gong F, its final F, in quarters: eight bars."""


def tune(**fields):
    notes = make_notes([(480 * place, 480, pitch) for place, pitch in enumerate(TUNE)])
    return Score(notes, tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),), title="tune", **fields)


def outside(score, start, end):
    return score.notes[(score.notes["onset"] < start) | (score.notes["onset"] >= end)]


class TestInfill:
    @pytest.mark.parametrize("bars", ["3-4", "1-2", "7-8", "5"])
    @pytest.mark.parametrize("style", ["guqin", "guzheng"])
    def test_nothing_changes_outside_of_the_bars(self, bars, style):
        source = tune()
        (take,) = infill(source, bars, style=style, seed=1).takes
        first, last = parse_bars(bars)
        start, end = 1920 * (first - 1), 1920 * last
        assert np.array_equal(outside(take.score, start, end), outside(source, start, end))
        assert take.playable
        assert take.score.end == source.end
        assert (detect_mode(take.score).gong, detect_mode(take.score).mode) == (5, "gong")

    def test_what_is_played_outside_of_the_bars_is_the_source_to_the_letter(self):
        source = tune()
        (take,) = infill(source, "3-4", style="guqin", seed=1).takes
        kept = [(n.onset, n.pitch, n.velocity) for n in take.performance.notes if not 3840 <= n.written < 7680]
        notes = outside(source, 3840, 7680)
        assert kept == list(zip(*(notes[name].tolist() for name in ("onset", "pitch", "velocity")), strict=True))

    def test_takes_differ_and_a_seed_gives_them_again(self):
        result = infill(tune(), "3-6", style="guqin", seed=5, takes=2)
        one, two = (take.score for take in result.takes)
        assert one != two
        assert infill(tune(), "3-6", style="guqin", seed=5, takes=2).takes[1].score == two

    def test_music_that_changes_metre(self):
        source = replace(tune(), metres=(Metre(0, 4, 4), Metre(7680, 2, 4), Metre(9600, 3, 4)))
        (take,) = infill(source, "5-6", style="guqin", seed=1).takes
        assert np.array_equal(outside(take.score, 7680, 9600), outside(source, 7680, 9600))
        assert take.score.metres == source.metres

    def test_music_off_the_grid(self):
        notes = tune().notes.copy()
        notes["onset"] += np.random.default_rng(0).integers(0, 25, len(notes))
        notes["duration"] -= 30
        source = replace(tune(), notes=notes)
        (take,) = infill(source, "3-4", style="guqin", seed=1).takes
        assert np.array_equal(outside(take.score, 3840, 7680), outside(source, 3840, 7680))

    def test_a_source_with_a_note_that_nobody_can_play_is_told_and_kept(self):
        notes = np.concatenate([tune().notes, make_notes([(0, 480, 30)])])
        result = infill(replace(tune(), notes=notes), "5-6", style="guqin", seed=1)
        assert not result.takes[0].playable
        assert "1 notes of the source cannot be played" in result.remarks[0]
        assert 30 in result.takes[0].score.notes["pitch"]

    def test_music_for_another_instrument_is_refused_with_what_to_do(self):
        with pytest.raises(PlayabilityError, match="symgen arrange"):
            infill(tune().transpose(40), "3-4", style="guqin")

    @pytest.mark.parametrize(
        ("bars", "message"),
        [("8-9", "expected 1 to 8; use --bars 7-8"), ("4-3", "the first bar"), ("0-1", "from 1"), ("x", "such as 5-8")],
    )
    def test_bars_that_are_not_there(self, bars, message):
        with pytest.raises(UsageError, match=message):
            infill(tune(), bars, style="guqin")

    def test_a_score_without_notes(self):
        with pytest.raises(UsageError, match="holds no notes"):
            infill(Score(make_notes()), "1-2", style="guqin")

    def test_music_that_does_not_say_what_it_is_for(self):
        with pytest.raises(UsageError, match="add --style guqin"):
            infill(tune(), "1-2")

    def test_files_are_named_by_source_verb_seed_and_take(self, tmp_path):
        write(tune(texts=(Text(0, "guqin", "track"),)), tmp_path / "in.mid")
        request = InfillRequest(source=tmp_path / "in.mid", bars="3-4", seed=3, takes=2, output=tmp_path / "out")
        paths = [take.path for take in infill_files(request).takes]
        assert [path.name for path in paths] == ["in-infill-3-1.mid", "in-infill-3-2.mid"]
        assert len(symgen.read(paths[0])) > 0


class TestContinue:
    @pytest.mark.parametrize("style", ["guqin", "guzheng", "folk"])
    def test_the_source_stays_and_the_new_part_closes(self, style):
        source = tune().transpose(12)
        (take,) = continue_piece(source, style=style, seed=2, bars=4).takes
        assert np.array_equal(take.score.notes[: len(source)], source.notes)
        assert take.score.end == source.end + 4 * 1920
        assert detect_mode(take.score).mode == "gong"
        assert take.playable

    @pytest.mark.parametrize("mode", ["gong", "shang", "zhi", "yu"])
    def test_it_closes_in_the_mode_that_is_asked_for(self, mode):
        (take,) = continue_piece(tune(), style="guqin", seed=3, bars=8, mode=mode).takes
        assert (take.mode, take.gong) == (mode, 5)

    def test_only_the_new_part(self):
        with_source, only = (
            continue_piece(tune(), style="guqin", seed=4, bars=4, only=only).takes[0] for only in (False, True)
        )
        notes = with_source.score.notes[len(tune()) :].copy()
        notes["onset"] -= tune().end
        assert np.array_equal(only.score.notes, notes)
        assert only.bars == 4
        assert only.promise.bars == 4
        assert not only.kept  # of the source nothing is left that could stay
        assert len(only.performance.notes) < len(with_source.performance.notes)

    def test_the_new_part_alone_keeps_its_promises(self):
        for seed in range(4):
            (take,) = continue_piece(tune(), style="guqin", seed=seed, bars=2, only=True).takes
            assert {row.name for row in take.guarantees} >= {"gong", "mode", "bars", "metre", "cadence"}
            assert [row for row in take.guarantees if not row.kept] == []

    def test_what_the_source_copies_is_not_held_against_what_is_new(self):
        source = next(
            take.score
            for take in compose("guqin", bars=16, takes=12, seed=5, raw=True).takes
            if take.copy is not None and take.copy.longest_run > 7
        )
        (take,) = continue_piece(source, style="guqin", seed=1, bars=2, max_copy=7).takes
        assert take.copy is not None
        assert take.copy.longest_run <= 7

    def test_after_a_bar_the_rest_of_the_source_is_left_out(self):
        (take,) = continue_piece(tune(), style="guqin", seed=4, bars=4, after=3).takes
        assert take.bars == 7
        assert np.array_equal(take.score.notes[:12], tune().notes[:12])

    def test_a_length_in_seconds(self):
        (take,) = continue_piece(tune(), style="guqin", seed=4, seconds=16).takes
        assert take.bars == 8 + 4  # at 60 qpm a bar lasts four seconds

    def test_music_that_lies_elsewhere_is_arranged_and_told(self):
        result = continue_piece(tune().transpose(40), style="guqin", seed=1, bars=2)
        assert "arranged for the guqin" in result.remarks[0]
        assert result.takes[0].playable

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"bars": 4, "seconds": 5.0}, "both bars and seconds"),
            ({"bars": 1}, "2 to 2000"),
            ({"after": 9}, "1 to 8"),
            ({"mode": "dorian"}, "mode"),
            ({"takes": 0}, "takes"),
            ({"style": "bagpipe"}, "style"),
        ],
    )
    def test_wishes_that_cannot_be_met(self, options, message):
        with pytest.raises(UsageError, match=message):
            continue_piece(tune(), **{"style": "guqin", **options})

    def test_what_was_composed_can_be_continued_from_its_file(self, tmp_path):
        (take,) = compose("guqin", bars=8, seed=1).takes
        write(take.performance, tmp_path / "a.mid")
        request = ContinueRequest(source=tmp_path / "a.mid", bars=4, seed=1, output=tmp_path / "b.mid")
        (longer,) = continue_files(request).takes
        assert longer.bars == 12
        assert longer.style == "guqin"


class TestOwnPieces:
    """A file that symgen wrote and nobody changed is taken up as it was written."""

    def written(self, folder, style="guqin", **options):
        request = ComposeRequest(style, bars=8, seed=1, output=folder / "own.mid", **options)
        return compose_files(request).takes[0]

    def test_it_is_the_written_score_and_its_performance(self, tmp_path):
        take = self.written(tmp_path)
        source = open_source(tmp_path / "own.mid")
        assert source.score == take.score
        assert source.performance.notes == take.performance.notes

    def test_in_another_style_it_is_placed_on_that_instrument(self, tmp_path):
        self.written(tmp_path, "folk")
        source = open_source(tmp_path / "own.mid", "guzheng")
        assert source.instrument.name == "guzheng"
        assert source.tuning.open_pitches
        assert source.playable

    def test_one_that_was_changed_is_read_as_it_stands(self, tmp_path):
        take = self.written(tmp_path)
        path = tmp_path / "own.mid"
        score = symgen.read(path)
        write(score.transpose(12), path)
        assert open_source(path, "guqin").score != take.score


def test_a_splice_takes_each_note_from_where_it_is_written_and_damps_its_string():
    score = Score(make_notes([(0, 960, 60)]))

    def performance(pitch, tempi):
        notes = tuple(PlayedNote(at, 3000, pitch, 80, string=1, written=at) for at in (0, 960, 1920))
        return Performance(score, notes, tempi, "guqin", "zhengdiao", 107)

    kept, new = performance(60, (Tempo(0, 60.0),)), performance(62, (Tempo(0, 80.0), Tempo(1000, 90.0)))
    both = spliced(kept, new, [(960, 1920)])
    assert [(n.onset, n.pitch) for n in both.notes] == [(0, 60), (960, 62), (1920, 60)]
    assert [n.duration for n in both.notes] == [960, 960, 3000]
    assert both.tempi == (Tempo(0, 60.0), Tempo(960, 80.0), Tempo(1000, 90.0), Tempo(1920, 60.0))


def test_the_tune_of_these_tests_is_playable():
    guqin = get_instrument("guqin")
    assert finger(tune(), guqin, get_tuning(guqin, "zhengdiao")).playable


class TestNumbered:
    @pytest.mark.parametrize("verb", [continue_piece, lambda source, **options: infill(source, "3-4", **options)])
    def test_one_take_is_made_without_those_before_it(self, verb, monkeypatch):
        """A record can name any number, and making a piece again must not take so many times as long."""
        alone = sys.modules["symgen.verbs.infilling" if verb is not continue_piece else "symgen.verbs.continuing"]
        together = verb(tune(), style="guqin", seed=2, takes=3).takes[2]
        made = []
        real = revising._best
        monkeypatch.setattr(revising, "_best", lambda job, seed: made.append(seed) or real(job, seed))
        kind = ContinueRequest if verb is continue_piece else partial(InfillRequest, bars="3-4")
        assert alone.VERB.retake(kind(source=tune(), style="guqin", seed=2), 3).score == together.score
        assert made == [(2, 3)]


class TestCopies:
    def test_only_what_is_new_is_judged(self, tmp_path):
        """The source may be known by heart: its own notes are nobody's copy."""
        known = save_tiny(tmp_path / "tiny", [encode(tune(), style="guqin", gong=5)])
        (take,) = infill(tune(), "3-4", style="guqin", seed=1, checkpoint=known, max_copy=7).takes
        assert take.copy.longest_run <= 7
        assert all(row.kept for row in take.guarantees)

    def test_a_checkpoint_that_cannot_tell_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="does not know its training pieces"):
            infill(tune(), "3-4", style="guqin", checkpoint=save_tiny(tmp_path / "tiny"), max_copy=7)

    def test_of_several_stretches_the_one_that_shares_most_is_told(self, tmp_path):
        tokens = encode(tune(), style="guqin", gong=5)
        known = load_checkpoint(save_tiny(tmp_path / "tiny", [stretch(tokens, (11520, 15360))]))
        one, other, none = (stretch(tokens, span) for span in ((0, 9600), (11520, 15360), (0, 0)))
        assert _copied([one, other], known).longest_run == 8
        assert _copied([one], known).longest_run == 0
        assert _copied([none], known).longest_run == 0


def save_tiny(folder, known=None):
    """Write a checkpoint of random weights that knows some pieces, and return its folder."""
    weights = weights_of(random_generator(TINY))
    save_checkpoint(folder, config=TINY.as_json(), weights=weights, styles={"guqin": {}}, facts={})
    if known is not None:
        save_fingerprints(folder, fingerprints(known))
    return folder


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 0.0, -3.0])
def test_no_length_in_seconds(seconds):
    with pytest.raises(UsageError, match="more than 0, at most 3600"):
        continue_piece(tune(), style="guqin", seconds=seconds)


def test_a_piece_of_millions_of_bars_is_refused_before_they_are_counted_out():
    with pytest.raises(UsageError, match="572,662,307 bars; expected at most 4,000"):
        infill(tune(end=2**40), "3-4", style="guqin")


def test_a_piece_for_a_voice_is_taken_up_by_a_zither_in_a_tuning_of_its_own(tmp_path):
    compose_files(ComposeRequest("folk", gong="D", bars=4, seed=1, output=tmp_path / "song.mid"))
    (take,) = infill(tmp_path / "song.mid", "2", style="guzheng", seed=1).takes
    assert take.promise is not None
    assert take.promise.tuning.open_pitches


def test_an_accompaniment_to_the_letter_is_judged_to_the_letter():
    (take,) = accompany(tune(), style="guqin", seed=3).takes
    assert {note.onset for note in take.performance.notes} <= set(take.score.notes["onset"].tolist())
    assert [row for row in take.guarantees if not row.kept] == []


def test_a_hand_that_comes_too_late_at_a_seam_is_seen():
    def meets(second):
        notes = (
            PlayedNote(0, 60, 55, 80, string=6, position=9.0, written=0),
            PlayedNote(second, 60, 57, 80, string=5, position=7.0, written=60),
        )
        score = Score(make_notes([(0, 60, 55), (60, 60, 57)]), end=120)
        played = Performance(score, notes, (Tempo(0, 60.0),), "guqin", "zhengdiao", 107)
        return late_at_a_seam(played, ((0, 60),), 1.5, 0.11)

    assert meets(40)
    assert not meets(60)


def test_notes_struck_before_the_new_part_begins_end_when_they_did():
    for seed in range(3):
        (take,) = continue_piece(tune(), style="guzheng", seed=seed, bars=3, only=True).takes
        over = {}
        for note in take.performance.notes:
            assert over.get(note.string, 0) <= note.onset
            over[note.string] = note.onset + note.duration
