"""The pages with new tunes of each kind hold the tunes of their seeds."""

import sys
from html import unescape
from pathlib import Path

import folkseq

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

import listening


def test_a_page_has_the_tunes_of_its_seeds_without_selection(tmp_path):
    listening.write(tmp_path, kinds=("slipjig",), seeds=(1, 2), sound=False)
    page = unescape((tmp_path / "slipjig.html").read_text(encoding="utf-8"))
    for seed in (1, 2):
        (tune,) = folkseq.load("tunes").sample(1, seed=seed, rhythm="slip jig")
        assert tune.piece.meter.bar * 8 == 9
        assert tune.title in page
