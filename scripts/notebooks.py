"""Execute the notebooks from top to bottom, and store their outputs in them.

    python scripts/notebooks.py                     # all of them
    python scripts/notebooks.py notebooks/02*.ipynb

The outputs do not depend on the machine: they hold no times and no paths. Execution needs the extra `notebooks`, and
abcm2ps or verovio for the scores.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
CELL_TIMEOUT_S = 600


def execute(notebook: NotebookNode, folder: Path = FOLDER) -> NotebookNode:
    """Return a notebook that a kernel in `folder` has executed. Raises CellExecutionError if a cell fails."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # this clone's folkseq, not the installed one
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    done = client.execute()
    for cell in done.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    # The kernel's own metadata would differ from one Python to the next.
    done.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return done


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join text that was printed in several parts, since the parts depend on timing."""
    kept: list[NotebookNode] = []
    for output in outputs:
        before = kept[-1] if kept else None
        if before is not None and output.output_type == before.output_type == "stream" and output.name == before.name:
            before.text += output.text
        else:
            kept.append(output)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="the notebooks to execute; all of them by default")
    files = parser.parse_args().files or sorted(FOLDER.glob("*.ipynb"))
    for file in files:
        began = time.monotonic()
        done = execute(nbformat.read(file, as_version=4))
        nbformat.write(done, file)
        print(f"{file.name}: {time.monotonic() - began:.0f} s, {file.stat().st_size / 1e6:.2f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
