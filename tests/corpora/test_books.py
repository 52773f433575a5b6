import dataclasses
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from folkseq.corpora.named import files, locate
from folkseq.corpora.named.books import Description, Source, build, descriptions
from folkseq.corpora.named.folders import BuildReport
from folkseq.errors import CorpusError

TOML = """
name = "made-up"
title = "Tunes made up for a test"
about = "Two lines\\nof text."
licence = "Free."
credit = "Nobody."
non_commercial = true
package = "tunebook"
tunes = 1

[[sources]]
folder = "first"
glob = "*.abc"
book = "The First Book"

[digests]
"""


@pytest.fixture
def tunebook(tmp_path, monkeypatch):
    """Return the folder of an importable package's corpus; its __init__ would fail if anyone imported it."""
    package = tmp_path / "site" / "tunebook"
    folder = package / "corpus" / "first"
    folder.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('a build must not import the package')")
    dist_info = tmp_path / "site" / "tunebook-1.0.dist-info"
    dist_info.mkdir()
    (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: tunebook\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


@pytest.fixture
def made_up(tmp_path):
    path = tmp_path / "made-up.toml"
    path.write_text(TOML)
    return Description.read(path)


@pytest.fixture
def built(tunebook, made_up, tmp_path):
    """Return a function from the bytes of the book's files to the built tunes and the report."""

    def build_from(*contents: bytes) -> tuple[list[str], BuildReport]:
        for number, content in enumerate(contents):
            (tunebook / f"{number}.abc").write_bytes(content)
        report = build(made_up, tmp_path / "made-up.abc")
        head, *tunes = report.path.read_text(encoding="utf-8").split("\n\n")
        assert all(line.startswith("% ") for line in head.split("\n"))
        return [tune.rstrip("\n") for tune in tunes], report

    return build_from


def test_tunes_are_numbered_and_other_text_is_removed(built):
    tunes, report = built(
        b"% a comment\n\nX: 7\r\nT:One  \r\nB:Other\r\nK:C\r\nCDE|\r\n\r\n"
        b"free text\r\n:8\r\nX:0\nT:Two\nK:D\n% kept\nDEF|",
        b"\xef\xbb\xbfX:1\nT:Three\nB:Other\nK:G\nGAB|\n\n\n",
    )
    assert tunes == [
        "X:1\nT:One\nB:Other\nK:C\nCDE|",
        "X:2\nT:Two\nB:The First Book\nK:D\n% kept\nDEF|",
        "X:3\nT:Three\nB:Other\nK:G\nGAB|",
    ]
    assert {**report.facts, "sha256": ""} == {
        "tunes": 3,
        "repeats": 0,
        "left_out": 0,
        "files": 2,
        "quoted": 0,
        "sha256": "",
    }


def test_a_file_header_goes_into_each_of_its_tunes(built):
    tunes, _ = built(
        b"% not this\nM:3/4\nB:Whole\n\nX:1\nT:One\nK:C\nC3|\n\nX:2\nT:Two\nK:C\nD3|\n", b"X:1\nT:Three\nK:C\nE|\n"
    )
    assert tunes[1] == "X:2\nM:3/4\nB:Whole\nT:Two\nK:C\nD3|"
    assert "M:3/4" not in tunes[2]


def test_tunes_whose_terms_forbid_it_are_left_out_and_counted(made_up, tunebook, tmp_path):
    (tunebook / "0.abc").write_bytes(b"X:1\nT:One\nZ:by Ann\nK:C\nCDE|\n\nX:2\nT:Two\nK:C\nZ:not by Ann\nCDE|\n")
    report = build(replace(made_up, without="^Z:by Ann"), tmp_path / "made-up.abc")
    assert "T:Two" in report.path.read_text()
    assert "T:One" not in report.path.read_text()
    assert (report.facts["tunes"], report.facts["left_out"]) == (1, 1)
    assert "1 left out by their terms" in report.summary
    with pytest.raises(ValueError, match="without must be a pattern"):
        replace(made_up, without="(")


def test_exact_repeats_are_dropped_and_counted(built):
    tunes, report = built(
        b"X:1\nT:One\nK:C\nCDE|\n\nX:2\nT:One\nK:C\nCDF|\n",
        b"X: 9\nT:One \nK:C\r\nCDE| \n\n\n",
    )
    assert [tune[-4:] for tune in tunes] == ["CDE|", "CDF|"]
    assert (report.facts["tunes"], report.facts["repeats"]) == (2, 1)


@pytest.mark.parametrize(
    ("quoted", "meant"),
    [
        ("X:1\nT:A\nN:=20\nK:C\n=3DB=3DD =\nEF|=20\nG4|=0D\n", "N:\nK:C\n=B=D EF|\nG4|"),
        ("X:1\nT:A\nN:12 =FF=20\nN:to = and fro\nK:C\nC|=20\n", "N:12\nN:to and fro\nK:C\nC|"),
        ("X:1\nT:A\nK:C\nDEF |=\nGAB|\n", "K:C\nDEF |GAB|"),
    ],
)
def test_quoted_printable_is_undone(built, quoted, meant):
    tunes, report = built(quoted.replace("T:A\n", "T:A\nB:Other\n").encode())
    assert tunes == [f"X:1\nT:A\nB:Other\n{meant}"]
    assert report.facts["quoted"] == 1


@pytest.mark.parametrize("music", ["=D=B=A =DB|=C=B|", "=E2 =F|", "[=D=B]=A,|", "=C/2=F>=D|"])
def test_naturals_are_not_quoted_printable(built, music):
    tunes, report = built(f"X:1\nT:A\nB:Other\nN:a note that ends in =\nK:G\n{music}\n".encode())
    assert tunes == [f"X:1\nT:A\nB:Other\nN:a note that ends in =\nK:G\n{music}"]
    assert report.facts["quoted"] == 0


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Z:Typed by Ann Onym, ann{}example.org", "Z:Typed by Ann Onym"),
        (
            "Z: 1999 by Ann Onym <ann{}example.org> http://example.org/~ann/",
            "Z: 1999 by Ann Onym http://example.org/~ann/",
        ),
        ('Z:"Typed by Ann O. (a.o-1{}mail.example.co.uk)"', 'Z:"Typed by Ann O."'),
        ("S:Ann, 20200131 16:35:44 ann{}ex:ample.org 5/17/02", "S:Ann, 20200131 16:35:44 5/17/02"),
        ("% ask ann{}example.org.", "% ask."),
    ],
)
@pytest.mark.parametrize("sign", ["@", ":", ":at:"])
def test_addresses_go_and_names_stay(built, typed, kept, sign):
    tunes, _ = built(f"X:1\nT:A\nB:Other\n{typed.format(sign)}\nK:C\nCDE|\n".encode())
    assert tunes == [f"X:1\nT:A\nB:Other\n{kept}\nK:C\nCDE|"]


