"""Steps of several fields: their tokens, their grammar, and what a lead fixes."""

import io
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from folkseq import representations
from folkseq.cli import main
from folkseq.compound import CompoundLayout
from folkseq.corpora import Split, split_in_order
from folkseq.errors import ParseError, RequestError
from folkseq.formats.columns import Scale
from folkseq.music.grid import Grid
from folkseq.representations.packed import PackedRepresentation
from folkseq.representations.packed.layout import GridLayout
from folkseq.representations.packed.lead import Lead
from folkseq.representations.packed.options import PackedOptions
from folkseq.representations.packed.packing import pack
from folkseq.verbs.model import load

pytestmark = pytest.mark.usefixtures("one_thread")

DUO = Grid(("lead", "bass"), (("FT", "0"), ("N", "2"), ("FT", "1")))
CHAINED, JOINT = PackedRepresentation(), PackedRepresentation(head="joint")


def invoke(*arguments, **settings):
    return CliRunner().invoke(main, [*map(str, arguments)], **settings)


def parsed(text):
    return CHAINED.files.parse(text.encode(), "a.csv").pieces


def test_golden_tokens():
    tokens = CHAINED.tokenize(DUO)
    assert tokens == ["<s>", "<s>", "lead=FT", "bass=0", "lead=N", "bass=2", "lead=FT", "bass=1", "</s>", "</s>"]
    codec = CHAINED.fit([DUO])
    assert codec.vocabulary.tokens == ("<s>", "<s:2>", "</s>", "lead=FT", "lead=N", "bass=0", "bass=1", "bass=2")
    assert codec.encode(DUO).tolist() == [0, 0, 3, 5, 4, 7, 3, 6, 2, 2]
    assert codec.recipe["fields"] == (2, 3)


def test_the_id_of_a_joint_token_is_its_packed_code_after_start_and_end():
    tokens = JOINT.tokenize(DUO)
    assert tokens == ["<s>", "lead=FT\tbass=0", "lead=N\tbass=2", "lead=FT\tbass=1", "</s>"]
    codec = JOINT.fit([DUO])
    assert len(codec.vocabulary) == 2 + 2 * 3  # all possible steps, seen or not
    codes = [pack(values, (2, 3)) for values in ([0, 0], [1, 2], [0, 1])]
    assert codec.encode(DUO).tolist() == [0, *(code + 2 for code in codes), 1]
    assert codec.recipe["fields"] == ()
    assert codec.layout.values(np.arange(8)).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]


LABELS = st.text(st.characters(categories=("L", "Nd", "P"), exclude_characters="\t"), min_size=1, max_size=3)


@st.composite
def grids(draw):
    names = draw(st.lists(LABELS.filter(lambda name: "=" not in name), min_size=2, max_size=5, unique=True))
    rows = draw(st.lists(st.tuples(*[LABELS] * len(names)), min_size=1, max_size=6))
    named = names != list(map(str, range(1, len(names) + 1)))
    return Grid(tuple(names), tuple(rows), draw(st.booleans()), named)


@given(grids(), st.sampled_from([CHAINED, JOINT]))
def test_contract(grid, representation):
    codec = representation.fit([grid])
    ids = codec.encode(grid)
    assert codec.decode(ids) == codec.canonical(grid) == grid
    assert codec.encode(codec.decode(ids)).tolist() == ids.tolist()


@given(st.lists(st.sampled_from([*CHAINED.tokenize(DUO), "<s:2>", "bass=2"]), max_size=12))
def test_any_tokens_decode_and_are_canonical_from_then_on(tokens):
    grid = CHAINED.detokenize(tokens)
    assert CHAINED.detokenize(CHAINED.tokenize(grid)) == grid


@given(grids(), st.data())
def test_columns_keep_their_order_whichever_field_comes_first(grid, data):
    codec = CHAINED.fit([grid])
    layout, ids = codec.layout, codec.encode(grid)
    first = data.draw(st.integers(0, layout.width - 1))
    values = layout.values(ids)
    led = np.concatenate([np.full(layout.width, first), layout.ids(values, first)])
    np.testing.assert_array_equal(layout.values(led), values)
    assert codec.decode(led).rows == grid.rows
    assert codec.decode(led).columns == grid.columns


