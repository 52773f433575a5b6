"""The files of other projects are their releases, byte for byte, and the licence of each is beside it."""

from hashlib import sha256
from importlib.resources import files

VENDOR = files("folkseq.studio").joinpath("vendor")


def test_each_file_has_its_digest_and_each_project_its_licence():
    digests = dict(reversed(line.split("  ")) for line in VENDOR.joinpath("DIGESTS").read_text().splitlines())
    projects = [each for each in VENDOR.iterdir() if each.is_dir()]
    found = {f"{project.name}/{file.name}": file for project in projects for file in project.iterdir()}
    assert found.keys() == digests.keys()
    for name, file in found.items():
        assert sha256(file.read_bytes()).hexdigest() == digests[name]
    for project in projects:
        assert any(file.name.startswith("LICENSE") for file in project.iterdir())
