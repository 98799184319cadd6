"""How well near-duplicates are found, on real songs.

``python benchmarks/duplicates.py DATA`` reads every score in DATA and prints the families, then recall: on the
songs of music21's own corpus that DATA holds in another encoding, on songs of one title, and on made-up copies;
then precision: links against random pairs by edit distance. ``--show N`` prints links for a reader to judge.
``--pieces N`` fills the corpus up to N pieces with tunes drawn from a chain of the third order and prints time,
memory and what that does to the links.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from symgen.corpus.catalogue import normalise_title
from symgen.corpus.families import FamilyFinder, Links
from symgen.corpus.fingerprints import fingerprint
from symgen.errors import ReadError
from symgen.readers import formats, read_pieces

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Tune:
    """One song: folder, title, and its melody (highest notes)."""

    folder: str
    title: str
    pitch: Numbers
    onset: Numbers

    @property
    def intervals(self) -> Numbers:
        """Intervals modulo an octave, without repeated tones."""
        steps = np.diff(self.pitch) % 12
        return steps[steps > 0]


def read(files: Iterable[Path]) -> Iterator[Tune]:
    for file in files:
        try:
            pieces = read_pieces(file)
        except ReadError:
            continue
        for piece in pieces:
            onset, first = np.unique(piece.score.notes["onset"], return_index=True)
            if len(onset):
                pitch = np.maximum.reduceat(piece.score.notes["pitch"].astype(np.int64), first)
                yield Tune(str(file.parent), piece.score.title or file.stem, pitch, onset)


def score_files(folder: Path) -> list[Path]:
    suffixes = {suffix for reader in formats() for suffix in reader.SUFFIXES}
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in suffixes)


def find(tunes: Iterable[Tune]) -> tuple[Links, NDArray[np.int32]]:
    with tempfile.TemporaryDirectory() as folder, FamilyFinder(Path(folder)) as finder:
        for number, tune in enumerate(tunes):
            finder.add(number, fingerprint(tune.pitch, tune.onset))
        return finder.links(), finder.families()


def describe(links: Links, families: NDArray[np.int32]) -> str:
    _, sizes = np.unique(families, return_counts=True)
    kinds = ", ".join(f"{(sizes == size).sum()} of {size}" for size in np.unique(sizes[sizes > 1]))
    return f"{len(families)} pieces, {len(links)} links, {sizes[sizes > 1].sum()} pieces in families: {kinds}"


def distance(one: Numbers, two: Numbers) -> float:
    """Return the edit distance of the shorter to the nearest passage of the longer, for each of its intervals.

    Bit-parallel (Myers 1999), a whole column in one integer.
    """
    short, long = sorted((one.tolist(), two.tolist()), key=len)
    if not short:
        return 1.0
    places: dict[int, int] = defaultdict(int)
    for place, symbol in enumerate(short):
        places[symbol] |= 1 << place
    full, last = (1 << len(short)) - 1, 1 << (len(short) - 1)
    more, less, score = full, 0, len(short)
    best = score
    for symbol in long:
        equal = places.get(symbol, 0)
        down = equal | less
        across = (((equal & more) + more) ^ more) | equal
        up, back = (less | ~(across | more)) & full, more & across
        score += bool(up & last) - bool(back & last)
        up, back = up << 1, back << 1
        more, less = (back | ~(down | up)) & full, up & down & full
        best = min(best, score)
    return best / len(short)


def recoded(tunes: list[Tune]) -> str:
    """Return the recall of songs that music21's corpus holds in another encoding."""
    import music21

    folder = Path(music21.__file__).parent / "corpus" / "essenFolksong"
    others = [tune for tune in read([folder / "han1.abc", folder / "han2.abc"]) if tune.title]
    families = find([*tunes, *others])[1]
    own, theirs = defaultdict(list), defaultdict(list)
    for number, tune in enumerate(tunes):
        if tune.folder.endswith("essen/han"):
            own[tune.title].append(number)
    for number, tune in enumerate(others, len(tunes)):
        theirs[tune.title].append(number)
    pairs = [(own[t][0], theirs[t][0]) for t in own if len(own[t]) == len(theirs.get(t, ())) == 1]
    hits = sum(families[one] == families[two] for one, two in pairs)
    return f"{hits} of {len(pairs)} songs that stand once in each; {describe(*find(others))}"


