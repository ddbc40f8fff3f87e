"""What tasks are given in secret: where it comes from, and how it stays off the disk.

A task names a secret for a variable of its environment or for a file. ``resolver`` gives its bytes;
another store is one more class with that one method. ``files`` keeps those that are files in
memory. What a framework sends by value is taken out of every checkpoint (``core/redaction``);
``kept`` has it in memory meanwhile. ``memory`` says where that is.
"""

from orchestrator.agent.adapters.secrets.files import SecretFile, SecretFiles
from orchestrator.agent.adapters.secrets.kept import KeptSecrets
from orchestrator.agent.adapters.secrets.resolver import (
    DirectoryResolver,
    SecretError,
    SecretResolver,
    ValueResolver,
    resolver_from,
)

__all__ = [
    "DirectoryResolver",
    "KeptSecrets",
    "SecretError",
    "SecretFile",
    "SecretFiles",
    "SecretResolver",
    "ValueResolver",
    "resolver_from",
]
