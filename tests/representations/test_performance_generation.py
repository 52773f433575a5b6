"""New performances: options and primes, and the MIDI files that a run writes: reproducible, and read back unchanged."""

from dataclasses import replace

import numpy as np
import pytest
from performances import solo, take
from safetensors.numpy import save_file

from folkseq.corpora.split import Split
from folkseq.corpora.store import TokenStore
from folkseq.errors import FolkseqError, RequestError
from folkseq.formats import midi
from folkseq.models.export.step import build_step
from folkseq.models.settings import ModelSettings, TrainSettings
from folkseq.music.performance import CHANGE, NOTE, PEDAL, Note, Performance, Track
from folkseq.novelty.known import KnownPieces
from folkseq.representations.performance import PerformanceRepresentation
from folkseq.representations.performance.codec import PerformanceCodec
from folkseq.representations.performance.generation import parse_densities, parse_pitch_classes
from folkseq.representations.performance.options import PerformanceOptions
from folkseq.run import Run, RunConfig
from folkseq.settings import parse
from folkseq.verbs.model import load
from folkseq.verbs.sample import again, sample, stream


def codec_of(**fields):
    return PerformanceCodec(PerformanceRepresentation(**fields))


def make_run(folder, codec):
    """A run with a small untrained model that depends on its conditioning."""
    size = codec.recipe["conditioning"]
    settings = ModelSettings(len(codec.vocabulary), layers=1, hidden=16, embedding=8, gain=1.0, conditioning=size)
    random, v = np.random.default_rng(0), settings.vocabulary_size
    shapes = {"embedding.weight": (v, 8), "output.weight": (v, 16), "output.bias": (v,)}
    shapes |= {"cells.0.weight_ih_l0": (64, 8), "cells.0.weight_hh_l0": (64, 16)}
    shapes |= {"cells.0.bias_ih_l0": (64,), "cells.0.bias_hh_l0": (64,)}
    shapes["control.weight"] = (8, size)
    weights = {name: random.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["output.bias"][: codec.layout.note_off] -= 2  # or hardly any note would end
    run = Run.create(folder, RunConfig(codec.config.spec, settings, TrainSettings(), (), "0"), codec.vocabulary)
    (folder / "model.onnx").write_bytes(build_step(weights, settings))
    save_file(weights, folder / "model.safetensors")
    store = TokenStore.of([codec.encode(take(seed)) for seed in range(3)])
    (folder / "corpus").mkdir()
    np.save(folder / "corpus" / "ids.npy", store.ids)
    np.save(folder / "corpus" / "offsets.npy", store.offsets)
    run.write_tokens(folder / "corpus", Split((0, 1), (2,), ()), ["a/0.mid", "a/1.mid", "b/2.mid"])
    KnownPieces.build(run)
    return run.folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "baked", codec_of())


@pytest.fixture(scope="module")
def with_pedal(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "tokens", codec_of(sustain="tokens"))


@pytest.fixture(scope="module")
def prime(tmp_path_factory):
    """A file of a second and a half in 6/8 at 100, with notes of one pitch that overlap."""
    rows = [(0.0, 1.2, 48, 90), (0.2, 0.6, 60, 70), (0.5, 1.0, 60, 80), (0.9, 1.5, 64, 60)]
    tracks = (Track(np.array(rows, NOTE), pedal=np.array([(0.3, 127), (1.4, 0)], PEDAL)),)
    path = tmp_path_factory.mktemp("primes") / "prime.mid"
    path.write_bytes(midi.format(Performance(tracks, tempos=((0.0, 100.0),))))
    return path


def read(path):
    return PerformanceRepresentation().files.parse(path.read_bytes(), path.name).pieces[0]


def test_a_prime_with_an_event_hours_away_is_refused(run, tmp_path):
    path = tmp_path / "long.mid"
    path.write_bytes(midi.format(solo((60, 80, 0, 1), (62, 80, 4000, 4001))))
    with pytest.raises(RequestError, match=r"long\.mid: nothing happens in it for more than an hour"):
        sample(run, 1, prime=path, out=tmp_path)


