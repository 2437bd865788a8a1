# SPDX-License-Identifier: MIT
"""
chains.py: attempts of a fallen kernel process that are more than calls: what other programs of the
user believe, what the broker keeps, names that change after they were checked. They are made from
the guest (fallen.py): the kernel goes on meanwhile.
"""
import errno
import os
import resource
import select
import socket
import struct
import subprocess
import time

from attempts import CWD
from instance import TEXT_ROOM, Instance, check, why
from traced import Ended, Stuck

READ, WRITE, POLL, OPENAT, RENAME, LINKAT, RENAMEAT2 = 0, 1, 7, 257, 82, 265, 316
CLOSE, UNLINK, SYMLINKAT = 3, 87, 266
SYMLINK_FOLLOW = 0x400
RENAME_EXCHANGE = 2
PTRACE, PTRACE_SEIZE = 101, 0x4206
EPOLL_CTL, RECVMMSG, SENDMMSG = 233, 299, 307
MSG_DONTWAIT = 0x40
EPOLL_CTL_DEL = 2
IOCTL, UFFDIO_REGISTER = 16, 0xc020aa00
# os-linux/jail/broker.h
ASK_OPEN, ASK_AGAIN, ASK_HELPER = 8, 9, 12
WAIT = 60  # seconds


def opens(enters, path, flags):
    """Returns what open(2) of a path returns in the kernel process."""
    return enters.call(OPENAT, CWD, enters.put(8, path), flags, 0)


def child(pid, name):
    """The number of the first child of a process with that name, or 0."""
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], capture_output=True,
        text=True, check=False).stdout
    return next((int(w[0]) for w in map(str.split, out.splitlines()) if w[1] == name), 0)


def ends(process):
    """True if the process ends within the patience of the tests."""
    try:
        process.wait(timeout=WAIT)
    except subprocess.TimeoutExpired:
        return False
    return True


def number_of_another(setting):
    """
    nestctl believes the file "pid" in an instance's folder. With the number of another process in
    it, `nestctl kill` would end that process.
    """
    nestctl = os.environ.get("NESTCTL")
    if not nestctl:
        return
    for jail in "on", "off":
        victim = subprocess.Popen(["sleep", "1000"])
        one = Instance(setting, jail)
        enters = one.enter()
        fd = opens(enters, f"{one.folder()}/pid", os.O_WRONLY | os.O_TRUNC)
        text = f"{victim.pid}\n".encode()
        if fd >= 0:
            enters.call(WRITE, fd, enters.write(0, text), len(text))
        enters.end()
        said = subprocess.run([nestctl, "kill", one.name], capture_output=True, check=False)
        # nestctl returns when it has sent the signal.
        ended = ends(one.run if jail == "on" else victim)
        spared = victim.poll() is None
        note = f"{why(fd)} {said}"
        if jail == "on":
            check("nestctl kill ends the instance, and no other process", spared and ended, note)
        else:
            check("without a jail it ends the process that the kernel process names", not spared,
                note)
        one.end()
        victim.kill()
        victim.wait()


