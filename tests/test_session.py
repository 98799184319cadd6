"""A session keeps what was made, by whom at once ever, and loses nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symgen import console
from symgen.cli import app
from symgen.cli.commands.session import describe_session
from symgen.errors import UsageError
from symgen.takes.session import NAME, Made, mark, read_session, record


def made(folder, name, text="x", **facts):
    path = folder / name
    path.write_text(text)
    return Made(path, **{"command": "compose", **facts})


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a session of three takes, the second the best."""
    record(tmp_path, [made(tmp_path, f"a-{n}.mid", f"take {n}", rank=rank) for n, rank in ((1, 3), (2, 1), (3, 2))])
    return tmp_path


def numbers(session):
    return [entry.number for entry, _ in session.tree()]


class TestRecording:
    def test_what_was_recorded_is_read(self, folder):
        session = read_session(folder)
        assert [(entry.number, entry.path, entry.rank) for entry in session.entries] == [
            (1, "a-1.mid", 3), (2, "a-2.mid", 1), (3, "a-3.mid", 2),
        ]  # fmt: skip
        assert record(folder, []) == session

    def test_the_same_commands_write_the_same_bytes(self, tmp_path):
        found = []
        for name in ("one", "two"):
            place = tmp_path / name
            place.mkdir()
            record(place, [made(place, "a.mid", seed=1, request={"bars": 4})])
            record(place, [made(place, "b.mid", command="vary", source=place / "a.mid")])
            found.append((place / NAME).read_bytes())
        assert found[0] == found[1]

    def test_later_pieces_go_on_counting(self, folder):
        session = record(folder, [made(folder, "b.mid")])
        assert [entry.number for entry in session.entries] == [1, 2, 3, 4]

    def test_a_file_written_again_keeps_its_number_and_loses_its_mark_if_it_changed(self, folder):
        mark(folder, keep=[1, 2])
        session = record(folder, [made(folder, "a-1.mid", "take 1"), made(folder, "a-2.mid", "another")])
        assert [(entry.number, entry.favourite) for entry in session.entries] == [(1, True), (2, False), (3, False)]

    def test_a_parent_is_known_by_its_content_wherever_it_went(self, folder, tmp_path):
        moved = (folder / "a-2.mid").rename(folder / "renamed.mid")
        session = record(folder, [made(folder, "b.mid", command="continue", source=moved)])
        assert session.entries[-1].parent == 2

    def test_a_parent_that_changed_is_known_by_its_place(self, folder):
        (folder / "a-3.mid").write_text("edited in a DAW")
        session = record(folder, [made(folder, "b.mid", command="infill", source=folder / "a-3.mid")])
        assert session.entries[-1].parent == 3

    def test_who_comes_from_elsewhere_has_no_parent(self, folder, tmp_path_factory):
        other = tmp_path_factory.mktemp("other") / "tune.mid"
        other.write_text("tune")
        assert record(folder, [made(folder, "b.mid", source=other)]).entries[-1].parent is None


class TestTree:
    def test_favourites_first_then_by_rank(self, folder):
        assert numbers(read_session(folder)) == [2, 3, 1]
        assert numbers(mark(folder, keep=[1])) == [1, 2, 3]
        assert numbers(mark(folder, drop=[1])) == [2, 3, 1]

    def test_children_stand_below_their_parents(self, folder):
        record(folder, [made(folder, "b.mid", "b", command="vary", source=folder / "a-1.mid")])
        session = record(folder, [made(folder, "c.mid", "c", command="infill", source=folder / "b.mid")])
        assert [(entry.number, depth) for entry, depth in session.tree()] == [(2, 0), (3, 0), (1, 0), (4, 1), (5, 2)]
        lines = describe_session(session.as_json()["takes"])
        assert "└─ b.mid" in lines[3]
        assert lines[4].index("└─") > lines[3].index("└─")
        assert "infill" in lines[4]

    def test_a_long_line_of_descent(self, tmp_path):
        plain = {"favourite": False, "rank": None, "score": {}, "seed": None, "take": None, "request": {}, "about": {}}
        plain |= {"sha256": "", "command": "vary", "checkpoint": ""}
        rows = [{**plain, "number": n + 1, "path": f"{n}.mid", "parent": n or None} for n in range(1200)]
        (tmp_path / NAME).write_text(json.dumps({"format": 1, "takes": rows}))
        assert read_session(tmp_path).tree()[-1][1] == 1199

    def test_a_circle_written_by_hand_ends(self, folder):
        whole = json.loads((folder / NAME).read_text())
        whole["takes"][0]["parent"], whole["takes"][1]["parent"] = 2, 1
        (folder / NAME).write_text(json.dumps(whole))
        assert sorted(numbers(read_session(folder))) == [1, 2, 3]


