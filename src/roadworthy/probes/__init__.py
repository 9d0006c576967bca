"""Probes: one module a protocol, with the coroutine that makes its observation. They look and hold no threshold.

Each module offers `async def observe(ask, address, bench) -> Observation`:

    ask      what to look at (`roadworthy.facts`)
    address  where: an (ip, port) behind the ask's name, or None where the ask has no address
    bench    what the probes of a run share

A probe returns an observation for every state that the protocol can be in and raises `NotObserved` where it can't
tell. The engine cancels it at its deadline; a probe that must turn silence into a state bounds its own waiting by
`bench.patience_s`, which is shorter.
"""
