"""Does a folder run get through a tree with broken files, every good page done, every bad one explained?

    python benchmarks/broken.py [FOLDER...] [--limit N] [--formats txt,json,hocr,alto,pdf]

Copies the pages of the folders named (default: the page sets of $OCRPIPE_BENCH/dev) into a tree, adds files
such as no scanner should make, reads all of it, and prints what became of the latter. It fails if a page that
could be read is not done, if one is that could not, or if a result file is missing.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pikepdf
from pages import find_pages
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import ocrpipe
from ocrpipe.export.formats import suffix_of

# Pages by number; a file that can't be opened counts as one.
DONE: dict[str, set[int]] = {
    "cmyk.tif": {1},
    "damaged-page.pdf": {1, 3},
    "one-pixel.png": {1},
    "strip.png": {1},
    "truncated.tif": {1},
    "wall.pdf": {1},
}
FAILED: dict[str, set[int]] = {
    "corrupt-chunk.png": {1},
    "damaged-page.pdf": {2},
    "empty.jpg": {1},
    "enormous.png": {1},
    "locked.pdf": {1},
    "no-pages.pdf": {1},
    "text.png": {1},
    "truncated.jpg": {1},
    "truncated.tif": {2},
}


def make_broken(folder: Path, page: Path) -> None:
    """Write the files named above, made of a page that can be read."""
    folder.mkdir()
    image = Image.open(page).convert("RGB")
    image.thumbnail((1200, 1200))
    image.convert("CMYK").save(folder / "cmyk.tif")
    Image.new("L", (1, 1), 255).save(folder / "one-pixel.png")
    strip = Image.new("RGB", (30_000, min(image.height, 400)), "white")
    strip.paste(image)
    strip.save(folder / "strip.png")
    Image.new("1", (20_000, 20_000), 1).save(folder / "enormous.png")

    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("Dear Sir or Madam")
    image.save(folder / "truncated.jpg")
    cut(folder / "truncated.jpg", 0.6)
    image.save(folder / "truncated.tif", save_all=True, append_images=[image])
    cut(folder / "truncated.tif", 0.8)
    image.save(folder / "corrupt-chunk.png")
    data = bytearray((folder / "corrupt-chunk.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (folder / "corrupt-chunk.png").write_bytes(data)

    image.save(folder / "wall.pdf")
    image.save(folder / "damaged-page.pdf", save_all=True, append_images=[image, image])
    with pikepdf.open(folder / "wall.pdf", allow_overwriting_input=True) as pdf:
        pdf.save(folder / "locked.pdf", encryption=pikepdf.Encryption(owner="secret", user="secret"))
        pdf.pages[0].obj.MediaBox = pikepdf.Array([0, 0, 100_000, 100_000])  # 35 m, if it were rendered so
        pdf.save(folder / "wall.pdf")
    with pikepdf.open(folder / "damaged-page.pdf", allow_overwriting_input=True) as pdf:
        pdf.pages[1].obj.Type = pikepdf.Name.Nonsense
        pdf.save(folder / "damaged-page.pdf")
    with pikepdf.new() as pdf:
        pdf.save(folder / "no-pages.pdf")


def cut(path: Path, share: float) -> None:
    """Leave only the beginning of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def read_tree(tree: Path, out: Path, formats: Sequence[str]) -> list[str]:
    """Read the tree and print what became of the broken files; what went wrong, in a line each."""
    expected = {(path.relative_to(tree).as_posix(), 1): True for path in (tree / "good").iterdir()}
    for numbers, good in ((DONE, True), (FAILED, False)):
        expected |= {(f"broken/{name}", n): good for name, found in numbers.items() for n in found}
    met: dict[tuple[str, int], bool] = {}
    table = Table("file", "page", "outcome", box=SIMPLE_HEAD, show_edge=False)
    problems = []
    run = ocrpipe.read_folder(tree, out, formats=formats)
    for result in run:
        key = result.path.relative_to(tree).as_posix(), result.number or 1
        if key in met:
            problems.append(f"{key} was reported twice")
        met[key] = isinstance(result, ocrpipe.PageResult)
        if isinstance(result, ocrpipe.PageResult):
            said = f"done, {len(result.page.lines)} lines in {result.seconds:.1f} s"
        else:
            said = str(result).replace(f"{tree}/", "")
            problems += [f"{key}: its message has several lines"] if "\n" in said else []
        if key[0].startswith("broken/") or isinstance(result, ocrpipe.Failure):
            table.add_row(Path(key[0]).name, str(result.number or ""), said)
    Console(width=10_000).print(table)
    for key in sorted(expected.keys() | met.keys()):
        if expected.get(key) != met.get(key):
            problems.append(f"{key}: {met.get(key, 'nothing')} rather than {expected.get(key, 'nothing')}")
    for name in sorted({name for (name, _), good in expected.items() if good}):
        stem = (out / name).with_suffix("")
        whole = out / name
        for suffix in map(suffix_of, formats):
            if not any(Path(f"{path}.{suffix}").is_file() for path in (stem, whole)):
                problems.append(f"{name}: has no {suffix}")
    summary = run.summary
    seconds = f"{summary.seconds:.0f} s"
    print(f"{summary.done} pages done, {summary.failed} failed, {summary.written} files in {seconds}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser(description="Read good pages and broken files in one run.")
    parser.add_argument("folders", nargs="*", type=Path, help="default: the page sets of $OCRPIPE_BENCH/dev")
    parser.add_argument("--limit", type=int, help="pages of each folder")
    parser.add_argument("--formats", default="txt,json,hocr,alto,pdf")
    parser.add_argument("--out", type=Path, help="keep the results there")
    options = parser.parse_args()
    pages = find_pages(options.folders, options.limit)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        (tree / "good").mkdir(parents=True)
        for number, page in enumerate(pages):
            shutil.copyfile(page, tree / "good" / f"{number:04d}-{page.name}")
        make_broken(tree / "broken", pages[0])
        broken = len(list((tree / "broken").iterdir()))
        print(f"{len(pages)} pages and {broken} broken files")
        problems = read_tree(tree, options.out or Path(folder) / "out", options.formats.split(","))
    print("\n".join(problems) or "every good page is done, every bad one explained")
    raise SystemExit(bool(problems))


if __name__ == "__main__":
    main()
