# SPDX-License-Identifier: MIT
# nestctl, an ordinary host program, and the static init that it carries for `nestctl run`; the
# helper of eth0=slirp, which the kernel's program carries.

# nestctl reads and writes disk images with objects of drivers/ubd, which the kernel's program has
# too.
NESTCTL_OBJ := $(call obj,$(NESTCTL_SRC))
NESTCTL_IMAGE_OBJ := $(call obj,$(NESTCTL_IMAGE_SRC))
IMAGE_OBJ := $(patsubst %,$(B)/obj/drivers/ubd/%_host.o,image chain holder layer media cow cow3 cow4 cow4_header cow4_pack cow4_table backup copy part trust)
$(NESTCTL_OBJ) $(NESTCTL_IMAGE_OBJ): WFLAGS = $(TOOLFLAGS)
$(NESTCTL_OBJ): | $(G)/build_id.h
$(B)/obj/tools/nestctl/run/init_blob.o: WFLAGS = -DINIT_PATH='"$(B)/init"'
$(B)/obj/tools/nestctl/run/init_blob.o: $(B)/init

# Programs of the guest are static and linked with musl, if the machine has it. The init is then a
# tenth as large as with glibc, and each instance and each state has a copy of it in memory. musl's
# compiler does not look for the headers of Linux. fts.h, which is tested for, is Debian's addition
# to musl.
MUSL := $(shell printf '\043include <fts.h>\n' | musl-gcc -E - >/dev/null 2>&1 && echo y)
MUSL_CC := musl-gcc -isystem $(G)/uapi
GUEST_CC := $(if $(MUSL),$(MUSL_CC),$(CC))
ifneq ($(shell cat $(G)/guest_cc 2>/dev/null),$(GUEST_CC))
$(G)/guest_cc: FORCE
endif
$(G)/guest_cc:
	@mkdir -p $(G)/uapi && for d in linux asm asm-generic; do \
		file=$$(echo '#include <'$$d/errno.h'>' | $(CC) -E - | \
			sed -n 's,^# [0-9]* "\(/.*/'$$d'/errno.h\)".*,\1,p' | head -n 1); \
		[ -n "$$file" ] && ln -sfn "$${file%/*}" $(G)/uapi/$$d || exit 1; \
	done
	@for h in zlib zconf; do \
		file=$$(echo '#include <'$$h.h'>' | $(CC) -E - | \
			sed -n 's,^# [0-9]* "\(/.*/'$$h'.h\)".*,\1,p' | head -n 1); \
		[ -n "$$file" ] && ln -sfn "$$file" $(G)/uapi/$$h.h || exit 1; \
	done
	@echo '$(GUEST_CC)' >$@

INIT_OBJ := $(call obj,$(INIT_SRC))
# The agent of `nestctl build` runs in the guest, too; it looks up users and executes commands as
# init does.
BUILD_AGENT_OBJ := $(call obj,$(BUILD_AGENT_SRC))
AFL_AGENT_OBJ := $(call obj,$(AFL_AGENT_SRC))
GUEST_OBJ := $(INIT_OBJ) $(BUILD_AGENT_OBJ) $(AFL_AGENT_OBJ)
$(GUEST_OBJ): WFLAGS = -D_GNU_SOURCE -Os
$(GUEST_OBJ): private CC = $(GUEST_CC)
$(GUEST_OBJ): $(G)/guest_cc
$(B)/init: $(INIT_OBJ)
$(B)/build-agent: $(BUILD_AGENT_OBJ) $(patsubst %,$(B)/obj/tools/init/%.o,command hosts resolv settings)
$(B)/afl-agent: $(AFL_AGENT_OBJ)
$(B)/init $(B)/build-agent $(B)/afl-agent:
	$(call say,LINK,$@)
	$(Q)$(GUEST_CC) -static -s -o $@ $^
$(B)/obj/tools/nestctl/build/agent_blob.o: WFLAGS = -DAGENT_PATH='"$(B)/build-agent"'
$(B)/obj/tools/nestctl/build/agent_blob.o: $(B)/build-agent

