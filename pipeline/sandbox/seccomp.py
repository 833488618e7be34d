"""Filters of system calls for Linux, as the kernel's own small programs (classic BPF); see seccomp(2).

Two filters: a list of the few calls a child with unread code may make, everything else is refused; and a list of
the calls the decider has no use for. A refused call fails with EPERM, so honest code sees an ordinary error.
Standard library only.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping, Sequence

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_ARGUMENTS = 0, 4, 16
_X32 = 0x40000000
_SET_FILTER, _NO_NEW_PRIVILEGES, _MODE_FILTER = 22, 38, 2

_Step = tuple[int, int, int, int]
"""An instruction: what it does, how many to skip if it holds and if it does not, and its operand."""
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine -> its code in a filter, and the column of its numbers below."""

_CHILD = {
    # name: x86_64, aarch64
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "futex": (202, 98), "set_robust_list": (273, 99), "sched_yield": (24, 124),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getrusage": (98, 165),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "getrandom": (318, 278),
    "getpid": (39, 172), "gettid": (186, 178), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""All that a child may do: compute, read and write what it has open, tell the time, end itself. No paths."""

_DECIDER = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "fork": (57, None), "vfork": (58, None), "clone": (56, 220), "execve": (59, 221),
    "execveat": (322, 281), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "ptrace": (101, 117),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsmount": (432, 432),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "reboot": (169, 142), "personality": (135, 92),
    "prlimit64": (302, 261), "setrlimit": (160, 164), "open_by_handle_at": (304, 265), "acct": (163, 89),
    "chmod": (90, None), "fchmodat": (268, 53), "chown": (92, None), "lchown": (94, None), "fchownat": (260, 54),
    "symlink": (88, None), "symlinkat": (266, 36), "link": (86, None), "linkat": (265, 37), "mknod": (133, None),
    "mknodat": (259, 33), "setuid": (105, 146), "setgid": (106, 144), "setresuid": (117, 147),
    "setresgid": (119, 149), "capset": (126, 91), "fchmod": (91, 52), "fchmodat2": (452, 452), "fchown": (93, 55),
    "truncate": (76, 45), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "file_setattr": (469, 469), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "clock_settime": (227, 112), "settimeofday": (164, 170),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "swapon": (167, 224),
    "swapoff": (168, 225), "sched_setaffinity": (203, 122), "setpriority": (141, 140),
}  # fmt: skip
"""What the decider never does: reach a network, start or signal a process, change what the machine is."""

_BELOW = {"clock_gettime": (0, 1 << 31), "clock_getres": (0, 1 << 31), "madvise": (2, 100)}
"""Calls that are allowed while one argument is below a bound: clocks of other processes and broken memory are above."""
_CLONE3 = 435
"""The same everywhere. Refused as unknown, so that the C library falls back on `clone`."""


def supported() -> bool:
    """Whether the numbers of this machine's system calls are known here."""
    return platform.machine() in _ARCHITECTURES


class Filter:
    """A filter that is ready to be put on: all that takes time has been done."""

    def __init__(self, program: bytes) -> None:
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
        self._instructions = ctypes.create_string_buffer(program, len(program))
        start = ctypes.addressof(self._instructions)
        self._header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, start))
        self._address = ctypes.addressof(self._header)

    def put_on(self) -> None:
        """Bind this process, and all it may start, to the filter for good; raises OSError where that is refused."""
        for option, first, second in ((_NO_NEW_PRIVILEGES, 1, 0), (_SET_FILTER, _MODE_FILTER, self._address)):
            if self._prctl(option, first, second, 0, 0) != 0:
                code = ctypes.get_errno()
                raise OSError(code, f"seccomp: {os.strerror(code)}")


def child_filter() -> Filter:
    """The filter of a child with unread code."""
    return Filter(_program(_numbers(_CHILD), listed=_ALLOW, otherwise=_ERRNO | errno.EPERM))


def decider_filter() -> Filter:
    """The filter of the decider's process."""
    return Filter(_program(_numbers(_DECIDER), listed=_ERRNO | errno.EPERM, otherwise=_ALLOW))


def _numbers(table: Mapping[str, tuple[int | None, int | None]]) -> dict[str, int]:
    column = _ARCHITECTURES[platform.machine()][1]
    return {name: number for name, row in table.items() if (number := row[column]) is not None}


def _program(numbers: Mapping[str, int], *, listed: int, otherwise: int) -> bytes:
    """Refuse another machine's calls outright, then look the number up."""
    code = _ARCHITECTURES[platform.machine()][0]
    rows = sorted((number, _leaf(name, listed, otherwise)) for name, number in numbers.items())
    steps = [
        (_LOAD, 0, 0, _OFFSET_ARCHITECTURE),
        (_EQUAL, 1, 0, code),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        *_search(rows, [(_RETURN, 0, 0, otherwise)]),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _leaf(name: str, listed: int, otherwise: int) -> list[_Step]:
    """What becomes of a call once its number is known."""
    if name not in _BELOW:
        return [(_RETURN, 0, 0, listed)]
    argument, bound = _BELOW[name]
    return [
        (_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * argument),
        (_AT_LEAST, 0, 1, bound),
        (_RETURN, 0, 0, otherwise),
        (_RETURN, 0, 0, listed),
    ]


def _search(rows: Sequence[tuple[int, list[_Step]]], otherwise: list[_Step]) -> list[_Step]:
    """Look a number up among sorted rows by halves: whoever puts a filter on waits until every number was looked up."""
    if len(rows) == 1:
        ((number, steps),) = rows
        return [(_EQUAL, 0, len(steps), number), *steps, *otherwise]
    half = len(rows) // 2
    low, high = _search(rows[:half], otherwise), _search(rows[half:], otherwise)
    return [(_AT_LEAST, len(low), 0, rows[half][0]), *low, *high]
