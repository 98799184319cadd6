"""What a dataset holds, whether it is whole, and its rows for other tools: the use cases and their door."""

import importlib.util
import json
import shutil
from dataclasses import fields, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen import console
from symgen.cli import app
from symgen.convert import ConvertRequest, convert
from symgen.corpus.card import SIGNATURE
from symgen.corpus.dataset import SPLITS, Dataset
from symgen.corpus.escapes import md_text, yaml_text
from symgen.corpus.export import GROUP_ROWS
from symgen.corpus.fields import FIELDS
from symgen.corpus.findings import CHECKS
from symgen.corpus.writer import FILES, write_dataset
from symgen.datasets import DatasetInfo, ExportRequest, describe_dataset, export_dataset, verify_dataset
from symgen.errors import CorpusError, UsageError, WriteError
from tests.corpus.small import make_dataset, write_inputs

yaml = pytest.importorskip("yaml", reason="PyYAML comes with distributed, which the tools of development bring")

needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="no pyarrow here; pip install 'symgen[parquet]'"
)
BOTH = ["jsonl", pytest.param("parquet", marks=needs_pyarrow)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("datasets"))


def rows_in(path):
    """Return the rows of an exported file as plain data."""
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def parts_of(card):
    """Return the head of a card, read by YAML, and its text."""
    head, _, text = card.read_text("utf-8").removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), text


def command(*words):
    return console.run(app, ["dataset", *map(str, words)])


class TestInfo:
    def test_it_agrees_with_the_index(self, made):
        facts = describe_dataset(made).as_json()
        entries = list(Dataset(made).entries)
        assert facts["pieces"] == len(entries) == sum(facts["splits"].values())
        assert facts["notes"] == sum(entry.notes for entry in entries)
        assert facts["hours"] == round(sum(entry.seconds for entry in entries) / 3600, 2)
        assert facts["modes"] == {m: sum(e.mode == m for e in entries) for m in facts["modes"]}
        assert facts["near_duplicates"] == sum(entry.family != n for n, entry in enumerate(entries))
        assert facts["corpora"]["undeclared"]["pieces"] == len(entries)
        assert facts["status"]["failed"] == 1
        assert facts["size_bytes"] == sum((made / name).stat().st_size for name in FILES)
        assert facts["settings"] == json.loads((made / "dataset.json").read_bytes())["settings"]
        assert facts["made"]["style"] == "folk"
        json.dumps(facts, allow_nan=False)

    def test_it_reads_no_piece(self, made, tmp_path):
        folder = shutil.copytree(made, tmp_path / "d")
        (folder / "index.jsonl").write_bytes(b"")
        (folder / "report.jsonl").unlink()
        assert describe_dataset(folder).pieces == len(Dataset(made))

    def test_without_a_summary(self, tmp_path):
        write_dataset(tmp_path, [], [], "settings")
        facts = describe_dataset(tmp_path).as_json()
        assert facts["pieces"] == 0
        assert "corpora" not in facts
        (tmp_path / "summary.json").unlink()
        assert describe_dataset(tmp_path).summary == {}
        (tmp_path / "summary.json").write_text("{")
        with pytest.raises(CorpusError, match=r"summary\.json"):
            describe_dataset(tmp_path)

    @pytest.mark.parametrize(
        "change",
        [
            {"corpora": []},
            {"corpora": {"a": 1}},
            {"corpora": {"a": {}}},
            {"failed": []},
            {"status": {"ok": None}},
            {"x": ""},
        ],
        ids=str,
    )
    def test_a_summary_that_is_none(self, made, tmp_path, change):
        folder = shutil.copytree(made, tmp_path / "d")
        summary = json.loads((folder / "summary.json").read_bytes())
        (folder / "summary.json").write_text(json.dumps(summary | change))
        with pytest.raises(CorpusError, match=r"summary\.json holds no sums; symgen dataset verify"):
            describe_dataset(folder)

    def test_an_unfinished_conversion_is_told(self, made, tmp_path, capsys):
        folder = shutil.copytree(made, tmp_path / "d")
        (folder / ".work.sqlite").write_bytes(b"")
        assert describe_dataset(folder).unfinished
        assert verify_dataset(folder).whole
        assert command("info", folder) == command("verify", folder, "-q") == 0
        assert capsys.readouterr().out.count("has not ended") == 2

    def test_a_number_without_a_name(self, made, tmp_path):
        folder = shutil.copytree(made, tmp_path / "d")
        columns = np.load(folder / "pieces.npy")
        columns["mode"][0] = 77
        np.save(folder / "pieces.npy", columns)
        with pytest.raises(CorpusError, match=r"pieces\.npy holds a number 77"):
            describe_dataset(folder)

    def test_every_field_has_its_words(self):
        words = DatasetInfo.__doc__ or ""
        assert all(field.name in words for field in fields(DatasetInfo))


