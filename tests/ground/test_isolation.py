"""Isolation: a bad item costs its caps and nothing else, and no process, pipe or noise is left of it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from symgen import _children, isolation
from symgen.isolation import Caps, Failure, IsolationError, Scope, Stopped, run_isolated

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to look at processes")

CALM = Caps(seconds=60, memory_bytes=64 * 2**20)
SHORT = Caps(seconds=0.4)
TIME = Failure("cap-time", "took more than 0.4 s (cap-time)")
MEMORY = Failure("cap-memory", "needed more than 64 MiB of memory (cap-memory)")
KILLED = Failure("process-killed", "its process was ended by exit status 3 (process-killed)")
FAILURES = int(os.environ.get("SYMGEN_TEST_FAILURES", "40"))
"""1,000 on demand: a minute."""


def run(items, function="squares", shared=None, caps=CALM, **options):
    found = list(run_isolated(f"victims:{function}", items, shared, caps, **options))
    assert sorted(index for index, _ in found) == list(range(len(items)))  # each item once
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def children():
    """Return the processes, zombies too, that this process has started and that are still there."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{os.getpid()}\n" in status.read_text():
                found.append(int(status.parent.name))
        except OSError:
            continue
    return found


def gone(pid, seconds=5.0):
    """Wait until a process has ended (an orphan's zombie counts as ended); return whether it has."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


class TestSignsOfLife:
    def test_long_work_that_gets_on_is_not_killed(self):
        told = []
        found = run(["alive", "mute"], "long_by_right", caps=SHORT, progress=lambda *words: told.append(words))
        assert found == ["alive", TIME]
        assert set(told) <= {("stepping", step, 20) for step in range(20)}
        assert 4 <= len(told) <= 20
        assert told == sorted(told)

    def test_memory_is_counted_all_the_same(self):
        assert run([2, 20], "growing") == [2, MEMORY]

    def test_outside_a_child_they_do_nothing(self):
        isolation.alive("to nobody", 1, 2)


class TestResults:
    def test_results_with_shared(self):
        assert run([1, 2, 3], shared=1) == [2, 5, 10]
        assert run([]) == []

    @pytest.mark.parametrize(
        ("deed", "failure"),
        [
            ("hog", MEMORY),
            ("exit", KILLED),
            ("segfault", Failure("process-killed", "its process was ended by SIGSEGV (process-killed)")),
            ("raise", Failure("internal-error", "internal error: ZeroDivisionError: division by zero")),
            ("quit", Failure("internal-error", "internal error: SystemExit: no")),
        ],
    )
    def test_one_is_to_blame_and_the_others_have_their_results(self, deed, failure):
        assert run([1, deed, 3]) == [1, failure, 9]
        assert run([1, 2, deed], "in_batches") == [1, 4, failure]
        assert run([1, deed], "silently") == [1, failure]

    @pytest.mark.parametrize("deed", ["sleep", "spin"])
    def test_the_cap_of_time(self, deed):
        assert run([1, deed, 3], caps=SHORT) == [1, TIME, 9]
        assert run([1, 2, deed], "in_batches", caps=SHORT) == [1, 4, TIME]
        assert run([1, deed], "silently", caps=SHORT) == [1, TIME]

    def test_several_culprits(self):
        assert run(["exit", 2, "hog", 4, "exit"], "in_batches") == [KILLED, 4, MEMORY, 16, KILLED]

    def test_a_result_that_cannot_be_sent(self):
        (failure,) = run(["lambda"])
        assert failure.code == "internal-error"

    def test_a_missing_result(self):
        assert run([1, 2, 3], "two_of_three") == [1, 2, Failure("internal-error", "the function gave no result")]

    def test_what_happens_after_all_results_is_no_item_s_fault(self):
        assert run([1, 2, 3], "after_all") == [1, 2, 3]

    def test_the_caps_count_for_each_call_of_working(self):
        assert run([0.3] * 4, "naps", caps=Caps(seconds=1)) == ["slept"] * 4

    def test_a_consumer_that_takes_its_time_is_no_cap(self):
        found = []
        for pair in run_isolated("victims:squares", [1, 2, 3], None, SHORT):
            time.sleep(0.5)
            found.append(pair)
        assert found == [(0, 1), (1, 4), (2, 9)]

    def test_defaults(self):
        assert Caps() == Caps(10.0, 2**30)
        assert isolation._failure(("memory",), Caps()).detail == "needed more than 1 GiB of memory (cap-memory)"
        assert isolation._failure(("time",), Caps()).detail == "took more than 10 s (cap-time)"


class TestMemory:
    def test_what_the_warm_up_holds_does_not_count(self):
        assert run(["warm", 2], warm_up="victims:warm") == [True, 4]

    def test_the_parent_watches_where_a_child_cannot_limit_itself(self, monkeypatch):
        isolation.close()
        monkeypatch.setattr(_children, "_CAP_THEMSELVES", False)
        caps = Caps(seconds=20, memory_bytes=100 * 2**20)
        assert run([2, "hog slowly", 3], caps=caps) == [4, isolation._failure(("memory",), caps), 9]
        isolation.close()

    def test_a_child_that_has_grown_is_replaced(self, monkeypatch):
        monkeypatch.setattr(_children, "GROWTH_BYTES", -1)
        first, second = run(["pid"]), run(["pid"])
        assert first != second

    def test_a_child_is_replaced_after_so_many_items(self, monkeypatch):
        isolation.close()
        monkeypatch.setattr(_children, "ITEMS_A_CHILD", 3)
        pids = [run(["pid"])[0] for _ in range(6)]
        assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4] == pids[5]


class TestChildren:
    def test_a_child_is_used_again(self):
        assert run(["pid"]) == run(["pid"])

    def test_its_working_folder_is_that_of_the_parent(self, tmp_path, monkeypatch):
        run([1])
        monkeypatch.chdir(tmp_path)
        assert run(["cwd"]) == [str(tmp_path)]

    def test_one_thread_each(self):
        assert run(["threads"]) == [["1", "1", "1"]]

    def test_noise_goes_nowhere(self, capfd):
        assert run([1, "noise", 2]) == [1, "noisy", 4]
        assert capfd.readouterr() == ("", "")

    def test_what_a_killed_child_had_started_is_killed_too(self):
        grandchild, failure = run(["grandchild", "sleep"], caps=SHORT)
        assert failure == TIME
        assert gone(grandchild)

    def test_an_idle_child_that_was_killed_is_no_item_s_fault(self):
        (pid,) = run(["pid"])
        os.kill(pid, signal.SIGKILL)
        assert run([3]) == [9]

    def test_what_cannot_be_run_is_said(self):
        for name in ("victims:nothing", "nowhere:nothing"):
            with pytest.raises(IsolationError, match="nothing"):
                list(run_isolated(name, [1], None))
        with pytest.raises(IsolationError, match="victims:cold: ValueError: no fire"):
            run([1], warm_up="victims:cold")

    def test_an_abandoned_run_leaves_no_child(self):
        isolation.close()
        results = run_isolated("victims:squares", [1, "sleep"], None)
        assert next(results) == (0, 1)
        results.close()
        assert children() == []

    def test_failures_leave_no_zombie_and_no_open_pipe(self):
        isolation.close()
        before = descriptors()
        assert run(["exit"] * FAILURES) == [KILLED] * FAILURES
        isolation.close()
        assert children() == []
        assert descriptors() == before

    def test_threads(self):
        found = {}

        def work(number):
            found[number] = run([number, "exit", 2 * number])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {number: [number**2, KILLED, 4 * number**2] for number in range(6)}

    def test_a_scope_is_stopped_from_another_thread(self):
        isolation.close()
        scope = Scope()
        threading.Timer(0.3, scope.stop).start()
        started = time.monotonic()
        with scope, pytest.raises(Stopped):
            run(["sleep"], caps=Caps(60))
        assert time.monotonic() - started < 5
        assert children() == []
        assert run([2]) == [4]  # other runs are not concerned

    def test_closing_stops_what_is_at_work(self):
        threading.Timer(0.3, isolation.close).start()
        with pytest.raises(Stopped):
            run(["sleep"], caps=Caps(60))
        assert run([2]) == [4]


MAIN = """
import sys
sys.path.insert(0, {folder!r})
from symgen.isolation import Caps, run_isolated
print(dict(run_isolated("victims:squares", ["pid"], None))[0], flush=True)
print(dict(run_isolated("victims:squares", [2], None)), flush=True)
for result in run_isolated("victims:squares", ["pid", {deed!r}], None, Caps(60)):
    print(result[1], flush=True)
