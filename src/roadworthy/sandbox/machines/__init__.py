"""The insides of the sandbox's hosts: what is looked at on them, kept as each block of promises wants it.

A module for each block makes of its promises what an operator would put on the machine: files, with their owners and
ages, programs that answer, daemons that run. What can be real is (supervisord, crontabs, dumps, keys); what can't run
here (systemd, ufw, Docker) is a program that answers in the real one's own words.
"""
