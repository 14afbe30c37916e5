"""Results as answers: media types and file names of the formats."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.responses import Response

from ocrpipe.export.formats import suffix_of

MEDIA_TYPES = {
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "hocr": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "alto": "application/xml",
    "pagexml": "application/xml",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "labelstudio": "application/json",
}


def media_type(format: str) -> str:
    """The media type of a format's files."""
    return MEDIA_TYPES.get(format, "application/octet-stream")


def file_answer(data: bytes, format: str, name: str) -> Response:
    """A file of a format, to be saved and not shown: what a document holds must not run as a page of ours."""
    stem = PurePosixPath(name).name
    stem = stem.rpartition(".")[0] or stem
    disposition = f"attachment; filename*=UTF-8''{quote(f'{stem}.{suffix_of(format)}', safe='')}"
    return Response(data, media_type=media_type(format), headers={"Content-Disposition": disposition})
