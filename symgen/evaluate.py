"""Use case: a checkpoint against a dataset, measured.

Bits per note on the validation pieces beside n-grams and an earlier checkpoint; the two-sample test; what
composed pieces have in common with the corpus; and what they copied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from symgen.compose import ComposeRequest, compose_side_by_side, plan_of
from symgen.corpus.dataset import Dataset
from symgen.drafting.ensemble import compose_sequences
from symgen.errors import CorpusError, UsageError
from symgen.files import check_target, make_folder, settle_paths, write_text
from symgen.listening import load_ear
from symgen.metrics.copies import RUNS, copying
from symgen.metrics.grammar import forbidden_steps, masks_for
from symgen.metrics.likelihood import bits_table
from symgen.metrics.page import as_html
from symgen.metrics.playing import playing
from symgen.metrics.report import as_markdown
from symgen.metrics.statistics import compare, summarise
from symgen.metrics.twosample import FEW_PIECES, TwoSampleConfig, two_sample
from symgen.metrics.windows import Draw, Sizes, draw_continuations, draw_floor, draw_whole_pieces
from symgen.models.card import record_figures
from symgen.models.checkpoint import Checkpoint, load_checkpoint, write_json
from symgen.models.windows import Pieces
from symgen.progress import Progress, silent
from symgen.sampling import Sampling
from symgen.styles import get_style
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

_MOST_PIECES = 400
"""Real pieces of a split that are looked at outside the likelihood; more would only cost time."""

CARD_SHARES = (
    "4-grams of notes repeated within 32",
    "distinct 4-grams of notes in 64",
    "time on bian tones",
)
"""Shares that belong on a card."""

Sequences = list[TokenSequence]


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What to measure.

    Parameters
    ----------
    checkpoint : Path
        Folder of the checkpoint.
    against : Path
        Dataset with training, validation and test pieces of the style.
    style : str
        guqin, guzheng or folk.
    pieces : int
        How many pieces to compose, 2 to 1000.
    seed : int
        Of the composed pieces and the intervals, at least 0.
    two_sample : bool
        Whether to run the two-sample test, by far the longest part.
    before : Path, optional
        An earlier checkpoint, as the one before the adversarial stage, for comparison.
    sampling : Sampling
        Temperature and top-p of composed pieces and continuations.
    versions : int, optional
        Versions of a piece that compete, as in :class:`symgen.planning.ComposeRequest`.
    sizes : Sizes
        Windows of the two-sample test.
    classifier : TwoSampleConfig
        Its classifier.
    card : bool
        Whether the main figures are added to the checkpoint's own facts and card.
    output : Path, optional
        A file ending in .json, with the HTML report beside it, or a folder for ``evaluation.json`` and
        ``evaluation.html``.
    """

    checkpoint: Path
    against: Path
    style: str = "guqin"
    pieces: int = 50
    seed: int = 0
    two_sample: bool = True
    before: Path | None = None
    sampling: Sampling = field(default_factory=Sampling)
    versions: int | None = None
    sizes: Sizes = field(default_factory=Sizes)
    classifier: TwoSampleConfig = field(default_factory=TwoSampleConfig)
    card: bool = False
    output: Path | None = None

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """What was measured; every field is plain data.

    Columns are ``held-out`` (real pieces that no training saw), ``grammar`` (composed as a user gets it), ``alone``
    (without the adversary that hears it, where the checkpoint has one) and ``free`` (without the masks of the
    grammar); ``training`` is what they are compared with.

    Parameters
    ----------
    about : dict
        Checkpoint, dataset, style, seed, sampling, and how long it took.
    bits : dict
        Model -> ``bits`` per note on the validation pieces, and ``more``, the bits that it needs more than the
        checkpoint on the same pieces; each with the ends of its 95 % interval from resampling pieces.
    two_sample : dict
        Comparison -> accuracy with its interval, see :class:`symgen.metrics.twosample.TwoSampleResult`.
    composed : dict
        Column -> how many pieces were asked for and made, how many notes, and seconds.
    statistics : dict
        See :func:`symgen.metrics.statistics.compare`.
    copying : dict
        Column -> run length -> ``rate``, the share of runs of so many notes that stand in the training pieces of any
        style, with its interval, and ``pieces``, the share of pieces with such a run; and the longest runs.
    playing : dict
        Column -> share of notes with a place on the instrument, with its interval.
    forbidden : dict
        Token family -> share of the steps of held-out pieces that the grammar would have struck out.
    files : tuple of Path
        What was written.
    """

    about: dict[str, Any]
    bits: dict[str, dict[str, float]]
    two_sample: dict[str, Any]
    composed: dict[str, Any]
    statistics: dict[str, Any]
    copying: dict[str, Any]
    playing: dict[str, Any] = field(default_factory=dict)
    forbidden: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {**asdict(self), "files": [str(path) for path in self.files]}

    def as_markdown(self) -> str:
        """Return the tables as Markdown."""
        return as_markdown(self.as_json())

    def as_html(self) -> str:
        """Return a page of its own with tables and charts."""
        return as_html(self.as_json())


