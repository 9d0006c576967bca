"""Every parser that we own, under whatever anybody may send it: `python -m tests.fuzz [NAME ...] --seconds N`."""
