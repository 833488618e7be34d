"""The filters of system calls: their numbers against the kernel's own headers, and what the kernel makes of them."""

import os
import platform
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sandbox import seccomp

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
FILTERS = {"child": seccomp.child_filter, "decider": seccomp.decider_filter}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
CODES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def numbers(machine: str) -> dict[str, int]:
    """Every system call of a machine by name, as the kernel's headers have it."""
    if not HEADERS[machine].exists():
        pytest.skip(f"{HEADERS[machine]} is not here")
    text = HEADERS[machine].read_text("utf-8")
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    found.pop("syscalls", None)  # how many there are
    return found


def program(
    make: Callable[[], seccomp.Filter], machine: str, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, int, int, int]]:
    """A filter's instructions: code, jump if true, jump if false, constant."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    return list(struct.iter_unpack("=HBBI", make()._instructions.raw))


def decided(
    steps: list[tuple[int, int, int, int]], code: int, number: int, arguments: tuple[int, ...] = (0,) * 6
) -> int:
    """What a filter says to a call, as the kernel would run it; fails where it is not well formed."""
    words = {0: number, 4: code, **{16 + 8 * place: argument for place, argument in enumerate(arguments)}}
    loaded = at = 0
    while True:
        operation, if_true, if_false, constant = steps[at]
        at += 1
        match operation:
            case 0x20:  # load a word of the call: its number, the machine it was made for, an argument
                loaded = words[constant]
            case 0x15:
                at += if_true if loaded == constant else if_false
            case 0x35:
                at += if_true if loaded >= constant else if_false
            case 0x06:
                return constant
            case _:
                pytest.fail(f"{operation:#x} is no instruction of a filter")


@pytest.mark.parametrize("machine", HEADERS)
@pytest.mark.parametrize("table", [seccomp._CHILD, seccomp._DECIDER], ids=FILTERS)
def test_numbers_are_the_kernels(table: dict[str, tuple[int | None, int | None]], machine: str) -> None:
    """Every call has the number that the headers give it; one they do not know is none of theirs or newer."""
    known = numbers(machine)
    column = list(HEADERS).index(machine)
    for name, row in table.items():
        if name in known or row[column] is None:
            assert row[column] == known.get(name), name
        else:
            assert row[0] == row[1] > max(known.values()), name


def test_what_falls_back_is_the_kernels() -> None:
    """The call that is refused as unknown has one number everywhere."""
    for machine in HEADERS:
        assert numbers(machine)["clone3"] == seccomp._CLONE3


@pytest.mark.parametrize("machine", HEADERS)
def test_a_child_may_make_the_calls_of_its_list_alone(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other number there is, and there will be, is refused."""
    steps = program(seccomp.child_filter, machine, monkeypatch)
    column = list(HEADERS).index(machine)
    listed = {row[column] for row in seccomp._CHILD.values()}
    for number in [*range(1024), 0x3FFFFFFF, 0xFFFFFFFF]:
        expected = ALLOW if number in listed else ENOSYS if number == seccomp._CLONE3 else EPERM
        assert decided(steps, CODES[machine], number) == expected, number


@pytest.mark.parametrize("machine", HEADERS)
def test_a_decider_may_make_all_but_the_calls_of_its_list(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is listed is refused, the rest goes through."""
    steps = program(seccomp.decider_filter, machine, monkeypatch)
    column = list(HEADERS).index(machine)
    listed = {row[column] for row in seccomp._DECIDER.values()}
    for number in range(1024):
        expected = EPERM if number in listed else ENOSYS if number == seccomp._CLONE3 else ALLOW
        assert decided(steps, CODES[machine], number) == expected, number


@pytest.mark.parametrize("machine", HEADERS)
@pytest.mark.parametrize("name", FILTERS)
def test_calls_of_another_machine_are_refused(
    name: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same numbers mean other calls there: 32 bits end the process, x32 is refused."""
    steps = program(FILTERS[name], machine, monkeypatch)
    i386 = 0x40000003
    assert [decided(steps, i386, number) for number in (0, 1, 999)] == [KILL] * 3
    assert decided(steps, CODES[machine], 0x40000000) == EPERM


@pytest.mark.parametrize("machine", HEADERS)
@pytest.mark.parametrize("name", seccomp._BELOW)
def test_some_calls_are_allowed_below_a_bound(
    name: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one argument decides, whatever the others are."""
    steps = program(seccomp.child_filter, machine, monkeypatch)
    number = seccomp._CHILD[name][list(HEADERS).index(machine)]
    place, bound = seccomp._BELOW[name]
    assert number is not None

    def says(value: int) -> int:
        arguments = [0xFFFFFFFF] * 6
        arguments[place] = value
        return decided(steps, CODES[machine], number, tuple(arguments))

    assert [says(value) for value in (0, bound - 1, bound, 0xFFFFFFFF)] == [ALLOW, ALLOW, EPERM, EPERM]


def test_nothing_a_path_is_opened_with_is_on_a_childs_list() -> None:
    """No call that names a file, makes a socket or reaches a process."""
    dangerous = {
        "open", "openat", "openat2", "stat", "execve", "execveat", "fork", "vfork", "clone", "clone3", "socket", "connect",
        "sendmsg", "kill", "tkill", "tgkill", "ptrace", "prctl", "ioctl", "fcntl", "mount",
        "io_uring_setup", "bpf", "process_vm_writev", "memfd_create", "userfaultfd", "unlink", "rename", "chmod", "setrlimit",
        "prlimit64", "nanosleep", "clock_nanosleep", "setitimer", "alarm", "pidfd_open", "shmget",
    }  # fmt: skip
    assert dangerous & seccomp._CHILD.keys() == set()


def test_a_machine_that_is_not_known_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather none than one with another machine's numbers."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.supported()


def refused(name: str) -> str:
    """What a process that has put a filter on cannot do of two things that any process can."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        seen = []
        try:
            FILTERS[name]().put_on()
            for what, attempt in (("look", Path("/").stat), ("fork", os.fork)):
                try:
                    attempt()
                except PermissionError:
                    seen.append(what)
            os.write(writer, " ".join(seen).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as pipe:
        return pipe.read()


@pytest.mark.skipif(sys.platform != "linux" or not seccomp.supported(), reason="no filter is known here")
@pytest.mark.parametrize(("name", "expected"), [("child", "look fork"), ("decider", "fork")])
def test_the_kernel_takes_both_filters(name: str, expected: str) -> None:
    """They are programs that it runs, and they refuse with an ordinary error."""
    assert refused(name) == expected
