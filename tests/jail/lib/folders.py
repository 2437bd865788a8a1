# SPDX-License-Identifier: MIT
"""
folders.py: what a fallen kernel process sees of the host from a folder of hostfs. The calls are
made in a kernel process (instance.py).
"""
import errno
import os
import shutil
import stat
import subprocess

from attempts import CWD
from instance import Instance

CHMOD, FCHMOD, OPENAT, MKDIRAT, MKNODAT, STATX = 90, 91, 257, 258, 259, 332
RENAME, LINKAT = 82, 265
TRUNCATE, SETXATTR, UTIMENSAT = 76, 188, 280
ZERO = os.makedev(1, 5)  # /dev/zero
# Keys of try_changes() about devices.
DEVICES = "device", "node", "device, by the broker"


def folder_of(pid, *names):
    """The number of a descriptor in a process for a folder that has one of the names."""
    for number in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        if os.readlink(f"/proc/{pid}/fd/{number}") in names:
            return number
    return -1


def attempts(one, work):
    """Returns what the calls returned, by what they try."""
    pid, share = one.run.pid, f"{work}/share"
    folder = folder_of(pid, "/nestling-hostfs-1", share)
    own = folder_of(pid, "/nestling-hostfs-0", f"/proc/{pid}/fd")
    traced = one.enter()
    names = [(folder, "../secret"), (folder, "inside/../../secret"), (folder, f"{work}/secret"),
        (folder, "relative"), (folder, "absolute"), (own, "../../../etc/passwd")]
    got = {}
    for n, (fd, text) in enumerate(names):
        name = traced.put(n, text)
        where = text.replace(work, "WORK") + (" from /proc" if fd == own else "")
        got[f"open of {where}"] = traced.call(OPENAT, fd, name, os.O_PATH, 0)
        got[f"attributes of {where}"] = traced.call(STATX, fd, name, 0, 0x7ff, traced.buffer + 4096)
    inside = traced.call(OPENAT, folder, traced.put(6, "inside"), os.O_PATH, 0)
    # A descriptor of the broker's would be one of the folder itself, not of its copy.
    flags = os.O_RDONLY | os.O_DIRECTORY
    by_name = [traced.call(OPENAT, CWD, traced.put(6, n), flags, 0)
        for n in (share, f"{share}/inside")]
    # EEXIST tells that there is such a name.
    made = traced.call(MKDIRAT, folder, traced.put(7, "../secret"), 0o700)
    traced.end()
    return got, inside, made, by_name


def attack(setting, check, user):
    """
    From a folder of hostfs no name leads out: what is outside is not even there. Landlock alone
    lets it be seen: with core=on, the folders stay where they are.
    """
    work = setting.work
    whose = f"a folder of user {user}" if user else "a folder"
    for wall in True, False:
        words = [f"hostfs={work}/share", *([] if wall else ["core=on"])]
        one = Instance(setting, "on", *words, user=user)
        try:
            got, inside, made, by_name = attempts(one, work)
        finally:
            said = one.said()[-200:]
            one.end()
        for what, result in got.items():
            if wall:
                check(f"{whose}: {what}: there is nothing", result == -errno.ENOENT,
                    f"{result} {said}")
            else:
                check(f"{whose}: {what}: without its wall there is", result >= 0,
                    f"{result} {said}")
        check(f"{whose}: what is in it is open", inside >= 0, f"{inside} {said}")
        check(f"{whose}: the broker opens it by no name", max(by_name) < 0, f"{by_name} {said}")
        check(f"{whose}: that a name outside is taken is {'not ' if wall else ''}told",
            (made == -errno.EEXIST) != wall, f"{made} {said}")


