"""A view of a TIFF that starts at another directory, so that a page is opened without walking to it."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO


class StartingAt(io.RawIOBase):
    """A view of a TIFF's stream whose header points to the directory at ``offset``.

    Args:
        stream: Seekable; it is left open.
        offset: Position of the directory in the file.
    """

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self._stream = stream
        stream.seek(0)
        head = stream.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack(f"{order}H", head[2:4])[0] == 43
        self._head = (
            head[:8] + struct.pack(f"{order}Q", offset)
            if big
            else head[:4] + struct.pack(f"{order}I", offset)
        )
        stream.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the stream does, with the header's offset replaced."""
        at = self._stream.tell()
        data = self._stream.read(-1 if size is None else size)
        if at < len(self._head):
            patch = self._head[at : at + len(data)]
            data = patch + data[len(patch) :]
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move within the stream."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The position in the stream."""
        return self._stream.tell()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The stream's file descriptor, for libtiff, which Pillow passes the directory's offset.

        Raises:
            OSError: The stream has no descriptor.
        """
        return self._stream.fileno()
