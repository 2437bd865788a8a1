# SPDX-License-Identifier: MIT
"""cpio.py FOLDER FILE: writes a folder as an initrd, in cpio's format newc."""
import os
import sys

folder, path = sys.argv[1:]


def entry(out, name, mode, data):
    head = [number[0], mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    number[0] += 1
    for part in (b"070701" + b"".join(b"%08X" % h for h in head) + name + b"\0", data):
        out.write(part + b"\0" * (-len(part) % 4))


number = [1]
with open(path, "wb") as out:
    for base, dirs, files in os.walk(folder):
        for name in sorted(dirs) + sorted(files):
            full = os.path.join(base, name)
            data = b""
            if os.path.islink(full):
                data = os.readlink(full).encode()
            elif os.path.isfile(full):
                data = open(full, "rb").read()
            entry(out, os.path.relpath(full, folder).encode(), os.lstat(full).st_mode, data)
    entry(out, b"TRAILER!!!", 0, b"")
