"""The dataset on disk: what is written comes back, and what is damaged says so."""

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from symgen.corpus.dataset import PIECE_DTYPE, Dataset, Entry
from symgen.corpus.writer import FILES, prepare_folder, write_dataset
from symgen.errors import CorpusError, UsageError, WriteError
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.tokens.codec import encode

TITLES = ["流水", "line\nbreak", "half \udcff pair", "ends\u2028and\x85ends 🎵 \x9b31m\x7f"]


def piece(number, title):
    """Return an entry and the tokens of a tune of `number` + 4 notes."""
    notes = make_notes([(240 * i, 240, 60 + (2, 4, 7, 9, 0)[i % 5]) for i in range(number + 4)])
    score = Score(notes, metres=(Metre(0, 2, 4), Metre(960, 3, 4)), tempi=(Tempo(0, 66.5),), title=title)
    tokens = encode(score, style="guqin" if number else "folk", gong=0)
    entry = Entry(
        path=f"{title}.mid",
        sha256="0" * 64,
        part=number,
        corpus="test",
        licence="none",
        title=title,
        style=tokens.prefix.style,
        split=("train", "validation", "test")[number % 3],
        mode=tokens.prefix.mode,
        metre=tokens.prefix.metre,
        gong=tokens.gong,
        confidence=1.0,
        metres=[[m.tick, m.numerator, m.denominator] for m in tokens.metres],
        tempi=[[t.tick, t.qpm] for t in tokens.tempi],
        notes=len(score),
        seconds=score.seconds,
        format="midi",
        family=number,
        near=[0, 0.5] if number == 3 else None,
        flags=["odd-bars"],
        measures={"range": 12.0},
        lost={"voice": 2},
    )
    return entry, tokens


@pytest.fixture
def pieces():
    return [piece(number, title) for number, title in enumerate(TITLES)]


@pytest.fixture
def folder(tmp_path, pieces):
    """Return the folder of a small dataset."""
    write_dataset(tmp_path / "data", pieces, [{"path": title} for title in TITLES], "settings")
    return tmp_path / "data"


def test_what_is_written_comes_back(folder, pieces):
    dataset = Dataset(folder)
    assert len(dataset) == len(pieces)
    assert tuple(dataset.entries) == tuple(entry for entry, _ in pieces)
    assert [dataset.entries[number] for number in range(len(pieces))] == [entry for entry, _ in pieces]
    assert dataset.entries[-1] == pieces[-1][0]
    assert dataset.entries[1:3] == tuple(entry for entry, _ in pieces[1:3])
    assert [dataset.sequence(number) for number in range(len(pieces))] == [tokens for _, tokens in pieces]
    assert dataset.sequence(-1) == pieces[-1][1]
    with pytest.raises(IndexError):
        dataset.sequence(len(pieces))


def test_columns_say_what_the_index_says(folder, pieces):
    dataset = Dataset(folder)
    lines = (folder / "index.jsonl").read_bytes().splitlines(keepends=True)
    for number, (entry, tokens) in enumerate(pieces):
        row = dataset.columns[number]
        assert row["line"] == sum(map(len, lines[:number]))
        assert (row["notes"], row["family"], row["gong"]) == (entry.notes, entry.family, entry.gong)
        assert row["seconds"] == np.float32(entry.seconds)
        assert dataset.prefix(number) == tokens.prefix
    assert dataset.styles() == ["folk", "guqin"]


def test_a_piece_without_a_family_is_its_own(tmp_path):
    write_dataset(
        tmp_path, [(replace(entry, family=-1), tokens) for entry, tokens in map(piece, range(2), "ab")], [], ""
    )
    assert Dataset(tmp_path).columns["family"].tolist() == [0, 1]


def test_pieces_are_chosen_by_split_and_style(folder):
    dataset = Dataset(folder)
    assert dataset.numbers(split="train") == [0, 3]
    assert dataset.numbers(style="guqin") == [1, 2, 3]
    assert dataset.numbers(split="train", style="guqin") == [3]
    assert list(dataset.sequences(split="test")) == [dataset.sequence(2)]


