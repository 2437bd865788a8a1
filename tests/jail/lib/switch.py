# SPDX-License-Identifier: MIT
"""
switch.py WORK NESTCTL INHERITED: makes the attempts of attempts.py, and some more, from the place of a
`nestctl switch` that a guest has taken over. A tracer makes the calls. Each has to end the switch
before it is made, with a line that names the call, and to succeed in an ordinary program, where no
wall is. Then some are made where the host refuses the filter (lib/inherited.c), so that Landlock
is the only wall: between a user's switch, and files and a process of this user.
"""
import ctypes
import os
import resource
import select
import signal
import socket
import subprocess
import sys

from attack import attempt, came_of_it, make_files, numbers, state
from attempts import ATTEMPTS, Attempt, one
from instance import FAILED, WAIT, Program, Setting, Terminal, check, why
from traced import CONT, GETREGS, NAMES, Ended, Traced

# Attempts that even an ordinary program may not make, or that end it: they prove nothing.
REFUSED_MOST = 16
# Calls that the switch may make, with other arguments; and its own sockets.
MORE = [
    one("pages of a file", "mmap", 0, 4096, 1, 1, "DISK", 0),
    one("memory of others' files, private", "mmap", 0, 4096, 3, 2, "DISK", 0),
    one("memory that breaks", "madvise", "PAGE", 4096, 21),
    Attempt("options of a socket", [("socketpair", 1, 5, 0, "BUFFER"),
        ("setsockopt", 3, 1, 16, "FIRST", 4)]),
    one("a copy of a descriptor", "dup", 2),
    one("a descriptor in place of another", "dup2", 2, 40),
    one("flags of a descriptor", "fcntl", 2, 3, 0),
    one("a place in a file", "lseek", "DISK", 0, 0),
    one("the size of a file", "fstat", "DISK", "BUFFER"),
    one("a handler of signals", "rt_sigaction", 10, 0, "BUFFER", 8),
    one("signals held back", "rt_sigprocmask", 0, 0, "BUFFER", 8),
    one("its own number", "getpid"),
    one("a signal to itself", "kill", 0, 0),
    one("memory that changes its place", "mremap", "PAGE", 4096, 4096, 0, 0),
]


def frames(nestctl):
    """The address of a large array of the switch. gdb knows in which file it is."""
    out = subprocess.run(["gdb", "-q", "-batch", "-nx", "-ex",
        "printf \"%lu\\n\", (unsigned long)&'tools/nestctl/switch/switch.c'::data", nestctl],
        capture_output=True, text=True, check=True).stdout
    return int(out.split()[-1])


def child_of(pid):
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True,
        check=False).stdout
    return int(out)


class Caught(Traced):
    """The process of a switch. Where its filter sends SIGSYS, the step ends in the handler."""

    def call(self, number, *args):
        got = super().call(number, *args)
        regs = (ctypes.c_ulonglong * 27)()
        self.ptrace(GETREGS, regs)
        while regs[NAMES.index("rip")] != self.syscall + 2:
            self.ptrace(CONT)
            self.wait()
        return got


class Switch:
    """A switch with a client. It has the methods of instance.Instance that attempt() uses."""

    def __init__(self, setting, buffer, *before, **as_user):
        self.buffer, self.terminal = buffer, Terminal()
        self.path, self.text = f"{setting.work}/lan", ""
        self.run = subprocess.Popen([*before, setting.kernel, "switch", "--dhcp", "10.1.0.0/24",
            "--pcap", f"{setting.work}/frames", self.path], stderr=subprocess.PIPE,
            start_new_session=True, **as_user)
        self.hear("listens")
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.connect(self.path)
        self.hear("port 0 open")
        self.pid = child_of(self.run.pid) if before else self.run.pid

    def enter(self):
        return Caught(self.pid, None, self.buffer)

    def said(self):
        """All that the switch has said up to now."""
        os.set_blocking(self.run.stderr.fileno(), False)
        try:
            while self.read():
                pass
        except BlockingIOError:
            pass
        return self.text

    def read(self):
        got = os.read(self.run.stderr.fileno(), 4096).decode(errors="replace")
        self.text += got
        return got

    def hear(self, words):
        """Waits until the switch has said the words."""
        while words not in self.text:
            if not select.select([self.run.stderr], [], [], WAIT)[0] or not self.read():
                raise SystemExit(f"NOT OK  a switch says that {words}: {self.text}")

    def disk(self):
        """The number of the capture's descriptor."""
        for number in os.listdir(f"/proc/{self.pid}/fd"):
            if os.readlink(f"/proc/{self.pid}/fd/{number}").endswith("/frames"):
                return int(number)
        return -1

    def broker(self):
        """The number of the sweeper."""
        return child_of(self.pid)

    def folder(self):
        return os.path.dirname(self.path)

    def end(self):
        self.client.close()
        if self.pid != self.run.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.run.kill()
        self.run.wait()
        self.run.stderr.close()
        self.terminal.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


