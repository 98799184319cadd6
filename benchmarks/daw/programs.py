"""Open composed pieces in real programs, headless, and print what each makes of them, as a table.

``python benchmarks/daw/programs.py`` composes a guqin and a guzheng piece, writes both in the layouts merged, strings
and mpe, and lets MuseScore, FluidSynth, LMMS and Ardour (Debian packages ``musescore3 fluidsynth lmms ardour`` with
``xvfb xdotool``) open each file. A program that is not installed is named and skipped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from _programs import PROGRAMS, Understood, from_midi

from symgen.compose import compose
from symgen.writers import LAYOUTS, Options, write

GRID = 1 / 48 + 1e-6
"""LMMS counts 48 ticks a quarter note: the coarsest grid of the four."""


NOTATION_GRID = 1 / 8 + 1e-6
"""MuseScore writes notes on paper: onsets and lengths become note values."""


def matched(
    expected: list[tuple[float, float, int]], found: list[tuple[float, float, int]], grid: float
) -> tuple[int, int]:
    """Return how many notes are there with their pitch and onset, and how many of these with their length too."""
    left, onsets, lengths = list(found), 0, 0
    for onset, length, pitch in expected:
        near = [note for note in left if note[2] == pitch and abs(note[0] - onset) <= grid]
        if near:
            best = min(near, key=lambda note: abs(note[1] - length))
            left.remove(best)
            onsets += 1
            lengths += abs(best[1] - length) <= 2 * grid
    return onsets, lengths


def in_force(tempi: list[tuple[float, float]], beat: float) -> float:
    """Return the tempo at a quarter note."""
    return next((qpm for at, qpm in reversed(tempi) if at <= beat + GRID), 120.0)


def bends_right(expected: Understood, found: Understood) -> str:
    """Return how far the bends are from those written, by track, at their quarter notes."""
    total, right, scale = 0, 0, []
    values = [moves for moves in found.bends.values() if moves]
    for moves in expected.bends.values():
        for at, cents in moves:
            total += 1
            near = [value for other in values for when, value in other if abs(when - at) <= GRID]
            if any(abs(value - cents) <= 12.0 for value in near):
                right += 1
            elif near and abs(cents) > 20:
                scale.append(max(near, key=abs) / cents)
    factor = f", else about {sorted(scale)[len(scale) // 2]:.2f} of it" if scale else ""
    return f"{right}/{total}{factor}" if total else "-"


def row(name: str, expected: Understood, found: Understood) -> list[str]:
    """Return one line of the table."""
    if name == "fluidsynth":
        pitches = sorted(note[2] for note in found.notes) == sorted(note[2] for note in expected.notes)
        wheels = sum(map(len, found.bends.values()))
        seconds = f"{found.tempi[0][1]:.1f} s" if found.tempi else "?"
        notes = f"{len(found.notes)}/{len(expected.notes)} {'same pitches' if pitches else 'other pitches'}"
        return [notes, "heard", seconds, "-", "-", f"{wheels}/{sum(map(len, expected.bends.values()))} messages"]
    onsets, lengths = matched(expected.notes, found.notes, NOTATION_GRID if name == "musescore" else GRID)
    beats = range(round(max(at for at, *_ in expected.notes)))
    tempi = sum(abs(in_force(expected.tempi, beat) - in_force(found.tempi, beat)) <= 0.5 for beat in beats)
    markers = sum(any(name in other for _, other in found.markers) for _, name in expected.markers)
    names = sum(any(track in other for other in found.tracks) for track in expected.tracks)
    return [
        f"{onsets}/{len(expected.notes)}",
        f"{lengths}/{len(expected.notes)}",
        f"{tempi}/{len(beats)}",
        f"{markers}/{len(expected.markers)}",
        f"{names}/{len(expected.tracks)}",
        bends_right(expected, found),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", action="append", choices=sorted(PROGRAMS), help="only this one (repeatable)")
    parser.add_argument("--layout", action="append", choices=LAYOUTS)
    parser.add_argument("--style", action="append", choices=("guqin", "guzheng"))
    parser.add_argument("--bend-range", type=int, help="semitones of the wheel on every channel")
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print("| program | file | notes | lengths | tempo | markers | track names | bends |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for style in arguments.style or ("guqin", "guzheng"):
            piece = compose(style=style, seed=arguments.seed, bars=arguments.bars).takes[0].performance
            for layout in arguments.layout or LAYOUTS:
                options = Options(layout, bend_range=arguments.bend_range)
                path = write(piece, Path(folder) / f"{style}-{layout}.mid", options=options)
                expected = from_midi(path, "written")
                for name in arguments.program or PROGRAMS:
                    found = PROGRAMS[name](path)
                    if found is None:
                        print(f"| {name} | {style} {layout} | skipped: not installed, or it did not open the file |")
                    else:
                        cells = " | ".join(row(name, expected, found))
                        print(f"| {found.program} | {style} {layout} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
