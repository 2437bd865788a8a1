# SPDX-License-Identifier: MIT
"""
fallen.py: makes a kernel process make calls of the host, from its guest: root there writes code
into the planted hole of MODE=fallen (tests/jail/hole), by the program agent.c. It has the methods
of traced.Traced, so each attempt can be made in both ways. Plain makes the calls in a program of
the host that is no kernel process.
"""
import os
import select
import struct
import subprocess
import time

from traced import PATIENCE, Ended, Stuck, place

DATA_AT = 131072  # blob.h
ROOM = 256
CALL, COPY, FLIP, REPEAT = range(4)
DOORS = {"syscall": 0, "int80": 1}
# Offsets of the results in struct job.
GOOD, BAD, FOUND, OVER = 104, 112, 120, 128
JOB_AT, JOB_ROOM = 65536, 4096
FLIPS = 20_000_000  # some seconds


class Agent:
    """Talks to agent.c by two descriptors. @ended: true when the process is gone."""

    def __init__(self, to, come, ended):
        self.to, self.come, self.ended = to, come, ended
        self.rest = b""

    def hear(self, patience=PATIENCE):
        """Returns the words of the next answer."""
        end = time.monotonic() + patience
        while True:
            while b"\n" in self.rest:
                text, self.rest = self.rest.split(b"\n", 1)
                if b"@@ " in text:
                    return text[text.index(b"@@ ") + 3:].decode("ascii", errors="replace").split()
            if time.monotonic() > end:
                raise Stuck
            if select.select([self.come], [], [], 0.1)[0]:
                data = os.read(self.come, 65536)
                if not data:
                    raise Ended
                self.rest += data
            elif self.ended():
                raise Ended

    def ask(self, *words, patience=PATIENCE):
        line = " ".join(map(str, words)) + "\n"
        try:
            os.write(self.to, line.encode("ascii"))
        except BrokenPipeError as e:
            raise Ended from e
        got = self.hear(patience)
        if got and got[0] == "error":
            raise OSError(int(got[1]), f"{words[0]}: the hole")
        return got


class Hole:
    """Has the methods of Traced, and makes the calls by an agent."""

    def __init__(self, agent, kernel):
        self.agent, self.kernel = agent, kernel
        self.base = int(agent.ask("base")[0])
        self.buffer = self.base + DATA_AT

    def job(self, entry, kind, door, number, args, *more, word="job", patience=PATIENCE):
        args = [a & (1 << 64) - 1 for a in args]
        args += [0] * (6 - len(args))
        words = entry, kind, DOORS[door], number, *args, *more
        return int(self.agent.ask(word, *words, patience=patience)[0])

    def call(self, number, *args, door="syscall"):
        """Returns what the call returns, or raises Ended or Stuck."""
        return self.job(0, CALL, door, number, args)

    def repeat(self, times, number, args, reads=0, vector=0, secret=0):
        """
        Makes the call many times. Returns how often it succeeded, failed, and gave a descriptor
        from which the u64 @secret was read, by struct iovec @vector, to @reads.
        """
        self.job(0, REPEAT, "syscall", number, args, times, reads, vector, secret,
            patience=20 * PATIENCE)
        return [int(self.agent.ask("result", JOB_AT + at)[0]) for at in (GOOD, BAD, FOUND)]

    def flip(self, to, first, second, n):
        """
        Another vCPU copies @n bytes from the addresses by turns, until repeat() has ended, and for
        some seconds at most. repeat() and flipped() have to follow.
        """
        self.agent.ask("put", JOB_AT, "00" * 136)
        self.job(1, FLIP, "syscall", 0, [to, first, second, n], FLIPS, word="later")

    def flipped(self):
        """Waits for the end of flip(): the next one would make it go on."""
        end = time.monotonic() + 20 * PATIENCE
        while not int(self.agent.ask("result", JOB_AT + JOB_ROOM + OVER)[0]):
            if time.monotonic() > end:
                raise Stuck

    def write(self, at, data):
        """Writes bytes to the buffer, and returns their address."""
        for i in range(0, len(data), 1024):
            self.agent.ask("put", DATA_AT + at + i, data[i:i + 1024].hex())
        return self.buffer + at

    def put(self, n, text):
        return self.write(ROOM * n, text.encode() + b"\0")

    def read(self, at, n):
        """Returns bytes of the buffer."""
        return bytes.fromhex("".join(self.agent.ask("get", DATA_AT + at, n)))

    def place(self, name):
        return place(self.kernel, name)

    def number_at(self, name):
        """The value of a variable of type int."""
        self.job(0, COPY, "syscall", 0, [self.base + DATA_AT - 64, self.place(name), 4])
        return struct.unpack("i", bytes.fromhex(self.agent.ask("get", DATA_AT - 64, 4)[0]))[0]

    def end(self):
        pass


class Fallen(Hole):
    """The kernel process of an instance. Its console is standard input and output of @run."""

    def __init__(self, run, kernel):
        agent = Agent(run.stdin.fileno(), run.stdout.fileno(), lambda: run.poll() is not None)
        agent.hear()
        super().__init__(agent, kernel)


class Plain(Hole):
    """A program of the host with the rights of its caller, or of a user."""

    def __init__(self, program, **as_user):
        self.run = subprocess.Popen([program, "here"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True, **as_user)
        agent = Agent(self.run.stdin.fileno(), self.run.stdout.fileno(), lambda: False)
        agent.hear()
        super().__init__(agent, None)

    def end(self):
        self.run.kill()
        self.run.wait()
        self.run.stdin.close()
        self.run.stdout.close()
