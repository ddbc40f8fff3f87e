"""The asyncio shell that every server shares.

A server's decisions live in its pure ``core``; this package is what carries them out: ``machine``
(the contract of a core), ``driver`` (saves, then sends, then one timer), ``store`` (durable state),
``clock``, ``http`` (serving), ``config``, ``metrics`` and ``log``. It knows nothing of masters,
agents or apps.
"""
