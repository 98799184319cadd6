"""Sound files of every format, small and full of signs: what the fuzzer damages."""

from __future__ import annotations

import io
import struct
import zipfile

from tests.readers.smf_bytes import meta, note, smf

_MIDI = smf(
    meta(0x03, "流水".encode())
    + meta(0x51, b"\x0b\x71\xb0")
    + meta(0x58, b"\x02\x02\x18\x08")
    + meta(0x59, b"\xff\x00"),
    meta(0x03, "古筝".encode("gbk")) + b"".join(note(60 + step, 240, delta=step * 7) for step in (0, 2, 4, 7, 9, 12)),
    b"\x00\xc0\x6b\x00\xb0\x40\x7f" + note(48, 960) + b"\x00\xe0\x00\x40\x00\xf0\x03\x41\x10\xf7" + note(36, 1920),
)
_RUNNING = smf(
    meta(0x05, b"la") + b"\x00\x90\x3c\x40\x60\x3c\x00\x00\x3e\x40\x60\x3e\x00\x00\x3e\x40" + meta(0x06, b"A"),
    file_format=0,
    division=96,
)
_FORMAT_2 = smf(note(60, 480) + note(62, 480), meta(0x58, b"\x03\x02\x18\x08") + note(64, 480), file_format=2)
_SMPTE = smf(meta(0x51, b"\x07\xa1\x20") + note(60, 480) + note(67, 480), division=0xE728)


def _riff(data: bytes) -> bytes:
    chunk = b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"RMID" + chunk


_ABC = """X:1
T:流水
M:2/4
L:1/8
Q:1/4=60
K:Ddor
|:D>E (3FGA | [DA]2- [DA] {cd}e :|1 ^f2 z2 :|2 "Dm"f4 |] [K:G][M:3/4] G3/2 A// B,,2- B,,|
V:2
D,2 & A,4 !trill!c'8 |
w: la la

X:2
T:two
K:none
CDEF|]
"""
_BARE_ABC = """L:1/16
M:none
Q:C=90
K:Bb transpose=-2

B2>c2 .d(ef) g/2a/4|Z2|!slide!_B8 (5:4:5abcde T^g3|
P:二
uA vB|::c4:|
"""

_KERN = "**kern\n*clefG2\n*k[b-]\n*F:\n*M2/4\n4f\n8g\n8a\n=1\n[4cc\n4cc]\n=2\n4r\n8d 8f\n16g\n16a\n==\n*-\n"
_SPINES = """!!!OTL: 合乐
**kern\t**kern\t**dynam\t**text
*M3/4\t*M3/4\t*\t*
*d:dor\t*\t*\t*
*MM72\t*\t*\t*
=1|:\t=1|:\t=1\t=1
4D\t{8dd;\tf\tla
.\t8ee'\t.\t.
*\t*^\t*\t*
2A-\t4ff#\t4aL\tp\tli
.\tqgg\t.\t.\t.
.\t4.gg}\t[8b\t.\t.
*\t*v\t*v\t*\t*
=2:|\t=2:|\t=2\t=2
12%2C\t00r\t.\t.
*X\t*MX\t*\t*
3D 3F\t6ccT\t.\t.
==\t==\t==\t==
*-\t*-\t*-\t*-
!!!OTL: second
**kern
*M4/4
1c
=
2.d
8e]
8f_
==
*-
"""

_MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "partwise.dtd">
<score-partwise version="3.1"><work><work-title>酒狂</work-title></work>
<part-list><score-part id="P1"><part-name>guqin</part-name></score-part>
<score-part id="P2"><part-name>xiao</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>4</divisions><key><fifths>-1</fifths></key>
<time><beats>2</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>
<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>60</per-minute></metronome>
</direction-type><sound tempo="60"/></direction>
<barline location="left"><repeat direction="forward"/></barline>
<note dynamics="80"><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><tie type="start"/>
<voice>1</voice><type>quarter</type><notations><articulations><staccato/></articulations></notations>
<lyric number="1"><text>la</text></lyric></note>
<note><chord/><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration><type>quarter</type></note>
<note><grace/><pitch><step>E</step><octave>4</octave></pitch><voice>1</voice><type>eighth</type></note>
<note><pitch><step>D</step><alter>1</alter><octave>4</octave></pitch><duration>4</duration><type>quarter</type>
<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification></note>
<backup><duration>8</duration></backup><forward><duration>4</duration></forward>
<note><rest/><duration>4</duration><voice>2</voice></note>
<barline location="right"><repeat direction="backward" times="2"/></barline></measure>
<measure number="2"><attributes><transpose><chromatic>-2</chromatic></transpose></attributes>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>8</duration><tie type="stop"/><type>half</type>
<notations><technical><harmonic/></technical><slide type="start"/></notations></note></measure></part>
<part id="P2"><measure number="1"><note><pitch><step>A</step><octave>5</octave></pitch><duration>2</duration></note>
</measure></part></score-partwise>
"""
_TIMEWISE = """<score-timewise><part-list><score-part id="a"><part-name/></score-part></part-list>
<measure number="1"><part id="a"><attributes><divisions>1</divisions></attributes>
<note><pitch><step>F</step><octave>3</octave></pitch><duration>3</duration></note></part></measure></score-timewise>"""
CONTAINER = b"""<?xml version="1.0"?><container><rootfiles><rootfile full-path="score.musicxml"
media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>"""


def packed(score: bytes, *, method: int = zipfile.ZIP_DEFLATED, container: bytes = CONTAINER) -> bytes:
    """Return an .mxl archive of a score, the same bytes at any time of the day."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (
            ("mimetype", b"application/vnd.recordare.musicxml"),
            ("META-INF/container.xml", container),
            ("score.musicxml", score),
        ):
            member = zipfile.ZipInfo(name)  # dated 1980
            member.compress_type = method
            archive.writestr(member, content)
    return buffer.getvalue()


