# SPDX-License-Identifier: MIT
"""debian.py: as chain.py, with Debian under systemd, and the works of debian.sh in it.

    debian.py KERNEL NESTCTL IMAGE FOLDER MOMENTS SEED SECONDS WORK... [-- PARAMETER...]

It ends after MOMENTS, or after SECONDS. After each tenth moment, and at the end, the file system in
a snapshot of the disk must be whole.
"""
import os
import subprocess
import sys
import time

kernel, nestctl, image, folder, moments, seed, seconds = sys.argv[1:8]
rest = sys.argv[8:] + ["--"]
works, params = rest[: rest.index("--")], rest[rest.index("--") + 1 : -1]
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "debian.sh")
sys.argv = ["chain.py", kernel, "none", image, folder, moments, seed]
import chain  # noqa: E402

chain.PATIENCE = 300


def inside(a, command, **more):
    """Runs a command of the shell in an instance, and returns its output."""
    argv = [nestctl, "exec", "-T", a.name, "--", "sh", "-c", command]
    if "input" not in more:
        more["stdin"] = subprocess.DEVNULL
    done = subprocess.run(argv, capture_output=True, text=True, timeout=chain.PATIENCE, **more)
    return (done.stdout + done.stderr).strip()


def boot():
    a = chain.Instance(
        ["mem=512M", "con=null", "root=/dev/ubda", "rw", "init=/lib/systemd/systemd"]
        + ["systemd.show_status=0"]
        + params
    )
    chain.wait_name(a)
    end = time.monotonic() + chain.PATIENCE
    said = ""
    while said not in ("running", "degraded"):
        if time.monotonic() > end:
            raise chain.Bad("systemd: " + said)
        time.sleep(0.5)
        said = inside(a, "systemctl is-system-running --wait")
    with open(script) as f:
        inside(a, "cat >/root/w.sh", input=f.read())
    inside(a, "systemd-run -q --unit w -E JOBS='%s' bash /root/w.sh" % " ".join(works))
    return a


def disk_is_whole(a):
    copy = os.path.join(folder, "end")
    for argv in (
        [nestctl, "snapshot", a.name, "-o", copy + ".cow"],
        [nestctl, "cow", "convert", "--to", "raw", copy + ".cow", copy + ".raw"],
        ["e2fsck", "-fn", copy + ".raw"],
    ):
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise chain.Bad("%s: %s" % (argv[:3], (done.stdout + done.stderr)[-300:]))
    os.unlink(copy + ".cow")
    os.unlink(copy + ".raw")


def main():
    a = boot()
    a.goes_on(a.size())
    end = time.monotonic() + float(seconds)
    n = 0
    while n < int(moments) and time.monotonic() < end:
        way = chain.row.choice(chain.ways)
        chain.counts[way] += 1
        state = os.path.join(folder, "state%d" % n)
        try:
            a = chain.moment(a, way, state)
            if n % 10 == 9:
                disk_is_whole(a)
        except (chain.Bad, OSError) as e:
            raise chain.Bad("moment %d (%s, seed %s): %s" % (n, way, seed, e)) from e
        chain.shutil.rmtree(state)
        n += 1
    disk_is_whole(a)
    said = inside(a, "dmesg | grep -E '[Ww]atchdog.*(timeout|lock)|Oops|WARNING|lockdep|BUG( at|:)' | head -n 3")
    if said:
        raise chain.Bad("the kernel's log: " + said)
    chain.stops.sort()
    print(
        "ok",
        n,
        "moments",
        " ".join("%s=%d" % (k, chain.counts[k]) for k in sorted(chain.counts)),
        "stopped %d us, at most %d" % (chain.stops[n // 2] // 1000, chain.stops[-1] // 1000),
        a.status()[-1][2],
    )
    a.kill()


if __name__ == "__main__":
    code = 0
    try:
        main()
    except (chain.Bad, OSError, subprocess.SubprocessError) as e:
        print("bad", e)
        code = 1
    for i in chain.instances:
        if i.process.poll() is None:
            i.kill()
    sys.exit(code)