def same_titles(tunes: list[Tune], families: NDArray[np.int32]) -> Iterator[str]:
    """Yield the recall of songs of one region and title (24 intervals at least), by how near alignment finds them."""
    groups = defaultdict(list)
    for number, tune in enumerate(tunes):
        if len(tune.intervals) >= 24:
            groups[tune.folder, normalise_title(tune.title)].append(number)
    pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
    yield from by_distance(tunes, families, pairs)


def by_distance(tunes: list[Tune], families: NDArray[np.int32], pairs: list[tuple[int, int]]) -> Iterator[str]:
    near = np.array([distance(tunes[one].intervals, tunes[two].intervals) for one, two in pairs])
    found = np.array([families[one] == families[two] for one, two in pairs])
    for low, high in ((-1, 0), (0, 0.1), (0.1, 0.2), (0.2, 0.3), (0.3, 1)):
        inside = (near > low) & (near <= high)
        yield f"distance over {max(low, 0)} to {high}: {found[inside].sum()} of {inside.sum()}"


def romanised(tunes: list[Tune], families: NDArray[np.int32]) -> Iterator[str]:
    """Yield the recall of songs that Essen (titles in pinyin) and the Anthology (in characters) both hold."""
    try:
        from pypinyin import lazy_pinyin
    except ImportError:
        yield "needs pypinyin"
        return
    essen, anthology = defaultdict(list), defaultdict(list)
    for number, tune in enumerate(tunes):
        if "anthology" in tune.folder:
            anthology["".join(lazy_pinyin(normalise_title(tune.title)))].append(number)
        elif "essen" in tune.folder:
            essen[re.sub("[^a-z]", "", tune.title.lower())].append(number)
    pairs = [(one, two) for title in essen for one in essen[title] for two in anthology.get(title, ())]
    yield from by_distance(tunes, families, pairs)