"""


class TestTheEndOfTheParent:
    """The script has no guard around its main part: multiprocessing's spawn would run it again in every child."""

    @pytest.fixture(params=["sleep", "spin"])
    def parent(self, request):
        code = MAIN.format(folder=str(Path(__file__).parent), deed=request.param)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
        ) as process:
            yield process
            process.kill()

    def child_of(self, parent):
        first = int(parent.stdout.readline())
        assert parent.stdout.readline() == "{0: 4}\n"
        assert int(parent.stdout.readline()) == first
        time.sleep(0.2)  # it is at its deed by now
        return first

    def test_a_killed_parent_leaves_no_orphan(self, parent):
        child = self.child_of(parent)
        parent.kill()
        assert gone(child)

    def test_an_interrupted_parent_ends_at_once_with_its_child_and_one_traceback(self, parent):
        child = self.child_of(parent)
        started = time.monotonic()
        parent.send_signal(signal.SIGINT)
        _, errors = parent.communicate(timeout=10)
        assert time.monotonic() - started < 5
        assert gone(child)
        assert errors.count("Traceback") == 1
        assert "KeyboardInterrupt" in errors


def test_a_fork_of_the_parent_has_children_of_its_own(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import os\nfrom symgen.isolation import run_isolated\n"
        "ask = lambda: dict(run_isolated('victims:squares', ['pid'], None))[0]\n"
        "first = ask()\n"
        "if os.fork() == 0:\n    print(ask() != first, flush=True)\nelse:\n    os.wait(); print(ask() == first)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment)
    assert (found.stdout, found.stderr) == ("True\nTrue\n", "")
