"""Bounds the memory of oneDNN, which torch computes with; the built-in engines import this before torch.

oneDNN keeps the kernels it compiled for each shape of input, 1,024 by default, and pages of many sizes have
as many shapes. A value that the environment has already stays, as does everything once torch is there.
"""

from __future__ import annotations

import os
import sys

if "torch" not in sys.modules:
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "512")
