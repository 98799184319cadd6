"""Whether composed pieces can be played, and how much of a corpus could be.

Composed pieces are judged by the referee of the tests, which shares no code with the package: places, fingers, strokes,
slides, jumps; and in the performance places, fingers and the way of the hand for every stroke, those of ornaments
too, one sound a string and bends that stay on it. Corpus pieces are fingered as
symgen inspect does: as written, then in the best transposition and tuning.

Run: python benchmarks/playability.py composed [--pieces 1000] [--bars 16] [--style guqin]
     python benchmarks/playability.py inspected [--pieces 200] [--bars 16]
     python benchmarks/playability.py corpus FOLDER... [--most 500]
     python benchmarks/playability.py arranged FOLDER... [--most 500]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from symgen.arrange import arrange
from symgen.compose import compose
from symgen.convert import find_inputs
from symgen.errors import SymgenError
from symgen.inspect import inspect_file
from symgen.instruments import get_instrument
from symgen.instruments.adapting import choose_setting
from symgen.instruments.fingering import Problem, finger
from symgen.instruments.playability import playability
from symgen.readers import read_pieces
from symgen.styles import STYLES
from symgen.theory.detect import detect_mode
from symgen.writers import LAYOUTS, Options, write
from tests.instruments import checker
from tests.instruments.claims import played_notes, sounding_notes, written_notes

A_BATCH = 20
ZITHERS = ("guqin", "guzheng")


def composed(pieces: int, bars: int, styles: Sequence[str]) -> None:
    """Compose pieces in each style, seeds 0, 1, 2 ..., and let the referee judge them."""
    for style in styles:
        start, notes, faults, faulty = time.perf_counter(), 0, Counter[str](), 0
        for batch in range(0, pieces, A_BATCH):
            for take in compose(style, bars=bars, takes=min(A_BATCH, pieces - batch), seed=batch).takes:
                name = take.performance.instrument
                found = checker.hand_faults(name, take.tuning, written_notes(take))
                found += checker.sounding_faults(name, take.tuning, sounding_notes(take))
                found += checker.played_faults(name, take.tuning, *played_notes(take))
                notes += len(take.score)
                faulty += bool(found)
                faults.update(found)
        seconds = time.perf_counter() - start
        print(f"{style}: {pieces - faulty} of {pieces} playable, {notes:,} notes, {seconds:,.0f} s", flush=True)
        for fault, count in faults.most_common(5):
            print(f"  {count} x {fault}")


def inspected(pieces: int, bars: int) -> None:
    """Compose pieces, write them in every layout, and count the files that symgen inspect proves playable."""
    for style in ZITHERS:
        proved, reasons = Counter[str](), Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            for batch in range(0, pieces, A_BATCH):
                for take in compose(style, bars=bars, takes=min(A_BATCH, pieces - batch), seed=batch).takes:
                    for layout in LAYOUTS:
                        path = write(take.performance, Path(folder) / "take.mid", options=Options(layout))
                        (judged,) = [one for one in inspect_file(path).playability if one.instrument == style]
                        proved[layout] += judged.playable
                        reasons.update(f"{layout}: {kind}" for kind in kinds(judged.problems))
        shares = ", ".join(f"{layout} {proved[layout]} of {pieces}" for layout in LAYOUTS)
        print(f"{style}: proved playable by inspect: {shares}; reasons for the rest {dict(reasons)}", flush=True)


def kinds(problems: tuple[Problem, ...]) -> Iterator[str]:
    """Yield the kinds of problems, each once."""
    yield from sorted({problem.kind for problem in problems})


def corpus(folders: list[Path], most: int) -> None:
    """Finger the pieces of each folder on both zithers."""
    for folder in folders:
        files = list(find_inputs([folder]))
        files = files[:: max(1, len(files) // most)][:most]
        counts = {name: Counter[str]() for name in ZITHERS}
        reasons = {name: Counter[str]() for name in ZITHERS}
        pieces = 0
        for path in files:
            try:
                scores = [piece.score for piece in read_pieces(path)]
            except SymgenError:
                continue
            for score in scores:
                if not len(score):
                    continue
                pieces += 1
                gong = detect_mode(score).gong
                for judged in playability(score, gong):
                    instrument = get_instrument(judged.instrument)
                    low, high = int(score.notes["pitch"].min()), int(score.notes["pitch"].max())
                    shifts = tuple(range(max(-48, -low), min(48, 127 - high) + 1))
                    setting = choose_setting(score, instrument, gong, semitones=shifts)
                    best = finger(score.transpose(setting.semitones), instrument, setting.tuning)
                    placed = 1.0 if judged.playable else sum(p is not None for p in best.placements) / len(score)
                    counts[judged.instrument]["as written"] += judged.playable
                    counts[judged.instrument]["transposed"] += judged.playable or best.playable
                    counts[judged.instrument]["99 % of the notes"] += placed >= 0.99
                    counts[judged.instrument]["notes"] += round(1000 * placed)
                    if not (judged.playable or best.playable):
                        reasons[judged.instrument].update(kinds(best.problems))
        for name in ZITHERS:
            found = counts[name]
            shares = ", ".join(f"{key} {found[key] / pieces:.1%}" for key in ("as written", "transposed"))
            nearly = f"at least 99 % of the notes {found['99 % of the notes'] / pieces:.1%}"
            mean = found["notes"] / pieces / 10
            print(f"{folder.name} on the {name}: {pieces} pieces: {shares}; {nearly}; {mean:.1f} % of the notes")
            print("  reasons for the rest, in pieces:", dict(reasons[name].most_common()), flush=True)


def arranged(folders: list[Path], most: int) -> None:
    """Arrange the pieces of each folder for both zithers and print what is kept and what is changed."""
    for folder in folders:
        files = list(find_inputs([folder]))
        files = files[:: max(1, len(files) // most)][:most]
        for style in ZITHERS:
            results = [arrange(path, style, raw=True) for path in files]
            kept = [result.kept for result in results]
            changes = Counter(change.kind for result in results for change in result.changes)
            whole = sum(share == 1.0 for share in kept)
            print(
                f"{folder.name} for the {style}: {len(kept)} pieces, {sum(kept) / len(kept):.1%} of the notes kept "
                f"in a piece, at least {min(kept):.1%}; whole {whole}; changes {dict(changes)}"
            )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    composing = commands.add_parser("composed")
    composing.add_argument("--pieces", type=int, default=1000)
    composing.add_argument("--bars", type=int, default=16)
    composing.add_argument("--style", action="append", choices=list(STYLES), help="only this one (repeatable)")
    reading = commands.add_parser("inspected")
    reading.add_argument("--pieces", type=int, default=200)
    reading.add_argument("--bars", type=int, default=16)
    for name in ("corpus", "arranged"):
        counting = commands.add_parser(name)
        counting.add_argument("folders", type=Path, nargs="+")
        counting.add_argument("--most", type=int, default=500)
    arguments = parser.parse_args()
    if arguments.command == "composed":
        composed(arguments.pieces, arguments.bars, arguments.style or list(STYLES))
    elif arguments.command == "inspected":
        inspected(arguments.pieces, arguments.bars)
    elif arguments.command == "corpus":
        corpus(arguments.folders, arguments.most)
    else:
        arranged(arguments.folders, arguments.most)


if __name__ == "__main__":
    main()
