"""The files of a corpus, from wherever its declaration says, into an empty folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from symgen.corpus.catalogue import Declaration
from symgen.corpus.contents import check_contents
from symgen.corpus.download import Wanted, discard, download
from symgen.corpus.origin import Archive, Package, Shipped, is_address
from symgen.corpus.unpack import unpack
from symgen.errors import CorpusError, UsageError, WriteError
from symgen.progress import Progress

MIRROR_VARIABLE: Final = "SYMGEN_MIRROR"
"""Environment variable with the addresses of mirrors, separated by spaces, tried before the declared ones."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought.

    Parameters
    ----------
    url : str
        Address of the archive, or folder that the files were copied from.
    bytes : int
        Size of the archive, or of the files.
    sha256 : str
        Digest of the archive; "" where there was none.
    verified : str
        What was compared with the declaration and agreed; "" if nothing was.
    remarks : tuple of str
        What deserves attention.
    """

    url: str
    bytes: int
    sha256: str
    verified: str
    remarks: tuple[str, ...] = ()


def bring(
    declaration: Declaration, folder: Path, part: Path, corpora: Path, progress: Progress, sha256: str = ""
) -> Brought:
    """Put the files of a corpus into a folder that is there and empty, and compare them with the declaration.

    Parameters
    ----------
    declaration : Declaration
        The corpus.
    folder : Path
        Where its files go; on an error the caller removes it.
    part : Path
        Where an archive is downloaded to.
    corpora : Path
        Folder of declarations, for what ships among them.
    progress : Progress
        Told of KiB downloaded and of files written.
    sha256 : str
        Digest that the archive must have, instead of the declared one.

    Raises
    ------
    CorpusError
        If the files cannot be had, or are not those that were declared.
    WriteError
        If they cannot be written.
    """
    origin = declaration.origin
    if origin is None:
        raise CorpusError(
            f"the declaration of {declaration.name} does not say where to fetch it",
            remedy=f"see {declaration.corpus.source or 'its publisher'}",
        )
    if isinstance(origin, Archive):
        return _from_archive(declaration, origin, folder, part, progress, sha256)
    root = package_folder(origin.name) if isinstance(origin, Package) else corpora
    if root is None:
        assert isinstance(origin, Package)
        raise CorpusError(
            f"{declaration.name} is in the package {origin.name}, which is not installed",
            remedy=f"install {origin.name}",
        )
    return _copied(root, origin.files, declaration, folder, progress)


def mirrors() -> tuple[str, ...]:
    """Return the addresses of mirrors that ``SYMGEN_MIRROR`` names, without slashes at the end.

    Raises
    ------
    UsageError
        If one is no http or https address.
    """
    found = tuple(text.rstrip("/") for text in os.environ.get(MIRROR_VARIABLE, "").split())
    for text in found:
        if not is_address(text):
            raise UsageError(
                f"{MIRROR_VARIABLE} names {text}", expected="addresses that begin with https:// or http://"
            )
    return found


def part_of(output: Path, declaration: Declaration) -> Path:
    """Return where the archive of a corpus is downloaded to."""
    kind = declaration.origin.kind if isinstance(declaration.origin, Archive) else "files"
    return output / f"{declaration.name}.{kind}.part"


def package_folder(name: str) -> Path | None:
    """Return the folder of an installed package without importing it, None if there is none."""
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def matching_files(root: Path, patterns: Sequence[str]) -> list[Path]:
    """Return the files of a folder that match one of the patterns, in order of path."""
    return sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()})


def _from_archive(
    declaration: Declaration, archive: Archive, folder: Path, part: Path, progress: Progress, sha256: str
) -> Brought:
    # Where the contents are known, they decide: a host may pack the same files into other bytes.
    exact = sha256 or ("" if declaration.contents else archive.sha256)
    wanted = Wanted(
        name=declaration.name,
        urls=(*(f"{mirror}/{declaration.name}.{archive.kind}" for mirror in mirrors()), *archive.urls),
        size=archive.size if exact == archive.sha256 else None,
        sha256=exact,
        at_most=min(archive.at_most, 4 * archive.size) if archive.size else archive.at_most,
    )
    got = download(wanted, part, progress)
    try:
        unpack(part, folder, archive, progress=progress, label=declaration.name)
        known = got.sha256 == (sha256 or archive.sha256)
        verified = "sha256 of the archive" if known else _compared(declaration, folder)
    except CorpusError:
        discard(part)  # what is wrong is not gone on with
        raise
    unknown = "no checksum is declared: compare sha256 and contents in the receipt with a colleague's"
    return Brought(got.url, got.bytes, got.sha256, verified, () if verified else (unknown,))


def _copied(root: Path, patterns: Sequence[str], declaration: Declaration, folder: Path, progress: Progress) -> Brought:
    """Copy files that are on this disk already, each into a folder named like the one it lies in."""
    files = matching_files(root, patterns)
    if not files:
        raise CorpusError(f"{root} has no {' or '.join(patterns)}", remedy="another version may have them elsewhere")
    size = 0
    for number, file in enumerate(files, 1):
        target = folder / file.parent.name / file.name
        try:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target)
            size += target.stat().st_size
        except OSError as error:
            raise WriteError(f"{target} cannot be written: {error.strerror or error}") from error
        progress(f"copying {declaration.name}", number, len(files))
    if isinstance(declaration.origin, Shipped):
        return Brought(str(root), size, "", "ships with symgen")
    try:
        return Brought(str(root), size, "", _compared(declaration, folder))
    except CorpusError as error:  # another version of the package: no less to be trusted than the declared one
        return Brought(str(root), size, "", "", (f"not what the declaration knows: {error}",))


def _compared(declaration: Declaration, folder: Path) -> str:
    """Compare files with their declared contents, and return what was compared."""
    if declaration.contents is None:
        return ""
    try:
        check_contents(folder, declaration.contents)
    except CorpusError as error:
        raise CorpusError(
            f"{declaration.name} holds {error.found}", expected=error.expected, remedy=error.remedy
        ) from error
    return f"contents of {declaration.contents.count} files"
