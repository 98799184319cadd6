"""Use case: take up music that exists, so that it can be continued, filled in, varied or accompanied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.arranging import ArrangeRequest, arrange_score
from symgen.errors import PlayabilityError, UsageError, one_line
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.adapting import choose_setting
from symgen.instruments.base import Instrument, Tuning
from symgen.instruments.fingering import DEFAULT_QPM, finger
from symgen.instruments.perform import literal, plain
from symgen.opening import open_piece
from symgen.origin import Ancestor
from symgen.performance import Performance
from symgen.planning.checking import tuning_of
from symgen.progress import Progress, silent
from symgen.score import Metre, Score, Tempo
from symgen.styles import STYLES, Style, get_style
from symgen.takes.take import Take
from symgen.theory.degrees import pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.tokens.codec import encode
from symgen.tokens.sequence import TokenSequence
from symgen.units import TICKS_PER_QUARTER, bar_ticks
from symgen.verbs.ancestry import MOST_GENERATIONS, generations
from symgen.verbs.remaking import own_take, take_of, telling
from symgen.writers import is_remark

_MOST_BARS = 4000
_MOST_FAULTS = 0.1
"""Share of notes without a place from which music is not taken for this instrument's."""


@dataclass(frozen=True)
class Source:
    """Music that exists, as the verbs take it up.

    Parameters
    ----------
    name : str
        Of the file, for messages and file names.
    score, performance : Score, Performance
        At 480 ticks a quarter; what is written, and how it is played: to the letter if it came as a score.
    tokens : TokenSequence
        The same for the generator.
    style, instrument, tuning : Style, Instrument, Tuning
        In which it is taken up.
    gong, mode : int, str
        As a listener would find them.
    bars : ndarray of int64, shape (bars + 1,)
        Tick of each bar line, and of the last bar's end.
    remarks : tuple of str
        What was assumed or changed, a line each.
    playable : bool
        Whether all of it has its place on the instrument.
    given : Score or Ancestor
        What a record keeps of it: the music as it came, or how a piece of symgen's own was made.
    """

    name: str
    score: Score
    performance: Performance
    tokens: TokenSequence
    style: Style
    instrument: Instrument
    tuning: Tuning
    gong: int
    mode: str
    bars: NDArray[np.int64]
    given: Score | Ancestor
    remarks: tuple[str, ...] = ()
    playable: bool = True

    @property
    def count(self) -> int:
        """How many bars it has."""
        return len(self.bars) - 1

    def metre_at(self, tick: int) -> Metre:
        """Return the metre that holds at a tick."""
        return [metre for metre in self.score.metres if metre.tick <= tick][-1]


def open_source(
    source: str | Path | Score | Ancestor,
    style: str | None = None,
    *,
    tuning: str | Tuning | None = None,
    piece: int = 1,
    checkpoint: Path | None = None,
    adapt: bool = True,
    progress: Progress = silent,
) -> Source:
    """Open music and make it ready for a zither.

    Parameters
    ----------
    source : str, Path, Score or Ancestor
        A file of any format that symgen reads, a score, or a piece of symgen's own by its record. Of a file that
        symgen wrote and nobody changed, the music is taken as it was written, without what the player did to it.
    style : str, optional
        guqin, guzheng or folk. By default that of the file, if its tracks name an instrument of ours.
    tuning : str or Tuning, optional
        A tuning; by default the one in which it lies best, or that of a piece of symgen's own.
    piece : int
        Which piece of a tune book, from 1.
    checkpoint : Path, optional
        A folder that may hold the checkpoint that a piece of symgen's own was made with.
    adapt : bool
        Whether music that the instrument cannot play is transposed and folded until it can. Otherwise it is taken as it
        stands if most of its notes have their places, and refused if not.
    progress : Progress
        Told of the hearing of a recording.

    Raises
    ------
    ReadError
        If the file cannot be read.
    UsageError
        If it holds no notes, or its style is unknown.
    PlayabilityError
        If it cannot be played as it stands and must not be changed, with the first bar and rule.
    CheckpointError
        If the checkpoint is gone that a piece of symgen's own was made with.
    """
    ancestor: Ancestor | None = None
    own: Take | None = None
    remarks: list[str] = []
    if isinstance(source, Ancestor):
        ancestor = source
        own = take_of(source.origin, telling(progress, "the source"))
        name, score = own.score.title or "score", own.score
    elif isinstance(source, Score):
        name, score = source.title or "score", source
    else:
        source = Path(source)
        name = source.name
        found = own_take(source, progress, checkpoint) if piece == 1 else ""
        if isinstance(found, str):
            score = open_piece(source, piece, progress)[0].score
            remarks += [f"{found}: taken as it is played"] if found else []
        elif generations(found[1]) >= MOST_GENERATIONS:
            score, style = found[0].score, style or found[0].style
            remarks.append(
                f"the source was made in {MOST_GENERATIONS} steps: it is taken as it is written, and carried as such"
            )
        else:
            own, ancestor, score = found[0], Ancestor(found[1].as_json()), found[0].score
    if own is not None and ancestor is not None and _plays_on(own, style, tuning):
        return _of_take(own, ancestor, name)
    if not len(score):
        raise UsageError(f"{one_line(name)} holds no notes", expected="music to go on from")
    wanted_style = style if style is not None or own is None else own.style
    chosen = _style_of(score, name) if wanted_style is None else get_style(wanted_style)
    given = ancestor or score
    score = _measured(score.resampled(TICKS_PER_QUARTER), remarks)
    instrument = get_instrument(chosen.instrument)
    wanted = None if tuning is None else tuning_of(instrument, tuning)
    score, place, playable = _placed(score, name, chosen, instrument, wanted, adapt=adapt, remarks=remarks)
    estimate = detect_mode(score)
    if score.keys and score.keys[0].gong != estimate.gong:
        said, heard = (pitch_class_name(one) for one in (score.keys[0].gong, estimate.gong))
        remarks.append(f"the source says 1={said}, but its notes lie in 1={heard}: written so")
    performance = plain(score, instrument, place) if playable else literal(score, instrument, place)
    return _source(name, score, performance, chosen, place, given, tuple(remarks), playable=playable)


