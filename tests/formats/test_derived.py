"""Formats that are made of others."""

import pytest
from book import JIG

from folkseq.errors import RequestError
from folkseq.formats import abc, derived, musicxml


def test_what_follows_from_a_format():
    scores, sound = [".musicxml", ".mxl", ".svg", ".pdf", ".png"], [".wav", ".flac", ".ogg"]
    assert derived.possible([".abc", ".mid"]) == [".abc", ".mid", *scores, *sound]
    assert derived.possible([".png"]) == [".png"]
    assert derived.origin(".pdf") == ".abc"
    assert derived.origin(".ogg") == ".mid"


def test_musicxml_of_abc_keeps_its_comments():
    tune = abc.parse(JIG).tunes[0]
    made = derived.make(abc.format(tune, ['{"folkseq": "1"}']).encode(), ".musicxml")
    assert made == musicxml.format(tune, ['{"folkseq": "1"}'])


def test_a_native_format_is_not_made_of_another():
    assert derived.format(lambda suffix: suffix.encode(), ".png", [".png"]) == b".png"


def test_a_missing_module_is_named_before_anything_is_made(monkeypatch):
    monkeypatch.setattr("folkseq.extras.find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"pip install 'folkseq\[score\]'"):
        derived.check([".pdf"], [".abc"])
    derived.check([".png"], [".png"])
