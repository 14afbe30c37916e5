"""Generated texts with what running text lacks: rare symbols where they occur, look-alike letters, numbers.

Each function takes a generator and ``words``, which returns running text of about a given length.
"""

from __future__ import annotations

import string
from collections.abc import Callable

from ocrpipe.synthesis.patterns import Rng, choice, digits

Words = Callable[[int], str]
Symbols = Callable[[Rng, Words], str]

_ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XIX XX XXI".split()
_OFTEN_ROMAN = ("I", "II", "III", "IV", "II", "III", "VI")
_TITLES = (
    "Part", "Chapter", "Section", "Type", "Phase", "World War", "Volume", "Vol.", "Grade", "Class", "Stage",
    "Level", "Act", "Book", "Table", "Appendix", "Article", "Title", "Henry", "Charles", "Elizabeth", "Louis",
    "Group", "Schedule", "Tier", "Factor", "Annex", "Part", "Chapter", "Type",
)  # fmt: skip
_CONFUSABLE = "lI1|iO0oQDB8S5Z2G6"
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_RELATIONS = "≤≥≠≤≥≠≤≥≠≈<>="
_UNITS = "μm μg μL μm μs ℃ °C ℃ m² m³ m³ km² cm² cm³ % ‰ mm kg Ω kΩ μF mg/L km/h ㎡ ℉".split()
_CHECKS = "□☑○☐☑□○●■◎◇✓√"


def _amount(rng: Rng) -> str:
    """A number in which commas, points and signs matter."""
    whole, thousand = digits(rng, 1, 3), digits(rng, 3, 3)
    whole = whole.lstrip("0") or "1"
    value = choice(
        rng,
        (
            f"{whole},{thousand}",
            f"{whole}.{thousand}",
            f"{whole},{thousand},{digits(rng, 3, 3)}",
            f"{whole},{thousand}.{digits(rng, 2, 2)}",
            f"{whole}.{thousand},{digits(rng, 2, 2)}",
            f"{whole}.{digits(rng, 1, 2)}",
            f"{whole},{digits(rng, 1, 2)}",
            f"0.{digits(rng, 1, 3)}",
            f"{whole}.{digits(rng, 1, 1)}",
        ),
    )
    return choice(
        rng,
        (
            value, value, value, value, f"-{value}", f"-{value}", f"({value})", f"{value}%", f"-{value}%",
            f"({value}%)", f"+{value}%", f"${value}", f"¥{value}", f"({value}", f"{value})", f"−{value}",
            f"- {value}",
        ),
    )  # fmt: skip


def amounts(rng: Rng, words: Words) -> str:
    """One to five numbers, as in a row of a table."""
    return " ".join(_amount(rng) for _ in range(int(choice(rng, (1, 1, 1, 2, 3, 5)))))


def single(rng: Rng, words: Words) -> str:
    """A single character, as in the cell of a table."""
    kinds = ("-", "-", "—", "–", "/", "*", ".", "+", "√", "×", "○", "●", "□", "☑", "✓", "§", "%", "|", "~")
    return choice(
        rng,
        (
            choice(rng, kinds),
            choice(rng, kinds),
            choice(rng, "0123456789"),
            choice(rng, "0123456789"),
            choice(rng, string.ascii_uppercase),
            choice(rng, string.ascii_lowercase),
        ),
    )


def relations(rng: Rng, words: Words) -> str:
    """Arithmetic and comparisons."""
    a, b = digits(rng, 1, 3), digits(rng, 1, 3)
    name = choice(rng, ("x", "y", "n", "p", "a", "k", "d", "T", "P", "R", "N", "α", "λ", "σ", "θ", "Δt"))
    relation = choice(rng, _RELATIONS)
    forms = (
        f"{a} × {b}", f"{a}×{b}", f"{a}×{b}×{digits(rng, 1, 3)} mm", f"{a} × {b} = {digits(rng, 2, 5)}",
        f"{a} ÷ {b}", f"{a}÷{b}={digits(rng, 1, 2)}", f"{a} ÷ {b} = {digits(rng, 1, 2)}.{digits(rng, 1, 1)}",
        f"{name} {relation} {a}", f"{name}{relation}{a}.{b}", f"{relation} {a}", f"{relation}{a}%",
        f"{a} {relation} {name} {choice(rng, _RELATIONS)} {b}", f"{name} ≤ 0.0{choice(rng, '15')}",
        f"{a}.{b} × 10{choice(rng, ('-', ''))}{digits(rng, 1, 1)}".replace("10-", "10⁻"),
        f"{a}.{choice(rng, '0123456789')}×10" + digits(rng, 1, 2).translate(_SUPERSCRIPT),
        f"{a} ± {b}", f"{a}.{b}±{choice(rng, '0.123')}", f"{a}~{b}", f"1:{b}", f"{a}∶{b}".replace("∶", ":"),
        f"{name}² + {a}{name} − {b} = 0", f"|{name}| {relation} {a}", f"{{{name}, {a}, {b}}}",
        f"{words(12)} {relation} {a}", f"{words(12)} × {a}",
    )  # fmt: skip
    return choice(rng, forms)


