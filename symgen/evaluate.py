"""Use case: a checkpoint against a dataset, measured.

Bits per note on the validation pieces beside n-grams and an earlier checkpoint; the two-sample test; what
composed pieces have in common with the corpus; and what they copied.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symgen.compose import ComposeRequest, compose_takes
from symgen.copying import copy_report, fingerprints
from symgen.corpus.dataset import Dataset
from symgen.errors import CheckpointError, CorpusError, PlayabilityError, UsageError
from symgen.files import check_target, make_folder, write_text
from symgen.metrics.ngram import NGramConfig, fit_ngram
from symgen.metrics.report import as_html, as_markdown
from symgen.metrics.statistics import compare, overlap, pooled, summarise
from symgen.metrics.twosample import TwoSampleConfig, two_sample
from symgen.metrics.windows import Draw, Sizes, draw_continuations, draw_floor, draw_whole_pieces
from symgen.models.card import record_figures
from symgen.models.checkpoint import Checkpoint, load_checkpoint, write_json
from symgen.models.generator import Generator, GeneratorConfig
from symgen.models.likelihood import bits_per_note
from symgen.models.windows import Pieces
from symgen.progress import Progress, silent
from symgen.sampling import Sampling
from symgen.styles import get_style
from symgen.tokens import melody
from symgen.tokens.sequence import TokenSequence

NGRAMS = {
    "interpolated trigram": NGramConfig(order=3),
    "interpolated 5-gram with beat phase": NGramConfig(5, phase=True),
}
"""The tables of counts that a checkpoint stands beside; the second is the best found on guqin and on folk pieces."""

_MOST_PIECES = 400
"""Real pieces of a split that are looked at outside the likelihood; more would only cost time."""

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
    sizes: Sizes = field(default_factory=Sizes)
    classifier: TwoSampleConfig = field(default_factory=TwoSampleConfig)
    card: bool = False
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """What was measured; every field is plain data.

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
        How many pieces were asked for, made and failed, and why.
    statistics : dict
        See :func:`symgen.metrics.statistics.compare`, with the overlap that real unseen pieces have.
    copying : dict
        Longest runs shared with the training pieces, of composed and of unseen real pieces.
    files : tuple of Path
        What was written.
    """

    about: dict[str, Any]
    bits: dict[str, dict[str, float]]
    two_sample: dict[str, Any]
    composed: dict[str, Any]
    statistics: dict[str, Any]
    copying: dict[str, Any]
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
    bits = _bits(corpus, checkpoints, request.seed, progress)
    pieces, composed = _compose(request, progress)
    result = EvaluateResult(
        about={
            "checkpoint": str(request.checkpoint),
            "digests": {name: checkpoint.digest for name, checkpoint in checkpoints.items()},
            "dataset": str(request.against),
            "style": corpus.style,
            "seed": request.seed,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "pieces": {
                "training": len(corpus.own),
                "validation": len(corpus.validation),
                "unseen": len(corpus.unseen),
            },
        },
        bits=bits,
        two_sample=_two_sample(request, corpus, checkpoints, pieces, progress) if request.two_sample else {},
        composed=composed,
        statistics=_statistics(corpus, pieces, request.seed) if pieces else {},
        copying=_copying(corpus, pieces),
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
    for name, row in result.statistics.get("distributions", {}).items():
        figures[f"overlap of {name}, composed and real"] = f"{row['overlap']:.3f}"
    return figures


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


def _bits(
    corpus: _Corpus, checkpoints: Mapping[str, Checkpoint], seed: int, progress: Progress
) -> dict[str, dict[str, float]]:
    """Return bits per note on the validation pieces by model, and how many more than the checkpoint's."""
    notes = np.array([np.count_nonzero(piece.melody != melody.REST) for piece in corpus.validation], dtype=float)
    rates: dict[str, list[float]] = {}
    for name, checkpoint in checkpoints.items():
        progress(f"measuring the likelihood of {name}")
        model = _generator(checkpoint)
        rates[name] = [bits_per_note(model, Pieces([piece])) for piece in corpus.validation]
    for name, config in NGRAMS.items():
        progress(f"counting for the {name}")
        ngram = fit_ngram(corpus.training, corpus.style, config, seed)
        rates[name] = [ngram.bits_per_note([piece]) for piece in corpus.validation]
    first = np.array(rates["checkpoint"])
    return {name: _bits_row(np.array(rate), np.array(rate) - first, notes, seed) for name, rate in rates.items()}


