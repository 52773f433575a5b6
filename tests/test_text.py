"""The encodings of files that do not state theirs."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkseq import text
from folkseq.errors import ParseError

NAMES = [
    *[(name, "cp1252") for name in ("Café", "Für Elise", "The Piper’s “set”", "Seán Ó Riada", "El Niño", "Åse's død")],
    *[(name, "cp1252") for name in ("£5 note", "naïve", "Château", "½ – ©", "Œuvre", "Ó", "L’été…", "Größe")],
    *[(name, "cp932") for name in ("主題歌", "ピアノ・メロディ", "さくらさくら", "第1トラック")],
    *[(name, "gb18030") for name in ("小星星", "茉莉花 二胡", "高山流水")],
    *[("月亮代表我的心", "big5"), ("아리랑", "cp949"), ("さくら", "euc-jp")],
    *[("Подмосковные вечера", "cp1251"), ("Калинка", "koi8-r"), ("Ζορμπάς", "cp1253"), ("הבה נגילה", "cp1255")],
    *[("ลาวดวงเดือน", "cp874"), ("Für Elise", "cp437"), ("Etüde für Käthe", "cp437"), ("Żywiec gęślą", "cp1250")],
]


@pytest.mark.parametrize(("name", "encoding"), NAMES)
def test_short_names_are_read_in_the_encoding_that_fits(name, encoding):
    (found,), lost = text.decode_parts([name.encode(encoding)])
    assert found == name
    assert list(lost.values()) == [1]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff")), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_utf_8_is_read_as_it_is(written, encoding):
    assert text.decode(written.encode(encoding), "t") == (written, text.Encoding(encoding))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("written", ["Ré\nla “fin”\n", "春の海\n", "a"])
def test_utf_16_is_read_with_or_without_its_mark(written, encoding):
    data = written.encode(encoding)
    assert text.decode(data, "t").text == written
    assert not text.decode(data, "t").encoding.lost


def test_bytes_in_windows_1252_do_not_change_the_rest_of_a_utf_8_file():
    found = text.decode("naïve 春 ".encode() + b"it\x92s \x93caf\xe9\x94", "t")
    assert found == ("naïve 春 it’s “café”", text.Encoding("utf-8", {"byte that is not UTF-8": 4}))


@given(st.binary(min_size=1))
def test_no_byte_is_dropped(data):
    try:
        found = text.decode(data, "t")
    except ParseError:
        return
    if found.encoding.name == "cp1252":
        assert len(found.text) == len(data)
    (part,), _ = text.decode_parts([data.replace(b"\0", b"")])
    assert bool(part) == bool(data.replace(b"\0", b""))


def test_texts_of_one_file_share_an_encoding_unless_they_are_utf_8():
    parts = ["ピアノ・メロディ".encode("cp932"), b"Piano", "花".encode("cp932"), "é".encode()]
    assert text.decode_parts(parts) == (["ピアノ・メロディ", "Piano", "花", "é"], {"text in cp932, not UTF-8": 1})


def test_a_declared_encoding_is_used_for_what_is_not_utf_8():
    assert text.decode("Őszi".encode("iso-8859-2"), "t", "iso-8859-2") == ("Őszi", text.Encoding("iso8859-2"))
    assert text.decode("Őszi".encode(), "t", "iso-8859-2") == ("Őszi", text.Encoding("utf-8"))
    assert text.decode("it’s".encode("cp1252"), "t", "iso-8859-1").text == "it’s"
    assert text.decode("é".encode("cp1252"), "t", "klingon").text == "é"


def test_what_is_no_text_is_refused():
    for data in (b"MThd\0\0\0\6\0\1", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(1, 256)), b"a\0b\0\0\0c\0"):
        with pytest.raises(ParseError, match="t: not text"):
            text.decode(data, "t")


def test_characters_may_lie_across_blocks():
    written = "x" + "é" * (1 << 20)
    encoding = text.detect(io.BytesIO(written.encode()), "t")
    assert "".join(encoding.read(text.blocks(io.BytesIO(written.encode())))) == written
