# SPDX-License-Identifier: MIT
"""The kernel's log, the run queues, the vCPUs, lists by hand."""
import struct

import gdb

from .base import addr, list_entries, read, report, rb_entries, static, symbol, text
from .tasks import HEADING, idle_tasks, row, vcpu_threads

RECORD = struct.Struct("<QHB5x")  # struct ring_record of kernel/lib/printk.c
SKIP = 0xFFFF


def records():
    """Iterates over (time in ns, level, text) of the log, oldest first."""
    ring = static("vprintk", "ring")
    data = read(addr(ring), ring.type.sizeof)
    at, left = int(static("vprintk", "tail")), int(static("vprintk", "next_seq")) - int(static("vprintk", "tail_seq"))
    for _ in range(left):
        if at + RECORD.size > len(data) or RECORD.unpack_from(data, at)[1] == SKIP:
            at = 0
        ns, n, level = RECORD.unpack_from(data, at)
        yield ns, level, data[at + RECORD.size:at + RECORD.size + n].decode(errors="replace")
        at += (RECORD.size + n + 7) & ~7


class Dmesg(gdb.Command):
    """The kernel's log; nest dmesg N: the last N lines."""

    def __init__(self):
        super().__init__("nest dmesg", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        lines = ["[%5d.%06d] %s" % (ns // 10**9, ns // 1000 % 10**6, line) for ns, _, line in records()]
        print("\n".join(lines[-int(arg):] if arg else lines))


class RunQueues(gdb.Command):
    """Each vCPU's run queue: the running task, the waiting ones (fair tasks by virtual time), and the vCPU's host thread."""

    def __init__(self):
        super().__init__("nest rq", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        threads = vcpu_threads()
        for cpu in range(int(symbol("nr_cpus"))):
            rq = symbol("runqueues")[cpu]
            thread = threads.get(cpu)
            print("vCPU %d: %d runnable, load %d, %d switches, min_vruntime %.6f, gdb's thread %s" % (
                cpu, int(rq["nr_running"]), int(rq["load"]), int(rq["switches"]), int(rq["min_vruntime"]) / 1e9,
                thread.num if thread else "unknown"))
            print("   runs " + row(rq["curr"].dereference()).strip())
            for prio in range(100, -1, -1):
                for t in list_entries(rq["rt"][prio], "struct task", "rt_node") if int(rq["nr_rt"]) else ():
                    print("   %s %s" % ("dl  " if prio == 100 else "rt%-2d" % prio, row(t).strip()))
            for t in rb_entries(rq["fair"], "struct task", "se.node"):
                print("   fair %+.6f %s" % ((int(t["se"]["vruntime"]) - int(rq["min_vruntime"])) / 1e9, row(t).strip()))


class List(gdb.Command):
    """nest list HEAD TYPE MEMBER [EXPRESSION]: the objects of a list; the expression is printed with $it set to each.
nest list all_processes 'struct task' tasks $it.comm"""

    def __init__(self):
        super().__init__("nest list", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        words = gdb.string_to_argv(arg)
        if len(words) < 3:
            raise gdb.GdbError("nest list HEAD TYPE MEMBER [EXPRESSION]")
        for it in list_entries(gdb.parse_and_eval(words[0]), words[1], words[2]):
            gdb.set_convenience_variable("it", it)
            shown = gdb.parse_and_eval(" ".join(words[3:])).format_string() if len(words) > 3 else ""
            print("(%s *) %#x %s" % (words[1], addr(it), shown))


for each in (Dmesg, RunQueues, List):
    each()
