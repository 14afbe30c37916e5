"""Do damaged files end in a result or in an error of ours: quickly, in bounded memory, and without a crash?

    python benchmarks/fuzz.py [--images 10000] [--documents 1500] [--reads 500] [--seed 0] [--keep FOLDER]

Small pages are encoded in every format that is read, and their bytes changed at random: flipped, cut,
inserted, repeated, and fields of headers set to extreme values. A process of its own loads them; it is killed
and started anew when it hangs or takes too much memory. Whole reads get pages of odd sizes and contents. The
same seed gives the same inputs. Prints what became of each kind, and every problem; exits with 1 if there is
any.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import logging
import multiprocessing
import random
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ocrpipe.errors import OcrError
from ocrpipe.io import documents, images

MAX_SECONDS = 10.0
MAX_BYTES = 1_500_000_000
"""Of resident memory, at its peak."""
_STARTUP_SECONDS = 120.0
_EXTREMES = (
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x01",
    b"\x00\x01\x00\x00",
)


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        kind: "image", "document" or "read".
        name: What it was made of.
        data: The file, or for a read a saved NumPy array.
    """

    kind: str
    name: str
    data: bytes


def page(rng: random.Random, mode: str = "RGB") -> Image.Image:
    """A small page with bars in place of text."""
    width, height = rng.randint(8, 160), rng.randint(8, 160)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for top in range(4, height - 6, 10):
        draw.rectangle((3, top, rng.randint(4, width), top + 4), fill=(rng.randrange(99), 0, 0))
    return image.convert(mode)


