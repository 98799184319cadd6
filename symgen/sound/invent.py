"""Music invented for training: gestures of both instruments, strung together by chance.

It is no composition. It has what a transcriber meets: octaves, unisons, runs, sweeps, repeated notes, ornaments,
strings that ring over each other, harmonics, free and measured time, loud and soft, and silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from symgen.errors import UsageError
from symgen.score import Technique
from symgen.sound.hands import choose, curve
from symgen.sound.model import HARMONIC, OPEN, STOPPED, SoundModel, SoundNote, check_kind
from symgen.sound.presets import preset

_RINGS = 30.0
"""Seconds: nobody damps the string."""

_NODES = ((12, 2), (19.02, 3), (24, 4), (27.86, 5), (31.02, 6))
"""Semitones above the open string of the harmonics in use, and the number of the partial."""


@dataclass(slots=True)
class _Player:
    """Who invents: an instrument, chance, and what is kept from gesture to gesture."""

    chance: np.random.Generator
    model: SoundModel
    density: float
    beat: float = 0.6
    loud: float = 75.0
    string: int = 0  # from 0, into `rising`
    time: float = 0.0
    notes: list[SoundNote] = field(default_factory=list)
    rising: list[int] = field(default_factory=list)
    stop: int | None = None

    def pitch_of(self, place: int) -> int:
        """Return the pitch of the open string at a place in rising order."""
        return self.model.open_pitches[self.rising[place] - 1]

    def velocity(self, accent: float = 0.0) -> float:
        """Return a velocity near the present loudness."""
        return float(np.clip(self.loud + accent + self.chance.normal(0.0, 7.0), 12.0, 127.0))

    def walk(self, place: int, spread: float = 2.0) -> int:
        """Return a place near `place`."""
        step = round(float(self.chance.normal(0.0, spread)))
        return int(np.clip(place + step, 0, len(self.rising) - 1))

    def rhythm(self) -> float:
        """Return a time until the next note."""
        share = float(
            self.chance.choice([0.25, 0.5, 0.5, 1.0, 1.0, 1.5, 2.0], p=[0.1, 0.25, 0.2, 0.25, 0.05, 0.1, 0.05])
        )
        return max(0.07, self.beat * share * float(self.chance.uniform(0.94, 1.06)))

    def pluck(self, place: int, at: float, length: float, *, accent: float = 0.0, plain: bool = False,
              technique: Technique = Technique.OPEN) -> None:  # fmt: skip
        """Add a note of an open string (guzheng: pressed and ornamented by chance)."""
        rings = _RINGS if self.chance.random() < 0.9 else length * float(self.chance.uniform(0.6, 1.5))
        pitch, bend = float(self.pitch_of(place)), None
        if not plain and self.model.kind == "guzheng":
            up = 3.0 if place > 6 else 2.0 if place > 2 else 1.2
            if self.chance.random() < 0.05 * self.density:
                pressed = float(self.chance.choice([1.0, 2.0]))
                if pressed <= up:
                    pitch, up, technique = pitch + pressed, up - pressed, Technique.STOPPED
            ornament = choose(self.chance, "guzheng", length, self.density)
            if ornament is not None:
                bend = curve(self.chance, ornament, max(length, 0.5), 0.0, 100.0 * up)
                technique = ornament.technique
        self.notes.append(
            SoundNote(max(0.0, at), rings, pitch, self.velocity(accent), self.rising[place], technique, bend, OPEN)
        )

    def stopped(self, place: int, pitch: float, at: float, length: float, *, accent: float = 0.0) -> None:
        """Add a stopped note of a guqin, ornamented by chance."""
        chance = self.chance
        exact = pitch + float(chance.normal(0.0, 0.05))
        rings = (
            length * float(chance.uniform(0.8, 1.1)) if chance.random() < 0.6 else length + float(chance.uniform(0, 3))
        )
        ornament = choose(chance, "guqin", length, self.density)
        above = pitch - self.pitch_of(place)
        bend = None
        technique = Technique.STOPPED
        if ornament is not None:
            bend = curve(chance, ornament, max(length, 0.4), -100.0 * max(0.0, above - 0.5), 1200.0)
            technique = ornament.technique
        self.notes.append(
            SoundNote(max(0.0, at), max(0.08, rings), exact, self.velocity(accent), self.rising[place], technique,
                      bend, STOPPED)
        )  # fmt: skip

    def scale_above(self, place: int, lowest: int, highest: int) -> list[int]:
        """Return the pitches of the tuning's scale that are `lowest` to `highest` semitones above an open string."""
        classes = {pitch % 12 for pitch in self.model.open_pitches}
        base = self.pitch_of(place)
        return [base + up for up in range(lowest, highest + 1) if (base + up) % 12 in classes]