def copies(rng: np.random.Generator) -> dict[str, Callable[[Tune], Tune]]:
    """Return ways to change a song."""

    def change(pitch: Callable[[Numbers], Numbers]) -> Callable[[Tune], Tune]:
        return lambda t: Tune(t.folder, t.title, pitch(t.pitch) + rng.integers(-6, 7), t.onset)

    def keep(which: Callable[[int], NDArray[np.bool_] | slice]) -> Callable[[Tune], Tune]:
        return lambda t: Tune(t.folder, t.title, t.pitch[which(len(t.pitch))], t.onset[which(len(t.pitch))])

    def lose(share: float) -> Callable[[Tune], Tune]:
        def lost(tune: Tune) -> Tune:
            kept = rng.random(len(tune.pitch)) >= share
            return Tune(tune.folder, tune.title, tune.pitch[kept], tune.onset[kept])

        return lost

    def in_rhythm(share: float) -> Callable[[Tune], Tune]:
        def rhythm(tune: Tune) -> Tune:
            gaps = np.diff(tune.onset) * 4
            gaps = np.where(rng.random(len(gaps)) < share, gaps * rng.choice([2, 8], len(gaps)) // 4, gaps)
            return Tune(tune.folder, tune.title, tune.pitch, np.concatenate(([0], np.cumsum(gaps))))

        return rhythm

    def graced(tune: Tune) -> Tune:
        at = np.flatnonzero(rng.random(len(tune.pitch) - 1) < 0.1) + 1
        before = tune.onset[at] * 8 - (tune.onset[at] - tune.onset[at - 1]) * 2
        onset = np.concatenate((tune.onset * 8, before))
        order = np.argsort(onset, kind="stable")
        pitch = np.concatenate((tune.pitch, tune.pitch[at] + rng.choice([-2, 2, 3], len(at))))
        return Tune(tune.folder, tune.title, pitch[order], onset[order])

    return {
        "another key": change(lambda p: p),
        "a tenth of the notes an octave off": change(lambda p: p + 12 * (rng.random(len(p)) < 0.1)),
        "a twentieth of the notes a step off": change(lambda p: p + 2 * (rng.random(len(p)) < 0.05)),
        "second half only": keep(lambda n: slice(n // 2, n)),
        "a twentieth of the notes lost": lose(0.05),
        "a tenth of the notes lost": lose(0.10),
        "a grace note before each tenth note": graced,
        "a fifth of the lengths changed": in_rhythm(0.2),
        "all lengths changed at random": in_rhythm(1.0),
    }


def made_up(tunes: list[Tune], rng: np.random.Generator) -> Iterator[str]:
    """Yield how often a changed copy lands in the family of its song, for songs of three lengths."""
    classes = {"24 to 40 notes": (24, 40), "41 to 80": (41, 80), "over 80": (81, 10**6)}
    chosen = {
        name: rng.choice([n for n, t in enumerate(tunes) if low <= len(t.pitch) <= high], 150, replace=False)
        for name, (low, high) in classes.items()
    }
    for name, change in copies(rng).items():
        numbers = [n for group in chosen.values() for n in group]
        families = find([*tunes, *(change(tunes[n]) for n in numbers)])[1]
        hits = families[np.array(numbers)] == families[len(tunes) :]
        shares = [f"{kind} {hits[at * 150 : (at + 1) * 150].mean():.0%}" for at, kind in enumerate(classes)]
        yield f"{name}: {', '.join(shares)}"


def against_chance(tunes: list[Tune], links: Links, rng: np.random.Generator) -> str:
    """Return how many links are nearer by alignment than pairs of the same lengths drawn at random."""
    lengths = np.array([len(tune.intervals) for tune in tunes])
    nearer = 0
    drawn = rng.choice(links, 300, replace=False)
    for link in drawn:
        short, long = sorted((int(link["piece"]), int(link["other"])), key=lambda n: lengths[n])
        alike = np.flatnonzero(np.abs(lengths - lengths[long]) <= 0.1 * lengths[long])
        controls = [n for n in rng.choice(alike, min(200, len(alike)), replace=False) if n not in (short, long)]
        own = distance(tunes[short].intervals, tunes[long].intervals)
        nearer += all(own < distance(tunes[short].intervals, tunes[n].intervals) for n in controls)
    return f"{nearer} of {len(drawn)} links are nearer than all of 200 random pairs of like length"


def shown(tunes: list[Tune], links: Links, number: int, rng: np.random.Generator) -> Iterator[str]:
    """Yield links to be judged by reading: titles, and intervals with what both have in common in brackets."""
    for link in rng.choice(links, number, replace=False):
        pair = [tunes[link["other"]], tunes[link["piece"]]]
        texts = ["".join("0123456789te"[step] for step in tune.intervals) for tune in pair]
        blocks = SequenceMatcher(None, *texts, autojunk=False).get_matching_blocks()
        yield f"{link['shared']} passages, containment {link['containment']:.2f}"
        for side, (tune, text) in enumerate(zip(pair, texts, strict=True)):
            for block in reversed([block for block in blocks if block.size >= 5]):
                at = (block.a, block.b)[side]
                text = f"{text[:at]}[{text[at : at + block.size]}]{text[at + block.size :]}"
            yield f"  {Path(tune.folder).name}: {tune.title}: {text}"


def invented(tunes: list[Tune], pieces: int, rng: np.random.Generator) -> Iterator[Tune]:
    """Yield tunes from a chain of the third order over (interval, length against the one before) of real ones."""
    ratios = np.array([0.25, 0.5, 1, 2, 4])
    rows = []
    for tune in tunes:
        changes = np.concatenate(([True], np.diff(tune.pitch) % 12 != 0))
        steps, gaps = np.diff(tune.pitch[changes]) % 12, np.diff(tune.onset[changes])
        classes = np.clip(np.rint(np.log2(gaps[1:] / gaps[:-1])), -2, 2).astype(np.int64) + 2
        rows.append(steps[1:] * 5 + classes)
    windows = np.concatenate([np.lib.stride_tricks.sliding_window_view(r, 4) for r in rows if len(r) >= 4])
    keys = (windows[:, 0] * 60 + windows[:, 1]) * 60 + windows[:, 2]
    order = np.argsort(keys, kind="stable")
    keys, follow = keys[order], windows[order, 3]
    lengths = [len(row) + 1 for row in rows if len(row) >= 4]
    while pieces > 0:
        batch = min(pieces, 5000)
        pieces -= batch
        wanted = rng.choice(lengths, batch)
        state = keys[rng.integers(len(keys), size=batch)]
        symbols = np.empty((int(wanted.max()), batch), dtype=np.int64)
        for step in symbols:
            low, high = np.searchsorted(keys, state), np.searchsorted(keys, state, side="right")
            lost = low == high  # the end of a tune that stands alone: go on anywhere
            state[lost] = keys[rng.integers(len(keys), size=int(lost.sum()))]
            low, high = np.searchsorted(keys, state), np.searchsorted(keys, state, side="right")
            step[:] = follow[(low + rng.random(batch) * (high - low)).astype(np.int64)]
            state = state % 3600 * 60 + step
        for column, length in enumerate(wanted):
            steps, gaps = symbols[:length, column] // 5, [480.0]
            for ratio in ratios[symbols[:length, column] % 5]:
                gaps.append(min(max(gaps[-1] * ratio, 30.0), 7680.0))
            yield Tune("", "", np.concatenate(([60], 60 + np.cumsum(steps))), np.cumsum(gaps).astype(np.int64))


def at_scale(files: list[Path], pieces: int, rng: np.random.Generator) -> Iterator[str]:
    tunes = list(read(files))
    before, _ = find(tunes)
    filling, notes, adding = invented(tunes, pieces - len(tunes), rng), 0, 0.0
    with tempfile.TemporaryDirectory() as folder, FamilyFinder(Path(folder)) as finder:
        numbers = count()
        for source in (tunes, filling):
            for tune in source:
                notes += len(tune.pitch)
                begin = time.perf_counter()
                finder.add(next(numbers), fingerprint(tune.pitch, tune.onset))
                adding += time.perf_counter() - begin
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        begin = time.perf_counter()
        links, families = finder.links(), finder.families()
        finding = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield f"{notes} notes: {adding:.1f} s to take in, {finding:.1f} s to find"
    yield f"memory: {held:.0f} MiB before finding, {peak:.0f} MiB after"
    yield describe(links, families)
    real = {(int(link["piece"]), int(link["other"])) for link in links if link["piece"] < len(tunes)}
    known = {(int(link["piece"]), int(link["other"])) for link in before}
    yield f"of the {len(known)} links between real pieces {len(known & real)} are kept and {len(real - known)} are new"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pieces", type=int, help="fill up to so many pieces, and only measure time and memory")
    parser.add_argument("--show", type=int, default=0, help="print so many links, to be judged by reading")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    files = score_files(arguments.folder)
    if arguments.pieces:
        print(*at_scale(files, arguments.pieces, rng), sep="\n")
        return
    tunes = list(read(files))
    begin = time.perf_counter()
    links, families = find(tunes)
    print(f"{time.perf_counter() - begin:.2f} s; {describe(links, families)}")
    if arguments.show:
        print(*shown(tunes, links, arguments.show, rng), sep="\n")
        return
    print("recoded:", recoded(tunes))
    print("one region and title:", *same_titles(tunes, families), sep="\n  ")
    print("Essen and Anthology, one title:", *romanised(tunes, families), sep="\n  ")
    print("changed copies:", *made_up(tunes, rng), sep="\n  ")
    print("precision:", against_chance(tunes, links, rng))


if __name__ == "__main__":
    main()
