"""What fine-tuning on one unusual face gains, and what it costs elsewhere.

    python benchmarks/finetune.py --corpora corpora/ --font dkg.ttf --out runs/odd [--lines 300] [OPTION...]

Makes line images with NAME.gt.txt in that face (``OUT/lines``) and a set of ordinary rendered lines
(``OUT/rest``), runs ``ocrpipe train crnn --data`` on the former, and prints the error rates before and after.
Options that this script does not have are passed on to that command, such as ``--minutes 5 --threads 2``. The
corpora make the data; training uses them only with ``--with-corpora``.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrpipe.recognizers.crnn.charset import default_charset
from ocrpipe.synthesis import effects
from ocrpipe.synthesis.text import TextSource
from ocrpipe.training.crnn.finetune import rendered_lines, sample_crops, some_fonts


def draw(text: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A scanned line, H×W."""
    left, top, right, bottom = (round(side) for side in font.getbbox(text))
    image = Image.new("L", (right - left + 12, bottom - top + 8), int(rng.integers(215, 256)))
    ImageDraw.Draw(image).text((6 - left, 4 - top), text, fill=int(rng.integers(0, 70)), font=font)
    return effects.degrade(np.array(image), rng, 0.4)


def make_lines(folder: Path, corpora: Path, font: Path, count: int) -> None:
    """Line images in one face, and their texts."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    texts = TextSource(corpora, frozenset(map(chr, range(0x20, 0x7F))))
    for number in range(count):
        face = ImageFont.truetype(font, int(rng.integers(24, 44)), layout_engine=ImageFont.Layout.BASIC)
        text = texts.running(rng, "en", int(rng.integers(8, 45)))
        Image.fromarray(draw(text, face, rng)).save(folder / f"{number:04}.png")
        (folder / f"{number:04}.gt.txt").write_text(text + "\n", "utf-8")


def make_ordinary(folder: Path, corpora: Path, count: int) -> None:
    """A set of ordinary lines, one image each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    charset = default_charset()
    crops = sample_crops(rendered_lines(corpora, (), charset, some_fonts()), charset, count, seed=2)
    for number, crop in enumerate(crops):
        name = f"{number:04}.png"
        Image.fromarray(crop.image).save(folder / name)
        height, width = crop.image.shape
        quad = [[0, 0], [width, 0], [width, height], [0, height]]
        rows.append({"image": name, "lines": [{"text": crop.text, "quad": quad}]})
    (folder / "gt.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--corpora", type=Path, required=True, help="text, as for ocrpipe train")
    parser.add_argument("--font", type=Path, required=True, help="the unusual face, a font file")
    parser.add_argument("--out", type=Path, required=True, help="folder for data and run")
    parser.add_argument("--lines", type=int, default=300, help="lines in that face (300)")
    parser.add_argument("--rest", type=int, default=150, help="ordinary lines (150)")
    parser.add_argument("--with-corpora", action="store_true", help="mix in lines rendered from the corpora")
    options, others = parser.parse_known_args(arguments)
    if not (options.out / "rest").exists():
        make_lines(options.out / "lines", options.corpora, options.font, options.lines)
        make_ordinary(options.out / "rest", options.corpora, options.rest)
    command = ["train", "crnn", "--data", options.out / "lines", "--validate", options.out / "rest"]
    command += ["--run", options.out / "run"] if "--run" not in others else []
    command += ["--corpora", options.corpora] if options.with_corpora else []
    began = perf_counter()
    code = subprocess.call([sys.executable, "-m", "ocrpipe", *map(str, command), *others])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    print(f"{perf_counter() - began:.0f} s in all, {processor:.0f} s of processor time", file=sys.stderr)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