@dataclass(frozen=True, slots=True)
class _Corpus:
    """The pieces of a dataset by use: of all styles for counting, of one for everything else."""

    training: Mapping[str, Sequences]
    style: str
    validation: Sequences
    unseen: Sequences

    @property
    def own(self) -> Sequences:
        """Training pieces of the style that are looked at."""
        return self.training[self.style][:_MOST_PIECES]


def evaluate(request: EvaluateRequest, progress: Progress = silent) -> EvaluateResult:
    """Measure a checkpoint.

    Raises
    ------
    UsageError
        If the request cannot be met.
    CheckpointError, CorpusError
        If checkpoint or dataset is missing or damaged, or the dataset lacks pieces of the style.
    WriteError
        If the output cannot be written.
    """
    started = time.monotonic()
    if not 2 <= request.pieces <= 1000:
        raise UsageError(f"pieces {request.pieces}", expected="2 to 1000")
    if request.seed < 0:
        raise UsageError(f"seed {request.seed}", expected="0 or more")
    checkpoints = {"checkpoint": load_checkpoint(request.checkpoint)}
    if request.before is not None:
        checkpoints["before"] = load_checkpoint(request.before)
    progress("reading the dataset")
    corpus = _corpus(request)
    files = _output_files(request.output)
    bits = bits_table(corpus.validation, corpus.training, corpus.style, checkpoints, request.seed, progress)
    ear = load_ear(checkpoints["checkpoint"], corpus.style, request.versions)
    composed, facts = _compose(request, checkpoints["checkpoint"], progress)
    columns: dict[str, Sequences] = {"held-out": corpus.unseen, **composed}
    tested = _two_sample(request, corpus, checkpoints, composed, progress) if request.two_sample else {}
    progress("counting statistics, copies and places on the instrument")
    result = EvaluateResult(
        about={
            "checkpoint": str(request.checkpoint),
            "digests": {name: checkpoint.digest for name, checkpoint in checkpoints.items()},
            "dataset": str(request.against),
            "style": corpus.style,
            "seed": request.seed,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "versions": 1 if ear is None else ear.versions,
            "pieces": {
                "training": len(corpus.own),
                "validation": len(corpus.validation),
                "unseen": len(corpus.unseen),
            },
        },
        bits=bits,
        two_sample=tested,
        composed=facts,
        statistics=compare(
            summarise(corpus.own, request.seed),
            {name: summarise(some, request.seed) for name, some in columns.items()},
        ),
        copying=copying(chain.from_iterable(corpus.training.values()), columns, request.seed),
        playing=playing(corpus.style, columns, request.seed),
        forbidden=forbidden_steps(corpus.unseen, corpus.style),
        files=files,
    )
    result.about["seconds"] = round(time.monotonic() - started, 1)
    _write(result)
    if request.card:
        record_figures(checkpoints["checkpoint"], {f"measured_{corpus.style}": _main_figures(result)})
    return result


def _main_figures(result: EvaluateResult) -> dict[str, str]:
    """Return the figures that belong on a card, in words."""
    figures = {
        f"bits a note, {name}": f"{row['bits']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        for name, row in result.bits.items()
    }
    for name, row in result.two_sample.items():
        figures[f"two-sample accuracy, {name}"] = f"{row['accuracy']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    for name, row in result.statistics["distributions"].items():
        figures[f"overlap of {name} with training pieces"] = _sides(row, lambda cell: f"{cell['overlap']:.3f}")
    for name in CARD_SHARES:
        if name in result.statistics["shares"]:
            row = result.statistics["shares"][name]
            figures[name] = _sides(row, lambda cell: f"{cell[0]:.3f} ({cell[1]:.3f} to {cell[2]:.3f})")
    for length in map(str, RUNS):
        row = {column: rates[length] for column, rates in result.copying.items()}
        figures[f"{length}-note runs copied"] = _sides(row, lambda cell: f"{cell['rate'][0]:.4f}")
    if result.playing:
        figures["notes with a place on the instrument"] = _sides(result.playing, lambda cell: f"{cell[0]:.3f}")
    return figures


def _sides(row: Mapping[str, Any], words: Callable[[Any], str]) -> str:
    """Return the cells of a row in words, the held-out real music beside what was composed."""
    names = {
        "held-out": "real, held out",
        "grammar": "composed",
        "alone": "without the adversary",
        "free": "without the grammar",
    }
    return "; ".join(f"{label} {words(row[column])}" for column, label in names.items() if column in row)


def _corpus(request: EvaluateRequest) -> _Corpus:
    style = get_style(request.style).name
    dataset = Dataset(request.against)
    training: dict[str, Sequences] = {}
    for entry in dataset.styles():
        training[entry] = [s for s in dataset.sequences(split="train", style=entry) if len(s)]
    held = {
        split: [s for s in dataset.sequences(split=split, style=style) if len(s)] for split in ("validation", "test")
    }
    for split, found in (("training", training.get(style, [])), ("validation", held["validation"])):
        if len(found) < 2:
            raise CorpusError(
                f"{request.against} has {len(found)} {split} pieces of style {style}",
                expected="at least 2",
                remedy="convert more pieces of that style, or name another with --style",
            )
    unseen = [*held["validation"], *held["test"]][:_MOST_PIECES]
    return _Corpus(training, style, held["validation"], unseen)


