"""Every error ocrpipe raises on purpose, under one root.

The command line maps each class to its ``exit_code`` and prints the message as one line.
"""


class OcrError(Exception):
    """Root of the hierarchy; catch it to catch everything ocrpipe raises on purpose."""

    exit_code = 1


class UnsupportedSourceError(OcrError, TypeError):
    """The source is of a kind or file type ocrpipe does not read."""

    exit_code = 3


class UnreadableImageError(OcrError, ValueError):
    """The source is of a known kind, but empty, truncated, damaged, locked or absurdly large."""

    exit_code = 4


class MissingExtraError(OcrError, ImportError):
    """An optional dependency is missing; the message holds the pip line that installs it."""

    exit_code = 5


class WeightsError(OcrError):
    """Weights or their card are missing, damaged (the checksum is named) or do not fit the model."""

    exit_code = 6


class PluginError(OcrError):
    """A detector or recogniser plug-in is unknown, fails to import, or returns what it must not."""

    exit_code = 7


class ConfigError(OcrError, ValueError):
    """An option or a training configuration has a value that makes no sense."""

    exit_code = 2
