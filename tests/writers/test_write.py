"""write(): the suffix decides, and a file appears whole or not at all; holds for every writer."""

import os
from contextlib import suppress

import pytest

from symgen.errors import WriteError
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.writers import formats, midi, write

SCORE = Score(
    make_notes([(0, 480, 62), (480, 480, 64), (960, 960, 69)]), tempi=(Tempo(0, 60.0),), metres=(Metre(0, 4, 4),)
)


def names(folder):
    return [file.name for file in folder.iterdir()]


@pytest.mark.parametrize("writer", formats(), ids=lambda writer: writer.NAME)
class TestEveryFormat:
    def test_names_itself_and_its_suffixes(self, writer):
        assert writer.NAME.isidentifier()
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in writer.SUFFIXES)

    def test_writes_the_same_bytes_twice(self, writer):
        assert writer.encode(SCORE) == writer.encode(SCORE) != b""

    def test_writes_through_its_suffix(self, writer, tmp_path):
        target = tmp_path / f"曲 one{writer.SUFFIXES[0].upper()}"
        assert write(SCORE, target) == target
        assert target.read_bytes() == writer.encode(SCORE)
        assert names(tmp_path) == [target.name]

    def test_writes_music_without_notes_or_refuses_it_plainly(self, writer):
        with suppress(WriteError):
            assert writer.encode(Score(make_notes()))


def test_no_suffix_belongs_to_two_formats():
    known = [suffix for writer in formats() for suffix in writer.SUFFIXES]
    assert len(known) == len(set(known))


@pytest.mark.parametrize("name", ["tune.xyz", "tune", "tune.mid.gz", ".mid"])
def test_unknown_suffix_names_the_known_ones(tmp_path, name):
    with pytest.raises(WriteError, match=r"\.mid"):
        write(SCORE, tmp_path / name)
    assert names(tmp_path) == []


def test_missing_folder_is_named_and_not_made(tmp_path):
    with pytest.raises(WriteError, match="does not exist"):
        write(SCORE, tmp_path / "no" / "tune.mid")
    assert names(tmp_path) == []


def test_a_folder_in_the_place_is_kept(tmp_path):
    (tmp_path / "tune.mid").mkdir()
    with pytest.raises(WriteError, match="is a folder"):
        write(SCORE, tmp_path / "tune.mid")


def test_a_path_that_no_system_accepts(tmp_path):
    for name in ("a\0b.mid", "x" * 300 + ".mid"):
        with pytest.raises(WriteError, match="cannot be written"):
            write(SCORE, tmp_path / name)


def test_an_existing_file_survives_a_failure(tmp_path, monkeypatch):
    target = write(SCORE, tmp_path / "tune.mid")
    before = target.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(WriteError, match="No space left"):
        write(SCORE.transpose(1), target)
    assert target.read_bytes() == before
    assert names(tmp_path) == ["tune.mid"]


def test_a_link_keeps_pointing_where_it_points(tmp_path):
    real, link = tmp_path / "real.mid", tmp_path / "link.mid"
    write(SCORE, real)
    link.symlink_to(real)
    write(SCORE.transpose(2), link)
    assert link.is_symlink()
    assert real.read_bytes() == midi.encode(SCORE.transpose(2))


def test_permissions_follow_the_umask_and_the_file_that_was_there(tmp_path):
    target = tmp_path / "tune.mid"
    previous = os.umask(0o027)
    try:
        write(SCORE, target)
    finally:
        os.umask(previous)
    assert target.stat().st_mode & 0o777 == 0o640
    target.chmod(0o600)
    write(SCORE, target)
    assert target.stat().st_mode & 0o777 == 0o600
