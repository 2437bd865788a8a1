# SPDX-License-Identifier: MIT
"""A guest program under gdb: a core of it, made from the kernel's structures, and its mapped files, from the page cache.

`task N core FILE` writes an ELF core of the task's process (its registers, its memory) and, into FILE.root/, the programs and
libraries that it maps, so that another gdb sees the program with its symbols: `gdb -ex 'set sysroot FILE.root' FILE.root/PATH FILE`.
`task N ubt` does that in a temporary folder and prints the back-trace of the program. Nothing of the guest runs meanwhile, and no
byte of its disk is read: a page of a file that is not in the page cache is zeros in the copy, which is reported.
"""
import os
import shutil
import struct
import subprocess
import tempfile

import gdb

from .base import PAGE, addr, symbol, text
from .tasks import action, vcpu_threads
from .vfs import path_text
from .vmas import area_name, areas, cached_page, page_at, rights

FILE_MOST = 1 << 28  # bytes of a file that are copied at most
REGS = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base".split()


def user_regs(t):
    """Returns struct user_regs_struct: the registers with which the task entered the kernel."""
    regs = t["arch"]["regs"]
    return struct.pack("<27Q", *([int(regs[name]) & (2**64 - 1) for name in REGS] + [0] * 4))


def threads_of(t):
    from .base import list_entries

    others = [o for o in list_entries(t["signal"]["threads"], "struct task", "thread_node") if addr(o) != addr(t)]
    return [t] + others


def note(kind, payload):
    return struct.pack("<III8s", 5, len(payload), kind, b"CORE") + payload + bytes(-len(payload) % 4)


def notes(t):
    out = b""
    for o in threads_of(t):
        head = struct.pack("<3iH2xQQ4i64x", 0, 0, 0, 0, 0, 0, int(o["pid"]), 0, 0, 0)
        out += note(1, head + user_regs(o) + bytes(8))
    mm = t["mm"]
    auxv = b"".join(struct.pack("<Q", int(mm["auxv"][i])) for i in range(min(int(mm["nr_auxv"]), 48)))
    return out + note(6, auxv + bytes(16))


def write_core(t, path):
    """Writes an ELF core of the task's process: registers and readable areas. Pages of zeros, and
    pages that are not in memory, become holes of the file."""
    mm = t["mm"]
    list_of = [v for v in areas(mm) if rights(v)[0] == "r"]
    head = notes(t)
    at = (64 + 56 * (len(list_of) + 1) + len(head) + PAGE - 1) & ~(PAGE - 1)
    with open(path, "wb") as core:
        core.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 64, 0, 0, 64, 56, len(list_of) + 1, 0, 0, 0))
        core.write(struct.pack("<IIQQQQQQ", 4, 0, 64 + 56 * (len(list_of) + 1), 0, 0, len(head), 0, 4))
        places = []
        for v in list_of:
            start, size, r = int(v["vm_start"]), int(v["vm_end"]) - int(v["vm_start"]), rights(v)
            flags = 4 | (2 if r[1] == "w" else 0) | (1 if r[2] == "x" else 0)
            core.write(struct.pack("<IIQQQQQQ", 1, flags, at, start, 0, size, size, PAGE))
            places.append((v, start, size, at))
            at += size
        core.write(head)
        for v, start, size, place in places:
            for off in range(0, size, PAGE):
                page = page_at(mm, v, start + off)
                if page and page.count(0) != PAGE:
                    core.seek(place + off)
                    core.write(page)
        core.truncate(at)


def copy_file(f, path):
    """Writes the pages of a file that the page cache has, below FILE_MOST. Returns how many are
    missing."""
    size = min(int(f["f_inode"]["i_size"]), FILE_MOST)
    mapping, missing = f["f_mapping"], 0
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        for index in range((size + PAGE - 1) // PAGE):
            page = cached_page(mapping, index)
            if page is None:
                missing += 1
                continue
            out.seek(index * PAGE)
            out.write(page)
        out.truncate(size)
    return missing


def host_path(root, guest):
    """Returns the path below root, whatever name the guest has given its file."""
    return os.path.join(root, *[p for p in guest.split("/") if p not in ("", ".", "..")])


def copy_files(t, root):
    done = set()
    for v in areas(t["mm"]):
        f = v["vm_file"]
        if not int(f) or not int(f["f_path"]["mnt"]) or "x" not in rights(v) and not is_exe(t, f):
            continue
        name = path_text(f["f_path"]["mnt"], f["f_path"]["dentry"])
        if name in done:
            continue
        done.add(name)
        missing = copy_file(f, host_path(root, name))
        if missing:
            print("  %s: %d pages are not in memory (in the guest: cat it to /dev/null)" % (name, missing))


def is_exe(t, f):
    exe = t["mm"]["exe_file"]
    return int(exe) and int(exe["f_inode"]) == int(f["f_inode"])


def exe_path(t, root):
    exe = t["mm"]["exe_file"]
    return host_path(root, path_text(exe["f_path"]["mnt"], exe["f_path"]["dentry"])) if int(exe) else ""


def check(t):
    if not int(t["mm"]):
        raise gdb.GdbError("a kernel thread has no program")
    if t["on_cpu"] and int(symbol("irq_page")["cpu"][int(t["cpu"])]["state"]) == int(gdb.parse_and_eval("OS_CPU_GUEST")):
        print("  it runs in guest code: what follows is how it last left the kernel")


@action("core")
def core(t, rest):
    if not rest:
        raise gdb.GdbError("task N core FILE")
    check(t)
    root = rest + ".root"
    write_core(t, rest)
    copy_files(t, root)
    print("gdb -ex 'set sysroot %s' %s %s" % (root, exe_path(t, root), rest))


def other_gdb(t, command):
    """Returns the lines that a gdb with the program and a core of it prints for a command."""
    folder = tempfile.mkdtemp(prefix="nestling-gdb-")
    try:
        file, root = os.path.join(folder, "core"), os.path.join(folder, "root")
        write_core(t, file)
        copy_files(t, root)
        done = subprocess.run(
            ["gdb", "-nx", "-batch", "-q", "-iex", "set debuginfod enabled off", "-iex", "set auto-load off", "-iex", "set sysroot " + root,
             "-ex", "set width 0", "-ex", "file " + exe_path(t, root), "-ex", "core " + file, "-ex", command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120, check=False)
        return done.stdout.decode(errors="replace").splitlines()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@action("ubt")
def user_back_trace(t, rest):
    check(t)
    lines = other_gdb(t, "bt " + rest)
    frames = [line for line in lines if line.startswith("#")]
    # gdb prints the newest frame when it opens the core, and again at the head of the back-trace
    print("\n".join("  " + line for line in frames[1:] if line) or "  gdb could not make a back-trace: " + " / ".join(lines[-2:]))


@action("regs")
def show_regs(t, rest):
    check(t)
    regs = t["arch"]["regs"]
    for i in range(0, len(REGS), 3):
        print("  " + "  ".join("%-8s %016x" % (name, int(regs[name]) & (2**64 - 1)) for name in REGS[i:i + 3]))
