"""Who does the work: processes of this machine, or a Dask cluster. Both behind `concurrent.futures`."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hil.errors import BadInput
from hil.sweep.plan import Job
from hil.sweep.work import Row, leave_interrupts_to_the_parent, work

CRASHED = "the worker died"
DASK = "dask://"
AHEAD = 2
"""So many runs wait for each thread of a cluster, so that none is idle between two."""


@dataclass(eq=False)
class Lane:
    """An executor and how many runs it holds at a time. A local lane is one process: if it dies, one run is lost."""

    open: Callable[[], Executor]
    capacity: int
    executor: Executor
    fragile: bool


def compute(jobs: Sequence[Job], lanes: Sequence[Lane]) -> Iterator[tuple[Job, Row]]:
    """Every job with its row, in the order in which they finish. A run whose worker died has a row that says so."""
    waiting = iter(jobs)
    under_way: dict[Future[Row], tuple[Job, Lane]] = {}

    def feed(lane: Lane) -> None:
        job = next(waiting, None)
        if job is not None:
            under_way[_submitted(lane, job)] = job, lane

    for _ in range(max(lane.capacity for lane in lanes)):
        for lane in lanes:
            if sum(at is lane for _, at in under_way.values()) < lane.capacity:
                feed(lane)
    while under_way:
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            job, lane = under_way.pop(future)
            row = _row(future)
            if row["error"] == CRASHED and lane.fragile:
                _reopen(lane)
            feed(lane)
            yield job, row


def _submitted(lane: Lane, job: Job) -> "Future[Row]":
    """*job* on its way. A worker that died while it had nothing to do is replaced."""
    try:
        return lane.executor.submit(work, job.scenario, job.seed)
    except BrokenExecutor:
        _reopen(lane)
        return lane.executor.submit(work, job.scenario, job.seed)


def _reopen(lane: Lane) -> None:
    lane.executor.shutdown(wait=False)
    lane.executor = lane.open()


def _close(opened: Sequence[Lane]) -> None:
    for lane in opened:
        lane.executor.shutdown(wait=False, cancel_futures=True)


def _row(future: "Future[Row]") -> Row:
    failure = future.exception()
    if failure is None:
        return future.result()
    if isinstance(failure, BrokenExecutor) or type(failure).__name__ == "KilledWorker":  # the second is Dask's
        return {"held": False, "error": CRASHED}
    return {"held": False, "error": f"{type(failure).__name__}: {failure}"}


@contextmanager
def lanes(where: str, workers: int) -> Iterator[list[Lane]]:
    """The lanes of *where*: "local" for *workers* processes, or "dask://host:port"."""
    with ExitStack() as stack:
        if where.startswith(DASK):
            yield [_cluster(where.removeprefix(DASK), stack)]
        elif where == "local":
            local = [Lane(_process, 1, _process(), True) for _ in range(workers)]
            stack.callback(_close, local)
            yield local
        else:
            raise BadInput(f"--executor {where!r}: local, or dask://host:port")


def _process() -> Executor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=leave_interrupts_to_the_parent)


def _cluster(address: str, stack: ExitStack) -> Lane:
    try:
        from distributed import Client
    except ImportError:
        raise BadInput("--executor dask://...: needs Dask: pip install 'pilebench[cluster]'") from None
    try:
        client = stack.enter_context(Client(f"tcp://{address}", timeout=10))  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise BadInput(
            f"--executor dask://{address}: no scheduler answers there ({error}); start one with: dask scheduler"
        ) from None
    threads = sum(client.nthreads().values())
    if not threads:
        raise BadInput(f"--executor dask://{address}: the cluster has no worker; start one with: dask worker tcp://{address}")
    executor = client.get_executor(pure=False)
    return Lane(lambda: executor, AHEAD * threads, executor, False)
