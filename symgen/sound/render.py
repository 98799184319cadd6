"""Notes become sound: additive synthesis of plucked strings, then a room, a microphone and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symgen.errors import UsageError
from symgen.sound._workshop import Workshop
from symgen.sound.model import SoundModel, SoundNote
from symgen.sound.room import Microphone, Noise, Room, record
from symgen.sound.strokes import MOST_SECONDS, checked_notes, settled, until_struck

__all__ = ["SAMPLE_RATE", "Samples", "SoundNote", "checked_notes", "render", "settled"]

SAMPLE_RATE = 22_050
Samples = NDArray[np.float32]


def render(
    notes: Sequence[SoundNote],
    model: SoundModel,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    channels: int = 1,
    seconds: float | None = None,
    room: Room | None = None,
    microphone: Microphone | None = None,
    noise: Noise | None = None,
    peak: float = 0.7,
) -> Samples:
    """Return the sound of `notes` on an instrument.

    Parameters
    ----------
    notes : sequence of SoundNote
        In any order. A stroke on a string that still sounds ends the tone before it.
    model : SoundModel
        The instrument.
    sample_rate : int
        Samples a second, 8,000 to 192,000.
    seed : int
        The same seed gives the same samples.
    channels : {1, 2}
        Mono or stereo.
    seconds : float, optional
        Length; if not given, until everything has faded.
    room, microphone, noise : optional
        What else is on a recording; nothing if not given. A microphone sets its own level.
    peak : float
        Largest absolute sample where no microphone sets the level.

    Returns
    -------
    ndarray of float32, shape (samples,) or (samples, 2)
        Finite, within -1 to 1.

    Raises
    ------
    UsageError
        For a note or an argument out of range.
    """
    if not 8000 <= sample_rate <= 192_000:
        raise UsageError(f"sample rate {sample_rate}", expected="8000 to 192000 Hz")
    if channels not in (1, 2):
        raise UsageError(f"{channels} channels", expected="1 or 2")
    if not 0.0 < peak <= 1.0:
        raise UsageError(f"peak {peak}", expected="more than 0 and at most 1")
    checked = checked_notes(notes)
    if seconds is None:
        last = max((note.onset + note.duration for note in settled(checked, model)), default=0.0)
        seconds = last + 0.5 + (0.6 * room.t60 if room else 0.0)
    if not 0.0 <= seconds <= MOST_SECONDS:
        raise UsageError(
            f"a recording of {seconds:.1f} s", expected=f"0 to {MOST_SECONDS:.0f} s", remedy="render parts"
        )
    chance = np.random.default_rng([seed, model.seed])
    out = np.zeros((channels, round(seconds * sample_rate)), np.float32)
    if out.shape[1]:
        workshop = Workshop(model, sample_rate, chance)
        for note, struck in zip(checked, until_struck(checked), strict=True):
            workshop.add(note, struck, out)
        workshop.collected.sound(out)
    out = record(out, sample_rate, chance, room=room, microphone=microphone, noise=noise, peak=peak)
    return out[0] if channels == 1 else np.ascontiguousarray(out.T)
