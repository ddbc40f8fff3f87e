"""URIs of files to fetch: whether they are any (RFC 3986), and which are archives by their name."""

from __future__ import annotations

import re

SYNTAX_ERROR = "URI has invalid syntax."
_ARCHIVES = (".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".tar", ".gz")
_LETTER = r"(?:[^\s\x00-\x1f\x7f\"<>\\^`{|}%]|%[0-9A-Fa-f]{2})"
_URI = re.compile(rf"{_LETTER}*")
_BARE_SCHEME = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*)?:(?:$|#)|:")


def is_uri(text: str) -> bool:
    """Whether the text could be a URI or a path."""
    return _URI.fullmatch(text) is not None and _BARE_SCHEME.match(text) is None


def is_archive(uri: str) -> bool:
    """Whether the fetcher would unpack it; what follows the path does not count."""
    return re.split(r"[?#]", uri, maxsplit=1)[0].endswith(_ARCHIVES)