def test_a_performance_follows_its_options(run, tmp_path):
    (first, (path,)), (second, _) = sample(run, 2, seed=7, seconds=5, bpm=90, out=tmp_path)
    assert path == tmp_path / "performance-7-1.mid"
    assert (first.title, second.title) == ("Performance 7-1", "Performance 7-2")
    assert first.tokens[0] == "<s>"
    assert first.tokens[-1] == "</s>"
    piece = read(path)
    assert piece.tempos == ((0.0, pytest.approx(90, rel=1e-5)),)
    (track,) = piece.tracks
    assert (track.name, track.program) == ("Piano", 0)
    assert 4.5 <= piece.length_s <= 5.0001  # tempos are whole microseconds
    assert len(track) == sum(token.startswith("NOTE_ON") for token in first.tokens)
    assert codec_of().vocabulary.decode(codec_of().encode(piece)) == list(first.tokens)


def test_the_same_seed_gives_the_same_bytes_in_any_batch(run):
    def write(count, **options):
        return [piece.format(".mid") for piece in load(run).sample(count, seed=3, seconds=2, **options)]

    alone, many = write(1), write(70)
    assert many[:1] == alone
    assert write(70) == many
    assert len(set(many)) == 70
    conditioned = write(3, density="2,16")
    assert conditioned == write(70, density=[2, 16])[:3]
    assert conditioned != many[:3]
    assert conditioned != write(3, density=2)
    assert write(3, pitch_classes="C,E,G") != many[:3]


def test_a_piece_is_made_again_from_its_record_and_streamed(run, prime, tmp_path):
    options = {"seed": 9, "seconds": 2, "density": "4,16", "prime": str(prime), "temperature": (0.5, 1.5)}
    written = list(sample(run, 3, out=tmp_path / "out", **options))
    for piece, (path,) in written:
        ((same, (copy,)),) = again(path, run, out=tmp_path / "again")
        assert (same.tokens, same.record) == (piece.tokens, piece.record)
        assert copy.read_bytes() == path.read_bytes()
    events = list(stream(run, 2, **options))
    assert [event.token for event in events if event.index == 2] == list(written[1][0].tokens)


def test_each_piece_reports_its_overlap_with_the_training_set(run):
    for piece in load(run).sample(5, seed=2, seconds=2):
        assert 0 < piece.copied.tokens < 20
        assert piece.copied.source in ("a/0.mid", "a/1.mid")
        assert piece.critique.merits.keys() == {"likelihood", "novelty"}
    for piece in load(run).sample(20, seed=2, seconds=2, max_copy=8):
        assert piece.copied.tokens <= 8


def test_a_tune_in_abc_is_a_prime(run, tmp_path):
    file = tmp_path / "tune.abc"
    file.write_text("X:1\nL:1/8\nM:4/4\nK:D\nDEFG A2d2|")
    (kept,) = load(run).sample(1, seed=1, seconds=4, prime=str(file), keep_prime=True)
    assert [note.pitch for note in kept.piece.tracks[0]][:6] == [62, 64, 66, 67, 69, 74]
    file.write_text(file.read_text() + "\n\nX:2\nK:D\nD|")
    with pytest.raises(FolkseqError, match=r"tune\.abc: .* 2 tunes"):
        load(run).sample(1, prime=str(file))


def test_a_prime_is_stripped_or_kept(run, with_pedal, prime):
    for folder in (run, with_pedal):
        codec = load(folder).codec
        options = {"seed": 5, "prime": str(prime), "longest_note": 0.5, "most_notes": 1}
        (stripped,) = load(folder).sample(1, seconds=3, **options)
        (kept,) = load(folder).sample(1, seconds=4.5, keep_prime=True, **options)  # the seconds of the file
        assert kept.tokens == stripped.tokens
        (given,) = read(prime).tracks
        (new,), (all_,) = stripped.piece.tracks, kept.piece.tracks
        assert list(all_)[: len(given)] == list(given)
        end = codec.canonical(read(prime)).tracks[0].notes["offset_s"].max()  # 1.5 s
        np.testing.assert_allclose(all_.notes["onset_s"][len(given) :] - end, new.notes["onset_s"], atol=1e-9)
        assert (new.notes["offset_s"] - new.notes["onset_s"]).max() < 0.5001
        assert 2.7 <= stripped.piece.length_s <= 3.0001
        assert 4.2 <= kept.piece.length_s <= 4.5001
        assert len(new.pedal) + len(given.pedal) == len(all_.pedal)
        assert stripped.piece.tempos == ((0.0, 120.0),)
        assert kept.piece.tempos == ((0.0, pytest.approx(100, rel=1e-5)),)


def test_a_prime_as_long_as_the_file_is_refused(run, prime):
    with pytest.raises(RequestError, match=r"--seconds 1: counts the prime, which already has 1\.5 s; ask for more"):
        load(run).sample(1, prime=str(prime), seconds=1, keep_prime=True)
    assert list(load(run).sample(1, prime=str(prime), seconds=1))


