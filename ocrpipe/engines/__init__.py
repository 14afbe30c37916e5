"""Adapters of third-party OCR engines as detectors and recognisers."""
