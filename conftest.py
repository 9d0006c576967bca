"""Loads Roadworthy's plugin; nothing else."""

pytest_plugins = ["roadworthy.plugin"]
