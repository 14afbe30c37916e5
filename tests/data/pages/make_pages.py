"""Make the pages of this set anew: ``python tests/data/pages/make_pages.py``, on Debian with these packages:

``apt-get install fonts-liberation2 fonts-dejavu-core fonts-noto-cjk``
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.geometry import rotate

HERE = Path(__file__).parent
FONTS = Path("/usr/share/fonts")
SERIF = (FONTS / "truetype/liberation2/LiberationSerif-Regular.ttf", 0)
SANS = (FONTS / "truetype/liberation2/LiberationSans-Regular.ttf", 0)
MONO = (FONTS / "truetype/dejavu/DejaVuSansMono.ttf", 0)
SONG = (FONTS / "opentype/noto/NotoSerifCJK-Regular.ttc", 2)  # face 2: simplified Chinese
HEI = (FONTS / "opentype/noto/NotoSansCJK-Regular.ttc", 2)

WIDTH, MARGIN = 1000, 90  # pixels


@dataclass(frozen=True)
class Sheet:
    """A page: its lines, the fonts of those in English and in Chinese, and an em in pixels.

    Attributes:
        name: The image's name.
        latin: Font file and face of lines in ASCII.
        han: Of all others.
        size: Em in pixels.
        lines: The text; an empty line is a gap of half a line.
        scanned: Whether the page is turned, blurred and soiled.
    """

    name: str
    latin: tuple[Path, int]
    han: tuple[Path, int]
    size: int
    lines: str
    scanned: bool = False


PAGES = (
    Sheet(
        "letter",
        SERIF,
        SONG,
        27,
        """\
14 March 2019

Dear Mrs Whitcombe,

Thank you for your order no. A-20417 of 3 March. We have sent you
two boxes of 250 envelopes (size C5) at $18.75 a box and one ruler;
the blue ink, however, is out of stock until the end of April. If you
would rather have black, please call 0171 555-0139 between 9:30
and 17:00 or write to orders@example.com. Otherwise we shall keep
your order open & charge nothing for postage.

"Quality, quickly" has been our rule for 40 years: should anything
be missing or broken, we replace it within 14 days, no questions asked.

Yours sincerely,
J. P. Oxley, Manager""",
    ),
    Sheet(
        "notice",
        SERIF,
        SONG,
        28,
        """\
关于图书馆开放时间的通知

各位读者：为了方便大家借阅图书，从2018年9月1日起，本馆的开
放时间改为上午8:30至晚上21:00，星期一下午闭馆整理，节假日照
常开放。每人每次最多可以借五本书，借期三十天；逾期不还者，每
天每本收费0.20元。请爱护图书，不要在书上写字、画线或者折页。

二楼新设了儿童阅览室，欢迎家长带孩子来看书。阅览室内禁止吸烟、
饮食和大声喧哗，手机请调到静音。如有问题，请拨打服务电话：
68001234，或者到一楼服务台咨询。

市图书馆办公室
二〇一八年八月二十日""",
    ),
    Sheet(
        "list",
        MONO,
        HEI,
        22,
        """\
INVOICE No. 2024/0087      Date: 2024-05-31

4 x Desk lamp LX-200 (white)        139.60
12 x Extension cable, 3 m             71.40
1 x Office chair "Tergo"             248.00

订单编号：20240531－087　付款方式：银行转账
收货地址：江苏省南京市中山北路 32 号 7 楼

Subtotal                             459.00
VAT 19 %                              87.21
Total EUR                            546.21""",
    ),
    Sheet(
        "scan",
        SANS,
        HEI,
        24,
        """\
Weather and river levels, week 27

On Tuesday the wind turned to the north-west and it rained for
eleven hours (38.5 mm). The river rose from 2.10 m to 3.64 m and
the lower bridge was closed; by Friday it had fallen to 2.9 m.

星期二风向转为西北，连续下雨十一个小时，雨量38.5毫米。河水从
2.10米涨到3.64米，下游的桥已经封闭；到星期五水位降到2.9米。

The next report appears on Monday, 8 July, at noon.
下一份报告将在七月八日（星期一）中午公布。""",
        scanned=True,
    ),
)


def main() -> None:
    """Draw the pages and write ``gt.jsonl``."""
    rows = []
    for page in PAGES:
        image = drawn(page)
        if page.scanned:
            image = scan(image)
        # Sixteen levels of grey, or the files would be several times as large.
        levels = Image.fromarray(image).quantize(16)
        levels.save(HERE / f"{page.name}.png", optimize=True)
        text = "\n".join(line for line in page.lines.splitlines() if line)
        rows.append(
            json.dumps({"image": f"{page.name}.png", "level": "page", "text": text}, ensure_ascii=False)
        )
    (HERE / "gt.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def drawn(page: Sheet) -> NDArray[np.uint8]:
    """The page as it is printed, H×W grey."""
    pitch = round(1.55 * page.size)
    lines = page.lines.splitlines()
    height = sum(pitch if line else pitch // 2 for line in lines) + 2 * MARGIN
    image = Image.new("L", (WIDTH, height), 255)
    draw, y = ImageDraw.Draw(image), MARGIN + page.size
    for line in lines:
        if line:
            path, face = page.latin if line.isascii() else page.han
            draw.text((MARGIN, y), line, fill=15, font=ImageFont.truetype(path, page.size, face), anchor="ls")
        y += pitch if line else pitch // 2
    return np.asarray(image)


def scan(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turned by 1.3° clockwise, on a smaller scale, blurred, with weaker ink, grain in it and specks."""
    rng = np.random.default_rng(0)
    turned, _ = rotate(np.repeat(image[..., None], 3, axis=2), 1.3)
    small = cv2.resize(turned[..., 0], None, fx=0.85, fy=0.85, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 0.9).astype(float)
    grain = rng.normal(0, 14, soft.shape)
    soft = 60 + soft * (195 / 255) + grain * (soft < 215)
    specks = (
        np.asarray(
            cv2.dilate(np.asarray(rng.random(soft.shape) < 0.0004, np.uint8), np.ones((2, 2), np.uint8))
        )
        > 0
    )
    return np.where(specks, 90, soft).clip(0, 245).astype(np.uint8)


if __name__ == "__main__":
    main()