def disks_to_read(setting):
    """A disk that is added with the flag r, and a backing file, are not written to."""
    path = f"{setting.work}/added.img"
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    one = Instance(setting, "on")
    answers = [one.command(f"config ubd4r={path}")]
    enters = one.enter()
    reads, writes = opens(enters, path, os.O_RDONLY), opens(enters, path, os.O_RDWR)
    check("a disk that is added to be read is read", reads >= 0, f"{answers} {why(reads)}")
    check("and is not written to", writes < 0, f"{answers} {why(writes)}")
    folder = f"{setting.work}/granted"
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(f"{folder}/{name}")
    for name in "image", "base":
        with open(f"{folder}/{name}", "wb") as f:
            f.truncate(1 << 20)
    # Any command that names it grants a folder, even if it fails.
    one.command(f"config con5=tty:{folder}")
    made = enters.call(LINKAT, CWD, enters.put(9, path), CWD, enters.put(10, f"{folder}/new"), 0)
    writes = opens(enters, f"{folder}/new", os.O_RDWR)
    check("nor under another name", writes < 0, f"{why(made)} {why(writes)}")
    answers.append(one.command(f"config ubd6={path}"))
    writes = opens(enters, path, os.O_RDWR)
    check("without the flag r the disk is written to", writes >= 0, f"{answers} {why(writes)}")
    # The folder is granted already, to be written to.
    answers = [one.command(f"config ubd7r={folder}/image"),
        one.command(f"config ubd3={folder}/layer,{folder}/base")]
    for name in "image", "base":
        reads = opens(enters, f"{folder}/{name}", os.O_RDONLY)
        writes = opens(enters, f"{folder}/{name}", os.O_RDWR)
        moved = enters.call(RENAME, enters.put(9, f"{folder}/{name}"),
            enters.put(10, f"{folder}/free"))
        check(f"a disk to read, in a folder that is granted, is not written to: {name}",
            reads >= 0 and writes < 0 and moved < 0,
            f"{answers} {why(reads)} {why(writes)} {why(moved)}")
    one.end()


def links_of_the_owner(setting):
    """A link of the owner's, in a granted folder, does not become a name that is granted."""
    folder = f"{setting.work}/links"
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(f"{folder}/{name}")
    os.symlink(f"{setting.work}/secret", f"{folder}/link")
    with open(f"{folder}/there", "wb") as f:
        f.truncate(1 << 20)
    one = Instance(setting, "on")
    enters = one.enter()
    # These names are granted first, as names that are followed.
    for n, name in enumerate(("there", "absent")):
        one.command(f"config ubd{n + 4}={folder}/{name}")
    one.command(f"config con5=tty:{folder}")
    link = enters.put(9, f"{folder}/link")
    for name in "there", "absent":
        moved = enters.call(RENAME, link, enters.put(10, f"{folder}/{name}"))
        check(f"a link of the owner's is not moved to a granted name: {name}",
            moved < 0 and not os.path.islink(f"{folder}/{name}"), why(moved))
    for first, second in ("there", "link"), ("link", "there"):
        names = enters.put(9, f"{folder}/{first}"), enters.put(10, f"{folder}/{second}")
        moved = enters.call(RENAMEAT2, CWD, names[0], CWD, names[1], RENAME_EXCHANGE)
        check(f"nor changes places with it: {first}, {second}",
            moved < 0 and not os.path.islink(f"{folder}/there"), why(moved))
    # The broker looks at no name with ".." in it, and must not take what an earlier call left.
    for name in f"/proc/..{setting.work}/secret", f"/proc/self/fd/0/..{setting.work}/secret":
        fd = opens(enters, f"{folder}/there", os.O_RDWR)
        linked = enters.call(LINKAT, CWD, enters.put(9, name), CWD,
            enters.put(10, f"{folder}/stolen"), 0)
        check(f"a name that is not looked up is not linked: {name[:14]}",
            fd >= 0 and linked < 0 and not os.path.exists(f"{folder}/stolen"),
            f"{why(fd)} {why(linked)}")
        if os.path.exists(f"{folder}/stolen"):
            os.unlink(f"{folder}/stolen")
    names = enters.put(9, f"{folder}/there"), enters.put(10, f"{folder}/free")
    moved = enters.call(RENAME, *names)
    check("another file in the folder gets another name", moved == 0, why(moved))
    one.end()


