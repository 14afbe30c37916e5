"""What libtiff has to say about damaged files, as log records instead of lines on stderr.

Pillow leaves libtiff's error handler as it is, which prints, and reads damaged CCITT data without an error.
The library that Pillow has loaded gets a handler that keeps the messages of the thread that decodes.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from ocrpipe.io.names import printable

_log = logging.getLogger(__name__)

_current = threading.local()
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_LENGTH = 512  # bytes of a message
_KEPT = 50  # messages of one image


@contextmanager
def messages(name: str) -> Iterator[None]:
    """Log what libtiff reports in the block; where decoding goes on all the same, that is a warning."""
    _install()
    found: list[str] = []
    _current.found = found
    try:
        yield
    except BaseException:
        for message in found:
            _log.debug("%s: %s", name, message)
        raise
    finally:
        _current.found = None
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        _log.warning("%s is damaged and read in part: %s%s", printable(name), found[0], more)


@cache
def _install() -> Any:
    """Set the handler once; what is returned must be kept alive."""
    with suppress(OSError, AttributeError):  # no such library, or another build of it
        path = _loaded_library()
        if path is None:
            return None
        library, libc = ctypes.CDLL(path), ctypes.CDLL(None)
        format_arguments = libc.vsnprintf
        format_arguments.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p)

        def handle(module: bytes | None, template: bytes | None, arguments: int | None) -> None:
            with suppress(Exception):  # nothing may be raised into C
                text = ctypes.create_string_buffer(_LENGTH)
                format_arguments(text, _LENGTH, template, arguments)
                _keep(
                    f"{(module or b'').decode('utf-8', 'replace')}: {text.value.decode('utf-8', 'replace')}"
                )

        handler = _HANDLER(handle)
        library.TIFFSetErrorHandler.argtypes = (_HANDLER,)
        library.TIFFSetErrorHandler.restype = ctypes.c_void_p
        library.TIFFSetErrorHandler(handler)
        return handler
    return None


def _keep(message: str) -> None:
    found = getattr(_current, "found", None)
    if found is None:
        _log.debug("libtiff: %s", message)
    elif len(found) < _KEPT:
        found.append(message)


def _loaded_library() -> str | None:
    """The libtiff that this process has loaded, where that can be told (on Linux)."""
    from PIL import _imaging  # noqa: F401

    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        path = line.partition("/")[2]
        if "libtiff" in path.rpartition("/")[2]:
            return f"/{path}"
    return None
