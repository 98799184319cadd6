"""Does symgen keep what it promises? Random requests of all verbs, judged by what stands in the files.

Run: PYTHONPATH=. python benchmarks/guarantees.py --requests 2000 [--first 0] [--seed 1] [--data DIR] [--json OUT]
     PYTHONPATH=. python benchmarks/guarantees.py --report OUT ... [--again 40]

Each request depends on the seed and its number alone, so that a run can be cut into parts and taken up again: what
stands in OUT is not done again. The checks are those of guarantee_checks.py, which share nothing with what composes.
Sources of the verbs are pieces composed at the start and, of DIR, real files. A refusal is justified if a rule that is
spelt out here says that the wish cannot be met.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import guarantee_checks as check
from guarantee_checks import File, Findings

STYLES = ("guqin", "guqin", "guqin", "guzheng", "guzheng", "folk")
INSTRUMENT = {"guqin": "guqin", "guzheng": "guzheng", "folk": "voice"}
MODES = ("gong", "shang", "jue", "zhi", "yu")
FORMS = ("guqin", "sannong", "slow-to-fast", "baban", "qichengzhuanhe")
DIALS = ("density", "register", "leaps", "ornament", "surprise")
MODULATIONS = {"biangong-wei-jue": 1, "qingjue-wei-gong": -1}
NEVER = re.compile(r"^(no piece|nothing) keeps every promise|^no (accompaniment|variation) keeps")
SOURCES = 36


# ---- requests -------------------------------------------------------------------------------------------------------


def manner(rng: random.Random) -> dict[str, Any]:
    """Return what all verbs are asked alike: dials, draw, player, layout."""
    from symgen.writers import Options

    asked: dict[str, Any] = {"seed": rng.randrange(1 << 31), "raw": rng.random() < 0.5}
    if rng.random() < 0.3:
        asked |= {name: rng.choice([0.0, 0.2, 0.8, 1.0]) for name in rng.sample(DIALS, rng.choice([1, 1, 2]))}
    if rng.random() < 0.1:
        asked |= {"temperature": rng.choice([0.7, 1.0, 1.2]), "top_p": rng.choice([0.8, 1.0])}
    if rng.random() < 0.15:
        asked["max_copy"] = rng.choice([5, 8, 9, 10, 12, 16])
    if rng.random() < 0.3:
        asked["humanize"] = rng.choice([0.0, 1.0])
    if rng.random() < 0.3:
        asked["layout"] = Options(
            rng.choice(["merged", "strings", "mpe"]), rng.choice(["map", "map", "fixed"]), rng.choice(["utf8", "ascii"])
        )
    return asked


def own_plan(rng: random.Random) -> tuple[str, list[tuple[str, int, int]]]:
    """Return a plan as text and as (letter, bars, fifths) a section."""
    words, plan = [], []
    for letter in rng.choice(["ABA", "AB", "AA'B", "ABA'", "ABAC", "AABB"]).replace("A'", "a"):
        name, bars, fifths = letter.upper() + ("'" if letter == "a" else ""), 4, 0
        sign = (
            rng.choice(["", "", "^", "_", "+", "-", "#", "b", ","])
            if letter == "B" and "B" not in "".join(words)
            else ""
        )
        fifths = {"#": 1, "b": -1}.get(sign, 0)
        stated = next((f for n, _, f in plan if n == name), None)
        if stated is not None and letter == "B":
            sign, fifths = {1: "#", -1: "b"}.get(stated, ""), stated
        words.append(f"{name}{bars}{sign}")
        plan.append((name, bars, fifths))
    return " ".join(words), plan


def motif_of(rng: random.Random) -> list[tuple[str, int]]:
    """Return a motif: (degree with an octave mark, quarters) a note."""
    notes = [(rng.choice("123561235612356124"[:15] if rng.random() < 0.95 else "4477"), rng.choice([1, 1, 1, 2]))]
    for _ in range(rng.choice([2, 3, 4, 5, 6, 7, 12])):
        notes.append((rng.choice("12356") + rng.choice(["", "", "", "'"]), rng.choice([1, 1, 1, 2])))
    return notes


def compose_wish(rng: random.Random) -> dict[str, Any]:
    """Return what is asked of a new piece, and in "plan" and "notes" what its form and its motif are."""
    style = rng.choice(STYLES)
    asked: dict[str, Any] = {"style": style, **manner(rng)}
    asked["mode"] = rng.choice([None, None, *MODES, *MODES])
    asked["metre"] = rng.choice([None, None, *check.METRES, "2/4", "4/4", "3/4", "7/4"])
    if rng.random() < 0.5:
        asked["gong"] = rng.choice(["F", "C", "D", "G", "Bb", "Eb", *check.PITCHES])
    if rng.random() < 0.3 and style != "folk":
        known = check.checker.GUQIN_TUNINGS if style == "guqin" else check.checker.GUZHENG_TUNINGS
        asked["tuning"] = rng.choice([*known, *known, "D"])
    if rng.random() < 0.4:
        asked["tempo"] = rng.choice([*range(40, 200, 10), 20, 300, 400])
    kind = rng.random()
    if kind < 0.72:
        asked["bars"] = rng.choice([2, 3, 4, 4, 5, 6, 8, 8, 8, 12])
    elif kind < 0.92:
        asked["seconds"] = rng.choice([5.0, 8.0, 12.5, 20.0, 25.0])
    elif kind < 0.95:
        asked["bars"] = rng.choice([-1, 0, 1, 2001])
    elif kind < 0.96:
        asked |= {"bars": 4, "seconds": 10.0}
    else:
        asked["seconds"] = rng.choice([1.0, 4000.0, 15.0])
    if rng.random() < 0.2:
        asked["notes"] = motif_of(rng)
        asked["motif"] = " ".join(sign + " -" * (quarters - 1) for sign, quarters in asked["notes"])
    shape = rng.random()
    if shape < 0.12:
        asked["form"], asked["plan"] = own_plan(rng)
        if "seconds" not in asked:
            asked["bars"] = rng.choice([None, None, None, sum(bars for _, bars, _ in asked["plan"]), 7])
        if rng.random() < 0.1:
            asked["modulate"] = rng.choice(sorted(MODULATIONS))
    elif shape < 0.2:
        asked["form"] = rng.choice(FORMS)
        if "seconds" not in asked:
            asked["bars"] = rng.choice([8, 12, 16, 17, 24, 34])
        if rng.random() < 0.4:
            asked["modulate"] = rng.choice(sorted(MODULATIONS))
    elif shape < 0.22:
        asked["modulate"] = rng.choice(sorted(MODULATIONS))
    return asked


def verb_wish(rng: random.Random, verb: str, count: int) -> dict[str, Any]:
    """Return what is asked of a source of so many bars."""
    asked = manner(rng)
    if verb == "infill":
        first = rng.randint(1, count)
        last = min(count + (rng.random() < 0.1), first + rng.choice([0, 1, 1, 2, 3]))
        asked["bars"] = (first, last) if rng.random() < 0.9 else (count, count + 2)
    elif verb == "continue":
        if rng.random() < 0.85:
            asked["bars"] = rng.choice([1, 2, 3, 4, 4, 6, 8])
        else:
            asked["seconds"] = rng.choice([2.0, 8.0, 15.0])
        asked["after"] = rng.choice([None, None, rng.randint(1, count + 1), max(1, count // 2)])
        asked["mode"] = rng.choice([None, None, *MODES])
        asked["only"] = rng.random() < 0.3
    elif verb == "vary":
        keeps = [("rhythm",), ("pitch",), ("contour",), ("form",), ("rhythm", "contour"), ("rhythm", "form")]
        asked["keep"] = rng.choice([*keeps, *keeps, ("rhythm", "pitch"), ("pitch", "contour"), ("contour", "form")])
        asked["amount"] = rng.choice([None, None, 0.0, 0.25, 0.5, 0.75, 1.0])
        asked["mode"] = rng.choice([None, None, None, *MODES])
        asked["gong"] = rng.choice([None, None, None, None, "F", "C", "D", "G", "Bb", "F#"])
    else:
        asked["kind"] = rng.choice(["auto", "chords", "octaves", "voice"])
        asked["perform"] = rng.random() < 0.2
    return asked


# ---- sources of the verbs -------------------------------------------------------------------------------------------


def sources(folder: Path, seed: int, data: Path | None) -> list[dict[str, Any]]:
    """Compose the sources of the verbs, or take them up again; add real files."""
    from symgen.compose import ComposeRequest, compose_files

    found: list[dict[str, Any]] = []
    for number in range(SOURCES):
        rng = random.Random(f"{seed}:source:{number}")
        path, memory = folder / f"source-{number}.mid", folder / f"source-{number}.pickle"
        style = ("guqin", "guzheng", "folk", "guqin", "guzheng", "guqin")[number % 6]
        raw = number % 3 != 2
        if not memory.exists():
            request = ComposeRequest(
                style,
                mode=MODES[number % 5],
                metre=rng.choice([None, "2/4", "3/4", "4/4", "6/8", "5/8"]),
                bars=rng.choice([4, 6, 8, 8, 12]),
                seed=number,
                raw=raw,
                bare=raw and number % 2 == 0,
                output=path,
            )
            (take,) = compose_files(request).takes
            memory.write_bytes(pickle.dumps(take.score))
        score = pickle.loads(memory.read_bytes())
        found.append({"path": path, "style": style, "score": score, "raw": raw, "real": False})
    files = [] if data is None else real_files(data, seed)
    return found + [{"path": path, "style": style, "score": None, "raw": True, "real": True} for style, path in files]


def real_files(data: Path, seed: int) -> list[tuple[str, Path]]:
    """Return eight of the sixteen shortest files of each zither, and eight short songs."""
    rng, found = random.Random(f"{seed}:files"), list[tuple[str, Path]]()
    for style, suffixes in (
        ("guqin", (".xml", ".musicxml")),
        ("guzheng", (".abc", ".mid")),
        ("folk", (".abc", ".krn")),
    ):
        files = sorted(path for path in (data / style).rglob("*") if path.suffix in suffixes)
        small = sorted(files, key=lambda path: path.stat().st_size)[: 16 if style != "folk" else 4000]
        found += [(style, path) for path in rng.sample(small, min(8, len(small)))]
    return found


def written(source: dict[str, Any]) -> Any:
    """Return what is written in a source, at 480 ticks a quarter."""
    import symgen

    if source["score"] is None:
        score = symgen.read(source["path"])
        source["score"] = score if score.ticks_per_quarter == 480 else score.resampled(480)
    return source["score"]


# ---- one request ----------------------------------------------------------------------------------------------------


def run(number: int, seed: int, folder: Path, pool: list[dict[str, Any]]) -> dict[str, Any]:
    """Ask for a piece, and judge what comes: the file, or the refusal."""
    from symgen.errors import SymgenError

    rng = random.Random(f"{seed}:{number}")
    verb = rng.choice(["compose"] * 13 + ["infill", "infill", "continue", "continue", "vary", "vary", "accompany"])
    target, begin = folder / f"{number:05}.mid", time.perf_counter()
    facts: dict[str, Any] = {"number": number, "verb": verb, "from": "", "target": str(target)}
    source: dict[str, Any] = {}
    found = Findings()
    asked: dict[str, Any] = {}
    try:
        if verb == "compose":
            asked = compose_wish(rng)
            composed(asked, target, found)
        else:
            source = rng.choice(pool)
            facts["from"] = "a real file" if source["real"] else "a composed piece"
            asked = verb_wish(rng, verb, len(check.bar_lines(written(source))) - 1)
            if rng.random() < 0.05:
                asked["style"] = rng.choice(["guqin", "guzheng"])
            elif source["real"] or rng.random() < 0.3:
                asked["style"] = source["style"]
            if verb == "accompany" and source["style"] == "folk" and rng.random() < 0.8:
                asked["style"] = rng.choice(["guqin", "guzheng"])
            facts["source"] = Path(source["path"]).name
            revised(verb, asked, source, target, found)
    except SymgenError as error:
        kind, justified = judge(str(error), verb, asked, source)
        state = "refused" if justified or not NEVER.search(str(error)) else "gave up"
        facts |= {"error": type(error).__name__, "message": str(error), "kind": kind, "justified": justified}
    except Exception:  # noqa: BLE001 - whatever it is, it is a bug that is counted
        state = "crashed"
        facts["message"] = traceback.format_exc()[-1500:]
    else:
        state = "broken" if found.broken else "kept"
    layout = asked.get("layout")
    plain = {k: v for k, v in asked.items() if k not in ("layout", "notes")}
    plain["layout"] = None if layout is None else f"{layout.layout} {layout.time_signatures} {layout.names}"
    return facts | {
        "state": state,
        "checks": dict(Counter(found.checked)),
        "broken": found.broken,
        "asked": plain,
        "seconds": round(time.perf_counter() - begin, 2),
    }


def composed(asked: dict[str, Any], target: Path, found: Findings) -> None:
    """Compose and check what was asked for."""
    from symgen.compose import ComposeRequest, compose_files

    request = {name: value for name, value in asked.items() if name not in ("plan", "notes")}
    (take,) = compose_files(ComposeRequest(**request, output=target)).takes
    file = File(target)
    wanted = asked.get("gong")
    gong, mode = check.check_key(found, file.score, None if wanted is None else check.PITCHES[wanted], asked["mode"])
    metre = asked["metre"] or {"guqin": "4/4", "guzheng": "2/4", "folk": "2/4"}[asked["style"]]
    if asked["metre"] is None and file.metres != ["4/4"]:
        metre = file.metres[0]
    told = asked.get("layout") is None or asked["layout"].time_signatures == "map"
    bars = asked.get("bars") or (
        sum(b for _, b, _ in asked["plan"]) if "plan" in asked and "seconds" not in asked else None
    )
    if not told and asked["metre"] is None:
        metre = take.metre
    check.check_length(found, file, metre, bars, told=told)
    if asked.get("seconds"):
        # A file over one 4/4 is filled up to its bar line.
        lasts = file.seconds if told else file.seconds_to(take.bars * check.ticks_of(metre))
        check.check_seconds(found, lasts, asked["seconds"], take.bars)
        check.check_length(found, file, metre, take.bars, told=told)
    check.check_close(found, file.score, gong, mode)
    if asked.get("tuning"):
        found.hold("tuning", take.tuning == asked["tuning"], take.tuning)
    check.check_hands(found, take, file)
    bar = check.ticks_of(metre)
    score = file.score if asked["raw"] else take.score
    if "notes" in asked:
        check.check_motif(found, score, asked["notes"], gong, bar, first="form" not in asked)
    if "plan" in asked and "seconds" not in asked:
        check.check_sections(found, file, score, asked["plan"], gong, bar)
    if asked.get("modulate"):
        heard = [row for row in take.guarantees if row.name.startswith("gong of")]
        want = (gong + 7 * MODULATIONS[asked["modulate"]]) % 12
        names = {check.PITCHES[row.found] for row in heard}
        found.hold("modulates", want in names, f"{names}, not {want}")
    recorded(found, take, target, asked)


def recorded(found: Findings, take: Any, target: Path, asked: dict[str, Any]) -> None:
    """Check that the record of a piece finds everything kept, and the copy report what was asked."""
    rows = json.loads(Path(f"{target}.json").read_text(encoding="utf-8"))["origin"]["guarantees"]
    found.hold("record", all(row["kept"] for row in rows), [row for row in rows if not row["kept"]])
    if asked.get("max_copy") and "perform" not in asked:  # an accompaniment leaves the melody as it is
        run = 0 if take.copy is None else take.copy.longest_run
        found.hold("longest copy", run <= asked["max_copy"], run)


def revised(verb: str, asked: dict[str, Any], source: dict[str, Any], target: Path, found: Findings) -> None:
    """Let a verb work on a source, and check what was asked for."""
    import symgen
    from symgen.verbs.accompanying import AccompanyRequest, accompany_files
    from symgen.verbs.continuing import ContinueRequest, continue_files
    from symgen.verbs.infilling import InfillRequest, infill_files
    from symgen.verbs.varying import VaryRequest, vary_files

    verbs: dict[str, tuple[Any, Any]] = {
        "infill": (InfillRequest, infill_files),
        "continue": (ContinueRequest, continue_files),
        "vary": (VaryRequest, vary_files),
        "accompany": (AccompanyRequest, accompany_files),
    }
    request, make = verbs[verb]
    result = make(request(source=source["path"], **asked, output=target))
    (take,) = result.takes
    file, before = File(target), written(source)
    arranged = any("arranged" in remark for remark in result.remarks)
    literal = asked["raw"] and source["raw"]
    told = asked.get("layout") is None or asked["layout"].time_signatures == "map"
    after = file.score if literal and told and not source["real"] and not arranged else take.score
    place = "file" if after is file.score else "score"
    key = symgen.detect_mode(before)
    gong = check.PITCHES[asked["gong"]] if asked.get("gong") else None if arranged else key.gong
    mode = asked.get("mode") or (None if arranged else key.mode)
    if take.playable:
        check.check_hands(found, take, file)
    gong, mode = check.check_key(found, file.score, gong, mode)
    if verb == "infill":
        begin, end = check.check_infill(found, before, after, *asked["bars"], place)
        same = asked.get("style", source["style"]) == source["style"]  # another instrument plays to the letter
        if not source["real"] and same and (asked.get("layout") is None or asked["layout"].layout == "merged"):
            played = File(source["path"]).score
            check.check_played_outside(found, played, file.score, begin, end)
        if asked["bars"][1] == len(check.bar_lines(before)) - 1:
            check.check_close(found, file.score, gong, mode)
    elif verb == "continue":
        cut = asked["after"] or len(check.bar_lines(before)) - 1
        bars = asked.get("bars")
        if bars is None:
            bars = len(check.bar_lines(after)) - 1 - (0 if asked["only"] else cut)
            bar_seconds = replace(take.score, notes=take.score.notes[:0]).seconds / take.bars
            found.hold("seconds", abs(bars * bar_seconds - asked["seconds"]) <= 1.5 * bar_seconds, bars * bar_seconds)
        if not arranged:
            check.check_continued(found, before, after, cut, bars, 0 if asked["only"] else 1)
        check.check_close(found, file.score, gong, mode)
    elif verb == "vary":
        moved = asked["gong"] is not None and check.PITCHES[asked["gong"]] != key.gong
        other = asked["mode"] is not None and asked["mode"] != key.mode
        amount = 0.5 if asked["amount"] is None and asked["mode"] is None and asked["gong"] is None else asked["amount"]
        check.check_varied(found, before, after, asked["keep"], amount, place, moved=moved, other_mode=other)
        if other:
            check.check_close(found, file.score, gong, mode)
    elif not arranged:
        melody_in = file.score if not asked["perform"] and not source["real"] and source["raw"] else take.score
        check.check_accompanied(found, before, melody_in, gong, "file" if melody_in is file.score else "score")
    recorded(found, take, target, asked)


# ---- refusals -------------------------------------------------------------------------------------------------------


def judge(message: str, verb: str, asked: dict[str, Any], source: dict[str, Any]) -> tuple[str, bool | None]:
    """Return the kind of a refusal, and whether a rule of its own justifies it; None if there is no such rule."""
    instrument = INSTRUMENT[asked.get("style") or source.get("style", "guqin")]
    number = [int(text) for text in re.findall(r"-?\d+", message)]
    count = len(check.bar_lines(written(source))) - 1 if source else 0
    metre = asked.get("metre") or ("4/4" if instrument == "guqin" else "2/4")
    motif_quarters = sum(quarters for _, quarters in asked.get("notes", ()))
    if NEVER.search(message):
        return "no piece keeps every promise", False
    if found := re.match(r"tuning (\S+) cannot give gong (\S+?)(,|;| )", message):
        return "a gong that the tuning lacks", check.lacking(instrument, found[1], check.PITCHES[found[2]])
    if found := re.match(r"tuning (\S+) cannot give (\w+) on (\S+?):", message):
        return "a mode that the tuning lacks", True if re.search(r"lacks [A-G]", message) else None
    if found := re.match(r"no tuning of the (\w+) gives gong (\S+?);", message):
        known = check.checker.GUQIN_TUNINGS if found[1] == "guqin" else check.checker.GUZHENG_TUNINGS
        return "a gong that no tuning has", all(check.lacking(found[1], one, check.PITCHES[found[2]]) for one in known)
    if re.match(r"(no tuning|\w+ has no tuning)|.*tuning .*(unknown|is called)", message):
        known = check.checker.GUQIN_TUNINGS if instrument == "guqin" else check.checker.GUZHENG_TUNINGS
        return "a tuning that there is not", asked.get("tuning") not in known
    if message.startswith("both bars and seconds"):
        return "bars and seconds at once", bool(asked.get("bars") and asked.get("seconds"))
    if re.match(r"bars -?\d+;", message):
        return "bars out of range", not 2 <= (asked.get("bars") or 0) <= 2000
    if message.startswith("seconds "):
        return "seconds out of range", not 5 <= asked["seconds"] <= 3600
    if re.search(r"bars of \S+ at tempo \S+ last", message):
        return "a length that whole bars cannot have", impossible_seconds(message, asked)
    if "seconds are" in message:
        return "seconds out of range", number[-2 if "at most" in message else -1] > 2000
    if message.startswith("tempo"):
        return "a tempo out of range", not 20 <= asked["tempo"] <= 300
    if message.startswith("metre"):
        return "a metre that there is not", asked["metre"] not in check.METRES
    if message.startswith("max-copy") and "itself shares" in message:
        return "a melody that is a longer copy itself", source["real"] or None
    if message.startswith("max-copy"):
        return "max-copy too short to be known", asked["max_copy"] < 7
    if "without a form" in message:
        return "a modulation without a form", "form" not in asked
    if "no section that may modulate" in message:
        plan = asked.get("plan")
        short = {"guqin": 24}.get(str(asked.get("form")), 17)
        length = asked.get("bars") or 24
        if plan:
            fifths = {f for _, _, f in plan}
            return "a modulation for which there is no section", MODULATIONS[asked["modulate"]] not in fifths
        return "a modulation for which there is no section", length < short or None
    if "in style" in message or "in harmonics, style" in message:
        return "a form of another style", (asked["style"], asked["form"]) in WRONG_STYLE
    if "beats in bars of" in message:
        above, below = map(int, metre.split("/"))
        return "a form in beats in another metre", (8 * below) % (4 * above) != 0 or 8 * below // (4 * above) < 2
    if re.match(r"form [\w-]+ in -?\d+ bars", message):
        if "plan" in asked:
            return "a length that the form has not", asked.get("bars") != sum(bars for _, bars, _ in asked["plan"])
        if asked["form"] == "sannong":  # two bars at least for each of its seven sections
            return "a length that the form has not", asked["bars"] < 14
        if asked["form"] == "baban":
            above, below = map(int, metre.split("/"))
            return "a length that the form has not", (asked["bars"] * 4 * above / below) % 68 != 0
        return "a length that the form has not", None
    if "a motif of" in message:
        bar = check.ticks_of(metre) / 480
        room = min(bars for _, bars, _ in asked["plan"]) if "plan" in asked else asked.get("bars")
        if room is None:
            return "a motif too long for the piece", number[1] - 1 < motif_quarters / bar
        return "a motif too long for the piece", motif_quarters > (room - 1) * bar or None
    if "does not lie in its gong" in message:
        outside = sum(q for sign, q in asked["notes"] if sign[0] in "47")
        return "a motif of another gong", outside * 3 > motif_quarters
    if "has no place in gong" in message:
        return "a motif that the tuning lacks", None
    if re.match(r"bars \d+-\d+ of", message):
        return "bars beyond the end", asked["bars"][1] > count
    if message.startswith("after bar"):
        return "a bar beyond the end", asked["after"] > count
    if "bars to go on for" in message:
        return "too short to go on", (asked.get("bars") or number[0]) < 2
    if "hold no notes" in message:
        end = check.bar_lines(written(source))[asked["after"]]
        return "nothing to go on from", int(written(source).notes["onset"].min()) >= end
    if "rhythm and pitch are both kept" in message:
        return "nothing left to vary", {"rhythm", "pitch"} <= set(asked["keep"])
    if message.startswith("the pitches are kept"):
        return "kept pitches in another mode", "pitch" in asked["keep"] and bool(asked["mode"] or asked["gong"])
    if message.startswith("nothing is to be varied"):
        return "another mode, but nothing varied", asked["amount"] == 0
    if "sings one tone at a time" in message:
        return "a voice with chords", instrument == "voice"
    if "does not say what it is for" in message:
        return "no style", "style" not in asked
    if "cannot be played as it stands" in message:
        lacks = hands_lack(asked.get("style") or source["style"], source, verb)
        return "a source that cannot be played", lacks or None
    return re.sub(r"\d+", "N", message)[:80], None


def impossible_seconds(message: str, asked: dict[str, Any]) -> bool:
    """Tell whether no tempo that was asked for, or that suits the style, gives a number of bars its seconds."""
    found = re.search(r"but (\d+) bars of \S+ at tempo (\S+) last (\d+)", message)
    assert found is not None
    bars, tempo, lasts = int(found[1]), float(found[2]), int(found[3])
    if asked.get("tempo"):
        above, below = map(int, (asked["metre"] or {"guqin": "4/4"}.get(asked["style"], "2/4")).split("/"))
        plain = bars * above * 4 / below * 60 / tempo  # sections of a named form may go slower or faster
        off = plain if asked.get("form") not in FORMS else lasts
        return abs(off - asked["seconds"]) > 0.85 * off / bars
    slowest, fastest = TEMPI[asked["style"]]
    return not slowest * 0.67 <= tempo * lasts / asked["seconds"] <= fastest * 1.49


TEMPI = {"guqin": (54.0, 72.0), "guzheng": (66.0, 92.0), "folk": (72.0, 100.0)}
"""Slowest and fastest usual tempo of a style."""

WRONG_STYLE = {
    *((style, form) for style in ("guzheng", "folk") for form in ("guqin", "sannong")),
    *(("guqin", form) for form in ("baban", "slow-to-fast", "qichengzhuanhe")),
}


def hands_lack(style: str, source: dict[str, Any], verb: str) -> bool:
    """Tell whether the referee finds no way to play a source in any tuning."""
    instrument = INSTRUMENT[style]
    known = {"guqin": check.checker.GUQIN_TUNINGS, "guzheng": check.checker.GUZHENG_TUNINGS}.get(instrument, {"": ""})
    return all(check.unplayable(instrument, tuning, written(source)) for tuning in known)


# ---- the run and its table ------------------------------------------------------------------------------------------


def report(results: list[dict[str, Any]]) -> None:
    """Print tables: requests by verb, checks, refusals."""
    states = ("kept", "broken", "refused", "gave up", "crashed")
    print(f"{len(results)} requests, {sum(row['seconds'] for row in results):,.0f} s")
    print("\n| verb | requests | " + " | ".join(states) + " |\n|---|" + "---:|" * (len(states) + 1))
    verbs = defaultdict(Counter)
    for row in results:
        verbs[f"{row['verb']}{', ' + row['from'] if row['from'] else ''}"][row["state"]] += 1
    for verb, counts in sorted(verbs.items()):
        print(f"| {verb} | {sum(counts.values())} | " + " | ".join(str(counts[state]) for state in states) + " |")
    checks, broken = Counter[str](), Counter[str]()
    for row in results:
        checks.update(row["checks"].keys())
        broken.update({line.split(":")[0] for line in row["broken"]})
    print("\n| check | pieces | broken |\n|---|---:|---:|")
    for name, count in checks.most_common():
        print(f"| {name} | {count} | {broken[name]} |")
    kinds = defaultdict(Counter)
    for row in results:
        if row["state"] in ("refused", "gave up"):
            kinds[row["kind"]][row["justified"]] += 1
    print("\n| refused | requests | justified | not judged | not justified |\n|---|---:|---:|---:|---:|")
    for kind, counts in sorted(kinds.items(), key=lambda item: -sum(item[1].values())):
        print(f"| {kind} | {sum(counts.values())} | {counts[True]} | {counts[None]} | {counts[False]} |")
    print()
    for row in results:
        if row["state"] in ("broken", "crashed") or row.get("justified", True) is not True:
            text = "; ".join(row["broken"]) or row["message"]
            print(f"{row['number']} {row['verb']} {row.get('source', '')} {row['state']}: {text}\n    {row['asked']}")


def again(results: list[dict[str, Any]], count: int) -> None:
    """Make results again in one new process and compare byte for byte."""
    files = [row["target"] for row in results if row["state"] == "kept" and Path(row["target"]).exists()]
    some = files[:: max(1, len(files) // count)][:count]
    program = (
        "import sys, symgen, tempfile, pathlib\n"
        "same = 0\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    for name in sys.argv[1:]:\n"
        "        target = pathlib.Path(folder, 'again.mid')\n"
        "        result = symgen.again(name, output=target)\n"
        "        equal = result.identical and target.read_bytes() == pathlib.Path(name).read_bytes()\n"
        "        same += equal\n"
        "        if not equal: print('differs:', name)\n"
        "print(f'{same} of {len(sys.argv) - 1} made again byte for byte')\n"
    )
    subprocess.run([sys.executable, "-c", program, *some], check=False, env=os.environ)


def main() -> None:
    """Run a part of the requests, or print the table of several parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with guqin/, guzheng/ and folk/")
    parser.add_argument("--json", type=Path, help="results, a line each; taken up again if it is there")
    parser.add_argument("--folder", type=Path, help="where the pieces go; a temporary folder by default")
    parser.add_argument("--again", type=int, default=0, help="how many results to make again")
    parser.add_argument("--report", type=Path, nargs="+", help="print the table of these results")
    arguments = parser.parse_args()
    if arguments.report:
        lines = [line for path in arguments.report for line in path.read_text(encoding="utf-8").splitlines()]
        results = {row["number"]: row for row in map(json.loads, lines)}
        ordered = [results[number] for number in sorted(results)]
        report(ordered)
        if arguments.again:
            again(ordered, arguments.again)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        log = arguments.json or Path(name, "results.jsonl")
        done = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        have = {row["number"] for row in done}
        pool = sources(folder, arguments.seed, arguments.data)
        for number in range(arguments.first, arguments.first + arguments.requests):
            if number in have:
                continue
            done.append(run(number, arguments.seed, folder, pool))
            with log.open("a", encoding="utf-8") as out:
                out.write(json.dumps(done[-1], ensure_ascii=False, default=str) + "\n")
        report(done)
        if arguments.again:
            again(done, arguments.again)


if __name__ == "__main__":
    main()
