"""The clips of ``benchmarks/transcription.py`` and General MIDI koto, beside swift-f0 and basic-pitch in one run.

    python benchmarks/transcription_peers.py --samples SAMPLES --peers PEERS/bin/python --clips 10

PEERS is a virtual environment of its own with ``pip install --no-deps basic-pitch`` and onnxruntime, librosa, mir_eval,
pretty_midi, resampy and soundfile: its package asks for TensorFlow, its network runs without. It is given the best of a
grid of settings, chosen on the clips that it is then measured on; "as shipped" stands beside it. Koto is rendered by
fluidsynth with the sound font that pretty_midi brings, if fluidsynth is installed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from transcription import RATE, REAL, SETS, Clip, Found, Tally, clips_of, measure, ours, swift_f0_alone

from symgen import writers
from symgen.score import Score, Tempo, make_notes
from symgen.sound.model import SoundNote
from symgen.sound.pieces import random_music

KOTO = "General MIDI koto"
_KOTO_PROGRAM = 107

BASIC_PITCH = """
import json, sys, warnings, logging
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
from basic_pitch import ICASSP_2022_MODEL_PATH
from basic_pitch.inference import Model, run_inference
from basic_pitch.note_creation import model_output_to_notes
from pathlib import Path
import basic_pitch
model = Model(Path(basic_pitch.__file__).parent / "saved_models/icassp_2022/nmp.onnx")
grid = json.loads(sys.argv[1])
for path in sys.stdin.read().split("\\0"):
    output = run_inference(path, model)
    found = []
    for onset, frame, length in grid:
        notes = model_output_to_notes({k: v.copy() for k, v in output.items()}, onset, frame, min_note_len=length,
                                      min_freq=50.0, max_freq=2000.0, melodia_trick=length > 5)[1]
        found.append([[float(n[0]), float(n[1]), int(n[2])] for n in notes])
    print(json.dumps(found), flush=True)
"""
SHIPPED = (0.5, 0.3, 11)
GRID = (SHIPPED, *((onset, frame, 3) for onset in (0.3, 0.4, 0.5, 0.6, 0.7) for frame in (0.15, 0.3)))
"""Onset threshold, frame threshold, frames of the shortest note."""


def koto(seed: int, folder: Path) -> Clip:
    """Render music by a sampled koto, an instrument that nothing here has heard."""
    import pretty_midi
    import soundfile

    chance = np.random.default_rng([seed, 107])
    music = random_music(chance, "guzheng", 17.0, gestures=("octaves", "arpeggio", "melody"))
    rows = [(round(960 * n.onset), max(1, round(960 * n.duration)), round(n.pitch), n.velocity) for n in music]
    writers.write(Score(make_notes(rows), tempi=(Tempo(0, 120.0),)), folder / "koto.mid")
    midi = pretty_midi.PrettyMIDI(str(folder / "koto.mid"))
    for instrument in midi.instruments:
        instrument.program = _KOTO_PROGRAM
    midi.write(str(folder / "koto.mid"))
    font = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    words = ["fluidsynth", "-ni", "-q", "-r", str(RATE), "-g", "0.6", "-F", str(folder / "koto.wav"), str(font)]
    subprocess.run([*words, str(folder / "koto.mid")], check=True, capture_output=True)
    sound, _ = soundfile.read(folder / "koto.wav", dtype="float32", always_2d=True)
    notes = [SoundNote(n.onset, n.duration, float(round(n.pitch)), n.velocity) for n in music]
    return Clip(sound.mean(axis=1), notes)


def basic_pitch(python: str, clips: list[Clip], folder: Path) -> Iterator[list[Found]]:
    """Yield for each clip what basic-pitch finds with each setting of the grid."""
    import soundfile

    paths = []
    for number, clip in enumerate(clips):
        paths.append(str(folder / f"{number}.wav"))
        soundfile.write(paths[-1], clip.sound, RATE)
    done = subprocess.run(
        [python, "-c", BASIC_PITCH, json.dumps(GRID)],
        input="\0".join(paths),
        capture_output=True,
        text=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        if line.startswith("[["):
            yield [_found(rows) for rows in json.loads(line)]


def _found(rows: list[list[float]]) -> Found:
    table = np.array(rows, dtype=float).reshape(-1, 3)
    table = table[table[:, 1] > table[:, 0]]
    return Found(table[:, :2], table[:, 2], lambda index, times: np.full(len(times), table[index, 2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="folder of recorded notes")
    parser.add_argument("--peers", help="a Python with basic-pitch")
    parser.add_argument("--clips", type=int, default=10)
    request = parser.parse_args()
    names = [*SETS, *([REAL] if request.samples else []), *([KOTO] if shutil.which("fluidsynth") else [])]
    print("| clips | transcriber | onset F1 | onset and offset F1 | pitch along bends, cents |\n|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if name == KOTO:
                clips = [koto(seed, folder) for seed in range(request.clips)]
            else:
                clips = list(clips_of(name, request.clips, request.samples))
            rows = {}
            for who, listen in (("symgen", ours("auto")), ("swift-f0", swift_f0_alone())):
                rows[who] = Tally([], [], [])
                for clip in clips:
                    measure(clip, listen, rows[who])
            if request.peers:
                tallies = [Tally([], [], []) for _ in GRID]
                for clip, found in zip(clips, basic_pitch(request.peers, clips, folder), strict=True):
                    for tally, one in zip(tallies, found, strict=True):
                        measure(clip, lambda _, one=one: one, tally)
                rows["basic-pitch as shipped"] = tallies[0]
                rows["basic-pitch, best setting"] = max(tallies, key=lambda tally: np.mean(tally.onset))
            for who, tally in rows.items():
                cents = f"{np.mean(tally.slides):.0f}" if tally.slides else ""
                both = "" if name == KOTO else f"{np.mean(tally.both):.3f}"
                print(f"| {name} | {who} | {np.mean(tally.onset):.3f} | {both} | {cents} |", flush=True)


if __name__ == "__main__":
    main()
