r"""Decode and encode accented letters and other signs in ABC text (ABC 2.1, section 8.2, and earlier drafts).

`decode` reads mnemonics (`\'e`, `\ss`), HTML entities (`&eacute;`), code points (`\u00e9`), octal bytes (`\351`) and
escaped signs (`\%`). `encode` writes the letters themselves and escapes only `%`, `\` and an ampersand that would begin
an entity.
"""

from __future__ import annotations

import html
import re
from unicodedata import normalize

from folkseq.text import decode_line

FIELDS = frozenset("ABCDFGHNORSTWZ+")
"""Fields that hold text, or continue a text."""

_MARKS = {  # combining characters; the second letter of a mnemonic carries the mark
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    '"': "\u0308",
    "=": "\u0304",
    ".": "\u0307",
    "c": "\u0327",
    "v": "\u030c",
    "H": "\u030b",
    "u": "\u0306",
    ";": "\u0328",
    ",": "\u0327",
}
_LETTERS = {
    "aa": "å",
    "AA": "Å",
    "/o": "ø",
    "/O": "Ø",
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "th": "þ",
    "TH": "Þ",
    "dh": "ð",
    "DH": "Ð",
    "cC": "Ç",
}
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([2-3][0-7]{2})|([\\%&])|(..))|&(?:#?\w{1,31});")


def decode(text: str) -> str:
    r"""Return the text of a field with escapes replaced by characters.

    >>> decode(r"Nov\'ell\'e 100\% &eacute; \u00e9 \~n \cc \ss")
    'Novéllé 100% é é ñ ç ß'
    """
    return _ESCAPE.sub(_decoded, text) if "\\" in text or "&" in text else text


def encode(text: str) -> str:
    r"""Return a spelling that `decode` reads as `text`.

    >>> encode("50% R&B &amp; é")
    '50\\% R&B \\&amp; é'
    """
    return re.sub(r"[\\%]|&(?=#?\w{1,31};)", r"\\\g<0>", text)


def _decoded(found: re.Match[str]) -> str:
    short, long, octal, sign, pair = found.groups()
    if code := int(short or long or "0", 16):
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else found[0]
    if octal:
        return decode_line(bytes([int(octal, 8)]))
    if sign:
        return sign
    if pair is None:
        return html.unescape(found[0])
    letter = normalize("NFC", pair[1] + _MARKS.get(pair[0], ""))
    return _LETTERS.get(pair) or (letter if pair[0] in _MARKS and len(letter) == 1 and letter != pair[1] else found[0])
