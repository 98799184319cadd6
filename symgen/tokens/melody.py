"""Melody tokens: degree relative to gong, octave, and technique.

All twelve degrees are there, so that nothing in twelve tones is unrepresentable. The octave counts
from a reference gong near the middle of the piece (guqin leaps are mostly register switches, so
octave is a factor of its own), and so a transposed piece has the same tokens.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from symgen.score import Technique
from symgen.theory.degrees import DEGREES
from symgen.tokens.vocabulary import Vocabulary

NAME: Final = "melody"

OCTAVES: Final = range(-4, 5)
REST: Final = 1
"""Number of the token for a step in which nothing is struck."""

_FIRST = 2
_TONES = [(octave, degree, technique) for technique in Technique for octave in OCTAVES for degree in range(12)]


def _label(octave: int, degree: int, technique: Technique) -> str:
    marks = "'" * octave if octave > 0 else "," * -octave
    return DEGREES[degree] + marks + ("" if technique is Technique.PLUCK else f"@{technique.name.lower()}")


RELATIVE: Final[NDArray[np.int64]] = np.array([0, 0] + [12 * octave + degree for octave, degree, _ in _TONES])
"""Semitones above the reference gong of each token; 0 for ``<start>`` and ``rest``."""
DEGREE: Final[NDArray[np.int64]] = np.array([-1, -1] + [degree for _, degree, _ in _TONES])
"""Semitones above the nearest gong below, 0..11, of each token; -1 for ``<start>`` and ``rest``."""
TECHNIQUE: Final[NDArray[np.int64]] = np.array([-1, -1] + [int(technique) for _, _, technique in _TONES])
"""Technique of each token; -1 for ``<start>`` and ``rest``."""

VOCABULARY: Final = Vocabulary(
    NAME,
    ("<start>", "rest", *tuple(_label(*tone) for tone in _TONES)),
    {
        "degree": DEGREE + 1,
        "octave": np.array([0, 0] + [octave - OCTAVES.start + 1 for octave, _, _ in _TONES]),
        "technique": TECHNIQUE + 1,
    },
)


def melody_token(relative: int, technique: int) -> tuple[int, bool]:
    """Return the token of a tone and whether it had to be moved by octaves to be representable.

    Parameters
    ----------
    relative : int
        Semitones above the reference gong.
    technique : int
        A :class:`~symgen.notes.Technique`.
    """
    octave, degree = divmod(relative, 12)
    inside = min(max(octave, OCTAVES.start), OCTAVES.stop - 1)
    number = _FIRST + (technique * len(OCTAVES) + inside - OCTAVES.start) * 12 + degree
    return number, inside != octave
