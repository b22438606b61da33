"""Changes of the pages for the site: the words after a fence, which only the tests use, are not Markdown."""

from __future__ import annotations

import re
from typing import Any

FENCE = re.compile(r"^```(\w+)((?: [\w./=-]+)+)$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Convert ``toml file=run.toml`` to a title, and leave out ``no-run``; mkdocs calls this for each page."""
    return FENCE.sub(_fence, markdown)


def _fence(found: re.Match[str]) -> str:
    named = re.search(r"file=(\S+)", found[2])
    return f'```{found[1]} title="{named[1]}"' if named else f"```{found[1]}"
