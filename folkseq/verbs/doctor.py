"""`folkseq doctor`: the installed components and whether they work, for bug reports."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from folkseq import representations
from folkseq.corpora import cache
from folkseq.errors import FolkseqError
from folkseq.extensions import installed
from folkseq.extras import EXTRAS
from folkseq.formats import audio, midi
from folkseq.machine import cores
from folkseq.music.performance import Note, Performance, Track
from folkseq.version import __version__

_CORE = ("numpy", "onnxruntime", "safetensors", "click")
_PACKAGES = {"PIL": "pillow"}  # modules whose package has another name


def doctor() -> dict[str, str]:
    """Return facts by topic, one line each; lines that begin with `missing` or `fails` say what to do."""
    checks: dict[str, Callable[[], str]] = {
        "folkseq": lambda: f"{__version__} in {Path(__file__).parents[1]}",
        "python": lambda: f"{platform.python_version()} on {platform.platform()} in {sys.prefix}",
        "core": lambda: ", ".join(map(_version, _CORE)),
        "engine": _engine,
        **{f"extra {extra}": partial(_extra, extra) for extra in sorted(set(EXTRAS.values()))},
        "represents": lambda: ", ".join(representations.names()),
        "verbs": lambda: ", ".join(installed("verbs")),
        "cache": _cache,
        "sound": _sound,
        "midi ports": _ports,
    }
    return {topic: _checked(check) for topic, check in checks.items()}


def _checked(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # a broken package may raise anything, which is what the user wants to know
        kind = "" if isinstance(error, FolkseqError) else f"{type(error).__name__}: "
        return f"fails: {kind}{' '.join(str(error).split())}"


def _version(module: str) -> str:
    package = _PACKAGES.get(module, module)
    return f"{package} {version(package)}"


def _engine() -> str:
    import onnxruntime

    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    return f"{cores()} threads, with {providers}"


def _extra(extra: str) -> str:
    found, absent = [], []
    for module in (module for module, name in EXTRAS.items() if name == extra):
        try:
            found.append(_version(module))
        except PackageNotFoundError:
            absent.append(module)
    if absent:
        return f"missing: {', '.join(absent)}; run: pip install 'folkseq[{extra}]'"
    return ", ".join(found)


def _cache() -> str:
    folder = cache.folder()
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return (
        f"{folder}, {sum(sizes) / 1e6:,.0f} MB in {len(list(folder.iterdir()))} entries; set FOLKSEQ_CACHE to move it"
    )


def _sound() -> str:
    note = midi.format(Performance((Track.of([Note(0.0, 0.5, 69, 80)]),)))
    samples, rate = audio.render(note)
    heard = "plays" if samples.any() else "is silent with"
    return f"{heard} {audio.find_soundfont()}, {rate} Hz"


def _ports() -> str:
    try:
        import mido

        mido.Backend("mido.backends.rtmidi", load=True)
    except ImportError as error:
        return f"missing: {error.name}; run: pip install mido python-rtmidi"
    return f"out: {', '.join(mido.get_output_names()) or 'none'}; in: {', '.join(mido.get_input_names()) or 'none'}"