def link_with_a_known_number(setting):
    """
    A file that the kernel process made may get other names. After it is deleted, its inode number
    may be that of another process's file in a shared folder, or of a link that the kernel process
    makes there.
    """
    share, folder = f"{setting.work}/shared", f"{setting.work}/numbers"
    for path in share, folder:
        os.makedirs(path, exist_ok=True)
    one = Instance(setting, "on", f"hostfs={share}", "core=on")  # no mount namespace of its own
    enters, disk = one.enter(), f"{folder}/disk"
    answer = one.command(f"config ubd4={disk}")
    fd = next(n for n in map(int, os.listdir(f"/proc/{one.run.pid}/fd"))
        if os.readlink(f"/proc/{one.run.pid}/fd/{n}") == share)
    name, target = enters.put(9, disk), enters.put(10, f"{setting.work}/secret")
    file = enters.call(OPENAT, fd, enters.put(8, "."), os.O_RDWR | os.O_TMPFILE, 0o600)
    own = enters.put(8, f"/proc/self/fd/{file}")
    made = enters.call(LINKAT, CWD, own, CWD, name, SYMLINK_FOLLOW)
    number = os.stat(disk).st_ino if made == 0 else 0
    check("a file without a name gets a granted one", made == 0, f"{why(file)} {why(made)} {answer}")
    enters.call(UNLINK, name)
    enters.call(CLOSE, file)
    for other in [f"other{n}" for n in range(64)]:
        open(f"{share}/{other}", "w").close()
        if os.stat(f"{share}/{other}").st_ino == number:
            break
    else:
        print("skip    a file with the number of a known file: the file system gives a new one")
    held = enters.call(OPENAT, fd, enters.put(8, other), os.O_RDONLY, 0)
    linked = enters.call(LINKAT, CWD, enters.put(8, f"/proc/self/fd/{held}"), CWD, name, SYMLINK_FOLLOW)
    check("a file with the number of a known file gets no granted name",
        held >= 0 and linked < 0 and not os.path.lexists(disk), f"{why(held)} {why(linked)}")
    enters.call(CLOSE, held)
    os.unlink(f"{share}/{other}")
    links = [f"link{n}" for n in range(64)]
    for link in links:
        enters.call(SYMLINKAT, target, fd, enters.put(8, link))
        if os.lstat(f"{share}/{link}").st_ino == number:
            break
    else:
        print("skip    a link with the number of a known file: the file system gives a new one")
    held = enters.call(OPENAT, fd, enters.put(8, link), os.O_PATH | os.O_NOFOLLOW, 0)
    own = enters.put(8, f"/proc/self/fd/{held}")
    linked = enters.call(LINKAT, CWD, own, CWD, name, SYMLINK_FOLLOW)
    check("a link with the number of a known file gets no granted name",
        held >= 0 and linked < 0 and not os.path.lexists(disk), f"{why(held)} {why(linked)}")
    one.end()


def tracing(setting):
    """
    With seccomp=off the kernel process traces its children. Not the zygote: its filter lets it send
    to addresses.
    """
    for jail in "on", "off":
        one = Instance(setting, jail, "seccomp=off")
        enters, zygote = one.enter(), child(one.run.pid, "nestling-space")
        got = enters.call(PTRACE, PTRACE_SEIZE, zygote, 0, 0)
        if jail == "on":
            check("the zygote is not traced", zygote > 0 and got == -errno.EPERM, why(got))
        else:
            check("without a jail it is", zygote > 0 and got == 0, why(got))
        one.end()


def message(enters, fds, kind, value, text):
    """Writes a struct ask with descriptors, for sendmmsg(2). Returns its address."""
    return packet(enters, fds, struct.pack("<IIQ", kind, len(text) + 1, value) + text + b"\0")


def packet(enters, fds, data):
    """Writes bytes with descriptors, for sendmmsg(2). Returns their address."""
    vector = struct.pack("<QQ", enters.write(4096, data), len(data))
    control = struct.pack("<QII", 16 + 4 * len(fds), socket.SOL_SOCKET, socket.SCM_RIGHTS)
    control += struct.pack(f"<{len(fds)}i", *fds)
    control += bytes(-len(control) % 8)
    place = (enters.write(2048, control), len(control)) if fds else (0, 0)
    return enters.write(1024, struct.pack("<8Q", 0, 0, enters.write(1536, vector), 1, *place, 0, 0))


