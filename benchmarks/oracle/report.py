"""The table for docs/BENCHMARKS.md and the picture of the frontier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.oracle.measure import Point, at_coverage, gain
from symgen.files import writing

PUBLISHED = {
    20: {"MLE": 9.038, "SeqGAN": 8.736, "RankGAN": 8.247, "LeakGAN": 7.038, "RelGAN": 6.680, "real": 5.750},
    40: {"SeqGAN": 10.310, "RankGAN": 9.958, "LeakGAN": 7.191, "RelGAN": 6.765, "real": 4.071},
}
"""NLL_oracle as the papers print it (Nie et al., RelGAN, 2019, table 1).

Those of length 40 are of an oracle 64 wide, as LeakGAN's code makes it: real sequences of ours have 4.1 to 4.2 then,
and 5.9 if it is 32 wide.
"""

NAMES = {
    "plain": "MLE, early stopping only",
    "likelihood": "MLE, regularised",
    "mixture": "MLE, a temperature drawn for each sequence",
    "policy": "policy gradient",
    "gumbel": "Gumbel softmax",
}
COLOURS = {"plain": "#9a9a9a", "likelihood": "#2f6d9e", "mixture": "#d9a441", "policy": "#b3392b", "gumbel": "#4f8a5b"}
SLACK = 1.10
"""How much NLL_gen may be worse than the regularised baseline's at temperature 1."""

Measured = Mapping[str, list[Point]]
"""The points of each contender on one oracle."""


def table(runs: Mapping[int, Measured], real: Mapping[int, Point]) -> str:
    """Return a markdown table over the oracles' seeds, means with lowest and highest."""
    lines = [
        f"Real: {_spread(point.nll_oracle for point in real.values())}; "
        f"distinct pairs {_spread(point.distinct for point in real.values())}.",
        "",
        "| generator | NLL_oracle | NLL_gen | distinct pairs | sharpest within 10 % of MLE's NLL_gen: NLL_oracle "
        "| NLL_gen | distinct pairs | nats outside of MLE's temperatures |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, title in NAMES.items():
        measured = {seed: run for seed, run in runs.items() if name in run}
        if not measured:
            continue
        plain = [run[name][0] for run in measured.values()]  # at temperature 1, or the least sharp mixture
        within = [at_coverage(run[name], SLACK * run["likelihood"][0].nll_gen) for run in measured.values()]
        gains = [gain(run[name], run["likelihood"]) for run in measured.values()]
        cells = [
            title,
            _spread(point.nll_oracle for point in plain),
            _spread(point.nll_gen for point in plain),
            _spread(point.distinct for point in plain),
            _spread(point.nll_oracle for point in within),
            _spread(point.nll_gen for point in within),
            _spread(point.distinct for point in within),
            "" if name == "likelihood" else _spread(gains, sign="+"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(runs: Mapping[int, Mapping[int, Measured]], real: Mapping[int, Mapping[int, Point]], path: Path) -> None:
    """Draw quality against coverage for each length, every oracle a line; the suffix decides the format."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(runs), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, length in zip(figure.subplots(1, len(runs), squeeze=False)[0], sorted(runs), strict=True):
        for name, title in NAMES.items():
            for place, run in enumerate(runs[length].values()):
                points = run.get(name, [])
                axes.plot(
                    [p.nll_gen for p in points],
                    [p.nll_oracle for p in points],
                    color=COLOURS[name],
                    marker="o",
                    markersize=3,
                    linewidth=1,
                    label=title if place == 0 else None,
                )
        for point in real[length].values():
            axes.plot([point.nll_gen], [point.nll_oracle], color="black", marker="*", markersize=9, linestyle="")
        axes.set_title(f"length {length}; star: real")
        axes.set_xlabel("NLL_gen, nats a token (coverage)")
        axes.set_ylabel("NLL_oracle, nats a token (quality)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    with writing(path) as file, rc_context({"svg.hashsalt": "oracle"}):  # same figures, same bytes
        figure.savefig(file, format=path.suffix[1:], dpi=110, metadata={"Date": None} if path.suffix == ".svg" else {})


def _spread(values: Iterable[float], sign: str = "") -> str:
    found = np.array(list(values))
    mean = f"{np.mean(found):{sign}.3f}"
    return mean if len(found) == 1 else f"{mean} ({np.min(found):{sign}.3f} to {np.max(found):{sign}.3f})"
