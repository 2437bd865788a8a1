# SPDX-License-Identifier: MIT
"""Nestling's kernel under gdb: tasks, their stacks, files, memory, locks; in a running process and in a core.

setup() is called once for each program that gdb opens. Each module registers its commands when it is
imported; `help nest` and docs/debugging.md list them.
"""
import gdb

# Signals that the kernel uses in normal operation, which gdb passes silently. A fault of the kernel
# itself stops where it is reported.
QUIET = "SIGUSR1 SIGUSR2 SIGSYS SIGCHLD SIGALRM SIGPROF SIGCONT SIGPIPE SIGHUP SIGWINCH SIGSEGV SIGBUS SIGILL SIGFPE"


class Trouble(gdb.Breakpoint):
    """Stops where the kernel reports that it gives up, since its faults are passed to it without a stop."""

    def __init__(self, function, text):
        super().__init__(function, internal=True)
        self.silent = True
        self.text = text

    def stop(self):
        print("nestling: %s" % self.text)
        return True


def setup(objfile):
    from . import breaks, crash, guest, locks, misc, printers, step, tasks, vfs, vmas  # each registers its commands

    gdb.execute("handle %s nostop noprint pass" % QUIET, to_string=True)
    gdb.execute("set environment NESTLING_GDB 1")  # keeps the kernel from naming the helper
    printers.register(objfile)
    tasks.register(objfile)
    for function, text in (("oops_entry", "a fault in the kernel; `bt` here, then docs/debugging.md"), ("panic", "the kernel panics")):
        Trouble(function, text)
