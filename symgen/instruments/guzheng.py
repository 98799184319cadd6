"""Guzheng 古筝: twenty-one strings over movable bridges, plucked right of them and pressed left of them.

A tuning raises or lowers whole octave sets of strings by a semitone from the tuning in D. The seven
keys in daily use stand first; the further four are the other ones within a semitone of D. Limits of
pressing and ring lengths are what players and one acoustic study (163 cm, 4.67 s) report.
"""

from __future__ import annotations

from types import MappingProxyType

from symgen.instruments.base import PLUCKED_WAYS, Costs, Hands, Instrument, Ornament, Slide, Tuning, Vibrato
from symgen.score import Technique

D_STRINGS = (86, 83, 81, 78, 76, 74, 71, 69, 66, 64, 62, 59, 57, 54, 52, 50, 47, 45, 42, 40, 38)
"""Open strings with 1 = D; each octave reads 1 6 5 3 2 downwards."""

# name, Chinese, gong, and the change of the strings that are 1, 6, 5, 3 and 2 in D
_RETUNED = (
    ("D", "D调", 2, (0, 0, 0, 0, 0)),
    ("G", "G调", 7, (0, 0, 0, 1, 0)),
    ("C", "C调", 0, (0, 1, 0, 1, 0)),
    ("F", "F调", 5, (0, 1, 0, 1, 1)),
    ("Bb", "降B调", 10, (0, 1, 1, 1, 1)),
    ("A", "A调", 9, (-1, 0, 0, 0, 0)),
    ("E", "E调", 4, (-1, 0, -1, 0, 0)),
    ("Eb", "降E调", 3, (1, 1, 1, 1, 1)),
    ("B", "B调", 11, (-1, 0, -1, 0, -1)),
    ("F#", "升F调", 6, (-1, -1, -1, 0, -1)),
    ("Db", "降D调", 1, (-1, -1, -1, -1, -1)),
)
_DEGREES = "16532"


def _tuning(name: str, chinese: str, gong: int, changes: tuple[int, ...]) -> Tuning:
    """Return the tuning that moves each octave's strings by `changes` semitones."""
    pitches = tuple(pitch + changes[index % 5] for index, pitch in enumerate(D_STRINGS))
    method = " ".join(f"{_DEGREES[i]}{'+' if change > 0 else '-'}" for i, change in enumerate(changes) if change)
    return Tuning(name, chinese, pitches, (gong,), method, (f"1={name}",))


INSTRUMENT = Instrument(
    name="guzheng",
    chinese="古筝",
    track="Guzheng",
    tunings=MappingProxyType({row[0]: _tuning(*row) for row in _RETUNED}),
    default_tuning="D",
    program=107,
    low=37,
    high=99,
    hands=Hands(
        plucking_hands=2,
        notes_per_hand=4,
        strings_per_hand=7,
        stops=2,
        stop_gaps=(1, 5),  # neighbours, or an octave: double press
        stopping_hand_plucks=True,
        everyday=(2,) * 18 + (1,) * 3,
        extreme=(3,) * 13 + (2,) * 5 + (1,) * 3,
    ),
    harmonics=MappingProxyType({12: (0.0,)}),
    ways=MappingProxyType(
        dict(PLUCKED_WAYS)
        | {
            Technique.VIBRATO: (Technique.OPEN, Technique.STOPPED),
            Technique.SLIDE_DOWN: (Technique.OPEN, Technique.STOPPED),
        }
    ),
    velocity=(35, 115),
    ring_seconds=MappingProxyType(
        {Technique.OPEN: (5.5, 3.5), Technique.STOPPED: (4.5, 3.0), Technique.HARMONIC: (3.0, 2.0)}
    ),
    ornaments=(
        Ornament(
            name="shanghua",
            chinese="上滑音",
            technique=Technique.SLIDE_UP,
            on=(Technique.STOPPED,),
            share=0.35,
            seconds=0.45,
            curve=Slide(cents=(-200.0, -100.0), seconds=(0.10, 0.30)),
        ),
        Ornament(
            name="xiahua",
            chinese="下滑音",
            technique=Technique.SLIDE_DOWN,
            on=(Technique.OPEN,),
            share=0.04,
            seconds=0.45,
            curve=Slide(cents=(100.0, 200.0), seconds=(0.10, 0.30)),
        ),
        Ornament(
            name="chanyin",
            chinese="颤音",
            technique=Technique.VIBRATO,
            on=(Technique.OPEN, Technique.STOPPED),
            share=0.25,
            seconds=0.70,
            curve=Vibrato(
                cents=(20.0, 50.0), hertz=(4.5, 6.5), delay=(0.10, 0.20), until=0.8, upward=True, decays=False
            ),
        ),
    ),
    costs=Costs(stopped=0.6, per_semitone=0.2, beyond_everyday=2.0, near_nut=0.0, string_change=0.01, same_sound=0.0),
)
