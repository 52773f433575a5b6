"""The reports and events of a training run, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from folkseq.errors import FolkseqError, RunError
from folkseq.files import write_atomically


@dataclass(frozen=True)
class Metrics:
    """The file of the lines, which grows in place."""

    path: Path

    def add(self, line: Mapping[str, Any]) -> None:
        """Add a line. Raises FolkseqError if the disk refuses."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dict(line)) + "\n")
        except OSError as error:
            raise FolkseqError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines in the order of their steps; see `folkseq.training.run.TrainingRun`.

        After a resume or a rollback, lines that were written again replace those before. Broken lines are left out.

        Raises:
            RunError: the file cannot be read.
        """
        lines: list[dict[str, Any]] = []
        try:
            texts = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        except OSError as error:
            raise RunError(f"{self.path}: cannot be read: {error.strerror or error}; restore the file") from None
        for text in texts:
            try:
                line = json.loads(text)
            except ValueError:  # the power failed in the middle of it
                continue
            if not isinstance(line, dict) or not isinstance(step := line.get("step"), int):
                continue
            while lines and lines[-1]["step"] > step:
                lines.pop()
            same = len(lines)
            while same and lines[same - 1]["step"] == step:
                same -= 1
            lines[same:] = [*(known for known in lines[same:] if known.get("event") != line.get("event")), line]
        return lines

    def rewind(self, step: int) -> None:
        """Remove the lines after a step, from which training resumes."""
        kept = [json.dumps(line) + "\n" for line in self.lines() if line["step"] <= step]
        write_atomically(self.path, "".join(kept).encode())
