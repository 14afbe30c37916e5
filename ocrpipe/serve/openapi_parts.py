"""What the description of the API is made of: operations, parameters, schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}

_MAYBE_TEXT = {"type": ["string", "null"]}

STATUS = {
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


def operation(
    summary: str,
    parameters: Sequence[dict[str, Any]],
    answers: Mapping[str, tuple[str, dict[str, Any] | None]],
    problems: Sequence[str],
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An operation, with the problems that it may answer and those that every one may."""
    responses: dict[str, Any] = {}
    for status, (meaning, content) in answers.items():
        responses[status] = {"description": meaning, **({"content": content} if content else {})}
    problem = {
        "schema": reference("Problem"),
        "example": {"title": "Bad Request", "status": 400, "detail": "…"},
    }
    for status in sorted({"401", "403", *problems}):
        responses[status] = {
            "description": STATUS[status],
            "content": {"application/problem+json": problem},
        }
    described: dict[str, Any] = {"summary": summary, "responses": responses}
    if parameters:
        described["parameters"] = list(parameters)
    if body:
        described["requestBody"] = body
    return described


def object_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of these properties."""
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def reference(name: str) -> dict[str, str]:
    """A schema of the document, by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_path(name: str, schema: dict[str, Any], example: object) -> dict[str, Any]:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def in_query(name: str, schema: dict[str, Any], meaning: str, example: object) -> dict[str, Any]:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": meaning, "schema": schema, "example": example}


def format_in_query(formats: Mapping[str, str]) -> dict[str, Any]:
    """The parameter for the format of a result."""
    return in_query("format", {"enum": list(formats), "default": "json"}, "Format of the result.", "txt")


def schemas(job_example: dict[str, Any]) -> dict[str, Any]:
    """All schemas that have names."""
    quad = {"type": "array", "items": {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}}
    piece = {"text": TEXT, "quad": {"$ref": "#/components/schemas/Quad"}, "confidence": NUMBER}
    char = object_of(piece)
    word = object_of(piece | {"chars": {"type": "array", "items": char}})
    line = object_of(piece | {"score": NUMBER, "words": {"type": "array", "items": word}})
    paragraph = object_of(
        {"quad": piece["quad"], "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}}
    )
    failed = {"number": WHOLE, "error": TEXT}
    page = {"number": WHOLE, "lines": WHOLE, "confidence": NUMBER, "doubtful": WHOLE, "corrected": WHOLE}
    job: dict[str, Any] = {
        "id": TEXT,
        "name": TEXT,
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "total": {"type": ["integer", "null"], "description": "Pages to read, once they are counted."},
        "read": WHOLE,
        "failed": {"type": "array", "items": object_of(failed)},
        "error": _MAYBE_TEXT,
    }
    return {
        "Quad": quad | {"minItems": 4, "maxItems": 4, "description": "Clockwise from the text's top left."},
        "Line": line,
        "Page": object_of(
            {
                "schema": {"const": "ocrpipe.page/1"},
                "width": WHOLE,
                "height": WHOLE,
                "orientation": {"enum": [0, 90, 180, 270]},
                "skew": NUMBER,
                "source": _MAYBE_TEXT,
                "number": WHOLE,
                "dpi": {"type": ["number", "null"]},
                "paragraphs": {"type": "array", "items": paragraph},
            }
        ),
        "Job": object_of(job) | {"examples": [job_example]},
        "JobWithPages": object_of(job | {"pages": {"type": "array", "items": object_of(page)}}),
        "Problem": object_of({"title": TEXT, "status": WHOLE, "detail": TEXT})
        | {"properties": {"title": TEXT, "status": WHOLE, "detail": TEXT, "error": TEXT}},
    }
