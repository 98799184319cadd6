"""A referee for fingerings, written from the rules of the instruments alone.

It shares no code and no table with ``symgen.instruments``: strings, marks and limits are spelt out here, so
that a mistake there cannot hide here. It takes notes and claims of where they are played, and says what is wrong.
"""

from dataclasses import dataclass
from math import log2

GUQIN_TUNINGS = {
    "zhengdiao": "C2 D2 F2 G2 A2 C3 D3",
    "manjiao": "C2 D2 E2 G2 A2 C3 D3",
    "ruibin": "C2 D2 F2 G2 Bb2 C3 D3",
    "qiliang": "C2 Eb2 F2 G2 Bb2 C3 D3",
    "qingshang": "C2 Eb2 F2 G2 Bb2 C3 Eb3",
    "mangong": "B1 D2 E2 G2 A2 B2 D3",
    "huangzhong": "Bb1 D2 F2 G2 Bb2 C3 D3",
    "manshang": "C2 C2 F2 G2 A2 C3 D3",
    "mansanliu": "C2 D2 E2 G2 A2 B2 D3",
    "yunü": "B1 D2 E2 G2 A2 C3 D3",
}
GUZHENG_TUNINGS = {
    "D": "D F# A B E",
    "G": "D G A B E",
    "C": "D G A C E",
    "F": "D G A C F",
    "Bb": "D G Bb C F",
    "A": "C# F# A B E",
    "E": "C# F# G# B E",
    "Eb": "Eb F G Bb C",
    "B": "B C# D# F# G#",
    "F#": "F# G# A# C# D#",
    "Db": "Db Eb F Ab Bb",
}
HUI = {1: 8, 2: 6, 3: 5, 4: 4, 5: 3, 7: 2}  # bridge to hui: one n-th of the string; 8 to 13 mirror 6 to 1
HUI_FRACTIONS = (
    {hui: 1 / n for hui, n in HUI.items()} | {6: 2 / 5, 8: 3 / 5} | {14 - hui: 1 - 1 / n for hui, n in HUI.items()}
)
HUI_FRACTIONS |= {14: 1.0}
HARMONIC_PARTIALS = {7: 2, 5: 3, 9: 3, 4: 4, 10: 4, 3: 5, 6: 5, 8: 5, 11: 5, 2: 6, 12: 6, 1: 8, 13: 8}
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
TOLERANCE_CENTS = 15.0


def midi_number(name):
    letter, rest = name[0], name[1:]
    shift = rest.count("#") - rest.count("b")
    octave = int(rest.strip("#b") or 0)
    return 12 * (octave + 1) + LETTERS[letter] + shift


def guqin_strings(tuning):
    return {i: midi_number(name) for i, name in enumerate(GUQIN_TUNINGS[tuning].split(), start=1)}


def guzheng_strings(tuning):
    """Strings 21 to 1 upwards: the five tones from D2 (or C#2) on, and the top one again."""
    classes = sorted(midi_number(name + "0") % 12 for name in GUZHENG_TUNINGS[tuning].split())
    low = 37 if classes[0] == 1 else 38
    pitches = [pitch for pitch in range(low, 90) if pitch % 12 in classes][:21]
    return {21 - i: pitch for i, pitch in enumerate(pitches)}


def guqin_fraction(position):
    lower = int(position)
    return HUI_FRACTIONS[lower] + (position - lower) * (HUI_FRACTIONS[min(14, lower + 1)] - HUI_FRACTIONS[lower])


def guqin_note_faults(tuning, pitch, string, position, kind):
    strings = guqin_strings(tuning)
    if string not in strings:
        return [f"no string {string}"]
    wanted = 100.0 * (pitch - strings[string])
    if kind == "OPEN":
        sounding = 0.0 if position == 0 else None
    elif kind == "STOPPED":
        sounding = -1200 * log2(guqin_fraction(position)) if 2 <= position <= 13.9 else None
    elif kind == "HARMONIC":
        partial = HARMONIC_PARTIALS.get(position)
        sounding = 1200 * log2(partial) if partial else None
    else:
        sounding = None
    if sounding is None:
        return [f"{kind} at {position} is no place"]
    return (
        []
        if abs(sounding - wanted) <= TOLERANCE_CENTS
        else [f"{kind} {string}@{position} sounds {sounding} not {wanted}"]
    )


