"""Tasks for Label Studio, to correct results by hand, and their conversion to ground truth.

A page is a task. Each line is a region, a rectangle if its quad is axis-aligned and else a polygon, with the
text in a separate field. ``LABEL_CONFIG`` is the matching labelling interface.

Format: https://labelstud.io/guide/predictions
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from ocrpipe import _version
from ocrpipe.errors import ConfigError
from ocrpipe.io.names import printable
from ocrpipe.page import Line, PageContent, Point, Quad

LABEL_CONFIG = """\
<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <RectangleLabels name="rectangle" toName="image">
    <Label value="Text"/><Label value="Ignore"/>
  </RectangleLabels>
  <PolygonLabels name="polygon" toName="image">
    <Label value="Text"/><Label value="Ignore"/>
  </PolygonLabels>
  <TextArea name="text" toName="image" perRegion="true" editable="true" maxSubmissions="1" rows="1"
            displayMode="region-list"/>
</View>
"""
"""Labelling interface of a project for the tasks; regions marked Ignore are not scored later."""

PageType = TypeVar("PageType", bound=PageContent)

_AXIS_TOLERANCE = 0.01  # pixels by which the sides of an axis-aligned quad may deviate
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")  # of the names of uploaded files


def document_to_labelstudio(pages: Sequence[PageType], image: Callable[[PageType], str] | None = None) -> str:
    """A list of tasks as JSON, ready for import, with the recognised lines as predictions.

    Args:
        pages: What was read.
        image: Gives the address of a page's image for Label Studio, such as
            ``/data/local-files/?d=scans/a.png``; by default the page's source.
    """
    tasks = [_task(page, image(page) if image else printable(page.source or "")) for page in pages]
    return json.dumps(tasks, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def from_labelstudio(exported: str | bytes | Sequence[Any]) -> list[dict[str, Any]]:
    """Ground truth, rows of a ``gt.jsonl``, from an export of Label Studio as JSON (not JSON-MIN).

    Args:
        exported: The export, as text or parsed.

    Returns:
        ``{"image": file name, "lines": [{"text", "quad"}]}`` for each annotated task, from its last
        annotation that was not cancelled; quads in pixels, clockwise from the text's top left. A region
        marked Ignore, or without text, has ``"ignore": True``.

    Raises:
        ConfigError: It is not such an export; the message names the task and the problem.
    """
    tasks = _loads(exported) if isinstance(exported, (str, bytes)) else exported
    if not isinstance(tasks, Sequence):
        raise ConfigError("not an export of Label Studio: no list of tasks")
    rows = []
    for number, task in enumerate(tasks, 1):
        try:
            annotations = task.get("annotations", ())
            valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
            if valid:
                rows.append({"image": _name(task["data"]["image"]), "lines": _lines(valid[-1]["result"])})
        except KeyError as error:
            raise ConfigError(f"task {number} of the export: {error} is missing") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"task {number} of the export: {error}") from error
    return rows


def _task(page: PageContent, image: str) -> dict[str, Any]:
    result = [entry for number, line in enumerate(page.lines, 1) for entry in _entries(line, page, number)]
    prediction = {
        "model_version": f"ocrpipe {_version.__version__}",
        "score": round(page.confidence, 4),
        "result": result,
    }
    return {"data": {"image": image, "page": page.number}, "predictions": [prediction]}


def _entries(line: Line, page: PageContent, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A region and its text, which have the same id."""
    common = {
        "id": f"line-{number}",
        "to_name": "image",
        "original_width": page.width,
        "original_height": page.height,
        "image_rotation": 0,
    }
    points = [(100 * x / page.width, 100 * y / page.height) for x, y in line.quad]
    (left, top), (right, _), (_, bottom), _ = points
    value: dict[str, Any]
    if _is_axis_aligned(line.quad):
        kind = "rectangle"
        value = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
    else:
        kind = "polygon"
        value = {"points": [list(point) for point in points], "closed": True}
    region = {**common, "type": f"{kind}labels", "from_name": kind, "score": round(line.confidence, 4)}
    region["value"] = value | {f"{kind}labels": ["Text"]}
    text = {**common, "type": "textarea", "from_name": "text", "value": value | {"text": [line.text]}}
    return region, text


def _is_axis_aligned(quad: Quad) -> bool:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    deviation = max(abs(ay - by), abs(cy - dy), abs(ax - dx), abs(bx - cx))
    return deviation <= _AXIS_TOLERANCE and ax < bx and ay < dy


def _lines(result: Iterable[Any]) -> list[dict[str, Any]]:
    quads: dict[str, Quad] = {}
    texts: dict[str, str] = {}
    ignored: set[str] = set()
    for entry in result:
        if entry["type"] == "textarea":
            texts[entry["id"]] = " ".join(_strings(entry["value"]["text"]))
        elif entry["type"].removesuffix("labels") in ("rectangle", "polygon"):
            quads[entry["id"]] = _quad(entry)
            if "Ignore" in entry["value"].get(entry["type"], ()):
                ignored.add(entry["id"])
    lines: list[dict[str, Any]] = []
    for id, quad in quads.items():
        text = texts.get(id, "").strip()
        lines.append({"text": text, "quad": [[round(x, 2), round(y, 2)] for x, y in quad]})
        if id in ignored or not text:
            lines[-1]["ignore"] = True
    return lines


def _quad(entry: Any) -> Quad:
    if entry.get("image_rotation"):
        raise ValueError(f"the image was turned by {entry['image_rotation']} degrees, which is not supported")
    value, width, height = entry["value"], entry["original_width"], entry["original_height"]
    if "points" in value:
        return _from_polygon([(x * width / 100, y * height / 100) for x, y in value["points"]])
    left, top = value["x"] * width / 100, value["y"] * height / 100
    length, thickness = value["width"] * width / 100, value["height"] * height / 100
    angle = math.radians(value.get("rotation", 0))  # clockwise, about the top left corner
    cos, sin = math.cos(angle), math.sin(angle)
    return (
        (left, top),
        (left + length * cos, top + length * sin),
        (left + length * cos - thickness * sin, top + length * sin + thickness * cos),
        (left - thickness * sin, top + thickness * cos),
    )


def _from_polygon(points: list[Point]) -> Quad:
    """The polygon if it has four corners, clockwise; else a rectangle around it, for text within ±45°."""
    from ocrpipe import geometry  # here, since it brings OpenCV

    if len(points) < 3:
        raise ValueError(f"a polygon of {len(points)} points has no area")
    if len(points) != 4:
        return geometry.min_area_quad(points)
    area = sum(
        x * next_y - next_x * y
        for (x, y), (next_x, next_y) in zip(points, points[1:] + points[:1], strict=True)
    )
    return geometry.to_quad(points) if area > 0 else geometry.order_quad(points)


def _name(url: str) -> str:
    """The file name in an address, or path, of an image in Label Studio."""
    if url.startswith("/data/local-files/"):
        return PurePosixPath(parse_qs(urlsplit(url).query)["d"][0]).name
    if url.startswith("/data/upload/"):
        return _UPLOAD_PREFIX.sub("", PurePosixPath(unquote(urlsplit(url).path)).name)
    if "://" in url:
        return PurePosixPath(unquote(urlsplit(url).path)).name
    return PurePosixPath(url.replace("\\", "/")).name


def _strings(value: Any) -> list[str]:
    """A text field's entries; a single entry is exported without a list."""
    return [value] if isinstance(value, str) else [str(entry) for entry in value]


def _loads(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"not an export of Label Studio: {error}") from error
