"""Compare modelled guzheng notes with recorded ones, and time the renderer.

    python benchmarks/sound.py SAMPLES

SAMPLES is a folder of single notes named C1.mp3, D1.mp3 and so on, C1 being MIDI 36. The presets were fitted to the
training part, after a first look at rates of decay over all of them. Of each note the partials are followed
in time; a distance is the mean difference in dB over partials and times, levels taken against the whole note at its
start. As yardsticks stand the nearest other recording of the same instrument, and a plain synthesiser: partials of
1/k that all decay alike.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.sound.invent import random_music
from symgen.sound.model import SoundNote
from symgen.sound.presets import preset, random_instrument
from symgen.sound.render import render
from symgen.sound.room import random_recording
from symgen.sound.samples import SampleBank, load_bank, recorded_note, render_samples

TIMES = (0.06, 0.15, 0.4, 1.0, 2.0)
FLOOR_DB = -55.0
ORDERS = 24
TOP_HERTZ = 8000.0


def followed(samples: NDArray[np.float32], rate: int, pitch: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the frequencies of partials and their levels, shape (partials, times), in dB against the note's start."""
    first = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    piece = samples[int(0.03 * rate) : int(0.63 * rate)]
    size = 2**19
    spectrum, step = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)), rate / size
    hertz, levels = [], []
    window = int(max(0.06, 3.2 / first) * rate)
    shape = np.hanning(window) / np.hanning(window).sum() * 2.0
    for order in range(1, ORDERS + 1):
        near = order * first * np.sqrt(1.0 + 1e-4 * order**2)
        if near > TOP_HERTZ:
            break
        half = min(0.4 * first, 0.025 * near + 3.0)
        low, high = int((near - half) / step), int((near + half) / step)
        found = (low + int(np.argmax(spectrum[low:high]))) * step
        wave = np.exp(-2j * np.pi * found * np.arange(window) / rate) * shape
        row = []
        for at in TIMES:
            begin = max(0, int(at * rate - window / 2))
            part = samples[begin : begin + window]
            row.append(abs((part * wave[: len(part)]).sum()))
        hertz.append(found)
        levels.append(row)
    power = np.array(levels) ** 2
    return np.array(hertz), 10.0 * np.log10(np.maximum(power, 1e-14) / power[:, 0].sum())


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean difference in dB at each time, where the first is above the floor."""
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    kept = one > FLOOR_DB
    apart = np.where(kept, np.abs(np.maximum(one, FLOOR_DB) - np.maximum(other, FLOOR_DB)), np.nan)
    return np.nanmean(apart, axis=0) if kept.any(axis=0).all() else np.array([np.nanmean(apart)] * len(TIMES))


def stiffness(hertz: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    """Return B by a straight line through (f / k)^2 over k^2, strong partials first."""
    order = np.arange(1, len(hertz) + 1)
    good = levels[:, 0] > -40.0
    if good.sum() < 4:
        return float("nan")
    slope, base = np.polyfit(order[good] ** 2.0, (hertz[good] / order[good]) ** 2, 1)
    return float(slope / base)


def loss(samples: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """Return the seconds in which the whole note loses 10 and 20 dB for good."""
    hop = rate // 50
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1)
    power = np.convolve(power, np.ones(3) / 3, "same")
    after = np.maximum.accumulate(power[::-1])[::-1]
    return tuple(float(np.argmax(after < power.max() / 10 ** (db / 10.0)) * hop / rate) for db in (10, 20))  # type: ignore[return-value]


def modelled(pitch: float, rate: int, seed: int) -> NDArray[np.float32]:
    model = preset("guzheng")
    open_pitches = np.array(model.open_pitches)
    string = int(np.argmin(np.where(open_pitches <= pitch, pitch - open_pitches, 99.0))) + 1 if pitch >= 38 else 0
    note = SoundNote(0.1, 10.0, pitch, 80.0, string)
    sound = render([note], model, sample_rate=rate, seed=seed, seconds=3.3)
    return recorded_note(sound, rate, round(pitch)).samples


def plain(pitch: float, rate: int) -> NDArray[np.float32]:
    time_ = np.arange(3 * rate) / rate
    first = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    top = int(min(ORDERS, TOP_HERTZ / first))
    wave = sum(np.sin(2 * np.pi * k * first * time_) / k for k in range(1, top + 1))
    return np.asarray(wave * 10.0 ** (-12.0 * time_ / 20.0), np.float32)


def compare(bank: SampleBank, everything: SampleBank, seeds: int) -> None:
    rate = bank.sample_rate
    rows, losses, stiff = [], [], []
    for note in bank.notes:
        hertz, real = followed(note.samples, rate, note.pitch)
        sounds = [modelled(note.pitch, rate, seed) for seed in range(seeds)]
        models = [followed(sound, rate, note.pitch) for sound in sounds]
        ours = np.mean([distance(real, levels) for _, levels in models], axis=0)
        others = [other for other in everything.notes if 0.5 < abs(other.pitch - note.pitch) < 8.0]
        apart = [distance(real, followed(other.samples, rate, other.pitch)[1]) for other in others]
        strings = [row for row in apart if row.mean() > 2.0]  # less is the same recording at another speed
        wave = plain(note.pitch, rate)
        rows.append((ours, np.mean(strings, axis=0), distance(real, followed(wave, rate, note.pitch)[1])))
        losses.append((*loss(note.samples, rate), *np.mean([loss(sound, rate) for sound in sounds], axis=0)))
        stiff.append((stiffness(hertz, real), float(np.nanmean([stiffness(h, levels) for h, levels in models]))))
        mine, strings_db, plain_db = (part.mean() for part in rows[-1])
        ten, twenty, model_ten, model_twenty = losses[-1]
        print(
            f"  {note.pitch:6.2f}  model {mine:5.1f} dB  other strings {strings_db:5.1f}  plain {plain_db:5.1f}", end=""
        )
        print(f"  -10 dB {ten:.2f} / {model_ten:.2f} s  -20 dB {twenty:.2f} / {model_twenty:.2f} s", end="")
        print("  B {:.1e} / {:.1e}".format(*stiff[-1]))
    for place, name in enumerate(("model", "other strings", "plain")):
        means = np.mean([row[place] for row in rows], axis=0)
        columns = "".join(f"  {at:.2f} s {db:5.1f}" for at, db in zip(TIMES, means, strict=True))
        print(f"  {name:14s}{columns}  all {means.mean():5.1f} dB")
    ten, twenty, model_ten, model_twenty = np.median(losses, axis=0)
    print(f"  median -10 dB {ten:.2f} / {model_ten:.2f} s, -20 dB {twenty:.2f} / {model_twenty:.2f} s", end="")
    print("  B {:.1e} / {:.1e}".format(*np.nanmedian(stiff, axis=0)))


def speed(bank: SampleBank | None, seconds: float) -> None:
    for kind in ("guqin", "guzheng"):
        chance = np.random.default_rng(0)
        render(random_music(chance, kind, 2.0), preset(kind))  # compiles
        spent = strokes = 0.0
        for seed in range(5):
            model = random_instrument(chance, kind)
            notes = random_music(chance, kind, seconds, model=model)
            recording = random_recording(chance)
            begin = time.process_time()
            render(notes, model, seed=seed, seconds=seconds, room=recording.room, microphone=recording.microphone,
                   noise=recording.noise)  # fmt: skip
            spent += time.process_time() - begin
            strokes += len(notes)
        print(
            f"{kind}: {5 * seconds / spent:.0f} x real time on one core, {strokes / 5 / seconds:.1f} strokes a second"
        )
    if bank is not None:
        notes = random_music(chance, "guzheng", seconds)
        render_samples(notes[:2], bank)
        begin = time.process_time()
        render_samples(notes, bank, seconds=seconds)
        print(f"recorded notes: {seconds / (time.process_time() - begin):.0f} x real time on one core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--no-speed", action="store_true")
    request = parser.parse_args()
    everything = load_bank(request.samples) if request.samples else None
    if everything is not None:
        for part in ("training", "test"):
            print(f"{part} notes: recorded / modelled")
            compare(load_bank(request.samples, part=part), everything, request.seeds)
    if not request.no_speed:
        speed(everything, request.seconds)


if __name__ == "__main__":
    main()