def guqin_stroke_faults(claims):
    """`claims` are (string, position, kind) of notes struck at once."""
    faults = []
    if len(claims) > 2:
        faults.append("more than two strings at once")
    if len({string for string, _, _ in claims}) < len(claims):
        faults.append("one string twice")
    held = [guqin_fraction(position) for _, position, kind in claims if kind != "OPEN"]
    if len(held) == 2 and abs(held[0] - held[1]) * 112 > 15.1:  # centimetres between thumb and ring finger
        faults.append("two stops further apart than a hand")
    return faults


def guzheng_note_faults(tuning, pitch, string, position, kind):
    strings = guzheng_strings(tuning)
    if string not in strings:
        return [f"no string {string}"]
    rise = pitch - strings[string]
    if kind == "HARMONIC":
        return [] if rise == 12 else ["a harmonic that is no octave"]
    limit = 3 if string <= 13 else 2 if string <= 18 else 1
    if rise != position or not 0 <= rise <= limit or (kind == "OPEN") != (rise == 0):
        return [f"{kind} string {string} pressed {position} for a rise of {rise}"]
    return []


def guzheng_stroke_faults(claims):
    faults = []
    strings = sorted(string for string, _, _ in claims)
    if len(set(strings)) < len(strings):
        faults.append("one string twice")
    pressed = sorted(string for string, _, kind in claims if kind != "OPEN")
    if len(pressed) > 2 or (len(pressed) == 2 and pressed[1] - pressed[0] not in (1, 5)):
        faults.append("presses that one hand cannot hold")
    splits = range(len(strings) + 1) if not pressed else (len(strings),)
    if not any(one_hand(strings[:i]) and one_hand(strings[i:]) for i in splits):
        faults.append("strings that the hands cannot reach")
    return faults


def one_hand(strings):
    return len(strings) <= 4 and (not strings or strings[-1] - strings[0] <= 7)


# What follows looks at fingers, strokes and time. Rules: no little finger; two stops are held by thumb and ring finger
# with the thumb towards the bridge, or lie under one finger on neighbouring strings at one spot; a kneeling finger
# stays at hui 7 or above; open strings and harmonics do not slide, and a slide has somewhere to come from between hui
# 1 and 13.9; the hand goes to another string by more than a hui and a half in 150 ms at least; xiao cuo joins strings
# up to 4 apart, da cuo 4 to 6. Guzheng: a hand strikes with four fingers strings up to 7 apart, and a hand that presses
# strikes nothing.

LEFT_FINGERS = {"guqin": {"thumb", "index", "middle", "ring", "kneeling"}, "guzheng": {"index", "middle", "ring"}}
SINGLE_STROKES = {"bo", "pi", "tuo", "mo", "tiao", "gou", "ti", "da", "zhai"}
SPANS = {
    ("guqin", "xiaocuo"): (1, 4),
    ("guqin", "dacuo"): (4, 6),
    ("guqin", "bola"): (1, 1),
    ("guqin", "ruyi"): (1, 4),
    ("guzheng", "xiaocuo"): (1, 4),
    ("guzheng", "dacuo"): (4, 7),
    ("guzheng", "sancuo"): (2, 7),
    ("guzheng", "sicuo"): (3, 7),
}


@dataclass(frozen=True)
class Note:
    """A note as it is said to be played; `mark` is what is written for it, such as SLIDE_UP."""

    seconds: float
    pitch: int
    string: int
    position: float
    kind: str
    mark: str = "PLUCK"
    finger: str = ""
    stroke: str = ""
    hand: str = ""


def finger_faults(instrument, stroke):
    faults = []
    for note in stroke:
        held = note.kind in ("STOPPED", "HARMONIC")
        if held != (note.finger in LEFT_FINGERS[instrument]):
            faults.append(f"{note.kind} with finger {note.finger!r}")
        if instrument == "guqin" and note.finger == "kneeling" and note.position > 7:
            faults.append(f"kneeling at {note.position}")
    held = sorted((n for n in stroke if n.finger), key=lambda n: guqin_fraction(n.position) if n.position >= 1 else 0)
    if instrument == "guqin" and len(held) == 2:
        near, far = held
        if near.finger == far.finger:
            apart = guqin_fraction(far.position) - guqin_fraction(near.position)
            if abs(near.string - far.string) != 1 or apart > 0.011:
                faults.append("one finger on two places")
        elif "thumb" in (near.finger, far.finger) and near.finger != "thumb" and near.position != far.position:
            faults.append("the thumb on the side of the nut")
    return faults