def test_every_check_is_in_the_documents(repository):
    text = (repository / "docs" / "DATASET.md").read_text("utf-8")
    assert all(f"| `{check.name}` | {check.states} |" in text for check in CHECKS)


class TestTheDoor:
    def test_info(self, made, capsys):
        assert command("info", made) == 0
        out = capsys.readouterr().out
        assert "undeclared: 13 pieces" in out or "undeclared: 12 pieces" in out
        assert "no licence stated" in out
        assert command("info", made, "--json") == 0
        assert json.loads(capsys.readouterr().out)["dataset"] == str(made)

    def test_verify(self, made, tmp_path, capsys):
        assert command("verify", made) == 0
        assert "is whole" in capsys.readouterr().out
        folder = shutil.copytree(made, tmp_path / "d")
        melody = np.load(folder / "melody.npy")
        np.save(folder / "melody.npy", np.full_like(melody, 5000))
        assert command("verify", folder, "-q") == 1
        out = capsys.readouterr().out
        assert "tokens: melody.npy, step 0, piece 0: 5000; expected 1 to 1081" in out
        assert f"tokens: and {len(melody) - 20:,} more" in out
        assert "is not whole" in out
        assert command("verify", folder, "--json", "-q") == 1
        facts = json.loads(capsys.readouterr().out)
        assert facts["whole"] is False
        assert {c["check"] for c in facts["checks"] if c["status"] == "wrong"} == {"files", "tokens", "decoding"}

    def test_export(self, made, tmp_path, capsys):
        assert command("export", made, "-o", tmp_path / "out", "-q") == 0
        assert str(tmp_path / "out" / "README.md") in capsys.readouterr().out
        assert command("export", made, "-o", tmp_path / "out", "--split", "train", "--json", "-q") == 0
        assert json.loads(capsys.readouterr().out)["files"] == [str(tmp_path / "out" / "train.jsonl")]

    @pytest.mark.parametrize("name", ["info", "verify", "export"])
    def test_no_dataset(self, name, tmp_path, capsys):
        assert command(name, tmp_path, *(["-o", tmp_path / "out"] if name == "export" else []), "-q") == 1
        assert "no dataset at" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            ("--format xml", "format 'xml'; expected one of jsonl, parquet"),
            ("--split dev", "split 'dev'; expected one of train, validation, test"),
            ("--style pipa", "style 'pipa'; expected one of unknown, guqin"),
            ("--style guqin", "holds no such piece"),
        ],
    )
    def test_wrong_use(self, made, tmp_path, words, line, capsys):
        assert command("export", made, "-o", tmp_path / "out", *words.split()) == 2
        assert line in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


