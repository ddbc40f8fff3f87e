"""The master's edges: the scheduler API, the link to agents and the read-only endpoints."""
