# SPDX-License-Identifier: MIT
#
# gdb loads this file by itself when it opens the kernel's program, because of its name and place:
# nestling-gdb.py beside nestling. (gdb does so only in a trusted folder: `add-auto-load-safe-path
# DIR`, which `nestctl gdb` sets.) The helper itself is in nestling_gdb/: beside this file, in the
# source tree, or where `make install` has put it.
import os
import sys

import gdb


def _nestling_load():
    program = gdb.current_objfile().filename if gdb.current_objfile() else __file__
    here = os.path.dirname(os.path.realpath(program))
    for place in ("", "../tools/gdb", "../../tools/gdb", "../share/nestling/gdb"):
        folder = os.path.normpath(os.path.join(here, place))
        if os.path.isdir(os.path.join(folder, "nestling_gdb")):
            if folder not in sys.path:
                sys.path.insert(0, folder)
            import nestling_gdb

            nestling_gdb.setup(gdb.current_objfile())
            return
    print("nestling: nestling_gdb/ is not beside %s: no commands for guest tasks" % here)


_nestling_load()
