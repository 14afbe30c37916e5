"""Messages of libtiff about damaged files as log records, instead of lines on stderr.

Pillow keeps libtiff's default error handler, which prints, and decodes damaged CCITT data without an error.
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
_MAX_KEPT = 50  # messages of one image


@contextmanager
def messages(name: str) -> Iterator[None]:
    """Log libtiff's messages within the block; a warning if decoding succeeded in spite of them."""
    _install()
    kept: list[str] = []
    _current.kept = kept
    try:
        yield
    except BaseException:
        for message in kept:
            _log.debug("%s: %s", name, message)
        raise
    finally:
        _current.kept = None
    if kept:
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        _log.warning("%s is damaged and read in part: %s%s", printable(name), kept[0], more)


@cache
def _install() -> Any:
    """Set the handler once; the return value must be kept alive."""
    with suppress(OSError, AttributeError):  # the library is missing, or built without the symbol
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
    kept = getattr(_current, "kept", None)
    if kept is None:
        _log.debug("libtiff: %s", message)
    elif len(kept) < _MAX_KEPT:
        kept.append(message)


def _loaded_library() -> str | None:
    """Path of the libtiff that this process has loaded; on Linux only."""
    from PIL import _imaging  # noqa: F401

    for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
        path = line.partition("/")[2]
        if "libtiff" in path.rpartition("/")[2]:
            return f"/{path}"
    return None
