# SPDX-License-Identifier: MIT
"""Breakpoints in guest programs.

This gdb has only the kernel's process, and the program is in another. So it writes its requests into the kernel's table
(kernel/mm/debug/userbreak.c). The kernel puts the breakpoint into the program's memory when a task of the program next
enters guest code. When the breakpoint is reached it calls user_break_hit(), where gdb stops, and then steps over it.
"""
import gdb

from .base import addr, report, symbol
from .guest import other_gdb
from .tasks import current, parse


def table():
    """Iterates over (number, entry) of the table. An entry with mm 0 is free; one that is no longer
    wanted may still be in the program's memory."""
    breaks = symbol("user_breaks")
    first, last = breaks.type.range()
    for i in range(first, last + 1):
        yield i + 1, breaks[i]


def write(entry, member, value):
    field = entry[member]
    gdb.selected_inferior().write_memory(int(field.address), int(value).to_bytes(field.type.sizeof, "little"))


def place(t, words):
    """Returns the address of a number, or by the program's own symbols of a function, FILE:LINE or *ADDRESS."""
    if words[:2] in ("0x", "0X") or words.isdigit():
        return int(words, 0)
    spec = words.replace("\\", "").replace('"', "")
    lines = other_gdb(t, 'python print("place", gdb.decode_line("%s")[1][0].pc)' % spec)
    found = [line.split()[1] for line in lines if line.startswith("place ")]
    if not found:
        raise gdb.GdbError("%s: not found in the program, whose file may be stripped: an address (0x...) needs no symbols" % words)
    return int(found[0])


class Hit(gdb.Breakpoint):
    """Stops where the kernel reports that a breakpoint was reached."""

    def __init__(self):
        super().__init__("user_break_hit", internal=True)
        self.silent = True

    def stop(self):
        number = (int(gdb.parse_and_eval("$rdi")) - addr(symbol("user_breaks"))) // symbol("user_breaks").type.target().sizeof + 1
        t = current()
        print("guest breakpoint %d: %s[%d] at %#x" % (number, t["comm"].string(), int(t["pid"]), int(t["arch"]["regs"]["rip"])))
        return True


class UserBreak(gdb.Command):
    """nest ubreak                  breakpoints in guest programs
nest ubreak TASK WHERE       sets one in that task's program; WHERE is an address, a function, FILE:LINE or *ADDRESS
nest ubreak delete [N]       removes one, or all; the program's memory is restored when the program goes on
All threads of the program stop there, and processes that share its memory (vfork); a forked child has no breakpoints.
When one stops, the whole kernel is stopped: `task N ubt`, `task N regs`, `nest x`, `nest ustep`, `continue`."""

    def __init__(self):
        super().__init__("nest ubreak", gdb.COMMAND_BREAKPOINTS)
        self.hit = None

    @report
    def invoke(self, arg, tty):
        which, _, where = arg.strip().partition(" ")
        if not which:
            self.show()
        elif which == "delete":
            self.delete(int(where) if where.strip() else None)
        else:
            self.set(parse(which), where.strip())

    def show(self):
        for n, b in table():
            if int(b["mm"]) and int(b["wanted"]):
                print("%-3d %#x %s" % (n, int(b["addr"]), "no such memory" if b["failed"] else "is in" if b["in"] or int(b["stepper"]) else
                                       "goes in when the program goes on"))

    def delete(self, number):
        for n, b in table():
            if int(b["mm"]) and number in (None, n):
                write(b, "wanted", 0)

    def set(self, t, where):
        if not int(t["mm"]):
            raise gdb.GdbError("a kernel thread has no program")
        if not where:
            raise gdb.GdbError("nest ubreak TASK WHERE")
        address = place(t, where)
        free = next(((n, b) for n, b in table() if not int(b["mm"])), None)
        if not free:
            raise gdb.GdbError("the table is full")
        n, b = free
        write(b, "addr", address)
        write(b, "wanted", 1)
        write(b, "mm", int(t["mm"]))
        gdb.parse_and_eval("user_breaks_on = 1")
        if not self.hit or not self.hit.is_valid():
            self.hit = Hit()
        print("guest breakpoint %d: %s[%d] at %#x" % (n, t["comm"].string(), int(t["pid"]), address))


UserBreak()
