"""Two classifiers tell candidates from real pieces, as scikit-learn's do, and candidates are drawn by their odds."""

import shutil
from collections import Counter

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

import folkseq
from folkseq.errors import RunError
from folkseq.formats import abc
from folkseq.models.settings import ModelSettings
from folkseq.ranking import CANDIDATES, Ranker, accepts, choose, likeness
from folkseq.ranking.features import Describer
from folkseq.ranking.fit import _flatten, fit, match
from folkseq.ranking.ranker import FILE, Weights, chances, log_odds
from folkseq.representations.abc import AbcRepresentation
from folkseq.run import Run
from folkseq.sampling.batch import APART
from folkseq.verbs import rank
from folkseq.verbs.sample import again, sample
from folkseq.verbs.train import train

TUNES = (
    "|:CDEF GABc|CDEF G2c2|cBAG FEDC|EDEF C4:||:cdef gfed|cBAG F2E2|cdef gfed|cBAG C4:|",
    "|:C2E2 G2E2|F2A2 G4|C2E2 G2E2|F2D2 C4:||:g2e2 c2e2|f2d2 G4|C2E2 G2E2|F2D2 C4:|",
    "|:CDEF GFED|EFGA BAGF|ABcd edcB|cGEC C4:||:cege dfaf|efge dBGB|CDEF GFED|cGEC C4:|",
)


def tunes(count, seed):
    """Return tunes of which each bar is one of a few."""
    random, found = np.random.default_rng(seed), []
    for number in range(count):
        bars = [bar for tune in TUNES for bar in tune.replace(":", "").strip("|").split("|") if bar]
        one, other = (list(random.choice(bars, 4)) for _ in range(2))
        music = f"|:{'|'.join(one + one[:3] + ['C4 C4'])}:||:{'|'.join(other + one[:3] + ['C4 C4'])}:|"
        found.append(f"X:{number + 1}\nT:Tune {number}\nR:reel\nM:4/4\nL:1/8\nK:{'DGA'[number % 3]}\n{music}\n")
    return "\n".join(found)


@pytest.fixture(scope="module")
def codec():
    return AbcRepresentation().fit(abc.parse(tunes(300, 1)).tunes)


@pytest.fixture(scope="module")
def described(codec):
    """Return a describer of tunes, and the ids of some."""
    pieces = [np.asarray(codec.encode(tune), np.int64) for tune in abc.parse(tunes(40, 1)).tunes]
    recipe = codec.recipe
    describer = Describer.fit(codec.transposition.profile, recipe["bar_ends"], recipe["section_ends"], pieces)
    return describer, pieces


