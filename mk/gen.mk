# SPDX-License-Identifier: MIT
# Generated sources, all in $(B)/gen (included as "gen/x.h").

G := $(B)/gen
SYSCALLS_TBL := kernel/syscall/syscalls.tbl
GEN_SYSCALLS := tools/gen-syscalls.awk
HAVE_SYSCALLS := $(and $(wildcard $(SYSCALLS_TBL)),$(wildcard $(GEN_SYSCALLS)))

GEN_HDR := $(G)/stub_syms.h $(if $(HAVE_SYSCALLS),$(G)/syscalls.h $(G)/host_calls.h) $(G)/build_id.h
GEN_SRC := $(if $(HAVE_SYSCALLS),$(G)/syscalls_table.c) $(G)/blobs.S

$(G)/syscalls.h: $(SYSCALLS_TBL) $(GEN_SYSCALLS)
	@mkdir -p $(@D)
	$(Q)awk -v mode=header -f $(GEN_SYSCALLS) $< >$@
$(G)/syscalls_table.c: $(SYSCALLS_TBL) $(GEN_SYSCALLS)
	@mkdir -p $(@D)
	$(Q)awk -v mode=table -f $(GEN_SYSCALLS) $< >$@
$(G)/host_calls.h: $(SYSCALLS_TBL)
	@mkdir -p $(@D)
	$(Q)awk -F '|' '/^[0-9]/ { printf "[%d] = \"%s\",\n", $$1, $$2 }' $< >$@

# What `--version` says. Written again only when it changes.
$(G)/build_id.h: FORCE
	@mkdir -p $(@D)
	@v=$$(git describe --always --dirty 2>/dev/null || echo unknown); \
	printf '#define NESTLING_VERSION "%s"\n#define NESTLING_MODE "%s"\n' "$$v" "$(or $(filter-out fallen,$(MODE)),release)" >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: FORCE
FORCE:

# The stub: a static, position-independent program of its own, linked at 0, and the addresses of its
# symbols for skas/*.c.
STUB_OBJ := $(STUB_SRC:%=$(B)/obj/%.o)
ifneq ($(STUB_SRC),)
$(B)/stub.elf: $(STUB_OBJ) skas/stub/stub.ld
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -static -Wl,-T,skas/stub/stub.ld -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack \
		-o $@ $(STUB_OBJ)
else
$(B)/stub.elf:
	@mkdir -p $(@D); : >$@
endif
$(G)/stub_syms.h: $(B)/stub.elf
	@mkdir -p $(@D)
	$(Q){ echo '/* Addresses of the symbols of stub.elf; generated. */'; [ ! -s $< ] || $(NM) $< | \
		awk '$$2 ~ /[A-Za-z]/ && $$3 ~ /^[A-Za-z_][A-Za-z0-9_]*$$/ { print "#define STUB_SYM_" $$3 " 0x" $$1 "ULL" }' | \
		sort -u; } >$@

# The vDSO image that guests see.
VDSO_OBJ := $(VDSO_SRC:%=$(B)/obj/%.o)
ifneq ($(VDSO_SRC),)
$(B)/vdso.so: $(VDSO_OBJ) $(wildcard arch/um/vdso/vdso.lds)
	$(call say,LD,$@)
	$(Q)$(CC) -nostdlib -shared -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both -Wl,-Bsymbolic -Wl,--build-id=sha1 \
		-Wl,-T,arch/um/vdso/vdso.lds -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -o $@.dbg $(VDSO_OBJ)
	$(Q)$(OBJCOPY) -S $@.dbg $@
else
$(B)/vdso.so:
	@mkdir -p $(@D); : >$@
endif

# The stub and the vDSO go into the kernel world's read-only data.
$(G)/blobs.S: mk/gen.mk
	@mkdir -p $(@D)
	@for b in stub_elf:stub.elf vdso_so:vdso.so; do n=$${b%%:*}; f=$(B)/$${b#*:}; \
	printf '.section .rodata\n.globl %s_start, %s_end\n.balign 4096\n%s_start:\n.incbin "%s"\n%s_end:\n.balign 4096\n' \
		$$n $$n $$n $$f $$n; done >$@
	@printf '.section .note.GNU-stack,"",@progbits\n' >>$@
$(B)/obj/gen/blobs.S.o: $(B)/stub.elf $(B)/vdso.so
