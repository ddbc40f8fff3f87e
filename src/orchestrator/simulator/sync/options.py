"""What a run is like: how both sides are written, what goes wrong, and how the sync is set."""

from __future__ import annotations

from random import Random

import msgspec

from orchestrator.migration.core.settings import (
    DeletePolicy,
    Mapping,
    Policy,
    Settings,
)

_POLICIES: tuple[Policy, ...] = ("lww", "lww", "source", "target", "hold")
_DELETES: tuple[DeletePolicy, ...] = ("update_wins", "delete_wins", "policy", "hold")


class SyncOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Of one run. ``writers``: who writes, A, B or both; a run in which only one does knows exactly
    what has to come out. ``kinds``: how a side is heard, by stream or by watches."""

    settings: Settings
    writers: str = "AB"
    watching: tuple[bool, bool] = (False, False)
    skew_ms: int = 0  # how much more B's clock shows
    switches: bool = False  # whether a side that begins with watches is streamed now and then
    forgets: bool = False  # whether positions may be too old
    crashes: bool = True
    breaks: bool = True
    lists: bool = True  # whether clients write access lists
    sessions: bool = False  # whether clients hold ephemeral nodes
    commands: bool = True
    writing_s: float = 20.0
    pause_s: float = 0.05  # between two writes of a side, on average


def drawn(random: Random) -> SyncOptions:
    """The options of a seed."""
    watching = (random.random() < 0.2, random.random() < 0.2)
    return SyncOptions(
        settings=_settings(random),
        writers=random.choice(("A", "AB", "AB", "AB", "AB")),
        watching=watching,
        skew_ms=random.choice((0, 0, 300, -600_000, 600_000)),
        forgets=random.random() < 0.25,
        crashes=random.random() < 0.6,
        breaks=random.random() < 0.7,
        lists=random.random() < 0.6,
        sessions=random.random() < 0.5,
        commands=random.random() < 0.4,
        pause_s=random.choice((0.02, 0.05, 0.3)),
        switches=random.random() < 0.4,
    )


def _settings(random: Random) -> Settings:
    include, exclude, mappings = random.choice(
        (
            (("/**",), (), ()),
            (("/**",), (), ()),
            (("/**",), ("/app/b",), ()),
            (("/app/**", "/deep/down"), (), ()),
            (("/**",), (), (Mapping(a="/app", b="/moved/app"),)),
        )
    )
    return Settings(
        include=include,
        exclude=exclude,
        mappings=mappings,
        merge=True,
        policy=random.choice(_POLICIES),
        deletes=random.choice(_DELETES),
        skew_ms=random.choice((0, 0, 1_000)),
        priority=random.choice(("", "A", "B")),
        ephemerals=random.choice(("skip", "proxy")),
        elections=("/election",) if include == ("/**",) else (),
        authority=random.choice(("A", "B")),
        batch_ops=random.choice((4, 20, 500)),
        window=random.choice((1, 3, 8)),
        data_bytes=random.choice((1_024, 1 << 20)),
        checkpoint_s=random.choice((0.1, 1.0)),
    )