def descriptors_of_the_broker(setting):
    """Requests for a reboot, each with many descriptors, which the broker keeps for the next."""
    one = Instance(setting, "on")
    enters, broker = one.enter(), one.broker()
    sock = enters.number_at("broker_sock")
    before = len(os.listdir(f"/proc/{broker}/fd"))
    fds = [one.disk()] * 100
    text = " ".join(["100"] * len(fds)).encode() + b":"
    sent = [enters.call(SENDMMSG, sock, message(enters, fds, ASK_AGAIN, 0, text), 1, 0)
        for _ in range(20)]
    # Malformed requests: a word that is no number, more descriptors than numbers.
    for words in b"1 x:", b"1:", b"", b"4294967295 " * 100 + b":":
        enters.call(SENDMMSG, sock, message(enters, fds, ASK_AGAIN, 0, words), 1, 0)
    # Messages that take no descriptors.
    for kind in ASK_OPEN, ASK_HELPER, 99:
        for _ in range(10):
            enters.call(SENDMMSG, sock, message(enters, fds, kind, 0, b"none"), 1, 0)
    disk = opens(enters, setting.busybox, os.O_RDONLY)
    after = len(os.listdir(f"/proc/{broker}/fd"))
    check("requests for a reboot are sent", sent == [1] * 20, str(sent))
    check("the broker keeps the descriptors of one of them at most", after <= before + 102,
        f"{before} {after}")
    check("it goes on", disk >= 0, why(disk))
    one.end()


def children_of_the_broker(setting):
    """Requests to open a card, without an end: each leaves a process of the host."""
    most = refused = 0
    one = Instance(setting, "on", "eth0=slirp")
    enters, broker = one.enter(), one.broker()
    sock = enters.number_at("broker_sock")
    poll = enters.write(0, struct.pack("<ihh", sock, 1, 0))
    answer = enters.buffer + 8192
    vector = enters.write(6144, struct.pack("<QQ", answer, 4096))
    # It keeps the descriptors of the answers, so the helpers go on.
    header = enters.write(6400, struct.pack("<8Q", 0, 0, vector, 1, answer + 4096, 256, 0, 0))
    for opener in range(4):
        at = message(enters, [], ASK_OPEN, opener, b"slirp")
        for _ in range(150):
            enters.call(SENDMMSG, sock, at, 1, MSG_DONTWAIT)
            if enters.call(POLL, poll, 1, 1000) == 1:
                enters.write(6400, struct.pack("<8Q", 0, 0, vector, 1, answer + 4096, 256, 0, 0))
                enters.call(RECVMMSG, sock, header, 1, MSG_DONTWAIT, 0)
                refused += struct.unpack("<i", enters.read(8192, 4))[0] == -errno.EAGAIN
            with open(f"/proc/{broker}/task/{broker}/children", encoding="ascii") as f:
                most = max(most, len(f.read().split()))
    check("a flood of requests makes many processes", most > 64, f"{most} {refused}")
    check("and not any number of them", most <= 128 and refused, f"{most} {refused}")
    # Answers that it does not read do not stop the broker.
    for _ in range(300):
        enters.call(SENDMMSG, sock, message(enters, [], ASK_OPEN, 0, b"none"), 1, MSG_DONTWAIT)
    check("the broker goes on where no answer is read", "nestling" in one.command("version"))
    one.end()


def send_to_the_zygote(one, enters, seed):
    """Sends a malformed request, with or without a descriptor."""
    # The first words are the kind of a request and its arguments, small or any numbers.
    words = [(seed * 7919 + i * 104729) % (17 if i < 4 else 1 << 32) for i in range(2 + seed % 30)]
    data = enters.write(4096, struct.pack(f"<{len(words)}I", *words))
    vector = enters.write(1536, struct.pack("<QQ", data, 4 * len(words)))
    control = struct.pack("<QIIi4x", 20, socket.SOL_SOCKET, socket.SCM_RIGHTS, one.disk())
    place = (enters.write(2048, control), 24) if seed % 3 else (0, 0)
    header = enters.write(1024, struct.pack("<8Q", 0, 0, vector, 1, *place, 0, 0))
    enters.call(SENDMMSG, enters.number_at("zygote_socket"), header, 1, MSG_DONTWAIT)