_JIANPU = """标题: 流水
作曲: 佚名
1=F3 2/4 ♩=60
|: 5 6_ 1'_ | {23} 3'. 2_o | [1 5 1'] - :|
<1> (3: 2 3 5) 0 | <2> (6, 6,) #4散 b7 ||
<散板> 1~ 1 5___摇 | 3/4 2 - -
"""
_TWO_VOICES = """title: two
声部: 一
1=bE 4/4 q=72.5
段: A
1 2 3 5 | 6' 5, 3 - ‖
声部: 二
1,. 5,_ 1 - | 0 - - - ‖ // end
词: 啦
"""


def _sound(kind: str) -> bytes:
    if kind == "wav":
        body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", 64)
        return b"RIFF" + struct.pack("<I", len(body) + 64) + body + bytes(range(64))
    frame = b"\xff\xfb\x90\x00" + bytes(413)
    return {"mp3": frame * 3, "flac": b"fLaC" + bytes(60), "ogg": b"OggS\x00" + bytes(60)}[kind]


SEEDS: dict[str, tuple[bytes, ...]] = {
    "midi": (_MIDI, _riff(_MIDI), _RUNNING, _FORMAT_2, _SMPTE),
    "abc": (
        _ABC.encode(),
        _ABC.encode("utf-16"),
        _ABC.encode("gbk"),
        _BARE_ABC.encode(),
        _BARE_ABC.replace("\n", "\r\n").encode("gbk"),
    ),
    "kern": (_KERN.encode(), _SPINES.encode(), _SPINES.replace("\n", "\r\n").encode("gbk")),
    "musicxml": (
        _MUSICXML.encode(),
        packed(_MUSICXML.encode()),
        _MUSICXML.replace("UTF-8", "UTF-16").encode("utf-16"),
        _MUSICXML.replace("UTF-8", "GBK").encode("gbk"),
        _TIMEWISE.encode(),
        packed(_TIMEWISE.encode(), method=zipfile.ZIP_STORED),
    ),
    "jianpu": (_JIANPU.encode(), _JIANPU.encode("gb18030"), _TWO_VOICES.encode(), _TWO_VOICES.encode("utf-16")),
    "audio": tuple(_sound(kind) for kind in ("wav", "mp3", "flac", "ogg")),
}
"""Format -> files that its reader reads (audio: recognises)."""

_WORDS: dict[str, str] = {
    "abc": r"""|: :| :: [1 [2 |1,3-5 (9:0:0 (3:2:99 & - Z999 [K:none] [M:0/4] [L:1/0] {abc} [ceg]3/2 > <<
    !D.C.! ^^c,,,,,, _b'''' y// \nX:3\n \nV:3\n \nK:\n \nQ:1/4=0\n \nP:ABAB\n \nM:C|\n \nw:""",
    "kern": r"""*^ *v *x *- *+ **kern 00 0 4% 1%3 3%2 [ ] _ q r *M0/4 *M3+2/8 *MX *k[f#] *c#:dor *Trd-1c-2 =:| =|:
    *>A 4. { *v\t*v *^\t* .\t. 4c#\t4d \n \t""",
    "musicxml": r"""<chord/> <grace/> <rest/> <cue/> <backup> </backup> <duration>0</duration> <duration>-1</duration>
    <dot/> <divisions>0</divisions> <divisions>7</divisions> <voice>9</voice> <measure> </measure> <beats>3+2</beats>
    &a; &#0; ]]> <beat-type>0</beat-type> <senza-misura/> <fifths>99</fifths> <alter>0.5</alter> <type>maxima</type>
    <unpitched/> <transpose><chromatic>99</chromatic></transpose> <!ENTITY\ta\t"b">
    <sound\tdacapo="yes"/> <sound\ttempo="0"/>
    <repeat\ttimes="999"/> <ending\tnumber="1"\ttype="start"/> <slide\ttype="stop"/>""",
    "jianpu": r"""1=G 3/4 0/4 99/64 ♩=0 q=2000 <D.C.> <D.S.> <segno> <fine> <1> <2> <散板> ( (3: (5/4: ) [ ] { } ~ -
    _____ ''''' ,,,,, #b5 \n声部:x\n |: :| |""",
}
WORDS: dict[str, tuple[bytes, ...]] = {
    name: tuple(word.replace(r"\n", "\n").replace(r"\t", "\t").encode() for word in words.split())
    for name, words in _WORDS.items()
} | {
    "midi": (b"MThd", b"MTrk", b"\xff\x2f\x00", b"\xff\x51\x03\x00\x00\x00", b"\xff\xff\xff\x7f", b"\xf0", b"\xf7"),
    "audio": (b"RIFF", b"WAVE", b"ftypM4A ", b"\xff\xfb\x90\x00", b"ID3\x04\x00", b"OggS\x00"),
}
"""Format -> what its grammar is made of, put in here and there."""
