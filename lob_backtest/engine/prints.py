"""L2: which of a level's changes the prints have explained already.

A feed of levels and prints tells one trade twice, once as a print and once as a fall of its level, in either order.
`Prints` keeps the two from being counted twice.
"""

from __future__ import annotations

Place = tuple[int, int]
"""Side and price of a level."""


class Prints:
    """The prints since each level's last update.

    Attributes:
        printed: lots printed at a level since its last LEVEL row, which will show them.
        late: lots that the last LEVEL row lost without a print; a later print may be theirs.
        last: the last print of a side, until the next LEVEL row of the side.
    """

    __slots__ = ("last", "late", "printed")

    def __init__(self) -> None:
        self.printed: dict[Place, int] = {}
        self.late: dict[Place, int] = {}
        self.last: dict[int, int] = {}

    def level(self, side: int, price_ticks: int, before: int, after: int) -> None:
        """Take in a LEVEL row that changes a level from `before` to `after` lots."""
        place = (side, price_ticks)
        unexplained = before - after - self.printed.pop(place, 0)
        if unexplained > 0:
            self.late[place] = unexplained
        else:
            self.late.pop(place, None)
        self.last.pop(side, None)

    def trade(self, side: int, price_ticks: int, size_lots: int) -> None:
        """Take in a print against a side."""
        place = (side, price_ticks)
        late = self.late.get(place, 0)
        if late > size_lots:
            self.late[place] = late - size_lots
        elif late:
            del self.late[place]
        if size_lots > late:
            self.printed[place] = self.printed.get(place, 0) + size_lots - late
        self.last[side] = price_ticks

    def clear(self, side: int) -> None:
        """Forget a side (0: both) whose levels are gone."""
        for each in (1, -1) if side == 0 else (side,):
            self.last.pop(each, None)
            for table in (self.printed, self.late):
                for place in [place for place in table if place[0] == each]:
                    del table[place]

    def emptied(self, side: int, price_ticks: int) -> bool:
        """Say whether a print went through a level that has not been updated since."""
        last = self.last.get(side)
        return last is not None and side * price_ticks > side * last
