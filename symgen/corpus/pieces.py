"""One file to pieces of a dataset: what a worker does with the inputs that it is given.

Whatever goes wrong with a file becomes its line of the report. MIDI files that are sound go through compiled
kernels together (:mod:`symgen.bulk`), everything else file by file; the result is the same.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from symgen import bulk, readers
from symgen.corpus.bars import bar_lines, recover_metres
from symgen.corpus.catalogue import UNDECLARED, Corpus
from symgen.corpus.cleaning import CleaningRules
from symgen.corpus.dataset import Dataset, Entry, vocabulary_digests
from symgen.corpus.fingerprints import fingerprint
from symgen.corpus.measures import measure
from symgen.corpus.store import FileResult, StoredPiece
from symgen.errors import CorpusError, ReadError, SymgenError, one_line
from symgen.piece import Piece, Provenance
from symgen.score import Score, Technique
from symgen.theory.degrees import parse_pitch_class
from symgen.theory.detect import ModeEstimate, detect_mode, mode_of
from symgen.tokens import melody
from symgen.tokens.codec import encode
from symgen.tokens.sequence import TokenSequence
from symgen.transcribe import hearing

VERSION: Final = 4
"""Raised when conversion itself changes, so that older results are not taken over."""

RETRIED: Final = frozenset(
    {
        "missing-file",
        "unreadable-file",
        "unlisted-folder",
        "cap-time",
        "cap-memory",
        "process-killed",
        "needs-transcriber",
    }
)
"""Reasons that lie in the machine rather than in the file: another run tries again."""

MOST_TITLE: Final = 1_000
"""Characters of a title that are kept."""

MOST_CHANGES: Final = 100_000
"""Changes of metre and tempo in a piece: they stand in one line of the index."""

APART: Final = frozenset({"kern"})
"""Formats whose voices are pieces of their own, whatever the corpus says: in kern a spine is a tune."""

FEWEST_NOTES_APART: Final = 8
"""A voice with fewer notes is a division of another one rather than a tune."""

Item = tuple[str, str, str]
"""An input's path as given, where a worker finds it, and the digest of the bytes that have a result already, or ""."""

Working = Callable[[Sequence[int]], None]


