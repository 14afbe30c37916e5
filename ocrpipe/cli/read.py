"""``ocrpipe read``: files to text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrpipe.cli.console import print_error, report_stage, warn, working
from ocrpipe.cli.options import Detector, Device, Recognizer, Settings, Threads, Verbose
from ocrpipe.errors import ConfigError, OcrError

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from ocrpipe.pipeline import OnStage, Pipeline
    from ocrpipe.result import Page

_PRINTABLE = ("txt", "json")


def read(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Images, PDFs and multi-page TIFFs.")],
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="txt, json, hocr, alto, pagexml, html, pdf, csv, parquet or labelstudio; by --out's suffix, "
            "or txt.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PATH", help="File to write; for several FILEs, a folder.")
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Picture of the page with its lines; for several FILEs, a folder."),
    ] = None,
    pages: Annotated[
        str | None, typer.Option(metavar="LIST", help="Pages of each document to read, such as 1-3,7.")
    ] = None,
    dpi: Annotated[
        float | None, typer.Option(min=1, help="Resolution PDF pages are rendered at; 200 by default.")
    ] = None,
    password: Annotated[str | None, typer.Option(help="Of a locked PDF.")] = None,
    detector: Detector = "ctpn",
    recognizer: Recognizer = "crnn",
    threads: Threads = None,
    device: Device = "cpu",
    settings: Settings = None,
    verbose: Verbose = False,
) -> None:
    """Read pages and print their text.

    On stdout a form feed stands between pages; with --json each page is a line. A file holds one page: page 1
    of a document goes to NAME.txt, page 2 to NAME-2.txt. A FILE that cannot be read does not keep the others
    from being read; the exit code is that of the first such FILE.
    """
    if json and format not in (None, "json"):
        raise ConfigError(f"--json and --format {format} contradict each other")
    from ocrpipe.export import suffix_of

    format = "json" if json else format
    if format not in (None, *_PRINTABLE) and out is None:
        raise ConfigError(f"--format {format} needs --out; only {' and '.join(_PRINTABLE)} can be printed")
    numbers = _page_numbers(pages) if pages else None
    results = _Target.of(out, files, suffix_of(format or "txt"))
    pictures = _Target.of(draw, files, "overlay.png")

    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline

    options = Options().with_settings(settings or ())
    with working("loading"):
        pipeline = Pipeline(detector, recognizer, threads=threads, device=device, options=options)
    report = report_stage if verbose else None
    printed, exit_code = 0, 0
    for file in files:
        try:
            for image, page in _pages(pipeline, file, dpi, password, numbers, report):
                if results:
                    page.save(results.path(file, page.number), results.format(format), image=image)
                else:
                    _print(page, as_json=format == "json", first=not printed)
                    printed += 1
                if pictures:
                    page.draw(pictures.path(file, page.number), image)
        except OcrError as error:
            if context.find_root().params["debug"]:
                raise
            print_error(error)
            exit_code = exit_code or error.exit_code
    raise typer.Exit(exit_code)


def _pages(
    pipeline: Pipeline,
    file: Path,
    dpi: float | None,
    password: str | None,
    numbers: Sequence[int] | None,
    on_stage: OnStage | None,
) -> Iterator[tuple[NDArray[uint8], Page]]:
    """Each page with its pixels, which a ``Page`` does not hold."""
    from ocrpipe.io import documents

    rendered = documents.pages(
        file,
        dpi=dpi or documents.DPI,
        password=password,
        max_pixels=pipeline.options.load.max_pixels,
        numbers=numbers,
    )
    for raster in rendered:
        with working(f"reading {file}, page {raster.number}"):
            page = pipeline.read(raster.image, on_stage=on_stage)
        warn(f"{file}, page {raster.number}", page.warnings)
        yield raster.image, replace(page, source=str(file), number=raster.number, dpi=raster.dpi)


def _print(page: Page, *, as_json: bool, first: bool) -> None:
    from ocrpipe.export.json import page_to_json
    from ocrpipe.export.text import page_to_text

    if as_json:
        typer.echo(page_to_json(page), nl=False)
    else:
        typer.echo(("" if first else "\f") + page_to_text(page), nl=False)


@dataclass(frozen=True)
class _Target:
    """Where what is made of a page goes: to a file of its own, or into a folder under the page's name."""

    where: Path
    is_folder: bool
    suffix: str

    @classmethod
    def of(cls, where: Path | None, files: Sequence[Path], suffix: str) -> _Target | None:
        if where is None:
            return None
        target = cls(where, len(files) > 1 or where.is_dir(), suffix)
        if target.is_folder:
            where.mkdir(parents=True, exist_ok=True)
        taken: dict[Path, Path] = {}
        for file in files:
            path = target.path(file, 1)
            if path.resolve() == file.resolve():
                raise ConfigError(f"{path} would be overwritten")
            if path in taken:
                raise ConfigError(f"{taken[path]} and {file} would both go to {path}")
            taken[path] = file
        return target

    def path(self, file: Path, number: int) -> Path:
        suffix = f".{self.suffix}"
        if self.is_folder:
            stem = file.stem
        elif self.where.name.endswith(suffix):
            stem = self.where.name.removesuffix(suffix)
        else:
            stem, suffix = self.where.stem, self.where.suffix
        folder = self.where if self.is_folder else self.where.parent
        return folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")

    def format(self, asked: str | None) -> str | None:
        """The format to save in, ``None`` where the suffix decides."""
        return asked or ("txt" if self.is_folder else None)


def _page_numbers(ranges: str) -> tuple[int, ...]:
    """``"1-3,7"`` as (1, 2, 3, 7)."""
    numbers: list[int] = []
    for part in ranges.split(","):
        found = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last:
            raise ConfigError(f"pages are given as in 1-3,7, not as {ranges!r}")
        numbers += range(first, last + 1)
    return tuple(numbers)
