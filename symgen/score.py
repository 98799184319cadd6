"""Score: music as it is written.

A :class:`Score` is immutable. Time is integer ticks; notes are one structured numpy array in order
of onset. Invariants are checked once, at construction, so that all later rooms can trust them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ScoreError
from symgen.notes import DEFAULT_VELOCITY, MAX_TICKS, NOTE_DTYPE, NoteArray, Technique, checked_notes, make_notes
from symgen.units import TICKS_PER_QUARTER, bar_ticks, rescale, ticks_to_seconds

__all__ = [
    "DEFAULT_VELOCITY",
    "MAX_TICKS",
    "NOTE_DTYPE",
    "Key",
    "Metre",
    "NoteArray",
    "Score",
    "Section",
    "Technique",
    "Tempo",
    "Text",
    "make_notes",
    "rescaled",
]


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo from `tick` on, in quarter notes per minute."""

    tick: int
    qpm: float


@dataclass(frozen=True, slots=True)
class Metre:
    """A metre (time signature) from `tick` on."""

    tick: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class Key:
    """A gong system from `tick` on: `gong` is the pitch class of degree 1, `mode` the mode's name if known."""

    tick: int
    gong: int
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A named section that begins at `tick`."""

    tick: int
    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text at `tick`; `kind` is "text", "lyric", "copyright", "track" or "phrase"."""

    tick: int
    text: str
    kind: str = "text"


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music as it is written.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE, shape (n,)
        Sorted here by onset, then voice, then pitch; made read-only.
    ticks_per_quarter : int
        Time base, 1..65535.
    tempi : tuple of Tempo
        Empty means unknown. The first stands at tick 0.
    metres : tuple of Metre
        Empty means unknown or free. The first stands at tick 0; each stands on a bar line.
    keys : tuple of Key
        Gong systems the source declares; empty means not declared.
    sections, texts : tuple
        Section marks and texts, each in order of time.
    title : str
        Title, "" if unknown.
    end : int
        Length in ticks; at least the end of the last note. 0 means the end of the last note.

    Raises
    ------
    ScoreError
        Naming the field, the value found and the range expected.
    """

    notes: NoteArray
    ticks_per_quarter: int = TICKS_PER_QUARTER
    tempi: tuple[Tempo, ...] = ()
    metres: tuple[Metre, ...] = ()
    keys: tuple[Key, ...] = ()
    sections: tuple[Section, ...] = ()
    texts: tuple[Text, ...] = ()
    title: str = ""
    end: int = field(default=0)

    def __post_init__(self) -> None:
        notes = checked_notes(self.notes)
        object.__setattr__(self, "notes", notes)
        _check_range("ticks_per_quarter", self.ticks_per_quarter, 1, 65535)
        if self.end == 0:
            object.__setattr__(self, "end", self._sounding_end())
        self._check_maps()

    @classmethod
    def of_sorted(cls, notes: NoteArray, **fields: Any) -> Score:
        """Return a score of notes that are known to be in range and in order, without looking at them again.

        For readers of thousands of files, whose own kernels have sorted and bounded the notes.

        Parameters
        ----------
        notes : ndarray of NOTE_DTYPE, shape (n,)
            Sorted as a Score sorts them; made read-only.
        fields
            All other fields; those that are left out are as in the constructor, but `end` has to be given.
        """
        notes.flags.writeable = False
        return cls._put_together(_DEFAULTS | fields | {"notes": notes})

    def with_maps(self, **fields: Any) -> Score:
        """Return the score with other maps, title or end; the notes, which stay, are not looked at again.

        Raises
        ------
        ScoreError
            As the constructor.
        """
        return self._put_together(self.__dict__ | fields)

    @classmethod
    def _put_together(cls, fields: dict[str, Any]) -> Score:
        score = object.__new__(cls)
        score.__dict__.update(fields)
        score._check_maps()
        return score

    def _sounding_end(self) -> int:
        return int((self.notes["onset"] + self.notes["duration"]).max()) if len(self.notes) else 0

    def _check_maps(self) -> None:
        _check_range("end", self.end, self._sounding_end(), MAX_TICKS)
        _check_map("tempi", self.tempi, from_zero=True)
        _check_map("metres", self.metres, from_zero=True)
        for name in ("keys", "sections", "texts"):
            _check_map(name, getattr(self, name), from_zero=False)
        for tempo in self.tempi:
            _check_range("tempi.qpm", tempo.qpm, 1.0, 2000.0)
        for metre in self.metres:
            _check_metre(metre.numerator, metre.denominator, self.ticks_per_quarter)
        for key in self.keys:
            _check_range("keys.gong", key.gong, 0, 11)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return bool(np.array_equal(self.notes, other.notes)) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((self.notes.tobytes(), self._facts()))

    def __len__(self) -> int:
        return len(self.notes)

    def __repr__(self) -> str:
        return f"Score(title={self.title!r}, notes={len(self)}, end={self.end}, tpq={self.ticks_per_quarter})"

    def _facts(self) -> tuple[object, ...]:
        return (
            self.ticks_per_quarter,
            self.tempi,
            self.metres,
            self.keys,
            self.sections,
            self.texts,
            self.title,
            self.end,
        )

    @property
    def seconds(self) -> float:
        """Length in seconds; an unknown tempo counts as 60 qpm."""
        tempi = [(t.tick, t.qpm) for t in self.tempi] or [(0, 60.0)]
        return float(ticks_to_seconds(self.end, tempi, self.ticks_per_quarter))

    def transpose(self, semitones: int) -> Score:
        """Return the score moved by `semitones`, its declared keys with it.

        Raises
        ------
        ScoreError
            If a note would leave 0..127.
        """
        notes = self.notes.copy()
        notes["pitch"] += semitones
        keys = tuple(replace(key, gong=(key.gong + semitones) % 12) for key in self.keys)
        return replace(self, notes=notes, keys=keys)

    def resampled(self, ticks_per_quarter: int = TICKS_PER_QUARTER) -> Score:
        """Return the score in another time base; onsets and note ends are rounded to the nearest tick.

        A note keeps at least one tick. Events that round onto the same tick keep the later value.
        """
        if ticks_per_quarter == self.ticks_per_quarter:
            return self

        old, new = self.ticks_per_quarter, ticks_per_quarter
        notes = self.notes.copy()
        ends = rescale(notes["onset"] + notes["duration"], old, new)
        notes["onset"] = rescale(notes["onset"], old, new)
        notes["duration"] = np.maximum(1, ends - notes["onset"])
        end = rescale(self.end, old, new)
        if len(notes):
            end = max(end, int((notes["onset"] + notes["duration"]).max()))
        return replace(
            self,
            notes=notes,
            ticks_per_quarter=ticks_per_quarter,
            tempi=rescaled(self.tempi, old, new),
            metres=rescaled(self.metres, old, new),
            keys=rescaled(self.keys, old, new),
            sections=tuple(replace(e, tick=rescale(e.tick, old, new)) for e in self.sections),
            texts=tuple(replace(e, tick=rescale(e.tick, old, new)) for e in self.texts),
            end=end,
        )

    def bar_starts(self) -> NDArray[np.int64]:
        """Return the tick of each bar line from 0 up to, not including, `end`.

        Returns
        -------
        ndarray of int64, shape (bars,)
            Empty if the metre is unknown. A metre change always begins a bar.
        """
        starts: list[NDArray[np.int64]] = []
        for index, metre in enumerate(self.metres):
            stop = self.metres[index + 1].tick if index + 1 < len(self.metres) else self.end
            length = bar_ticks(metre.numerator, metre.denominator, self.ticks_per_quarter)
            starts.append(np.arange(metre.tick, stop, length, dtype=np.int64))
        return np.concatenate(starts) if starts else np.zeros(0, dtype=np.int64)


def rescaled(events: tuple[Any, ...], old: int, new: int) -> tuple[Any, ...]:
    """Return a map of tempi, metres or keys in another time base; of events on one tick the last one holds."""
    if old == new:
        return events
    return tuple({tick: replace(e, tick=tick) for e in events for tick in (rescale(e.tick, old, new),)}.values())


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        raise ScoreError(f"Score.{name} is {value}", expected=f"{low} to {high}")


def _check_map(name: str, events: Sequence[Any], *, from_zero: bool) -> None:
    """Check that a map of events is in order of time and, where it holds everywhere, begins at tick 0."""
    if not events:
        return
    ticks = [event.tick for event in events]
    _check_range(f"{name}.tick", min(ticks), 0, MAX_TICKS)
    _check_range(f"{name}.tick", max(ticks), 0, MAX_TICKS)
    if from_zero and ticks[0] != 0:
        raise ScoreError(f"Score.{name}[0].tick is {ticks[0]}", expected="0: the first value holds from the start")
    for index, (earlier, later) in enumerate(pairwise(ticks)):
        if later < earlier or (from_zero and later == earlier):
            raise ScoreError(f"Score.{name}[{index + 1}].tick is {later}", expected=f"a tick after {earlier}")


@lru_cache(maxsize=512)
def _check_metre(numerator: int, denominator: int, ticks_per_quarter: int) -> None:
    _check_range("metres.numerator", numerator, 1, 255)
    if denominator not in (1, 2, 4, 8, 16, 32, 64):
        raise ScoreError(f"Score.metres.denominator is {denominator}", expected="a power of two from 1 to 64")
    try:
        bar_ticks(numerator, denominator, ticks_per_quarter)
    except ValueError as error:
        raise ScoreError(f"Score.metres: {error}", expected="a time base that divides the bar") from error


_DEFAULTS = {name: spec.default for name, spec in Score.__dataclass_fields__.items() if name != "notes"}
