"""The version in the metadata of the package."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("folkseq")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "unknown"
