"""Trainings as tasks of Dask, on the cores of this machine or on a cluster.

Dask gives a task whose worker is lost to another one. There the run is opened again and goes on
from its last checkpoint, so that a lost worker costs the epoch under way and nothing else; and a
run has the same bytes wherever, and in how many pieces, it was trained.
"""

import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from scratchvae.data import Dataset
from scratchvae.errors import InputError
from scratchvae.kernels import set_threads
from scratchvae.kernels.machine.threads import available_threads
from scratchvae.progress import say
from scratchvae.runs.folders import FolderTakenError
from scratchvae.sweeps.places import Place
from scratchvae.sweeps.training import DataSource, Progress, Training, train_at
from scratchvae.version import __version__

INSTALL = "install it with `pip install 'scratchvae[sweep]'`"

_CONNECTING = 15  # seconds in which a scheduler has to answer
_LOSSES = 5  # times that a training may lose its worker before it is given up
_PATIENCE = 120  # seconds that a task waits for the process that it takes a run over from


class _NotWantedError(Exception):
    """Nobody waits for this training any more."""


Job = tuple[Training, DataSource]
Outcome = dict[str, Any] | InputError
"""What came of a training: see ``train_at``."""


class Cluster:
    """A connection to a scheduler, and what runs there."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._topic = f"scratchvae-{uuid.uuid4().hex}"

    def check(self, place: Place, shared: bool) -> None:
        """Raise ``InputError`` unless the workers have this version, and see what is written here.

        ``shared`` is whether they are to see the same folder.
        """
        versions = set(self._on_workers(_version).values())
        if versions - {__version__}:
            raise InputError(
                f"the workers have scratchvae {', '.join(sorted(map(str, versions)))}, and this is "
                f"{__version__}: install the same version on all of them"
            )
        if shared:
            probe = f".{self._topic}"
            place.write(probe, b"")
            seen = self._on_workers(_sees, place, probe)
            place.remove(probe)
            if blind := [worker for worker, sees in seen.items() if not sees]:
                raise InputError(
                    f"the worker at {blind[0]} does not see the folder of the sweep: give a folder "
                    "that all machines share, or an address of fsspec such as s3://BUCKET/FOLDER"
                )

    def train(
        self, jobs: Mapping[str, Job], place: Place, on_progress: Progress
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield the name of each job and what came of it, as they are done.

        ``on_progress`` is called from another thread.
        """
        from distributed import Event, KilledWorker, as_completed

        stop = Event(f"{self._topic}-stop", client=self._client)
        self._client.subscribe_topic(self._topic, lambda event: on_progress(*event[1]))
        threads = self._threads()

        def submit(name: str) -> Any:
            return self._client.submit(
                _train, *jobs[name], place, self._topic, threads, key=f"{name}-{uuid.uuid4().hex}"
            )

        names = {submit(name): name for name in jobs}
        losses = dict.fromkeys(jobs, 0)
        try:
            waiting = as_completed(list(names))
            for future in waiting:
                name = names.pop(future)
                result: Outcome
                try:
                    result = future.result()
                except InputError as error:
                    result = error
                except KilledWorker:
                    losses[name] += 1
                    if losses[name] < _LOSSES:
                        again = submit(name)
                        names[again] = name
                        waiting.add(again)
                        continue
                    result = InputError(
                        f"the training {name} has lost its worker {_LOSSES} times: see whether the "
                        "workers have memory enough"
                    )
                yield name, result
        except BaseException:
            with suppress(Exception):  # the scheduler may be what was lost
                stop.set()
            raise
        finally:
            with suppress(Exception):
                self._client.cancel(list(names))
                self._client.unsubscribe_topic(self._topic)

    def _threads(self) -> dict[str, int]:
        """Return by host how many threads a task may use, so that all together have its cores."""
        cores = self._on_workers(available_threads)
        workers = self._workers()
        hosts = [worker["host"] for worker in workers.values()]
        tasks = {
            host: sum(one["nthreads"] for one in workers.values() if one["host"] == host)
            for host in hosts
        }
        return {
            one["host"]: max(1, cores.get(address, 1) // tasks[one["host"]])
            for address, one in workers.items()
        }

    def _workers(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return found

    def _on_workers(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Return what a function returns on each worker, by the worker's address."""
        if not self._workers():
            say("scratchvae: the scheduler has no workers yet: waiting for one")
            self._client.wait_for_workers(1)
        try:
            answers: dict[str, Any] = self._client.run(function, *arguments)
        except ModuleNotFoundError as error:
            raise InputError(
                f"a worker cannot import {error.name}: install scratchvae where the workers are"
            ) from None
        return answers


@contextmanager
def connected(scheduler: str | None, workers: int | None) -> Iterator[Cluster]:
    """Within this there is a cluster: the one at an address, or a new one on this machine.

    Parameters
    ----------
    scheduler
        The address of a scheduler; ``None`` starts one.
    workers
        How many processes to start; ``None``: as many as there are cores.

    Raises
    ------
    InputError
        If Dask is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "several trainings at once need Dask, and the package `distributed` is not installed",
            f"{INSTALL}, or train one after the other with `workers=1`",
        ) from None
    with _quiet():
        if scheduler is not None:
            try:
                client = Client(scheduler, timeout=_CONNECTING)
            except (OSError, ValueError) as error:
                why = " ".join(str(error).split()) or type(error).__name__
                raise InputError(
                    f"no scheduler answers at {scheduler!r} ({why})",
                    "give the address that `dask scheduler` has printed, such as tcp://host:8786",
                ) from None
            with client:
                yield Cluster(client)
            return
        _start_tracker()
        number = available_threads() if workers is None else workers
        environment = {"SCRATCHVAE_THREADS": str(max(1, available_threads() // number))}
        with (
            LocalCluster(
                n_workers=number,
                threads_per_worker=1,
                env=environment,
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield Cluster(client)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within this, Dask does not log what it deals with by itself, such as a lost worker."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _start_tracker() -> None:
    """Start the process that removes what children of this one leave behind, without a warning.

    It would say at the very end that a worker which was killed has left semaphores.
    """
    if sys.platform == "win32":
        return
    from multiprocessing import resource_tracker

    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (before, "ignore:resource_tracker")))
    try:
        resource_tracker.ensure_running()  # it takes over the environment of this moment
    finally:
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


def _version() -> str:
    return __version__


def _sees(place: Place, name: str) -> bool:
    return place.read(name) is not None


def _train(
    training: Training, source: DataSource, place: Place, topic: str, threads: Mapping[str, int]
) -> dict[str, Any]:
    """Train a run on a worker, and return what came of it, or the one line of its error."""
    from distributed import Event, get_worker

    worker = get_worker()
    if not os.environ.get("SCRATCHVAE_THREADS"):
        set_threads(threads.get(worker.ip, 1))
    stop = Event(f"{topic}-stop")

    def on_progress(name: str, epochs: float) -> None:
        worker.log_event(topic, (name, epochs))
        if stop.is_set():
            raise _NotWantedError

    begun = time.monotonic()
    while True:
        try:
            return train_at(place, training, _images(source), on_progress)
        except FolderTakenError:  # by a worker that is believed to be lost
            if time.monotonic() - begun > _PATIENCE:
                raise
            time.sleep(1)


_loading = threading.Lock()


def _images(source: DataSource) -> Dataset:
    """Return images, which the trainings of a worker share: they are loaded once."""
    with _loading:
        return _load(source)


@lru_cache(maxsize=2)
def _load(source: DataSource) -> Dataset:
    return source.load()
