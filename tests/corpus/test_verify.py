"""Verification: a dataset as it was written is whole, and no change to it, however small or well hidden, is missed."""

import json
import random
import shutil
import tracemalloc

import numpy as np
import pytest

from symgen.corpus.dataset import PIECE_DTYPE
from symgen.corpus.findings import CHECKS, MOST_FAULTS, Findings
from symgen.corpus.verify import verify
from symgen.corpus.writer import FILES, json_line, json_text, write_dataset
from symgen.errors import CorpusError
from symgen.tokens.sequence import FAMILIES
from tests.corpus.small import make_dataset, seal


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("verify"))


@pytest.fixture
def folder(made, tmp_path):
    """Return a copy of the dataset that a test may damage."""
    return shutil.copytree(made, tmp_path / "copy.symgen")


def wrong(folder):
    """Return check -> faults of those checks that found any."""
    return {o.check.name: o.faults for o in verify(folder).outcomes() if o.status == "wrong"}


def test_what_was_converted_is_whole(made):
    outcomes = verify(made).outcomes()
    assert [outcome.check for outcome in outcomes] == list(CHECKS)
    assert [(o.check.name, o.faults, o.reason) for o in outcomes if o.status != "ok"] == []


def test_a_dataset_of_nothing_is_whole_but_for_its_summary(tmp_path):
    write_dataset(tmp_path / "d", [], [], "settings")
    assert set(wrong(tmp_path / "d")) == {"sums"}  # summary.json was not asked for


def test_it_has_something_of_everything(made):
    """The dataset of these tests, so that each check has something to look at."""
    summary = json.loads((made / "summary.json").read_bytes())
    assert summary["near_duplicates"]["pieces with a near-duplicate before them"] >= 2
    assert {"ok", "salvaged", "failed"} <= summary["status"].keys()


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found_wherever_it_is(folder, name):
    data = (folder / name).read_bytes()
    draw = random.Random(name)
    places = [0, len(data) - 1, *(draw.randrange(len(data)) for _ in range(12))]
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << draw.randrange(8)
        (folder / name).write_bytes(changed)
        assert wrong(folder), f"byte {place}"
    (folder / name).write_bytes(data)
    assert not wrong(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"", lambda d: d + b" ", lambda d: d[: len(d) // 2]])
def test_a_length_that_lies_is_found(folder, name, damage):
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    assert wrong(folder)


def test_every_byte_of_dataset_json_counts(folder):
    """No other file vouches for it: it must vouch for itself, spaces included."""
    data = (folder / "dataset.json").read_bytes()
    from symgen.corpus.verify import _check_facts

    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] = 0x20 if changed[place] != 0x20 else 0x09
        (folder / "dataset.json").write_bytes(changed)
        findings = Findings()
        _check_facts(folder, findings)
        assert findings.are_wrong("facts"), f"byte {place}"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    faults = wrong(folder)
    assert any(fault.where == name for fault in faults.get("files", ()) + faults.get("facts", ()))


def test_a_folder_in_the_place_of_a_file_is_named(folder):
    (folder / "chord.npy").unlink()
    (folder / "chord.npy").mkdir()
    assert wrong(folder)["files"][0].where == "chord.npy"


def test_killed_amid_writing(folder):
    """What stands in the folder while new files take the place of old ones: dataset.json comes last."""
    for name in FILES[3:]:
        (folder / name).unlink()
    outcomes = verify(folder).outcomes()
    assert outcomes[0].status == "wrong"
    assert {o.status for o in outcomes[1:]} == {"not checked"}


def test_where_there_is_nothing(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusError, match="no dataset at"):
            verify(path)


# What follows is hidden: the digests are put right afterwards, so that only sense tells.


def array(name, change):
    def damage(folder):
        values = np.load(folder / f"{name}.npy")
        values = change(values)
        np.save(folder / f"{name}.npy", values)

    return damage


def put(place, value, column=None):
    def change(values):
        (values if column is None else values[column])[place] = value
        return values

    return change


def lines(name, change):
    """Change the lines of a file, each an object; a list of objects comes back."""

    def damage(folder):
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_bytes().splitlines()]
        (folder / f"{name}.jsonl").write_bytes(b"".join(map(json_line, change(rows))))

    return damage


