"""`zk-migrate`."""
