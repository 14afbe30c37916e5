"""Lines of a page as ``Detections`` of ``supervision``, for its annotators, filters and sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ocrpipe.errors import MissingExtraError
from ocrpipe.page import PageContent

if TYPE_CHECKING:
    import supervision


def page_to_detections(page: PageContent) -> supervision.Detections:
    """The page's lines in reading order, as ``Detections.from_easyocr`` has them, all of class 0.

    ``xyxy`` are the axis-aligned bounding boxes of the lines (N×4) and ``data["xyxyxyxy"]`` their quads
    (N×4×2), in pixels of the image that was read; ``confidence`` is that of the lines, ``data["class_name"]``
    their text.

    Raises:
        MissingExtraError: The package supervision is not installed.
    """
    try:
        from supervision import Detections
        from supervision.config import CLASS_NAME_DATA_FIELD, ORIENTED_BOX_COORDINATES
    except ImportError as error:
        raise MissingExtraError(
            f"Detections need {error.name}: pip install 'ocrpipe[supervision]'"
        ) from error
    lines = page.lines
    quads = np.array([line.quad for line in lines], np.float32).reshape(-1, 4, 2)
    return Detections(
        xyxy=np.hstack([quads.min(axis=1), quads.max(axis=1)]),
        confidence=np.array([line.confidence for line in lines], np.float32),
        class_id=np.zeros(len(lines), np.int64),  # annotators choose colours by it
        data={
            CLASS_NAME_DATA_FIELD: np.array([line.text for line in lines], np.str_),
            ORIENTED_BOX_COORDINATES: quads,
        },
    )
