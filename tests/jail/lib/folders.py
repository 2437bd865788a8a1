# SPDX-License-Identifier: MIT
"""
folders.py: what a fallen kernel process sees of the host from a folder of hostfs. The calls are
made by ptrace(2), in the main thread of a kernel process.
"""
import ctypes
import errno
import os
import re
import struct
import subprocess

ATTACH, DETACH, GETREGS, SETREGS, STEP = 16, 17, 12, 13, 9
WALL = 0x40000000
ROOM = 256
OPENAT, MKDIRAT, STATX = 257, 258, 332
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
# struct user_regs_struct
NAMES = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp".split()


class Traced:
    """The main thread of a process, which makes calls of the host."""

    def __init__(self, pid, kernel):
        self.pid = pid
        self.ptrace(ATTACH)
        os.waitpid(pid, WALL)
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        out = subprocess.run(["nm", kernel], capture_output=True, text=True, check=True).stdout
        self.buffer = int(re.search(r"^(\w+) b grants$", out, re.M)[1], 16)
        self.syscall = self.find_syscall()
        self.regs = (ctypes.c_ulonglong * 27)()
        self.ptrace(GETREGS, self.regs)

    def ptrace(self, request, data=None):
        if LIBC.ptrace(request, self.pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    def find_syscall(self):
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as f:
            for line in f:
                begin, end = (int(a, 16) for a in line.split()[0].split("-"))
                if " r-xp " in line and "[" not in line:
                    at = os.pread(self.memory, min(end - begin, 1 << 22), begin).find(b"\x0f\x05")
                    if at >= 0:
                        return begin + at
        raise RuntimeError("no syscall instruction")

    def call(self, number, *args):
        regs = (ctypes.c_ulonglong * 27)(*self.regs)
        for name, value in zip("rdi rsi rdx r10 r8".split(), args):
            regs[NAMES.index(name)] = value
        regs[NAMES.index("rax")] = number
        regs[NAMES.index("orig_rax")] = (1 << 64) - 1
        regs[NAMES.index("rip")] = self.syscall
        self.ptrace(SETREGS, regs)
        self.ptrace(STEP)
        os.waitpid(self.pid, WALL)
        self.ptrace(GETREGS, regs)
        return struct.unpack("q", struct.pack("Q", regs[NAMES.index("rax")]))[0]

    def put(self, n, text):
        os.pwrite(self.memory, text.encode() + b"\0", self.buffer + ROOM * n)
        return self.buffer + ROOM * n

    def end(self):
        self.ptrace(SETREGS, self.regs)
        self.ptrace(DETACH)
        os.close(self.memory)


def folder_of(pid, *names):
    """The number of a descriptor in a process for a folder that has one of the names."""
    for number in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        if os.readlink(f"/proc/{pid}/fd/{number}") in names:
            return number
    return -1


def attempts(one, kernel, work):
    """Returns what the calls returned, by what they try."""
    pid, share = one.run.pid, f"{work}/share"
    folder = folder_of(pid, "/nestling-hostfs-1", share)
    own = folder_of(pid, "/nestling-hostfs-0", f"/proc/{pid}/fd")
    traced = Traced(pid, kernel)
    names = [(folder, "../secret"), (folder, "inside/../../secret"), (folder, f"{work}/secret"),
        (folder, "relative"), (folder, "absolute"), (own, "../../../etc/passwd")]
    got = {}
    for n, (fd, text) in enumerate(names):
        name = traced.put(n, text)
        where = text.replace(work, "WORK") + (" from /proc" if fd == own else "")
        got[f"open of {where}"] = traced.call(OPENAT, fd, name, os.O_PATH, 0)
        got[f"attributes of {where}"] = traced.call(STATX, fd, name, 0, 0x7ff, traced.buffer + 4096)
    inside = traced.call(OPENAT, folder, traced.put(6, "inside"), os.O_PATH, 0)
    # EEXIST tells that there is such a name.
    made = traced.call(MKDIRAT, folder, traced.put(7, "../secret"), 0o700)
    traced.end()
    return got, inside, made


def attack(work, start, check, user):
    """
    From a folder of hostfs no name leads out: what is outside is not even there. Landlock alone
    lets it be seen: with core=on, the folders stay where they are.
    """
    whose = f"a folder of user {user}" if user else "a folder"
    for wall in True, False:
        one = start("on", f"hostfs={work}/share", *([] if wall else ["core=on"]), user=user)
        try:
            got, inside, made = attempts(one, one.run.args[0], work)
        finally:
            said = one.said()[-200:]
            one.end()
        for what, result in got.items():
            if wall:
                check(f"{whose}: {what}: there is nothing", result == -errno.ENOENT, f"{result} {said}")
            else:
                check(f"{whose}: {what}: without its wall there is", result >= 0, f"{result} {said}")
        check(f"{whose}: what is in it is open", inside >= 0, f"{inside} {said}")
        check(f"{whose}: that a name outside is taken is {'not ' if wall else ''}told",
            (made == -errno.EEXIST) != wall, f"{made} {said}")


def can_make_spaces(**as_user):
    """True if the host lets the user make a mount namespace."""
    flags = "-Urmn" if as_user or os.geteuid() else "-mn"
    return not subprocess.run(["unshare", flags, "true"], capture_output=True, check=False, **as_user).returncode


def main(work, start, check):
    """Attacks as the caller, and as an ordinary user if that is root."""
    home = os.environ["HOME"]
    os.chmod(work, 0o711)
    os.makedirs(f"{work}/share/inside")
    with open(f"{work}/secret", "w", encoding="ascii") as f:
        f.write("secret")
    os.symlink("../secret", f"{work}/share/relative")
    os.symlink(f"{work}/secret", f"{work}/share/absolute")
    for user in [None] if os.geteuid() else [None, 4321]:
        as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
        if not can_make_spaces(**as_user):
            print(f"# the host makes no mount namespace for {user or 'the caller'}")
            continue
        if user:
            os.environ["HOME"] = f"{work}/home"
            os.mkdir(f"{work}/home")
            os.chown(f"{work}/home", user, user)
        attack(work, start, check, user)
    os.environ["HOME"] = home
