"""Between two terms: back up and restore, as the last leader was asked to (``core.upkeep``).

What cannot be done is told in the log and given up, as it would fail with every next leader too:
the state is then as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from orchestrator.marathon.adapters import backup
from orchestrator.marathon.adapters.backup import BackupError
from orchestrator.marathon.core import stored_format, timestamps
from orchestrator.marathon.core.upkeep import KEY, Upkeep
from orchestrator.runtime.store import Store

logger = logging.getLogger(__name__)


async def carry_out(kept: Mapping[str, bytes], store: Store, now: float) -> Mapping[str, bytes]:
    """Do what is wanted; return the state to begin with. Raises StoreError."""
    if KEY not in kept:
        return kept
    state = {key: value for key, value in kept.items() if key != KEY}
    wanted = msgspec.json.decode(kept[KEY], type=Upkeep)
    try:
        if wanted.backup is not None:
            await write(Path(wanted.backup), state, now)
        if wanted.restore is not None:
            state = await asyncio.to_thread(backup.read, Path(wanted.restore))
            logger.warning("restored the backup %s", wanted.restore)
    except BackupError as error:
        logger.error("DELETE /v2/leader asked for what cannot be done: %s", error)
    await store.commit(list(stored_format.changes(kept, state)))
    return state


async def write(path: Path, state: Mapping[str, bytes], now: float) -> None:
    """Write a backup. Raises BackupError."""
    await asyncio.to_thread(backup.write, path, state, timestamps.render(now))
    logger.info("wrote the backup %s", path)


async def replace(store: Store, state: Mapping[str, bytes]) -> None:
    """Keep this state instead of what is there, whole or not at all. Raises StoreError."""
    await store.commit(list(stored_format.changes(await store.load(""), state)))
