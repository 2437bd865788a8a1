# SPDX-License-Identifier: MIT
#
# Nestling's build. `make` builds build/nestling (the kernel), build/nestctl (its command line) and
# their helpers; `make help` lists the other targets. MODE=debug|ubsan|asan|cov|cover builds into
# build/MODE/ instead of build/. MODE=fallen links the objects of build/ once more, with a planted
# hole, to build/fallen/nestling (docs/debugging.md).
#
# The sources live in worlds, told apart by path alone (docs/architecture.md, Law 1):
#   kernel world  arch/um skas kernel drivers       freestanding, linked with `ld -r` into kernel.o
#                 (but *_host.c)
#   host world    os-linux and drivers/**/*_host.c  libc allowed
#   stub world    skas/stub                         freestanding, position independent, embedded as
#                                                   stub.elf
#   vdso          arch/um/vdso                      a shared object for the guest, embedded as
#                                                   vdso.so
# A function that kernel.o calls and does not define is a door: a generated thunk
# (build/gen/doors.S) enters the host world on the vCPU's host stack. See mk/doors.mk for how the
# pieces are joined.

MAKEFLAGS += -rR
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash

MODE ?=
ifeq ($(filter $(MODE),debug ubsan asan cov cover fallen),$(MODE))
else
$(error MODE is '$(MODE)'; it must be debug, ubsan, asan, cov, cover, fallen or empty)
endif
# The folder of the objects, and the folder of the program that is linked from them.
B := build$(if $(filter-out fallen,$(MODE)),/$(MODE))
L := $(if $(filter fallen,$(MODE)),build/fallen,$(B))

CC := gcc
LD := ld
OBJCOPY := objcopy
NM := nm
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

.PHONY: all objs
ifeq ($(MODE),fallen)
# Other targets would use build/nestling, which no rule makes in this mode.
ifneq ($(filter-out all build/fallen/nestling,$(MAKECMDGOALS)),)
$(error MODE=fallen makes build/fallen/nestling, and nothing else)
endif
all: $(L)/nestling
else
all: $(B)/nestling $(B)/nestctl $(B)/nestctl-image $(B)/afl-nestling $(B)/nestling-gdb.py
endif

include mk/flags.mk
include mk/sources.mk
include mk/gen.mk
include mk/objects.mk
include mk/decompress.mk
include mk/doors.mk
include mk/tools.mk
include mk/targets.mk

-include $(foreach d,$(wildcard $(sort $(B)/obj $(L)/obj $(B)/musl)),$(shell find $(d) -name '*.d'))
