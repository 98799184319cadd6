"""Music out of recorded single notes: what the model cannot know about real strings.

The notes stay where they are: a folder is named by the caller and never copied. Each recording is moved by at most
four semitones; bends change its speed on the way. Notes are split by recording, so that a test hears strings that no
training has heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ReadError, UsageError
from symgen.native import compiled
from symgen.sound._samples import add_resampled
from symgen.sound.model import SoundNote
from symgen.sound.render import SAMPLE_RATE
from symgen.sound.room import Microphone, Noise, Room, record
from symgen.sound.strokes import MOST_SECONDS, checked_notes, until_struck

Samples = NDArray[np.float32]

MOST_SHIFT = 4.0
"""Semitones by which a recording is moved at most."""

HELD_OUT = frozenset((40, 43, 48, 50, 57, 64, 67, 72, 74, 83))
"""MIDI notes of the guzheng recordings kept for tests.

Eight files of that set are another one of it at another speed (C and D, E and G of each octave): they go together, so
these are six recordings of seventeen. Both parts reach every open string with shifts of at most four semitones.
"""

PARTS = ("training", "test", "all")

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_CLASSES = {**_STEPS, **{f"{name}#": step + 1 for name, step in _STEPS.items()}}
_CUT_RELEASE = 0.05
_FRAME_SECONDS = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class RecordedNote:
    """One recorded note.

    Parameters
    ----------
    pitch : float
        MIDI pitch, with fraction, as measured.
    samples : ndarray of float32, shape (samples,)
        From the attack on, largest absolute value 1.
    levels_db : ndarray of float64, shape (frames,)
        Level of every 20 ms against the loudest.
    """

    pitch: float
    samples: Samples
    levels_db: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SampleBank:
    """Recorded notes of one instrument.

    Parameters
    ----------
    sample_rate : int
        Of the recordings.
    notes : tuple of RecordedNote
        In order of pitch.
    tuning_cents : float
        0: the notes are moved to the pitches they are asked for.
    """

    sample_rate: int
    notes: tuple[RecordedNote, ...]
    tuning_cents: float = 0.0

    def near(self, pitch: float) -> list[RecordedNote]:
        """Return the recordings that may stand for `pitch`, the nearest first."""
        found = sorted(self.notes, key=lambda note: abs(note.pitch - pitch))
        return [note for note in found if abs(note.pitch - pitch) <= MOST_SHIFT + 0.2]  # recordings are a bit off

    def ring_seconds(self, note: SoundNote, decibels: float = 40.0) -> float:
        """Return how long a note is heard if nobody damps it: until it has lost `decibels` or its recording ends."""
        found = self.near(note.pitch)
        if not found:
            return 1e-3
        heard = np.flatnonzero(found[0].levels_db > -decibels)[-1] + 1
        return float(heard * _FRAME_SECONDS * 2.0 ** ((found[0].pitch - note.pitch) / 12.0))


def load_bank(folder: Path, *, part: str = "all", octave: int = 2) -> SampleBank:
    """Read a folder of recordings named after their notes: ``C1.mp3``, ``F#3.wav``.

    Parameters
    ----------
    folder : Path
        Where they lie.
    part : {"training", "test", "all"}
        Which: all but :data:`HELD_OUT`, only these, or both.
    octave : int
        Octaves between a number in a name and the MIDI octave that begins at 0: ``C1`` is 12 * (1 + `octave`).

    Raises
    ------
    UsageError
        If `part` is unknown.
    ReadError
        If the folder holds no such recording, or one cannot be read.
    """
    import soundfile

    if part not in PARTS:
        raise UsageError(f"no part of the recordings is called {part!r}", expected=" or ".join(PARTS))
    notes, rate = [], 0
    for path in sorted(folder.glob("*.*")):
        name, number = path.stem[:-1], path.stem[-1:]
        if name not in _CLASSES or not number.isdigit() or path.suffix not in (".mp3", ".wav", ".flac", ".ogg"):
            continue
        pitch = 12 * (int(number) + octave) + _CLASSES[name]
        if part != "all" and (pitch in HELD_OUT) != (part == "test"):
            continue
        try:
            samples, found = soundfile.read(path, dtype="float32", always_2d=True)
        except (RuntimeError, OSError) as error:
            raise ReadError(f"{path} cannot be read as audio: {error}") from error
        if rate not in (0, found):
            raise ReadError(f"{path} has {found} samples a second", expected=f"{rate} as the others have")
        rate = found
        notes.append(recorded_note(samples.mean(axis=1), rate, pitch))
    if not notes:
        raise ReadError(f"{folder} holds no recorded notes", expected="files named C1.mp3, F#3.wav and so on")
    return SampleBank(rate, tuple(sorted(notes, key=lambda note: note.pitch)))


def recorded_note(samples: Samples, sample_rate: int, pitch: int) -> RecordedNote:
    """Return a recording of about `pitch` trimmed to its attack, its end faded, its pitch and ring measured."""
    samples = _below(samples - samples.mean(), sample_rate, 10_000.0)
    loud = np.abs(samples)
    top = float(loud.max())
    if not top > 1e-4:
        raise ReadError(f"the recording of MIDI note {pitch} is silent", expected="a plucked note")
    attack = max(1, int(np.argmax(loud > 0.1 * top)) - int(0.001 * sample_rate))
    samples = samples[attack - 1 :] / top
    fade = min(len(samples), int(0.25 * sample_rate))
    samples[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32) ** 2
    hop = int(_FRAME_SECONDS * sample_rate)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2).mean(axis=1)
    levels = 10.0 * np.log10(np.maximum(power, 1e-12) / power.max())
    exact = pitch + measured_cents(samples, sample_rate, pitch) / 100.0
    return RecordedNote(exact, samples, np.asarray(levels, np.float64))


def measured_cents(samples: Samples, sample_rate: int, pitch: float) -> float:
    """Return how many cents a note of about `pitch` is off, by its first five partials, the strongest most."""
    size = 2**19
    piece = samples[int(0.05 * sample_rate) : int(1.05 * sample_rate)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size))
    step = sample_rate / size
    first = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    apart, weights = [], []
    for order in range(1, 6):
        low, high = (int(order * first * 2.0 ** (cents / 1200.0) / step) for cents in (-60.0, 60.0))
        if high >= len(spectrum):
            break
        best = low + int(np.argmax(spectrum[low:high]))
        apart.append(1200.0 * np.log2(best * step / (order * first)) - 0.09 * order**2)  # B of about 1e-4
        weights.append(float(spectrum[best]))
    return float(np.average(apart, weights=weights))


def render_samples(
    notes: Sequence[SoundNote],
    bank: SampleBank,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    seconds: float | None = None,
    room: Room | None = None,
    microphone: Microphone | None = None,
    noise: Noise | None = None,
    peak: float = 0.7,
) -> Samples:
    """Return the sound of `notes` made of recorded notes, mono.

    Notes that no recording reaches within four semitones are left out, as :func:`reachable` says. Parameters as for
    :func:`symgen.sound.render.render`; timbres are not told apart.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Finite, within -1 to 1.

    Raises
    ------
    UsageError
        For a note or an argument out of range.
    """
    if not 8000 <= sample_rate <= 192_000:
        raise UsageError(f"sample rate {sample_rate}", expected="8000 to 192000 Hz")
    checked = reachable(checked_notes(notes), bank)
    if seconds is None:
        ends = [note.onset + min(note.duration, bank.ring_seconds(note)) for note in checked]
        seconds = max(ends, default=0.0) + 0.5 + (0.6 * room.t60 if room else 0.0)
    if not 0.0 <= seconds <= MOST_SECONDS:
        raise UsageError(
            f"a recording of {seconds:.1f} s", expected=f"0 to {MOST_SECONDS:.0f} s", remedy="render parts"
        )
    chance = np.random.default_rng([seed, 1])
    out = np.zeros((1, round(seconds * sample_rate)), np.float32)
    play, block = compiled(add_resampled), 32
    for note, struck in zip(checked, until_struck(checked), strict=True):
        near = bank.near(note.pitch)
        source = near[min(len(near) - 1, int(chance.geometric(0.6)) - 1)]
        end = min(note.onset + note.duration, struck - 0.006, note.onset + 60.0)
        release = _CUT_RELEASE if struck < note.onset + note.duration else 0.15
        points = int((float(note.bend[0][-1]) if note.bend else 0.0) * sample_rate / block) + 2
        curve = 2.0 ** (note.cents(np.arange(points) * block / sample_rate) / 1200.0)
        speed = bank.sample_rate / sample_rate * 2.0 ** ((note.pitch - source.pitch) / 12.0)
        gain = (note.velocity / 80.0) ** 2 * float(chance.uniform(0.85, 1.15))
        damped = max(1, round((end - note.onset) * sample_rate))
        falling = 10.0 ** (-3.0 / (release * sample_rate))
        play(source.samples, speed, curve, block, gain, damped, falling, round(note.onset * sample_rate), out[0])
    done: Samples = record(out, sample_rate, chance, room=room, microphone=microphone, noise=noise, peak=peak)[0]
    return done


def reachable(notes: Sequence[SoundNote], bank: SampleBank) -> list[SoundNote]:
    """Return the notes that a recording reaches within four semitones."""
    return [note for note in notes if bank.near(note.pitch)]


def _below(samples: Samples, sample_rate: int, hertz: float) -> Samples:
    """Return `samples` without what is above `hertz`, so that a higher speed folds nothing back."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1.0 / sample_rate) > hertz] = 0.0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)
