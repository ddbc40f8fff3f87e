"""Makes the tries that the core asks for: connections and requests to tasks.

``prober`` runs them, so many at a time; ``tries`` makes one; ``status_line`` reads the answer;
``bodies`` is for the few whose body is wanted; ``names`` remembers the addresses of hosts.
"""
