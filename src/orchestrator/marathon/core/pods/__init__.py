"""Pods: several containers that are placed, started and ended together.

``pod`` is the definition, made of ``parts``; ``validation`` says what is wrong with one, and
``service`` carries out what clients ask for. ``task_group`` turns a pod into what Mesos launches;
``instance`` says what the containers' tasks make of an instance. All else (deployments, offers,
back-off) is the same as for apps.
"""
