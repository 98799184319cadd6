"""Use case: files in, token dataset out.

Every input gets one line in ``report.jsonl``; a bad file never stops a run and takes no more than its caps. What
is done is kept from batch to batch, so a run that was killed goes on where it was. The dataset is the same to the
byte for any number of jobs, on one machine or many, and however often the run was interrupted.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from symgen.corpus.catalogue import read_catalogue
from symgen.corpus.cleaning import SHIPPED, read_rules
from symgen.corpus.dataset import Dataset, Entry
from symgen.corpus.families import FamilyFinder
from symgen.corpus.inputs import PassedOver, check_inputs, find_inputs, is_recording
from symgen.corpus.pieces import Item, Settings, failed_line, report_line, take_over
from symgen.corpus.splits import SplitPlanner
from symgen.corpus.store import FileResult, Store
from symgen.corpus.summary import Summary
from symgen.corpus.writer import DatasetWriter, is_whole, prepare_folder
from symgen.engine import check_engine, ordered_map
from symgen.errors import ClusterError, CorpusError, UsageError, one_line
from symgen.files import settle_paths
from symgen.isolation import Caps, Failure, run_isolated
from symgen.native import is_available
from symgen.progress import Progress, silent
from symgen.resources import corpora_dir, version
from symgen.tokens.prefix import STYLES
from symgen.transcribe import hearing

CAPS = Caps(seconds=10.0, memory_bytes=2**30)
"""What the reading of one file may take; that of a recording: :data:`symgen.transcribe.hearing.CAPS`."""

_BATCH_WEIGHT = 128
_BATCH_BYTES = 4 * 2**20
_WEIGHTS = {".xml": 16, ".musicxml": 16, ".mxl": 16, ".abc": 4, ".krn": 2}
"""About how many MIDI files take as long as one such file: a batch is to be a second of work at most."""

_FEW = 64
"""For fewer inputs than this, loading the compiled kernels takes longer than doing without."""


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What to convert.

    Parameters
    ----------
    inputs : sequence of Path
        Files, folders and patterns; of folders, the files that are music.
    output : Path
        Folder of the dataset.
    jobs : int, optional
        Files at work at the same time: 1 by default, on a cluster as many as its workers take.
    style : str
        Style of files that no declared corpus owns.
    corpora : Path, optional
        Folder of corpus declarations; the shipped ones by default.
    cleaning : Path, optional
        Rules of cleaning; the shipped ones by default.
    engine, scheduler : str, str or None
        "local", or "dask" with the address of its scheduler.
    caps : Caps
        What the reading of one score may take; recordings have caps of their own.
    """

    inputs: Sequence[Path]
    output: Path
    jobs: int | None = None
    style: str = "unknown"
    corpora: Path | None = None
    cleaning: Path | None = None
    engine: str = "local"
    scheduler: str | None = None
    caps: Caps = CAPS

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What became of a conversion.

    Parameters
    ----------
    output : Path
        Folder of the dataset.
    reused : int
        Inputs that an earlier run had converted already.
    summary : dict
        What ``summary.json`` holds, see :class:`symgen.corpus.summary.Summary`.
    """

    output: Path
    reused: int
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """Number of inputs."""
        return int(self.summary["inputs"])

    @property
    def pieces(self) -> int:
        """Number of pieces in the dataset."""
        return int(self.summary["pieces"])

    @property
    def notes(self) -> int:
        """Number of their notes."""
        return int(self.summary["notes"])

    @property
    def status(self) -> dict[str, int]:
        """Status, "ok", "salvaged" or "failed" -> inputs."""
        found: dict[str, int] = self.summary["status"]
        return found

    @property
    def reasons(self) -> dict[str, int]:
        """Reason code of failure -> inputs."""
        found: dict[str, int] = self.summary["failed"]
        return found

    @property
    def exit_code(self) -> int:
        """0 if every input was converted, 1 if some failed."""
        return 1 if self.status.get("failed") else 0

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        facts = {"output": str(self.output), "report": str(self.output / "report.jsonl"), "files": self.files}
        return facts | {"reused": self.reused} | {k: v for k, v in self.summary.items() if k != "inputs"}


def convert(request: ConvertRequest, progress: Progress = silent) -> ConvertResult:
    """Convert files and folders into a dataset.

    Parameters
    ----------
    request : ConvertRequest
        What to convert.
    progress : Progress
        Told of the files done.

    Returns
    -------
    ConvertResult
        Sums; details are in the dataset's ``report.jsonl``.

    Raises
    ------
    UsageError
        If an input does not exist or holds no score, the style or number of jobs is no such thing, or the output folder
        holds something else or another run is at work in it.
    CorpusError
        If a declaration or a rule of cleaning is not well formed.
    WriteError
        If the dataset cannot be written. What is done is kept for the next run.
    ClusterError
        If the cluster cannot be used.
    """
    settings = _settings(request)
    check_inputs(request.inputs)
    if next(find_inputs(request.inputs), None) is None:
        where = ", ".join(map(str, request.inputs))
        raise UsageError(f"no score in {where}", expected="files or folders of scores", remedy="check the path")
    prepare_folder(request.output)
    digest = settings.digest(version())
    with closing(Store(request.output, digest)) as store:
        progress("looking for scores")
        passed = PassedOver()
        total = store.list_inputs(find_inputs(request.inputs, passed))
        _remember(store, request.output, digest)
        reused = _convert_all(store, settings, request, total, progress)
        summary = _write(store, settings, request.output, digest, passed, progress)
        store.close(remove=True)
    return ConvertResult(request.output, reused, summary)


def _settings(request: ConvertRequest) -> Settings:
    if request.style not in STYLES:
        raise UsageError(f"style {request.style!r}", expected=f"one of {', '.join(STYLES)}")
    check_engine(request.jobs, request.engine, request.scheduler)
    if not request.caps.seconds > 0:
        raise UsageError(f"a cap of {request.caps.seconds:g} s", expected="more than 0 s")
    corpora = request.corpora or corpora_dir()
    try:
        catalogue = read_catalogue(corpora)
        rules = read_rules(request.cleaning or SHIPPED)
    except CorpusError as error:
        raise UsageError(error.found, expected=error.expected, remedy=error.remedy) from error
    if request.corpora and not catalogue:
        raise UsageError(f"no declaration of a corpus in {corpora}", expected="a folder with .toml files")
    return Settings(request.style, catalogue, rules)


def _remember(store: Store, output: Path, digest: str) -> None:
    """Take over what a finished dataset of the same settings holds; one that is damaged in any byte is made again."""
    if store.has_results():
        return
    with suppress(CorpusError):
        dataset = Dataset(output)
        if dataset.facts.get("settings") == digest and is_whole(dataset):
            store.put(take_over(dataset))


def _convert_all(store: Store, settings: Settings, request: ConvertRequest, total: int, progress: Progress) -> int:
    """Convert what is missing, batch by batch, and return for how many inputs nothing had to be done."""
    settings = Settings(settings.style, settings.catalogue, settings.rules, is_available() and total >= _FEW)
    function = partial(
        convert_batch, settings=settings, caps=request.caps, warm=settings.kernels and store.missing() > 0
    )
    done = reused = 0
    drawn: deque[list[Item]] = deque()  # by the engine, whose results have not come yet
    work = ordered_map(
        function,
        _noted(_batches(store, absolute=request.engine != "local"), drawn),
        jobs=request.jobs,
        engine=request.engine,
        scheduler=request.scheduler,
    )
    with closing(cast(Generator[Any, None, None], work)):
        for results in work:
            batch = drawn.popleft()
            if isinstance(results, ClusterError):  # the workers died on this batch again and again
                results = [(path, FileResult(failed_line(path, results))) for path, _, _ in batch]
            fresh = [(Path(path), result) for path, result in results if result is not None]
            if request.engine != "local":
                _check_sight(fresh)
            store.put(fresh)
            done += len(results)
            reused += len(results) - len(fresh)
            progress("converting", done, total)
    return reused


def _check_sight(results: Iterable[tuple[Path, FileResult]]) -> None:
    """Make sure that the workers of a cluster see the files that are seen from here."""
    for path, result in results:
        if result.line["code"] == "missing-file" and path.exists():
            raise ClusterError(
                f"the workers of the cluster do not see {path}",
                expected="a file system that they share",
                remedy="put the scores where all machines find them under the same path",
            )


def _noted(batches: Iterable[list[Item]], drawn: deque[list[Item]]) -> Iterator[list[Item]]:
    for batch in batches:
        drawn.append(batch)
        yield batch


def _batches(store: Store, *, absolute: bool) -> Iterator[list[Item]]:
    """Yield the inputs in order, so many at a time as are about a second of work."""
    batch: list[Item] = []
    weight = size = 0
    for path, known in store.todo():
        # A worker elsewhere stands in another folder.
        item = (str(path), os.path.abspath(path) if absolute else str(path), known)  # noqa: PTH100
        if is_recording(path):  # of other caps, and long work by itself
            yield [item]
            continue
        batch.append(item)
        weight += _WEIGHTS.get(path.suffix.lower(), 1)
        with suppress(OSError, ValueError):
            size += os.stat(path).st_size  # noqa: PTH116 - called for every file
        if weight >= _BATCH_WEIGHT or size >= _BATCH_BYTES:
            yield batch
            batch, weight, size = [], 0, 0
    if batch:
        yield batch


def convert_batch(
    items: list[Item], settings: Settings, *, caps: Caps = CAPS, warm: bool = False
) -> list[tuple[str, FileResult | None]]:
    """Convert files in a child process under caps, wherever this is called.

    Parameters
    ----------
    items : list of Item
        What to convert.
    settings : Settings
        How.
    caps : Caps
        What one score may take.
    warm : bool
        Whether a new child loads the compiled kernels before the caps count.

    Returns
    -------
    list of (str, FileResult or None)
        Path and result of each item in order; None where it had been converted before and has not changed.
    """
    results: list[FileResult | None] = [None] * len(items)
    warm_up = "symgen.corpus.pieces:warm_up" if warm else ""
    if any(is_recording(Path(place)) for _, place, _ in items):
        warm_up, caps = "symgen.corpus.pieces:warm_up_to_hear", hearing.CAPS
    for index, result in run_isolated("symgen.corpus.pieces:convert_items", items, settings, caps, warm_up=warm_up):
        if isinstance(result, Failure):
            name = one_line(Path(items[index][0]).name)
            advice = "; raise it with --cap-seconds" if result.code == "cap-time" else ""
            line = report_line(items[index][0], "failed", f"{name} {result.detail}{advice}", result.code)
            result = FileResult(line)
        results[index] = result
    return [(item[0], result) for item, result in zip(items, results, strict=True)]


def _write(
    store: Store, settings: Settings, output: Path, digest: str, passed: PassedOver, progress: Progress
) -> dict[str, Any]:
    """Write the dataset from the store, and return its summary."""
    planner = SplitPlanner(settings.corpus_of)
    progress("looking for near-duplicates")
    with FamilyFinder(output) as finder:
        for number, piece in enumerate(store.pieces()):
            planner.add(piece.entry)
            finder.add(number, piece.hashes)
        families, near = finder.families(), _nearest(finder)
    splits = planner.plan(families)
    progress("writing the dataset")
    summary = Summary(passed.counts, passed.names)
    made = {"symgen": version(), "style": settings.style, "cleaning": asdict(settings.rules)}
    with DatasetWriter(output, digest, made) as writer:
        for number, piece in enumerate(store.pieces()):
            place: dict[str, Any] = {"split": splits[number], "family": int(families[number]), "near": near.get(number)}
            entry = Entry(**piece.entry, **place)
            writer.add(entry, piece.tokens)
            summary.add_piece(number, entry)
        for line in store.lines():
            writer.report(line)
            summary.add_input(line)
        writer.summarise(summary.as_json())
    return summary.as_json()


def _nearest(finder: FamilyFinder) -> dict[int, list[float]]:
    """Return for each piece that has near-duplicates before it the nearest of them, and how near it is."""
    links = finder.links()
    order = np.lexsort((links["piece"], -links["containment"], links["other"]))
    found: dict[int, list[float]] = {}
    for link in links[order]:
        later, earlier = int(max(link["piece"], link["other"])), int(min(link["piece"], link["other"]))
        if later not in found:
            found[later] = [earlier, round(float(link["containment"]), 3)]
    return found
