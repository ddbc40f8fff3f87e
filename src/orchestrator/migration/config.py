"""What can be set on the server of syncs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class MigrationConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one server."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 5070
    data_dir: Annotated[
        str, Meta(description="Directory of the syncs: what was asked for, and how far they are.")
    ] = "/var/lib/orchestrator/zk-migrate"
