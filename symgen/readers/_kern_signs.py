"""The signs of kern: what the letters of a token mean, and what is lost with those that a Score cannot hold."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from symgen.score import Technique

GONG_BELOW_TONIC = {"ion": 0, "dor": 2, "phr": 4, "lyd": 5, "mix": 7, "aeo": 9, "minor": 9, "loc": 11}
"""Mode in a key interpretation -> semitones from its gong (the do of its diatonic set) up to its tonic."""

SIGN_LOSSES = {
    ";": "fermata",
    "(": "slur",
    "'": "articulation",
    "`": "articulation",
    "^": "articulation",
    "~": "articulation",
    "s": "articulation",
    '"': "articulation",
    "z": "dynamics",
    "u": "bowing",
    "v": "bowing",
    ":": "arpeggio",
    "M": "ornament",
    "m": "ornament",
    "W": "ornament",
    "w": "ornament",
    "S": "ornament",
    "$": "ornament",
    "O": "ornament",
}
"""Sign in a note token -> reason code for what is lost with it."""

SPINE_LOSSES = {"**dynam": "spine-dynam", "**text": "spine-text", "**silbe": "spine-text", "**harm": "spine-harm"}
"""Kind of spine -> reason code for what is lost with it; the words of a file are never a code."""

SIGN_TECHNIQUES = {
    "o": Technique.HARMONIC,
    "H": Technique.GLISSANDO,
    "@": Technique.TREMOLO,
    "T": Technique.VIBRATO,
    "t": Technique.VIBRATO,
}
"""Sign in a note token -> technique, the first that applies; kern's trill stands for any quick alternation."""

STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_DURATION = re.compile(r"(\d{1,4})(?:%(\d{1,3}))?")
_METRE = re.compile(r"\*M(\d{1,3}(?:\+\d{1,3}){0,20})/(\d{1,2})$")


@lru_cache(maxsize=1024)
def duration_of(token: str) -> Fraction | None:
    """Return the duration of a token in quarters, None if it has none.

    4 is a quarter, 0 a breve, 00 a longa; 3%2 is two thirds of a whole; dots lengthen.
    """
    found = _DURATION.search(token)
    if found is None:
        return None
    if set(found[1]) == {"0"}:
        length = Fraction(4 * 2 ** len(found[1]))
    else:
        length = Fraction(4 * int(found[2] or 1), int(found[1]))
    dots = token.count(".")
    return length * (2 - Fraction(1, 2 ** min(dots, 8)))


def pitch_of(letters: str, rest: str) -> int:
    """Return the MIDI note number: c is 60, cc 72, C 48, CC 36.

    Sharps and flats stand anywhere after the letters: Essen has tokens such as `1ccxxx#`.
    """
    base = 12 * (4 + len(letters)) if letters.islower() else 12 * (5 - len(letters))
    accidental = rest.count("#") - rest.count("-")
    return base + STEPS[letters[0].lower()] + accidental


def metre_of(token: str) -> tuple[int, int] | None:
    """Return the metre of an interpretation such as `*M2/4` or `*M3+2/8`, None if it is none that a Score holds."""
    found = _METRE.match(token)
    if found is None:
        return None
    numerator, denominator = sum(map(int, found[1].split("+"))), int(found[2])
    if 1 <= numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64):
        return numerator, denominator
    return None
