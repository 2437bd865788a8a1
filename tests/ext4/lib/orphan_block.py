# SPDX-License-Identifier: MIT
"""orphan_block.py IMAGE BLOCK INODE...: writes inode numbers into a block of an ext4's orphan file,
with its checksum."""
import struct
import sys

sys.dont_write_bytecode = True

from ext4_csum import block_size, crc32c, inode_seed, super_block

with open(sys.argv[1], "r+b") as f:
    sb = super_block(f)
    size = block_size(sb)
    ino = struct.unpack_from("<I", sb, 0x280)[0]
    block = int(sys.argv[2])
    f.seek(block * size)
    data = bytearray(f.read(size))
    for i, number in enumerate(sys.argv[3:]):
        struct.pack_into("<I", data, 4 * (i * 7 + 3), int(number))
    # the inode's generation is 0, as mke2fs leaves it
    crc = crc32c(crc32c(inode_seed(sb, ino, 0), struct.pack("<Q", block)), data[:-8])
    struct.pack_into("<I", data, size - 4, crc)
    f.seek(block * size)
    f.write(data)