def random_music(
    chance: np.random.Generator,
    kind: str,
    seconds: float,
    *,
    model: SoundModel | None = None,
    density: float = 1.5,
    gestures: Sequence[str] | None = None,
) -> list[SoundNote]:
    """Return invented music.

    Parameters
    ----------
    chance : Generator
        Source of chance; the same state gives the same music.
    kind : {"guqin", "guzheng"}
        Whose gestures.
    seconds : float
        No note begins later than this.
    model : SoundModel, optional
        The instrument, whose strings are played; the preset of `kind` if not given.
    density : float
        Factor on the usual shares of ornaments.
    gestures : sequence of str, optional
        Names in :data:`GESTURES` to choose from; all of the kind's if not given.

    Returns
    -------
    list of SoundNote
        In order of onset. Durations say when a string is damped; :func:`symgen.sound.render.settled` says how long
        each note is heard.

    Raises
    ------
    UsageError
        If the kind or a gesture is unknown or `seconds` is not above 0.
    """
    model = model or preset(kind)
    if check_kind(kind) != model.kind:
        raise UsageError(f"a {model.kind} for music of the {kind}", expected=f"a model of a {kind}")
    if not 0.0 < seconds <= 3600.0:
        raise UsageError(f"{seconds} s of music", expected="more than 0 and at most 3600")
    table = GESTURES[kind]
    unknown = sorted(set(gestures or ()) - set(table))
    if unknown:
        raise UsageError(f"no gesture of the {kind} is called {unknown[0]!r}", expected="some of " + ", ".join(table))
    names = list(gestures or table)
    weights = np.array([table[name][0] for name in names])
    count = len(model.open_pitches)
    rising = sorted(range(1, count + 1), key=lambda string: (model.open_pitches[string - 1], -string))
    player = _Player(chance, model, density, rising=rising, string=int(chance.integers(count)))
    player.time = float(chance.uniform(0.0, 0.5))
    while player.time < seconds:
        player.beat = float(np.exp(chance.uniform(np.log(0.35), np.log(1.2))))
        player.loud = float(np.clip(player.loud + chance.normal(0.0, 14.0), 35.0, 112.0))
        if chance.random() < 0.3:
            player.string = int(chance.integers(count))
        table[names[int(chance.choice(len(names), p=weights / weights.sum()))]][1](player)
    return clean([note for note in player.notes if note.onset < seconds])


def clean(notes: Sequence[SoundNote], apart: float = 0.02) -> list[SoundNote]:
    """Return the notes in order of onset, without strokes on a string that was struck less than `apart` before."""
    kept: list[SoundNote] = []
    last: dict[int, float] = {}
    for note in sorted(notes, key=lambda note: (note.onset, note.pitch)):
        if note.onset - last.get(note.string, -1.0) >= apart or not note.string:
            kept.append(note)
            last[note.string] = note.onset
    return kept


def _melody(player: _Player) -> None:
    for _ in range(int(player.chance.integers(4, 17))):
        length = player.rhythm()
        player.string = player.walk(player.string)
        player.pluck(player.string, player.time, length)
        player.time += length


def _octaves(player: _Player) -> None:
    broken = player.chance.random() < 0.4
    for _ in range(int(player.chance.integers(3, 10))):
        length = player.rhythm()
        place = max(5, player.walk(player.string))
        apart = length / 2 if broken else abs(float(player.chance.normal(0.0, 0.006)))
        player.pluck(place - 5, player.time, length, accent=-4.0, plain=True)
        player.pluck(place, player.time + apart, length)
        player.string = place
        player.time += length


