"""A server in this process, with a reader that is quick and does what a test tells it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from ocrpipe.errors import OcrError
from ocrpipe.export.json import page_to_json
from ocrpipe.folder.manifest import Manifest
from ocrpipe.folder.results import pack
from ocrpipe.folder.tasks import Failed, Identity, Inspected, Reading
from ocrpipe.geometry import span_quad
from ocrpipe.io import documents
from ocrpipe.page import Char, Line, Paragraph, Quad, Word
from ocrpipe.result import Page

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from ocrpipe.pipeline import OnStage


class FakeReader:
    """Reads every page as ``page <number>`` and ``100 x 60``, the last character of each with doubt.

    Attributes:
        gate: Pages are read while it is set.
        started: Released for every page that is begun.
        fault: Raised by the next pages.
        stages: Stages of a page, before each of which the gate is waited for.
        sources: The paths of the documents.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Semaphore(0)
        self.fault: Callable[[Path], Exception] | None = None
        self.stages = 1
        self.sources: list[Path] = []

    def read_document(
        self, source: Path, *, dpi: float, password: str | None, pages: Sequence[int], on_stage: OnStage
    ) -> Iterator[Page]:
        self.sources.append(source)
        for image in documents.pages(source, dpi=dpi, password=password, numbers=pages):
            self.started.release()
            for _ in range(self.stages):
                assert self.gate.wait(30)
                on_stage(None)  # type: ignore[arg-type]
            if self.fault:
                raise self.fault(source)
            height, width = image.image.shape[:2]
            yield fake_page(width, height, image.number, str(source), image.dpi)


def fake_page(width: int, height: int, number: int, source: str, dpi: float | None = None) -> Page:
    paragraphs = []
    for index, text in enumerate((f"page {number}", f"{width} x {height}")):
        top = 5 + 20 * index
        quad: Quad = ((5.0, top), (width - 5.0, top), (width - 5.0, top + 15.0), (5.0, top + 15.0))
        places = iter(range(len(text)))
        words = []
        for part in text.split():
            chars = [
                Char(
                    char,
                    span_quad(quad, at / len(text), (at + 1) / len(text)),
                    0.6 if at + 1 == len(text) else 0.99,
                )
                for char, at in zip(part, places, strict=False)
            ]
            next(places, None)
            band = (chars[0].quad[0], chars[-1].quad[1], chars[-1].quad[2], chars[0].quad[3])
            words.append(Word(part, band, 0.9, tuple(chars)))
        line = Line(" ".join(word.text for word in words), quad, 0.9, tuple(words))
        paragraphs.append(Paragraph((line,), quad))
    return Page(width, height, tuple(paragraphs), source=source, number=number, dpi=dpi)


def scan(*widths: int, format: str = "png") -> bytes:
    """An image, or a document of several pages, 60 pixels high."""
    first, *others = (Image.new("L", (width, 60), 255) for width in widths)
    stream = io.BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": others} if others else {}
    first.save(stream, format, **more)
    return stream.getvalue()


Start = Callable[..., "TestClient"]


@pytest.fixture
def reader() -> Iterator[FakeReader]:
    reader = FakeReader()
    yield reader
    reader.gate.set()


@pytest.fixture
def servers() -> list[Any]:
    """The servers that a test has started."""
    return []


@pytest.fixture
def start(reader: FakeReader, servers: list[Any], request: pytest.FixtureRequest) -> Start:
    """Starts a server with settings; the client calls it by the name localhost."""
    pytest.importorskip("starlette", reason="needs ocrpipe[serve]")
    pytest.importorskip("httpx2", reason="needs the package httpx2")
    from starlette.testclient import TestClient

    from ocrpipe.serve.app import Server
    from ocrpipe.serve.settings import ServeSettings

    def begin(**settings: Any) -> TestClient:
        settings.setdefault("grace", 2.0)
        server = Server(ServeSettings(**settings), reader=reader)
        client = TestClient(server.app, base_url="http://localhost")
        request.addfinalizer(client.close)
        servers.append(server)
        client.__enter__()
        request.addfinalizer(lambda: client.__exit__(None, None, None))
        return client

    return begin


@pytest.fixture
def client(start: Start) -> TestClient:
    """A server with default settings."""
    return start()


def worse(page: Any, confidence: float) -> Any:
    """The page with another confidence of all characters."""
    paragraphs = []
    for paragraph in page.paragraphs:
        lines = []
        for line in paragraph.lines:
            words = tuple(
                replace(word, chars=tuple(replace(char, confidence=confidence) for char in word.chars))
                for word in line.words
            )
            lines.append(replace(line, words=words))
        paragraphs.append(replace(paragraph, lines=tuple(lines)))
    return replace(page, paragraphs=tuple(paragraphs))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What a run over three documents has left: four pages, one of which failed."""
    tree, output = tmp_path / "scans", tmp_path / "out"
    (tree / "a").mkdir(parents=True)
    output.mkdir()
    documents = {"a/book.tif": scan(100, 110, format="tiff"), "good.png": scan(120), "bad.png": scan(130)}
    confidences = iter((0.9, 0.5, 0.99))
    with Manifest(output, writable=True) as manifest:
        manifest.put_tree(str(tree))
        for key, data in documents.items():
            (tree / key).write_bytes(data)
            count = 2 if key.endswith("tif") else 1
            manifest.put_document(key, Inspected(Identity.of(tree / key), f"sha of {key}", count))
            for number in range(1, count + 1):
                if key == "bad.png":
                    failed = Failed("UnreadableImageError", f"{tree}/bad.png is damaged")
                    manifest.put_failure(key, number, f"sha of {key}", "s", failed, None)
                    continue
                width = {"a/book.tif": 90 + 10 * number, "good.png": 120}[key]
                page = worse(fake_page(width, 60, number, key), next(confidences))
                text = page_to_json(page)
                manifest.put_reading(key, number, f"sha of {key}", "s", Reading(page, pack(text), "d", 0.1))
    return output


def wait(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that happens in another thread; fails after half a minute."""
    pause = threading.Event()
    for _ in range(1500):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError(f"waited in vain for {what}")


__all__ = ["FakeReader", "OcrError", "Start", "fake_page", "scan", "wait"]
