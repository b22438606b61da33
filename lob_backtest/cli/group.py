"""The command line: one module per verb, imported on use."""

from __future__ import annotations

import importlib
import io
import sys
import warnings
from typing import Any, Final, TextIO

import click

from lob_backtest.cli.output import print_error
from lob_backtest.cli.streams import BROKEN_PIPE, flushed, open_descriptors
from lob_backtest.errors import EngineError, LobBacktestError, OutputError
from lob_backtest.process import interrupts

GROUPS: Final = {
    "Backtest": {
        "run": "Replay market data through a strategy and report the result.",
        "report": "Write the HTML page of a saved result.",
        "compare": "Compare two saved results.",
    },
    "Data": {
        "convert": "Turn a vendor's files into canonical Parquet.",
        "validate": "List what is wrong with a market data file.",
        "inspect": "Show what a market data file holds.",
        "book": "Dump the rebuilt order book.",
        "generate": "Write a synthetic market data file.",
        "calibrate": "Estimate volatility and how often quotes are reached.",
        "latency": "Describe measured latencies and write a model of them.",
    },
    "Project": {
        "init": "Write a project that runs: config, strategy, test, CI file.",
        "doctor": "Show what is installed, missing or slow.",
        "venues": "Show how venues treat orders, with sources.",
        "schema": "Print what a config, a market data file or a result holds.",
    },
}
"""The verbs, in the groups of `--help`, which fits a terminal of 80 columns and 24 lines."""

VERBS: Final = {verb: about for verbs in GROUPS.values() for verb, about in verbs.items()}


class _Verbs(click.Group):
    """A group whose commands live in `lob_backtest.cli.verbs.<verb>` and load on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the verbs in the order of their groups, not alphabetically."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"lob_backtest.cli.verbs.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or suggest one (click's own suggestions cover only imported commands)."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the commands are {', '.join(VERBS)}"
            raise click.UsageError(f"no verb {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them, so that `--help` stays fast, and without empty lines."""
        width = max(map(len, VERBS))
        for group, verbs in GROUPS.items():
            formatter.write_heading(group)
            with formatter.indentation():
                formatter.write_dl([(verb.ljust(width), about) for verb, about in verbs.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lob-backtest", prog_name="lob-backtest")
def cli() -> None:
    """Backtest market makers on limit order book data."""


def main(argv: list[str] | None = None) -> Any:
    """Run the command line and exit with the code of docs/errors.md.

    Args:
        argv: the arguments; the process's own when `None`.
    """
    open_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without '·' shows '?', not a traceback
    try:
        with interrupts.guarded(ending=True), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = _exit_code(argv)
    except KeyboardInterrupt:
        print_error("interrupted")
        code = interrupts.exit_code()
    sys.exit(flushed(code))


def _exit_code(argv: list[str] | None) -> int:
    """Run a verb; return the exit code.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    output = sys.stdout
    try:
        code = cli.main(args=argv, standalone_mode=False)
        interrupts.check()
        return code if isinstance(code, int) else 0
    except click.Abort:
        raise KeyboardInterrupt from None
    except BaseException as error:
        interrupts.check()  # it may be the consequence of an interrupt
        if isinstance(error, SystemExit) and sys.stdout is not output:
            return BROKEN_PIPE  # raised by click, which replaces the stream
        return _report(error)


def _report(error: BaseException) -> int:
    """Print an error; return its exit code.

    Raises:
        KeyboardInterrupt, SystemExit: that is what it is.
    """
    match error:
        case KeyboardInterrupt():
            raise error
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            text = io.StringIO()
            error.show(text)
            print_error(text.getvalue().removesuffix("\n"))
            return error.exit_code
        case LobBacktestError():
            print_error(f"error: {error}")
            return error.exit_code
        case BrokenPipeError():
            return BROKEN_PIPE
        case SystemExit():
            if isinstance(error.__context__, BrokenPipeError):  # raised by rich
                return BROKEN_PIPE
            raise error
        case OSError():
            print_error(f"error: {error}")
            return OutputError.exit_code
        case MemoryError():
            print_error("error: out of memory")
            return OutputError.exit_code
    return _unforeseen(error)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print_error(f"{filename}:{lineno}: {category.__name__}: {message}")


def _unforeseen(error: BaseException) -> int:
    """Report an unexpected exception; Python's own exit code, 1, would mean "the results differ"."""
    import traceback

    text = "".join(traceback.format_exception(error))
    print_error(f"{text}error: {type(error).__name__}: {error}. This is a bug: please report it with all of the above")
    return EngineError.exit_code
