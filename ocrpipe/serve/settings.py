"""How a server listens, and the limits of what it takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ocrpipe.errors import ConfigError

MIN_TOKEN = 16
"""Fewest characters of a token."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Address, access and limits.

    Attributes:
        host: Address to listen at; other than loopback only with a token.
        port: Port; 0 lets the system choose.
        token: What clients must send as ``Authorization: Bearer``; none by default, on loopback.
        allow_hosts: Names by which clients may call the server, besides ``localhost`` and IP addresses.
        workers: Threads that each read one page at a time.
        queue: Most uploads and documents that are being received or read; others get 429.
        max_body: Maximum bytes of a request's body; more get 413.
        max_pages: Maximum number of pages read of a document.
        timeout: Seconds for a call of ``/v1/read``, and for one page of a job; then 504.
        upload_timeout: Seconds in which a request's body must arrive; then 408.
        keep: Seconds that a finished job is kept after its last use.
        max_jobs: Finished jobs kept; of more, those that were not used for the longest time are dropped.
        grace: Seconds that requests in progress have to end when the server is stopped.
        doubtful: Characters of lower confidence are marked on the page.
        replace_text: For pdf results of PDFs, see ``ocrpipe.export.document_bytes``; as ``rotate_pages``.
        rotate_pages: See there.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allow_hosts: tuple[str, ...] = ()
    workers: int = 1
    queue: int = 16
    max_body: int = 64 << 20
    max_pages: int = 2000
    timeout: float = 120.0
    upload_timeout: float = 60.0
    keep: float = 3600.0
    max_jobs: int = 32
    grace: float = 10.0
    doubtful: float = 0.9
    replace_text: bool = False
    rotate_pages: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "queue", "max_body", "max_pages", "max_jobs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("timeout", "upload_timeout", "keep", "grace"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}")
        if self.token is not None and (len(self.token) < MIN_TOKEN or not self.token.isascii()):
            raise ConfigError(f"a token has at least {MIN_TOKEN} characters, all of them ASCII")
        if self.token is None and not is_loopback(self.host):
            raise ConfigError(f"listening at {self.host} needs a token, since others could reach it")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
