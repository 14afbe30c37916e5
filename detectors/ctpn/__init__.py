"""Connectionist text proposal network (CTPN): finds lines of text as rotated quads."""
