"""Commands that run servers, alone or all of them together."""
