"""The long run: ``python -m tests.fuzz.run --reader abc --iterations 100000 --seed 1``.

Works in several processes, each under caps of time and memory, and goes on where an earlier run with the same
reader and seed stopped. Prints how often each outcome came, and every finding with the bytes that made it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from symgen.readers import formats
from tests.fuzz.judge import cap_memory, verdict
from tests.fuzz.mutations import mutation
from tests.fuzz.seeds import SEEDS

SHOWN = 20
"""Findings printed as they come; the state has them all."""
CHUNK = 250
"""Mutations of one task; what is done is remembered in such steps."""


def prepare() -> None:
    """Load in a worker what reading needs, then cap its memory."""
    for reader in formats():
        for seed in SEEDS.get(reader.NAME, ()):
            verdict(reader.NAME, seed)
    cap_memory()


def work(reader: str, seed: int, numbers: range) -> dict[str, Any]:
    """Return the outcomes and findings of some mutations."""
    outcomes: Counter[str] = Counter()
    findings = []
    for number in numbers:
        outcome, problem = verdict(reader, mutation(reader, seed, number))
        outcomes[outcome] += 1
        if problem:
            findings.append([number, problem[:500]])
    return {"first": numbers.start, "outcomes": outcomes, "findings": findings}


def results(reader: str, seed: int, starts: Iterable[int], iterations: int, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the results of the chunks that begin at `starts`, in the order in which they are done."""
    todo = list(starts)[::-1]
    with ProcessPoolExecutor(jobs, initializer=prepare) as pool:
        running: set[Future[dict[str, Any]]] = set()
        while todo or running:
            while todo and len(running) < 2 * jobs:
                start = todo.pop()
                running.add(pool.submit(work, reader, seed, range(start, min(start + CHUNK, iterations))))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def run(reader: str, iterations: int, seed: int = 1, jobs: int = 1, folder: Path | None = None) -> dict[str, Any]:
    """Do what of a run is not yet done; return its state: outcomes, findings and the chunks that are done."""
    folder = folder or Path(tempfile.gettempdir()) / "symgen-fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{reader}-{seed}.json"
    state: dict[str, Any] = {"done": [], "outcomes": {}, "findings": []}
    if file.exists():
        state = json.loads(file.read_text(encoding="utf-8"))
    done = set(state["done"])
    for result in results(reader, seed, (s for s in range(0, iterations, CHUNK) if s not in done), iterations, jobs):
        state["done"].append(result["first"])
        state["outcomes"] = dict(Counter(state["outcomes"]) + result["outcomes"])
        state["findings"] += result["findings"]
        for number, problem in result["findings"][: max(0, SHOWN + len(result["findings"]) - len(state["findings"]))]:
            print(f"{reader} --seed {seed} --only {number}: {problem}", flush=True)
        file.with_suffix(".new").write_text(json.dumps(state), encoding="utf-8")
        file.with_suffix(".new").replace(file)
    return state


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", action="append", choices=sorted(SEEDS), help="one or more; all by default")
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--state", type=Path, help="folder of what is done so far")
    parser.add_argument("--fresh", action="store_true", help="forget what is done so far")
    parser.add_argument("--only", type=int, help="show one mutation and what becomes of it")
    options = parser.parse_args(arguments)
    failed = False
    for reader in options.reader or sorted(SEEDS):
        if options.only is not None:
            data = mutation(reader, options.seed, options.only)
            print(data, *verdict(reader, data), sep="\n")
            continue
        folder = options.state or Path(tempfile.gettempdir()) / "symgen-fuzz"
        if options.fresh:
            (folder / f"{reader}-{options.seed}.json").unlink(missing_ok=True)
        begin = time.perf_counter()
        try:
            state = run(reader, options.iterations, options.seed, options.jobs, folder)
        except BrokenProcessPool:
            print(f"{reader}: a process died; the state in {folder} tells what was done before")
            failed = True
            continue
        total = sum(state["outcomes"].values())
        seconds = time.perf_counter() - begin
        print(f"{reader}: {total:,} mutations, {len(state['findings'])} findings, {seconds:.0f} s in this run")
        print("  " + ", ".join(f"{code} {count:,}" for code, count in Counter(state["outcomes"]).most_common()))
        failed = failed or bool(state["findings"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
