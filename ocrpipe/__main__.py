"""``python -m ocrpipe``."""

from __future__ import annotations

from ocrpipe.cli import main

main()
