from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrpipe.errors import ConfigError
from ocrpipe.geometry import quad_size
from ocrpipe.recognizers.crnn.charset import Charset
from ocrpipe.training.crnn.corrected import CorrectedLine, CorrectedLines, Skipped, hold_out, load_lines

CHARSET = Charset("abcdefghijklmnopqrstuvwxyzA 0123456789é，")


def ink(text: str, width: int = 0) -> NDArray[np.uint8]:
    """A line of text, 40 px high, on grey paper."""
    image = np.full((40, width or 20 * len(text) + 16), 230, np.uint8)
    for i, character in enumerate(text):
        cv2.putText(image, character, (8 + 20 * i, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 20, 2, cv2.LINE_AA)
    return image


def put(folder: Path, name: str, text: str, image: NDArray[np.uint8] | None = None) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ink(text) if image is None else image).save(path)
    stem = name.removesuffix(path.suffix).removesuffix(".bin")
    (folder / f"{stem}.gt.txt").write_text(text + "\n", "utf-8")


def put_page(folder: Path, lines: list[dict[str, Any]], page: NDArray[np.uint8], **row: Any) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(page).save(folder / "page.png")
    with (folder / "gt.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"image": "page.png", "lines": lines, **row}) + "\n")


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_line_images_beside_their_texts(tmp_path: Path) -> None:
    put(tmp_path, "b.png", "some text")
    put(tmp_path, "a.bin.png", "more")
    put(tmp_path, "deep/c.tif", "deeper")
    Image.fromarray(ink("not yet")).save(tmp_path / "uncorrected.png")
    data = load_lines(tmp_path, CHARSET)
    assert [(line.name, line.text) for line in data.lines] == [
        ("a.bin.png", "more"),
        ("b.png", "some text"),
        ("deep/c.tif", "deeper"),
    ]
    assert data.skipped == ()
    for line, text in zip(data.lines, ("more", "some text", "deeper"), strict=True):
        assert np.abs(line.crop().astype(int) - ink(text)).max() <= 1
        assert line.image.shape[0] == 40 + 2 * 16 and (line.image[:16] == 230).all()  # paper around it


def test_the_plain_image_goes_before_the_binarised_one(tmp_path: Path) -> None:
    put(tmp_path, "a.bin.png", "text")
    put(tmp_path, "a.png", "text")
    assert [line.name for line in load_lines(tmp_path, CHARSET).lines] == ["a.png"]


def test_lines_of_pages_are_cut_along_their_quads(tmp_path: Path) -> None:
    page = np.full((200, 300), 230, np.uint8)
    page[20:60, 30 : 30 + 96] = ink("abcd")
    page[110:150, 30 : 30 + 136] = ink("second")
    put_page(
        tmp_path,
        [
            {"text": "abcd", "quad": box(30, 20, 126, 60)},
            {"text": "formula", "quad": box(0, 0, 90, 20), "ignore": True},
            {"text": "second", "quad": box(30, 110, 166, 150)},
        ],
        page,
    )
    first, second = load_lines(tmp_path, CHARSET).lines
    assert (first.name, second.name) == ("page.png#1", "page.png#3")
    assert np.abs(first.crop().astype(int) - ink("abcd")).max() <= 1
    assert np.array_equal(second.image[10:-10], page[104:156, 14:182])  # what is around it on the page


def test_both_conventions_in_one_folder(tmp_path: Path) -> None:
    put(tmp_path, "line.png", "line")
    put_page(tmp_path, [{"text": "abc", "quad": box(0, 0, 76, 40)}], ink("abc"))
    assert [line.text for line in load_lines(tmp_path, CHARSET).lines] == ["abc", "line"]


def test_large_scans_are_kept_at_the_size_that_is_needed(tmp_path: Path) -> None:
    large = np.asarray(cv2.resize(ink("abc"), None, fx=5, fy=5), np.uint8)
    put(tmp_path, "a.png", "abc", large)
    (line,) = load_lines(tmp_path, CHARSET).lines
    assert line.image.nbytes < large.nbytes / 3
    assert quad_size(line.quad)[1] == pytest.approx(64, abs=1)
    assert line.crop().shape[1] / line.crop().shape[0] == pytest.approx(76 / 40, rel=0.03)


def test_light_text_is_turned_dark(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "abc", 255 - ink("abc"))
    assert np.abs(load_lines(tmp_path, CHARSET).lines[0].crop().astype(int) - ink("abc")).max() <= 1


def test_texts_are_normalized(tmp_path: Path) -> None:
    put(tmp_path, "a.png", "caf\u0065\u0301 \t\uff21\u3000\u200b1")  # e and its accent, full-width, invisible
    (line,) = load_lines(tmp_path, CHARSET).lines
    assert line.text == "café A 1"


def test_what_cannot_be_trained_on_is_counted_by_reason_and_named(tmp_path: Path) -> None:
    put(tmp_path, "good.png", "good")
    put(tmp_path, "odd1.png", "aſbſ", ink("a b "))
    put(tmp_path, "odd2.png", "ꝛ", ink("a"))
    put(tmp_path, "empty.png", "  ", ink("a"))
    put(tmp_path, "two.png", "one\ntwo", ink("a"))
    put(tmp_path, "narrow.png", "too much text for it", ink("", width=30))
    (tmp_path / "lonely.gt.txt").write_text("no image", "utf-8")
    put(tmp_path, "torn.png", "torn")
    (tmp_path / "torn.png").write_bytes(b"no image")
    data = load_lines(tmp_path, CHARSET)
    assert [line.name for line in data.lines] == ["good.png"]
    assert {skipped.reason: skipped.names for skipped in data.skipped} == {
        "the charset lacks characters of their text (ſ ꝛ)": ("odd1.png", "odd2.png"),
        "their text is empty": ("empty.png",),
        "their text is of several lines": ("two.png",),
        "more text than the image has room for": ("narrow.png",),
        "their image is missing": ("lonely.gt.txt",),
        "their image cannot be read": ("torn.png",),
    }


def test_a_missing_page_costs_its_lines(tmp_path: Path) -> None:
    put(tmp_path, "good.png", "good")
    lines = [{"text": "a", "quad": box(0, 0, 20, 40)}] * 2
    put_page(tmp_path, lines, ink("a"))
    (tmp_path / "page.png").unlink()
    (skipped,) = load_lines(tmp_path, CHARSET).skipped
    assert skipped == Skipped("their image is missing", ("page.png#1", "page.png#2"))


def test_a_report_is_one_line() -> None:
    assert str(Skipped("it is torn", ("a",))) == "1 line left out, it is torn: a"
    many = Skipped("they are torn", tuple("abcde"))
    assert str(many) == "5 lines left out, they are torn: a, b, c and 2 more"


def test_folders_without_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds neither gt.jsonl nor line images"):
        load_lines(tmp_path, CHARSET)
    with pytest.raises(ConfigError, match="no such folder"):
        load_lines(tmp_path / "none", CHARSET)
    put(tmp_path, "a.png", "ſ", ink("a"))
    with pytest.raises(ConfigError, match=r"no line to train on; 1 line left out, .* \(ſ\): a\.png"):
        load_lines(tmp_path, CHARSET)
    (tmp_path / "a.gt.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"a\.gt\.txt is not UTF-8"):
        load_lines(tmp_path, CHARSET)
    put_page(tmp_path / "pages", [], ink("a"), level="page", text="a")
    with pytest.raises(ConfigError, match="whole pages' text only"):
        load_lines(tmp_path / "pages", CHARSET)


def lines_of(*names: str) -> list[CorrectedLine]:
    quad = ((16.0, 16.0), (92.0, 16.0), (92.0, 56.0), (16.0, 56.0))
    image = np.pad(ink("abc"), 16, constant_values=230)
    return [CorrectedLine(name, "abc", image, quad) for name in names]


def test_what_is_held_out_depends_on_the_names_alone() -> None:
    names = [f"{i}.png" for i in range(400)]
    train, held = hold_out(lines_of(*names), 0.1)
    assert len(train) + len(held) == 400 and 20 <= len(held) <= 60
    _, fewer = hold_out(lines_of(*reversed(names[:200])), 0.1)
    assert {line.name for line in fewer} == {line.name for line in held} & set(names[:200])
    _, more = hold_out(lines_of(*names), 0.3)
    assert {line.name for line in held} < {line.name for line in more}


def test_either_side_has_a_line() -> None:
    for fraction in (0.001, 0.999):
        train, held = hold_out(lines_of("a", "b", "c"), fraction)
        assert train and held and len(train) + len(held) == 3
    assert hold_out(lines_of("a"), 0.0)[1] == []
    with pytest.raises(ConfigError, match="a single line"):
        hold_out(lines_of("a"), 0.1)


def test_drawn_lines_vary_but_stay_whole() -> None:
    lines = [*lines_of("a"), CorrectedLine("b", "xyz", *_parts(lines_of("b")[0]))]
    draw, rng = CorrectedLines(lines, degradation=0.0).render, np.random.default_rng(0)
    samples = [draw(rng) for _ in range(60)]
    assert {sample.text for sample in samples} == {"abc", "xyz"}
    assert len({sample.image.shape for sample in samples}) > 20
    for sample in samples:
        assert sample.centers.size == 0
        dark = np.flatnonzero((sample.image < 100).any(0))
        assert dark.size and np.ptp(dark) >= 0.75 * (np.ptp(np.flatnonzero((ink("abc") < 100).any(0))))
    again = CorrectedLines(lines, degradation=0.0).render(np.random.default_rng(0))
    assert np.array_equal(again.image, samples[0].image)


def test_drawn_lines_are_degraded() -> None:
    plain, worn = (
        [CorrectedLines(lines_of("a"), strength).render(np.random.default_rng(i)).image for i in range(20)]
        for strength in (0.0, 1.0)
    )
    assert sum(not np.array_equal(a, b) for a, b in zip(plain, worn, strict=True)) > 10


def _parts(line: CorrectedLine) -> tuple[NDArray[np.uint8], Any]:
    return line.image, line.quad
