"""Accented letters and other signs in the text of ABC."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq.formats import abc
from folkseq.formats.abc.escapes import decode, encode
from folkseq.music.pitch import Pitch
from folkseq.music.tune import Sound, Tune


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"caf\'e, d\'ej\`a, \^ile, ni\~no, \"Uber, gar\ccon", "café, déjà, île, niño, Über, garçon"),
        (r"\aa \AA \/o \ss \ae \OE \th \DH \vs \Ho \=o \.c \ua", "å Å ø ß æ Œ þ Ð š ő ō ċ ă"),
        ("&eacute;t&#233; &amp; &#x201C;x&rdquo;", "été & “x”"),
        (r"\u00e9 \u2019 \U0001f3b5 \351", "é ’ 🎵 é"),
        (r"100\% \& \\'e", r"100% & \'e"),
        (r"Tom & Jerry; R&B; \"Quoted\" \x &nosuch;", r"Tom & Jerry; R&B; \"Quoted\" \x &nosuch;"),
    ],
)
def test_escapes_are_read_as_the_letters_that_are_meant(written, meant):
    assert decode(written) == meant


@given(st.text(st.sampled_from("\\%&;#'\"eacutux019 é")))
def test_a_text_comes_back_from_its_spelling(text):
    assert decode(encode(text)) == text
    tune = Tune(
        ((Sound((Pitch(0),), Fraction(1, 4)),),), titles=(" ".join(text.split()) or "x",), fields=(("C", f"a{text}b"),)
    )
    (read,) = abc.parse(abc.format(tune)).tunes
    assert read.titles == tune.titles
    assert read.fields == (("C", " ".join(f"a{text}b".split())),)


def test_titles_composers_and_faults_have_letters_and_music_keeps_its_signs():
    header = "X:1\nT:Fran\\c{c}ais \\'et\\'e\nC:&Eacute;mile\nK:C\n"
    book = abc.parse(f'{header}"&eacute;"c2|\n\nX:2\nT:Na&iuml;ve\nK:H\nc|\n')
    assert book.tunes[0].titles == ("Fran\\c{c}ais été",)
    assert book.tunes[0].fields == (("C", "Émile"),)
    assert "(Naïve)" in str(book.faults[0])


@pytest.mark.parametrize("directive", ["%%abc-charset iso-8859-2", "I:abc-charset iso-8859-2"])
def test_a_declared_encoding_is_followed(directive):
    book = abc.parse_bytes(f"{directive}\nX:1\nT:Őszi szél\nK:C\nc|\n".encode("iso-8859-2"))
    assert book.tunes[0].title == "Őszi szél"
    assert not book.stray


def test_a_guessed_encoding_is_reported_once():
    data = "X:1\nT:The Piper’s “set”\nK:C\nc|\n\nX:2\nT:Seán\nK:C\nd|\n".encode("cp1252")
    book = abc.parse_bytes(data)
    assert [tune.title for tune in book.tunes] == ["The Piper’s “set”", "Seán"]
    assert book.stray == {"text in cp1252, not UTF-8": 1}
