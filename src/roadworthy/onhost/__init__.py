"""What runs on a host that is looked at: modules of the standard library alone, sent there by `probes/host.py`.

Each is named like a kind of ask and has `look(wanted)`, which takes the ask's own fields and gives those of its
observation, as JSON can hold them; times are seconds since 1970. What can't be told is an `Unseen` (`ground`). They are
read-only, start no more processes than they must, wait for none without a bound, and read no file without one.

They run on whatever Python a host has, from 3.7 on: annotations are fine, newer syntax and library functions are not.
"""
