# SPDX-License-Identifier: MIT
"""
instance.py: instances that are attacked, and the two ways into their kernel processes: "traced"
has a tracer on the host (traced.py) and needs nothing of the program; "fallen" goes through the
guest (fallen.py) and needs no right on the host, but a build with a planted hole.
"""
import errno
import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import time

from fallen import Fallen, Plain
from traced import PATIENCE, Traced

AGENT = ("mount -t proc proc /proc; mount -t tmpfs none /tmp; cd /tmp; tar -xf /dev/ubdb; "
    "exec ./agent")
MAGIC, VERSION, TEXT_ROOM = 0xcafebabe, 2, 512
WAIT = max(60, PATIENCE)  # seconds
FAILED = []


class Setting:
    """What all instances of a test share."""

    def __init__(self, way, work, kernel, busybox, words=()):
        self.way, self.work, self.kernel, self.busybox = way, work, kernel, busybox
        self.words = words  # parameters of the jailed instances
        self.agent = f"{work}/agent"


def check(name, ok, why=""):
    if not ok:
        FAILED.append(name)
    print(("ok      " if ok else "NOT OK  ") + name + (f": {why}" if why and not ok else ""),
        flush=True)


class Terminal:
    """A terminal that becomes the controlling one of a child process."""

    def __init__(self):
        self.owner, self.line = pty.openpty()

    def control(self):
        fcntl.ioctl(self.line, termios.TIOCSCTTY, 0)

    def close(self):
        os.close(self.owner)
        os.close(self.line)


class Instance:
    started = 0

    def __init__(self, setting, jail, *words, user=None):
        # The name of an instance that was killed may not be free at once.
        Instance.started += 1
        self.name = f"attack{os.getpid()}-{Instance.started}"
        self.setting, self.terminal = setting, Terminal()
        self.file = f"{setting.work}/console"
        self.log = open(self.file, "wb")
        if jail != "off":
            words = (*words, *setting.words)
        self.get_in = None
        fallen = setting.way == "fallen"
        con0, script = "null,fd:1", "echo ready; while :; do sleep 1; done"
        if fallen:
            con0, script = "fd:0,fd:1", AGENT
            words = (f"ubd1r={setting.agent}.tar", *words)
        self.run = subprocess.Popen([setting.kernel, "umid=" + self.name, "mem=64M", "ncpus=1",
            f"jail={jail}", "ubd0r=" + setting.busybox, "root=/dev/ubda", "ro", "init=/bin/busybox",
            "con=null", "con0=" + con0, f"con1=fd:{self.terminal.line}", "quiet", *words, "--",
            "sh", "-c", script],
            stdin=subprocess.PIPE if fallen else subprocess.DEVNULL,
            stdout=subprocess.PIPE if fallen else self.log, stderr=self.log, start_new_session=True,
            pass_fds=(self.terminal.line,), preexec_fn=self.terminal.control,
            **({"user": user, "group": user, "extra_groups": []} if user else {}))
        end = time.monotonic() + WAIT
        while not fallen and b"ready" not in open(self.file, "rb").read():
            if time.monotonic() > end or self.run.poll() is not None:
                raise SystemExit("NOT OK  an instance starts: " + self.said())
            time.sleep(0.01)
        if fallen:
            self.get_in = Fallen(self.run, setting.kernel)

    def enter(self):
        """Returns a Traced or Fallen of the kernel process."""
        return self.get_in or Traced(self.run.pid, self.setting.kernel)

    def said(self):
        return open(self.file, "rb").read().decode(errors="replace")

    def disk(self):
        """The number of the first disk's descriptor, or -1."""
        disk = os.path.realpath(self.setting.busybox)
        for number in os.listdir(f"/proc/{self.run.pid}/fd"):
            try:
                if os.readlink(f"/proc/{self.run.pid}/fd/{number}") == disk:
                    return int(number)
            except OSError:
                pass
        return -1

    def broker(self):
        """The number of the broker process, or 0."""
        out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.run.pid)],
            capture_output=True, text=True, check=False).stdout
        for line in out.splitlines():
            if line.split()[1] == "nestling-broker"[:15]:
                return int(line.split()[0])
        return 0

    def folder(self):
        return f"{os.environ['HOME']}/.uml/{self.name}"

    def command(self, text):
        """Sends a command to the management console, as the owner. Returns the answer."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("")
        s.settimeout(WAIT)
        data = text.encode()
        s.sendto(struct.pack("<III", MAGIC, VERSION, len(data)) + data.ljust(TEXT_ROOM, b"\0"),
            f"{self.folder()}/mconsole")
        answer = s.recv(8192)
        s.close()
        return answer[12:].rstrip(b"\0").decode(errors="replace")

    def end(self):
        # What the attempt has started is in the group, too.
        try:
            os.killpg(self.run.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.run.wait()
        for f in (self.run.stdin, self.run.stdout, self.log):
            if f:
                try:
                    f.close()
                except BrokenPipeError:
                    pass
        self.terminal.close()


class Program:
    """A program of the host in the place of a kernel process."""

    def __init__(self, setting):
        self.setting, self.terminal = setting, Terminal()
        self.number = os.open(setting.busybox, os.O_RDONLY)
        self.get_in = Plain(setting.agent, pass_fds=(self.terminal.line, self.number),
            preexec_fn=self.terminal.control)
        self.run = self.get_in.run

    def enter(self):
        return self.get_in

    def said(self):
        return ""

    def disk(self):
        return self.number

    def broker(self):
        return 0

    def folder(self):
        return self.setting.work

    def end(self):
        self.get_in.end()
        os.close(self.number)
        self.terminal.close()


def why(result):
    """The name of a call's error."""
    if isinstance(result, int) and result < 0:
        return errno.errorcode.get(-result, result)
    return result