def try_changes(setting, jail, word, user, *words):
    """Returns what calls return that change a folder of hostfs, and what is in it then."""
    share = f"{setting.work}/share"
    for name in "device", "node", "made":
        if os.path.lexists(f"{share}/{name}"):
            os.unlink(f"{share}/{name}")
    os.chmod(f"{share}/inside", 0o755)
    if not os.geteuid():
        os.mknod(f"{share}/device", stat.S_IFCHR | 0o666, ZERO)
    with open(f"{share}/file", "w", encoding="ascii") as f:
        f.write("content")
    if user:
        os.chown(f"{share}/file", user, user)
    one = Instance(setting, jail, f"{word}{share}", *words, user=user)
    try:
        folder = folder_of(one.run.pid, "/nestling-hostfs-1", share)
        enters = one.enter()
        names = "device", "made", "inside", "", "node", "file", f"{share}/device"
        device, made, inside, _, node, file, whole = (enters.put(n, text)
            for n, text in enumerate(names))
        got = {"device": enters.call(OPENAT, folder, device, os.O_RDWR, 0)}
        got["node"] = enters.call(MKNODAT, folder, node, stat.S_IFCHR | 0o600, ZERO)
        got["file"] = enters.call(OPENAT, folder, made, os.O_RDWR | os.O_CREAT, 0o600)
        opened = enters.call(OPENAT, folder, inside, os.O_RDONLY, 0)
        got["mode"] = enters.call(FCHMOD, opened, 0o700)
        path = enters.put(3, f"/proc/self/fd/{opened}")
        got["mode, by the broker"] = enters.call(CHMOD, path, 0o711)
        got["device, by the broker"] = enters.call(OPENAT, CWD, whole, os.O_RDONLY, 0)
        opened = enters.call(OPENAT, folder, file, os.O_RDONLY, 0)
        path = enters.put(3, f"/proc/self/fd/{opened}")
        got["length"] = enters.call(TRUNCATE, path, 1)
        got["times"] = enters.call(UTIMENSAT, CWD, path, 0, 0)
        attribute = enters.put(8, "user.x")
        got["attribute"] = enters.call(SETXATTR, path, attribute, attribute, 1, 0)
        enters.end()
    finally:
        one.end()
    mode = stat.S_IMODE(os.stat(f"{share}/inside").st_mode)
    os.chmod(f"{share}/inside", 0o755)
    return got, sorted(os.listdir(share)), mode


def changes(setting, check, user):
    """
    A device node that can be opened would be a way to the disks of the host. And a folder that is
    shared to be read (hostfs<n>r=) is not changed, whatever the guest's kernel does.
    """
    whose = f"a folder of user {user}" if user else "a folder"
    if user:
        os.chown(f"{setting.work}/share", user, user)
        os.chown(f"{setting.work}/share/inside", user, user)
    got, names, mode = try_changes(setting, "on", "hostfs0=", user)
    check(f"{whose}: a device in it is not opened", got["device"] < 0, str(got))
    check(f"{whose}: a device is not made in it", got["node"] < 0 and "node" not in names, str(got))
    check(f"{whose}: nor by the broker", got["device, by the broker"] < 0, str(got))
    # Not all file systems have attributes.
    changed = [v for k, v in got.items() if k not in (*DEVICES, "attribute")]
    check(f"{whose}: it can be changed", min(changed) >= 0 and "made" in names and mode == 0o711,
        f"{got} {names} {mode:o}")
    if not os.geteuid() and not user:
        got, names, mode = try_changes(setting, "off", "hostfs0=", user)
        check(f"{whose}: without a jail both are possible", min(got["device"], got["node"]) >= 0,
            str(got))
    got, names, mode = try_changes(setting, "on", "hostfs0r=", user)
    unchanged = mode == 0o755 and "made" not in names and "node" not in names
    check(f"{whose}: to read only, it cannot be changed", max(got.values()) < 0 and unchanged,
        f"{got} {names} {mode:o}")


    got, names, mode = try_changes(setting, "on", "hostfs0r=", user, "core=on")
    asked = {k: got[k] for k in ("mode, by the broker", "length", "times", "attribute")}
    size = os.path.getsize(f"{setting.work}/share/file")
    check(f"{whose}: to read only, without a copy, the broker changes nothing",
        max(asked.values()) < 0 and mode != 0o711 and size == len("content"),
        f"{got} {size} {mode:o}")


