/* SPDX-License-Identifier: MIT */
/*
 * core.c: core=on: a panic, and so a fault in the kernel, dumps a core of the kernel's process,
 * which `nestctl gdb --core` reads.
 *
 * The core has the kernel's data, its stacks, and the frames of the guest's memory that the host
 * backs. Holes of physmem are left out, since the host would fill them with zeros. The host
 * processes of guest programs are not in it, but all their memory is. The process then ends by
 * SIGABRT, not with status 2, and panic= does not restart the instance.
 */
#include "arch/um/machine/arch.h"
#include "drivers/core/core_host.h"
#include "kernel/lib/panic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

extern char __kdata_start[], __kdata_end[]; /* mk/image.lds */

/* Adds the used frames. Other vCPUs still run: frames that they allocate meanwhile are missing. */
static void take_frames(void)
{
	pfn_t at = 0, end;

	while (at < physmem_frames) {
		at = physmem_next(at, physmem_frames, true);
		if (at >= physmem_frames)
			return;
		end = physmem_next(at, physmem_frames, false);
		if (end <= at)
			end = physmem_frames;
		core_host_take(
			(void *)(KERNEL_MAP_BASE + (at << PAGE_SHIFT)), (end - at) << PAGE_SHIFT);
		at = end;
	}
}

static void leave_core(void)
{
	core_host_take(__kdata_start, (u64)(__kdata_end - __kdata_start));
	core_host_take(
		(void *)KSTACK_BASE, KSTACK_WINDOW); /* only stacks in this window were written */
	take_frames();
	core_host_dump(0);
	arch_power_off(2);
}

static const struct panic_core_ops ops = { .leave = leave_core };

static int set_core(const char *value)
{
	bool on = !strcmp(value, "on");

	if (!on && strcmp(value, "off"))
		refuse("core=%s: on or off", value);
	panic_core_ops = on ? &ops : NULL;
	if (on)
		core_host_prepare();
	return 0;
}
PARAM("core=", set_core, "on|off: whether a panic leaves a core of the kernel's process (off)");
