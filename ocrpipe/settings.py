"""Dataclasses of options changed by name: by values, or by texts such as ``NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from ocrpipe.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)

Settings = Mapping[str, object]
"""Names of options, dots between those that lie within each other, and their values or the text of them."""

_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def configured(config: Config, settings: Settings, *, known_as: str = "") -> Config:
    """A dataclass of options with some changed.

    Args:
        config: The options; fields that are such dataclasses themselves are reached by a dot.
        settings: Values by name; text is parsed by the field's type.
        known_as: What the options are called in messages.

    Raises:
        ocrpipe.errors.ConfigError: A name is unknown, or a value does not fit.
    """
    hints = get_type_hints(type(config))
    names = [f.name for f in fields(config)]
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        first, dot, rest = name.partition(".")
        path = f"{known_as}.{first}" if known_as else first
        if first not in names:
            raise ConfigError(f"cannot set {path!r}: {known_as or 'this'} has {', '.join(names)}")
        current = changes.get(first, getattr(config, first))
        if dot:
            if not is_dataclass(current) or isinstance(current, type):
                raise ConfigError(f"cannot set {path}.{rest}: {path} is a single value")
            changes[first] = configured(current, {rest: value}, known_as=path)
        else:
            changes[first] = _parsed(value, hints[first], path)
    return replace(config, **changes)


def pairs_of(settings: Settings | Iterable[str]) -> list[tuple[str, object]]:
    """Names and values of settings.

    Raises:
        ocrpipe.errors.ConfigError: A text is not NAME=VALUE.
    """
    if isinstance(settings, Mapping):
        return list(settings.items())
    pairs: list[tuple[str, object]] = []
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"cannot set {text!r}: settings are NAME=VALUE")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _parsed(value: object, hint: Any, path: str) -> object:
    """A value of the hint's type; text is parsed, numbers in a row are parted by commas."""
    kinds = [kind for kind in get_args(hint) if isinstance(kind, type)] or [hint]
    if getattr(hint, "__origin__", None) is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, Iterable):
            raise ConfigError(f"{path} takes several values, not {value!r}")
        return tuple(_parsed(part, kinds[0], path) for part in parts)
    for kind in kinds:
        if kind is bool and isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        if kind in (int, float) and isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                return kind(value)
            except ValueError:
                continue
        if value is None or (kind is type(None) and value == "none"):
            return None
    names = " or ".join(kind.__name__ for kind in kinds)
    raise ConfigError(f"{value!r} is no value for {path}, which takes {names}")
