# SPDX-License-Identifier: MIT
"""Files, paths and mounts of a task."""
import ipaddress
import struct

import gdb

from .base import addr, at, offset, ptr, rb_entries, read, symbol, text
from .tasks import action

NAMES_MOST = 64  # folders of a path
NS_MNT = "NS_MNT"
FAMILIES = {1: "unix", 2: "inet", 10: "inet6", 16: "netlink", 17: "packet"}
TYPES = {1: "stream", 2: "dgram", 3: "raw", 5: "seqpacket"}


def name_of(dentry):
    n = int(dentry["d_name"]["len"])
    return read(int(dentry["d_name"]["name"]), min(n, 255)).decode(errors="replace") if n else ""


def dentry_path(dentry):
    """Returns the path within its file system."""
    names = []
    for _ in range(NAMES_MOST):
        parent = dentry["d_parent"]
        if not int(parent) or int(parent) == addr(dentry):
            break
        names.append(name_of(dentry))
        dentry = parent
    return "/" + "/".join(reversed(names))


def path_text(mount, dentry):
    """Returns the path from the root of its tree of mounts."""
    names, mount = [], mount if int(mount) else None
    for _ in range(NAMES_MOST):
        if mount is not None and int(dentry) == int(mount["mnt_root"]):
            parent = mount["mnt_parent"]
            if not int(parent) or int(parent) == int(mount):
                break
            dentry, mount = mount["mnt_mountpoint"], parent
            continue
        parent = dentry["d_parent"]
        if not int(parent) or int(parent) == int(dentry):
            if not names:
                names.append(name_of(dentry).lstrip("/"))
            break
        names.append(name_of(dentry))
        dentry = parent
    return "/" + "/".join(reversed(names))


def file_text(f):
    """Returns a file's path, or a description."""
    sock = socket_of(f)
    if sock is not None:
        return socket_text(sock)
    dentry = f["f_path"]["dentry"]
    if not int(dentry):
        return "(nothing)"
    kind = text(f["f_path"]["dentry"]["d_sb"]["s_type"]["name"])
    path = path_text(f["f_path"]["mnt"], dentry)
    return path if kind not in ("pipefs", "sockfs", "anon_inodefs") else "%s:[%d]" % (path.lstrip("/") or kind, int(f["f_inode"]["i_ino"]))


def socket_of(f):
    try:
        ops = gdb.parse_and_eval("&socket_fops")
    except gdb.error:
        return None
    return f["private_data"].cast(ptr("struct socket")).dereference() if int(f["f_op"]) == int(ops) else None


def ip_text(a, port):
    raw = struct.pack("<4I", *[int(a["w"][i]) for i in range(4)])
    ip6 = ipaddress.IPv6Address(raw)
    if raw[:10] == bytes(10) and raw[10:12] in (b"\xff\xff", b"\0\0"):
        return "%s:%d" % (ipaddress.IPv4Address(raw[12:]), port)
    return "[%s]:%d" % (ip6, port)


def sock_text(sk):
    """Returns the addresses of a struct sock_common."""
    family, kind = int(sk["family"]), int(sk["type"])
    out = "%s %s" % (FAMILIES.get(family, "family %d" % family), TYPES.get(kind, kind))
    if family in (2, 10):
        i = at("struct inet_sock", addr(sk))
        out += " %s -> %s" % (ip_text(i["laddr"], int(i["lport"])), ip_text(i["raddr"], int(i["rport"])))
        out += " listens" if i["listening"] else ""
    elif family == 1:
        u = at("struct unix_sock", addr(sk))
        out += ", %d bytes queued, peer %#x" % (int(u["queued"]), int(u["peer"]))
    return out


def socket_text(s):
    if not int(s["sk"]):
        return "socket without a family"
    return "socket:[%d] %s%s" % (int(s["sk"]["ino"]), sock_text(s["sk"].dereference()), " listens" if s["listening"] else "")


def files_of(t):
    table = t["files"]
    if not int(table):
        return
    fdt = table["fdt"]
    for word in range(min(int(fdt["max_fds"]), 1 << 20) // 64):
        leaf = fdt["leaf"][word]
        for i in range(64 if int(leaf) else 0):
            if int(leaf[i]):
                yield word * 64 + i, leaf[i].dereference()


@action("files")
def files(t, rest):
    if int(t["fs"]):
        print("  cwd %s" % path_text(t["fs"]["pwd"]["mnt"], t["fs"]["pwd"]["dentry"]))
        print(" root %s" % path_text(t["fs"]["root"]["mnt"], t["fs"]["root"]["dentry"]))
    if int(t["mm"]) and int(t["mm"]["exe_file"]):
        print("  exe %s" % file_text(t["mm"]["exe_file"]))
    for fd, f in files_of(t):
        print("%5d %s  pos %d flags %#o file %#x" % (fd, file_text(f), int(f["f_pos"]), int(f["f_flags"]), addr(f)))


def mount_namespace(t):
    if not int(t["nsproxy"]):
        return symbol("init_mnt_ns")
    ns = t["nsproxy"]["ns"][int(gdb.parse_and_eval(NS_MNT))]
    return at("struct mnt_namespace", int(ns) - offset("struct mnt_namespace", "ns"))


@action("mounts")
def mounts(t, rest):
    for m in rb_entries(mount_namespace(t)["mounts"], "struct mount", "mnt_node"):
        sb = m["mnt_sb"]
        print("%4d %s on %s type %s%s" % (
            int(m["mnt_id"]), text(m["mnt_devname"]) or "none", path_text(m["mnt_parent"], m["mnt_mountpoint"])
            if int(m["mnt_parent"]) and int(m["mnt_parent"]) != addr(m) else "/", text(sb["s_type"]["name"]),
            " ro" if int(m["mnt_flags"]) & 1 else ""))
