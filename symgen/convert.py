"""Use case: files in, token dataset out.

Every input gets one line in ``report.jsonl``; a bad file never stops a run. What an earlier run with the
same settings already converted is taken over by digest. The dataset is the same for any number of jobs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from symgen import readers
from symgen.corpus.catalogue import UNDECLARED, Corpus, read_catalogue, split_titles
from symgen.corpus.dataset import Dataset, Entry, prepare_folder, vocabulary_digests, write_dataset
from symgen.corpus.inputs import digest_of, find_inputs
from symgen.errors import CorpusError, SymgenError, UsageError, one_line
from symgen.piece import Piece
from symgen.progress import Progress, silent
from symgen.resources import corpora_dir
from symgen.score import Score
from symgen.theory.degrees import parse_pitch_class
from symgen.theory.detect import detect_mode, mode_of
from symgen.tokens.codec import encode
from symgen.tokens.prefix import STYLES
from symgen.tokens.sequence import TokenSequence

_VERSION = 2
"""Raised when conversion itself changes, so that older results are not taken over."""

_MIN_NOTES = 4

_SAVE_SECONDS = 60.0
"""What is converted is written so often, for the next run to go on from if this one does not come to its end."""

NOTATION = frozenset(
    {
        "assumed-metre",
        "assumed-tempo",
        "free-metre-inside",
        "irregular-bar",
        "key-assumed",
        "pickup-bar",
        "repeat-expanded",
    }
)
"""Codes of `mended` that tell how notation was read, not that a file was damaged; they alone salvage nothing."""

Converted = list[tuple[Entry, TokenSequence]]


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What to convert.

    Parameters
    ----------
    inputs : sequence of Path
        Files and folders; folders are searched for files with a known suffix.
    output : Path
        Folder of the dataset.
    jobs : int
        Worker processes.
    style : str
        Style of files that no declared corpus owns.
    corpora : Path, optional
        Folder of corpus declarations; the shipped ones by default.
    """

    inputs: Sequence[Path]
    output: Path
    jobs: int = 1
    style: str = "unknown"
    corpora: Path | None = None


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What became of a conversion.

    Parameters
    ----------
    output : Path
        Folder of the dataset.
    files, pieces, notes, reused : int
        Inputs, pieces written, their notes, and inputs taken over from an earlier run.
    status : dict
        "ok", "salvaged", "failed" -> inputs.
    reasons : dict
        Reason of failure, without the name of the file -> inputs.
    splits : dict
        "train", "validation", "test" -> pieces.
    """

    output: Path
    files: int
    pieces: int
    notes: int
    reused: int
    status: dict[str, int]
    reasons: dict[str, int]
    splits: dict[str, int]

    @property
    def exit_code(self) -> int:
        """0 if every input was converted, 1 if some failed."""
        return 1 if self.status.get("failed") else 0

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "output": str(self.output),
            "report": str(self.output / "report.jsonl"),
            "files": self.files,
            "pieces": self.pieces,
            "notes": self.notes,
            "reused": self.reused,
            "status": self.status,
            "reasons": self.reasons,
            "splits": self.splits,
        }


@dataclass(frozen=True, slots=True)
class _Settings:
    """What the conversion of a file depends on besides its bytes; sent to every worker."""

    style: str
    catalogue: tuple[Corpus, ...]

    def corpus_of(self, path: str) -> Corpus:
        for corpus in self.catalogue:
            if corpus.owns(path):
                return corpus
        return replace(UNDECLARED, style=self.style)

    def digest(self) -> str:
        facts = [_VERSION, self.style, vocabulary_digests(), [repr(_sorted_corpus(c)) for c in self.catalogue]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _FileResult:
    line: dict[str, Any]
    pieces: Converted = field(default_factory=list)


def convert(request: ConvertRequest, progress: Progress = silent) -> ConvertResult:
    """Convert files and folders into a dataset.

    Parameters
    ----------
    request : ConvertRequest
        What to convert.
    progress : Progress
        Told of each file done.

    Returns
    -------
    ConvertResult
        Counts; details are in the dataset's ``report.jsonl``.

    Raises
    ------
    UsageError
        If an input does not exist, the style or number of jobs is no such thing, or the output folder holds
        something else.
    WriteError
        If the dataset cannot be written.
    """
    if request.style not in STYLES:
        raise UsageError(f"style {request.style!r}", expected=f"one of {', '.join(STYLES)}")
    if request.jobs < 1:
        raise UsageError(f"{request.jobs} jobs", expected="1 or more")
    settings = _Settings(request.style, read_catalogue(request.corpora or corpora_dir()))
    paths = find_inputs(request.inputs)
    prepare_folder(request.output)
    results = _earlier(request.output, paths, settings.digest())
    reused = sum(result is not None for result in results)
    fresh = _run([path for path, result in zip(paths, results, strict=True) if result is None], settings, request.jobs)
    saved = time.monotonic()
    try:
        for number, result in enumerate(results):
            results[number] = result or next(fresh)
            progress("converting", number + 1, len(paths))
            if time.monotonic() - saved > _SAVE_SECONDS:
                _save(request.output, results, settings)
                saved = time.monotonic()
    except KeyboardInterrupt:
        _save(request.output, results, settings)
        raise
    facts = _save(request.output, results, settings)
    done = [result for result in results if result is not None]
    return ConvertResult(
        output=request.output,
        files=len(paths),
        pieces=facts["pieces"],
        notes=facts["notes"],
        reused=reused,
        status=dict(Counter(result.line["status"] for result in done)),
        reasons=dict(Counter(_kind_of(result.line) for result in done if result.line["status"] == "failed")),
        splits=facts["splits"],
    )


def _save(output: Path, results: Iterable[_FileResult | None], settings: _Settings) -> dict[str, Any]:
    """Write what is converted so far, and return what ``dataset.json`` holds."""
    done = [result for result in results if result is not None]
    pieces = _with_splits([piece for result in done for piece in result.pieces], settings)
    return write_dataset(output, pieces, (result.line for result in done), settings.digest())


def _with_splits(pieces: Converted, settings: _Settings) -> Converted:
    """Return the pieces with the split that they have among all pieces of their corpus.

    A declared split names a piece by title or by file name; a share goes by title.
    """
    titles: dict[str, set[str]] = {}
    for entry, _ in pieces:
        titles.setdefault(entry.corpus, set()).add(entry.title)
    found = {}
    for entry, _ in pieces:
        if entry.corpus not in found:
            found[entry.corpus] = split_titles(settings.corpus_of(entry.path), titles[entry.corpus])
    placed = []
    for entry, sequence in pieces:
        split = found[entry.corpus][entry.title]
        if split == "train":
            split = _declared_split(settings.corpus_of(entry.path), Path(entry.path).stem)
        placed.append((replace(entry, split=split), sequence))
    return placed


def _declared_split(corpus: Corpus, stem: str) -> str:
    return corpus.split_of(stem) if corpus.validation is not None else "train"


def _run(paths: list[Path], settings: _Settings, jobs: int) -> Iterator[_FileResult]:
    """Convert files in order, in this process or in `jobs` others."""
    if jobs == 1 or len(paths) < 2:
        yield from (_convert_file(path, settings) for path in paths)
        return
    done, chunk = 0, max(1, min(32, len(paths) // (4 * jobs)))
    while done < len(paths):
        try:
            with ProcessPoolExecutor(jobs) as pool:
                todo = paths[done:]
                for result in pool.map(_convert_file, todo, [settings] * len(todo), chunksize=chunk):
                    done += 1
                    yield result
        except BrokenProcessPool:  # one of the files at work killed its process: it is found one by one
            for path in paths[done : done + 2 * jobs * chunk]:
                done += 1
                yield _convert_alone(path, settings)


def _convert_alone(path: Path, settings: _Settings) -> _FileResult:
    try:
        with ProcessPoolExecutor(1) as pool:
            return pool.submit(_convert_file, path, settings).result()
    except BrokenProcessPool:
        return _FileResult(_line(path, "failed", "the process that read it was killed"))


def _convert_file(path: Path, settings: _Settings) -> _FileResult:
    """Convert one file; whatever goes wrong becomes a line of the report."""
    if path.is_dir():
        return _FileResult(_line(path, "failed", "the folder cannot be listed"))
    corpus = settings.corpus_of(path.as_posix())
    try:
        pieces = readers.read_pieces(path, source=corpus.name, licence=corpus.licence)
        converted = [_convert_piece(piece, corpus) for piece in pieces if len(piece.score) >= _MIN_NOTES]
    except SymgenError as error:
        return _FileResult(_line(path, "failed", str(error)))
    except Exception as error:  # noqa: BLE001 - a defect of ours that one file shows must not stop the others
        return _FileResult(_line(path, "failed", one_line(f"internal error: {type(error).__name__}: {error}")))
    if not converted:
        found = sum(len(piece.score) for piece in pieces)
        return _FileResult(_line(path, "failed", f"too few notes: {found}; expected at least {_MIN_NOTES}"))
    entries = [entry for entry, _ in converted]
    short = len(pieces) - len(converted)
    lost: Counter[str] = Counter({"piece-too-short": short} if short else {})
    mended: Counter[str] = Counter()
    for entry in entries:
        lost.update(entry.lost)
        mended.update(entry.mended)
    first = entries[0]
    damage = sorted(set(mended) - NOTATION)
    line = _line(path, "salvaged" if damage else "ok", "; ".join(damage))
    line |= {
        "notes": sum(entry.notes for entry in entries),
        "lost": dict(lost),
        "mended": dict(mended),
        "gong": first.gong % 12,
        "mode": first.mode,
        "seconds": round(sum(entry.seconds for entry in entries), 3),
        "pieces": len(entries),
        "sha256": first.sha256,
    }
    return _FileResult(line, converted)


def _convert_piece(piece: Piece, corpus: Corpus) -> tuple[Entry, TokenSequence]:
    score = piece.score
    if corpus.metre == "unknown":
        score = replace(score, metres=())
    gong = _declared_gong(score, corpus)
    estimate = detect_mode(score) if gong is None else mode_of(score, gong)
    sequence = encode(score, style=corpus.style, gong=estimate.gong)
    provenance = piece.provenance
    title = score.title or Path(provenance.path).stem
    entry = Entry(
        path=provenance.path,
        sha256=provenance.sha256,
        part=provenance.index,
        corpus=corpus.name,
        licence=corpus.licence,
        title=title,
        style=corpus.style,
        split="train",  # found when all pieces of the corpus are known
        mode=sequence.prefix.mode,
        metre=sequence.prefix.metre,
        gong=sequence.gong,
        confidence=round(estimate.confidence, 4) if gong is None else 1.0,
        metres=[[m.tick, m.numerator, m.denominator] for m in sequence.metres],
        tempi=[[t.tick, t.qpm] for t in sequence.tempi],
        notes=len(score),
        seconds=round(score.seconds, 3),
        lost={name: count for name, count in sorted((Counter(piece.lost) + sequence.lost).items()) if count},
        mended={name: count for name, count in sorted(piece.mended.items()) if count},
    )
    return entry, sequence


def _declared_gong(score: Score, corpus: Corpus) -> int | None:
    """Return the pitch class of gong if the corpus or the file, where it is to be trusted, tells it."""
    if corpus.gong == "key":
        return score.keys[0].gong if score.keys else None
    return None if corpus.gong == "detect" else parse_pitch_class(corpus.gong)


def _line(path: Path, status: str, reason: str) -> dict[str, Any]:
    facts = {"notes": 0, "lost": {}, "mended": {}, "gong": None, "mode": None, "seconds": 0.0, "pieces": 0}
    return {"path": str(path), "status": status, "reason": reason, **facts}


def _kind_of(line: dict[str, Any]) -> str:
    """Return the reason of a line without the file that it begins with, so that like counts with like."""
    path = one_line(line["path"])
    reason: str = line["reason"]
    return reason.removeprefix(path).removeprefix(one_line(Path(line["path"]).name)).lstrip(" ,:")


def _sorted_corpus(corpus: Corpus) -> tuple[Any, ...]:
    """Return a corpus's fields with sets in order, so that its digest is the same in every process."""
    values: Callable[[Any], Any] = lambda v: sorted(v) if isinstance(v, frozenset) else v  # noqa: E731
    return tuple(values(getattr(corpus, name)) for name in corpus.__slots__)


def _earlier(output: Path, paths: Sequence[Path], settings: str) -> list[_FileResult | None]:
    """Return for each path what an earlier run with the same settings made of the same bytes, or None."""
    try:
        dataset = Dataset(output)
        if dataset.facts.get("settings") != settings:
            return [None] * len(paths)
        pieces: dict[str, Converted] = {}
        for number, entry in enumerate(dataset.entries):
            pieces.setdefault(entry.path, []).append((entry, dataset.sequence(number)))
        with (output / "report.jsonl").open(encoding="utf-8") as text:
            lines = {line["path"]: line for line in map(json.loads, text) if line["status"] != "failed"}
    except (CorpusError, OSError, ValueError, KeyError, TypeError):  # what is damaged is made again
        return [None] * len(paths)

    def take(path: Path) -> _FileResult | None:
        line = lines.get(str(path))
        known = pieces.get(str(path), [])
        if line is None or len(known) != line["pieces"] or line["sha256"] != digest_of(path):
            return None
        return _FileResult(line, known)

    return [take(path) for path in paths]
