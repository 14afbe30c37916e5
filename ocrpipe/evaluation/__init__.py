"""Accuracy of detection and recognition against ground truth."""
