# SPDX-License-Identifier: MIT
"""
asks.py: attempts of a fallen kernel process on its broker: what it may ask for, how often, and to
whom the broker passes its answers on. They are made from the guest (fallen.py).
"""
import errno
import os
import signal
import socket
import struct
import time

from chains import ASK_OPEN, MSG_DONTWAIT, POLL, RECVMMSG, SENDMMSG, WRITE, message
from fallen import CALL
from instance import MAGIC, TEXT_ROOM, VERSION, WAIT, Instance, check, why
from traced import Stuck

SENDTO, FORK, EXECVE = 44, 57, 59
OPENERS, ANSWER = 4, 8192
CHILDREN_MAX = 128  # os-linux/jail/openers.c
NAMES = "--socket", "../con2", "con2;id", "con2\nmore", "con2 x", "", "c" * 16


class Window:
    """
    A program in the place of a terminal program: it notes its words and its number in files, and
    waits. It has a session of its own, so it is ended by its number, at the end of "with".
    """

    def __enter__(self):
        return self

    def __init__(self, work):
        self.path, self.notes = f"{work}/window", f"{work}/window.words"
        self.numbers = f"{work}/window.numbers"
        with open(self.path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\necho $$ >>{self.numbers}\necho "$*" >>{self.notes}\n'
                "exec sleep 300\n")
        os.chmod(self.path, 0o755)
        with open(self.numbers, "w", encoding="ascii"):
            pass
        self.forget()

    def __exit__(self, *unused):
        with open(self.numbers, encoding="ascii") as f:
            for number in map(int, f):
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def forget(self):
        with open(self.notes, "w", encoding="ascii"):
            pass

    def words(self):
        with open(self.notes, encoding="ascii") as f:
            return f.read()

    def starts(self):
        """True if it starts within the patience of the tests."""
        end = time.monotonic() + WAIT
        while not self.words() and time.monotonic() < end:
            time.sleep(0.01)
        return bool(self.words())


class Asker:
    """Asks the broker of an instance to open things."""

    def __init__(self, one):
        self.enters = one.enter()
        self.sock = self.enters.number_at("broker_sock")
        self.poll = self.enters.write(0, struct.pack("<ihh", self.sock, 1, 0))
        answer = self.enters.buffer + ANSWER
        self.vector = self.enters.write(6144, struct.pack("<QQ", answer, 4096))

    def open(self, opener, text):
        """Returns the error of the answer, or 0. The descriptors of answers stay open."""
        enters, answer = self.enters, self.enters.buffer + ANSWER
        enters.call(SENDMMSG, self.sock, message(enters, [], ASK_OPEN, opener, text), 1, 0)
        if enters.call(POLL, self.poll, 1, 1000 * WAIT) != 1:
            raise Stuck
        header = struct.pack("<8Q", 0, 0, self.vector, 1, answer + 4096, 256, 0, 0)
        enters.call(RECVMMSG, self.sock, enters.write(6400, header), 1, MSG_DONTWAIT, 0)
        return struct.unpack("<i", enters.read(ANSWER, 4))[0]

    def open_any(self, text):
        """Asks each opener. Returns the errors."""
        return [self.open(opener, text) for opener in range(OPENERS)]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return len(f.read().split())


def names_of_windows(setting):
    """A window's program gets the name of a line as a word. It must not get any other word."""
    with Window(setting.work) as window:
        words = "con2=xterm", f"xterm={window.path},-T,-e"
        one = Instance(setting, "on", words[1])
        got = Asker(one).open_any(b"xterm\ncon2")
        one.end()
        check("a window that no line has is refused", set(got) == {-errno.EACCES} and
            not window.words(), f"{got} {window.words()}")
        one = Instance(setting, "on", *words)
        asks = Asker(one)
        for name in NAMES:
            got = asks.open_any(b"xterm\n" + name.encode())
            check(f"a window for a line of the name {name!r} is refused", max(got) < 0, str(got))
        check("none of them has started", not window.words(), window.words())
        got = asks.open_any(b"xterm\ncon2")
        check("a window for the name of a line starts", 0 in got and window.starts() and
            " con2" in window.words(), f"{got} {window.words()}")
        one.end()
        window.forget()
        one = Instance(setting, "off", *words)
        enters = one.enter()
        path, word = enters.put(0, window.path), enters.put(1, "--socket")
        vector = enters.write(1024, struct.pack("<3Q", path, word, 0))
        # The program has the console's descriptors, so nothing ends. It may begin before the
        # agent's answer is written: then there is none.
        try:
            enters.job(1, CALL, "syscall", EXECVE, [path, vector, 0], word="later", patience=WAIT)
        except Stuck:
            pass
        check("without a jail the program starts with any word", window.starts() and
            "--socket" in window.words(), window.words())
        one.end()