@pytest.mark.parametrize("line", ["T:W.S. Royals", "C:G.L.SMITH", "Q:1/4=40", "|:.d.c:.B.AG|", "G:A.B.cd:|"])
def test_text_that_looks_like_an_address_stays(built, line):
    tunes, _ = built(f"X:1\nT:A\nB:Other\nK:C\n{line}\n".encode())
    assert tunes[0].endswith(f"K:C\n{line}")


@pytest.mark.parametrize(
    "typed",
    [
        "T:Schön, Straße".encode("latin-1"),
        "T:Schön, Straße".encode(),
        "T:Sch\x94n, Stra\xe1e".encode("latin-1"),
        "T:Sch\x94n, Stra\x9ee".encode(),
    ],
)
def test_every_encoding_becomes_utf8(built, typed):
    tunes, _ = built(b"X:1\n" + typed + b"\nB:Other\nK:C\nC|\n")
    assert tunes == ["X:1\nT:Schön, Straße\nB:Other\nK:C\nC|"]


def test_escaped_letters_and_dotted_consonants_become_letters(built):
    tunes, _ = built(b"%%x \\'e\nX:1\nT:Nov\\'ell\\'e 5\\%\nT:tea.c an .bo.tair.\nN:see a.b\nB:Other\nK:C\nC.c|\n")
    assert tunes == ["X:1\nT:Novéllé 5\\%\nT:teaċ an ḃoṫair.\nN:see a.b\nB:Other\nK:C\nC.c|"]


def test_an_accent_is_no_sharp_s_without_other_signs_of_dos(built):
    tunes, _ = built("X:1\nT:Lá Breá\nB:Other\nK:C\nC|\n".encode())
    assert tunes == ["X:1\nT:Lá Breá\nB:Other\nK:C\nC|"]


def test_the_digest_is_compared(built, made_up, tmp_path):
    _, report = built(b"X:1\nT:A\nK:C\nC|\n")
    digest = report.facts["sha256"]
    assert digest == hashlib.sha256(report.path.read_bytes()).hexdigest()
    assert "tunebook 1.0" in report.notice
    assert digest in report.notice
    described = dataclasses.replace(made_up, digests={"1.0": digest})
    assert build(described, tmp_path / "made-up.abc").notice is None


def test_the_head_states_terms_and_credit(built, tmp_path):
    _, report = built(b"X:1\nT:A\nK:C\nC|\n")
    head = report.path.read_text().split("\n\n")[0]
    assert [line[2:] for line in head.split("\n")[:5]] == [
        "Tunes made up for a test",
        "Two lines",
        "of text.",
        "Free.",
        "Non-commercial use only.",
    ]


