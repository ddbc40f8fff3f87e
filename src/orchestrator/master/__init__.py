"""The master: gives agents' resources to frameworks as offers and keeps track of their tasks.

``core`` decides, ``adapters`` speak to frameworks and agents, ``server`` puts both together.
"""
