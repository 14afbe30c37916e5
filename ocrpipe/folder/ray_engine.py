"""The same plan on Ray Data, on one machine or many.

Files are inspected and pages read by actors, each with a worker process of its own, so that overdue pages and
dead workers are reported as without Ray. The manifest and the outputs are written by the process that has the
plan; Ray's machines only need to read the tree, under the same paths.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from ocrpipe.errors import ConfigError, MissingExtraError, OcrError
from ocrpipe.folder.plan import Plan
from ocrpipe.folder.pool import Pool
from ocrpipe.folder.results import Failure, PageResult
from ocrpipe.folder.settings import ReadSettings, RunSettings
from ocrpipe.folder.tasks import Outcome, Task, Write

_BATCH = 2000  # tasks of one Ray dataset; the tasks that follow from them are in the next


class RayWorker:
    """An actor: executes a task per row, in a worker process."""

    def __init__(self, settings: ReadSettings, page_timeout: float) -> None:
        self._pool = Pool(settings, 1, page_timeout)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """From ``{"index", "task"}`` to ``{"index", "outcome"}``; the outcome may be an ``OcrError``."""
        try:
            outcome: Outcome | OcrError = _do(self._pool, pickle.loads(row["task"]))
        except OcrError as error:
            outcome = error
        return {"index": row["index"], "outcome": pickle.dumps(outcome)}


def execute(
    plan: Plan, reading: ReadSettings, run: RunSettings
) -> Generator[PageResult | Failure, None, int]:
    """Execute all tasks; returns how many of the worker processes that write outputs were lost.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: There is no cluster at the address.
        OcrError: The pipeline can't be created, Ray failed, or the output folder can't be written.
    """
    with _ray(run) as ray, Pool(reading, 1, run.page_timeout) as writer:
        while tasks := list(_next_batch(plan)):
            reads: list[Task] = [task for task in tasks if not isinstance(task, Write)]
            for task in tasks:
                if isinstance(task, Write):
                    yield from plan.finished(task, _do(writer, task))
            for index, outcome in _outcomes(ray, reads, reading, run):
                yield from plan.finished(reads[index], outcome)
        return writer.lost


def _next_batch(plan: Plan) -> Iterator[Task]:
    for _ in range(_BATCH):
        task = plan.next_task()
        if task is None:
            return
        yield task


def _do(pool: Pool, task: Task) -> Outcome:
    pool.submit(task)
    while True:
        for _, outcome in pool.wait():
            return outcome


def _outcomes(
    ray: Any, tasks: list[Task], reading: ReadSettings, run: RunSettings
) -> Iterator[tuple[int, Outcome]]:
    """Outcomes with the index of their tasks, in the order in which they are finished."""
    if not tasks:
        return
    rows = [{"index": index, "task": pickle.dumps(task)} for index, task in enumerate(tasks)]
    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        RayWorker,
        fn_constructor_args=(reading, run.page_timeout),
        concurrency=min(run.workers, len(rows)),
        num_cpus=reading.threads,
    )
    try:
        for row in dataset.iter_rows():
            outcome = pickle.loads(row["outcome"])
            if isinstance(outcome, OcrError):
                raise outcome
            yield int(row["index"]), outcome
    except ray.exceptions.RayError as error:
        raise OcrError(f"Ray failed: {str(error).splitlines()[0]}") from error


@contextmanager
def _ray(run: RunSettings) -> Iterator[Any]:
    """Ray as it is running already, or started without output and shut down with the run."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would send statistics
    os.environ.setdefault(
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0"
    )  # as newer versions do, without a warning
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise MissingExtraError(f"the engine ray needs {error.name}: pip install 'ocrpipe[ray]'") from error
    is_ours = not ray.is_initialized()
    if is_ours:
        try:
            ray.init(
                address=run.ray_address or "local",
                include_dashboard=None if run.ray_address else False,
                configure_logging=False,
                log_to_driver=False,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            where = run.ray_address or "this machine"
            reason = str(error).splitlines()[0]
            raise ConfigError(f"cannot use Ray on {where}: {reason}") from error
    context = ray.data.DataContext.get_current()
    progress_bars, context.enable_progress_bars = context.enable_progress_bars, False
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield ray
    finally:
        logger.setLevel(level)
        context.enable_progress_bars = progress_bars
        if is_ours:
            ray.shutdown()
