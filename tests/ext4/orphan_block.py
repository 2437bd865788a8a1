# SPDX-License-Identifier: MIT
"""orphan_block.py IMAGE BLOCK INODE...: writes inode numbers into a block of an ext4's orphan file, with its checksum."""
import struct
import sys

POLY = 0x82F63B78


def crc32c(crc, data):
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLY if crc & 1 else 0)
    return crc


with open(sys.argv[1], "r+b") as f:
    f.seek(1024)
    sb = f.read(1024)
    size = 1024 << struct.unpack_from("<I", sb, 24)[0]
    ino = struct.unpack_from("<I", sb, 0x280)[0]
    seed = struct.unpack_from("<I", sb, 0x270)[0] if struct.unpack_from("<I", sb, 96)[0] & 0x2000 else crc32c(0xFFFFFFFF, sb[104:120])
    block = int(sys.argv[2])
    f.seek(block * size)
    data = bytearray(f.read(size))
    for i, number in enumerate(sys.argv[3:]):
        struct.pack_into("<I", data, 4 * (i * 7 + 3), int(number))
    # the inode's generation is 0, as mke2fs leaves it
    crc = crc32c(crc32c(crc32c(crc32c(seed, struct.pack("<I", ino)), struct.pack("<I", 0)), struct.pack("<Q", block)), data[:-8])
    struct.pack_into("<I", data, size - 4, crc)
    f.seek(block * size)
    f.write(data)
