"""Every way in which a file falls short of its format, and what is done about it: one row, one policy each.

The codes are stable: reports, ``lost`` and ``mended`` of a Reading, and ``ReadError.code`` use them and nothing
else. docs/READING.md shows this table; a test holds the two together, and the table to the sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

ANY = "any"
"""Format of a row that concerns files whatever their format."""
CALLER = "conversion"
"""Format of a row that no reader gives, but whoever converts many files."""
POLICIES = MappingProxyType(
    {
        "refuse": "The file is not read; `ReadError.code` names the reason.",
        "mend": "The defect is repaired or the missing fact assumed, and counted in `mended`.",
        "ignore": "What has no place in a Score is left out, and counted in `lost`.",
    }
)


@dataclass(frozen=True, slots=True)
class Defect:
    """A kind of defect.

    Parameters
    ----------
    code : str
        Stable reason code.
    policy : str
        One of ``POLICIES``.
    formats : tuple of str
        Names of the readers that give it, ``ANY`` or ``CALLER``.
    meaning : str
        One sentence: what is wrong, and where it is mended, how.
    notation : bool
        Whether it tells how notation was read, not that a file was damaged: such a code alone salvages nothing.
    """

    code: str
    policy: str
    formats: tuple[str, ...]
    meaning: str
    notation: bool = False


_Row = tuple[str, str, str]

_REFUSED: tuple[_Row, ...] = (
    ("missing-file", "any", "No file has this name."),
    ("not-a-file", "any", "The name is that of a folder, a device or a pipe."),
    ("unreadable-file", "any", "The system does not let the file be read, or the name is none."),
    ("empty-file", "any", "The file has no bytes."),
    ("too-large", "any", "The file is larger than a score of its format ever is."),
    ("unknown-format", "any", "The content is that of no known format."),
    ("needs-transcriber", "audio", "The file is sound, and what hears notes in it is not installed (`symgen[audio]`)."),
    ("no-music", "any", "There is no note in it."),
    ("too-long", "abc jianpu kern midi musicxml", "It lasts longer than any piece: a length in it is damaged."),
    ("bad-score", "abc jianpu kern musicxml", "The notes make no valid Score."),
    ("no-grid", "jianpu kern musicxml", "The durations have no common measure."),
    ("parser-failed", "any", "A parser failed in a way that nothing else here names."),
    ("unreadable", "any", "No nearer reason is known."),
    ("no-sound", "audio", "There is no sample in it that can be decoded."),
    ("no-sound-track", "audio", "It is a film without sound."),
    ("only-noise", "audio", "It is noise from beginning to end: no tone stands out of it."),
    ("sample-rate", "audio", "A sample rate of 0, or not between 8 and 192 kHz."),
    ("silent", "audio", "Its loudest sample lies below -80 dB."),
    ("undecodable", "audio", "No decoder takes it for sound: another kind of file, or a damaged header."),
    ("cap-channels", "audio", "More than 16 channels."),
    ("cap-duration", "audio", "More than 3 hours of sound."),
    ("cap-bars", "jianpu kern musicxml", "More bars than a piece has, once repeats are played out."),
    ("cap-depth", "musicxml", "XML elements nested deeper than a score nests them."),
    ("cap-elements", "musicxml", "More XML elements and attributes than a score has."),
    ("cap-events", "midi", "More events than a piece has."),
    ("cap-lines", "kern", "More lines than a file of pieces has."),
    ("cap-measures", "musicxml", "More measures than a score has."),
    ("cap-members", "musicxml", "More than 1,000 files in the archive."),
    ("cap-notes", "abc jianpu kern musicxml", "More notes than a file of music has."),
    ("cap-pieces", "abc kern", "More pieces than a file has."),
    ("cap-ratio", "musicxml", "The archive unpacks to more than 200 times its size."),
    ("cap-signs", "abc", "More signs than a tune has."),
    ("cap-spines", "kern", "More spines than a score has."),
    ("cap-text", "kern musicxml", "A line, text or attribute far longer than any in a score."),
    ("cap-tracks", "midi", "More tracks than a file has."),
    ("cap-unpacked", "musicxml", "The archive unpacks to more than 64 MiB, all files in it together."),
    ("bad-division", "midi", "The time division is 0 or no SMPTE rate, so that no time can be told."),
    ("midi-header", "midi", "The header is cut off."),
    ("midi-no-track", "midi", "No track follows the header."),
    ("kern-columns", "kern", "A line has more or fewer columns than there are spines."),
    ("kern-no-spine", "kern", "No column is `**kern`."),
    ("kern-token", "kern", "A token is neither note nor rest."),
    ("jianpu-bracket", "jianpu", "A bracket is closed that was not opened, or the other way round."),
    ("jianpu-field", "jianpu", "A line begins with a name that is no known field."),
    ("jianpu-sign", "jianpu", "A character means nothing in jianpu."),
    ("jianpu-value", "jianpu", "A key, metre, tempo, tuplet, length or road sign is none, or stands where it cannot."),
    ("mxl-compression", "musicxml", "The archive is packed in another way than deflate."),
    ("mxl-damaged", "musicxml", "The archive is cut off, or its sizes or check sums are wrong."),
    ("mxl-duplicate", "musicxml", "Two files in the archive have the name of the score."),
    ("mxl-encrypted", "musicxml", "The score in the archive is encrypted."),
    ("mxl-member-name", "musicxml", "The score's name in the archive leads out of it or holds control characters."),
    ("mxl-no-score", "musicxml", "There is no score in the archive."),
    ("mxl-overlap", "musicxml", "Files in the archive lie over each other."),
    ("xml-entities", "musicxml", "The document declares entities, which may unfold without end."),
    ("xml-malformed", "musicxml", "The document is no well-formed XML."),
    ("xml-no-score", "musicxml", "The root element is not that of a MusicXML score."),
    ("xml-number", "musicxml", "A number is none, or far out of range."),
    ("xml-refused", "musicxml", "music21 finds the notation contradictory."),
    ("cap-memory", "any conversion", "Reading took more memory than a file may take."),
    ("cap-time", "conversion", "Reading took longer than a file may take."),
    ("internal-error", "conversion", "A defect of this program."),
    ("process-killed", "conversion", "The process that read the file was killed."),
    ("cap-changes", "conversion", "A piece changes its metre or tempo more often than any music does."),
    ("dropped", "conversion", "Rules of cleaning drop every piece of the file; the report names them."),
    ("unlisted-folder", "conversion", "The folder cannot be listed."),
)

_MENDED: tuple[_Row, ...] = (
    ("bad-data-byte", "midi", "A data byte over 127: the event is left out."),
    ("bad-key", "kern midi", "A key that is none: left out."),
    ("bad-metre", "kern midi", "A metre that is none: left out (MIDI), or read as free (kern)."),
    ("bad-tempo", "jianpu kern midi musicxml", "A tempo of zero or out of range: left out or brought into range."),
    ("chunk-length", "midi", "A chunk's length disagrees with what follows: the track is read to its end or the next."),
    ("data-after-end-of-track", "midi", "Bytes behind the end of a track: left out."),
    ("event-after-end", "midi", "An event far behind the last note: left out."),
    ("finer-time-base", "midi", "A bar is no whole number of ticks: the time base grows."),
    ("hanging-note", "midi", "A note is never released: it lasts to the next attack or the end of its track."),
    ("header-length", "midi", "The header is longer or shorter than it says."),
    ("leading-bytes", "midi", "Foreign bytes before the header: left out."),
    ("missing-end-of-track", "midi", "A track has no end: it ends with its last event."),
    ("overlap", "midi", "A note is struck again while it sounds: both are kept, first in, first out."),
    ("smpte-time", "midi", "Time in seconds and frames: kept, at 60 quarter notes a minute."),
    ("stray-byte", "midi", "Data without a running status, or an unknown status: left out."),
    ("stray-note-off", "midi", "A note is released that does not sound: left out."),
    ("midi-format", "midi", "The header names a format that there is not; its tracks are taken to go together."),
    ("trailing-bytes", "midi", "Bytes behind the last track that are no chunk: passed over."),
    ("track-count", "midi", "More or fewer tracks than the header says: all that are there are read."),
    ("truncated-track", "midi", "A track is cut off: what came before is kept."),
    ("zero-length", "midi", "A note of no length: given one tick."),
    ("bad-K", "abc", "A key field that is none: the key before it stays."),
    ("bad-L", "abc", "A unit length that is none: the one before it stays."),
    ("bad-M", "abc", "A metre field that is none: the metre before it stays."),
    ("bad-P", "abc", "A part field that is none: left out."),
    ("bad-Q", "abc", "A tempo field that is none: left out."),
    ("bad-T", "abc", "A title that is none: left out."),
    ("bad-V", "abc", "A voice field that is none: left out."),
    ("bad-length", "abc", "A length of zero or beyond all reason: read as one unit."),
    ("blank-line", "abc", "A blank line inside a tune: the music behind it still belongs to it."),
    ("broken-tune", "abc", "A tune of the book is refused, for a reason above: the others are read."),
    ("missing-K", "abc", "A tune without a key field: it has no key."),
    ("missing-X", "abc", "No tune number: the file is one tune."),
    ("open-tie", "abc", "A tie that leads to no note of its pitch: the note ends as written."),
    ("rounded-length", "abc", "Lengths that no time base holds: rounded to ticks."),
    ("stray-character", "abc", "A character that means nothing in ABC: left out."),
    ("broken-piece", "kern", "A piece of the file is refused, for a reason above: the others are read."),
    ("chord-without-note", "musicxml", "A chord member behind no note: it becomes a note by itself."),
    ("rounded-bar", "jianpu kern musicxml", "A bar misses its metre by less than 1/100 quarter: made whole."),
    ("rounded-to-grid", "jianpu kern musicxml", "Times that no time base holds: rounded to ticks."),
    ("tempo-from-start", "jianpu kern musicxml", "The first tempo comes late: it holds from the start."),
    ("tie-without-start", "jianpu kern musicxml", "The end of a tie without a beginning: struck as a note."),
)

_HEARD: tuple[_Row, ...] = (
    ("clipped", "audio", "More than 1 in 1,000 samples is clipped: read as it is."),
    ("damaged-sound", "audio", "Something on the way cannot be decoded: left out."),
    ("loud", "audio", "Floating-point samples far beyond full scale: scaled down."),
    ("no-number", "audio", "Samples that are no number, infinite or beyond all sound: read as 0."),
    ("out-of-phase", "audio", "The channels cancel each other: the loudest is heard alone."),
    ("sound-cut-off", "audio", "The sound ends before its header says: what is there is read."),
)
"""Of recordings, all mended."""

_NOTATION: tuple[_Row, ...] = (
    ("assumed-metre", "abc midi", "The first metre comes late: 4/4 (MIDI) or that metre (ABC) holds before it."),
    ("assumed-tempo", "abc midi", "The first tempo comes late or never: 120 (MIDI) or that tempo (ABC) holds."),
    ("free-metre-inside", "abc", "Free metre inside a metrical tune: the metre before it stays."),
    ("irregular-bar", "jianpu kern musicxml", "A bar that its metre does not describe has a metre of its own."),
    ("key-assumed", "jianpu", "No `1=` is given: 1 is C."),
    ("pickup-bar", "abc", "A first bar shorter than its metre has a metre of its own."),
    ("repeat-expanded", "jianpu kern musicxml", "A repeat or jump is played out."),
)

_IGNORED: tuple[_Row, ...] = (
    ("moving-picture", "audio", "The pictures of a film."),
    ("aftertouch", "midi", "Pressure on a key or channel."),
    ("channel-prefix", "midi", "Channel prefix."),
    ("controller", "midi", "Control change: pedal, volume, pan and the like."),
    ("device-name", "midi", "Device name."),
    ("instrument-name", "midi", "Instrument name."),
    ("metre", "midi", "A metre in time that has no beats (SMPTE)."),
    ("percussion", "midi", "A note on the percussion channel."),
    ("pitch-bend", "midi", "Pitch bend."),
    ("port", "midi", "Port."),
    ("program", "midi", "Program change."),
    ("program-name", "midi", "Program name."),
    ("sequence-number", "midi", "Sequence number."),
    ("sequencer-specific", "midi", "Data of one sequencer."),
    ("smpte-offset", "midi", "SMPTE offset."),
    ("sysex", "midi", "System exclusive data."),
    ("unknown-meta", "midi", "A meta event of a kind that the standard does not know."),
    ("tempo", "midi", "A tempo in time that has no beats (SMPTE)."),
    ("annotation", "abc", "Words above the staff."),
    ("chord-symbol", "abc musicxml", "The name of a chord."),
    ("decoration", "abc", "A decoration that is no technique."),
    ("directive", "abc", "A directive for programs (`%%`)."),
    ("free-text", "abc", "Prose between tunes."),
    ("grace", "abc", "A grace note before a rest or a tied note, or where there is no time for it."),
    ("information-field", "abc", "Composer, origin, source, notes and the like."),
    ("jump", "abc", "D.C., D.S., coda, segno, fine: not played out."),
    ("lyric", "abc", "A line of lyrics."),
    ("macro", "abc", "A macro or a sign defined by the user."),
    ("microtone", "abc", "The part of an accidental finer than a semitone."),
    ("part-order", "abc", "The order in which parts are played: they are read as written."),
    ("symbol-line", "abc", "A line of symbols."),
    ("tune-without-notes", "abc", "A tune of the book without notes."),
    ("piece-without-notes", "kern", "A piece of the file without notes."),
    ("expansion-list", "kern", "The order in which sections are played: they are read as written."),
    ("spine-dynam", "kern", "A spine of dynamics."),
    ("spine-harm", "kern", "A spine of harmony."),
    ("spine-other", "kern", "A spine of another kind."),
    ("spine-text", "kern", "A spine of lyrics."),
    ("bowing", "kern", "Up-bow or down-bow."),
    ("arpeggio", "kern musicxml", "A rolled chord."),
    ("articulation", "kern musicxml", "Staccato, accent, tenuto and the like."),
    ("bend", "musicxml", "A bend."),
    ("cue-note", "musicxml", "A cue note, which is not played."),
    ("dynamics", "kern musicxml", "Loudness in letters or hairpins."),
    ("fermata", "jianpu kern musicxml", "A fermata."),
    ("fingering", "musicxml", "Finger, string or fret."),
    ("further-score", "musicxml", "Another score in the archive than the one that its container names."),
    ("lyric-line", "jianpu", "A line of lyrics."),
    ("lyric-verse", "musicxml", "A verse of lyrics after the first."),
    ("notation", "musicxml", "A notation that is named nowhere here."),
    ("ornament", "kern musicxml", "An ornament that is no technique."),
    ("pedal", "musicxml", "Pedal."),
    ("pitch-out-of-range", "abc jianpu kern musicxml", "A note that MIDI has no number for."),
    ("second-technique", "jianpu musicxml", "A second technique on one note."),
    ("slur", "jianpu kern musicxml", "A slur."),
    ("technical", "musicxml", "A technical sign that is no technique."),
    ("unpitched", "musicxml", "An unpitched note."),
    ("long-title", "conversion", "The end of a title that is longer than any is."),
    ("octave-folded", "conversion", "The octave of a note beyond nine octaves around its piece's middle."),
    ("off-grid-length", "conversion", "The exact length of a note; it has the nearest that tokens hold."),
    ("off-grid-onset", "conversion", "The exact time of an onset; it has the nearest that tokens hold."),
    ("voice", "conversion", "Which voice a note belongs to."),
)


def _table() -> dict[str, Defect]:
    groups = (("refuse", False, _REFUSED), ("mend", False, (*_MENDED, *_HEARD)), ("mend", True, _NOTATION))
    return {
        code: Defect(code, policy, tuple(formats.split()), meaning, notation)
        for policy, notation, rows in (*groups, ("ignore", False, _IGNORED))
        for code, formats, meaning in rows
    }


DEFECTS = MappingProxyType(_table())
"""Reason code -> what it stands for."""

NOTATION = frozenset(code for code, defect in DEFECTS.items() if defect.notation)
"""Codes of ``mended`` that tell how notation was read, not that a file was damaged; they alone salvage nothing."""


def listing() -> str:
    """Return the table as Markdown, the text between the marks in docs/READING.md."""
    lines = []
    for policy, what in POLICIES.items():
        lines += ["", f"### {policy.capitalize()}", "", what, "", "| Code | Formats | Meaning |", "|---|---|---|"]
        for defect in DEFECTS.values():
            if defect.policy == policy:
                mark = " *" if defect.notation else ""
                lines.append(f"| `{defect.code}`{mark} | {', '.join(defect.formats)} | {defect.meaning} |")
    return "\n".join(lines).strip() + "\n"
