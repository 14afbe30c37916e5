"""Make the sample page: ``python docs/make_sample.py`` writes ``sample.png`` and its text, ``sample.txt``.

The text was made up for it; both are in the public domain. It uses only characters of the small fonts in
``tests/data/fonts``, so that the page comes out the same wherever it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.geometry import rotate
from ocrpipe.synthesis import effects

HERE = Path(__file__).parent
FONTS = HERE.parent / "tests" / "data" / "fonts"
LATIN, HAN = FONTS / "NotoSerif-subset.ttf", FONTS / "NotoSansCJKsc-subset.otf"

SIZE = (1200, 1600)
LEFT, RIGHT = 140, 1060
SKEW = 0.7  # degrees, clockwise
GREYS = 24  # kept in the file; more would only store noise


@dataclass(frozen=True)
class Block:
    """A paragraph of one font, set as lines of its own or run into lines as wide as its column."""

    text: str
    font: Path
    size: int
    left: int = LEFT
    right: int = RIGHT
    centred: bool = False
    top: int | None = None
    """Of its first line; by default it follows the block before."""


BLOCKS = (
    Block("The Stone at the East Gate", LATIN, 46, centred=True, top=130),
    Block("东门外的石头", HAN, 44, centred=True),
    Block(
        "Every spring the clerk walks down to the river and reads the figures cut into the old stone. "
        "In 1932 the water stood at 7.4 m, higher than anyone could remember; by the end of that week "
        "the market was closed and boats were tied to the windows of the school.",
        LATIN,
        31,
    ),
    Block(
        "这条大江从西方的高山流来，经过三个县，到东门外去。正月水少，人可以走过去；七月水深，要等十多天。"
        "1932年八月，水到了城门，全城的人把重要的东西送到山上，没有一个人死。",
        HAN,
        33,
    ),
    Block(
        "Since then the stone has been kept clean. A copy of its readings (No. 1 to No. 365) may be had "
        "at the town hall for $2.50, Monday to Friday, 9:00-16:30.",
        LATIN,
        31,
    ),
    Block("水面的高度", HAN, 33, top=1030),
    Block("一月：1.2 m 以下\n四月：2.8 m\n七月：5.6 m\n十月：3.1 m", HAN, 29, right=560),
    Block("What to bring", LATIN, 32, left=640, top=1030),
    Block("1. A pencil and this sheet\n2. Boots, if it rained\n3. Some bread & tea", LATIN, 28, left=640),
    Block(
        "此后，当地人年年在石上立字。看数字，就知道水的高度；今天石头还在，名字是“问水”。", HAN, 33, top=1310
    ),
    Block("- 12 -", LATIN, 24, centred=True, top=1490),
)


def main() -> None:
    """Draw the page, scan it, and write both files."""
    page = Image.new("L", SIZE, 255)
    texts = []
    bottom = 0
    for block in BLOCKS:
        font = ImageFont.truetype(str(block.font), block.size, layout_engine=ImageFont.Layout.BASIC)
        lines = list(wrapped(block, font))
        bottom = draw(page, block, font, lines, bottom)
        texts.append("\n".join(lines))
    Image.fromarray(scanned(np.asarray(page))).save(HERE / "sample.png", optimize=True)
    (HERE / "sample.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def wrapped(block: Block, font: ImageFont.FreeTypeFont) -> Iterator[str]:
    """The lines, each as long as fits: English breaks at spaces, Chinese anywhere but before a mark."""
    for paragraph in block.text.split("\n"):
        pieces = paragraph.split(" ") if block.font == LATIN else list(paragraph)
        joint = " " if block.font == LATIN else ""
        line = pieces[0]
        for before, piece in zip(pieces, pieces[1:], strict=False):
            longer = line + joint + piece
            joined = block.font == HAN and (piece in "，。；：”" or (before + piece).isascii())
            if joined or font.getlength(longer) <= block.right - block.left:
                line = longer
            else:
                yield line
                line = piece
        yield line


def draw(page: Image.Image, block: Block, font: ImageFont.FreeTypeFont, lines: list[str], bottom: int) -> int:
    """Draw the lines; returns where the next block may begin."""
    y = block.top if block.top is not None else bottom
    for line in lines:
        x = (SIZE[0] - font.getlength(line)) / 2 if block.centred else block.left
        ImageDraw.Draw(page).text((x, y + block.size), line, fill=20, font=font, anchor="ls")
        y += round(block.size * 1.5)
    return y + round(block.size * 0.6)


def scanned(page: np.ndarray) -> np.ndarray:
    """The page as a tidy office scanner gives it back: a little turned, soft, shaded and grained."""
    rng = np.random.default_rng(7)
    turned, _ = rotate(np.repeat(page[..., None], 3, axis=2), SKEW)
    top, left = (turned.shape[0] - SIZE[1]) // 2, (turned.shape[1] - SIZE[0]) // 2
    scan = np.ascontiguousarray(turned[top : top + SIZE[1], left : left + SIZE[0], 0])
    scan = (scan * np.linspace(0.98, 0.9, SIZE[0])).astype(np.uint8)  # the shade towards the spine
    scan = effects.speckle(scan, rng, 0.00005)
    scan = effects.blur(scan, rng, 0.7)
    scan = effects.noise(scan, rng, 0.07)
    step = 255 / (GREYS - 1)
    return np.asarray(np.round(np.round(scan / step) * step), np.uint8)


if __name__ == "__main__":
    main()
