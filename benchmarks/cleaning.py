"""Measure what cleaning finds in real corpora, and how far it can be believed.

``python benchmarks/cleaning.py DATA`` expects the folders ``folk/anthology``, ``folk/essen``, ``guqin`` and
``guzheng`` below DATA. It prints the flags of each corpus, the metres recovered in the Anthology, the same
recovery on Essen songs whose metres are known, and what speaks for the octave leaps: how often Essen, which was
typed by hand, has them; whether the same phrase elsewhere in the song has the other octave; and how many shifted notes
are found. All figures of docs/CLEANING.md are from here.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symgen import readers
from symgen.corpus.bars import FEWEST_LINES, bar_lengths, bar_lines, recover_metres
from symgen.corpus.cleaning import read_rules
from symgen.corpus.measures import NAMES, measure, octave_leaps
from symgen.errors import SymgenError
from symgen.score import Metre, Score
from symgen.theory.degrees import PENTATONIC
from symgen.theory.detect import detect_mode
from symgen.tokens.prefix import metre_class

SEED = 20261122
NON_PENTATONIC = 0.08
QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Source:
    """Where a corpus lies, its style, what is known of its gong, and whether its metre tells anything."""

    name: str
    pattern: str
    style: str
    gong: int | str
    metre: str


SOURCES = (
    Source("anthology", "folk/anthology/**/*.mid", "folk", 0, "bar lines"),
    Source("essen", "folk/essen/**/*.krn", "folk", "key", "as written"),
    Source("guqin", "guqin/xml/*.xml", "guqin", 0, "as written"),
    Source("guzheng", "guzheng/abc/*.abc", "guzheng", "detect", "unknown"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rules", type=Path, help="file of rules; the shipped one by default")
    arguments = parser.parse_args()
    rules = read_rules(arguments.rules) if arguments.rules else read_rules()
    scores = {source.name: list(read(arguments.data.glob(source.pattern))) for source in SOURCES}
    for source in SOURCES:
        print_flags(source, scores[source.name], rules)
    print_metres(scores["anthology"])
    print_known_metres(scores["essen"])
    print("  songs of mostly 2/4 bars in which exactly one bar has three quarters:")
    for name, lines in (("anthology", bar_lines), ("essen", Score.bar_starts)):
        print(f"    {name}: {lone_three_four([(lines(score), score.ticks_per_quarter) for score in scores[name]])}")
    print_octaves({name: [top_line(score) for score in scores[name]] for name in ("anthology", "essen")})


def read(paths: Any) -> Iterator[Score]:
    for path in sorted(paths):
        try:
            yield from (piece.score for piece in readers.read_pieces(path))
        except SymgenError as error:
            print(f"not read: {error}")


def bian_shares(score: Score) -> list[float]:
    """Return the share of the sounding time on bian tones under each of the twelve gongs."""
    time = np.bincount(score.notes["pitch"] % 12, score.notes["duration"], minlength=12) / score.notes["duration"].sum()
    return [
        float(sum(time[(gong + degree) % 12] for degree in range(12) if degree not in PENTATONIC)) for gong in range(12)
    ]


def print_flags(source: Source, scores: Sequence[Score], rules: Any) -> None:
    rows, flags, clean, seconds, heptatonic = [], Counter[str](), 0, 0.0, 0
    for score in scores:
        gong = source.gong if isinstance(source.gong, int) else None
        if source.gong == "key" and score.keys:
            gong = score.keys[0].gong
        starts = {"bar lines": bar_lines, "as written": Score.bar_starts}.get(source.metre, lambda _: None)(score)
        end = recover_metres(score).end if source.metre == "bar lines" else score.end
        gong = detect_mode(score).gong if gong is None else gong
        begin = time.perf_counter()
        values = measure(score.notes, gong=gong, bar_starts=starts, end=end, ticks_per_quarter=score.ticks_per_quarter)
        found, _ = rules.judge(values, source.style)
        seconds += time.perf_counter() - begin
        rows.append(list(values.values()))
        flags.update(found)
        heptatonic += "non-pentatonic" in found and min(bian_shares(score)) > NON_PENTATONIC
        clean += not found
    print(
        f"\n{source.name}: {len(scores)} pieces, {clean} without a flag, {seconds / len(scores) * 1e6:.0f} us a piece"
    )
    print("  flags", {name: flags[name] for name in rules.flags if flags[name]})
    print(f"  {heptatonic} of the non-pentatonic have more than {NON_PENTATONIC:.0%} bian tones under every gong")
    for name, column in zip(NAMES, np.array(rows).T, strict=True):
        spread = "  ".join(f"{value:8.3f}" for value in np.quantile(column, QUANTILES))
        print(f"  {name:17s} least {column.min():7.3f}  quantiles {QUANTILES} {spread}  most {column.max():8.3f}")


def print_metres(scores: Sequence[Score]) -> None:
    prevailing: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    slips: Counter[float] = Counter()
    bars = odd = claimed = cut = late = 0
    begin = time.perf_counter()
    recovered = [recover_metres(score) for score in scores]
    seconds = time.perf_counter() - begin
    beats = np.zeros(4)
    for score, after in zip(scores, recovered, strict=True):
        found = bar_lengths(score.notes, bar_lines(score), score.ticks_per_quarter)
        classes[metre_class(after.metres)] += 1
        cut += after.end < score.end
        late += score.end - int((score.notes["onset"] + score.notes["duration"]).max()) == score.ticks_per_quarter
        if found.prevailing is None:
            why = "few lines" if not found.bars else "free" if found.odd == found.bars else "few bars add up"
            prevailing[f"unknown, {why}"] += 1
            continue
        prevailing["{}/{}".format(*found.prevailing)] += 1
        bars, odd = bars + found.bars, odd + found.odd
        lengths = np.diff(bar_lines(score))[1:]
        claimed += np.count_nonzero(lengths == 4 * score.ticks_per_quarter)
        if found.prevailing == (2, 4):
            beats += onsets_by_eighth(score, after)
            slips.update((lengths / score.ticks_per_quarter).tolist())
    print(f"\nMetres of the Anthology, {seconds / len(scores) * 1e6:.0f} us a song")
    print("  prevailing", dict(prevailing.most_common()))
    print("  metre class of the map", dict(classes.most_common()))
    print(f"  {bars} bars of songs with a metre, {odd / bars:.1%} odd, {claimed / bars:.1%} of the 4/4 that is claimed")
    print(f"  silence after the last bar cut in {cut} songs; {late} end a quarter after the last note")
    print("  2/4: commonest lengths of bars in quarters", slips.most_common(9))
    print("  2/4: share of the sounding time begun on each eighth", (beats / beats.sum()).round(3).tolist())


def onsets_by_eighth(score: Score, after: Score) -> np.ndarray:
    """Return the time of the notes that begin on each eighth of the bars of a piece in 2/4."""
    starts, notes = after.bar_starts(), score.notes
    place = notes["onset"] - starts[np.searchsorted(starts, notes["onset"], side="right") - 1]
    eighth, rest = np.divmod(place, score.ticks_per_quarter // 2)
    on_it = (rest == 0) & (eighth < 4)
    return np.bincount(eighth[on_it], notes["duration"][on_it], minlength=4) / score.ticks_per_quarter


def print_known_metres(scores: Sequence[Score]) -> None:
    right, confused, same, bars, classes = 0, Counter[str](), 0, 0, 0
    known = [score for score in scores if len(score.bar_starts()) >= 4]
    for score in known:
        lines = score.bar_starts()
        marked = replace(score, metres=tuple(Metre(int(tick), 4, 4) for tick in lines))
        truth = metres_at(score, lines)
        usual = Counter(truth).most_common(1)[0][0]
        found = bar_lengths(marked.notes, lines, marked.ticks_per_quarter).prevailing
        right += found == usual
        if found != usual:
            confused[f"{usual[0]}/{usual[1]} as {'{}/{}'.format(*found) if found else 'unknown'}"] += 1
        after = recover_metres(marked)
        classes += metre_class(after.metres) == metre_class(score.metres)
        if after.metres:
            bars += len(lines)
            same += sum(a == b for a, b in zip(truth, metres_at(after, lines), strict=True))
    print(f"\nEssen, metres taken away and recovered from the bar lines: {len(known)} songs")
    print(f"  prevailing metre right in {right} ({right / len(known):.1%}); else {dict(confused.most_common())}")
    print(
        f"  metre of the bar right in {same / bars:.1%} of {bars} bars; metre class right in {classes / len(known):.1%}"
    )


def lone_three_four(songs: Sequence[tuple[np.ndarray, int]]) -> str:
    """Return how many songs in 2/4 have just one bar of three quarters, the first and the last bar aside."""
    counts = [Counter((np.diff(lines)[1:] / tpq).tolist()) for lines, tpq in songs if len(lines) >= FEWEST_LINES]
    duple = [count for count in counts if count.most_common(1)[0][0] == 2]
    lone = sum(count[3.0] == 1 for count in duple)
    return f"{lone} of {len(duple)} ({lone / len(duple):.1%})"


def metres_at(score: Score, ticks: np.ndarray) -> list[tuple[int, int]]:
    changes = [metre.tick for metre in score.metres]
    found = [score.metres[i] for i in np.searchsorted(changes, ticks, side="right") - 1]
    return [(metre.numerator, metre.denominator) for metre in found]


def print_octaves(lines: dict[str, list[np.ndarray]]) -> None:
    print("\nOctave leaps")
    shares = {}
    for name, songs in lines.items():
        places = [octave_leaps(line) for line in songs]
        files = sum(len(found) > 0 for found in places)
        shares[name] = files / len(songs)
        notes, total = sum(map(len, places)), sum(map(len, songs))
        elsewhere = Counter(parallel(line, int(k)) for line, found in zip(songs, places, strict=True) for k in found)
        print(f"  {name}: {notes} notes ({notes / total:.3%}) in {files} songs ({shares[name]:.1%});", dict(elsewhere))
    print(f"  songs by chance as in Essen, so precision about {1 - shares['essen'] / shares['anthology']:.0%}")
    rng = np.random.default_rng(SEED)
    found, tried = Counter[str](), Counter[str]()
    for line in lines["essen"]:
        place = int(rng.integers(1, len(line) - 1))
        shifted = line.copy()
        shifted[place] += 12 * rng.choice((-1, 1))
        centre = np.median(line)
        kind = "away from the middle" if abs(shifted[place] - centre) > abs(line[place] - centre) + 6 else "across it"
        tried[kind] += 1
        found[kind] += place in octave_leaps(shifted)
    print("  notes of Essen moved by an octave and found:", {kind: f"{found[kind]} of {tried[kind]}" for kind in tried})


def parallel(line: np.ndarray, place: int, around: int = 2) -> str:
    """Tell which octave the note has where the same five tones come again in the song."""
    if not around <= place < len(line) - around:
        return "at the edge"
    here = line[place - around : place + around + 1]
    moved = here.copy()
    moved[around] += -12 if line[place] > line[place - 1] else 12
    windows = np.lib.stride_tricks.sliding_window_view(line, 2 * around + 1)
    as_here = int((windows == here).all(axis=1).sum()) - 1
    as_moved = int((windows == moved).all(axis=1).sum())
    if as_here == as_moved:
        return "undecided" if as_here else "nowhere else"
    return "the other octave elsewhere" if as_moved > as_here else "this octave elsewhere"


def top_line(score: Score) -> np.ndarray:
    pitch = score.notes["pitch"].astype(np.int64)
    begins = np.flatnonzero(np.diff(score.notes["onset"], prepend=-1))
    return np.maximum.reduceat(pitch, begins)


if __name__ == "__main__":
    main()
