# SPDX-License-Identifier: MIT
"""
attack.py WORK KERNEL BUSYBOX [FIRST STEP]: starts instances, has their kernel processes make calls
of the host (traced.py), and compares what has come of it. With FIRST and STEP only each STEPth call
is tried.
"""
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import folders
from traced import Ended, Stuck, Traced

WORK, KERNEL, BUSYBOX = sys.argv[1:4]
FIRST, STEP = map(int, sys.argv[4:6] or (0, 1))
AT_FDCWD = -100
CWD = str(AT_FDCWD)
WRITE, OPENAT = 1, 257
F_DUPFD_CLOEXEC = 1030
RDWR_CREATE = os.O_RDWR | os.O_CREAT

# Texts that the calls name, at offsets of a buffer in the kernel process.
TEXTS = {
    "SECRET": WORK + "/secret",
    "NEW": WORK + "/new",
    "OTHER": WORK + "/other",
    "TRUE": "/bin/true",
    "MEM": "/proc/self/mem",
    "ROOT": "/",
    "PROC": "proc",
    "NAME": "x",
}
ROOM = 256

# name, number, arguments. "refused": the call returns an error or ends the process.
CALLS = [
    ("open to read", "openat", CWD, "SECRET", "0", "0"),
    ("open to write", "openat", CWD, "SECRET", "2", "0"),
    ("make a file", "openat", CWD, "NEW", str(RDWR_CREATE), "0o600"),
    ("open its own memory", "openat", CWD, "MEM", "2", "0"),
    ("open a folder", "open", "ROOT", str(os.O_PATH), "0", "0"),
    ("a way around by ..", "openat", CWD, "AROUND", "0", "0"),
    ("openat2", "openat2", CWD, "SECRET", "ZERO", "24"),
    ("stat", "newfstatat", CWD, "SECRET", "BUFFER", "0"),
    ("statx", "statx", CWD, "SECRET", "0", "0x7ff", "BUFFER"),
    ("access", "access", "SECRET", "4"),
    ("unlink", "unlink", "SECRET"),
    ("rename", "rename", "SECRET", "OTHER"),
    ("link", "linkat", CWD, "SECRET", CWD, "OTHER", "0"),
    ("symlink", "symlink", "SECRET", "OTHER"),
    ("mkdir", "mkdir", "OTHER", "0o700"),
    ("chmod", "chmod", "SECRET", "0o777"),
    ("truncate", "truncate", "SECRET", "0"),
    ("chdir", "chdir", "ROOT"),
    ("inotify", "inotify_init1", "0"),
    ("execve", "execve", "TRUE", "0", "0"),
    ("fork", "fork"),
    ("clone", "clone", "17", "0", "0", "0", "0"),
    ("a user namespace", "unshare", "0x10000000"),
    ("a socket", "socket", "2", "1", "0"),
    ("a unix socket", "socket", "1", "2", "0"),
    ("a pair of sockets", "socketpair", "1", "2", "0", "BUFFER"),
    ("a pipe", "pipe2", "BUFFER", "0"),
    ("memory to execute", "mmap", "0", "4096", "5", "0x22", "-1", "0"),
    ("memory made executable", "mprotect", "PAGE", "4096", "5"),
    ("ptrace", "ptrace", "16", "VICTIM", "0", "0"),
    ("memory of others", "process_vm_readv", "VICTIM", "BUFFER", "0", "BUFFER", "0", "0"),
    ("kill", "kill", "VICTIM", "15"),
    ("kill -9", "kill", "VICTIM", "9"),
    ("a kick of others", "tgkill", "VICTIM", "VICTIM", "10"),
    ("a queued signal", "rt_sigqueueinfo", "VICTIM", "10", "BUFFER"),
    ("limits of others", "prlimit64", "VICTIM", "7", "0", "BUFFER"),
    ("user ids", "setresuid", "-1", "-1", "-1"),
    ("prctl", "prctl", "4", "1", "0", "0", "0"),
    ("a key", "add_key", "USERKEY", "NAME", "NAME", "1", "-2"),
    ("System V memory", "shmget", "0", "4096", "0o600"),
    ("io_uring", "io_uring_setup", "1", "BUFFER"),
    ("a filter of its own", "seccomp", "2", "0", "0"),
    ("personality", "personality", "0xffffffff"),
    ("typing at the terminal", "ioctl", "0", "0x5412", "NAME"),
    ("other sessions", "setsid"),
    ("x32", "0x40000000", "0"),
]

FAILED = 0


def check(name, ok, why=""):
    global FAILED
    if not ok:
        FAILED = 1
    print(("ok      " if ok else "NOT OK  ") + name + (f": {why}" if why and not ok else ""))


