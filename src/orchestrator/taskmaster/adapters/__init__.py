"""Where tasks are kept: the state file, its lock, the log of changes, the settings."""
