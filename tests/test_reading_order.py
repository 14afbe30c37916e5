"""Columns of text against rows of a table: lines as plain values, and the language model that ships."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrpipe.page import Line
from ocrpipe.recognizers.crnn.continuation import continuation
from ocrpipe.recognizers.crnn.recognizer import load_language
from ocrpipe.stages.boxes import Block, Region
from ocrpipe.stages.layout import arrange

HEIGHT = 20.0  # pixels of a line
CHINESE = (
    "春天的时候村子里来了一位修钟的师傅，他把工具箱放在井边的石头上，说要在这里住到秋收以后。"
    "孩子们每天放学都去看他干活，他一边拧螺丝一边讲城里的故事，讲电车怎样从桥上开过去，讲江边的"
    "灯一直亮到天明。大人们起初不大相信他的手艺，后来学校的大钟重新走了起来，每到整点就响，连河"
    "对岸的人都听得见。于是各家各户都把坏了的钟表拿出来，排着队请他修理。他不收钱，只要一顿热饭和"
    "一壶茶。到了八月，稻子黄了，他把最后一块表交还给主人，收拾好箱子，在清晨沿着大路走了。"
)
ENGLISH = (
    "In the spring a man who mended clocks came to the village and put his box of tools on the stone beside "
    "the well. He said that he would stay until the harvest was over. Every day after school the children "
    "went to watch him at work, and while he turned the screws he told them about the city, how the trams "
    "ran over the bridge and how the lamps along the river burned until the morning. At first nobody trusted "
    "his skill, but then the great clock of the school began to go again and struck the hours so loudly that "
    "people heard it on the other side of the water. After that every house brought him what was broken."
)


@cache
def language() -> Callable[[str, str], float]:
    return cache(partial(continuation, load_language()))


def line(text: str, x: float, y: float, height: float = HEIGHT) -> Line:
    """As wide as such text is set: hanzi are square, letters half as wide."""
    width = sum(0.5 if char.isascii() else 1.0 for char in text) * height * 0.85
    return Line(text, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)), 1.0, ())


def broken(text: str, length: int) -> list[str]:
    """Text in lines of at most so many characters; Latin text is broken at spaces."""
    if not text.isascii():
        return [text[i : i + length] for i in range(0, len(text), length)]
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) <= length:
            lines[-1] = f"{lines[-1]} {word}".strip()
        else:
            lines.append(word)
    return lines


def column(texts: Sequence[str], x: float, y: float, pitch: float = 28.0) -> list[Line]:
    return [line(text, x, y + pitch * i) for i, text in enumerate(texts)]


def columns(texts: Sequence[str], count: int, gutter: float, left: float = 60.0) -> list[Line]:
    """The lines in so many level columns, the last of which may be shorter."""
    width = max(line(text, 0, 0).quad[1][0] for text in texts)
    size = -(-len(texts) // count)
    parts = [texts[i : i + size] for i in range(0, len(texts), size)]
    return [one for i, part in enumerate(parts) for one in column(part, left + i * (width + gutter), 90)]


def read(lines: Sequence[Line]) -> list[str]:
    shuffled = list(lines)
    random.Random(len(shuffled)).shuffle(shuffled)
    return [one.text for block in arrange(shuffled, continuation=language()) for one in block.lines]


def texts(lines: Sequence[Line]) -> list[str]:
    return [one.text for one in lines]


def rows(cells: Sequence[Sequence[str]], left: Sequence[float], pitch: float = 34.0) -> list[Line]:
    """A table's cells, row by row; no line where a cell is empty."""
    return [
        line(text, x, 90 + pitch * i)
        for i, row in enumerate(cells)
        for text, x in zip(row, left, strict=True)
        if text
    ]


@pytest.mark.parametrize("gutter", [1.5, 3.0], ids=["narrow", "wide"])
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("length", [10, 12, 14, 18, 25])
def test_level_columns_of_hanzi_are_read_one_after_the_other(length: int, count: int, gutter: float) -> None:
    page = columns(broken(CHINESE, length), count, gutter * HEIGHT * 0.85)
    assert read(page) == texts(page)


