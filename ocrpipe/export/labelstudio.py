"""Tasks for Label Studio, to correct by hand what was read, and the way back to ground truth.

A page is a task. Each line is a region, a rectangle where its quad is one along the axes and else a polygon,
with the text in a field of its own. ``LABEL_CONFIG`` is the labelling interface that shows them.

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
"""Labelling interface of a project that takes the tasks; regions marked Ignore are not scored later."""

PageType = TypeVar("PageType", bound=PageContent)

_EVEN = 0.01  # pixels by which a rectangle's sides may be off the axes
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")  # what Label Studio puts before an uploaded file's name


def document_to_labelstudio(pages: Sequence[PageType], image: Callable[[PageType], str] | None = None) -> str:
    """A list of tasks as JSON, ready for import, with what was read as predictions.

    Args:
        pages: What was read.
        image: Where Label Studio finds a page's image, such as ``/data/local-files/?d=scans/a.png``; by
            default the page's source.
    """
    tasks = [_task(page, image(page) if image else page.source or "") for page in pages]
    return json.dumps(tasks, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def from_labelstudio(exported: str | bytes | Sequence[Any]) -> list[dict[str, Any]]:
    """Ground truth, rows of a ``gt.jsonl``, from what Label Studio exports as JSON (not JSON-MIN).

    Args:
        exported: The export's text, or what ``json.loads`` made of it.

    Returns:
        ``{"image": file name, "lines": [{"text", "quad"}]}`` for each task that was annotated, by its last
        annotation that was not cancelled; quads in pixels, clockwise from the text's top left. A region
        marked Ignore, or without text, has ``"ignore": True``.

    Raises:
        ConfigError: It is no such export; the message says which task is wrong and why.
    """
    tasks = _loads(exported) if isinstance(exported, (str, bytes)) else exported
    if not isinstance(tasks, Sequence):
        raise ConfigError("not an export of Label Studio: no list of tasks")
    rows = []
    for number, task in enumerate(tasks, 1):
        try:
            done = [one for one in task.get("annotations", ()) if not one.get("was_cancelled")]
            if done:
                rows.append({"image": _name(task["data"]["image"]), "lines": _lines(done[-1]["result"])})
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
    """A region and its text, which Label Studio joins by their id."""
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
    if _is_upright(line.quad):
        kind = "rectangle"
        value = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
    else:
        kind = "polygon"
        value = {"points": [list(point) for point in points], "closed": True}
    region = {**common, "type": f"{kind}labels", "from_name": kind, "score": round(line.confidence, 4)}
    region["value"] = value | {f"{kind}labels": ["Text"]}
    text = {**common, "type": "textarea", "from_name": "text", "value": value | {"text": [line.text]}}
    return region, text


def _is_upright(quad: Quad) -> bool:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = quad
    uneven = max(abs(ay - by), abs(cy - dy), abs(ax - dx), abs(bx - cx))
    return uneven <= _EVEN and ax < bx and ay < dy


def _lines(result: Iterable[Any]) -> list[dict[str, Any]]:
    places: dict[str, Quad] = {}
    texts: dict[str, str] = {}
    ignored: set[str] = set()
    for entry in result:
        if entry["type"] == "textarea":
            texts[entry["id"]] = " ".join(_strings(entry["value"]["text"]))
        elif entry["type"].removesuffix("labels") in ("rectangle", "polygon"):
            places[entry["id"]] = _quad(entry)
            if "Ignore" in entry["value"].get(entry["type"], ()):
                ignored.add(entry["id"])
    lines: list[dict[str, Any]] = []
    for id, quad in places.items():
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
    across, down = value["width"] * width / 100, value["height"] * height / 100
    turn = math.radians(value.get("rotation", 0))  # clockwise, about the corner at the top left
    cos, sin = math.cos(turn), math.sin(turn)
    return (
        (left, top),
        (left + across * cos, top + across * sin),
        (left + across * cos - down * sin, top + across * sin + down * cos),
        (left - down * sin, top + down * cos),
    )


def _from_polygon(points: list[Point]) -> Quad:
    """The polygon itself if it has four corners, clockwise; else what a reader of level lines makes of it."""
    from ocrpipe import geometry

    if len(points) < 3:
        raise ValueError(f"a polygon of {len(points)} points encloses nothing")
    if len(points) != 4:
        return geometry.min_area_quad(points)
    area = sum(
        x * next_y - next_x * y
        for (x, y), (next_x, next_y) in zip(points, points[1:] + points[:1], strict=True)
    )
    return geometry.to_quad(points) if area > 0 else geometry.order_quad(points)


def _name(url: str) -> str:
    """The file's name in the address, or path, that Label Studio has its image by."""
    if url.startswith("/data/local-files/"):
        return PurePosixPath(parse_qs(urlsplit(url).query)["d"][0]).name
    if url.startswith("/data/upload/"):
        return _UPLOAD.sub("", PurePosixPath(unquote(urlsplit(url).path)).name)
    if "://" in url:
        return PurePosixPath(unquote(urlsplit(url).path)).name
    return PurePosixPath(url.replace("\\", "/")).name


def _strings(value: Any) -> list[str]:
    """A text field's entries; exports have a single one bare."""
    return [value] if isinstance(value, str) else [str(one) for one in value]


def _loads(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"not an export of Label Studio: {error}") from error
