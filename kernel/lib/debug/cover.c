/* SPDX-License-Identifier: MIT */
/*
 * cover.c: counts edges (cover.h). The map belongs to the reset server, so a reset does not restore
 * it.
 */
#include "kernel/lib/debug/cover.h"

#ifdef CONFIG_COVER
#include "arch/um/machine/arch.h"
#include "kernel/lib/atomic.h"

static u8 *cover_map;
static u32 cover_mask;

bool cover_to(u8 *map, u32 len)
{
	bool counted = cover_map;

	if (map)
		cover_mask = len - 1;
	smp_store_release(&cover_map, map);
	return counted;
}

/*
 * Maps a code address to an index of the map. Code addresses are fixed by the build, so edges are
 * too.
 */
static u32 place_of(u64 ip)
{
	u32 h = (u32)ip * 0x9e3779b1u;

	return h ^ h >> 15;
}

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	u8 *map = smp_load_acquire(&cover_map), *counter;
	struct kstack_head *head;
	u32 place;

	if (likely(!map))
		return;
	head = arch_kstack_head();
	place = place_of((u64)__builtin_return_address(0));
	counter = &map[(place ^ head->cover) & cover_mask];
	/* Shift, so that A to B is another edge than B to A. */
	head->cover = place >> 1;
	if (!++*counter)
		*counter = 1;
}
#endif
