# SPDX-License-Identifier: MIT
"""
attack.py WAY WORK KERNEL BUSYBOX [FIRST STEP [WORD...]]: starts instances, has their kernel
processes make the attempts of attempts.py and some that need more than calls, and compares what has
come of it. With FIRST and STEP only each STEPth attempt of the table is made; with parameters of
the kernel (WORD) no chains; with folders or another user among them, only attempts of the table.
WAY: "traced" or "fallen" (instance.py).
"""
import os
import resource
import subprocess
import sys

import asks
import chains
import datagrams
import folders
from attempts import ATTEMPTS, texts
from instance import FAILED, Instance, Program, Setting, check, why
from traced import Ended, Stuck

ROOM = 256
# Attempts that the host refuses to any program, in the whole table: they prove nothing.
REFUSED_MOST = 16


def numbers():
    """The numbers of the host's calls, by their names."""
    out = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"],
        capture_output=True, text=True, check=True).stdout
    words = (line.split() for line in out.splitlines())
    return {w[1][5:]: int(w[2], 0) for w in words if len(w) == 3 and w[1].startswith("__NR_")}


def attempt(one, setting, numbers_of, tried, victim):
    """
    Makes the attempt in the process of @one, which it ends. Returns what the last call returned, or
    the first that failed, or "killed" or "stuck"; and what the instance said.
    """
    enters = one.enter()
    at = {name: enters.write(4096 + ROOM * i, data)
        for i, (name, data) in enumerate(texts(setting.work, victim.pid, one.folder()).items())}
    at.update(BUFFER=enters.buffer + 20480, PAGE=enters.buffer + 28672 & ~4095, VICTIM=victim.pid,
        BROKER=one.broker() or victim.pid, TERMINAL=one.terminal.line, DISK=one.disk())
    door = {"door": tried.door} if tried.door != "syscall" else {}
    got = 0
    try:
        for i, call in enumerate(tried.calls):
            number = numbers_of.get(call[0], call[0])
            args = [at.get(a, a) for a in call[1:]]
            got = enters.call(number, *args, **door)
            at[f"R{i}"] = got
            if got < 0:
                break
    except Ended:
        got = "killed"
    except Stuck:
        got = "stuck"
    said = one.said()
    one.end()
    return got, said


def came_of_it(got):
    """True if the attempt has succeeded: a program that was executed ends the process, too."""
    return got == "killed" or (got != "stuck" and got >= 0)


def try_table(setting, numbers_of, attempts):
    """
    Makes each attempt in the jail, without it, and, if it fails there, in an ordinary program.
    Returns those that fail even there.
    """
    refused = []
    for tried in attempts:
        victim = subprocess.Popen(["sleep", "1000"])
        make_files(setting)
        before = state(setting)
        got, said = attempt(Instance(setting, "on"), setting, numbers_of, tried, victim)
        fails = got == "killed" or (got != "stuck" and got < 0)
        unharmed = state(setting) == before and victim.poll() is None
        check(f"{tried.name} is refused", fails and unharmed,
            f"{why(got)} {state(setting)} {said[-200:]}")
        if got == "killed" and tried.door == "syscall":
            check(f"{tried.name}: a line names the call",
                "nestling: jail: the kernel process made the call" in said, said[-200:])
        for place in "a jail", "a kernel":
            if victim.poll() is not None:
                victim = subprocess.Popen(["sleep", "1000"])
            make_files(setting)
            one = Instance(setting, "off") if place == "a jail" else Program(setting)
            got, said = attempt(one, setting, numbers_of, tried, victim)
            if came_of_it(got) or state(setting) != before:
                break
        else:
            refused.append(f"{tried.name}: {why(got)}")
        if place == "a kernel" and f"{tried.name}: {why(got)}" not in refused:
            print(f"# {tried.name}: fails without a jail, too: its wall is always there")
        victim.kill()
        victim.wait()
    for text in refused:
        print(f"# {text}: the host refuses it to any program, so this proves nothing")
    return refused


def make_files(setting):
    for name in ("new", "other"):
        path = f"{setting.work}/{name}"
        if os.path.isdir(path):
            os.rmdir(path)
        elif os.path.lexists(path):
            os.unlink(path)
    with open(f"{setting.work}/secret", "w", encoding="ascii") as f:
        f.write("secret")
    os.chmod(f"{setting.work}/secret", 0o600)
    os.utime(f"{setting.work}/secret", (1, 1))


def state(setting):
    """What attempts change of the user's files."""
    path = f"{setting.work}/secret"
    there = os.path.exists(path)
    return (open(path, encoding="ascii").read() if there else None,
        (os.stat(path).st_mode, os.stat(path).st_mtime) if there else 0,
        os.path.lexists(f"{setting.work}/new"), os.path.lexists(f"{setting.work}/other"))


def main():
    # A process that is made to fork or to call odd things may end by a fault.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    setting = Setting(*sys.argv[1:5], sys.argv[7:])
    first, step = map(int, sys.argv[5:7] or (0, 1))
    numbers_of = numbers()
    known = [a for a in ATTEMPTS if all(isinstance(c[0], int) or c[0] in numbers_of
        for c in a.calls)]
    possible = [a for a in known if a.only in (None, setting.way) and a.but not in setting.words]
    refused = try_table(setting, numbers_of, possible[first::step])
    if any(w.startswith(("hostfs", "user=")) for w in setting.words):
        return bool(FAILED)
    folders.main(setting, check)
    make_files(setting)
    datagrams.main(setting, numbers_of)
    if setting.words:
        return bool(FAILED)
    if setting.way == "fallen":
        chains.main(setting)
        asks.main(setting)
    # In a container the host refuses many more.
    if step == 1:
        check("few attempts prove nothing", len(refused) <= REFUSED_MOST,
            f"{len(refused)} {refused}")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
