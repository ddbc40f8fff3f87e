"""The wire contract of Mesos v1, pure: messages, resource arithmetic, RecordIO and the codecs.

Nothing here opens a socket or reads a clock; every system speaks through these types.
"""
