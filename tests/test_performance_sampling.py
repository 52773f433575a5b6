"""From a run to the MIDI files of new performances: as asked, reproducible, and read back as they were written."""

import numpy as np
import pytest
from performances import take
from safetensors.numpy import save_file

from folkseq.corpus import Split, StoreWriter, TokenStore
from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import midi
from folkseq.models.export.step import build_step
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.music.performance import NOTE, PEDAL, Note, Performance, Track
from folkseq.novelty import Overlap
from folkseq.representations.performance import PerformanceTokenizer
from folkseq.run import Run, RunConfig
from folkseq.verbs.model import load
from folkseq.verbs.sample import again, sample, stream


def make_run(folder, tokenizer):
    """A run whose small model has learnt nothing, but hears what is asked of it."""
    settings = ModelSettings(
        len(tokenizer.vocabulary), layers=1, hidden=16, embedding=8, gain=1.0, conditioning=tokenizer.control_size
    )
    random, v = np.random.default_rng(0), settings.vocabulary_size
    shapes = {"embedding.weight": (v, 8), "output.weight": (v, 16), "output.bias": (v,)}
    shapes |= {"cells.0.weight_ih_l0": (64, 8), "cells.0.weight_hh_l0": (64, 16)}
    shapes |= {"cells.0.bias_ih_l0": (64,), "cells.0.bias_hh_l0": (64,)}
    shapes["control.weight"] = (8, tokenizer.control_size)
    weights = {name: random.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["output.bias"][: tokenizer.layout.note_off] -= 2  # else hardly anything would ever end
    run = Run.create(folder, RunConfig(tokenizer.spec, settings, TrainSettings(), (), "0"), tokenizer.vocabulary)
    (folder / "model.onnx").write_bytes(build_step(weights, settings))
    save_file(weights, folder / "model.safetensors")
    store = TokenStore.of([tokenizer.encode(take(seed)) for seed in range(3)])
    with StoreWriter(folder / "corpus", store.ids.dtype) as writer:
        for piece in range(3):
            writer.append(store[piece])
    run.keep_tokens(
        folder / "corpus", Split((0, 1), (2,), ()), ["a/0.mid", "a/1.mid", "b/2.mid"], np.zeros((3, 2), np.int64)
    )
    Overlap.build(run)
    return run.folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "baked", PerformanceTokenizer())


@pytest.fixture(scope="module")
def pedalled(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "tokens", PerformanceTokenizer(sustain="tokens"))


@pytest.fixture(scope="module")
def prime(tmp_path_factory):
    """A file of a second and a half in 6/8 at 100, with notes of one pitch that overlap."""
    rows = [(0.0, 1.2, 48, 90), (0.2, 0.6, 60, 70), (0.5, 1.0, 60, 80), (0.9, 1.5, 64, 60)]
    tracks = (Track(np.array(rows, NOTE), pedal=np.array([(0.3, 127), (1.4, 0)], PEDAL)),)
    path = tmp_path_factory.mktemp("primes") / "prime.mid"
    path.write_bytes(midi.format(Performance(tracks, tempos=((0.0, 100.0),))))
    return path


def read(path):
    return PerformanceTokenizer().parse(path.read_bytes(), path.name).pieces[0]


def test_a_performance_is_written_as_asked(run, tmp_path):
    (first, (path,)), (second, _) = sample(run, 2, seed=7, seconds=5, bpm=90, out=tmp_path)
    assert path == tmp_path / "7-001.mid"
    assert (first.title, second.title) == ("Performance 7-1", "Performance 7-2")
    assert first.tokens[0] == "<s>"
    assert first.tokens[-1] == "</s>"
    piece = read(path)
    assert piece.tempos == ((0.0, pytest.approx(90, rel=1e-5)),)
    (track,) = piece.tracks
    assert (track.name, track.program) == ("Piano", 0)
    assert 4.5 <= piece.length_s <= 5.0001  # tempos are whole microseconds
    assert len(track) == sum(token.startswith("NOTE_ON") for token in first.tokens)
    ids = PerformanceTokenizer().encode(piece)
    assert PerformanceTokenizer().vocabulary.decode(ids) == list(first.tokens)


def test_the_same_seed_gives_the_same_bytes_however_many_there_are(run):
    def write(count, **asked):
        return [piece.format(".mid") for piece in load(run).sample(count, seed=3, seconds=2, **asked)]

    alone, many = write(1), write(70)
    assert many[:1] == alone
    assert write(70) == many
    assert len(set(many)) == 70
    steered = write(3, density="2,16")
    assert steered == write(70, density=[2, 16])[:3]
    assert steered != many[:3]
    assert steered != write(3, density=2)
    assert write(3, pitch_classes="C,E,G") != many[:3]


def test_a_piece_is_made_again_and_streamed_as_it_was(run, prime, tmp_path):
    asked = {"seed": 9, "seconds": 2, "density": "4,16", "prime": str(prime), "temperature": (0.5, 1.5)}
    written = list(sample(run, 3, out=tmp_path / "out", **asked))
    for piece, (path,) in written:
        ((same, (copy,)),) = again(path, run, out=tmp_path / "again")
        assert (same.tokens, same.record) == (piece.tokens, piece.record)
        assert copy.read_bytes() == path.read_bytes()
    events = list(stream(run, 2, **asked))
    assert [event.token for event in events if event.index == 2] == list(written[1][0].tokens)


