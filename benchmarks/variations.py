"""Vary and accompany real pieces: what is kept, how much is new, which promises are broken.

Run: python benchmarks/variations.py DATA [--pieces 4] [--bars 120] [--seed 1].

DATA holds the corpora that corpora/ declares. Of each format some files are drawn; files that cannot be played as they
stand are counted and left out. Everything is judged from the scores, not by the code that made them.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symgen.errors import SymgenError
from symgen.instruments import get_instrument, get_tuning
from symgen.instruments.fingering import finger
from symgen.score import Score, Technique
from symgen.theory.degrees import PENTATONIC
from symgen.theory.detect import detect_mode
from symgen.tokens import chord, melody
from symgen.tokens.codec import encode
from symgen.verbs.accompanying import accompany
from symgen.verbs.sources import Source, open_source
from symgen.verbs.variation.strokes import bars_of, moves_of, strokes_of
from symgen.verbs.varying import vary

SOURCES = (
    ("guqin", "guqin/**/*.xml"),
    ("guzheng", "guzheng/**/*.abc"),
    ("folk", "folk/**/*.krn"),
    ("folk", "folk/**/*.mid"),
)
WAYS: tuple[tuple[str, ...], ...] = (("rhythm",), ("pitch",), ("contour",), ("rhythm", "contour"), ("form",))
AMOUNTS = (0.0, 0.5, 1.0)
KINDS = ("chords", "octaves", "voice")
DENSITIES = (0.0, 0.5, 1.0)


def main() -> None:
    """Vary and accompany; print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pieces", type=int, default=4, help="files of each format")
    parser.add_argument("--bars", type=int, default=120, help="longest piece that is varied")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chosen = list(_drawn(arguments.data, arguments.pieces, arguments.bars, random.Random(arguments.seed)))
    print(f"{len(chosen)} pieces, {sum(source.count for source, _ in chosen)} bars\n")
    _vary_all(chosen, arguments.seed)
    _change_mode(chosen, arguments.seed)
    _accompany_all(chosen, arguments.seed)


def _drawn(data: Path, pieces: int, bars: int, rng: random.Random) -> Iterator[tuple[Source, Path]]:
    refused = 0
    for style, pattern in SOURCES:
        files = sorted(data.glob(pattern))
        rng.shuffle(files)
        found = 0
        for file in files:
            if found == pieces:
                break
            try:
                source = open_source(file, style, adapt=False)
            except SymgenError:
                refused += 1
                continue
            if source.count <= bars:
                found += 1
                yield source, file
    print(f"{refused} files cannot be played as they stand")


def _times(score: Score) -> list[tuple[int, ...]]:
    names = ("onset", "duration", "velocity", "voice")
    return sorted(zip(*(score.notes[name].tolist() for name in names), strict=True))


def _strokes(score: Score) -> list[list[tuple[int, int]]]:
    rows = score.notes[["pitch", "technique"]].tolist()
    return [sorted(rows[row] for row in stroke.rows) for stroke in strokes_of(score.notes)]


def _line(score: Score, *, grace: bool) -> tuple[int, ...]:
    strokes = [stroke for stroke in strokes_of(score.notes) if grace or not stroke.grace]
    return moves_of([int(score.notes["pitch"][stroke.rows[0]]) for stroke in strokes])


def _bars(score: Score, source: Source) -> list[Any]:
    found = []
    for bar in bars_of(score, source.bars):
        rows = [row for stroke in bar.strokes for row in stroke.rows]
        part = score.notes[rows]
        ends = np.minimum(part["onset"] + part["duration"], bar.end) - bar.start
        columns = ((part["onset"] - bar.start).tolist(), ends.tolist(), part["pitch"].tolist())
        found.append((bar.end - bar.start, sorted(zip(*columns, strict=True))))
    return found


def _kept(source: Source, result: Score, keep: Sequence[str]) -> list[str]:
    """Return what was to be kept and is not."""
    before, broken = source.score, []
    if "rhythm" in keep and _times(before) != _times(result):
        broken.append("rhythm")
    if "pitch" in keep and _strokes(before) != _strokes(result):
        broken.append("pitch")
    if "contour" in keep:
        grace = "rhythm" in keep
        if _line(before, grace=grace) != _line(result, grace=grace):
            broken.append("contour")
    old, new = _bars(before, source), _bars(result, source)
    last = max(number for number, (_, notes) in enumerate(old) if notes)
    first: dict[str, int] = {}
    for number, content in enumerate(bar.content for bar in bars_of(before, source.bars)):
        other = first.setdefault(repr(content), number)
        if number != last and other != last and new[number] != new[other] and old[number] == old[other]:
            broken.append(f"bar {number + 1} does not repeat bar {other + 1}")
            break
    return broken


def _promises(source: Source, result: Score, mode: str) -> list[str]:
    estimate, broken = detect_mode(result), []
    if estimate.gong != source.gong or estimate.mode != mode:
        broken.append("mode")
    if result.end != source.score.end and result.end > source.bars[-1]:
        broken.append("length")
    if source.playable and not finger(result, source.instrument, source.tuning).playable:
        broken.append("playable")
    return broken


def _new(source: Source, result: Score) -> tuple[float, float]:
    """Return which share of bars with notes changed, and of notes (onset, length and pitch) that are new."""
    old, new = _bars(source.score, source), _bars(result, source)
    filled = [(one, other) for one, other in zip(old, new, strict=True) if one[1]]
    names = ["onset", "duration", "pitch"]
    had = set(source.score.notes[names].tolist())
    fresh = sum(note not in had for note in result.notes[names].tolist())
    return sum(one != other for one, other in filled) / len(filled), fresh / len(result)


