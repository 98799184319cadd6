"""Checks of what symgen promises that share no code with what composes; for :mod:`guarantees`.

Metres, finals, bars, motifs, sections, kept rhythms and contours are spelt out here anew. Of symgen are the reader of
MIDI files and the detector of modes; the hands are judged by the referee of tests/instruments.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import symgen
from tests.instruments import checker
from tests.instruments.claims import played_notes, sounding_notes, written_notes

QUARTER = 480
FINALS = {"gong": 0, "shang": 2, "jue": 4, "zhi": 7, "yu": 9}
DEGREES = {"1": 0, "2": 2, "3": 4, "5": 7, "6": 9, "4": 5, "7": 11}
PITCHES = {name: pitch for pitch, name in enumerate(("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"))}
METRES = ("1/4", "2/4", "3/4", "4/4", "5/4", "6/4", "3/8", "5/8", "6/8", "7/8", "9/8", "2/2")
PENTATONIC = (0, 2, 4, 7, 9)
RINGING = 480
"""Ticks by which a file may end after its last bar: the last string rings on."""


def ticks_of(metre: str) -> int:
    """Return the ticks of a bar."""
    above, below = map(int, metre.split("/"))
    return 4 * QUARTER * above // below


def bar_lines(score: Any) -> list[int]:
    """Return the tick of each bar line of a score at 480 ticks a quarter, and of the end of its last bar."""
    metres = [(m.tick, 4 * QUARTER * m.numerator // m.denominator) for m in score.metres] or [(0, 4 * QUARTER)]
    end = max(score.end, int((score.notes["onset"] + 1).max()))
    lines, tick = [0], 0
    while tick < end:
        bar = [length for start, length in metres if start <= tick][-1]
        following = [start for start, _ in metres if tick < start < tick + bar]
        tick = following[0] if following else tick + bar
        lines.append(tick)
    return lines


def rows(score: Any, *names: str) -> list[tuple[int, ...]]:
    """Return columns of the notes of a score in order."""
    return sorted(zip(*(score.notes[name].tolist() for name in names), strict=True))


class File:
    """A MIDI file as `mido` and as symgen's reader find it."""

    def __init__(self, path: Path) -> None:
        import mido

        file = mido.MidiFile(path)
        self.score = symgen.read(path)
        self.seconds = float(file.length)
        self._tempi = sorted(_tempi(file))
        self.end = max(sum(message.time for message in track) for track in file.tracks)
        self.quarter = file.ticks_per_beat
        metas = [message for track in file.tracks for message in track if message.is_meta]
        self.metres = [f"{m.numerator}/{m.denominator}" for m in metas if m.type == "time_signature"]
        self.marks: list[tuple[int, str]] = []
        for track in file.tracks:
            tick = 0
            for message in track:
                tick += message.time
                if message.type == "marker":
                    self.marks.append((tick, message.text))

    def seconds_to(self, end: int) -> float:
        """Return how long the file lasts up to a tick."""
        lasts, before, speed = 0.0, 0, 500000
        for tick, tempo in [*self._tempi, (end, 0)]:
            lasts += max(0, min(tick, end) - before) * speed / 1e6 / self.quarter
            before, speed = min(tick, end), tempo
        return lasts


def _tempi(file: Any) -> Iterator[tuple[int, int]]:
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                yield tick, message.tempo


