"""Changes of the pages for the site: fences with words for the tests, the notebook as a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

FENCE: Final = re.compile(r"^```(\w+)((?: [\w./=-]+)+)$", re.MULTILINE)
NOTEBOOK: Final = "first-ten-minutes.ipynb"
PAGE: Final = "first-ten-minutes.md"


def on_files(files: Any, config: Any) -> Any:
    """Add the notebook as a page; mkdocs calls this once, with all files."""
    from mkdocs.structure.files import File

    notebook = json.loads((Path(config["docs_dir"]) / NOTEBOOK).read_text("utf-8"))
    files.append(File.generated(config, PAGE, content=notebook_page(notebook)))
    return files


def on_page_markdown(markdown: str, page: Any = None, **_: Any) -> str:
    """Convert ``toml file=run.toml`` to a title, leave out ``no-run``, and link the notebook's page.

    mkdocs calls this for each page.
    """
    if page is None or page.file.src_uri != PAGE:
        markdown = markdown.replace(NOTEBOOK, PAGE)
    return FENCE.sub(_fence, markdown)


def notebook_page(notebook: dict[str, Any]) -> str:
    """Return a notebook as Markdown: its text, its code, and the outputs that are stored in it."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            parts.append(f"```python\n{source}\n```")
            parts += [_output(each) for each in cell["outputs"]]
        if len(parts) == 1:
            parts.append(f"[Download the notebook]({NOTEBOOK})")
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "image/png" in data:
        return f"![Chart of the cell above](data:image/png;base64,{''.join(data['image/png']).strip()})"
    if "text/html" in data:
        html = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        html = html.replace(' border="1" class="dataframe"', "")
        lines = [line.strip() for line in html.splitlines()]
        return '<div style="overflow-x: auto">' + "".join(lines) + "</div>"
    text = "".join(data["text/plain"]).rstrip("\n")
    return f"```text\n{text}\n```"


def _fence(found: re.Match[str]) -> str:
    named = re.search(r"file=(\S+)", found[2])
    return f'```{found[1]} title="{named[1]}"' if named else f"```{found[1]}"