def test_a_prime_that_is_kept_reports_what_is_not_written(run, tmp_path):
    path = tmp_path / "parts.mid"
    tracks = [Track.of([Note(0, 1, 60 + at)], f"Part {at}", at) for at in range(16)]
    path.write_bytes(midi.format(Performance(tuple(tracks))))
    generation = load(run).codec.generation
    for keep in (False, True):
        lost = generation.prime_file(path.read_bytes(), "parts.mid", PerformanceOptions(keep_prime=keep)).lost
        assert lost["'Part 15' on the channel of 'Part 14'"] == keep


def test_a_prime_is_kept_with_all_of_its_tracks(run, tmp_path):
    volume = np.array([(0.5, 0xB0, 7, 40)], CHANGE)
    violin = replace(Track.of([Note(0, 1, 76)], "Fiddle", program=40), changes=volume)
    piano = Track.of([Note(0.003, 0.5, 60, 33), Note(0.5, 1, 64)], "Keys", pedal=[(0.2, 127)])
    kit = Track.of([Note(0.25, 0.3, 38)], "Kit", drum=True)
    for tracks, own in (((violin, piano, kit), None), ((piano, kit), 0)):
        (tmp_path / "band.mid").write_bytes(midi.format(Performance(tracks, markers=((0.5, "B"),))))
        (kept,) = load(run).sample(1, seed=1, seconds=3, prime=str(tmp_path / "band.mid"), keep_prime=True)
        found = midi.parse(kept.format(".mid")).performance
        assert [track.name for track in found.tracks][: len(tracks)] == [track.name for track in tracks]
        assert len(found.tracks) == len(tracks) + (own is None)
        for number, (track, given) in enumerate(zip(found.tracks, read(tmp_path / "band.mid").tracks, strict=False)):
            assert list(track)[: len(given)] == list(given)
            assert (len(track) > len(given)) == (number == own)
        assert found.tracks[own if own is not None else -1].notes["onset_s"].max() > 1
        assert [pedal for track in found.tracks for pedal in track.pedal.tolist()] == [(0.2, 127), (1.0, 0)]
        assert found.markers == ((0.5, "B"),)
        whole = midi.parse(kept.format(".mid"), whole=True).performance
        changes = [row for track in whole.tracks for row in track.changes.tolist()]
        assert changes == [(0.5, 0xB0, 7, 40)] * (violin in tracks)


def test_the_pedal_is_written_as_a_controller_or_into_the_notes(with_pedal):
    def tracks(**options):
        return [piece.piece.tracks[0] for piece in load(with_pedal).sample(8, seed=2, seconds=8, **options)]

    cc, baked = tracks(), tracks(pedal="baked")
    assert all(each == other for each, other in zip(tracks(pedal="cc"), cc, strict=True))
    assert any(len(track.pedal) for track in cc)
    assert not any(len(track.pedal) for track in baked)
    for held, dry in zip(baked, cc, strict=True):
        assert held.notes["offset_s"].sum() >= dry.notes["offset_s"].sum()


def test_a_performance_without_a_prime_begins_with_a_note(run, with_pedal):
    for folder in (run, with_pedal):
        pieces = [piece.piece for piece in load(folder).sample(20, seed=3, seconds=2)]
        assert [piece.tracks[0].notes["onset_s"].min() for piece in pieces] == [0] * 20


def test_conditioning_works_without_the_grammar(run):
    (plain,) = load(run).sample(1, seed=1, grammar=False, limit=300)
    (conditioned,) = load(run).sample(1, seed=1, grammar=False, limit=300, density="1,64")
    assert plain.tokens != conditioned.tokens
    assert conditioned.format(".mid")
    with pytest.raises(RequestError, match=r"--seconds .*grammar"):
        load(run).sample(1, grammar=False, seconds=5)


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"pedal": "cc"}, "--pedal cc: .*performance:sustain=tokens"),
        ({"density": "loud"}, "--density loud"),
        ({"rhythm": "jig"}, "--rhythm: .*performance.*seconds, density"),
        ({"prime": "C D E"}, "C D E: .*MIDI, ABC or MusicXML"),
        ({"prime": "nothing.mid"}, "nothing.mid"),
        ({"prime": __file__}, "test_performance_generation.py"),
        ({"formats": ["abc"]}, "abc.*mid"),
    ],
)
def test_an_impossible_option_is_an_error_before_anything_is_written(run, tmp_path, options, facts):
    with pytest.raises(FolkseqError, match=facts):
        next(sample(run, 1, out=tmp_path, **options))
    assert not list(tmp_path.iterdir())


