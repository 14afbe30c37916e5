"""Counts and times in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
_HELP = {
    "ocrpipe_requests_total": ("counter", "Answers by endpoint and status."),
    "ocrpipe_rejected_total": ("counter", "Requests refused because the queue was full."),
    "ocrpipe_pages_total": ("counter", "Pages read, whether there was a result or not."),
    "ocrpipe_page_seconds": ("histogram", "Time for reading a page."),
    "ocrpipe_request_seconds": ("histogram", "Time from a request to the end of its answer."),
    "ocrpipe_queue_documents": ("gauge", "Documents that are waiting or being read."),
    "ocrpipe_jobs_kept": ("gauge", "Documents in memory, finished ones included."),
}
_SMOOTHING = 0.2  # weight of the last page in the average time


class Metrics:
    """Counters and histograms; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._sums: dict[str, float] = {}
        self.page_seconds = 1.0
        """Average time of the last pages."""

    def count(self, name: str, labels: str = "") -> None:
        """Count one."""
        with self._lock:
            self._counts[f"{name}{{{labels}}}" if labels else name] += 1

    def observe(self, name: str, seconds: float) -> None:
        """Add a time to a histogram."""
        with self._lock:
            for bound in _BUCKETS:
                self._counts[f'{name}_bucket{{le="{bound:g}"}}'] += seconds <= bound
            self._counts[f'{name}_bucket{{le="+Inf"}}'] += 1
            self._counts[f"{name}_count"] += 1
            self._sums[f"{name}_sum"] = self._sums.get(f"{name}_sum", 0.0) + seconds

    def page(self, seconds: float) -> None:
        """Count a page that was read."""
        self.count("ocrpipe_pages_total")
        self.observe("ocrpipe_page_seconds", seconds)
        with self._lock:
            self.page_seconds += _SMOOTHING * (seconds - self.page_seconds)

    def text(self, gauges: Mapping[str, float]) -> str:
        """All figures, together with those of this moment."""
        with self._lock:
            values: dict[str, float] = {**self._counts, **self._sums, **gauges}
        lines = []
        for name, (kind, meaning) in _HELP.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            series = [f"{name}_bucket{{", f"{name}_sum", f"{name}_count", name, f"{name}{{"]
            lines += [
                f"{key} {value:g}"
                for key, value in values.items()
                if key in series or key.startswith((series[0], series[4]))
            ]
        return "\n".join(lines) + "\n"
