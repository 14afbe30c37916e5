"""The description of the API: an OpenAPI 3.1 document with examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocrpipe._version import __version__
from ocrpipe.serve.openapi_parts import (
    NUMBER,
    TEXT,
    WHOLE,
    format_in_query,
    in_path,
    in_query,
    object_of,
    operation,
    reference,
    schemas,
)

_ID = "4c9fXq0vS2mWcVnTj1kR8w"

_JOB = {
    "id": _ID,
    "name": "book.pdf",
    "state": "running",
    "total": 12,
    "read": 3,
    "failed": [{"number": 2, "error": "page 2 of book.pdf cannot be rendered"}],
    "error": None,
}
_PAGE = {"number": 1, "lines": 24, "confidence": 0.9731, "doubtful": 3, "corrected": 0}
_QUAD = [[120.0, 96.0], [410.0, 96.0], [410.0, 128.0], [120.0, 128.0]]
_LINE = {"text": "Invoice", "quad": _QUAD, "confidence": 0.98, "score": 0.99, "words": []}
_FULL_PAGE = {
    "schema": "ocrpipe.page/1",
    "width": 1654,
    "height": 2339,
    "orientation": 0,
    "skew": 0.0,
    "source": "scan.png",
    "number": 1,
    "dpi": 200.0,
    "paragraphs": [{"quad": _QUAD, "lines": [_LINE]}],
}
_LISTED = {
    "id": _ID,
    "name": "a/book.pdf",
    "number": 7,
    "state": "done",
    "confidence": 0.61,
    "lines": 12,
    "corrected": 1,
    "error": None,
}


_IN = ("400", "408", "413", "415", "422", "429", "501", "503")


def describe(formats: Mapping[str, str], *, review: bool = False) -> dict[str, Any]:
    """The document.

    Args:
        formats: Media types of the formats by their names.
        review: Whether the server reviews an output folder; otherwise it reads documents.
    """
    paths = {**_pages(formats), **(_review() if review else _reading(formats)), **_server()}
    for item in paths.values():
        for described in item.values():
            described.setdefault("security", [{}, {"token": []}])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ocrpipe",
            "version": __version__,
            "summary": "Scanned pages, Chinese and English, to text with the place of every character.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(_JOB),
        },
    }


def _reading(formats: Mapping[str, str]) -> dict[str, Any]:
    body = {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "format": {"enum": list(formats)},
                        "pages": TEXT,
                        "dpi": NUMBER,
                        "password": TEXT,
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    how = [
        in_query("pages", TEXT, "Pages to read; all by default.", "1-3,7-"),
        in_query("dpi", NUMBER, "Resolution PDF pages are rendered at; 200 by default.", 300),
        in_query("password", TEXT, "Of a locked PDF; better sent as a field of the form.", "secret"),
        in_query("name", TEXT, "The file's name, where the body is the file.", "scan.png"),
    ]
    content: dict[str, Any] = {kind: {"schema": {}} for kind in dict.fromkeys(formats.values())}
    content["application/json"] = {
        "schema": {},
        "example": {"schema": "ocrpipe.document/1", "pages": [_FULL_PAGE]},
    }
    job = {"application/json": {"schema": reference("Job"), "example": _JOB}}
    status = {"schema": reference("JobWithPages"), "example": _JOB | {"pages": [_PAGE]}}
    events = (
        'id: 0\nevent: state\ndata: {"state": "running"}\n\n'
        'id: 1\nevent: page\ndata: {"number": 1, "lines": 24, "confidence": 0.97}\n\n'
    )
    one = [in_path("id", TEXT, _ID)]
    return {
        "/v1/read": {
            "post": operation(
                "Read a document and wait for the result; nothing of it is kept.",
                [format_in_query(formats), *how],
                {"200": ("The result.", content)},
                (*_IN, "504"),
                body,
            )
        },
        "/v1/jobs": {
            "post": operation(
                "Read a document in the background.",
                how,
                {"202": ("The job; its address is in the header Location.", job)},
                _IN,
                body,
            )
        },
        "/v1/jobs/{id}": {
            "get": operation(
                "The state of a job, and what was read so far.",
                one,
                {"200": ("The job.", {"application/json": status})},
                ("404",),
            ),
            "delete": operation(
                "Cancel a job and remove all of it.", one, {"204": ("Removed.", None)}, ("404",)
            ),
        },
        "/v1/jobs/{id}/cancel": {
            "post": operation(
                "Read no more pages; those that were read stay.", one, {"200": ("The job.", job)}, ("404",)
            )
        },
        "/v1/jobs/{id}/events": {
            "get": operation(
                "Server-sent events: state, started, page, corrected and end. The header Last-Event-ID "
                "continues a stream.",
                one,
                {"200": ("The events.", {"text/event-stream": {"schema": TEXT, "example": events}})},
                ("404",),
            )
        },
    }


def _pages(formats: Mapping[str, str]) -> dict[str, Any]:
    document = [in_path("id", TEXT, _ID)]
    page = [*document, in_path("page", WHOLE, 1)]
    line = [*page, in_path("line", WHOLE, 0)]
    stored = {"application/json": {"schema": {}, "example": {"line": 0, "text": "Invoice"}}}
    correction = {
        "required": True,
        "content": {
            "application/json": {
                "schema": object_of({"text": TEXT}) | {"properties": {"text": TEXT, "was": TEXT}},
                "example": {"text": "Invoice", "was": "lnvoice"},
            }
        },
    }
    described = {"page": _FULL_PAGE, "corrections": [{"line": 0, "text": "Invoice"}]}
    correction_of = object_of({"line": WHOLE, "text": TEXT})
    shape = object_of({"page": reference("Page"), "corrections": {"type": "array", "items": correction_of}})
    return {
        "/v1/jobs/{id}/result": {
            "get": operation(
                "The pages that were read, with their corrections.",
                [*document, format_in_query(formats), in_query("pages", TEXT, "Only these pages.", "1-3")],
                {"200": ("The file.", {kind: {"schema": {}} for kind in dict.fromkeys(formats.values())})},
                ("400", "404", "409", "501"),
            )
        },
        "/v1/jobs/{id}/pages/{page}": {
            "get": operation(
                "A page as it was read, and the corrections of its lines.",
                page,
                {"200": ("The page.", {"application/json": {"schema": shape, "example": described}})},
                ("404",),
            )
        },
        "/v1/jobs/{id}/pages/{page}/image": {
            "get": operation(
                "The picture of a page, at most 2400 pixels high and wide.",
                [*page, in_query("max", WHOLE, "Maximum width and height in pixels.", 200)],
                {"200": ("The picture.", {"image/jpeg": {"schema": {}}})},
                ("404", "409", "410"),
            )
        },
        "/v1/jobs/{id}/pages/{page}/lines/{line}/image": {
            "get": operation(
                "The picture of a line, upright.",
                line,
                {"200": ("The picture.", {"image/png": {"schema": {}}})},
                ("404", "409", "410"),
            )
        },
        "/v1/jobs/{id}/pages/{page}/lines/{line}": {
            "put": operation(
                "Store what a line should read; empty text leaves the line out. Lines are counted from 0, in "
                "the page as it was read. Where was is not the line's present text, the answer is 409.",
                line,
                {"200": ("Stored.", stored)},
                ("400", "404", "409", "413", "415"),
                correction,
            ),
            "delete": operation(
                "Forget the correction of a line.", line, {"200": ("What was read.", stored)}, ("404",)
            ),
        },
    }


def _review() -> dict[str, Any]:
    listed = {"total": 812, "offset": 0, "pages": [_LISTED]}
    job = {"id": _ID, "name": "a/book.pdf", "state": "done", "read": 12}
    return {
        "/v1/pages": {
            "get": operation(
                "The folder's pages, the worst first.",
                [
                    in_query("offset", WHOLE, "How many to pass over.", 0),
                    in_query("limit", WHOLE, "How many to list; 100 by default, at most 500.", 100),
                ],
                {"200": ("The pages.", {"application/json": {"schema": {}, "example": listed}})},
                (),
            )
        },
        "/v1/jobs/{id}": {
            "get": operation(
                "A document of the folder.",
                [in_path("id", TEXT, _ID)],
                {"200": ("The document.", {"application/json": {"schema": {}, "example": job}})},
                ("404",),
            )
        },
    }


def _server() -> dict[str, Any]:
    def simple(summary: str, status: str, kind: str | None, example: object = None) -> dict[str, Any]:
        content = {kind: {"schema": {}, "example": example}} if kind else None
        return operation(summary, [], {status: (summary, content)}, ())

    about = {
        "version": __version__,
        "mode": "read",
        "formats": ["txt", "json"],
        "max_body": 67108864,
        "doubtful": 0.9,
    }
    health = {"status": "ok", "version": __version__}
    figures = "ocrpipe_pages_total 12\n"
    open_to_all: dict[str, Any] = {"security": []}
    return {
        "/v1/about": {"get": simple("What the server is and takes.", "200", "application/json", about)},
        "/v1/session": {"post": simple("A cookie in place of the token, for browsers.", "204", None)},
        "/healthz": {
            "get": simple("Whether the server is at work.", "200", "application/json", health) | open_to_all
        },
        "/metrics": {"get": simple("Figures for Prometheus.", "200", "text/plain", figures)},
        "/openapi.json": {
            "get": simple("This document.", "200", "application/json", {"openapi": "3.1.0"}) | open_to_all
        },
    }
