"""A worker process: loads the models once, then executes one task after the other.

Tasks are received on stdin and outcomes sent on stdout, each as a pickle preceded by its length. The process
is started as plain Python rather than by ``multiprocessing``, which would import the caller's program again
and could not pass settings of the C library. It ends with its parent, even if that is killed.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from ocrpipe.folder.tasks import Outcome, Task

if TYPE_CHECKING:
    from ocrpipe.folder.settings import ReadSettings

_HEADER = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Alive:
    """Sent after a step that does not count towards the page timeout, such as loading the models."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Sent instead of an outcome if the pipeline can't be created, so that every task would fail."""

    error: Exception


Message = Alive | Broken | Outcome


def send(stream: IO[bytes], message: object) -> None:
    """Write a message; raises ``OSError`` if the other side has closed the stream."""
    data = pickle.dumps(message, protocol=5)
    stream.write(_HEADER.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> object:
    """Read the next message.

    Raises:
        EOFError: The stream has ended, perhaps within a message.
    """
    (size,) = _HEADER.unpack(_exactly(stream, _HEADER.size))
    return pickle.loads(_exactly(stream, size))


def main(memory_limit: int = 0) -> None:
    """Serve the parent until it ends.

    Args:
        memory_limit: Maximum bytes of data of this process; 0 is no limit.
    """
    faulthandler.enable()
    limit_memory(memory_limit)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to all processes of a terminal
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that output of libraries does not mix with the messages
    tasks: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    settings = tasks.get()
    serve(settings, tasks.get, lambda message: send(messages, message))  # type: ignore[arg-type]


def limit_memory(size: int) -> None:
    """Limit this process's data to ``size`` bytes, on Linux; 0 is no limit. Larger allocations fail.

    The limit is on data, since the address space of a process with PyTorch is far larger than its memory.
    """
    if not size or sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def serve(
    settings: ReadSettings, next_task: Callable[[], object], send_message: Callable[[Message], None]
) -> None:
    """Execute tasks for ever, or until the pipeline can't be created."""
    from ocrpipe.folder.working import Working

    working = Working(settings, lambda: send_message(Alive()))
    while True:
        task: Task = next_task()  # type: ignore[assignment]
        try:
            outcome: Message = working.execute(task)
        except Exception as error:  # only creating the pipeline raises
            outcome = Broken(_picklable(error))
        send_message(outcome)


def _listen(tasks: queue.SimpleQueue[object]) -> None:
    stream = sys.stdin.buffer
    try:
        while True:
            tasks.put(receive(stream))
    except BaseException:  # the parent has ended
        os._exit(1)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _picklable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
