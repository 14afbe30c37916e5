"""Text to render: running text from corpora, and the patterns that documents are full of."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ocrpipe.errors import ConfigError

Rng = np.random.Generator
T = TypeVar("T")

_MONTHS = "January February March April May June July August September October November December".split()
_LABELS = (
    "Name Date Address Phone Fax From To Re Subject Company Title Signature Total Subtotal Amount Qty Price Tax "
    "Invoice No Page Region Division Brand Type Code Description Account Approved By Cc Change Cash Rounding "
    "Discount Item Balance Due Ref Cashier Tel Email Attn Terms City State Zip Country Department Comments Remarks"
).split()
_ZH_LABELS = "姓名 日期 地址 电话 单位 合计 金额 数量 单价 备注 编号 项目 名称 规格 审核 制表 部门 时间 性别 年龄 职务 账号 开户行 发票号码 税率".split()
_TOPS = "com org net edu gov cn com.cn co.uk de io com.my".split()
_UNITS = "kg g mg cm mm km m ml L % °C ℃ kW MB GB USD RMB元 万元 亿元 元 km² m²".replace("²", "2").split()
_BULLETS = "•·●■□◆▲★☑☐√→-*○◇△①②③④⑤⑥⑦⑧⑨⑩"
_FULL_WIDTH = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "})
_KEEP_WIDE = set("，。；：？！（）【】￥％～．")


def clean(text: str, alphabet: frozenset[str]) -> str:
    """Text with only the alphabet's characters: compatibility forms unified, unknown ones dropped, spaces single."""
    composed = unicodedata.normalize("NFC", text)
    unified = "".join(c if c in _KEEP_WIDE else c.translate(_FULL_WIDTH) for c in composed)
    return " ".join("".join(c if c in alphabet else " " if c.isspace() else "" for c in unified).split())


def is_han(character: str) -> bool:
    """Whether the character is a Chinese one or Chinese punctuation, which take no spaces."""
    return (
        "\u3400" <= character <= "\u9fff"
        or "\u3000" <= character <= "\u303f"
        or "\uff00" <= character <= "\uffef"
    )


class TextSource:
    """Draws pieces of text. The corpora's lines are kept in memory, cleaned when drawn.

    Args:
        folder: Holds UTF-8 text files, one sentence or paragraph a line; a name starting with ``zh`` means
            Chinese, one starting with ``en`` English; ``_words``, ``_company`` and ``_addresses`` in a name
            mean lists of short entries.
        alphabet: Characters that may occur.

    Raises:
        ocrpipe.errors.ConfigError: The folder lacks text in one of the two languages.
    """

    def __init__(self, folder: Path, alphabet: frozenset[str]) -> None:
        self.alphabet = alphabet
        self._hanzi = sorted(c for c in alphabet if "\u4e00" <= c <= "\u9fff")
        self._running: dict[str, list[list[str]]] = {"en": [], "zh": []}
        self._entries: dict[str, list[list[str]]] = {"en": [], "zh": []}
        for path in sorted(folder.glob("*.txt")):
            language = path.stem[:2]
            if language in self._running:
                short = any(mark in path.stem for mark in ("words", "company", "addresses", "chengyu"))
                lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
                (self._entries if short else self._running)[language].append(lines)
        for language, files in self._running.items():
            if not files:
                raise ConfigError(f"no running text {language}*.txt in {folder}")

    def running(self, rng: Rng, language: str, length: int) -> str:
        """About ``length`` characters of running text ("en" or "zh"), starting anywhere in a sentence."""
        for _ in range(20):
            file = _choice(rng, self._running[language])
            text = clean(_choice(rng, file), self.alphabet)
            if language == "zh":
                if len(text) < 2:
                    continue
                start = int(rng.integers(max(1, len(text) - length + 1))) if rng.random() < 0.8 else 0
                return text[start : start + length].strip()
            words = text.split()
            if not words:
                continue
            start = int(rng.integers(len(words))) if rng.random() < 0.7 else 0
            taken = words[start]
            for word in words[start + 1 :]:
                if len(taken) + 1 + len(word) > length:
                    break
                taken += " " + word
            return taken[: max(length, 24)].strip()
        return "0"

    def paragraph(self, rng: Rng, language: str) -> str:
        """A whole line of a corpus file: a sentence or a paragraph."""
        return clean(_choice(rng, _choice(rng, self._running[language])), self.alphabet) or "0"

    def entry(self, rng: Rng, language: str) -> str:
        """A word, a name or an address."""
        files = self._entries[language] or self._running[language]
        return clean(_choice(rng, _choice(rng, files)), self.alphabet)[:60] or "0"

    def rare_hanzi(self, rng: Rng, length: int) -> str:
        """Hanzi drawn uniformly, so that the long tail is seen too."""
        return "".join(rng.choice(self._hanzi, length))

    def pattern(self, rng: Rng, language: str) -> str:
        """A date, a price, a code, an address, a label: what forms, receipts and tables hold."""
        patterns = _PATTERNS + (_ZH_PATTERNS if language == "zh" else _EN_PATTERNS)
        return clean(_choice(rng, patterns)(rng), self.alphabet) or "0"

    def symbols(self, rng: Rng, length: int) -> str:
        """Characters drawn uniformly from all that are not hanzi: the tail of punctuation and symbols."""
        pool = sorted(c for c in self.alphabet if not "\u4e00" <= c <= "\u9fff" and c != " ")
        return "".join(rng.choice(pool, length))


