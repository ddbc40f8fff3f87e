"""The parts of ``benchmarks.container``: one module a kind of container."""