def _arpeggio(player: _Player) -> None:
    chance = player.chance
    gap = float(chance.uniform(0.025, 0.2))
    for _ in range(int(chance.integers(1, 4))):
        steps = chance.choice([1, 2, 2, 3], int(chance.integers(3, 9)))
        places = np.cumsum(steps) + int(chance.integers(0, 8))
        places = places[places < len(player.rising)]
        for place in places if chance.random() < 0.75 else places[::-1]:
            player.pluck(int(place), player.time, 0.5, plain=chance.random() < 0.8)
            player.time += gap * float(chance.uniform(0.85, 1.15))
        player.time += float(chance.uniform(0.1, 1.0))


def _repeated(player: _Player) -> None:
    chance = player.chance
    gap = float(chance.uniform(0.09, 0.35))
    player.string = player.walk(player.string)
    for _ in range(int(chance.integers(3, 10))):
        player.pluck(player.string, player.time, gap)
        player.time += gap * float(chance.uniform(0.93, 1.07))


def _tremolo(player: _Player) -> None:
    chance = player.chance
    rate, swell = float(chance.uniform(9.0, 16.0)), float(chance.uniform(-15.0, 15.0))
    place = player.walk(player.string)
    count = int(float(chance.uniform(0.4, 2.5)) * rate)
    for index in range(count):
        accent = -8.0 + swell * index / count
        player.pluck(place, player.time, 1 / rate, accent=accent, plain=True, technique=Technique.TREMOLO)
        player.time += float(chance.uniform(0.9, 1.1)) / rate
    player.time += float(chance.uniform(0.0, 0.4))


def _sweep(player: _Player) -> None:
    chance, count = player.chance, len(player.rising)
    for _ in range(int(chance.integers(1, 4))):
        length = int(chance.integers(min(4, count), min(17, count + 1)))
        first = int(chance.integers(0, count - length + 1))
        places = list(range(first, first + length))
        gap = float(chance.uniform(0.018, 0.07))
        fade = float(chance.uniform(-25.0, 10.0))
        for index, place in enumerate(places if chance.random() < 0.4 else places[::-1]):
            accent = -5.0 + fade * index / length
            player.pluck(place, player.time, gap, accent=accent, plain=True, technique=Technique.GLISSANDO)
            player.time += gap * float(chance.uniform(0.8, 1.25)) * (1.0 + 0.4 * index / length)
        player.time += float(chance.uniform(0.0, 0.6))


def _chords(player: _Player) -> None:
    chance, count = player.chance, len(player.rising)
    for _ in range(int(chance.integers(1, 6))):
        length = player.rhythm() * 1.5
        size = int(chance.integers(2, 7)) if player.model.kind == "guzheng" else 2
        places = np.sort(chance.choice(count, min(size, count), replace=False))
        spread = float(chance.uniform(0.0, 0.03)) if chance.random() < 0.7 else 0.0
        for index, place in enumerate(places):
            player.pluck(int(place), player.time + index * spread, length, plain=True)
        player.time += length


def _two_hands(player: _Player) -> None:
    chance = player.chance
    bass = int(chance.integers(0, 5))
    for step in range(int(chance.integers(4, 12))):
        length = player.beat * float(chance.choice([0.5, 0.5, 1.0]))
        player.string = max(7, player.walk(player.string))
        player.pluck(player.string, player.time, length)
        low = min(len(player.rising) - 1, bass + (0, 3, 5, 3)[step % 4])
        player.pluck(low, player.time + float(chance.normal(0.0, 0.004)), length, accent=-10.0, plain=True)
        player.time += length


def _silence(player: _Player) -> None:
    player.time += float(player.chance.uniform(0.5, 4.0))