def _choice(rng: Rng, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _digits(rng: Rng, low: int, high: int) -> str:
    return "".join(str(d) for d in rng.integers(0, 10, int(rng.integers(low, high + 1))))


def _capitals(rng: Rng, low: int, high: int) -> str:
    return "".join(_choice(rng, string.ascii_uppercase) for _ in range(int(rng.integers(low, high + 1))))


def _small(rng: Rng, low: int, high: int) -> str:
    return _capitals(rng, low, high).lower()


def _number(rng: Rng) -> str:
    value = float(rng.lognormal(4, 3))
    places = int(_choice(rng, (0, 0, 1, 2, 2, 2, 3)))
    text = f"{value:,.{places}f}" if rng.random() < 0.6 else f"{value:.{places}f}"
    mark = _choice(rng, ("", "", "", "", "-", "+", "(", "$", "RM", "£", "€", "¥", "$ ", "RM ", "<", "±", "~"))
    tail = _choice(rng, ("", "", "", "", "%", "%", " SR", " T", "x", "*"))
    return f"({text})" if mark == "(" else f"{mark}{text}{tail}"


def _date(rng: Rng) -> str:
    year, month, day = int(rng.integers(1900, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    name = _MONTHS[month - 1]
    if rng.random() < 0.4:
        name = _choice(rng, (name[:3], name[:3].upper(), name.upper(), name[:3] + "."))
    forms = (
        f"{day}/{month}/{year}",
        f"{day:02}/{month:02}/{year}",
        f"{month:02}/{day:02}/{year % 100:02}",
        f"{day:02}-{month:02}-{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day:02}.{month:02}.{year % 100:02}",
        f"{name} {day}, {year}",
        f"{day} {name} {year}",
        f"{day:02}-{name}-{year}",
        f"{name} {year}",
    )
    return str(_choice(rng, forms))


def _time(rng: Rng) -> str:
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    forms = (
        f"{hour:02}:{minute:02}",
        f"{hour:02}:{minute:02}:{second:02}",
        f"{hour % 12 or 12}:{minute:02} {_choice(rng, ('AM', 'PM', 'a.m.', 'p.m.', 'am', 'pm'))}",
        f"{hour % 12 or 12}:{minute:02}:{second:02}{_choice(rng, ('AM', 'PM', ' PM'))}",
    )
    return str(_choice(rng, forms))


def _phone(rng: Rng) -> str:
    forms = (
        f"({_digits(rng, 3, 3)}) {_digits(rng, 3, 3)}-{_digits(rng, 4, 4)}",
        f"{_digits(rng, 3, 3)}-{_digits(rng, 3, 3)}-{_digits(rng, 4, 4)}",
        f"+{_digits(rng, 1, 3)} {_digits(rng, 2, 3)} {_digits(rng, 4, 4)} {_digits(rng, 4, 4)}",
        f"{_digits(rng, 2, 4)}-{_digits(rng, 7, 8)}",
        f"1{_digits(rng, 10, 10)}",
        f"Tel: {_digits(rng, 2, 3)}-{_digits(rng, 7, 8)}",
        f"TEL : {_digits(rng, 2, 3)}-{_digits(rng, 3, 4)} {_digits(rng, 4, 4)}",
    )
    return str(_choice(rng, forms))


def _code(rng: Rng) -> str:
    forms = (
        _digits(rng, 4, 18),
        _digits(rng, 1, 4),
        _capitals(rng, 1, 4) + _digits(rng, 2, 8),
        _capitals(rng, 2, 5) + "-" + _digits(rng, 2, 6),
        _capitals(rng, 1, 3) + "/" + _digits(rng, 2, 5) + "-" + _capitals(rng, 1, 1),
        f"#{_digits(rng, 2, 8)}",
        f"({_digits(rng, 5, 7)}-{_capitals(rng, 1, 1)})",
        f"{_digits(rng, 1, 3)}.{_digits(rng, 1, 2)}.{_digits(rng, 1, 2)}",
        f"[{_digits(rng, 1, 3)}]",
        _small(rng, 1, 2) + _digits(rng, 1, 4) + _capitals(rng, 1, 2),
        f"{_digits(rng, 4, 4)} {_digits(rng, 4, 4)} {_digits(rng, 4, 4)} {_digits(rng, 4, 4)}",
        f"No. {_digits(rng, 1, 5)}",
        f"No : {_digits(rng, 5, 12)}",
        _capitals(rng, 3, 10),
        "".join(_choice(rng, string.ascii_letters + string.digits) for _ in range(int(rng.integers(3, 14)))),
    )
    return str(_choice(rng, forms))


def _web(rng: Rng) -> str:
    host = f"{_small(rng, 3, 10)}.{_choice(rng, _TOPS)}"
    forms = (
        f"www.{host}",
        f"http://www.{host}/{_small(rng, 2, 8)}",
        f"https://{host}/{_small(rng, 2, 6)}/{_digits(rng, 2, 6)}.html",
        f"{_small(rng, 2, 8)}@{host}",
        f"{_small(rng, 2, 6)}.{_small(rng, 3, 8)}@{host}",
        f"E-mail: {_small(rng, 2, 6)}_{_small(rng, 2, 5)}{_digits(rng, 1, 3)}@{host}",
    )
    return str(_choice(rng, forms))


def _label(rng: Rng) -> str:
    words = " ".join(_choice(rng, _LABELS) for _ in range(int(rng.integers(1, 4))))
    words = _choice(rng, (words, words, words.upper(), words.capitalize()))
    tail = _choice(
        rng,
        (
            ":",
            ":",
            " :",
            "",
            "",
            "?",
            ".",
            " " + "_" * int(rng.integers(2, 12)),
            ": " + _code(rng),
            " : " + _date(rng),
        ),
    )
    return words + tail


def _row(rng: Rng) -> str:
    return " ".join(_number(rng) for _ in range(int(rng.integers(2, 6))))


def _short(rng: Rng) -> str:
    forms = (
        _choice(rng, string.ascii_letters),
        _choice(rng, string.digits),
        _digits(rng, 1, 2),
        _choice(rng, "-:$.,;#*/+=%&@?!()[]|·—、。：，"),
        f"-{_digits(rng, 1, 2)}.{_digits(rng, 1, 2)}",
        f"{_digits(rng, 1, 2)}.",
        f"({_small(rng, 1, 1)})",
        f"- {_digits(rng, 1, 3)} -",
        f"{_choice(rng, string.ascii_uppercase)}.",
        _choice(rng, "IVXLCDM") * int(rng.integers(1, 4)),
        f"{_small(rng, 1, 1)})",
        f"({_digits(rng, 1, 2)})",
        _choice(
            rng, ("OF", "the", "of", "and", "No", "Yes", "N/A", "to", "in", "X", "x", "*", "-", "&", "$", "%")
        ),
        _choice(rng, ("ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii", "xiv")),
    )
    return str(_choice(rng, forms))


def _leaders(rng: Rng) -> str:
    dots = _choice(rng, (".", ". ", "·", "…", "-", "_", "*", "=")) * int(rng.integers(3, 14))
    forms = (
        f"{_choice(rng, _LABELS)} {dots} {_digits(rng, 1, 3)}",
        f"{_choice(rng, _LABELS)}{dots}",
        dots.strip(),
    )
    return str(_choice(rng, forms))


def _bullet(rng: Rng) -> str:
    return f"{_choice(rng, _BULLETS)} {_choice(rng, _LABELS)} {_choice(rng, _LABELS).lower()}"


def _measure(rng: Rng) -> str:
    return f"{_number(rng)}{_choice(rng, ('', ' '))}{_choice(rng, _UNITS)}"


def _zh_date(rng: Rng) -> str:
    year, month, day = int(rng.integers(1949, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    forms = (
        f"{year}年{month}月{day}日",
        f"{year} 年 {month} 月 {day} 日",
        f"{year}年{month}月",
        f"{month}月{day}日",
        f"截至{year}年末",
    )
    return str(_choice(rng, forms))


def _zh_number(rng: Rng) -> str:
    head = _choice(rng, ("", "", "约", "共", "增长", "同比", "￥", "第", "图", "表", "合计："))
    tail = _choice(
        rng,
        ("元", "万元", "亿元", "%", "个百分点", "章", "节", "条", "号", "人", "次", "名", "家", "年", "万吨"),
    )
    return f"{head}{_number(rng)}{tail}"


def _zh_numeral(rng: Rng) -> str:
    numeral = _choice(rng, "一二三四五六七八九十")
    forms = (
        f"{numeral}、",
        f"（{numeral}）",
        f"第{numeral}章",
        f"第{numeral}条",
        f"（{_digits(rng, 1, 1)}）",
        numeral,
        f"{_digits(rng, 1, 1)}．",
    )
    return str(_choice(rng, forms))


def _zh_label(rng: Rng) -> str:
    return (
        f"{_choice(rng, _ZH_LABELS)}{_choice(rng, ('：', ':', '', '： ' + _code(rng), '：' + _zh_date(rng)))}"
    )


_PATTERNS: tuple[Callable[[Rng], str], ...] = (
    _number,
    _number,
    _date,
    _code,
    _code,
    _web,
    _measure,
    _short,
    _row,
)
_EN_PATTERNS: tuple[Callable[[Rng], str], ...] = (_time, _phone, _label, _label, _leaders, _bullet, _short)
_ZH_PATTERNS: tuple[Callable[[Rng], str], ...] = (_zh_date, _zh_number, _zh_numeral, _zh_label, _zh_number)
