"""`task-master`."""
