"""What was: an hour of series in memory (``ring``), days of them and of topology on disk.

``records`` is a file of records that ends where the first damaged one begins, ``segments`` an hour
of series as one compressed file, ``topology`` what machines had running when, ``retention`` what is
deleted. ``archive`` puts them together.
"""
