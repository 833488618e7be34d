"""Namespaces for Linux: an empty network, no shared memory with others, no rights over the machine.

Optional: many runners and containers refuse them, and nothing hangs on them alone. Standard library only.
"""

import ctypes

_USER, _NETWORK, _IPC, _HOST_NAME = 0x10000000, 0x40000000, 0x08000000, 0x04000000


def leave() -> bool:
    """Leave the machine's network, shared memory and users for empty ones; False where that is refused."""
    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return int(unshare(_USER | _NETWORK | _IPC | _HOST_NAME)) == 0
