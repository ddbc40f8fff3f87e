"""The machine itself: what it is, how busy it is, which addresses it has."""
