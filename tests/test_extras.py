"""folkseq without its optional dependencies: what works, and the one line for what does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
OPTIONAL = (
    "torch",
    "onnx",
    "music21",
    "matplotlib",
    "verovio",
    "typst",
    "fontTools",
    "PIL",
    "pretty_midi",
    "mido",
    "midirenderer",
    "soundfile",
)

WORKS = [
    ("sample", "runs/abc", "-n", "2", "--seed", "1"),
    ("sample", "runs/performance", "--seconds", "3", "--seed", "1"),
    ("sample", "runs/band", "--steps", "5", "-o", "band.csv"),
    ("sample", "runs/char", "--limit", "50"),
    ("fill", "runs/abc-fill", "book.abc", "--tune", "1", "--bars", "2-3", "--seed", "1"),
    ("harmonise", "runs/hymns", "melody.abc", "--seed", "1"),
    ("convert", "tune.abc", "tune-2.mid"),
    ("convert", "tune-2.mid", "tune-3.abc"),
    ("convert", "tune.abc", "tune.mxl"),
    ("harmonise", "runs/hymns", "melody.abc", "-o", "out.musicxml"),
    ("tokenize", "abc", "book.abc"),
    ("inspect", "runs/abc"),
]
NEEDS = [
    (("train", "abc", "book.abc", "--steps", "1", "--out", "new"), "torch", "train"),
    (("sample", "runs/abc", "--precision", "float32"), "onnx", "train"),
    (("sample", "runs/picture"), "PIL", "pictures"),
    (("plot", "tune.abc"), "matplotlib", "plot"),
    (("plot", "runs/abc", "tune.abc", "--cells"), "torch", "train"),
    (("plot", "runs/abc", "--gradients"), "torch", "train"),
    (("evaluate", "runs/abc"), "torch", "train"),
    (("convert", "tune.abc", "tune.svg"), "verovio", "score"),
    (("sample", "runs/abc", "--format", "pdf"), "verovio", "score"),
    (("corpus", "chorales"), "music21", "corpora"),
]


@pytest.fixture
def folder(tmp_path):
    """The golden runs and inputs."""
    shutil.copytree(GOLDEN / "runs", tmp_path / "runs")
    for file in (GOLDEN / "inputs").iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest.fixture
def without(folder):
    """Run the program as if no optional dependency were installed."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {OPTIONAL}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name.partition('.')[0])\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    path = os.pathsep.join([str(folder), str(ROOT)])

    def run(*arguments):
        command = [sys.executable, "-m", "folkseq", *arguments]
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


def test_sampling_filling_harmonising_and_converting_need_none_of_them(without):
    for command in WORKS:
        done = without(*command)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize(("command", "module", "extra"), NEEDS, ids=[" ".join(each[0][:2]) for each in NEEDS])
def test_what_is_missing_is_one_line_with_the_command_that_installs_it(without, folder, command, module, extra):
    before = {path for path in folder.rglob("*") if "cache" not in path.name}
    done = without(*command, "--quiet")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"folkseq: {module} is not installed")
    assert f"pip install 'folkseq[{extra}]'" in line
    assert {path for path in folder.rglob("*") if "cache" not in path.name} == before


@pytest.mark.slow
def test_a_plain_installation_is_small_and_writes_music(folder, tmp_path_factory):
    """In an environment of its own, with the core's dependencies and nothing else."""
    place = tmp_path_factory.mktemp("plain")
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    pip = [place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", ROOT], check=True)
    (site,) = (place / "lib").glob("python*/site-packages")
    tools = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
    files = [
        path
        for path in site.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not path.relative_to(site).parts[0].startswith(tools)
    ]
    assert not {path.relative_to(site).parts[0] for path in files} & set(OPTIONAL)
    assert sum(path.stat().st_size for path in files) < 180_000_000  # of which 27 MB are pretrained models
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in WORKS:
        program = [place / "bin" / "folkseq", *command]
        done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
