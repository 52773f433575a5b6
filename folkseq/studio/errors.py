"""Errors of requests, each with a status of its own; other errors that the user can fix have the status 400."""

from __future__ import annotations

from folkseq.errors import FolkseqError


class MissingError(FolkseqError):
    """Something that is named in a request and does not exist, or no longer."""


class ConflictError(FolkseqError):
    """A change to something that another page has changed."""


class BusyError(FolkseqError):
    """More generations at once than the studio accepts."""