def test_the_same_pieces_make_the_same_bytes(folder, pieces, tmp_path):
    write_dataset(tmp_path / "again", pieces, [{"path": title} for title in TITLES], "settings")
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(FILES)
    assert all((folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


@pytest.mark.parametrize("name", ["index.jsonl", "report.jsonl"])
def test_no_title_breaks_a_line(folder, name):
    text = (folder / name).read_bytes().decode("utf-8")
    lines = text.splitlines()  # which knows more ends of lines than files do
    assert len(lines) == len(TITLES)
    assert [json.loads(line).get("title", json.loads(line)["path"]) for line in lines] == TITLES
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for line in lines for c in line)  # nothing moves a cursor


def test_no_piece_is_a_dataset_too(tmp_path):
    write_dataset(tmp_path, [], [], "settings")
    assert len(Dataset(tmp_path)) == 0
    assert tuple(Dataset(tmp_path).entries) == ()


def test_the_index_is_read_when_it_is_needed(folder):
    (folder / "index.jsonl").unlink()
    assert len(Dataset(folder)) == len(TITLES)


def test_tokens_are_mapped(folder):
    assert all(isinstance(tokens, np.memmap) for tokens in Dataset(folder)._tokens)


def test_numpy_alone_reads_it(folder, pieces):
    """The recipe of docs/DATASET.md."""
    code = """
import json, sys, numpy as np
folder = sys.argv[1]
melody = np.load(f"{folder}/melody.npy", mmap_mode="r")
offsets = np.load(f"{folder}/offsets.npy")
index = [json.loads(line) for line in open(f"{folder}/index.jsonl", encoding="utf-8")]
print(*[len(melody[a:b]) for a, b in zip(offsets, offsets[1:])], *[piece["notes"] for piece in index])
"""
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, cwd="/")
    steps = [len(tokens) for _, tokens in pieces]
    assert list(map(int, done.stdout.split())) == [*steps, *(entry.notes for entry, _ in pieces)]


def damage_json(**changes):
    def damage(folder):
        facts = json.loads((folder / "dataset.json").read_text()) | changes
        (folder / "dataset.json").write_text(json.dumps(facts))

    return damage


def damage_index(text):
    return lambda folder: (folder / "index.jsonl").write_text(text)


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def save(name, array):
    return lambda folder: np.save(folder / name, array)


