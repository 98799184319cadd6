"""A referee for fingerings, written from the rules of the instruments alone.

It shares no code and no table with ``symgen.instruments``: strings, marks and limits are spelt out here, so
that a mistake there cannot hide here. It takes notes and claims of where they are played, and says what is wrong.
"""

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
    pitches = [pitch for pitch in range(low, 87) if pitch % 12 in classes][:21]
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


RULES = {
    "guqin": (guqin_note_faults, guqin_stroke_faults),
    "guzheng": (guzheng_note_faults, guzheng_stroke_faults),
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
