"""Files made to harm, beyond every cap: each is refused by the one it is made against, soon and in little memory."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile

import pytest

from symgen.errors import ReadError
from symgen.readers import _abc_music, _xml, abc, jianpu, kern, musicxml, read_pieces
from symgen.readers._mxl import MAX_MEMBERS, MAX_UNPACKED_BYTES
from symgen.readers._xml import MAX_TEXT
from tests.fuzz.seeds import CONTAINER, SEEDS, packed

SCORE = SEEDS["musicxml"][0].decode()
MAX_SECONDS = 5.0


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    """Return an archive with `value` at `offset` of the last entry of its directory."""
    at = data.rfind(b"PK\x01\x02") + offset
    return data[:at] + value + data[at + len(value) :]


def score_with(old: str, new: str) -> bytes:
    assert old in SCORE
    return SCORE.replace(old, new, 1).encode()


def zeros_in_members() -> bytes:
    """Return an archive whose members are within bounds one by one and not together."""
    noise = bytes(range(256)) * 2**12  # 1 MiB, packs about 180:1
    return archive(*((f"a{index}.bin", noise) for index in range(MAX_UNPACKED_BYTES // len(noise) + 1)))


def encrypted() -> bytes:
    data = packed(SCORE.encode())
    return patched(data, 8, b"\x01\x00")


def overlapping() -> bytes:
    """Return an archive whose last member begins inside the first."""
    data = packed(SCORE.encode())
    return patched(data, 42, struct.pack("<I", 10))


def lying_about_its_size() -> bytes:
    data = packed(SCORE.encode())
    return patched(data, 24, struct.pack("<I", 100))


def duplicated() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return archive(("META-INF/container.xml", CONTAINER), *(("score.musicxml", SCORE.encode()),) * 2)


BOMBS = {
    "one member": (lambda: archive(("a.xml", bytes(MAX_UNPACKED_BYTES + 1))), "cap-unpacked"),
    "all members": (zeros_in_members, "cap-unpacked"),
    "ratio": (lambda: archive(("a.xml", b" " * 2**22)), "cap-ratio"),
    "members": (lambda: archive(*((str(i), b"") for i in range(MAX_MEMBERS + 1))), "cap-members"),
    "directory": (lambda: packed(b"<a/>") + b"PK\x01\x02" * (MAX_MEMBERS + 1), "cap-members"),
    "overlap": (overlapping, "mxl-overlap"),
    "size": (lying_about_its_size, "mxl-damaged"),
    "encrypted": (encrypted, "mxl-encrypted"),
    "duplicate": (duplicated, "mxl-duplicate"),
    "bzip2": (lambda: packed(SCORE.encode(), method=zipfile.ZIP_BZIP2), "mxl-compression"),
    "lzma": (lambda: packed(b" " * 2**16, method=zipfile.ZIP_LZMA), "mxl-compression"),
    "way out": (lambda: archive(("../a.xml", SCORE.encode())), "mxl-member-name"),
    "rooted": (lambda: archive(("/a.xml", SCORE.encode())), "mxl-member-name"),
    "control": (lambda: archive(("a\x1b[2J.xml", SCORE.encode())), "mxl-member-name"),
    "no score": (lambda: archive(("a.txt", b"")), "mxl-no-score"),
    "cut": (lambda: packed(SCORE.encode())[:-30], "mxl-damaged"),
    "laughs": (
        lambda: b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><score-partwise>&c;</score-partwise>',
        "xml-entities",
    ),
    "outside": (
        lambda: b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><score-partwise>&b;</score-partwise>',
        "xml-entities",
    ),
    "depth": (lambda: b"<score-partwise>" + b"<a>" * 10**6, "cap-depth"),
    "elements": (lambda: b"<score-partwise>" + b"<a/>" * 2_000 + b"</score-partwise>", "cap-elements"),
    "attribute": (lambda: b'<score-partwise a="' + b"x" * (2 * MAX_TEXT) + b'"/>', "cap-text"),
    "text": (lambda: score_with(">la<", ">" + "x" * (MAX_TEXT + 1) + "<"), "cap-text"),
    "entity text": (lambda: score_with(">la<", ">" + "&#x6d41;" * (MAX_TEXT + 1) + "<"), "cap-text"),
    "cut XML": (lambda: SCORE.encode()[:-30], "xml-malformed"),
    "null": (lambda: score_with(">la<", ">\0<"), "xml-malformed"),
    "other root": (lambda: b"<opus/>", "xml-no-score"),
    "beats": (lambda: score_with("<beats>2<", "<beats>99999999<"), "xml-number"),
    "exponent": (lambda: score_with("<divisions>4<", "<divisions>1e999999<"), "xml-number"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_the_cap_it_is_made_against(name, monkeypatch):
    monkeypatch.setattr(_xml, "MAX_ELEMENTS", 1_000)  # millions take a second
    make, code = BOMBS[name]
    data = make()
    begin = time.process_time()
    with pytest.raises(ReadError) as caught:
        musicxml.read(data, "bomb.mxl")
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    assert time.process_time() - begin < MAX_SECONDS


def test_bombs_take_little_memory():
    data = [BOMBS[name][0]() for name in ("all members", "ratio", "lzma", "depth", "attribute")]
    tracemalloc.start()
    try:
        for bomb in data:
            with pytest.raises(ReadError):
                musicxml.read(bomb, "bomb.mxl")
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_cap_names_itself():
    for name, words in (("ratio", "MAX_RATIO"), ("members", "MAX_MEMBERS"), ("one member", "MAX_UNPACKED_BYTES")):
        with pytest.raises(ReadError, match=words):
            musicxml.read(BOMBS[name][0](), "bomb.mxl")


def test_what_stands_beside_the_score_in_its_archive_does_no_harm():
    image = bytes(range(256))
    with_pictures = archive(
        ("META-INF/container.xml", CONTAINER), ("../evil\n.png", image), ("score.musicxml", SCORE.encode())
    )
    (reading,) = musicxml.read(with_pictures, "a.mxl")
    assert len(reading.score)
    two = archive(("a.xml", SCORE.encode()), ("b.xml", SCORE.encode()))
    assert musicxml.read(two, "a.mxl")[0].lost["further-score"] == 1


def test_large_archives_in_the_newer_form_are_read():
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("a.xml", "w", force_zip64=True) as member,
    ):
        member.write(SCORE.encode())
    assert len(musicxml.read(buffer.getvalue(), "a.mxl")[0].score)


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-16", "utf-16"),
        ("UTF-8", "utf-8-sig"),
        ("GBK", "gbk"),
        ("GB2312", "gb2312"),
        ("Big5", "big5"),
        ("x", "utf-8"),
    ],
)
def test_encodings_of_xml(declared, encoding):
    data = SCORE.replace("UTF-8", declared).replace("酒狂", "流水").encode(encoding)
    assert musicxml.read(data, "a.xml")[0].score.title == "流水"


def test_a_chord_member_behind_a_rest_is_a_note_by_itself():
    data = score_with("<note><rest/>", "<note><rest/><duration>4</duration></note><note><chord/>")
    data = data.replace(
        b"<note><chord/><duration>", b"<note><chord/><pitch><step>A</step><octave>4</octave></pitch><duration>"
    )
    (reading,) = musicxml.read(data, "a.xml")
    assert reading.mended["chord-without-note"] == 1
    assert 69 in reading.score.notes["pitch"]


HOSTILE = {
    "abc tokens": (abc, lambda: "X:1\nK:C\n" + "c" * 2_002, "cap-signs"),
    "abc tunes": (abc, lambda: "X:1\n" * (abc.MAX_TUNES + 1), "cap-pieces"),
    "abc length": (abc, lambda: "X:1\nM:4/4\nL:1/1\nK:C\n" + "c256" * 200, "too-long"),
    "kern lines": (kern, lambda: "**kern\n" + "\n" * (kern.MAX_LINES + 1), "cap-lines"),
    "kern spines": (
        kern,
        lambda: "**kern\n" + "".join("\t".join(["*^"] * 2**n) + "\n" for n in range(8)),
        "cap-spines",
    ),
    "kern line": (kern, lambda: "**kern\n" + "4c " * 100_000 + "\n*-\n", "cap-text"),
    "kern bytes": (kern, lambda: "**kern\n" + "!" * kern.MAX_BYTES, "too-large"),
    "kern pieces": (kern, lambda: "**kern\n" * (kern.MAX_PIECES + 1), "cap-pieces"),
    "kern length": (kern, lambda: "**kern\n" + "0000c\n=\n" * 3000, "too-long"),
    "kern grid": (kern, lambda: "**kern\n" + "".join(f"{n}c\n" for n in (97, 89, 83, 79)), "no-grid"),
    "jianpu text": (jianpu, lambda: "1 " * jianpu.MAX_CHARACTERS, "too-large"),
    "jianpu held chord": (
        jianpu,
        lambda: "1=C [" + " ".join("1" + "'" * n for n in range(100)) + "] " + "|-" * 2000,
        "cap-notes",
    ),
    "jianpu brackets": (jianpu, lambda: "1=C 1 " + "(" * 5000, "jianpu-bracket"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_by_its_cap(name, monkeypatch):
    monkeypatch.setattr(_abc_music, "MAX_TOKENS", 2_000)
    monkeypatch.setattr(jianpu, "MAX_NOTES", 50_000)
    reader, make, code = HOSTILE[name]
    data = make().encode()
    begin = time.process_time()
    with pytest.raises(ReadError) as caught:
        reader.read(data, "hostile")
    assert caught.value.code == code
    assert time.process_time() - begin < MAX_SECONDS


def test_one_broken_tune_does_not_take_the_book(tmp_path):
    good = "X:{}\nT:{}\nM:4/4\nL:1/4\nK:C\nCDEF|\n\n"
    endless = "X:9\nT:endless\nL:1/1\nK:C\n" + "c256" * 200 + "\n\n"
    file = tmp_path / "book.abc"
    file.write_text(good.format(1, "one") + endless + "X:7\nT:empty\nK:C\n\n" + good.format(2, "two"))
    pieces = read_pieces(file)
    assert [piece.score.title for piece in pieces] == ["one", "two"]
    assert pieces[0].mended["broken-tune"] == 1
    assert pieces[0].lost["tune-without-notes"] == 1
    file.write_text(endless)
    with pytest.raises(ReadError) as caught:
        read_pieces(file)
    assert caught.value.code == "too-long"


def test_one_broken_piece_does_not_take_its_neighbours(tmp_path):
    good = "!!!OTL: {}\n**kern\n*M2/4\n4c\n4d\n==\n*-\n"
    file = tmp_path / "pieces.krn"
    file.write_text(good.format("one") + "**kern\n4c\tbroken\n*-\n" + "**kern\n*-\n" + good.format("two"))
    pieces = read_pieces(file)
    assert [piece.score.title for piece in pieces] == ["one", "two"]
    assert pieces[0].mended["broken-piece"] == 1
    assert pieces[0].lost["piece-without-notes"] == 1


def test_words_of_a_file_never_reach_a_terminal_as_they_are():
    texts = {
        abc: "X:1\nT:a\x1b[2Jb\nL:1/1\nK:C\n" + "c256" * 200,
        kern: "**kern\n4\x1b[2J\x07zz?\n*-\n\x1b]0;x\x07",
        jianpu: "1=C\n1 \x1b[2J\n",
        musicxml: "<score-partwise><a\x1b[2J/></score-partwise>",
    }
    for reader, text in texts.items():
        with pytest.raises(ReadError) as caught:
            reader.read(text.encode(), "evil\x1b[2J\nname")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


def test_the_kind_of_a_spine_is_no_code():
    (reading,) = kern.read(b"**kern\t**x\x1b[2J<b>\n4c\ty\n*-\t*-\n", "a.krn")
    assert reading.lost == {"spine-other": 1}


def test_absurd_values_in_kern_are_mended_and_counted():
    (reading,) = kern.read(b"**kern\n*M0/4\n*c:xyz\n4c\n=\n*M3+2/8\n8c\n8d\n8e\n8f\n8g\n=\n*-\n", "a.krn")
    assert (reading.mended["bad-metre"], reading.mended["bad-key"]) == (1, 1)
    assert (reading.score.metres[-1].numerator, reading.score.metres[-1].denominator) == (5, 8)


def test_a_tempo_of_zero_is_left_out_and_counted():
    (reading,) = musicxml.read(
        score_with('tempo="60"', 'tempo="0"').replace(b"<per-minute>60", b"<per-minute>0"), "a.xml"
    )
    assert reading.score.tempi == ()
    assert reading.mended["bad-tempo"] >= 1
    for text, reader in (("**kern\n*MM0\n4c\n*-\n", kern), ("1=C q=0\n1 2 |\n", jianpu)):
        (reading,) = reader.read(text.encode(), "a")
        assert reading.score.tempi == ()
        assert reading.mended["bad-tempo"] == 1
