# SPDX-License-Identifier: MIT
"""console.py: an instance with lines on everything, for the tests here: start it, talk to a line,
see what its shell says."""
import fcntl, os, pty, random, select, signal, socket, struct, subprocess, sys, termios, time

KERNEL, BUSYBOX, NESTCTL = (os.environ[n] for n in ("KERNEL", "BUSYBOX", "NESTCTL"))
WORK = os.environ["WORK"]
os.environ["HOME"] = WORK
os.environ.pop("XDG_RUNTIME_DIR", None)
LONG = 120  # seconds that an answer may take on a machine that is busy, or stands still for a while
bad = 0


def excepthook(kind, value, trace):
    sys.__excepthook__(kind, value, trace)
    say("the test comes to its end", False, str(value))
    try:
        end()
    finally:
        os._exit(1)


sys.excepthook = excepthook
# what init starts on a line: as getty would, again after each hang-up
GETTY = "busybox setsid sh -c 'while :; do busybox setsid -c sh </dev/%s >/dev/%s 2>&1; done' &\n"


def say(name, good, why=""):
    global bad
    print(("ok      " if good else "NOT OK  ") + name + ("" if good else ": %r" % (why,)), flush=True)
    bad |= not good


def end():
    for i in instances:
        if bad and i.p.poll() is not None:
            i.out.wait("\0", 1)
            say("%s ended" % i.name, i.p.returncode == 0, (i.p.returncode, i.out.heard[-1500:]))
        i.kill()
    sys.exit(bad)


class Talk:
    """Two descriptors, or a socket: what was heard since the last look."""

    def __init__(self, fd):
        self.fd, self.heard = fd, b""

    def send(self, data):
        os.write(self.fd, data.encode() if isinstance(data, str) else data)

    def wait(self, want, seconds=LONG):
        """Until all of @want has been heard; what was, or False."""
        want = want.encode() if isinstance(want, str) else want
        stop = time.monotonic() + seconds
        while want not in self.heard:
            if not select.select([self.fd], [], [], max(stop - time.monotonic(), 0))[0]:
                return False
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.heard += data
        got, self.heard = self.heard, self.heard[self.heard.index(want) + len(want):]
        return got

    def insist(self, text, want, seconds=LONG, each=3):
        """Sends @text until @want has been heard: what is typed while a line is being hung up, or
        its terminal set up, may be lost."""
        stop = time.monotonic() + seconds
        while True:
            self.send(text)
            got = self.wait(want, each)
            if got or time.monotonic() > stop:
                return got

    def closed(self, seconds=LONG):
        return self.wait(b"\0never\0", seconds) is False and not select.select([self.fd], [], [], 0)[0] or self.at_end()

    def at_end(self):
        try:
            return os.read(self.fd, 1) == b""
        except OSError:
            return True

    def close(self):
        os.close(self.fd)


instances = []


class Instance:
    def __init__(self, name, *params, wait="# ", image=BUSYBOX, pass_fds=()):
        inn, self_in = os.pipe()
        self_out, out = os.pipe()
        self.name = name
        self.p = subprocess.Popen([KERNEL, "mem=128M", "umid=" + name, "ubd0=%s/%s.cow,%s" % (WORK, name, image), "root=/dev/ubda", "rw",
                                   "init=/bin/sh", "con=null", "con0=fd:0,fd:1", *params], stdin=inn, stdout=out, stderr=subprocess.STDOUT, pass_fds=pass_fds)
        os.close(inn)
        os.close(out)
        self.inn = self_in
        self.out = Talk(self_out)
        instances.append(self)
        if wait and not self.out.wait(wait):
            say("%s starts" % name, False, self.out.heard[-300:])
            end()
        # busybox's shell, interactive and process 1, has been seen to end while orphans did:
        # another in its place is not process 1
        if wait and image == BUSYBOX:
            self.ask("while :; do busybox sh; done", "# ")

    def tell(self, text):
        os.write(self.inn, (text + "\n").encode())

    def ask(self, text, want, seconds=LONG):
        self.tell(text)
        return self.out.wait(want, seconds)

    def mc(self, text, timeout=LONG):
        """uml_mconsole: (status, text)."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("\0console-%d-%d" % (os.getpid(), s.fileno()))
        s.settimeout(timeout)
        data = text.encode()
        s.sendto(struct.pack("<III", 0xcafebabe, 2, len(data)) + data.ljust(512, b"\0"), "%s/.uml/%s/mconsole" % (WORK, self.name))
        out = b""
        while True:
            try:
                r = s.recv(4096)
            except TimeoutError:
                self.out.wait("\0", 1)
                say("%s answers" % text, False, (self.p.poll(), self.out.heard[-1500:]))
                end()
            err, more, n = struct.unpack("<iII", r[:12])
            out += r[12:12 + n].rstrip(b"\0")
            if not more:
                s.close()
                return err, out.decode(errors="replace")

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()


def tcp(port, seconds=LONG):
    stop = time.time() + seconds
    while True:
        try:
            s = socket.create_connection(("127.0.0.1", port))
            return Talk(s.detach())
        except OSError:
            if time.time() > stop:
                raise
            time.sleep(0.1)


def free_port():
    """A free port outside of the range that the host assigns, so that no other program gets it in
    between."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Terminal(Talk):
    """A program on a pseudo terminal of this test's."""

    def __init__(self, argv, rows=24, cols=80):
        self.pid, fd = pty.fork()
        if not self.pid:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
                os.execv(argv[0], argv)
            finally:
                os._exit(127)
        super().__init__(fd)

    def resize(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def status(self):
        """Its exit status, when it has ended and all that it wrote has been heard."""
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self.heard += data
        pid, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)
