"""Errors as answers: ``application/problem+json`` (RFC 9457), without a path of this machine."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from starlette.responses import JSONResponse

from ocrpipe.errors import (
    ConfigError,
    MissingExtraError,
    OcrError,
    UnreadableImageError,
    UnsupportedSourceError,
)

_log = logging.getLogger(__name__)

_STATUS: dict[type[Exception], int] = {
    ConfigError: 400,
    UnsupportedSourceError: 415,
    UnreadableImageError: 422,
    MissingExtraError: 501,
    TimeoutError: 504,
}


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        detail: What is wrong, in one line.
        error: Name of the class of the error behind it, if there is one.
        headers: Further headers of the answer.
        more: Further members of its body.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        error: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.error = status, detail, error
        self.headers, self.more = dict(headers or {}), dict(more or {})

    def response(self) -> JSONResponse:
        """The answer."""
        title = HTTPStatus(self.status).phrase
        body: dict[str, object] = {"title": title, "status": self.status, "detail": self.detail}
        if self.error:
            body["error"] = self.error
        return JSONResponse(
            body | self.more, self.status, self.headers, media_type="application/problem+json"
        )


def problem_of(error: Exception) -> Problem:
    """The answer for an error; of one that is no fault of the request, the message goes to the log only."""
    if isinstance(error, Problem):
        return error
    kind = type(error).__name__
    for known, status in _STATUS.items():
        if isinstance(error, known):
            return Problem(status, without_paths(str(error)) or kind, error=kind)
    _log.error("a request failed: %s", error, exc_info=error)
    detail = "reading failed; the server's log says why" if isinstance(error, OcrError) else "internal error"
    return Problem(500, detail, error=kind if isinstance(error, OcrError) else None)


def without_paths(message: str, names: Mapping[str, str] | None = None) -> str:
    """A message in one line, with other names for files, and none of a folder of this machine.

    Args:
        message: The message.
        names: What to call the files whose paths are the keys.
    """
    message = " ".join(message.split())
    for path, name in sorted((names or {}).items(), key=lambda pair: -len(pair[0])):
        message = message.replace(path, name)
    folders = {sys.prefix, tempfile.gettempdir(), str(Path.cwd()), str(Path(__file__).parents[2])}
    if "/proc/" in message or any(folder in message for folder in folders if len(folder) > 1):
        return "the file cannot be read; the server's log says why"
    return message