# nestctl is static: it starts quickly, and in a container or an instance without libraries. It is
# linked with musl, too, if the machine has it: in a virtual machine, most of the time that glibc
# takes to start goes to cpuid, since each of dozens leaves the virtual machine. The image commands
# need libarchive and libext2fs and are a second program, which nestctl executes. It has glibc, and
# its own objects of what both programs use.
SHARED_OBJ := $(filter-out %/nestctl/core/main.o,$(NESTCTL_OBJ)) $(IMAGE_OBJ) $(B)/obj/os-linux/cgroup.o \
	$(patsubst %,$(B)/obj/os-linux/jail/%.o,dynamic filter names rights)
static-obj = $(if $(MUSL),$(patsubst $(B)/obj/%,$(B)/musl/%,$(1)),$(1))
AFL_OBJ := $(call obj,$(AFL_SRC))
STATIC_OBJ := $(call static-obj,$(filter-out %_blob.o,$(SHARED_OBJ) $(AFL_OBJ) $(B)/obj/tools/nestctl/core/main.o))
ifneq ($(MUSL),)
$(STATIC_OBJ): WFLAGS = $(TOOLFLAGS) -fno-pie -include os-linux/musl.h
$(STATIC_OBJ): private CC = $(MUSL_CC)
$(STATIC_OBJ): $(G)/guest_cc | $(GEN_HDR)
$(foreach ext,c S,$(eval $(call object-rule-in,$(B)/musl,%.o,%.$(ext))))
endif
LINK_STATIC = $(if $(MUSL),$(MUSL_CC),$(CC)) -static -no-pie -pthread
LIBS_STATIC := -Wl,--start-group $(if $(MUSL),$(foreach l,crypt z,$(shell $(CC) -print-file-name=lib$(l).a)),-lcrypt -lz)
$(B)/shared.a: $(SHARED_OBJ)
$(B)/static.a: $(call static-obj,$(filter-out %_blob.o,$(SHARED_OBJ))) $(filter %_blob.o,$(SHARED_OBJ))
$(B)/shared.a $(B)/static.a:
	$(Q)rm -f $@ && ar rcs $@ $^
$(B)/nestctl: $(call static-obj,$(B)/obj/tools/nestctl/core/main.o) $(B)/static.a
	$(call say,LINK,$@)
	$(Q)$(LINK_STATIC) -o $@ $(LIBS_STATIC) $^ -Wl,--end-group
$(B)/nestctl-image: $(NESTCTL_IMAGE_OBJ) $(B)/shared.a
	$(call say,LINK,$@)
	$(Q)$(CC) -no-pie -pthread -o $@ $^ -lext2fs -lcom_err -larchive -lcrypt -lz

# afl-nestling carries its agent for the guest, and starts instances by nestctl's code.
$(AFL_OBJ): WFLAGS = $(TOOLFLAGS)
$(B)/obj/tools/afl-nestling/agent_blob.o: WFLAGS = -DAGENT_PATH='"$(B)/afl-agent"'
$(B)/obj/tools/afl-nestling/agent_blob.o: $(B)/afl-agent
$(B)/afl-nestling: $(call static-obj,$(filter-out %_blob.o,$(AFL_OBJ))) $(filter %_blob.o,$(AFL_OBJ)) $(B)/static.a
	$(call say,LINK,$@)
	$(Q)$(LINK_STATIC) -o $@ $(LIBS_STATIC) $^ -Wl,--end-group

# Without libslirp's header the kernel is built all the same and refuses eth0=slirp with the reason.
SLIRP_OBJ := $(call obj,$(SLIRP_SRC))
$(SLIRP_OBJ): WFLAGS = $(TOOLFLAGS)
ifneq ($(wildcard /usr/include/slirp/libslirp.h),)
$(B)/slirp-helper: $(SLIRP_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) -s -o $@ $(SLIRP_OBJ) -lslirp
else
$(B)/slirp-helper:
	@mkdir -p $(@D); : >$@
endif
$(G)/slirp_blob.S: mk/tools.mk
	@mkdir -p $(@D)
	@printf '.section .rodata\n.globl slirp_helper_start, slirp_helper_end\n.balign 16\nslirp_helper_start:\n.incbin "%s"\nslirp_helper_end:\n.byte 0\n' \
		$(B)/slirp-helper >$@
	@printf '.section .note.GNU-stack,"",@progbits\n' >>$@
SLIRP_BLOB := $(B)/obj/gen/slirp_blob.S.o
$(SLIRP_BLOB): WFLAGS = $(HFLAGS)
$(SLIRP_BLOB): $(B)/slirp-helper
