"""Filling gaps in tunes: pairs of training, the grammar of a gap, and a text in which nothing else changes."""

import json
import re
from fractions import Fraction

import numpy as np
import pytest
from book import BOOK, JIG, REEL
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq.cli import main
from folkseq.corpora import TokenStore
from folkseq.corpora.pairs import Pairs
from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.formats.abc.splice import find_bars, replace_bars
from folkseq.infill.abc.gap import Gap, GapGrammar
from folkseq.infill.abc.task import FillTune
from folkseq.infill.abc.tune_text import bars_of
from folkseq.music import Sound
from folkseq.representations.abc import AbcRepresentation
from folkseq.representations.abc.bar_grammar import Alphabet, BarGrammar
from folkseq.representations.abc.bars import read_bars
from folkseq.representations.abc.validity import find_fault

ABC = AbcRepresentation()
FORMS = """X:4
T:With endings
M:4/4
L:1/8
K:D
|: A>B | d2 d2 e4 |1 f4- f4 :|2 g6 ||
A>B | (3ABc (3def g2 A2 | [K:G] G4- G4 | [M:2/4] G4 |]
"""
PLAIN = "X:5\nT:Plain % of eights\nM:4/4\nL:1/8\nK:G\n" + "".join(
    f"{'GABcdefg'[bar:] + 'GABcdefg'[:bar]} | {'g2f2e2d2'} |\n" for bar in range(8)
)


CODEC = ABC.fit(abc.parse("\n".join([BOOK, FORMS, PLAIN])).tunes)
VOCABULARY = CODEC.vocabulary
GRAMMAR = BarGrammar(Alphabet(VOCABULARY))
TASK = FillTune(CODEC)


def ids_of(text):
    return CODEC.encode(abc.parse(text).tunes[0])


def bars_in(ids):
    return read_bars(VOCABULARY.decode(ids))


def cut(ids, first, last, left_only=False):
    """Return a gap from one bar to another, as indices."""
    return Gap(GRAMMAR, ids, bars_in(ids), first, last - first + 1, left_only)


def test_bars_are_numbered_as_engravers_do_and_know_their_lengths():
    bars = bars_in(ids_of(FORMS))
    assert [span.number for span in bars.spans] == [0, 1, 2, 3, 3, 4, 5, 6]
    assert [span.ticks / 128 for span in bars.spans] == [2, 8, 8, 6, 2, 8, 8, 4]
    assert all(map(GRAMMAR.can_fill, bars.spans))


def test_the_source_has_slots_in_the_gap():
    gap = cut(ids_of(FORMS), 2, 3)
    shown = [(*VOCABULARY.tokens, "_")[one] for one in gap.source.ids[:, 0]]
    assert " ".join(shown) == (
        "<s> M:4/4 K:Cmaj |: G 3/2 A /2 | c 2 c 2 d 4 | [1 _ _ _ _ _ _ _ _ :| [2 _ _ _ _ _ _ || "
        "G 3/2 A /2 | (3 G A B (3 c d e f 2 G 2 | [K:Fmaj] F 4 - F 4 | [M:2/4] F 4 |] </s>"
    )
    first, second = shown.index("_"), len(shown) - 1 - shown[::-1].index("_")
    assert gap.source.positions[first].tolist() == [2, 0]
    assert gap.source.positions[second].tolist() == [3, 5]


def test_the_source_can_end_with_the_gap():
    gap = cut(ids_of(FORMS), 2, 3, left_only=True)
    assert gap.source.ids[-1, 0] == len(VOCABULARY)


def walk(grammar, ids):
    """Return the decoder's position after each id, and whether the id is allowed."""
    rows, at, allowed = grammar.begin(1), [], []
    for each in ids:
        allowed.append(bool(grammar.allowed(rows, np.array([9]))[0, each]))
        rows = grammar.advance(rows, np.array([each]))
        at.append(int(grammar.at(rows)[0]))
    return at, allowed


