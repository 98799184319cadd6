"""A conversion on a cluster: the same bytes, also when a worker dies, and a word where files are not seen."""

import os
import signal
import threading
import time

import pytest
import victims
from test_engine import cluster, needs_distributed, there  # noqa: F401 - cluster is a fixture

from symgen import convert as convert_module
from symgen import writers
from symgen.convert import ConvertRequest, convert
from symgen.errors import ClusterError
from symgen.score import Score, make_notes

pytestmark = needs_distributed


@pytest.fixture
def scores(tmp_path):
    folder = tmp_path / "scores"
    folder.mkdir()
    for number in range(60):
        rows = [(240 * i, 240, 60 + (0, 2, 4, 7, 9)[(i * i + number) % 5]) for i in range(20 + number)]
        writers.write(Score(make_notes(rows)), folder / f"{number}.mid")
    (folder / "empty.mid").write_bytes(b"")
    return folder


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_dataset(cluster, scores, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(convert_module, "_BATCH_WEIGHT", 6)
    monkeypatch.chdir(tmp_path)  # relative paths are found from a worker that stands elsewhere
    here = convert(ConvertRequest([scores.relative_to(tmp_path)], tmp_path / "here"))
    far = convert(ConvertRequest([scores.relative_to(tmp_path)], tmp_path / "there", engine="dask", scheduler=cluster))
    assert content(tmp_path / "there") == content(tmp_path / "here")
    assert far.summary == here.summary


def test_a_worker_killed_in_the_middle(cluster, scores, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(convert_module, "_BATCH_WEIGHT", 2)
    convert(ConvertRequest([scores], tmp_path / "here"))
    victim = next(iter(there(victims.whose, [1], cluster)))

    def kill(message, done=0, total=0):
        if message == "converting" and done == 10:
            os.kill(victim, signal.SIGKILL)

    convert(ConvertRequest([scores], tmp_path / "there", engine="dask", scheduler=cluster), kill)
    assert content(tmp_path / "there") == content(tmp_path / "here")


def test_workers_that_do_not_see_the_files(cluster, scores, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(convert_module.os.path, "abspath", lambda path: f"/elsewhere/{path}")
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"do not see .*expected a file system that they share"):
        convert(ConvertRequest([scores], tmp_path / "there", engine="dask", scheduler=cluster))
    assert time.monotonic() - began < 30
    assert threading.active_count() < 20
