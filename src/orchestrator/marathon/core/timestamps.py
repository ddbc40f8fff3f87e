"""Points in time as Marathon writes them: UTC, milliseconds, ``2026-05-01T10:00:00.000Z``.

Because the form is fixed, text order is time order; versions rely on it.
"""

from __future__ import annotations

from datetime import UTC, datetime


def render(seconds: float) -> str:
    """Unix seconds as text."""
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse(text: str) -> float:
    """Text, in any form of ISO 8601, as Unix seconds. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def tidy(text: str) -> str:
    """The same moment in Marathon's form. Raises ValueError."""
    return render(parse(text))