class TestMarks:
    @pytest.mark.parametrize(
        ("keep", "drop", "words"), [([9], [], "no piece 9"), ([], [0], "no piece 0"), ([1], [1], "kept and dropped")]
    )
    def test_what_is_not_there_changes_nothing(self, folder, keep, drop, words):
        before = (folder / NAME).read_bytes()
        with pytest.raises(UsageError, match=words):
            mark(folder, [2, *keep], drop)
        assert (folder / NAME).read_bytes() == before

    def test_a_folder_without_a_session_stays_empty(self, tmp_path):
        with pytest.raises(UsageError, match="holds no session"):
            mark(tmp_path, [1])
        assert list(tmp_path.iterdir()) == []


DAMAGE = {
    "empty": "",
    "cut": '{"format": 1, "takes": [{"number": 1,',
    "list": "[]",
    "newer": '{"format": 2, "takes": []}',
    "no takes": '{"format": 1}',
    "words": '{"format": 1, "takes": ["a"]}',
    "number": '{"format": 1, "takes": [{"number": "1"}]}',
    "deep": "[" * 100_000,
}


class TestDamage:
    @pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE)
    def test_it_is_told_in_a_line_and_left_as_it_is(self, folder, text, capsys):
        (folder / NAME).write_text(text)
        assert console.run(app, ["session", str(folder)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        with pytest.raises(UsageError, match="cannot be read"):
            record(folder, [made(folder, "b.mid")])
        assert (folder / NAME).read_text() == text

    def test_composing_into_it_stops_before_it_begins(self, folder, capsys):
        (folder / NAME).write_text("{")
        assert console.run(app, ["compose", "-s", "folk", "--bars", "2", "-q", "-o", str(folder)]) == 2
        assert "cannot be read" in capsys.readouterr().err
        assert not list(folder.glob("folk*"))


WRITER = """
import sys
from pathlib import Path
from symgen.takes.session import Made, record
folder, name = Path(sys.argv[1]), sys.argv[2]
for number in range(12):
    path = folder / f"{name}-{number}.mid"
    path.write_text(f"{name} {number}")
    record(folder, [Made(path, "compose")])
"""


class TestAtOnce:
    def test_writers_at_the_same_time_lose_nothing(self, tmp_path):
        running = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in "abcd"]
        assert [process.wait(120) for process in running] == [0] * 4
        entries = read_session(tmp_path).entries
        assert [entry.number for entry in entries] == list(range(1, 49))
        assert len({entry.path for entry in entries}) == 48

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_who_dies_with_the_lock_leaves_it_free_and_the_file_whole(self, folder):
        code = (
            "import os, signal, sys, symgen.takes.session as s\n"
            "s._write = lambda session: os.kill(os.getpid(), signal.SIGKILL)\n"
            "s.mark(sys.argv[1], [1])"
        )
        died = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
        assert died.returncode == -signal.SIGKILL
        assert mark(folder, [2]).entries[0].favourite is False
        assert [entry.favourite for entry in read_session(folder).entries] == [False, True, False]

    def test_who_waits_too_long_is_told(self, folder, monkeypatch):
        monkeypatch.setattr("symgen.takes.session._PATIENCE_SECONDS", 0.0)
        monkeypatch.setattr("symgen.takes.session._lock", lambda handle: False)
        with pytest.raises(UsageError, match="another command holds"):
            mark(folder, [1])


def test_the_command(folder, capsys):
    assert console.run(app, ["session", str(folder), "--keep", "3", "--keep", "1"]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()][:2] == [["3", "★"], ["1", "★"]]
    (folder / "a-2.mid").unlink()
    assert console.run(app, ["session", str(folder), "--drop", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["takes"]
    assert [(row["number"], row["favourite"], row["gone"]) for row in rows] == [
        (1, True, False), (2, False, True), (3, False, False),
    ]  # fmt: skip


def test_composing_into_a_folder_is_recorded(tmp_path, capsys):
    words = ["compose", "-s", "folk", "--bars", "2", "--takes", "2", "--seed", "7", "-q", "-o", str(tmp_path)]
    assert console.run(app, words) == 0
    entries = read_session(tmp_path).entries
    assert [(entry.path, entry.take, entry.seed) for entry in entries] == [
        ("folk-7-1.mid", 1, 7),
        ("folk-7-2.mid", 2, 7),
    ]
    assert sorted(entry.rank for entry in entries) == [1, 2]
    assert entries[0].request["bars"] == 2
    before = (tmp_path / NAME).read_bytes()
    assert console.run(app, words) == 0
    assert (tmp_path / NAME).read_bytes() == before
    assert Path(tmp_path / entries[0].path).exists()


class TestWrittenByOthers:
    def test_a_path_that_no_file_can_have(self, folder):
        for path in ("x" * 5000, "a\0b"):
            rewritten(folder, path=path)
            session = read_session(folder)
            assert session.gone(session.entries[0])

    def test_a_score_that_is_no_number(self, folder):
        rewritten(folder, score={"score": "high"})
        with pytest.raises(UsageError, match="score is no number"):
            read_session(folder)


def rewritten(folder, **facts):
    """Change what the session says of its first piece."""
    whole = json.loads((folder / NAME).read_text())
    whole["takes"][0] |= facts
    (folder / NAME).write_text(json.dumps(whole))