def _plays_on(take: Take, style: str | None, tuning: str | Tuning | None) -> bool:
    """Return whether a take is wanted in the style and the tuning that it is in."""
    asked = tuning if isinstance(tuning, str) or tuning is None else tuning.name
    return take.playable and style in (None, take.style) and asked in (None, take.tuning)


def _of_take(take: Take, given: Ancestor, name: str) -> Source:
    """Return a take as a source, with how it is played."""
    assert take.promise is not None
    return _source(
        name, take.score, take.performance, get_style(take.style), take.promise.tuning, given, (), playable=True
    )


def _source(
    name: str,
    score: Score,
    performance: Performance,
    style: Style,
    tuning: Tuning,
    given: Score | Ancestor,
    remarks: tuple[str, ...],
    *,
    playable: bool,
) -> Source:
    estimate = detect_mode(score)
    return Source(
        name=name,
        score=score,
        performance=performance,
        tokens=encode(score, style=style.name, gong=estimate.gong),
        style=style,
        instrument=get_instrument(style.instrument),
        tuning=tuning,
        gong=estimate.gong,
        mode=estimate.mode,
        bars=bar_lines(score),
        given=given,
        remarks=remarks,
        playable=playable,
    )


def bar_lines(score: Score) -> NDArray[np.int64]:
    """Return the tick of each bar line of a score with a metre, and of the end of its last bar."""
    starts = score.bar_starts()
    last = int(starts[-1])
    metre = [metre for metre in score.metres if metre.tick <= last][-1]
    return np.append(starts, last + bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter))


def _style_of(score: Score, name: str) -> Style:
    """Return the style whose instrument a track of the score names."""
    tracks = {text.text.strip().casefold() for text in score.texts if text.kind == "track"}
    for style in STYLES.values():
        if any(track.split(" ")[0] == style.instrument for track in tracks):
            return style
    raise UsageError(
        f"{one_line(name)} does not say what it is for",
        expected=f"a style: {', '.join(STYLES)}",
        remedy="add --style guqin",
    )


def _measured(score: Score, remarks: list[str]) -> Score:
    """Return the score with a metre and a tempo, without the remarks of the player it was for."""
    score = replace(score, texts=tuple(text for text in score.texts if not is_remark(text)))
    if not score.metres:
        remarks.append("the source has no metre: counted in 4/4")
        score = replace(score, metres=(Metre(0, 4, 4),))
    if not score.tempi:
        score = replace(score, tempi=(Tempo(0, DEFAULT_QPM),))
    count = _count_bars(score)
    if count > _MOST_BARS:
        raise UsageError(f"{count:,} bars", expected=f"at most {_MOST_BARS:,}")
    return score


def _count_bars(score: Score) -> int:
    """Return how many bars a score with a metre has, without a list of them: a file can claim hundreds of millions."""
    ends = [*(metre.tick for metre in score.metres[1:]), score.end]
    return sum(
        -(-(end - metre.tick) // bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter))
        for metre, end in zip(score.metres, ends, strict=True)
        if end > metre.tick
    )


def _placed(
    score: Score,
    name: str,
    style: Style,
    instrument: Instrument,
    tuning: Tuning | None,
    *,
    adapt: bool,
    remarks: list[str],
) -> tuple[Score, Tuning, bool]:
    """Return the score as the instrument plays it, the tuning, and whether it can."""
    tunings: Sequence[Tuning] | None = None if tuning is None else (tuning,)
    setting = choose_setting(score, instrument, detect_mode(score).gong, semitones=(0,), tunings=tunings)
    fingering = finger(score, instrument, setting.tuning)
    if fingering.playable:
        return score, setting.tuning, True
    first, faulty = fingering.problems[0], {note for problem in fingering.problems for note in problem.notes}
    if not adapt and len(faulty) <= _MOST_FAULTS * len(score):
        remarks.append(
            f"{len(faulty)} notes of the source cannot be played as they stand (bar {first.bar}: {first.rule})"
        )
        return score, setting.tuning, False
    if not adapt or not instrument.hands.everyday:
        raise PlayabilityError(
            f"{one_line(name)} cannot be played as it stands: bar {first.bar}: {first.rule}",
            remedy=f"make it playable first: symgen arrange {one_line(name)} --style {style.name}",
        )
    options: dict[str, Any] = {} if tuning is None else {"tuning": tuning.name}
    arranged = arrange_score(score, ArrangeRequest(source=Path(name), style=style.name, raw=True, **options))
    moved = f", transposed by {arranged.transposed:+d} semitones" if arranged.transposed else ""
    remarks.append(f"the source was arranged for the {instrument.name}{moved}, {arranged.kept:.0%} of its notes kept")
    return arranged.score, get_tuning(instrument, arranged.tuning), True
