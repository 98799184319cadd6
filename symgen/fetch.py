"""Use case: the catalogue of public corpora, listed, shown and fetched.

A corpus that was fetched is a folder of its name with a receipt in it. The folder appears whole or not at all: files
are unpacked aside, checked, and renamed into place.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, Final

from symgen.corpus.bring import bring, matching_files, package_folder, part_of
from symgen.corpus.catalogue import Declaration, read_declarations
from symgen.corpus.download import discard
from symgen.corpus.origin import Archive, Package, Shipped
from symgen.corpus.receipt import Receipt, check_receipt, read_receipt, write_receipt
from symgen.errors import CorpusError, UsageError, WriteError
from symgen.files import make_folder, settle_paths
from symgen.progress import Progress, silent
from symgen.resources import corpora_dir

DATA_VARIABLE: Final = "SYMGEN_DATA"
"""Environment variable that names the folder of fetched corpora."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A declared corpus, and where it is if it is here.

    Parameters
    ----------
    declaration : Declaration
        What is known of it.
    folder : Path or None
        Where its files are: fetched, in an installed package or shipped; None if they are not here.
    receipt : dict or None
        What its receipt says, if it was fetched.
    """

    declaration: Declaration
    folder: Path | None
    receipt: Receipt | None

    def as_json(self) -> dict[str, Any]:
        """Return everything that is known of the corpus as plain data."""
        about, corpus = self.declaration, self.declaration.corpus
        return {
            "name": corpus.name,
            "title": corpus.title,
            "style": corpus.style,
            "pieces": about.pieces,
            "licence": corpus.licence,
            "here": str(self.folder) if self.folder else None,
            "source": corpus.source,
            "homepage": about.homepage,
            "citation": about.citation,
            "reader": about.reader,
            "match": list(corpus.match),
            "gong": corpus.gong,
            "metre": corpus.metre,
            "parts": corpus.parts,
            "quirks": list(about.quirks),
            "split": _split_facts(about),
            "origin": _origin_facts(about),
            "verified": about.verified,
            "receipt": self.receipt,
        }


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch.

    Parameters
    ----------
    name : str
        Name of a declared corpus.
    output : Path, optional
        Folder that gets the folder of the corpus; :func:`data_dir` by default.
    accepted : bool
        Whether the wording of the licence was seen and accepted.
    anew : bool
        Whether to fetch again what is there, and to replace it.
    sha256 : str
        Digest that the archive must have, such as a colleague's receipt names; "" for the declared one.
    corpora : str or Path, optional
        Folder of declarations; the shipped ones by default.
    """

    name: str
    output: Path | None = None
    accepted: bool = False
    anew: bool = False
    sha256: str = ""
    corpora: Path | None = None

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch came to.

    Parameters
    ----------
    folder : Path
        Where the corpus is.
    receipt : dict
        What its receipt says.
    reused : bool
        Whether it was there already, complete.
    remarks : tuple of str
        What deserves attention.
    """

    folder: Path
    receipt: Receipt
    reused: bool
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {"folder": str(self.folder), "reused": self.reused, **self.receipt, "remarks": list(self.remarks)}


def data_dir() -> Path:
    """Return the folder of fetched corpora: the one that ``SYMGEN_DATA`` names, else ``data`` where symgen runs."""
    return Path(os.environ.get(DATA_VARIABLE) or "data").expanduser()


def list_corpora(data: str | Path | None = None, corpora: str | Path | None = None) -> tuple[Listing, ...]:
    """Return every declared corpus, in order of name.

    Parameters
    ----------
    data : str or Path, optional
        Folder of fetched corpora; :func:`data_dir` by default.
    corpora : Path, optional
        Folder of declarations; the shipped ones by default.
    """
    folder = Path(corpora or corpora_dir())
    return tuple(_listing(declaration, Path(data or data_dir()), folder) for declaration in read_declarations(folder))


def show_corpus(name: str, data: str | Path | None = None, corpora: str | Path | None = None) -> Listing:
    """Return one declared corpus; parameters as for :func:`list_corpora`.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    listings = {listing.declaration.name: listing for listing in list_corpora(data, corpora)}
    if name not in listings:
        near = get_close_matches(name, listings, n=1)
        raise UsageError(
            f"no corpus {name}",
            expected=f"one of {', '.join(listings)}" if listings else "a declaration in the folder of corpora",
            remedy=f"did you mean {near[0]}?" if near else "",
        )
    return listings[name]


