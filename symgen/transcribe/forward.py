"""The network of :mod:`symgen.transcribe.network` in numpy: the same weights, no torch.

Hearing needs no gradients, and a convolution over few channels is a product of matrices. Batch norms are folded into
the weights before them. A test holds the outputs of both equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from symgen.transcribe import frontend

Array = NDArray[np.float32]

LOWEST = 33
"""MIDI pitch of the first key of the outputs: a guqin's lowest string, three semitones low."""
KEYS = 61
"""Keys of the outputs, up to MIDI 93."""
HARMONICS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
"""Multiples of its frequency that are seen side by side at every pitch."""
OCTAVE = 12
EPSILON = 1e-5
"""What batch norms add to the variance."""


class Forward:
    """Weights of a :class:`symgen.transcribe.network.Transcriber`, laid out for hearing.

    Parameters
    ----------
    weights : mapping of str to ndarray
        Its state, any floating type.
    dilations : sequence of int
        Frames of dilation of each block.

    Raises
    ------
    KeyError, ValueError
        If the weights are not those of such a network.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.floating]], dilations: Sequence[int]) -> None:
        w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
        self.size = sum(value.size for name, value in w.items() if "running" not in name)
        self.dilations = tuple(int(step) for step in dilations)
        stem, gain, place = _folded(w, "stem.weight", "stem_norm")
        width = len(stem)
        _expect(stem.shape, (width, frontend.CHANNELS * len(HARMONICS), 3, 7))
        self._stem = [_columns(stem[:, :, tap]) for tap in range(3)]
        bias = (w["stem.bias"][:, None] + w["place"][:, 0]) * gain[:, None] + place[:, None]
        self._place = np.ascontiguousarray(bias.T, np.float32)  # (KEYS, width)
        _expect(self._place.shape, (KEYS, width))
        self._blocks = []
        for index in range(len(self.dilations)):
            near, _, near_bias = _folded(w, f"blocks.{index}.near.weight", f"blocks.{index}.near_norm")
            far, _, far_bias = _folded(w, f"blocks.{index}.octaves.weight", f"blocks.{index}.octaves_norm")
            _expect(near.shape, (width, width, 3, 3))
            _expect(far.shape, (width, width, 1, 3))
            taps = [_columns(near[:, :, tap]) for tap in range(3)]
            self._blocks.append(
                (taps, near_bias.astype(np.float32), _columns(far[:, :, 0]), far_bias.astype(np.float32))
            )
        if f"blocks.{len(self.dilations)}.near.weight" in w:
            raise ValueError(f"more than {len(self.dilations)} blocks")
        heads = w["heads.weight"]
        _expect(heads.shape, (2 + frontend.BINS_PER_SEMITONE, width, 1, 1))
        self._heads = np.ascontiguousarray(heads[:, :, 0, 0].T, np.float32)
        self._bias = w["heads.bias"].astype(np.float32)

    @property
    def context(self) -> int:
        """Frames before and after a frame that its outputs depend on."""
        return 1 + sum(self.dilations)

    def __call__(self, heard: Array) -> tuple[Array, Array, Array]:
        """Return probabilities of onset, frame ``(frames, KEYS)`` and contour ``(frames, KEYS * 3)``.

        Parameters
        ----------
        heard : float32, shape (frames, frontend.CHANNELS, frontend.BINS)
            As :func:`symgen.transcribe.frontend.compress` gives it; before and after it there is silence.
        """
        state = _over_time(_stem_windows(heard), self._stem, 1)  # (frames, KEYS, width)
        state += self._place
        np.maximum(state, 0.0, out=state)
        for (near, near_bias, far, far_bias), dilation in zip(self._blocks, self.dilations, strict=True):
            inner = _over_time(_beside(state, 1), near, dilation)
            inner += near_bias
            np.maximum(inner, 0.0, out=inner)
            state += _product(_beside(inner, OCTAVE), far)
            state += far_bias
            np.maximum(state, 0.0, out=state)
        out = _product(state, self._heads)
        out += self._bias
        out = np.asarray(1.0 / (1.0 + np.exp(-np.clip(out, -60.0, 60.0))), np.float32)
        return out[:, :, 0], out[:, :, 1], np.ascontiguousarray(out[:, :, 2:]).reshape(len(out), -1)


def _expect(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise ValueError(f"weights of shape {found} where {wanted} is expected")


def _folded(
    w: Mapping[str, NDArray[np.float64]], convolution: str, norm: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of a convolution with the norm behind it, the norm's gain, and the bias it adds."""
    gain = w[f"{norm}.weight"] / np.sqrt(w[f"{norm}.running_var"] + EPSILON)
    return w[convolution] * gain[:, None, None, None], gain, w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * gain


def _columns(taps: NDArray[np.float64]) -> Array:
    """Return weights ``(out, in, taps)`` as a matrix ``(taps * in, out)``."""
    return np.ascontiguousarray(taps.transpose(2, 1, 0).reshape(-1, len(taps)), np.float32)


def _stem_windows(heard: Array) -> Array:
    """Return what the stem sees at each key: seven bins of each harmonic, ``(frames, KEYS, 7 * channels * 8)``."""
    per = frontend.BINS_PER_SEMITONE
    frames, channels, bins = heard.shape
    base = (LOWEST - frontend.LOWEST_PITCH) * per - 2
    width = KEYS * per + 4
    shifts = [round(12 * per * float(np.log2(ratio))) for ratio in HARMONICS]
    before, after = max(0, -(base + min(shifts))), max(0, base + max(shifts) + width - bins)
    padded = np.zeros((frames, bins + before + after, channels), np.float32)
    padded[:, before : before + bins] = heard.transpose(0, 2, 1)
    seen = np.empty((frames, KEYS, 7, len(HARMONICS), channels), np.float32)
    for place, shift in enumerate(shifts):
        first = before + base + shift
        for tap in range(7):
            seen[:, :, tap, place] = padded[:, first + tap : first + tap + (KEYS - 1) * per + 1 : per]
    return seen.reshape(frames, KEYS, -1)


def _beside(state: Array, away: int) -> Array:
    """Return each key's channels between those of the keys `away` below and above, ``(frames, KEYS, 3 * width)``."""
    frames, keys, width = state.shape
    out = np.zeros((frames, keys, 3, width), np.float32)
    out[:, away:, 0] = state[:, :-away]
    out[:, :, 1] = state
    out[:, :-away, 2] = state[:, away:]
    return out.reshape(frames, keys, -1)


def _over_time(seen: Array, taps: Sequence[Array], dilation: int) -> Array:
    """Return the sum of products with the frames `dilation` before, the frame itself, and `dilation` after."""
    before, here, after = taps
    out = _product(seen, here)
    if dilation < len(seen):
        out[dilation:] += _product(seen[:-dilation], before)
        out[:-dilation] += _product(seen[dilation:], after)
    return out


def _product(seen: Array, weights: Array) -> Array:
    """Return the matrix product over the last axis, as one of two matrices: of many small ones it is slower."""
    flat = seen.reshape(-1, seen.shape[-1]) @ weights
    return np.asarray(flat.reshape(*seen.shape[:-1], -1))
