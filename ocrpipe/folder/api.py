"""The public functions for folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocrpipe.folder.manifest import Manifest
from ocrpipe.folder.results import Failure, PageResult
from ocrpipe.folder.run import FolderRun
from ocrpipe.folder.settings import DPI, MEMORY_LIMIT, Engine, ReadSettings, RunSettings, share_cores
from ocrpipe.io.names import Passwords

if TYPE_CHECKING:
    from ocrpipe.detectors.base import Detector
    from ocrpipe.pipeline import Options
    from ocrpipe.recognizers.base import Recognizer


def read_folder(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    formats: Sequence[str] = ("txt",),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    detector: str | Detector = "ctpn",
    recognizer: str | Recognizer = "crnn",
    device: str = "cpu",
    options: Options | None = None,
    dpi: float = DPI,
    password: Passwords = None,
    workers: int | None = None,
    threads: int | None = None,
    page_timeout: float = 300.0,
    retry_failed: bool = False,
    force: bool = False,
    engine: Engine = "processes",
    ray_address: str | None = None,
    memory_limit: int | None = MEMORY_LIMIT,
    runtime: str = "auto",
) -> FolderRun:
    """Read all images, multi-page TIFFs and PDFs of a tree in worker processes.

    Each document becomes a file of each format in ``out``, which has the structure of the tree, beside a
    manifest of all pages. Another run, after an interruption of any kind, does only what is new, changed or
    unfinished.

    >>> import ocrpipe
    >>> for result in ocrpipe.read_folder("scans/", out="text/"):  # doctest: +SKIP
    ...     match result:
    ...         case ocrpipe.PageResult(path, number, page):
    ...             print(path, number, len(page.lines))
    ...         case ocrpipe.Failure():
    ...             print(result)

    Args:
        source: The tree, or a single file.
        out: The output folder; created if missing.
        formats: Names of formats, see ``ocrpipe.export.FORMATS``. A format added later is written from the
            results in the manifest.
        include: Glob patterns of files to read; see ``ocrpipe.folder.globs``.
        exclude: Glob patterns of files and folders to leave out.
        detector: As for ``Pipeline``; an object must be picklable.
        recognizer: Likewise.
        device: As for ``Pipeline``.
        options: As for ``Pipeline``.
        dpi: Resolution PDF pages are rendered at.
        password: Of locked PDFs; several to try may be given.
        workers: Number of processes; by default as many as fill the cores.
        threads: Threads of each; by default 1, or as many as fill the cores with ``workers`` processes.
        page_timeout: Maximum seconds for a page; one that takes longer has failed.
        retry_failed: Read pages again that failed in an earlier run.
        force: Read everything again.
        engine: ``"processes"`` on this machine, or ``"ray"``, which needs the extra ``ocrpipe[ray]``.
        ray_address: Address of a Ray cluster whose machines have the tree under the same path; by default Ray
            is started on this machine.
        memory_limit: Maximum bytes of data of a worker process, so that a hostile file fails without the
            others; on Linux with ``device="cpu"`` only, since drivers of other devices map far more. ``None``
            is no limit.
        runtime: As for ``Pipeline``.

    Returns:
        An iterator of results in the order in which they are finished; the work is done during iteration.
        Its ``summary`` has the counts.

    Raises:
        ocrpipe.errors.OcrError: An argument is invalid, another run is active on ``out``, it can't be
            written, or the pipeline can't be created. A file that can't be read is a ``Failure`` instead.
    """
    workers, threads = share_cores(workers, threads)
    reading = ReadSettings(detector, recognizer, device, options, dpi, password, threads, runtime)
    run = RunSettings(
        tuple(dict.fromkeys(formats)),
        tuple(include),
        tuple(exclude),
        workers,
        page_timeout,
        retry_failed,
        force,
        engine,
        ray_address,
        memory_limit if device == "cpu" else None,
    )
    return FolderRun(Path(source), Path(out), reading, run)


def stored_results(out: str | os.PathLike[str]) -> Iterator[PageResult | Failure]:
    """All results of the runs on an output folder so far, with corrections, by path and page number.

    Args:
        out: The output folder.

    Yields:
        Pages and failures; their paths are relative to the tree that was read.

    Raises:
        ocrpipe.errors.OcrError: It is not an output folder, or its manifest is damaged.
    """
    with Manifest(Path(out)) as manifest:
        for row in manifest.rows():
            path = Path(row.path)
            if row.state == "done":
                yield PageResult(path, row.number, manifest.corrected(row.path, row.number), row.seconds)
            else:
                traceback = Path(out, row.traceback) if row.traceback else None
                yield Failure(path, row.number or None, row.error or "", row.message or "", traceback)
