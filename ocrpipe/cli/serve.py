"""``ocrpipe serve`` and ``ocrpipe review``: a server of this machine, and its page."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocrpipe.cli.console import working
from ocrpipe.cli.options import Detector, Device, Recognizer, Settings, Threads
from ocrpipe.errors import MissingExtraError
from ocrpipe.io.names import printable

if TYPE_CHECKING:
    from ocrpipe.serve.settings import ServeSettings

TOKEN_VARIABLE = "OCRPIPE_TOKEN"

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen at.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 lets the system choose.")]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help=f"What clients must send as a bearer token; by default the variable {TOKEN_VARIABLE}.",
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Name of this machine that clients may use; repeatable."),
]
Doubtful = Annotated[
    float, typer.Option(min=0, max=1, metavar="P", help="Characters of lower confidence are marked.")
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    allow_host: AllowHost = None,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Pages that are read at the same time.")
    ] = 1,
    threads: Threads = None,
    queue: Annotated[
        int, typer.Option(min=1, metavar="N", help="Documents that may wait or be read; others get 429.")
    ] = 16,
    max_body: Annotated[int, typer.Option(min=1, metavar="MB", help="Size of a request.")] = 64,
    max_pages: Annotated[int, typer.Option(min=1, metavar="N", help="Pages of a document.")] = 2000,
    timeout: Annotated[
        float, typer.Option(min=0.001, metavar="SECONDS", help="For a call of /v1/read, or a job's page.")
    ] = 120.0,
    keep: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long a finished job is kept after its use.")
    ] = 3600.0,
    doubtful: Doubtful = 0.9,
    detector: Detector = "ctpn",
    recognizer: Recognizer = "crnn",
    device: Device = "cpu",
    settings: Settings = None,
) -> None:
    """Serve an HTTP API that reads pages, and a page to look at and correct them.

    Nothing is sent anywhere else. Without a token, only this machine can use it.
    """
    _check_extra()
    from ocrpipe.options import Options
    from ocrpipe.pipeline import Pipeline
    from ocrpipe.serve.run import run

    options = Options().with_settings(settings or ())
    serving = _settings(
        host=host,
        port=port,
        token=token,
        allow_hosts=tuple(allow_host or ()),
        workers=workers,
        queue=queue,
        max_body=max_body << 20,
        max_pages=max_pages,
        timeout=timeout,
        keep=keep,
        doubtful=doubtful,
        replace_text=options.pdf.text == "force",
        rotate_pages=options.pdf.rotate_pages,
    )
    with working("loading"):
        pipeline = Pipeline(detector, recognizer, threads=threads, device=device, options=options)
    run(serving, reader=pipeline, ready=_tell)


def review(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of `ocrpipe folder`.")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="What was read, if it is not where it was."),
    ] = None,
    password: Annotated[list[str] | None, typer.Option(help="Of locked PDFs; may be repeated.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    allow_host: AllowHost = None,
    doubtful: Doubtful = 0.9,
) -> None:
    """Look at what a folder run has read, the worst pages first, and correct it.

    Corrections are kept in the manifest; the next `ocrpipe folder` writes the files again with them.
    """
    _check_extra()
    serving = _settings(
        host=host, port=port, token=token, allow_hosts=tuple(allow_host or ()), doubtful=doubtful
    )
    from ocrpipe.serve.review import Review
    from ocrpipe.serve.run import run

    run(serving, review=Review(out, source, tuple(password or ())), ready=_tell)


def _check_extra() -> None:
    for name in ("starlette", "uvicorn", "python_multipart"):
        try:
            import_module(name)
        except ImportError as error:
            raise MissingExtraError(f"serving needs {name}: pip install 'ocrpipe[serve]'") from error


def _settings(*, token: str | None, **values: Any) -> ServeSettings:
    from ocrpipe.serve.settings import ServeSettings

    return ServeSettings(token=token or os.environ.get(TOKEN_VARIABLE) or None, **values)


def _tell(address: str) -> None:
    typer.echo(f"{printable(address)}\nCtrl-C ends it", err=True)
