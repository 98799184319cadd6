"""Which files a conversion reads: named ones as they are, of folders what is music, by suffix or by content."""

import os
from pathlib import Path

import pytest

from symgen.corpus.inputs import HIDDEN, NO_SUFFIX, PassedOver, check_inputs, find_inputs
from symgen.errors import UsageError
from tests.fuzz.seeds import SEEDS

ABC = b"X:1\nT:t\nK:C\nCDEF|GABc|\n"
JIANPU = b"title=t\n1=F\n2/4\n1 2 3 5 | 6' 5, 3- |\n"
KERN = b"**kern\n4c\n4d\n4e\n4f\n*-\n"
MIDI = SEEDS["midi"][0]


def found(*inputs, passed=None):
    return [path.as_posix() for path in find_inputs(map(Path, inputs), passed)]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Stand in a folder with music of many names and things that are none."""
    monkeypatch.chdir(tmp_path)
    files = {
        "a/one.mid": MIDI,
        "a/two.dat": MIDI,
        "a/three": ABC,
        "b/four.txt": JIANPU,
        "b/five.bak": KERN,
        "b/broken.krn": b"nothing",
        "b/notes.txt": b"Dear X:1\n\nthis is a letter about K:C, nothing else.\n",
        "b/page.html": b"<html><body>X:1</body></html>",
        "b/table.csv": b"X:1,2\n3,4\n",
        "README": b"read me",
        ".git/six.mid": MIDI,
        "a/.hidden.mid": MIDI,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_of_folders_what_is_music(tree):
    passed = PassedOver()
    music = ["a/.hidden.mid", "a/one.mid", "a/three", "a/two.dat", "b/broken.krn", "b/five.bak", "b/four.txt"]
    assert found(".", passed=passed) == music
    assert passed.counts == {".txt": 1, ".html": 1, ".csv": 1, NO_SUFFIX: 1, HIDDEN: 1}
    assert sorted(passed.names) == [".git", "README", "b/notes.txt", "b/page.html", "b/table.csv"]


def test_files_as_they_are_named(tree):
    assert found("b/notes.txt", ".git/six.mid", "a") == [
        "b/notes.txt", ".git/six.mid", "a/.hidden.mid", "a/one.mid", "a/three", "a/two.dat",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a/*.mid", ["a/one.mid"]),
        ("*/*.txt", ["b/four.txt", "b/notes.txt"]),
        ("**/*.krn", ["b/broken.krn"]),
        ("a/t[hw]*", ["a/three", "a/two.dat"]),
        ("[ab]", ["a/.hidden.mid", "a/one.mid", "a/three", "a/two.dat", "b/broken.krn", "b/five.bak", "b/four.txt"]),
    ],
)
def test_patterns(tree, pattern, names):
    assert found(pattern) == names
    assert found(tree / pattern) == [(tree / name).as_posix() for name in names]


def test_a_name_that_looks_like_a_pattern_is_a_name(tree):
    (tree / "a[1].mid").write_bytes(MIDI)
    (tree / "a1.mid").write_bytes(MIDI)
    assert found("a[1].mid") == ["a[1].mid"]


@pytest.mark.parametrize(
    ("path", "words"), [("nowhere", "no such file or folder: nowhere"), ("*.krn", r"no file matches \*\.krn")]
)
def test_what_is_not_there_is_refused(tree, path, words):
    with pytest.raises(UsageError, match=words):
        check_inputs([Path("a"), Path(path)])


def test_links_are_followed_each_folder_once(tree):
    (tree / "b" / "up").symlink_to(tree, target_is_directory=True)
    (tree / "c").symlink_to("a", target_is_directory=True)
    (tree / "b" / "linked.mid").symlink_to(tree / "a" / "one.mid")
    names = found(".")
    assert len(names) == len(set(names))
    assert "b/linked.mid" in names
    assert sum(name.endswith("two.dat") for name in names) == 1


def test_a_dataset_is_no_input_and_hides_none(tree):
    (tree / "d.symgen").mkdir()
    for name in ("dataset.json", "index.jsonl", "offsets.npy", "tune.mid"):
        (tree / "d.symgen" / name).write_bytes(MIDI)
    passed = PassedOver()
    assert [name for name in found(".", passed=passed) if "d.symgen" in name] == ["d.symgen/tune.mid"]
    assert not any("d.symgen" in name for name in passed.names)


def test_deep_patterns_end_where_links_go_round(tree):
    for name in ("up", "again"):
        (tree / "a" / name).symlink_to(tree, target_is_directory=True)
    assert found("**/*.mid") == ["a/one.mid"]
    assert found("**/[ft]*.[!bc]*") == ["a/two.dat", "b/four.txt"]


def test_pipes_and_devices_are_not_waited_for(tree):
    os.mkfifo(tree / "pipe")
    os.mkfifo(tree / "pipe.mid")
    names = found(".")
    assert "pipe.mid" in names  # and is refused by whoever reads it
    assert "pipe" not in names


@pytest.mark.parametrize("name", ["line\nbreak", "🎵", "\udcff\udcfe", "ü" * 100, "a" * 255, " "])
def test_odd_names(tree, name):
    (tree / "odd").mkdir()
    (tree / "odd" / name).write_bytes(ABC)
    assert [Path(path).name for path in found("odd")] == [name]