def name_of(tried, blocked):
    call = tried.calls[blocked][0]
    return f"{call:#x}" if isinstance(call, int) else call


def try_one(setting, buffer, numbers_of, tried):
    """Makes one attempt. Returns text if even an ordinary program may not make it."""
    victim = subprocess.Popen(["sleep", "1000"])
    make_files(setting)
    before = state(setting)
    switch = Switch(setting, buffer)
    got, said = attempt(switch, setting, numbers_of, tried, victim)
    line = f"nestctl: jail: the switch made the call {name_of(tried, 0)}, which"
    check(f"{tried.name} ends the switch", got == "killed" and state(setting) == before and victim.poll() is None,
        f"{why(got)} {state(setting)} {said[-200:]}")
    check(f"{tried.name}: a line names the call", said.count(line) == 1, said[-200:])
    make_files(setting)
    got, said = attempt(Program(setting), setting, numbers_of, tried, victim)
    came = came_of_it(got) or state(setting) != before
    victim.kill()
    victim.wait()
    return None if came else f"{tried.name}: {why(got)}"


def frames_still_go(setting, buffer):
    """A tracer that makes no call changes nothing: what ends a switch is the call."""
    switch = Switch(setting, buffer)
    traced = switch.enter()
    got = traced.call(numbers()["poll"], 0, 0, 0)
    traced.end()
    second = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    second.connect(switch.path)
    second.settimeout(WAIT)
    second.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(46))
    switch.client.settimeout(WAIT)
    check("a call of the table is made, and frames go on", got == 0
        and len(switch.client.recv(2000)) == 60)
    second.close()
    switch.end()


def end_by_itself(setting, buffer):
    """A switch that its own call ends removes its socket, and its sweeper ends."""
    switch = Switch(setting, buffer)
    sweeper = os.pidfd_open(switch.broker())
    traced = switch.enter()
    try:
        traced.call(numbers()["getpid"])
    except Ended:
        pass
    check("its sweeper ends", select.select([sweeper], [], [], WAIT)[0])
    os.close(sweeper)
    check("its socket is removed", not os.path.exists(switch.path))
    switch.end()


def try_without_filter(setting, buffer, inherited):
    version = ctypes.CDLL(None).syscall(444, None, 0, 1)
    if version < 1:
        print("skip    Landlock: not on this host")
        return
    user = {} if os.geteuid() else {"user": 4321, "group": 4321, "extra_groups": []}
    own = Setting("traced", f"{setting.work}/user", setting.kernel, setting.busybox)
    os.mkdir(own.work)
    victim = subprocess.Popen(["sleep", "1000"], **user)
    numbers_of = numbers()
    names = ["open to read", "open to write", "make a file", "unlink", "rename", "mkdir",
        "truncate"] + (["kill", "a queued signal"] if version >= 6 else [])
    for tried in ATTEMPTS:
        if tried.name not in names:
            continue
        make_files(own)
        if user:
            os.chown(own.work, 4321, 4321)
            os.chown(f"{own.work}/secret", 4321, 4321)
        before = state(own)
        got, said = attempt(Switch(own, buffer, inherited, "prctl", **user), own, numbers_of,
            tried, victim)
        check(f"{tried.name}: Landlock refuses it", why(got) in ("EACCES", "EPERM", "EXDEV")
            and state(own) == before and victim.poll() is None, f"{why(got)} {said[-200:]}")
    victim.kill()
    victim.wait()


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    setting = Setting("traced", sys.argv[1], sys.argv[2], "/bin/true")
    numbers_of = numbers()
    buffer = frames(sys.argv[2])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    frames_still_go(setting, buffer)
    end_by_itself(setting, buffer)
    refused = []
    for tried in ATTEMPTS + MORE:
        known = all(isinstance(c[0], int) or c[0] in numbers_of for c in tried.calls)
        if known and tried.only in (None, "traced"):
            refused += [try_one(setting, buffer, numbers_of, tried)]
    refused = [text for text in refused if text]
    for text in refused:
        print(f"# {text}: the host refuses it to any program, so this proves nothing")
    check("few attempts prove nothing", len(refused) <= REFUSED_MOST, f"{len(refused)} {refused}")
    try_without_filter(setting, buffer, sys.argv[3])
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
