# SPDX-License-Identifier: MIT
"""damage.py BASE OUT UNITS SEED: UNITS damaged copies of an ext4 image, OUT1, OUT2...: a few bytes
of their metadata are changed.

One kind of block an image: superblock, group descriptors, bitmaps, inodes, directory blocks, the
root of an index, extent and indirect blocks, attribute blocks, the journal's superblock, its log;
debugfs says where they are. BASE has metadata_csum, BASE.nocsum has not, so that damage reaches the
code behind the checksums, BASE.old has no extents either, BASE.inline has files and directories in
their inodes and attributes in inodes of their own; BASE.log and so on are the same with a log to
replay. Prints a line an image: what was done.
"""
import random, re, struct, subprocess, sys


def debugfs(image, *requests):
    script = "\n".join(requests) + "\n"
    return subprocess.run(["debugfs", "-f", "-", image], input=script, capture_output=True, text=True).stdout


def numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


def ranges(text):
    out = []
    for a, b in re.findall(r"(\d+)(?:-(\d+))?", text):
        out += range(int(a), int(b or a) + 1)
    return out


def mapped(stat):
    """What a stat says of the blocks, without those that map them."""
    parts = re.split("EXTENTS:|BLOCKS:", stat)  # none: it lies in its inode
    return re.sub(r"\((?:ETB\d+|IND|DIND|TIND)\):\d+,?", "", parts[1]) if len(parts) > 1 else ""


def survey(image):
    """kind -> [(block, first byte, bytes)]"""
    with open(image, "rb") as f:
        f.seek(1024)
        sb = f.read(1024)
    bs = 1024 << struct.unpack_from("<I", sb, 24)[0]
    inode_size = struct.unpack_from("<H", sb, 88)[0]
    per_group = struct.unpack_from("<I", sb, 40)[0]
    kinds = {"super": [(0, 1024, 256), (0, 1024, 1024)] if bs > 1024 else [(1, 0, 256), (1, 0, 1024)]}
    stats = debugfs(image, "stats")
    groups = re.findall(r"block bitmap at (\d+).*?inode bitmap at (\d+).*?inode table at (\d+)", stats, re.S)
    kinds["descriptors"] = [(1 if bs > 1024 else 2, 0, 64 * len(groups))]
    kinds["block bitmap"] = [(int(g[0]), 0, bs) for g in groups]
    kinds["inode bitmap"] = [(int(g[1]), 0, per_group // 8) for g in groups]
    # the inodes of the tree: their slots, what maps them, their attributes
    slots, dirs, extents, attrs = [], [], [], []
    used = {2: True, 8: False}
    listing = debugfs(image, *["ls -p %s" % d for d in ("/", "/big", "/small", "/small/deeper", "/many")])
    for ino, mode in re.findall(r"^/(\d+)/(\d+)/", listing, re.M):
        used[int(ino)] = mode.startswith("04")
    chosen = [2, 8] + random.sample(sorted(used), min(60, len(used)))
    big = numbers(debugfs(image, "stat /holes").split("Inode:")[1])[0]
    for ino in set(chosen + [big]):
        g, index = divmod(ino - 1, per_group)
        at = index * inode_size
        slots.append((int(groups[g][2]) + at // bs, at % bs, inode_size))
    names = ["/", "/big", "/small", "/small/deeper", "/many", "/holes", "/tagged", "<8>", "/old"]
    for name in names:
        text = debugfs(image, "stat %s" % name)
        acl = re.search(r"File ACL: (\d+)", text)
        if acl and int(acl[1]):
            attrs.append((int(acl[1]), 0, bs))
        tree = re.findall(r"\((?:ETB\d+|IND|DIND|TIND)\):(\d+)", text)
        extents += [(int(b), 0, min(bs, 200)) for b in tree]
        if "Type: directory" in text:
            data = mapped(text)
            for b in re.findall(r":(\d+(?:-\d+)?)", data):
                dirs += [(n, 0, bs) for n in ranges(b)]
    log = mapped(debugfs(image, "stat <8>"))
    log = [n for b in re.findall(r":(\d+(?:-\d+)?)", log) for n in ranges(b)]
    kinds["inode"] = slots
    kinds["directory"] = dirs
    kinds["index root"] = [(numbers(debugfs(image, "bmap /many 0"))[-1], 0, 300)]
    kinds["extents"] = extents
    kinds["attributes"] = attrs
    kinds["journal super"] = [(log[0], 0, 96)]
    kinds["log"] = [(n, 0, 64) for n in log[1:40]]
    return bs, {k: v for k, v in kinds.items() if v}


def main():
    base, out, units, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    random.seed(seed)
    bases = [base, base + ".nocsum", base + ".old", base + ".inline"]
    found = [survey(b) for b in bases]
    data = {b: open(b, "rb").read() for b in bases + [b + ".log" for b in bases]}
    for unit in range(1, units + 1):
        which = unit % 4
        bs, kinds = found[which]
        kind = sorted(kinds)[(seed * units + unit) // 4 % len(kinds)]
        block, off, size = random.choice(kinds[kind])
        image = bytearray(data[bases[which] + (".log" if kind in ("journal super", "log") else "")])
        done = []
        for _ in range(random.choice((1, 1, 2, 4, 30))):
            at = block * bs + off + random.randrange(size)
            new = random.choice((0, 0xff, 0x7f, 0x80, image[at] ^ 1 << random.randrange(8), random.randrange(256)))
            if new == image[at]:
                new ^= 1
            image[at] = new
            done.append("%d=%02x" % (at, new))
        with open(out + str(unit), "wb") as f:
            f.write(image)
        print("unit %d: %s %s block %d: %s" % (unit, ("checksums,", "no checksums,", "no extents,", "inline,")[which], kind, block, " ".join(done[:6])))


main()