def flood_of_windows(setting):
    """Requests to open a window, without an end: each leaves a process of the host."""
    with Window(setting.work) as window:
        one = Instance(setting, "on", "con2=xterm", f"xterm={window.path},-T,-e")
        asks, broker, most = Asker(one), one.broker(), 0
        opener = asks.open_any(b"xterm\ncon2").index(0)
        refused = 0
        for _ in range(CHILDREN_MAX + 40):
            refused += asks.open(opener, b"xterm\ncon2") == -errno.EAGAIN
            most = max(most, children(broker))
        got = f"{most} {refused}"
        check("a flood of windows makes many processes", most > CHILDREN_MAX / 2, got)
        check("but not any number of them", most <= CHILDREN_MAX and refused > 0, got)
        one.end()
    one = Instance(setting, "off")
    good, bad, _ = one.enter().repeat(CHILDREN_MAX + 40, FORK, [])
    check("without a jail the kernel process makes any number", good == CHILDREN_MAX + 40,
        f"{good} {bad}")
    one.end()


def heard(sock):
    """True if something comes to the socket. An answer of the broker is there at once."""
    try:
        return bool(sock.recv(8192))
    except socket.timeout:
        return False


def answers_to_others(setting):
    """
    The broker sends answers of the management console in its own name. Only a program that has
    asked gets one: for any other socket of the user an answer could be a command.
    """
    path = f"{setting.work}/another"
    for jail in "on", "off":
        one = Instance(setting, jail)
        if os.path.lexists(path):
            os.unlink(path)
        other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        other.bind(path)
        to = struct.pack("<H", socket.AF_UNIX) + path.encode() + b"\0"
        enters, data = one.enter(), b"an answer"
        sock = enters.number_at("sock")

        def send(to):
            if jail == "off":
                return enters.call(SENDTO, sock, enters.write(0, data), len(data), 0,
                    enters.write(512, to), len(to))
            packet = struct.pack("<III128s", len(data), len(to), 0, to) + data
            return enters.call(WRITE, sock, enters.write(0, packet), len(packet))

        sent = send(to)
        # Its own question comes to the broker behind the answer, and is answered behind it.
        other.settimeout(WAIT)
        other.sendto(struct.pack("<III", MAGIC, VERSION, 7) + b"version".ljust(TEXT_ROOM, b"\0"),
            f"{one.folder()}/mconsole")
        first = other.recv(8192)
        if jail == "on":
            check("an answer to a program that has not asked is not passed on",
                sent > 0 and first != data, f"{why(sent)} {first[:40]}")
            sent = send(to)
            check("to one that has asked it is", sent > 0 and other.recv(8192) == data, why(sent))
            # Lengths that no name has.
            for length in 0, 2, 129, 1 << 31:
                bad = struct.pack("<III128s", len(data), length, 0, to) + data
                enters.call(WRITE, sock, enters.write(0, bad), len(bad))
            enters.call(WRITE, sock, enters.write(0, to), len(to))
            check("answers that are none do not stop the broker",
                "nestling" in one.command("version"))
            other.settimeout(0.2)
            check("nor are they passed on", not heard(other))
        else:
            check("without a jail the kernel process sends to any program", first == data,
                f"{why(sent)} {first[:40]}")
        other.close()
        one.end()


def main(setting):
    names_of_windows(setting)
    flood_of_windows(setting)
    answers_to_others(setting)
