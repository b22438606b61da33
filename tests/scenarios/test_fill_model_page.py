"""docs/fill-model.md is the specification: each of its rules has scenarios, and every engine passes them.

A rule is a paragraph that begins with its name, such as ``**FILL-2.**``; its scenarios are the fences marked `scenario`
from there to the next rule. What a page of rules cannot show shortly stands in the other files of this folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from scenario import check, states_something

PAGE = Path(__file__).resolve().parents[2] / "docs/fill-model.md"
TEXT = PAGE.read_text("utf-8")
WITHOUT_RULES = {"How to read the scenarios", "What the model does not know", "Traps"}
LONGEST = 16
"""Lines of a scenario: a longer one is no illustration, and belongs in a test of its own."""


class Scenario(NamedTuple):
    """A fence of the page: the rule that it belongs to, its number there, and the line below its backticks."""

    rule: str
    number: int
    line: int
    text: str


def scenarios(page: str) -> Iterator[Scenario]:
    """Yield the scenarios of a page; those before the first rule belong to the rule ``""``."""
    rule, number = "", 0
    for found in re.finditer(r"^\*\*([A-Z0-9]+-\d+)\.\*\*|^```scenario\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if found[1]:
            rule, number = found[1], 0
        else:
            number += 1
            yield Scenario(rule, number, page[: found.start(2)].count("\n") + 1, found[2])


def rules(page: str) -> list[str]:
    """Return the names of a page's rules, from top to bottom."""
    return re.findall(r"^\*\*([A-Z0-9]+-\d+)\.\*\*", page, re.MULTILINE)


def without_scenario(page: str) -> list[str]:
    """Return the rules that no scenario shows."""
    shown = {scenario.rule for scenario in scenarios(page)}
    return [rule for rule in rules(page) if rule not in shown]


def out_of_step(page: str) -> list[str]:
    """Return the rules whose number does not follow the one before it under the same word."""
    last: dict[str, int] = {}
    wrong = []
    for rule in rules(page):
        word, _, number = rule.rpartition("-")
        if int(number) != last.get(word, 0) + 1:
            wrong.append(rule)
        last[word] = int(number)
    return wrong


def sections_without_rules(page: str) -> set[str]:
    """Return the titles of the sections that have no rule."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return {title for title, text in zip(parts[1::2], parts[2::2], strict=True) if not rules(text)}


@pytest.mark.parametrize("shown", list(scenarios(TEXT)), ids=lambda s: f"{s.rule or 'how-to-read'}.{s.number}")
def test_what_the_page_shows_happens(engine: str, shown: Scenario) -> None:
    assert states_something(shown.text), f"{PAGE.name}:{shown.line}: nothing is said of what comes of it"
    assert shown.text.count("\n") <= LONGEST
    check(engine, shown.text)


def test_each_rule_has_a_scenario() -> None:
    assert not without_scenario(TEXT)


def test_rules_are_numbered_in_order() -> None:
    assert len(rules(TEXT)) > 40
    assert not out_of_step(TEXT)


def test_each_section_has_rules_but_those_that_explain() -> None:
    assert sections_without_rules(TEXT) == WITHOUT_RULES


def test_every_fence_of_the_page_is_a_scenario() -> None:
    assert TEXT.count("\n```scenario\n") * 2 == TEXT.count("\n```")


def test_each_trap_names_a_rule() -> None:
    rows = re.findall(r"^\|.*\| ([A-Z0-9]+-\d+) \|$", TEXT.partition("\n## Traps\n")[2], re.MULTILINE)
    assert len(rows) == 14
    assert set(rows) <= set(rules(TEXT))


def test_a_rule_without_a_scenario_is_found() -> None:
    page = "**A-1.** Yes.\n\n```scenario\n0 print bid 1 1\n```\n\n**A-2.** No.\n\n**A-4.** Nor this.\n"
    assert [(s.rule, s.number, s.line) for s in scenarios(page)] == [("A-1", 1, 4)]
    assert without_scenario(page) == ["A-2", "A-4"]
    assert out_of_step(page) == ["A-4"]
