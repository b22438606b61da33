"""docs/architecture.md: its picture has every room, its walks lead through files and functions that exist."""

from __future__ import annotations

import re

import pytest
from test_tidy import FILES, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
MAX_TERMS = 30
WALKS = ("A market row", "An order", "A fee")
STOP = re.compile(r"`([\w./]+\.(?:py|rs))`\s+→\s+`(\w+)`")
"""A file, and the function or class in it."""


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/architecture.md has no section {title!r}"
    return found[1]


def rooms(place: str) -> set[str]:
    """Return the folders and modules right below a place, apart from the place's own module."""
    below = {path.relative_to(ROOT / place).parts for path in FILES if path.is_relative_to(ROOT / place)}
    folders = {parts[0] + "/" for parts in below if len(parts) > 1}
    modules = {parts[0] for parts in below if len(parts) == 1 and parts[0].endswith((".py", ".rs"))}
    return folders | modules - {"__init__.py", "lib.rs"}


@pytest.mark.parametrize("place", ["lob_backtest", "kernel/src"])
def test_the_picture_has_every_room(place: str) -> None:
    picture = re.search(r"```text\n(.*?)```", section("The rooms"), re.DOTALL)
    assert picture
    drawn = set(re.findall(r"(?<![\w/])\w+(?:/|\.py)(?!\w)", picture[1]))
    assert rooms(place)
    assert not rooms(place) - drawn, f"missing in the picture: {sorted(rooms(place) - drawn)}"


def test_the_picture_has_no_room_that_is_gone() -> None:
    picture = re.search(r"```text\n(.*?)```", section("The rooms"), re.DOTALL)
    assert picture
    drawn = set(re.findall(r"(?<![\w/])\w+(?:/|\.py)(?![\w/])", picture[1]))
    assert drawn <= rooms("lob_backtest") | rooms("kernel/src") | {"loop.py", "src/"}


def test_the_glossary_has_few_terms_with_one_meaning_each() -> None:
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", section("Glossary"), re.MULTILINE)[1:]
    assert 20 <= len(terms) <= MAX_TERMS
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_is_numbered(walk: str) -> None:
    stops = STOP.findall(section(walk))
    numbered = re.findall(r"^(\d+)\. ", section(walk), re.MULTILINE)
    assert numbered == [str(n) for n in range(1, len(numbered) + 1)]
    assert len(stops) >= len(numbered) > 5


@pytest.mark.parametrize("title", [*WALKS, "Where the next things go"])
def test_a_walk_leads_through_functions_that_exist(title: str) -> None:
    stops = STOP.findall(section(title))
    assert stops
    for name, function in stops:
        assert (ROOT / name).is_file(), f"{title}: no file {name}"
        text = (ROOT / name).read_text("utf-8")
        assert re.search(rf"\b(?:def|class|fn|struct|enum) {function}\b", text), f"{title}: no {function} in {name}"


def test_every_file_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`((?:lob_backtest|kernel|tests|scripts|docs)/[\w./]*)`", PAGE))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]
