"""Archives into folders, with distrust: names, links, numbers, sizes and ratios are checked before writing."""

from __future__ import annotations

import lzma
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from symgen.corpus.contents import RECEIPT
from symgen.corpus.origin import Archive
from symgen.corpus.patterns import matches_whole
from symgen.errors import CorpusError, WriteError
from symgen.progress import Progress, silent

_CHUNK: Final = 2**16
_LONGEST_HEADER: Final = 2**20
"""Bytes of a tar header: a longer one is no list of names but an attempt to fill memory."""

_MOVES_A_CURSOR: Final = frozenset({"Cc", "Zl", "Zp"})
"""Categories of Unicode that no name may hold: control characters, and what ends a line or a paragraph."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much an archive may hold.

    Parameters
    ----------
    members : int
        Files, folders and links in it, wanted or not.
    size : int
        Bytes of all that is unpacked.
    ratio : int
        Bytes unpacked for each byte of the archive, counted from the first MiB on.
    """

    members: int = 100_000
    size: int = 4 * 2**30
    ratio: int = 200


CAPS: Final = Caps()


def unpack(
    path: Path, folder: Path, archive: Archive, *, caps: Caps = CAPS, progress: Progress = silent, label: str = ""
) -> int:
    """Unpack the wanted members of an archive into a folder that is there and empty.

    Parameters
    ----------
    path : Path
        The archive.
    folder : Path
        Where its files go. What was written stays there on an error: the caller removes the folder.
    archive : Archive
        Kind, folders to strip and patterns to keep.
    caps : Caps
        How much it may hold.
    progress : Progress
        Told of each file written.
    label : str
        What stands in messages and errors for the archive; its file name by default.

    Returns
    -------
    int
        Files written.

    Raises
    ------
    CorpusError
        If the archive is damaged, holds a path that leads out of the folder, a wanted link or device, a wanted name
        with control characters or that of the receipt, two files of one name, a file that is a folder as well,
        nothing wanted, or more than a cap allows; names which.
    WriteError
        If a file cannot be written.
    """
    work = _Work(label or path.name, folder, archive, caps, path.stat().st_size, progress)
    members = _zip_members if archive.kind == "zip" else _tar_members
    try:
        for member, stream in members(path, work):
            work.write(member, stream)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise work.damaged(error) from error
    except (NotImplementedError, RuntimeError, ValueError, OverflowError, UnicodeError) as error:
        raise work.damaged(error) from error  # encrypted, of an unknown method, with absurd numbers
    except OSError as error:  # gzip and bz2 have no error of their own
        raise work.damaged(error) from error
    if not work.written:
        raise CorpusError(f"{work.label} holds nothing that the declaration wants", expected=", ".join(archive.keep))
    return work.written


