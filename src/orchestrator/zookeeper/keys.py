"""Where an object of the store lies: ``agents/<id>`` is the znode ``<root>/agents/<id>``.

A key may hold anything (an agent chooses its own id), a znode's name may not: what follows the
first slash is one name, with the rest of its slashes and all that is not plain text escaped. So
all objects of a kind are children of one znode, and a hostile key leads nowhere else.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

_NO_KIND = ".keys"  # what no kind can be written as
_EMPTY = "%"  # what no name can be written as


def znode(key: str) -> str:
    """``kind/name`` below the root; a key without a slash is of no kind."""
    kind, slash, name = key.partition("/")
    return f"{_escaped(kind)}/{_escaped(name)}" if slash else f"{_NO_KIND}/{_escaped(kind)}"


def key(kind: str, name: str) -> str:
    """The key of a znode, by the names of its parent and of itself."""
    plain = _plain(name)
    return plain if kind == _NO_KIND else f"{_plain(kind)}/{plain}"


def _plain(name: str) -> str:
    return "" if name == _EMPTY else unquote(name)


def _escaped(name: str) -> str:
    """Without dots at the start: those names are ZooKeeper's or our own."""
    escaped = quote(name, safe="")
    return "%2E" + escaped[1:] if escaped.startswith(".") else escaped or _EMPTY
