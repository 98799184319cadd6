"""What an instrument is: tunings, places on strings, and the limits of two hands, as data.

Nothing here knows one instrument from another. A TOML file of this folder describes one,
:mod:`symgen.instruments.tables` reads it, and :mod:`symgen.instruments.rules` goes by the description.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from types import MappingProxyType

from symgen.instruments.shapes import Ornament
from symgen.score import Technique


@dataclass(frozen=True, slots=True)
class Tuning:
    """The open strings of an instrument.

    Parameters
    ----------
    name : str
        Name in pinyin or letters, as files and the command line give it.
    chinese : str
        Chinese name.
    open_pitches : tuple of int
        MIDI note numbers of the open strings, string 1 first; the only thing that tells tunings apart for sure.
    gongs : tuple of int
        Pitch classes of the gong that tradition plays in this tuning, most usual first.
    method : str
        How the tuning is made from the instrument's first one.
    aliases : tuple of str
        Further names.
    """

    name: str
    chinese: str = field(compare=False)
    open_pitches: tuple[int, ...]
    gongs: tuple[int, ...] = field(compare=False)
    method: str = field(default="", compare=False)
    aliases: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Placement:
    """One way to make one note.

    Parameters
    ----------
    string : int
        From 1; 0 on an instrument without strings.
    position : float
        Guqin: hui.fen of the finger, 0.0 for an open string. Guzheng: semitones pressed.
    technique : Technique
        OPEN, STOPPED or HARMONIC; PLUCK where there are no strings.
    finger : str
        Finger that stops, presses or touches: a :class:`Finger` of the instrument; "" for an open string.
    stroke : str
        How the string is struck: a :class:`Stroke` of the instrument; "" where that is left open.
    hand : str
        Hand that strikes: "right" or "left"; "" where that is left open.
    """

    string: int
    position: float
    technique: Technique
    finger: str = ""
    stroke: str = ""
    hand: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """Limits of the two hands; all strings are counted from 1.

    Parameters
    ----------
    plucking_hands, notes_per_hand, strings_per_hand : int
        Hands that pluck, the strings each can strike at once, and the largest distance between two of them.
    stops : int
        Strings that the other hand can stop, press or touch at once.
    stop_span : float
        Largest distance between two stops as a fraction of the speaking length; 0.0 where it does not matter.
    stop_gaps : tuple of int
        Distances in strings at which two strings can be pressed together; empty for any.
    stopping_hand_plucks : bool
        True where a hand that presses is lost to plucking.
    rest : float
        String over which the striking hand rests; 0.0 where it has no such place.
    everyday, extreme : tuple of int
        Semitones above the open string within easy reach, and within reach at all, one entry a string.
    everyday_harmonic : int
        Semitones above the open string of the highest harmonic in common use.
    jump_marks, jump_seconds : float
        A move of the stopping hand to another string by more marks (hui) than this takes at least so long; 0.0
        where there is no such limit.
    """

    plucking_hands: int
    notes_per_hand: int
    strings_per_hand: int
    stops: int
    stop_span: float = 0.0
    stop_gaps: tuple[int, ...] = ()
    stopping_hand_plucks: bool = False
    rest: float = 0.0
    everyday: tuple[int, ...] = ()
    extreme: tuple[int, ...] = ()
    everyday_harmonic: int = 127
    jump_marks: float = 0.0
    jump_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finger:
    """A finger of the hand that stops, presses or touches.

    Parameters
    ----------
    name, chinese : str
        Its names; the Chinese one as tablature writes it.
    first, last : float
        Marks within which it is used, from the bridge to the nut; where strings are pressed they do not matter.
    offset : float
        How far from it the hand is, towards the nut, as a fraction of the speaking length: where the thumb stops at
        hui 9 the hand is about where the ring finger would be.
    cost : float
        Weight against it, on the scale of :class:`Costs`.
    stops, touches : bool
        Whether it stops strings, and whether it touches them for harmonics.
    """

    name: str
    chinese: str
    first: float = 1.0
    last: float = 14.0
    offset: float = 0.0
    cost: float = 0.0
    stops: bool = True
    touches: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A way of striking.

    Parameters
    ----------
    name, chinese : str
        Its names.
    fingers : tuple of str
        Fingers that strike: one after the other on one string, or at once on as many strings, from the string of
        the lowest number up.
    outward : bool
        True for a stroke away from the palm.
    gap : (int, int)
        Least and most distance of the strings that are struck at once; (0, 0) for a stroke on one string.
    velocity : float
        Strength, 1.0 for the strongest.
    attacks : int
        How often a string sounds.
    seconds : (float, float)
        Time between two attacks of one stroke.
    run : bool
        True where every attack takes the next string.
    unison : bool
        True where its strings have to sound the same pitch.
    plays : bool
        True where the fingering chooses it for plain notes; the others belong to ornaments and patterns.
    offset : float
        How many strings from the hand's own place the stroke is at ease, towards higher numbers.
    cost : float
        Weight against it, on the scale of :class:`Costs`.
    """

    name: str
    chinese: str
    fingers: tuple[str, ...]
    outward: bool = False
    gap: tuple[int, int] = (0, 0)
    velocity: float = 1.0
    attacks: int = 1
    seconds: tuple[float, float] = (0.0, 0.0)
    run: bool = False
    unison: bool = False
    plays: bool = False
    offset: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the fingering weighs; only ratios matter. 1.0 is about one plain change of hand position.

    Parameters
    ----------
    stopped, per_semitone : float
        A stopped note, so that open strings are taken where they ring, and each semitone it is stopped.
    beyond_everyday : float
        Each semitone past easy reach.
    near_nut : float
        A stop less than two semitones above the open string, where the hand has no mark to find.
    as_harmonic : float
        A harmonic where none is written; only taken where nothing else gives the pitch.
    move : float
        A move of the stopping hand by a tenth of the string (guzheng: a tenth of the strings) in one second.
    string_change : float
        Each string between two notes in a row.
    same_sound : float
        A pitch repeated in the same place, where open and stopped unison can alternate.
    unison_pair : float
        Reward of a pitch repeated once open and once stopped (san and an, yinghe 应合).
    cut : float
        Striking a string whose last note is written to sound on.
    off_string : float
        Leaving the string on which a slide goes on to the next note.
    new_mark : float
        A harmonic at another mark than the harmonic before it.
    off_rest : float
        Each string that the striking hand is away from where it rests.
    shift : float
        A move of the striking hand by one string in one second.
    same_finger : float
        One finger striking two different strings in less than 0.3 s.
    repeat : float
        The same stroke again on one string in less than 0.3 s, where in and out can alternate.
    other_hand : float
        A stroke of the left hand.
    """

    stopped: float = 0.35
    per_semitone: float = 0.0
    beyond_everyday: float = 0.6
    near_nut: float = 0.4
    as_harmonic: float = 5.0
    move: float = 0.25
    string_change: float = 0.04
    same_sound: float = 0.15
    unison_pair: float = 0.3
    cut: float = 0.8
    off_string: float = 0.6
    new_mark: float = 0.1
    off_rest: float = 0.05
    shift: float = 0.05
    same_finger: float = 0.3
    repeat: float = 0.3
    other_hand: float = 0.5


_BY_PLACE = (Technique.OPEN, Technique.STOPPED)
_STOPPED = (Technique.STOPPED,)
PLUCKED_WAYS: Mapping[Technique, tuple[Technique, ...]] = MappingProxyType(
    {
        Technique.PLUCK: _BY_PLACE,
        Technique.OPEN: (Technique.OPEN,),
        Technique.STOPPED: _STOPPED,
        Technique.HARMONIC: (Technique.HARMONIC,),
        Technique.GRACE: _BY_PLACE,
        Technique.SLIDE_UP: _STOPPED,
        Technique.SLIDE_DOWN: _STOPPED,
        Technique.VIBRATO: _STOPPED,
        Technique.TREMOLO: _BY_PLACE,
        Technique.GLISSANDO: _BY_PLACE,
    }
)
"""The kinds of place at which a string can give each written technique, unless an instrument says otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Instrument:
    """An instrument as data; the rules read it. Compared by identity, so that results can be cached.

    Parameters
    ----------
    name, chinese, track : str
        Name on the command line, Chinese name, and ASCII name of its track in a file.
    tunings : mapping of str to Tuning
        By name; the order is the order of preference.
    default_tuning : str
        A key of `tunings`.
    program : int
        General MIDI program, 0-based.
    low, high : int
        Range in MIDI note numbers over all tunings.
    hands : Hands
        What can be struck and stopped.
    harmonics : mapping of int to tuple of float
        Semitones above the open string -> places of the touching finger, the handiest first.
    marks : tuple of float
        Places of the marks (hui) on the string as fractions of its length from the bridge, mark 1 first and the
        nut last; empty where strings are pressed behind a bridge instead.
    ways : mapping of Technique to tuple of Technique
        Kinds of place that give a written technique.
    velocity : (int, int)
        Softest and loudest attack.
    ring_seconds : mapping of Technique to (float, float)
        Audible length of an OPEN, STOPPED or HARMONIC note on the lowest and on the highest string.
    fingers : tuple of Finger
        Fingers that stop or press, the most used first.
    strokes : mapping of str to Stroke
        Ways of striking, by name.
    ornaments : tuple of Ornament
        Bend curves, the most characteristic first.
    costs : Costs
        Weights of the fingering.
    habitual : mapping of int to str
        Gong -> tuning that players use for it although another has more of its tones open.
    """

    name: str
    chinese: str
    track: str
    tunings: Mapping[str, Tuning]
    default_tuning: str
    program: int
    low: int
    high: int
    hands: Hands
    harmonics: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    marks: tuple[float, ...] = ()
    ways: Mapping[Technique, tuple[Technique, ...]] = field(default_factory=lambda: PLUCKED_WAYS)
    velocity: tuple[int, int] = (30, 110)
    ring_seconds: Mapping[Technique, tuple[float, float]] = field(default_factory=dict)
    fingers: tuple[Finger, ...] = ()
    strokes: Mapping[str, Stroke] = field(default_factory=dict)
    ornaments: tuple[Ornament, ...] = ()
    costs: Costs = field(default_factory=Costs)
    habitual: Mapping[int, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Instrument({self.name})"


def fraction_at(position: float, marks: tuple[float, ...]) -> float:
    """Return the place of `position` (mark.tenths) as a fraction of the string from the bridge.

    Tenths (fen) divide the gap to the next mark evenly.
    """
    index = min(int(position), len(marks) - 1)
    here = marks[index - 1]
    beyond = marks[min(index, len(marks) - 1)]
    return here + (position - index) * (beyond - here)


def cents_at(position: float, marks: tuple[float, ...]) -> float:
    """Return the cents above the open string of a string stopped at `position`."""
    return -1200.0 * log2(fraction_at(position, marks))


def position_at(semitones: float, marks: tuple[float, ...]) -> float:
    """Return the position (mark.tenths, to a hundredth) at which a stopped string sounds `semitones` higher.

    Raises
    ------
    ValueError
        If the place lies beyond the first mark or on the nut.
    """
    fraction: float = 2.0 ** (-semitones / 12.0)
    for index in range(1, len(marks)):
        here, beyond = marks[index - 1], marks[index]
        if here <= fraction < beyond:
            return round(index + (fraction - here) / (beyond - here), 2)
    raise ValueError(f"{semitones} semitones above the open string lie outside the marks")