def entry(number, /, **fields):
    return lines("index", lambda rows: [row | fields if n == number else row for n, row in enumerate(rows)])


def report(status, /, **fields):
    """Change the first line of the report of that status."""

    def change(rows):
        first = next(n for n, row in enumerate(rows) if row["status"] == status)
        return [row | fields if n == first else row for n, row in enumerate(rows)]

    return lines("report", change)


def text(name, old, new):
    def damage(folder):
        data = (folder / name).read_bytes()
        assert old in data
        (folder / name).write_bytes(data.replace(old, new, 1))

    return damage


def facts(**fields):
    return lambda folder: (folder / "dataset.json").write_bytes(
        json_text(json.loads((folder / "dataset.json").read_bytes()) | fields)
    )


def summary(**fields):
    return lambda folder: (folder / "summary.json").write_bytes(
        json_text(json.loads((folder / "summary.json").read_bytes()) | fields)
    )


def other_split(rows):
    """Move the second piece of a family away from the first."""
    for number, row in enumerate(rows):
        if row["family"] != number:
            row["split"] = "test" if row["split"] != "test" else "train"
            break
    return rows


def other_split_of_a_title(rows):
    """Give a piece the title of another, which stands in another split."""
    one = next(row for row in rows if row["split"] == "train")
    two = next(row for row in rows if row["split"] != "train")
    two["title"] = f"07_{one['title']} (2)"
    return rows


