"""A cursor: where a piece stands in its script."""

from __future__ import annotations

import copy

from symgen.grammar.rules import Grammar
from symgen.models.context import Goal
from symgen.script import Fixed, Free, Segment, Step, cut
from symgen.tokens.vocabulary import START


class Cursor:
    """Where a piece stands in its script: which steps are given, and when it is done.

    Parameters
    ----------
    grammar : Grammar
        Of the piece, at its beginning.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.steps: list[Step] = []
        self._left = list(reversed(grammar.plan.segments))
        self._given: list[Step] = []
        self._stop = 0
        self._advance()

    def copy(self) -> Cursor:
        """Return an independent cursor of the same script that stands at the same place."""
        other = copy.copy(self)
        other.grammar, other.steps = self.grammar.copy(), self.steps.copy()
        other._left, other._given = self._left.copy(), self._given.copy()
        return other

    @property
    def finished(self) -> bool:
        """Whether everything that the script says is written."""
        return not self._left and not self._given and self.grammar.context.time >= self._stop

    @property
    def given(self) -> Step | None:
        """The next step if it stands already, None if it is free."""
        return self._given[-1] if self._given else None

    @property
    def skipped(self) -> int:
        """How many given steps are ahead."""
        return len(self._given)

    def append(self, step: Step) -> None:
        """Take up the next step, the given one or the one that was chosen."""
        given = bool(self._given)
        if given:
            self._given.pop()
        self.steps.append(step)
        self.grammar.append(*step, given=given)
        self._advance()

    def _advance(self) -> None:
        """Go on to the next segment where one is over."""
        time = self.grammar.context.time
        while self._left and not self._given and time >= self._stop:
            segment = self._left.pop()
            self._stop = time + segment.ticks
            self.grammar.context.goal = self._goal(segment)
            if isinstance(segment, Free):
                self.grammar.enter(segment)
            elif isinstance(segment, Fixed):
                self._given = list(reversed(segment.steps))
            else:
                self._given = list(reversed(cut(self.steps, segment.start, segment.start + segment.ticks)))

    def _goal(self, segment: Segment) -> Goal | None:
        """Return what the next free stretch, or the one that begins here, leads to: the first given steps after it."""
        tick, free = self.grammar.context.time, False
        for one in (segment, *reversed(self._left)):
            if free and isinstance(one, Fixed) and one.steps:
                after = one.steps[1][1] if len(one.steps) > 1 else START
                return Goal(tick, one.steps[0][0], one.steps[0][1], after)
            if free and not isinstance(one, Free):
                return None
            free = isinstance(one, Free)
            tick += one.ticks
        return None
