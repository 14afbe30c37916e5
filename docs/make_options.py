"""Write docs/options.md from the options' own docstrings: python docs/make_options.py."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any

from ocrpipe.detectors.ctpn import DetectorOptions
from ocrpipe.options import Options
from ocrpipe.recognizers.crnn import Decoding

HERE = Path(__file__).parent

_TOP = """# Options

Every stage has options of its own; the defaults are what the figures of this project are measured with. They
are set by name, in Python or on the command line of `read`, `detect`, `folder` and `evaluate`:

```python
options = ocrpipe.Options().with_settings({"orientation.deskew": False, "detector.text_height": 24})
pipe = ocrpipe.Pipeline(options=options)
```

```sh
ocrpipe read scan.png --set orientation.deskew=false --set detector.text_height=24
```

A folder run that is resumed with other options reads its pages anew. Written by `docs/make_options.py` from
the docstrings.
"""


def main() -> None:
    """Write the page."""
    (HERE / "options.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    options = Options()
    parts = [_TOP]
    for stage in fields(options):
        value = getattr(options, stage.name)
        if is_dataclass(value):
            parts.append(_section(stage.name, value))
    parts.append(_section("detector", DetectorOptions(), "Of `ctpn`."))
    parts.append(_section("recognizer", Decoding(), "Of `crnn`."))
    return "\n".join(parts)


def _section(name: str, options: Any, note: str = "") -> str:
    summary = cleandoc(type(options).__doc__ or "").partition("\n")[0]
    lines = [
        f"## {name}",
        "",
        " ".join(filter(None, (note, summary))),
        "",
        "| name | default | |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *_rows(name, options)]) + "\n"


def _rows(prefix: str, options: Any) -> list[str]:
    texts = described(type(options))
    rows = []
    for option in fields(options):
        value = getattr(options, option.name)
        if is_dataclass(value):
            rows += _rows(f"{prefix}.{option.name}", value)
        else:
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            shown = shown.lower() if isinstance(value, bool) else shown
            rows.append(f"| `{prefix}.{option.name}` | {shown} | {texts[option.name]} |")
    return rows


def described(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says of each attribute."""
    text = cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: " ".join(words.split()).replace("``", "`") for name, words in entries}


if __name__ == "__main__":
    main()
