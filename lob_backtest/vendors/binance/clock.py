"""Check a recorder's clock, and find its correction.

Local - exchange time is the latency of a message plus the error of the recorder's clock. The smallest value of a
recording bounds the error:

* No message takes `CREDIBLE_NS` (10 s): a recording in which none is faster has a wrong clock.
* An error of whole quarter hours, within `CREDIBLE_NS`, is a time zone's, since all of those are multiples of a quarter
  hour. It is removed exactly, ahead or behind.
* A clock that is behind otherwise is corrected so that the smallest latency is `min_latency`.
* A clock that is ahead otherwise is refused: its error cannot be told from latency.

The same holds for each minute of exchange time against the smallest of all: a clock that jumps by quarter hours within
a recording (daylight saving) is refused; minutes that are late otherwise are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lob_backtest.errors import ConfigError, DataError
from lob_backtest.units import MS, SECOND, format_duration

CREDIBLE_NS: Final = 10 * SECOND
"""More than any latency; packets of different streams wait as long for each other (`time_order.HOLD_NS`)."""
MINUTE_NS: Final = 60 * SECOND
ZONE_STEP_NS: Final = 15 * MINUTE_NS
DAY_NS: Final = 24 * 60 * MINUTE_NS
"""No time zone differs from another by more: a minute that is late by more has a damaged time."""


@dataclass(slots=True)
class Latencies:
    """The smallest local - exchange time of all messages and of each minute.

    Attributes:
        smallest_ns: of all messages; `None` before the first.
        fastest: file and line of that message.
        minutes: the smallest value per minute of exchange time, with file and line of its message.
    """

    smallest_ns: int | None = None
    fastest: tuple[str, int] = "", 0
    minutes: dict[int, tuple[int, str, int]] = field(default_factory=dict)

    def add(self, ts_ns: int, local_ns: int, path: str, number: int) -> None:
        """Add the times of a message; `path` and `number` are its file and line."""
        latency_ns = local_ns - ts_ns
        if self.smallest_ns is None or latency_ns < self.smallest_ns:
            self.smallest_ns, self.fastest = latency_ns, (path, number)
        minute = ts_ns // MINUTE_NS
        known = self.minutes.get(minute)
        if known is None or latency_ns < known[0]:
            self.minutes[minute] = latency_ns, path, number


@dataclass(frozen=True, slots=True)
class ClockCheck:
    """The correction of a clock.

    Attributes:
        shift_ns: added to every local time.
        late_minutes: minutes of exchange time in which no message is within `CREDIBLE_NS` of the fastest.
        notes: sentences for the user.
    """

    shift_ns: int
    late_minutes: int
    notes: tuple[str, ...]


def check_clock(found: Latencies, min_latency_ns: int, offset_ns: int | None) -> ClockCheck:
    """Choose the correction of local times.

    Args:
        found: of a recording.
        min_latency_ns: the least time from the exchange to the recorder.
        offset_ns: how far the clock is ahead, given by the user (behind: negative); `None`: unknown.

    Raises:
        ConfigError: the offset leaves a latency that is not credible.
        DataError: the clock is ahead by an amount that cannot be told from latency, or it jumps.
    """
    assert found.smallest_ns is not None
    smallest_ns = found.smallest_ns
    late_minutes, notes = _check_minutes(found)
    zone_ns = _whole_quarters(smallest_ns) if offset_ns is None else offset_ns
    rest_ns = smallest_ns - zone_ns
    if offset_ns and rest_ns > CREDIBLE_NS:
        raise ConfigError(
            f"--clock-offset: {format_duration(offset_ns)} leaves {_seconds(rest_ns)} as the smallest local - exchange "
            f"time; expected {_seconds(CREDIBLE_NS)} at most (positive: the clock is ahead; negative: it is behind)"
        )
    if offset_ns is None and rest_ns > CREDIBLE_NS:
        path, number = found.fastest
        raise DataError(
            f"{path}, line {number}: local - exchange time is {_seconds(smallest_ns)}, and none is less; expected "
            f"{_seconds(CREDIBLE_NS)} at most from a clock that is right. Pass --clock-offset with what the recorder's "
            "clock is ahead by, or --clock-offset 0s if local times are right"
        )
    shift_ns = -zone_ns + max(0, min_latency_ns - rest_ns)
    told = f"smallest local - exchange time is {smallest_ns / MS:.3f} ms: "
    if zone_ns:
        why = "as in another time zone" if offset_ns is None else "--clock-offset"
        side = "ahead" if zone_ns > 0 else "behind"
        told += f"local times are {format_duration(abs(zone_ns))} {side} ({why}), which was corrected; then "
    if rest_ns < min_latency_ns:
        told += (
            f"{(min_latency_ns - rest_ns) / MS:.3f} ms were added to local times, so that it is "
            f"{format_duration(min_latency_ns)} (--min-latency); all latencies are relative to that"
        )
    else:
        told += "local times are as recorded" if not zone_ns else f"it is {rest_ns / MS:.3f} ms"
    return ClockCheck(shift_ns, late_minutes, (told, *notes))


def _whole_quarters(ns: int) -> int:
    """Return the multiple of a quarter hour within `CREDIBLE_NS` of a duration; 0 if there is none."""
    nearest_ns = (ns + ZONE_STEP_NS // 2) // ZONE_STEP_NS * ZONE_STEP_NS
    return nearest_ns if abs(ns - nearest_ns) <= CREDIBLE_NS else 0


def _check_minutes(found: Latencies) -> tuple[int, list[str]]:
    assert found.smallest_ns is not None
    late = [each for _, each in sorted(found.minutes.items()) if each[0] - found.smallest_ns > CREDIBLE_NS]
    for latency_ns, path, number in late:
        if latency_ns - found.smallest_ns > DAY_NS:
            raise DataError(
                f"{path}, line {number}: local - exchange time is {_seconds(latency_ns)}, and elsewhere "
                f"{_seconds(found.smallest_ns)}: one of its times is wrong; correct or remove the line"
            )
        jump_ns = _whole_quarters(latency_ns - found.smallest_ns)
        if jump_ns:
            raise DataError(
                f"{path}, line {number}: no message of this minute took less than {_seconds(latency_ns)} (local - "
                f"exchange time), and elsewhere one took {_seconds(found.smallest_ns)}: the recorder's clock jumped by "
                f"{format_duration(jump_ns)}; convert what was recorded before and after each jump on its own"
            )
    if not late:
        return 0, []
    latency_ns, path, number = late[0]
    return len(late), [
        f"in {len(late)} minutes no message was within {_seconds(CREDIBLE_NS)} of the smallest, first around {path}, "
        f"line {number} ({_seconds(latency_ns)}): the recorder was late, or its clock jumped; these times are left as "
        "they are"
    ]


def _seconds(ns: int) -> str:
    return f"{ns / SECOND:.3f} s"
