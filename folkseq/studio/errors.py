"""Errors of requests with separate HTTP statuses; all other errors that the user can fix have the status 400."""

from __future__ import annotations

from folkseq.errors import FolkseqError


class MissingError(FolkseqError):
    """A request for something that does not exist, or no longer exists."""


class ConflictError(FolkseqError):
    """A change to something that another page has changed meanwhile."""


class BusyError(FolkseqError):
    """More simultaneous generations than the studio accepts."""
