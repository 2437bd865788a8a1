# SPDX-License-Identifier: MIT
"""
traced.py: makes the main thread of a kernel process make calls of the host, by ptrace(2). gdb's
`call` does not work on each host: it cannot write the registers of a CPU that is newer than it.
"""
import ctypes
import os
import signal
import struct
import subprocess
import time

ATTACH, DETACH, GETREGS, SETREGS, STEP, CONT = 16, 17, 12, 13, 9, 7
WALL = 0x40000000
# seconds; a test whose host is slow sets it
PATIENCE = int(os.environ.get("PATIENCE", "30"))
ROOM = 256
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.restype = ctypes.c_long
LIBC.ptrace.argtypes = [ctypes.c_long] * 2 + [ctypes.c_void_p] * 2
# struct user_regs_struct
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags "
    "rsp").split()
# what the attempts use of a kernel: a large array that it needs no more, and descriptors
PLACES = {
    "grants": "os-linux/jail/files.c",
    "sock": "drivers/mconsole/mconsole_host.c",
    "zygote_socket": "os-linux/space.c",
    "broker_sock": "os-linux/jail/jail.c",
}
FOUND = {}


class Ended(Exception):
    """The process has ended in a call."""


class Stuck(Exception):
    """A call does not return."""


def place(kernel, name):
    """The address of a variable. gdb knows in which file it is; no process is looked at."""
    if not FOUND:
        words = ["gdb", "-q", "-batch", "-nx"]
        for n, file in PLACES.items():
            words += ["-ex", f"printf \"%lu\\n\", (unsigned long)&'{file}'::{n}"]
        out = subprocess.run(words + [kernel], capture_output=True, text=True, check=True).stdout
        FOUND.update(zip(PLACES, (int(w) for w in out.split() if w.isdigit())))
    return FOUND[name]


class Traced:
    """
    The main thread of a process, which makes calls of the host. @buffer: the address of memory of
    64 KiB that it does not need; None: the process is a kernel's.
    """

    def __init__(self, pid, kernel, buffer=None):
        self.pid = pid
        self.ptrace(ATTACH)
        self.wait()
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self.kernel = kernel
        self.buffer = buffer or place(kernel, "grants")
        self.syscall = self.find_syscall()
        self.regs = (ctypes.c_ulonglong * 27)()
        self.ptrace(GETREGS, self.regs)

    def ptrace(self, request, data=None):
        if LIBC.ptrace(request, self.pid, None, data) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request}")

    def wait(self):
        """Returns the signal with which it has stopped."""
        end = time.monotonic() + PATIENCE
        while True:
            pid, status = os.waitpid(self.pid, WALL | os.WNOHANG)
            if pid and os.WIFSTOPPED(status):
                return os.WSTOPSIG(status)
            if pid:
                raise Ended
            if time.monotonic() > end:
                raise Stuck
            time.sleep(0.001)

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
        """Returns what the call returns, or raises Ended or Stuck."""
        regs = (ctypes.c_ulonglong * 27)(*self.regs)
        for name, value in zip("rdi rsi rdx r10 r8 r9".split(), args):
            regs[NAMES.index(name)] = value & (1 << 64) - 1
        regs[NAMES.index("rax")] = number
        regs[NAMES.index("orig_rax")] = (1 << 64) - 1
        regs[NAMES.index("rip")] = self.syscall
        self.ptrace(SETREGS, regs)
        self.ptrace(STEP)
        while (why := self.wait()) != signal.SIGTRAP:
            # What the filter sends is handled; other signals come before the call, and are dropped.
            if why == signal.SIGSYS:
                self.ptrace(CONT, int(why))
            else:
                self.ptrace(STEP)
        self.ptrace(GETREGS, regs)
        return struct.unpack("q", struct.pack("Q", regs[NAMES.index("rax")]))[0]

    def place(self, name):
        return place(self.kernel, name)

    def number_at(self, name):
        """The value of a variable of type int."""
        return struct.unpack("i", os.pread(self.memory, 4, self.place(name)))[0]

    def write(self, at, data):
        """Writes bytes to the buffer, and returns their address."""
        os.pwrite(self.memory, data, self.buffer + at)
        return self.buffer + at

    def put(self, n, text):
        return self.write(ROOM * n, text.encode() + b"\0")

    def end(self):
        self.ptrace(SETREGS, self.regs)
        self.ptrace(DETACH)
        os.close(self.memory)