def other_folders(setting, check, user):
    """
    Folders that the broker opens are of the host's own mounts: ".." would lead out of them. With
    hostfs there is no descriptor of one: of a folder that a command names, or of the log.
    """
    work, whose = setting.work, f"a folder of user {user}" if user else "a folder"
    named, log = f"{os.environ['HOME']}/named", f"{os.environ['HOME']}/log"
    for path in named, log:
        os.makedirs(path, exist_ok=True)
        if user:
            os.chown(path, user, user)
    one = Instance(setting, "on", f"hostfs={work}/share", f"tty_log_dir={log}", user=user)
    try:
        pid, got = one.run.pid, {}
        fds = [f"/proc/{pid}/fd/{n}" for n in os.listdir(f"/proc/{pid}/fd")]
        # The list of threads is a copy that is mounted nowhere.
        outside = [os.readlink(f) for f in fds if os.path.isdir(f)
            and not os.readlink(f).startswith("/nestling-hostfs-")
            and (os.readlink(f) != "/" or os.path.samefile(f, "/"))]
        said = one.command(f"config con5=tty:{named}")
        enters = one.enter()
        for n, path in enumerate((named, f"/proc/{pid}/task")):
            fd = enters.call(OPENAT, CWD, enters.put(n, path), os.O_RDONLY | os.O_DIRECTORY, 0)
            name = enters.put(6, "../named" if path == named else "../../self")
            up = enters.call(OPENAT, fd, name, os.O_PATH, 0) if fd >= 0 else fd
            seen = enters.call(STATX, fd, name, 0, 0x7ff, enters.buffer + 4096)
            got[path] = fd, up, seen
        # The folder is there all the same: its files are opened by the descriptor.
        file = enters.put(6, f"/proc/self/fd/{got[named][0]}/file")
        made = enters.call(OPENAT, CWD, file, os.O_RDWR | os.O_CREAT, 0o600)
        enters.end()
    finally:
        one.end()
    check(f"{whose}: no other folder of the host is open", not outside, str(outside))
    for path, (fd, up, seen) in got.items():
        what = "a folder that a command names" if path == named else "a folder of /proc"
        check(f"{whose}: {what} leads nowhere", up < 0 and seen < 0, f"{fd} {up} {seen}")
    check(f"{whose}: a folder that a command names has files",
        made >= 0 and os.path.exists(f"{named}/file"), f"{made} {got} {said}")


def granted_inside(setting, check, user):
    """
    A folder of the host that is granted, in a folder that the guest shares: the guest can put a
    link there, and the broker does not follow it.
    """
    work, whose = setting.work, f"a folder of user {user}" if user else "a folder"
    log, named = f"{work}/share/log", f"{os.environ['HOME']}/named"
    for path in log, named:
        os.makedirs(path, exist_ok=True)
        for name in os.listdir(path):
            os.unlink(f"{path}/{name}")
    with open(f"{log}/file", "w", encoding="ascii") as f:
        f.write("file")
    os.symlink(f"{work}/mine", f"{log}/link")
    with open(f"{work}/mine", "w", encoding="ascii") as f:
        f.write("mine")
    os.chmod(f"{work}/mine", 0o600)
    for path in log, named, f"{log}/file", f"{work}/mine":
        if user:
            os.chown(path, user, user)
    one = Instance(setting, "on", f"hostfs={work}/share", f"tty_log_dir={log}", user=user)
    try:
        said = one.command(f"config con5=tty:{named}")
        enters = one.enter()
        link, file, away = (enters.put(n, f"{path}") for n, path in
            enumerate((f"{log}/link", f"{log}/file", f"{named}/away")))
        mode = enters.call(CHMOD, file, 0o640)
        followed = enters.call(CHMOD, link, 0o777)
        linked = enters.call(LINKAT, CWD, file, CWD, away, 0)
        moved = enters.call(RENAME, file, away)
        within = enters.call(RENAME, file, enters.put(3, f"{log}/other"))
        enters.end()
    finally:
        one.end()
    check(f"{whose}: the mode of a file in a granted folder in it is changed",
        mode == 0 and stat.S_IMODE(os.stat(f"{log}/other").st_mode) == 0o640, f"{mode} {said}")
    check(f"{whose}: not that of a link's file",
        followed < 0 and stat.S_IMODE(os.stat(f"{work}/mine").st_mode) == 0o600, f"{followed}")
    check(f"{whose}: a file in it gets no name outside", max(linked, moved) < 0
        and not os.path.lexists(f"{named}/away"), f"{linked} {moved} {said}")
    check(f"{whose}: but another name in it", within == 0, f"{within}")


def can_make_spaces(**as_user):
    """True if the host lets the user make a mount namespace that keeps the user's own number."""
    with open("/proc/sys/kernel/overflowuid", encoding="ascii") as f:
        if int(f.read()) == as_user.get("user", os.geteuid()):
            return False
    flags = "-Urmn" if as_user or os.geteuid() else "-mn"
    return not subprocess.run(["unshare", flags, "true"], capture_output=True, check=False,
        **as_user).returncode


def main(setting, check):
    """Attacks as the caller, and as an ordinary user if that is root."""
    home, work = os.environ["HOME"], setting.work
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
        attack(setting, check, user)
        changes(setting, check, user)
        other_folders(setting, check, user)
        granted_inside(setting, check, user)
    os.environ["HOME"] = home
