# SPDX-License-Identifier: MIT
"""Where a kernel has crashed: the registers of the fault that its handler has kept (arch/um/machine/oops.c), as gdb's own frames."""
import gdb

from .base import report, symbol, text
from .tasks import kstack_task, view

REGS = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip", "rsp")


class Crash(gdb.Command):
    """Why the kernel died: its last message, and for a fault its stack, which `bt` and `up` show from then on."""

    def __init__(self):
        super().__init__("nest crash", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        gdb.execute("nest dmesg 40")
        frames = symbol("fault_frame")
        for cpu in range(int(symbol("nr_cpus"))):
            f = frames[cpu]
            if not int(f["signo"]):
                continue
            t = kstack_task(int(f["rsp"]) & ~7)
            print("vCPU %d: signal %d at %#x, address %#x, task %s" % (
                cpu, int(f["signo"]), int(f["rip"]), int(f["addr"]), "%s[%d]" % (text(t["comm"]), int(t["pid"])) if t is not None else "unknown"))
            view.show({name: int(f[name]) & (2**64 - 1) for name in REGS}, t)
            gdb.execute("bt")
            return
        print("no fault: a panic, on the stack of one of the threads (`thread apply all bt`)")


Crash()
