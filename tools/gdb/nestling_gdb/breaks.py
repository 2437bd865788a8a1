# SPDX-License-Identifier: MIT
"""Breakpoints in guest programs.

This gdb has the kernel's process alone, and the program is in another. So it writes down in the kernel's table (kernel/mm/debug/userbreak.c)
what is wanted; the kernel puts the breakpoint into the program's memory when a task of its next goes there, calls user_break_hit() when it is
reached, where gdb stops, and steps over it.
"""
import gdb

from .base import addr, report, symbol
from .guest import other_gdb
from .tasks import current, parse


def table():
    """(number, entry) of all that are wanted, or still there."""
    breaks = symbol("user_breaks")
    first, last = breaks.type.range()
    for i in range(first, last + 1):
        yield i + 1, breaks[i]


def write(entry, member, value):
    field = entry[member]
    gdb.selected_inferior().write_memory(int(field.address), int(value).to_bytes(field.type.sizeof, "little"))


def place(t, words):
    """An address, or what the program's own symbols say: a function, FILE:LINE, *ADDRESS."""
    if words[:2] in ("0x", "0X") or words.isdigit():
        return int(words, 0)
    spec = words.replace("\\", "").replace('"', "")
    lines = other_gdb(t, 'python print("place", gdb.decode_line("%s")[1][0].pc)' % spec)
    found = [line.split()[1] for line in lines if line.startswith("place ")]
    if not found:
        raise gdb.GdbError("%s: not found in the program: %s" % (words, lines[-1] if lines else ""))
    return int(found[0])


class Hit(gdb.Breakpoint):
    """Stops where the kernel says that one was reached."""

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
nest ubreak TASK WHERE       one in that task's program; WHERE is an address, a function, FILE:LINE or *ADDRESS of the program
nest ubreak delete [N]       takes one away, or all; the program's memory is as it was when the program goes on
All threads of the program stop there, and what has the same memory (vfork); a child that is forked has none. Where one stops, the kernel stands
still for all: `task N ubt`, `task N regs`, `nest x`, `nest ustep`, `continue`."""

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
