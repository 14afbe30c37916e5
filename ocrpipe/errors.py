"""All errors that ocrpipe raises itself; their base class is ``OcrError``.

The command line prints the message as one line and exits with the class's ``exit_code``.
"""


class OcrError(Exception):
    """Base class of all errors of ocrpipe."""

    exit_code = 1


class UnsupportedSourceError(OcrError, TypeError):
    """The type of the source, or the file format, is not supported."""

    exit_code = 3


class UnreadableImageError(OcrError, ValueError):
    """The source is of a supported type, but empty, truncated, damaged, locked or too large."""

    exit_code = 4


class MissingExtraError(OcrError, ImportError):
    """An optional dependency is missing; the message has the command that installs it."""

    exit_code = 5


class WeightsError(OcrError):
    """Weights or their card are missing, damaged (by checksum) or do not fit the model."""

    exit_code = 6


class PluginError(OcrError):
    """A detector or recogniser plug-in is unknown, can't be imported, or returns invalid values."""

    exit_code = 7


class ConfigError(OcrError, ValueError):
    """An option or a training configuration has an invalid value."""

    exit_code = 2
