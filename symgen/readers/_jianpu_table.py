"""The signs of jianpu text 简谱, for the reader and for whoever writes it. docs/JIANPU.md is the grammar in words."""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

from symgen.score import Technique

DEGREE_SEMITONES = MappingProxyType({1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11})
"""Degree -> semitones above gong."""

SPELLINGS: tuple[str, ...] = ("1", "#1", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
"""Semitones above gong -> how the note is written: the bian tones as players write them (#4, b7)."""

REST = "0"
EXTEND = "-"
"""Holds the note or rest before it for another quarter."""
UNDERLINE = "_"
"""Each halves the note, as each line under a digit does."""
DOT = "."
TIE = "~"
FERMATA = "^"
OCTAVE_UP = "'"
OCTAVE_DOWN = ","
BAR_LINE = "|"
FINAL_BAR_LINE = "||"
REPEAT_START = "|:"
REPEAT_END = ":|"

ACCIDENTALS = MappingProxyType({"#": 1, "♯": 1, "b": -1, "♭": -1, "n": 0, "♮": 0})
"""Sign before a digit -> semitones. It holds for that note alone."""

OCTAVES = MappingProxyType({"'": 1, "’": 1, "\u0307": 1, "˙": 1, ",": -1, "\u0323": -1})
"""Sign after a digit -> octaves; U+0307 and U+0323 are the combining dots above and below."""

TECHNIQUE_SIGNS = MappingProxyType(
    {
        Technique.OPEN: "s",
        Technique.STOPPED: "a",
        Technique.HARMONIC: "o",
        Technique.SLIDE_UP: "u",
        Technique.SLIDE_DOWN: "d",
        Technique.VIBRATO: "v",
        Technique.TREMOLO: "t",
        Technique.GLISSANDO: "g",
    }
)
"""Technique -> the letter after a note; plucked notes have none, and grace notes stand in braces."""

TECHNIQUES = MappingProxyType(
    {sign: technique for technique, sign in TECHNIQUE_SIGNS.items()}
    | {
        "°": Technique.HARMONIC,
        "散": Technique.OPEN,
        "按": Technique.STOPPED,
        "泛": Technique.HARMONIC,
        "绰": Technique.SLIDE_UP,
        "↗": Technique.SLIDE_UP,
        "注": Technique.SLIDE_DOWN,
        "↘": Technique.SLIDE_DOWN,
        "吟": Technique.VIBRATO,
        "猱": Technique.VIBRATO,
        "颤": Technique.VIBRATO,
        "摇": Technique.TREMOLO,
        "轮": Technique.TREMOLO,
        "花": Technique.GLISSANDO,
        "滚": Technique.GLISSANDO,
        "拂": Technique.GLISSANDO,
    }
)
"""Sign after a note, letter or hanzi -> technique."""

TEMPO_UNITS = MappingProxyType(
    {
        "♩": Fraction(1),
        "♩.": Fraction(3, 2),
        "♪": Fraction(1, 2),
        "♪.": Fraction(3, 4),
        "q": Fraction(1),
        "qpm": Fraction(1),
    }
)
"""Beat unit of a tempo mark -> quarters."""

TUPLET_TIMES = MappingProxyType({2: 3, 3: 2, 4: 3, 5: 4, 6: 4, 7: 4, 9: 8, 10: 8, 11: 8, 12: 8, 13: 8})
"""Notes in a tuplet -> in the time of how many, where the text does not say."""

KEY_LETTERS = MappingProxyType({"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11})

KEY_NAMES: tuple[str, ...] = ("C", "bD", "D", "bE", "E", "F", "#F", "G", "bA", "A", "bB", "B")
"""Pitch class of gong -> what stands after `1=`."""

DEFAULT_OCTAVE = 4
"""An unmarked 1 lies in C4..B4 (MIDI 60..71) unless the key names an octave, as `1=F3` does."""

FIELDS = MappingProxyType(
    {
        "标题": "title",
        "曲名": "title",
        "title": "title",
        "段": "section",
        "段落": "section",
        "section": "section",
        "声部": "voice",
        "voice": "voice",
        "速度": "tempo",
        "tempo": "tempo",
        "qpm": "tempo",
        "词": "lyric",
        "歌词": "lyric",
        "lyrics": "lyric",
        "作曲": "text",
        "composer": "text",
        "记谱": "text",
        "打谱": "text",
        "transcriber": "text",
        "演奏": "text",
        "player": "text",
        "来源": "text",
        "琴谱": "text",
        "source": "text",
        "定弦": "text",
        "tuning": "text",
        "乐器": "text",
        "instrument": "text",
        "注": "text",
        "note": "text",
        "版权": "copyright",
        "copyright": "copyright",
    }
)
"""Name before a colon at the start of a line -> what the line is."""

ROAD_SIGNS = MappingProxyType(
    {
        "dc": "da_capo",
        "d.c.": "da_capo",
        "ds": "dal_segno",
        "d.s.": "dal_segno",
        "segno": "segno",
        "coda": "coda",
        "to coda": "to_coda",
        "tocoda": "to_coda",
        "fine": "fine",
    }
)
"""Text in angle brackets, lower case -> the repeat mark it is."""

FREE_METRE = frozenset({"散板", "散", "サ", "free"})
"""Text in angle brackets that ends the metre."""

FULL_WIDTH = str.maketrans(
    {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
    | {"\u3000": " ", "【": "[", "】": "]", "‖": "‖", "–": "-", "—": "-", "―": "-", "－": "-"}
)
"""What a Chinese keyboard types for the signs of music, character for character."""
