"""The task that Mesos is asked to launch for an instance of an app."""
