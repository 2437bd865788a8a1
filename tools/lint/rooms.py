# SPDX-License-Identifier: MIT
"""rooms: the one table of rooms and of the rooms that each may know. tools/lint/arrows (includes),
tools/lint/symbols (objects) and the drawing in docs/architecture.md all use it.

A room is the set of files that its patterns match; without patterns, all files below the folder of its name. The
longest pattern that matches a file decides. A room may know the rooms of the rows below its own, and its `doors`.
It may not know a room of its own row or above. A call that must go up goes through a TABLE (see there)."""
import fnmatch

UAPI = ["linux/*", "asm/*", "asm-generic/*", "stdarg.h", "stddef.h", "stdint.h", "stdbool.h", "limits.h"]
LIBC = ["*"]


class Room:
    def __init__(self, name, what, files=None, doors=(), system=UAPI, alone=False):
        self.name, self.what = name, what
        self.files = files or [name + "/*"]
        self.doors = list(doors)  # headers of the host world and of other worlds that it may include
        self.system = system  # the system headers that it may include
        self.alone = alone  # true: knows its doors only, and is in no row of the drawing
        self.row = None

    def __repr__(self):
        return self.name


HOST_DOORS = ["os-linux/os.h", "os-linux/os_space.h"]

# From above to below.
ROWS = [
    [Room("drivers", "disks, terminals, network cards, hostfs, mconsole: each beside its host half",
          doors=HOST_DOORS + ["drivers/*_host.h"])],
    [Room("arch/um/entry", "the program's start, the loop around guest code, signal frames, faults of the kernel",
          files=["arch/um/entry/*"], doors=HOST_DOORS + ["arch/um/vdso/vdso.h"])],
    [Room("kernel/state", "saving the running instance and going on from what was saved")],
    [Room("kernel", "kernel_main(): the order of the start", files=["kernel/init.[ch]"])],
    [Room("kernel/syscall", "the table of system calls, strace", files=["kernel/syscall/*", "gen/syscalls*"])],
    [Room("kernel/aio", "io_submit() and its rings"),
     Room("kernel/io_uring", "io_uring"),
     Room("kernel/bpf", "eBPF: programs, maps, verifier"),
     Room("kernel/ipc", "System V IPC, POSIX message queues"),
     Room("kernel/dev", "terminals, memory devices, watchdog")],
    [Room("kernel/net", "sockets, protocols, links, netfilter, queueing")],
    [Room("kernel/fs", "the file systems, /proc, /sys")],
    [Room("kernel/event", "epoll, select, eventfd, signalfd, timerfd, userfaultfd")],
    [Room("kernel/time", "clocks, timers of processes")],
    [Room("kernel/task", "fork, exec, exit, signals, ptrace, futex, keys, namespaces")],
    [Room("kernel/cgroup", "the tree of control groups and its controllers")],
    [Room("kernel/vfs", "names, files, mounts, pipes, locks, notification")],
    [Room("kernel/block", "disks, partitions, queues of requests")],
    [Room("kernel/mm", "address spaces, pages, page cache, reclaim, swap")],
    [Room("kernel/ident", "credentials, capabilities, process numbers, user namespaces")],
    [Room("kernel/sched", "tasks on vCPUs, sleeping locks, timers, deferred work, RCU")],
    [Room("arch/um/machine", "vCPUs, clocks, interrupts, frames, page tables, copies to guest memory, patched calls",
          files=["arch/um/*"], doors=HOST_DOORS + ["arch/um/vdso/vdso.h"])],
    [Room("skas", "the host processes in which guest code runs",
          files=["skas/*", "gen/stub*", "gen/blobs*"], doors=HOST_DOORS + ["skas/stub/*.h", "arch/um/layout.h"])],
    [Room("kernel/lib", "strings, lists, trees, printk, spin locks, lockdep, the heap (kernel/mm/frame/slab.c)",
          files=["kernel/lib/*", "kernel/mm/frame/slab.c"])],
]
# Worlds of their own, told apart by flags of the compiler (docs/architecture.md, section 1).
WORLDS = [
    Room("stub", "the code beside the guest's", ["skas/stub/*"], ["skas/stub_abi.h", "arch/um/layout.h"], alone=True),
    Room("vdso", "the guest's vDSO", ["arch/um/vdso/*"], ["arch/um/layout.h"], alone=True),
    Room("os-linux", "the host's system calls", None, ["skas/stub_abi.h"], system=LIBC, alone=True),
    Room("host halves", "drivers' host halves", ["drivers/*_host.[ch]"],
         ["os-linux/*.h", "drivers/*_host.h", "kernel/state/reset_abi.h"], system=LIBC, alone=True),
]
for number, row in enumerate(ROWS):
    for room in row:
        room.row = number
ROOMS = [room for row in ROWS for room in row] + WORLDS

# Tables of operations: `extern const struct ...` in a header of a lower room, filled by a room
# above. The linker binds them, so such a call costs no more than a function pointer, and no table
# is ever missing. NAME: the room that fills it.
TABLES = {
    "task_hooks": "kernel/task",
    "sysctl_hooks": "kernel/fs",
    "arch_entry": "arch/um/entry",
    "process_timer_ops": "kernel/time",
    "decompress_ops": "drivers",
}

# Arrows that run up nevertheless: (a room or file; what it knows, a room, file or header; reason).
EXCEPTIONS = [
    ("kernel/lib", "arch/um/machine", "spin locks wait in the host, printk tells the time, panic ends the program"),
    ("kernel/mm/frame/slab.c", "kernel/mm", "kmalloc() takes its pages from the page allocator"),
    ("arch/um/machine", "kernel/sched", "vCPUs run tasks, and locks of page tables sleep"),
    ("arch/um/machine", "kernel/mm", "page tables need pages, copies to guest memory meet faults"),
]

# Generated headers. That of the system calls declares handlers, which live with their objects.
HANDLERS = ["gen/syscalls.h"]
GENERATED = HANDLERS + ["gen/build_id.h", "gen/host_calls.h"]
# Functions that the compiler calls by itself.
COMPILER = {"__popcountdi2"}


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def room_of(path):
    """Returns the room of a file, or None for files that are in no room (tools, tests)."""
    best = None
    for room in ROOMS:
        for pattern in room.files:
            if fnmatch.fnmatchcase(path, pattern) and (best is None or len(pattern) > best[0]):
                best = (len(pattern), room)
    return best and best[1]


def below(room, other):
    """True if @room may know @other by the rows."""
    return room is other or (room.row is not None and other.row is not None and other.row > room.row)


def exception(path, other_path):
    """Returns the entry of EXCEPTIONS that lets the file @path know the file @other_path, or
    None."""
    ends = [(p, room_of(p).name) for p in (path, other_path)]
    for entry in EXCEPTIONS:
        if all(fnmatch.fnmatchcase(p, e) or name == e for (p, name), e in zip(ends, entry)):
            return entry
    return None


def drawing():
    """Yields the lines of the drawing: the rows, the highest first, the arrows of EXCEPTIONS, and
    the tables."""
    width = max(len(room.name) for row in ROWS for room in row)
    for number, row in enumerate(ROWS):
        for room in row:
            yield "    %2d  %-*s  %s" % (len(ROWS) - number, width, room.name, room.what)
    yield ""
    for user, owner, why in EXCEPTIONS:
        yield "    up  %-*s  -> %s: %s" % (width, user, owner, why)
    yield ""
    for name, owner in sorted(TABLES.items()):
        yield "    table  %s: filled by %s" % (name, owner)