def _compose(
    request: EvaluateRequest, checkpoint: Checkpoint, progress: Progress
) -> tuple[dict[str, Sequences], dict[str, Any]]:
    """Compose the pieces side by side until every promise is kept; and without the adversary, and without the masks."""
    wishes = [
        ComposeRequest(
            request.style,
            seed=request.seed * 10_000 + number,
            raw=True,
            checkpoint=request.checkpoint,
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            versions=request.versions,
        )
        for number in range(request.pieces)
    ]
    ear = load_ear(checkpoint, get_style(request.style).name, request.versions)
    seeds = [(request.seed, number) for number in range(request.pieces)]
    plans = [plan_of(wish) for wish in wishes]

    def users() -> Sequences:
        return _side_by_side(wishes, progress)

    def alone() -> Sequences:
        return _side_by_side([replace(wish, versions=1) for wish in wishes], progress)

    def free() -> Sequences:
        progress("composing without the grammar")
        runtime, how, found = checkpoint.runtime(), request.sampling, Sequences()
        for begin in range(0, len(plans), _AT_ONCE):
            some = slice(begin, begin + _AT_ONCE)
            found += compose_sequences(runtime, plans[some], seeds[some], how, masks=False, ear=ear)
        return found

    ways = {"grammar": users, "alone": alone, "free": free}
    pieces: dict[str, Sequences] = {}
    facts: dict[str, Any] = {}
    for name, way in ways.items():
        if name == "alone" and ear is None:
            continue
        started = time.monotonic()
        pieces[name] = way()
        facts[name] = {
            "asked": request.pieces,
            "made": len(pieces[name]),
            "notes": sum(int(np.count_nonzero(piece.melody != melody.REST)) for piece in pieces[name]),
            "seconds": round(time.monotonic() - started, 1),
        }
    return pieces, facts


def _side_by_side(wishes: Sequence[ComposeRequest], progress: Progress) -> Sequences:
    found: Sequences = []
    for begin in range(0, len(wishes), _AT_ONCE):
        some = compose_side_by_side(wishes[begin : begin + _AT_ONCE], progress)
        found += [tokens for tokens in some if tokens is not None]
    return found


def _two_sample(
    request: EvaluateRequest,
    corpus: _Corpus,
    checkpoints: Mapping[str, Checkpoint],
    composed: Mapping[str, Sequences],
    progress: Progress,
) -> dict[str, Any]:
    """Run the test on continuations of each checkpoint, on whole pieces, and on real music alone."""
    training, unseen, sizes = Pieces(corpus.own), Pieces(corpus.unseen), request.sizes
    draw_of = partial(draw_continuations, temperature=request.sampling.temperature, top_p=request.sampling.top_p)
    few = len(corpus.unseen) < FEW_PIECES
    draws: dict[str, Draw] = {"real against real": draw_floor(training, unseen, sizes, by_passage=few)}
    for name, checkpoint in checkpoints.items():
        draws[f"continuations, {name}"] = draw_of(checkpoint.runtime(), training, unseen, sizes)
    masks = masks_for(corpus.own), masks_for(corpus.unseen)
    own = checkpoints["checkpoint"].runtime()
    ear = load_ear(checkpoints["checkpoint"], corpus.style, request.versions)
    if ear is not None:
        draws["continuations that the adversary hears"] = draw_of(own, training, unseen, sizes, ear=ear)
    draws["continuations under the grammar"] = draw_of(own, training, unseen, sizes, masks=masks)
    for name, label in _WHOLE.items():
        pieces = [piece for piece in composed.get(name, ()) if len(piece) >= sizes.window + sizes.seen]
        if len(pieces) >= _LEAST_COMPOSED:
            draws[label] = draw_whole_pieces(training, unseen, Pieces(pieces), sizes)
    found = {}
    for name, draw in draws.items():

        def tick(done: int, name: str = name) -> None:
            progress(f"two-sample test: {name}", done, request.classifier.seeds)

        found[name] = two_sample(draw, request.classifier, tick).as_json()
    return found


_WHOLE = {
    "grammar": "composed pieces",
    "alone": "composed pieces, no adversary",
    "free": "composed pieces, no grammar",
}
"""Columns of composed pieces, and what the two-sample test calls them."""
_AT_ONCE = 32
_LEAST_COMPOSED = 6
"""Composed pieces below which windows of them cannot be split by piece three times."""


def _output_files(output: Path | None) -> tuple[Path, ...]:
    """Return where JSON and HTML go, the folder made if need be, before anything is measured."""
    if output is None:
        return ()
    if output.suffix.lower() == ".json":
        files = output, output.with_suffix(".html")
    else:
        make_folder(output)
        files = output / "evaluation.json", output / "evaluation.html"
    for file in files:
        check_target(file)
    return files


def _write(result: EvaluateResult) -> None:
    if result.files:
        write_json(result.files[0], result.as_json())
        write_text(result.files[1], result.as_html())
