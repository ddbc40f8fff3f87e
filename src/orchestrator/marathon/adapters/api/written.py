"""JSON that was written once and is good until what it shows has changed.

Lists of thousands of apps are asked for again and again, by load balancers at every event. What is
kept here for each app is its JSON in every form that was asked for, with the app's revision at the
time; a list is then little more than a join of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from orchestrator.marathon.core.state import State

_FORMS_AN_APP = 8


class Written:
    """Bytes by app and form."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._kept: dict[tuple[str, Hashable], tuple[int, bytes]] = {}

    def get(self, app_id: str, form: Hashable, write: Callable[[], bytes]) -> bytes:
        """What ``write`` wrote for the app in this form, or writes now if that is outdated."""
        revision = self._state.dirty.revision_of(app_id)
        kept = self._kept.get((app_id, form))
        if kept is not None and kept[0] == revision:
            return kept[1]
        if len(self._kept) > _FORMS_AN_APP * (len(self._state.apps) + 1):
            self._kept.clear()  # of apps that are gone, or in forms that are asked for no more
        written = write()
        self._kept[app_id, form] = (revision, written)
        return written
