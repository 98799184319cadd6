"""From the parsed music of a tune to a Score: play out repeats, set lengths in ticks, join ties, seat grace notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm

from symgen.errors import ReadError
from symgen.readers._abc_fields import KeyField
from symgen.readers._abc_items import Bar, Change, Item, Overlay, Sound
from symgen.readers._abc_music import Music
from symgen.score import DEFAULT_VELOCITY, Key, Metre, Score, Section, Technique, Tempo, Text, make_notes
from symgen.units import TICKS_PER_QUARTER

MAX_QUARTERS = 2**17
"""Longest tune read, in quarter notes."""

_MAX_TIME_BASE = 65535
_GRACES_PER_QUARTER = 8  # a grace note takes a 32nd at most
_Row = tuple[int, int, int, int, int, int]


def unfolded(items: list[Item], state: dict[str, Change]) -> list[Item]:
    """Return the items in the order in which they sound, repeats and endings played out.

    A repeat goes back to its ``|:``, or else to the end of the last repeat. A part with numbered endings
    is played as often as they say.

    Parameters
    ----------
    items : list of Item
        A voice as it is written.
    state : dict of str to Change
        Key, metre and tempo of the header, which hold again where a repeat goes back to them.
    """
    played: list[Item] = []
    state = dict(state)
    state_at_start = dict(state)
    position = start = 0
    passing = 1
    ending: frozenset[int] = frozenset()
    seen: frozenset[int] = frozenset()  # endings of the repeat so far
    while position < len(items):
        item = items[position]
        position += 1
        played.append(item)
        if isinstance(item, Change) and item.kind in state:
            state[item.kind] = item
        if not isinstance(item, Bar):
            continue
        seen |= item.endings
        if ending:
            again = item.passes > 1 and passing + 1 in seen | _endings_next_to(items, position)
        else:
            again = passing < item.passes
        if again:
            passing += 1
            position, ending = start, frozenset()
            played += [change for kind, change in state_at_start.items() if state[kind] != change]
            state = dict(state_at_start)
            continue
        if item.begins_repeat or (item.passes > 1 and not item.endings) or (ending and item.closes):
            start, passing, ending = position, 1, frozenset()
            state_at_start = dict(state)
            seen = item.endings
        if item.endings:
            ending = item.endings
            if passing not in item.endings:
                position = _next_ending(items, position, passing)
                ending = frozenset({passing})
    return played


def _endings_next_to(items: list[Item], position: int) -> frozenset[int]:
    """Return the endings that a bar line at `position` opens, as in ``:| [2``."""
    item = items[position] if position < len(items) else None
    return item.endings if isinstance(item, Bar) else frozenset()


def _next_ending(items: list[Item], position: int, number: int) -> int:
    """Return the position behind the bar line that opens the ending for pass `number`, or behind all endings."""
    for index in range(position, len(items)):
        item = items[index]
        if isinstance(item, Bar):
            if number in item.endings:
                return index + 1
            if item.begins_repeat or item.closes:
                return index
    return len(items)


def to_score(music: Music, title: str, name: str, lost: Counter[str], mended: Counter[str]) -> Score:
    """Return the Score of a parsed tune.

    Raises
    ------
    ReadError
        If the tune lasts longer than ``MAX_QUARTERS``.
    """
    header = {"K": Change("K", music.key), "M": Change("M", music.metre), "Q": Change("Q", music.qpm)}
    parts = [unfolded(voice.items, header) for voice in music.voices.values()]
    ticks_per_quarter = _time_base(parts, mended)
    layouts = [_Layout(ticks_per_quarter, index, name, lost, mended) for index in range(len(parts))]
    for layout, items in zip(layouts, parts, strict=True):
        layout.run(items)
    sounding = [layout.voice for layout in layouts if layout.rows]
    number = {voice: index for index, voice in enumerate(sounding)}
    rows = [(*row[:4], number[row[4]], row[5]) for layout in layouts for row in layout.rows]
    end = max((max(layout.tick, row[0] + row[1]) for layout in layouts for row in layout.rows), default=0)
    changes = [change for layout in layouts for change in layout.changes]
    metres = _metres(music, changes, mended)
    bars = layouts[0].bars if layouts else []
    return Score(
        notes=make_notes(rows),
        ticks_per_quarter=ticks_per_quarter,
        tempi=_tempi(music, changes, mended),
        metres=_with_pickup(metres, bars, ticks_per_quarter, mended),
        keys=_keys(music, changes),
        sections=tuple(Section(tick, str(change.value)) for tick, change in _of_kind(changes, "P")),
        texts=tuple(Text(0, subtitle) for subtitle in music.subtitles),
        title=title,
        end=end,
    )


def _time_base(parts: Iterable[list[Item]], mended: Counter[str]) -> int:
    """Return the smallest multiple of 480 that holds every length in whole ticks, or 480 if none in range does."""
    base = TICKS_PER_QUARTER
    lengths = set()
    for item in (item for items in parts for item in items if isinstance(item, Sound)):
        lengths.add(item.length)
        lengths.update(item.length * pitch.share for pitch in item.pitches if pitch.share != 1)
    for length in lengths:
        base = lcm(base, (length * 4 * TICKS_PER_QUARTER).denominator * TICKS_PER_QUARTER)
        if base > _MAX_TIME_BASE:
            mended["rounded-length"] += 1
            return TICKS_PER_QUARTER
    return base


@dataclass(slots=True)
class _Layout:
    """One voice on its way into ticks."""

    ticks_per_quarter: int
    voice: int
    name: str
    lost: Counter[str]
    mended: Counter[str]
    tick: int = 0
    rows: list[_Row] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    changes: list[tuple[int, Change]] = field(default_factory=list)
    open_ties: dict[int, int] = field(default_factory=dict)  # pitch -> index in rows
    bar_start: int = 0
    bar_end: int = 0

    def run(self, items: list[Item]) -> None:
        """Lay the items out one after another."""
        for item in items:
            if isinstance(item, Sound):
                self._sound(item)
            elif isinstance(item, Bar):
                self.tick = max(self.tick, self.bar_end)
                self.bar_start = self.bar_end = self.tick
                self.bars.append(self.tick)
            elif isinstance(item, Overlay):
                self.bar_end = max(self.bar_end, self.tick)
                self.tick = self.bar_start
                self._drop_ties()
            else:
                self.changes.append((self.tick, item))
            if self.tick > MAX_QUARTERS * self.ticks_per_quarter:
                found = f"{self.name} lasts over {MAX_QUARTERS:,} quarter notes (MAX_QUARTERS)"
                raise ReadError(found, expected="a shorter tune", code="too-long")
        self.tick = max(self.tick, self.bar_end)
        self._drop_ties()

    def _sound(self, sound: Sound) -> None:
        length = self._ticks(sound.length)
        held = {pitch.number for pitch in sound.pitches if pitch.number in self.open_ties}
        delay = self._graces(sound, length, attacked=len(held) < len(sound.pitches))
        still_open: dict[int, int] = {}
        for pitch in sound.pitches:
            ticks = length if pitch.share == 1 else self._ticks(sound.length * pitch.share)
            index = self.open_ties.pop(pitch.number, -1)
            if index >= 0:
                onset, duration, *rest = self.rows[index]
                self.rows[index] = (onset, duration + ticks, *rest)  # type: ignore[assignment]
            else:
                index = len(self.rows)
                onset, duration = self.tick + delay, max(1, ticks - delay)
                self.rows.append((onset, duration, pitch.number, DEFAULT_VELOCITY, self.voice, sound.technique))
            if pitch.tied:
                still_open[pitch.number] = index
        self._drop_ties()
        self.open_ties = still_open
        self.tick += length

    def _graces(self, sound: Sound, length: int, *, attacked: bool) -> int:
        """Set the grace notes at the sound's onset; return by how much they delay it."""
        count = len(sound.graces)
        if not count:
            return 0
        each = min(self.ticks_per_quarter // _GRACES_PER_QUARTER, length // (2 * count))
        if not attacked or not each:
            self.lost["grace"] += count
            return 0
        for index, number in enumerate(sound.graces):
            onset = self.tick + index * each
            self.rows.append((onset, each, number, DEFAULT_VELOCITY, self.voice, Technique.GRACE))
        return count * each

    def _drop_ties(self) -> None:
        self.mended["open-tie"] += len(self.open_ties)
        self.open_ties = {}

    def _ticks(self, length: Fraction) -> int:
        numerator, denominator = 4 * self.ticks_per_quarter * length.numerator, length.denominator
        return max(1, (2 * numerator + denominator) // (2 * denominator))


def _of_kind(changes: list[tuple[int, Change]], kind: str) -> list[tuple[int, Change]]:
    """Return the changes of one kind in order of time; at one tick the first voice's stands, the same twice once."""
    found: dict[tuple[int, str], tuple[int, Change]] = {}
    for tick, change in changes:
        if change.kind == kind:
            found.setdefault((tick, str(change.value) if kind == "P" else ""), (tick, change))
    return sorted(found.values(), key=lambda event: event[0])


def _tempi(music: Music, changes: list[tuple[int, Change]], mended: Counter[str]) -> tuple[Tempo, ...]:
    values = {0: music.qpm} if music.qpm is not None else {}
    values |= {tick: change.value for tick, change in _of_kind(changes, "Q") if isinstance(change.value, float)}
    if values and 0 not in values:
        mended["assumed-tempo"] += 1
        values[0] = values[min(values)]
    return tuple(Tempo(tick, values[tick]) for tick in sorted(values))


def _metres(music: Music, changes: list[tuple[int, Change]], mended: Counter[str]) -> tuple[Metre, ...]:
    values: dict[int, tuple[int, int]] = {0: music.metre} if music.metre is not None else {}
    for tick, change in _of_kind(changes, "M"):
        if isinstance(change.value, tuple):
            values[tick] = change.value
        else:
            mended["free-metre-inside"] += 1
    if values and 0 not in values:
        mended["assumed-metre"] += 1
        values[0] = values[min(values)]
    return tuple(Metre(tick, *values[tick]) for tick in sorted(values))


def _with_pickup(
    metres: tuple[Metre, ...], bars: list[int], ticks_per_quarter: int, mended: Counter[str]
) -> tuple[Metre, ...]:
    """Give a first bar that is shorter than its metre a metre of its own, so that later bar lines fall right."""
    first = next((tick for tick in bars if tick), 0)
    if not metres or not first or (len(metres) > 1 and metres[1].tick <= first):
        return metres
    length = Fraction(first, 4 * ticks_per_quarter)
    full = Fraction(metres[0].numerator, metres[0].denominator)
    denominator = max(length.denominator, metres[0].denominator)
    # Only powers of two divide a whole note in a metre; a tuplet that is cut short gives others.
    if length >= full or denominator > 64 or denominator % length.denominator or denominator & (denominator - 1):
        return metres
    mended["pickup-bar"] += 1
    pickup = Metre(0, int(length * denominator), denominator)
    return (pickup, replace(metres[0], tick=first), *metres[1:])


def _keys(music: Music, changes: list[tuple[int, Change]]) -> tuple[Key, ...]:
    values = {0: music.key}
    for tick, change in _of_kind(changes, "K"):
        if isinstance(change.value, KeyField):
            values[tick] = change.value
    return tuple(Key(tick, key.gong, key.mode) for tick, key in sorted(values.items()) if key.gong is not None)
