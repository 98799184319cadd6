"""The log: every update once, and event files that TensorBoard reads where it is installed."""

import json
import sys
from types import ModuleType

import pytest

from symgen.models import journal
from symgen.models.journal import Journal, events_available


def lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def writers(monkeypatch):
    """Stand in for TensorBoard's writer and return what was written."""
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step=None, flush_secs=0):
            written.append(("open", folder.rpartition("/")[2], purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            pass

        def close(self):
            written.append("close")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(journal, "events_available", lambda: True)
    return written


def test_a_stage_that_goes_on_drops_what_will_be_done_again(tmp_path):
    log = Journal(tmp_path)
    for step in (1, 2, 3):
        log.add({"stage": "a", "step": step})
    log.add({"stage": "b", "update": 1})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('[1]\n"\n{"stage":')
    Journal(tmp_path).rewind("a", 2)
    assert lines(tmp_path) == [{"stage": "a", "step": 1}, {"stage": "a", "step": 2}, {"stage": "b", "update": 1}]


def test_another_process_writes_nothing(tmp_path):
    log = Journal(tmp_path, kept=False)
    log.rewind("a", 0)
    log.add({"stage": "a", "step": 1})
    log.close()
    assert not list(tmp_path.iterdir())


def test_numbers_become_scalars_of_their_stage(tmp_path, writers):
    log = Journal(tmp_path)
    log.rewind("a", 4)
    log.add({"stage": "a", "step": 5, "loss": 2, "bits": {"guqin": 3.5}, "style": "guqin"})
    log.close()
    assert writers == [("open", "a", 5), ("loss", 2.0, 5), ("bits/guqin", 3.5, 5), "close"]


def test_tensorboard_reads_the_event_files(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert events_available()
    for begin, last in ((0, 4), (2, 4)):  # killed after update 4, it goes on from 2
        log = Journal(tmp_path)
        log.rewind("a", begin)
        for step in range(begin + 1, last + 1):
            log.add({"stage": "a", "step": step, "loss": float(10 * begin + step)})
        log.close()
    found = EventAccumulator(str(tmp_path / "events" / "a"))
    found.Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 1), (2, 2), (3, 23), (4, 24)]
