"""How fast recordings are decoded: ``python benchmarks/recordings.py [--minutes 10]``.

Ten minutes of stereo in each kind: times real time for the first way through (what the recording is like) and the
second (one channel at 22,050 Hz), by processor time.
"""

from __future__ import annotations

import argparse
import io
import time

import numpy as np
import soundfile

from symgen.transcribe.audio import BLOCK_RATE, blocks, open_audio

KINDS = {
    "wav, 16 bits": ("WAV", "PCM_16"),
    "wav, float64": ("WAV", "DOUBLE"),
    "flac": ("FLAC", "PCM_16"),
    "ogg vorbis": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
RATE = 44100


def recording(minutes: float, container: str, coding: str) -> bytes:
    """Tones that decay, in noise."""
    t = np.arange(60 * RATE) / RATE
    tones = 0.3 * np.sin(2 * np.pi * 220 * 2 ** (np.floor(t * 3) % 5 / 5) * t) * np.exp(-4 * (t * 3 % 1))
    minute = np.stack([tones, tones / 2], axis=1) + np.random.default_rng(0).normal(0, 0.003, (len(t), 2))
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", RATE, 2, format=container, subtype=coding) as file:
        for second in range(round(60 * minutes)):
            start = second % 60 * RATE
            file.write(minute[start : start + RATE])
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    print("| kind | MB | first way | second way |\n|---|---|---|---|")
    for name, (container, coding) in KINDS.items():
        data = recording(minutes, container, coding)
        begin = time.process_time()
        opened = open_audio(data)
        seconds = opened.condition.seconds
        middle = time.process_time()
        samples = sum(map(len, blocks(opened)))
        end = time.process_time()
        assert abs(samples / BLOCK_RATE - seconds) < 0.01
        first, second = seconds / (middle - begin), seconds / (end - middle)
        print(f"| {name} | {len(data) / 1e6:.0f} | {first:,.0f} × | {second:,.0f} × |")


if __name__ == "__main__":
    main()
