# SPDX-License-Identifier: MIT
"""
attempts.py: the table of attempts from the place of a kernel process that has fallen. An attempt is
one call of the host, or several that build on each other. It has to fail in the jail: the call
returns an error or ends the process, and no file or process of the user has changed. It has to
succeed where its wall is taken out. `make docs` writes the table to docs/security.md.

An argument is a number, or a word:

    SECRET NEW ...    the address of the text, see texts()
    BUFFER PAGE       addresses of zeroed memory, of a page
    VICTIM BROKER     the number of a process of the user, of the broker
    TERMINAL DISK     the number of a descriptor: the user's terminal, a disk
    R0 R1 ...         the result of the attempt's first call, second call ...
"""
import os
import struct
import textwrap
from collections import namedtuple

# @only: the way (instance.py) in which it can be made. @but: the parameter of the kernel with which
# it may succeed.
Attempt = namedtuple("Attempt", "name calls door only but", defaults=("syscall", None, None))

CWD = -100
RDWR_CREATE = os.O_RDWR | os.O_CREAT
F_DUPFD_CLOEXEC = 1030
NEWUSER, NEWUTS = 0x10000000, 0x04000000
EMPTY_PATH = 0x1000


def texts(work, victim, folder):
    """The bytes behind the words. @victim: the number of a process. @folder: the instance's."""
    at = 0
    with open(f"/proc/{victim}/maps", encoding="ascii") as f:
        for line in f:
            if line.endswith("[stack]\n"):
                at = int(line.split()[0].split("-")[1], 16) - 8
    end = b"\0"
    return {
        "SECRET": f"{work}/secret".encode() + end,
        "NEW": f"{work}/new".encode() + end,
        "OTHER": f"{work}/other".encode() + end,
        "AROUND": f"/proc/self/../..{work}/secret".encode() + end,
        "PIDFILE": f"{folder}/pid".encode() + end,
        "TRUE": b"/bin/true\0",
        "MEM": b"/proc/self/mem\0",
        "VICTIM_MEM": f"/proc/{victim}/mem".encode() + end,
        "VICTIM_ENV": f"/proc/{victim}/environ".encode() + end,
        "CORES": b"/proc/sys/kernel/core_pattern\0",
        "ROOT": b"/\0",
        "PROC": b"proc\0",
        "TMPFS": b"tmpfs\0",
        "NAME": b"x\0",
        "QUEUE": b"nestling-attack\0",
        "USERKEY": b"user\0",
        "EMPTY": b"\0",
        "ZERO": bytes(24),
        "SCRIPT": b"#!/bin/true\n",
        "ADDRESS": struct.pack("<HHI8x", 2, 0, 0x0100007F),
        "LIMIT": struct.pack("<QQ", 1 << 10, 1 << 10),
        "FIRST": struct.pack("<i", 1),
        # struct sched_attr: SCHED_FIFO, priority 1
        "REAL_TIME": struct.pack("<IIQiIQQQ", 48, 1, 0, 0, 1, 0, 0, 0),
        # an array of eight bytes
        "MAP": struct.pack("<IIII", 2, 4, 8, 1).ljust(72, b"\0"),
        # a clock of the CPU, without the kernel's time
        "EVENT": struct.pack("<IIQQQQQ", 1, 112, 0, 0, 0, 0, 0x60).ljust(112, b"\0"),
        "HANDLE": struct.pack("<Ii", 128, 0).ljust(144, b"\0"),
        "FAR": struct.pack("<QQ", at, 8),
        "CHILD": struct.pack("<QQQQQ", 0, 0, 0, 0, 17).ljust(88, b"\0"),
        # struct siginfo of sigqueue(3)
        "QUEUED": struct.pack("<iii", 10, 0, -1).ljust(128, b"\0"),
        "MASK": struct.pack("<Q", 1),
        "CAPS": struct.pack("<II", 0x20080522, 0),
    }


def one(name, *call, **more):
    return Attempt(name, [call], **more)


