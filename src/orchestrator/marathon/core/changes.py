"""Which apps have changed: since somebody last looked, and how often ever.

Whatever changes about an app (its definition, an instance, a deployment of it) marks the app here.
The deployer takes the marks after every event; the API keeps what it has written of an app until
the app's revision is another one. Revisions never repeat, also not for an app that is deleted and
made anew.
"""

from __future__ import annotations

from collections.abc import Iterable


class Changes:
    """Ids of changed apps; counts as true while there are some that nobody has taken."""

    def __init__(self) -> None:
        self.revision = 0
        """Of everything: that of the latest change."""
        self._marked: set[str] = set()
        self._revisions: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._marked)

    def add(self, app_id: str) -> None:
        """Something about the app is different now."""
        self.revision += 1
        self._revisions[app_id] = self.revision
        self._marked.add(app_id)

    def touch(self, app_id: str) -> None:
        """What is shown of the app is different now, and nothing that matters to its next move."""
        self.revision += 1
        self._revisions[app_id] = self.revision

    def update(self, *app_ids: Iterable[str]) -> None:
        """Something about all of these apps is different now."""
        for some in app_ids:
            for app_id in some:
                self.add(app_id)

    def mark(self, app_ids: Iterable[str]) -> None:
        """Have these apps looked at, although nothing is known to have changed."""
        self._marked.update(app_ids)

    def take(self) -> set[str]:
        """The apps that changed since this was last called."""
        marked, self._marked = self._marked, set()
        return marked

    def revision_of(self, app_id: str) -> int:
        """When the app last changed, as a number; 0 if it never did in this process."""
        return self._revisions.get(app_id, 0)

    def forget(self, app_id: str) -> None:
        """There is nothing left of the app."""
        self._revisions.pop(app_id, None)
