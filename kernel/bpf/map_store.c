/* SPDX-License-Identifier: MIT */
/*
 * map_store.c: the store of a map's elements (map.h): chunks, each of which is allocated when its
 * first element is needed.
 */
#include "arch/um/machine/arch.h"
#include "kernel/bpf/map.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

#define CHUNK (64u << 10)
#define ELEMENT_MAX (4u << 20)

u8 *bpf_map_want(struct bpf_map *m, u32 i, bool atomic)
{
	u8 *at = bpf_map_at(m, i), *chunk, *none = NULL;

	if (at)
		return at;
	chunk = kzalloc(
		(size_t)m->each * m->per_chunk, (atomic ? GFP_ATOMIC : GFP_KERNEL) | __GFP_ACCOUNT);
	if (!chunk)
		return NULL;
	if (!__atomic_compare_exchange_n(&m->chunks[i / m->per_chunk], &none, chunk, false,
		    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		kfree(chunk); /* another task has set the chunk */
	return bpf_map_at(m, i);
}

int bpf_map_fill(struct bpf_map *m)
{
	for (u32 c = 0; c < m->nr_chunks; c++) {
		if (!bpf_map_want(m, c * m->per_chunk, false))
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

int bpf_map_for_program(struct bpf_map *m)
{
	bool now = m->ops->preallocated || (m->ops->head && !(m->flags & BPF_F_NO_PREALLOC));

	return now ? bpf_map_fill(m) : 0;
}

u8 *bpf_map_value(const struct bpf_map *m, u32 i)
{
	u32 cpu = m->ops->per_cpu ? (u32)smp_processor_id() : 0;

	return bpf_map_at(m, i) + m->value_at + cpu * m->value_stride;
}

int bpf_map_make_store(struct bpf_map *m)
{
	struct meminfo mi;
	u64 each = (u64)m->value_at + round_up((u64)m->value_bytes, 8);

	if (m->ops->stored)
		each = m->value_at + m->ops->stored;
	si_meminfo(&mi);
	if (each > ELEMENT_MAX || each * m->max / PAGE_SIZE > mi.total)
		return -ENOMEM;
	m->each = (u32)each;
	m->per_chunk = max(CHUNK / m->each, 1u);
	m->nr_chunks = (u32)(((u64)m->max + m->per_chunk - 1) / m->per_chunk);
	if (m->nr_chunks == 1)
		m->per_chunk = m->max;
	m->chunks = kzalloc(m->nr_chunks * sizeof(*m->chunks), GFP_KERNEL | __GFP_ACCOUNT);
	return m->chunks ? 0 : -ENOMEM;
}

void bpf_map_free_store(struct bpf_map *m)
{
	for (u32 i = 0; m->chunks && i < m->nr_chunks; i++)
		kfree(m->chunks[i]);
	kfree(m->chunks);
}