def test_a_column_of_integers_has_all_from_0_to_its_highest():
    codec = CHAINED.fit([Grid(("1", "2"), (("0", "3"), ("0", "0")), named=False)])
    assert codec.layout.labels == (("0",), ("0", "1", "2", "3"))


@pytest.mark.parametrize("label", ["00", "007", "\u0663", "9" * 5000])
def test_digits_that_are_no_plain_integer_are_labels(label):
    grid = Grid(("1", "2"), (("0", label),), named=False)
    assert CHAINED.fit([grid]).canonical(grid) == grid


def test_a_joint_head_has_at_most_65536_codes_and_the_error_names_the_other_head():
    wide = Grid(tuple("abcdef"), (("8",) * 6,))
    with pytest.raises(RequestError, match=r"9 x 9 x 9 x 9 x 9 x 9 = 531,441 codes.*65,536.*head=chained"):
        JOINT.fit([wide])
    assert len(JOINT.fit([Grid(tuple("abcde"), (("8",) * 5,))]).vocabulary) == 9**5 + 2


def test_the_last_tenth_of_a_performance_is_a_piece_of_its_own_and_is_held_out():
    rows = "".join(f"{step % 3},{step % 2}\n" for step in range(80))
    first, last = parsed(rows)
    assert (len(first.rows), first.ends, len(last.rows), last.ends) == (72, False, 8, True)
    assert CHAINED.tokenize(first)[-1] == "2=1"
    lengths = [len(CHAINED.tokenize(piece)) for piece in (first, last)]
    assert split_in_order([0, 0], lengths) == Split(train=(0,), valid=(1,), test=())


@pytest.mark.parametrize("spec", ["packed", "packed:head=joint"])
def test_tokenize_gives_the_whole_table_back(tmp_path, spec):
    table, other, back = (tmp_path / f"{name}.csv" for name in ("table", "other", "back"))
    table.write_text(quartet(80))
    other.write_text(quartet(80, seed=1))
    result = invoke("tokenize", spec, table, "--write", back)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 2
    assert back.read_text() == table.read_text()
    result = invoke("tokenize", spec, table, other, "--write", back)
    assert re.search(r"\.csv.*2 pieces", result.output)


@pytest.mark.parametrize("head", ["chained", "joint"])
def test_a_window_begins_with_its_start_whichever_field_is_first(head):
    grid = Grid(("a", "b", "c"), tuple((str(t % 5), str(t % 3), str(t % 2)) for t in range(40)))
    codec = PackedRepresentation(head=head).fit([grid])
    ids, layout, random = codec.encode(grid), codec.layout, np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        row = int(random.integers(0, 42))
        found, conditioning = codec.augmentation.excerpt(ids[row * layout.width :], 30, (0, 0), random)
        assert conditioning is None
        assert len(found) <= 31
        values, whole = layout.values(found), layout.values(ids)
        if not len(values):
            continue
        start = max(row - 1, 0)
        np.testing.assert_array_equal(values, whole[start : start + len(values)])
        if head == "chained":
            seen.add(int(found[0]))
            assert found[:3].tolist() == [found[0]] * 3
    assert seen == ({0, 1, 2} if head == "chained" else set())


@pytest.mark.parametrize("head", ["chained", "joint"])
def test_players_change_places_with_permute(head):
    grid = Grid(("a", "b"), (("x", "1"), ("y", "1")) * 10)
    codec = representations.find(f"packed:permute=true,head={head}").fit([grid])
    assert codec.layout.labels == (("1", "x", "y"),) * 2
    ids, random = codec.encode(grid), np.random.default_rng(0)
    windows = [codec.augmentation.excerpt(ids, 20, (0, 0), random)[0] for _ in range(40)]
    columns = {tuple(map(tuple, codec.layout.values(window).T.tolist())) for window in windows}
    assert len(columns) == 2
    with pytest.raises(RequestError, match=r"permute .* tables, not for drums"):
        representations.find("packed:grid=drums,permute=true")


