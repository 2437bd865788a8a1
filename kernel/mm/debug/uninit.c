/* SPDX-License-Identifier: MIT */
/*
 * uninit.c: reports code that copies uninitialised kernel memory to guests (debug builds).
 *
 * A line `uninit: 4 of 390 bytes at +62: sys_uname+0x8c < ...` names the length of the run of
 * UNINIT_BYTE, its offset in the copied bytes, and the callers. Each caller is reported once. Guest
 * data that contains such a run is reported as well, so a line is a hint and no proof.
 *
 * Locks: none. A caller may be reported twice when two vCPUs find it at once.
 */
#include "kernel/mm/debug/uninit.h"

#if defined(CONFIG_DEBUG) && !defined(__NESTLING_UNIT__)
#include "arch/um/machine/arch.h"
#include "kernel/lib/ksyms.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/debug/leak.h"
#include "kernel/sched/sched.h"

#define ROWS 256
/* bytes; in longer copies, short runs are mostly chance */
#define SHORT_COPY 1024
#define DEPTH 0x3000 /* bytes of the stack to fill */

extern u8 __kdata_end[]; /* mk/image.lds: the image's end too */

static u64 seen[ROWS];

void __noinline uninit_stack(void)
{
	u64 start = (u64)arch_kstack_head() + sizeof(struct kstack_head), here, n;

	__asm__ volatile("mov %%rsp, %0" : "=r"(here));
	if (here <= start)
		return;
	n = min_t(u64, here - start, DEPTH);
	start = here - n;
	/* The stack below the stack pointer is unused: there is no red zone. */
	__asm__ volatile("rep stosb" : "+D"(start), "+c"(n) : "a"(UNINIT_BYTE) : "memory");
}

void uninit_fill(void *p, size_t n)
{
	memset(p, UNINIT_BYTE, n);
}

/* True if the caller was reported before, or the table is full. Otherwise records the caller. */
static bool was_reported(u64 site)
{
	for (u32 i = 0; i < ROWS; i++) {
		u64 old = READ_ONCE(seen[i]);

		if (old == site)
			return true;
		if (!old) {
			WRITE_ONCE(seen[i], site);
			return false;
		}
	}
	return true;
}

static __noinline void report(u64 off, u64 run, size_t n)
{
	u64 site[LEAK_SITES] = { 0 }, at, key = off << 48;
	char text[160];
	int len = 0;

	leak_callers(site);
	for (int i = 0; i < LEAK_SITES && site[i]; i++) {
		const char *name = ksym_lookup(site[i] - 1, &at);

		key ^= site[i] << i;
		len += scnprintf(text + len, sizeof(text) - (size_t)len, "%s%s+%#llx",
			i ? " < " : "", name ?: "?", (unsigned long long)at);
	}
	if (!was_reported(key))
		pr_warn("uninit: %llu of %zu bytes at +%llu: %s (%s)\n", (unsigned long long)run, n,
			(unsigned long long)off, text, current->comm);
}

/*
 * True if @v is an address in the kernel's image, direct map or stacks. In a copy to a guest such a
 * word is probably left from an old stack frame.
 */
static bool is_kernel_address(u64 v)
{
	return (v >= KERNEL_IMAGE_BASE && v < (u64)__kdata_end) ||
	       (v >= KERNEL_MAP_BASE && v < KSTACK_BASE + KSTACK_WINDOW);
}

void uninit_check(const void *p, size_t n)
{
	const u8 *b = p;
	size_t least = n <= SHORT_COPY ? 2 : 4, run = 0;

	for (size_t i = -(u64)p & 7; n <= SHORT_COPY && i + 8 <= n; i += 8) {
		if (is_kernel_address(*(const u64 *)(b + i))) {
			report(i, 8, n);
			break;
		}
	}

	for (size_t i = 0; i <= n; i++) {
		if (i < n && b[i] == UNINIT_BYTE) {
			run++;
			continue;
		}
		if (run >= least) {
			report(i - run, run, n);
			return;
		}
		run = 0;
	}
}
#endif
