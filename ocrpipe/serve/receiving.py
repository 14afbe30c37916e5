"""Requests that bring a document: the body to an ``Upload``, the parameters checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from ocrpipe.errors import ConfigError
from ocrpipe.export.saving import check_extras
from ocrpipe.io.documents import DPI
from ocrpipe.io.selection import PageSelection
from ocrpipe.serve.jobs import Request as ReadRequest
from ocrpipe.serve.problems import Problem
from ocrpipe.serve.settings import ServeSettings
from ocrpipe.serve.uploads import Upload

MAX_DPI = 1200.0
_PARAMETERS = ("format", "pages", "dpi", "password")
_CHUNK = 1 << 20
_MAX_FIELD = 4096  # bytes of a form field that is no file


@dataclass(frozen=True, slots=True)
class Received:
    """A document that came in.

    Attributes:
        upload: The file; the caller closes it.
        request: How it is to be read.
        format: What is wanted.
    """

    upload: Upload
    request: ReadRequest
    format: str


async def receive(request: Request, settings: ServeSettings) -> Received:
    """Take the document of a request: a field ``file`` of a form, or the whole body.

    Raises:
        Problem: 408, 413 or 400, by what is wrong with the body; also 499 if the client has left.
        OcrError: A parameter is wrong.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > settings.max_body:
        raise _too_large(settings)
    _limit_body(request, settings)
    upload = None
    try:
        with anyio.fail_after(settings.upload_timeout):
            if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
                upload, fields = await _from_form(request)
            else:
                upload, fields = await _from_body(request), {}
        if not upload.size:
            raise Problem(400, "the request has no document: its body, or the field file of a form")
        parameters = {**fields, **{k: v for k, v in request.query_params.items() if k in _PARAMETERS}}
        return Received(upload, _read_request(parameters, settings), format_parameter(parameters))
    except BaseException as error:
        if upload:
            upload.close()
        if isinstance(error, TimeoutError):
            raise Problem(408, f"the body did not arrive within {settings.upload_timeout:g} s") from None
        if isinstance(error, ClientDisconnect):
            raise Problem(400, "the client left before the body was complete") from None
        raise


def number_of(request: Request, name: str) -> int:
    """A number of the path."""
    return int(request.path_params[name])


def format_parameter(parameters: Mapping[str, str], default: str = "json") -> str:
    """The format asked for; raises ``ConfigError`` or ``MissingExtraError`` if there is none such."""
    format = parameters.get("format") or default
    check_extras(format)
    return format


def _read_request(parameters: Mapping[str, str], settings: ServeSettings) -> ReadRequest:
    try:
        dpi = float(parameters.get("dpi") or DPI)
    except ValueError:
        raise ConfigError(f"dpi is a number, not {parameters['dpi']!r}") from None
    if not (math.isfinite(dpi) and 1 <= dpi <= MAX_DPI):
        raise ConfigError(f"dpi is between 1 and {MAX_DPI:g}, not {dpi:g}")
    pages = parameters.get("pages") or None
    if pages is not None:
        PageSelection.parse(pages)
    return ReadRequest(pages, dpi, parameters.get("password") or None, settings.max_pages, settings.timeout)


async def _from_form(request: Request) -> tuple[Upload, dict[str, str]]:
    try:
        form = await request.form(max_files=1, max_fields=8, max_part_size=_MAX_FIELD)
    except HTTPException as error:
        raise Problem(400, f"the form cannot be read: {error.detail}") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(400, "the form has no field file with a document")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return await run_in_threadpool(_copied, file), fields
    finally:
        await form.close()


def _copied(file: UploadFile) -> Upload:
    upload = Upload(file.filename or "document")
    try:
        file.file.seek(0)
        while chunk := file.file.read(_CHUNK):
            upload.write(chunk)
    except BaseException:
        upload.close()
        raise
    return upload


async def _from_body(request: Request) -> Upload:
    upload = Upload(unquote(request.query_params.get("name") or "document"))
    try:
        async for chunk in request.stream():
            upload.write(chunk)
    except BaseException:
        upload.close()
        raise
    return upload


def _limit_body(request: Request, settings: ServeSettings) -> None:
    """Raise from within the reading of a body that turns out to be too large."""
    receive, received = request._receive, 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > settings.max_body:
            raise _too_large(settings)
        return message

    request._receive = limited


def _too_large(settings: ServeSettings) -> Problem:
    return Problem(413, f"a request may have {settings.max_body:,} bytes", headers={"Connection": "close"})