def walk(grammar, random, opening=(), limit=500):
    """Draw ids evenly from those that a grammar allows, after an opening that it must allow, too."""
    rows, ids = grammar.begin(1), []
    while len(ids) < limit:
        allowed = grammar.allowed(rows, np.array([limit - len(ids)]))[0]
        assert allowed.any()
        ids.append(opening[len(ids)] if len(ids) < len(opening) else int(random.choice(np.flatnonzero(allowed))))
        assert allowed[ids[-1]]
        rows = grammar.advance(rows, np.array(ids[-1:]))
        if ids[-1] == grammar.layout.width:  # the end
            break
    return ids


@pytest.mark.parametrize("representation", [CHAINED, JOINT])
def test_the_grammar_allows_whole_steps_as_many_as_requested(representation):
    codec, random = representation.fit([DUO]), np.random.default_rng(0)
    for steps in (1, 7, None):
        grammar = codec.generation.plan(PackedOptions(steps=steps)).grammar
        for _ in range(20):
            grid = codec.decode(walk(grammar, random))
            assert steps is None or (grid.ends and len(grid.rows) == steps)
    assert len(walk(codec.generation.plan(PackedOptions()).grammar, random, limit=9)) <= 9


@pytest.mark.parametrize("representation", [CHAINED, JOINT])
@pytest.mark.parametrize("column", ["1", "bass"])
def test_the_lead_is_kept_as_given(tmp_path, representation, column):
    codec = representation.fit([DUO])
    name = "lead" if column == "1" else "bass"
    given = ["N", "FT", "FT", "N"] if name == "lead" else ["2", "0", "0", "1"]
    lead = tmp_path / "lead.csv"
    lead.write_text("\n".join([name, *given]) + "\n")
    plan = codec.generation.plan(PackedOptions(lead=str(lead), lead_column=column))
    grid = codec.decode(walk(plan.grammar, np.random.default_rng(1), plan.opening, limit=100))
    assert grid.column(name) == tuple(given)
    assert grid.ends


LAYOUT = GridLayout(("lead", "bass"), (("FT", "N"), ("0", "1", "2")), "chained")


def led(tmp_path, text, column=0):
    path = tmp_path / "lead.csv"
    path.write_text(text)
    return Lead(LAYOUT, column, str(path))


def test_a_lead_is_read_from_a_column_alone_by_its_name_or_among_all(tmp_path):
    for text in ("FT\nN\nN\n", "lead\nFT\nN\nN\n", "bass,lead\n0,FT\n1,N\n2,N\n", "FT,0\nN,2\nN,1\n"):
        lead = led(tmp_path, text)
        assert [lead.value(step) for step in range(4)] == [0, 1, 1, None]
    assert [led(tmp_path, "FT\nN\n").value(step) for step in range(3)] == [0, 1, None]  # two labels, and no header
    assert [led(tmp_path, "FT\n").value(step) for step in range(2)] == [0, None]
    assert [led(tmp_path, "gesture\nFT\n").value(step) for step in range(2)] == [0, None]
    assert [led(tmp_path, "one;two\n+01;2\n0;1\n", 1).value(step) for step in range(3)] == [2, 1, None]
    with pytest.raises(RequestError, match=r"lead\.csv: has no steps"):
        led(tmp_path, "lead\n")
    with pytest.raises(RequestError, match=r"lead\.csv: row 3, column 1: 'X' .* lead.* FT, N"):
        led(tmp_path, "lead\nFT\nX\n")
    with pytest.raises(RequestError, match=r"row 1: has 3 cells; .* lead"):
        led(tmp_path, "a,b,c\n1,2,3\n")
    with pytest.raises(RequestError, match=r"row 1, column 1: '9' .* bass"):
        led(tmp_path, "9\n0\n", 1)
    with pytest.raises(RequestError, match=r"gone\.csv: cannot be read"):
        Lead(LAYOUT, 0, str(tmp_path / "gone.csv"))


