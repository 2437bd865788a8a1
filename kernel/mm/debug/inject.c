/* SPDX-License-Identifier: MIT */
/*
 * inject.c: fault=alloc,N/M[,SEED]: makes N in M of the kernel's allocations for guest programs
 * fail, to run error paths that no test reaches otherwise. Debug builds have this parameter; other
 * builds refuse it, since the check would be on the path of every allocation.
 *
 * Only allocations fail whose caller must expect it: they may sleep, and lack __GFP_NOFAIL.
 * Allocations of process 1 and of kernel threads do not fail, since then no process might be left
 * to observe. debug.alloc_faults counts failures, debug.alloc_fault (N/M[,SEED]) changes the rate.
 *
 * Locks: none; two vCPUs may draw equal numbers at the same time.
 */
#include "kernel/mm/debug/inject.h"

#include "kernel/lib/atomic.h"
#include "kernel/lib/sysctl.h"
#include "kernel/mm/internal.h"

#define HELP "debug builds: alloc,N/M[,SEED]: N in M allocations for guest programs fail"

#ifdef CONFIG_DEBUG
static u64 some, of_all, state;
static u64 injected;

/* Draws a random number by xorshift64 (Marsaglia 2003). */
static u64 draw(void)
{
	u64 x = READ_ONCE(state);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	WRITE_ONCE(state, x);
	return x;
}

bool alloc_should_fail(gfp_t gfp)
{
	const struct task *t = current;

	if (likely(!of_all) || (gfp & (GFP_ATOMIC | __GFP_NOFAIL)) || !t->mm || t->tgid == 1 ||
		t->flags & PF_KTHREAD || frees_memory(t))
		return false;
	if (draw() % of_all >= some)
		return false;
	WRITE_ONCE(injected, injected + 1);
	return true;
}

/* Parses "N/M" or "N/M,SEED". An invalid text changes nothing. */
static int parse(char *text)
{
	u64 n, m, start = 1;
	char *all = strchr(text, '/'), *seed = strchr(text, ',');

	if (!all || (seed && seed < all))
		return -EINVAL;
	*all++ = 0;
	if (seed)
		*seed++ = 0;
	if (kstrtou64(text, 10, &n) || kstrtou64(all, 10, &m) || !m || n > m ||
		(seed && kstrtou64(seed, 10, &start)))
		return -EINVAL;
	state = start + !start;
	some = n;
	WRITE_ONCE(of_all, m);
	return 0;
}

static int set_fault(const char *value)
{
	char text[64];

	if (strncmp(value, "alloc,", 6) || strscpy(text, value + 6, sizeof(text)) < 0 ||
		parse(text))
		refuse("fault=%s: expected alloc,N/M[,SEED]", value);
	return 0;
}
PARAM("fault=", set_fault, HELP);

static int show_rate(char *buf, size_t size)
{
	return scnprintf(buf, size, "%lu/%lu", some, max(of_all, 1UL));
}

static const struct sysctl knobs[] = {
	{ .path = "debug/alloc_fault",
		.kind = SYSCTL_SHOW,
		.mode = 0644,
		.show = show_rate,
		.store = parse },
	{ .path = "debug/alloc_faults", .kind = SYSCTL_U64, .mode = 0444, .data = &injected },
};

static int inject_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(5, inject_init);
#else
static int set_fault(const char *value)
{
	refuse("fault=%s: only a debug build can (make MODE=debug)", value);
}
PARAM("fault=", set_fault, HELP);
#endif