_UNLISTED = ReadError("the folder cannot be listed", remedy="check its permissions", code="unlisted-folder")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the conversion of a file depends on besides its bytes; sent to every worker.

    Parameters
    ----------
    style : str
        Style of files that no declared corpus owns.
    catalogue : tuple of Corpus
        Declared corpora; the first that owns a file has it.
    rules : CleaningRules
        What is flagged, and what is dropped.
    kernels : bool
        Whether to use compiled kernels; the result is the same.
    """

    style: str
    catalogue: tuple[Corpus, ...]
    rules: CleaningRules
    kernels: bool = False

    def corpus_of(self, path: str) -> Corpus:
        """Return the corpus that owns a file."""
        for corpus in self.catalogue:
            if corpus.owns(path):
                return corpus
        return replace(UNDECLARED, style=self.style)

    def digest(self, version: str) -> str:
        """Return the digest of everything that a result depends on, the version of symgen with it."""
        corpora = [repr(_sorted_fields(corpus)) for corpus in self.catalogue]
        facts = [VERSION, version, self.style, vocabulary_digests(), corpora, self.rules.digest]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def convert_items(
    items: Sequence[Item], settings: Settings, working: Working
) -> Iterator[tuple[int, FileResult | None]]:
    """Convert files, the worker's side of a conversion (see :func:`symgen.isolation.run_isolated`).

    Yields
    ------
    tuple of int and FileResult or None
        Index of the item and its result; None if the file is as it was when it was converted before.
    """
    working(range(len(items)))
    midi: list[_File] = []
    others: list[_File] = []
    for index, (path, place, known) in enumerate(items):
        try:
            content, digest = readers.load(Path(place), path)
        except SymgenError as error:
            closed = Path(place).is_dir()  # a folder stands for itself only where it could not be listed
            yield index, FileResult(failed_line(path, _UNLISTED if closed else error))
            continue
        if digest == known:
            yield index, None
            continue
        file = _File(index, path, content, digest, settings.corpus_of(Path(path).as_posix()))
        (midi if settings.kernels and file.is_simple_midi else others).append(file)
    if midi:
        working([file.index for file in midi])
        for file, result in _convert_together(midi, settings):
            if result is None:
                others.append(file)
            else:
                yield file.index, result
    for file in others:
        working([file.index])
        yield file.index, _convert_alone(file, settings)


def warm_up() -> None:
    """Load what the conversion of most files needs, so that the first file does not pay for it."""
    readers.formats()
    if bulk.is_available():
        bulk.warm_up()


def warm_up_to_hear() -> None:
    """Load what recordings need, as far as it is installed, before any memory is counted."""
    warm_up()
    hearing.warm_up()


def report_line(path: str, status: str, reason: str, code: str = "") -> dict[str, Any]:
    """Return a line of the report with nothing in it."""
    facts: dict[str, Any] = {"notes": 0, "pieces": 0, "lost": {}, "mended": {}, "flags": {}, "techniques": {}}
    facts |= {"gong": None, "mode": None, "seconds": 0.0, "sha256": "", "format": "", "corpus": ""}
    return {"path": path, "status": status, "code": code, "reason": reason, **facts}


def failed_line(path: str, error: Exception) -> dict[str, Any]:
    """Return the report line of a file that an error ended."""
    if isinstance(error, SymgenError):
        return report_line(path, "failed", str(error), getattr(error, "code", "internal-error"))
    return report_line(path, "failed", one_line(f"internal error: {type(error).__name__}: {error}"), "internal-error")


@dataclass(frozen=True, slots=True)
class _File:
    """A file at work."""

    index: int
    path: str
    content: bytes | Path
    sha256: str
    corpus: Corpus

    @property
    def is_simple_midi(self) -> bool:
        """Whether the kernels may try: the corpus asks for nothing that needs the file as a whole."""
        simple = self.corpus.gong != "key" and self.corpus.parts == "together"
        data = self.content if isinstance(self.content, bytes) else b""
        return simple and data.startswith(b"MThd") and len(data) <= bulk.MAX_BATCH_BYTES

    def provenance(self, reader: str, part: int) -> Provenance:
        return Provenance(self.path, self.sha256, reader, part, self.corpus.name, self.corpus.licence)


def _convert_together(files: Sequence[_File], settings: Settings) -> Iterator[tuple[_File, FileResult | None]]:
    """Yield the result of each MIDI file, None for one that has to go alone."""
    batch = bulk.read_batch([file.content for file in files if isinstance(file.content, bytes)])
    scores: dict[int, tuple[Any, Score]] = {}
    ends = batch.ends.copy()
    for number in np.flatnonzero(batch.sound).tolist():
        file = files[number]
        scores[number] = _as_declared(batch.score(number, Path(file.path).name), file.corpus)
        ends[number] = scores[number][1].end
    encoded = bulk.encode_batch(batch, [_fixed_gong(file.corpus) for file in files], ends)
    for number, file in enumerate(files):
        if not batch.sound[number]:
            yield file, None
            continue
        lines, score = scores[number]
        sequence = encoded.sequence(number, score, file.corpus.style)
        piece = Piece(score, file.provenance("midi", 0), batch.lost(number), batch.mended(number))
        fixed = _fixed_gong(file.corpus) is not None
        confidence = 1.0 if fixed else float(encoded.confidence[number])
        try:
            made = _make_piece(piece, sequence, confidence, lines, file.corpus, settings)
        except ReadError:
            yield file, None  # said in full where it goes alone
        else:
            yield file, _result_of(file, [made])


def _convert_alone(file: _File, settings: Settings) -> FileResult:
    try:
        pieces = readers.pieces_in(
            file.content, file.path, digest=file.sha256, source=file.corpus.name, licence=file.corpus.licence
        )
        made = [_convert_piece(piece, file.corpus, settings) for piece in _parts(pieces, file.corpus)]
    except MemoryError:
        raise
    except ReadError as error:
        if error.code == "cap-memory":  # said by the reader; named and counted where the cap is held
            raise MemoryError from error
        return _failed(file, error)
    except Exception as error:  # noqa: BLE001 - a defect of ours that one file shows must not stop the others
        return _failed(file, error)
    return _result_of(file, made)


def _failed(file: _File, error: Exception) -> FileResult:
    line = failed_line(file.path, error) | {"sha256": file.sha256, "corpus": file.corpus.name}
    return FileResult(line, "" if line["code"] in RETRIED else file.sha256)


def _parts(pieces: Iterable[Piece], corpus: Corpus) -> Iterator[Piece]:
    """Yield the pieces of a file, those of several voices voice by voice where these are pieces of their own."""
    part = 0
    for piece in pieces:
        voices = _voices(piece.score) if corpus.parts == "apart" or piece.provenance.format in APART else []
        for number, members in enumerate(voices if len(voices) > 1 else [[]]):
            score = piece.score
            known: dict[str, Any] = {}
            if members:
                notes = score.notes[np.isin(score.notes["voice"], members)].copy()
                notes["voice"] = 0
                score = replace(score, notes=notes)
            if number:  # what is known of the file is counted once
                known = {"lost": {}, "mended": {}}
            yield replace(piece, score=score, provenance=replace(piece.provenance, index=part), **known)
            part += 1


def _voices(score: Score) -> list[list[int]]:
    """Return the voices of a score that can be pieces, each with the small ones that only split off from it."""
    found: list[list[int]] = []
    for voice, count in zip(*np.unique(score.notes["voice"], return_counts=True), strict=True):
        if count >= FEWEST_NOTES_APART or not found:
            found.append([int(voice)])
        else:
            found[-1].append(int(voice))
    return found


@dataclass(frozen=True, slots=True)
class _Made:
    """A piece on its way into the dataset, or out of it: dropped by a rule."""

    piece: StoredPiece | None
    notes: int
    dropped: str = ""


def _convert_piece(piece: Piece, corpus: Corpus, settings: Settings) -> _Made:
    lines, score = _as_declared(piece.score, corpus)
    gong = _declared_gong(score, corpus)
    if not len(score):
        return _judged_empty(score, corpus, settings)
    estimate: ModeEstimate = detect_mode(score) if gong is None else mode_of(score, gong)
    sequence = encode(score, style=corpus.style, gong=estimate.gong)
    confidence = estimate.confidence if gong is None else 1.0
    return _make_piece(replace(piece, score=score), sequence, confidence, lines, corpus, settings)


def _judged_empty(score: Score, corpus: Corpus, settings: Settings) -> _Made:
    """Return what becomes of a piece without notes: nothing, whatever the rules say, but they may name it."""
    values = measure(score.notes, gong=0, end=score.end, ticks_per_quarter=score.ticks_per_quarter)
    _, dropped = settings.rules.judge(values, corpus.style)
    return _Made(None, 0, dropped or "no-music")


def _as_declared(score: Score, corpus: Corpus) -> tuple[Any, Score]:
    """Return the bar lines that cleaning goes by, and the score without what the corpus says not to believe."""
    if corpus.metre == "bar lines":
        lines = bar_lines(score)
        score = recover_metres(score)
    elif corpus.metre == "unknown":
        lines, score = None, score.with_maps(metres=())
    else:
        lines = score.bar_starts()
    return lines, score if corpus.tempo == "as written" else score.with_maps(tempi=())


def _make_piece(
    piece: Piece, sequence: TokenSequence, confidence: float, lines: Any, corpus: Corpus, settings: Settings
) -> _Made:
    """Return a piece with all that the index says of it but what depends on the others."""
    score, provenance = piece.score, piece.provenance
    changes = len(score.metres) + len(score.tempi)
    if changes > MOST_CHANGES:
        name = Path(provenance.path).name
        found = f"{name} changes metre or tempo {changes:,} times"
        raise ReadError(found, expected=f"at most {MOST_CHANGES:,} (MOST_CHANGES)", code="cap-changes")
    title = score.title or Path(provenance.path).stem
    gong = sequence.gong % 12
    values = measure(score.notes, gong=gong, bar_starts=lines, end=score.end, ticks_per_quarter=score.ticks_per_quarter)
    flags, dropped = settings.rules.judge(values, corpus.style)
    if dropped:
        return _Made(None, len(score), dropped)
    entry = {
        "path": provenance.path,
        "sha256": provenance.sha256,
        "part": provenance.index,
        "format": provenance.format,
        "corpus": corpus.name,
        "licence": corpus.licence,
        "title": title[:MOST_TITLE],
        "style": corpus.style,
        "mode": sequence.prefix.mode,
        "metre": sequence.prefix.metre,
        "gong": sequence.gong,
        "confidence": round(confidence, 4),
        "key_known": corpus.key == "as written",
        "metres": [[m.tick, m.numerator, m.denominator] for m in sequence.metres],
        "tempi": [[t.tick, t.qpm] for t in sequence.tempi],
        "notes": len(score),
        "seconds": round(score.seconds, 3),
        "flags": list(dict.fromkeys([*piece.flags, *flags])),
        "techniques": _techniques(score),
        "measures": {name: round(value, 4) for name, value in values.items()},
        "lost": _counts(Counter(piece.lost) + sequence.lost + Counter({"long-title": int(len(title) > MOST_TITLE)})),
        "mended": _counts(piece.mended),
    }
    tokens = (sequence.rhythm, sequence.melody, sequence.chord)
    return _Made(StoredPiece(entry, tokens, fingerprint_of(sequence)), len(score))


def fingerprint_of(sequence: TokenSequence) -> Any:
    """Return the fingerprint of a piece: of its tokens, so that a finished dataset gives the same."""
    sounding = sequence.melody != melody.REST
    return fingerprint(melody.RELATIVE[sequence.melody[sounding]], sequence.onsets()[sounding])


def _result_of(file: _File, made: Sequence[_Made]) -> FileResult:
    """Return the report line and the pieces of a file."""
    kept = [item.piece for item in made if item.piece is not None]
    lost: Counter[str] = Counter()
    mended: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    techniques: Counter[str] = Counter()
    for piece in kept:
        lost.update(piece.entry["lost"])
        mended.update(piece.entry["mended"])
        flags.update(piece.entry["flags"])
        techniques.update(piece.entry["techniques"])
    dropped = Counter(item.dropped for item in made if item.dropped)
    facts = {"sha256": file.sha256, "corpus": file.corpus.name, "dropped": _counts(dropped)}
    if not kept:
        reasons = ", ".join(f"{rule} ({count})" for rule, count in sorted(dropped.items()))
        found = sum(item.notes for item in made)
        reason = f"nothing is left of {found} notes: dropped as {reasons}; the rules of cleaning say so"
        return FileResult(report_line(file.path, "failed", reason, "dropped") | facts, file.sha256)
    damage = sorted(set(mended) - readers.NOTATION)
    line = report_line(file.path, "salvaged" if damage else "ok", "; ".join(damage))
    first = kept[0].entry
    line |= facts | {
        "notes": sum(piece.entry["notes"] for piece in kept),
        "pieces": len(kept),
        "format": first["format"],
        "lost": _counts(lost),
        "mended": _counts(mended),
        "flags": _counts(flags),
        "techniques": _counts(techniques),
        "gong": first["gong"] % 12,
        "mode": first["mode"],
        "seconds": round(sum(piece.entry["seconds"] for piece in kept), 3),
    }
    return FileResult(line, file.sha256, kept)


def _techniques(score: Score) -> dict[str, int]:
    """Return technique -> notes, without plain plucks."""
    counts = np.bincount(score.notes["technique"], minlength=1)
    counts[Technique.PLUCK] = 0
    return {Technique(code).name.lower(): int(counts[code]) for code in np.flatnonzero(counts).tolist()}


def _counts(counter: Any) -> dict[str, int]:
    return {name: int(count) for name, count in sorted(counter.items()) if count}


def _fixed_gong(corpus: Corpus) -> int | None:
    """Return the pitch class of gong that holds for every file of a corpus, None if there is no such."""
    return None if corpus.gong in ("detect", "key") else parse_pitch_class(corpus.gong)


def _declared_gong(score: Score, corpus: Corpus) -> int | None:
    """Return the pitch class of gong if the corpus or the file, where it is to be trusted, tells it."""
    if corpus.gong == "key":
        return score.keys[0].gong if score.keys else None
    return _fixed_gong(corpus)


def _sorted_fields(corpus: Corpus) -> tuple[Any, ...]:
    """Return a corpus's fields with sets in order, so that its digest is the same in every process."""
    values = (getattr(corpus, name) for name in corpus.__slots__)
    return tuple(sorted(value) if isinstance(value, frozenset) else value for value in values)


def take_over(dataset: Dataset) -> Iterator[tuple[Path, FileResult]]:
    """Yield what a finished dataset of the same settings holds, file by file, as it was when it was converted.

    Raises
    ------
    CorpusError
        If the dataset is damaged.
    """
    entries = enumerate(dataset.entries)
    for line in dataset.report():
        try:
            pieces = [_stored(dataset, *next(entries)) for _ in range(line["pieces"])]
            yield Path(line["path"]), FileResult(line, line["sha256"], pieces)
        except (KeyError, TypeError, StopIteration) as error:
            raise CorpusError(f"{dataset.path}/report.jsonl: {error!r}", remedy="convert the corpus again") from error


def _stored(dataset: Dataset, number: int, entry: Entry) -> StoredPiece:
    sequence = dataset.sequence(number)
    fields = {name: value for name, value in entry.as_json().items() if name not in ("split", "family", "near")}
    return StoredPiece(fields, (sequence.rhythm, sequence.melody, sequence.chord), fingerprint_of(sequence))