def descriptors_of_the_zygote(setting):
    """
    Requests of the right length, with two descriptors each. The kernel waits for answers by their
    order, so the hole makes them, and hears them, in one vCPU.
    """
    one = Instance(setting, "on")
    enters, zygote = one.enter(), child(one.run.pid, "nestling-space")
    sock, fds = enters.number_at("zygote_socket"), [one.disk()] * 2
    before, most, sent = len(os.listdir(f"/proc/{zygote}/fd")), 0, []
    answer = enters.write(6144, struct.pack("<QQ", enters.buffer + 8192, 8))
    poll = enters.write(0, struct.pack("<ihh", sock, 1, 0))
    for _ in range(100):
        # ZYG_REAP of process 0, which is refused, and answered.
        header = packet(enters, fds, struct.pack("<4q48x", 8, 0, 0, 0))
        sent.append(enters.call(SENDMMSG, sock, header, 1, MSG_DONTWAIT))
        enters.call(POLL, poll, 1, 10000)
        header = enters.write(6400, struct.pack("<8Q", 0, 0, answer, 1, 0, 0, 0, 0))
        sent.append(enters.call(RECVMMSG, sock, header, 1, MSG_DONTWAIT, 0))
        most = max(most, len(os.listdir(f"/proc/{zygote}/fd")))
    check("the zygote answers requests with too many descriptors", sent == [1] * 200,
        str(set(sent)))
    check("and keeps none of them", before > 0 and most <= before + 2, f"{before} {most}")
    one.end()


def messages_to_the_zygote(setting):
    """Malformed requests. The zygote may end, and with it the instance, and no more."""
    known = {os.path.basename(setting.kernel)[:15], "nestling", "nestling-broker",
        "nestling-space", "nestling-zygote", "<defunct>"}
    strange, one, nr_ends = set(), None, 0
    for seed in range(60):
        if not one:
            one = Instance(setting, "on")
            enters = one.enter()
        out = ""
        try:
            send_to_the_zygote(one, enters, seed)
            out = subprocess.run(["ps", "-o", "comm=", "-g", str(one.run.pid)],
                capture_output=True, text=True, check=False).stdout
        except (Ended, Stuck, OSError):
            nr_ends += 1
            one.end()
            one = None
        strange |= {c.split()[0] for c in out.splitlines()} - known
    if one:
        one.end()
    descriptors_of_the_zygote(setting)
    check("the zygote starts no other program for requests that are none", not strange,
        f"{strange}, {nr_ends} ends")


