"""docs/formats.md: its examples run, its JSON is read, its tables say what there is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import ocrpipe
from ocrpipe.export import FORMATS, suffix_of
from ocrpipe.result import Page

DOC = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")

pytest.importorskip("pandas", reason="needs the extra ocrpipe[tables]")
pytest.importorskip("pyarrow", reason="needs the extra ocrpipe[tables]")
pytest.importorskip("pikepdf", reason="needs the extra ocrpipe[pdf]")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


@pytest.fixture
def book(page: Page, picture: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a book, a reader of it, and an export of Label Studio."""
    monkeypatch.chdir(tmp_path)
    image = Image.fromarray(picture)
    image.save("book.pdf", save_all=True, append_images=[image], resolution=150)
    pages = [replace(page, source="book.pdf", number=number) for number in (1, 2)]
    monkeypatch.setattr(ocrpipe, "read_document", lambda source: iter(pages), raising=False)


def test_the_examples_run(book: None, page: Page) -> None:
    names: dict[str, Any] = {}
    *first, last = blocks("python")
    assert len(first) == 5
    for block in first:
        exec(compile(block, "docs/formats.md", "exec", dont_inherit=True), names)
    tasks = json.loads(Path("tasks.json").read_text("utf-8"))
    for task in tasks:
        task["annotations"] = task.pop("predictions")
    Path("export.json").write_text(json.dumps(tasks), encoding="utf-8")
    exec(compile(last, "docs/formats.md", "exec", dont_inherit=True), names)

    assert Path("book.txt").read_text("utf-8") == f"{page.text}\n\f{page.text}\n"
    assert Path("first.hocr").stat().st_size and Path("searchable.pdf").read_bytes().startswith(b"%PDF-")
    assert len(names["table"]) == 8 and names["area"] == 4000
    rows = [json.loads(row) for row in Path("gt.jsonl").read_text("utf-8").splitlines()]
    assert [row["image"] for row in rows] == ["book-1.png", "book-2.png"]
    assert [line["text"] for line in rows[1]["lines"]] == [line.text for line in page.lines]


def test_the_page_of_json_is_one() -> None:
    (block,) = blocks("json")
    data = json.loads(block)
    page = Page.from_dict(data)
    assert page.text == "Page 七" and page.to_dict() == data
    documented = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`.*?) \|", DOC, re.MULTILINE))))

    def keys(value: Any) -> set[str]:
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return set(value if isinstance(value, dict) else ()).union(*map(keys, values))

    assert keys(data) <= documented


def test_every_format_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `\.([\w.]+)`", DOC, re.MULTILINE)
    assert dict(rows) == {name: suffix_of(name) for name in FORMATS}
    assert len(rows) == 12


def test_the_docstring_of_save_has_every_format() -> None:
    described = (Page.save.__doc__ or "").partition("format: ")[2].partition("image: ")[0]
    assert re.findall(r"``(\w+)``", described) == [*FORMATS]
