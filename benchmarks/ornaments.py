"""How often composed pieces have each technique, beside the shares counted in recordings.

The documented shares are those of the labels of Guzheng_Tech99 (Li et al., ICASSP 2023), read off its published chart
to about 5 %. As there, each note of a run counts, and a tremolo counts once. Techniques are counted from what is
played: curves, repeated strokes and strings struck between written notes, not from what the player says it did.

Run: python benchmarks/ornaments.py [--pieces 200] [--style guzheng] [--seed 0]
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence

from symgen.compose import ComposeRequest, compose_takes
from symgen.instruments import get_instrument
from symgen.instruments.perform import perform
from symgen.performance import Performance, PlayedNote
from symgen.score import Score

RUNS = "notes of runs (huazhi, guazou, liantuo, saoxian)"
DOCUMENTED = {
    "plucks": 0.750,
    "vibrato (chanyin)": 0.126,
    "upward slide (shanghua)": 0.047,
    RUNS: 0.046,
    "downward slide (xiahua)": 0.013,
    "dianyin": 0.013,
    "tremolo (yaozhi)": 0.005,
}
TREMOLO_GAP = 0.2
"""Strokes of one string nearer than this, in seconds, belong to one tremolo, if there are at least six."""
LATEST = 0.6
"""A note is struck so many seconds late at most."""


def main() -> None:
    """Compose, play, count; print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=200)
    parser.add_argument("--style", default="guzheng")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    counts = list(_counted(arguments.style, arguments.pieces, arguments.seed))
    total = sum(counts, Counter())
    notes = sum(total[name] for name in total if not name.startswith("by name: "))
    print(f"{arguments.pieces} pieces, {notes:,} notes and tremoli\n")
    if arguments.style == "guzheng":
        print("| technique | documented | composed | 95 % | of the documented |\n|---|---|---|---|---|")
        for name, share in DOCUMENTED.items():
            found = total[name] / notes
            low, high = _interval(counts, name)
            print(f"| {name} | {share:.1%} | {found:.1%} | {low:.1%}-{high:.1%} | {found / share - 1:+.0%} |")
    print("\n| ornament | share of notes |\n|---|---|")
    for name, count in total.most_common():
        if name.startswith("by name: "):
            print(f"| {name[9:]} | {count / notes:.2%} |")


def _counted(style: str, pieces: int, seed: int) -> Iterator[Counter[str]]:
    """Yield the counts of each composed piece."""
    instrument = get_instrument(style)
    for take in compose_takes(ComposeRequest(style, seed=seed, takes=pieces, raw=True)).takes:
        tuning = instrument.tunings[take.tuning]
        # On the grid what is written can be told from what is added, and ornaments are the same.
        played = perform(take.score, instrument, tuning, style=style, seed=take.take, humanize=0.0)
        counts = Counter(_techniques(played, take.score))
        for note in played.notes:
            counts.update(f"by name: {name}" for name in note.ornament.split("+") if name)
        yield counts


def _techniques(played: Performance, score: Score) -> Iterator[str]:
    """Yield the technique of each note; of a tremolo once."""
    second = played.tempi[0].qpm * 8
    strings: dict[int, list[PlayedNote]] = {}
    for note in played.notes:
        strings.setdefault(note.string, []).append(note)
    in_tremolo = {note for notes in strings.values() for group in _tremoli(notes, second) for note in group[1:]}
    begins = {group[0] for notes in strings.values() for group in _tremoli(notes, second)}
    written = set(score.notes[["onset", "pitch"]].tolist())
    unstruck = written - {(note.onset, note.pitch) for note in played.notes}
    before: dict[int, PlayedNote] = {}
    for note in played.notes:
        again = before.get(note.string)
        before[note.string] = note
        if note in begins:
            yield "tremolo (yaozhi)"
        elif note not in in_tremolo:
            repeated = again is not None and again.pitch == note.pitch
            near = repeated and again is not None and note.onset - again.onset < TREMOLO_GAP * second
            own = (note.onset, note.pitch) in written or _is_late(note, unstruck, second)
            yield _technique(note, own or near, second)


def _is_late(note: PlayedNote, unstruck: set[tuple[int, int]], second: float) -> bool:
    """Return whether a note is one that is written shortly before, in a rolled chord or after a run on its beat."""
    return any(pitch == note.pitch and 0 < note.onset - tick < LATEST * second for tick, pitch in unstruck)


def _tremoli(notes: Sequence[PlayedNote], second: float) -> list[list[PlayedNote]]:
    """Return the tremoli among the notes of one string."""
    groups: list[list[PlayedNote]] = []
    for note in notes:
        near = groups and note.onset - groups[-1][-1].onset < TREMOLO_GAP * second
        if near and note.pitch == groups[-1][-1].pitch:
            groups[-1].append(note)
        else:
            groups.append([note])
    return [group for group in groups if len(group) >= 6]


def _technique(note: PlayedNote, written: bool, second: float) -> str:
    """Return what a listener would call the note."""
    if not note.bends:
        return "plucks" if written else RUNS
    cents = [bend.cents for bend in note.bends]
    if cents[0] < 0:
        return "upward slide (shanghua)"
    if cents[0] > 0:
        return "downward slide (xiahua)"
    peaks = sum(b > a and b >= c for a, b, c in zip(cents, cents[1:], cents[2:], strict=False))
    if peaks > 1:
        return "vibrato (chanyin)"
    seconds = (note.bends[-1].offset - note.bends[0].offset) / second
    return "dianyin" if seconds < 0.2 else "upward slide (shanghua)"


def _interval(counts: Sequence[Counter[str]], name: str) -> tuple[float, float]:
    """Return the 95 % interval of a share from resampling pieces."""
    rng = random.Random(0)
    sizes = [sum(n for key, n in count.items() if not key.startswith("by name: ")) for count in counts]
    shares = []
    for _ in range(1000):
        drawn = rng.choices(range(len(counts)), k=len(counts))
        shares.append(sum(counts[i][name] for i in drawn) / sum(sizes[i] for i in drawn))
    shares.sort()
    return shares[25], shares[974]


if __name__ == "__main__":
    main()
