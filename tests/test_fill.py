"""Gaps in tunes: what is known of them, what may be written there, and that nothing else changes."""

import json
from fractions import Fraction

import numpy as np
import pytest
from book import BOOK, JIG, REEL
from click.testing import CliRunner
from folkseq.representations.abc.alphabet import Alphabet
from hypothesis import given, settings
from hypothesis import strategies as st

from folkseq import representations
from folkseq.cli import main
from folkseq.corpora import TokenStore
from folkseq.corpora.pairs import Pairs
from folkseq.errors import RequestError
from folkseq.formats import abc
from folkseq.formats.abc.splice import find_bars, replace_bars
from folkseq.infill.abc.found import bars_of
from folkseq.music import Sound
from folkseq.representations.abc.bars import BarReader
from folkseq.representations.abc.validity import fault

ABC = representations.find("abc")
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


def vocabulary():
    tunes = abc.parse("\n".join([BOOK, FORMS, PLAIN])).tunes
    return ABC.learn([ABC.tokenize(tune) for tune in tunes])


VOCABULARY = vocabulary()
TASK = ABC.task("fill", VOCABULARY)


def ids_of(text):
    return np.array(VOCABULARY.encode(ABC.tokenize(abc.parse(text).tunes[0])))


def test_bars_are_numbered_as_engravers_do_and_know_how_long_they_are():
    bars = BarReader(Alphabet(VOCABULARY)).read(ids_of(FORMS).tolist()).bars
    assert [bar.number for bar in bars] == [0, 1, 2, 3, 4, 5, 6, 7]
    eighths = [bar.ticks / 128 for bar in bars]
    assert eighths == [2, 8, 8, 6, 2, 8, 8, 4]
    assert all(bar.plain for bar in bars)


def test_the_source_shows_the_gap_as_slots_between_what_stays():
    ids = ids_of(FORMS)
    bars = TASK.bars(ids)
    gap = TASK.gap(ids, bars, 2, 3)
    shown = [(*VOCABULARY.tokens, "_")[one] for one in gap.source.ids[:, 0]]
    assert " ".join(shown) == (
        "<s> M:4/4 K:Cmaj |: G 3/2 A /2 | c 2 c 2 d 4 | [1 _ _ _ _ _ _ _ _ :| [2 _ _ _ _ _ _ || "
        "G 3/2 A /2 | (3 G A B (3 c d e f 2 G 2 | [K:Fmaj] F 4 - F 4 | [M:2/4] F 4 |] </s>"
    )
    first, second = shown.index("_"), len(shown) - 1 - shown[::-1].index("_")
    assert gap.source.positions[first].tolist() == [2, 0]
    assert gap.source.positions[second].tolist() == [3, 5]


def test_alone_nothing_is_known_of_what_comes_after():
    ids = ids_of(FORMS)
    gap = TASK.gap(ids, TASK.bars(ids), 2, 3, alone=True)
    assert gap.source.ids[-1, 0] == len(VOCABULARY)


def walk(gap, ids):
    rows, at, allowed = gap.begin(1), [], []
    for one in ids:
        allowed.append(bool(gap.allowed(rows, np.array([9]))[0, one]))
        rows = gap.advance(rows, np.array([one]))
        at.append(int(gap.at(rows)[0]))
    return at, allowed


def test_a_pair_is_what_stood_there_and_where_the_writer_was():
    ids = ids_of(FORMS)
    pair = TASK.gap(ids, TASK.bars(ids), 5, 6).pair()
    spelt = "<s> (3 G A B (3 c d e f 2 G 2 | [K:Fmaj] F 4 - F 4 </s>"
    assert " ".join(VOCABULARY.decode(pair.ids.tolist())) == spelt
    given = [VOCABULARY.tokens[one] for one, free in zip(pair.ids[1:], pair.free, strict=True) if not free]
    assert given == ["|", "[K:Fmaj]", "</s>"]
    at, allowed = walk(TASK.gap(ids, TASK.bars(ids), 5, 6), pair.ids.tolist())
    assert at[:-1] == pair.at.tolist()
    assert all(allowed)
    eighths = [pair.source.positions[place].tolist()[1] for place in pair.at]
    assert eighths == [0, 0, 0, 0, 0, 2, 2, 2, 2, 4, 6, 6, 8, 0, 0, 0, 4, 4, 4, 8]