class Findings:
    """What was checked, and what of it does not hold."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.broken: list[str] = []

    def hold(self, name: str, kept: bool, found: object = "") -> None:
        """Note a check."""
        self.checked.append(name)
        if not kept:
            self.broken.append(f"{name}: {found}"[:300])


def check_key(found: Findings, score: Any, gong: int | None, mode: str | None) -> tuple[int, str]:
    """Check gong and mode as a listener finds them."""
    estimate = symgen.detect_mode(score)
    if gong is not None:
        found.hold("gong", estimate.gong == gong, f"{estimate.gong} not {gong}")
    if mode is not None:
        found.hold("mode", estimate.mode == mode, f"{estimate.mode} not {mode}")
    return estimate.gong, estimate.mode


def check_length(found: Findings, file: File, metre: str, bars: int | None, *, told: bool = True) -> None:
    """Check metre and bars; `told` unless the file is written over one 4/4."""
    if told:
        found.hold("metre", file.metres == [metre], f"{file.metres} not {metre}")
    if bars is not None:
        bar = ticks_of(metre)
        last = int(file.score.notes["onset"].max())
        number = (last + QUARTER // 4) // bar + 1
        whole = bars * bar if told else -(-bars * bar // (4 * QUARTER)) * 4 * QUARTER  # up to a bar line of 4/4
        kept = number == bars and file.end <= whole + RINGING
        found.hold("bars", kept, f"last note in bar {number}, end {file.end / bar:.2f}, not {bars} bars")


def check_seconds(found: Findings, seconds: float, asked: float, bars: int) -> None:
    """Check a length in seconds, within one bar."""
    found.hold("seconds", abs(seconds - asked) <= max(seconds, asked) / max(1, bars), f"{seconds:.2f} not {asked:g}")


def check_close(found: Findings, score: Any, gong: int, mode: str) -> None:
    """Check that the final alone is struck last."""
    last = score.notes["pitch"][score.notes["onset"] == score.notes["onset"].max()]
    classes = sorted({int(pitch) % 12 for pitch in last})
    found.hold("cadence", classes == [(gong + FINALS[mode]) % 12], f"{classes} for {mode} on {gong}")


def check_hands(found: Findings, take: Any, file: File) -> None:
    """Check range and hands by the referee, and that the file holds what the referee has seen."""
    # A slide beyond the pitch wheel is struck where it begins and again where it ends, and two strings on one pitch are
    # one note on a channel: all else that is played stands in the file, and nothing else does.
    notes, written = take.performance.notes, set(rows(file.score, "onset", "pitch"))
    slides = [(note.onset, note.onset + note.duration) for note in notes if note.bends]
    less = {(note.onset, note.pitch) for note in notes if not note.bends} - written
    more = written - {(note.onset, note.pitch) for note in notes}
    more = {row for row in more if not any(start <= row[0] <= end for start, end in slides)}
    found.hold("file as played", not less and not more, f"lacks {sorted(less)[:3]}, has {sorted(more)[:3]}")
    instrument, tuning = take.performance.instrument, take.tuning
    faults = checker.hand_faults(instrument, tuning, written_notes(take))
    faults += checker.sounding_faults(instrument, tuning, sounding_notes(take))
    faults += checker.played_faults(instrument, tuning, *played_notes(take))
    found.hold("playable", not faults, "; ".join(faults[:2]))
    low, high = {"guqin": (34, 98), "guzheng": (37, 101), "voice": (53, 84)}[instrument]
    pitches = file.score.notes["pitch"]
    found.hold("range", low <= int(pitches.min()) <= int(pitches.max()) <= high, f"{pitches.min()} {pitches.max()}")


def check_motif(
    found: Findings, score: Any, motif: Sequence[tuple[str, int]], gong: int, bar: int, *, first: bool
) -> None:
    """Check that a piece begins with a motif, (degree with octave marks, quarters) a note, or a later bar does."""
    tops: dict[int, int] = {}
    for onset, pitch in rows(score, "onset", "pitch"):
        tops[onset] = pitch
    want, tick = [], 0
    for sign, quarters in motif:
        want.append((tick, DEGREES[sign[0]] + 12 * (sign.count("'") - sign.count(","))))
        tick += QUARTER * quarters
    starts = [0] if first else range(0, int(score.end), bar)
    for start in starts:
        have = [(onset - start, pitch) for onset, pitch in sorted(tops.items()) if start <= onset < start + tick]
        if [onset for onset, _ in have] != [onset for onset, _ in want]:
            continue
        shifts = {pitch - degree for (_, pitch), (_, degree) in zip(have, want, strict=True)}
        if len(shifts) == 1 and (shifts.pop() - gong) % 12 == 0:
            found.hold("motif", kept=True)
            return
    found.hold("motif", kept=False, found=f"{want} not in {sorted(tops.items())[:12]}")


def check_sections(
    found: Findings, file: File, score: Any, plan: Sequence[tuple[str, int, int]], gong: int, bar: int
) -> None:
    """Check an own plan, (letter, bars, fifths up) a section: marks, returns, and gong where it modulates."""
    starts = list(itertools.accumulate((bars for _, bars, _ in plan), initial=0))
    marks = {tick for tick, text in file.marks if not text.startswith("FAN")}
    found.hold("section marks", {start * bar for start in starts[:-1]} == marks, f"{sorted(marks)} {starts}")
    themes: dict[tuple[str, int, int], list[tuple[int, ...]]] = {}
    for (letter, bars, fifths), start in zip(plan, starts, strict=False):
        begin, end = start * bar, (start + bars) * bar
        if fifths:
            inside = (score.notes["onset"] >= begin) & (score.notes["onset"] < end)
            heard = symgen.detect_mode(symgen.Score(score.notes[inside], ticks_per_quarter=QUARTER)).gong
            found.hold("gong of a section", heard == (gong + 7 * fifths) % 12, f"{heard}, {fifths} fifths from {gong}")
        body = [(o - begin, p) for o, p in rows(score, "onset", "pitch") if begin <= o < end - bar]
        if "'" not in letter and (letter, bars, fifths) in themes:
            found.hold("theme returns", themes[letter, bars, fifths] == body, f"{letter} in bar {start + 1}")
        themes.setdefault((letter, bars, fifths), body)


def outside(score: Any, begin: int, end: int, *, damped: bool) -> list[tuple[int, ...]]:
    """Return the notes that begin outside of a stretch, to the tick.

    Where they are `damped`, what rings into the stretch counts up to its beginning: its string is struck again there.
    """
    found = [row for row in rows(score, "onset", "pitch", "duration", "velocity") if not begin <= row[0] < end]
    return [(o, p, min(d, begin - o) if damped and o < begin else d, v) for o, p, d, v in found]


def check_infill(found: Findings, before: Any, after: Any, first: int, last: int, written: str) -> tuple[int, int]:
    """Check that nothing changed outside of bars `first` to `last`, and that the length stayed; return the ticks."""
    lines = bar_lines(before)
    begin, end = lines[first - 1], lines[last]
    damped = written == "file"
    same = outside(before, begin, end, damped=damped) == outside(after, begin, end, damped=damped)
    found.hold(f"outside of an infill ({written})", same, f"{first}-{last}")
    count = len(bar_lines(after)) - 1
    found.hold("bars", count == len(lines) - 1, f"{count} not {len(lines) - 1}")
    return begin, end


def check_played_outside(found: Findings, before: Any, after: Any, begin: int, end: int) -> None:
    """Check that the player of the source plays on as he did, a quarter and more away from what is new."""
    far = [
        [row[:2] for row in rows(one, "onset", "pitch") if not begin - QUARTER <= row[0] < end + QUARTER]
        for one in (before, after)
    ]
    found.hold("outside as played", far[0] == far[1], f"{len(far[0])} notes, {len(far[1])}")


def check_continued(found: Findings, before: Any, after: Any, cut: int, bars: int, start: int) -> None:
    """Check that a piece is the source up to bar `cut`, none of it if `start` is 0, and `bars` more."""
    end = bar_lines(before)[cut]
    if start:
        parts = [
            [
                (o, p, min(d, end - o), v)
                for o, p, d, v in rows(one, "onset", "pitch", "duration", "velocity")
                if o < end
            ]
            for one in (before, after)
        ]
        found.hold("source stays", parts[0] == parts[1], f"{len(parts[0])} notes, {len(parts[1])}")
    count = len(bar_lines(after)) - 1
    found.hold("bars", count == bars + (cut if start else 0), f"{count} not {bars} after {cut}")


def contents(score: Any, lines: Sequence[int]) -> list[list[tuple[int, ...]]]:
    """Return what begins in each bar, as far as it sounds there."""
    found: list[list[tuple[int, ...]]] = [[] for _ in lines[:-1]]
    bar = 0
    for onset, pitch, duration in rows(score, "onset", "pitch", "duration"):
        while bar < len(lines) - 2 and onset >= lines[bar + 1]:
            bar += 1
        found[bar].append((onset - lines[bar], min(onset + duration, lines[bar + 1]) - onset, pitch))
    return [sorted(notes) for notes in found]


def tops(score: Any) -> list[int]:
    """Return the highest pitch of every stroke that is no grace note."""
    from symgen.score import Technique

    highest: dict[int, int] = {}
    for note in score.notes[score.notes["technique"] != Technique.GRACE]:
        onset = int(note["onset"])
        highest[onset] = max(highest.get(onset, 0), int(note["pitch"]))
    return [highest[onset] for onset in sorted(highest)]


def moves(line: Sequence[int]) -> list[int]:
    """Return -1, 0 or 1 for each step of a line."""
    return [(later > earlier) - (later < earlier) for earlier, later in itertools.pairwise(line)]


def check_varied(
    found: Findings,
    before: Any,
    after: Any,
    keep: Iterable[str],
    amount: float | None,
    written: str,
    *,
    moved: bool,
    other_mode: bool,
) -> None:
    """Check what was kept, and that no more bars changed than were asked for."""
    keep, lines = set(keep), bar_lines(before)
    if "rhythm" in keep:
        columns = ("onset", "duration", "velocity", *(["voice"] if written == "score" else []))
        found.hold("rhythm kept", rows(before, *columns) == rows(after, *columns))
    if "pitch" in keep:
        line = [[pitch for _, pitch in rows(one, "onset", "pitch")] for one in (before, after)]
        found.hold("pitch kept", line[0] == line[1])
    if "contour" in keep:
        found.hold("contour kept", moves(tops(before)) == moves(tops(after)), f"{tops(before)} {tops(after)}")
    old, new = contents(before, lines), contents(after, lines)
    last = max(number for number, bar in enumerate(old) if bar)
    same = defaultdict(list)
    inside: list[list[tuple[int, ...]]] = [[] for _ in old]  # how long notes are and how they are played counts too
    for onset, *others in rows(before, "onset", "duration", "pitch", "technique", "voice"):
        number = sum(line <= onset for line in lines[1:-1])
        inside[number].append((onset - lines[number], *others))
    for number, bar in enumerate(inside):
        if bar and number != last:
            same[str((lines[number + 1] - lines[number], sorted(bar)))].append(number)
    unlike = [numbers for numbers in same.values() if len({str(new[number]) for number in numbers}) > 1]
    found.hold("equal bars alike", not unlike, unlike[:1])
    if amount is not None and not moved:
        changed = sum(one != other for one, other in zip(old, new, strict=True))
        most = max([len(numbers) for numbers in same.values()], default=1)
        bound = 0 if amount == 0 else max(1, round(amount * len(old))) + most + other_mode
        found.hold("amount", changed <= bound, f"{changed} of {len(old)} bars, {amount} asked for")


def check_accompanied(found: Findings, before: Any, after: Any, gong: int, written: str) -> None:
    """Check that the melody stayed, and that what was added lies below it, in the mode, without a clash."""
    columns = ("onset", "pitch", "duration", "velocity")
    melody, both = Counter(rows(before, *columns)), Counter(rows(after, *columns))
    found.hold(f"melody stays ({written})", not melody - both, list(melody - both)[:2])
    added = sorted((both - melody).elements())
    found.hold("something added", bool(added))
    foreign = [row for row in added if (row[1] - gong) % 12 not in PENTATONIC]
    found.hold("added in the mode", not foreign, foreign[:2])
    over = []
    for onset, pitch, _, _ in added:
        sounding = [p for o, p, d, _ in melody if o <= onset < o + d]
        if sounding and pitch >= max(sounding):
            over.append((onset, pitch))
    found.hold("added below", not over, over[:2])
    struck = defaultdict(list)
    for onset, pitch, _, _ in melody:
        struck[onset].append(pitch)
    first = set(bar_lines(before))
    clash = [(o, p) for o, p, _, _ in added if o in first and any(abs(p - other) in (1, 2) for other in struck[o])]
    found.hold("no second on the first beat", not clash, clash[:2])


def lacking(instrument: str, tuning: str, gong: int) -> bool:
    """Tell whether a tuning has no open string for some tone of a gong."""
    names = {"guqin": checker.GUQIN_TUNINGS, "guzheng": checker.GUZHENG_TUNINGS}.get(instrument, {}).get(tuning, "")
    classes = {checker.midi_number(name if name[-1].isdigit() else f"{name}0") % 12 for name in names.split()}
    return any((gong + tone) % 12 not in classes for tone in PENTATONIC)


def places(instrument: str, tuning: str, pitch: int) -> list[tuple[int, float, str]]:
    """Return where a pitch can be had by the referee's rules: string, position, kind."""
    note_faults, found = checker.RULES[instrument][0], []
    strings: Mapping[int, int]
    strings = checker.guqin_strings(tuning) if instrument == "guqin" else checker.guzheng_strings(tuning)
    for string, opened in strings.items():
        options: list[tuple[float, str]] = [(0, "OPEN"), (pitch - opened, "STOPPED")]
        if instrument == "guqin":
            options = [(0, "OPEN"), *((hui, "HARMONIC") for hui in checker.HARMONIC_PARTIALS)]
            options += [(hui / 100, "STOPPED") for hui in range(200, 1391)]
        found += [(string, at, kind) for at, kind in options if not note_faults(tuning, pitch, string, at, kind)][:40]
    return found


def unplayable(instrument: str, tuning: str, score: Any) -> bool:
    """Tell whether a note or a stroke of a score has no place by the referee's rules, or the hand is in a hurry."""
    strokes = defaultdict(set)
    for onset, pitch in rows(score, "onset", "pitch"):
        strokes[onset].add(pitch)
    if instrument == "voice":
        return any(len(p) > 1 or not 53 <= min(p) <= max(p) <= 84 for p in strokes.values())
    if any(not places(instrument, tuning, pitch) for pitch in set().union(*strokes.values())):
        return True
    if instrument == "guqin" and any(len(pitches) > 2 for pitches in strokes.values()):
        return True
    stroke_faults = checker.RULES[instrument][1]
    for pitches in {frozenset(p) for p in strokes.values() if len(p) > 1}:
        ways = itertools.product(
            *(places(instrument, tuning, pitch)[:: 3 if instrument == "guqin" else 1] for pitch in pitches)
        )
        if all(stroke_faults(list(way)) for way in itertools.islice(ways, 200000)):
            return True
    onsets = sorted(strokes)
    return any(later - earlier <= 120 for earlier, later in itertools.pairwise(onsets))
