"""A trained run that writes: what is asked of it becomes a request to the sampler, and ids become music."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from folkseq import representations
from folkseq.errors import RequestError
from folkseq.machine import cores
from folkseq.representations.base import Tokenizer
from folkseq.representations.task import CONTINUE, FILL, Task
from folkseq.run import Run
from folkseq.sampling.rerank import Critique
from folkseq.verbs.prepared import Prepared
from folkseq.verbs.record import PRECISIONS, Record, spelt
from folkseq.verbs.sampled import Copied, Event, Sampled

if TYPE_CHECKING:
    from folkseq.novelty import Overlap, SharedRun
    from folkseq.sampling.batch import Sample
    from folkseq.sampling.engine import Engine
    from folkseq.sampling.memory import Encoder

MOST, MOST_DRAFTS = 1_000_000, 10_000  # pieces, and those of which one is kept
MOST_LANES = 4  # threads that write side by side; more would wait for one another in Python
REDRAWN = 8  # times that a piece that rambles is written anew
_APART = 1 << 40  # between the numbers of a piece's draws, so that they are no other piece's
_TOGETHER = 16  # pieces that are compared with the training set at a time, which is cheaper than one by one


@dataclass(frozen=True)
class Model:
    """A trained run, ready to write."""

    run: Run

    @cached_property
    def tokenizer(self) -> Tokenizer[Any]:
        """The representation that it was trained in."""
        return representations.find(self.run.config.tokenizer)

    @cached_property
    def engines(self) -> dict[tuple[str, int], Engine]:
        """Its network by precision and threads, as far as it was asked for."""
        return {}

    @cached_property
    def overlap(self) -> Overlap:
        """What new pieces share with those that it was trained on."""
        from folkseq.novelty import Overlap

        return Overlap.open(self.run)

    def engine(self, precision: str = "int8", threads: int | None = None) -> Engine:
        """Its network, one step at a time, in one of `PRECISIONS`, by so many threads, or all."""
        from folkseq.sampling.engine import Engine

        if precision not in PRECISIONS:
            raise RequestError(f"--precision {precision}: there are: {', '.join(PRECISIONS)}")
        threads = threads or cores()
        if (precision, threads) not in self.engines:
            graph: Path | bytes = self.run.file("model.onnx")
            if precision == "float32":
                from folkseq.models import onnx_step

                graph = onnx_step.build(self.run.weights(), self.run.config.model, int8=False)
            self.engines[precision, threads] = Engine(graph, threads)
        return self.engines[precision, threads]

    @cached_property
    def encoder(self) -> Encoder:
        """What reads the rest of a piece, where a part of it is to be written."""
        from folkseq.sampling.memory import Encoder

        return Encoder(self.run.file("encoder.onnx"))

    @cached_property
    def task(self) -> Task:
        """What it was trained for, but to continue."""
        return self.tokenizer.task(self.run.config.task, self.run.vocabulary)

    def sample(
        self,
        count: int = 1,
        *,
        seed: int | None = None,
        temperature: float | tuple[float, float] = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        prime: str | None = None,
        grammar: bool = True,
        limit: int | None = None,
        max_copy: int | None = None,
        best: int = 1,
        precision: str = "int8",
        **controls: Any,
    ) -> Iterator[Sampled]:
        """Writes new pieces, as they are asked for.

        Args:
            count: how many.
            seed: the same one gives the same pieces; drawn, and recorded in each, if it is None.
            temperature: above 1 bolder, below 1 plainer, 0 always the likeliest token; two go from the first at a
                piece's beginning to the second at its end.
            top_k: draw among so many likeliest tokens only.
            top_p: draw among the likeliest tokens that together have this probability.
            min_p: draw among the tokens that have at least this share of the likeliest one's probability.
            prime: the path of a file that holds a beginning, or, where the files trained on are text, such text.
            grammar: keep to what is valid; without it the model writes as it likes.
            limit: the most tokens in a piece; by default as many as it may take.
            max_copy: the most tokens in a row that a piece may share with one that was trained on.
            best: write so many for each piece, and keep the one that the critic likes best.
            precision: `int8`, or `float32`, which is the trained weights' own and slower.
            controls: what the representation understands: for `abc` rhythm, meter, mode, key, bars, form and swing;
                for `performance` seconds, density, pitch_classes, longest_note, most_notes, bpm, pedal and keep_prime.

        Returns:
            The pieces in the order of their index, written as they are taken, some sixteen ahead.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        if best < 1:
            raise RequestError(f"the best of {best} cannot be kept; ask for the best of 1 or more")
        if best > MOST_DRAFTS:
            raise RequestError(f"the best of {best} cannot be kept; ask for the best of {MOST_DRAFTS:,} at most")
        check_count(count)
        check_task(self.run, CONTINUE)
        record = self.record(
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            prime=prime,
            grammar=grammar,
            limit=limit,
            max_copy=max_copy,
            precision=precision,
            **controls,
        )
        return self._write(Prepared.of(self.run, self.tokenizer, record), count, best)

    def again(self, records: Sequence[Record]) -> Iterator[Sampled]:
        """The pieces that records tell of, once more. Raises RequestError if this run did not write them."""
        for alike, of_them in groupby(records, key=lambda record: replace(record, index=0, draw=None)):
            if alike.weights != self.run.weights_digest(alike.precision):
                raise RequestError(
                    f"{self.run.folder} did not write it, but the run {alike.run} (weights {alike.weights}); name that"
                )
            try:
                prepared = Prepared.of(self.run, self.tokenizer, alike)
            except (TypeError, ValueError, AttributeError) as error:  # a control's value was changed to another kind
                raise RequestError(f"the record of seed {alike.seed} is damaged ({error})") from None
            if alike.prime_sha256 != prepared.record.prime_sha256:
                raise RequestError(
                    f"{alike.prime}: not the file that the piece goes on from; put that back in its place"
                )
            numbers = {(each.draw or each.index) - 1: each.index for each in of_them}
            samples = self._generate(prepared, list(numbers))
            while together := list(islice(samples, _TOGETHER)):
                yield from self._judged(prepared, together, [numbers[sample.index] for sample in together])

    def stream(self, count: int = 1, **settings: Any) -> Iterator[Event]:
        """Writes pieces one after another, and gives out each token as soon as it is drawn.

        Where a form is asked for, which of several fits it is found out before the first token, as is which rambles.

        Args:
            count: how many.
            settings: as those of `sample`, `best` aside; the pieces are those that `sample` gives.

        Raises:
            RequestError: for an argument that cannot be met.
        """
        from folkseq.sampling.generate import stream

        check_count(count)
        check_task(self.run, CONTINUE)
        record = self.record(**settings)
        prepared = Prepared.of(self.run, self.tokenizer, record)
        engine, tokens = self.engine(record.precision), self.run.vocabulary.tokens
        found_out = prepared.tries > 1 or prepared.longest is not None
        draws = (sample.index for sample in self._fitting(prepared, count)) if found_out else range(count)
        return (
            Event(number, event.place, tokens[event.id], tell(tokens[event.id]))
            for number, draw in enumerate(draws, 1)
            for tell in [self.tokenizer.teller()]
            for event in stream(engine, prepared.request, draw)
        )

    def record(self, *, seed: int | None = None, **asked: Any) -> Record:
        """What was asked, of which a record has fields, and of which the representation is to make something."""
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        own = {name: given.pop(name) for name in Record.ASKED if name in given}
        given = {name: spelt(value) if isinstance(value, list | tuple) else value for name, value in given.items()}
        seed = secrets.randbelow(2**31) if seed is None else seed
        weights = self.run.weights_digest(own.get("precision", "int8"))
        try:
            return Record(self.run.folder.resolve().name, weights, seed, 0, **own, controls=given)
        except (TypeError, ValueError) as error:
            raise RequestError(str(error)) from None

    def _generate(self, prepared: Prepared, draws: Sequence[int]) -> Iterator[Sample]:
        """The pieces of these draws, in lanes."""
        from folkseq.sampling.generate import generate

        lanes = min(cores(), MOST_LANES, len(draws))
        engine = self.engine(prepared.record.precision, max(cores() // lanes, 1))
        return generate(engine, prepared.request, draws, lanes)

    def _fitting(self, prepared: Prepared, count: int) -> Iterator[Sample]:
        """`count` pieces, each of which is the one of `Prepared.tries` that was forced to its form least."""
        samples = self._generate(prepared, range(count * prepared.tries))
        if prepared.tries == 1:
            yield from (self._within(prepared, sample) for sample in samples)
        while those := list(islice(samples, prepared.tries)):
            yield max(those, key=lambda sample: sample.fit)

    def _within(self, prepared: Prepared, sample: Sample) -> Sample:
        """The sample or, as long as it rambles, another in its place; the last of `REDRAWN` as it is."""
        index = sample.index
        for again in range(1, REDRAWN + 1):
            if prepared.longest is None or len(sample.ids) <= prepared.longest:
                break
            sample = next(self._generate(prepared, [index + again * _APART]))
        return sample

    def _write(self, prepared: Prepared, count: int, best: int) -> Iterator[Sampled]:
        """`count` pieces, each of which is the best of `best`."""
        samples, number = self._fitting(prepared, count * best), 1
        while together := list(islice(samples, best * max(_TOGETHER // best, 1))):
            pieces = self._judged(prepared, together, [number + place // best for place in range(len(together))])
            for first in range(0, len(pieces), best):
                yield max(pieces[first : first + best], key=lambda piece: piece.critique.score)
                number += 1

    def _judged(self, prepared: Prepared, samples: Sequence[Sample], numbers: Sequence[int]) -> list[Sampled]:
        """The samples as pieces of these numbers; what was given is no part of what is judged."""
        vocabulary, tokenizer, given = self.run.vocabulary, self.tokenizer, len(prepared.request.opening)
        pieces = []
        new = [tokenizer.as_trained(np.array(sample.ids), vocabulary)[given:] for sample in samples]
        for sample, number, run in zip(samples, numbers, self.overlap.longest(new), strict=True):
            tokens = tuple(vocabulary.decode(sample.ids))
            draw = sample.index + 1
            record = replace(prepared.record, index=number, draw=None if draw == number else draw)
            name = f"{record.seed}-{number}"
            piece = tokenizer.finish(tokenizer.detokenize(tokens), name, prepared.opening, **record.controls)
            copied = self.copied(tokens, replace(run, start=run.start + given))
            drawn = max(len(tokens) - given, 1)
            critique = Critique.of(sample.nll / drawn, run.length, drawn, tokenizer.merits(tokens))
            pieces.append(Sampled(piece, tokens, sample.nll, copied, critique, record, tokenizer))
        return pieces

    def copied(self, tokens: Sequence[str], run: SharedRun) -> Copied:
        """What a run of ids is to a reader."""
        place = self.tokenizer.place
        if not run.length:
            return Copied(0, 0, place(tokens, 0), "", "")
        bars = self.tokenizer.bars(tokens[run.start : run.start + run.length])
        source = self.run.vocabulary.decode(run.source)
        return Copied(run.length, bars, place(tokens, run.start), self._labels[run.piece], place(source, run.place))

    @cached_property
    def _labels(self) -> list[str]:
        return self.run.labels()


def check_count(count: int) -> None:
    """Raise RequestError for what is no number of pieces."""
    if count < 1:
        raise RequestError(f"-n {count}: ask for at least one piece")
    if count > MOST:
        raise RequestError(f"-n {count}: ask for at most {MOST:,} pieces at a time")


def check_task(run: Run, wanted: str) -> None:
    """Raise RequestError if a run was trained for another task, with the commands that would work."""
    task = run.config.task
    if task == wanted:
        return
    tokenizer = run.config.tokenizer
    does = "folkseq sample RUN" if task == CONTINUE else f"folkseq {task} RUN FILE"
    if wanted == CONTINUE:
        other = f"folkseq train {tokenizer} CORPUS"
    else:
        other = f"folkseq train {tokenizer if wanted == FILL else 'packed'} CORPUS --task {wanted}"
    raise RequestError(f"{run.folder} was trained to {task}: use it by `{does}`, or train another by `{other}`")


def load(run: Path | str | None = None) -> Model:
    """The model in a run folder; the newest under `runs` by default. Raises RunError if there is none."""
    return Model(Run.latest() if run is None else Run.open(run))
