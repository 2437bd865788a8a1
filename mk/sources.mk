# SPDX-License-Identifier: MIT
# Which file belongs to which world: told by its path alone.

find-src = $(sort $(patsubst ./%,%,$(shell find $(1) \( -name '*.c' -o -name '*.S' \) 2>/dev/null)))

HOST_SRC := $(call find-src,os-linux) $(filter %_host.c,$(call find-src,drivers))
KERNEL_SRC := $(filter-out arch/um/vdso/%,$(call find-src,arch/um)) \
	$(filter-out skas/stub/%,$(call find-src,skas)) \
	$(call find-src,kernel) $(filter-out %_host.c,$(call find-src,drivers))
# The planted hole of MODE=fallen: no other build has it.
HOLE_SRC := $(if $(filter fallen,$(MODE)),$(call find-src,tests/jail/hole))
STUB_SRC := $(call find-src,skas/stub)
VDSO_SRC := $(call find-src,arch/um/vdso)
# Files that need shared libraries belong to nestctl-image (mk/tools.mk).
NESTCTL_IMAGE_SRC := $(patsubst %,tools/nestctl/image/%.c, \
	image_main archive blob build bundle busybox copy export ext4_image import layers oci oci_config tree)
BUILD_AGENT_SRC := $(call find-src,tools/nestctl/build/agent)
BUILD_SRC := $(filter-out $(BUILD_AGENT_SRC),$(call find-src,tools/nestctl/build))
NESTCTL_IMAGE_SRC += $(filter-out $(patsubst %,tools/nestctl/build/%.c,cache_files rows tag),$(BUILD_SRC))
NESTCTL_SRC := $(filter-out $(NESTCTL_IMAGE_SRC) $(BUILD_AGENT_SRC),$(call find-src,tools/nestctl))
AFL_AGENT_SRC := $(call find-src,tools/afl-nestling/agent)
AFL_SRC := $(filter-out $(AFL_AGENT_SRC),$(call find-src,tools/afl-nestling))
INIT_SRC := $(call find-src,tools/init)
SLIRP_SRC := $(call find-src,tools/slirp)
