/* SPDX-License-Identifier: MIT */
/*
 * map_array.c: arrays: element i is the value of key i. All elements exist from the start, with
 * zero values. Variants: arrays with a value for each CPU, and arrays of programs for
 * bpf_tail_call().
 *
 * Locks: none for values. In an array of programs, map->lock protects the type that all its
 * programs must have. Pointers to programs are exchanged atomically, and a removed program stays in
 * memory for an RCU grace period.
 */
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"

static u32 index_of(const void *key)
{
	u32 i;

	memcpy(&i, key, sizeof(i));
	return i;
}

static int array_check(const union bpf_attr *a)
{
	if (a->key_size != 4 || !a->value_size)
		return -EINVAL;
	return a->value_size > INT32_MAX ? -E2BIG : 0;
}

static u32 array_find(struct bpf_map *m, const void *key)
{
	return index_of(key) < m->max ? index_of(key) : MAP_NONE;
}

static int array_read(struct bpf_map *m, const void *key, void *value)
{
	u32 i = index_of(key);
	const u8 *at;

	if (i >= m->max)
		return -ENOENT;
	at = bpf_map_at(m, i);
	if (at)
		memcpy(value, at, m->value_bytes);
	else
		memset(value, 0, m->value_bytes);
	return 0;
}

static int array_update(struct bpf_map *m, const void *key, const void *value, u64 flags, bool all)
{
	u32 i = index_of(key);

	if (i >= m->max)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	if (!bpf_map_want(m, i, !all))
		return -ENOMEM;
	if (all)
		memcpy(bpf_map_at(m, i), value, m->value_bytes);
	else
		memcpy(bpf_map_value(m, i), value, m->value_size);
	return 0;
}

static int array_remove(struct bpf_map *m, const void *key)
{
	return -EINVAL;
}

static int array_next(struct bpf_map *m, const void *key, void *next)
{
	u32 i = key ? index_of(key) : m->max;

	if (i == m->max - 1)
		return -ENOENT;
	i = i < m->max ? i + 1 : 0;
	memcpy(next, &i, sizeof(i));
	return 0;
}

static int array_walk(struct bpf_map *m, u32 *cursor, void *key, void *value)
{
	if (*cursor >= m->max)
		return -ENOENT;
	memcpy(key, cursor, sizeof(*cursor));
	++*cursor;
	return array_read(m, key, value);
}

#define ARRAY_OPS                                                                                  \
	.prog = true, .preallocated = true, .check = array_check, .find = array_find,              \
	.read = array_read, .update = array_update, .remove = array_remove, .next = array_next,    \
	.walk = array_walk

const struct bpf_map_ops map_array = { ARRAY_OPS };
const struct bpf_map_ops map_percpu_array = { ARRAY_OPS, .per_cpu = true };

/* ---- arrays of programs ---- */

struct programs {
	const struct ebpf_type *type; /* common type; under lock */
};

static int programs_check(const union bpf_attr *a)
{
	return a->key_size == 4 && a->value_size == 4 ? 0 : -EINVAL;
}

static int programs_make(struct bpf_map *m)
{
	m->own = kzalloc(sizeof(struct programs), GFP_KERNEL | __GFP_ACCOUNT);
	return m->own ? 0 : -ENOMEM;
}

static struct bpf_prog **place_of(struct bpf_map *m, u32 i)
{
	return (struct bpf_prog **)bpf_map_at(m, i);
}

static struct bpf_prog *put_at(struct bpf_map *m, u32 i, struct bpf_prog *p)
{
	struct bpf_prog **at = i < m->max ? place_of(m, i) : NULL;

	return at ? xchg(at, p) : p;
}

/*
 * Removes all programs. Called after the last descriptor was closed, and by an update that may have
 * added a program after that.
 */
static void programs_clear(struct bpf_map *m)
{
	for (u32 i = 0; i < m->max; i++) {
		struct bpf_prog *p = put_at(m, i, NULL);

		if (p)
			bpf_prog_put(p);
		if (!(i & 1023))
			cond_resched();
	}
}

static void programs_free(struct bpf_map *m)
{
	/* programs_clear() has dropped the programs already */
	kfree(m->own);
}

struct bpf_prog *bpf_prog_at(struct bpf_map *m, u32 i)
{
	struct bpf_prog **at = i < m->max ? place_of(m, i) : NULL;

	return at ? READ_ONCE(*at) : NULL;
}

/* Reads an element: the id of its program. Returns 0 or -ENOENT. */
static int programs_read(struct bpf_map *m, const void *key, void *value)
{
	/* Stays valid, since there is no RCU boundary before its id is read. */
	struct bpf_prog *p = bpf_prog_at(m, index_of(key));

	if (!p)
		return -ENOENT;
	memcpy(value, &p->id, sizeof(p->id));
	return 0;
}

static bool same_type(struct bpf_map *m, const struct ebpf_type *t)
{
	struct programs *own = m->own;
	bool same;

	spin_lock(&m->lock);
	if (!own->type)
		own->type = t;
	same = own->type == t;
	spin_unlock(&m->lock);
	return same;
}

static int programs_update(
	struct bpf_map *m, const void *key, const void *value, u64 flags, bool all)
{
	u32 i = index_of(key), fd = index_of(value);
	struct bpf_prog *p;

	if (!all || flags != BPF_ANY)
		return -EINVAL;
	if (i >= m->max)
		return -E2BIG;
	p = bpf_prog_of_fd(fd, 0);
	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	if (!same_type(m, p->code.type)) {
		bpf_prog_put(p);
		return -EINVAL;
	}
	if (!bpf_map_want(m, i, false)) {
		bpf_prog_put(p);
		return -ENOMEM;
	}
	p = put_at(m, i, p);
	if (p)
		bpf_prog_put(p);
	/*
	 * If the last descriptor was closed meanwhile, programs_clear() may have run before this
	 * program was added.
	 */
	if (!atomic_read(&m->users))
		programs_clear(m);
	return 0;
}

static int programs_remove(struct bpf_map *m, const void *key)
{
	struct bpf_prog *p;

	if (index_of(key) >= m->max)
		return -E2BIG;
	p = put_at(m, index_of(key), NULL);
	if (!p)
		return -ENOENT;
	bpf_prog_put(p);
	return 0;
}

const struct bpf_map_ops map_prog_array = {
	.stored = sizeof(struct bpf_prog *),
	.check = programs_check,
	.make = programs_make,
	.free = programs_free,
	.left = programs_clear,
	.read = programs_read,
	.update = programs_update,
	.remove = programs_remove,
	.next = array_next,
};