class TestExport:
    @pytest.mark.parametrize("kind", BOTH)
    def test_tokens_and_fields_come_back(self, made, tmp_path, kind):
        result = export_dataset(ExportRequest(made, tmp_path / "out", format=kind))
        dataset = Dataset(made)
        rows = [row for split in SPLITS if split in result.files for row in rows_in(result.files[split])]
        assert sorted(row["piece"] for row in rows) == list(range(len(dataset)))
        assert result.pieces == len(dataset)
        assert result.steps == dataset.offsets[-1]
        for row in rows:
            entry = dataset.entries[row["piece"]]
            tokens = np.array([row["rhythm"], row["melody"], row["chord"]]).T
            assert np.array_equal(tokens, dataset.steps(row["piece"]))
            for name in ("part", "sha256", "style", "gong", "mode", "notes", "seconds", "family", "flags", "key_known"):
                assert row[name] == getattr(entry, name)
            for name in ("title", "path"):
                text = getattr(entry, name)
                assert row[name] == text.encode("utf-8", "backslashreplace").decode()
            assert [[m["tick"], m["numerator"], m["denominator"]] for m in row["metres"]] == entry.metres
            assert [[t["tick"], t["qpm"]] for t in row["tempi"]] == entry.tempi
            assert {m["name"]: m["value"] for m in row["measures"]} == entry.measures
            assert {c["code"]: c["count"] for c in row["lost"]} == entry.lost
            assert (row["near_piece"], row["near_share"]) == (tuple(entry.near) if entry.near else (None, None))

    @pytest.mark.parametrize("kind", BOTH)
    def test_each_file_holds_its_split(self, made, tmp_path, kind):
        result = export_dataset(ExportRequest(made, tmp_path / "out", format=kind))
        counts = describe_dataset(made).counts["splits"]
        assert result.files.keys() == counts.keys()
        for split, path in result.files.items():
            rows = rows_in(path)
            assert path.name == f"{split}.{kind}"
            assert {row["split"] for row in rows} == {split}
            assert len(rows) == counts[split]
            assert list(rows[0]) == [field.name for field in FIELDS] or kind == "jsonl"

    @pytest.mark.parametrize("kind", BOTH)
    def test_the_same_dataset_makes_the_same_bytes(self, made, tmp_path, kind):
        for name in ("one", "two"):
            export_dataset(ExportRequest(made, tmp_path / name, format=kind))
        names = sorted(path.name for path in (tmp_path / "one").iterdir())
        assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
        assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)

    @pytest.mark.parametrize("kind", BOTH)
    def test_one_file_by_its_suffix(self, made, tmp_path, kind):
        result = export_dataset(ExportRequest(made, tmp_path / f"all.{kind}"))
        assert [row["piece"] for row in rows_in(tmp_path / f"all.{kind}")] == list(range(len(Dataset(made))))
        assert result.card == tmp_path / "all.md"
        assert {path.name for path in tmp_path.iterdir()} == {f"all.{kind}", "all.md"}
        only = export_dataset(ExportRequest(made, tmp_path / f"all.{kind}", split="train"))
        assert {row["split"] for row in rows_in(tmp_path / f"all.{kind}")} == {"train"}
        assert only.splits == {"train": only.pieces}

    def test_no_line_is_broken(self, made, tmp_path):
        export_dataset(ExportRequest(made, tmp_path / "all.jsonl"))
        data = (tmp_path / "all.jsonl").read_bytes().decode("utf-8")
        assert len(data.splitlines()) == len(Dataset(made))
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in data.replace("\n", ""))

    @needs_pyarrow
    def test_row_groups_are_bounded(self, tmp_path):
        import pyarrow.parquet

        inputs = write_inputs(tmp_path / "scores")
        convert(ConvertRequest([inputs / "tune0.mid"], tmp_path / "d"))
        dataset = Dataset(tmp_path / "d")
        entry, tokens = dataset.entries[0], dataset.sequence(0)
        pieces = ((replace(entry, part=n), tokens) for n in range(2 * GROUP_ROWS + 1))
        write_dataset(tmp_path / "many", pieces, [], "")
        (path,) = export_dataset(ExportRequest(tmp_path / "many", tmp_path / "out", format="parquet")).files.values()
        facts = pyarrow.parquet.ParquetFile(path).metadata
        assert [facts.row_group(n).num_rows for n in range(facts.num_row_groups)] == [GROUP_ROWS, GROUP_ROWS, 1]
        assert facts.row_group(0).column(0).compression == "ZSTD"

    @needs_pyarrow
    def test_other_tools_read_lines_as_parquet(self, made, tmp_path):
        """With the columns that the card declares, the two formats hold the same."""
        import pyarrow.json

        from symgen.corpus.export import schema

        export_dataset(ExportRequest(made, tmp_path / "all.jsonl"))
        export_dataset(ExportRequest(made, tmp_path / "all.parquet"))
        lines = pyarrow.json.read_json(
            tmp_path / "all.jsonl", parse_options=pyarrow.json.ParseOptions(explicit_schema=schema())
        )
        names = [field.name for field in FIELDS]
        columnar = pyarrow.parquet.read_table(tmp_path / "all.parquet")
        assert lines.select(names).to_pylist() == columnar.to_pylist()

    def test_without_pyarrow(self, made, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        with pytest.raises(WriteError, match=r"Parquet needs pyarrow; pip install 'symgen\[parquet\]'"):
            export_dataset(ExportRequest(made, tmp_path / "all.parquet"))
        assert not list(tmp_path.iterdir())


class TestTheTarget:
    def test_an_export_again_leaves_nothing_of_the_old_one(self, made, tmp_path):
        export_dataset(ExportRequest(made, tmp_path / "out"))
        export_dataset(ExportRequest(made, tmp_path / "out", split="train"))
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"train.jsonl", "README.md"}

    @pytest.mark.parametrize("name", ["README.md", "train.jsonl", "test.parquet"])
    def test_files_of_others_are_left_alone(self, made, tmp_path, name):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match=f"{name} is not of an export"):
            export_dataset(ExportRequest(made, tmp_path))
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}

    def test_a_card_of_others_beside_one_file_is_left_alone(self, made, tmp_path):
        (tmp_path / "all.md").write_text("mine")
        with pytest.raises(UsageError, match=r"all\.md is not of an export"):
            export_dataset(ExportRequest(made, tmp_path / "all.jsonl"))
        assert (tmp_path / "all.md").read_text() == "mine"

    def test_other_files_stay(self, made, tmp_path):
        (tmp_path / "notes.txt").write_text("mine")
        export_dataset(ExportRequest(made, tmp_path))
        export_dataset(ExportRequest(made, tmp_path))
        assert (tmp_path / "notes.txt").read_text() == "mine"

    @pytest.mark.parametrize("name", [".", "index.jsonl", "more.jsonl", "../d"])
    def test_the_dataset_itself_is_no_target(self, made, tmp_path, name):
        folder = shutil.copytree(made, tmp_path / "d")
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(UsageError, match="is the dataset itself"):
            export_dataset(ExportRequest(folder, folder / name))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    @pytest.mark.parametrize(
        ("name", "kind", "words"),
        [
            ("a.jsonl", "parquet", r"a\.jsonl in the format parquet"),
            ("a.csv", None, r"a file \.csv; expected a folder, or a file \.jsonl or \.parquet"),
        ],
    )
    def test_a_suffix_that_says_otherwise(self, made, tmp_path, name, kind, words):
        with pytest.raises(UsageError, match=words):
            export_dataset(ExportRequest(made, tmp_path / name, format=kind))

    @pytest.mark.parametrize("kind", BOTH)
    def test_what_fails_leaves_everything_as_it_was(self, made, tmp_path, kind):
        export_dataset(ExportRequest(made, tmp_path / "out", format=kind))
        before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        folder = shutil.copytree(made, tmp_path / "d")
        chord = np.load(folder / "chord.npy")
        chord[-1] = 9999
        np.save(folder / "chord.npy", chord)
        with pytest.raises(CorpusError, match=r"tokens outside the vocabulary; symgen dataset verify"):
            export_dataset(
                ExportRequest(folder, tmp_path / "out", format=kind, split=Dataset(folder).entries[-1].split)
            )
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before

    @pytest.mark.parametrize(
        "change", [{"gong": "C"}, {"lost": None}, {"near": [1]}, {"title": 5}, {"split": "dev"}], ids=str
    )
    def test_a_damaged_line_ends_it(self, made, tmp_path, change):
        folder = shutil.copytree(made, tmp_path / "d")
        lines = (folder / "index.jsonl").read_bytes().splitlines(keepends=True)
        lines[1] = json.dumps(json.loads(lines[1]) | change).encode() + b"\n"
        (folder / "index.jsonl").write_bytes(b"".join(lines))
        with pytest.raises(CorpusError, match=rf"index\.jsonl, line 2: {next(iter(change))} is"):
            export_dataset(ExportRequest(folder, tmp_path / "out"))
        assert not list((tmp_path / "out").iterdir())

    def test_a_split_that_index_and_columns_tell_apart(self, made, tmp_path):
        folder = shutil.copytree(made, tmp_path / "d")
        columns = np.load(folder / "pieces.npy")
        columns["split"] = 1
        np.save(folder / "pieces.npy", columns)
        with pytest.raises(CorpusError, match=r"expected that of pieces\.npy"):
            export_dataset(ExportRequest(folder, tmp_path / "out"))


