"""Runs a server until it is stopped."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import uvicorn

from ocrpipe.errors import OcrError
from ocrpipe.serve.app import Server
from ocrpipe.serve.jobs import Reader
from ocrpipe.serve.review import Review
from ocrpipe.serve.settings import ServeSettings

_MAX_CONNECTIONS = 512
_KEEP_ALIVE = 15  # seconds


def run(
    settings: ServeSettings,
    *,
    reader: Reader | None = None,
    review: Review | None = None,
    ready: Callable[[str], object] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress have ``settings.grace`` seconds to end.

    Args:
        settings: How to listen.
        reader: What reads pages, for a server that does.
        review: The output folder, for a server that reviews one.
        ready: Called with the address of the page once the server listens.

    Raises:
        OcrError: The address can't be listened at.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=256)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OcrError(f"cannot listen at {settings.host}:{settings.port}: {reason}") from error
    settings = replace(settings, port=listener.getsockname()[1])
    server = Server(settings, reader=reader, review=review)
    config = uvicorn.Config(
        server.app,
        log_level="warning",
        access_log=False,  # it would log passwords in addresses
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
    )
    host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    fragment = f"#token={settings.token}" if settings.token else ""
    with listener:
        _Uvicorn(config, server, lambda: ready(f"http://{host}:{settings.port}/{fragment}")).run(
            sockets=[listener]
        )


class _Uvicorn(uvicorn.Server):
    """Ends streams of events at once when it is told to stop; they would last until the grace is over."""

    def __init__(self, config: uvicorn.Config, server: Server, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._server, self._ready = server, ready
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the streams, then stop."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._server.end_streams)
        super().handle_exit(sig, frame)
