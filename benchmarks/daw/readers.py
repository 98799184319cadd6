"""Compose, write in every layout, read back with four libraries, and print what differs.

``python benchmarks/daw/readers.py --pieces 20`` composes so many pieces a style, writes each as MIDI in the layouts
merged, strings and mpe, and reads the files with mido, pretty_midi, symusic and music21. Notes (onset, length, pitch,
velocity, in ticks) and wheel messages (tick, value, a channel at a time) are compared with mido's; control points of
the curves with what the wheel stands at. ``--projects`` also checks every DAWproject file against the schema in that
folder (needs lxml) and parses every REAPER project with ``rpp`` and ``rppxml``, where they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
import zipfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from symgen.compose import compose
from symgen.performance import Performance
from symgen.units import bend_to_cents
from symgen.writers import LAYOUTS, Options, dawproject, midi, rpp
from symgen.writers._layout import lay_out
from tests.writers.test_layouts import by_mido, by_music21, by_pretty_midi, by_symusic

READERS = {"pretty_midi": by_pretty_midi, "symusic": by_symusic, "music21": by_music21}


def worst_cents(performance: Performance, layout: str, data: bytes) -> tuple[int, float]:
    """Return how many control points sound on their own channel, and the worst difference in cents."""
    import mido

    count, worst = 0, 0.0
    tracks = mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks[1:]
    for part, track in zip(lay_out(performance, Options(layout)), tracks, strict=True):
        wheel, tick = [(0, 0)], 0
        for message in track:
            tick += message.time
            if message.type == "pitchwheel":
                wheel.append((tick, message.pitch))
        onsets = sorted(note.onset for note in part.notes)
        for note in part.notes:
            later = [onset for onset in onsets if onset > note.onset]
            stop = min([note.onset + note.duration, *later[:1]])
            if sum(onset == note.onset for onset in onsets) > 1:
                continue  # a chord on one wheel: one curve is kept
            for bend in note.bends:
                at = note.onset + bend.offset
                if at < stop:
                    stands = next(value for when, value in reversed(wheel) if when <= at)
                    worst = max(worst, abs(bend_to_cents(stands, part.bend_range) - bend.cents))
                    count += 1
    return count, worst


def project_faults(performance: Performance, layout: str, schemas: dict[str, object]) -> Counter[str]:
    """Return what strict readers say about the projects."""
    found: Counter[str] = Counter()
    text = rpp.encode(performance, options=Options(layout)).decode()
    for library in ("rpp", "rppxml"):
        if importlib.util.find_spec(library):
            root = importlib.import_module(library).loads(text)
            found[f"{library} parsed"] += (getattr(root, "tag", "") or getattr(root, "name", "")) == "REAPER_PROJECT"
    archive = zipfile.ZipFile(io.BytesIO(dawproject.encode(performance, options=Options(layout))))
    for name, schema in schemas.items():
        from lxml import etree

        valid = schema.validate(etree.fromstring(archive.read(name)))
        found[f"{name} {'valid' if valid else 'not valid'}"] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--bars", type=int, default=32)
    parser.add_argument("--projects", type=Path, metavar="SCHEMAS", help="folder with Project.xsd and MetaData.xsd")
    arguments = parser.parse_args()
    schemas = {}
    if arguments.projects and importlib.util.find_spec("lxml"):
        from lxml import etree

        for name, file in (("project.xml", "Project.xsd"), ("metadata.xml", "MetaData.xsd")):
            schemas[name] = etree.XMLSchema(etree.parse(arguments.projects / file))
    for style in ("guqin", "guzheng"):
        pieces = [
            compose(style=style, seed=seed, bars=arguments.bars).takes[0].performance
            for seed in range(arguments.pieces)
        ]
        for layout in LAYOUTS:
            same, notes, points, worst = Counter(), 0, 0, 0.0
            projects: Counter[str] = Counter()
            for piece in pieces:
                data = midi.encode(piece, options=Options(layout))
                expected = by_mido(data)
                notes += len(expected[0])
                for name, reader in READERS.items():
                    same[name] += reader(data) == expected
                count, cents = worst_cents(piece, layout, data)
                points, worst = points + count, max(worst, cents)
                if arguments.projects:
                    projects += project_faults(piece, layout, schemas)
            agreed = ", ".join(f"{name} {same[name]}/{len(pieces)}" for name in READERS)
            print(
                f"{style} {layout}: {notes} notes; the same by {agreed}; {points} control points, worst {worst:.2f} c"
            )
            if projects:
                print("   ", ", ".join(f"{what} {count}" for what, count in sorted(projects.items())))


if __name__ == "__main__":
    main()
