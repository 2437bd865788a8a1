# SPDX-License-Identifier: MIT
"""index_root.py IMAGE BLOCK INODE GENERATION: the root of a directory's index as Linux leaves it
when the directory grows beyond one block: the reserved word before its checksum is the end of the
tail that the block had as a block of entries."""
import struct
import sys

sys.dont_write_bytecode = True

from ext4_csum import block_size, crc32c, inode_seed, super_block

ENTRIES = 32  # "." and "..", each of twelve bytes, and eight of the index's own

with open(sys.argv[1], "r+b") as f:
    sb = super_block(f)
    size = block_size(sb)
    block, ino, generation = (int(a) for a in sys.argv[2:5])
    f.seek(block * size)
    data = bytearray(f.read(size))
    limit, count = struct.unpack_from("<HH", data, ENTRIES)
    if limit != (size - ENTRIES - 8) // 8:
        sys.exit("not the root of an index")
    reserved = struct.pack("<HBB", 12, 0, 0xDE)
    crc = crc32c(inode_seed(sb, ino, generation), data[: ENTRIES + 8 * count])
    crc = crc32c(crc32c(crc, reserved), bytes(4))
    data[-8:] = reserved + struct.pack("<I", crc)
    f.seek(block * size)
    f.write(data)
