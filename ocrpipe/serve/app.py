"""The ASGI application: all endpoints behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ocrpipe._version import __version__
from ocrpipe.export import FORMATS
from ocrpipe.serve import metrics as metrics_text
from ocrpipe.serve.answers import media_type
from ocrpipe.serve.documents import Document
from ocrpipe.serve.guard import Guard, cookie_name, session_of
from ocrpipe.serve.jobs import Reader
from ocrpipe.serve.metrics import Metrics
from ocrpipe.serve.openapi import describe
from ocrpipe.serve.pages import Pages
from ocrpipe.serve.problems import Problem
from ocrpipe.serve.queue import Queue
from ocrpipe.serve.reading import Reading
from ocrpipe.serve.review import Review
from ocrpipe.serve.settings import ServeSettings

_STATIC = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
}


class Server:
    """What answers requests: for reading documents, or for reviewing an output folder.

    Args:
        settings: How it listens, and its limits.
        reader: What reads pages, if it does.
        review: The output folder, if it reviews one.

    Attributes:
        app: The ASGI application.
    """

    def __init__(
        self, settings: ServeSettings, *, reader: Reader | None = None, review: Review | None = None
    ) -> None:
        self._settings, self._review, self._metrics = settings, review, Metrics()
        self._queue = Queue(reader, settings, self._metrics) if reader else None
        self._reading = Reading(self._queue, settings) if self._queue else None
        find: Callable[[str], Document] | None = review.get if review else None
        if self._queue:
            find = self._queue.get
        assert find, "a server has a reader or a review"
        routes: list[BaseRoute] = [
            *(self._reading.routes() if self._reading else ()),
            *(review.routes() if review else ()),
            *Pages(find).routes(),
            Route("/v1/about", self.about, methods=["GET"]),
            Route("/v1/session", self.session, methods=["POST"]),
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
            *(Route(path, _static(*file), methods=["GET"]) for path, file in _STATIC.items()),
        ]
        self.app = Starlette(
            routes=routes,
            middleware=[Middleware(Guard, settings=settings, metrics=self._metrics)],
            exception_handlers={HTTPException: _http_error},
            lifespan=self._lifespan,
        )
        self.app.router.redirect_slashes = False

    def end_streams(self) -> None:
        """End what would otherwise keep connections open; called in the event loop."""
        if self._reading:
            self._reading.end_streams()

    async def about(self, _: Request) -> Response:
        """What the page needs to know about the server."""
        return JSONResponse(
            {
                "version": __version__,
                "mode": "review" if self._review else "read",
                "formats": list(FORMATS),
                "max_body": self._settings.max_body,
                "doubtful": self._settings.doubtful,
            }
        )

    async def session(self, _: Request) -> Response:
        """A cookie in place of the token, for the page; the guard has checked the token."""
        response = Response(status_code=204)
        if self._settings.token:
            name, value = cookie_name(self._settings), session_of(self._settings.token)
            response.set_cookie(name, value, httponly=True, samesite="strict", path="/")
        return response

    async def healthz(self, _: Request) -> Response:
        """Whether the server is at work."""
        return JSONResponse({"status": "ok", "version": __version__})

    async def metrics(self, _: Request) -> Response:
        """Figures for Prometheus."""
        queue = self._queue
        gauges = (
            {"ocrpipe_queue_documents": queue.unfinished, "ocrpipe_jobs_kept": queue.kept} if queue else {}
        )
        return Response(self._metrics.text(gauges), media_type=metrics_text.MEDIA_TYPE)

    async def openapi(self, _: Request) -> Response:
        """The description of the API, OpenAPI 3.1."""
        formats = {name: media_type(name) for name in FORMATS}
        return JSONResponse(describe(formats, review=self._review is not None))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Cancel what is being read, remove all uploads, close the manifest."""
        if self._queue:
            self._queue.close()
        if self._review:
            self._review.close()


def _static(name: str, kind: str) -> Callable[[Request], Response]:
    data = (files("ocrpipe.serve") / "static" / name).read_bytes()

    def static(_: Request) -> Response:
        return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})

    return static


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Problem(error.status_code, error.detail, headers=error.headers).response()
