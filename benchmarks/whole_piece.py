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
from transcription import Clip, Tally, found_of, measure

from symgen.readers import read_pieces
from symgen.sound.model import SoundNote
from symgen.sound.pieces import fitting_transposition, from_score
from symgen.sound.presets import preset
from symgen.sound.room import random_recording
from symgen.sound.samples import load_bank, reachable, render_samples
from symgen.sound.strokes import settled
from symgen.transcribe import transcribe
from symgen.transcribe.audio import blocks, open_audio
from symgen.transcribe.features import RATE
from symgen.transcribe.notes import Transcription
from symgen.transcribe.source import Sound
from symgen.units import ticks_to_seconds

COMMAND = "from symgen.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("piece", type=Path)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--seconds", type=float, default=170.0)
    parser.add_argument("--qpm", type=float, help="the piece's own tempo by default")
    parser.add_argument("--gong", help="where the piece does not state it")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    chance = np.random.default_rng(options.seed)
    bank = load_bank(options.samples, part="test")
    piece = read_pieces(options.piece)[0].score
    qpm = options.qpm or piece.tempi[0].qpm
    played = from_score(piece, preset("guzheng"), chance, qpm=qpm, freedom=0.5)
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
    found = transcribe(Sound([heard], RATE))
    tally = Tally([], [], [])
    measure(Clip(heard, notes), lambda _: found_of(found), tally)
    bent = sum(note.bend is not None for note in notes)
    print(f"{options.piece.stem}: {len(notes)} strokes in {length:.0f} s, {bent} bent")
    print(f"heard: {told['notes']} strokes, {told['techniques']}, flags {told['flags']}, {took:.0f} s")
    print(f"onset F1 {tally.onset[0]:.3f}, with offset {tally.both[0]:.3f}, bends {np.mean(tally.slides):.0f} cents")
    shift = fitting_transposition(piece, preset("guzheng"))
    print(f"played {shift:+d} semitones from {options.gong}; heard gong {told['gong_name']}, mode {told['mode']}")
    print(f"tuning {told['tuning_cents']} cents of 20; kind {told['kind']}, mode {told['mode_used']}")
    print(f"tempo: median {np.median([tempo.qpm for tempo in back.tempi]):.1f} of {qpm:g} qpm")
    print(f"note values as played: {values_kept(found, notes, qpm):.2f}")
    metres = [[f"{m.numerator}/{m.denominator}" for m in score.metres][:1] for score in (found.score, piece)]
    print(f"metre: {metres[0]}, written {metres[1]}")


def values_kept(found: Transcription, notes: list[SoundNote], qpm: float) -> float:
    """Return the share of times between strokes that come out as the written value, at the best octave of the tempo."""
    begins = np.unique(np.round([note.onset for note in notes], 2))
    begins = begins[np.diff(begins, prepend=-1.0) > 0.04]  # together is one
    score = found.score.notes["onset"] / found.score.ticks_per_quarter
    wanted = np.round(np.diff(begins) * qpm / 60.0 * 4.0) / 4.0
    if len(score) == 0:
        return 0.0
    tempi = [(tempo.tick, tempo.qpm) for tempo in found.score.tempi]
    places = ticks_to_seconds(found.score.notes["onset"], tempi, found.score.ticks_per_quarter)
    near = np.abs(places[None, :] - begins[:, None]).argmin(axis=1)
    given = np.diff(score[near])
    far = np.abs(places[near] - begins) > 0.15
    bad = far[1:] | far[:-1]
    return max(float((np.isclose(given * factor, wanted, atol=0.13) & ~bad).mean()) for factor in (0.5, 1.0, 2.0))


if __name__ == "__main__":
    main()
