"""Judgements too long for the body of a check: pure functions from what was seen and promised to all that is wrong.

A function named `*_faults` gives one sentence for each fault, and nothing where all is as promised. Headers are parsed
as their specifications say and compared by meaning; a parser meets any text that a server may send and raises nothing
but `ValueError`.
"""
