"""Connectionist text proposal network (CTPN): finds lines of text as rotated quads."""

import ocrpipe.kernels  # noqa: F401, before torch
from ocrpipe.detectors.ctpn.detector import CTPNDetector, DetectorOptions
from ocrpipe.detectors.ctpn.lines import LineOptions
from ocrpipe.detectors.ctpn.model import CTPN, CTPNConfig

__all__ = ["CTPN", "CTPNConfig", "CTPNDetector", "DetectorOptions", "LineOptions"]