def _harmonics(player: _Player) -> None:
    chance = player.chance
    nodes = _NODES if player.model.kind == "guqin" else _NODES[:1]
    for _ in range(int(chance.integers(3, 12))):
        length = player.rhythm()
        player.string = player.walk(player.string)
        up, _ = nodes[min(len(nodes) - 1, int(chance.geometric(0.45)) - 1)]
        for place in {player.string, max(0, player.string - 5)} if chance.random() < 0.15 else {player.string}:
            player.notes.append(
                SoundNote(player.time, _RINGS, player.pitch_of(place) + up, player.velocity(-5.0),
                          player.rising[place], Technique.HARMONIC, None, HARMONIC)
            )  # fmt: skip
        player.time += length


def _qin_melody(player: _Player) -> None:
    chance = player.chance
    for _ in range(int(chance.integers(4, 14))):
        length = player.rhythm() * float(chance.choice([1.0, 1.0, 2.0]))
        player.string = player.walk(player.string, 1.5)
        if chance.random() < 0.35:
            player.pluck(player.string, player.time, length)
        else:
            _stop(player, player.string, length)
        player.time += length


def _stop(player: _Player, place: int, length: float, accent: float = 0.0) -> None:
    """Stop a string near where the hand was."""
    scale = player.scale_above(place, 2, 24) or [player.pitch_of(place) + 12]
    near = player.stop if player.stop is not None else player.pitch_of(place) + 9
    near = min(scale, key=lambda pitch: abs(pitch - near - float(player.chance.normal(0.0, 3.0))))
    player.stop = near
    player.stopped(place, float(near), player.time, length, accent=accent)


def _qin_pairs(player: _Player) -> None:
    """Cuo and yinghe: an open string and a stopped one, in unison, octave or two, together or in turn."""
    chance = player.chance
    for _ in range(int(chance.integers(2, 7))):
        length = player.rhythm() * 1.5
        low = int(chance.integers(0, 5))
        high = min(6, low + int(chance.integers(2, 6)))
        target = player.pitch_of(high)
        apart = 0.0 if chance.random() < 0.7 else length / 2
        wanted = float(target + int(chance.choice([0, 0, 0, -12, 12])))
        if not player.pitch_of(low) + 1 < wanted < player.pitch_of(low) + 25:
            wanted = float(player.pitch_of(low) + 12)
        player.pluck(high, player.time, length)
        player.stopped(low, wanted, player.time + apart + abs(float(chance.normal(0.0, 0.004))), length)
        player.time += length


def _qin_slides(player: _Player) -> None:
    """Few strokes and much left hand."""
    density, player.density = player.density, 3.0 * player.density
    for _ in range(int(player.chance.integers(2, 6))):
        length = float(player.chance.uniform(1.0, 3.0))
        player.string = player.walk(player.string, 1.5)
        _stop(player, player.string, length, accent=8.0)
        player.time += length
    player.density = density


def _lun(player: _Player) -> None:
    chance = player.chance
    place = player.walk(player.string)
    gap = float(chance.uniform(0.09, 0.16))
    for index in range(int(chance.choice([2, 3, 3, 5, 7]))):
        player.pluck(place, player.time, gap, accent=3.0 * index - 6.0, technique=Technique.TREMOLO)
        player.time += gap * float(chance.uniform(0.9, 1.1))
    player.time += float(chance.uniform(0.1, 0.8))


Gesture = Callable[[_Player], None]
GESTURES: dict[str, dict[str, tuple[float, Gesture]]] = {
    "guzheng": {
        "melody": (4.0, _melody),
        "octaves": (2.0, _octaves),
        "arpeggio": (1.5, _arpeggio),
        "repeated": (0.7, _repeated),
        "tremolo": (0.7, _tremolo),
        "sweep": (1.2, _sweep),
        "chords": (1.0, _chords),
        "two hands": (1.5, _two_hands),
        "harmonics": (0.3, _harmonics),
        "silence": (0.4, _silence),
    },
    "guqin": {
        "melody": (4.0, _qin_melody),
        "pairs": (1.2, _qin_pairs),
        "slides": (1.5, _qin_slides),
        "lun": (0.7, _lun),
        "sweep": (0.5, _sweep),
        "chords": (0.5, _chords),
        "harmonics": (1.2, _harmonics),
        "silence": (0.4, _silence),
    },
}
"""Weight and maker of each gesture, by kind."""