def _bits_row(
    rates: NDArray[np.float64], more: NDArray[np.float64], notes: NDArray[np.float64], seed: int
) -> dict[str, float]:
    """Return bits a note and the difference, each with its 95 % interval, from those of each piece."""
    bits, low, high = pooled(np.stack([rates * notes, notes], axis=1), seed)
    difference, least, most = pooled(np.stack([more * notes, notes], axis=1), seed)
    names = ("bits", "low", "high", "more", "more_low", "more_high")
    return {n: round(v, 4) for n, v in zip(names, (bits, low, high, difference, least, most), strict=True)}


def _generator(checkpoint: Checkpoint) -> Generator:
    """Return the checkpoint's generator in torch."""
    try:
        model = Generator(GeneratorConfig(**checkpoint.config))
        model.load_state_dict({n: torch.from_numpy(np.float32(w)) for n, w in checkpoint.weights.items()})
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"the weights of {checkpoint.path} do not fit its sizes ({str(error).splitlines()[0]})",
            remedy="get the checkpoint again",
        ) from error
    return model


def _compose(request: EvaluateRequest, progress: Progress) -> tuple[Sequences, dict[str, Any]]:
    """Compose the pieces one by one, so that one that cannot be composed does not take the others with it."""
    made: Sequences = []
    failed: dict[str, int] = {}
    notes = 0
    started = time.monotonic()
    for number in range(request.pieces):
        progress(f"composing piece {number + 1} of {request.pieces}", number, request.pieces)
        wish = ComposeRequest(
            request.style,
            seed=request.seed * 10_000 + number,
            raw=True,
            checkpoint=request.checkpoint,
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
        )
        try:
            tokens = compose_takes(wish).takes[0].tokens
        except PlayabilityError as error:
            failed[error.found] = failed.get(error.found, 0) + 1
            continue
        made.append(tokens)
        notes += int(np.count_nonzero(tokens.melody != melody.REST))
    seconds = time.monotonic() - started
    facts = {"asked": request.pieces, "made": len(made), "notes": notes, "seconds": round(seconds, 1), "failed": failed}
    return made, facts


def _two_sample(
    request: EvaluateRequest,
    corpus: _Corpus,
    checkpoints: Mapping[str, Checkpoint],
    composed: Sequences,
    progress: Progress,
) -> dict[str, Any]:
    """Run the test on continuations of each checkpoint, on whole pieces, and on real music alone."""
    training, unseen = Pieces(corpus.own), Pieces(corpus.unseen)
    draws: dict[str, Draw] = {"real against real": draw_floor(training, unseen, request.sizes)}
    for name, checkpoint in checkpoints.items():
        draws[f"continuations, {name}"] = draw_continuations(
            checkpoint.runtime(),
            training,
            unseen,
            request.sizes,
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
        )
    if len(composed) >= _LEAST_COMPOSED:
        draws["composed pieces"] = draw_whole_pieces(training, unseen, Pieces(composed), request.sizes)
    found = {}
    for name, draw in draws.items():

        def tick(done: int, name: str = name) -> None:
            progress(f"two-sample test: {name}", done, request.classifier.seeds)

        found[name] = two_sample(draw, request.classifier, tick).as_json()
    return found


_LEAST_COMPOSED = 6
"""Composed pieces below which windows of them cannot be split by piece three times."""


def _statistics(corpus: _Corpus, composed: Sequences, seed: int) -> dict[str, Any]:
    """Compare composed pieces with all real ones, and for scale unseen real pieces with training pieces."""
    real, training, unseen = (
        summarise(pieces, seed) for pieces in ([*corpus.own, *corpus.unseen], corpus.own, corpus.unseen)
    )
    found = compare(real, summarise(composed, seed))
    for name, row in found["distributions"].items():
        row["overlap_of_unseen"] = round(overlap(training.distributions[name], unseen.distributions[name]), 4)
    return found


def _copying(corpus: _Corpus, composed: Sequences) -> dict[str, Any]:
    """Return median and longest of the runs that pieces share with the training pieces of the style."""
    known = fingerprints(corpus.training[corpus.style])
    found = {}
    for name, pieces in (("composed", composed), ("unseen", corpus.unseen)):
        reports = [report for piece in pieces if (report := copy_report(piece, known)) is not None]
        if reports:
            runs = [report.longest_run for report in reports]
            found[name] = {
                "median_longest_run": float(np.median(runs)),
                "longest_run": max(runs),
                "shared": round(float(np.mean([report.shared for report in reports])), 4),
            }
    return found


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
