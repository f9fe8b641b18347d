"""Several trainings: one after the other in this process, or as tasks of a cluster."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from scratchvae.data import Dataset
from scratchvae.errors import InputError
from scratchvae.kernels.machine.threads import available_threads
from scratchvae.sweeps.cluster import Job, Outcome, connected
from scratchvae.sweeps.places import Place
from scratchvae.sweeps.training import DataSource, Progress, train_at
from scratchvae.validation import check_count

Train = Callable[[Mapping[str, Job], Place, Progress], Iterator[tuple[str, Outcome]]]
"""Yields the name of each job and what came of it, as they are done."""


@contextmanager
def training_on(
    place: Place,
    jobs: int,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    loaded: Mapping[DataSource, Dataset] | None = None,
) -> Iterator[Train]:
    """Yield the function that trains ``jobs`` trainings.

    Parameters
    ----------
    place
        Where they are kept.
    jobs
        How many there are.
    workers
        How many at once on this machine; ``None``: as many as it has cores. 1 needs no Dask.
    scheduler
        The address of a Dask scheduler, whose workers train instead.
    loaded
        Images that this process has in memory already.

    Raises
    ------
    InputError
        If both are given, or the cluster cannot be used.
    """
    if workers is not None:
        check_count(workers, "workers")
        if scheduler is not None:
            raise InputError("a scheduler has workers of its own", "leave out `workers`")
    number = min(workers or available_threads(), max(jobs, 1))
    if scheduler is None and number == 1:
        yield partial(_one_by_one, loaded or {})
        return
    with connected(scheduler, number) as cluster:
        cluster.check(place, shared=scheduler is not None)
        yield cluster.train


def _one_by_one(
    loaded: Mapping[DataSource, Dataset],
    jobs: Mapping[str, Job],
    place: Place,
    on_progress: Progress,
) -> Iterator[tuple[str, Outcome]]:
    known = dict(loaded)
    for name, (training, source) in jobs.items():
        outcome: Outcome
        try:
            data = known[source] if source in known else source.load()
            known[source] = data
            outcome = train_at(place, training, data, on_progress)
        except InputError as error:
            outcome = error
        yield name, outcome
