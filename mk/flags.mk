# SPDX-License-Identifier: MIT
# Compiler flags of every world, and what MODE changes in them.

CWARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wmissing-prototypes -Wvla -Wundef
CBASE := -std=gnu11 -g -fno-strict-aliasing -fno-common -fwrapv -fno-omit-frame-pointer -I. -I$(B) $(CWARN)
OPT := -O2

# Kernel world: no libc, no FPU, no red zone (a fault may push on our stack), fixed address.
KFLAGS := -ffreestanding -mgeneral-regs-only -mno-red-zone -fno-stack-protector -fno-pie -fno-pic -mcmodel=small \
	-fno-optimize-sibling-calls -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-delete-null-pointer-checks -D__NESTLING_KERNEL__
HFLAGS := -D_GNU_SOURCE -fno-pie -fno-pic -pthread -fcf-protection=none
STUBFLAGS := -ffreestanding -mgeneral-regs-only -fno-stack-protector -fpie -fvisibility=hidden \
	-fno-asynchronous-unwind-tables -fcf-protection=none -fno-tree-loop-distribute-patterns -D__NESTLING_STUB__
VDSOFLAGS := -ffreestanding -mgeneral-regs-only -fno-stack-protector -fPIC -fvisibility=hidden \
	-fcf-protection=none -fno-tree-loop-distribute-patterns -D__NESTLING_VDSO__
TOOLFLAGS := -D_GNU_SOURCE -pthread

# Sanitizers and coverage instrument the kernel world only.
KSAN :=
ifneq ($(filter debug ubsan asan,$(MODE)),)
CBASE += -DCONFIG_DEBUG=1
endif
ifeq ($(MODE),debug)
OPT := -Og
KSAN := -ftrivial-auto-var-init=pattern
endif
ifeq ($(MODE),ubsan)
CBASE += -DCONFIG_UBSAN=1
KSAN := -fsanitize=undefined -fno-sanitize=pointer-overflow,alignment,signed-integer-overflow,vptr
endif
ifeq ($(MODE),asan)
CBASE += -DCONFIG_ASAN=1
KSAN := -fsanitize=kernel-address --param asan-instrumentation-with-call-threshold=0 --param asan-globals=0 \
	--param asan-stack=0
endif
ifeq ($(MODE),cov)
CBASE += -DCONFIG_COV=1
KSAN := -fprofile-arcs -ftest-coverage -fprofile-update=atomic -fprofile-abs-path
HCOV := -DCONFIG_COV_HOST=1
COVLIBS := -Wl,-u,__gcov_dump -lgcov
endif
# File systems count their edges for a fuzzer (kernel/lib/debug/cover.c); nothing else does, as the
# rest of the kernel runs for every task of the guest.
ifeq ($(MODE),cover)
CBASE += -DCONFIG_COVER=1
EDGES := -fsanitize-coverage=trace-pc
endif

DEPFLAGS = -MMD -MP -MF $(@:.o=.d)
