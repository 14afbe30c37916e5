from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from io import BytesIO, StringIO
from typing import Any

import pytest

from ocrpipe.errors import MissingExtraError
from ocrpipe.export import document_bytes
from ocrpipe.export.tables import COLUMNS, document_to_csv, document_to_dataframe
from ocrpipe.result import Page

pandas = pytest.importorskip("pandas", reason="needs the extra ocrpipe[tables]")
parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra ocrpipe[tables]")


@pytest.fixture
def pages(page: Page) -> list[Page]:
    return [page, Page(5, 7, number=4), replace(page, number=5, source=None)]


def expected(pages: list[Page]) -> list[dict[str, Any]]:
    return [
        {
            "source": page.source,
            "page": page.number,
            "paragraph": 1 + line // 2,
            "line": 1 + line,
            "text": page.lines[line].text,
            "confidence": page.lines[line].confidence,
            "min_confidence": page.lines[line].min_confidence,
            "score": 0.9,
            "quad": [list(point) for point in page.lines[line].quad],
        }
        for page in (pages[0], pages[2])
        for line in range(4)
    ]


def test_csv(pages: list[Page]) -> None:
    text = document_bytes(pages, "csv").decode()
    rows = list(csv.DictReader(StringIO(text)))
    assert list(rows[0]) == list(COLUMNS)
    for row, line in zip(rows, expected(pages), strict=True):
        assert row["source"] == (line["source"] or "") and row["text"] == line["text"]
        assert [int(row[name]) for name in COLUMNS[1:4]] == [line[name] for name in COLUMNS[1:4]]
        assert [float(row[name]) for name in COLUMNS[5:8]] == [line[name] for name in COLUMNS[5:8]]
        assert json.loads(row["quad"]) == line["quad"]
    frame = pandas.read_csv(StringIO(text), converters={"quad": json.loads})
    assert frame["text"].tolist() == [line["text"] for line in expected(pages)]


def test_csv_quotes_what_it_must(page: Page) -> None:
    line = replace(page.lines[0], text='a "b",\n;c')
    page = replace(page, paragraphs=(replace(page.paragraphs[0], lines=(line,)),))
    (row,) = csv.DictReader(StringIO(document_bytes([page], "csv").decode()))
    assert row["text"] == line.text


def test_parquet(pages: list[Page]) -> None:
    table = parquet.read_table(BytesIO(document_bytes(pages, "parquet")))
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == expected(pages)
    empty = parquet.read_table(BytesIO(document_bytes([], "parquet")))
    assert empty.num_rows == 0 and empty.schema == table.schema


def test_dataframe(pages: list[Page]) -> None:
    frame = document_to_dataframe(pages)
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == expected(pages)
    assert pages[0].to_dataframe().equals(frame.iloc[:4])
    empty = Page(5, 7).to_dataframe()
    assert len(empty) == 0 and list(empty.columns) == list(COLUMNS)
    for name in COLUMNS[1:4] + COLUMNS[5:8]:
        assert empty[name].dtype == frame[name].dtype


@pytest.mark.parametrize("module", ["pandas", "pyarrow"])
def test_without_the_extra(page: Page, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"needs {module}: pip install 'ocrpipe\[tables\]'"):
        page.to_dataframe() if module == "pandas" else document_bytes([page], "parquet")


def test_formulas_are_escaped_on_request(page: Page) -> None:
    (paragraph, *_) = page.paragraphs
    texts = ("=1+2", "+1", "- item", "@a", " =2", "plain", "1-2", "'quoted")
    lines = tuple(replace(paragraph.lines[0], text=text) for text in texts)
    made = replace(page, source="=x.png", paragraphs=(replace(paragraph, lines=lines),))
    plain = list(csv.DictReader(StringIO(document_to_csv([made]))))
    assert [row["text"] for row in plain] == list(texts)
    escaped = list(csv.DictReader(StringIO(document_to_csv([made], escape_formulas=True))))
    assert [row["text"] for row in escaped] == [
        "'=1+2",
        "'+1",
        "'- item",
        "'@a",
        "' =2",
        "plain",
        "1-2",
        "'quoted",
    ]
    assert {row["source"] for row in escaped} == {"'=x.png"}
