"""Use case: a request in musical words in, pieces out.

A piece is composed again until it keeps every promise. What is promised is checked on the result and not
only asked of the network: gong and mode as a listener would find them, bars, range, and a fingering for
every note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from symgen.drafting.ensemble import compose_sequences
from symgen.errors import UsageError
from symgen.grammar.plan import Plan
from symgen.instruments import ships
from symgen.listening import load_ear
from symgen.live import Listener
from symgen.origin import Made, plain_request
from symgen.planning.checking import check_request
from symgen.planning.request import ComposeRequest, Wish
from symgen.progress import Progress, silent
from symgen.score import Tempo
from symgen.styles import STYLES, Style
from symgen.takes.delivery import deliver, piece
from symgen.takes.promises import broken_promises, check_copy, check_style
from symgen.takes.ranking import Judge, load_judge, rank_takes
from symgen.takes.take import ComposeResult, Take
from symgen.tokens.codec import decode
from symgen.tokens.sequence import TokenSequence
from symgen.verbs.composition.plans import ATTEMPTS, planned, strict
from symgen.verbs.composition.waves import checkpoint_of, composed, wave, waves

if TYPE_CHECKING:
    from symgen.instruments.base import Tuning
    from symgen.writers import Format

__all__ = [
    "ComposeRequest",
    "ComposeResult",
    "Take",
    "broken_promises",
    "compose",
    "compose_files",
    "compose_numbered",
    "compose_side_by_side",
    "compose_takes",
    "list_styles",
    "plan_of",
]


def compose(style: str, **options: Any) -> ComposeResult:
    """Compose pieces without writing files.

    Parameters
    ----------
    style : str
        guqin, guzheng or folk.
    **options
        Fields of :class:`ComposeRequest`.

    Raises
    ------
    UsageError
        If the request cannot be met, saying why and what could be.
    CheckpointError
        If the checkpoint is missing or damaged.
    """
    return compose_takes(ComposeRequest(style, **options))


def compose_takes(
    request: ComposeRequest, progress: Progress = silent, listener: Listener | None = None
) -> ComposeResult:
    """Compose the takes of a request; see :func:`compose`.

    A listener hears them one after the other, every step as soon as it is certain; see :mod:`symgen.live`.
    """
    checkpoint = checkpoint_of(request)
    wish = check_request(request)
    judge = load_judge(checkpoint, wish.style.name)
    return _ranked(list(composed(wish, request, checkpoint, progress, listener)), judge)


def compose_numbered(request: ComposeRequest, numbers: Sequence[int], progress: Progress = silent) -> list[Take]:
    """Compose only some takes of a request, by their numbers: to the bit what they are among all of them.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the request has no such take.
    """
    if strange := [number for number in numbers if not 1 <= number <= request.takes]:
        raise UsageError(f"take {strange[0]}", expected=f"1 to {request.takes}")
    wish, checkpoint = check_request(request), checkpoint_of(request)
    check_style(wish.style.name, checkpoint)
    runtime = checkpoint.runtime()
    found = {
        take.take: take for some in waves(numbers) for take in wave(wish, request, some, checkpoint, runtime, progress)
    }
    return [found[number] for number in numbers]


def _ranked(takes: Sequence[Take], judge: Judge) -> ComposeResult:
    """Return takes of one request, the best first."""
    in_order = sorted(takes, key=lambda take: take.take)
    standings = rank_takes([take.tokens for take in in_order], judge)
    ranked = [replace(take, standing=standing) for take, standing in zip(in_order, standings, strict=True)]
    return ComposeResult(tuple(sorted(ranked, key=lambda take: take.standing.rank if take.standing else 0)))


def compose_side_by_side(requests: Sequence[ComposeRequest], progress: Progress = silent) -> list[TokenSequence | None]:
    """Compose the first take of each request as tokens, all at once: for measuring, many times as fast as one by one.

    Parameters
    ----------
    requests : sequence of ComposeRequest
        What to compose, with one checkpoint, style, temperature and top-p.

    Returns
    -------
    list of TokenSequence or None
        As :func:`compose` gives them, but for what only ornaments would break; None where no try keeps every promise.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the requests differ in checkpoint, style, temperature or top-p.
    """
    found: list[TokenSequence | None] = [None] * len(requests)
    if not requests:
        return found
    shared = {(one.checkpoint, one.style, one.versions, one.temperature, one.top_p) for one in requests}
    if len(shared) > 1:
        raise UsageError(
            f"{len(shared)} ways to draw in one batch",
            expected="one checkpoint, style, versions, temperature and top-p",
        )
    checkpoint = checkpoint_of(requests[0])
    runtime = checkpoint.runtime()
    wishes = [check_request(request) for request in requests]
    plans, tempi = zip(*(planned(wish, one, 1) for wish, one in zip(wishes, requests, strict=True)), strict=True)
    for wish in wishes:
        check_style(wish.style.name, checkpoint)
    ear = load_ear(checkpoint, wishes[0].style.name, requests[0].versions)
    left = list(range(len(requests)))
    for attempt in range(ATTEMPTS):
        if not left:
            break

        def tick(done: int, total: int, attempt: int = attempt, still: int = len(left)) -> None:
            progress(f"composing {still} pieces, try {attempt + 1}", done, total)

        some = [strict(plans[row], attempt) for row in left]
        seeds = [(wishes[row].seed, 1, attempt, 0) for row in left]
        written = compose_sequences(runtime, some, seeds, wishes[0].sampling, tick, ear=ear)
        for row, tokens in zip(left, written, strict=True):
            if not broken_promises(replace(decode(tokens), tempi=(Tempo(0, tempi[row]),)), plans[row]):
                found[row] = tokens
        left = [row for row in left if found[row] is None]
    return found


def plan_of(request: ComposeRequest) -> Plan:
    """Return the plan of the first take of a request."""
    return planned(check_request(request), request, 1)[0]


def compose_files(
    request: ComposeRequest, progress: Progress = silent, listener: Listener | None = None
) -> ComposeResult:
    """Compose the takes of a request and write each to a file.

    With an output that ends in a known suffix and one take, that file is written; otherwise the output is
    a folder, made if it is missing, and files are named ``<style>-<seed>-<take>`` with the suffix of the format.
    Unless the request is bare, the record of its origin stands in each file, where the format has a place, and beside
    it as ``<file>.json``. Each is written as soon as it is composed, so that what comes after it cannot take it away.
    A folder that was named keeps them as a session, see :mod:`symgen.takes.session`.

    Raises
    ------
    UsageError, CheckpointError
        As :func:`compose`; also if the suffix of the output is another format's than the one asked for, or the
        format has no place for the layout.
    WriteError
        If a file cannot be written; nothing partial is left.
    """
    wish = check_request(request)
    judges: list[Judge] = []

    def takes() -> Iterator[Take]:
        checkpoint = checkpoint_of(request)
        check_style(wish.style.name, checkpoint)
        check_copy(request.max_copy, checkpoint)
        judges.append(load_judge(checkpoint, wish.style.name))  # a damaged one is told before anything is composed
        return _later(lambda: composed(wish, request, checkpoint, progress, listener))

    def order(written: Sequence[Take]) -> ComposeResult:
        return _ranked(written, judges[0])

    return deliver(
        request,
        "compose",
        takes,
        lambda take: f"{take.style}-{take.seed}-{take.take}",
        piece_of=lambda take, writer: _piece(take, wish, request, writer),
        order=order,
    )


def _later(begin: Callable[[], Iterator[Take]]) -> Iterator[Take]:
    """Yield takes whose composing begins when the first is asked for."""
    yield from begin()


class _Verb:
    """Makes pieces again from their record; a :class:`symgen.verbs.Verb`."""

    name: Final = "compose"
    request: Final = ComposeRequest

    def retake(self, request: ComposeRequest, take: int, progress: Progress = silent) -> Take:
        """Return a take of a request anew.

        Raises
        ------
        UsageError, CheckpointError
            As :func:`compose`.
        """
        (found,) = compose_numbered(replace(request, takes=max(take, request.takes)), [take], progress)
        return found

    def made(self, take: Take, request: ComposeRequest) -> Made:
        """Return what goes into the file of a take, and its origin.

        Raises
        ------
        UsageError, WriteError
            As :func:`compose_files`.
        """
        from symgen import writers

        return _piece(
            take, check_request(request), request, writers.choose_format(request.format, None, request.layout)
        )


VERB: Final = _Verb()


def _piece(take: Take, wish: Wish, request: ComposeRequest, writer: Format) -> Made:
    plain = plain_request(request, seed=wish.seed, tuning=_tuning_asked(take, wish, request), form=wish.form)
    return piece(take, "compose", plain, writer, request.layout)


def _tuning_asked(take: Take, wish: Wish, request: ComposeRequest) -> str | Tuning | None:
    """Return the tuning as a record keeps it: by name, or all of it where its name says nothing elsewhere."""
    assert take.promise is not None
    tuning = take.promise.tuning
    if not ships(wish.instrument, tuning):
        return tuning
    return None if request.tuning is None else tuning.name


def list_styles() -> tuple[Style, ...]:
    """Return the styles that can be composed in."""
    return tuple(STYLES.values())
