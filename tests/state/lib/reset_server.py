# SPDX-License-Identifier: MIT
"""reset_server.py CONSOLE RUNS ORDERS [STAY]: attaches a reset server to the instance whose
management console is CONSOLE (kernel/state/reset_abi.h). It gives RUNS inputs, the letters of
ORDERS in turn (reset_guest.c), and compares each record with what it must be. It prints "ok" or
what is wrong. B, R and S give the guest the endless orders h, r and s, and put the run back soon; W
does so with s after three seconds. 0 gives an empty input. RUNS may be a name of WRONG, a request
that is refused, or "twice": a second server is refused, and one run is done. With STAY it does not
detach in the end."""
import array
import fcntl
import mmap
import os
import socket
import struct
import sys
import time

MAGIC, RUN, BACK, END = 0x74657372, 1, 2, 3
READY, DONE, DEAD = 16, 17, 18
MIB = 1 << 20
console, runs, orders = sys.argv[1:4]
INPUT, RECORD, SIZE = 4096, 4096 + MIB, 4096 + 2 * MIB

WRONG = {
    "unsealed": dict(seals=0), "magic": dict(magic=1), "past": dict(record=SIZE), "overlap": dict(record=INPUT + 4096),
    "unaligned": dict(record=RECORD + 8), "length": dict(input_max=0xffffffff), "map": dict(cover=(RECORD + MIB, 100)),
    "stream": dict(kind=socket.SOCK_STREAM), "none": dict(fds=0), "one": dict(fds=1),
}


def area(magic=MAGIC, input_max=MIB, record=RECORD, cover=(0, 0), seals=2, **unused):
    fd = os.memfd_create("area", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, SIZE)
    fcntl.fcntl(fd, 1033, seals)
    m = mmap.mmap(fd, SIZE)
    m[:48] = struct.pack("<IIQIIIIIIII", magic, 1, SIZE, INPUT, input_max, 0, record, MIB, 0, *cover)
    return fd, m


def attach(kind=socket.SOCK_SEQPACKET, fds=2, **rest):
    fd, m = area(**rest)
    ours, its = socket.socketpair(socket.AF_UNIX, kind)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind("\0reset-%d-%d" % (os.getpid(), time.monotonic_ns()))
    s.settimeout(60)
    packet = struct.pack("<III", 0xcafebabe, 2, 5) + b"reset".ljust(512, b"\0")
    given = array.array("i", [its.fileno(), fd][:fds])
    s.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)] if fds else [], 0, console)
    answer = s.recv(4096)
    its.close()
    ours.settimeout(60)
    if struct.unpack("<i", answer[:4])[0]:
        return None, answer[12:].rstrip(b"\0").decode()
    return (ours, m), ""


def hear():
    packet = sock.recv(8)
    if len(packet) != 8:
        sys.exit("the instance has gone")
    return struct.unpack("<II", packet)


def say(op, arg=0):
    sock.send(struct.pack("<II", op, arg))


def record():
    n = struct.unpack("<I", mem[36:40])[0]
    return bytes(mem[RECORD:RECORD + n]).decode()


def one(i, order):
    text = "%s%d" % ({"B": "h", "R": "r", "S": "s", "W": "s"}.get(order, order), i)
    if order == "0":
        text = ""
    mem[INPUT:INPUT + len(text)] = text.encode()
    say(RUN, len(text))
    if order == "W":
        print("# a run begins", flush=True)
    if order in "BRSW":
        time.sleep(3 if order == "W" else 0.02)
        say(BACK)
    said = hear()
    if order in "BRSW":
        return None if said == (READY, 0) else "%s after BACK" % (said,)
    if order == "e":
        want = (DEAD, 3)
        if said != want:
            return "%s, not %s" % (said, want)
    else:
        status = {"f": "700", "c": "6"}.get(order, "0")
        want = "%d %s counter 1 pipe 3 bad 0 disk o threads 1 soon 1 status %s" % (len(text), text, status)
        if said[0] != DONE or record() != want or said[1] != len(want):
            return "%s %r, not %r" % (said, record() if said[0] == DONE else "", want)
    said = hear()
    return None if said == (READY, 0) else "%s, not READY" % (said,)


if runs in WRONG:
    print(attach(**WRONG[runs])[1] or "attached")
    sys.exit()
both, why = attach()
if not both:
    sys.exit(why)
sock, mem = both
if runs == "twice":
    print(attach()[1])
    runs = "1"
first = hear()
if first != (READY, 0):
    sys.exit("%s %s" % (first, record()))
begin = time.monotonic()
for i in range(int(runs)):
    wrong = one(i, orders[i % len(orders)])
    if wrong:
        sys.exit("run %d: %s" % (i, wrong))
took = time.monotonic() - begin
resets, ns, pages = struct.unpack("<QQQ", mem[48:72])
print("# %d runs, %.0f a second; the last going back: %d us, %d pages" % (int(runs), int(runs) / took, ns // 1000, pages))
if resets != int(runs):
    sys.exit("%d resets" % resets)
if len(sys.argv) < 5:
    say(END)
    while sock.recv(8):
        pass
print("ok")
