"""Verdicts in words: whether a piece is a copy.

`copy`      it is a near-duplicate of a piece of the corpus, or a single shared passage makes up half of it or more
`variant`   at most 5 % of the pieces of the corpus have as many of their figures in one other piece
`long`      at most 5 % of the pieces of the corpus share as long a passage with another piece
`usual`     more than 5 % of them do
`unknown`   the corpus is too small to measure the usual overlap of its pieces
`new`       it shares fewer than eight consecutive tokens

The representation defines figures and near-duplicates (`Transposition`), independently of key and tempo. The usual
overlap is measured on the corpus itself; see `scale`. For passages, only pieces of similar length count.
"""

from __future__ import annotations

from folkseq.novelty.marks import SURE
from folkseq.novelty.sketches import Resemblance
from folkseq.sampling.overlaps import Copied, Verdict

UNUSUAL = 0.05
"""Maximum share of corpus pieces with as large an overlap for which the overlap is unusual."""
HALF = 0.5
"""Minimum share of a single passage that makes a piece a copy, except for very short passages."""
VARIANT = 0.2
"""Minimum share of the figures of a variant that occur in one corpus piece."""


def judge(
    length: int,
    copied: Copied,
    corpus_share: float | None,
    closest: Resemblance | None = None,
    label: str | None = None,
    as_close: float | None = None,
) -> Verdict:
    """Return the verdict on a piece.

    Args:
        length: length of the piece in ids, without start and end.
        copied: its longest shared passage.
        corpus_share: share of corpus pieces that share as long a passage with another; None if unknown.
        closest: resemblance of the corpus piece with most of its figures, if there is any.
        label: label of that corpus piece.
        as_close: share of corpus pieces that have as many of their figures in another; None if unknown.
    """
    where = f"{copied.span} {'are' if '-' in copied.span else 'is'} like {copied.source_span} of {copied.source}"
    share = copied.tokens / max(length, 1)
    facts = copied.source, corpus_share, round(share, 3)
    if closest is not None and label and closest.is_twin:
        return Verdict("copy", f"a copy: {_how_much(closest, label)}", label, as_close, round(closest.share, 3))
    if share >= HALF and copied.tokens >= 2 * SURE:
        return Verdict("copy", f"a copy: {_percent(share)} of it is in {copied.source}; {where}", *facts)
    if closest is not None and label and closest.share >= VARIANT and as_close is not None and as_close <= UNUSUAL:
        words = f"a variant: {_percent(closest.share)} of its melody is in {label}; {_others(as_close)}"
        return Verdict("variant", words, label, as_close, round(closest.share, 3))
    if copied.tokens < SURE:
        return Verdict("new", "new: it shares no passage with the corpus", "", corpus_share, None)
    if corpus_share is None:
        return Verdict("unknown", f"{where}; the corpus is too small to say whether that is much", *facts)
    if corpus_share <= UNUSUAL:
        return Verdict("long", f"a long passage: {where}; {_others(corpus_share)}", *facts)
    return Verdict("usual", f"nothing unusual: {where}; {_others(corpus_share)}", *facts)


def _how_much(found: Resemblance, label: str) -> str:
    if max(found.share, found.source_share) < HALF:  # for example, two performances of one work
        return f"it is the same piece as {label}"
    if found.share >= found.source_share:
        return f"{_percent(found.share)} of it is in {label}"
    return f"it holds {_percent(found.source_share)} of {label}"


def _others(share: float) -> str:
    count = f"{100 * share:.0f}" if share >= 0.01 else "fewer than 1"
    return f"{count} of 100 pieces in the corpus share as much with another"


def _percent(share: float) -> str:
    return "all" if share > 0.99 else f"{100 * share:.0f} %"
