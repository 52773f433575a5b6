"""The command line: parse arguments, call one function of the library, print the result.

Results go to stdout, one per line; everything else goes to stderr.
"""

from __future__ import annotations

import click

from folkseq.cli.group import Group
from folkseq.version import __version__


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="folkseq")
def main() -> None:
    """Train models on music as sequences of symbols, and write new music.

    \b
    folkseq train abc corpora/folk.abc     train a model on 4,000 folk tunes for ten minutes
    folkseq sample -n 10 -o tunes          write ten new tunes, as .abc and .mid
    """  # noqa: D301 - click keeps lines after \b as they are