def _vary_all(chosen: Sequence[tuple[Source, Path]], seed: int) -> None:
    rows: dict[tuple[str, float], list[tuple[float, float, float]]] = defaultdict(list)
    failed: dict[tuple[str, float], list[str]] = defaultdict(list)
    refused: dict[tuple[str, float], int] = defaultdict(int)
    for source, file in chosen:
        for keep in WAYS:
            for amount in AMOUNTS:
                way, start = ("+".join(keep), amount), time.process_time()
                try:
                    take = vary(file, style=source.style.name, keep=keep, amount=amount, seed=seed).takes[0]
                except SymgenError as error:
                    refused[way] += 1
                    print(f"refused: {file.name} {way}: {error}")
                    continue
                broken = _kept(source, take.score, keep) + _promises(source, take.score, source.mode)
                if amount == 0 and not np.array_equal(take.score.notes, source.score.notes):
                    broken.append("not given back")
                failed[way] += [f"{file.name}: {what}" for what in broken]
                rows[way].append((*_new(source, take.score), time.process_time() - start))
    print("| keep | amount | pieces | promises broken | refused | bars changed | notes new | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for way, found in rows.items():
        bars, notes, seconds = (np.array(column) for column in zip(*found, strict=True))
        print(
            f"| {way[0]} | {way[1]:g} | {len(found)} | {len(failed[way])} | {refused[way]} | {bars.mean():.0%} "
            f"({bars.min():.0%}-{bars.max():.0%}) | {notes.mean():.0%} | {np.median(seconds):.1f} |"
        )
    print("".join(f"broken: {what}\n" for found in failed.values() for what in found))


def _change_mode(chosen: Sequence[tuple[Source, Path]], seed: int) -> None:
    """Change every piece to every other mode with rhythm and contour kept."""
    asked, broken, refused = 0, list[str](), 0
    for source, file in chosen:
        for mode in ("gong", "shang", "zhi", "yu"):
            if mode == source.mode:
                continue
            asked += 1
            keep = ("rhythm", "contour")
            try:
                take = vary(file, style=source.style.name, keep=keep, mode=mode, seed=seed).takes[0]
            except SymgenError as error:
                refused += 1
                print(f"refused: {file.name} {mode}: {error}")
                continue
            found = _kept(source, take.score, keep) + _promises(source, take.score, mode)
            broken += [f"{file.name} {mode}: {what}" for what in found]
    print(f"other modes: {asked} asked, {len(broken)} promises broken, {refused} refused {broken}\n")


def _accompany_all(chosen: Sequence[tuple[Source, Path]], seed: int) -> None:
    """Accompany the folk songs on both instruments."""
    print("| style | with | density | pieces | promises broken | refused | steps with a chord | strokes a quarter |")
    print("|---|---|---|---|---|---|---|---|")
    songs = [file for source, file in chosen if source.style.name == "folk"]
    for style in ("guqin", "guzheng"):
        for kind in KINDS:
            for density in DENSITIES:
                shares, rates, broken, refused = list[float](), list[float](), 0, 0
                for file in songs:
                    try:
                        melody_alone = open_source(file, style)
                        take = accompany(file, style=style, kind=kind, density=density, seed=seed).takes[0]
                    except SymgenError as error:
                        refused += 1
                        print(f"refused: {file.name} {style} {kind}: {error}")
                        continue
                    broken += len(_broken_accompaniment(melody_alone, take))
                    tokens = encode(take.score, style=style, gong=take.gong)
                    sounding = tokens.melody != melody.REST
                    shares.append(float((tokens.chord[sounding] != chord.NO_CHORD).mean()))
                    added = np.unique(take.score.notes["onset"][take.score.notes["voice"] == 1])
                    rates.append(480 * len(added) / take.score.end)
                print(
                    f"| {style} | {kind} | {density:g} | {len(shares)} | {broken} | {refused} | "
                    f"{np.mean(shares):.1%} | {np.mean(rates):.2f} |"
                )


def _broken_accompaniment(source: Source, take: Any) -> list[str]:
    notes, broken = take.score.notes, []
    tune, added = notes[notes["voice"] == 0], notes[notes["voice"] == 1]
    names = ["onset", "duration", "pitch", "technique", "velocity"]
    if sorted(tune[names].tolist()) != sorted(source.score.notes[names].tolist()):
        broken.append("melody")
    if not np.isin((added["pitch"] - source.gong) % 12, PENTATONIC).all():
        broken.append("tones outside the mode")
    for note in added.tolist():
        heard = tune["pitch"][(tune["onset"] <= note[0]) & (tune["onset"] + tune["duration"] > note[0])]
        if len(heard) and note[2] >= heard.max():
            broken.append("above the melody")
        if note[0] in source.bars and {1, 2} & set((heard - note[2]).tolist()):
            broken.append("a second on a strong beat")
    instrument = get_instrument(take.style)
    plain = take.score.notes.copy()
    plain["technique"] = Technique.PLUCK
    if not finger(take.score, instrument, get_tuning(instrument, take.tuning)).playable:
        broken.append("playable")
    estimate = detect_mode(take.score)
    return broken if (estimate.gong, estimate.mode) == (source.gong, source.mode) else [*broken, "mode"]


if __name__ == "__main__":
    main()