def test_how_much_is_copied_is_told(run):
    for piece in load(run).sample(5, seed=2, seconds=2):
        assert 0 < piece.copied.tokens < 20
        assert piece.copied.source in ("a/0.mid", "a/1.mid")
        assert piece.critique.merits.keys() == {"likelihood", "novelty"}
    for piece in load(run).sample(20, seed=2, seconds=2, max_copy=8):
        assert piece.copied.tokens <= 8


def test_a_tune_in_abc_is_a_prime_too(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nL:1/8\nM:4/4\nK:D\nDEFG A2d2|")
    (kept,) = load(run).sample(1, seed=1, seconds=2, prime=str(file), keep_prime=True)
    assert [note.pitch for note in kept.piece.tracks[0]][:6] == [62, 64, 66, 67, 69, 74]
    file.write_text(file.read_text() + "\n\nX:2\nK:D\nD|")
    with pytest.raises(FolkseqError, match="holds 2 tunes"):
        load(run).sample(1, prime=str(file))


def test_a_prime_is_stripped_or_kept(run, pedalled, prime):
    for folder in (run, pedalled):
        tokenizer = load(folder).tokenizer
        asked = {"seed": 5, "seconds": 3, "prime": str(prime), "longest_note": 0.5, "most_notes": 1}
        (stripped,) = load(folder).sample(1, **asked)
        (kept,) = load(folder).sample(1, keep_prime=True, **asked)
        assert kept.tokens == stripped.tokens
        (given,) = read(prime).tracks
        (new,), (all_,) = stripped.piece.tracks, kept.piece.tracks
        assert list(all_)[: len(given)] == list(given)
        end = tokenizer.canonical(read(prime)).tracks[0].notes["offset_s"].max()  # 1.5 s
        np.testing.assert_allclose(all_.notes["onset_s"][len(given) :] - end, new.notes["onset_s"], atol=1e-9)
        assert (new.notes["offset_s"] - new.notes["onset_s"]).max() < 0.5001
        assert stripped.piece.length_s <= 3.0001
        assert len(new.pedal) + len(given.pedal) == len(all_.pedal)
        assert stripped.piece.tempos == ((0.0, 120.0),)
        assert kept.piece.tempos == ((0.0, pytest.approx(100, rel=1e-5)),)


def test_a_prime_is_kept_with_all_of_its_tracks(run, tmp_path):
    violin = Track.of([Note(0, 1, 76)], "Fiddle", program=40)
    piano = Track.of([Note(0.003, 0.5, 60, 33), Note(0.5, 1, 64)], "Keys", pedal=[(0.2, 127)])
    kit = Track.of([Note(0.25, 0.3, 38)], "Kit", drum=True)
    for tracks, own in (((violin, piano, kit), None), ((piano, kit), 0)):
        (tmp_path / "band.mid").write_bytes(midi.format(Performance(tracks, markers=((0.5, "B"),))))
        (kept,) = load(run).sample(1, seed=1, seconds=2, prime=str(tmp_path / "band.mid"), keep_prime=True)
        found = midi.parse(kept.format(".mid")).performance
        assert [track.name for track in found.tracks][: len(tracks)] == [track.name for track in tracks]
        assert len(found.tracks) == len(tracks) + (own is None)
        for number, (track, given) in enumerate(zip(found.tracks, read(tmp_path / "band.mid").tracks, strict=False)):
            assert list(track)[: len(given)] == list(given)
            assert (len(track) > len(given)) == (number == own)
        assert found.tracks[own if own is not None else -1].notes["onset_s"].max() > 1
        assert [pedal for track in found.tracks for pedal in track.pedal.tolist()] == [(0.2, 127), (1.0, 0)]
        assert found.markers == ((0.5, "B"),)


def test_the_pedal_is_written_as_a_controller_or_into_the_notes(pedalled):
    def tracks(**asked):
        return [piece.piece.tracks[0] for piece in load(pedalled).sample(5, seed=2, seconds=5, **asked)]

    cc, baked = tracks(), tracks(pedal="baked")
    assert all(each == other for each, other in zip(tracks(pedal="cc"), cc, strict=True))
    assert any(len(track.pedal) for track in cc)
    assert not any(len(track.pedal) for track in baked)
    for held, dry in zip(baked, cc, strict=True):
        assert held.notes["offset_s"].sum() >= dry.notes["offset_s"].sum()


def test_without_grammar_the_model_is_steered_all_the_same(run):
    (plain,) = load(run).sample(1, seed=1, grammar=False, limit=300)
    (steered,) = load(run).sample(1, seed=1, grammar=False, limit=300, density="1,64")
    assert plain.tokens != steered.tokens
    assert steered.format(".mid")
    with pytest.raises(RequestError, match="without its grammar the model cannot be held to --seconds"):
        load(run).sample(1, grammar=False, seconds=5)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"pedal": "cc"}, "knows no pedal"),
        ({"density": "loud"}, "density 'loud'"),
        ({"rhythm": "jig"}, "knows no rhythm; it knows: seconds, density"),
        ({"prime": "C D E"}, "is primed by a file of MIDI or ABC"),
        ({"prime": "nothing.mid"}, "nothing.mid: cannot be read"),
        ({"prime": __file__}, "test_performance_sampling.py"),
        ({"formats": ["abc"]}, "--format abc: there are: mid"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_written(run, tmp_path, asked, message):
    with pytest.raises(FolkseqError, match=message):
        next(sample(run, 1, out=tmp_path, **asked))
    assert not list(tmp_path.iterdir())


def test_performances_do_not_go_into_one_file(run, tmp_path):
    with pytest.raises(RequestError, match=r"2 pieces do not go into one \.mid file"):
        sample(run, 2, out=tmp_path / "two.mid")
