"""Removal of hidden text, an earlier OCR layer, from PDF pages; needs the extra ``ocrpipe[pdf]``.

Hidden is what ``pdf_state.Interpreter`` finds to be so: text that is drawn invisibly, transparently, outside
the clipping path, or under the image of the whole page.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
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

from ocrpipe.export.pdf_state import Interpreter, Rectangle

_SHOWING = ("Tj", "TJ", "'", '"')
_MAX_DEPTH = 8  # of nested form XObjects
_MAX_FORMS = 2_000  # drawn by a page; nested ones multiply
_MIN_COVERED = 0.8  # of the page, by an image that hides the text below it


def without_hidden_text(
    pdf: Pdf, page: pikepdf.Page, resources: Dictionary, box: Rectangle
) -> tuple[bytes, Dictionary] | None:
    """A page's content without hidden text, and the resources of that content.

    Args:
        pdf: The PDF that the page belongs to.
        page: The page; it is not changed.
        resources: Its resources; they are not changed.
        box: Left, bottom, right, top of the visible part of the page, in its units.

    Returns:
        ``None`` if the page has no such text, or is too damaged to be parsed.
    """
    try:
        cover = _Walk(pdf, box)
        cover.stripped(page, resources, Interpreter(box), 0)
        walk = _Walk(pdf, box, covered_before=cover.last_cover)
        return walk.stripped(page, resources, Interpreter(box), 0)
    except Exception:  # damaged content raises errors of many kinds
        return None


def with_forms_marked(
    pdf: Pdf, resources: Dictionary, before: bytes, after: bytes, depth: int = 0
) -> Dictionary:
    """Resources whose form XObjects, and those within them, have marks around their content.

    Args:
        pdf: The PDF that the resources belong to.
        resources: Not changed, nor are the forms.
        before: Goes before each form's content.
        after: Goes after it.
        depth: Forms that this is within.
    """
    forms: dict[str, Object] = {}
    objects: Any = resources.get("/XObject", Dictionary())
    for name, form in objects.items() if depth < _MAX_DEPTH else ():
        if form.get("/Subtype") == Name.Form:
            inner = with_forms_marked(pdf, form.get("/Resources", Dictionary()), before, after, depth + 1)
            forms[name] = _copied(pdf, form, before + form.read_bytes() + after, inner)
    return _with_forms(resources, forms)


@dataclass
class _Walk:
    """One pass over a page's instructions and those of its forms, in the order in which they are drawn.

    Attributes:
        pdf: The PDF.
        box: The visible part of the page.
        covered_before: Number of the last instruction that covers the page with an image, if known; text
            before it is hidden.
        last_cover: The same, as found on the way.
        count: Instructions so far.
        drawn: Forms so far.
    """

    pdf: Pdf
    box: Rectangle
    covered_before: int = 0
    last_cover: int = 0
    count: int = 0
    drawn: int = 0

    def stripped(
        self, content: pikepdf.Page | Object, resources: Dictionary, state: Interpreter, depth: int
    ) -> tuple[bytes, Dictionary] | None:
        """Content and resources without hidden text, of a page or of a form within ``depth`` others."""
        kept: list[ContentStreamInstruction | ContentStreamInlineImage] = []
        forms: dict[str, Object] = {}
        has_hidden = False
        for instruction in pikepdf.parse_content_stream(content):
            self.count += 1
            if isinstance(instruction, ContentStreamInlineImage):
                self._see_image(instruction.iimage, state)
                kept.append(instruction)
                continue
            operator, operands = str(instruction.operator), list(instruction.operands)
            if operator in _SHOWING:
                state.before_showing(operator)
                if state.hides_text() or self.count < self.covered_before:
                    has_hidden = True
                    if operator in ("'", '"'):  # these move to the next line first
                        kept.append(ContentStreamInstruction([], Operator("T*")))
                    continue
            elif operator == "Do" and operands:
                replaced = self._draw(resources, str(operands[0]), state, depth, forms)
                if replaced is not None:
                    kept.append(ContentStreamInstruction([Name(replaced)], Operator("Do")))
                    continue
            else:
                state.run(operator, operands, resources)
            kept.append(instruction)
        if not has_hidden and not forms:
            return None
        return pikepdf.unparse_content_stream(kept), _with_forms(resources, forms)

    def _draw(
        self, resources: Dictionary, name: str, state: Interpreter, depth: int, forms: dict[str, Object]
    ) -> str | None:
        """Follow an XObject that is drawn; the name of a copy without hidden text of a form that has some."""
        item: Any = resources.get("/XObject", Dictionary()).get(name)
        if item is None:
            return None
        if item.get("/Subtype") == Name.Image:
            self._see_image(item, state)
        elif item.get("/Subtype") == Name.Form and depth < _MAX_DEPTH and self.drawn < _MAX_FORMS:
            self.drawn += 1
            inner = item.get("/Resources", resources)
            found = self.stripped(item, inner, state.inside_form(item), depth + 1)
            if found is not None:
                copied = f"/OcrpipeForm{self.count}"  # a copy a use, since one may hide what another shows
                forms[copied] = _copied(self.pdf, item, *found)
                return copied
        return None

    def _see_image(self, image: Any, state: Interpreter) -> None:
        if state.covers(image, self.box) >= _MIN_COVERED:
            self.last_cover = self.count


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
