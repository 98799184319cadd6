"""Which gong system a piece is in, and which mode.

The evidence for a gong is how often each of its degrees is struck: the share of every pitch class,
raised to a power below 1 so that the presence of a tone tells more than its amount, is weighed against
one table of twelve numbers; a softmax over the twelve gongs gives the posterior. The table was fitted
as a conditional logit (``benchmarks/derive_profiles.py``, figures in docs/THEORY.md) and holds no
absolute pitch, so an estimate moves with the music when it is transposed.

Neighbouring gongs a fifth apart share four of five tones, so nearly all errors go there, and a passage
that really moves to the neighbour is reported as it sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symgen.errors import ScoreError
from symgen.score import NoteArray, Score, Technique
from symgen.theory.degrees import PENTATONIC, degree_of
from symgen.theory.modes import MODE_BY_FINAL, MODES, scale_type
from symgen.theory.sonorities import SHAPES, name_sonority

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GongProfile:
    """Weights of the gong detector.

    Parameters
    ----------
    weights : tuple of 12 floats
        Evidence for gong per unit of tempered share, by semitone above gong.
    power : float
        Exponent of the shares.
    half_notes : float
        Number of notes at which the evidence has half its full strength.
    """

    weights: tuple[float, ...]
    power: float
    half_notes: float


PROFILE = GongProfile(
    weights=(8.6, -7.5, 7.5, -6.2, 7.0, -4.4, -4.8, 8.9, -3.3, 7.3, -10.1, -3.0),
    power=0.65,
    half_notes=3.5,
)
"""Fitted on 56 guqin pieces, 2,034 Essen folk songs and 12 guzheng pieces, weighted 4 : 4 : 2."""

FIFTH = 7
"""Semitones of a fifth."""

_DEGREE = degree_of(np.arange(12)[None, :], np.arange(12)[:, None])
"""(gong, pitch class) -> degree."""

_FROM_GONG = (np.arange(12)[None, :] + np.arange(12)[:, None]) % 12
"""(gong, degree) -> pitch class."""


@dataclass(frozen=True, slots=True)
class ModeEstimate:
    """The gong system and mode of a piece or passage.

    Parameters
    ----------
    gong : int
        Pitch class of gong, 0..11.
    mode : str
        "gong", "shang", "jue", "zhi" or "yu".
    confidence : float
        Posterior probability of `gong`, 0..1.
    final : int
        Pitch class of the last structural tone.
    scale : str or None
        Scale type, see :func:`symgen.theory.modes.scale_type`.
    scores : tuple of 12 floats
        Log posterior (natural) of each pitch class as gong.
    bian_share : float
        Share of sounding time outside the five zheng tones of `gong`. 2-4 % is usual, more than 8 %
        means a modulation or another music.
    pentatonic_fit : float
        Largest share of sounding time that the five zheng tones of any gong hold.
    """

    gong: int
    mode: str
    confidence: float
    final: int
    scale: str | None
    scores: tuple[float, ...]
    bian_share: float
    pentatonic_fit: float


@dataclass(frozen=True, slots=True)
class WindowEstimate:
    """The estimate for the notes that begin in ``start <= onset < stop``, in ticks."""

    start: int
    stop: int
    estimate: ModeEstimate


def detect_mode(score: Score, profile: GongProfile = PROFILE) -> ModeEstimate:
    """Estimate gong system and mode.

    Parameters
    ----------
    score : Score
        At least one note. Declared keys are not consulted.
    profile : GongProfile
        Weights of the detector.

    Returns
    -------
    ModeEstimate
        On very few notes the confidence is low, at worst near 1/12.

    Raises
    ------
    ScoreError
        If the score holds no note.
    """
    return _estimate(_notes_of(score), profile)


def mode_of(score: Score, gong: int, profile: GongProfile = PROFILE) -> ModeEstimate:
    """Estimate the mode where the gong is known; `confidence` is what the notes alone would give it.

    Raises
    ------
    ScoreError
        If the score holds no note, or `gong` is no pitch class.
    """
    if not 0 <= gong <= 11:
        raise ScoreError(f"gong is {gong}", expected="a pitch class, 0 to 11")
    return _estimate(_notes_of(score), profile, gong)


def detect_windows(
    score: Score, notes: int = 64, hop: int | None = None, profile: GongProfile = PROFILE
) -> list[WindowEstimate]:
    """Estimate gong system and mode in windows of equally many notes.

    Parameters
    ----------
    score : Score
        At least one note.
    notes : int
        Notes a window; the last one may hold fewer, and is dropped if another window covers its notes.
    hop : int, optional
        Notes from one window to the next; `notes` if not given.
    profile : GongProfile
        Weights of the detector.

    Raises
    ------
    ScoreError
        If the score holds no note, or `notes` or `hop` is below 1.
    """
    rows = _notes_of(score)
    step = notes if hop is None else hop
    if notes < 1 or step < 1:
        raise ScoreError(f"windows of {notes} notes every {step}", expected="at least 1 each")
    found = []
    for first in range(0, max(1, len(rows) - notes + step), step):
        window = rows[first : first + notes]
        if not len(window):
            break
        after = rows[first + notes : first + notes + 1]
        stop = int(after["onset"][0]) if len(after) else score.end
        found.append(WindowEstimate(int(window["onset"][0]), stop, _estimate(window, profile)))
    return found


def gong_log_posteriors(counts: Floats, profile: GongProfile = PROFILE) -> Floats:
    """Return the log posterior of each pitch class as gong.

    Parameters
    ----------
    counts : ndarray of float64, shape (..., 12)
        Number of notes of each pitch class, in as many passages as the leading axes hold.
    profile : GongProfile
        Weights of the detector.

    Returns
    -------
    ndarray of float64, shape (..., 12)
        Natural logarithms; without notes every gong has 1/12.
    """
    notes = counts.sum(axis=-1, keepdims=True)
    tempered = (counts / np.maximum(notes, 1)) ** profile.power * (notes / (notes + profile.half_notes))
    evidence = tempered @ np.asarray(profile.weights)[_DEGREE].T
    evidence -= evidence.max(axis=-1, keepdims=True)
    posterior: Floats = evidence - np.log(np.exp(evidence).sum(axis=-1, keepdims=True))
    return posterior


def mode_of_notes(notes: NoteArray, gong: int) -> str:
    """Return the mode of one or more notes under a gong: the degree of their final, see :func:`final_tone`."""
    sounding = np.bincount(notes["pitch"].astype(np.int64) % 12, weights=notes["duration"], minlength=12)
    return _mode_on(degree_of(final_tone(notes), gong), sounding[_FROM_GONG[gong]] / sounding.sum())


def final_tone(notes: NoteArray) -> int:
    """Return the pitch class of the last structural tone.

    What is struck last counts, grace notes aside. Of a fifth or fourth, and of a larger chord built on a
    fifth, it is the root that :func:`symgen.theory.sonorities.name_sonority` gives, otherwise the lowest tone.

    Parameters
    ----------
    notes : ndarray of NOTE_DTYPE, shape (n,)
        In order of onset, at least one.
    """
    main = notes[notes["technique"] != Technique.GRACE]
    main = main if len(main) else notes
    last = main["pitch"][main["onset"] == main["onset"][-1]].tolist()
    sonority = name_sonority(last, 0)
    rooted = sonority.distance == 0 and FIFTH in SHAPES[sonority.kind]
    return sonority.root if rooted else sonority.bass


def _notes_of(score: Score) -> NoteArray:
    if not len(score):
        raise ScoreError("a score without notes has no mode", expected="at least one note")
    return score.notes


def _estimate(notes: NoteArray, profile: GongProfile, given: int | None = None) -> ModeEstimate:
    """Return the estimate of one or more notes, under the `given` gong if there is one."""
    pitch_classes = notes["pitch"].astype(np.int64) % 12
    posterior = gong_log_posteriors(np.bincount(pitch_classes, minlength=12).astype(float), profile)
    gong = int(posterior.argmax()) if given is None else given
    sounding = np.bincount(pitch_classes, weights=notes["duration"], minlength=12)
    by_gong = (sounding / sounding.sum())[_FROM_GONG]  # (gong, degree)
    zheng = by_gong[:, PENTATONIC].sum(axis=1)
    final = final_tone(notes)
    return ModeEstimate(
        gong=gong,
        mode=_mode_on(degree_of(final, gong), by_gong[gong]),
        confidence=float(np.exp(posterior[gong])),
        final=final,
        scale=scale_type(by_gong[gong].tolist()),
        scores=tuple(posterior.tolist()),
        bian_share=max(0.0, 1.0 - float(zheng[gong])),
        pentatonic_fit=min(1.0, float(zheng.max())),
    )


def _mode_on(final: int, shares: Floats) -> str:
    """Return the mode of a final degree; on a bian final the one whose usual shares fit best."""
    mode = MODE_BY_FINAL.get(final)
    if mode is not None:
        return mode.name
    fits = {m.name: sum(shares[tone] * np.log(share) for tone, share in m.profile.items()) for m in MODES}
    return max(fits, key=fits.__getitem__)
