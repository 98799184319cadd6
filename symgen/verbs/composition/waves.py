"""Takes composed side by side until each keeps every promise; in two processes where that is worth it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from typing import Any

from symgen.drafting.ensemble import write_drafts
from symgen.elsewhere import elsewhere, halves
from symgen.errors import PlayabilityError
from symgen.instruments.fingering import COMPILED_FROM
from symgen.isolation import alive
from symgen.listening import load_ear
from symgen.live import Listener
from symgen.models.checkpoint import Checkpoint, load_checkpoint
from symgen.models.runtime import Runtime
from symgen.native import is_available
from symgen.planning.checking import check_request
from symgen.planning.request import ComposeRequest, Wish
from symgen.progress import Progress
from symgen.resources import DEFAULT_CHECKPOINT, checkpoints_dir
from symgen.script import Step
from symgen.takes.delivery import as_played, broken_as_played
from symgen.takes.promises import check_copy, check_style, examine, too_long_a_copy
from symgen.takes.take import Take
from symgen.tokens.codec import decode
from symgen.verbs.composition.dressing import dressed, promise_of, take_of
from symgen.verbs.composition.plans import ATTEMPTS, planned, strict

SIDE_BY_SIDE = 16
"""Takes composed in one batch: more take more memory and hardly less time each."""
_USUAL_BARS = 24
"""Of a take whose length is left to its plan, for a guess at the work."""
_WORTH_TWO = 96
"""Bars of all takes together from which on a second process is worth its start."""
_START_BARS = 48
"""Bars that are composed side by side while a second process starts."""
_OF_FILES = frozenset({"output", "format", "layout"})
"""Fields of a request that say how a piece is written, not what it is."""


def checkpoint_of(request: ComposeRequest) -> Checkpoint:
    """Return the checkpoint that a request names, or the shipped one."""
    return load_checkpoint(request.checkpoint or checkpoints_dir() / DEFAULT_CHECKPOINT)


def composed(
    wish: Wish, request: ComposeRequest, checkpoint: Checkpoint, progress: Progress, listener: Listener | None = None
) -> Iterator[Take]:
    """Yield the takes of a request as they are composed, side by side; which comes first does not matter."""
    check_style(wish.style.name, checkpoint)
    check_copy(request.max_copy, checkpoint)
    runtime = checkpoint.runtime()
    numbers = range(1, request.takes + 1)
    if listener is not None:  # who listens hears one after the other
        for number in numbers:
            yield from wave(wish, request, [number], checkpoint, runtime, progress, listener)
        return
    bars = request.bars or _USUAL_BARS
    mine, others = halves(numbers, worth=len(numbers) * bars >= _WORTH_TWO, start=_START_BARS / bars)
    with elsewhere(f"{__name__}:compose_part", others, _music(request, wish.seed)) as await_others:
        for some in waves(mine):
            yield from wave(wish, request, some, checkpoint, runtime, progress)
        takes: list[Take] = await_others()
        for take in takes:
            yield replace(take, promise=promise_of(planned(wish, request, take.take)[0], request))
    done = {take.take for take in takes}
    for some in waves([number for number in others if number not in done]):  # whatever befell the other process
        yield from wave(wish, request, some, checkpoint, runtime, progress)


def _pass_on(listener: Listener, row: int, step: Step) -> None:
    del row  # there is one
    listener.step(*step)


def waves(numbers: Sequence[int]) -> list[Sequence[int]]:
    """Return numbers of takes in groups that are composed in one batch."""
    return [numbers[begin : begin + SIDE_BY_SIDE] for begin in range(0, len(numbers), SIDE_BY_SIDE)]


def wave(
    wish: Wish,
    request: ComposeRequest,
    numbers: Sequence[int],
    checkpoint: Checkpoint,
    runtime: Runtime,
    progress: Progress,
    listener: Listener | None = None,
) -> Iterator[Take]:
    """Compose takes side by side until each keeps every promise; what each is does not depend on the others."""
    of_take = {number: planned(wish, request, number) for number in numbers}
    label = f"take {numbers[0]}" if len(numbers) == 1 else f"takes {numbers[0]} to {numbers[-1]}"
    ear = load_ear(checkpoint, wish.style.name, request.versions)
    left, reasons = list(numbers), list[str]()
    for attempt in range(ATTEMPTS):

        def tick(done: int, total: int) -> None:
            progress(f"composing {label} of {request.takes}", done, total)

        plans = [strict(of_take[number][0], attempt) for number in left]
        seeds = [(wish.seed, number, attempt, 0) for number in left]
        again = []
        heard: Callable[[int, Step], None] | None = None
        if listener is not None:
            listener.begin(plans[0], of_take[left[0]][1], left[0], attempt)
            heard = partial(_pass_on, listener)
        drafts = write_drafts(runtime, plans, seeds, wish.sampling, tick, ear=ear, follow=heard)
        sequences = [draft.tokens for draft in drafts]
        machine_code = True if is_available() and 2 * sum(map(len, sequences)) >= COMPILED_FROM else None
        for number, tokens in zip(left, sequences, strict=True):
            plan, tempo = of_take[number]
            score = dressed(decode(tokens), plan, tempo)
            broken, fingering = examine(score, plan, machine_code)
            broken = broken or too_long_a_copy(tokens, checkpoint, request.max_copy)
            take = None
            if not broken:
                take = as_played(take_of(wish, plan, tempo, number, checkpoint, tokens, score, fingering, request))
            broken = broken if take is None else broken_as_played(take)
            if take is None or broken:
                again.append(number)
                reasons = broken
                if listener is not None:
                    listener.broken(broken)
            else:
                yield take
        left = again
        if not left:
            return
    raise PlayabilityError(
        f"no piece keeps every promise after {ATTEMPTS} tries: {'; '.join(reasons)}",
        remedy="ask for more bars, a lower temperature or another tuning",
    )


def compose_part(items: Sequence[Sequence[int]], music: dict[str, Any], working: Any) -> Iterator[tuple[int, Any]]:
    """Compose some takes of a request in a child process, see :func:`symgen.elsewhere.elsewhere`.

    They come without their promises: an instrument is no thing to send from process to process, and whoever asked
    knows what was asked for.
    """
    request = ComposeRequest(**music)
    wish, checkpoint = check_request(request), checkpoint_of(request)
    runtime = checkpoint.runtime()
    for index, numbers in enumerate(items):
        working([index])
        takes: list[Take] = []
        for some in waves(numbers):
            with suppress(PlayabilityError):  # composed once more by the parent, which raises it
                found = wave(wish, request, some, checkpoint, runtime, lambda *_: alive())
                takes.extend(replace(take, promise=None) for take in found)
        yield index, takes


def _music(request: ComposeRequest, seed: int) -> dict[str, Any]:
    """Return what a request asks of the music, whatever file it is written to, with the seed that it came to."""
    asked = {part.name: getattr(request, part.name) for part in fields(request) if part.name not in _OF_FILES}
    return {**asked, "seed": seed}
