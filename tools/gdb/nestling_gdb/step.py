# SPDX-License-Identifier: MIT
"""From the kernel into guest code and back, an instruction at a time.

Guest code runs in another process (the runner), of which this gdb knows nothing. `nest ustep` has the task's next stay in guest code
end after one instruction, with the trap flag: the trap comes to the kernel, where it is caught before it becomes a signal of the
guest, or the instruction is a system call or faults, and gdb stops in the kernel where that is served. So a step out of the kernel ends
in guest code, and a step in guest code may end in the kernel.
"""
import gdb

from .base import addr, report
from .tasks import current, kstack_task, registers_quick

TRAP_FLAG = 0x100
SIGTRAP, DEBUG_TRAP = 5, 1


class Stop(gdb.Breakpoint):
    """Stops where the task enters the kernel."""

    def __init__(self, function, task):
        super().__init__(function, internal=True)
        self.silent, self.whose = True, task
        self.reached = False

    def stop(self):
        t = kstack_task(registers_quick()[0])
        if t is None or addr(t) != self.whose:
            return False
        if self.location == "force_sig_fault" and int(gdb.parse_and_eval("$rdi")) != SIGTRAP:
            return False
        self.reached = True
        return True


def set_flag(t, on):
    where = int(t["arch"]["regs"]["eflags"].address)
    flags = int(t["arch"]["regs"]["eflags"])
    gdb.execute("set var *(unsigned long *)%#x = %#x" % (where, flags | TRAP_FLAG if on else flags & ~TRAP_FLAG))


class UserStep(gdb.Command):
    """nest ustep [N]: runs the task of this thread until it has executed an instruction (or N) of guest code, or has
entered the kernel by a system call or a fault. The thread must be in the kernel for a task of the guest, such as at a breakpoint.
Other tasks run meanwhile."""

    def __init__(self):
        super().__init__("nest ustep", gdb.COMMAND_RUNNING)

    @report
    def invoke(self, arg, tty):
        for _ in range(int(arg) if arg else 1):
            if not self.once():
                break

    def once(self):
        """Returns True if the task has executed an instruction of guest code."""
        t = current()
        if t is None or not int(t["mm"]):
            raise gdb.GdbError("the thread does not stand in the kernel for a task of the guest")
        stops = [Stop(name, addr(t)) for name in ("force_sig_fault", "syscall_dispatch", "handle_fault", "do_exit")]
        set_flag(t, True)
        try:
            gdb.execute("continue", to_string=True)
            hit = next((s.location for s in stops if s.reached), None)
        finally:
            for s in stops:
                s.delete()
        set_flag(t, False)
        if hit == "force_sig_fault":
            gdb.execute("set confirm off")
            gdb.execute("return", to_string=True)  # the guest hears nothing of it
        where = int(t["arch"]["regs"]["rip"]) & (2**64 - 1)
        print("%s[%d] %s" % (t["comm"].string(), int(t["pid"]), "in guest code at %#x" % where if hit == "force_sig_fault" else
                             "in the kernel: %s, from %#x" % (hit, where) if hit else "did not come back: another stop was first"))
        return hit == "force_sig_fault"


UserStep()