def units(rng: Rng, words: Words) -> str:
    """Quantities with units that have symbols of their own, and notes' raised numbers."""
    value, unit = (
        choice(rng, (digits(rng, 1, 3), f"{digits(rng, 1, 2)}.{digits(rng, 1, 2)}")),
        choice(rng, _UNITS),
    )
    gap = choice(rng, ("", "", " "))
    forms = (
        f"{value}{gap}{unit}",
        f"{value}{gap}{unit}",
        f"-{value}{gap}℃",
        f"{value}~{digits(rng, 2, 3)}{unit}",
        f"{words(14)} {value}{gap}{unit}",
        f"{value}{gap}{unit} {words(14)}",
        f"({value}{gap}{unit})",
        words(20) + digits(rng, 1, 2).translate(_SUPERSCRIPT),
        f"{words(20)}{choice(rng, '.,')}{choice(rng, '¹²³⁴⁵')} {words(16)}",
        f"{choice(rng, '¹²³⁴*†‡§')} {words(30)}",
        f"{value}{choice(rng, ('/m²', ' W/m²', ' m/s²', ' kg/m³', ' 元/m²', ' cm⁻¹', ' s⁻¹'))}",
    )
    return choice(rng, forms)


def legal(rng: Rng, words: Words) -> str:
    """Sections, copyright, trade marks."""
    number, year = digits(rng, 1, 3), str(int(rng.integers(1970, 2030)))
    company = " ".join(w[:1].upper() + w[1:] for w in words(16).split())
    forms = (
        f"§ {number}", f"§{number}", f"§ {number}.{digits(rng, 1, 2)} {words(24)}",
        f"§§ {number}–{digits(rng, 2, 3)}",
        f"{words(20)} § {number}({choice(rng, string.ascii_lowercase)})",
        f"{number} U.S.C. § {digits(rng, 2, 4)}", f"© {year} {company}",
        f"©{year} {company}. All rights reserved.", f"Copyright © {year}", f"(c) {year} {company}",
        f"{company}® {words(10)}", f"{company}™", f"© {company}", f"{words(18)} ¶ {number}", f"№ {number}",
        f"† {words(20)}", f"{words(18)}‡",
    )  # fmt: skip
    return choice(rng, forms)


def code(rng: Rng, words: Words) -> str:
    """Paths, commands, data and markup."""
    first, second = (w.strip(string.punctuation) or "x" for w in (words(4).lower(), words(4).lower()))
    name, value = first.replace(" ", "_"), second.replace(" ", "-")
    forms = (
        f"C:\\{name}\\{value}", f"D:\\{name.title()}\\{value}.txt", f"\\\\{name}\\{value}",
        f"{name}\\{value}\\", f"\\{name}{{{value}}}", f"\\begin{{{name}}}", f"{{{name}}}",
        f"{{ {words(14)} }}", f'{{"{name}": {digits(rng, 1, 3)}}}', f"${{{name}}}", f"{{{{ {name} }}}}",
        f"{name}() {{", "}", f"if ({name}) {{ {value}; }}", f"{name}[{digits(rng, 1, 2)}]",
        f"{words(12)} | {words(12)}", f"{first} | {second} | {digits(rng, 1, 3)}", f"|{first}|",
        f"| {first} | {digits(rng, 1, 4)} |", f"{name} || {value}", f"{name} | grep {value}", f"\\n{name}",
        f"`{name}`", f"~/{name}/{value}", f"<{name}>{value}</{name}>", f"{name}^{digits(rng, 1, 1)}",
        f"x_{{{digits(rng, 1, 1)}}}", f"#{name}", f"@{name}", f"{name} => {value}",
        f"\\{digits(rng, 1, 3)}",
    )  # fmt: skip
    return choice(rng, forms)


