# SPDX-License-Identifier: MIT
# endless.py DIR: small images that say they have huge directories, DIR/sq (squashfs), DIR/iso (ISO
# 9660); and DIR/fat: one whose chains go round.
import struct, sys, zlib

where = sys.argv[1]


def squashfs():
    run = struct.pack('<III', 255, 0, 1)
    run += (struct.pack('<HhHH', 0, 0, 1, 0) + b'a') * 256
    size = 100 << 20
    listing = (run * (size // len(run) + 1))[:size // len(run) * len(run)]
    meta = lambda b: struct.pack('<H', len(z := zlib.compress(b))) + z
    plain = lambda b: struct.pack('<H', len(b) | 0x8000) + b
    # the listing's pattern comes again after so many blocks: each is compressed once
    known, table = {}, bytearray()
    for at in range(0, len(listing), 8192):
        b = listing[at:at + 8192]
        if b not in known:
            known[b] = meta(b)
        table += known[b]
    inode = struct.pack('<HHHHII', 8, 0o755, 0, 0, 0, 1) + struct.pack('<IIIIHHI', 2, len(listing) + 3, 0, 1, 0, 0, 0xffffffff)
    inodes = plain(inode)
    inode_table = 96
    directory_table = inode_table + len(inodes)
    ids = directory_table + len(table)
    id_table = ids + 6
    end = id_table + 8
    sb = struct.pack('<IIIIIHHHHHHQQQQQQQQ', 0x73717368, 1, 0, 4096, 0, 1, 12, 0, 1, 4, 0, 0, end, id_table, 2**64 - 1,
                     inode_table, directory_table, 2**64 - 1, 2**64 - 1)
    image = sb + inodes + table + plain(struct.pack('<I', 0)) + struct.pack('<Q', ids)
    with open(where + '/sq', 'wb') as f:
        f.write(image + bytes(-len(image) % 4096))


def both(n, width):
    c = 'I' if width == 4 else 'H'
    return struct.pack('<' + c, n) + struct.pack('>' + c, n)


def record(extent, size, flags, name):
    r = both(extent, 4) + both(size, 4) + bytes(7) + bytes([flags, 0, 0]) + both(1, 2) + bytes([len(name)]) + name
    r += bytes((len(r) + 2) % 2)
    return bytes([len(r) + 2, 0]) + r


def iso():
    first = 20
    sectors = 128 << 9  # 128 MiB
    root = record(first, sectors * 2048, 2, b'\0')
    vd = b'\1CD001\1\0' + bytes(72) + both(first + sectors, 4) + bytes(32) + both(1, 2) * 2 + both(2048, 2) + bytes(24) + root
    dots = root + record(first, sectors * 2048, 2, b'\1')
    one = record(first, 1, 0, b'A')
    fill = lambda head: head + one * ((2048 - len(head)) // len(one))
    pad = lambda b: b + bytes(-len(b) % 2048)
    with open(where + '/iso', 'wb') as f:
        f.write(bytes(16 * 2048) + pad(vd) + pad(b'\xffCD001\1') + bytes(2 * 2048) + pad(fill(dots)) + pad(fill(b'')) * (sectors - 1))


def fat():
    # FAT32 of clusters of 512 bytes; the file's chain goes round through 40 of them, and so does
    # the folder's
    clusters, reserved = 20 << 20, 32
    sectors = clusters * 4 // 512
    boot = bytearray(512)
    struct.pack_into('<3s8sHBHBHHBHHHII', boot, 0, b'\xeb\x58\x90', b'mkfs.fat', 512, 1, reserved, 1, 0, 0, 0xf8, 0, 32, 2, 0,
                     reserved + sectors + clusters)
    struct.pack_into('<IHHIHH', boot, 36, sectors, 0, 0, 2, 0, 0)
    boot[510:512] = b'\x55\xaa'
    slot = lambda name, attr, start, size: struct.pack('<11sBBBHHHHHHHI', name, attr, 0, 0, 0, 0, 0, start >> 16, 0, 0, start & 0xffff, size)
    chain = [0x0ffffff8, 0x0fffffff, 0x0fffffff]
    chain += [4 + i for i in range(40)]
    chain[42] = 3
    with open(where + '/fat', 'wb') as f:
        f.write(boot)
        f.seek(reserved * 512)
        f.write(struct.pack('<%dI' % len(chain), *chain))
        f.seek((reserved + sectors) * 512)
        f.write(slot(b'FILE       ', 0, 3, 0xffffffff) + slot(b'FOLDER     ', 0x10, 3, 0))
        f.truncate((reserved + sectors + clusters) * 512)


squashfs()
iso()
fat()
