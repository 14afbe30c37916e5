"""Fake engines that worker processes can load, and small trees of pages for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ocrpipe.folder import FolderRun, read_folder, run
from ocrpipe.folder.settings import ReadSettings
from ocrpipe.folder.tasks import Outcome, Task
from ocrpipe.folder.working import Working

ENGINES = Path(__file__).parent / "engines"
ENTRY_POINTS = """
[ocrpipe.detectors]
bars = folder_engines:Bars
[ocrpipe.recognizers]
lengths = folder_engines:Lengths
unmakable = folder_engines:Unmakable
missing = folder_engines:Missing
"""

Start = Callable[..., FolderRun]


def draw(number: int) -> Image.Image:
    """A page that the fakes read as ``page <number>``."""
    image = Image.new("L", (10 * number + 40, 60), 255)
    ImageDraw.Draw(image).rectangle((20, 20, 19 + 10 * number, 35), fill=0)
    return image


def write_document(path: Path, *numbers: int) -> Path:
    """A TIFF or PDF of such pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (draw(number) for number in numbers)
    first.save(path, save_all=True, append_images=others, resolution=200)
    return path


def write_page(path: Path, number: int) -> Path:
    """An image of such a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(number).save(path)
    return path


def install_engines(site: Path) -> None:
    """Make an installed distribution of the fake engines, to go on ``sys.path``."""
    info = site / "folder_engines-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: folder-engines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "folder_engines.py").write_text((ENGINES / "folder_engines.py").read_text("utf-8"))


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on ``sys.path`` that offers the fakes as ``bars``, ``lengths`` …"""
    site = tmp_path_factory.mktemp("site")
    install_engines(site)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("FOLDER_TEST", str(site))
    yield site
    sys.modules.pop("folder_engines", None)


@pytest.fixture
def start(site: Path, request: pytest.FixtureRequest) -> Start:
    """``read_folder`` with the fakes and one worker."""

    def begin(source: Path, out: Path, **settings: Any) -> FolderRun:
        settings = {"detector": "bars", "recognizer": "lengths", "workers": 1, **settings}
        run_of_it = read_folder(source, out, **settings)
        request.addfinalizer(run_of_it.close)
        return run_of_it

    return begin


class InlinePool:
    """Does the tasks in this process, for tests of the bookkeeping."""

    tasks: list[Task] = []

    def __init__(self, settings: ReadSettings, workers: int, page_timeout: float, **_: object) -> None:
        self._working, self.lost = Working(settings), 0
        self._task: list[Task] = []

    def __enter__(self) -> InlinePool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def has_room(self) -> bool:
        return not self._task

    @property
    def busy(self) -> bool:
        return bool(self._task)

    def submit(self, task: Task) -> None:
        self._task.append(task)

    def wait(self) -> list[tuple[Task, Outcome]]:
        task = self._task.pop()
        InlinePool.tasks.append(task)
        return [(task, self._working.execute(task))]


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Runs do their tasks in this process, and these are they."""
    monkeypatch.setattr(run, "Pool", InlinePool)
    monkeypatch.setattr(InlinePool, "tasks", [])
    return InlinePool.tasks


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three folders with a PDF of three pages, a TIFF of two, and three images."""
    root = tmp_path / "scans"
    write_document(root / "a" / "book.pdf", 3, 4, 5)
    write_document(root / "a" / "fax.tif", 6, 7)
    write_page(root / "b" / "page2.png", 8)
    write_page(root / "b" / "page10.png", 9)
    write_page(root / "one.png", 10)
    return root


@pytest.fixture
def save_page() -> Callable[[Path, int], Path]:
    """Writes an image that is read as ``page <number>``."""
    return write_page


@pytest.fixture
def save_document() -> Callable[..., Path]:
    """Writes a TIFF or PDF of such pages."""
    return write_document


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every visible file of an output folder but the manifest."""
    return visible


def visible(out: Path) -> dict[str, bytes]:
    """Every visible file of an output folder but the manifest."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and ".ocrpipe" not in path.parts and not path.name.startswith("manifest.sqlite")
    }
