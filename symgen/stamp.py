"""Stamps: what a file says of its own making, as short texts that any format can hold.

A record is one line of ASCII. It is cut into numbered pieces, ``symgen-origin:2/3:`` before and a full stop behind,
because hosts differ in the length of text that they stand, and many drop spaces at its ends; whoever finds all of the
pieces, in whatever order, has the record again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from symgen.errors import ReadError

PREFIX: Final = "symgen-origin:"
"""What every piece begins with."""

PIECE_CHARACTERS: Final = 1000
"""Longest piece without its head: mido, pretty_midi, symusic and music21 take megabytes, old hosts a line buffer."""

MOST_CHARACTERS: Final = 8 * 2**20
"""Longest record that is read."""

_PIECE = re.compile(r"symgen-origin:(\d{1,6})/(\d{1,6}):([\x20-\x7e]*)\.")
_FOUND = re.compile(rb"symgen-origin:\d{1,6}/\d{1,6}:[\x20-\x3b\x3d-\x7e]*")  # not beyond a < of XML
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]|[<>&]")


def pieces_of(record: str) -> list[str]:
    """Return the texts that carry a record.

    Parameters
    ----------
    record : str
        Printable ASCII without ``<``, ``>`` and ``&``, so that it stands in XML as it is.

    Raises
    ------
    ValueError
        If it holds anything else.
    """
    if _NOT_PLAIN.search(record) or not record:
        raise ValueError("a stamp is printable ASCII without <, > and &")
    parts = [record[at : at + PIECE_CHARACTERS] for at in range(0, len(record), PIECE_CHARACTERS)]
    return [f"{PREFIX}{number}/{len(parts)}:{part}." for number, part in enumerate(parts, 1)]


def is_stamp(text: str) -> bool:
    """Return whether a text is a piece of a record and none of the music."""
    return text.lstrip().startswith(PREFIX)


def joined(texts: Iterable[str]) -> str | None:
    """Return the record that is carried by some of these texts, None if none carries one.

    Raises
    ------
    ReadError
        If pieces are missing, contradict each other, or come to more than ``MOST_CHARACTERS``.
    """
    found: dict[int, str] = {}
    totals: set[int] = set()
    for text in texts:
        if (piece := _PIECE.fullmatch(text.strip())) is None:
            if is_stamp(text):
                raise _damaged("a piece of it cannot be read")
            continue
        number = int(piece[1])
        if found.setdefault(number, piece[3]) != piece[3]:
            raise _damaged(f"there are two pieces {number}")
        totals.add(int(piece[2]))
    if not found:
        return None
    if len(totals) != 1 or found.keys() != set(range(1, max(totals) + 1)):
        raise _damaged(f"{len(found)} pieces of {max(totals)}")
    record = "".join(found[number] for number in sorted(found))
    if len(record) > MOST_CHARACTERS:
        raise _damaged(f"it has {len(record):,} characters")
    return record


def texts_in(data: bytes) -> list[str]:
    """Return the pieces that stand in a file of text, or in one whose texts are stored as they are."""
    return [piece.decode("ascii") for piece in _FOUND.findall(data)]


def _damaged(reason: str) -> ReadError:
    return ReadError(f"the record of origin is damaged: {reason}", expected="all of its pieces, as symgen wrote them")
