"""Notes a second from MIDI files to tokens, one process, beside MidiTok (REMI) and muspy, in turns in one run.

    python benchmarks/conversion.py DATA --peers PEERS/bin/python

DATA is the folder of research data, of which the MIDI files of ``folk/anthology`` are read; to them come made-up
files of 100,000 notes. PEERS is a virtual environment of their own with miditok, muspy and music21 below 10, which
muspy needs. Every round measures all in turn; the table gives the median of the rounds and their range.

symgen is measured three times: to arrays as a dataset holds them (rhythm, melody and chord of all files with
offsets, gong and mode found), to one TokenSequence object a file, and the whole of ``symgen convert``
(digests, cleaning, fingerprints, near-duplicates, splits, report and dataset on disk).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from symgen import bulk, readers, writers
from symgen.convert import ConvertRequest, convert
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.tokens.codec import encode

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
name, paths = sys.argv[1], sys.stdin.read().split("\\0")
if name == "miditok":
    from miditok import REMI
    from symusic import Score
    tokenizer = REMI()
    def work(path):
        score = Score(path)
        tokenizer(score)
        return sum(len(track.notes) for track in score.tracks)
else:
    import muspy
    def work(path):
        music = muspy.read_midi(path)
        muspy.to_event_representation(music)
        return sum(len(track.notes) for track in music.tracks)
work(paths[0])
begin = time.perf_counter()
notes = sum(map(work, paths))
print(json.dumps([notes, time.perf_counter() - begin]))
"""


def made_up(folder: Path, files: int, notes: int) -> list[Path]:
    """Write long files: a pentatonic melody in one track, fifths and octaves below it in another."""
    paths = []
    for number in range(files):
        chance = random.Random(number)
        rows, onset, place = [], 0, 10
        while len(rows) < notes:
            place = min(20, max(3, place + chance.choice((-2, -1, -1, 0, 1, 1, 2))))
            octave, degree = divmod(place, 5)
            pitch = 36 + 12 * octave + (0, 2, 4, 7, 9)[degree]
            length = chance.choice((120, 240, 240, 480))
            rows.append((onset, length, pitch, 80, 0))
            if chance.random() < 0.3:
                rows.append((onset, length, pitch - chance.choice((7, 12)), 70, 1))
            onset += length
        score = Score(
            make_notes(rows[:notes]), tempi=(Tempo(0, 72.0),), metres=(Metre(0, 2, 4),), title=f"long {number}"
        )
        paths.append(folder / f"long{number}.mid")
        writers.write(score, paths[-1])
    return paths


def portions(paths: Sequence[Path]) -> Iterator[list[bytes]]:
    """Yield the files' bytes, as many at a time as a batch of a conversion holds."""
    batch: list[bytes] = []
    for path in paths:
        batch.append(path.read_bytes())
        if len(batch) == 128 or sum(map(len, batch)) > 2**22:
            yield batch
            batch = []
    if batch:
        yield batch


def to_arrays(paths: Sequence[Path]) -> int:
    """Read and tokenise as a conversion does; what is not sound goes the long way."""
    notes = 0
    for batch in portions(paths):
        made = bulk.tokenise(batch)
        notes += int(made.midi.first_note[-1])
        for place in (~made.midi.sound).nonzero()[0].tolist():
            encode(readers.pieces_in(batch[place], "x.mid")[0].score)
    return notes


def to_objects(paths: Sequence[Path]) -> int:
    """Do the same, with a Score and a TokenSequence for each file."""
    notes = 0
    for batch in portions(paths):
        made = bulk.tokenise(batch)
        for place in range(len(batch)):
            sound = made.midi.sound[place]
            score = made.midi.score(place, "x") if sound else readers.pieces_in(batch[place], "x.mid")[0].score
            made.sequence(place, score) if sound else encode(score)
            notes += len(score)
    return notes


def whole_conversion(paths: Sequence[Path]) -> int:
    """`symgen convert` with one job."""
    folder = Path(tempfile.mkdtemp())
    try:
        return convert(ConvertRequest(paths, folder / "d.symgen")).notes
    finally:
        shutil.rmtree(folder)


def timed(work: Callable[[Sequence[Path]], int], paths: Sequence[Path]) -> float:
    begin = time.perf_counter()
    notes = work(paths)
    return notes / (time.perf_counter() - begin)


def peer(python: str, name: str, paths: Sequence[Path]) -> float:
    done = subprocess.run(
        [python, "-c", PEER, name], input="\0".join(map(str, paths)), capture_output=True, text=True, check=True
    )
    notes, seconds = json.loads(done.stdout.splitlines()[-1])
    return float(notes / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", required=True, help="a Python with miditok and muspy")
    parser.add_argument("--rounds", type=int, default=5)
    request = parser.parse_args()
    songs = sorted(request.data.glob("folk/anthology/*/*.mid"))
    bulk.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        long = made_up(Path(folder), 3, 100_000)
        for title, paths in ((f"{len(songs):,} songs", songs), ("3 files of 100,000 notes", long)):
            rates: dict[str, list[float]] = {}
            for _ in range(request.rounds):
                for name, rate in (
                    ("MidiTok REMI", lambda p: peer(request.peers, "miditok", p)),
                    ("symgen, arrays", lambda p: timed(to_arrays, p)),
                    ("symgen, an object a file", lambda p: timed(to_objects, p)),
                    ("symgen convert --jobs 1", lambda p: timed(whole_conversion, p)),
                    ("muspy, every 20th file", lambda p: peer(request.peers, "muspy", p[::20])),
                ):
                    rates.setdefault(name, []).append(rate(paths))
                    print(".", end="", file=sys.stderr, flush=True)
            print(f"\n| {title} | notes a second, median | range | times MidiTok |\n|---|---|---|---|")
            base = statistics.median(rates["MidiTok REMI"])
            for name, found in rates.items():
                middle = statistics.median(found)
                spread = f"{min(found):,.0f} to {max(found):,.0f}"
                print(f"| {name} | {middle:,.0f} | {spread} | {middle / base:.2f} |")


if __name__ == "__main__":
    main()
