"""The names of the package."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import lob_backtest as lob


@pytest.mark.parametrize("name", lob.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(lob, name) is not None


def test_no_module_hides_a_public_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(lob.__path__)}
    assert modules.isdisjoint(lob.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'lob_backtest' has no attribute 'runn'"):
        importlib.import_module("lob_backtest").runn  # noqa: B018
