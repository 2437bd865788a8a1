/* SPDX-License-Identifier: MIT */
/*
 * layout.h: the address map. Constants only: C, assembly and the linker script's generator include
 * it.
 *
 * Kernel process ("nestling"):
 *   0x0000'6000'0000   the kernel image, static, at most 64 MiB
 *   KERNEL_MAP_BASE    direct map: frame pfn of region 0 (physmem) is at KERNEL_MAP_BASE + pfn *
 *                      4096; other regions follow, each at the address of its first frame number,
 *                      in the upper half
 *   KSTACK_BASE        window of kernel stacks, KSTACK_ALIGN each, guard in the lower half
 *   INITRD_BASE        the host's file of initrd=, until it is unpacked
 *   REGION_PAGES_BASE  the struct pages of the other regions' frames, and a bit for each
 *                      frame that the host has lost (arch/um/machine/region.c)
 *   ASAN_SHADOW_BASE   MODE=asan: a shadow byte for eight bytes of the direct map
 *   CTL_MAP_BASE       the control file of all spaces (skas/stub_abi.h): shared with them, rebuilt
 *                      after a restore
 * Space processes: a guest may map from MMAP_MIN_ADDR to the stub. TASK_SIZE is not a constant: the
 * usable top is probed (arch_task_size()), since a nested instance has fewer addresses.
 */
#ifndef NESTLING_ARCH_LAYOUT_H
#define NESTLING_ARCH_LAYOUT_H

#define KERNEL_IMAGE_BASE 0x60000000
#ifdef __NESTLING_UNIT__
/* the host's sanitizer uses the other address */
#define KERNEL_MAP_BASE 0x200000000000
#else
#define KERNEL_MAP_BASE 0x600000000000
#endif
#define KERNEL_MAP_SIZE 0x010000000000 /* 1 TiB of addresses */
#define ASAN_SHADOW_BASE 0x5e0000000000
#define KSTACK_BASE 0x620000000000
#define KSTACK_WINDOW 0x001000000000
#define INITRD_BASE 0x624000000000
#define REGION_PAGES_BASE 0x628000000000
#define CTL_MAP_BASE 0x630000000000

#ifdef CONFIG_DEBUG
#define KSTACK_SIZE 0x10000
#define KSTACK_ALIGN 0x20000
#else
#define KSTACK_SIZE 0x4000
#define KSTACK_ALIGN 0x8000
#endif

/*
 * A kernel stack is an aligned block of KSTACK_ALIGN bytes. The lower half is unmapped; the stack
 * is the upper half (KSTACK_SIZE bytes from +KSTACK_ALIGN/2). Its lowest 64 bytes hold struct
 * kstack_head: the task at +0 and the host stack pointer of the vCPU that runs it at +8, which
 * doors use to switch stacks (build/gen/doors.S).
 */
#define KSTACK_HEAD_TASK 0
#define KSTACK_HEAD_HOST_SP 8

/* the lowest address that a guest may map */
#define MMAP_MIN_ADDR 0x10000
#define MAX_CPUS 64
/* limit of functions of the host world that the kernel world calls */
#define MAX_DOORS 512

#endif
