# SPDX-License-Identifier: MIT
"""chain.py: saves an instance of tests/state/lib/works at random moments, and goes on from there.

At each moment one of these is done, and all works must go on after it, with right results:

    next    the instance is killed, another is restored from the state
    stay    the instance itself goes on
    copy    the instance itself goes on, and so does another for a while
    twice   two are restored from the state; the first is killed and the second goes on
    back    the instance goes on for a moment, and is put back to the state by exec
    again   as back, and then the instance is put back twice more, in place unless it has written
            much. Its disk is a file without a name

    chain.py KERNEL INITRD IMAGE FOLDER MOMENTS SEED [-w WORK]... [-n WAY]... [PARAMETER...]

IMAGE is the disk's, or "none". The last instance runs on: its name is printed in the last line, 'ok
NAME ...'. What is wrong is printed as 'bad WHY', with status 1. If all ways keep the process, and
there were more than 20 moments, the process may not have more descriptors, threads, processes,
maps, memory and disk at the end than it had after a few moments, give or take SLACK.
"""
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

# PAGEMAP_SCAN
HAS_SCAN = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2]) >= (6, 7)
PATIENCE = 120  # seconds: a machine that is busy with others
# what an instance is asked for if one of its works makes no progress
STUCK = ["net/tcp", "net/tcp6", "net/sockstat", "meminfo", "uptime", "interrupts"]
kernel, initrd, image, folder, moments, seed = sys.argv[1:7]
works, params, ways = [], [], []
rest = sys.argv[7:]
while rest:
    word = rest.pop(0)
    value = rest.pop(0) if word in ("-w", "-n") else word
    {"-w": works, "-n": ways}.get(word, params).append(value)
memory = "384M" if "large" in works else "128M"
ways = ways or ["next", "next", "stay", "twice", "back"]
row = random.Random(int(seed))
counts = dict.fromkeys(ways, 0)
instances = []
stops = []
in_place = []  # for each rollback: whether it was in place


class Bad(Exception):
    pass


