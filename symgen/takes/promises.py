"""Promises: what a piece has to be, found in its notes and not only asked of the network."""

from __future__ import annotations

from dataclasses import replace

from symgen.copying import copy_report
from symgen.errors import UsageError
from symgen.forms.modulating import SectionHearing, hear_section
from symgen.grammar.plan import Plan
from symgen.instruments.fingering import Fingering, find_problems, finger
from symgen.models.checkpoint import Checkpoint
from symgen.origin import Guarantee, guarantee
from symgen.score import Score, Technique, make_notes
from symgen.theory.degrees import pitch_class_name
from symgen.theory.detect import detect_mode
from symgen.tokens.sequence import TokenSequence


def check_style(style: str, checkpoint: Checkpoint) -> None:
    """Make sure that a checkpoint has learnt a style."""
    if checkpoint.styles and style not in checkpoint.styles:
        raise UsageError(
            f"the checkpoint {checkpoint.path} never learned the style {style}",
            expected=f"one of {', '.join(checkpoint.styles)}",
            remedy="name another with --checkpoint",
        )


def check_copy(most: int | None, checkpoint: Checkpoint) -> None:
    """Make sure that a checkpoint can tell how much is copied, if that is limited."""
    if most is not None and "runs" not in checkpoint.fingerprints:
        raise UsageError(
            f"max-copy {most}, but the checkpoint {checkpoint.path} does not know its training pieces",
            remedy="leave it out, or name another with --checkpoint",
        )


def too_long_a_copy(tokens: TokenSequence, checkpoint: Checkpoint, most: int | None) -> list[str]:
    """Return that a piece shares a longer run with the training pieces than it may; empty if not, or if all may be."""
    report = None if most is None else copy_report(tokens, checkpoint.fingerprints)
    if most is None or report is None or report.longest_run <= most:
        return []
    return [f"shares {report.longest_run} notes in a row with the training pieces"]


def broken_promises(score: Score, plan: Plan) -> list[str]:
    """Return what a piece promises but does not keep; empty if it keeps everything."""
    return examine(score, plan)[0]


def examine(score: Score, plan: Plan, machine_code: bool | None = None) -> tuple[list[str], Fingering]:
    """Return what a piece promises but does not keep, and how it is fingered."""
    broken, fingering = _in_hand(score, plan, machine_code)
    return broken_sound(score, plan) + broken, fingering


def broken_sound(score: Score, plan: Plan) -> list[str]:
    """Return what a piece promises to sound like but does not: gong, mode, length."""
    broken = []
    estimate = detect_mode(score)
    if estimate.gong != plan.gong % 12:
        broken.append(f"sounds in gong {pitch_class_name(estimate.gong)}")
    elif estimate.mode != plan.prefix.mode:
        broken.append(f"sounds in {estimate.mode} mode")
    if score.end != plan.total:
        broken.append(f"is {score.end} ticks long, not {plan.total}")
    broken += [f"has {one.plan.name} in another gong" for one in hearings(score, plan) if not one.kept]
    return broken


def hearings(score: Score, plan: Plan) -> list[SectionHearing]:
    """Return in which gong each section that modulates is heard."""
    metre = (plan.metre.numerator, plan.metre.denominator)
    return [hear_section(score, one, plan.gong % 12, metre) for one in plan.sections if one.modulation]


def modulations(score: Score, plan: Plan) -> tuple[Guarantee, ...]:
    """Return the promises of the sections that modulate."""
    return tuple(
        guarantee(
            f"gong of {one.plan.name}",
            pitch_class_name(one.gong),
            "nothing" if one.heard is None else pitch_class_name(one.heard),
        )
        for one in hearings(score, plan)
    )


def broken_playing(score: Score, plan: Plan) -> list[str]:
    """Return why a piece cannot be played, as it is written or as it is read back from MIDI."""
    return _in_hand(score, plan)[0]


def _in_hand(score: Score, plan: Plan, machine_code: bool | None = None) -> tuple[list[str], Fingering]:
    """Return why a piece cannot be played, and how it is fingered."""
    fingering = finger(score, plan.instrument, plan.tuning, machine_code=machine_code)
    broken = [str(problem) for problem in fingering.problems[:1]]
    plain = (score.notes["technique"] == Technique.PLUCK).all()
    if not broken and not plain:  # MIDI carries no technique: what is read back has to be playable all the same
        read_back = make_notes(onset=score.notes["onset"], duration=score.notes["duration"], pitch=score.notes["pitch"])
        bare = replace(score, notes=read_back)
        problems = find_problems(bare, plan.instrument, plan.tuning, machine_code=machine_code)
        broken.extend(f"without its techniques, {problem}" for problem in problems[:1])
    return broken, fingering
