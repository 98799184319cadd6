"""Transcribe a whole guzheng piece on recorded notes, from an mp3 by the command, and compare it with what was played.

``python benchmarks/whole_piece.py PIECE.abc SAMPLES [--seconds 170]``: the piece is played with ornaments by the
recorded notes that no training hears, in a room with noise, and written as mp3. What the command makes of it is
compared with the strokes (onset F1 within 50 ms and 50 cents, pitch along bends) and with the piece (gong, mode,
metre, tempo at each beat).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import soxr
from transcription import Clip, Tally, measure, ours

from symgen.readers import read_pieces
from symgen.sound.pieces import from_score
from symgen.sound.presets import preset
from symgen.sound.room import random_recording
from symgen.sound.samples import load_bank, reachable, render_samples
from symgen.sound.strokes import settled
from symgen.theory.degrees import pitch_class_name
from symgen.transcribe.audio import blocks, open_audio
from symgen.transcribe.features import RATE

COMMAND = "from symgen.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piece", type=Path)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--seconds", type=float, default=170.0)
    parser.add_argument("--qpm", type=float, default=66.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    chance = np.random.default_rng(options.seed)
    bank = load_bank(options.samples, part="test")
    piece = read_pieces(options.piece)[0].score
    played = from_score(piece, preset("guzheng"), chance, qpm=options.qpm, freedom=0.5)
    music = [note for note in played if note.onset < options.seconds]
    notes = settled(reachable([replace(note, pitch=note.pitch + 0.2) for note in music], bank), bank)
    made, length = random_recording(chance), max(note.onset for note in music) + 4.0
    sound = render_samples(
        notes, bank, sample_rate=RATE, seed=options.seed, seconds=length, room=made.room, microphone=made.microphone,
        noise=made.noise,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        take = Path(folder, "take.mp3")
        soundfile.write(take, soxr.resample(sound, RATE, 44_100), 44_100, format="MP3")
        begin = time.perf_counter()
        command = [sys.executable, "-c", COMMAND, "transcribe", str(take), "-o", f"{folder}/take.mid", "--json", "-q"]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["recordings"][0]
        took = time.perf_counter() - begin
        back = read_pieces(Path(folder, "take.mid"))[0].score
        heard = np.concatenate(list(blocks(open_audio(take), RATE)))
    tally = Tally([], [], [])
    measure(Clip(heard, notes), ours("auto"), tally)
    key = piece.keys[0] if piece.keys else None
    print(
        f"{options.piece.stem}: {len(notes)} strokes in {length:.0f} s, {sum(n.bend is not None for n in notes)} bent"
    )
    print(f"heard: {told['notes']} strokes, {told['techniques']}, flags {told['flags']}, {took:.0f} s")
    print(f"onset F1 {tally.onset[0]:.3f}, with offset {tally.both[0]:.3f}, bends {np.mean(tally.slides):.0f} cents")
    shift = round(np.median([n.pitch for n in played]) - np.median(piece.notes["pitch"])) % 12
    wanted = f"{pitch_class_name((key.gong + shift) % 12)} {key.mode}" if key else "not stated"
    print(
        f"gong and mode: {told['gong_name']} {told['mode']}, played {wanted}; tuning {told['tuning_cents']} cents of 20"
    )
    tempi = [tempo.qpm for tempo in back.tempi]
    print(f"tempo: median {np.median(tempi):.1f} of {options.qpm:g} qpm; kind {told['kind']}, mode {told['mode_used']}")
    metres = [[f"{m.numerator}/{m.denominator}" for m in score.metres][:1] for score in (back, piece)]
    print(f"metre: {metres[0]}, written {metres[1]}")


if __name__ == "__main__":
    main()
