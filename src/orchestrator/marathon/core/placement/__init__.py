"""Which instance goes on which offer, what is reserved for it, and why one waits."""
