"""Use case: give a melody a second voice or chords in the style; the melody itself stays as it is, to the tick."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen.drafting.draft import Draft
from symgen.errors import PlayabilityError, UsageError, one_line
from symgen.instruments.perform import plain
from symgen.models.runtime import Runtime
from symgen.origin import Guarantee
from symgen.progress import Progress, silent
from symgen.sampling import Sampling
from symgen.score import NoteArray, Score, make_notes
from symgen.script import Fixed, steps_of
from symgen.takes.promises import broken_playing, broken_sound
from symgen.takes.take import ComposeResult, Take
from symgen.theory.degrees import PENTATONIC
from symgen.tokens import chord, melody, rhythm
from symgen.tokens.codec import encode
from symgen.tokens.sequence import TokenSequence
from symgen.verbs.accompaniment.figures import Manner, table
from symgen.verbs.accompaniment.harmonizing import chords_for
from symgen.verbs.accompaniment.voices import Melody, doubled, playable, second_voice, together
from symgen.verbs.request import Revision
from symgen.verbs.reviser import Reviser, source_of
from symgen.verbs.sources import Source, open_source
from symgen.verbs.task import Task, TaskOf, always, plan_for

KINDS = ("auto", "chords", "octaves", "voice")
"""What a melody can be given: chords of the generator's choice, octaves and fifths, a second voice, or as the style has
it."""

_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AccompanyRequest(Revision):
    """How to accompany a melody: `density` says how full, at 0.5 as full as the pieces of the style are.

    Parameters
    ----------
    kind : str
        "chords", "octaves", "voice" or "auto".
    perform : bool
        Whether a player plays all of it, the melody too, which then leaves the grid. Otherwise everything is played to
        the letter.
    """

    kind: str = "auto"
    perform: bool = False


@dataclass(frozen=True, kw_only=True)
class Accompaniment(Task):
    """What a melody is to be given.

    Parameters
    ----------
    kind : str
        "chords", "octaves" or "voice".
    manner : Manner
        How the style accompanies.
    density : float
        How full it is.
    perform : bool
        Whether a player plays all of it, the melody too.
    """

    kind: str
    manner: Manner
    density: float
    perform: bool = False

    def new_parts(self, draft: Draft, score: Score) -> list[TokenSequence]:
        """Return what was added: the melody is not the verb's."""
        added = score.notes[score.notes["voice"] == 1].copy()
        added["voice"] = 0
        return [encode(replace(score, notes=added, metres=()), gong=self.plan.gong % 12)] if len(added) else []

    def delivered(self, take: Take) -> Take:
        """Return a take whose melody is where it was, to the tick, unless it is performed: no rubato, no ornaments."""
        if self.perform or not take.playable or take.promise is None:
            return take
        return replace(take, performance=plain(take.score, take.promise.instrument, take.promise.tuning))

    def promises(self, source: Source, score: Score) -> tuple[Guarantee, ...]:
        """Return that the melody stayed, and that what was added lies below it, in the mode, without a clash."""
        broken = broken_accompaniment(score, self, source)
        asked = f"{len(source.score)} notes as they were"
        return (Guarantee("melody", asked, "; ".join(broken) or asked, not broken),)


