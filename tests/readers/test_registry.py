"""The contract that every reader keeps, and the doors read and read_pieces."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from symgen import readers
from symgen.errors import ReadError
from symgen.readers import formats, read, read_pieces
from tests.readers.smf_bytes import note, smf

TUNE = "X:1\nT:One\nM:2/4\nL:1/4\nK:D\nD F|\n"


@pytest.mark.parametrize("reader", formats(), ids=lambda reader: reader.NAME)
class TestEveryReader:
    def test_describes_itself(self, reader):
        assert reader.NAME
        assert reader.NAME.islower()
        assert reader.SUFFIXES
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in reader.SUFFIXES)
        assert reader.__doc__

    @pytest.mark.parametrize("data", [b"\x00", b"hello", b"\xff" * 100, bytes(range(256)) * 4])
    def test_does_not_take_junk(self, reader, data):
        assert not reader.sniff(data, ".bin")

    @pytest.mark.parametrize("data", [b"\x00", b"hello", b"\xff" * 100, bytes(range(256)) * 4, b"<", b"**kern"])
    def test_reads_junk_as_read_error_or_music(self, reader, data):
        with contextlib.suppress(ReadError):
            assert readers._read_with(reader, data, "junk")


def test_formats_are_in_order_and_names_unique():
    names = [reader.NAME for reader in formats()]
    assert {"abc", "midi"} <= set(names)
    assert len(set(names)) == len(names)
    assert formats() is formats()


def test_importing_the_room_and_every_reader_loads_no_heavy_library():
    code = "import sys, symgen.readers as r; r.formats(); print({'symusic', 'music21', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_provenance_names_file_digest_format_and_corpus(tmp_path):
    file = tmp_path / "a.mid"
    file.write_bytes(smf(note(60, 480)))
    (piece,) = read_pieces(file, source="ours", licence="none needed")
    assert piece.provenance.path == str(file)
    assert piece.provenance.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (piece.provenance.format, piece.provenance.index) == ("midi", 0)
    assert (piece.provenance.source, piece.provenance.licence) == ("ours", "none needed")


def test_content_decides_and_not_the_suffix(tmp_path):
    file = tmp_path / "really-midi.abc"
    file.write_bytes(smf(note(60, 480)))
    assert read_pieces(file)[0].provenance.format == "midi"
    file = tmp_path / "really-abc.mid"
    file.write_text(TUNE)
    assert read_pieces(file)[0].provenance.format == "abc"


def test_read_gives_the_first_piece_and_warns_of_the_others(tmp_path):
    file = tmp_path / "book.abc"
    file.write_text(TUNE + "\n" + TUNE.replace("One", "Two").replace("X:1", "X:2"))
    assert [piece.score.title for piece in read_pieces(file)] == ["One", "Two"]
    assert [piece.provenance.index for piece in read_pieces(file)] == [0, 1]
    with pytest.warns(UserWarning, match="book.abc holds 2 pieces"):
        assert read(file).title == "One"


def _missing(folder: Path) -> Path:
    return folder / "none.mid"


def _folder(folder: Path) -> Path:
    return folder


def _empty(folder: Path) -> Path:
    (folder / "empty.mid").touch()
    return folder / "empty.mid"


def _junk(folder: Path) -> Path:
    (folder / "junk.mid").write_bytes(b"\x01\x02\x03 no music")
    return folder / "junk.mid"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.mid")
    return folder / "pipe.mid"


def _loop(folder: Path) -> Path:
    (folder / "loop.mid").symlink_to("loop.mid")
    return folder / "loop.mid"


def _too_large(folder: Path) -> Path:
    with (folder / "large.mid").open("wb") as stream:
        stream.truncate(readers.MAX_FILE_BYTES + 1)  # sparse: takes no room
    return folder / "large.mid"


@pytest.mark.parametrize(
    ("make", "words", "code"),
    [
        (_missing, "does not exist", "missing-file"),
        (_folder, "is a folder", "not-a-file"),
        (_empty, "is empty", "empty-file"),
        (_junk, "of no known format", "unknown-format"),
        (_pipe, "no regular file", "not-a-file"),
        (_too_large, "at most", "too-large"),
        (_loop, "cannot be read", "unreadable-file"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(tmp_path, make, words, code):
    path = make(tmp_path)
    with pytest.raises(ReadError, match=words) as caught:
        read_pieces(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.code == code


def test_unknown_format_names_the_known_ones(tmp_path):
    with pytest.raises(ReadError, match=r"abc .*midi"):
        read_pieces(_junk(tmp_path))


def test_a_path_with_a_null_byte_is_a_read_error():
    with pytest.raises(ReadError) as caught:
        read_pieces("a\0b.mid")
    assert caught.value.code == "unreadable-file"


def test_an_unexpected_exception_of_a_parser_becomes_a_read_error():
    class Broken:
        NAME = "broken"
        SUFFIXES = (".broken",)

        def sniff(self, data, suffix):
            return True

        def read(self, data, name):
            raise RecursionError("too deep")

    with pytest.raises(ReadError, match=r"song\.broken cannot be read as broken: RecursionError: too deep"):
        readers._read_with(Broken(), b"", "song.broken")


def test_a_file_that_takes_all_memory_is_refused_by_the_cap():
    class Greedy:
        NAME = "greedy"

        def read(self, data, name):
            raise MemoryError

    with pytest.raises(ReadError) as caught:
        readers._read_with(Greedy(), b"", "song")
    assert caught.value.code == "cap-memory"
