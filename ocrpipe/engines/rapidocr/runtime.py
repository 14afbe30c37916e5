"""The stages of the ``rapidocr`` package, which has PP-OCR's models; used by both adapters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

import numpy as np

from ocrpipe.errors import MissingExtraError

_LOGGER = "RapidOCR"


def load_stage(stage: Literal["det", "rec"], threads: int | None, settings: Mapping[str, object]) -> Any:
    """A stage of RapidOCR, loaded, on the CPU.

    Args:
        stage: "det" for a ``TextDetector``, "rec" for a ``TextRecognizer``.
        threads: Threads of ONNX Runtime; by default as many as there are cores.
        settings: Further parameters of RapidOCR, such as ``{"Det.thresh": 0.3}``.

    Raises:
        MissingExtraError: rapidocr or ONNX Runtime is not installed.
    """
    try:
        import_module("onnxruntime")  # RapidOCR imports it later and only logs an error
        from rapidocr import RapidOCR
    except ImportError as error:
        raise MissingExtraError(
            f"the engine rapidocr needs {error.name}: pip install 'ocrpipe[rapidocr]'"
        ) from error
    logger = logging.getLogger(_LOGGER)
    level = logger.level
    try:
        engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_det": stage == "det",
                "Global.use_cls": False,
                "Global.use_rec": stage == "rec",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                **settings,
            }
        )
        engine(np.zeros((32, 32, 3), np.uint8))  # stages are loaded on first use
    finally:
        logger.setLevel(level)  # RapidOCR changes it
    return engine.text_det if stage == "det" else engine.text_rec
