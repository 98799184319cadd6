"""Archives: what they should hold comes out, and nothing else, nowhere else, and no more than the caps allow."""

import bz2
import contextlib
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.corpus.origin import KINDS, Archive
from symgen.corpus.unpack import Caps, unpack
from symgen.errors import CorpusError, SymgenError, WriteError

TAR_MODES = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
FILES = {"top/a/one.abc": b"X:1", "top/b/酒狂.abc": b"", "top/readme.md": b"read", "top/a/picture.png": b"P" * 5000}


def pack(files: dict[str, bytes], kind: str = "zip") -> bytes:
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return packed.getvalue()
    with tarfile.open(fileobj=packed, mode=TAR_MODES[kind]) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def links(kind: str, name: str, target: str) -> bytes:
    """Return an archive with a symbolic link."""
    packed = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    else:
        with tarfile.open(fileobj=packed, mode=TAR_MODES[kind]) as tar:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return packed.getvalue()


@pytest.fixture
def take(tmp_path):
    """Return a function that unpacks bytes and returns what came out by path."""

    def run(data: bytes, kind: str = "zip", caps: Caps | None = None, **facts):
        path, folder = tmp_path / "a.part", tmp_path / "out" / "aside"
        path.write_bytes(data)
        folder.mkdir(parents=True, exist_ok=True)
        archive = Archive(("https://a.example/a",), kind, **facts)
        written = unpack(path, folder, archive, label="a", **({"caps": caps} if caps else {}))
        found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        assert written == len(found)
        return found

    return run


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_wanted_files_come_out(self, take, kind):
        found = take(pack(FILES, kind), kind, strip=1, keep=("**/*.abc", "readme.md"))
        assert found == {"a/one.abc": b"X:1", "b/酒狂.abc": b"", "readme.md": b"read"}

    def test_everything_comes_out_unless_something_is_chosen(self, take, kind):
        assert take(pack(FILES, kind), kind) == FILES

    def test_nothing_wanted_is_in_it(self, take, kind):
        with pytest.raises(CorpusError, match=r"a holds nothing that the declaration wants; expected \*\.mid"):
            take(pack(FILES, kind), kind, keep=("*.mid",))

    @pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:/evil", "a\\evil", "./../evil"])
    def test_paths_that_lead_out_are_refused(self, take, tmp_path, kind, name):
        with pytest.raises(CorpusError, match=r"holds the path .*evil; expected paths that stay in the folder"):
            take(pack({"fine.abc": b"1", name: b"2"}, kind), kind)
        assert not list(tmp_path.rglob("evil"))

    def test_links_are_refused(self, take, kind):
        with pytest.raises(CorpusError, match="a: out is a link or a device; expected files and folders"):
            take(links(kind, "out", "/etc"), kind)

    def test_unwanted_links_are_passed_by(self, take, kind):
        with pytest.raises(CorpusError, match="nothing that the declaration wants"):
            take(links(kind, "out", "/etc"), kind, keep=("*.abc",))

    def test_two_files_of_one_name_are_refused(self, take, kind):
        with pytest.raises(CorpusError, match=r"holds two files named A\.ABC; expected each name once"):
            take(pack({"a.abc": b"1", "A.ABC": b"2"}, kind), kind)

    @pytest.mark.parametrize("name", ["a\nb.abc", "a\x1b[31m.abc", "a/\x7f/b.abc", "a\u0085.abc", "a\u2028.abc"])
    def test_names_with_control_characters_are_refused(self, take, tmp_path, kind, name):
        with pytest.raises(CorpusError, match=r"holds a file named a.*; expected names without control") as caught:
            take(pack({name: b"1"}, kind), kind)
        assert str(caught.value).isprintable()
        assert not list(tmp_path.rglob("*.abc"))

    def test_names_with_control_characters_that_are_not_wanted_are_passed_by(self, take, kind):
        files = {"Icon\r": b"", "a\u3000b.abc": b"1"}  # macOS names the picture of a folder so
        assert list(take(pack(files, kind), kind, keep=("*.abc",))) == ["a\u3000b.abc"]

    @pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c/d")])
    def test_a_file_that_is_a_folder_as_well(self, take, kind, names):
        with pytest.raises(CorpusError, match="a holds a file that is a folder as well, at a"):
            take(pack(dict.fromkeys(names, b"1"), kind), kind)

    @pytest.mark.parametrize("name", ["receipt.json", "Receipt.JSON", "receipt.json/a.abc"])
    def test_the_name_of_the_receipt_is_refused(self, take, kind, name):
        with pytest.raises(CorpusError, match=r"expected receipt\.json to be free for the receipt"):
            take(pack({name: b"1"}, kind), kind)
        assert take(pack({"a/receipt.json": b"1"}, kind), kind) == {"a/receipt.json": b"1"}

    def test_the_cap_of_members_names_itself(self, take, kind):
        with pytest.raises(CorpusError, match="a holds too much; expected at most 3 members"):
            take(pack(FILES, kind), kind, Caps(members=3), keep=("*.abc",))

    def test_the_cap_of_bytes_names_itself(self, take, kind):
        with pytest.raises(CorpusError, match="a holds too much; expected at most 1000 bytes unpacked"):
            take(pack(FILES, kind), kind, Caps(size=1000))

    def test_the_cap_of_the_ratio_names_itself(self, take, kind):
        if kind == "tar":
            return  # it is not packed
        with pytest.raises(CorpusError, match="expected at most 200 bytes unpacked for each byte of the archive"):
            take(pack({"bomb": bytes(20 * 2**20)}, kind), kind)

    def test_what_is_cut_off_is_damaged(self, take, kind):
        data = pack({"a.abc": bytes(range(256)) * 100, "b.abc": b"2" * 5000}, kind)
        with pytest.raises(CorpusError, match=r"a cannot be unpacked: .*; expected a .* archive"):
            take(data[: len(data) // 3], kind)

    def test_what_is_no_archive(self, take, kind):
        with pytest.raises(CorpusError, match="a cannot be unpacked"):
            take(b"<html>Please log in</html>", kind)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_damage_gives_files_or_one_clear_error(self, tmp_path_factory, kind, data):
        packed = bytearray(pack(FILES, kind))
        for _ in range(data.draw(st.integers(1, 4))):
            packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
        top = tmp_path_factory.mktemp("damage")
        (top / "a").write_bytes(packed)
        (top / "out").mkdir()
        with contextlib.suppress(SymgenError):
            unpack(top / "a", top / "out", Archive((), kind), caps=Caps(size=2**20))
        assert {path.name for path in top.iterdir()} == {"a", "out"}


def test_a_zip_that_lies_about_a_size(take):
    data = bytearray(pack({"a.abc": b"1" * 1000}))
    end = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, end + 24, 10)
    with pytest.raises(CorpusError, match="cannot be unpacked"):
        take(bytes(data))


def test_a_zip_that_wants_a_password(take):
    data = bytearray(pack({"a.abc": b"1" * 100}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    with pytest.raises(CorpusError, match="password required"):
        take(bytes(data))


def test_a_tar_header_that_would_fill_memory(take):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a.abc")
        info.pax_headers = {"comment": "x" * 3 * 2**20}
        tar.addfile(info)
    with pytest.raises(CorpusError, match="expected at most 1048576 bytes in a header"):
        take(packed.getvalue(), "tar.gz")


@pytest.mark.parametrize("size", ["-5", "-512", "-600", "-100000", "five"])
def test_a_tar_whose_sizes_are_none(take, size):
    """Believed, they would make tarfile look for the next header where none is, and end there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, facts in (("a.abc", {"size": size}), ("b.abc", {})):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = 3, facts
            tar.addfile(info, io.BytesIO(b"abc"))
    with pytest.raises(CorpusError, match="a cannot be unpacked: a"):
        take(packed.getvalue(), "tar")


@pytest.mark.parametrize("kind", TAR_MODES)
def test_a_tar_with_a_damaged_header_loses_nothing_in_silence(take, kind):
    data = bytearray(pack({"a.abc": b"1", "b.abc": b"2"}, "tar"))
    data[1024] ^= 1  # in the name of the second file
    packer = {"tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}.get(kind, bytes)
    with pytest.raises(CorpusError, match="a cannot be unpacked: a header is damaged"):
        take(packer(bytes(data)), kind)


def test_a_tar_cut_off_within_a_header(take):
    with pytest.raises(CorpusError, match="a cannot be unpacked: a header is damaged"):
        take(pack({"a.abc": b"1", "b.abc": b"2"}, "tar")[:1300], "tar")


def test_a_tar_without_the_zeros_at_its_end(take):
    assert take(pack({"a.abc": b"1"}, "tar")[:1024], "tar") == {"a.abc": b"1"}


def test_a_device_in_a_tar(take):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("pipe")
        info.type = tarfile.FIFOTYPE
        tar.addfile(info)
    with pytest.raises(CorpusError, match="pipe is a link or a device"):
        take(packed.getvalue(), "tar")


def test_names_are_in_one_normal_form(take):
    assert list(take(pack({"cafe\u0301.abc": b"1"}))) == ["caf\u00e9.abc"]


def test_a_file_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "a").write_bytes(pack({"x/y" * 2000: b"1"}))
    (tmp_path / "out").mkdir()
    with pytest.raises(WriteError, match="cannot be written: File name too long"):
        unpack(tmp_path / "a", tmp_path / "out", Archive((), "zip"))
