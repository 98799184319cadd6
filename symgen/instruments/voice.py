"""Voice: one melodic line without strings, for songs (style ``folk``); all within its range can be sung."""

from __future__ import annotations

from types import MappingProxyType

from symgen.instruments.base import Hands, Instrument, Tuning
from symgen.score import Technique

INSTRUMENT = Instrument(
    name="voice",
    chinese="人声",
    track="Voice",
    tunings=MappingProxyType({"free": Tuning("free", "无定弦", (), tuple(range(12)))}),
    default_tuning="free",
    program=73,  # flute: General MIDI choirs have no attack that carries a melody
    low=53,
    high=84,
    hands=Hands(plucking_hands=1, notes_per_hand=1, strings_per_hand=0, stops=0),
    velocity=(50, 110),
    ring_seconds=MappingProxyType({Technique.PLUCK: (0.0, 0.0)}),
)
