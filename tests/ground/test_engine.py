"""The engine: results in order, drawn as needed, here and on a cluster whose processes may die or be the wrong ones."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import victims

from symgen import isolation
from symgen.engine import BACKLOG, ordered_map
from symgen.errors import ClusterError, UsageError

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to look at processes")

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = list(range(40))
SQUARES = [number**2 for number in NUMBERS]

needs_distributed = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="distributed is not installed: pip install 'symgen[cluster]'",
)


class TestHere:
    @pytest.mark.parametrize("jobs", [None, 1, 2, 5])
    def test_results_in_order(self, jobs):
        assert list(ordered_map(victims.square_alone, NUMBERS, jobs=jobs)) == SQUARES
        assert list(ordered_map(victims.square_alone, [], jobs=jobs)) == []

    def test_as_many_at_once_as_there_are_jobs(self):
        now, most, lock = 0, 0, threading.Lock()

        def work(task):
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1

        list(ordered_map(work, range(20), jobs=3))
        assert most == 3

    @pytest.mark.parametrize("jobs", [1, 2, 3])
    def test_tasks_are_drawn_as_they_are_needed(self, jobs):
        drawn, ahead = 0, []

        def tasks():
            nonlocal drawn
            for task in range(100):
                drawn += 1
                yield task

        def work(task):
            time.sleep(0.2 if task == 5 else 0)  # the others must not run away from it
            return task

        for taken, result in enumerate(ordered_map(work, tasks(), jobs=jobs)):
            assert result == taken
            time.sleep(0.01 if taken < 20 else 0)  # a consumer that is slower than the work
            ahead.append(drawn - taken)
        assert len(ahead) == 100
        assert max(ahead) <= BACKLOG * jobs

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_what_the_function_or_the_tasks_raise_is_raised(self, jobs):
        tasks = [("", 1), ("raise", "nothing works"), ("", 3)]
        results = ordered_map(victims.obey, tasks, jobs=jobs)
        with pytest.raises(ValueError, match="nothing works"):
            list(results)
        with pytest.raises(ZeroDivisionError):
            list(ordered_map(victims.obey, (("", 1 // (3 - n)) for n in range(9)), jobs=jobs))

    @pytest.mark.parametrize("jobs", [1, 2])
    def test_who_stops_early_leaves_nothing_behind(self, jobs):
        isolation.close()
        results = ordered_map(victims.square_slowly, ["pid"] + ["sleep"] * 50, jobs=jobs)
        child = next(results)
        results.close()
        isolation.close()
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)

    def test_two_maps_at_once(self):
        first = ordered_map(victims.square_alone, NUMBERS, jobs=2)
        second = ordered_map(victims.square_alone, NUMBERS, jobs=2)
        assert list(zip(first, second, strict=True)) == list(zip(SQUARES, SQUARES, strict=True))

    @pytest.mark.parametrize("jobs", [1, 3])
    def test_an_interrupt_ends_at_once_with_the_children_gone(self, jobs):
        code = (
            "import victims\nfrom symgen.engine import ordered_map\n"
            f"for result in ordered_map(victims.square_alone, ['pid'] + ['sleep'] * 50, jobs={jobs}):\n"
            "    print(result, flush=True)\n"
        )
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent), *sys.path])
        with subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        ) as process:
            process.stdout.readline()
            time.sleep(0.3)
            session = children_of(process.pid)
            assert session
            started = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=10)
        assert time.monotonic() - started < 3
        assert errors.rstrip().endswith("KeyboardInterrupt")
        assert not [child for child in session if Path(f"/proc/{child}").exists()]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"engine": "spark"}, "one of local, dask"),
            ({"jobs": 0}, "1 or more"),
            ({"scheduler": "tcp://a:1"}, "--engine dask"),
            ({"engine": "dask"}, "--scheduler"),
        ],
    )
    def test_wrong_use_is_refused_at_once(self, options, words):
        with pytest.raises(UsageError, match=words):
            ordered_map(victims.square_alone, [1], **options)

    def test_dask_without_its_library(self, monkeypatch):
        monkeypatch.setattr("symgen.engine.find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"distributed.*symgen\[cluster\]"):
            ordered_map(victims.square_alone, [1], engine="dask", scheduler="tcp://a:1")


def children_of(pid):
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # ended since
            if f"PPid:\t{pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


@contextmanager
def process(*arguments, first=(), **variables):
    """Run Python on arguments, with the folders of `first` before all others on its path; kill it and its own."""
    path = os.pathsep.join([*map(str, first), str(ROOT), str(Path(__file__).parent)])
    environment = os.environ | {"PYTHONPATH": path} | variables
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # Run elsewhere: with -m the working folder would come first of all.
    with subprocess.Popen(
        [sys.executable, *arguments], env=environment, cwd="/", start_new_session=True, **quiet
    ) as running:
        try:
            yield running
        finally:
            os.killpg(running.pid, signal.SIGKILL)


@contextmanager
def scheduler(folder, **options):
    file = folder / "scheduler.json"
    arguments = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    with process("-m", "distributed.cli.dask_scheduler", *arguments, **options):
        yield until(lambda: json.loads(file.read_text())["address"] if file.exists() and file.read_text() else None)


def workers(address, folder, *, count=2, **options):
    arguments = [address, "--nworkers", str(count), "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
    return process("-m", "distributed.cli.dask_worker", *arguments, "--local-directory", str(folder), **options)


def until(ask, seconds=20.0):
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two worker processes, each started again by its nanny when it dies."""
    folder = tmp_path_factory.mktemp("cluster")
    with (
        scheduler(folder, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1") as address,
        workers(address, folder),
    ):
        yield address


@pytest.fixture
def stub(tmp_path):
    """A package that is called symgen and is not."""

    def make(text):
        (tmp_path / "stub/symgen").mkdir(parents=True)
        (tmp_path / "stub/symgen/__init__.py").write_text(text)
        return tmp_path / "stub"

    return make


def there(function, tasks, address, **options):
    return ordered_map(function, tasks, engine="dask", scheduler=address, **options)


@needs_distributed
class TestThere:
    def test_same_results_as_here_by_other_processes(self, cluster):
        assert list(there(victims.square_alone, NUMBERS, cluster)) == SQUARES
        pids = set(there(victims.whose, NUMBERS, cluster))
        assert len(pids) == 2
        assert os.getpid() not in pids

    def test_one_in_progress_is_not_done_here(self, cluster):
        assert os.getpid() not in set(there(victims.whose, NUMBERS[:5], cluster, jobs=1))

    def test_large_tasks(self, cluster):
        tasks = [("", b"x" * 100_000)] * 30
        assert list(there(victims.obey, tasks, cluster)) == [value for _, value in tasks]

    def test_tasks_are_drawn_as_they_are_needed(self, cluster):
        drawn = []
        results = there(victims.obey, (drawn.append(n) or ("", n) for n in range(200)), cluster, jobs=4)
        assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
        time.sleep(0.3)
        assert len(drawn) <= 5 + BACKLOG * 4
        results.close()

    def test_what_the_function_raises_is_raised(self, cluster):
        with pytest.raises(ValueError, match="nothing works"):
            list(there(victims.obey, [("", 1), ("raise", "nothing works")], cluster))
        with pytest.raises(ZeroDivisionError):
            list(there(victims.obey, (("", 1 // (9 - n)) for n in range(20)), cluster))
        with pytest.raises(TypeError, match="pickle"):
            list(there(victims.obey, (("", n if n < 9 else threading.Lock()) for n in range(20)), cluster))

    def test_a_worker_killed_in_the_middle(self, cluster):
        victim = next(iter(there(victims.whose, [1], cluster)))
        results = there(victims.square_slowly, NUMBERS, cluster)
        found = [next(results) for _ in range(5)]
        os.kill(victim, signal.SIGKILL)
        assert found + list(results) == SQUARES

    def test_a_task_that_kills_its_worker_again_and_again(self, cluster):
        tasks = [("", 0), ("", 1), ("die", 2), *(("sleep", 0.05) for _ in range(8))]
        found = list(there(victims.obey, tasks, cluster))
        assert isinstance(found[2], ClusterError)
        assert "killed, 4 times" in str(found[2])
        assert found[:2] + found[3:] == [0, 1] + [0.05] * 8

    def test_an_interrupt_ends_at_once(self, cluster, tmp_path):
        def interrupt():
            until((tmp_path / "begun").exists)
            os.kill(os.getpid(), signal.SIGINT)

        watch = threading.Thread(target=interrupt)
        watch.start()
        with pytest.raises(KeyboardInterrupt):
            list(there(victims.obey, [("touch", str(tmp_path / "begun")), ("", 1)], cluster))
        ended = time.monotonic()
        watch.join()
        assert time.monotonic() - ended < 3


@needs_distributed
class TestWrongClusters:
    def test_no_scheduler(self, monkeypatch):
        monkeypatch.setattr("symgen._cluster.CONNECT_SECONDS", 1.0)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            for address in (f"tcp://127.0.0.1:{silent.getsockname()[1]}", "tcp://127.0.0.1:1", "soap://a", "\x1b[2J"):
                with pytest.raises(UsageError, match="no scheduler answers at"):
                    list(there(victims.whose, [1], address))

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("raise ModuleNotFoundError('No module named symgen')", "lacks symgen .*No module named symgen"),
            ("", "lacks symgen .*symgen.engine"),
        ],
    )
    def test_a_scheduler_that_lacks_the_package(self, stub, tmp_path, text, words):
        with scheduler(tmp_path, first=[stub(text)]) as address:
            started = time.monotonic()
            with pytest.raises(ClusterError, match=f"the scheduler {words}.*expected symgen"):
                list(there(victims.whose, [1], address))
            assert time.monotonic() - started < 30

    def test_a_worker_of_another_version_and_no_worker(self, stub, tmp_path, monkeypatch):
        monkeypatch.setattr("symgen._cluster.WORKER_SECONDS", 0.5)
        package = stub("__version__ = '0.0.1'")
        (package / "symgen/engine.py").touch()
        with scheduler(tmp_path) as address:
            with pytest.raises(ClusterError, match="has no workers; start some"):
                list(there(victims.whose, [1], address))
            monkeypatch.undo()
            with (
                workers(address, tmp_path, count=1, first=[package]),
                pytest.raises(ClusterError, match=r"worker tcp://.* has symgen 0.0.1; expected symgen .* as here"),
            ):
                list(there(victims.whose, [1], address))

    def test_all_lost_and_a_wrong_one_come_late(self, stub, tmp_path, monkeypatch):
        monkeypatch.setattr("symgen._cluster.LOST_SECONDS", 1.0)
        with scheduler(tmp_path) as address:
            with workers(address, tmp_path, count=1):
                results = there(victims.obey, [("", 1), *[("sleep", 0.2)] * 50], address)
                assert next(results) == 1
            with pytest.raises(ClusterError, match="all workers were lost"):
                list(results)
            monkeypatch.undo()
            with workers(address, tmp_path, count=1):
                results = there(victims.obey, [("", 1), *[("sleep", 0.2)] * 50], address)
                assert next(results) == 1
            with (
                workers(address, tmp_path, count=1, first=[stub("")]),
                pytest.raises(ClusterError, match="symgen"),
            ):
                list(results)

    def test_a_scheduler_lost_in_the_middle(self, tmp_path, monkeypatch):
        monkeypatch.setattr("symgen._cluster.LOST_SECONDS", 1.0)
        with scheduler(tmp_path) as address, workers(address, tmp_path, count=1):
            results = there(victims.obey, [("", 1), *[("sleep", 0.2)] * 50], address)
            assert next(results) == 1
        with pytest.raises(ClusterError, match="scheduler"):
            list(results)
