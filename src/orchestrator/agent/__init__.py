"""The agent: launches tasks on one machine, keeps them over its own death, reports their states.

``core`` decides, ``adapters`` touch the world (processes, Docker, the master, files), ``server``
puts them together. This file imports nothing: the supervisor process starts below it and stays
small that way.
"""
