"""``ocrpipe synth``: render training lines and pages, as a preview or as a set to evaluate on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocrpipe.cli.console import working
from ocrpipe.cli.options import Corpora
from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ocrpipe.synthesis.fonts import FontLibrary
    from ocrpipe.synthesis.text import TextSource

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Render lines and pages as the models are trained on."
)

Preview = Annotated[Path | None, typer.Option(metavar="PATH", help="Contact sheet of all images.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the images and gt.jsonl: a set to evaluate on.")
]
Count = Annotated[int, typer.Option(min=1, metavar="N", help="Number of images.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")]
Fonts = Annotated[
    list[Path] | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="DIR",
        envvar="OCRPIPE_FONTS",
        help="Folder of fonts; by default the system's.",
    ),
]


@app.command()
def lines(
    corpora: Corpora,
    preview: Preview = None,
    out: Out = None,
    count: Count = 60,
    seed: Seed = 0,
    fonts: Fonts = None,
) -> None:
    """Render crops of single lines."""
    _check_targets(preview, out)
    library, texts = _fonts_and_texts(corpora, fonts)

    from ocrpipe.synthesis.fonts import FONT_FOLDERS
    from ocrpipe.synthesis.lines import LineRenderer
    from ocrpipe.synthesis.pen_strokes import find_strokes

    renderer = LineRenderer(library, texts, strokes=find_strokes(fonts or FONT_FOLDERS))

    def render(rng: Generator) -> _Rendered:
        sample = renderer.render(rng)
        height, width = sample.image.shape
        quad = ((0, 0), (width, 0), (width, height), (0, height))
        reference = {"level": "word", "lines": [{"text": sample.text, "quad": quad}]}
        return _Rendered(sample.image, reference, sample.image, sample.text)

    _write(render, count, seed, out, preview, _SheetLayout(library, columns=3, cell=(560, 90)))


@app.command()
def pages(
    corpora: Corpora,
    preview: Preview = None,
    out: Out = None,
    count: Count = 12,
    seed: Seed = 0,
    fonts: Fonts = None,
    kind: Annotated[
        str | None, typer.Option(metavar="NAME", help="Layout, such as book or receipt; by default random.")
    ] = None,
) -> None:
    """Render whole pages; the preview outlines lines in red and "don't care" regions in blue."""
    _check_targets(preview, out)

    from ocrpipe.synthesis.pages import KINDS, render_page
    from ocrpipe.synthesis.preview import outlined

    if kind not in (None, *KINDS):
        raise ConfigError(f"unknown layout {kind!r}; choose from {', '.join(KINDS)}")
    library, texts = _fonts_and_texts(corpora, fonts)

    def render(rng: Generator) -> _Rendered:
        page = render_page(rng, library, texts, kind=kind)
        lines = zip(page.texts, page.quads, strict=True)
        reference = {
            "level": "line",
            "lines": [{"text": text, "quad": quad} for text, quad in lines],
            "no_line_gt_regions": page.ignored,
        }
        preview_image = outlined(outlined(page.image, page.quads), page.ignored, (0, 0, 230))
        return _Rendered(page.image, reference, preview_image, page.kind)

    _write(render, count, seed, out, preview, _SheetLayout(library, columns=4, cell=(420, 560)))


@dataclass(frozen=True)
class _Rendered:
    """An image, its row of gt.jsonl, and its image and caption in the preview."""

    image: NDArray[uint8]
    reference: dict[str, Any]
    preview: NDArray[uint8]
    caption: str


@dataclass(frozen=True)
class _SheetLayout:
    library: FontLibrary
    columns: int
    cell: tuple[int, int]


def _check_targets(preview: Path | None, out: Path | None) -> None:
    from PIL import Image

    if preview is not None and preview.suffix.lower() not in Image.registered_extensions():
        raise ConfigError(f"unknown picture format {preview.suffix!r} of {preview}; use .png or .jpg")
    if preview is None and out is None:
        raise ConfigError("nothing to do: give --preview or --out")
    if out is not None and (out / "gt.jsonl").exists():
        raise ConfigError(f"{out} already contains a set")


def _fonts_and_texts(corpora: Path, fonts: list[Path] | None) -> tuple[FontLibrary, TextSource]:
    from ocrpipe.recognizers.crnn import default_charset
    from ocrpipe.synthesis.fonts import FONT_FOLDERS, FontLibrary
    from ocrpipe.synthesis.text import TextSource

    with working("loading fonts and text"):
        library = FontLibrary.system(fonts or FONT_FOLDERS)
        return library, TextSource(corpora, frozenset(default_charset().characters))


def _write(
    render: Callable[[Generator], _Rendered],
    count: int,
    seed: int,
    out: Path | None,
    preview: Path | None,
    sheet: _SheetLayout,
) -> None:
    from numpy.random import default_rng
    from PIL import Image

    from ocrpipe.synthesis.preview import contact_sheet

    rng = default_rng(seed)
    previews, captions, rows = [], [], []
    if out:
        (out / "images").mkdir(parents=True, exist_ok=True)
    with working(f"rendering {count}"):
        for number in range(1, count + 1):
            rendered = render(rng)
            if preview:
                previews.append(rendered.preview)
                captions.append(rendered.caption)
            if out:
                name = f"images/{number:06}.png"
                Image.fromarray(rendered.image).save(out / name)
                rows.append(json.dumps({"image": name, **rendered.reference}, ensure_ascii=False) + "\n")
    if out:  # last, so that an interrupted run leaves no incomplete set
        (out / "gt.jsonl").write_text("".join(rows), "utf-8")
    if preview:
        font = next((font for font in sheet.library.fonts if "han" in font.kinds), None)
        picture = contact_sheet(previews, captions, columns=sheet.columns, cell=sheet.cell, font=font)
        preview.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(preview)