def test_features_say_what_a_tune_is_like(codec, described):
    describer, pieces = described
    (values,) = describer.describe(pieces[:1])
    assert len(values) == len(describer.describe(pieces[1:3])[1])
    tokens = codec.vocabulary.decode(pieces[0])
    music = " ".join(tokens[4:-1]).replace(":|", "|").replace("|:", "|").replace("::", "|")
    bars = [tuple(bar.split()) for bar in music.split("|") if bar.strip()]
    form = values[-(18 + 9 + 6) :]
    assert form[0] == len(bars) == 16
    assert form[1] == len(tokens)
    assert form[2] == pytest.approx(1 - len(set(bars)) / 16)
    assert form[3] == pytest.approx(sum(count for count in Counter(bars).values() if count > 1) / 16)
    assert form[7:10].tolist() == [2, 8, 8]  # sections, and the bars of the longest and of all
    shares = values[: len(describer.figures)]
    assert shares.max() <= 1
    assert shares[describer.figures // (1 << 40) == 0].sum() == pytest.approx(1)  # all intervals are common ones


def test_a_second_ending_is_no_section():
    one = "|:CDEF GABc|CDEF G2c2|cBAG FEDC|1 EDEF G4:|2 EDEF C4|]"
    book = [f"X:1\nT:t\nM:4/4\nL:1/8\nK:C\n{music}\n" for music in (one, f"{one[:-2]}|{one}")]
    codec, encoded = AbcRepresentation().fit_encode(abc.parse("\n".join(book)).tunes)
    pieces, recipe = [np.asarray(ids, np.int64) for ids in encoded], codec.recipe
    describer = Describer.fit(codec.transposition.profile, recipe["bar_ends"], recipe["section_ends"], pieces)
    found = describer.describe(pieces)[:, describer.noticed[5:]]
    # Bars, share of repeated ones, none; sections, only one, second ending, spread of their lengths.
    assert found.tolist() == [[5, 0, 1, 1, 1, 1, 0], [10, 0.5, 0, 2, 0, 1, 0]]


def test_a_tune_is_described_alike_alone_and_among_others(described):
    describer, pieces = described
    together = describer.describe(pieces)
    assert np.isfinite(together).all()
    for place in (0, 17, 39):
        assert np.array_equal(describer.describe([pieces[place]])[0], together[place])
    for short in (pieces[0][:1], pieces[0][:3], pieces[0][:6]):  # hardly a tune
        assert np.isfinite(describer.describe([short])).all()


def test_trees_give_what_scikit_learn_gives():
    random = np.random.default_rng(3)
    features = random.normal(size=(300, 7)).astype(np.float32).astype(np.float64)
    wanted = features[:, 0] * features[:, 1] + features[:, 2] > random.normal(size=300)
    boosted = GradientBoostingClassifier(n_estimators=30, max_depth=3, random_state=1).fit(features, wanted)
    trees = _flatten([tree.tree_ for tree in boosted.estimators_[:, 0]], boosted.learning_rate)
    linear = np.append(np.zeros(7), boosted.init_.class_prior_[1])
    linear[-1] = np.log(linear[-1] / (1 - linear[-1]))
    weights = Weights(np.zeros(0, np.int64), np.zeros(7), np.ones(7), linear, **trees, depth=np.array(3, np.int32))
    assert log_odds(weights, features) == pytest.approx(boosted.decision_function(features), abs=1e-9)


def chosen(scores, seed, draws):
    """Return the index of the first candidate that is accepted, or else of one of all."""
    accepted = [accepts(score, seed, draw) for score, draw in zip(scores, draws, strict=True)]
    return accepted.index(True) if any(accepted) else choose(scores, seed, draws)


def test_candidates_are_drawn_by_their_odds():
    scores = np.log([1.0, 2.0, 7.0])
    found = Counter(choose(scores, 5, range(3 * piece, 3 * piece + 3)) for piece in range(4000))
    assert [found[place] / 4000 for place in range(3)] == pytest.approx([0.1, 0.2, 0.7], abs=0.03)
    assert choose(scores, 5, [16, 17, 18]) == choose(scores + 3, 5, [16, 17, 18])


def test_candidates_are_accepted_by_their_odds_one_by_one():
    scores = np.log([0.1, 0.5, 0.4])
    found = Counter(chosen(scores, 5, range(3 * piece, 3 * piece + 3)) for piece in range(4000))
    none = 0.9 * 0.5 * 0.6
    wanted = [0.1 + none * 0.1, 0.9 * 0.5 + none * 0.5, 0.9 * 0.5 * 0.4 + none * 0.4]
    assert [found[place] / 4000 for place in range(3)] == pytest.approx(wanted, abs=0.03)
    assert chances(scores[None])[0] == pytest.approx(wanted)
    assert all(accepts(0.0, 5, draw) for draw in range(1000))


def test_likeness_is_the_probability_of_a_real_piece():
    assert likeness(np.log([1 / 3, 1, 3])) == pytest.approx([0.25, 0.5, 0.75])


def test_real_tunes_are_told_from_others_that_lack_their_repeats(codec, tmp_path):
    recipe = codec.recipe
    model = ModelSettings(len(codec.vocabulary), bar_ends=recipe["bar_ends"], section_ends=recipe["section_ends"])
    real = [np.asarray(codec.encode(tune), np.int64) for tune in abc.parse(tunes(200, 1)).tunes]
    random = np.random.default_rng(4)

    def shuffled(ids):
        notes = np.flatnonzero(codec.transposition.profile.pitched[ids])
        other = ids.copy()
        other[notes] = ids[random.permutation(notes)]
        return other

    others = [shuffled(ids) for ids in real]
    ranker = fit(others[:75], others[75:150], real[:150], codec.transposition.profile, model)
    scores = ranker.scores([*real[150:], *others[150:]])
    assert (scores[:50] > 0).mean() > 0.9
    assert (scores[50:] < 0).mean() > 0.9
    ranker.save(tmp_path)
    found = Ranker.open(tmp_path, codec.transposition.profile, model)
    assert np.array_equal(found.scores(real), ranker.scores(real))
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:500])
    with pytest.raises(RunError, match=f"{FILE}: is damaged"):
        Ranker.open(tmp_path, codec.transposition.profile, model)


