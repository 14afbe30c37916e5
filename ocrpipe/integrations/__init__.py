"""Adapters for other programs and libraries; each needs its extra and is imported only on demand."""
