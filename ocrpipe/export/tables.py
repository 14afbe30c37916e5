"""Tables with a row a line of text, for CSV, Parquet and pandas; the last two need ``ocrpipe[tables]``.

Columns: ``source``; ``page``, its number in the source; ``paragraph`` and ``line``, counted from 1 within the
page; ``text``; ``confidence``, ``min_confidence`` and ``score`` as those of ``ocrpipe.Line``; ``quad``, four
points (x, y) in pixels, clockwise from the text's top left.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from ocrpipe.errors import MissingExtraError
from ocrpipe.page import PageContent

if TYPE_CHECKING:
    import pandas

_WHOLE = ("page", "paragraph", "line")
_REAL = ("confidence", "min_confidence", "score")
COLUMNS = ("source", *_WHOLE, "text", *_REAL, "quad")


def document_to_csv(pages: Sequence[PageContent]) -> str:
    """The lines as CSV with a header, to be written as UTF-8; ``quad`` is JSON, an unknown source empty."""
    stream = StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in _rows(pages):
        quad = json.dumps(row["quad"], separators=(",", ":"))
        writer.writerow({**row, "source": row["source"] or "", "quad": quad})
    return stream.getvalue()


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
        + [(name, pyarrow.int32()) for name in _WHOLE]
        + [("text", pyarrow.string())]
        + [(name, pyarrow.float64()) for name in _REAL]
        + [("quad", pyarrow.list_(pyarrow.list_(pyarrow.float64())))]
    )
    stream = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(_rows(pages)), schema), stream)
    return stream.getvalue()


def document_to_dataframe(pages: Sequence[PageContent]) -> pandas.DataFrame:
    """The lines as a table of pandas; ``quad`` holds lists of four [x, y].

    Raises:
        MissingExtraError: The extra ``ocrpipe[tables]`` is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise _missing("a DataFrame", error) from error
    frame = pandas.DataFrame(list(_rows(pages)), columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(_WHOLE, "int64") | dict.fromkeys(_REAL, "float64"))


def _rows(pages: Sequence[PageContent]) -> Iterator[dict[str, Any]]:
    for page in pages:
        number = 0
        for paragraph_number, paragraph in enumerate(page.paragraphs, 1):
            for line in paragraph.lines:
                number += 1
                yield {
                    "source": page.source,
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
