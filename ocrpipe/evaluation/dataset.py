"""Ground truth and predictions on disk.

A set is a folder with ``gt.jsonl``, one JSON object a page, and the images that it names::

    {"image": "images/a.png", "level": "line", "lines": [{"text": "Dear Sir", "quad": [[x, y], ...]}, ...]}

``level`` is what a page's ground truth holds: ``line`` (text and quad of every line), ``page`` (only the
text, under ``"text"``, so reading order counts) or ``word`` (the image is the crop of one word). A page of
level ``line`` may hold its ``"text"`` in reading order as well; one whose lines have no quads holds nothing
but that and is of level ``page``. Predictions are rows ``{"image": ..., "lines": [{"text", "quad"}, ...],
"sec": ...}``, their lines in reading order. Quads are in pixels of the image.

Where paragraphs are known, each line has the number of its own, ``"block"`` in the ground truth and
``"paragraph"`` in predictions. Both may hold ``"tables": [{"quad", "html"}, ...]``; in the ground truth these
may also be regions of kind ``table`` whose text is HTML.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from ocrpipe.errors import ConfigError
from ocrpipe.evaluation.table_metrics import PlacedTable, from_html, to_html
from ocrpipe.io.files import atomic_file
from ocrpipe.page import Quad

Level = Literal["word", "line", "page"]
Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A line of the ground truth; not scored where it is marked ``ignore`` or holds a formula.

    ``block`` is its paragraph's number, None where that is not known.
    """

    text: str
    quad: Quad
    ignore: bool = False
    has_math: bool = False
    block: Hashable = None

    @property
    def counts(self) -> bool:
        """Whether the line is scored."""
        return not (self.ignore or self.has_math)


@dataclass(frozen=True, slots=True)
class ReferencePage:
    """Ground truth of one image.

    Attributes:
        image: Path of the image.
        level: What is known about it.
        lines: Its lines; exactly one for level ``word``, none for level ``page``.
        dont_care: Regions whose lines are not transcribed (``no_line_gt_regions``), such as tables and
            figures.
        text: The page's text in reading order; empty where it is not known.
        tables: Its tables, as far as they are known.
    """

    image: Path
    level: Level = "line"
    lines: tuple[ReferenceLine, ...] = ()
    dont_care: tuple[Quad, ...] = ()
    text: str = ""
    tables: tuple[PlacedTable, ...] = ()

    @property
    def name(self) -> str:
        """File name of the image, the key of predictions."""
        return self.image.name


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named set of pages, all of the same level."""

    name: str
    pages: tuple[ReferencePage, ...]

    @property
    def level(self) -> Level:
        """What the ground truth holds."""
        return self.pages[0].level


@dataclass(frozen=True, slots=True)
class PredictedLine:
    """A recognised line.

    Attributes:
        text: Its text.
        quad: Its corners.
        confidences: One per character that is not a space; empty where the engine gives none.
        paragraph: Number of its paragraph; None where the engine gives none.
    """

    text: str
    quad: Quad
    confidences: tuple[float, ...] = ()
    paragraph: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The lines and tables recognised in one image, the seconds that took, and the error that ended it."""

    image: str
    lines: tuple[PredictedLine, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    tables: tuple[PlacedTable, ...] = ()


def load_dataset(folder: str | Path) -> Dataset:
    """Load a set folder; images are not opened.

    Raises:
        ConfigError: The folder has no readable ``gt.jsonl``, or a row of it is invalid (the message says
            which and why).
    """
    folder = Path(folder)
    path = folder / "gt.jsonl"
    if not path.is_file():
        raise ConfigError(f"{folder} is not a set: it holds no gt.jsonl")
    pages = tuple(_parsed(path, lambda row: _reference_page(folder, row)))
    if not pages:
        raise ConfigError(f"{path}: holds no page")
    levels = sorted({page.level for page in pages})
    if len(levels) > 1:
        raise ConfigError(f"{path}: a set has one level, this one mixes {' and '.join(levels)}")
    names = [page.name for page in pages]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"{path}: two pages are called {twice}")
    return Dataset(folder.resolve().name, pages)


