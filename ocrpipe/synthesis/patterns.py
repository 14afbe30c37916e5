"""Generated texts as in forms, receipts and tables: numbers, dates, codes, addresses, labels, leaders."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

Rng = np.random.Generator
Pattern = Callable[[Rng], str]
T = TypeVar("T")

_MONTHS = "January February March April May June July August September October November December".split()
_LABELS = (
    "Name Date Address Phone Fax From To Re Subject Company Title Signature Total Subtotal Amount Qty Price "
    "Tax Invoice No Page Region Division Brand Type Code Description Account Approved By Cc Change Cash "
    "Rounding Discount Item Balance Due Ref Cashier Tel Email Attn Terms City State Zip Country Department "
    "Comments Remarks"
).split()
_ZH_LABELS = (
    "姓名 日期 地址 电话 单位 合计 金额 数量 单价 备注 编号 项目 名称 规格 "
    "审核 制表 部门 时间 性别 年龄 职务 账号 开户行 发票号码 税率"
).split()
_TOP_LEVEL_DOMAINS = "com org net edu gov cn com.cn co.uk de io com.my".split()
_UNITS = "kg g mg cm mm km m ml L % °C ℃ kW MB GB USD RMB元 万元 亿元 元 km2 m2".split()
_UNIT_MARKS = "%\"'/"
_BULLETS = "•·●■□◆▲★☑☐√→-*○◇△①②③④⑤⑥⑦⑧⑨⑩"


def choice(rng: Rng, items: Sequence[T]) -> T:
    """One of the items, all equally likely."""
    return items[int(rng.integers(len(items)))]


def digits(rng: Rng, low: int, high: int) -> str:
    """``low`` to ``high`` random digits."""
    return "".join(str(d) for d in rng.integers(0, 10, int(rng.integers(low, high + 1))))


def _capitals(rng: Rng, low: int, high: int) -> str:
    return "".join(choice(rng, string.ascii_uppercase) for _ in range(int(rng.integers(low, high + 1))))


def _small(rng: Rng, low: int, high: int) -> str:
    return _capitals(rng, low, high).lower()


def _number(rng: Rng) -> str:
    value = float(rng.lognormal(4, 3))
    places = int(choice(rng, (0, 0, 1, 2, 2, 2, 3)))
    text = f"{value:,.{places}f}" if rng.random() < 0.6 else f"{value:.{places}f}"
    prefix = choice(
        rng, ("", "", "", "", "-", "+", "(", "$", "RM", "£", "€", "¥", "$ ", "RM ", "<", "±", "~")
    )
    suffix = choice(rng, ("", "", "", "", "%", "%", " SR", " T", "x", "*"))
    return f"({text})" if prefix == "(" else f"{prefix}{text}{suffix}"


def _date(rng: Rng) -> str:
    year, month, day = int(rng.integers(1900, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    name = _MONTHS[month - 1]
    if rng.random() < 0.4:
        name = choice(rng, (name[:3], name[:3].upper(), name.upper(), name[:3] + "."))
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
    return str(choice(rng, forms))


def _time(rng: Rng) -> str:
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    forms = (
        f"{hour:02}:{minute:02}",
        f"{hour:02}:{minute:02}:{second:02}",
        f"{hour % 12 or 12}:{minute:02} {choice(rng, ('AM', 'PM', 'a.m.', 'p.m.', 'am', 'pm'))}",
        f"{hour % 12 or 12}:{minute:02}:{second:02}{choice(rng, ('AM', 'PM', ' PM'))}",
    )
    return str(choice(rng, forms))


def _phone(rng: Rng) -> str:
    forms = (
        f"({digits(rng, 3, 3)}) {digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"{digits(rng, 3, 3)}-{digits(rng, 3, 3)}-{digits(rng, 4, 4)}",
        f"+{digits(rng, 1, 3)} {digits(rng, 2, 3)} {digits(rng, 4, 4)} {digits(rng, 4, 4)}",
        f"{digits(rng, 2, 4)}-{digits(rng, 7, 8)}",
        f"1{digits(rng, 10, 10)}",
        f"Tel: {digits(rng, 2, 3)}-{digits(rng, 7, 8)}",
        f"TEL : {digits(rng, 2, 3)}-{digits(rng, 3, 4)} {digits(rng, 4, 4)}",
    )
    return str(choice(rng, forms))


def _code(rng: Rng) -> str:
    forms = (
        digits(rng, 4, 18),
        digits(rng, 1, 4),
        _capitals(rng, 1, 4) + digits(rng, 2, 8),
        _capitals(rng, 2, 5) + "-" + digits(rng, 2, 6),
        _capitals(rng, 1, 3) + "/" + digits(rng, 2, 5) + "-" + _capitals(rng, 1, 1),
        f"#{digits(rng, 2, 8)}",
        f"({digits(rng, 5, 7)}-{_capitals(rng, 1, 1)})",
        f"{digits(rng, 1, 3)}.{digits(rng, 1, 2)}.{digits(rng, 1, 2)}",
        f"[{digits(rng, 1, 3)}]",
        _small(rng, 1, 2) + digits(rng, 1, 4) + _capitals(rng, 1, 2),
        f"{digits(rng, 4, 4)} {digits(rng, 4, 4)} {digits(rng, 4, 4)} {digits(rng, 4, 4)}",
        f"No. {digits(rng, 1, 5)}",
        f"No : {digits(rng, 5, 12)}",
        _capitals(rng, 3, 10),
        "".join(choice(rng, string.ascii_letters + string.digits) for _ in range(int(rng.integers(3, 14)))),
    )
    return str(choice(rng, forms))


def _web(rng: Rng) -> str:
    host = f"{_small(rng, 3, 10)}.{choice(rng, _TOP_LEVEL_DOMAINS)}"
    forms = (
        f"www.{host}",
        f"http://www.{host}/{_small(rng, 2, 8)}",
        f"https://{host}/{_small(rng, 2, 6)}/{digits(rng, 2, 6)}.html",
        f"{_small(rng, 2, 8)}@{host}",
        f"{_small(rng, 2, 6)}.{_small(rng, 3, 8)}@{host}",
        f"E-mail: {_small(rng, 2, 6)}_{_small(rng, 2, 5)}{digits(rng, 1, 3)}@{host}",
    )
    return str(choice(rng, forms))


def _label(rng: Rng) -> str:
    words = " ".join(choice(rng, _LABELS) for _ in range(int(rng.integers(1, 4))))
    words = choice(rng, (words, words, words.upper(), words.capitalize()))
    suffix = choice(
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
    return words + suffix


def _row(rng: Rng) -> str:
    return " ".join(_number(rng) for _ in range(int(rng.integers(2, 6))))


def _short(rng: Rng) -> str:
    forms = (
        choice(rng, string.ascii_letters),
        choice(rng, string.digits),
        digits(rng, 1, 2),
        choice(rng, "-:$.,;#*/+=%&@?!()[]|·—、。：，"),
        f"-{digits(rng, 1, 2)}.{digits(rng, 1, 2)}",
        f"{digits(rng, 1, 2)}.",
        f"({_small(rng, 1, 1)})",
        f"- {digits(rng, 1, 3)} -",
        f"{choice(rng, string.ascii_uppercase)}.",
        choice(rng, "IVXLCDM") * int(rng.integers(1, 4)),
        f"{_small(rng, 1, 1)})",
        f"({digits(rng, 1, 2)})",
        choice(
            rng, ("OF", "the", "of", "and", "No", "Yes", "N/A", "to", "in", "X", "x", "*", "-", "&", "$", "%")
        ),
        choice(rng, ("ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xii", "xiv")),
    )
    return str(choice(rng, forms))


def _item(rng: Rng) -> str:
    """Texts in the rows of receipts and order forms."""
    price, count = f"{float(rng.lognormal(2.5, 1.5)):.2f}", int(rng.integers(1, 25))
    rate = int(rng.integers(20))
    at = choice(rng, ("@", "@ ", " @ ", "x", " x ", " X "))
    forms = (
        f"{count}{at}{price}",
        f"{count} {choice(rng, ('@ $ ', '@ $', '@ RM', '@ £', '@ ¥'))}{price}",
        f"@{price}",
        f"{_capitals(rng, 2, 3)} @ {rate}%",
        f"(@ {rate}%)",
        f"{choice(rng, ('Tax', 'VAT', 'GST', 'SVC CHG'))} {choice(rng, ('@', '@ '))}{rate}%",
        f"{choice(rng, _LABELS)} {choice(rng, ('#', '#:', '# ', 'No#', '#: '))}{_code(rng)}",
        f"{choice(rng, _LABELS)} & {choice(rng, _LABELS)}",
        f"{digits(rng, 1, 2)}{choice(rng, _UNIT_MARKS)} {choice(rng, _LABELS)}",
        f"{choice(rng, _LABELS)} ({choice(rng, ('$', 'RM', '%', '#', '&', '£', '¥'))})",
        f"** {choice(rng, _LABELS)} **",
        f"{choice(rng, _LABELS)}!!!",
    )
    text = str(choice(rng, forms))
    return text.upper() if rng.random() < 0.4 else text


def _identifier(rng: Rng) -> str:
    """An identifier of a field, a file or a table, as in data and reports."""
    words = [choice(rng, _LABELS) for _ in range(int(rng.integers(1, 4)))]
    parts = [
        *words,
        choice(rng, ("ID", "SUM", "MAX", "NN", "No", "v2", digits(rng, 1, 4), _small(rng, 1, 3))),
    ]
    text = choice(rng, ("_", "_", "_", "-", ".")).join(parts)
    suffix = choice(rng, ("", "", "", ".pdf", ".doc", ".csv", "()", "[0]", "_"))
    return choice(rng, (text, text.lower(), text.upper())) + suffix


def _slashed(rng: Rng) -> str:
    """Words, letters or units on both sides of a slash."""
    first, second = choice(rng, _LABELS), choice(rng, _LABELS)
    letter = choice(rng, string.ascii_letters)
    forms = (
        f"{first}/{second}",
        f"{first}/{second}",
        f"{first} / {second}",
        f"{first} {second}/{choice(rng, _LABELS)}",
        choice(
            rng, ("y/y", "q/q", "m/m", "w/o", "c/o", "n/a", "a/c", "and/or", "his/her", "W/O", "P/E", "I/O")
        ),
        f"{letter}/{choice(rng, string.ascii_letters)}",
        f"{digits(rng, 1, 3)}/{digits(rng, 1, 3)}",
        f"{_number(rng)} {choice(rng, ('mg/L', 'km/h', 'm/s', 'USD/t', 'kg/m', 'g/mL', 'RMB/kg'))}",
    )
    text = str(choice(rng, forms))
    return choice(rng, (text, text, text.lower(), text.upper()))


def _bracketed(rng: Rng) -> str:
    """Words in brackets or quotation marks, citations."""
    pair = choice(rng, ("[]", "[]", "()", "()", '""', "''", "{}", "“”", "‘’"))
    left, right = pair[0], pair[1]
    words = " ".join(choice(rng, _LABELS) for _ in range(int(rng.integers(1, 5))))
    inner = choice(rng, (words, words.lower(), words.lower(), words.upper()))
    year, name = int(rng.integers(1950, 2030)), choice(rng, _LABELS)
    forms = (
        f"{left}{inner}{right}",
        f"{name} {left}{inner}{right} {choice(rng, _LABELS).lower()}",
        f"{name.lower()} {left}{inner}{right}{choice(rng, ',.;:')} {choice(rng, _LABELS).lower()}",
        f"({name} et al., {year}; {choice(rng, _LABELS)}, {year - 1})",
        f"{name} et al. ({year}),",
        f"[{digits(rng, 1, 2)}] {name}, {choice(rng, string.ascii_uppercase)}. {inner}",
        f"{name} {left}{_number(rng)}{right}",
    )
    return str(choice(rng, forms))


def _leaders(rng: Rng) -> str:
    dots = choice(rng, (".", ". ", "·", "…", "-", "_", "*", "=")) * int(rng.integers(3, 14))
    forms = (
        f"{choice(rng, _LABELS)} {dots} {digits(rng, 1, 3)}",
        f"{choice(rng, _LABELS)}{dots}",
        dots.strip(),
    )
    return str(choice(rng, forms))


def _bullet(rng: Rng) -> str:
    return f"{choice(rng, _BULLETS)} {choice(rng, _LABELS)} {choice(rng, _LABELS).lower()}"


def _measure(rng: Rng) -> str:
    return f"{_number(rng)}{choice(rng, ('', ' '))}{choice(rng, _UNITS)}"


def _zh_date(rng: Rng) -> str:
    year, month, day = int(rng.integers(1949, 2030)), int(rng.integers(1, 13)), int(rng.integers(1, 32))
    forms = (
        f"{year}年{month}月{day}日",
        f"{year} 年 {month} 月 {day} 日",
        f"{year}年{month}月",
        f"{month}月{day}日",
        f"截至{year}年末",
    )
    return str(choice(rng, forms))


def _zh_number(rng: Rng) -> str:
    prefix = choice(rng, ("", "", "约", "共", "增长", "同比", "￥", "第", "图", "表", "合计："))
    suffix = choice(
        rng,
        ("元", "万元", "亿元", "%", "个百分点", "章", "节", "条", "号", "人", "次", "名", "家", "年", "万吨"),
    )
    return f"{prefix}{_number(rng)}{suffix}"


def _zh_list(rng: Rng) -> str:
    """Percentages in brackets after short names, as reports list them."""
    left, right = choice(rng, (("（", "）"), ("(", ")"), (" (", ")")))
    names = (choice(rng, _ZH_LABELS) for _ in range(int(rng.integers(2, 5))))
    sign = choice(rng, ("", "", "-", "+"))
    return "、".join(f"{name}{left}{sign}{digits(rng, 1, 2)}.{digits(rng, 1, 2)}%{right}" for name in names)


def _zh_numeral(rng: Rng) -> str:
    numeral = choice(rng, "一二三四五六七八九十")
    forms = (
        f"{numeral}、",
        f"（{numeral}）",
        f"第{numeral}章",
        f"第{numeral}条",
        f"（{digits(rng, 1, 1)}）",
        numeral,
        f"{digits(rng, 1, 1)}．",
    )
    return str(choice(rng, forms))


def _zh_slashed(rng: Rng) -> str:
    """Units and alternatives around a slash, field names around an underscore."""
    first, second = choice(rng, _ZH_LABELS), choice(rng, _ZH_LABELS)
    forms = (
        f"{_number(rng)}{choice(rng, ('', ' '))}元/{choice(rng, ('公斤', '吨', '股', '人', '月', '平方米'))}",
        f"{first}/{second}",
        f"{first}/{second}/{choice(rng, _ZH_LABELS)}",
        f"{first}_{choice(rng, ('NN', 'MAX', 'SUM', 'ID', second))}",
        f"{_capitals(rng, 2, 4)}_{first}",
        f"{first}（{second}）",
        f"{first}={second}/({choice(rng, _ZH_LABELS)}+{choice(rng, _ZH_LABELS)})",
        f"“{first}{second}”",
        f"《{first}{second}》",
        f"[{digits(rng, 1, 2)},{digits(rng, 1, 2)}]",
    )
    return str(choice(rng, forms))


def _zh_label(rng: Rng) -> str:
    return (
        f"{choice(rng, _ZH_LABELS)}{choice(rng, ('：', ':', '', '： ' + _code(rng), '：' + _zh_date(rng)))}"
    )


_ANY: tuple[Pattern, ...] = (
    _number,
    _number,
    _date,
    _code,
    _code,
    _web,
    _measure,
    _short,
    _row,
    _identifier,
)
_ENGLISH: tuple[Pattern, ...] = (
    (_time, _phone, _leaders, _bullet, _short, _slashed, _bracketed) + 2 * (_label,) + 3 * (_item,)
)
_CHINESE: tuple[Pattern, ...] = (
    _zh_date,
    _zh_number,
    _zh_numeral,
    _zh_label,
    _zh_number,
    _zh_list,
    _zh_slashed,
)

PATTERNS = {"en": _ANY + _ENGLISH, "zh": _ANY + _CHINESE}
"""Generators by language; one that occurs twice is twice as likely."""