def striking_faults(instrument, stroke):
    faults = []
    by_hand = {}
    for note in stroke:
        by_hand.setdefault(note.hand, []).append(note)
    if not set(by_hand) <= {"right", "left"} or (instrument == "guqin" and "left" in by_hand):
        faults.append(f"struck by {sorted(by_hand)}")
    if "left" in by_hand and any(note.kind != "OPEN" for note in stroke):
        faults.append("the left hand presses and strikes")
    for notes in by_hand.values():
        names = {note.stroke for note in notes}
        strings = sorted(note.string for note in notes)
        if len(notes) == 1:
            if not names <= SINGLE_STROKES:
                faults.append(f"one string by {names}")
            continue
        low, high = SPANS.get((instrument, "".join(names)), (99, 0))
        if not low <= strings[-1] - strings[0] <= high or len(notes) > 4:
            faults.append(f"strings {strings} by {names}")
        if names & {"bola", "ruyi"} and len({note.pitch for note in notes}) > 1:
            faults.append(f"{names} on different pitches")
    return faults


def slide_faults(instrument, tuning, note):
    if note.mark not in ("SLIDE_UP", "SLIDE_DOWN"):
        return []
    if note.kind == "HARMONIC" or (instrument == "guqin" and note.kind != "STOPPED"):
        return [f"a slide on a note that is {note.kind}"]
    if instrument == "guqin":
        rise = note.pitch - guqin_strings(tuning)[note.string]
        start = rise - 1 if note.mark == "SLIDE_UP" else rise + 1
        return [] if start > 0 and 2 ** (-start / 12) <= guqin_fraction(13.9) and start <= 36 else ["no room to slide"]
    limit = 3 if note.string <= 13 else 2 if note.string <= 18 else 1
    low_enough = note.position >= 1 if note.mark == "SLIDE_UP" else note.position + 1 <= limit
    return [] if low_enough else ["no room to slide"]


def jump_faults(strokes, least=0.15):
    """The hand of the guqin player, from stop to stop; strings that are open in between leave it where it is."""
    faults, before = [], None
    for stroke in strokes:
        held = [note for note in stroke if note.kind in ("STOPPED", "HARMONIC")]
        if not held:
            continue
        if before is not None and not {n.string for n in held} & {n.string for n in before}:
            low, high = min(n.position for n in held), max(n.position for n in held)
            apart = max(low - max(n.position for n in before), min(n.position for n in before) - high)
            seconds = held[0].seconds - before[0].seconds
            if apart > 1.5 + 1e-6 and seconds < least - 1e-6:
                faults.append(f"a jump of {apart:.2f} hui in {seconds:.3f} s")
        before = held
    return faults


def hand_faults(instrument, tuning, notes):
    """Return all that is wrong with notes of :class:`Note` in order of time: places, fingers, strokes and time."""
    claims = [(n.seconds, n.pitch, n.string, n.position, n.kind) for n in notes]
    found = faults(instrument, tuning, claims)
    if instrument == "voice":
        return found
    strokes = {}
    for note in notes:
        strokes.setdefault(note.seconds, []).append(note)
        found += slide_faults(instrument, tuning, note)
    for seconds, stroke in strokes.items():
        wrong = finger_faults(instrument, stroke) + striking_faults(instrument, stroke)
        found += [f"{fault} at {seconds}" for fault in wrong]
    if instrument == "guqin":
        found += jump_faults(strokes.values())
    return found


# What follows looks at a performance: strokes that no score holds, strings that ring, bends.

AT_ONCE_SECONDS = 0.012
"""Strokes nearer than this are one movement; runs of the guqin take 20 ms and more from string to string."""

