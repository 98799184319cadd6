"""Which files are music, told by their content: no prose, program, table, picture or other archive is."""

from __future__ import annotations

import io
import json
import struct
import sys
import sysconfig
import zipfile
import zlib
from pathlib import Path

import pytest

from symgen.errors import ReadError
from symgen.readers import RECOGNISED_BYTES, audio, read_pieces, recognise
from tests.fuzz.seeds import SEEDS, packed

PROSE = """Dear all,

K: see you at 1=A on 3/4, or not | as you like.
T: the train leaves at 12:30. X: marks the spot.
The **kern format is described elsewhere, as are MusicXML's <score-partwise> and 简谱 1=F 2/4.
"""
TABLE = "1=A,2=B,3=C\n" + "1,2,3\n4,5,6\n" * 20
MARKDOWN = (
    "# Formats\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n**kern** is old.\n\n```\n**kern\n4c\n*-\n```\n\nX: 1 | K: 2\n"
)
PROGRAM = 'X = 1\nK: int = 2\nTUNE = """X:1\nK:C\n"""\n# CDEF| is a bar\nprint("<score-partwise>", 1 / 4)\n'
HTML = "<!DOCTYPE html><html><body><pre>&lt;score-partwise&gt; X:1\nK:C\nCDEF|</pre></body></html>"
XML = "<?xml version='1.0'?><!-- <score-partwise> --><project><score-partwise/></project>"


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


OTHERS: dict[str, bytes] = {
    "prose.txt": PROSE.encode(),
    "prose.gbk.txt": (PROSE + "山有木兮木有枝，心悦君兮君不知。\n").encode("gbk"),
    "prose.utf16.txt": PROSE.encode("utf-16"),
    "table.csv": TABLE.encode(),
    "digits.txt": b"1 2 3 4 5 6 7\n" * 50,
    "page.md": MARKDOWN.encode(),
    "program.py": PROGRAM.encode(),
    "page.html": HTML.encode(),
    "data.json": json.dumps({"X": 1, "K": "C", "music": "CDEF|", "key": "1=F"}, indent=1).encode(),
    "drawing.svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0L1 1"/></svg>',
    "settings.xml": XML.encode(),
    "settings.ini": b"[music]\nK=1\n1=A\nT: a\nM: b\n",
    "style.css": b"a:b{c:d}\nK:hover{}\n",
    "letter.docx": archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document/>"}),
    "letter.odt": archive(mimetype="application/vnd.oasis.opendocument.text", **{"content.xml": "<office/>"}),
    "program.jar": archive(**{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0", "a/B.class": "\xca\xfe"}),
    "book.epub": archive(
        **{
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="a/b.opf"/></rootfiles></container>',
            "a/toc.xml": "<ncx/>",
        }
    ),
    "picture.png": picture(),
    "picture.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(400),
    "film.mp4": b"\x00\x00\x00\x20ftypisom" + bytes(100),
    "film.avi": b"RIFF\x00\x01\x00\x00AVI LIST" + bytes(100),
    "noise.bin": bytes(range(256)) * 20,
    "full.bin": b"\xff" * 5000,
    "nothing.bin": bytes(5000),
    "empty": b"",
    "blank.txt": b"\n \n",
    "sums.txt": b"1 + 2 = 3 | 4\n1=B | 2=C\n1=C and so on\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_music_is_not_taken_for_music(name):
    assert recognise(OTHERS[name], Path(name).suffix) is None
    assert recognise(OTHERS[name]) is None


@pytest.mark.parametrize(
    ("format_name", "index"), [(name, i) for name, seeds in SEEDS.items() for i in range(len(seeds))]
)
@pytest.mark.parametrize("suffix", ["", ".dat", ".bak", ".txt"])
def test_music_is_recognised_whatever_its_name(format_name, index, suffix):
    assert recognise(SEEDS[format_name][index][:RECOGNISED_BYTES], suffix) == format_name


@pytest.mark.parametrize(
    "text",
    [
        "1=F 2/4\n5 6 | 1' 2' | 3' - ||\n",
        "标题: 渔歌\n1=bB3 4/4\n| 5 6 1 2 |\n",
        "１＝Ｇ　３／４\n５　６　１｜\n",
    ],
)
def test_jianpu_called_txt_is_read(tmp_path, text):
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        file = tmp_path / f"{encoding}.txt"
        file.write_bytes(text.encode(encoding))
        assert read_pieces(file)[0].provenance.format == "jianpu"


def test_a_score_behind_other_members_of_its_archive_is_found():
    big = bytes(range(256)) * 100
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cover.png", big)
        file.writestr("song.xml", SEEDS["musicxml"][0])
    assert recognise(buffer.getvalue(), ".zip") == "musicxml"
    assert recognise(packed(b"<other/>", container=b"<container/>"), ".zip") is None
    assert recognise(buffer.getvalue()[:20], ".mxl") == "musicxml"  # damaged, but by its name to be reported


def test_nearly_no_file_of_python_itself_is_taken_for_music():
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [f for f in sorted(library.glob("*/*"))[::7] if f.is_file()]
    taken = [(file.name, found) for file in files if (found := recognise(_head(file), file.suffix))]
    assert len(files) > 50
    assert [name for name, found in taken if found != "audio"] == []


def _head(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(RECOGNISED_BYTES)


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"fLaC\x00\x00\x00\x22",
        b"OggS\x00\x02",
        b"\x00\x00\x00\x20ftypM4A \x00",
        b"FORM\x00\x00\x00\x00AIFF",
        b"ID3\x03\x00\x00\x00\x00\x00\x00",
        (b"\xff\xfb\x90\x00" + bytes(413)) * 2,
        (b"\xff\xf1\x50\x80\x02\x00\x00" + bytes(9)) * 2,
    ],
)
def test_sound_is_recognised_and_needs_a_transcriber(tmp_path, monkeypatch, head):
    assert recognise(head) == "audio"
    file = tmp_path / "song"
    file.write_bytes(head)
    for library in ("soundfile", "av"):
        monkeypatch.setitem(sys.modules, library, None)  # as if it were not installed
    with pytest.raises(
        ReadError, match=r"song cannot be heard: .* is not installed; .*pip install 'symgen\[audio\]'"
    ) as caught:
        read_pieces(file)
    assert caught.value.code == "needs-transcriber"


def test_a_container_that_may_hold_film_is_sound_only_by_name():
    head = b"\x00\x00\x00\x20ftypisom" + bytes(64)
    assert recognise(head, ".m4a") == "audio"
    assert recognise(head, ".mp4") is None
    assert not audio.sniff(b"\xff\xfb\x90\x00" + bytes(413), ".mp3")  # one frame may be chance


def test_recognising_is_quick_on_hostile_text():
    for text in (
        "<?" * 30_000,
        "<!--" * 15_000,
        "<!---->" * 9_000,
        "1=C " * 16_000,
        "K:C\nX:1\n" * 8_000,
        "(" * 60_000,
    ):
        assert recognise(text.encode(), ".txt") in {None, "jianpu"}
