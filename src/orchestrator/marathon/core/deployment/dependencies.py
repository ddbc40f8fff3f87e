"""Who waits for whom: apps for the apps and groups that they, or a group they are in, depend on.

To name a group is to wait for every app in it. These are too many pairs to write down, so groups
are nodes of the graph as well, twice each: what a group *demands* of all apps in it, and what it
*holds*. Arrows lead from who waits to who is waited for, and the graph grows only with the tree:

    app /shop/cart ---> its own dependencies
         '---> demands /shop ---> the group's dependencies ---> holds /db ---> app /db/main
                    '---> demands /

Source: RootGroup.applicationDependencies and DeploymentPlan.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.groups.tree import Contents, Tree


class Kind(Enum):
    """What a node of the graph stands for."""

    APP = "app"
    DEMANDS = "demands"
    HOLDS = "holds"


class Node(NamedTuple):
    """A node of the graph."""

    kind: Kind
    path: str


class CircleError(Exception):
    """Something waits for itself, by way of others or directly."""


def ranks(tree: Tree, apps: Iterable[str], groups: Iterable[str] = ()) -> Mapping[str, int]:
    """How many apps each of these apps waits for one after the other at most, itself counted.

    Everything that the apps wait for, and what the groups demand, is looked at on the way. Raises
    CircleError.
    """
    wanted = list(apps)
    if not any(app.dependencies for app in tree.specs.values()) and not any(
        group.dependencies for group in tree.groups.values()
    ):
        return dict.fromkeys(wanted, 1)
    graph = _Graph(tree)
    for group_id in groups:
        graph.rank(Node(Kind.DEMANDS, group_id))
    return {app_id: graph.rank(Node(Kind.APP, app_id)) for app_id in wanted}


class _Graph:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._contents = Contents(tree)
        self._ranks: dict[Node, int] = {}

    def rank(self, start: Node) -> int:
        """Depth first, without recursion: a chain of dependencies may be long."""
        path: dict[Node, Iterator[Node]] = {}
        node = start
        while True:
            if node not in path:
                path[node] = iter(self._waits_for(node))
            following = next((n for n in path[node] if n not in self._ranks), None)
            if following in path:
                raise CircleError
            if following is not None:
                node = following
                continue
            self._ranks[node] = self._rank_of(node)
            del path[node]
            if not path:
                return self._ranks[start]
            node = next(reversed(path))

    def _rank_of(self, node: Node) -> int:
        below = max((self._ranks[other] for other in self._waits_for(node)), default=0)
        return below + (node.kind is Kind.APP)

    def _waits_for(self, node: Node) -> Iterator[Node]:
        match node.kind:
            case Kind.APP:
                yield from self._named(self._tree.specs[node.path].dependencies)
                yield Node(Kind.DEMANDS, ids.parent(node.path))
            case Kind.DEMANDS:
                group = self._tree.groups.get(node.path)
                yield from self._named(group.dependencies if group else [])
                if node.path != ids.ROOT:
                    yield Node(Kind.DEMANDS, ids.parent(node.path))
            case Kind.HOLDS:
                for contents in (self._contents.apps, self._contents.pods):
                    for spec_id in contents.get(node.path, []):
                        yield Node(Kind.APP, spec_id)
                for group_id in self._contents.groups.get(node.path, []):
                    yield Node(Kind.HOLDS, group_id)

    def _named(self, dependencies: Iterable[str]) -> Iterator[Node]:
        """What is named and exists; the rest may come later and is no reason to wait."""
        for path in dependencies:
            if path in self._tree.specs:
                yield Node(Kind.APP, path)
            if path in self._tree.groups:
                yield Node(Kind.HOLDS, path)
