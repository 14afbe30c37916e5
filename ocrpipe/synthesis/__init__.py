"""Render training lines and pages: fonts, text, layout and scan effects."""
