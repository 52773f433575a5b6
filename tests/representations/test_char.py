"""Text as characters."""

import io
import json
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from folkseq import representations
from folkseq.cli import main
from folkseq.corpora import IGNORED, TokenStore, Windows, split_in_order
from folkseq.errors import ParseError, RequestError
from folkseq.representations.char import LONGEST, SHORTEST, CharRepresentation, Text
from folkseq.verbs.model import load

CHAR = CharRepresentation()
VERSE = "All the world's a stage,\nAnd all the men and women merely players;\n"


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.sampled_from(["utf-8", "utf-8-sig"])
)
def test_the_stretches_of_a_file_are_its_text(text, encoding):
    assume(not text.startswith("\ufeff"))
    pieces = CHAR.files.parse(text.encode(encoding), "a.txt").pieces
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.ends for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(len(piece.text) <= LONGEST for piece in pieces)


@given(st.text(), st.booleans())
def test_a_text_comes_back_from_its_tokens(text, ends):
    piece = Text(text, ends)
    codec = CHAR.fit([piece])
    assert codec.decode(codec.encode(piece)) == piece
    assert CHAR.tokenize(CHAR.detokenize(CHAR.tokenize(piece))) == CHAR.tokenize(piece)


def test_golden_tokens():
    assert CHAR.tokenize(Text("Ré\n")) == ["<s>", "R", "é", "\n", "</s>"]
    assert CHAR.tokenize(Text("a", ends=False)) == ["<s>", "a"]


def test_stretches_end_at_lines_and_rather_between_tunes():
    tune = "X:1\nK:C\nCDEF GABc|\n"  # 20 characters
    book = (tune * 3 + "\n") * 200
    pieces = CHAR.files.parse(book.encode(), "book.abc").pieces
    assert "".join(piece.text for piece in pieces) == book
    assert len(pieces) >= 20
    assert all(piece.text.endswith("\n\n") for piece in pieces)
    unbroken = CHAR.files.parse(b"x" * 1000, "x.txt").pieces
    assert [len(piece.text) for piece in unbroken] == [SHORTEST] * 7 + [1000 - 7 * SHORTEST]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_text_in_other_encodings_is_read(encoding):
    (piece,) = CHAR.files.parse("“Après”\n".encode(encoding), "a.txt").pieces
    assert piece.text == "“Après”\n"


def test_a_guessed_encoding_and_a_stray_byte_are_counted_once():
    parsed = CHAR.files.parse(("Après\n" * 100).encode("cp1252"), "a.txt")
    assert parsed.stray == {"text in cp1252, not UTF-8": 1}
    data = "naïve “quotes”\n".encode() * 100_000 + b"caf\xe9\n"
    parsed = list(CHAR.files.read(io.BytesIO(data), "a.txt"))
    assert "".join(piece.text for part in parsed for piece in part.pieces) == "naïve “quotes”\n" * 100_000 + "café\n"
    assert sum((Counter(part.stray) for part in parsed), Counter()) == {"byte that is not UTF-8": 1}


def test_a_prime_reports_its_encoding():
    generation = CHAR.fit([Text("“Après”")]).generation
    prime = generation.prime_file("“Après".encode("cp1252"), "a.txt", None)
    assert prime.piece.text == "“Après"
    assert prime.lost == {"text in cp1252, not UTF-8": 1}
    with pytest.raises(RequestError, match=r"a\.txt: not text .*cannot be a prime"):
        generation.prime_file(b"MThd\0\0\0\6", "a.txt", None)


def test_files_that_are_no_text_are_refused():
    with pytest.raises(ParseError, match=r"a\.txt: holds no text"):
        CHAR.files.parse(b"", "a.txt")
    for data in (b"MThd\0\0\0\6\0\1", bytes(range(1, 256)) * 9):
        with pytest.raises(ParseError, match=r"a\.txt: not text"):
            CHAR.files.parse(data, "a.txt")