def answer_without_end(setting):
    """Answers of the management console that never end, to nestctl, which collects them."""
    nestctl = os.environ.get("NESTCTL")
    if not nestctl:
        return
    one = Instance(setting, "on")
    enters = one.enter()
    sock = enters.number_at("sock")
    poll = enters.write(0, struct.pack("<ihh", sock, 1, 0))
    # The kernel itself hears no more of the console.
    for number in os.listdir(f"/proc/{one.run.pid}/fd"):
        if os.readlink(f"/proc/{one.run.pid}/fd/{number}") == "anon_inode:[eventpoll]":
            enters.call(EPOLL_CTL, int(number), EPOLL_CTL_DEL, sock, 0)
    out, ended, began = b"", False, time.monotonic()
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    with subprocess.Popen([nestctl, "pause", one.name], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, preexec_fn=limit) as asks:
        came = enters.call(POLL, poll, 1, 10000)
        n = enters.call(READ, sock, enters.buffer + 8192, 8192)
        asked = enters.read(8192, 136)
        length = struct.unpack("<I", asked[4:8])[0]
        text = (b"\033]0;title\007\033[31m" * 40)[:TEXT_ROOM]
        reply = struct.pack("<iiI", 0, 1, len(text)) + text
        data = enters.write(0, struct.pack("<II", len(reply), length) + asked[8:136] + reply)
        enters.job(1, 3, "syscall", WRITE, [sock, data, 136 + len(reply)], 1 << 40, word="later")
        while not ended and time.monotonic() < began + 2 * WAIT:
            if select.select([asks.stdout], [], [], 1)[0]:
                more = os.read(asks.stdout.fileno(), 65536)
                ended, out = not more, (out + more)[-1 << 20:]
        ended = ended and ends(asks)
        asks.kill()
    check("nestctl ends where an answer does not", came == 1 and n > 0 and ended,
        f"{came} {n} {out[:100]}")
    check("before it has no memory left", b"memory" not in out, str(out[-200:]))
    one.end()


def memory_that_never_comes(setting):
    """
    The process has a descriptor of userfaultfd(2): pages that it registers wait for itself. The
    broker reads names in such pages.
    """
    one = Instance(setting, "on")
    enters = one.enter()
    page = (enters.buffer + (1 << 19)) & ~4095
    area = enters.write(0, struct.pack("<QQQQ", page, 4096, 1, 0))
    fds = [int(n) for n in os.listdir(f"/proc/{one.run.pid}/fd")
        if os.readlink(f"/proc/{one.run.pid}/fd/{n}") == "anon_inode:[userfaultfd]"]
    registered = [enters.call(IOCTL, fd, UFFDIO_REGISTER, area) for fd in fds]
    try:
        got = enters.call(OPENAT, CWD, page, 0, 0)
        answer = one.command("version")
    except (Ended, Stuck, OSError) as e:
        got, answer = repr(e), ""
    check("the broker does not wait for a page of the kernel process", "nestling" in answer,
        f"{fds} {registered} {got} {answer}")
    one.end()


def names_that_change(setting):
    """Another vCPU changes a name between the broker's check and its use."""
    one = Instance(setting, "on", "ncpus=2")
    enters = one.enter()
    secret = f"{setting.work}/secret"
    with open(secret, "wb") as f:
        f.write(b"8 secret")
    size = max(len(secret), len(setting.busybox)) + 1
    name = enters.write(0, bytes(size))
    granted = enters.write(512, setting.busybox.encode().ljust(size, b"\0"))
    other = enters.write(1024, secret.encode().ljust(size, b"\0"))
    reads = enters.write(1536, bytes(8))
    vector = enters.write(1600, struct.pack("<QQ", reads, 8))
    good = bad = found = 0
    # a busy host may run the vCPUs by turns, and each call then takes some ms
    end = time.monotonic() + 20
    while not (good and bad) and time.monotonic() < end:
        enters.flip(name, granted, other, size)
        counts = enters.repeat(250, OPENAT, [CWD, name, 0, 0], reads, vector,
            struct.unpack("<Q", b"8 secret")[0])
        enters.flipped()
        good, bad, found = good + counts[0], bad + counts[1], found + counts[2]
    if good and bad:
        check("a name changes while the broker reads it", True, "")
    else:
        print("skip    a name changes while the broker reads it: "
            f"the vCPUs ran by turns, {good} {bad}")
    check("and never names another file", found == 0, f"{good} {bad} {found}")
    one.end()


def main(setting):
    number_of_another(setting)
    disks_to_read(setting)
    links_of_the_owner(setting)
    link_with_a_known_number(setting)
    tracing(setting)
    descriptors_of_the_broker(setting)
    children_of_the_broker(setting)
    messages_to_the_zygote(setting)
    answer_without_end(setting)
    memory_that_never_comes(setting)
    names_that_change(setting)
