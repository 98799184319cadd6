"""The catalogue: what is known of a corpus that its files do not say.

One TOML file a corpus, in ``corpora/``: source, licence wording, style, which files belong to it, what
of their headers is to be trusted, and which pieces are held out; further where its files are fetched from and
what a reader of them should know.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from symgen.corpus.origin import TABLES, Contents, Origin, is_address, read_origin, texts, whole_number
from symgen.corpus.patterns import matches_end
from symgen.errors import CorpusError, SymgenError
from symgen.files import read_toml
from symgen.theory.degrees import parse_pitch_class
from symgen.tokens.prefix import STYLES

_VALIDATION_SHARE = 0.10
_TEST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Corpus:
    """A declared corpus.

    Parameters
    ----------
    name, title, source, licence : str
        Identity and licence wording, as its publisher puts it.
    style : str
        One of :data:`symgen.tokens.prefix.STYLES`.
    match : tuple of str
        Patterns of file paths, matched from the right; ``**`` stands for any folders.
    gong : str
        "detect", "key" (the key the file declares) or a pitch class name that holds for every file.
    metre : str
        "as written"; "bar lines" where the files repeat a dummy at each bar line, so that the metre is to be recovered
        (:mod:`symgen.corpus.bars`); "unknown" where the metre in the files is a dummy and tells nothing.
    validation, test : frozenset of str or None
        Normalised titles held out; None means a share by hash of the title.
    tempo : str
        "as written", or "unknown" where the tempo in the files is a dummy.
    key : str
        "as written", or "unknown" where every file is written in one key whatever the music's.
    parts : str
        "together", or "apart" where the voices of a file are pieces of their own.
    """

    name: str
    title: str = ""
    source: str = ""
    licence: str = ""
    style: str = "unknown"
    match: tuple[str, ...] = ()
    gong: str = "detect"
    metre: str = "as written"
    validation: frozenset[str] | None = None
    test: frozenset[str] | None = None
    tempo: str = "as written"
    key: str = "as written"
    parts: str = "together"

    def owns(self, path: str) -> bool:
        """Tell whether a file path belongs to this corpus."""
        return any(matches_end(path, pattern) for pattern in self.match)

    def split_of(self, title: str) -> str:
        """Return "train", "validation" or "test" for a title: pieces of one title always go together."""
        normal = normalise_title(title)
        if self.validation is not None:
            if normal in self.validation:
                return "validation"
            return "test" if self.test and normal in self.test else "train"
        return share_of(title_place(normal))


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole declaration: the corpus as a conversion sees it, and what else is known of it.

    A conversion depends on :attr:`corpus` alone, so that a better citation converts nothing anew.

    Parameters
    ----------
    corpus : Corpus
        What a conversion goes by.
    origin : Archive, Package, Shipped or None
        Where its files come from; None if that is not declared.
    contents : Contents or None
        What its files hold, or some of them.
    verified : str
        How far the archive or the contents can be trusted, in words.
    homepage, citation, reader : str
        Address; how to cite; name of the reader of its files.
    pieces : int or None
        How many pieces it has.
    quirks : tuple of str
        What a user of it should know.
    """

    corpus: Corpus
    origin: Origin | None = None
    contents: Contents | None = None
    verified: str = ""
    homepage: str = ""
    citation: str = ""
    reader: str = ""
    pieces: int | None = None
    quirks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the corpus."""
        return self.corpus.name


UNDECLARED = Corpus("undeclared")
"""Stands for files that no declaration matches."""


def normalise_title(title: str) -> str:
    """Return a title without number, variant and punctuation, so that variants of one tune agree.

    Examples
    --------
    >>> normalise_title("32_正月望郎郎没来（二）")
    '正月望郎郎没来'
    """
    text = unicodedata.normalize("NFKC", title).casefold()
    text = re.sub(r"^\s*\d+[_.\s-]+", "", text)
    text = re.sub(r"\([^()]*\)", "", text)
    return re.sub(r"[\W_]+", "", text) or title.strip().casefold()


def title_place(title: str) -> float:
    """Return where a normalised title falls between 0 and 1, by its hash."""
    digest = hashlib.sha256(title.encode(errors="backslashreplace")).hexdigest()  # file names need not be UTF-8
    return int(digest[:8], 16) / 16**8


def share_of(place: float) -> str:
    """Return the split of a place between 0 and 1 where a share is held out."""
    if place < _VALIDATION_SHARE:
        return "validation"
    return "test" if place < _VALIDATION_SHARE + _TEST_SHARE else "train"


def read_declaration(path: Path) -> Declaration:
    """Read one declaration with all that it says.

    Raises
    ------
    CorpusError
        Naming the file and the entry that is wrong.
    """
    table = read_toml(path, "a corpus declaration in TOML")
    return _checked(table, path)


def read_corpus(path: Path) -> Corpus:
    """Read of one declaration what a conversion goes by; raises as :func:`read_declaration` does."""
    return read_declaration(path).corpus


def read_declarations(folder: Path) -> tuple[Declaration, ...]:
    """Read every declaration of a folder, in order of file name; empty if there is no such folder."""
    return tuple(read_declaration(path) for path in sorted(folder.glob("*.toml")))


def read_catalogue(folder: Path) -> tuple[Corpus, ...]:
    """Read the corpora of a folder of declarations, in order of file name; empty if there is no such folder."""
    return tuple(declaration.corpus for declaration in read_declarations(folder))


_CORPUS_TEXTS = ("name", "title", "source", "licence", "style", "gong", "metre", "tempo", "key", "parts")
_TEXTS = ("verified", "homepage", "citation", "reader")
_ENTRIES = (*_CORPUS_TEXTS, "match", *_TEXTS, "pieces", "quirks")


def _checked(table: dict[str, Any], path: Path) -> Declaration:
    split = table.pop("split", None)
    origin, contents = read_origin({name: table.pop(name) for name in TABLES if name in table}, path)
    if unknown := sorted(set(table) - set(_ENTRIES)):
        raise CorpusError(f"{path}: unknown entry {unknown[0]!r}", expected=f"one of {', '.join(_ENTRIES)}")
    for entry in (*_CORPUS_TEXTS, *_TEXTS):
        if not isinstance(table.get(entry, ""), str):
            raise CorpusError(f"{path}: {entry} is {table[entry]!r}", expected="a text")
    if table.get("homepage") and not is_address(table["homepage"]):
        raise CorpusError(f"{path}: homepage {table['homepage']!r}", expected="an address that begins with https://")
    return Declaration(
        _checked_corpus(table, split, path),
        origin,
        contents,
        **{entry: table.get(entry, "") for entry in _TEXTS},
        pieces=whole_number(table, "pieces", path),
        quirks=texts(table, "quirks", path),
    )


def _checked_corpus(table: dict[str, Any], split: Any, path: Path) -> Corpus:
    if not table.get("name"):
        raise CorpusError(f"{path}: no name", expected='name = "..."')
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", table["name"]):  # it becomes the name of a folder
        raise CorpusError(f"{path}: name is {table['name']!r}", expected="letters, digits, - and _")
    match = texts(table, "match", path)
    if not all(PurePath(pattern).parts for pattern in match):
        raise CorpusError(f"{path}: match holds an empty pattern", expected='such as "guqin/*.xml"')
    validation, test = _held_out(split, path)
    facts = {entry: table[entry] for entry in _CORPUS_TEXTS if entry in table}
    corpus = Corpus(**facts, match=match, validation=validation, test=test)
    if corpus.style not in STYLES:
        raise CorpusError(f"{path}: style {corpus.style!r}", expected=f"one of {', '.join(STYLES)}")
    for entry, choices in _CHOICES.items():
        if getattr(corpus, entry) not in choices:
            raise CorpusError(
                f"{path}: {entry} {getattr(corpus, entry)!r}", expected=" or ".join(f'"{word}"' for word in choices)
            )
    if corpus.gong not in ("detect", "key"):
        try:
            parse_pitch_class(corpus.gong)
        except SymgenError as error:
            raise CorpusError(f"{path}: gong: {error}") from error
    return corpus


_CHOICES = {
    "metre": ("as written", "bar lines", "unknown"),
    "tempo": ("as written", "unknown"),
    "key": ("as written", "unknown"),
    "parts": ("together", "apart"),
}
"""What a declaration can say of its files and their headers."""


def _held_out(split: Any, path: Path) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """Return the normalised titles of validation and test of a ``[split]`` table; None if there is none."""
    if split is None:
        return None, None
    if not isinstance(split, dict) or set(split) - {"validation", "test"}:
        raise CorpusError(f"{path}: split is {split!r}", expected="a table with the lists validation and test")
    validation, test = (frozenset(map(normalise_title, texts(split, n, path))) for n in ("validation", "test"))
    if both := sorted(validation & test):
        raise CorpusError(f"{path}: {both[0]!r} is in validation and in test", expected="each title in one of them")
    return validation, test
