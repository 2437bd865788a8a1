# SPDX-License-Identifier: MIT
#
# Commands for gdb on a running or dead kernel:
#	gdb -p PID -x tools/gdb/nestling.py
#	nest-ps            tasks with their state
#	nest-bt [PID]      kernel back-trace of a task, or of all
import gdb

STATES = {0: "R", 1: "S", 2: "D", 4: "T", 8: "t", 16: "X", 34: "K"}


def container(ptr, typename, member):
    t = gdb.lookup_type(typename)
    off = next(f.bitpos // 8 for f in t.fields() if f.name == member)
    return (ptr.cast(gdb.lookup_type("char").pointer()) - off).cast(t.pointer()).dereference()


def entries(head, typename, member):
    p = head["next"]
    while p != head.address:
        yield container(p, typename, member)
        p = p["next"]


def tasks():
    for leader in entries(gdb.parse_and_eval("all_processes"), "struct task", "tasks"):
        for t in entries(leader["signal"]["threads"], "struct task", "thread_node"):
            yield t


def word(addr):
    return int(gdb.parse_and_eval("*(unsigned long *)%d" % addr)) & (2**64 - 1)


def symbol(addr):
    line = gdb.execute("info symbol %d" % addr, to_string=True).split(" in section")[0].strip()
    sal = gdb.find_pc_line(addr - 1)
    where = " %s:%d" % (sal.symtab.filename, sal.line) if sal.symtab else ""
    return "%#x %s%s" % (addr, line, where)


def describe(t):
    state = STATES.get(int(t["state"]), "%#x" % int(t["state"]))
    return "%5d %5d %s cpu %d%s work %#x  %s" % (
        int(t["pid"]), int(t["tgid"]), state, int(t["cpu"]), "*" if t["on_cpu"] else " ",
        int(t["work_flags"]), t["comm"].string())


def backtrace(t):
    print(describe(t))
    if t["on_cpu"]:
        print("        runs on a vCPU: see its thread")
        return
    sp = int(t["arch"]["ksp"])  # r15 r14 r13 r12 rbx rbp rip
    rbp, rip = word(sp + 40), word(sp + 48)
    for _ in range(30):
        print("        " + symbol(rip))
        if not rbp:
            break
        try:
            rbp, rip = word(rbp), word(rbp + 8)
        except gdb.MemoryError:
            break


class Ps(gdb.Command):
    """Lists the guest's tasks."""

    def __init__(self):
        super().__init__("nest-ps", gdb.COMMAND_DATA)

    def invoke(self, arg, tty):
        for t in tasks():
            print(describe(t))


class Bt(gdb.Command):
    """Kernel back-trace of a task (its number), or of all tasks."""

    def __init__(self):
        super().__init__("nest-bt", gdb.COMMAND_DATA)

    def invoke(self, arg, tty):
        for t in tasks():
            if not arg or int(t["pid"]) == int(arg):
                backtrace(t)


Ps()
Bt()
