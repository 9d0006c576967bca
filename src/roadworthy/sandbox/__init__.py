"""The embedded deployment: real servers on loopback that keep a target's promises, and faults that break them.

with running("targets/demo.yaml") as sandbox:
    sandbox.break_("edge-certificate-expired")
    ...  # verify with --overlay {sandbox.overlay}
    sandbox.mend("edge-certificate-expired")
"""

from roadworthy.sandbox.control import Sandbox, SandboxError, find, known, running, start

__all__ = ["Sandbox", "SandboxError", "find", "known", "running", "start"]
