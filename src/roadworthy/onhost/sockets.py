"""On the host: sockets in the file system, however long their path is."""

from __future__ import annotations

import os
import socket

from roadworthy.onhost.ground import at

LONGEST = 100
"""The kernel takes paths of 107 bytes; longer ones are reached from their folder."""


def connect_to(path: str, within_s: float) -> socket.socket:
    """A connection to a socket of the host.

    Raises:
        OSError: nobody listens there, or we may not.
    """
    seen = at(path)
    folder = os.open(os.path.dirname(seen), os.O_RDONLY | os.O_DIRECTORY) if len(seen) > LONGEST else None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(within_s)
        connection.connect(seen if folder is None else "/proc/self/fd/{}/{}".format(folder, os.path.basename(seen)))
    except OSError:
        connection.close()
        raise
    finally:
        if folder is not None:
            os.close(folder)
    return connection