def test_chosen_pieces_have_the_means_of_real_ones_in_what_a_listener_notices():
    """The odds alone choose too many of what is twice as frequent among the candidates, since they are only a few."""
    random = np.random.default_rng(6)
    unseen, real = (
        np.stack((random.random(count) < share, random.normal(size=count)), axis=1).astype(np.float64)
        for count, share in ((8000, 0.2), (500, 0.1))
    )
    one = np.zeros(1)
    leaf = Weights(
        np.zeros(0, np.int64), np.zeros(2), np.ones(2), np.array([-0.8, 3.0, 0.0]), one.astype(np.int32),
        one.astype(np.int32), one, one.astype(np.int32), one.astype(np.int32), one, np.array(0, np.int32),
    )  # fmt: skip
    before = log_odds(leaf, unseen)
    (change,) = match(leaf, np.array([0]), unseen, real)
    after = before + change * unseen[:, 0]
    shares = [
        np.mean([unseen[8 * n + chosen(scores[8 * n : 8 * n + 8], 1, range(8 * n, 8 * n + 8)), 0] for n in range(1000)])
        for scores in (before, after)
    ]
    assert CANDIDATES == 8
    assert shares[0] > 0.12
    assert shares[1] == pytest.approx(real[:, 0].mean(), abs=0.025)


@pytest.fixture(scope="module")
def run(tmp_path_factory, one_thread):
    """Return a small run that has learned to rank."""
    folder = tmp_path_factory.mktemp("ranked")
    (folder / "book.abc").write_text(tunes(80, 5))
    events = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rank, "FEWEST", 40)
        patched.setattr(rank, "SAMPLES", 60)
        train("abc", folder / "book.abc", out=folder / "run", steps=60, hidden=24, on_report=events.append)
    assert any("most like the corpus" in event.get("event", "") for event in events)
    return folder / "run"


def drawn(record):
    """Return the place of a piece among all draws, from 0; a piece that is too long is drawn again."""
    return ((record.draw or record.index) - 1) % APART


def test_a_trained_model_chooses_among_eight_candidates_and_makes_the_piece_again(run, tmp_path):
    first = list(sample(run, 3, seed=4, out=tmp_path / "set.abc"))
    draws = [drawn(piece.record) for piece, _ in first]
    assert [draw // 8 for draw in draws] == [0, 1, 2]
    assert any(draw % 8 for draw in draws)
    assert [set(piece.critique.merits) for piece, _ in first] == [{"likeness"}] * 3
    one = list(folkseq.load(run).sample(1, seed=4))
    assert one[0].tokens == first[0][0].tokens
    assert list(again(tmp_path / "set.abc", run, out=tmp_path / "again.abc"))
    assert (tmp_path / "again.abc").read_bytes() == (tmp_path / "set.abc").read_bytes()


def test_what_is_asked_for_comes_before_the_default(run):
    model = folkseq.load(run)
    assert [drawn(piece.record) for piece in model.sample(2, seed=4, best=1)] == [0, 1]
    assert [drawn(piece.record) for piece in model.sample(2, seed=4, grammar=False, limit=200)] == [0, 1]
    formed = next(iter(model.sample(1, seed=4, form="AABB")))
    assert drawn(formed.record) < 64


def test_a_run_that_never_learned_to_rank_judges_by_merits(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / FILE).unlink()
    model = folkseq.load(Run.open(tmp_path / "run").folder)
    (piece,) = model.sample(1, seed=4)
    assert {"likelihood", "novelty", "tonic", "figures"} == set(piece.critique.merits)
    assert drawn(piece.record) == 0