def boxes(rng: Rng, words: Words) -> str:
    """Check boxes and marks before choices."""
    mark, other = choice(rng, _CHECKS), choice(rng, _CHECKS)
    gap = choice(rng, ("", " "))
    forms = (
        f"{mark}{gap}{words(14)}",
        f"{mark}{gap}{words(8)} {other}{gap}{words(8)}",
        f"{mark}{gap}{words(5)} {mark}{gap}{words(5)} {mark}{gap}{words(5)}",
        f"{words(10)} {mark}",
        f"{words(8)}: {mark}{gap}{words(4)} {other}{gap}{words(4)}",
        f"{mark}",
    )
    return choice(rng, forms)


def numerals(rng: Rng, words: Words) -> str:
    """Roman numerals, and AI among other capital letters that look like them."""
    numeral = choice(rng, _OFTEN_ROMAN) if rng.random() < 0.6 else choice(rng, _ROMAN)
    title = choice(rng, _TITLES)
    ai = choice(
        rng,
        (
            "AI",
            "AI",
            "AI",
            "A.I.",
            "AIs",
            "AI-based",
            "XAI",
            "OpenAI",
            "AIDS",
            "API",
            "IT",
            "IL",
            "ID",
            "III",
        ),
    )
    forms = (
        f"{title} {numeral}", f"{title.upper()} {numeral}", f"{title} {numeral}: {words(16)}",
        f"{title} {numeral}. {words(16)}", f"({numeral})", f"{numeral}.", f"{numeral}. {words(20)}",
        f"{words(14)} {numeral}", numeral, f"{numeral}-{digits(rng, 1, 2)}", ai, ai, f"{ai} {words(16)}",
        f"{words(16)} {ai}", f"{words(10)} {ai} {words(10)}", f"({ai})", f"{words(10)} ({ai})",
        f"AI {numeral}", f"{numeral} {words(16)}",
    )  # fmt: skip
    return choice(rng, forms)


def keys(rng: Rng, words: Words) -> str:
    """Keys, serial numbers and identifiers rich in letters and digits that look alike."""

    def run(low: int, high: int) -> str:
        alphabet = _CONFUSABLE if rng.random() < 0.5 else string.ascii_letters + string.digits
        return "".join(choice(rng, alphabet) for _ in range(int(rng.integers(low, high + 1)))).replace(
            "|", "1"
        )

    def hexadecimal(count: int) -> str:
        return "".join(choice(rng, "0123456789abcdef") for _ in range(count))

    sizes = (8, 4, 4, 4, 12)
    forms = (
        run(4, 16), run(4, 12).upper(), run(4, 12).lower(),
        "-".join(run(4, 5).upper() for _ in range(int(rng.integers(2, 6)))),
        "-".join(map(hexadecimal, sizes)), f"0x{hexadecimal(int(rng.integers(2, 9)))}",
        hexadecimal(int(rng.integers(6, 33))), f"{run(2, 6)}_{run(2, 6)}",
        f"{run(1, 3).upper()}{digits(rng, 2, 6)}{run(0, 2).upper()}", f"{run(6, 20)}==",
        f"{words(8)} {run(2, 6)}", "".join(choice(rng, "lI1") for _ in range(int(rng.integers(1, 5)))),
        "".join(choice(rng, "O0oQ") for _ in range(int(rng.integers(1, 5)))), f"l{digits(rng, 1, 1)}",
        f"I{digits(rng, 1, 2)}", f"O{digits(rng, 1, 2)}",
        f"{digits(rng, 1, 3)}{choice(rng, ('l', 'O', 'lb', 'lbs', 'I', 'Ib', 'oz'))}".replace("Ib", "lb"),
    )  # fmt: skip
    return choice(rng, forms)


