# SPDX-License-Identifier: MIT
"""
datagrams.py: a fallen kernel process has sockets, and would send to the sockets of other programs:
to the broker's own, and by a card of kind vde, which has a datagram socket, to any.
"""
import os
import socket
import struct
import threading

from attempts import CWD, F_DUPFD_CLOEXEC
from instance import Instance, check
from traced import Ended, Stuck

WRITE, OPENAT = 1, 257


def relay(setting):
    """
    The broker passes on answers of the management console. One that is a command, to the broker's
    own socket, would have it believe that its owner has named a file.
    """
    one = Instance(setting, "on")
    path = os.path.join(one.folder(), "mconsole")
    to = unix_address(path)
    command = f"config ubd3={setting.work}/secret".encode()
    packet = struct.pack("<III", 0xcafebabe, 2, len(command)) + command.ljust(512, b"\0")
    packet = struct.pack("<II128s", len(packet), len(to), to) + packet
    traced = one.enter()
    at = traced.write(0, packet)
    name = traced.write(16384, f"{setting.work}/secret".encode() + b"\0")
    sent = traced.call(WRITE, traced.number_at("sock"), at, len(packet))
    # The broker hears the command between two of them, if at all.
    opened = [traced.call(OPENAT, CWD, name, os.O_RDONLY, 0) for _ in range(4)]
    one.end()
    check("an answer that is a command is sent to the broker", sent == len(packet), str(sent))
    check("and is no word of the owner's", all(n < 0 for n in opened), str(opened))


class Switch:
    """A switch of vde2, as far as joining it goes, and a socket of another program beside it."""

    def __init__(self, work):
        self.folder = f"{work}/vde"
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


def main(setting, numbers_of):
    """
    A card of kind vde has a datagram socket. With an address it would reach any socket that the
    user may write to, such as the management console of another instance.
    """
    relay(setting)
    switch = Switch(setting.work)
    to = unix_address(f"{switch.folder}/other")
    # A copy of the zygote's socket keeps the zygote, without which the instance ends.
    copy = ("fcntl", "ZYGOTE", F_DUPFD_CLOEXEC, 512)
    ways = [
        ("sendto", [("sendto", "CARD", "DATA", 6, 0, "NAME", len(to))]),
        ("sendmsg", [("sendmsg", "CARD", "MESSAGE", 0)]),
        ("sendmmsg", [("sendmmsg", "CARD", "MESSAGE", 1, 0)]),
        ("the zygote's number",
            [copy, ("dup3", "CARD", "ZYGOTE", 0), ("sendmmsg", "ZYGOTE", "MESSAGE", 1, 0)]),
        ("the zygote's number, which was closed",
            [copy, ("close", "ZYGOTE"), ("fcntl", "CARD", F_DUPFD_CLOEXEC, "ZYGOTE"),
                ("sendmmsg", "ZYGOTE", "MESSAGE", 1, 0)]),
    ]
    for way, calls in ways:
        what = f"a datagram to another socket, by {way}"
        for jail in "on", "off":
            one = Instance(setting, jail, f"eth0=vde,{switch.folder}")
            card = datagram_socket(one.run.pid)
            traced = one.enter()
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
                    results.append(traced.call(numbers_of[call[0]], *args))
            except (Ended, Stuck) as e:
                results.append(repr(e))
            said = one.said()
            one.end()
            got = switch.heard()
            note = f"{card} {got} {results} {said[-200:]}"
            if jail == "on":
                check(f"{what}: is not sent", card >= 0 and got is None, note)
            else:
                check(f"{what}: without a jail it is", got == b"hello!", note)
