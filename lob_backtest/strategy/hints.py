"""Words an exception from a mistake with `ctx` for its author: names of the API, and the one that was meant."""

from __future__ import annotations

import difflib
import inspect
import re
from typing import Any, Final

from lob_backtest.errors import text_of
from lob_backtest.strategy import api

API: Final[dict[str, tuple[str, type]]] = {
    "KernelContext": ("ctx", api.Context),
    "ReferenceContext": ("ctx", api.Context),
    "ReceivedBook": ("ctx.book", api.Book),
}
"""The name and the documented class of each class of an engine that a strategy meets."""
_CLASS: Final = rf"(?P<class>{'|'.join(API)})"
_READ_ONLY: Final = re.compile(rf"(?:attribute|property) '(?P<name>\w+)' of '(?:[\w.]+\.)?{_CLASS}' object")
_CALL: Final = re.compile(rf"\b{_CLASS}\.(?P<method>\w+)\(\)")


def text_with_hint(error: BaseException) -> str:
    """Return the text of an exception that a callback raised, with a hint where one can be given."""
    try:
        if type(error) is AttributeError:
            return _attribute(error) or text_of(error)
        if type(error) is TypeError:
            return _arguments(text_of(error))
    except KeyboardInterrupt:
        raise
    except BaseException:  # the author's object can do anything when it is asked for its names
        pass
    return text_of(error)


def _attribute(error: AttributeError) -> str | None:
    read_only = _READ_ONLY.search(text_of(error))
    if read_only is not None:
        return f"{API[read_only['class']][0]}.{read_only['name']} is read-only"
    if not isinstance(error.name, str) or error.obj is None:
        return None
    label, documented = API.get(type(error.obj).__name__, ("", type(error.obj)))
    names = [name for name in dir(documented if label else error.obj) if not name.startswith("_")]
    near = difflib.get_close_matches(error.name, names, n=1)
    if not label:
        return f"{text_of(error)}; did you mean {near[0]!r}?" if near else None
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"{label} has no attribute {error.name!r}; {hint}"


def _arguments(text: str) -> str:
    """Name a method by its object, and add how it is called."""
    found = _CALL.search(text)
    if found is None:
        return text
    label, documented = API[found["class"]]
    call = f"{label}.{found['method']}"
    method: Any = getattr(documented, found["method"])
    return f"{_CALL.sub(f'{call}()', text)}; write {call}{_signature(method)}"


def _signature(method: Any) -> str:
    signature = inspect.signature(method)
    parameters = [each.replace(annotation=each.empty) for each in list(signature.parameters.values())[1:]]
    shown = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return str(shown).replace("Ellipsis", "...")
