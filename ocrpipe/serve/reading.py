"""``/v1/read`` and ``/v1/jobs``: documents in, results and events out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ocrpipe.serve.answers import file_answer
from ocrpipe.serve.jobs import Job
from ocrpipe.serve.problems import Problem
from ocrpipe.serve.queue import Queue
from ocrpipe.serve.receiving import Received, receive
from ocrpipe.serve.settings import ServeSettings

_PING = 15.0  # seconds between comments in a stream of events, so that proxies keep it open


class Reading:
    """The endpoints that read documents.

    Args:
        queue: Where documents are read.
        settings: Their limits.
    """

    def __init__(self, queue: Queue, settings: ServeSettings) -> None:
        self._queue, self._settings = queue, settings
        self._closing = False
        self._watches: set[asyncio.Event] = set()

    def routes(self) -> list[Route]:
        """The endpoints."""
        return [
            Route("/v1/read", self.read, methods=["POST"]),
            Route("/v1/jobs", self.submit, methods=["POST"]),
            Route("/v1/jobs/{id}", self.status, methods=["GET"]),
            Route("/v1/jobs/{id}", self.delete, methods=["DELETE"]),
            Route("/v1/jobs/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/v1/jobs/{id}/events", self.events, methods=["GET"]),
        ]

    def end_streams(self) -> None:
        """End all streams of events; called in the event loop when the server is to stop."""
        self._closing = True
        for event in self._watches:
            event.set()

    async def read(self, request: Request) -> Response:
        """Read a document and answer with the result; nothing of it is kept."""
        received, job = await self._received(request)
        try:
            with anyio.fail_after(self._settings.timeout):
                await self._finished(job, request)
                for problem in (job.problem, *job.failures):
                    if problem:
                        raise problem
                data = await anyio.to_thread.run_sync(job.result, received.format, abandon_on_cancel=True)
        except TimeoutError:
            limit = f"{self._settings.timeout:g} s"
            raise Problem(504, f"reading took longer than {limit}; /v1/jobs has no such limit") from None
        finally:
            self._queue.remove(job.id)
        return file_answer(data, received.format, job.name)

    async def submit(self, request: Request) -> Response:
        """Take a document and answer at once, while it is being read."""
        _, job = await self._received(request)
        headers = {"Location": f"/v1/jobs/{job.id}"}
        return JSONResponse(job.described(), 202, headers)

    async def status(self, request: Request) -> Response:
        """The state of a job, and what was read so far."""
        job = self._job(request)
        pages = await anyio.to_thread.run_sync(job.pages)
        return JSONResponse(job.described() | {"pages": pages})

    async def cancel(self, request: Request) -> Response:
        """Read no more pages of a job; those that were read stay."""
        job = self._job(request)
        job.cancel()
        return JSONResponse(job.described())

    async def delete(self, request: Request) -> Response:
        """Cancel a job and remove all that is kept of it."""
        self._queue.remove(self._job(request).id)
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        """The events of a job as they happen, beginning with those that have happened."""
        job = self._job(request)
        last = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        first = int(last) + 1 if last.isdecimal() and len(last) < 10 else 0
        return StreamingResponse(self._stream(job, first), media_type="text/event-stream")

    def _job(self, request: Request) -> Job:
        return self._queue.get(request.path_params["id"])

    async def _received(self, request: Request) -> tuple[Received, Job]:
        with self._queue.place():
            received = await receive(request, self._settings)
            job = Job(received.upload, received.request, doubtful=self._settings.doubtful)
            job.replace_text, job.rotate_pages = self._settings.replace_text, self._settings.rotate_pages
            self._queue.add(job)
        return received, job

    async def _finished(self, job: Job, request: Request) -> None:
        """Wait for the end of a job; cancel it if the client leaves.

        Raises:
            Problem: The client has left, or the server is being stopped.
        """
        left = False

        async def watch_client(event: asyncio.Event) -> None:
            nonlocal left
            while (await request.receive())["type"] != "http.disconnect":
                pass
            left = True
            event.set()

        with self._watching(job) as event:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch_client, event)
                while not (job.finished or left or self._closing):
                    await event.wait()
                    event.clear()
                tasks.cancel_scope.cancel()
        if left:
            raise Problem(400, "the client left before the document was read")
        if not job.finished or job.state == "cancelled":
            raise Problem(503, "the server is being stopped")

    async def _stream(self, job: Job, position: int) -> AsyncIterator[str]:
        with self._watching(job) as event:
            while True:
                for name, data in job.events[position:]:
                    yield f"id: {position}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
                    position += 1
                if job.finished or self._closing:
                    yield "event: end\ndata: {}\n\n"
                    return
                with anyio.move_on_after(_PING) as waiting:
                    await event.wait()
                    event.clear()
                if waiting.cancelled_caught:
                    yield ": still reading\n\n"

    @contextmanager
    def _watching(self, job: Job) -> Iterator[asyncio.Event]:
        """An event that is set whenever something happens to a job."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(event.set)

        unlisten = job.listen(wake)
        self._watches.add(event)
        try:
            yield event
        finally:
            self._watches.discard(event)
            unlisten()
