"""Escape text from files, symbols and exceptions, so that it cannot control a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Replace every control character, line ends included: a file's name must not move the cursor."""
    return text if text.isprintable() else "".join(each if each.isprintable() else REPLACEMENT for each in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines, each made `printable`, with tabs as spaces."""
    return "\n".join(printable(line) for line in text.replace("\t", "    ").split("\n"))


def cut(text: str, size: int) -> str:
    """Return a text, or its first `size` characters and how many it has."""
    return text if len(text) <= size else f"{text[:size]}… ({len(text):,} characters)"


def utf8(text: str) -> str:
    r"""Return text that UTF-8 can encode: an undecodable byte of a file name becomes ``\xff``."""
    if text.isascii():
        return text
    return "".join(_escaped(each) if "\ud800" <= each <= "\udfff" else each for each in text)


def utf8_values(value: Any) -> Any:
    """Return plain values with `utf8` applied to every text in them."""
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, Mapping):
        return {utf8_values(name): utf8_values(each) for name, each in value.items()}
    return [utf8_values(each) for each in value] if isinstance(value, list | tuple) else value


def _escaped(surrogate: str) -> str:
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