def read_predictions(path: str | Path) -> tuple[Prediction, ...]:
    """Read a file of predictions: ours (``write_predictions``) or another engine's.

    Raises:
        ConfigError: The file is missing, or a row of it is invalid.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"{path}: no such file of predictions")
    return tuple(_parsed(path, _prediction))


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write one JSON row a page, atomically; missing folders are created.

    Raises:
        OcrError: The file can't be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        for prediction in predictions:
            file.write(f"{json.dumps(_prediction_row(prediction), ensure_ascii=False)}\n".encode())


def _parsed(path: Path, parse: Callable[[Row], T]) -> Iterator[T]:
    try:
        rows = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason})") from error
    for number, text in enumerate(rows, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
            if not isinstance(row, dict):
                raise ValueError("not a JSON object")
            yield parse(row)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}, row {number}: not JSON ({error})") from error
        except KeyError as error:
            raise ConfigError(f"{path}, row {number}: {error} is missing") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"{path}, row {number}: {error}") from error


def _reference_page(folder: Path, row: Row) -> ReferencePage:
    text = _text(row) if "text" in row else ""
    level = row.get("level", "line")
    if level == "line" and row["lines"] and not any("quad" in line for line in row["lines"]):
        level, text = "page", text or "\n".join(map(_text, row["lines"]))
    if level not in get_args(Level):
        raise ValueError(f"level is {level!r}, not one of {', '.join(get_args(Level))}")
    lines = tuple(_reference_line(line) for line in row["lines"]) if level != "page" else ()
    if level == "word" and len(lines) != 1:
        raise ValueError(f"a page of level 'word' has one line, this one {len(lines)}")
    regions = row.get("no_line_gt_regions") or ()
    return ReferencePage(
        image=folder / row["image"],
        level=level,
        lines=lines,
        dont_care=tuple(_quad(region["quad"] if isinstance(region, dict) else region) for region in regions),
        text=_text(row) if level == "page" and not text else text,
        tables=_tables(
            row.get("tables") or [_table_region(region) for region in regions if _is_table(region)]
        ),
    )


def _is_table(region: Any) -> bool:
    return isinstance(region, dict) and region.get("kind") == "table" and "<t" in (region.get("text") or "")


def _table_region(region: Row) -> Row:
    return {"quad": region["quad"], "html": region["text"]}


def _tables(rows: Iterable[Row]) -> tuple[PlacedTable, ...]:
    return tuple(PlacedTable(_quad(row["quad"]), from_html(row["html"])) for row in rows)


def _reference_line(row: Row) -> ReferenceLine:
    marks = bool(row.get("ignore")), bool(row.get("has_math"))
    return ReferenceLine(_text(row), _quad(row["quad"]), *marks, row.get("block"))


def _prediction(row: Row) -> Prediction:
    lines = tuple(
        PredictedLine(
            _text(line), _quad(line["quad"]), tuple(line.get("confidences", ())), line.get("paragraph")
        )
        for line in row["lines"]
    )
    seconds = float(row.get("sec") or 0.0)
    return Prediction(
        Path(row["image"]).name, lines, seconds, row.get("error"), _tables(row.get("tables") or ())
    )


def _prediction_row(prediction: Prediction) -> Row:
    lines: list[Row] = []
    for line in prediction.lines:
        lines.append({"text": line.text, "quad": line.quad})
        if line.confidences:
            lines[-1]["confidences"] = [round(value, 4) for value in line.confidences]
        if line.paragraph is not None:
            lines[-1]["paragraph"] = line.paragraph
    row: Row = {"image": prediction.image, "lines": lines, "sec": prediction.seconds}
    if prediction.tables:
        row["tables"] = [{"quad": table.quad, "html": to_html(table.rows)} for table in prediction.tables]
    return row if prediction.error is None else {**row, "error": prediction.error}


def _text(row: Row) -> str:
    text = row["text"]
    if not isinstance(text, str):
        raise ValueError(f"text is {text!r}, not a string")
    return text


def _quad(points: Any) -> Quad:
    if len(points) != 4:
        raise ValueError(f"a quad has 4 corners, this one {len(points)}")
    a, b, c, d = ((float(x), float(y)) for x, y in points)
    if not all(map(math.isfinite, (*a, *b, *c, *d))):
        raise ValueError(f"a corner of {points} is not finite")
    return a, b, c, d
