/* SPDX-License-Identifier: MIT */
/*
 * map_queue.c: queues and stacks: values without keys. They use the store as a ring. All chunks of
 * the store are allocated when the map is made.
 *
 * Locks: map->lock.
 */
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

struct ring {
	u32 first, n;
};

static int queue_check(const union bpf_attr *a)
{
	if (a->key_size || !a->value_size)
		return -EINVAL;
	return a->value_size > INT32_MAX ? -E2BIG : 0;
}

static int queue_make(struct bpf_map *m)
{
	m->own = kzalloc(sizeof(struct ring), GFP_KERNEL | __GFP_ACCOUNT);
	return m->own ? bpf_map_fill(m) : -ENOMEM;
}

static void queue_free(struct bpf_map *m)
{
	kfree(m->own);
}

static u8 *at(struct bpf_map *m, u32 i)
{
	const struct ring *q = m->own;

	return bpf_map_at(m, (u32)(((u64)q->first + i) % m->max));
}

/* Adds a value. If the map is full, BPF_EXIST drops the oldest value. Returns 0 or -errno. */
static int queue_push(struct bpf_map *m, const void *value, u64 flags)
{
	struct ring *q = m->own;
	int err = 0;

	if (flags & BPF_NOEXIST || flags > BPF_EXIST)
		return -EINVAL;
	spin_lock(&m->lock);
	if (q->n == m->max && flags == BPF_EXIST) {
		q->first = (q->first + 1) % m->max;
		q->n--;
	}
	if (q->n == m->max)
		err = -E2BIG;
	else
		memcpy(at(m, q->n++), value, m->value_size);
	spin_unlock(&m->lock);
	return err;
}

static int queue_pop(struct bpf_map *m, void *value, bool take)
{
	struct ring *q = m->own;
	bool last = m->type == BPF_MAP_TYPE_STACK;
	int err = 0;

	spin_lock(&m->lock);
	if (q->n) {
		memcpy(value, at(m, last ? q->n - 1 : 0), m->value_size);
		if (take && !last)
			q->first = (q->first + 1) % m->max;
		q->n -= take;
	} else {
		memset(value, 0, m->value_size);
		err = -ENOENT;
	}
	spin_unlock(&m->lock);
	return err;
}

#define QUEUE_OPS                                                                                  \
	.no_key = true, .check = queue_check, .make = queue_make, .free = queue_free,              \
	.push = queue_push, .pop = queue_pop

const struct bpf_map_ops map_queue = { QUEUE_OPS };
const struct bpf_map_ops map_stack = { QUEUE_OPS };
