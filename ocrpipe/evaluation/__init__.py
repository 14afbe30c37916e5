"""Measure detection and reading against ground truth."""
