"""Engines of others, as detectors and recognisers."""