def test_a_pair_is_the_bars_of_the_gap_and_the_positions_of_the_decoder():
    ids = ids_of(FORMS)
    pair = cut(ids, 5, 6).pair()
    spelt = "<s> (3 G A B (3 c d e f 2 G 2 | [K:Fmaj] F 4 - F 4 </s>"
    assert " ".join(VOCABULARY.decode(pair.ids.tolist())) == spelt
    given = [VOCABULARY.tokens[each] for each, free in zip(pair.ids[1:], pair.free, strict=True) if not free]
    assert given == ["|", "[K:Fmaj]", "</s>"]
    at, allowed = walk(GapGrammar(cut(ids, 5, 6)), pair.ids.tolist())
    assert at[:-1] == pair.at.tolist()
    assert all(allowed)
    eighths = [pair.source.positions[place].tolist()[1] for place in pair.at]
    assert eighths == [0, 0, 0, 0, 0, 2, 2, 2, 2, 4, 6, 6, 8, 0, 0, 0, 4, 4, 4, 8]


def fill_at_random(grammar, limit, random):
    rows, ids = grammar.begin(1), []
    while not ids or ids[-1] != VOCABULARY.id("</s>"):
        left = np.array([limit - len(ids)])
        assert left[0] > 0
        choices = np.flatnonzero(grammar.allowed(rows, left)[0])
        assert len(choices)
        ids.append(int(random.choice(choices)))
        rows = grammar.advance(rows, np.array(ids[-1:]))
    return ids