def ask(name, command, answer=True):
    """Sends a command to an instance and returns its answer."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.bind("\0chain-%d-%d" % (os.getpid(), row.randrange(1 << 30)))
    client.settimeout(PATIENCE)
    text = command.encode()
    packet = struct.pack("<III", 0xCAFEBABE, 2, len(text)) + text.ljust(512, b"\0")
    client.sendto(packet, os.path.join(os.environ["HOME"], ".uml", name, "mconsole"))
    if not answer:
        return ""
    head = client.recv(4096)
    err, _, length = struct.unpack("<iII", head[:12])
    said = head[12 : 12 + length].rstrip(b"\0").decode(errors="replace")
    if err:
        raise Bad("%s: %s" % (command.split(" /")[0], said))
    return said


def nameless_layer(path):
    """Returns a descriptor of an empty layer without a name."""
    nestctl = os.path.join(os.path.dirname(kernel), "nestctl")
    subprocess.run([nestctl, "cow", "create", "-b", image, path], check=True,
                   stdout=subprocess.DEVNULL)
    file = os.open(path, os.O_RDWR)
    os.unlink(path)
    return file


class Instance:
    """A running kernel; what it prints goes to a file."""

    def __init__(self, words):
        self.name = "c%d-%d" % (os.getpid(), len(instances))
        self.path = os.path.join(folder, self.name + ".out")
        self.layer = os.path.join(folder, self.name + ".cow")
        instances.append(self)
        words = [kernel, "umid=" + self.name, "con0=null,fd:1"] + words
        file = -1
        if "again" in ways and image != "none":
            file = nameless_layer(self.layer)
            self.layer = "/proc/self/fd/%d" % file
        if image != "none":
            words.insert(3, "ubd0=%s,%s" % (self.layer, image))
        with open(self.path, "w") as out:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                pass_fds=[file] if file >= 0 else []
            )
        if file >= 0:
            os.close(file)

    def lines(self, offset=0):
        """Returns what it has printed since an offset as whole lines; raises on a wrong result."""
        ended = self.process.poll() is not None
        with open(self.path, "rb") as f:
            f.seek(offset)
            text = f.read().decode(errors="replace")
        lines = text.split("\n")[:-1]
        for line in lines:
            if any(w in line for w in ("BAD", "panic", "Oops", "lockdep", "nestling:")):
                raise Bad(line)
        if ended:
            raise Bad("it has ended with %d: %s" % (self.process.returncode, text[-300:]))
        return lines

    def status(self, offset=0):
        """Returns the status lines since an offset: (seq, random, {work: rounds})."""
        found = []
        for line in self.lines(offset):
            words = line[line.find("ok ") :].split()
            if line.find("ok ") >= 0 and len(words) > 3 and "=" in words[3]:
                pairs = dict(w.split("=") for w in words[3:])
                found.append((int(words[1]), words[2], {k: int(v) for k, v in pairs.items()}))
        return found

    def size(self):
        return os.path.getsize(self.path)

    def goes_on(self, offset):
        """Waits until every work has done a round since the offset. Returns the status lines."""
        end = time.monotonic() + PATIENCE
        found = []
        late = ["all"]
        while time.monotonic() < end:
            found = self.status(offset)
            if len(found) > 1:
                first, last = found[0][2], found[-1][2]
                late = [k for k in first if last[k] <= first[k]]
                if not late:
                    return found
            time.sleep(0.005)
        for command in ["sysrq t"] + ["proc " + f for f in STUCK]:
            try:
                print("#", command, ask(self.name, command))
            except (OSError, Bad) as e:
                print("#", command, e)
        time.sleep(0.5)
        with open(self.path, "rb") as f:
            f.seek(max(offset, self.size() - 20000))
            print("#", f.read().decode(errors="replace").replace("\n", "\n# "))
        raise Bad("%s: no round in %d s: %s" % (self.name, PATIENCE, " ".join(late)))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def forget(self):
        """Kills the instance and removes its files. A layer without a name is gone with it."""
        self.kill()
        os.unlink(self.path)
        if self.layer.startswith(folder) and os.path.exists(self.layer):
            os.unlink(self.layer)


def wait_name(instance):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        instance.lines()
        try:
            ask(instance.name, "version")
            return
        except OSError:
            time.sleep(0.01)
    raise Bad("%s: no answer" % instance.name)


def put_back(a, state):
    """Puts an instance back, in place or not."""
    time.sleep(row.uniform(0, 0.08))
    at = a.size()
    said = ask(a.name, "state rollback " + state)
    in_place.append(said == "put back")
    end = time.monotonic() + PATIENCE
    while not any("the instance goes on from" in line for line in a.lines(at)):
        if time.monotonic() > end:
            raise Bad("it was not put back")
        time.sleep(0.005)
    a.goes_on(a.size())
    wait_name(a)


def moment(a, way, state):
    """Saves @a to the folder @state, does what @way says, and returns the one that goes on."""
    time.sleep(row.uniform(0, 0.08))
    before = a.status()[-1]
    os.mkdir(state, 0o700)
    stops.append(int(ask(a.name, "state save " + state).split()[-1]))
    if way == "stay":
        a.goes_on(a.size())
        return a
    if way in ("back", "again"):
        for _ in range(3 if way == "again" else 1):
            put_back(a, state)
        return a
    if way == "twice" or (way != "copy" and row.random() < 0.5):
        a.kill()
    b = Instance(["restore=" + state])
    c = Instance(["restore=" + state]) if way == "twice" else None
    first = b.goes_on(0)
    if any(first[0][2][k] < before[2][k] for k in before[2]):
        raise Bad("it goes on from before the save: %s %s" % (before, first[0]))
    if c:
        second = c.goes_on(0)
        # the number of the first line may be older than the state
        if {s[1] for s in first[1:]} & {s[1] for s in second[1:]}:
            raise Bad("two from one state have the same random numbers")
        b.forget()
        b = c
    if way == "copy":
        b.forget()
        a.goes_on(a.size())
        return a
    a.forget()
    return b


def family(pid):
    """Returns a process and its descendants."""
    found = [pid]
    for p in found:
        try:
            for task in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, task)) as f:
                    found += [int(c) for c in f.read().split()]
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            continue
    return found


def used(a):
    """Returns what an instance uses of its host."""
    pid = a.process.pid
    total = dict.fromkeys(SLACK, 0)
    for fd in os.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, fd)
        try:
            if "/memfd:" in os.readlink(path):
                total["shared memory"] += os.stat(path).st_blocks // 2
        except FileNotFoundError:  # closed since
            continue
        total["descriptors"] += 1
    total["threads"] = len(os.listdir("/proc/%d/task" % pid))
    total["processes"] = len(family(pid))
    with open("/proc/%d/maps" % pid) as f:
        total["maps"] = len(f.readlines())
    with open("/proc/%d/status" % pid) as f:
        total["memory"] = sum(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    for name in os.listdir(folder):
        total["disk"] += os.lstat(os.path.join(folder, name)).st_blocks // 2
    return total


# what may differ by chance: KiB for memory and disk
SLACK = {"descriptors": 4, "threads": 2, "processes": 6, "maps": 400, "memory": 2048,
         "shared memory": 8192, "disk": 4096}


def no_more(first, last):
    """Raises if @last, the least of the last looks, exceeds @first, the most of early ones, by more
    than SLACK."""
    for what, slack in SLACK.items():
        if last[what] > first[what] + slack:
            raise Bad("%s: %d after some moments, %d at the end" % (what, first[what], last[what]))


def main():
    looks = []
    keeps = not {"next", "twice"} & set(ways)
    a = Instance(["initrd=" + initrd, "mem=%s" % memory, "con=null"] + params + ["--"] + works)
    wait_name(a)
    a.goes_on(0)
    for n in range(int(moments)):
        way = row.choice(ways)
        counts[way] += 1
        state = os.path.join(folder, "state%d" % n)
        try:
            a = moment(a, way, state)
        except (Bad, OSError) as e:
            raise Bad("moment %d (%s, seed %s): %s" % (n, way, seed, e)) from e
        shutil.rmtree(state)
        if keeps:
            looks.append(used(a))
    if len(looks) > 20:
        most = {k: max(u[k] for u in looks[5:10]) for k in SLACK}
        no_more(most, {k: min(u[k] for u in looks[-5:]) for k in SLACK})
        print("#", " ".join("%s %d" % (k.replace(" ", "-"), looks[-1][k]) for k in SLACK))
    # an instance that has written much is put back by exec, so not each of them is in place
    if HAS_SCAN and counts.get("again", 0) > 1 and not any(in_place):
        raise Bad("none was put back in place")
    stops.sort()
    print(
        "ok",
        a.name,
        " ".join("%s=%d" % (k, counts[k]) for k in sorted(counts)),
        "stopped %d us, at most %d" % (stops[len(stops) // 2] // 1000, stops[-1] // 1000),
        len(a.status()[-1][2]),
        "works",
    )


if __name__ == "__main__":
    try:
        main()
    except (Bad, OSError) as e:
        print("bad", e)
        for i in instances:
            if i.process.poll() is None:
                i.kill()
        sys.exit(1)
