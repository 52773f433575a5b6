import pytest

from folkseq.music import Tune
from folkseq.representations.abc.titles import title_key, title_words, titles_of


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("The Mill Wheel", "The Mill Wheel"),
        ("Mill Wheel, The", "The Mill Wheel"),
        ("Mill Wheel., The", "The Mill Wheel"),
        ("Mill Wheel, The (2)", "The Mill Wheel"),
        ("MILL WHEEL -- JIG", "MILL WHEEL"),
        ("BRADY'S -- REEL", "BRADY'S {}"),
        ("Harvest -- Hornpipe", "Harvest {}"),
        ("Brady’s Slip Jig", "Brady's {}"),
        ("Ann Brady's Highland Fling", "Ann Brady's {}"),
        ("Brady's Quick Step", "Brady's {}"),
        ("Lady Brady's Strathspy", "Lady Brady's {}"),
        ("Step It Out", "Step It Out"),
        ("The Mill Wheel No. 2", "The Mill Wheel"),
        ("The Mill Wheel #3", "The Mill Wheel"),
        ("The Mill Wheel 2nd Setting.", "The Mill Wheel"),
        ("The Mill Wheel II", "The Mill Wheel"),
        ("The Mill Wheel in G major", "The Mill Wheel"),
        ("The Mill Wheel (Ann Brady)", "The Mill Wheel"),
        ("The Mill Wheel by Ann Brady", "The Mill Wheel"),
        ("The Mill Wheel from Ann Brady", "The Mill Wheel"),
        ("The Mill Wheel, or the Old Weir", "The Mill Wheel"),
        ("The Mill Wheel or The Old Weir", "The Mill Wheel"),
        ("Mill: Wheel", "Mill"),
        ("The Celebrat:ed Wheel", "The Celebrated Wheel"),
        ("", ""),
        (" -- ", ""),
        ("(untitled)", ""),
    ],
)
def test_the_words_of_a_title(title, words):
    assert title_words(title) == words.split()


def test_titles_that_a_listener_takes_for_one_have_one_key():
    alike = ["The Humours of Glín", "HUMORS OF GLIN -- JIG", "Humour of Glin, The (3)", "the humors of  glin's"]
    assert {title_key(word for word in title_words(title) if word != "{}") for title in alike} == {"humor of glin"}
    assert title_key(["Glen"]) != title_key(["Glin"])


def test_a_title_with_the_name_of_its_composer_or_transcriber_is_left_out():
    fields = (("C", "Ann Brady (1990)"), ("Z", "typed by Tom O'Shea and Lu Wang"), ("S", "Joe Hill"))
    titles = "Ann Brady's Reel", "Brady's Reel", "Tom O'Shea's", "For Lu Wang", "Joe Hill's"
    assert titles_of(Tune((), titles=titles, fields=fields)) == ("Brady's Reel", "Joe Hill's")
