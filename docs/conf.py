"""Sphinx configuration: `sphinx-build -W docs docs/_build/html`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cli_reference

from folkseq.version import __version__

project = "folkseq"
author = "the folkseq authors"
copyright = author
release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests run the notebooks, and their outputs are stored in them
autodoc_member_order = "bysource"
autodoc_typehints = "description"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"folkseq {release}"
copybutton_exclude = ".linenos, .gp, .go"
suppress_warnings = ["mystnb.unknown_mime_type"]

cli_reference.write(Path(__file__).parent / "reference")

if tags.has("listen"):  # noqa: F821  (Sphinx defines it)
    import listening

    listening.write(Path(__file__).parent / "_listen" / "listen")
    html_extra_path = ["_listen"]
