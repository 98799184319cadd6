"""A small dataset with something of everything: families, a tune book, damaged files, names and titles that bite."""

import json
import os
from contextlib import suppress
from pathlib import Path

from symgen import writers
from symgen.convert import ConvertRequest, convert
from symgen.corpus.writer import facts_digest, file_digest, json_text
from symgen.score import Metre, Score, Tempo, make_notes

TITLES = (
    "流水 <script>alert(1)</script> & <b>|x|</b>",
    '`code` [link](http://x) *b* _u_ #1 "quoted" \\ --- {x}',
    "turn \u202e back, bell \x07, clear \x1b[2J",
)

BOOK = "\n".join(
    f"X:{number}\nT:{title}\nM:2/4\nL:1/8\nQ:1/4=72\nK:C\n{'CDEG AGED |' * (number + 2)} C4 |]\n"
    for number, title in enumerate(TITLES, start=1)
)


def melody(seed: int, notes: int, shift: int = 0) -> Score:
    """Return a pentatonic melody of eighths and quarters that another seed does not resemble."""
    tones = (60, 62, 64, 67, 69, 72)
    rows, tick, state = [], 0, seed * 7919 + 1
    for _ in range(notes):
        state = (state * 1103515245 + 12345) % 2**31
        length = (240, 480)[state >> 16 & 1]
        rows.append((tick, length, tones[(state >> 18) % 6] + shift))
        tick += length
    return Score(make_notes(rows), metres=(Metre(0, 2, 4),), tempi=(Tempo(0, 90.0),))


def write_inputs(folder: Path) -> Path:
    """Fill a folder with scores, and with files that are none."""
    folder.mkdir()
    (folder / "book.abc").write_text(BOOK, "utf-8")
    for number in range(6):
        writers.write(melody(number, 30), folder / f"tune{number}.mid")
    writers.write(melody(0, 30, shift=5), folder / "again.mid")  # tune0 in another key: one family
    writers.write(melody(1, 30), folder / "line\nbreak \x1b[31m.mid")
    with suppress(OSError, UnicodeError):  # file systems that want UTF-8
        writers.write(melody(9, 25), folder / os.fsdecode(b"half \xff pair.mid"))
    (folder / "cut.mid").write_bytes((folder / "tune2.mid").read_bytes()[:-40])
    (folder / "empty.mid").write_bytes(b"")
    (folder / "notes.md").write_text("not a score")
    return folder


def make_dataset(folder: Path) -> Path:
    """Convert the small corpus into ``folder / "small.symgen"`` and return it."""
    convert(ConvertRequest([write_inputs(folder / "scores")], folder / "small.symgen", style="folk"))
    return folder / "small.symgen"


def seal(folder: Path) -> None:
    """Put the digests of a changed dataset right, as somebody would who wants to hide the change."""
    path = folder / "dataset.json"
    facts = json.loads(path.read_bytes())
    facts["files"] = {name: file_digest(folder / name) for name in facts["files"]}
    path.write_bytes(json_text(facts | {"digest": facts_digest(facts)}))