@pytest.mark.parametrize("length", [16, 20, 24, 30, 45])
@pytest.mark.parametrize("count", [2, 3])
def test_level_columns_of_letters_are_read_one_after_the_other(length: int, count: int) -> None:
    page = columns(broken(ENGLISH, length), count, 1.5 * HEIGHT)
    assert read(page) == texts(page)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([CHINESE, ENGLISH]),
    st.integers(2, 3),
    st.integers(11, 22),
    st.floats(1.3, 4.0),
    st.integers(0, 60),
)
def test_columns_of_any_width(text: str, count: int, length: int, gutter: float, start: int) -> None:
    length *= 1 + text.isascii()
    page = columns(broken(text[text.find(" ", start) + 1 :], length), count, gutter * HEIGHT)
    assert read(page) == texts(page)


NAMES = ["东江机械厂", "北山商贸行", "南湖茶叶公司", "西岭新路投资", "中原出版社", "江口木材行", "白石渡船队"]
GOODS = ["Pencils", "Rulers and pens", "Paper, white", "Ink", "Envelopes", "Staples", "Lamp oil"]
WORDS = ["国有法人", "自然人", "境内非国有法人", "其他"]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([NAMES, GOODS]),
    st.integers(3, 7),
    st.integers(2, 4),
    st.floats(26.0, 60.0),
    st.integers(0, 10**6),
)
def test_a_table_is_read_by_rows(names: list[str], count: int, width: int, pitch: float, seed: int) -> None:
    rng = random.Random(seed)
    kinds: list[Callable[[], str]] = [
        lambda: f"{rng.randrange(10**7):,}",
        lambda: f"{rng.randrange(100)}.{rng.randrange(100):02}%",
        lambda: rng.choice(WORDS) if names is NAMES else rng.choice(["kg", "box", "piece"]),
    ]
    cells = [
        [name, *(kind() if rng.random() < 0.85 else "" for kind in kinds[: width - 1])]
        for name in names[:count]
    ]
    page = rows(cells, [60 + 230.0 * i for i in range(width)], pitch)
    assert read(page) == texts(page)


@pytest.mark.parametrize("place", ["centre", "top"])
@pytest.mark.parametrize("unit", [24.0, 28.0])
def test_a_broken_cell_stays_with_its_row(place: str, unit: float) -> None:
    cells = [
        ("江南甲子投资控股集团", "有限公司", "652,418,000", "18.06%"),
        ("东海产业投资基金管理", "有限公司", "240,000,000", "6.64%"),
        ("北山工业资产经营有限", "公司", "180,600,242", "4.99%"),
        ("南湖能源集团有限责任", "公司", "160,000,000", "4.42%"),
        ("西岭新路投资有限责任", "公司", "124,194,000", "3.43%"),
    ]
    page = []
    for i, (first, second, *figures) in enumerate(cells):
        y = 90 + 2.7 * unit * i
        page += [line(first, 60, y), line(second, 60, y + unit)]
        level = y + (unit / 2 if place == "centre" else 0)
        page += [line(text, 330 + 160 * k, level) for k, text in enumerate(figures)]
    assert read(page) == texts(page)


def test_two_addresses_side_by_side_are_blocks() -> None:
    bill = ["Bill to:", "North Lane Trading Ltd.", "12 Harbour Street", "Port Alder 40210"]
    ship = ["Ship to:", "Green Valley School", "7 Mill Road", "Westham 99814"]
    page = [line("INVOICE No. 20417", 60, 40), *column(bill, 60, 90), *column(ship, 420, 90)]
    page += [line("Thank you for your order. The goods below were sent on 3 May.", 60, 240)]
    assert read(page) == texts(page)


def test_labels_with_values_are_rows() -> None:
    cells = [
        ("姓名：张小明", "性别：男"),
        ("出生日期：1990年3月5日", "民族：汉"),
        ("学历：本科", "专业：机械工程"),
        ("电话：13800000000", "邮箱：zhang@example.com"),
    ]
    page = rows(cells, [60, 420])
    assert read(page) == texts(page)


