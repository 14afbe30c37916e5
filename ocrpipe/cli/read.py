"""``ocrpipe read``: files to text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocrpipe.cli.console import print_error, report_stage, warn, working
from ocrpipe.cli.options import (
    Detector,
    Device,
    ForceOcr,
    Recognizer,
    RedoOcr,
    RotatePages,
    Runtime,
    Settings,
    SkipText,
    Threads,
    Verbose,
    pdf_settings,
)
from ocrpipe.cli.targets import Claims, Target, on_disk
from ocrpipe.errors import ConfigError, OcrError, UnreadableImageError
from ocrpipe.io.names import printable
from ocrpipe.io.selection import PageSelection

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

    from ocrpipe.pipeline import OnStage, Pipeline
    from ocrpipe.result import Page
    from ocrpipe.stages.stored import PdfOptions

_PRINTABLE = ("txt", "json")


def read(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Images, PDFs and multi-page TIFFs; - is stdin.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="txt, md, json, hocr, alto, pagexml, html, pdf, csv, parquet, xlsx or labelstudio; by "
            "--out's suffix, or txt.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="File to write, a folder (NAME/) for several FILEs, - for stdout."),
    ] = None,
    per_page: Annotated[
        bool, typer.Option("--per-page", help="Write a file for each page: NAME.txt, NAME-2.txt.")
    ] = False,
    draw: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Picture of each page with its lines; for several FILEs, a folder."
        ),
    ] = None,
    pages: Annotated[
        str | None, typer.Option(metavar="LIST", help="Pages of each document to read, such as 1-3,7,9-.")
    ] = None,
    dpi: Annotated[
        float | None, typer.Option(min=1, help="Resolution PDF pages are rendered at; 200 by default.")
    ] = None,
    password: Annotated[list[str] | None, typer.Option(help="Of locked PDFs; may be repeated.")] = None,
    skip_text: SkipText = False,
    redo_ocr: RedoOcr = False,
    force_ocr: ForceOcr = False,
    rotate_pages: RotatePages = False,
    detector: Detector = "ctpn",
    recognizer: Recognizer = "crnn",
    threads: Threads = None,
    device: Device = "cpu",
    runtime: Runtime = "auto",
    settings: Settings = None,
    verbose: Verbose = False,
) -> None:
    """Read pages and print their text.

    On stdout a form feed stands between pages; with --json each page is a line. With --out, a FILE becomes
    one file with all its pages; a PDF written from a PDF is that one with the text added. A FILE or page that
    cannot be read does not keep the others from being read; the exit code is that of the first such.
    """
    if json and format not in (None, "json"):
        raise ConfigError(f"--json and --format {format} contradict each other")
    format = "json" if json else format
    writer = _Writer.of(out, files, format, per_page=per_page, draw=draw)
    selection = PageSelection.parse(pages) if pages else None

    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline

    how = pdf_settings(skip_text=skip_text, redo_ocr=redo_ocr, force_ocr=force_ocr, rotate_pages=rotate_pages)
    options = Options().with_settings([*(settings or ()), *how])
    writer.pdf = options.pdf
    with working("loading"):
        pipeline = Pipeline(
            detector, recognizer, threads=threads, device=device, runtime=runtime, options=options
        )
    reader = _Reader(
        pipeline, dpi, tuple(password or ()), selection, report_stage if verbose else None, _Failures(context)
    )
    for file in files:
        try:
            with on_disk(file) as path:
                writer.write(file, path, reader.pages(file, path), reader.passwords)
        except OcrError as error:
            reader.failed(error)
    raise typer.Exit(reader.failed.exit_code)


class _Failures:
    """Prints each failure as a line on stderr and keeps the exit code of the first; ``--debug`` raises it."""

    def __init__(self, context: typer.Context) -> None:
        self._raise = bool(context.find_root().params["debug"])
        self.exit_code = 0

    def __call__(self, error: OcrError) -> None:
        if self._raise:
            raise error
        print_error(error)
        self.exit_code = self.exit_code or error.exit_code


@dataclass(frozen=True)
class _Reader:
    """Reads the pages of one file after the other."""

    pipeline: Pipeline
    dpi: float | None
    passwords: tuple[str, ...]
    selection: PageSelection | None
    on_stage: OnStage | None
    failed: _Failures

    def pages(self, file: Path, path: Path) -> Iterator[tuple[NDArray[uint8], Page]]:
        """Each page with its pixels, which a ``Page`` does not hold; failures are reported.

        Args:
            file: Its name in results.
            path: Its location on disk.
        """
        from ocrpipe.io import documents

        name = printable(str(file))
        total = documents.count_pages(path, password=self.passwords)
        left = list(range(1, total + 1))
        if self.selection:
            left = list(self.selection.numbers(total))
            if beyond := self.selection.beyond(total):
                plural = "s" if total > 1 else ""
                self.failed(UnreadableImageError(f"{name} has {total} page{plural}, no page {beyond}"))
        while left:
            rendered = documents.pages(
                path,
                dpi=self.dpi or documents.DPI,
                password=self.passwords,
                max_pixels=self.pipeline.options.load.max_pixels,
                numbers=tuple(left),
                with_text=self.pipeline.options.pdf.text == "skip",
            )
            try:
                for raster in rendered:
                    with working(f"reading {name}, page {raster.number}"):
                        page = self.pipeline.read(raster.image, on_stage=self.on_stage, stored=raster.stored)
                    warn(f"{name}, page {raster.number}", page.warnings)
                    yield raster.image, replace(page, source=name, number=raster.number, dpi=raster.dpi)
                    left.remove(raster.number)
            except UnreadableImageError as error:  # of one page
                self.failed(error)
                del left[0]


@dataclass
class _Writer:
    """Writes or prints what was read.

    Attributes:
        format: Name of the format.
        results: Output files; ``None`` is stdout.
        overlays: Overlay images, if any.
        per_page: Whether each page is written to a separate file.
        print_pages: Whether pages are printed as they are read, rather than as one document.
        pdf: What becomes of PDFs; by default the options' defaults.
        printed: Pages on stdout so far.
    """

    format: str
    results: Target | None
    overlays: Target | None
    per_page: bool
    print_pages: bool
    pdf: PdfOptions | None = None
    printed: int = 0

    @classmethod
    def of(
        cls,
        out: str | None,
        files: list[Path],
        format: str | None,
        *,
        per_page: bool,
        draw: str | None,
    ) -> _Writer:
        """The writer for the options of a command; invalid ones raise before anything is read.

        Raises:
            ConfigError: The format is unknown or can't be printed, or a file would be overwritten.
            MissingExtraError: The format needs an extra that is not installed.
        """
        from ocrpipe.export.formats import FORMATS, check_format, format_of
        from ocrpipe.export.saving import check_extras

        claims = Claims(files)
        to_stdout = out in (None, "-")
        if format is None and out is not None and not to_stdout:
            is_folder = len(files) > 1 or out.endswith("/") or Path(out).is_dir()
            format = "txt" if is_folder else format_of(out, None)
        format = format or "txt"
        check_format(format)
        if out is None and format not in _PRINTABLE:
            raise ConfigError(
                f"--format {format} needs --out; only {' and '.join(_PRINTABLE)} can be printed by the page"
            )
        if out == "-" and format not in _PRINTABLE and (len(files) > 1 or per_page):
            raise ConfigError(f"--format {format} --out - takes one FILE, and writes one document")
        if per_page and to_stdout and format not in _PRINTABLE:
            raise ConfigError("--per-page needs --out, a file or folder")
        check_extras(format)
        results = None if to_stdout else Target.of(out, files, FORMATS[format].suffix, claims)
        overlays = Target.of(draw, files, "overlay.png", claims)
        single = per_page or FORMATS[format].one_page
        printed = to_stdout and format in _PRINTABLE
        return cls(format, results, overlays, single, printed)

    def write(
        self,
        file: Path,
        path: Path,
        pages: Iterator[tuple[NDArray[uint8], Page]],
        passwords: tuple[str, ...],
    ) -> None:
        """Write all of a document.

        Args:
            file: The name that outputs are derived from.
            path: Its location on disk.
            pages: Its pages and their pixels.
            passwords: Of locked PDFs.

        Raises:
            OcrError: It can't be read or written.
        """
        from ocrpipe.io import documents

        is_document = documents.holds_pages(path)
        collected: list[Page] = []
        try:
            self._handle(file, pages, collected, is_document=is_document)
        finally:  # pages read before an error are written
            self._finish(file, path, collected, passwords)

    def _handle(
        self,
        file: Path,
        pages: Iterator[tuple[NDArray[uint8], Page]],
        collected: list[Page],
        *,
        is_document: bool,
    ) -> None:
        """Write or print pages that are separate, collect the others."""
        from ocrpipe.export.saving import save

        for image, page in pages:
            if self.overlays:
                page.draw(self.overlays.page(file, page.number), image)
            if self.print_pages:
                _print(page, as_json=self.format == "json", first=not self.printed)
                self.printed += 1
            elif self.results and (self.per_page or not (is_document or self.format == "pdf")):
                save(page, self.results.page(file, page.number), self.format, image=image)
            else:
                collected.append(page)

    def _finish(self, file: Path, path: Path, collected: list[Page], passwords: tuple[str, ...]) -> None:
        """Write the pages collected as one document."""
        from ocrpipe.export.saving import document_bytes
        from ocrpipe.io.files import write_whole

        if not collected:
            return
        data = document_bytes(
            collected,
            self.format,
            source=path,
            password=passwords,
            replace_text=self.pdf is not None and self.pdf.text == "force",
            rotate_pages=self.pdf is not None and self.pdf.rotate_pages,
        )
        if self.results:
            write_whole(self.results.first(file), data)
        else:
            typer.echo(data, nl=False)


def _print(page: Page, *, as_json: bool, first: bool) -> None:
    from ocrpipe.export.json import page_to_json
    from ocrpipe.export.text import page_to_text

    if as_json:
        typer.echo(page_to_json(page), nl=False)
    else:
        typer.echo(("" if first else "\f") + page_to_text(page), nl=False)
