"""The commands of docs/serve.md, run as they stand, but for the port."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.conftest import FakeReader, scan

pytest.importorskip("starlette", reason="needs ocrpipe[serve]")
pytest.importorskip("uvicorn", reason="needs ocrpipe[serve]")

from tests.serve.running import Running  # noqa: E402

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text("utf-8")
BLOCKS = [
    block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "curl" in block
]


@pytest.fixture
def running(reader: FakeReader, tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "scan.png").write_bytes(scan(300))
    (tmp_path / "book.pdf").write_bytes(scan(*range(300, 310), format="pdf"))
    running = Running(reader)
    yield running
    running.stop()


@pytest.mark.needs_program("sh")
@pytest.mark.needs_program("curl")
def test_the_commands_do_what_the_page_says(running: Running, tmp_path: Path) -> None:
    pytest.importorskip("pikepdf", reason="needs ocrpipe[pdf]")
    read, jobs, paperless = (block.replace("127.0.0.1:8000", f"127.0.0.1:{running.port}") for block in BLOCKS)

    def run(script: str, **more: str) -> str:
        import os

        script = script.replace("curl ", "curl --silent --show-error --fail ")
        done = subprocess.run(
            ["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **more}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run(read).startswith("page 1\n")
    assert (tmp_path / "searchable.pdf").read_bytes().startswith(b"%PDF")
    output = run(jobs)
    assert "event: end" in output and '"state":"done"' in output and "page 10" in output
    assert "Right text" in output
    assert (tmp_path / "page.jpg").read_bytes().startswith(b"\xff\xd8")

    working = tmp_path / "book.pdf"
    before = working.read_bytes()
    run(paperless, DOCUMENT_WORKING_PATH=str(working))
    assert working.read_bytes() != before and not working.with_name("book.pdf.new").exists()
    other = tmp_path / "scan.png"
    run(paperless, DOCUMENT_WORKING_PATH=str(other))
    assert other.read_bytes() == scan(300)


def test_the_limits_of_the_page_are_those_of_the_settings() -> None:
    from ocrpipe.serve.settings import ServeSettings

    settings = ServeSettings()
    told = dict(re.findall(r"^\| `(--[a-z-]+)`.*? \| (\S+)", PAGE, re.MULTILINE))
    assert told["--queue"] == str(settings.queue) and told["--max-pages"] == str(settings.max_pages)
    assert told["--max-body"] == str(settings.max_body >> 20)
    assert float(told["--timeout"]) == settings.timeout and float(told["--keep"]) == settings.keep
