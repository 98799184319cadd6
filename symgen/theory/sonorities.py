"""Sonorities: what sounds together in a pentatonic music, as a closed table.

Every subset of the five zheng tones is a row; beside them stand the unison of two strings, the octave
and the double octave, and the two bian chords that textbooks name. The kind of a row is a shape over
its root, so it names the same chord on any degree: a fifth over 4 is kind "5" with root 4 and counts
as bian. What has no shape at all goes to the nearest row, with a distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from symgen.errors import ScoreError
from symgen.theory.degrees import DEGREES, PENTATONIC


@dataclass(frozen=True, slots=True)
class SonorityRow:
    """One row of the inventory.

    Parameters
    ----------
    kind : str
        Label of the shape.
    root : int
        Root in semitones above gong.
    members : tuple of int
        Semitones above gong, from the root up.
    set_class : str
        Prime form of the set, as "027".
    name : str
        What it is called.
    bian : bool
        True if a member is no zheng tone.
    """

    kind: str
    root: int
    members: tuple[int, ...]
    set_class: str
    name: str
    bian: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bian", not set(self.members) <= set(PENTATONIC))

    @property
    def shape(self) -> tuple[int, ...]:
        """Semitones above the root, ascending from 0."""
        return tuple((member - self.root) % 12 for member in self.members)


def _row(kind: str, degrees: str, set_class: str, name: str) -> SonorityRow:
    """Return a row from jianpu names, the root first."""
    semitones = [DEGREES.index(degree) for degree in degrees.split("-")]
    root = semitones[0]
    return SonorityRow(kind, root, tuple(sorted(semitones, key=lambda s: (s - root) % 12)), set_class, name)


SONORITIES: tuple[SonorityRow, ...] = (
    _row("5", "1-5", "05", "open fifth 空五度"),
    _row("5", "5-2", "05", "open fifth 空五度"),
    _row("5", "2-6", "05", "open fifth 空五度"),
    _row("5", "6-3", "05", "open fifth 空五度"),
    _row("2", "1-2", "02", "major second"),
    _row("2", "2-3", "02", "major second"),
    _row("2", "5-6", "02", "major second"),
    _row("m3", "3-5", "03", "minor third"),
    _row("m3", "6-1", "03", "minor third"),
    _row("M3", "1-3", "04", "major third, the only one: it marks gong"),
    _row("Q3", "1-5-2", "027", "quintal triad"),
    _row("Q3", "5-2-6", "027", "quintal triad"),
    _row("Q3", "2-6-3", "027", "quintal triad"),
    _row("P025", "1-5-6", "025", "fifth with sixth"),
    _row("P025", "5-2-3", "025", "fifth with sixth"),
    _row("P035", "2-6-1", "025", "fifth with minor seventh"),
    _row("P035", "6-3-5", "025", "fifth with minor seventh"),
    _row("maj", "1-3-5", "037", "major triad, the only one"),
    _row("min", "6-1-3", "037", "minor triad, the only one"),
    _row("cl", "1-2-3", "024", "cluster of gong, shang, jue"),
    _row("Q4", "1-5-2-6", "0257", "four-tone quintal stack"),
    _row("Q4", "5-2-6-3", "0257", "four-tone quintal stack"),
    _row("6", "1-3-5-6", "0358", "major triad with sixth, minor seventh chord on yu"),
    _row("add9", "1-2-3-5", "0247", "major triad with ninth"),
    _row("madd11", "6-1-2-3", "0247", "minor triad with eleventh"),
    _row("gamut", "1-2-3-5-6", "02479", "full pentatonic 五声纵合"),
    _row("maj", "4-6-1", "037", "major triad on qingjue"),
    _row("maj", "5-7-2", "037", "major triad on zhi with biangong"),
)
"""The 26 subsets of two and more zheng tones, root first, then the two bian chords."""

ONE_TONE_KINDS: Mapping[str, int] = MappingProxyType({"none": -1, "unison": 0, "8": 12, "15": 24})
"""Kinds of one pitch class -> their span in semitones; "none" is the melody tone alone, "15" is two octaves or more."""

KINDS: tuple[str, ...] = (*ONE_TONE_KINDS, "5", "4", *dict.fromkeys(r.kind for r in SONORITIES if r.kind != "5"))
"""Every kind, in a fixed order. "4" is the fifth with its root above."""

SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    dict.fromkeys(ONE_TONE_KINDS, (0,)) | {"4": (0, 7)} | {row.kind: row.shape for row in SONORITIES}
)
"""Kind -> semitones above the root."""

_ROW_BY_MEMBERS = {frozenset(row.members): row for row in SONORITIES}
_KIND_BY_SHAPE = {row.shape: row.kind for row in SONORITIES}


@dataclass(frozen=True, slots=True)
class Sonority:
    """What a set of pitches is called in a gong system.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    root, bass : int
        Root and lowest tone as degrees, semitones above gong 0..11.
    span : int
        Whole octaves between the lowest and the highest tone.
    bian : bool
        True if the named chord holds a tone outside the five zheng tones.
    distance : int
        0 if kind and root give back the pitch classes exactly, otherwise the semitones that separate
        them from the row chosen.
    """

    kind: str
    root: int
    bass: int
    span: int
    bian: bool = False
    distance: int = 0

    @property
    def name(self) -> str:
        """Label as ``Q3(1)/5``: kind, root and, where it differs, bass in jianpu."""
        bass = "" if self.bass == self.root else f"/{DEGREES[self.bass]}"
        return f"{self.kind}({DEGREES[self.root]}){bass}"


def members_of(kind: str, root: int) -> tuple[int, ...]:
    """Return the degrees (semitones above gong, root first) of a kind on a root.

    Raises
    ------
    ScoreError
        If the kind is unknown.
    """
    if kind not in SHAPES:
        raise ScoreError(f"sonority kind {kind!r}", expected=f"one of {' '.join(KINDS)}")
    return tuple((root + semitone) % 12 for semitone in SHAPES[kind])


def name_sonority(pitches: Iterable[int], gong: int) -> Sonority:
    """Return what pitches that sound together are called in a gong system.

    Parameters
    ----------
    pitches : iterable of int
        MIDI note numbers, at least one, in any order; a pitch given twice is two strings in unison.
    gong : int
        Pitch class of gong.

    Returns
    -------
    Sonority
        The same for pitches and gong moved together by any interval.

    Raises
    ------
    ScoreError
        If there is no pitch.
    """
    ordered = sorted(int(pitch) for pitch in pitches)
    if not ordered:
        raise ScoreError("a sonority without pitches", expected="at least one")
    bass = (ordered[0] - gong) % 12
    semitones = ordered[-1] - ordered[0]
    tones = frozenset((pitch - gong) % 12 for pitch in ordered)
    if len(tones) == 1:
        kind = _one_tone_kind(len(ordered), semitones)
        return Sonority(kind, bass, bass, semitones // 12, bian=bass not in PENTATONIC)
    kind, root, distance = _chord(tones)
    bian = not set(members_of(kind, root)) <= set(PENTATONIC)
    if kind == "5" and bass != root:
        kind = "4"
    return Sonority(kind, root, bass, semitones // 12, bian, distance)


def _one_tone_kind(count: int, semitones: int) -> str:
    if count == 1:
        return "none"
    return max((span, kind) for kind, span in ONE_TONE_KINDS.items() if span <= semitones)[1]


def _chord(tones: frozenset[int]) -> tuple[str, int, int]:
    """Return (kind, root, distance) of two or more tones: the row, else the shape, else the nearest row."""
    row = _ROW_BY_MEMBERS.get(tones)
    if row is not None:
        return row.kind, row.root, 0
    for root in sorted(tones):
        kind = _KIND_BY_SHAPE.get(tuple(sorted((tone - root) % 12 for tone in tones)))
        if kind is not None:
            return kind, root, 0
    nearest = min(SONORITIES, key=lambda candidate: _distance(tones, frozenset(candidate.members)))
    return nearest.kind, nearest.root, _distance(tones, frozenset(nearest.members))


def _distance(one: frozenset[int], other: frozenset[int]) -> int:
    """Return the semitones by which each tone of either set misses the nearest tone of the other, summed."""
    return sum(min(_circle(a, b) for b in other) for a in one) + sum(min(_circle(a, b) for a in one) for b in other)


def _circle(a: int, b: int) -> int:
    return min((a - b) % 12, (b - a) % 12)
