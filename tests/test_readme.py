"""The README's examples of Python, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_every_page_of_docs_is_pointed_to() -> None:
    pages = {f"docs/{page.name}" for page in (Path(__file__).parents[1] / "docs").glob("*.md")}
    _, _, more = README.partition("## More")
    assert pages <= set(re.findall(r"\]\((.*?)\)", more))


def test_plugin_example_keeps_the_contract() -> None:
    (example,) = (example for example in EXAMPLES if "check_detector" in example)
    declared, _, _ = example.partition("pipe = ")  # a pipeline would need the recogniser's weights
    exec(compile(declared, "README.md", "exec"), {})


@pytest.mark.slow
def test_examples_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    from ocrpipe import Page

    docs = tmp_path / "docs"
    docs.symlink_to(Path(__file__).parents[1] / "docs")
    with Image.open(docs / "sample.png") as page:
        page.save(tmp_path / "book.pdf")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in EXAMPLES:
        exec(compile(example, "README.md", "exec"), names)
    assert isinstance(names["page"], Page)
    assert {"sample.hocr", "overlay.png"} <= {path.name for path in tmp_path.iterdir()}
