"""The parameters of strategies: public annotated attributes of the class, checked against their types."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from lob_backtest.errors import ConfigError


def is_duration(annotation: Any) -> bool:
    """Return whether a parameter's annotation is `lob_backtest.Duration`."""
    if typing.get_origin(annotation) is not Annotated:
        return False
    from lob_backtest.units import parse_duration

    return any(getattr(each, "func", None) is parse_duration for each in typing.get_args(annotation)[1:])


def refuse_unknown(cls: type[Any], given: Iterable[str]) -> None:
    """Refuse names that are no parameters of a strategy class.

    Raises:
        ConfigError: there is one; the message has the nearest.
    """
    for name in given:
        if name not in cls.parameters:
            near = difflib.get_close_matches(name, cls.parameters, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            default = getattr(cls, name, None)
            if isinstance(default, bool | int | float | str) and not name.startswith("_"):
                declared = f"{name}: {type(default).__name__} = {default!r}"
                hint = f" The class has {name} without an annotation; write {declared}."
            known = ", ".join(cls.parameters) or "none"
            raise ConfigError(f"{cls.__name__} has no parameter {name!r}.{hint} Its parameters: {known}")


def refuse_type(cls: type[Any], name: str, annotation: Any) -> None:
    """Refuse an annotation that no parameter can have.

    Raises:
        ConfigError: it is one.
    """
    plain = typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation
    if plain not in (int, float, bool, str) and typing.get_origin(plain) is not Literal:
        raise ConfigError(
            f"{cls.__name__}.{name}: {annotation!r} is no type of a parameter; use int, float, bool, str, Literal or "
            "lob_backtest.Duration, or begin the name of what is state with an underscore"
        )


def checked(cls: type[Any], name: str, annotation: Any, value: Any) -> Any:
    """Return the value of a parameter as its annotation has it.

    Raises:
        ConfigError: it is of another type, or out of range.
    """
    from pydantic import TypeAdapter, ValidationError

    value = _plain(value, annotation)
    try:
        # Text (from the command line) may become a number; a number never becomes another type.
        return TypeAdapter(annotation).validate_python(value, strict=not isinstance(value, str))
    except ValidationError as error:
        what = "; ".join(item["msg"] for item in error.errors())
        raise ConfigError(f"{cls.__name__}: parameter {name} = {value!r}: {what}") from None


def _plain(value: Any, annotation: Any) -> Any:
    """Return a number of numpy as one of Python, and a whole float as an integer where one is wanted."""
    if getattr(getattr(value, "dtype", None), "kind", "") in tuple("iufb") and not getattr(value, "ndim", 1):
        value = value.item()
    kind = typing.get_args(annotation)[0] if typing.get_origin(annotation) is Annotated else annotation
    is_whole = isinstance(value, float) and value.is_integer() and kind is int and not is_duration(annotation)
    return int(value) if is_whole else value