SIZE = len(FAMILIES[1].VOCABULARY)
HIDDEN = {
    "token of no vocabulary": (
        array("melody", put(5, SIZE)),
        "tokens",
        f"melody.npy, step 5, piece 0: {SIZE}; expected 1 to {SIZE - 1}",
    ),
    "token before the first": (array("rhythm", put(0, 0)), "tokens", "rhythm.npy, step 0, piece 0: 0"),
    "token below 0": (array("chord", put(-1, -7)), "tokens", "chord.npy, step"),
    "another type": (array("chord", lambda v: v.astype(np.int32)), "arrays", "chord.npy: int32 of shape"),
    "two dimensions": (array("rhythm", lambda v: v.reshape(-1, 1)), "arrays", "rhythm.npy: int16 of shape"),
    "too few steps": (array("melody", lambda v: v[:-1]), "arrays", "melody.npy: int16 of shape"),
    "a note for a rest": (array("melody", put(0, 1)), "notes", "pieces.npy, piece 0: "),
    "beyond MIDI": (array("pieces", put(0, 127, "gong")), "notes", "step "),
    "fewer notes": (array("pieces", put(3, 5, "notes")), "notes", "pieces.npy, piece 3: 5 notes; expected"),
    "no beginning": (array("offsets", put(0, 1)), "offsets", "offsets.npy, beginning: 1; expected 0"),
    "no end": (array("offsets", put(-1, 10)), "offsets", "offsets.npy, end: 10; expected"),
    "falling": (
        array("offsets", lambda v: np.concatenate((v[:1], v[1:-1][::-1], v[-1:]))),
        "offsets",
        "offsets.npy, piece",
    ),
    "one piece less in offsets": (array("offsets", lambda v: np.delete(v, 1)), "arrays", "offsets.npy: int64 of shape"),
    "columns of other pieces": (array("pieces", lambda v: v[::-1].copy()), "columns", "pieces.npy, piece 0, line"),
    "one row less": (array("pieces", lambda v: v[1:]), "arrays", "pieces.npy: rows of"),
    **{
        f"column {name}": (array("pieces", put(2, 1, name)), "columns", f"pieces.npy, piece 2, {name}: 1")
        for name in ("line", "notes", "gong")
    },
    **{
        f"column {name}": (array("pieces", put(2, 99, name)), "columns", f"pieces.npy, piece 2, {name}: 99")
        for name in ("family", "seconds", "style", "mode", "metre", "split")
    },
    "style of the index": (entry(1, style="guqin"), "columns", "pieces.npy, piece 1, style"),
    "notes of the index": (entry(1, notes=3), "columns", "pieces.npy, piece 1, notes"),
    "no such mode": (entry(1, mode="dorian"), "index", "index.jsonl, line 2, mode: dorian; expected one of"),
    "no such gong": (entry(1, gong=128), "index", "index.jsonl, line 2, gong: 128"),
    "true for 1": (entry(1, part=True), "index", "index.jsonl, line 2, part: True"),
    "metre on no bar": (entry(1, metres=[[7, 2, 4]]), "index", "index.jsonl, line 2: "),
    "metre of three": (entry(1, metres=[[0, 2]]), "index", "index.jsonl, line 2, metres"),
    "no tempo": (entry(1, tempi=[[0, 0.0]]), "index", "index.jsonl, line 2: "),
    "no digest": (entry(1, sha256="X" * 64), "index", "index.jsonl, line 2, sha256"),
    "control character in a code": (entry(1, lost={"a\x1b[2J": 1}), "index", "index.jsonl, line 2, lost"),
    "control character in a corpus": (entry(1, corpus="a\nb"), "index", "index.jsonl, line 2, corpus"),
    "a field too many": (entry(1, extra=1), "index", "index.jsonl, line 2, extra"),
    "a field too few": (
        lines("index", lambda rows: [{k: v for k, v in r.items() if k != "flags"} for r in rows]),
        "index",
        "flags: nothing",
    ),
    "no object": (lines("index", lambda rows: [[], *rows[1:]]), "index", "index.jsonl, line 1: list"),
    "no JSON": (text("index.jsonl", b"{", b"("), "index", "index.jsonl, line 1: "),
    "no number": (text("index.jsonl", b'"seconds": ', b'"seconds": NaN, "x": '), "index", "NaN is no number"),
    "no UTF-8": (text("index.jsonl", b'"title": "', b'"title": "\xff'), "index", "UnicodeDecodeError"),
    "too deep": (text("index.jsonl", b"{", b"[" * 100_000), "index", "RecursionError"),
    "a huge number": (text("index.jsonl", b'"part": ', b'"part": 1' + b"0" * 400), "index", "line 1, part"),
    "a line less": (lines("index", lambda rows: rows[:-1]), "index", "lines; expected"),
    "a line more": (lines("index", lambda rows: [*rows, rows[0]]), "index", "lines; expected"),
    "raw control": (text("index.jsonl", b'"title": "', b'"title": "\xc2\x9b'), "characters", "index.jsonl, line 1: "),
    "raw control in the report": (
        text("report.jsonl", b'"path": "', b'"path": "\x7f'),
        "characters",
        "report.jsonl, line 1",
    ),
    "other spaces": (text("index.jsonl", b'": ', b'":  '), "characters", "index.jsonl, line 1"),
    "a key twice": (text("index.jsonl", b'"part": 0', b'"part": 9, "part": 0'), "characters", "index.jsonl, line 1"),
    "no end of line": (
        lambda f: (f / "index.jsonl").write_bytes((f / "index.jsonl").read_bytes()[:-1]),
        "characters",
        "index.jsonl, line",
    ),
    "a family ahead": (
        entry(0, family=2),
        "families",
        "index.jsonl, line 1, family: 2; expected this piece or an earlier one",
    ),
    "a family of a member": (
        lines("index", lambda rows: [r | {"family": max(0, n - 1), "near": None} for n, r in enumerate(rows)]),
        "families",
        "a piece whose family has its own number",
    ),
    "near a stranger": (
        entry(4, near=[1, 0.5]),
        "families",
        "index.jsonl, line 5, near: 1; expected a piece of the same family",
    ),
    "near a later one": (
        entry(4, near=[4, 0.5]),
        "families",
        "index.jsonl, line 5, near: 4; expected an earlier piece",
    ),
    "a family in two splits": (lines("index", other_split), "splits", "the split of the first piece of its family"),
    "a title in two splits": (lines("index", other_split_of_a_title), "splits", "first of this title"),
    "a piece twice": (entry(2, part=0), "identity", "index.jsonl, line 3: the piece of line 2 again"),
    "an input twice": (
        lines("report", lambda rows: [*rows, next(r for r in rows if not r["pieces"])]),
        "identity",
        "report.jsonl, line",
    ),
    "a status": (report("ok", status="fine"), "report", "status: fine"),
    "a failure with pieces": (report("ok", status="failed", code="x", reason="x"), "report", "failed with 1 pieces"),
    "a failure without reason": (report("failed", reason=""), "report", "a failure without a reason"),
    "notes of an input": (report("ok", notes=1), "report", "notes: 1; expected"),
    "a loss less": (report("salvaged", mended={}), "report", "mended "),
    "pieces of an input": (report("ok", pieces=9), "report", "what follows was not compared"),
    "another path": (report("ok", path="elsewhere"), "report", "path: "),
    "a report without an input": (lines("report", lambda rows: [r for r in rows if r["status"] != "ok"]), "report", ""),
    "an escape in a reason": (report("failed", reason="\x1b]0;x\x07"), "report", "reason: "),
    "sum of pieces": (summary(pieces=1), "sums", "summary.json, pieces: 1; expected"),
    "hours": (summary(hours=1e6), "sums", "summary.json, hours"),
    "a failure less": (summary(failed={}), "sums", "summary.json, failed"),
    "a licence": (summary(corpora={}), "sums", "summary.json, corpora"),
    "a sum too many": (summary(more=1), "sums", "summary.json, more"),
    "no summary": (lambda f: (f / "summary.json").write_bytes(b"[]"), "sums", "summary.json: list"),
    "no JSON in the summary": (lambda f: (f / "summary.json").write_bytes(b"{"), "sums", "summary.json: "),
    "notes in dataset.json": (facts(notes=1), "sums", "dataset.json, notes: 1; expected"),
    "splits in dataset.json": (facts(splits={"train": 1}), "sums", "dataset.json, splits"),
    "pieces in dataset.json": (facts(pieces=1), "arrays", "offsets.npy"),
    "pieces below 0": (facts(pieces=-1), "facts", "dataset.json, pieces: -1"),
    "steps without end": (facts(steps=2**60), "arrays", "rhythm.npy"),
    "another vocabulary": (facts(vocabulary={}), "facts", "dataset.json, vocabulary"),
    "another format": (facts(format=3), "facts", "dataset.json, format: 3; expected 2"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_damage_is_found_by_its_check(folder, name):
    damage, check, words = HIDDEN[name]
    damage(folder)
    seal(folder)
    faults = wrong(folder)
    assert check in faults, faults
    assert any(words in str(fault) for fault in faults[check]), faults[check]
    for found in faults.values():
        assert all(str(fault).isprintable() for fault in found)


def test_a_digest_that_is_not_vouched_for(folder):
    facts(files={})(folder)
    text = json.loads((folder / "dataset.json").read_bytes())
    assert "digest" in text
    assert {"files", "facts"} <= set(wrong(folder))


def test_the_number_of_faults_is_bounded_and_counted(folder):
    array("melody", lambda v: np.zeros_like(v))(folder)
    seal(folder)
    (tokens,) = (o for o in verify(folder).outcomes() if o.check.name == "tokens")
    assert len(tokens.faults) == MOST_FAULTS
    assert tokens.count == len(np.load(folder / "melody.npy"))


def test_memory_holds_a_block_not_the_dataset(tmp_path):
    """Sixteen times the steps of a block, of one huge piece: what is held does not follow."""
    from symgen.corpus.hashed import BLOCK

    steps = 16 * BLOCK
    write_dataset(tmp_path / "d", [], [], "")
    for family in FAMILIES:
        np.save(tmp_path / "d" / f"{family.NAME}.npy", np.ones(steps, np.int16))
    np.save(tmp_path / "d" / "offsets.npy", np.array([0, steps]))
    np.save(tmp_path / "d" / "pieces.npy", np.zeros(1, PIECE_DTYPE))
    facts(pieces=1, steps=steps)(tmp_path / "d")
    seal(tmp_path / "d")
    tracemalloc.start()
    findings = verify(tmp_path / "d", sample=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100 * BLOCK  # bytes; three arrays of all steps alone are 96 of them
    assert not findings.are_wrong("tokens", "arrays", "offsets", "files")
