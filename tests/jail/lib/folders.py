# SPDX-License-Identifier: MIT
"""
folders.py: what a fallen kernel process sees of the host from a folder of hostfs. The calls are
made by traced.py, in the main thread of a kernel process.
"""
import errno
import os
import shutil
import subprocess

from traced import Traced

OPENAT, MKDIRAT, STATX = 257, 258, 332


def folder_of(pid, *names):
    """The number of a descriptor in a process for a folder that has one of the names."""
    for number in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        if os.readlink(f"/proc/{pid}/fd/{number}") in names:
            return number
    return -1


def attempts(one, kernel, work):
    """Returns what the calls returned, by what they try."""
    pid, share = one.run.pid, f"{work}/share"
    folder = folder_of(pid, "/nestling-hostfs-1", share)
    own = folder_of(pid, "/nestling-hostfs-0", f"/proc/{pid}/fd")
    traced = Traced(pid, kernel)
    names = [(folder, "../secret"), (folder, "inside/../../secret"), (folder, f"{work}/secret"),
        (folder, "relative"), (folder, "absolute"), (own, "../../../etc/passwd")]
    got = {}
    for n, (fd, text) in enumerate(names):
        name = traced.put(n, text)
        where = text.replace(work, "WORK") + (" from /proc" if fd == own else "")
        got[f"open of {where}"] = traced.call(OPENAT, fd, name, os.O_PATH, 0)
        got[f"attributes of {where}"] = traced.call(STATX, fd, name, 0, 0x7ff, traced.buffer + 4096)
    inside = traced.call(OPENAT, folder, traced.put(6, "inside"), os.O_PATH, 0)
    # EEXIST tells that there is such a name.
    made = traced.call(MKDIRAT, folder, traced.put(7, "../secret"), 0o700)
    traced.end()
    return got, inside, made


def attack(work, start, check, user):
    """
    From a folder of hostfs no name leads out: what is outside is not even there. Landlock alone
    lets it be seen: with core=on, the folders stay where they are.
    """
    whose = f"a folder of user {user}" if user else "a folder"
    for wall in True, False:
        one = start("on", f"hostfs={work}/share", *([] if wall else ["core=on"]), user=user)
        try:
            got, inside, made = attempts(one, one.run.args[0], work)
        finally:
            said = one.said()[-200:]
            one.end()
        for what, result in got.items():
            if wall:
                check(f"{whose}: {what}: there is nothing", result == -errno.ENOENT, f"{result} {said}")
            else:
                check(f"{whose}: {what}: without its wall there is", result >= 0, f"{result} {said}")
        check(f"{whose}: what is in it is open", inside >= 0, f"{inside} {said}")
        check(f"{whose}: that a name outside is taken is {'not ' if wall else ''}told",
            (made == -errno.EEXIST) != wall, f"{made} {said}")


def can_make_spaces(**as_user):
    """True if the host lets the user make a mount namespace."""
    flags = "-Urmn" if as_user or os.geteuid() else "-mn"
    return not subprocess.run(["unshare", flags, "true"], capture_output=True, check=False, **as_user).returncode


def main(work, start, check):
    """Attacks as the caller, and as an ordinary user if that is root."""
    home = os.environ["HOME"]
    os.chmod(work, 0o711)
    if os.path.exists(f"{work}/share"):  # of the attempts before, in the same folder
        shutil.rmtree(f"{work}/share")
    os.makedirs(f"{work}/share/inside")
    with open(f"{work}/secret", "w", encoding="ascii") as f:
        f.write("secret")
    os.symlink("../secret", f"{work}/share/relative")
    os.symlink(f"{work}/secret", f"{work}/share/absolute")
    for user in [None] if os.geteuid() else [None, 4321]:
        as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
        if not can_make_spaces(**as_user):
            print(f"# the host makes no mount namespace for {user or 'the caller'}")
            continue
        if user:
            os.environ["HOME"] = f"{work}/home"
            os.mkdir(f"{work}/home")
            os.chown(f"{work}/home", user, user)
        attack(work, start, check, user)
    os.environ["HOME"] = home
