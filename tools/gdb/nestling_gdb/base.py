# SPDX-License-Identifier: MIT
"""What all modules need: types, memory, the kernel's lists and trees.

Memory may be half changed or wrong (a core of a kernel that has crashed). So walks are bounded, and an address that
cannot be read ends a walk with a gdb.MemoryError, which the commands print.
"""
import functools
import struct

import gdb

WALK_MAX = 1 << 20  # nodes of a list or a tree: more is a loop
KERNEL_MAP_BASE = 0x600000000000
KSTACK_BASE = 0x620000000000
KSTACK_WINDOW = 0x001000000000
PAGE = 4096


@functools.lru_cache(maxsize=None)
def ctype(name):
    return gdb.lookup_type(name)


@functools.lru_cache(maxsize=None)
def ptr(name):
    return ctype(name).pointer()


@functools.lru_cache(maxsize=None)
def offset(typename, member):
    """Returns the offset in bytes; member may be a path, "fs.lock"."""
    t, at = ctype(typename), 0
    for part in member.split("."):
        field = next(f for f in t.strip_typedefs().fields() if f.name == part)
        at, t = at + field.bitpos // 8, field.type
    return at


def at(typename, address):
    """Returns the object of that type at an address."""
    return gdb.Value(int(address)).cast(ptr(typename)).dereference()


def container(node, typename, member):
    return at(typename, addr(node) - offset(typename, member))


def addr(value):
    """Returns the number of a pointer, or the address of an object."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        return int(value)
    return int(value.address)


def symbol(name):
    """Returns a variable of the kernel, also a static one."""
    return gdb.parse_and_eval(name)


def static(function, name):
    """Returns a static variable, looked up from a function of its file (names are not unique)."""
    return gdb.parse_and_eval("'%s'::%s" % (function, name))


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return struct.unpack("<Q", read(address, 8))[0]


def text(value, most=256):
    """Returns a char array or pointer as text, whatever its content."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
        raw = read(int(value.address), value.type.sizeof)
    elif not int(value):
        return ""
    else:
        raw = bytearray()
        while len(raw) < most and not raw.endswith(b"\0"):
            raw += read(int(value) + len(raw), 1)
    return bytes(raw).split(b"\0")[0].decode(errors="replace")


def list_nodes(head):
    """Iterates over the nodes of a struct list_head."""
    end, node = addr(head), head["next"]
    for _ in range(WALK_MAX):
        if int(node) == end or not int(node):
            return
        yield node.dereference()
        node = node["next"]


def list_entries(head, typename, member):
    for node in list_nodes(head):
        yield container(node, typename, member)


def hlist_nodes(head):
    node = head["first"]
    for _ in range(WALK_MAX):
        if not int(node):
            return
        yield node.dereference()
        node = node["next"]


def rb_nodes(root):
    """Iterates over the nodes of a tree in order."""
    node, stack = root["node"], []
    for _ in range(WALK_MAX):
        while int(node):
            stack.append(node)
            node = node["left"]
        if not stack:
            return
        node = stack.pop()
        yield node.dereference()
        node = node["right"]


def rb_entries(root, typename, member):
    for node in rb_nodes(root):
        yield container(node, typename, member)


def radix_lookup(tree, index):
    """Returns the pointer at an index of a struct radix, as a number, or 0."""
    node, height = tree["root"], int(tree["height"])
    if not height or (height * 6 < 64 and index >> (height * 6)):
        return 0
    for below in range(height - 1, -1, -1):
        if not int(node):
            return 0
        node = at("struct radix_node", node)["slot"][(index >> (6 * below)) & 63]
    return int(node)


def report(function):
    """Wraps a command: memory that cannot be read is reported in one line, without a Python traceback."""

    @functools.wraps(function)
    def wrapped(*args):
        try:
            return function(*args)
        except gdb.MemoryError as e:
            raise gdb.GdbError("memory of the kernel cannot be read: %s" % e)

    return wrapped
