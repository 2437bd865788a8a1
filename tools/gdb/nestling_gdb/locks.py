# SPDX-License-Identifier: MIT
"""Locks that tasks hold and wait for.

A debug build knows the locks that each task holds (lockdep). In any build, a task that waits for a
mutex or an rwsem has a record on its own stack in the lock's queue, which leads to the lock; a
mutex names its owner. So in a release build a lock without waiters is not found.
"""
import gdb

from .base import KSTACK_BASE, KSTACK_WINDOW, addr, at, list_nodes, offset, report, text
from .tasks import action, all_tasks, looking_at, row

KINDS = {"lock_slow": "mutex", "wait_for": "rwsem"}  # functions that queue a record "w" and sleep


def where(address):
    name = gdb.execute("info symbol %d" % address, to_string=True)
    return "" if name.startswith("No symbol") else " <%s>" % name.split(" in section")[0]


def waits_for(t):
    """Returns (kind, address of the lock) from the frames of a sleeping task, or None if it waits for no lock."""
    if t["on_cpu"] or not int(t["arch"]["ksp"]):
        return None
    with looking_at(t):
        frame = gdb.newest_frame().older()
        for _ in range(8):
            if frame is None:
                return None
            kind = KINDS.get(frame.name())
            if kind:
                try:
                    record = frame.read_var("w")
                    if record.type.strip_typedefs().tag == kind + "_waiter":
                        return kind, lock_of(int(record.address), kind)
                except (ValueError, gdb.error):
                    return None
            frame = frame.older()
    return None


def lock_of(waiter, kind):
    """Follows a waiter's list to the lock: the only node that is on no stack is the list's head."""
    node = at("struct list_head", waiter)
    head_at = offset("struct " + kind, "waiters")
    for n in list_nodes(node):
        if not on_stack(addr(n)):
            return addr(n) - head_at
    return 0


def on_stack(address):
    return KSTACK_BASE <= address < KSTACK_BASE + KSTACK_WINDOW


def held(t):
    """Returns (address, place of acquisition) of the held locks, or None in a release build."""
    try:
        h = t["held"]
    except gdb.error:
        return None
    return [(int(h["held"][i]["lock"]), int(h["held"][i]["ip"])) for i in range(min(int(h["nr"]), 48))]


def show(t, owners):
    own = held(t)
    for lock, ip in own or []:
        print("        holds %#x%s, taken at%s" % (lock, where(lock), where(ip)))
    if own is None:
        for lock in sorted(l for l, o in owners.items() if o == int(t.address)):
            print("        holds mutex %#x%s" % (lock, where(lock)))
    waits = waits_for(t)
    if waits:
        kind, lock = waits
        print("        waits for %s %#x%s%s" % (kind, lock, where(lock), owner_text(kind, lock)))


def owner_text(kind, lock):
    if kind == "mutex" and lock:
        o = at("struct mutex", lock)["owner"]
        return ", which %s[%d] has" % (text(o["comm"]), int(o["pid"])) if int(o) else ", which is free"
    if lock:
        count = int(at("struct rwsem", lock)["count"])
        return ", which a writer has" if count < 0 else ", which %d readers have" % count
    return ""


def contended():
    """Returns a map from each mutex that a task waits for to its owner, both addresses."""
    owners = {}
    for t in list(all_tasks()):
        waits = waits_for(t)
        if waits and waits[0] == "mutex" and waits[1]:
            owners[waits[1]] = int(at("struct mutex", waits[1])["owner"])
    return owners


@action("locks")
def locks(t, rest):
    show(t, contended() if held(t) is None else {})


class Locks(gdb.Command):
    """Locks that tasks wait for and, in a debug build, all locks that they hold."""

    def __init__(self):
        super().__init__("nest locks", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        owners = contended()
        for t in list(all_tasks()):
            if held(t) or waits_for(t) or int(t.address) in owners.values():
                print(row(t))
                show(t, owners)


Locks()
