"""Removal of invisible text, an earlier OCR layer, from PDF pages; needs the extra ``ocrpipe[pdf]``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import pikepdf
from pikepdf import (
    ContentStreamInlineImage,
    ContentStreamInstruction,
    Dictionary,
    Name,
    Object,
    Operator,
    Pdf,
)

_INVISIBLE = 3  # text rendering mode; PDF 1.7, table 106
_SHOWING = ("Tj", "TJ", "'", '"')
_MAX_DEPTH = 8  # of nested form XObjects


def without_invisible_text(
    pdf: Pdf, page: pikepdf.Page, resources: Dictionary
) -> tuple[bytes, Dictionary] | None:
    """A page's content without invisible text, and the resources of that content.

    Args:
        pdf: The PDF that the page belongs to.
        page: The page; it is not changed.
        resources: Its resources; they are not changed.

    Returns:
        ``None`` if the page has no such text, or is too damaged to be parsed.
    """
    try:
        return _stripped(pdf, page, resources, 0)
    except Exception:  # damaged content raises errors of many kinds
        return None


def _stripped(
    pdf: Pdf, content: pikepdf.Page | Object, resources: Dictionary, depth: int
) -> tuple[bytes, Dictionary] | None:
    """The same for a page, or for a form XObject within ``depth`` others."""
    kept: list[ContentStreamInstruction | ContentStreamInlineImage] = []
    forms: dict[str, Object] = {}
    mode, outer_modes, has_invisible = 0, [], False
    for instruction in pikepdf.parse_content_stream(content):
        operator = str(instruction.operator)
        if operator == "q":
            outer_modes.append(mode)
        elif operator == "Q" and outer_modes:
            mode = outer_modes.pop()
        elif operator == "Tr" and instruction.operands:
            mode = int(_number(instruction.operands[0]))
        elif operator == "Do" and instruction.operands and depth < _MAX_DEPTH:
            name = str(instruction.operands[0])
            form = _form(resources, name)
            if form is not None and name not in forms:
                inner = form.get("/Resources", resources)
                stripped = _stripped(pdf, form, inner, depth + 1)
                if stripped is not None:
                    forms[name] = _copied(pdf, form, *stripped)
        elif operator in _SHOWING and mode == _INVISIBLE:
            has_invisible = True
            if operator in ("'", '"'):  # these move to the next line first
                kept.append(ContentStreamInstruction([], Operator("T*")))
            continue
        kept.append(instruction)
    if not has_invisible and not forms:
        return None
    return pikepdf.unparse_content_stream(kept), _with_forms(resources, forms)


def _form(resources: Dictionary, name: str) -> Any:
    form = resources.get("/XObject", Dictionary()).get(name)
    return form if form is not None and form.get("/Subtype") == Name.Form else None


def _copied(pdf: Pdf, form: Any, content: bytes, resources: Dictionary) -> Object:
    """A copy of the form with other content, since pages that are not processed may use the original."""
    stream = pdf.make_stream(content)
    for key, value in form.items():
        if key not in ("/Length", "/Filter", "/DecodeParms"):
            stream[key] = value
    stream["/Resources"] = resources
    return stream


def _with_forms(resources: Dictionary, forms: Mapping[str, Object]) -> Dictionary:
    if not forms:
        return resources
    resources = copy(resources)
    objects = copy(resources["/XObject"])
    for name, form in forms.items():
        objects[name] = form
    resources["/XObject"] = objects
    return resources


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
