# SPDX-License-Identifier: MIT
"""A task's memory: its areas, and its bytes through its page table and the page cache."""
import gdb

from .base import KERNEL_MAP_BASE, PAGE, list_entries, radix_lookup, read, report, static, symbol, text, word
from .tasks import action, parse
from .vfs import file_text

PFN_MASK = 0x000FFFFFFFFFF000


def areas(mm):
    return list_entries(mm["mmap_list"], "struct vm_area", "vm_list")


def rights(v):
    flags = int(v["vm_flags"])
    return "".join(c if flags & bit else "-" for c, bit in (("r", 1), ("w", 2), ("x", 4))) + ("s" if flags & 8 else "p")


def area_name(mm, v):
    if int(v["vm_file"]):
        return file_text(v["vm_file"])
    if int(v["vm_name"]):
        return text(v["vm_name"])
    start, end = int(v["vm_start"]), int(v["vm_end"])
    if start <= int(mm["start_stack"]) < end:
        return "[stack]"
    if start <= int(mm["brk"]) and end >= int(mm["start_brk"]) and int(mm["brk"]) > int(mm["start_brk"]):
        return "[heap]"
    return ""


def frame_of(page):
    """Returns the frame's address for a struct page: of physmem, or of a disk's file that is mapped (kernel/mm/frame/region.c)."""
    mem_map = symbol("mem_map")
    size = mem_map.dereference().type.sizeof
    regions = static("mm_add_region", "regions")
    for i in range(int(static("mm_add_region", "nr_regions"))):
        n = (page - int(regions[i]["map"])) // size
        if 0 <= n < int(regions[i]["nr"]):
            return KERNEL_MAP_BASE + (int(regions[i]["start"]) + n) * PAGE
    return KERNEL_MAP_BASE + (page - int(mem_map)) // size * PAGE


def frame_content(address):
    """Returns the bytes of a frame, or None for a frame of a disk's file in a core, which has no copy of that file."""
    try:
        return read(address, PAGE)
    except gdb.MemoryError:
        if address - KERNEL_MAP_BASE < int(symbol("max_pfn")) * PAGE:
            raise
        return None


def cached_page(mapping, index):
    """Returns the page cache's copy of a page of a file, or None."""
    page = radix_lookup(mapping["pages"], index)
    return frame_content(frame_of(page)) if page else None


def entry(mm, va):
    """Returns the page table's entry, or 0."""
    table = int(mm["pmap"]["root"])
    for level in (3, 2, 1, 0):
        e = word(table + 8 * ((va >> (12 + 9 * level)) & 511))
        if not e or not level:
            return e
        table = KERNEL_MAP_BASE + (e & PFN_MASK)


def page_at(mm, v, va):
    """Returns a page of an area as the guest sees it: by its entry in the page table, else zeros in
    an area without a file, else from the page cache; None if the page is only on the disk."""
    e = entry(mm, va)
    if e:
        return frame_content(KERNEL_MAP_BASE + (e & PFN_MASK))
    if not int(v["vm_mapping"]):
        return bytes(PAGE)
    return cached_page(v["vm_mapping"], int(v["vm_pgoff"]) + (va - int(v["vm_start"])) // PAGE)


def guest_read(mm, address, size):
    out = b""
    for v in areas(mm):
        start, end = int(v["vm_start"]), int(v["vm_end"])
        while start <= address < end and len(out) < size:
            page = page_at(mm, v, address & ~(PAGE - 1))
            if page is None:
                raise gdb.GdbError("%#x is not in memory" % address)
            piece = page[address & (PAGE - 1):][:size - len(out)]
            out, address = out + piece, address + len(piece)
        if len(out) == size:
            return out
    raise gdb.GdbError("%#x is not mapped" % address)


@action("vmas")
def vmas(t, rest):
    mm = t["mm"]
    if not int(mm):
        print("  a kernel thread has no memory of its own")
        return
    for v in areas(mm):
        print("  %012x-%012x %s %08x %s" % (int(v["vm_start"]), int(v["vm_end"]), rights(v), int(v["vm_pgoff"]) * PAGE, area_name(mm, v)))


class GuestX(gdb.Command):
    """nest x TASK ADDRESS [BYTES]: memory of a guest program, as that task sees it (64 bytes)."""

    def __init__(self):
        super().__init__("nest x", gdb.COMMAND_DATA)

    @report
    def invoke(self, arg, tty):
        words = gdb.string_to_argv(arg)
        if len(words) not in (2, 3):
            raise gdb.GdbError("nest x TASK ADDRESS [BYTES]")
        t = parse(words[0])
        address, size = int(gdb.parse_and_eval(words[1])), int(words[2]) if len(words) > 2 else 64
        if not int(t["mm"]):
            raise gdb.GdbError("a kernel thread has no memory of its own")
        data = guest_read(t["mm"], address, min(size, 1 << 16))
        for i in range(0, len(data), 16):
            line = data[i:i + 16]
            print("%012x  %-47s  %s" % (address + i, line.hex(" "), "".join(chr(c) if 32 <= c < 127 else "." for c in line)))


GuestX()
