"""Connectionist text proposal network (CTPN): finds lines of text as rotated quads.

``CTPN``, the network itself, needs torch, which is loaded when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ocrpipe.kernels  # noqa: F401, before torch
from ocrpipe.detectors.ctpn.config import CTPNConfig
from ocrpipe.detectors.ctpn.detector import CTPNDetector, DetectorOptions
from ocrpipe.detectors.ctpn.lines import LineOptions

if TYPE_CHECKING:
    from ocrpipe.detectors.ctpn.model import CTPN

__all__ = ["CTPN", "CTPNConfig", "CTPNDetector", "DetectorOptions", "LineOptions"]


def __getattr__(name: str) -> Any:
    if name == "CTPN":
        from ocrpipe.detectors.ctpn.model import CTPN

        return CTPN
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
