"""Execute docs/first-ten-minutes.ipynb and store its outputs: `python docs/execute_notebook.py`.

With a path, the executed notebook is written there and the stored one stays as it is. Cells run in a temporary folder.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PAGE = Path(__file__).with_name("first-ten-minutes.ipynb")


def executed(folder: str) -> nbformat.NotebookNode:
    """Return the notebook with new outputs, without the times at which its cells ran.

    Args:
        folder: in which it runs, and which keeps the files that it writes.
    """
    book = nbformat.read(PAGE, as_version=4)
    NotebookClient(
        book,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": folder}},
    ).execute()
    book.metadata = {"kernelspec": book.metadata["kernelspec"], "language_info": {"name": "python"}}
    return book


if __name__ == "__main__":
    if len(sys.argv) > 1:
        nbformat.write(executed("."), sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(executed(folder), PAGE)
