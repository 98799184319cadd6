"""Small pieces and small networks that the tests of the models share."""

import numpy as np
import torch

from symgen.models.generator import Generator, GeneratorConfig
from symgen.score import Metre, Score, Technique, make_notes
from symgen.tokens.codec import encode

TINY = GeneratorConfig(width=16, layers=1, heads=2, window=32, dropout=0.1)
PENTATONIC = [60, 62, 64, 67, 69, 72, 74]
TWO_FOUR = (Metre(0, 2, 4),)
LENGTHS = [120, 160, 240, 480, 96, 720]


def random_tune(seed, notes=40, metres=TWO_FOUR, style="guqin"):
    """Return the tokens of a random tune that repeats its first half, with some fifths, rests and techniques."""
    rng = np.random.default_rng(seed)
    rows, onset = [], 0
    for _ in range(notes):
        length, pitch = int(rng.choice(LENGTHS)), int(rng.choice(PENTATONIC))
        technique = Technique.HARMONIC if rng.random() < 0.2 else Technique.PLUCK
        rows.append((onset, length, pitch, 80, 0, technique))
        if rng.random() < 0.2:
            rows.append((onset, length, pitch - 7, 80, 0, technique))
        onset += length + (240 if rng.random() < 0.1 else 0)
    half = [row for row in rows if row[0] < onset // 2]
    rows += [(row[0] + onset, *row[1:]) for row in half]
    return encode(Score(make_notes(rows), metres=metres), style=style, gong=0)


def random_generator(config=TINY, seed=0, scale=0.3):
    """Return a generator in which every weight counts: those that begin at zero or one are random too."""
    torch.manual_seed(seed)
    model = Generator(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(scale * torch.randn_like(weight) / max(1, weight.shape[-1]) ** 0.5)
    return model.eval()
