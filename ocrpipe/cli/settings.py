"""Dataclass configurations from ``--set NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)

_PARSERS: dict[type, Callable[[str], object]] = {
    bool: {"true": True, "false": False}.__getitem__,
    int: int,
    float: float,
    str: str,
}


def configured(config: type[Config], settings: Sequence[str], **given: object) -> Config:
    """A configuration with the ``given`` values, and with ``settings`` parsed by their fields' types.

    Given values that are ``None``, of options left out, keep the configuration's default.

    Raises:
        ConfigError: A setting is not NAME=VALUE, or its name or value does not fit the configuration.
    """
    return config(**{**{n: v for n, v in given.items() if v is not None}, **_parsed(config, settings, given)})


def changed(config: Config, settings: Sequence[str]) -> Config:
    """A configuration with ``settings`` parsed by their fields' types.

    Raises:
        ConfigError: As of ``configured``.
    """
    return replace(config, **_parsed(type(config), settings, ()))


def _parsed(config: type[Any], settings: Sequence[str], given: Collection[str]) -> dict[str, object]:
    """The values of settings, but of those ``given``, which have options of their own."""
    parsers = {name: parser for name, parser in _parsers(config).items() if name not in given}
    values: dict[str, object] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in parsers:
            raise ConfigError(
                f"cannot set {setting!r}; NAME=VALUE, where NAME is one of {', '.join(parsers)}"
            )
        try:
            values[name] = parsers[name](text)
        except (KeyError, ValueError):
            raise ConfigError(f"{text!r} is not a value for {name}") from None
    return values


def _parsers(config: type[Any]) -> dict[str, Callable[[str], object]]:
    """How to parse each field that holds a plain value, or a plain value or ``None``."""
    hints = get_type_hints(config)
    parsers = {}
    for field in fields(config):
        kinds = [kind for kind in get_args(hints[field.name]) or (hints[field.name],) if kind in _PARSERS]
        if kinds:
            parsers[field.name] = _PARSERS[kinds[0]]
    return parsers
