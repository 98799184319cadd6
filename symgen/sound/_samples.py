"""The kernel that plays a recorded note at another speed, which may change on the way."""

from __future__ import annotations

from typing import Any

from symgen.native import kernel


@kernel
def add_resampled(
    source: Any, speed: float, curve: Any, block: int, gain: float, damped: int, release: float, start: int, out: Any
) -> None:
    """Add a recorded note.

    Parameters
    ----------
    source : ndarray of float32, shape (samples,)
        The recording.
    speed : float
        Samples of `source` for one of `out`.
    curve : ndarray of float64, shape (points,)
        Factors on the speed, one for every `block` samples of `out`, straight lines between; the last one holds on.
    block : int
        Samples between points.
    gain : float
        Amplitude.
    damped : int
        Samples after the start from which the string is damped.
    release : float
        Factor of the damping, a sample.
    start : int
        First sample of `out`.
    out : ndarray of float32, shape (samples,)
        Continued.
    """
    place, level = 1.0, gain
    last, most = len(source) - 3, len(out) - start
    for index in range(most):
        whole = int(place)
        if whole > last:
            break
        x = place - whole
        before, here, after, beyond = source[whole - 1], source[whole], source[whole + 1], source[whole + 2]
        # cubic of Catmull and Rom
        value = here + 0.5 * x * (
            after
            - before
            + x * (2.0 * before - 5.0 * here + 4.0 * after - beyond + x * (3.0 * (here - after) + beyond - before))
        )
        out[start + index] += level * value
        if index >= damped:
            level *= release
            if level < 1e-5 * gain:
                break
        point = index // block
        if point >= len(curve) - 1:
            factor = curve[len(curve) - 1]
        else:
            factor = curve[point] + (curve[point + 1] - curve[point]) * (index - point * block) / block
        place += speed * factor
