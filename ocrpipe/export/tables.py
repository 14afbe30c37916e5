"""Tables with a row for each line, for CSV, Parquet and pandas; the last two need ``ocrpipe[tables]``.

Columns: ``source``; ``page``, its number in the source; ``paragraph`` and ``line``, 1-based within the page;
``text``; ``confidence``, ``min_confidence`` and ``score`` as of ``ocrpipe.Line``; ``quad``, four points (x,
y) in pixels, clockwise from the text's top left.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from ocrpipe.errors import MissingExtraError
from ocrpipe.io.names import printable
from ocrpipe.page import PageContent

if TYPE_CHECKING:
    import pandas

_FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, CSV injection
_INTEGERS = ("page", "paragraph", "line")
_FLOATS = ("confidence", "min_confidence", "score")
COLUMNS = ("source", *_INTEGERS, "text", *_FLOATS, "quad")


def document_to_csv(pages: Sequence[PageContent], *, escape_formulas: bool = False) -> str:
    """The lines as CSV with a header, to be written as UTF-8; ``quad`` is JSON, an unknown source empty.

    Args:
        pages: What was read.
        escape_formulas: Whether cells that spreadsheets would interpret as formulas get an apostrophe in
            front, as OWASP advises; otherwise every cell is the text that was read.
    """
    stream = StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in _rows(pages):
        quad = json.dumps(row["quad"], separators=(",", ":"))
        cells = {**row, "source": row["source"] or "", "quad": quad}
        if escape_formulas:
            cells |= {name: escaped_formula(cells[name]) for name in ("source", "text")}
        writer.writerow(cells)
    return stream.getvalue()


def escaped_formula(text: str) -> str:
    """The text, after an apostrophe if spreadsheets would interpret it as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_PREFIXES) else text


def document_to_parquet(pages: Sequence[PageContent]) -> bytes:
    """The lines as a Parquet file; ``quad`` is a list of four lists of two doubles.

    Raises:
        MissingExtraError: The extra ``ocrpipe[tables]`` is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise _missing("Parquet", error) from error
    schema = pyarrow.schema(
        [("source", pyarrow.string())]
        + [(name, pyarrow.int32()) for name in _INTEGERS]
        + [("text", pyarrow.string())]
        + [(name, pyarrow.float64()) for name in _FLOATS]
        + [("quad", pyarrow.list_(pyarrow.list_(pyarrow.float64())))]
    )
    stream = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(_rows(pages)), schema), stream)
    return stream.getvalue()


def document_to_dataframe(pages: Sequence[PageContent]) -> pandas.DataFrame:
    """The lines as a pandas table; ``quad`` holds lists of four [x, y].

    Raises:
        MissingExtraError: The extra ``ocrpipe[tables]`` is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise _missing("a DataFrame", error) from error
    frame = pandas.DataFrame(list(_rows(pages)), columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(_INTEGERS, "int64") | dict.fromkeys(_FLOATS, "float64"))


def _rows(pages: Sequence[PageContent]) -> Iterator[dict[str, Any]]:
    for page in pages:
        number = 0
        for paragraph_number, paragraph in enumerate(page.paragraphs, 1):
            for line in paragraph.lines:
                number += 1
                yield {
                    "source": None if page.source is None else printable(page.source),
                    "page": page.number,
                    "paragraph": paragraph_number,
                    "line": number,
                    "text": line.text,
                    "confidence": float(line.confidence),
                    "min_confidence": float(line.min_confidence),
                    "score": float(line.score),
                    "quad": [[float(x), float(y)] for x, y in line.quad],
                }


def _missing(what: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(f"{what} needs {error.name}: pip install 'ocrpipe[tables]'")