def test_a_missing_package_or_corpus_says_what_to_type(tunebook, made_up, tmp_path):
    with pytest.raises(CorpusError, match="pip install --force-reinstall tunebook"):
        build(made_up, tmp_path / "made-up.abc")
    absent = dataclasses.replace(made_up, package="no_such_tunebook")
    with pytest.raises(CorpusError, match="pip install no_such_tunebook"):
        build(absent, tmp_path / "made-up.abc")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("tunes = 1", "tunes = 0"), "tunes .* 0"),
        (("tunes = 1", "tunes = 1\ncolour = 2"), "colour"),
        (("tunes = 1", ""), "tunes"),
        (("tunes = 1", "tunes = "), "Invalid value"),
        (('title = "Tunes made up for a test"', "title = 3"), "title .* 3"),
        (("non_commercial = true", 'non_commercial = "no"'), "non_commercial .* 'no'"),
        (("[digests]", '[digests]\n"1.0" = "abc"'), "64 hexadecimal"),
        (('folder = "first"', 'folder = ""'), "folder .* ''"),
        (('name = "made-up"', 'name = "other"'), "other.toml"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(tmp_path, change, complaint):
    path = tmp_path / "made-up.toml"
    path.write_text(TOML.replace(*change))
    with pytest.raises(CorpusError, match=complaint) as refusal:
        Description.read(path)
    assert str(refusal.value).startswith(f"{path}: ")


def test_sources_check_themselves():
    with pytest.raises(ValueError, match="book"):
        Source(folder="a", glob="*", book=" ")


def test_locate_leaves_what_exists(tmp_path):
    assert locate(tmp_path) == tmp_path


def test_locate_builds_what_a_toml_beside_it_describes(tunebook, tmp_path):
    (tunebook / "a.abc").write_text("X:1\nT:A\nK:C\nC|\n")
    (tmp_path / "made-up.toml").write_text(TOML)
    reports: list[BuildReport] = []
    path = tmp_path / "made-up.abc"
    assert locate(path, reports.append) == path
    assert path.is_file()
    assert locate(path, reports.append) == path
    assert [report.path for report in reports] == [path]


def test_locate_builds_a_named_corpus_in_any_folder_called_corpora(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate(Path("corpora/folk.abc")).is_file()
    assert [path.name for path in Path("corpora").iterdir()] == ["folk.abc"]


@pytest.mark.parametrize("missing", ["corpora/fock.abc", "elsewhere/folk.abc", "corpora/folk.mid", "folk"])
def test_locate_refuses_the_rest_and_names_the_corpora(missing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError) as refusal:
        locate(Path(missing))
    assert str(refusal.value) == (
        f"{missing}: no such file or folder; the named corpora are corpora/essen.abc, corpora/folk-open.abc, "
        "corpora/folk.abc, corpora/chorales, corpora/ensemble, corpora/picture"
    )


def test_a_folder_of_descriptions_adds_to_those_shipped(tmp_path):
    (tmp_path / "made-up.toml").write_text(TOML)
    assert set(descriptions(tmp_path)) == {"essen", "folk", "folk-open", "made-up"}
    assert descriptions(tmp_path)["essen"].non_commercial
    assert not descriptions(tmp_path)["folk"].non_commercial


def test_files_of_a_folder_are_found_below_it_and_sorted(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("b/c/x.MID", "b/a.mid", "z.midi", "notes.txt"):
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in files(tmp_path, (".mid", ".midi"))]
    assert found == ["b/a.mid", "b/c/x.MID", "z.midi"]
    assert files(tmp_path / "notes.txt", (".mid",)) == [tmp_path / "notes.txt"]
    with pytest.raises(CorpusError, match=r"no file that ends in \.abc"):
        files(tmp_path, (".abc",))


@pytest.mark.parametrize(("name", "repeats", "unquoted"), [("folk", 14, 14), ("essen", 15, 0)])
def test_the_installed_corpus_is_built_as_described(name, repeats, unquoted, tmp_path):
    description = descriptions()[name]
    report = build(description, tmp_path / "one.abc")
    again = build(description, tmp_path / "two.abc")
    assert [report.facts[name] for name in ("tunes", "repeats", "quoted")] == [description.tunes, repeats, unquoted]
    if version("music21") in description.digests:
        assert report.notice is None
    assert (tmp_path / "one.abc").read_bytes() == (tmp_path / "two.abc").read_bytes()
    assert again.facts == report.facts

    text = report.path.read_text(encoding="utf-8")
    assert "@" not in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text.replace("\t", " "))
    _, *tunes = text.split("\n\n")
    for number, tune in enumerate(tunes, start=1):
        assert tune.startswith(f"X:{number}\n")
        for field in "TBK":
            assert re.search(rf"^{field}:", tune, re.MULTILINE), tune


def test_building_imports_neither_torch_nor_music21(tmp_path):
    code = (
        "import sys; from pathlib import Path; from folkseq.corpora.named.books import build, descriptions;"
        "build(descriptions()['folk'], Path(sys.argv[1]));"
        "print([name for name in ('torch', 'music21') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "folk.abc"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
