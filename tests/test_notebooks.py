"""The notebooks run from top to bottom, and are stored with their outputs."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 1_500_000  # bytes
MACHINE = re.compile(r"/(?:home|root|tmp|usr|work|Users|var)/|[A-Z]:\\\\|0x[0-9a-f]{8,}|https?://")

named = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem[:2])


def cells_of(file):
    return [cell for cell in json.loads(file.read_text())["cells"] if cell["cell_type"] == "code"]


def text_of(output):
    """Return all text of an output, without the data of pictures and sounds."""
    texts = [output.get("text", ""), *output.get("data", {}).values()]
    joined = "".join(text if isinstance(text, str) else "".join(text) for text in texts)
    return re.sub(r"[A-Za-z0-9+/=\n]{200,}", "", joined)


def test_there_are_five_notebooks():
    assert [file.stem[:2] for file in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@named
def test_notebook_is_stored_executed(file):
    assert file.stat().st_size < LARGEST
    cells = cells_of(file)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell["outputs"]) for cell in cells) > len(cells) / 2
    assert json.loads(file.read_text())["metadata"]["kernelspec"]["name"] == "python3"


@named
def test_outputs_hold_no_errors_warnings_or_facts_of_a_machine(file):
    for cell in cells_of(file):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output
            assert not MACHINE.findall(text_of(output)), text_of(output)[:500]


@named
def test_notebook_has_figures(file):
    kinds = [kind for cell in cells_of(file) for output in cell["outputs"] for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 2


@pytest.mark.slow
@named
@pytest.mark.filterwarnings("default")  # for the kernel's own libraries
def test_notebook_runs_from_top_to_bottom(file):
    """Use fewer updates, which the first cell sets; with very few, tunes would be longer, which takes more time."""
    nbformat = pytest.importorskip("nbformat")
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from notebooks import execute
    finally:
        sys.path.pop(0)
    notebook = nbformat.read(file, as_version=4)
    (settings,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    settings.source = re.sub(r"STEPS(.*)= \d+", r"STEPS\1= 150", settings.source)
    assert "= 150" in settings.source
    execute(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr"]
