"""What every host is told beside the notes: bar lines, and the facts about tuning and mode."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symgen.errors import UsageError
from symgen.instruments import get_instrument, get_tuning
from symgen.performance import Performance, PlayedNote
from symgen.score import Metre, Score, Text
from symgen.units import bar_ticks
from symgen.writers._layout import MERGED_BEND_RANGE, PERCUSSION_CHANNEL, Part, without_overlaps
from symgen.writers._options import Options

SIGNATURES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Major key signature of each gong, the one with fewer accidentals."""

_FACTS = ("1=", "tuning=", "mode=")
_WIDE = re.compile(r"bend range \d+: .+")
_STRINGS = re.compile(r"tuning [^:]+: [A-G][b#]?-?\d+( [A-G][b#]?-?\d+)*")


def metres_of(score: Score, options: Options) -> tuple[Metre, ...]:
    """Return the time signatures as the options want them; none where the score knows none."""
    return (Metre(0, 4, 4),) if options.time_signatures == "fixed" else score.metres


def end_of_last_bar(score: Score, options: Options, sounding: int) -> int:
    """Return the tick at which the bar of the score's end is over, or later if something still sounds."""
    if options.time_signatures == "fixed":
        bar = bar_ticks(4, 4, score.ticks_per_quarter)
        return -(-max(score.end, sounding) // bar) * bar
    starts = score.bar_starts()
    if not len(starts):
        return max(score.end, sounding)
    last = int(starts[-1])
    metre = max((metre for metre in score.metres if metre.tick <= last), key=lambda metre: metre.tick)
    return max(score.end, sounding, last + bar_ticks(metre.numerator, metre.denominator, score.ticks_per_quarter))


def remarks_of(performance: Performance) -> tuple[Text, ...]:
    """Return what a performer wants to know first, as texts at tick 0.

    A text such as ``1=F; tuning=zhengdiao; mode=yu``, and a cue with the pitches of the open strings.
    """
    key = performance.score.keys[0] if performance.score.keys else None
    one, tuning, mode = _FACTS
    facts = [one + SIGNATURES[key.gong]] if key else []
    facts += [tuning + performance.tuning] if performance.tuning else []
    facts += [mode + key.mode] if key and key.mode else []
    texts = [Text(0, "; ".join(facts))] if facts else []
    strings = _open_strings(performance)
    texts += [Text(0, f"tuning {performance.tuning}: {strings}", "phrase")] if strings else []
    return tuple(texts)


def wide_bends(parts: Sequence[Part]) -> tuple[Text, ...]:
    """Return a text such as ``bend range 12: Guqin 3, Guqin 7`` for tracks whose range has to be set.

    A host that takes no range from a file plays their slides flat until somebody sets it there.
    """
    wide = {part.bend_range for part in parts if part.notes and not part.member} - {MERGED_BEND_RANGE}
    return tuple(
        Text(0, f"bend range {span}: " + ", ".join(part.name for part in parts if part.bend_range == span))
        for span in sorted(wide)
    )


def bend_ranges(texts: Sequence[Text]) -> tuple[str, ...]:
    """Return what :func:`wide_bends` has said among these texts."""
    return tuple(text.text for text in texts if text.tick == 0 and _WIDE.fullmatch(text.text))


def is_remark(text: Text) -> bool:
    """Return whether a text is one that :func:`remarks_of` writes, so that the remarks of another player can go."""
    if text.tick or text.kind not in ("text", "phrase"):  # a cue comes back from MIDI as a text
        return False
    facts = text.text.split("; ")
    if all(fact.startswith(_FACTS) for fact in facts):
        return True
    return any(kind.fullmatch(text.text) for kind in (_STRINGS, _WIDE))


def _open_strings(performance: Performance) -> str:
    """Return the open strings by name, string 1 first; nothing where they are neither told nor known."""
    pitches = performance.open_pitches
    if not pitches:
        try:
            pitches = get_tuning(get_instrument(performance.instrument), performance.tuning).open_pitches
        except UsageError:
            return ""
    return " ".join(f"{SIGNATURES[pitch % 12]}{pitch // 12 - 1}" for pitch in pitches)


def score_parts(score: Score) -> list[Part]:
    """Return one track for each voice of a Score, each on its own channel, channel 10 left out.

    Tracks are named in order by the score's texts of kind "track"; names beyond the voices keep tracks without
    notes.
    """
    names = [text.text for text in score.texts if text.kind == "track"]
    voices = []
    for voice in sorted(set(score.notes["voice"].tolist())):
        rows = score.notes[score.notes["voice"] == voice]
        columns = (rows[name].tolist() for name in ("onset", "duration", "pitch", "velocity"))
        voices.append([PlayedNote(*row) for row in zip(*columns, strict=True)])
    voices += [[]] * (max(1, len(names)) - len(voices))
    return [
        Part(names[index] if index < len(names) else "", _channel(index), without_overlaps(notes))
        for index, notes in enumerate(voices)
    ]


def _channel(index: int) -> int:
    channel = index % 15
    return channel + (channel >= PERCUSSION_CHANNEL)
