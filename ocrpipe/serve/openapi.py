"""The description of the API: an OpenAPI 3.1 document with examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ocrpipe._version import __version__

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

_TEXT, _WHOLE, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
_MAYBE_TEXT = {"type": ["string", "null"]}

_STATUS = {
    "400": "A parameter or the body is wrong.",
    "401": "The token is missing or wrong.",
    "403": "The request comes from a page of another site.",
    "404": "There is no such thing, or it is not kept any more.",
    "408": "The body did not arrive in time.",
    "409": "That does not fit the present state.",
    "410": "The file is not there any more.",
    "413": "The body is too large.",
    "415": "The file is of no supported type.",
    "422": "The file is damaged, locked, or too large to be decoded.",
    "429": "The queue is full; the header Retry-After tells when to try again.",
    "501": "The format needs an extra that is not installed.",
    "503": "The server is being stopped.",
    "504": "Reading took too long.",
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
        for operation in item.values():
            operation.setdefault("security", [{}, {"token": []}])
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
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    quad = {"type": "array", "items": {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}}
    piece = {"text": _TEXT, "quad": {"$ref": "#/components/schemas/Quad"}, "confidence": _NUMBER}
    char = _object(piece)
    word = _object(piece | {"chars": {"type": "array", "items": char}})
    line = _object(piece | {"score": _NUMBER, "words": {"type": "array", "items": word}})
    paragraph = _object(
        {"quad": piece["quad"], "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}}
    )
    failed = {"number": _WHOLE, "error": _TEXT}
    page = {"number": _WHOLE, "lines": _WHOLE, "confidence": _NUMBER, "doubtful": _WHOLE, "corrected": _WHOLE}
    job: dict[str, Any] = {
        "id": _TEXT,
        "name": _TEXT,
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "total": {"type": ["integer", "null"], "description": "Pages to read, once they are counted."},
        "read": _WHOLE,
        "failed": {"type": "array", "items": _object(failed)},
        "error": _MAYBE_TEXT,
    }
    return {
        "Quad": quad | {"minItems": 4, "maxItems": 4, "description": "Clockwise from the text's top left."},
        "Line": line,
        "Page": _object(
            {
                "schema": {"const": "ocrpipe.page/1"},
                "width": _WHOLE,
                "height": _WHOLE,
                "orientation": {"enum": [0, 90, 180, 270]},
                "skew": _NUMBER,
                "source": _MAYBE_TEXT,
                "number": _WHOLE,
                "dpi": {"type": ["number", "null"]},
                "paragraphs": {"type": "array", "items": paragraph},
            }
        ),
        "Job": _object(job) | {"examples": [_JOB]},
        "JobWithPages": _object(job | {"pages": {"type": "array", "items": _object(page)}}),
        "Problem": _object({"title": _TEXT, "status": _WHOLE, "detail": _TEXT})
        | {"properties": {"title": _TEXT, "status": _WHOLE, "detail": _TEXT, "error": _TEXT}},
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
                        "pages": _TEXT,
                        "dpi": _NUMBER,
                        "password": _TEXT,
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    how = [
        _parameter("pages", _TEXT, "Pages to read; all by default.", "1-3,7-"),
        _parameter("dpi", _NUMBER, "Resolution PDF pages are rendered at; 200 by default.", 300),
        _parameter("password", _TEXT, "Of a locked PDF; better sent as a field of the form.", "secret"),
        _parameter("name", _TEXT, "The file's name, where the body is the file.", "scan.png"),
    ]
    content: dict[str, Any] = {kind: {"schema": {}} for kind in dict.fromkeys(formats.values())}
    content["application/json"] = {
        "schema": {},
        "example": {"schema": "ocrpipe.document/1", "pages": [_FULL_PAGE]},
    }
    job = {"application/json": {"schema": _ref("Job"), "example": _JOB}}
    status = {"schema": _ref("JobWithPages"), "example": _JOB | {"pages": [_PAGE]}}
    events = (
        'id: 0\nevent: state\ndata: {"state": "running"}\n\n'
        'id: 1\nevent: page\ndata: {"number": 1, "lines": 24, "confidence": 0.97}\n\n'
    )
    one = [_path("id", _TEXT, _ID)]
    return {
        "/v1/read": {
            "post": _operation(
                "Read a document and wait for the result; nothing of it is kept.",
                [_format(formats), *how],
                {"200": ("The result.", content)},
                (*_IN, "504"),
                body,
            )
        },
        "/v1/jobs": {
            "post": _operation(
                "Read a document in the background.",
                how,
                {"202": ("The job; its address is in the header Location.", job)},
                _IN,
                body,
            )
        },
        "/v1/jobs/{id}": {
            "get": _operation(
                "The state of a job, and what was read so far.",
                one,
                {"200": ("The job.", {"application/json": status})},
                ("404",),
            ),
            "delete": _operation(
                "Cancel a job and remove all of it.", one, {"204": ("Removed.", None)}, ("404",)
            ),
        },
        "/v1/jobs/{id}/cancel": {
            "post": _operation(
                "Read no more pages; those that were read stay.", one, {"200": ("The job.", job)}, ("404",)
            )
        },
        "/v1/jobs/{id}/events": {
            "get": _operation(
                "Server-sent events: state, started, page, corrected and end. The header Last-Event-ID "
                "continues a stream.",
                one,
                {"200": ("The events.", {"text/event-stream": {"schema": _TEXT, "example": events}})},
                ("404",),
            )
        },
    }


def _pages(formats: Mapping[str, str]) -> dict[str, Any]:
    document = [_path("id", _TEXT, _ID)]
    page = [*document, _path("page", _WHOLE, 1)]
    line = [*page, _path("line", _WHOLE, 0)]
    stored = {"application/json": {"schema": {}, "example": {"line": 0, "text": "Invoice"}}}
    correction = {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object({"text": _TEXT}) | {"properties": {"text": _TEXT, "was": _TEXT}},
                "example": {"text": "Invoice", "was": "lnvoice"},
            }
        },
    }
    described = {"page": _FULL_PAGE, "corrections": [{"line": 0, "text": "Invoice"}]}
    shape = _object({"page": _ref("Page"), "corrections": {"type": "array", "items": {"type": "object"}}})
    return {
        "/v1/jobs/{id}/result": {
            "get": _operation(
                "The pages that were read, with their corrections.",
                [*document, _format(formats), _parameter("pages", _TEXT, "Only these pages.", "1-3")],
                {"200": ("The file.", {kind: {"schema": {}} for kind in dict.fromkeys(formats.values())})},
                ("400", "404", "409", "501"),
            )
        },
        "/v1/jobs/{id}/pages/{page}": {
            "get": _operation(
                "A page as it was read, and the corrections of its lines.",
                page,
                {"200": ("The page.", {"application/json": {"schema": shape, "example": described}})},
                ("404",),
            )
        },
        "/v1/jobs/{id}/pages/{page}/image": {
            "get": _operation(
                "The picture of a page, at most 2400 pixels high and wide.",
                [*page, _parameter("max", _WHOLE, "Maximum width and height in pixels.", 200)],
                {"200": ("The picture.", {"image/jpeg": {"schema": {}}})},
                ("404", "409", "410"),
            )
        },
        "/v1/jobs/{id}/pages/{page}/lines/{line}/image": {
            "get": _operation(
                "The picture of a line, upright.",
                line,
                {"200": ("The picture.", {"image/png": {"schema": {}}})},
                ("404", "409", "410"),
            )
        },
        "/v1/jobs/{id}/pages/{page}/lines/{line}": {
            "put": _operation(
                "Store what a line should read; empty text leaves the line out. Lines are counted from 0, in "
                "the page as it was read. Where was is not the line's present text, the answer is 409.",
                line,
                {"200": ("Stored.", stored)},
                ("400", "404", "409", "413", "415"),
                correction,
            ),
            "delete": _operation(
                "Forget the correction of a line.", line, {"200": ("What was read.", stored)}, ("404",)
            ),
        },
    }


def _review() -> dict[str, Any]:
    listed = {"total": 812, "offset": 0, "pages": [_LISTED]}
    job = {"id": _ID, "name": "a/book.pdf", "state": "done", "read": 12}
    return {
        "/v1/pages": {
            "get": _operation(
                "The folder's pages, the worst first.",
                [
                    _parameter("offset", _WHOLE, "How many to pass over.", 0),
                    _parameter("limit", _WHOLE, "How many to list; 100 by default, at most 500.", 100),
                ],
                {"200": ("The pages.", {"application/json": {"schema": {}, "example": listed}})},
                (),
            )
        },
        "/v1/jobs/{id}": {
            "get": _operation(
                "A document of the folder.",
                [_path("id", _TEXT, _ID)],
                {"200": ("The document.", {"application/json": {"schema": {}, "example": job}})},
                ("404",),
            )
        },
    }


def _server() -> dict[str, Any]:
    def simple(summary: str, status: str, kind: str | None, example: object = None) -> dict[str, Any]:
        content = {kind: {"schema": {}, "example": example}} if kind else None
        return _operation(summary, [], {status: (summary, content)}, ())

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


def _operation(
    summary: str,
    parameters: Sequence[dict[str, Any]],
    answers: Mapping[str, tuple[str, dict[str, Any] | None]],
    problems: Sequence[str],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, (meaning, content) in answers.items():
        responses[status] = {"description": meaning, **({"content": content} if content else {})}
    problem = {"schema": _ref("Problem"), "example": {"title": "Bad Request", "status": 400, "detail": "…"}}
    for status in sorted({"401", "403", *problems}):
        responses[status] = {
            "description": _STATUS[status],
            "content": {"application/problem+json": problem},
        }
    described: dict[str, Any] = {"summary": summary, "responses": responses}
    if parameters:
        described["parameters"] = list(parameters)
    if body:
        described["requestBody"] = body
    return described


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _path(name: str, schema: dict[str, Any], example: object) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _parameter(name: str, schema: dict[str, Any], meaning: str, example: object) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": meaning, "schema": schema, "example": example}


def _format(formats: Mapping[str, str]) -> dict[str, Any]:
    return _parameter("format", {"enum": list(formats), "default": "json"}, "Format of the result.", "txt")
