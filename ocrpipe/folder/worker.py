"""A worker process: loads the models once, then does one task after the other.

Tasks come in on stdin and answers go out on stdout, each a pickle behind its length. The process is started
as a plain Python rather than through ``multiprocessing``, which would run the caller's program again to
import it, and which could not give the C library its settings. It ends with its parent, even one that was
killed.
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
    """Sent when a step is done that a page's time does not include, such as loading the models."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Sent in place of an answer where the pipeline can't be made, so that no task could be done."""

    error: Exception


Message = Alive | Broken | Outcome


def send(stream: IO[bytes], message: object) -> None:
    """Write a message; ``OSError`` where nobody reads any more."""
    data = pickle.dumps(message, protocol=5)
    stream.write(_HEADER.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> object:
    """Read the next message.

    Raises:
        EOFError: The other side is gone, perhaps in the middle of a message.
    """
    (size,) = _HEADER.unpack(_exactly(stream, _HEADER.size))
    return pickle.loads(_exactly(stream, size))


def main() -> None:
    """Serve the parent until it is gone."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that what libraries print can't get among the answers
    tasks: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    settings = tasks.get()
    serve(settings, tasks.get, lambda message: send(answers, message))  # type: ignore[arg-type]


def serve(settings: ReadSettings, next_task: Callable[[], object], answer: Callable[[Message], None]) -> None:
    """Do tasks for ever, or until the pipeline can't be made."""
    from ocrpipe.folder.working import Working

    working = Working(settings, lambda: answer(Alive()))
    while True:
        task: Task = next_task()  # type: ignore[assignment]
        try:
            outcome: Message = working.do(task)
        except Exception as error:  # only making the pipeline raises
            outcome = Broken(_picklable(error))
        answer(outcome)


def _listen(tasks: queue.SimpleQueue[object]) -> None:
    stream = sys.stdin.buffer
    try:
        while True:
            tasks.put(receive(stream))
    except BaseException:  # the parent is gone, and whatever is being done is for nobody
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
