# SPDX-License-Identifier: MIT
"""What writers of checksums into an ext4 image share."""
import struct

POLY = 0x82F63B78


def crc32c(crc, data):
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLY if crc & 1 else 0)
    return crc


def super_block(f):
    f.seek(1024)
    return f.read(1024)


def block_size(sb):
    return 1024 << struct.unpack_from("<I", sb, 24)[0]


def seed_of(sb):
    return struct.unpack_from("<I", sb, 0x270)[0] if struct.unpack_from("<I", sb, 96)[0] & 0x2000 else crc32c(0xFFFFFFFF, sb[104:120])


def inode_seed(sb, ino, generation):
    return crc32c(crc32c(seed_of(sb), struct.pack("<I", ino)), struct.pack("<I", generation))
