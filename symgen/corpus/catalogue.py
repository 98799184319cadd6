"""The catalogue: what is known of a corpus that its files do not say.

One TOML file a corpus, in ``corpora/``: source, licence wording, style, which files belong to it, what
of their headers is to be trusted, and which pieces are held out.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

from symgen.errors import CorpusError, SymgenError
from symgen.theory.degrees import parse_pitch_class
from symgen.tokens.prefix import STYLES

SPLITS: Final = ("train", "validation", "test")
_VALIDATION_SHARE = 0.10
_TEST_SHARE = 0.05
_FEWEST_TO_SPLIT = 5


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

    def owns(self, path: str) -> bool:
        """Tell whether a file path belongs to this corpus."""
        return any(_matches(path, pattern) for pattern in self.match)

    def split_of(self, title: str) -> str:
        """Return "train", "validation" or "test" for a title: pieces of one title always go together."""
        normal = normalise_title(title)
        if self.validation is not None:
            if normal in self.validation:
                return "validation"
            return "test" if self.test and normal in self.test else "train"
        place = _place(normal)
        if place < _VALIDATION_SHARE:
            return "validation"
        return "test" if place < _VALIDATION_SHARE + _TEST_SHARE else "train"


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


def split_titles(corpus: Corpus, titles: Iterable[str]) -> dict[str, str]:
    """Return the split of each title of a corpus, with something to judge by if that is at all possible.

    Where a share is held out by hash, a small corpus can come out without a validation piece; then the titles
    with the lowest hashes are taken, a tenth of them and at least one, as long as four are left to learn from.
    """
    splits = {title: corpus.split_of(title) for title in titles}
    tunes = sorted({normalise_title(title) for title in splits}, key=_place)
    if corpus.validation is None and "validation" not in splits.values() and len(tunes) >= _FEWEST_TO_SPLIT:
        held_out = set(tunes[: max(1, round(_VALIDATION_SHARE * len(tunes)))])
        splits |= {title: "validation" for title in splits if normalise_title(title) in held_out}
    return splits


def _place(title: str) -> float:
    """Return where a normalised title falls between 0 and 1."""
    digest = hashlib.sha256(title.encode(errors="backslashreplace")).hexdigest()  # file names need not be UTF-8
    return int(digest[:8], 16) / 16**8


def read_corpus(path: Path) -> Corpus:
    """Read one declaration.

    Raises
    ------
    CorpusError
        Naming the file and the entry that is wrong.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CorpusError(f"{path}: {error}", expected="a corpus declaration in TOML") from error
    return _checked(table, path)


def read_catalogue(folder: Path) -> tuple[Corpus, ...]:
    """Read every declaration of a folder, in order of file name; empty if there is no such folder."""
    return tuple(read_corpus(path) for path in sorted(folder.glob("*.toml")))


_TEXTS = ("name", "title", "source", "licence", "style", "gong", "metre", "tempo")
_TRUST: Final = {"metre": ("as written", "bar lines", "unknown"), "tempo": ("as written", "unknown")}
"""What a declaration can say of a header of its files."""


def _checked(table: dict[str, Any], path: Path) -> Corpus:
    split = table.pop("split", None)
    if unknown := sorted(set(table) - {*_TEXTS, "match"}):
        raise CorpusError(f"{path}: unknown entry {unknown[0]!r}", expected=f"one of {', '.join((*_TEXTS, 'match'))}")
    for entry in _TEXTS:
        if not isinstance(table.get(entry, ""), str):
            raise CorpusError(f"{path}: {entry} is {table[entry]!r}", expected="a text")
    if not table.get("name"):
        raise CorpusError(f"{path}: no name", expected='name = "..."')
    match = _texts(table, "match", path)
    if not all(PurePath(pattern).parts for pattern in match):
        raise CorpusError(f"{path}: match holds an empty pattern", expected='such as "guqin/*.xml"')
    validation, test = _held_out(split, path)
    corpus = Corpus(**{**table, "match": match}, validation=validation, test=test)
    if corpus.style not in STYLES:
        raise CorpusError(f"{path}: style {corpus.style!r}", expected=f"one of {', '.join(STYLES)}")
    for entry, choices in _TRUST.items():
        if getattr(corpus, entry) not in choices:
            raise CorpusError(f"{path}: {entry} {getattr(corpus, entry)!r}", expected=f"one of {', '.join(choices)}")
    if corpus.gong not in ("detect", "key"):
        try:
            parse_pitch_class(corpus.gong)
        except SymgenError as error:
            raise CorpusError(f"{path}: gong: {error}") from error
    return corpus


def _held_out(split: Any, path: Path) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """Return the normalised titles of validation and test of a ``[split]`` table; None if there is none."""
    if split is None:
        return None, None
    if not isinstance(split, dict) or set(split) - {"validation", "test"}:
        raise CorpusError(f"{path}: split is {split!r}", expected="a table with the lists validation and test")
    validation, test = (frozenset(map(normalise_title, _texts(split, n, path))) for n in ("validation", "test"))
    if both := sorted(validation & test):
        raise CorpusError(f"{path}: {both[0]!r} is in validation and in test", expected="each title in one of them")
    return validation, test


def _texts(table: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    """Return a list of texts from a table, empty if it is not there."""
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise CorpusError(f"{path}: {name} is {value!r}", expected="a list of texts")
    return tuple(value)


def _matches(path: str, pattern: str) -> bool:
    """Match the tail of a path against a pattern, part by part, ``**`` standing for any number of parts."""
    return _tail(tuple(reversed(PurePath(path).parts)), tuple(reversed(PurePath(pattern).parts)))


def _tail(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_tail(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and PurePath(parts[0]).match(pattern[0]) and _tail(parts[1:], pattern[1:])