def fill_at_random(gap, random):
    rows, ids = gap.begin(1), []
    while not ids or ids[-1] != VOCABULARY.id("</s>"):
        left = np.array([gap.limit - len(ids)])
        assert left[0] > 0
        choices = np.flatnonzero(gap.allowed(rows, left)[0])
        assert len(choices)
        ids.append(int(random.choice(choices)))
        rows = gap.advance(rows, np.array(ids[-1:]))
        assert gap.at(rows)[0] < len(gap.source)
    return ids


@pytest.mark.parametrize("text", [JIG, REEL, FORMS, PLAIN], ids=["jig", "reel", "forms", "plain"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_whatever_is_written_leaves_a_tune_as_whole_as_it_was(text, seed, data):
    ids = ids_of(text)
    bars = TASK.bars(ids)
    first = data.draw(st.integers(0, len(bars.bars) - 1))
    last = data.draw(st.integers(first, min(first + 15, len(bars.bars) - 1)))
    gap = TASK.gap(ids, bars, first, last)
    new = fill_at_random(gap, np.random.default_rng(seed))[1:-1]
    whole = [*ids[: gap.start], *new, *ids[gap.stop :]]
    assert fault(VOCABULARY.decode(whole)) == fault(VOCABULARY.decode(ids.tolist()))
    lengths = [bar.ticks for bar in TASK.bars(np.array(whole)).bars]
    assert lengths == [bar.ticks for bar in bars.bars]


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


def filled(text, bars, seed=0, **asked):
    """The text, and the tune as it is played, with bars filled at random."""
    found = TASK.ask(text if isinstance(text, bytes) else text.encode(), "tune.abc", bars=bars, **asked)
    finished = found.finish(fill_at_random(found.grammar, np.random.default_rng(seed)))
    return finished.format(".abc").decode(), finished, found


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
def test_hard_places_stay_as_they_are(text, bars, kept, seed):
    number = 2 if "X:2" in text else None
    after, finished, asked = filled(text, bars, seed, tune=number)
    first, last = asked.places[0].parts[0][0], asked.places[-1].parts[-1][1]
    assert after[:first] == text[:first]
    assert after.endswith(text[last:])
    assert kept in after
    before = abc.parse(text).tunes[(number or 1) - 1]
    played = finished.tune
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
def test_what_would_change_the_rest_is_refused(body, bars):
    with pytest.raises(RequestError, match="cannot be"):
        TASK.ask((HEAD + body + "\n").encode(), "tune.abc", bars=bars)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_a_file_keeps_its_encoding(encoding):
    data = (HEAD.replace("T:t", "T:Ärger") + "C8|D8|E8|]\n").encode(encoding)
    asked = TASK.ask(data, "tune.abc", bars="2")
    after = asked.finish(fill_at_random(asked.grammar, np.random.default_rng(1))).format(".abc")
    assert after.decode(encoding).startswith(HEAD.replace("T:t", "T:Ärger") + "C8|")
    assert after[:2] == data[:2]


def test_what_has_no_header_is_given_none():
    after, *_ = filled("C8|D8|E8|]\n", "2")
    assert after.startswith("C8|")


def test_tunes_are_found_as_they_are_read():
    text = HEAD.replace("X:1", "X:007") + "C8|D8|]\n\n" + HEAD.replace("X:1", "X:12a") + "E8|F8|]\n"
    assert filled(text, "2", tune=7)[0].endswith("E8|F8|]\n")
    assert "\nE8|" in filled(text, "2", tune=12)[0]
    with pytest.raises(RequestError, match="there is no X:9; there are: 7, 12"):
        TASK.ask(text.encode(), "tune.abc", bars="2", tune=9)


def test_what_will_be_gone_is_told():
    _, _, asked = filled(HEAD + 'C8|"G"D4 "Am"D4|E8|]\nw:a b c d\n', "2")
    assert asked.notices[0] == "2 chord symbols or other text over these bars will be gone"
    assert asked.notices[1].startswith("the words under the tune stay as they are")


def test_a_second_line_over_the_bars_is_not_lost():
    text = HEAD + "C8|D4 E4 & F8|G8|A8|]\n"
    assert filled(text, "3")[0].startswith(text[: text.index("G8")])
    with pytest.raises(RequestError, match="bars 2 have a second line \\(&\\), which cannot be written"):
        TASK.ask(text.encode(), "tune.abc", bars="2")


def test_batches_go_on_where_they_stood():
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
    """A model of a few tunes that has learnt next to nothing."""
    folder = tmp_path_factory.mktemp("fill")
    book = folder / "book.abc"
    book.write_text("\n".join([BOOK, FORMS, PLAIN]))
    words = ["train", "abc", str(book), "--task", "fill", "--steps", "4", "--hidden", "16", "-q", "--out"]
    result = CliRunner().invoke(main, [*words, str(folder / "r")])
    assert result.exit_code == 0, result.output
    return folder / "r"


def invoke(*arguments, **options):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], **options)


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
        after = (tmp_path / "out" / f"tune-7-{each['index']:03d}.abc").read_bytes().decode()
        first, last = places[kept][0][0], places[kept][-1][1]
        assert after[:first] == before[:first]
        assert after[len(after) - len(before) + last :] == before[last:]
        (tune,) = abc.parse(after).tunes
        assert fault(ABC.tokenize(tune)) == ""
        assert (tmp_path / "out" / f"tune-7-{each['index']:03d}.mid").read_bytes()[:4] == b"MThd"
    again = invoke("fill", run, file, "--bars", bars, "-n", "3", "--seed", "7", "-o", tmp_path / "again", "--json")
    assert [json.loads(line)["written"] for line in again.stdout.splitlines()] == [each["written"] for each in facts]


