"""Who is offered what.

``drf`` is weighted Dominant Resource Fairness in plain Python, ``filters`` what frameworks do not
want to see again for a while.
"""
