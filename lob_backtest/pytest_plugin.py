"""The pytest plugin: the fixture `lob_regression` compares a run with a saved result.

Every pytest loads it where lob_backtest is installed; heavy imports therefore wait for the first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from lob_backtest.config.model import RunConfig
    from lob_backtest.result import Result
    from lob_backtest.strategy.api import Strategy

WRITTEN: Final = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--lob-update` and `--lob-output`."""
    group = parser.getgroup("lob_backtest")
    group.addoption("--lob-update", action="store_true", help="save the results of this run as the new baselines")
    group.addoption(
        "--lob-output",
        metavar="DIR",
        help="save each new result that fails its comparison, with its page, below DIR; replaces older results",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the list of the baselines that are written."""
    config.stash[WRITTEN] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List the baselines that were written, for review and commit."""
    for line in config.stash[WRITTEN]:
        terminalreporter.write_line(f"lob_backtest: {line}")


@pytest.fixture
def lob_regression(request: pytest.FixtureRequest) -> Regression:
    """Compare a run with a baseline: `lob_regression("run.toml", "name", tolerances={"pnl": "1%"})`."""
    return Regression(request)


class Regression:
    """Runs a config, or takes a result, and compares it with a named baseline.

    A baseline is a saved result without its page, in the folder `baselines` beside the test's file.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._config = request.config
        self._place = request.path.parent

    def __call__(
        self,
        run: Result | RunConfig | dict[str, Any] | str | Path,
        name: str,
        strategy: Strategy | type[Strategy] | None = None,
        *,
        tolerances: Mapping[str, str | float] | None = None,
    ) -> Result:
        """Compare, and fail the test if a metric moved further than allowed.

        Args:
            run: a result, or any config that `lob_backtest.run` accepts. A relative path of a TOML file is searched in
                the folder of the test's file, then in those above it; the working directory does not count.
            name: of the baseline: the folder `baselines/<name>` beside the test's file.
            strategy: an instance or a class; `None`: the one named in the config.
            tolerances: by metric, as in `lob_backtest.compare`; without any, the digests must be equal.

        Returns:
            The new result, for further assertions.
        """
        __tracebackhide__ = True
        from lob_backtest.errors import ConfigError, DataError, OutputError
        from lob_backtest.regression import compare
        from lob_backtest.result import Result

        baseline = self._place / "baselines" / name
        try:
            result = run if isinstance(run, Result) else self._run(run, strategy)
            if self._config.getoption("lob_update"):
                self._save(result, baseline)
                return result
            if not baseline.exists():
                pytest.fail(f"no baseline {baseline}; `pytest --lob-update` saves this result as one", pytrace=False)
            comparison = compare(baseline, result, tolerances=tolerances)
        except (ConfigError, DataError, OutputError) as error:
            pytest.fail(f"{type(error).__name__}: {error}", pytrace=False)
        if not comparison.same:
            update = "`pytest --lob-update` replaces it if the change is meant"
            pytest.fail(
                f"{name}: {comparison}\nbaseline: {baseline}; {update}{self._keep(result, name)}", pytrace=False
            )
        return result

    def _keep(self, result: Result, name: str) -> str:
        """Save a result that failed where `--lob-output` asks for it; return the line that names its place."""
        from lob_backtest.errors import OutputError

        folder = self._config.getoption("lob_output")
        if folder is None:
            return ""
        inside = self._place.is_relative_to(self._config.rootpath)  # names are unique only within their folder
        place = self._place.relative_to(self._config.rootpath) if inside else Path()
        kept = self._config.invocation_params.dir / folder / place / name
        try:
            result.save(kept, force=True)
        except OutputError as error:
            return f"\nnew result: not saved: {error}"
        return f"\nnew result: {kept}"

    def _run(self, run: Any, strategy: Strategy | type[Strategy] | None) -> Result:
        from lob_backtest.backtest import run as backtest
        from lob_backtest.errors import ConfigError

        if isinstance(run, str | Path):
            found = (folder / run for folder in (self._place, *self._place.parents) if (folder / run).is_file())
            path = next(found, None)
            if path is None:
                raise ConfigError(f"{run}: no such file in {self._place} or a folder above it")
            run = path
        return backtest(run, strategy)

    def _save(self, result: Result, baseline: Path) -> None:
        from lob_backtest.result import Result

        old = Result.load(baseline).digest if baseline.exists() else None
        if old != result.digest:
            result.save(baseline, force=True, page=False)
            self._config.stash[WRITTEN].append(f"{'replaced' if old else 'wrote'} {baseline}")
