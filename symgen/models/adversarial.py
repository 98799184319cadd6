"""The adversarial stage as a whole: warm-up, updates, snapshots, and the way back where something goes wrong."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping

import numpy as np
import torch

from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.duel import Duel
from symgen.models.likelihood import Run
from symgen.models.losses import bits_by_style, set_dropout, stage_seed
from symgen.models.mixture import Mixture
from symgen.models.snapshots import latest, restore, save, snapshots
from symgen.models.watch import Watch
from symgen.models.windows import Pieces
from symgen.progress import Progress


def fight(
    run: Run,
    stage: AdversarialStage,
    training: Mapping[str, Pieces],
    validation: Mapping[str, Pieces],
    replay: Mixture,
    progress: Progress,
) -> None:
    """Run the adversarial stage, with a snapshot every so often; an interrupted stage goes on from the last.

    Snapshots lie in the run's folder as ``adversarial-<update>.safetensors``; what is in them is all that a continued
    stage needs to repeat an uninterrupted one to the bit, on a CPU. Where a limit is crossed the generator goes back
    to the last snapshot and learns half as fast; where that happens again it stays there.

    Raises
    ------
    CheckpointError
        If the last snapshot is damaged.
    CorpusError
        If no training piece is long enough, see :func:`styles_to_play`.
    """
    set_dropout(run.model, 0.0)
    duel = Duel(run, stage, training)
    watch = Watch(stage.limits)
    found = snapshots(run.folder, stage.name)
    if found:
        restore(duel, watch, latest(run.folder, stage.name))
        run.journal.rewind(stage.name, duel.done)
    else:
        run.journal.rewind(stage.name, -1)
        seed = stage_seed(run.seed, stage.name, 1)
        torch.manual_seed(seed)
        right = duel.warm_up(np.random.default_rng(seed), _heeding(run, stage, progress))
        run.log(stage=stage.name, update=0, accuracy=round(right, 4))
        save(duel, watch)
    begin, started = duel.done, time.monotonic()
    while duel.done < stage.updates and not watch.over:
        seed = stage_seed(run.seed, stage.name, duel.done + 2)
        rng = np.random.default_rng([seed, watch.breaches])
        torch.manual_seed(seed)
        written = duel.write(rng)
        figures = duel.update(written, replay.batch(rng), rng)
        figures["accuracy"] = duel.judge(rng)
        run.log(stage=stage.name, update=duel.done, kind=written.kind, **{n: round(v, 4) for n, v in figures.items()})
        breach = watch.breach(written.kind, figures)
        if breach:
            restore(duel, None, snapshots(run.folder, stage.name)[-1])
            watch.undo()
            run.log(stage=stage.name, update=duel.done, breach=breach, over=watch.over)
            progress(f"{stage.name}: {breach}; back to update {duel.done}")
            duel.learn_at(0.5)
            continue
        left = (time.monotonic() - started) / max(1, duel.done - begin) * (stage.updates - duel.done)
        note = f"{stage.name}: the adversary is right {duel.adversary.accuracy:.2f}, {left / 60:.0f} min left"
        progress(note, duel.done, stage.updates)
        if duel.done % stage.evaluate_every == 0 or duel.done == stage.updates:
            _log_bits(duel, validation)
            save(duel, watch)
        if run.stop.asked:
            save(duel, watch, stopped=True)
            run.end_early(stage.name, duel.done)
    run.model.load_state_dict(duel.kept())


def _heeding(run: Run, stage: AdversarialStage, progress: Progress) -> Progress:
    """Return a progress that ends the warm-up where the run was asked to stop; it is short, and done anew."""

    def tick(message: str, done: int = 0, total: int = 0) -> None:
        progress(message, done, total)
        if run.stop.asked:
            run.end_early(stage.name, 0)

    return tick


def _log_bits(duel: Duel, validation: Mapping[str, Pieces]) -> None:
    """Write the bits per note of the weights that are kept into the log."""
    model = copy.deepcopy(duel.model)
    model.load_state_dict(duel.kept())
    bits = bits_by_style(model, validation)
    duel.run.log(stage=duel.stage.name, update=duel.done, bits=bits)
