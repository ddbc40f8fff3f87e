"""Checks and health checks: when each is made, and what its result means.

``probe`` says what is to be tried and how that ended; ``results`` reads a result as Mesos does;
``checks`` holds all checks of all tasks, says which is due and judges what comes back.

A *check* only reports what it found, whenever that differs from what it found before. A *health
check* is a check with an opinion: it says that the task is healthy or not, and after so many
failures in a row that it has to be killed.

Sources: src/checks/checker.cpp, health_checker.cpp, checker_process.cpp and docs/health-checks.md
of Apache Mesos.
"""