def test_the_first_row_of_a_lead_without_a_header_is_not_a_header(tmp_path):
    """Where all columns hold labels, each cell is known by its own column, and none needs to occur again."""
    layout = GridLayout(("lead", "bass"), (("FT", "N", "x"), ("hi", "lo", "x")), "chained")
    path = tmp_path / "lead.csv"
    for text, values in {"FT,lo\nN,hi\n": [1, 0, None], "x,x\nN,lo\n": [2, 1, None]}.items():
        path.write_text(text)
        lead = Lead(layout, 1, str(path))
        assert [lead.value(step) for step in range(3)] == values
    path.write_text("N,bass\nFT,lo\n")  # a name that is a label elsewhere
    assert [Lead(layout, 1, str(path)).value(step) for step in range(2)] == [1, None]


def test_a_live_lead_is_read_only_as_far_as_needed():
    lines = io.BytesIO(b"N\nFT\nN")
    lead = Lead(LAYOUT, 0, "-", lines)
    assert [lead.value(0), lines.tell()] == [1, len("N\n")]
    assert [lead.value(step) for step in (1, 2, 3)] == [0, 1, None]
    assert [lead.lasts(step) for step in (2, 3)] == [True, False]


def test_each_line_of_a_live_lead_is_a_step_and_one_without_a_label_holds():
    text = b"lead\n\nFT\n\nN\noops\nFT,2\n1,2,3\nF\0\n" + b"x" * 3_000_000 + b"\nN\n"
    lead = Lead(LAYOUT, 0, "-", io.BytesIO(text))
    assert [lead.value(step) for step in range(12)] == [None, None, 0, 0, 1, 1, 0, 0, 0, 0, 1, None]
    assert len(lead.notices) == 7
    assert lead.notices[0] == (
        "the lead: row 1, column 1: 'lead' is not a label of lead: FT, N; the model chooses the gesture"
    )
    assert lead.notices[2] == "the lead: row 4: a blank line; the last gesture is held"
    assert lead.notices[4] == "the lead: row 8: has 3 cells; give that of lead alone; the last gesture is held"


def test_labels_of_a_lead_are_compared_in_their_composed_form_whatever_their_encoding():
    for label in ("\u00e9", "e\u0301"):
        layout = GridLayout(("lead", "bass"), (("FT", label, "two words"), ("0", "1")), "chained")
        lines = "\u00e9\n".encode() + "\u00e9\n".encode("latin-1") + "e\u0301\ntwo words\n".encode()
        lead = Lead(layout, 0, "-", io.BytesIO(lines))
        assert [lead.value(step) for step in range(4)] == [1, 1, 1, 2]
        assert lead.notices == []


def test_real_numbers_of_a_lead_are_brought_to_levels():
    layout = GridLayout(("x", "y"), (tuple("0123"), tuple("0123")), "chained")
    lead = Lead(layout, 0, "-", io.BytesIO(b"0.5\n1.0\n3\n1.5\n"), scale=Scale(4))
    assert [lead.value(step) for step in range(4)] == [2, 3, 3, 3]
    assert len(lead.notices) == 1