class Trap:
    """Unpickled, this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def pickled(folder):
    (folder / "melody.npy").write_bytes(pickle.dumps(Trap(folder / "trapped")))


def zipped(folder):
    np.savez(folder / "melody.npz", a=np.zeros(3))
    (folder / "melody.npz").replace(folder / "melody.npy")


def objects(folder):
    np.save(folder / "melody.npy", np.array([Trap(folder / "trapped")], dtype=object), allow_pickle=True)


DAMAGES = {
    "cut array": (cut("melody.npy", -2), "melody.npy"),
    "cut header": (cut("melody.npy", 20), "melody.npy"),
    "empty array": (cut("rhythm.npy", 0), "rhythm.npy"),
    "no array": (lambda folder: (folder / "chord.npy").unlink(), "chord.npy"),
    "pickle": (pickled, "melody.npy"),
    "objects": (objects, "melody.npy"),
    "zip": (zipped, "melody.npy"),
    "other type": (save("melody.npy", np.zeros(3)), "holds float64; expected int16"),
    "two dimensions": (save("melody.npy", np.zeros((3, 2), np.int16)), "melody.npy holds"),
    "too few tokens": (save("melody.npy", np.ones(3, np.int16)), "as many as offsets.npy says"),
    "no offset": (save("offsets.npy", np.zeros(0, np.int64)), "offsets.npy"),
    "falling offsets": (save("offsets.npy", np.array([0, 9, 5, 22], np.int64)), "does not rise from 0"),
    "offset below 0": (save("offsets.npy", np.array([-1, 22], np.int64)), "does not rise from 0"),
    "no facts": (lambda folder: (folder / "dataset.json").unlink(), "no dataset at .*run symgen convert"),
    "cut facts": (cut("dataset.json", 20), "dataset.json"),
    "facts that are a list": (lambda folder: (folder / "dataset.json").write_text("[]"), "dataset format list"),
    "older format": (damage_json(format=1), "dataset format 1; expected 2"),
    "newer format": (damage_json(format=3), "dataset format 3; expected 2"),
    "other vocabulary": (damage_json(vocabulary={"rhythm": "0"}), "another vocabulary"),
    "no vocabulary": (damage_json(vocabulary=None), "another vocabulary"),
    "other names": (damage_json(names={"style": ["unknown"]}), "another vocabulary"),
    "no names": (damage_json(names=None), "another vocabulary"),
    "no columns": (lambda folder: (folder / "pieces.npy").unlink(), "pieces.npy"),
    "cut columns": (cut("pieces.npy", -2), "pieces.npy"),
    "cut head of columns": (cut("pieces.npy", 50), "pieces.npy"),
    "columns of another type": (save("pieces.npy", np.zeros(4, np.int64)), "pieces.npy holds int64"),
    "columns of other names": (
        save("pieces.npy", np.zeros(4, [("line", "<i8"), ("notes", "<i4")])),
        "pieces.npy holds",
    ),
    "columns in two dimensions": (save("pieces.npy", np.zeros((2, 2), PIECE_DTYPE)), "pieces.npy holds"),
    "too few columns": (save("pieces.npy", np.zeros(3, PIECE_DTYPE)), "pieces.npy has 3 rows; expected 4"),
    "too many columns": (save("pieces.npy", np.zeros(5, PIECE_DTYPE)), "pieces.npy has 5 rows; expected 4"),
}
DAMAGES_OF_THE_INDEX = {
    "missing line": (lambda f: damage_index((f / "index.jsonl").read_text().partition("\n")[2])(f), "has 3 lines"),
    "no index": (lambda folder: (folder / "index.jsonl").unlink(), "index.jsonl"),
    "no JSON": (damage_index("{}{\n" * 4), "index.jsonl"),
    "no fields": (damage_index("{}\n" * 4), "index.jsonl"),
    "lists": (damage_index("[]\n" * 4), "index.jsonl"),
    "not UTF-8": (lambda folder: (folder / "index.jsonl").write_bytes(b"\xff\n" * 4), "index.jsonl"),
    "too deep": (damage_index(("[" * 100_000 + "\n") * 4), "index.jsonl"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_when_it_opens(folder, name):
    damage, words = DAMAGES[name]
    damage(folder)
    with pytest.raises(CorpusError, match=words) as caught:
        Dataset(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "trapped").exists()


@pytest.mark.parametrize("name", DAMAGES_OF_THE_INDEX)
def test_damage_is_found_when_the_index_is_read(folder, name):
    damage, words = DAMAGES_OF_THE_INDEX[name]
    damage(folder)
    with pytest.raises(CorpusError, match=words) as caught:
        tuple(Dataset(folder).entries)
    assert "\n" not in str(caught.value)


def set_column(name, value):
    def damage(folder):
        rows = np.load(folder / "pieces.npy")
        rows[name] = value
        np.save(folder / "pieces.npy", rows)

    return damage


@pytest.mark.parametrize("place", [-1, 1, 10**12, 2**62])
def test_a_line_that_begins_elsewhere_is_damage(folder, place):
    set_column("line", place)(folder)
    with pytest.raises(CorpusError, match=r"index\.jsonl"):
        Dataset(folder).entries[2]


@pytest.mark.parametrize("name", ["style", "mode", "metre"])
def test_a_number_without_a_name_is_damage(folder, name):
    set_column(name, 200)(folder)
    dataset = Dataset(folder)
    with pytest.raises(CorpusError, match=r"pieces.npy, piece 0"):
        dataset.prefix(0)
    assert dataset.styles() == ([] if name == "style" else ["folk", "guqin"])


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "dorian"}, {"style": None}, {"metres": [[0, 4]]}, {"metres": None}, {"tempi": [[0, 60, 3]]}],
    ids=str,
)
def test_damage_is_found_when_a_piece_is_read(tmp_path, wrong):
    entry, tokens = piece(1, "a")
    write_dataset(tmp_path, [(entry, tokens)], [], "settings")
    (tmp_path / "index.jsonl").write_text(json.dumps(entry.as_json() | wrong) + "\n")
    with pytest.raises(CorpusError, match="piece 0: "):
        Dataset(tmp_path).sequence(0)


def test_tokens_outside_the_vocabulary_are_damage(folder):
    melody = np.load(folder / "melody.npy")
    melody[0] = 5000
    np.save(folder / "melody.npy", melody)
    with pytest.raises(CorpusError, match="piece 0: melody token 5000 at step 0; expected 1 to 1081"):
        Dataset(folder).sequence(0)


class TestPrepareFolder:
    def test_a_missing_folder_is_made(self, tmp_path):
        prepare_folder(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    def test_a_dataset_and_a_damaged_one_can_be_written_over(self, folder):
        prepare_folder(folder)
        (folder / "dataset.json").unlink()
        prepare_folder(folder)

    def test_other_files_are_left_alone(self, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        prepare_folder(tmp_path)

    @pytest.mark.parametrize("name", ["dataset.json", "index.jsonl", "report.jsonl"])
    def test_files_of_others_are_not_written_over(self, tmp_path, name):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match=f"holds a {name} that is not a dataset's"):
            prepare_folder(tmp_path)
        assert (tmp_path / name).read_text() == "mine"

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").write_text("mine")
        for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
            with pytest.raises(WriteError, match="cannot be made"):
                prepare_folder(path)
        assert (tmp_path / "file").read_text() == "mine"