def test_prices_are_read_with_their_dishes() -> None:
    cells = [
        ("白斩鸡", "38元", "清炒时蔬", "18元"),
        ("红烧肉", "48元", "酸辣汤", "12元"),
        ("清蒸鱼", "68元", "米饭", "2元"),
    ]
    page = rows(cells, [60, 220, 420, 600])
    assert read(page) == texts(page)


def test_a_menu_at_the_side_is_a_block() -> None:
    menu = ["Overview", "Getting started", "Installation", "Configuration", "Accounts", "Networking", "FAQ"]
    page = [*column(menu, 20, 90, 33), *column(broken(ENGLISH, 60), 260, 84, 28)]
    assert read(page) == texts(page)


def test_a_row_of_links_above_the_columns_is_read_first() -> None:
    links = [line(text, x, 20) for text, x in (("Home", 20), ("Docs", 110), ("Blog", 200), ("Help", 290))]
    menu = column(["Overview", "Installation", "Configuration", "Networking", "FAQ"], 20, 90, 33)
    page = [*links, *menu, *column(broken(ENGLISH, 50)[:6], 240, 84, 28)]
    assert read(page) == texts(page)


def test_a_note_in_the_margin_does_not_break_the_text() -> None:
    text = column(broken(CHINESE, 22), 60, 90)
    note = column(["钟表修理在当", "时还是少见的", "手艺。"], 480, 121, 24)
    found = read([*text, *note])
    for block in (text, note):
        start = found.index(block[0].text)
        assert found[start : start + len(block)] == texts(block)


def test_three_columns_around_a_picture_and_below_a_heading() -> None:
    lines = broken(CHINESE + CHINESE[:150], 11)
    width = 11 * HEIGHT * 0.85 + 30
    first, last = column(lines[:12], 60, 160), column(lines[18:30], 60 + 2 * width, 160)
    middle = column(lines[12:18], 60 + width, 160 + 6 * 28)  # the picture is above it
    page = [line("修钟的师傅和学校的大钟", 60, 80, 40), *first, *middle, *last]
    assert read(page) == texts(page)


def test_columns_without_a_language_model() -> None:
    page = columns(broken(CHINESE, 18), 2, 2 * HEIGHT)
    found = [one.text for block in arrange(page) for one in block.lines]
    assert found == texts(page)


def test_a_region_is_placed_as_a_whole() -> None:
    above, below = column(broken(CHINESE, 30)[:3], 60, 60), column(broken(CHINESE, 30)[3:], 60, 400)
    cells = rows([("甲", "1"), ("乙", "2")], [60, 300])
    blocks = tuple(
        Block(tuple(part), ((60, y), (400, y), (400, y + 60), (60, y + 60)))
        for part, y in ((cells[2:], 180), (cells[:2], 260))  # in an order of its own
    )
    region = Region(blocks, ((60, 180), (400, 180), (400, 320), (60, 320)))
    found = arrange([*below, *above], regions=[region], continuation=language())
    ordered = list(chain.from_iterable(block.lines for block in found))
    assert ordered == [*above, *cells[2:], *cells[:2], *below]
    assert set(blocks) <= set(found)
    assert [block.lines for block in arrange([], regions=[region])] == [block.lines for block in blocks]


def test_a_column_beside_a_region_is_read_in_one_go() -> None:
    text = column(broken(CHINESE, 14), 60, 60)
    block = Block((line("table", 400, 130),), ((400, 120), (700, 120), (700, 400), (400, 400)))
    found = arrange(text, regions=[Region((block,), block.quad)], continuation=language())
    assert [one.text for part in found for one in part.lines] == [*texts(text), "table"]


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        ("他把工具箱放在井边的石", "头上，说要在这里住", "国有法人"),
        ("how the lamps along the riv-", "er burned", "Total"),
    ],
)
def test_a_text_goes_on_in_the_right_line(before: str, after: str, other: str) -> None:
    assert language()(before, after) > language()(before, other)


def test_nothing_goes_on_in_nothing() -> None:
    assert language()("", "text") == language()("text", " ") == 0.0
