"""Tesseract as a detector and a recogniser."""