def test_the_end_of_every_file_is_held_out_and_of_many_some_whole():
    sides = split_in_order([0] * 10 + [1] * 3, [10] * 10 + [100, 5, 5])
    assert sides.valid == (9, 11, 12)
    assert sides.train == (*range(9), 10)
    many = split_in_order(np.repeat(np.arange(40), 3), np.full(120, 7))
    assert {piece // 3 for piece in many.train}.isdisjoint({piece // 3 for piece in many.valid})
    assert len(many.valid) == 6


def test_the_textbook_s_windows_predict_the_one_character_that_follows():
    store = TokenStore.of([np.arange(100)])
    batch = next(Windows(store, [0], 4, 30, np.random.default_rng(0), last_only=True))
    for x, y in zip(batch.x, batch.y, strict=True):
        (place,) = np.flatnonzero(y != IGNORED)
        assert y[place] == x[place] + 1
    assert (batch.y[:, -1] != IGNORED).sum() >= 2  # most are whole


def test_a_field_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="window must be"):
        CharRepresentation(window=-1)
    assert representations.find("char:window=30").spec == "char:window=30"


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("spec", ["char", "char:window=30"])
def test_train_and_sample_as_a_user_would(tmp_path, spec):
    text, run, out = tmp_path / "verse.txt", tmp_path / "run", tmp_path / "new.txt"
    text.write_text(VERSE * 40)
    trained = invoke("train", spec, text, "--steps", 20, "--hidden", 32, "--layers", 1, "-o", run)
    assert trained.exit_code == 0, trained.output
    assert "held-out" in trained.stderr
    done = invoke("sample", run, "--seed", 1, "--prime", "All the", "--limit", 200, "-o", out)
    assert done.exit_code == 0, done.output
    assert out.read_text().startswith("All the")
    streamed = invoke("sample", run, "--seed", 1, "--prime", "All the", "--limit", 200, "--stream").stdout
    assert streamed.rstrip("\n") == out.read_text().rstrip("\n")
    assert "'é'" in invoke("sample", run, "--prime", "é").stderr
    assert json.loads(invoke("evaluate", run, "--json").stdout)["pieces"] > 0


def test_tokenize_gives_the_file_back(tmp_path):
    text, back = tmp_path / "a.txt", tmp_path / "b.txt"
    text.write_text(VERSE * 20)
    lines = invoke("tokenize", "char", text, "--json", "--write", back).stdout.splitlines()
    assert back.read_bytes() == text.read_bytes()
    tokens = [token for line in lines for token in json.loads(line)["tokens"] if len(token) == 1]
    assert "".join(tokens) == VERSE * 20


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Return a run trained on a text of random words, and that text, which was read in stretches."""
    folder = tmp_path_factory.mktemp("text")
    words = np.random.default_rng(0).choice(["oak", "ash", "elm", "yew", "fir", "bay"], 2000).tolist()
    (folder / "book.txt").write_text("".join(word + "\n "[place % 8 > 0] for place, word in enumerate(words, 1)))
    train = ["train", "char", folder / "book.txt", "--steps", 8, "--hidden", 16, "--layers", 1, "-q"]
    assert invoke(*train, "-o", folder / "run").exit_code == 0
    return folder / "run", (folder / "book.txt").read_text()


def test_a_passage_over_the_seam_of_two_stretches_is_found_and_kept_short(book):
    run, text = book
    model = load(run)
    seam = len(CHAR.files.parse(text.encode(), "book.txt").pieces[0].text)
    ids = np.array(model.run.vocabulary.encode(text[seam - 80 : seam + 90]))
    (found,) = model.overlaps.longest([ids])
    assert found.length == 170
    copied = model.copied(model.run.vocabulary.decode(ids), found)
    line = 1 + text[: seam - 80].count("\n")
    assert (copied.tokens, copied.source, copied.source_at) == (170, "book.txt", f"line {line}")
    limit = model.overlaps.limit(16)
    rows = limit.begin(1)
    for one in ids[:90].tolist():
        rows = limit.advance(rows, np.array([one]))
    allowed = limit.allowed(rows)
    assert allowed is not None
    assert not allowed[0, ids[90]]


def test_text_that_was_trained_on_is_not_held_out_wherever_it_is_cut(book, tmp_path):
    run, text = book
    (tmp_path / "half.txt").write_text(text[: len(text) // 2 + 17])
    judged = invoke("evaluate", run, tmp_path / "half.txt")
    assert "no piece left" in judged.stderr
    (tmp_path / "new.txt").write_text(text[: len(text) // 2] + text[::-1])
    facts = json.loads(invoke("evaluate", run, tmp_path / "new.txt", "--json").stdout)
    assert 0 < facts["pieces"] < 20
