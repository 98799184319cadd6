"""The order in which written bars are played: repeat signs, endings and jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RepeatMarks:
    """Signs at one bar.

    Parameters
    ----------
    start : bool
        A repeat begins with this bar.
    end : int
        How often the passage that ends with this bar is played in all; 0 if no repeat ends here.
    endings : frozenset of int
        The passes, from 1, in which this bar is played; empty means each.
    segno, coda : bool
        The bar begins with the sign; `coda` is where the coda itself stands.
    to_coda, fine : bool
        On the last time through, go to the coda or stop after this bar.
    da_capo, dal_segno : bool
        After this bar, once, go back to the start or to the segno.
    """

    start: bool = False
    end: int = 0
    endings: frozenset[int] = frozenset()
    segno: bool = False
    coda: bool = False
    to_coda: bool = False
    fine: bool = False
    da_capo: bool = False
    dal_segno: bool = False


def play_order(marks: Sequence[RepeatMarks], *, limit: int) -> tuple[list[int], int]:
    """Return the indices of the bars as they are played, and how many repeats and jumps were taken.

    Without a start sign a repeat goes back to the end of the one before, or to the beginning. After a
    jump, repeats are not played again and the last ending is taken, as players do.

    Parameters
    ----------
    marks : sequence of RepeatMarks
        One a bar.
    limit : int
        The list stops at this length.
    """
    order: list[int] = []
    taken, index, start, play = 0, 0, 0, 1
    jumped = False
    while index < len(marks) and len(order) < limit:
        mark = marks[index]
        if mark.start and index != start:
            start, play = index, 1
        last_ending = _last_ending(marks, start) if jumped else 0
        if mark.endings and (last_ending or play) not in mark.endings:
            index += 1
            continue
        order.append(index)
        if jumped and mark.fine:
            break
        if mark.end and not jumped and play < _passes(marks, index, mark.end):
            play += 1
            taken += 1
            index = start
            continue
        if (mark.end or mark.endings) and not _ending_follows(marks, index):
            start, play = index + 1, 1
        if not jumped and (mark.da_capo or mark.dal_segno):
            jumped, taken = True, taken + 1
            index = next((i for i, m in enumerate(marks) if m.segno), 0) if mark.dal_segno else 0
            start, play = index, 1
            continue
        if jumped and mark.to_coda:
            index = next((i for i in range(index + 1, len(marks)) if marks[i].coda), index + 1)
            continue
        index += 1
    return order, taken


def _passes(marks: Sequence[RepeatMarks], index: int, times: int) -> int:
    """Return how often the passage ending at `index` is played, from its sign and the endings it leads to."""
    endings = set(marks[index].endings)
    following = index + 1
    while endings and following < len(marks) and marks[following].endings and not marks[following].start:
        endings |= marks[following].endings
        following += 1
    return max(times, max(endings, default=0))


def _ending_follows(marks: Sequence[RepeatMarks], index: int) -> bool:
    """Return whether the bar after `index` belongs to an ending of the same repeat."""
    if not marks[index].endings or index + 1 == len(marks):
        return False
    return bool(marks[index + 1].endings) and not marks[index + 1].start


def _last_ending(marks: Sequence[RepeatMarks], start: int) -> int:
    """Return the highest ending of the first group of endings from `start` on, 0 if there is none."""
    index = start
    while index < len(marks) and not marks[index].endings:
        index += 1
    endings: set[int] = set()
    while index < len(marks) and marks[index].endings:
        endings |= marks[index].endings
        index += 1
    return max(endings, default=0)
