"""The endpoints of a document's pages: texts, pictures, corrections, and results in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ocrpipe.io.selection import PageSelection
from ocrpipe.serve.answers import file_answer
from ocrpipe.serve.documents import MAX_TEXT, Document, Pictures
from ocrpipe.serve.problems import Problem
from ocrpipe.serve.receiving import format_parameter

_MAX_BODY = 16 * MAX_TEXT  # bytes of a correction
_KEPT = {"Cache-Control": "private, max-age=3600"}  # pictures of a page never change


class Pages:
    """The endpoints of the pages of documents.

    Args:
        find: The document of an id, or a ``Problem`` 404.
    """

    def __init__(self, find: Callable[[str], Document]) -> None:
        self._find, self._pictures = find, Pictures()

    def routes(self) -> list[Route]:
        """The endpoints."""
        page = "/v1/jobs/{id}/pages/{page:int}"
        line = f"{page}/lines/{{line:int}}"
        return [
            Route("/v1/jobs/{id}/result", self.result, methods=["GET"]),
            Route(page, self.page, methods=["GET"]),
            Route(f"{page}/image", self.page_image, methods=["GET"]),
            Route(f"{line}/image", self.line_image, methods=["GET"]),
            Route(line, self.correct, methods=["PUT"]),
            Route(line, self.restore, methods=["DELETE"]),
        ]

    async def page(self, request: Request) -> Response:
        """A page as it was read, and the corrections of its lines."""
        document, number = self._place(request)

        def describe() -> dict[str, Any]:
            page = document.read(number).to_dict() | {"source": document.name}
            corrections = document.corrections(number)
            return {
                "page": page,
                "corrections": [{"line": line, "text": text} for line, text in sorted(corrections.items())],
            }

        return JSONResponse(await run_in_threadpool(describe))

    async def page_image(self, request: Request) -> Response:
        """The picture of a page."""
        document, number = self._place(request)
        wanted = request.query_params.get("max", "")
        side = int(wanted[:6]) if wanted.isdecimal() else 0
        data = await run_in_threadpool(self._pictures.page, document, number, side or None)
        return Response(data, media_type="image/jpeg", headers=_KEPT)

    async def line_image(self, request: Request) -> Response:
        """The picture of a line, upright."""
        document, number = self._place(request)
        line = request.path_params["line"]
        data = await run_in_threadpool(self._pictures.line, document, number, line)
        return Response(data, media_type="image/png", headers=_KEPT)

    async def correct(self, request: Request) -> Response:
        """Store the right text of a line."""
        text, was = await _correction(request)
        return await self._store(request, text, was)

    async def restore(self, request: Request) -> Response:
        """Forget the correction of a line."""
        return await self._store(request, None, None)

    async def result(self, request: Request) -> Response:
        """The pages that were read, with their corrections, in one file of a format."""
        document = self._find(request.path_params["id"])
        format = format_parameter(request.query_params)
        numbers = await run_in_threadpool(document.numbers)
        wanted = request.query_params.get("pages")
        if wanted:
            chosen = PageSelection.parse(wanted).numbers(max(numbers, default=0))
            numbers = [number for number in chosen if number in set(numbers)]
        if not numbers:
            raise Problem(409, "no page of the document was read, or none so far")
        data = await run_in_threadpool(document.result, format, numbers)
        return file_answer(data, format, document.name)

    async def _store(self, request: Request, text: str | None, was: str | None) -> Response:
        document, number = self._place(request)
        line = request.path_params["line"]
        return JSONResponse(await run_in_threadpool(document.correct, number, line, text, was))

    def _place(self, request: Request) -> tuple[Document, int]:
        return self._find(request.path_params["id"]), request.path_params["page"]


async def _correction(request: Request) -> tuple[str, str | None]:
    """The text of a correction, and the text that the client last saw, if it tells."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Problem(415, "a correction is sent as application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise Problem(413, f"the text of a line has at most {MAX_TEXT:,} characters")
    try:
        data = json.loads(body)
        text, was = data["text"], data.get("was")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        text = was = None
    if not isinstance(text, str) or not isinstance(was, (str, type(None))):
        raise Problem(
            400, 'a correction is {"text": "...", "was": "..."}, of which the second may be left out'
        )
    if len(text) > MAX_TEXT:
        raise Problem(413, f"the text of a line has at most {MAX_TEXT:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Problem(400, "the text has an unpaired surrogate") from None
    return text, was