def accompany(source: Path | str | Score, **options: Any) -> ComposeResult:
    """Accompany a melody without writing files.

    Parameters
    ----------
    source : Path, str or Score
        A file of any format that symgen reads, or a score.
    **options
        Further fields of :class:`AccompanyRequest`.

    Raises
    ------
    UsageError
        If a part of the request cannot be met.
    ReadError
        If the file cannot be read.
    PlayabilityError
        If there is nothing that hands can play with the melody.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return VERB.results(AccompanyRequest(source=source_of(source), **options))


def accompany_files(request: AccompanyRequest, progress: Progress = silent) -> ComposeResult:
    """Accompany a melody and write the results as files; see :func:`accompany`."""
    return VERB.files(request, progress)


def _opened(request: AccompanyRequest, progress: Progress) -> Source:
    if request.kind not in KINDS:
        raise UsageError(f"accompaniment {one_line(request.kind)}", expected=f"one of {', '.join(KINDS)}")
    if not 0 <= request.density <= 1:
        raise UsageError(f"density {request.density:g}", expected="0 to 1")
    options: dict[str, Any] = {"tuning": request.tuning, "piece": request.piece, "checkpoint": request.checkpoint}
    source = open_source(request.source, request.style, progress=progress, **options)
    if source.style.name not in table().manners:
        raise UsageError(
            f"the {source.instrument.name} of the style {source.style.name} sings one tone at a time",
            expected=f"one of {', '.join(table().manners)}",
            remedy="add --style guzheng",
        )
    return source


def _task_of(request: AccompanyRequest, source: Source) -> TaskOf:
    manner = table().manners[source.style.name]
    plan = plan_for(source, (Fixed(steps_of(source.tokens)),), ticks=max(source.tokens.end, 1))
    task = Accompaniment(
        plan,
        ((0, source.score.end + 1),),
        source.mode,
        whole=True,
        kind=manner.auto if request.kind == "auto" else request.kind,
        manner=manner,
        density=request.density,
        perform=request.perform,
    )
    return always(task)


def write_accompaniment(
    task: Task, source: Source, runtime: Runtime, sampling: Sampling, seed: tuple[int, int]
) -> tuple[Draft, Score]:
    """Return a melody with an accompaniment that keeps every promise, as tokens and as a score.

    Raises
    ------
    PlayabilityError
        If none is found.
    """
    assert isinstance(task, Accompaniment)
    tune, reasons = Melody(source), ["nothing fits below the melody"]
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([*seed, attempt])
        added = playable(tune, _proposed(task, tune, runtime, sampling, rng))
        if len(added):
            score = together(tune, added)
            reasons = broken_accompaniment(score, task, source)
            if not reasons:
                return Draft(encode(score, style=source.style.name, gong=source.gong), 0.0), score
    raise PlayabilityError(
        f"no accompaniment keeps every promise: {'; '.join(reasons)}",
        remedy="try another --with, --seed or --tuning, or a higher --density",
    )


def _proposed(
    task: Accompaniment, tune: Melody, runtime: Runtime, sampling: Sampling, rng: np.random.Generator
) -> NoteArray:
    if task.kind == "voice":
        return second_voice(tune, task.manner, task.density, rng)
    if task.kind == "octaves":
        return doubled(tune, task.manner, task.density, rng)
    return _chords(task, tune, runtime, sampling, rng)


def _chords(
    task: Accompaniment, tune: Melody, runtime: Runtime, sampling: Sampling, rng: np.random.Generator
) -> NoteArray:
    """Return the tones of the chords that the generator chooses below the melody."""
    tokens = tune.source.tokens
    steps = steps_of(tokens)
    onsets = tokens.onsets().tolist()
    strength = np.array([tune.strength(onset) for onset in onsets])
    chosen = chords_for(runtime, task.plan, steps, task.manner.share(task.density), strength, sampling, rng)
    notes = tune.source.score.notes
    rows: list[tuple[int, ...]] = []
    for onset, (_, m, was), token in zip(onsets, steps, chosen, strict=True):
        if token == was or m == melody.REST:
            continue
        top = tokens.gong + int(melody.RELATIVE[m])
        near = np.flatnonzero((notes["pitch"] == top) & (np.abs(notes["onset"] - onset) <= rhythm.GRID[0]))
        if not len(near):
            continue
        note = notes[near[0]]
        last = int(note["onset"]) == tune.last
        for interval in chord.chord_intervals(token):
            if (not last or interval % 12 == 0) and not _clashes(tune, int(note["onset"]), top - interval):
                loud = max(1, round(task.manner.loudness * int(note["velocity"])))
                rows.append((int(note["onset"]), int(note["duration"]), top - interval, loud, 1))
    return make_notes(rows)


def broken_accompaniment(score: Score, task: Task, source: Source) -> list[str]:
    """Return what an accompanied melody promises but does not keep; empty if it keeps everything."""
    plan = replace(task.plan, prefix=replace(task.plan.prefix, mode=task.mode), ticks=score.end)
    found = broken_sound(score, plan)
    if source.playable:
        found += broken_playing(score, plan)
    before, added = source.score.notes.copy(), score.notes[score.notes["voice"] == 1]
    before["voice"] = 0
    if not np.array_equal(np.sort(before, order=_ORDER), np.sort(score.notes[score.notes["voice"] == 0], order=_ORDER)):
        found.append("has another melody")
    if not np.isin((added["pitch"] - source.gong) % 12, PENTATONIC).all():
        found.append("has tones outside the mode")
    return found + _not_below(before, added) + _clashing(Melody(source), added)


_ORDER = ("onset", "pitch", "duration", "technique", "velocity")


def _not_below(notes: NoteArray, added: NoteArray) -> list[str]:
    """Return whether a tone is struck that does not lie below the highest that sounds then."""
    for onset, pitch in zip(added["onset"].tolist(), added["pitch"].tolist(), strict=True):
        above = notes["pitch"][(notes["onset"] <= onset) & (notes["onset"] + notes["duration"] > onset)]
        if len(above) and pitch >= int(above.max()):
            return ["is not below the melody"]
    return []


def _clashing(tune: Melody, added: NoteArray) -> list[str]:
    """Return whether a second is struck on the first beat of a bar."""
    pairs = zip(added["onset"].tolist(), added["pitch"].tolist(), strict=True)
    return ["has a second on a strong beat"] if any(_clashes(tune, *pair) for pair in pairs) else []


def _clashes(tune: Melody, onset: int, pitch: int) -> bool:
    """Tell whether a tone would be a second to the melody on the first beat of a bar."""
    if tune.strength(onset) != 0:
        return False
    notes = tune.source.score.notes
    return any(abs(other - pitch) in (1, 2) for other in notes["pitch"][notes["onset"] == onset].tolist())


VERB: Final = Reviser("accompany", AccompanyRequest, _opened, _task_of, write_accompaniment)