@pytest.mark.parametrize("text", [JIG, REEL, FORMS, PLAIN], ids=["jig", "reel", "forms", "plain"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_a_filled_tune_is_as_valid_as_before(text, seed, data):
    ids = ids_of(text)
    spans = bars_in(ids).spans
    first = data.draw(st.integers(0, len(spans) - 1))
    last = data.draw(st.integers(first, min(first + 15, len(spans) - 1)))
    gap = cut(ids, first, last)
    grammar = GapGrammar(gap)
    new = fill_at_random(grammar, gap.limit, np.random.default_rng(seed))
    assert max(walk(grammar, new)[0]) < len(gap.source)
    filled = gap.filled(np.array(new[1:-1], np.int64))
    assert find_fault(VOCABULARY.decode(filled)) == find_fault(VOCABULARY.decode(ids))
    assert [span.ticks for span in bars_in(filled).spans] == [span.ticks for span in spans]


def test_the_text_keeps_every_other_character():
    text = 'X:1\nT:A % b\nM:4/4\nL:1/8\nK:D\n"D"d2 (ef) g4 | A2!trill!B2 c2d2 | % a comment | here\nd8 |]\n'
    bars = find_bars(text)[0]
    assert [text[start:stop] for bar in bars for start, stop in bar.parts] == [
        '"D"d2 (ef) g4',
        "A2!trill!B2 c2d2",
        "d8",
    ]
    assert replace_bars(text, bars[1:2], ["z8"]) == text.replace("A2!trill!B2 c2d2", "z8")


def test_a_bar_on_two_lines_is_one_and_leaves_no_empty_line():
    text = "X:1\nM:4/4\nL:1/8\nK:D\nd4 |\nA4\nB4 |\nd8 |]\n"
    bars = find_bars(text)[0]
    assert len(bars) == 3
    assert replace_bars(text, bars[1:2], ["c8"]) == "X:1\nM:4/4\nL:1/8\nK:D\nd4 |\nc8\n |\nd8 |]\n"


def test_units_keys_and_meters_are_those_in_force():
    text = "X:1\nM:6/8\nK:D\nd6 | [M:3/4][L:1/4] d3 |\n[K:Em] e3 |]\n"
    bars = find_bars(text)[0]
    assert [bar.unit for bar in bars] == [Fraction(1, 8), Fraction(1, 4), Fraction(1, 4)]
    assert [str(bar.meter) for bar in bars] == ["6/8", "3/4", "3/4"]
    assert [bar.key.mode for bar in bars] == ["maj", "maj", "min"]


HEAD = "X:1\nT:t\nM:4/4\nL:1/8\nK:C\n"


def answer_at_random(question, seed):
    return question.answer(fill_at_random(question.grammar, question.limit, np.random.default_rng(seed)))


def filled(text, bars, seed=0, **where):
    """Return the new text, the answer and the question of bars that are filled at random."""
    question = TASK.ask(text.encode(), "tune.abc", bars=bars, **where)
    answer = answer_at_random(question, seed)
    return answer.format(".abc").decode(), answer, question


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("text", "bars", "kept"),
    [
        (HEAD + "C8|D8|\n\nX:2\nT:u\nM:4/4\nL:1/8\nK:C\nE8|F8|]\n", "2", "E8|"),
        ("X:1\nM:4/4\nK:C\nC8|D8|\nM:2/4\nE4|F4|G4|]\n", "4", "|G4|]"),
        ("X:1\nM:4/4\nL:1/8\nK:C\nV:1\nC8|D8|\nV:2\n[L:1/16][K:Eb]C16|D16|\nV:1\nE8|F8|\n", "3", "|F8|"),
        (HEAD + 'C8|"G"[K:D] D8|F8|]\n', "2", '"G"[K:D] '),
        (HEAD + "C8|D8 !fine!|E8|]\n", "2", " !fine!|"),
        (HEAD + "C8|D8{e}|F8|]\n", "2", "{e}|F8"),
        (HEAD + "C8|D4 (ef|g) D7|E8|]\n", "3", "|E8|]"),
        (HEAD + "C4 c4-|c4 D4|E8|]\n", "2", "C4 c4-|"),
    ],
    ids=["book", "default unit", "voices", "field", "fine", "grace", "slur", "tie"],
)
def test_everything_but_the_gap_stays_in_hard_places(text, bars, kept, seed):
    number = 2 if "X:2" in text else None
    after, answer, question = filled(text, bars, seed, tune=number)
    first, last = question.bars[0].parts[0][0], question.bars[-1].parts[-1][1]
    assert after[:first] == text[:first]
    assert after.endswith(text[last:])
    assert kept in after
    before = abc.parse(text).tunes[(number or 1) - 1]
    played = answer.tune
    assert [len(voice) > 0 for voice in played.voices] == [len(voice) > 0 for voice in before.voices]
    assert played.voices[1:] == before.voices[1:]
    lengths = [
        [sum(each.duration for each in bar if isinstance(each, Sound)) for bar in bars_of(tune.body)]
        for tune in (before, played)
    ]
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize(
    ("body", "bars"),
    [
        ("C8|D4 ^f4-|f4 D4|E8|]", "2"),
        ("C8|D7>|C D7|E8|]", "3"),
        ("C8|Z2|E8|F8|]", "2"),
        ("C8|D4 [L:1/16] D8|E16|]", "2"),
        ("C8|[]|D8|Z2|E8|]", "2"),
        ("C8|D4 [K:E] D4|E8|]", "2"),
    ],
    ids=["accidental", "broken rhythm", "rests", "unit", "misaligned", "key"],
)
def test_a_gap_that_would_change_the_rest_is_refused(body, bars):
    with pytest.raises(RequestError, match="cannot be"):
        TASK.ask((HEAD + body + "\n").encode(), "tune.abc", bars=bars)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_a_file_keeps_its_encoding(encoding):
    data = (HEAD.replace("T:t", "T:Ärger") + "C8|D8|E8|]\n").encode(encoding)
    after = answer_at_random(TASK.ask(data, "tune.abc", bars="2"), 1).format(".abc")
    assert after.decode(encoding).startswith(HEAD.replace("T:t", "T:Ärger") + "C8|")
    assert after[:2] == data[:2]


def test_a_tune_without_a_header_gets_none():
    after, *_ = filled("C8|D8|E8|]\n", "2")
    assert after.startswith("C8|")


def test_a_tune_is_found_by_its_number():
    text = HEAD.replace("X:1", "X:007") + "C8|D8|]\n\n" + HEAD.replace("X:1", "X:12a") + "E8|F8|]\n"
    assert filled(text, "2", tune=7)[0].endswith("E8|F8|]\n")
    assert "\nE8|" in filled(text, "2", tune=12)[0]
    with pytest.raises(RequestError, match="there is no X:9; there are: 7, 12"):
        TASK.ask(text.encode(), "tune.abc", bars="2", tune=9)


def test_lost_chord_symbols_and_words_are_noticed():
    _, _, question = filled(HEAD + 'C8|"G"D4 "Am"D4|E8|]\nw:a b c d\n', "2")
    symbols, words = question.notices
    assert symbols.startswith("2 chord symbols")
    assert "words" in words


def test_a_second_line_over_the_bars_is_not_lost():
    text = HEAD + "C8|D4 E4 & F8|G8|A8|]\n"
    assert filled(text, "3")[0].startswith(text[: text.index("G8")])
    with pytest.raises(RequestError, match="bars 2 have a second line \\(&\\), which cannot be written"):
        TASK.ask(text.encode(), "tune.abc", bars="2")


def test_batches_resume():
    store = TokenStore.of([ids_of(text).tolist() for text in (JIG, REEL, FORMS, PLAIN)])

    def batches():
        return Pairs(store, [0, 1, 2, 3], 2, np.random.default_rng(3), TASK, TASK.relative_positions)

    straight = batches()
    for _ in range(21):
        next(straight)
    state = json.loads(json.dumps(straight.state()))
    other = batches()
    other.restore(state)
    assert other.epoch == straight.epoch
    for _ in range(20):
        one, same = next(straight), next(other)
        np.testing.assert_array_equal(one.x, same.x)
        np.testing.assert_array_equal(one.source.ids, same.source.ids)
        np.testing.assert_array_equal(one.source.relative, same.source.relative)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a model on a few tunes for four steps."""
    folder = tmp_path_factory.mktemp("fill")
    book = folder / "book.abc"
    book.write_text("\n".join([BOOK, FORMS, PLAIN]))
    words = ["train", "abc", str(book), "--task", "fill", "--steps", "4", "--hidden", "16", "-q", "--out"]
    result = CliRunner().invoke(main, [*words, str(folder / "r")])
    assert result.exit_code == 0, result.output
    return folder / "r"


def invoke(*arguments, **options):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


def bare(text):
    """Return the text without the record of a filled tune."""
    return re.sub(r'% (folkseq \d|\{"folkseq")[^\r\n]*\r?\n', "", text)


@pytest.mark.parametrize(("bars", "kept"), [("3", slice(2, 3)), ("5-8", slice(4, 8)), ("1-16", slice(0, 16))])
def test_a_tune_is_filled_and_nothing_else_in_its_file_changes(run, tmp_path, bars, kept):
    file = tmp_path / "tune.abc"
    file.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    result = invoke("fill", run, file, "--bars", bars, "-n", "3", "--seed", "7", "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["index"] for each in facts] == [1, 2, 3]
    before = file.read_bytes().decode()
    places = [bar.parts[0] for bar in find_bars(before)[0]]
    for each in facts:
        after = (tmp_path / "out" / f"tune-7-{each['index']}.abc").read_bytes().decode()
        assert after.startswith("X:5\r\n% folkseq ")
        after = bare(after)
        first, last = places[kept][0][0], places[kept][-1][1]
        assert after[:first] == before[:first]
        assert after[len(after) - len(before) + last :] == before[last:]
        (tune,) = abc.parse(after).tunes
        assert find_fault(ABC.tokenize(tune)) == ""
        assert (tmp_path / "out" / f"tune-7-{each['index']}.mid").read_bytes()[:4] == b"MThd"
    again = invoke("fill", run, file, "--bars", bars, "-n", "3", "--seed", "7", "-o", tmp_path / "again", "--json")
    assert [json.loads(line)["written"] for line in again.stdout.splitlines()] == [each["written"] for each in facts]


def test_a_tune_typed_by_hand_in_any_key(run, tmp_path):
    typed = "M:4/4\nL:1/8\nK:F#m\nf2a2 g2e2|c4 c4|f8|]\n"
    result = invoke("fill", run, "-", "--bars", "2", "--seed", "1", "-o", tmp_path / "x.abc", input=typed)
    assert result.exit_code == 0, result.output
    after = (tmp_path / "x.abc").read_text()
    assert after.startswith("% folkseq ")
    assert bare(after).startswith("M:4/4\nL:1/8\nK:F#m\nf2a2 g2e2|")
    assert after.endswith("|f8|]\n")


@pytest.mark.parametrize(
    ("arguments", "facts"),
    [
        (["--bars", "0-2"], ["--bars 0-2", "1 to 16"]),
        (["--bars", "9-30"], ["--bars 9-30", "1 to 16"]),
        (["--bars", "5-2"], ["--bars 5-2", "2-5"]),
        (["--bars", "all"], ["--bars all", "--bars 5-8"]),
        ([], ["--bars 5-8"]),
        (["--seconds", "3-4"], ["--seconds", "--bars"]),
        (["--bars", "1", "--tune", "9"], ["X:9"]),
        (["--bars", "1", "-n", "0"], ["-n 0", "10,000"]),
        (["--bars", "1", "-n", "2", "-o", "x.abc"], ["2 pieces", ".abc"]),
    ],
)
def test_a_gap_that_cannot_be_filled_is_refused_in_one_line(run, tmp_path, arguments, facts):
    file = tmp_path / "tune.abc"
    file.write_text(PLAIN)
    result = invoke("fill", run, file, *arguments)
    assert result.exit_code == 1
    assert all(fact in result.stderr for fact in facts)
    assert len(result.stderr.splitlines()) == 1


def test_pickups_in_the_middle_of_a_tune_are_no_bars(run, tmp_path):
    """Nor in the text: bar 8 is short, and the pickup of the second part completes it."""
    file = tmp_path / "jig.abc"
    parts = [[*(f"{a}AB dBG" for a in "GABcGABc"[:7]), f"{b}3 G2"] for b in "GD"]
    file.write_text("X:1\nM:6/8\nL:1/8\nK:G\n|:D|" + ":|\n|:D|".join("|".join(part) for part in parts) + ":|\n")
    result = invoke("fill", run, file, "--bars", "9-17")
    assert "--bars 9-17: the tune has bars 0 to 16, endings counted as they stand" in result.stderr
    lines = file.read_text().splitlines()
    for bars, changed in (("0", [(4, 0)]), ("8", [(4, 8), (5, 0)]), ("9", [(5, 1)]), ("16", [(5, 8)])):
        result = invoke("fill", run, file, "--bars", bars, "-o", tmp_path / f"{bars}.abc", "--seed", 1)
        assert result.exit_code == 0, result.output
        new = bare((tmp_path / f"{bars}.abc").read_text()).splitlines()
        parted = [[line.strip("|:").split("|") for line in text if line.startswith("|:")] for text in (lines, new)]
        differ = [
            (line + 4, place)
            for line, (was, now) in enumerate(zip(*parted, strict=True))
            for place, (one, other) in enumerate(zip(was, now, strict=True))
            if one != other
        ]
        assert differ
        assert set(differ) <= set(changed)


def test_a_meter_that_the_model_has_not_met_is_refused_with_its_place(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc dedB|GABc d4|[M:11/8]GABc dedB GAB|]\n")
    result = invoke("fill", run, file, "--bars", "1")
    assert result.stderr.startswith(f"folkseq: {file}: bar 3: the model knows no M:11/8; it has met ")
    file.write_text("X:1\nM:11/8\nL:1/8\nK:G\nGABc dedB GAB|]\n")
    result = invoke("fill", run, file, "--bars", "1")
    assert result.stderr.startswith(f"folkseq: {file}: the model knows no M:11/8; it has met ")


@pytest.mark.parametrize("header", ["X:1\n", ""])
def test_a_filled_tune_is_filled_again_from_its_record(run, tmp_path, header):
    """A second fill has the second record, and the tune as it was sampled is not what is made again."""
    file = tmp_path / "tune.abc"
    sampled = '% folkseq 0.1.0, run r, seed 1, piece 1\n% {"folkseq": "0.1.0", "run": "r", "seed": 1, "index": 1}\n'
    file.write_text(f"{header}{sampled}M:4/4\nL:1/8\nK:G\nGABc dedB|c4 d4|GABc dedB|G8|]\n")
    words = ("--bars", "2-3", "--seed", 5, "--temperature", 0.9, "-n", 2, "-o", tmp_path / "out")
    assert invoke("fill", run, file, *words).exit_code == 0
    for name in ("tune-5-1", "tune-5-2"):
        filled = tmp_path / "out" / f"{name}.abc"
        text = filled.read_text()
        assert text.count("{") == 1
        assert '"task": "fill", "bars": "2-3"' in text
        result = invoke("sample", run, "--again", filled, "-o", tmp_path / f"{name}.abc")
        assert result.exit_code == 0, result.output
        assert (tmp_path / f"{name}.abc").read_bytes() == filled.read_bytes()
    wrong = tmp_path / "wrong.abc"
    wrong.write_text(text.replace('"weights": "', '"weights": "0'))
    assert "did not write it, but the run r (weights 0" in invoke("sample", run, "--again", wrong).stderr
    changed = tmp_path / "changed.abc"
    changed.write_text(text.replace("GABc", "GABd", 1))
    assert "does not hold all that the model was given" in invoke("sample", run, "--again", changed).stderr
    midi_file = filled.with_suffix(".mid")
    assert (
        "does not hold all that the model was given; give the score"
        in invoke("sample", run, "--again", midi_file).stderr
    )


def test_a_fill_run_is_evaluated_on_gaps_only(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc [1dedB:|[2dedB|]\n")  # endings within its only bars
    for words, fact in (([run, file], "name other files"), ([run, "--samples", "3"], "--samples")):
        result = invoke("evaluate", *words)
        assert result.exit_code == 1
        assert fact in result.stderr


def test_lines_may_end_in_a_carriage_return(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_bytes(PLAIN.replace("\n", "\r").encode())
    assert invoke("fill", run, file, "--bars", "1", "-o", tmp_path / "new.abc").exit_code == 0
    new = (tmp_path / "new.abc").read_bytes()
    assert new.count(b"\r") == PLAIN.count("\n") + 2  # of the record
    assert b"\n" not in new


@pytest.mark.parametrize("data", [PLAIN.encode("utf-16-le") + b"x", PLAIN.encode("utf-16-le") + b"\x34\xd8"])
def test_bytes_that_would_not_come_back_are_refused(run, tmp_path, data):
    file = tmp_path / "tune.abc"
    file.write_bytes(b"\xff\xfe" + data)
    result = invoke("fill", run, file, "--bars", "1", "-o", tmp_path / "new.abc")
    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert "UTF-8" in result.stderr


def test_a_tune_with_rests_of_several_bars_is_refused(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc d2ef|Z2|g2e2 c2g2|d2f2 g4|]\n")
    result = invoke("fill", run, file, "--bars", "1")
    assert result.exit_code == 1
    assert "(Z)" in result.stderr


def test_a_run_of_another_task_names_the_right_command(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text(PLAIN)
    result = invoke("sample", run)
    assert result.exit_code == 1
    assert "`folkseq fill RUN FILE`" in result.stderr
    for asked in ([run, "--gradients"], [run, file, "--cells"]):
        result = invoke("plot", *asked)
        assert result.exit_code == 1
        assert "`folkseq fill RUN FILE`" in result.stderr
    other = tmp_path / "other"
    invoke("train", "abc", tmp_path / "tune.abc", tmp_path / "tune.abc", "--steps", "1", "--out", other)
    book = tmp_path / "book.abc"
    book.write_text("\n".join([BOOK, FORMS]))
    assert invoke("train", "abc", book, "--steps", "1", "--hidden", "16", "-q", "--out", other).exit_code == 0
    result = invoke("fill", other, file, "--bars", "1")
    assert result.exit_code == 1
    assert "folkseq train abc CORPUS --task fill" in result.stderr


def test_impossible_tasks_and_encoders_are_refused(tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("\n".join([BOOK, FORMS]))
    for words, facts in (
        (["--task", "sing"], ["sing", "continue, fill, harmonise"]),
        (["--encoder", "both"], ["--encoder", "--task fill"]),
        (["--task", "fill", "--encoder", "back"], ["both, forward", "'back'"]),
        (["--task", "harmonise"], ["harmonise"]),
    ):
        result = invoke("train", "abc", file, *words, "--steps", "1", "--out", tmp_path / "r")
        assert result.exit_code == 1
        assert all(fact in result.stderr for fact in facts), result.stderr
        assert not (tmp_path / "r").exists()


def test_a_run_is_evaluated_with_both_sides_and_with_the_left_side_only(run):
    result = invoke("evaluate", run, "--json", "-q")
    assert result.exit_code == 0, result.output
    gaps = json.loads(result.stdout)["gaps"]
    names = [loss["model"] for loss in gaps["losses"]]
    assert names == ["lstm 2 x 16, both sides", "the same, left side alone", "int8 engine", "n-gram"]
    both, _, engine, _ = (loss["nats_per_token"] for loss in gaps["losses"])
    assert engine == pytest.approx(both, rel=0.02)
    assert gaps["amounts"]["note"] > 0
    assert "left side alone" in invoke("evaluate", run, "-q").stdout
    assert "encoder" in invoke("inspect", run).stdout
