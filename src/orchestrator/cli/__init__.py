"""The command line: composition of the servers, and a client for people and programs."""