BITING = (
    "</table><script>x</script> | a ` b * c _ d [e](javascript:f) ![g](h) "
    '# " \\ & &lt; @i ~~j~~ $k$ \x1b[2J\n---\n: !!x'
)


class TestTheCard:
    @pytest.fixture
    def card(self, tmp_path):
        """Return the card of a dataset whose every text wants to break out."""
        source = make_dataset(tmp_path)
        pieces = Dataset(source)
        printable = BITING.replace("\x1b", "").replace("\n", " ")
        biting = [
            (
                replace(
                    entry, corpus=printable, licence=printable, title=BITING, flags=[printable], lost={printable: 3}
                ),
                pieces.sequence(n),
            )
            for n, entry in enumerate(pieces.entries)
        ]
        write_dataset(tmp_path / "biting", biting, [], "settings")
        return export_dataset(ExportRequest(tmp_path / "biting", tmp_path / "out")).card

    def test_the_head_is_yaml_that_says_what_hubs_want(self, made, tmp_path):
        head, _ = parts_of(export_dataset(ExportRequest(made, tmp_path / "out")).card)
        assert head["license"] == "other"
        assert "symgen" in head["tags"]
        assert head["size_categories"] == ["n<1K"]
        files = {row["split"]: row["path"] for row in head["configs"][0]["data_files"]}
        assert files == {split: f"{split}.jsonl" for split in SPLITS if (tmp_path / "out" / f"{split}.jsonl").exists()}
        assert [feature["name"] for feature in head["dataset_info"]["features"]] == [field.name for field in FIELDS]

    def test_counts_sources_and_reasons_are_told(self, made, tmp_path):
        result = export_dataset(ExportRequest(made, tmp_path / "out", split="train"))
        _, text = parts_of(result.card)
        assert f"| {result.pieces} | {result.notes} | {result.steps} |" in text.replace(",", "")
        assert f"| undeclared |  |  | none stated | {result.pieces} |" in text
        assert "symgen dataset export DATASET -o OUT --format jsonl --split train" in text
        assert describe_dataset(made).settings in text
        assert "octave\\_share above 0.03; folk: octave\\_leaps above 0" in text

    def test_declared_sources_are_named(self, repository, tmp_path):
        convert(ConvertRequest([repository / "corpora" / "tunes"], tmp_path / "d"))
        _, text = parts_of(export_dataset(ExportRequest(tmp_path / "d", tmp_path / "out")).card)
        assert "| symgen-tunes | Small tunes of the symgen authors | corpora/tunes | CC0 1.0 | 3 |" in text

    def test_nothing_breaks_out_of_the_yaml(self, card):
        head, _ = parts_of(card)
        assert head["license"] == "other"
        assert BITING.replace("\x1b", "").replace("\n", " ") in head["pretty_name"]
        assert SIGNATURE in card.read_text("utf-8")

    def test_nothing_breaks_out_of_the_markdown(self, card):
        _, text = parts_of(card)
        tags = []
        parser = HTMLParser()
        parser.handle_starttag = lambda tag, attributes: tags.append(tag)
        parser.feed(text)
        assert tags == []
        assert all(c == "\n" or c.isprintable() for c in text)
        rows = [line for line in text.splitlines() if "script" in line and line.startswith("|")]
        assert len(rows) == 2  # source, flag
        assert [row.count("|") for row in rows] == [7, 4]
        assert not any(
            mark in row for row in rows for mark in ("[e](", " `", "![", " *", " _", " #", "@i", " $", " ~~")
        )

    def test_the_recipes_to_load_it_run(self, made, tmp_path, monkeypatch, capsys):
        kinds = ["jsonl", *(["parquet"] if importlib.util.find_spec("pyarrow") else [])]
        monkeypatch.chdir(tmp_path)
        for kind in kinds:
            result = export_dataset(ExportRequest(made, tmp_path / f"o'dd `name`.{kind}"))
            code = result.card.read_text("utf-8").split("```python\n")[1].split("```")[0]
            exec(code, {})
            assert capsys.readouterr().out.strip() == str(Dataset(made).steps(0)[:, 1].tolist())


@given(st.text(st.characters(codec=None)))
def test_any_text_is_one_scalar_in_yaml(text):
    loaded = yaml.safe_load(f"a: {yaml_text(text)}\nb: 1")
    assert loaded["b"] == 1
    assert loaded["a"] == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)


@given(st.text(st.characters(codec=None)))
def test_any_text_is_one_cell_in_markdown(text):
    cell = md_text(text)
    assert cell.isprintable() or cell == ""
    assert not set("<>|@") & set(cell)
    assert all(cell[place - 1] == "\\" for place, c in enumerate(cell) if c in "`*_[]~$!")
