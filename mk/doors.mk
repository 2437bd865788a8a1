# SPDX-License-Identifier: MIT
# From objects to build/nestling.
#
#   kernel world objects --ld -r--> kernel.raw.o --ld -r, objcopy--> kernel.o --gcc--> nestling
#                                     |            ^             host objects, doors.o --^
#                                     |-- functions --> gen/ksyms.S
#                                     +-- undefined symbols --> gen/doors.S
#
# `ld -r` gathers all writable data of the kernel world in .kdata and .kbss (mk/kernel.lds). objcopy
# makes local all that the host world does not call (our memcpy and friends above all) and renames
# each undefined symbol X to door_X, which doors.S defines.
#
# All that depends on the set of objects is in $(L), which is $(B) but for MODE=fallen: that links
# the product's objects and two of its own (tests/jail/hole).

# Symbols that are undefined in kernel.o and are no doors: the linker's own and gcov's. Weak ones
# are no doors either: calls without a handler.
NOT_DOORS := ^(door_counting|door_counts|__kdata_start|__kbss_start|__kdata_end|__image_start|__image_end|__executable_start|etext|_etext|_end|end|__start_.*|__stop_.*|__gcov_.*|ksym_table|ksym_count|ksym_names|_GLOBAL_OFFSET_TABLE_)$$
$(L)/kernel.raw.o: $(KERNEL_OBJ) $(HOLE_KERNEL_OBJ) mk/kernel.lds
	$(call say,LD,$@)
	@mkdir -p $(L)/gen
	$(Q)printf '%s\n' $(KERNEL_OBJ) $(HOLE_KERNEL_OBJ) >$@.list
	$(Q)$(LD) -r -T mk/kernel.lds -o $@ @$@.list

# The symbols of the kernel world that the host world may see: those that it calls, but none that
# its libraries define too. All others become local, so that our strlen, kill or crc32 never takes
# the place of theirs.
$(G)/library.names:
	@mkdir -p $(@D)
	$(Q)$(NM) --defined-only -g $(foreach l,libc.a libgcc.a $(DECOMPRESS_ARCHIVES),$(shell $(CC) -print-file-name=$(l))) 2>/dev/null | \
		awk 'NF == 3 { print $$3 }' | LC_ALL=C sort -u >$@
$(L)/gen/kernel.keep: $(L)/kernel.raw.o $(HOST_OBJ) $(G)/library.names
	$(Q)$(if $(HOST_OBJ),$(NM) -u $(HOST_OBJ) | awk '$$1 == "U" { print $$2 }') | LC_ALL=C sort -u | \
		LC_ALL=C comm -23 - $(G)/library.names >$@
	$(Q)echo kernel_world >>$@
$(L)/gen/kernel.doors: $(L)/kernel.raw.o mk/doors.mk
	$(Q)$(NM) -u $< | awk '$$1 == "U" { print $$2 }' | grep -vE '$(NOT_DOORS)' | LC_ALL=C sort -u >$@ || true

$(L)/gen/doors.S: $(L)/gen/kernel.doors mk/doors.mk
	$(Q){ echo '/* Generated from the undefined symbols of kernel.o; see mk/door.h. */'; echo '#include "mk/door.h"'; \
		sed 's/.*/DOOR &/' $<; } >$@
$(L)/obj/gen/doors.S.o: WFLAGS = $(KFLAGS)
$(L)/obj/gen/doors.S.o: mk/door.h $(wildcard arch/um/layout.h)

# The names of functions for back-traces.
$(L)/gen/ksyms.S: $(L)/kernel.raw.o mk/ksyms.awk
	$(Q)$(NM) -n $< | awk -f mk/ksyms.awk >$@
$(L)/obj/gen/ksyms.S.o: WFLAGS = $(KFLAGS)

$(L)/kernel.o: $(L)/kernel.raw.o $(L)/obj/gen/ksyms.S.o $(L)/gen/kernel.doors $(L)/gen/kernel.keep
	$(call say,OBJCOPY,$@)
	$(Q)sed 's/\(.*\)/\1 door_\1/' $(L)/gen/kernel.doors >$(L)/gen/kernel.redefine
	$(Q)$(LD) -r -o $@.joined $< $(L)/obj/gen/ksyms.S.o
	$(Q)$(OBJCOPY) --redefine-syms=$(L)/gen/kernel.redefine $@.joined $@.tmp
	$(Q)$(OBJCOPY) --keep-global-symbols=$(L)/gen/kernel.keep $@.tmp $@ && rm $@.tmp $@.joined

# PARTIAL=1 links although functions are missing, which then crash when they are called.
LINK = $(CC) -static -no-pie -pthread -Wl,-Ttext-segment=0x60000000 -Wl,--build-id=sha1 -Wl,-z,noexecstack \
	-Wl,-z,max-page-size=4096 -Wl,-T,mk/image.lds \
	$(if $(PARTIAL),-Wl$(comma)--unresolved-symbols=ignore-all)
comma := ,
$(L)/nestling: $(L)/kernel.o $(HOST_OBJ) $(L)/obj/gen/doors.S.o $(B)/obj/gen/slirp_blob.S.o $(HOLE_HOST_OBJ) mk/image.lds
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(L)/kernel.o $(L)/obj/gen/doors.S.o $(B)/obj/gen/slirp_blob.S.o $(HOST_OBJ) $(HOLE_HOST_OBJ) $(DECOMPRESS_LIBS) -lcap $(COVLIBS)

# gdb loads it by itself with the program (tools/gdb; docs/debugging.md).
$(B)/nestling-gdb.py: tools/gdb/nestling-gdb.py
	$(Q)cp $< $@
