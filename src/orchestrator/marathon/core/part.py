"""What every piece of an app definition is: how it is written, and the types of its values.

Two rules of Marathon's writer are kept: optional fields are left out when unset or empty, and
fields marked ``always`` are written even at their default.
"""

from __future__ import annotations

from typing import Annotated, Any, dataclass_transform

import msgspec
from msgspec import Meta

Amount = Annotated[float, Meta(ge=0, le=1e9)]
Megabytes = Annotated[int, Meta(ge=0, le=2**50)]
Text = Annotated[str, Meta(min_length=1)]


def always(*, default: Any, name: str | None = None) -> Any:
    """A default that is written all the same: msgspec omits plain defaults, not made ones."""
    return msgspec.field(default_factory=lambda: default, name=name)


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field, always)
)
class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A piece of an app definition: immutable, camel case in JSON."""