@dataclass(slots=True)
class _Work:
    """One archive on its way into a folder."""

    label: str
    folder: Path
    archive: Archive
    caps: Caps
    packed: int
    progress: Progress
    members: int = 0
    size: int = 0
    written: int = 0
    names: set[str] = field(default_factory=set)

    def wants(self, name: str, size: int) -> str | None:
        """Count a member and return where it goes, or None if it is not wanted; refuse what is not safe."""
        self.members += 1
        if self.members > self.caps.members:
            raise self.over("members", self.caps.members)
        if self.size + size > self.caps.size:
            raise self.over("bytes unpacked", self.caps.size)
        if size < 0:  # the next header would be looked for where none is
            raise self.damaged(ValueError(f"{name} has a size of {size} bytes"))
        parts = self._safe_parts(name)
        kept = "/".join(parts[self.archive.strip :])
        return kept if kept and any(matches_whole(kept, pattern) for pattern in self.archive.keep) else None

    def write(self, name: str, stream: IO[bytes]) -> None:
        """Write one file, counting the bytes that really come."""
        plain = unicodedata.normalize("NFC", name)
        key = plain.casefold()
        self._check_name(plain, key)
        if key in self.names:
            raise CorpusError(f"{self.label} holds two files named {name}", expected="each name once")
        self.names.add(key)
        target = self.folder.joinpath(*plain.split("/"))
        with self._created(target, plain) as file:
            while chunk := stream.read(_CHUNK):
                self.size += len(chunk)
                if self.size > self.caps.size:
                    raise self.over("bytes unpacked", self.caps.size)
                if self.size > max(2**20, self.caps.ratio * self.packed):
                    raise self.over("bytes unpacked for each byte of the archive", self.caps.ratio)
                with _write_errors(target):
                    file.write(chunk)
        self.written += 1
        self.progress(f"unpacking {self.label}", self.written)

    def over(self, what: str, most: int) -> CorpusError:
        """Return the error of a cap, which it names."""
        return CorpusError(f"{self.label} holds too much", expected=f"at most {most} {what}")

    def damaged(self, error: BaseException) -> CorpusError:
        """Return the error of an archive that cannot be read."""
        return CorpusError(f"{self.label} cannot be unpacked: {error}", expected=f"a {self.archive.kind} archive")

    def _check_name(self, name: str, key: str) -> None:
        """Refuse a name that would trouble a terminal, or that is the receipt's."""
        if any(unicodedata.category(sign) in _MOVES_A_CURSOR for sign in name):
            raise CorpusError(f"{self.label} holds a file named {name}", expected="names without control characters")
        if key.split("/", 1)[0] == RECEIPT:
            raise CorpusError(
                f"{self.label} holds the name {name}",
                expected=f"{RECEIPT} to be free for the receipt",
                remedy="let the declaration keep other files only",
            )

    @contextmanager
    def _created(self, target: Path, name: str) -> Iterator[IO[bytes]]:
        """Open a new file, in folders that are made for it."""
        with _write_errors(target):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                file = target.open("xb")
            except (FileExistsError, NotADirectoryError) as error:  # the folder was empty: it came from the archive
                raise CorpusError(
                    f"{self.label} holds a file that is a folder as well, at {name}", expected="each name once"
                ) from error
        try:
            yield file
        finally:
            with _write_errors(target):
                file.close()

    def _safe_parts(self, name: str) -> list[str]:
        """Return the parts of a member's path, or refuse one that leads out of the folder."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        drive = bool(parts) and len(parts[0]) > 1 and parts[0][1] == ":"
        if name.startswith("/") or drive or ".." in parts or "\\" in name or "\0" in name:
            raise CorpusError(f"{self.label} holds the path {name}", expected="paths that stay in the folder")
        return parts


def _zip_members(path: Path, work: _Work) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            wanted = work.wants(info.orig_filename, info.file_size)
            if wanted is None or info.is_dir():
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise CorpusError(f"{work.label}: {wanted} is a link or a device", expected="files and folders")
            with file.open(info) as stream:
                yield wanted, stream


def _tar_members(path: Path, work: _Work) -> Iterator[tuple[str, IO[bytes]]]:
    with _opened(path, work.archive.kind) as plain:
        guarded: Any = _Guarded(plain, work)
        with tarfile.TarFile(fileobj=guarded, mode="r") as file:
            for info in file:
                wanted = work.wants(info.name, info.size)
                guarded.check_position(info.offset_data + info.size)
                if wanted is None or info.isdir():
                    continue
                stream = file.extractfile(info) if info.isreg() and not info.issparse() else None
                if stream is None:
                    raise CorpusError(f"{work.label}: {wanted} is a link or a device", expected="files and folders")
                yield wanted, stream
                if stream.tell() < info.size:
                    raise EOFError("it ends within a file")
        # tarfile takes a header that is none for the end, and would lose all that follows without a word.
        if guarded.last.strip(b"\0") or len(guarded.last) not in (0, tarfile.BLOCKSIZE):
            raise tarfile.ReadError("a header is damaged")


def _opened(path: Path, kind: str) -> Any:
    import bz2
    import gzip

    openers: dict[str, Any] = {"tar": open, "tar.gz": gzip.open, "tar.bz2": bz2.open, "tar.xz": lzma.open}
    return openers[kind](path, "rb")


class _Guarded:
    """A stream that gives tarfile no more than a header at once, and no more than the caps in all."""

    def __init__(self, stream: Any, work: _Work) -> None:
        self._stream = stream
        self._work = work
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise self._work.over("bytes in a header", _LONGEST_HEADER)
        self.last = data = bytes(self._stream.read(size))
        return data

    def seek(self, position: int) -> int:
        self.check_position(position)
        return int(self._stream.seek(position))

    def tell(self) -> int:
        return int(self._stream.tell())

    def check_position(self, position: int) -> None:
        """Refuse to unpack up to a place that the caps forbid: what is skipped has to be unpacked too."""
        if position > self._work.caps.size:
            raise self._work.over("bytes unpacked", self._work.caps.size)
        if position > max(2**20, self._work.caps.ratio * self._work.packed):
            raise self._work.over("bytes unpacked for each byte of the archive", self._work.caps.ratio)


@contextmanager
def _write_errors(target: Path) -> Iterator[None]:
    """Tell errors of writing from those of the archive."""
    try:
        yield
    except OSError as error:
        raise WriteError(f"{target} cannot be written: {error.strerror or error}", remedy="make room there") from error
