# SPDX-License-Identifier: MIT
"""slirp_frames.py: talks to nestling-slirp in a guest's place, by frames that it makes itself."""
import os, socket, struct, subprocess, sys, threading
from ipaddress import ip_address

HELPER = sys.argv[1]
HOST = bytes.fromhex("52550a000202")
GUEST = bytes.fromhex("5254000a0203")


def summed(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF or 0xFFFF


def packet(dst, kind, sport, dport, data):
    """A frame to @dst: a TCP SYN, or a datagram with @data."""
    dst = ip_address(dst)
    src = ip_address("10.0.2.15" if dst.version == 4 else "fec0::15")
    if kind == "tcp":
        proto, up = 6, struct.pack(">HHIIBBHHH", sport, dport, 1000, 0, 5 << 4, 2, 65535, 0, 0)
        at = 16
    else:
        proto, up = 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
        at = 6
    pseudo = src.packed + dst.packed + struct.pack(">II", len(up), proto)
    up = up[:at] + struct.pack(">H", summed(pseudo + up)) + up[at + 2:]
    if dst.version == 6:
        head = struct.pack(">IHBB", 6 << 28, len(up), proto, 64) + src.packed + dst.packed
        return HOST + GUEST + b"\x86\xdd" + head + up
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(up), 1, 0, 64, proto, 0) + src.packed + dst.packed
    head = head[:10] + struct.pack(">H", summed(head)) + head[12:]
    return HOST + GUEST + b"\x08\x00" + head + up


class Helper:
    def __init__(self, *words):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for s in ours, its:  # as the kernel does
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        # it needs its socket as descriptor 3
        self.process = subprocess.Popen([HELPER, *words], close_fds=False, preexec_fn=lambda: os.dup2(its.fileno(), 3))
        its.close()
        self.s = ours
        self.s.settimeout(20)
        self.said = self.s.recv(300).decode()
        if self.said != "ok":
            return
        # it learns the guest's addresses from what the guest sends
        self.s.send(b"\xff" * 6 + GUEST + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + GUEST
                    + ip_address("10.0.2.15").packed + b"\0" * 6 + ip_address("10.0.2.2").packed)
        self.s.recv(65536)  # its answer: it has read that
        host = ip_address("fec0::2").packed
        body = struct.pack(">BBHI", 136, 0, 0, 0x60000000) + ip_address("fec0::15").packed + b"\x02\x01" + GUEST
        pseudo = ip_address("fec0::15").packed + host + struct.pack(">II", len(body), 58)
        body = body[:2] + struct.pack(">H", summed(pseudo + body)) + body[4:]
        self.s.send(HOST + GUEST + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), 58, 255)
                    + ip_address("fec0::15").packed + host + body)

    def answer(self, sport, seconds):
        """What comes back to the guest's port: open, closed, a datagram's text, or nothing."""
        self.s.settimeout(seconds)
        try:
            while True:
                f = self.s.recv(65536)
                at = 14 + (40 if f[12:14] == b"\x86\xdd" else (f[14] & 15) * 4)
                proto = f[20] if f[12:14] == b"\x86\xdd" else f[23]
                if proto in (1, 58):
                    return "closed"
                if proto not in (6, 17) or struct.unpack(">H", f[at + 2:at + 4])[0] != sport:
                    continue
                if proto == 17:
                    return f[at + 8:].decode("latin-1")
                return {0x12: "open", 0x14: "closed"}.get(f[at + 13] & 0x3F, "odd")
        except TimeoutError:
            return "nothing"

    def ask(self, dst, kind, dport, sport=[4000]):
        sport[0] += 1
        before = len(heard)
        self.s.send(packet(dst, kind, sport[0], dport, b"hello"))
        got = self.answer(sport[0], 10 if kind == "tcp" else 0.3)
        if kind == "udp":
            return "open" if len(heard) > before else "closed"
        return got

    def end(self):
        self.s.close()
        self.process.wait()


heard = []  # datagrams that servers on the loopback have got


def serve(family, address, port):
    t = socket.socket(family, socket.SOCK_STREAM)
    u = socket.socket(family, socket.SOCK_DGRAM)
    for s in t, u:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
    t.listen(50)

    def echo():
        while True:
            data, who = u.recvfrom(2000)
            heard.append(data)
            u.sendto(b"echo", who)
    threading.Thread(target=echo, daemon=True).start()
    return t, u


bad = []  # names of tests


def same(name, got, want):
    if got != want:
        bad.append(name)
    print(("ok " + name) if got == want else f"NOT OK {name}: {got}, not {want}", flush=True)