PLAYED_JUMP_SECONDS = 0.10
"""The 150 ms of a jump when the player hurries by an eighth and both strokes are a few milliseconds off."""


def guqin_position(cents):
    """Return hui.fen at which a string sounds so many cents above its open pitch."""
    wanted = 2 ** (-cents / 1200)
    hui = max(hui for hui in HUI_FRACTIONS if HUI_FRACTIONS[hui] <= wanted)
    if hui == 14:
        return 14.0
    return hui + (wanted - HUI_FRACTIONS[hui]) / (HUI_FRACTIONS[hui + 1] - HUI_FRACTIONS[hui])


def played_faults(instrument, tuning, notes, slides=()):
    """Return what is wrong with the strokes of a performance: notes of :class:`Note` in order of time.

    Every one of them, whatever ornament it belongs to, has a place that gives its pitch and a finger there if it is
    stopped; a guqin's right hand strikes two strings at once at most, and its left hand is never too late. `slides`
    are the places to which the hand has slid on a string without a stroke: notes too.
    """
    found = []
    for note in notes:
        found += RULES[instrument][0](tuning, note.pitch, note.string, note.position, note.kind)
        if instrument != "voice" and (note.kind in ("STOPPED", "HARMONIC")) != (
            note.finger in LEFT_FINGERS[instrument]
        ):
            found.append(f"{note.kind} with finger {note.finger!r} at {note.seconds}")
    if instrument == "guqin":
        for first, third in zip(notes, notes[2:], strict=False):
            if third.seconds - first.seconds < AT_ONCE_SECONDS:
                found.append(f"three strings at once at {first.seconds}")
        moves = {}
        for note in sorted([*notes, *slides], key=lambda note: note.seconds):
            moves.setdefault(round(note.seconds, 2), []).append(note)
        found += jump_faults(moves.values(), PLAYED_JUMP_SECONDS)
    return found


def sounding_faults(instrument, tuning, notes):
    """Return what is wrong with a performance: (onset, end, pitch, string, kind, lowest cents, highest cents) a note.

    A string has one sound at a time, and its bends stay on it: upwards only over movable bridges, between the nut and
    the first hui without them, none on an open string or a harmonic of the guqin.
    """
    found, sounding = [], {}
    for onset, end, pitch, string, kind, low, high in sorted(notes):
        if string and sounding.get(string, 0) > onset:
            found.append(f"string {string} sounds twice at {onset}")
        sounding[string] = end
        if not string or (low == 0 and high == 0):
            continue
        if kind == "HARMONIC" or (instrument == "guqin" and kind == "OPEN"):
            found.append(f"a bend on a note that is {kind} at {onset}")
        elif instrument == "guqin":
            rise = 100 * (pitch - guqin_strings(tuning)[string])
            if rise + low < -1200 * log2(guqin_fraction(13.9)) - 1 or rise + high > 3600:
                found.append(f"a bend off string {string} at {onset}")
        else:
            rise = 100 * (pitch - guzheng_strings(tuning)[string])
            limit = 300 if string <= 13 else 200 if string <= 18 else 150
            if rise + low < -1 or rise + high > limit + 51:
                found.append(f"a bend of {low} to {high} cents at {onset}")
    return found


def voice_note_faults(_tuning, pitch, string, _position, _kind):
    return [] if 53 <= pitch <= 84 and string == 0 else [f"pitch {pitch} on string {string} is not sung"]


def voice_stroke_faults(claims):
    return ["two notes sung at once"] if len(claims) > 1 else []


RULES = {
    "guqin": (guqin_note_faults, guqin_stroke_faults),
    "guzheng": (guzheng_note_faults, guzheng_stroke_faults),
    "voice": (voice_note_faults, voice_stroke_faults),
}


def faults(instrument, tuning, notes):
    """Return what is wrong with `notes`: (onset, pitch, string, position, kind) in order of onset."""
    note_faults, stroke_faults = RULES[instrument]
    found = []
    strokes = {}
    for onset, pitch, string, position, kind in notes:
        found += note_faults(tuning, pitch, string, position, kind)
        strokes.setdefault(onset, []).append((string, position, kind))
    for onset, claims in strokes.items():
        found += [f"{fault} at {onset}" for fault in stroke_faults(claims)]
    return found
