"""Whole folders of scanned documents: walk, read in parallel, resume, export; nothing lost."""
