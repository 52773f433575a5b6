"""The progress of commands, and what --quiet leaves out."""

import io
import time

import pytest
from book import BOOK
from click.testing import CliRunner

from folkseq.cli import main, status
from folkseq.cli.output import say


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def slow(monkeypatch):
    """Conversions that take a moment, which counts as two seconds."""
    from folkseq.verbs import convert

    quick = convert.convert

    def slowly(*arguments, **asked):
        time.sleep(0.6)
        return quick(*arguments, **asked)

    monkeypatch.setattr(convert, "convert", slowly)
    monkeypatch.setattr(status, "FIRST_S", 0.05)


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.abc").write_text(BOOK)
    return str(tmp_path / "book.abc")


def invoke(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_command_that_takes_long_says_so_on_stderr(slow, book, tmp_path):
    result = invoke("convert", book, tmp_path / "out.abc")
    assert result.stderr.splitlines()[0] == "convert  0:00"
    assert result.stdout.splitlines() == [str(tmp_path / "out.abc")]


def test_a_quick_command_does_not(book, tmp_path):
    assert "convert  0:0" not in invoke("convert", book, tmp_path / "out.abc").stderr


def test_quiet_leaves_out_progress_and_files_but_not_what_is_lost(slow, tmp_path):
    (tmp_path / "odd.abc").write_text('X:1\nT:Odd\nK:C\n!thumb!C"<text"D|\nX:2\nK:C\n')
    loud = invoke("convert", tmp_path / "odd.abc", tmp_path / "odd.mid")
    quiet = invoke("convert", tmp_path / "odd.abc", tmp_path / "odd.mid", "--quiet")
    assert quiet.stdout == ""
    assert loud.stderr.splitlines() == ["convert  0:00", *quiet.stderr.splitlines()]
    assert quiet.stderr.startswith("not read: ")


def test_nothing_is_drawn_over_what_is_typed(slow):
    found = CliRunner().invoke(main, ["convert", "-", "out.abc"])
    assert found.exit_code == 1
    assert len(found.stderr.splitlines()) == 1


def test_on_a_terminal_the_line_makes_room(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(status, "FIRST_S", 0.05)
    with status.Status("sample: 3 of 10") as shown:
        time.sleep(0.5)
        assert terminal.getvalue() == "\rsample: 3 of 10  0:00"
        shown.clear()
        say("a line")
    assert terminal.getvalue() == f"\rsample: 3 of 10  0:00\r{' ' * 21}\ra line\n"


def test_items_are_counted():
    context = main.make_context("folkseq", ["convert", "a", "b"])
    with context:
        seen = [(item, context.obj.text) for item in status.tracked("xy", 2)]
    assert seen == [("x", "convert: 0 of 2"), ("y", "convert: 1 of 2")]
    assert context.obj.text == "convert: 2 of 2"


VERBS = ["check", "corpus", "train", "sample", "fill", "harmonise", "evaluate", "tokenize", "convert", "book", "plot"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_writes_or_takes_long_can_be_quiet(verb):
    assert "-q, --quiet" in invoke(verb, "--help").stdout
