"""Folders of scanned documents: walk, read in parallel, resume after any interruption, export."""

from __future__ import annotations

from ocrpipe.folder.api import read_folder, stored_results
from ocrpipe.folder.results import Failure, PageResult, Summary
from ocrpipe.folder.run import FolderRun

__all__ = ["Failure", "FolderRun", "PageResult", "Summary", "read_folder", "stored_results"]