def test_a_tune_typed_by_hand_in_any_key(run, tmp_path):
    typed = "M:4/4\nL:1/8\nK:F#m\nf2a2 g2e2|c4 c4|f8|]\n"
    result = invoke("fill", run, "-", "--bars", "2", "--seed", "1", "-o", tmp_path / "x.abc", input=typed)
    assert result.exit_code == 0, result.output
    after = (tmp_path / "x.abc").read_text()
    assert after.startswith("M:4/4\nL:1/8\nK:F#m\nf2a2 g2e2|")
    assert after.endswith("|f8|]\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bars", "0-2"], "--bars 0-2: the tune has bars 1 to 16"),
        (["--bars", "9-30"], "--bars 9-30: the tune has bars 1 to 16"),
        (["--bars", "5-2"], "goes backwards; write 2-5"),
        (["--bars", "all"], "two with a dash between, as in --bars 5-8"),
        ([], "two with a dash between, as in --bars 5-8"),
        (["--seconds", "3-4"], "name the bars to be written anew by --bars"),
        (["--bars", "1", "--tune", "9"], "there is no X:9"),
        (["--bars", "1", "-n", "0"], "ask for 1 to 10,000 answers"),
        (["--bars", "1", "-n", "2", "-o", "x.abc"], "2 pieces do not go into one .abc file"),
    ],
)
def test_what_cannot_be_filled_is_said_in_one_line(run, tmp_path, arguments, message):
    file = tmp_path / "tune.abc"
    file.write_text(PLAIN)
    result = invoke("fill", run, file, *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_of_a_tune_that_holds_a_record_it_is_said_that_it_stays(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text(PLAIN.replace("K:", '% {"folkseq": "0.1.0"}\nK:', 1))
    result = invoke("fill", run, file, "--bars", "1", "-o", tmp_path / "new.abc")
    assert result.exit_code == 0
    assert f"{file}: the record in it stays, which is of the tune as it was" in result.stderr


def test_what_of_a_fill_run_cannot_be_judged_is_said(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc [1dedB|]\n")  # an ending within its only bar
    for words, message in (
        ([run, file], "nothing of the pieces to judge it on can be asked for; name other files"),
        ([run, "--samples", "3"], "fills gaps, which are judged without --samples; leave that out"),
    ):
        result = invoke("evaluate", *words)
        assert result.exit_code == 1
        assert message in result.stderr


def test_lines_may_end_as_on_old_macs(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_bytes(PLAIN.replace("\n", "\r").encode())
    assert invoke("fill", run, file, "--bars", "1", "-o", tmp_path / "new.abc").exit_code == 0
    new = (tmp_path / "new.abc").read_bytes()
    assert new.count(b"\r") == PLAIN.count("\n")
    assert b"\n" not in new


@pytest.mark.parametrize("data", [PLAIN.encode("utf-16-le") + b"x", PLAIN.encode("utf-16-le") + b"\x34\xd8"])
def test_bytes_that_would_not_come_back_are_refused(run, tmp_path, data):
    file = tmp_path / "tune.abc"
    file.write_bytes(b"\xff\xfe" + data)
    result = invoke("fill", run, file, "--bars", "1", "-o", tmp_path / "new.abc")
    assert result.exit_code == 1
    assert result.stderr == f"folkseq: {file}: its bytes would not all come back as they are; save it as UTF-8\n"


def test_rests_of_several_bars_are_named(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc d2ef|Z2|g2e2 c2g2|d2f2 g4|]\n")
    result = invoke("fill", run, file, "--bars", "1")
    assert result.exit_code == 1
    assert "its bars cannot be told apart; write rests of several bars (Z) bar by bar" in result.stderr


def test_a_run_of_another_task_says_what_would_work(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text(PLAIN)
    result = invoke("sample", run)
    assert result.exit_code == 1
    assert "was trained to fill: use it by `folkseq fill RUN FILE`" in result.stderr
    for asked in ([run, "--gradients"], [run, file, "--cells"]):
        result = invoke("plot", *asked)
        assert result.exit_code == 1
        assert "was trained to fill: use it by `folkseq fill RUN FILE`" in result.stderr
    other = tmp_path / "other"
    invoke("train", "abc", tmp_path / "tune.abc", tmp_path / "tune.abc", "--steps", "1", "--out", other)
    book = tmp_path / "book.abc"
    book.write_text("\n".join([BOOK, FORMS]))
    assert invoke("train", "abc", book, "--steps", "1", "--hidden", "16", "-q", "--out", other).exit_code == 0
    result = invoke("fill", other, file, "--bars", "1")
    assert result.exit_code == 1
    assert "folkseq train abc CORPUS --task fill" in result.stderr


def test_what_means_nothing_in_training_is_said(tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("\n".join([BOOK, FORMS]))
    for words, message in (
        (["--task", "sing"], "there is no --task sing; there are: continue, fill, harmonise"),
        (["--encoder", "both"], "--encoder is of a model that fills or harmonises"),
        (["--task", "fill", "--encoder", "back"], "direction must be one of both, forward, got 'back'"),
        (["--task", "harmonise"], "the abc tokenizer knows no --task harmonise"),
    ):
        result = invoke("train", "abc", file, *words, "--steps", "1", "--out", tmp_path / "r")
        assert result.exit_code == 1
        assert message in result.stderr
        assert not (tmp_path / "r").exists()


def test_a_run_is_judged_with_both_sides_and_with_the_left_alone(run):
    result = invoke("evaluate", run, "--json", "-q")
    assert result.exit_code == 0, result.output
    gaps = json.loads(result.stdout)["gaps"]
    names = [loss["model"] for loss in gaps["losses"]]
    assert names == ["lstm 2 x 16, both sides", "the same, left side alone", "int8 engine", "n-gram"]
    both, _, engine, _ = (loss["nats_per_token"] for loss in gaps["losses"])
    assert engine == pytest.approx(both, rel=0.02)
    assert gaps["amounts"]["note"] > 0
    assert "left side alone" in invoke("evaluate", run, "-q").stdout
    assert "to fill, with an encoder that reads forwards and backwards" in invoke("inspect", run).stdout
