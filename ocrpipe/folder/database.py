"""The SQLite file of a manifest: its tables, earlier versions of them, transactions and errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocrpipe.errors import OcrError

APPLICATION = 0x6F637270  # "ocrp"
_VERSION = 3

_TABLES = """
CREATE TABLE documents (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL, sha256 TEXT NOT NULL, pages INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE pages (
    path TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL, settings TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed')), error TEXT, message TEXT, traceback TEXT,
    passing INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL, lines INTEGER, confidence REAL, digest TEXT,
    warnings TEXT, finished REAL NOT NULL, PRIMARY KEY (path, number)
) WITHOUT ROWID;
CREATE TABLE results (
    path TEXT NOT NULL, number INTEGER NOT NULL, page BLOB NOT NULL, PRIMARY KEY (path, number)
);
CREATE TABLE outputs (
    path TEXT NOT NULL, format TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (path, format)
) WITHOUT ROWID;
CREATE INDEX outputs_by_name ON outputs (name);
CREATE TABLE skipped (path TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
"""

_TABLES_3 = """
CREATE TABLE tree (root TEXT NOT NULL);
CREATE TABLE corrections (
    path TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL, quad TEXT NOT NULL, read TEXT NOT NULL,
    text TEXT NOT NULL, changed REAL NOT NULL, PRIMARY KEY (path, number, quad)
) WITHOUT ROWID;
"""

_STEPS = {1: "ALTER TABLE pages ADD COLUMN warnings TEXT", 2: _TABLES_3}
"""How a file of each earlier version becomes one of the next."""


class Database:
    """An open file; what a transaction has stored survives a crash of the process or the machine.

    Args:
        path: The file.
        writable: Whether to create it if it is missing, and to change it.

    Raises:
        OcrError: It is damaged or of another program, or can't be written.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        with self.errors():
            # rw for reading, too: the last connection to close removes the files of write-ahead mode
            uri = f"{path.absolute().as_uri()}?mode={'rwc' if writable else 'rw'}"
            self._db = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=60, check_same_thread=False
            )
        try:
            with self.errors():
                self._open(writable)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; all changes are stored already."""
        self._db.close()

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute a statement; raises ``sqlite3.Error``, see ``errors``."""
        return self._db.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes of the block, or none of them if it raises; ``OcrError`` for those of SQLite."""
        with self.errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise ``OcrError`` for errors of SQLite."""
        try:
            yield
        except sqlite3.Error as error:
            raise OcrError(f"cannot use {self.path}: {error}") from error

    def _open(self, writable: bool) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if writable and application == APPLICATION and version in _STEPS:
            version = self._upgrade()
        if writable and not tables:
            self._db.execute("PRAGMA journal_mode = WAL")
            with self.transaction():
                self._create(_TABLES + _TABLES_3)
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
        elif application != APPLICATION or version != _VERSION:
            raise OcrError(f"{self.path} is no manifest of this version of ocrpipe")
        self._db.execute("PRAGMA synchronous = FULL" if writable else "PRAGMA query_only = ON")

    def _upgrade(self) -> int:
        with self.transaction():
            (version,) = self._db.execute(
                "PRAGMA user_version"
            ).fetchone()  # another process may have done it
            for step in range(version, _VERSION):
                self._create(_STEPS[step])
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
        return _VERSION

    def _create(self, statements: str) -> None:
        for statement in statements.split(";"):
            self._db.execute(statement)