def test_a_file_has_room_for_one_performance(run, tmp_path):
    with pytest.raises(RequestError, match=r"two\.mid: .*2 pieces"):
        sample(run, 2, out=tmp_path / "two.mid")


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"density": "fast"}, "--density fast: .*0 to 1000"),
        ({"density": "-1"}, "--density -1"),
        ({"density": "nan"}, "--density nan"),
        ({"density": ""}, "--density"),
        ({"pitch_classes": "C,H"}, "--pitch-classes C,H: 'H' .*C D E F G A B"),
        ({"pitch_classes": "C,,G"}, "--pitch-classes C,,G: ''"),
        ({"pitch_classes": "C#b"}, "--pitch-classes C#b: 'C#b'"),
        ({"seconds": 0.5}, "--seconds .*1 .*3600.*0.5"),
        ({"seconds": float("nan")}, "--seconds .*1 .*3600.*nan"),
        ({"bpm": 0}, "--bpm .*20 .*400.*0"),
        ({"longest_note": 0}, "--longest-note .*0.1 .*3600.*0"),
        ({"most_notes": 129}, "--most-notes .*1 .*128.*129"),
        ({"pedal": "on"}, "--pedal .*cc, baked.*on"),
    ],
)
def test_an_option_without_meaning_is_an_error(options, facts):
    with pytest.raises(RequestError, match=facts):
        codec_of(sustain="tokens").generation.plan(parse(PerformanceOptions, options))


def test_densities_and_pitch_classes_are_parsed():
    assert parse_densities("2, 8,16") == (2, 8, 16)
    assert parse(PerformanceOptions, {"density": [2, 8, 16]}).density == "2,8,16"
    assert parse_densities(parse(PerformanceOptions, {"density": 8}).density) == (8,)
    first, second = parse_pitch_classes("C,E,G,c/Bb, F#,Cb")
    assert first == [2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert second == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1]
    assert parse_pitch_classes("C,E,G,c//G")[1] is None  # all are free


@pytest.mark.parametrize(("seconds", "earliest", "latest"), [(None, 1, 3000), (20, 1800, 2000)])
def test_a_performance_lasts_nine_tenths_of_the_seconds_at_least(seconds, earliest, latest):
    codec = codec_of()
    plan = codec.generation.plan(PerformanceOptions(seconds=seconds))
    assert plan.limit == 200 + 2 * latest

    def allowed_after(step):
        """The tokens after a note of one step that ends at a step."""
        shifts = [f"TIME_SHIFT_{each}" for each in [*[100] * ((step - 1) // 100), (step - 1) % 100] if each]
        rows = plan.grammar.begin(1)
        for token in ["<s>", "VELOCITY_9", *shifts, "NOTE_ON_60", "TIME_SHIFT_1", "NOTE_OFF_60"]:
            rows = plan.grammar.advance(rows, np.array([codec.vocabulary.id(token)]))
        return codec.vocabulary.decode(np.flatnonzero(plan.grammar.allowed(rows, np.array([5000]))[0]))

    assert "</s>" in allowed_after(earliest)
    assert earliest == 1 or "</s>" not in allowed_after(earliest - 1)
    assert "TIME_SHIFT_1" not in allowed_after(latest - 1)
    assert allowed_after(latest) == ["</s>"]


def test_a_model_has_only_the_options_that_it_was_trained_for():
    codec = codec_of(density=False)
    assert codec.recipe["conditioning"] == 13
    assert codec_of(density=False, pitch_classes=False).generation.plan(PerformanceOptions()).schedule is None
    with pytest.raises(RequestError, match=r"density; .*performance:density=true"):
        codec.generation.plan(PerformanceOptions(density="8"))
    with pytest.raises(RequestError, match="performance:sustain=tokens"):
        codec.generation.plan(PerformanceOptions(pedal="cc"))
    with pytest.raises(RequestError, match=r"C,E: .*MIDI, ABC or MusicXML"):
        codec.generation.prime("C,E", PerformanceOptions())


def test_the_preview_names_the_first_notes():
    tracks = (Track.of([Note(0, 1, 60), Note(1, 2.5, 66)]),)
    assert codec_of().generation.preview(Performance(tracks)) == "2 notes in 2.5 s: C4 F#4"
