# SPDX-License-Identifier: MIT
"""How gdb prints the kernel's structures. `print/r` shows them raw."""
import stat

import gdb
import gdb.printing

from . import vfs
from .base import addr, hlist_nodes, list_nodes, rb_nodes, text
from .tasks import row


class Nodes:
    """Prints a list or a tree: the number of nodes, and their addresses."""

    def __init__(self, value, kind, walk):
        self.value, self.kind, self.walk = value, kind, walk

    def to_string(self):
        return "%s of %d" % (self.kind, sum(1 for _ in self.walk(self.value)))

    def children(self):
        for i, node in enumerate(self.walk(self.value)):
            yield "[%d]" % i, node.address


class ListHead(Nodes):
    def __init__(self, value):
        super().__init__(value, "list", list_nodes)

    def to_string(self):
        if not int(self.value["next"]):
            return "list that was never made"
        return "empty list" if int(self.value["next"]) == addr(self.value) else super().to_string()

    def children(self):
        return super().children() if int(self.value["next"]) else iter(())


class HlistHead(Nodes):
    def __init__(self, value):
        super().__init__(value, "hlist", hlist_nodes)


class RbRoot(Nodes):
    def __init__(self, value):
        super().__init__(value, "tree", rb_nodes)


class Line:
    """Prints one line about a structure; its members follow, as gdb prints them."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.line(self.value)
        except gdb.MemoryError:
            return "what cannot be read"

    def children(self):
        for f in self.value.type.strip_typedefs().fields():
            if f.name:
                yield f.name, self.value[f.name]


class Inode(Line):
    def line(self, i):
        return "inode %d of %s, %s, links %d, size %d, count %d, %d pages" % (
            int(i["i_ino"]), text(i["i_sb"]["s_id"]) or text(i["i_sb"]["s_type"]["name"]), stat.filemode(int(i["i_mode"])),
            int(i["i_nlink"]), int(i["i_size"]), int(i["i_count"]["v"]), int(i["i_data"]["nrpages"]))


class Dentry(Line):
    def line(self, d):
        return '"%s"%s' % (vfs.dentry_path(d), "" if int(d["d_inode"]) else ", negative")


class File(Line):
    def line(self, f):
        return vfs.file_text(f)


class Socket(Line):
    def line(self, s):
        return vfs.socket_text(s)


class Sock(Line):
    def line(self, s):
        return vfs.sock_text(s)


class Mutex(Line):
    def line(self, m):
        o = m["owner"]
        return "free" if not int(o) else "%s[%d] has it" % (text(o["comm"]), int(o["pid"]))


class Rwsem(Line):
    def line(self, s):
        n = int(s["count"])
        return "free" if not n else "a writer has it" if n < 0 else "%d readers have it" % n


class Qstr(Line):
    def line(self, q):
        return '"%s"' % vfs.read(int(q["name"]), min(int(q["len"]), 255)).decode(errors="replace") if int(q["len"]) else '""'


class Task(Line):
    def line(self, t):
        return row(t).strip()


TYPES = {"list_head": ListHead, "hlist_head": HlistHead, "rb_root": RbRoot, "inode": Inode, "dentry": Dentry, "file": File,
         "socket": Socket, "sock_common": Sock, "mutex": Mutex, "rwsem": Rwsem, "qstr": Qstr, "task": Task}


def register(objfile):
    printers = gdb.printing.RegexpCollectionPrettyPrinter("nestling")
    for name, printer in TYPES.items():
        printers.add_printer(name, "^%s$" % name, printer)
    gdb.printing.register_pretty_printer(objfile, printers, replace=True)