def seeds(rng: random.Random) -> list[tuple[str, bytes]]:
    """Sound image files of many formats, modes and compressions."""
    plans: list[tuple[str, str, dict[str, object]]] = [
        ("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    ]
    plans += [
        ("JPEG", mode, {"progressive": bool(i % 2)}) for i, mode in enumerate(("L", "RGB", "CMYK", "RGB"))
    ]
    plans += [("WEBP", "RGB", {"lossless": lossless}) for lossless in (True, False)]
    plans += [(name, "RGB", {}) for name in ("BMP", "GIF", "PPM", "TIFF", "JPEG2000")]
    plans += [("TIFF", "1", {"compression": name}) for name in ("group3", "group4", "packbits")]
    plans += [("TIFF", "RGB", {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")]
    made = []
    for format, mode, options in plans:
        stream = io.BytesIO()
        try:
            page(rng, mode).save(stream, format, **options)
        except (KeyError, OSError, ValueError):
            continue  # this Pillow was built without it
        made.append((f"{format} {mode} {' '.join(map(str, options.values()))}".strip(), stream.getvalue()))
    return made


def document_seeds(rng: random.Random) -> list[tuple[str, bytes]]:
    """Sound documents: TIFF and PDF of several pages."""
    made = []
    then = time.gmtime(0)
    plans: tuple[tuple[str, dict[str, Any]], ...] = (
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PDF", {"creationDate": then, "modDate": then}),
    )
    for format, options in plans:
        stream = io.BytesIO()
        first, *others = (page(rng) for _ in range(3))
        first.save(stream, format, save_all=True, append_images=others, **options)
        made.append((f"{format} of three pages {options.get('compression', '')}".strip(), stream.getvalue()))
    text = b"BT /F 12 Tf 20 100 Td (some text) Tj ET 0 0 50 50 re f q 2 0 0 2 0 0 cm /X Do Q"
    made.append(("PDF with text", _pdf(text)))
    return made


def _pdf(content: bytes) -> bytes:
    """A PDF whose cross-reference table is missing: it is rebuilt."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 99 99] /Length 16 >>\n"
        b"stream\n0 0 30 30 re f  \nendstream"
    )
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 150] /Contents 4 0 R /Resources "
        b"<< /Font << /F 5 0 R >> /XObject << /X 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font,
        form,
    )
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R /Size 7 >>\n%%EOF\n"


def mutated(rng: random.Random, data: bytes) -> bytes:
    """The bytes with one to six changes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(max(1, len(changed)))
        if rng.random() < 0.5:
            at = min(at, rng.randrange(64))  # headers decide most
        kind = rng.randrange(7)
        if kind == 0:
            changed[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1 and changed:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            changed[at:at] = rng.randbytes(rng.randint(1, 40))
        elif kind == 4:
            changed[at : at + 4] = rng.choice(_EXTREMES)[:: rng.choice((1, -1))]
        elif kind == 5:
            length = rng.randint(1, 200)
            changed[at:at] = changed[at : at + length] * rng.randint(1, 20)
        else:
            del changed[at : at + rng.randint(1, 50)]
    return bytes(changed)


def odd_page(rng: random.Random) -> tuple[str, np.ndarray]:
    """Pixels that no scanner gives: odd sizes, noise, stripes, gradients, one colour."""
    generator = np.random.default_rng(rng.randrange(2**32))
    sizes = [(1, 1), (1, 3000), (3000, 1), (7, 9), (40, 4000), (4000, 40), (600, 800), (900, 300), (31, 33)]
    height, width = rng.choice(sizes)
    kinds = {
        "noise": lambda: generator.integers(0, 256, (height, width, 3)),
        "one colour": lambda: np.full((height, width, 3), rng.randrange(256)),
        "stripes": lambda: np.indices((height, width)).sum(0)[..., None] // rng.randint(1, 30) % 2 * 255,
        "gradient": lambda: np.linspace(0, 255, height * width * 3).reshape(height, width, 3),
        "specks": lambda: 255 * (generator.random((height, width, 1)) > 0.02),
        "bars": lambda: np.where(generator.random((1, width, 1)) < 0.5, 0, 255) + np.zeros((height, 1, 1)),
    }
    name = rng.choice(sorted(kinds))
    pixels = np.broadcast_to(kinds[name](), (height, width, 3)).astype(np.uint8)
    return f"{name}, {height}×{width}", np.ascontiguousarray(pixels)


def cases(seed: int, counts: dict[str, int]) -> Iterator[Case]:
    """All inputs of a run, in order."""
    rng = random.Random(seed)
    for kind, sources in (("image", seeds(rng)), ("document", document_seeds(rng))):
        for _ in range(counts[kind]):
            name, data = rng.choice(sources)
            yield Case(kind, name, mutated(rng, data))
    for _ in range(counts["read"]):
        name, pixels = odd_page(rng)
        stream = io.BytesIO()
        np.save(stream, pixels)
        yield Case("read", name, stream.getvalue())


def executed(case: Case, read: Callable[[np.ndarray], object]) -> str:
    """The outcome of a case: "result", or the name of our error; other exceptions are raised."""
    try:
        if case.kind == "image":
            images.load(case.data)
        elif case.kind == "document":
            for _ in documents.pages(case.data, dpi=72):
                pass
        else:
            read(np.load(io.BytesIO(case.data)))
    except OcrError as error:
        if not str(error) or "\n" in str(error):
            raise ValueError(f"a message that is not one line: {str(error)!r}") from error
        return type(error).__name__
    return "result"


def work(connection: Connection, reads: bool) -> None:
    """Execute cases until there are no more; what is not as it should be is sent as text."""
    from ocrpipe.pipeline import Pipeline

    logging.captureWarnings(True)  # Pillow's, of damaged tags
    logging.disable()
    pipeline = Pipeline(threads=1) if reads else None
    connection.send("ready")
    while (case := connection.recv()) is not None:
        try:
            outcome, problem = executed(case, pipeline.read if pipeline else id), ""
        except BaseException:  # any exception that is not ours is a finding
            outcome, problem = "foreign error", traceback.format_exc()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        connection.send((outcome, problem, peak))


class Worker:
    """A process that executes cases, started anew after one that it did not survive."""

    def __init__(self, *, reads: bool) -> None:
        self._reads = reads
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=work, args=(other, self._reads), daemon=True)
        self._process.start()
        other.close()
        if not self._connection.poll(_STARTUP_SECONDS) or self._connection.recv() != "ready":
            raise SystemExit("the process that executes cases can't be started")

    def run(self, case: Case) -> tuple[str, str]:
        """Outcome and problem of a case."""
        self._connection.send(case)
        try:
            if not self._connection.poll(MAX_SECONDS):
                self.restart()
                return "too slow", f"took over {MAX_SECONDS:g} s"
            outcome, problem, peak = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self.restart()
            return "crash", f"the process ended with code {code}"
        if peak > MAX_BYTES:
            self.restart()
            return "too large", f"took {peak >> 20} MB at its peak"
        return outcome, problem

    def restart(self) -> None:
        """Kill the process and start another."""
        self._process.kill()
        self._process.join()
        self._start()

    def close(self) -> None:
        """End the process."""
        self._process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read damaged files and odd pages.")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=1_500)
    parser.add_argument("--reads", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write inputs with problems to this folder")
    options = parser.parse_args()
    counts = {"image": options.images, "document": options.documents, "read": options.reads}
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in counts}
    problems, start = 0, time.monotonic()
    worker = Worker(reads=options.reads > 0)
    for number, case in enumerate(cases(options.seed, counts)):
        outcome, problem = worker.run(case)
        outcomes[case.kind][outcome] += 1
        if problem:
            problems += 1
            name = f"{number:05}-{hashlib.sha256(case.data).hexdigest()[:8]}"
            print(f"{name} ({case.kind}, {case.name}): {problem}", flush=True)
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / name).write_bytes(case.data)
    worker.close()
    for kind, counter in outcomes.items():
        if counter:
            print(f"{kind}: " + ", ".join(f"{count} {outcome}" for outcome, count in counter.most_common()))
    print(f"{problems} problems in {sum(counts.values())} cases, {time.monotonic() - start:.0f} s")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()