GROUPS = {
    "files": [
        one("open to read", "openat", CWD, "SECRET", 0, 0),
        one("open to write", "openat", CWD, "SECRET", 2, 0),
        one("make a file", "openat", CWD, "NEW", RDWR_CREATE, 0o600),
        one("open its own memory", "openat", CWD, "MEM", 2, 0),
        one("open a folder", "open", "ROOT", os.O_PATH, 0, 0),
        one("a way around by ..", "openat", CWD, "AROUND", 0, 0),
        one("openat2", "openat2", CWD, "SECRET", "ZERO", 24),
        one("creat", "creat", "NEW", 0o600),
        one("the process number that its folder names", "openat", CWD, "PIDFILE", os.O_WRONLY, 0),
        one("stat", "newfstatat", CWD, "SECRET", "BUFFER", 0),
        one("statx", "statx", CWD, "SECRET", 0, 0x7ff, "BUFFER"),
        one("access", "access", "SECRET", 4),
        one("unlink", "unlink", "SECRET"),
        one("rename", "rename", "SECRET", "OTHER"),
        one("link", "linkat", CWD, "SECRET", CWD, "OTHER", 0),
        one("symlink", "symlink", "SECRET", "OTHER"),
        one("mkdir", "mkdir", "OTHER", 0o700),
        one("mknod", "mknodat", CWD, "OTHER", 0o10600, 0),
        one("chmod", "chmod", "SECRET", 0o777),
        one("owner", "fchownat", CWD, "SECRET", -1, -1, 0),
        one("times", "utimensat", CWD, "SECRET", 0, 0),
        one("attributes", "listxattr", "SECRET", "BUFFER", 64),
        one("truncate", "truncate", "SECRET", 0),
        one("chdir", "chdir", "ROOT"),
        one("chroot", "chroot", "ROOT"),
        one("free space", "statfs", "ROOT", "BUFFER"),
        one("inotify", "inotify_init1", 0),
        one("fanotify", "fanotify_init", 0, 0),
        one("a file handle", "name_to_handle_at", CWD, "SECRET", "HANDLE", "BUFFER", 0),
        Attempt("open by handle", [("name_to_handle_at", CWD, "SECRET", "HANDLE", "BUFFER", 0),
            ("open_by_handle_at", CWD, "HANDLE", 0)]),
        one("a new file system", "fsopen", "TMPFS", 0),
        one("a copy of mounts", "open_tree", CWD, "ROOT", 1),
        one("a lease", "fcntl", "DISK", 1024, 0),
    ],
    "programs and memory to execute": [
        one("execve", "execve", "TRUE", 0, 0),
        Attempt("execute memory", [("memfd_create", "NAME", 0), ("write", "R0", "SCRIPT", 12),
            ("execveat", "R0", "EMPTY", 0, 0, EMPTY_PATH)]),
        Attempt("map memory to execute", [("memfd_create", "NAME", 0), ("ftruncate", "R0", 4096),
            ("mmap", 0, 4096, 5, 1, "R0", 0)]),
        one("map a disk to execute", "mmap", 0, 4096, 5, 1, "DISK", 0),
        one("memory to execute", "mmap", 0, 4096, 5, 0x22, -1, 0),
        one("memory made executable", "mprotect", "PAGE", 4096, 5),
        one("memory made executable, with a key", "pkey_mprotect", "PAGE", 4096, 5, -1),
        one("memory that is moved", "mremap", "PAGE", 4096, 8192, 1, 0),
        one("secret memory", "memfd_secret", 0),
        one("fork", "fork"),
        one("vfork", "vfork"),
        one("clone", "clone", 17, 0, 0, 0, 0),
        one("clone3", "clone3", "CHILD", 88),
        one("a user namespace", "unshare", NEWUSER),
        one("a UTS namespace", "unshare", NEWUTS),
        Attempt("the namespace of another", [("pidfd_open", "VICTIM", 0), ("setns", "R0", NEWUTS)]),
    ],
    "sockets and pipes": [
        one("a socket", "socket", 2, 1, 0),
        one("a unix socket", "socket", 1, 2, 0),
        one("a socket of the host's kernel", "socket", 16, 3, 0),
        one("a pair of sockets", "socketpair", 1, 2, 0, "BUFFER"),
        one("a pipe", "pipe2", "BUFFER", 0),
        Attempt("a server", [("socket", 2, 1, 0), ("bind", "R0", "ADDRESS", 16),
            ("listen", "R0", 1)]),
        one("pages into a pipe", "vmsplice", 1, "FAR", 0, 0, only="fallen"),
    ],
    "other processes": [
        one("ptrace", "ptrace", 16, "VICTIM", 0, 0),
        one("ptrace of another kind", "ptrace", 0x4206, "VICTIM", 0, 0),
        one("memory of others", "process_vm_readv", "VICTIM", "BUFFER", 0, "BUFFER", 0, 0),
        one("memory of others, written", "process_vm_writev", "VICTIM", "BUFFER", 0, "BUFFER", 0,
            0),
        one("memory of others, as a file", "openat", CWD, "VICTIM_MEM", 2, 0),
        one("the environment of others", "openat", CWD, "VICTIM_ENV", 0, 0),
        Attempt("a descriptor of others", [("pidfd_open", "VICTIM", 0),
            ("pidfd_getfd", "R0", 0, 0)]),
        one("kill", "kill", "VICTIM", 15),
        one("kill -9", "kill", "VICTIM", 9),
        one("SIGUSR1 to a thread of others", "tgkill", "VICTIM", "VICTIM", 10),
        one("SIGKILL to a thread of others", "tgkill", "VICTIM", "VICTIM", 9),
        one("SIGKILL to the broker", "tgkill", "BROKER", "BROKER", 9),
        one("a pidfd of the broker", "pidfd_open", "BROKER", 0),
        one("a signal to a thread", "tkill", "VICTIM", 15),
        one("a queued signal", "rt_sigqueueinfo", "VICTIM", 10, "QUEUED"),
        Attempt("a signal by a pidfd", [("pidfd_open", "VICTIM", 0),
            ("pidfd_send_signal", "R0", 15, 0, 0)]),
        one("signals of a terminal to others", "fcntl", "TERMINAL", 8, "VICTIM"),
        one("signals of a terminal", "fcntl", "TERMINAL", 4, os.O_RDWR | os.O_ASYNC),
        one("signals of a terminal, by ioctl", "ioctl", "TERMINAL", 0x5452, "FIRST"),
        one("another signal of a descriptor", "fcntl", "TERMINAL", 10, 9),
        one("limits of others", "prlimit64", "VICTIM", 7, 0, "BUFFER"),
        one("limits of its own", "prlimit64", 0, 7, "LIMIT", 0),
        one("CPUs of others", "sched_setaffinity", "VICTIM", 8, "MASK"),
        one("CPUs of the broker", "sched_setaffinity", "BROKER", 8, "MASK"),
        one("priority of others", "setpriority", 0, "VICTIM", 10),
        one("priority of others' disks", "ioprio_set", 1, "VICTIM", 0x4007),
        one("scheduling of others", "sched_setscheduler", "VICTIM", 3, "ZERO"),
        one("real time", "sched_setscheduler", 0, 1, "FIRST"),
        one("real time, by attributes", "sched_setattr", 0, "REAL_TIME", 0),
        one("the pages of others, moved", "move_pages", "VICTIM", 0, 0, 0, 0, 0),
        one("kcmp with others", "kcmp", "VICTIM", "VICTIM", 0, 0, 0),
        one("the robust futexes of others", "get_robust_list", "VICTIM", "BUFFER", "PAGE"),
        one("the process group of others", "getpgid", "VICTIM"),
    ],
    "rights": [
        one("user ids", "setresuid", -1, -1, -1),
        one("groups", "setgroups", 0, 0),
        one("capabilities", "capset", "CAPS", "ZERO"),
        one("prctl", "prctl", 4, 1, 0, 0, 0),
        one("a signal at the parent's end", "prctl", 1, 0, 0, 0, 0),
        one("children of children", "prctl", 36, 0, 0, 0, 0),
        one("a filter of its own", "seccomp", 2, 0, "ZERO"),
        one("personality", "personality", 0xffffffff),
        one("a segment register", "arch_prctl", 0x1003, "BUFFER"),
        one("a segment descriptor", "modify_ldt", 0, "BUFFER", 16),
        one("a setting of the host", "openat", CWD, "CORES", 1, 0),
        one("messages of the host", "syslog", 10, 0, 0),
    ],
    "objects of the host's kernel": [
        one("a key", "add_key", "USERKEY", "NAME", "NAME", 1, -2),
        one("a keyring", "keyctl", 0, -2, 1),
        # What succeeds is removed: it would outlive the process.
        Attempt("System V memory", [("shmget", 0, 4096, 0o600), ("shmctl", "R0", 0, 0)]),
        Attempt("System V semaphores", [("semget", 0, 1, 0o600), ("semctl", "R0", 0, 0, 0)]),
        Attempt("a System V queue", [("msgget", 0, 0o600), ("msgctl", "R0", 0, 0)]),
        Attempt("a POSIX queue", [("mq_open", "QUEUE", RDWR_CREATE, 0o600, 0),
            ("mq_unlink", "QUEUE")]),
        one("io_uring", "io_uring_setup", 1, "BUFFER"),
        one("userfaultfd", "userfaultfd", 1),
        one("a BPF map", "bpf", 0, "MAP", 72),
        one("a performance counter", "perf_event_open", "EVENT", 0, -1, -1, 0),
        one("a timer", "timer_create", 1, 0, "BUFFER", but="seccomp=off"),
        one("an interval timer", "setitimer", 0, "ZERO", 0),
    ],
    "the user's terminal": [
        one("typing at the terminal", "ioctl", "TERMINAL", 0x5412, "NAME"),
        one("the terminal given up", "ioctl", "TERMINAL", 0x5422, 0),
        one("the terminal's discipline", "ioctl", "TERMINAL", 0x5423, "ZERO"),
        one("the terminal for itself", "ioctl", "TERMINAL", 0x540C, 0),
    ],
    "other doors of the host": [
        one("x32", 0x40000000, 0),
        one("a 32-bit call", 20, door="int80", only="fallen"),
        one("a futex with priority inheritance", "futex", "BUFFER", 6, 0, 0, 0, 0),
        one("membarrier", "membarrier", 0, 0),
    ],
}
ATTEMPTS = [a for attempts in GROUPS.values() for a in attempts]


def main():
    """Prints the table for docs/security.md."""
    for group, attempts in GROUPS.items():
        text = f"**{group}** ({len(attempts)}): " + "; ".join(a.name for a in attempts) + "."
        print("\n".join(textwrap.wrap(text, 98, initial_indent="- ", subsequent_indent="  ")))


if __name__ == "__main__":
    main()