def fetch(request: FetchRequest, progress: Progress = silent) -> FetchResult:
    """Bring a declared corpus onto this disk, or find that it is there.

    Parameters
    ----------
    request : FetchRequest
        What to fetch.
    progress : Progress
        Told of KiB downloaded and of files unpacked.

    Raises
    ------
    UsageError
        If there is no such corpus, its licence was not accepted, or a digest or mirror is no such thing.
    CorpusError
        If it cannot be downloaded, is not what was declared, or stands there in another state.
    WriteError
        If the folder cannot be written.
    """
    output = request.output or data_dir()
    listing = show_corpus(request.name, output, request.corpora)
    declaration, folder = listing.declaration, output / request.name
    if not os.path.lexists(folder) and any(was_there for _, was_there in _leftovers(output, request.name)):
        with _locked(output, request.name):
            _settle(output, request.name)
    if not request.anew and os.path.lexists(folder):
        return FetchResult(folder, check_receipt(folder), reused=True)
    if request.sha256 and not (len(request.sha256) == 64 and set(request.sha256) <= set("0123456789abcdef")):
        raise UsageError(f"sha256 {request.sha256}", expected="64 hexadecimal digits, small letters")
    if not request.accepted:
        raise UsageError(
            f"the licence of {request.name} is not accepted: {declaration.corpus.licence or 'none declared'}",
            expected="--accept-licence, or an answer at a terminal",
        )
    make_folder(output)
    earlier, part = read_receipt(folder), part_of(output, declaration)
    with _locked(output, request.name), _aside(output, request.name) as aside:
        brought = bring(declaration, aside, part, request.corpora or corpora_dir(), progress, request.sha256)
        receipt = write_receipt(declaration, aside, brought)
        _put(aside, folder, replace_it=request.anew)
        discard(part)
    remarks = brought.remarks
    if earlier and earlier["contents"] != receipt["contents"]:
        remarks += (f"differs from what was fetched on {earlier.get('date', 'an earlier day')}",)
    return FetchResult(folder, receipt, reused=False, remarks=remarks)


@contextlib.contextmanager
def _locked(output: Path, name: str) -> Iterator[None]:
    """Let one process at a time fetch a corpus into a folder."""
    if sys.platform == "win32":  # there two fetches of one corpus at once are the user's to avoid
        yield
        return
    import fcntl

    path = output / f".{name}.lock"
    with contextlib.ExitStack() as opened:
        while True:
            try:
                lock = opened.enter_context(path.open("a"))
            except OSError as error:
                raise WriteError(f"{path} cannot be written: {error.strerror or error}") from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CorpusError(f"another process is fetching {name} into {output}", remedy="wait for it") from error
            if _is_still(lock, path):
                break
        try:
            yield
        finally:
            path.unlink(missing_ok=True)  # while it is locked: whoever has opened it finds that it is gone


def _is_still(file: IO[str], path: Path) -> bool:
    """Tell whether an open file is the one that lies at a path, and not one that was removed from there."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _leftovers(output: Path, name: str) -> list[tuple[Path, bool]]:
    """Return what a run that was killed left of a corpus, each with whether it had stood in place before."""
    if not output.is_dir():
        return []
    pattern = re.compile(rf"\.{re.escape(name)}-[0-9a-f]{{12}}(-old)?\.tmp")
    return [(path, found[1] is not None) for path in output.iterdir() if (found := pattern.fullmatch(path.name))]


def _settle(output: Path, name: str) -> None:
    """Put back the corpus that a killed run had moved out of the way, and clear away all else that it left."""
    folder = output / name
    for left, was_there in _leftovers(output, name):
        if not was_there or os.path.lexists(folder):
            _clear(left)
            continue
        try:
            left.rename(folder)
        except OSError as error:
            raise WriteError(f"{left} cannot be put back as {folder}: {error.strerror or error}") from error


def _clear(path: Path) -> None:
    """Remove a folder, a file or a link, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def _aside(output: Path, name: str) -> Iterator[Path]:
    """Make a folder beside the place of a corpus; what is left of it is removed in the end."""
    _settle(output, name)
    folder = output / f".{name}-{secrets.token_hex(6)}.tmp"
    try:
        folder.mkdir()
    except OSError as error:
        raise WriteError(f"{folder} cannot be made: {error.strerror or error}") from error
    try:
        yield folder
    finally:
        _clear(folder)


def _put(aside: Path, folder: Path, *, replace_it: bool) -> None:
    """Rename a complete folder into its place; what stood there takes its name aside, to be removed."""
    old = aside.with_name(f"{aside.name[:-4]}-old.tmp")
    try:
        if replace_it and os.path.lexists(folder):
            folder.rename(old)
        aside.rename(folder)
    except BaseException as error:  # also an interrupt must not leave the place empty
        if os.path.lexists(old) and not os.path.lexists(folder):
            old.rename(folder)
        if isinstance(error, OSError):
            raise WriteError(f"{folder} cannot be put in place: {error.strerror or error}") from error
        raise
    with contextlib.suppress(OSError):  # from here on it is nothing that a later run should put back
        old.rename(aside)


def _listing(declaration: Declaration, data: Path, corpora: Path) -> Listing:
    folder = data / declaration.name
    receipt = read_receipt(folder)
    if receipt is not None:
        return Listing(declaration, folder, receipt)
    origin, files = declaration.origin, list[Path]()
    if isinstance(origin, Shipped):
        files = matching_files(corpora, origin.files)
    elif isinstance(origin, Package) and (root := package_folder(origin.name)):
        files = matching_files(root, origin.files)
    return Listing(declaration, files[0].parent if files else None, None)


def _split_facts(declaration: Declaration) -> dict[str, list[str]] | None:
    corpus = declaration.corpus
    if corpus.validation is None:
        return None
    return {"validation": sorted(corpus.validation), "test": sorted(corpus.test or ())}


def _origin_facts(declaration: Declaration) -> dict[str, Any] | None:
    origin = declaration.origin
    if isinstance(origin, Archive):
        return {"urls": list(origin.urls), "kind": origin.kind, "size": origin.size, "sha256": origin.sha256}
    if isinstance(origin, Package):
        return {"package": origin.name, "files": list(origin.files)}
    return {"files": list(origin.files)} if origin else None
