/* SPDX-License-Identifier: MIT */
/*
 * asan.c: memory for the address sanitizer's shadow of the direct map (kernel/lib/debug/asan.h);
 * MODE=asan only.
 */
#ifdef CONFIG_ASAN
#include "arch/um/internal.h"
#include "kernel/lib/debug/asan.h"
#include "kernel/lib/printk.h"

static int asan_init(void)
{
	u64 size = physmem_frames << PAGE_SHIFT;
	int err = os_mem_map(
		(void *)ASAN_SHADOW_BASE, size / 8, OS_PROT_READ | OS_PROT_WRITE, -1, 0, 0);

	if (err)
		return err;
	asan_start((void *)ASAN_SHADOW_BASE, size);
	return 0;
}
INITCALL(1, asan_init);
#endif
