"""What the agent touches: its supervisor process, the Docker Engine, the master, files, HTTP."""