def numbers():
    out = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"],
        capture_output=True, text=True, check=True).stdout
    words = (line.split() for line in out.splitlines())
    return {w[1][5:]: w[2] for w in words if len(w) == 3 and w[1].startswith("__NR_")}


class Instance:
    started = 0

    def __init__(self, jail, *words, user=None):
        # The name of one that was killed may not be free at once.
        Instance.started += 1
        self.name = f"attack{Instance.started}"
        self.log = open(f"{WORK}/console", "wb")
        self.run = subprocess.Popen([KERNEL, "umid=" + self.name, "mem=64M", "ncpus=1",
            f"jail={jail}", "ubd0r=" + BUSYBOX, "root=/dev/ubda", "ro",
            "init=/bin/busybox", "con=null", "con0=null,fd:1", "quiet", *words, "--", "sh", "-c", "echo ready; while :; do sleep 1; done"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
            **({"user": user, "group": user, "extra_groups": []} if user else {}))
        end = time.monotonic() + 60
        while b"ready" not in open(f"{WORK}/console", "rb").read():
            if time.monotonic() > end or self.run.poll() is not None:
                raise SystemExit("NOT OK  an instance starts: " + self.said())
            time.sleep(0.01)

    def said(self):
        return open(f"{WORK}/console", "rb").read().decode(errors="replace")

    def end(self):
        # What the attempt has started is in the group, too.
        try:
            os.killpg(self.run.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.run.wait()
        self.log.close()


def attempt(jail, numbers_of, call, victim):
    """Returns what the call returned, "killed", or "stuck", and what the instance said."""
    one = Instance(jail)
    traced = Traced(one.run.pid, KERNEL)
    texts = dict(TEXTS, AROUND=f"/proc/self/../..{WORK}/secret", USERKEY="user", ZERO="")
    at = {name: traced.write(4096 + ROOM * i, text.encode() + b"\0")
        for i, (name, text) in enumerate(texts.items())}
    at["BUFFER"] = traced.buffer + 16384
    at["PAGE"] = traced.buffer + 24576 & ~4095
    at["VICTIM"] = victim.pid
    number = int(numbers_of.get(call[1], call[1]), 0)
    try:
        got = traced.call(number, *[at[a] if a in at else int(a, 0) for a in call[2:]])
    except Ended:
        got = "killed"
    except Stuck:
        got = "stuck"
    said = one.said()
    one.end()
    return got, said


def relay():
    """
    The broker passes on answers of the management console. One that is a command, to the broker's
    own socket, would have it believe that its owner has named a file.
    """
    make_files()
    one = Instance("on")
    path = os.path.join(os.environ["HOME"], ".uml", one.name, "mconsole")
    to = struct.pack("<H", socket.AF_UNIX) + path.encode() + b"\0"
    command = f"config ubd3={WORK}/secret".encode()
    packet = struct.pack("<III", 0xcafebabe, 2, len(command)) + command.ljust(512, b"\0")
    packet = struct.pack("<II128s", len(packet), len(to), to) + packet
    traced = Traced(one.run.pid, KERNEL)
    at = traced.write(0, packet)
    name = traced.write(16384, f"{WORK}/secret".encode() + b"\0")
    sent = traced.call(WRITE, traced.number_at("sock"), at, len(packet))
    # The broker hears the command between two of them, if at all.
    opened = [traced.call(OPENAT, AT_FDCWD, name, os.O_RDONLY, 0) for _ in range(4)]
    one.end()
    check("an answer that is a command is sent to the broker", sent == len(packet), str(sent))
    check("and is no word of the owner's", all(n < 0 for n in opened), str(opened))


class Switch:
    """A switch of vde2, as far as joining it goes, and a socket of somebody else's beside it."""

    def __init__(self):
        self.folder = f"{WORK}/vde"
        os.makedirs(self.folder, exist_ok=True)
        self.members = []
        self.control = self.bound(socket.SOCK_STREAM, f"{self.folder}/ctl")
        self.control.listen()
        self.data = self.bound(socket.SOCK_DGRAM, f"{self.folder}/data")
        self.other = self.bound(socket.SOCK_DGRAM, f"{self.folder}/other")
        self.other.setblocking(False)
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def bound(kind, path):
        if os.path.lexists(path):
            os.unlink(path)
        s = socket.socket(socket.AF_UNIX, kind)
        s.bind(path)
        return s

    def serve(self):
        while True:
            member = self.control.accept()[0]
            member.recv(4096)
            member.send(unix_address(f"{self.folder}/data").ljust(110, b"\0"))
            self.members.append(member)

    def heard(self):
        try:
            return self.other.recv(4096)
        except BlockingIOError:
            return None


def unix_address(path):
    return struct.pack("<H", socket.AF_UNIX) + path.encode() + b"\0"


def datagram_socket(pid):
    """The number of the card's socket in a process, which has an abstract name."""
    with open("/proc/net/unix", encoding="utf-8") as f:
        inodes = {w[6] for w in map(str.split, f) if len(w) > 7 and w[7].startswith("@nestling-")}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            name = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
        if name.startswith("socket:[") and name[8:-1] in inodes:
            return int(number)
    return -1


def datagrams(numbers_of):
    """
    A card of kind vde has a datagram socket. With an address it would reach any socket that the
    user may write to, such as the management console of another instance.
    """
    switch = Switch()
    to = unix_address(f"{switch.folder}/other")
    ways = [
        ("sendto", [("sendto", "CARD", "DATA", 6, 0, "NAME", len(to))]),
        ("sendmsg", [("sendmsg", "CARD", "MESSAGE", 0)]),
        ("sendmmsg", [("sendmmsg", "CARD", "MESSAGE", 1, 0)]),
        ("the zygote's number",
            [("dup3", "CARD", "ZYGOTE", 0), ("sendmmsg", "ZYGOTE", "MESSAGE", 1, 0)]),
        ("the zygote's number, which was closed",
            [("close", "ZYGOTE"), ("fcntl", "CARD", F_DUPFD_CLOEXEC, "ZYGOTE"),
                ("sendmmsg", "ZYGOTE", "MESSAGE", 1, 0)]),
    ]
    for way, calls in ways:
        for jail in "on", "off":
            one = Instance(jail, f"eth0=vde,{switch.folder}")
            card = datagram_socket(one.run.pid)
            traced = Traced(one.run.pid, KERNEL)
            at = {"CARD": card, "ZYGOTE": traced.number_at("zygote_socket")}
            at["DATA"] = traced.write(0, b"hello!")
            at["NAME"] = traced.write(256, to)
            vector = traced.write(1024, struct.pack("<QQ", at["DATA"], 6))
            # struct msghdr: name, its length, a vector of one; the room behind it is sendmmsg's
            header = struct.pack("<8Q", at["NAME"], len(to), vector, 1, 0, 0, 0, 0)
            at["MESSAGE"] = traced.write(512, header)
            results = []
            try:
                for call in calls:
                    args = [at.get(a, a) for a in call[1:]]
                    results.append(traced.call(int(numbers_of[call[0]]), *args))
            except (Ended, Stuck) as e:
                results.append(repr(e))
            said = one.said()
            one.end()
            got = switch.heard()
            why = f"{card} {got} {results} {said[-200:]}"
            if jail == "on":
                check(f"a datagram to another socket, by {way}: is not sent", card >= 0 and got is None, why)
            else:
                check(f"a datagram to another socket, by {way}: without a jail it is", got == b"hello!", why)


def make_files():
    for name in ("new", "other"):
        path = f"{WORK}/{name}"
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
    with open(f"{WORK}/secret", "w") as f:
        f.write("secret")
    os.chmod(f"{WORK}/secret", 0o600)


def state():
    return (open(f"{WORK}/secret").read() if os.path.exists(f"{WORK}/secret") else None,
        os.stat(f"{WORK}/secret").st_mode if os.path.exists(f"{WORK}/secret") else 0,
        os.path.lexists(f"{WORK}/new"), os.path.lexists(f"{WORK}/other"))


def main():
    # A process that is made to fork or to call odd things may end by a fault.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    numbers_of = numbers()
    without = 0
    calls = CALLS[FIRST::STEP]
    for call in calls:
        victim = subprocess.Popen(["sleep", "1000"])
        make_files()
        before = state()
        got, said = attempt("on", numbers_of, call, victim)
        refused = got == "killed" or (got != "stuck" and got < 0)
        check(f"{call[0]} is refused", refused and state() == before and victim.poll() is None,
            f"{got} {state()} {said[-200:]}")
        if got == "killed":
            check(f"{call[0]}: a line names the call", "nestling: jail: the kernel process made the call" in said, said[-200:])
        if victim.poll() is not None:
            victim = subprocess.Popen(["sleep", "1000"])
        make_files()
        got, said = attempt("off", numbers_of, call, victim)
        if got == "killed" or (got != "stuck" and got >= 0) or state() != before:
            without += 1
        else:
            print(f"# {call[0]} fails without a jail, too: {got}")
        victim.kill()
        victim.wait()
    folders.main(WORK, Instance, check)
    relay()
    datagrams(numbers_of)
    # Calls that the host refuses by itself prove nothing; they are few, and more in a container.
    least = len(calls) - 12 if STEP == 1 else 1
    check("the calls succeed without a jail", without >= least, f"{without} of {len(calls)}")
    return FAILED


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.exit(main())
