"""Blocks of promises, one module a topic: what a component may promise, and where each is looked at."""
