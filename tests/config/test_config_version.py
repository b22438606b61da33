"""The version of a config: the known one is read, a newer one refused before its keys."""

from __future__ import annotations

import pytest

from lob_backtest.config.model import RunConfig
from lob_backtest.errors import ConfigError

VALUES = {"instrument": [{"data": ["x"]}]}


def test_a_config_without_a_version_is_of_version_1() -> None:
    assert RunConfig.parse(VALUES) == RunConfig.parse({"version": 1, **VALUES})
    assert RunConfig.parse(VALUES).plain()["version"] == 1


def test_a_newer_version_is_refused_in_one_message_whatever_its_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"version": 2, "markets": [], "runs": 3}, where="run.toml: ")
    assert str(caught.value) == (
        "run.toml: version: 2 is newer than this lob_backtest, which knows version 1; install a newer lob_backtest, or "
        "write the config with the keys of version 1"
    )


def test_a_version_of_thousands_of_digits_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigError, match=r"^version: a number of type int with thousands of digits is newer than "):
        RunConfig.parse({**VALUES, "version": 10**5000})


@pytest.mark.parametrize("version", [0, -1, "1", "new", 1.5, [1]])
def test_what_is_no_version_is_refused(version: object) -> None:
    with pytest.raises(ConfigError, match=r"^version: input should be 1, got "):
        RunConfig.parse({**VALUES, "version": version})
