"""Values that several probes have a share in, kept merged as the shares change.

A share is a value of its own. Nearly every value has one share, and is then that very object: there
is a book of shares only for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Merged(Generic[Key, Value]):
    """Keys to values, each made of the shares of one or more agents.

    ``combine`` makes a value of several shares, which come by agent, in the order of the agents'
    names; ``is_by_time`` says that it also depends on which of them came last, and that of equal
    shares it makes one of them. A value that stays equal stays the same object, so that others see
    by identity what has changed.
    """

    def __init__(
        self, combine: Callable[[Mapping[str, Value]], Value], *, is_by_time: bool = False
    ) -> None:
        self.values: dict[Key, Value] = {}
        self._is_by_time = is_by_time
        self._alike: set[Key] = set()  # by time: with shares that are all the value itself
        self._combine = combine
        self._owner: dict[Key, str] = {}  # of values with one share
        self._shares: dict[Key, dict[str, Value]] = {}  # of values with several

    @property
    def is_contested(self) -> bool:
        """Whether it matters for any value whose share came last."""
        return len(self._shares) > len(self._alike)

    def put(self, agent: str, before: Iterable[Key], after: Mapping[Key, Value]) -> list[Key]:
        """Replace an agent's shares, which were in the keys ``before``; the keys that changed."""
        changed = [key for key in set(before).difference(after) if self._drop(key, agent)]
        values, owners = self.values, self._owner
        for key, share in after.items():
            if owners.get(key) == agent:
                if values[key] != share:
                    values[key] = share
                    changed.append(key)
            elif self._add(key, agent, share):
                changed.append(key)
        return changed

    def _add(self, key: Key, agent: str, share: Value) -> bool:
        """A share of a value that others have shares in, or that nobody has."""
        shares = self._shares.get(key)
        if shares is None:
            owner = self._owner.pop(key, None)
            if owner is None:
                self.values[key] = share
                self._owner[key] = agent
                return True
            shares = self._shares[key] = {owner: self.values[key]}
            if self._is_by_time:
                self._alike.add(key)
        elif not self._is_by_time and shares.get(agent) == share:
            return False  # with a thousand shares, to say the same again has to cost nothing
        if share == self.values[key]:
            share = self.values[key]  # the same object is quickly seen to be the same
            if key in self._alike:
                shares[agent] = share
                return False
        shares[agent] = share
        return self._become(key, shares)

    def _drop(self, key: Key, agent: str) -> bool:
        if self._owner.get(key) == agent:
            del self._owner[key], self.values[key]
            return True
        shares = self._shares.get(key)
        if shares is None or shares.pop(agent, None) is None:
            return False
        if len(shares) > 1:
            return key not in self._alike and self._become(key, shares)
        [(self._owner[key], share)] = shares.items()
        del self._shares[key]
        self._alike.discard(key)
        return self._change(key, share)

    def _become(self, key: Key, shares: Mapping[str, Value]) -> bool:
        is_changed = self._change(key, self._combine(dict(sorted(shares.items()))))
        if self._is_by_time:
            value = self.values[key]
            is_alike = all(share is value for share in shares.values())
            (self._alike.add if is_alike else self._alike.discard)(key)
        return is_changed

    def _change(self, key: Key, value: Value) -> bool:
        if self.values.get(key) == value:
            return False
        self.values[key] = value
        return True
