"""Files become a dataset: every input is accounted for, nothing stops a run, and a run again does what is missing."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from symgen import convert as convert_module
from symgen import writers
from symgen.convert import ConvertRequest, convert
from symgen.corpus.dataset import Dataset
from symgen.corpus.inputs import find_inputs
from symgen.corpus.store import Store
from symgen.errors import UsageError, WriteError
from symgen.isolation import Caps
from symgen.score import Metre, Score, Tempo, make_notes
from symgen.tokens.codec import decode, encode
from tests.conftest import REPOSITORY

SCALE = [60, 62, 64, 67, 69, 72, 69, 67, 64, 62, 67, 60]
LINE = {"path", "status", "reason", "notes", "lost", "gong", "mode", "seconds"}


def tune(shift=0, notes=12):
    """Return a tune in gong `shift`, gong mode, of `notes` quarters at 120 qpm."""
    rows = [(480 * i, 480, SCALE[i % len(SCALE)] + shift) for i in range(notes)]
    return Score(make_notes(rows), metres=(Metre(0, 4, 4),), tempi=(Tempo(0, 120.0),))


def write_tune(path, shift=0, notes=12):
    writers.write(tune(shift, notes), path)
    return path


def report(folder):
    return [json.loads(line) for line in (folder / "report.jsonl").read_text("utf-8").splitlines()]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def scores(tmp_path):
    """Return a folder of eight tunes, one file cut short, one empty and one of another kind."""
    folder = tmp_path / "scores"
    (folder / "deep").mkdir(parents=True)
    for shift in range(8):
        write_tune(folder / ("deep" if shift % 2 else "") / f"tune{shift}.mid", shift)
    (folder / "cut.mid").write_bytes((folder / "tune0.mid").read_bytes()[:40])
    (folder / "empty.mid").write_bytes(b"")
    (folder / "notes.doc").write_text("not a score")
    return folder


@pytest.fixture
def run(tmp_path):
    """Return a function that converts paths into ``data`` and returns the result."""

    def convert_paths(*paths, **options):
        return convert(ConvertRequest(inputs=paths, output=tmp_path / "data", **options))

    return convert_paths


def test_every_input_has_its_line(scores, run, tmp_path):
    result = run(scores)
    lines = report(tmp_path / "data")
    files = [
        "cut.mid",
        "empty.mid",
        *(f"tune{i}.mid" for i in (0, 2, 4, 6)),
        *(f"deep/tune{i}.mid" for i in (1, 3, 5, 7)),
    ]
    assert [line["path"] for line in lines] == [str(scores / name) for name in files]
    assert all(set(line) >= LINE for line in lines)
    assert {line["status"] for line in lines} <= {"ok", "salvaged", "failed"}
    failed = [line for line in lines if line["status"] == "failed"]
    assert failed
    assert "empty.mid is empty" in failed[-1]["reason"]
    assert result.files == len(files)
    assert result.exit_code == 1
    assert sum(result.status.values()) == len(files)
    assert result.status["failed"] == len(failed) == sum(result.reasons.values())
    good = lines[-1]
    assert (good["notes"], good["lost"], good["gong"], good["mode"], good["seconds"]) == (12, {}, 7, "gong", 6.0)


def test_the_dataset_holds_the_music(scores, run, tmp_path):
    result = run(scores / "tune2.mid", style="guzheng")
    assert (result.exit_code, result.pieces, result.notes) == (0, 1, 12)
    dataset = Dataset(tmp_path / "data")
    (entry,) = dataset.entries
    assert (entry.title, entry.style, entry.corpus, entry.notes) == ("tune2", "guzheng", "undeclared", 12)
    assert decode(dataset.sequence(0)).notes["pitch"].tolist() == [pitch + 2 for pitch in SCALE]
    assert dataset.sequence(0).steps().tolist() == encode(tune()).steps().tolist()
    assert json.loads(json.dumps(result.as_json()))["splits"] == {entry.split: 1}


def test_a_run_again_takes_over_what_is_there(scores, run, tmp_path):
    first = run(scores)
    before = content(tmp_path / "data")
    again = run(scores)
    assert first.reused == 0
    assert again.reused == first.files - 1  # the empty file has no bytes to be known by
    assert replace(again, reused=0) == first
    assert content(tmp_path / "data") == before


def test_jobs_make_no_difference(scores, tmp_path):
    results = [convert(ConvertRequest([scores], tmp_path / str(jobs), jobs=jobs)) for jobs in (1, 2)]
    assert content(tmp_path / "1") == content(tmp_path / "2")
    assert results[0] == replace(results[1], output=results[0].output)


def test_what_changed_is_converted_anew(scores, run, tmp_path):
    first = run(scores)
    write_tune(scores / "tune4.mid", 4, notes=20)
    write_tune(scores / "added.mid", 1)
    (scores / "tune6.mid").unlink()
    again = run(scores)
    assert again.reused == first.files - 3  # gone, changed, and empty
    notes = {Path(line["path"]).stem: line["notes"] for line in report(tmp_path / "data")}
    assert notes["tune4"] == 20
    assert notes["added"] == 12
    assert "tune6" not in notes


@pytest.mark.parametrize("damaged", ["report.jsonl", "index.jsonl", "melody.npy", "dataset.json"])
def test_a_damaged_dataset_is_made_again(scores, run, tmp_path, damaged):
    run(scores)
    before = content(tmp_path / "data")
    (tmp_path / "data" / damaged).write_bytes(before[damaged][:-9])
    assert run(scores).reused == 0
    assert content(tmp_path / "data") == before


def test_other_settings_take_nothing_over(scores, run):
    run(scores)
    assert run(scores, style="folk").reused == 0


def test_a_declared_corpus_says_what_the_files_do_not(scores, run, tmp_path):
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    declaration = 'name = "tunes"\nlicence = "our own"\nstyle = "guqin"\nmatch = ["scores/*.mid"]\ngong = "A"\n'
    (corpora / "tunes.toml").write_text(declaration + 'metre = "unknown"\n[split]\ntest = ["tune2"]\n')
    run(scores / "tune2.mid", scores / "deep", corpora=corpora)
    first, *others = Dataset(tmp_path / "data").entries
    assert (first.corpus, first.licence, first.style, first.split) == ("tunes", "our own", "guqin", "test")
    assert (first.gong % 12, first.confidence, first.metre, first.metres) == (9, 1.0, "unknown", [])
    assert {other.corpus for other in others} == {"undeclared"}


def test_too_few_notes_fail(tmp_path, run):
    run(write_tune(tmp_path / "short.mid", notes=3))
    (line,) = report(tmp_path / "data")
    assert (line["status"], line["code"], line["dropped"]) == ("failed", "dropped", {"too-few-notes": 1})
    assert "3 notes: dropped as too-few-notes" in line["reason"]


def test_what_is_mended_is_salvaged(tmp_path, run):
    file = write_tune(tmp_path / "cut.mid", notes=40)
    file.write_bytes(file.read_bytes()[:-60])
    result = run(file)
    (line,) = report(tmp_path / "data")
    assert line["status"] == "salvaged"
    assert line["reason"]
    assert line["notes"] >= 10
    assert result.exit_code == 0


class TestNames:
    NAMES = (
        "line\nbreak",
        "tab\tand\x1b[2Jescape",
        "流水 🎵",
        "ends\u2028\x85",
        " spaced ",
        "-o",
        "\udcff\udcfe",
        "a" * 200,
    )

    @pytest.fixture
    def odd(self, tmp_path):
        folder = tmp_path / "odd"
        folder.mkdir()
        for name in self.NAMES:
            write_tune(folder / f"{name}.mid")
        return folder

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_odd_names_stand_in_the_report(self, odd, run, tmp_path, jobs):
        (odd / "\udcfdbad\n.mid").write_bytes(b"MThd")
        assert run(odd, jobs=jobs).status["ok"] == len(self.NAMES)
        found = {Path(line["path"]).stem for line in report(tmp_path / "data")}
        assert found == {*self.NAMES, "\udcfdbad\n"}
        assert run(odd).reused == len(self.NAMES) + 1

    def test_hidden_files_and_capital_suffixes_count(self, tmp_path, run):
        folder = tmp_path / "more"
        folder.mkdir()
        write_tune(folder / ".hidden.mid")
        write_tune(folder / "LOUD.MID")
        (folder / "._tune.mid").write_bytes(b"\x00\x05\x16\x07")  # what a Mac leaves on other disks
        result = run(folder)
        assert (result.files, result.status) == (3, {"ok": 2, "failed": 1})


class TestFolders:
    def test_circles_of_links_end(self, scores, run):
        (scores / "deep" / "up").symlink_to(scores)
        (scores / "self").symlink_to(".")
        assert run(scores).files == 10

    def test_a_broken_link_is_reported(self, scores, run, tmp_path):
        (scores / "gone.mid").symlink_to("nowhere.mid")
        run(scores)
        (line,) = [line for line in report(tmp_path / "data") if "gone" in line["path"]]
        assert (line["status"], line["notes"]) == ("failed", 0)
        assert "does not exist" in line["reason"]

    def test_what_is_named_twice_counts_once(self, scores, run, tmp_path):
        for _ in range(3):  # a file that counted twice doubled with every run
            result = run(scores, scores / "deep", scores / "tune0.mid", scores / "deep" / ".." / "tune0.mid")
            assert result.files == 10
            assert result.pieces == result.files - result.status["failed"] == len(Dataset(tmp_path / "data"))

    def test_a_pipe_is_not_waited_for(self, scores, run, tmp_path):
        run(scores)
        os.mkfifo(scores / "pipe.mid")
        run(scores)
        (line,) = [line for line in report(tmp_path / "data") if line["path"].endswith("pipe.mid")]
        assert "no regular file" in line["reason"]

    def test_a_folder_that_cannot_be_listed_is_reported(self, scores, run, tmp_path, monkeypatch):
        listing = os.scandir

        def scandir(path):
            if str(path).endswith("deep"):
                raise PermissionError(13, "Permission denied", str(path))
            return listing(path)

        monkeypatch.setattr(os, "scandir", scandir)
        run(scores)
        (line,) = [line for line in report(tmp_path / "data") if line["path"] == str(scores / "deep")]
        assert (line["status"], line["code"]) == ("failed", "unlisted-folder")

    def test_files_as_they_are_named_need_no_suffix(self, tmp_path):
        file = tmp_path / "notes.doc"
        file.write_text("x")
        passed = Counter()
        assert list(find_inputs([file], passed)) == [file]
        assert not passed
        assert list(find_inputs([tmp_path], passed)) == []
        assert passed == {".doc": 1}

    def test_an_empty_folder_is_an_empty_dataset(self, tmp_path, run):
        (tmp_path / "none").mkdir()
        result = run(tmp_path / "none")
        assert (result.files, result.pieces, result.exit_code) == (0, 0, 0)
        assert len(Dataset(tmp_path / "data")) == 0


class TestRefusals:
    def test_an_input_that_is_not_there(self, scores, run, tmp_path):
        with pytest.raises(UsageError, match=r"no such file or folder: .*nowhere"):
            run(scores, tmp_path / "nowhere")
        assert not (tmp_path / "data").exists()

    @pytest.mark.parametrize("options", [{"style": "jazz"}, {"jobs": 0}])
    def test_options_that_cannot_be(self, scores, run, options):
        with pytest.raises(UsageError, match="expected"):
            run(scores, **options)

    def test_an_output_that_is_a_file(self, scores, run, tmp_path):
        (tmp_path / "data").write_text("mine")
        with pytest.raises(WriteError, match="cannot be made"):
            run(scores)
        assert (tmp_path / "data").read_text() == "mine"

    def test_an_output_that_holds_other_things(self, scores, run, tmp_path):
        (tmp_path / "data" / "photos").mkdir(parents=True)
        (tmp_path / "data" / "letter.txt").write_text("mine")
        run(scores)
        run(scores)
        assert (tmp_path / "data" / "letter.txt").read_text() == "mine"
        assert (tmp_path / "data" / "photos").is_dir()

    def test_an_output_that_holds_somebody_s_report(self, scores, run, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "report.jsonl").write_text("mine")
        with pytest.raises(UsageError, match=r"holds a report\.jsonl that is not a dataset's"):
            run(scores)
        assert content(tmp_path / "data") == {"report.jsonl": b"mine"}

    def test_the_output_may_lie_among_the_inputs(self, scores):
        output = scores / "data"
        first = convert(ConvertRequest([scores], output))
        again = convert(ConvertRequest([scores], output))
        assert (first.files, again.files) == (10, 10)


class TestInterruption:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch):
        monkeypatch.setattr(convert_module, "_BATCH_WEIGHT", 1)

    def test_what_was_done_is_not_done_again(self, scores, run, tmp_path):
        def interrupt(message, done=0, total=0):
            if message == "converting" and done == 6:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            convert(ConvertRequest([scores], tmp_path / "data"), interrupt)
        assert [path.name for path in (tmp_path / "data").iterdir()] == [".work.sqlite"]
        again = run(scores)
        assert again.reused == 5  # one of six is empty
        convert(ConvertRequest([scores], tmp_path / "straight"))
        assert content(tmp_path / "straight") == content(tmp_path / "data")

    def test_an_interrupted_run_leaves_the_finished_dataset(self, scores, run, tmp_path):
        run(scores)
        before = content(tmp_path / "data")
        write_tune(scores / "added.mid", 1)

        def interrupt(message, done=0, total=0):
            if message == "writing the dataset":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            convert(ConvertRequest([scores], tmp_path / "data"), interrupt)
        assert {name: data for name, data in content(tmp_path / "data").items() if name in before} == before
        assert run(scores).reused == 10
        assert len(Dataset(tmp_path / "data")) == 9 + (len(report(tmp_path / "data")) - 11)

    @pytest.mark.parametrize("kernels", [True, False])
    def test_killed_at_any_moment_it_goes_on(self, tmp_path, python, kernels):
        folder = tmp_path / "scores"
        folder.mkdir()
        for number in range(80 if kernels else 40):
            write_tune(folder / f"{number}.mid", number % 7, notes=4 + number)
        command = (
            "import sys; from symgen import convert as c; c._BATCH_WEIGHT = 4; from symgen.cli import main; main()"
        )
        words = ["-c", command, "convert", str(folder), "--quiet", "-j", "2", "-o"]
        assert python(*words, str(tmp_path / "straight")).returncode == 0
        for delay in (0.3, 0.6, 0.9, 1.2):
            killed = subprocess.Popen([sys.executable, *words, str(tmp_path / "data")], cwd=REPOSITORY)
            time.sleep(delay)
            killed.kill()
            killed.wait()
        assert python(*words, str(tmp_path / "data")).returncode == 0
        assert content(tmp_path / "data") == content(tmp_path / "straight")


class TestNoRoom:
    def test_a_full_disk_ends_a_run_and_the_next_goes_on(self, tmp_path, python):
        """A limit on the size of files is what a full disk is to a writer."""
        folder = tmp_path / "scores"
        folder.mkdir()
        for number in range(60):
            write_tune(folder / f"{number}.mid", number % 7, notes=200)
        convert(ConvertRequest([folder], tmp_path / "straight"))
        for limit in (20_000, 90_000, 150_000):
            code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
            code += "from symgen import cli, convert; convert._BATCH_WEIGHT = 4; cli.main()"
            done = python("-c", code, "convert", str(folder), "-o", str(tmp_path / "data"), "-q")
            assert done.returncode == 1, (limit, done.stderr)
            assert "cannot be written" in done.stderr
            assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "data" / "dataset.json").exists()
        result = convert(ConvertRequest([folder], tmp_path / "data"))
        assert result.reused > 0
        assert content(tmp_path / "data") == content(tmp_path / "straight")

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
    def test_a_folder_that_is_closed(self, scores, run, tmp_path):
        (tmp_path / "data").mkdir(mode=0o500)
        with pytest.raises(WriteError, match="nothing can be written into"):
            run(scores)

    def test_two_runs_do_not_share_a_folder(self, scores, run, tmp_path):
        with closing(Store(prepared(tmp_path / "data"), "other")), pytest.raises(UsageError, match="is at work in"):
            run(scores)

    def test_a_damaged_work_file_is_named(self, scores, run, tmp_path):
        (prepared(tmp_path / "data") / ".work.sqlite").write_bytes(b"nonsense" * 999)
        with pytest.raises(WriteError, match=r"\.work\.sqlite is damaged.*remove it"):
            run(scores)


def prepared(folder):
    folder.mkdir()
    return folder


class TestIsolation:
    @pytest.fixture
    def faulty(self, monkeypatch):
        """Let files do harm by their names, soon: see tests/faulty.py."""
        run_isolated = convert_module.run_isolated

        def run(function, items, shared, caps, **options):
            return run_isolated("tests.faulty:convert_items", items, shared, caps, **options)

        monkeypatch.setattr(convert_module, "run_isolated", run)
        monkeypatch.setattr(convert_module, "CAPS", Caps(seconds=0.7))

    @pytest.mark.parametrize(
        ("name", "code", "words"),
        [
            ("kill", "process-killed", "SIGKILL"),
            ("sleep", "cap-time", "more than 0.7 s"),
            ("eat", "cap-memory", "1 GiB"),
            ("raise", "internal-error", r"ZeroDivisionError: three\nlines"),
        ],
    )
    def test_a_file_that_does_harm_is_one_line(self, scores, run, tmp_path, faulty, name, code, words):
        write_tune(scores / "deep" / f"{name}.mid")
        result = run(scores, jobs=2)
        lines = report(tmp_path / "data")
        assert result.files == len(lines) == 11
        (line,) = [line for line in lines if line["path"].endswith(f"{name}.mid")]
        assert (line["status"], line["code"]) == ("failed", code)
        assert words in line["reason"]
        assert sum(line["status"] == "ok" for line in lines) == 8
        again = run(scores)
        assert again.files - again.reused == 2  # the empty file, and what the machine was to blame for

    def test_nothing_of_it_is_in_the_dataset(self, scores, run, tmp_path, faulty):
        write_tune(scores / "kill.mid")
        run(scores)
        harmed = content(tmp_path / "data")
        (scores / "kill.mid").unlink()
        convert(ConvertRequest([scores], tmp_path / "without"))
        without = content(tmp_path / "without")
        for name in ("rhythm.npy", "melody.npy", "chord.npy", "index.jsonl"):
            assert harmed[name] == without[name]


def test_seconds_and_notes_are_of_the_whole_file(tmp_path, run):
    """A tune book is one input and as many pieces as it holds; what is too short is counted."""
    book = "".join(
        f"X:{i}\nT:Tune {i}\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n{bars}\n\n"
        for i, bars in enumerate(["CDEG|AcAG|", "GAcd|", "C|"], 1)
    )
    (tmp_path / "book.abc").write_text(book)
    result = run(tmp_path / "book.abc")
    (line,) = report(tmp_path / "data")
    assert (line["notes"], line["pieces"], line["lost"]) == (12, 2, {})
    assert line["dropped"] == {"too-few-notes": 1}
    assert line["seconds"] == pytest.approx(12.0)
    assert [entry.part for entry in Dataset(tmp_path / "data").entries] == [0, 1]
    assert result.notes == 12
    assert run(tmp_path / "book.abc").reused == 1
    assert np.array_equal(np.diff(Dataset(tmp_path / "data").offsets), [8, 4])


def test_like_reasons_count_together(run, tmp_path):
    for name in ("a.mid", "b.mid"):
        (tmp_path / name).write_bytes(b"")
    result = run(tmp_path / "a.mid", tmp_path / "b.mid")
    assert list(result.reasons.values()) == [2]
    assert result.reasons == {"empty-file": 2}


class TestVanishing:
    def test_what_goes_away_between_listing_and_reading_is_reported(self, scores, run, tmp_path, monkeypatch):
        monkeypatch.setattr(Store, "pass_over", lambda *_: (scores / "tune4.mid").unlink())  # what comes after listing
        assert run(scores).reasons["missing-file"] == 1
        assert len(report(tmp_path / "data")) == 10

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read anything")
    def test_what_may_not_be_read(self, scores, run, tmp_path):
        (scores / "tune0.mid").chmod(0)
        assert run(scores).reasons["unreadable-file"] == 1


def test_voices_of_kern_are_pieces_of_their_own(tmp_path, run):
    lines = ["**kern\t**kern", "*M2/4\t*M2/4", *(f"4{tone}\t4{tone.swapcase()}" for tone in "CDEGAcdec"), "*-\t*-", ""]
    (tmp_path / "two.krn").write_text("\n".join(lines))
    result = run(tmp_path / "two.krn")
    (line,) = report(tmp_path / "data")
    assert (result.pieces, line["pieces"], line["notes"]) == (2, 2, 18)
    first, second = Dataset(tmp_path / "data").entries
    assert (first.part, second.part, first.notes, second.notes) == (0, 1, 9, 9)
    assert first.split == second.split


def test_a_corpus_can_ask_for_its_parts(tmp_path, run):
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    (corpora / "duets.toml").write_text('name = "duets"\nlicence = "our own"\nmatch = ["*.mid"]\nparts = "apart"\n')
    rows = [(480 * i, 480, pitch, 80, voice) for i, pitch in enumerate(SCALE) for voice in (0, 1)]
    writers.write(Score(make_notes(rows)), tmp_path / "duet.mid")
    assert run(tmp_path / "duet.mid", corpora=corpora).pieces == 2
    assert convert(ConvertRequest([tmp_path / "duet.mid"], tmp_path / "other")).pieces == 1


def test_sound_is_named_as_what_it_is(tmp_path, run):
    (tmp_path / "take.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(24))
    assert run(tmp_path).reasons == {"sample-rate": 1}


def test_near_duplicates_are_named_and_share_a_split(tmp_path, run):
    folder = tmp_path / "scores"
    folder.mkdir()
    chance = random.Random(5)
    tunes = [[chance.choice((60, 62, 64, 67, 69, 72, 74)) for _ in range(60)] for _ in range(12)]
    for number, tune in enumerate(tunes):
        for copy, (shift, begin) in enumerate(((0, 0), (5, 0), (-3, 20))):  # transposed, and a section
            rows = [(480 * i, 480, pitch + shift) for i, pitch in enumerate(tune[begin:])]
            writers.write(Score(make_notes(rows), title=f"{copy} of {number}"), folder / f"{copy}-{number:02}.mid")
    result = run(folder)
    assert result.summary["near_duplicates"] == {"pieces with a near-duplicate before them": 24, "tunes": 12}
    entries = list(Dataset(tmp_path / "data").entries)
    for number, entry in enumerate(entries):
        head = entries[entry.family]
        assert entry.path.rpartition("-")[2] == head.path.rpartition("-")[2]
        assert entry.split == head.split
        assert (entry.near is None) == (entry.family == number)
        assert entry.near is None or entry.near[1] > 0.9


def test_rules_of_cleaning_can_be_one_s_own(scores, run, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('[flag.many]\nmeasure = "notes"\nabove = 5\naction = "drop"\n')
    result = run(scores, cleaning=rules)
    assert result.pieces == 0
    assert result.summary["dropped"] == {"many": 8}
    assert result.reasons == {"dropped": 8, "empty-file": 1, "no-music": 1}


def test_the_summary_is_in_the_dataset(scores, run, tmp_path):
    result = run(scores)
    assert json.loads((tmp_path / "data" / "summary.json").read_text("utf-8")) == result.summary
    assert result.summary["passed_over"] == {".doc": 1}
    assert result.summary["hours"] == round(8 * 6 / 3600, 2)
    assert result.summary["corpora"] == {"undeclared": {"pieces": 8, "notes": 96, "licence": ""}}
