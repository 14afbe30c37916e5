"""A server at a port of its own, in a thread of this process."""

from __future__ import annotations

import socket
import threading
from typing import Any

import uvicorn

from ocrpipe.serve.app import Server
from ocrpipe.serve.review import Review
from ocrpipe.serve.settings import ServeSettings
from tests.serve.conftest import FakeReader


class Running:
    """A server at a port of its own, that can be stopped and started again."""

    def __init__(self, reader: FakeReader | None, review: Review | None = None, **settings: Any) -> None:
        self._reader, self._review, self._given, self.port = reader, review, settings, 0
        self.start()

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        settings = ServeSettings(port=self.port, grace=2.0, **self._given)
        self._server = Server(settings, reader=self._reader, review=self._review)
        config = uvicorn.Config(self._server.app, log_level="error", timeout_graceful_shutdown=1)
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [listener]})
        self._thread.start()

    def stop(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(30)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"
