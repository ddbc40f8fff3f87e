"""The sync engine's hands and ears: two ensembles, a disk, and whoever asks."""