def test_files_with_other_columns_are_left_out(tmp_path):
    for name, header in {"a": "x,y", "b": "x,z", "c": "x,y"}.items():
        (tmp_path / f"{name}.csv").write_text(f"{header}\n" + f"1,2\n0,{len(name)}\n" * 9 + f"{ord(name) - 97},0\n")
    result = invoke("train", "packed", tmp_path, "--steps", 2, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "b.csv: has the columns x, z" in result.output


def quartet(steps=400, seed=0):
    """A leader of three gestures, whom the second player copies and the third answers a step later."""
    random = np.random.default_rng(seed)
    leader = random.integers(0, 3, steps)
    third = np.concatenate([[0], (leader[:-1] + 1) % 3])
    return "leader,second,third\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(leader, leader, third, strict=True))


@pytest.fixture(scope="module", params=["chained", "joint"])
def run(request, tmp_path_factory):
    """A run that has learnt `quartet`, which is done in seconds."""
    folder = tmp_path_factory.mktemp("packed")
    for number in range(4):
        (folder / f"{number}.csv").write_text(quartet(seed=number))
    arguments = ["--steps", 150, "--hidden", 64, "--layers", 1, "-q", "-o", folder / "run"]
    result = invoke("train", f"packed:head={request.param}", folder, *arguments)
    assert result.exit_code == 0, result.output
    return folder / "run"


def test_the_others_follow_the_lead_and_evaluate_reports_that_they_listen(run, tmp_path):
    (tmp_path / "lead.csv").write_text("0\n2\n1\n1\n" * 10)
    result = invoke("sample", run, "--lead", tmp_path / "lead.csv", "--seed", 1, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines()[1:]]
    assert [row[0] for row in rows] == ["0", "2", "1", "1"] * 10
    assert np.mean([row[1] == row[0] for row in rows]) > 0.9
    found = json.loads(invoke("evaluate", run, "--json").stdout)
    second = next(player for player in found["players"] if player["name"] == "second")
    assert second["bits"] < 0.3
    assert second["unheard_bits"] > 1.4  # of log2(3) = 1.58
    assert second["markov_bits"] > 1.4
    assert second["other_lead_bits"] > 2
    assert next(player for player in found["players"] if player["leads"])["other_lead_bits"] is None


def test_nobody_is_led_by_another_part_of_the_same_performance(run, tmp_path):
    """What comes back every ten steps has the same leader at its end as at its beginning."""
    header, *rows = quartet(10, seed=9).splitlines()
    (tmp_path / "again.csv").write_text("\n".join([header, *rows * 40]) + "\n")
    found = json.loads(invoke("evaluate", run, tmp_path / "again.csv", "--json").stdout)
    assert found["pieces"] == 2
    second = next(player for player in found["players"] if player["name"] == "second")
    assert second["other_lead_bits"] > second["bits"] + 1


def test_no_table_is_shown_of_figures_where_there_are_no_notes(run):
    result = invoke("evaluate", run, "--samples", 1)
    assert result.exit_code == 0, result.output
    assert "longest run of tokens shared" in result.output
    assert "figures found" not in result.output


def test_a_line_is_answered_by_a_line(run):
    live = ("sample", run, "--stream", "--lead", "-", "--seed", 1)
    result = invoke(*live, input=b"0\n2\n\n\xff\n1")
    assert result.exit_code == 0, result.output
    rows = [line.split(",") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["0", "2", "2", "2", "1"]
    assert all(len(row) == 3 for row in rows)
    assert result.stdout.endswith("\n")
    assert re.search("the lead: row 3: a blank line; the last gesture is held", result.stderr)
    assert re.search("the lead: row 4, column 1: 'ÿ' .* leader: 0, 1, 2", result.stderr)
    assert len(invoke(*live, "--steps", 9, input="0\n2\n").stdout.splitlines()) == 2
    assert len(invoke(*live, "--steps", 2, input="0\n2\n1\n").stdout.splitlines()) == 2
    assert invoke(*live, input="").stdout == ""


def test_a_piece_goes_on_without_the_lead_up_to_the_requested_step(run, tmp_path):
    (tmp_path / "lead.csv").write_text("0\n2\n1\n")
    led = ("sample", run, "--lead", tmp_path / "lead.csv", "--seed", 1)
    for steps in (2, 3, 12):
        out = tmp_path / f"{steps}.csv"
        result = invoke(*led, "--steps", steps, "-o", out)
        assert result.exit_code == 0, result.output
        rows = out.read_text().splitlines()[1:]
        assert len(rows) == steps
        assert [row[0] for row in rows[:3]] == ["0", "2", "1"][:steps]


def test_columns_are_matched_by_name_and_most_files_decide_which_ones(tmp_path):
    """The first file has another order, another has one column more, and one lacks a column."""
    for number, header in enumerate(("b,a", "a,b", "a,b", "a,b,c", "a,x")):
        cells = [[str((step * 7 + number) % 3) for step in range(40)] for _ in header.split(",")]
        rows = "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))
        (tmp_path / f"{number}.csv").write_text(f"{header}\n{rows}")
    small = ["--steps", 2, "--hidden", 8, "--layers", 1, "-q", "-o", tmp_path / "run"]
    result = invoke("train", "packed", tmp_path, *small)
    assert result.exit_code == 0, result.output
    assert "4.csv: has the columns a, x, and none called b" in result.stderr  # even with -q
    assert "cell of a column not asked for 40" in result.stderr
    found = json.loads(invoke("inspect", tmp_path / "run", "--json").stdout)
    assert found["representation"] == "packed:columns=a+b"
    (tmp_path / "other.csv").write_text("b,a\n" + "0,1\n2,1\n1,0\n" * 10)
    result = invoke("evaluate", tmp_path / "run", tmp_path / "other.csv", "-q")
    assert result.exit_code == 0, result.output
    result = invoke("evaluate", tmp_path / "run", tmp_path / "2.csv", tmp_path / "4.csv", "-q")
    assert result.exit_code == 1
    assert re.search(r"2\.csv and 1 more: no piece left .*not read: .*4\.csv: has the columns a, x", result.output)


def test_the_columns_of_most_files_without_names_count(tmp_path):
    for number, width in enumerate((2, 3, 3)):
        rows = [",".join(str((step * 5 + number + column) % 4) for column in range(width)) for step in range(40)]
        (tmp_path / f"{number}.csv").write_text("\n".join(rows))
    small = ["--steps", 2, "--hidden", 8, "--layers", 1, "-q", "-o", tmp_path / "run"]
    result = invoke("train", "packed", tmp_path, *small)
    assert result.exit_code == 0, result.output
    assert "0.csv: has the columns 1, 2, but most files have the columns 1, 2, 3" in result.stderr


def test_an_unknown_label_is_named_with_its_file(run, tmp_path):
    odd, said = tmp_path / "odd.csv", r"odd\.csv: the token .*second=9.* is not among"
    odd.write_text("leader,second,third\n0,0,1\n0,9,1\n")
    spec = json.loads(invoke("inspect", run, "--json").stdout)["representation"]
    assert re.search(said, invoke("tokenize", spec, run.parent / "0.csv", odd, "--run", run).output)
    assert re.search(said, invoke("sample", run, "--prime", odd).output)


def test_a_prime_has_the_columns_of_the_run(tmp_path):
    """Even if they look like an index, and without names or in another order."""
    (tmp_path / "a.csv").write_text("a,b\n" + "0,1\n2,1\n3,0\n1,0\n" * 10)
    small = ["--steps", 2, "--hidden", 8, "--layers", 1, "-q", "-o", tmp_path / "run"]
    assert invoke("train", "packed", tmp_path / "a.csv", *small).exit_code == 0
    for text in ("a,b\n0,1\n1,0\n2,1\n3,0\n", "0,1\n1,0\n2,1\n3,0\n", "n,b,a\n7,1,0\n8,0,1\n9,1,2\n10,0,3\n"):
        (tmp_path / "prime.csv").write_text(text)
        led = ["--prime", tmp_path / "prime.csv", "--steps", 5, "-o", tmp_path / "out.csv"]
        result = invoke("sample", tmp_path / "run", *led)
        assert result.exit_code == 0, result.output
        assert (tmp_path / "out.csv").read_text().startswith("a,b\n0,1\n1,0\n2,1\n3,0\n")


def test_any_column_may_lead_and_wrong_options_are_refused(run, tmp_path):
    (tmp_path / "lead.csv").write_text("third\n0\n2\n1\n")
    out = tmp_path / "out.csv"
    result = invoke("sample", run, "--lead", tmp_path / "lead.csv", "--lead-column", "third", "-o", out)
    assert result.exit_code == 0, result.output
    assert [line.split(",")[2] for line in out.read_text().splitlines()] == ["third", "0", "2", "1"]
    lead = ("--lead", tmp_path / "lead.csv")
    for arguments, facts in {
        (*lead, "--lead-column", "fourth"): "no column fourth; .* leader, second, third",
        ("--lead-column", "2"): "--lead-column .* --lead",
        (*lead, "--no-grammar"): "--lead .* --no-grammar",
        ("--steps", 0): "--steps .* 1,?0",
        ("--rhythm", "jig"): "rhythm.*steps",
    }.items():
        result = invoke("sample", run, *arguments)
        assert result.exit_code == 1
        assert re.search(facts, result.output)


def test_a_copy_is_seen_whoever_leads(run, tmp_path):
    """The second player does as the leader, so that either one's gestures of a piece trained on bring it back."""
    kept = [line.split(",")[0] for line in (run.parent / "0.csv").read_text().splitlines()[1:41]]
    (tmp_path / "lead.csv").write_text("\n".join(["second", *kept]) + "\n")
    led = ["sample", run, "--lead", tmp_path / "lead.csv", "--lead-column", "second", "-o", tmp_path / "out.csv"]
    result = invoke(*led, "--temperature", 0, "--json")
    assert result.exit_code == 0, result.output
    width = 1 if json.loads(invoke("inspect", run, "--json").stdout)["representation"].endswith("joint") else 3
    copied = json.loads(result.stdout)["copied"]
    assert copied["tokens"] > 30 * width
    assert copied["at"] in ("step 1", "step 2")
    result = invoke(*led, "--max-copy", 8)
    assert result.exit_code == (width > 1)
    assert width == 1 or "leave out --max-copy or --lead-column" in result.output


def test_where_no_grammar_says_whose_turn_it_is_a_limit_on_copies_keeps_to_it(tmp_path):
    """Every passage of nine codes stands in the tables, so that the second player has to go on with a copy."""
    tables = np.random.default_rng(0).integers(0, 2, (4, 4000, 2))
    for number, table in enumerate(tables):
        (tmp_path / f"{number}.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in table))
    train = ["train", "packed", tmp_path, "--steps", 2, "--hidden", 8, "--layers", 1, "-q", "-o", tmp_path / "run"]
    assert invoke(*train).exit_code == 0
    pieces = load(tmp_path / "run").sample(50, seed=1, grammar=False, max_copy=9, limit=200)
    assert max(piece.nll for piece in pieces) < 1_000


def test_a_run_continues_a_table_up_to_the_requested_step(run, tmp_path):
    (tmp_path / "begin.csv").write_text(quartet(12))
    out = tmp_path / "out.csv"
    result = invoke("sample", run, "--prime", tmp_path / "begin.csv", "--steps", 20, "-o", out)
    assert result.exit_code == 0, result.output
    lines = out.read_text().splitlines()
    assert lines[:13] == quartet(12).splitlines()
    assert len(lines) == 21
    result = invoke("sample", run, "--prime", tmp_path / "begin.csv", "--steps", 12, "-o", out)
    assert "--steps 12: counts the prime, which already has 12 steps; ask for more" in result.stderr


def test_midi_needs_a_grid(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"MThd")
    result = invoke("train", "packed", tmp_path / "a.mid")
    assert re.search("MIDI.*packed:grid=drums.*packed:grid=voices", result.output)
    with pytest.raises(RequestError, match=r"grid .* table, chorale, drums, voices, picture, got 'piano'"):
        representations.find("packed:grid=piano")


def test_compound_tokens_are_laid_out_as_the_vocabulary_is():
    vocabulary = LAYOUT.vocabulary()
    assert CompoundLayout(LAYOUT.radices).size == len(vocabulary)
    assert vocabulary.tokens[CompoundLayout(LAYOUT.radices).offsets[1]] == "bass=0"
    with pytest.raises(ParseError):
        parsed("1\n")
