"""A sweep as tasks of Dask: on this machine and on a cluster, whose workers may be lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scratchvae.errors import InputError
from scratchvae.sweeps import sweep

pytest.importorskip("distributed")

CHOICES = {"latent_dim": [1, 2], "epochs": 40, "batch_size": 4}
# What Dask does with its own sockets when a worker is killed is not ours.
pytestmark = [
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def run(data_dir, out, choices=CHOICES, **others):
    return sweep(
        *("zhao-mlp", out, choices),
        data="mnist",
        data_dir=data_dir,
        report=lambda line: None,
        progress=False,
        **others,
    )


@pytest.fixture(scope="module")
def one_by_one(data_dir, tmp_path_factory):
    """The runs as they are when they are trained one after the other, and the rows of them."""
    folder = tmp_path_factory.mktemp("one-by-one")
    return folder, run(data_dir, folder, workers=1)


def same_runs(one_by_one, folder, rows):
    before, wanted = one_by_one
    for row, expected in zip(rows, wanted, strict=True):
        assert row | {"seconds": 0} == expected | {"seconds": 0}
        name = f"{row['folder']}/checkpoint.npz"
        assert (folder / name).read_bytes() == (before / name).read_bytes()


def children(process):
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(each) for task in tasks for each in task.read_text().split()]


def kill_a_worker(folder, killed):
    """Kill a worker of this process's cluster once it has saved something."""
    while not list(folder.glob("*/checkpoint.npz")):
        time.sleep(0.05)
    for child in children(os.getpid()):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
            killed.append(child)
            return


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are read from /proc")
def test_a_worker_that_is_killed_costs_nothing_but_time(data_dir, tmp_path, one_by_one):
    killed = []
    killer = threading.Thread(target=kill_a_worker, args=(tmp_path, killed))
    killer.start()
    rows = run(data_dir, tmp_path, workers=2)
    killer.join()
    assert killed
    same_runs(one_by_one, tmp_path, rows)


@pytest.fixture
def scheduler(tmp_path):
    """The address of a scheduler with two workers, in three processes of their own."""
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    words = f"--scheduler-file {file} --no-dashboard"
    commands = [f"scheduler --port 0 {words}", *[f"worker {words} --nthreads 1 --no-nanny"] * 2]
    started = [
        subprocess.Popen([*dask, *each.split()], cwd=tmp_path, stderr=subprocess.DEVNULL)
        for each in commands
    ]
    while not file.exists():
        time.sleep(0.1)
    import json

    yield json.loads(file.read_text())["address"]
    for process in started:
        process.kill()  # a worker that is asked to end looks for its scheduler for minutes
    for process in started:
        process.wait()


def test_the_workers_of_a_scheduler_train_the_same_runs(scheduler, data_dir, tmp_path, one_by_one):
    rows = run(data_dir, tmp_path / "out", scheduler=scheduler)
    same_runs(one_by_one, tmp_path / "out", rows)


def test_where_no_scheduler_answers_one_line_says_so(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("scratchvae.sweeps.cluster._CONNECTING", 1)
    with pytest.raises(InputError, match=r"no scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        run(data_dir, tmp_path / "out", scheduler="tcp://127.0.0.1:9")


def test_without_dask_one_line_says_what_to_install(data_dir, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'scratchvae\[sweep\]'.*`workers=1`"):
        run(data_dir, tmp_path / "out", workers=2)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such process on Windows")
def test_what_a_killed_worker_leaves_behind_is_removed_without_a_word():
    leaking = (
        "from multiprocessing import resource_tracker\n"
        "from scratchvae.sweeps.cluster import _start_tracker\n"
        "{start}resource_tracker.register('/scratchvae-left-behind', 'semaphore')\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", leaking.format(start=start)],
            capture_output=True,
            check=True,
            text=True,
        ).stderr
        for start in ("", "_start_tracker()\n")
    ]
    assert "leaked semaphore" in said[0]
    assert "leaked semaphore" not in said[1]
