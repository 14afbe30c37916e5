"""Bridges to other programs and libraries; each needs its extra and is imported only when asked for."""
