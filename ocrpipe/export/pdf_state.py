"""The graphics state of a PDF page as far as it decides whether text is visible (PDF 1.7, 8.4 and 9.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pikepdf import Array, Dictionary, Name

Rectangle = tuple[float, float, float, float]
"""Left, bottom, right, top."""
Matrix = tuple[float, float, float, float, float, float]

_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_INVISIBLE = 3  # text rendering mode; PDF 1.7, table 106
_FILLED, _STROKED = (0, 2, 4, 6), (1, 2, 5, 6)
_TRANSPARENT = 0.01  # alpha below which nothing is seen
_EMPTY = 1e-3  # units; a clipping rectangle this thin shows nothing


@dataclass(frozen=True)
class _State:
    """What ``q`` saves and ``Q`` restores."""

    ctm: Matrix
    clip: Rectangle
    mode: int = 0
    fill_alpha: float = 1.0
    stroke_alpha: float = 1.0
    blends: bool = False
    masked: bool = False
    size: float = 0.0
    leading: float = 0.0


class Interpreter:
    """Follows the instructions of a content stream.

    Args:
        box: What is visible at first, in the page's units.
        state: The state that a form begins with.
    """

    def __init__(self, box: Rectangle, state: _State | None = None) -> None:
        self._state = state or _State(_IDENTITY, box)
        self._saved: list[_State] = []
        self._text = self._line = _IDENTITY
        self._path: list[Rectangle] = []
        self._only_rectangles = True
        self._clips = False

    def run(self, operator: str, operands: Sequence[Any], resources: Dictionary) -> None:
        """Follow an instruction that neither shows text nor draws an XObject."""
        if operator == "q":
            self._saved.append(self._state)
        elif operator == "Q":
            if self._saved:
                self._state = self._saved.pop()
        elif operator == "gs":
            self._set_parameters(resources.get("/ExtGState", Dictionary()).get(str(operands[0])))
        elif operator in _PATH_ENDS:
            self._end_path()
        elif operator in ("W", "W*"):
            self._clips = True
        elif operator in ("m", "l", "c", "v", "y"):
            self._only_rectangles = False
        elif operator == "BT":
            self._text = self._line = _IDENTITY
        elif operator == "T*":
            self._move(0.0, -self._state.leading)
        else:
            self._set_numbers(operator, [_number(operand) for operand in operands])

    def before_showing(self, operator: str) -> None:
        """Follow what an operator that shows text does first: ``'`` and ``"`` move to the next line."""
        if operator in ("'", '"'):
            self._move(0.0, -self._state.leading)

    def hides_text(self) -> bool:
        """Whether text shown now can't be seen: invisible, transparent, or outside the clipping path."""
        state = self._state
        if state.mode == _INVISIBLE:
            return True
        fills = state.mode in _FILLED and state.fill_alpha > _TRANSPARENT
        strokes = state.mode in _STROKED and state.stroke_alpha > _TRANSPARENT
        if state.mode < 7 and not fills and not strokes:
            return True
        left, bottom, right, top = state.clip
        if right - left < _EMPTY or top - bottom < _EMPTY:
            return True
        text = _product(self._text, state.ctm)
        if abs(text[1]) > 1e-3 * abs(text[0]) or text[0] <= 0:
            return False  # rotated: where it runs to is not followed
        size = abs(text[3] * state.size)
        x, y = text[4], text[5]
        return y > top + size or y < bottom - 2 * size or x > right  # it may begin left of it and run into it

    def inside_form(self, form: Any) -> Interpreter:
        """The interpreter for the content of a form XObject that is drawn now."""
        matrix = _matrix(form.get("/Matrix"))
        state = replace(self._state, ctm=_product(matrix, self._state.ctm))
        box = form.get("/BBox")
        if isinstance(box, Array) and len(box) == 4:
            x0, y0, x1, y1 = (_number(side) for side in box.as_list())
            inside = _bounds(state.ctm, (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
            state = replace(state, clip=_intersection(state.clip, inside))
        return Interpreter(state.clip, state)

    def covers(self, image: Any, box: Rectangle) -> float:
        """The fraction of a box that an image drawn now hides: 0.0 if it lets anything shine through."""
        state = self._state
        masks = ("/SMask", "/Mask", "/ImageMask", "/IM", "/SMaskInData")
        if state.blends or state.masked or state.fill_alpha < 1 or any(_get(image, key) for key in masks):
            return 0.0
        a, b, c, d, _, _ = state.ctm
        if min(max(abs(a), abs(d)), max(abs(b), abs(c))) > 1e-3 * max(abs(a), abs(b), abs(c), abs(d)):
            return 0.0  # not parallel to the page
        left, bottom, right, top = _intersection(
            _intersection(state.clip, box), _bounds(state.ctm, (0, 0, 1, 1))
        )
        area = (box[2] - box[0]) * (box[3] - box[1])
        return (right - left) * (top - bottom) / area if area > 0 else 0.0

    def _set_parameters(self, parameters: Any) -> None:
        if not isinstance(parameters, Dictionary):
            return
        changes: dict[str, Any] = {}
        if "/ca" in parameters:
            changes["fill_alpha"] = _number(parameters["/ca"])
        if "/CA" in parameters:
            changes["stroke_alpha"] = _number(parameters["/CA"])
        if "/BM" in parameters:
            changes["blends"] = parameters["/BM"] not in (Name.Normal, Name.Compatible)
        if "/SMask" in parameters:
            changes["masked"] = parameters["/SMask"] != Name("/None")
        if "/Font" in parameters and isinstance(parameters["/Font"], Array):
            changes["size"] = _number(parameters["/Font"][1])
        self._state = replace(self._state, **changes)

    def _set_numbers(self, operator: str, values: Sequence[float]) -> None:
        """Operators whose operands are numbers; damaged ones are passed over."""
        state = self._state
        if operator == "cm" and len(values) == 6:
            self._state = replace(state, ctm=_product(tuple(values), state.ctm))  # type: ignore[arg-type]
        elif operator == "re" and len(values) == 4:
            x, y, width, height = values
            corners = min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
            self._path.append(_bounds(state.ctm, corners))
        elif operator == "Tm" and len(values) == 6:
            self._text = self._line = tuple(values)  # type: ignore[assignment]
        elif operator in ("Td", "TD") and len(values) == 2:
            if operator == "TD":
                self._state = replace(state, leading=-values[1])
            self._move(*values)
        elif operator == "Tr" and values:
            self._state = replace(state, mode=int(values[0]))
        elif operator == "TL" and values:
            self._state = replace(state, leading=values[0])
        elif operator == "Tf" and len(values) == 2:
            self._state = replace(state, size=values[1])

    def _move(self, x: float, y: float) -> None:
        self._text = self._line = _product((1.0, 0.0, 0.0, 1.0, x, y), self._line)

    def _end_path(self) -> None:
        """A path ends; if it clips, and is of one rectangle, what lies outside is no longer seen."""
        if self._clips and self._only_rectangles and len(self._path) == 1:
            self._state = replace(self._state, clip=_intersection(self._state.clip, self._path[0]))
        self._path, self._only_rectangles, self._clips = [], True, False


_PATH_ENDS = frozenset(("n", "S", "s", "f", "F", "f*", "B", "B*", "b", "b*"))


def _get(image: Any, key: str) -> bool:
    """Whether an image, inline or not, has an entry that is not false."""
    dictionary = getattr(image, "obj", image)
    try:
        value = dictionary.get(key)
    except (AttributeError, TypeError, ValueError):
        return False
    return value is not None and value != 0  # False, or /SMaskInData 0


def _product(first: Matrix, second: Matrix) -> Matrix:
    """The matrix that applies the first, then the second."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def _bounds(matrix: Matrix, box: Rectangle) -> Rectangle:
    """The smallest upright rectangle around a transformed one."""
    a, b, c, d, e, f = matrix
    points = [(a * x + c * y + e, b * x + d * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _intersection(first: Rectangle, second: Rectangle) -> Rectangle:
    """What two rectangles share; without area if they share nothing."""
    left, bottom = max(first[0], second[0]), max(first[1], second[1])
    return left, bottom, max(left, min(first[2], second[2])), max(bottom, min(first[3], second[3]))


def _matrix(value: Any) -> Matrix:
    if not isinstance(value, Array) or len(value) != 6:
        return _IDENTITY
    a, b, c, d, e, f = (_number(item) for item in value.as_list())
    return a, b, c, d, e, f


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
