"""Who may call the server, and the headers of every answer.

Browsers are the danger on loopback: any web page can send requests to it. So the name in ``Host`` must be one
that the server has (against DNS rebinding), requests that browsers mark as coming from other sites are
refused (against CSRF), and no answer can be framed or embedded by them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocrpipe.serve.metrics import Metrics
from ocrpipe.serve.problems import Problem, problem_of
from ocrpipe.serve.settings import ServeSettings

_log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_GUARDED = ("/v1/", "/metrics")


class Guard:
    """ASGI middleware that checks every request, answers errors, and counts.

    Args:
        app: What answers requests that are allowed.
        settings: The token and the names of the server.
        metrics: Where answers are counted.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope["path"], Headers(scope=scope))
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            problem = problem_of(error)
            if status:  # the answer has begun: all that can be done is to break it off
                raise
            await problem.response()(scope, receive, send_guarded)
        finally:
            seconds = time.perf_counter() - start
            endpoint = getattr(scope.get("endpoint"), "__name__", "none")
            self._metrics.count("ocrpipe_requests_total", f'endpoint="{endpoint}",status="{status}"')
            self._metrics.observe("ocrpipe_request_seconds", seconds)
            _log.info("%s %s: %d in %.3f s", scope["method"], scope["path"], status, seconds)

    def _check(self, path: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if not is_known_host(host, (*self._settings.allow_hosts, self._settings.host)):
            raise Problem(421, "the server has no such name; --allow-host gives it one")
        if not path.startswith(_GUARDED):
            return
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Problem(403, "requests from other sites are refused")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Problem(403, "requests from other sites are refused")
        if self._settings.token is not None and not self._has_token(path, headers):
            raise Problem(401, "a token is needed", headers={"WWW-Authenticate": "Bearer"})

    def _has_token(self, path: str, headers: Headers) -> bool:
        token = self._settings.token or ""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return is_same(given.strip(), token)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(self._settings))
        except CookieError:
            return False
        return cookie is not None and is_same(cookie.value, session_of(token))


def is_same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def session_of(token: str) -> str:
    """What the cookie of the page holds in place of the token."""
    return hmac.new(token.encode(), b"ocrpipe session", hashlib.sha256).hexdigest()


def cookie_name(settings: ServeSettings) -> str:
    """Name of the cookie; with the port, since cookies are shared by all ports of a host."""
    return f"ocrpipe-{settings.port}"


def is_known_host(host: str, names: Iterable[str]) -> bool:
    """Whether the ``Host`` of a request is an IP address, ``localhost``, or one of the names.

    An attacker's page that has its own name point to this server sends that name; it can't send an address.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        _ = urlsplit(f"//{host}").port
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return name == "localhost" or name in {known.lower() for known in names}
