#!/usr/bin/python3
"""outside.py UID...: attacks on the processes of a session from the host, as the session's user.

Tries every process of these uids, in the ways that would lead into a session or give
power over its keepers; and once a child of its own (the twin), where all must succeed.
Prints a line for what was allowed. Exit status 0: nothing was; 1: something; 64: nothing was tried.
"""
import ctypes
import os
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_PTRACE, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD, SYS_SETNS = 101, 434, 438, 308
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000


def syscall(number, *args):
    """True where the kernel said yes."""
    return LIBC.syscall(number, *[ctypes.c_long(a) for a in args]) >= 0


def opened(pid, name):
    path = f"/proc/{pid}/{name}"
    try:
        if os.path.isdir(path):
            return os.listdir(path) is not None
        os.close(os.open(path, os.O_RDWR if name == "mem" else os.O_RDONLY))
        return True
    except OSError:
        return False


def enters(pid):
    """In a child: what succeeds changes who we are."""
    child = os.fork()
    if child == 0:
        fd = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
        os._exit(0 if syscall(SYS_SETNS, fd, CLONE_NEWUSER | CLONE_NEWNS) or
                 syscall(SYS_SETNS, fd, CLONE_NEWUSER) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def attacks(pid, keeper):
    """The names of those that succeed."""
    names = [n for n in ("root", "cwd", "mem", "environ", "maps", "map_files", "ns/mnt", "ns/user") if opened(pid, n)]
    if syscall(SYS_PTRACE, PTRACE_SEIZE, pid, 0, 0):
        names.append("ptrace")
        LIBC.syscall(SYS_PTRACE, PTRACE_DETACH, pid, 0, 0)
    pidfd = LIBC.syscall(SYS_PIDFD_OPEN, pid, 0)
    for fd in range(12):
        if syscall(SYS_PIDFD_GETFD, pidfd, fd, 0):
            names.append(f"descriptor {fd}")
    os.close(pidfd)
    if enters(pid):
        names.append("setns")
    if keeper:
        try:
            os.kill(pid, 0)
            names.append("signal")
        except OSError:
            pass
    return names


def uid_of(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid, int(next(
            line.split()[1] for line in open(f"/proc/{pid}/status", encoding="ascii", errors="replace")
            if line.startswith("Uid:")))
    except (OSError, StopIteration):
        return None, None


def main():
    uids = [int(a) for a in sys.argv[1:]]
    child = os.fork()
    if child == 0:
        signal.pause()
    twin = attacks(child, True)
    missing = {"root", "mem", "ptrace", "descriptor 0", "signal"} - set(twin)
    tried, allowed = set(), 0
    for pid in sorted(int(p) for p in os.listdir("/proc") if p.isdigit()):
        uid = uid_of(pid)[1]
        if uid not in uids or pid in (child, os.getpid()):
            continue
        names = attacks(pid, uid != os.getuid())
        tried.add(uid)
        allowed += len(names)
        if names:
            print(f"process {pid} of {uid}: ALLOWED {', '.join(names)}")
    os.kill(child, signal.SIGKILL)
    if missing or tried != set(uids):
        print(f"the twin lacks {sorted(missing)}; tried the uids {sorted(tried)} of {uids}")
        return 64
    return 1 if allowed else 0


sys.exit(main())
