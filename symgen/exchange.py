"""To and from the objects of other libraries, for notebooks: pretty_midi's, symusic's and music21's.

Both ways go through the bytes of a file, so that what another library sees is what it would see of a file
of ours, and nothing has to be kept true twice.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from symgen.errors import ReadError
from symgen.performance import Performance
from symgen.readers import midi as midi_reader
from symgen.readers import musicxml as musicxml_reader
from symgen.score import Score
from symgen.writers import midi as midi_writer
from symgen.writers import musicxml as musicxml_writer

if TYPE_CHECKING:
    from music21.stream import Score as Music21Score
    from music21.stream import Stream
    from pretty_midi import PrettyMIDI
    from symusic import Score as SymusicScore


def to_pretty_midi(music: Score | Performance) -> PrettyMIDI:
    """Return music as a ``pretty_midi.PrettyMIDI``, times in seconds, for piano rolls and soundfonts.

    Parameters
    ----------
    music : Score or Performance
        A Performance keeps its bends; a Score is written as it stands.
    """
    from pretty_midi import PrettyMIDI

    return PrettyMIDI(io.BytesIO(midi_writer.encode(music)))


def from_pretty_midi(midi: PrettyMIDI) -> Score:
    """Return a ``pretty_midi.PrettyMIDI`` as a Score, one voice an instrument.

    Raises
    ------
    ReadError
        If it holds no notes.
    """
    buffer = io.BytesIO()
    midi.write(buffer)
    return midi_reader.read(buffer.getvalue(), "pretty_midi")[0].score


def to_symusic(music: Score | Performance) -> SymusicScore:
    """Return music as a ``symusic.Score`` in ticks, for the tokenisers that build on it."""
    from symusic import Score as SymusicScore

    return SymusicScore.from_midi(midi_writer.encode(music))


def from_symusic(score: SymusicScore) -> Score:
    """Return a ``symusic.Score`` as a Score, one voice a track.

    Raises
    ------
    ReadError
        If it holds no notes.
    """
    return midi_reader.read(score.dumps_midi(), "symusic")[0].score


def to_music21(score: Score) -> Music21Score:
    """Return a Score as a music21 score: notation with ties, tuplets and metre changes."""
    from music21 import converter

    parsed: Music21Score = converter.parseData(musicxml_writer.encode(score).decode("utf-8"), format="musicxml")
    return parsed


def from_music21(stream: Stream) -> Score:
    """Return a music21 stream as a Score.

    Raises
    ------
    ReadError
        If it holds nothing that MusicXML can.
    """
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    data = GeneralObjectExporter(stream).parse()
    readings = musicxml_reader.read(data, "music21")
    if not readings:
        raise ReadError("the music21 stream holds no music", expected="at least one note")
    return readings[0].score