def brackets(rng: Rng, words: Words) -> str:
    """Words right after an opening bracket or a slash, and colons, dots and commas at the end."""
    inner = words(int(rng.integers(1, 14)))
    letters = "".join(choice(rng, string.ascii_uppercase) for _ in range(int(rng.integers(1, 5))))
    pair = choice(rng, ("()", "()", "()", "[]", "（）", "{}", "<>"))
    left, right = pair[0], pair[1]
    forms = (
        f"{left}{inner}{right}", f"{words(12)} {left}{inner}{right}", f"{left}{letters}{right}",
        f"{words(12)} {left}{letters}{right}",
        f"{left}{choice(rng, string.ascii_lowercase)}{right} {words(16)}", f"{left}{inner}",
        f"{inner}{right}", f"{words(8)}({letters.lower()}){words(8)}", f"{left}{digits(rng, 1, 4)}{right}",
        f"{words(18)};", f"{words(18)}:", f"{words(18)}.", f"{words(18)},", f"{words(12)}; {words(12)}",
        f"{words(8)}: {words(12)}", f"{words(10)}_{words(4)}", f"{words(8)}_", f"{letters}/{inner}",
    )  # fmt: skip
    return choice(rng, forms)


def chinese_marks(rng: Rng, words: Words) -> str:
    """Chinese text with brackets and dashes as Chinese sets them, and punctuation at its end."""
    a = words(int(rng.integers(2, 8)))
    pairs = (*(6 * ("【】",)), "〔〕", "《》", "〈〉", "「」", "『』", "“”", "‘’", "（）", "[]", "〖〗")
    pair = choice(rng, pairs)
    left, right = pair[0], pair[1]
    forms = (
        f"{left}{a}{right}", f"{left}{a}{right}{words(8)}", f"{words(6)}{left}{a}{right}{words(6)}",
        f"{left}{a}{right}", f"{left}{a}{right}{words(8)}", f"{words(6)}{left}{a}{right}{words(6)}",
        f"【{a}】{words(10)}", f"{words(8)}——{words(8)}", f"——{words(10)}", f"{words(8)}……", f"{a}——",
        f"{words(5)}—{words(5)}", f"{a}：", f"{words(10)}：", f"{a}；", f"{a}！", f"（{a}", f"{a}）",
        f"{words(6)}；{words(6)}", f"{a}·{words(4)}", f"{a}：{words(4)}",
    )  # fmt: skip
    return choice(rng, forms)


def chinese_symbols(rng: Rng, words: Words) -> str:
    """Chinese text with arithmetic, units, check boxes, Roman numerals and Latin abbreviations."""
    a, number = words(int(rng.integers(2, 8))), digits(rng, 1, 3)
    numeral, mark = choice(rng, _OFTEN_ROMAN), choice(rng, "□☑○□☑√×●■★※◎")
    forms = (
        f"{number}×{digits(rng, 1, 3)}", f"{a}{number}×{digits(rng, 1, 3)}mm",
        f"{number}÷{digits(rng, 1, 2)}={digits(rng, 1, 3)}", f"{a}×{number}", f"{a}≤{number}%",
        f"{a}≥{number}", f"{a}≠{words(3)}", f"≤{number}mg/L", f"≥{number}%", f"{words(6)}{number}℃",
        f"{number}℃~{digits(rng, 2, 3)}℃", f"{number}μm", f"{number}㎡", f"{words(4)}{number}m²",
        f"{mark}是 {mark}否", "□是 ☑否", "□男 □女", f"{mark}{a} {mark}{words(3)} {mark}{words(3)}",
        f"{mark} {words(10)}", f"{a}：{mark}{words(2)}", f"{a}（{numeral}）", f"{a}{numeral}期", f"{number}‰",
        f"AI{a}", f"{words(5)}AI{words(5)}", f"{a}（AI）", f"{a}§{number}", f"©{a}", f"{a}|{words(4)}",
        f"{a} | {words(4)}", f"{{{a}}}", f"{a}\\{words(3)}", f"{a}〇{words(3)}", f"一{a}", f"{a}一",
        f"{number}-{digits(rng, 1, 3)}", f"{a}-{words(3)}", f"※{a}", f"№{number}",
    )  # fmt: skip
    return choice(rng, forms)


_ENGLISH: tuple[Symbols, ...] = (
    amounts, amounts, amounts, single, relations, relations, units, legal, code, code, boxes, numerals, keys,
    brackets,
)  # fmt: skip
_CHINESE: tuple[Symbols, ...] = (
    *(3 * (chinese_marks, chinese_symbols)), amounts, amounts, relations, units, boxes, single,
)  # fmt: skip

SYMBOL_PATTERNS = {"en": _ENGLISH, "zh": _CHINESE}
"""Generators by language; one that occurs twice is twice as likely."""
