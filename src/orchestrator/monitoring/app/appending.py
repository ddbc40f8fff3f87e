"""A file that only grows: what is written at its end is there as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path


class AppendedFile:
    """A file that is being written.

    Nothing is synced to the disk: what the system has taken survives the process, and neither
    history nor the audit record is worth a wait.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = path.open("ab", buffering=0)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._file.tell()

    def append(self, data: bytes) -> None:
        """Write all of it. Raises OSError."""
        begin = self.size
        try:
            view = memoryview(data)
            while view:  # a disk that becomes full takes a part
                view = view[self._file.write(view) :]
        except OSError:
            self.cut(begin)
            raise

    def cut(self, size: int) -> None:
        """Take back what is beyond. Raises OSError."""
        self._file.truncate(size)
        self._file.seek(size)

    def close(self) -> None:
        """Write no more."""
        self._file.close()
