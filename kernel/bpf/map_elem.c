/* SPDX-License-Identifier: MIT */
/*
 * map_elem.c: system calls on the elements of maps, one at a time or in batches. Keys and values
 * are copied through kernel buffers: from the guest before each operation, and to the guest after
 * it.
 */
#include "arch/um/machine/uaccess.h"
#include "kernel/bpf/map.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/vfs.h"

/* ---- rights ---- */

static int may(const struct bpf_map *m, u32 mode, bool reads, bool writes)
{
	if (reads && !(mode & FMODE_READ))
		return -EPERM;
	return writes && (!(mode & FMODE_WRITE) || READ_ONCE(m->frozen)) ? -EPERM : 0;
}

static int check_elem(const struct bpf_map *m, u32 cmd, const union bpf_attr *a, u32 mode)
{
	bool writes = cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM ||
		      cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM;
	bool reads = cmd != BPF_MAP_UPDATE_ELEM && cmd != BPF_MAP_DELETE_ELEM;
	int err = may(m, mode, reads, writes);

	if (err)
		return err;
	if ((cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_UPDATE_ELEM) && a->flags & BPF_F_LOCK)
		return -EINVAL; /* no values with locks */
	if (m->ops->no_key)
		return a->key || (cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM && a->flags) ? -EINVAL : 0;
	return cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM && !m->ops->take ? -ENOTSUPP : 0;
}

/* ---- one element ---- */

static int do_keyed(struct bpf_map *m, u32 cmd, u64 flags, const void *key, void *value)
{
	switch (cmd) {
	case BPF_MAP_LOOKUP_ELEM: return m->ops->read(m, key, value);
	case BPF_MAP_UPDATE_ELEM:
		return flags > BPF_EXIST ? -EINVAL : m->ops->update(m, key, value, flags, true);
	case BPF_MAP_DELETE_ELEM: return m->ops->remove(m, key);
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM: return m->ops->take(m, key, value);
	default: return m->ops->next(m, key, value);
	}
}

static int do_elem(struct bpf_map *m, u32 cmd, u64 flags, const void *key, void *value)
{
	if (!m->ops->no_key)
		return do_keyed(m, cmd, flags, key, value);
	switch (cmd) {
	case BPF_MAP_LOOKUP_ELEM: return m->ops->pop(m, value, false);
	case BPF_MAP_UPDATE_ELEM: return m->ops->push(m, value, flags);
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM: return m->ops->pop(m, value, true);
	default: return -EINVAL;
	}
}

static int with_buffers(struct bpf_map *m, u32 cmd, const union bpf_attr *a, u8 *key, u8 *value)
{
	bool walk = cmd == BPF_MAP_GET_NEXT_KEY, have_key = !walk || a->key;
	u32 bytes = walk ? m->key_size : m->value_bytes;
	int err;

	if (have_key && copy_from_user(key, UADDR(a->key), m->key_size))
		return -EFAULT;
	if (cmd == BPF_MAP_UPDATE_ELEM && copy_from_user(value, UADDR(a->value), bytes))
		return -EFAULT;
	err = do_elem(m, cmd, a->flags, have_key ? key : NULL, value);
	if (err || cmd == BPF_MAP_UPDATE_ELEM || cmd == BPF_MAP_DELETE_ELEM)
		return err;
	return copy_to_user(UADDR(a->value), value, bytes) ? -EFAULT : 0;
}

/*
 * Allocates a key, and after it, at a multiple of 8 bytes, a value or another key. Returns NULL if
 * memory is short.
 */
static u8 *buffers(const struct bpf_map *m, u8 **value)
{
	size_t key = round_up((size_t)m->key_size, 8);
	u8 *buf = kzalloc(key + max(m->value_bytes, m->key_size), GFP_KERNEL | __GFP_ACCOUNT);

	*value = buf + key;
	return buf;
}

long bpf_map_elem(u32 cmd, const union bpf_attr *a)
{
	struct bpf_map *m;
	u8 *buf, *value;
	u32 mode;
	int err;

	if ((cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM) &&
		a->flags & ~(u64)BPF_F_LOCK)
		return -EINVAL;
	m = bpf_map_of_fd(a->map_fd, &mode);
	if (IS_ERR(m))
		return PTR_ERR(m);
	err = check_elem(m, cmd, a, mode);
	if (!err) {
		buf = buffers(m, &value);
		err = buf ? with_buffers(m, cmd, a, buf, value) : -ENOMEM;
		kfree(buf);
	}
	bpf_map_put(m);
	return err;
}

/* ---- batches ---- */

static bool batches(const struct bpf_map *m, u32 cmd)
{
	switch (cmd) {
	case BPF_MAP_LOOKUP_BATCH: return m->ops->walk;
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH: return m->ops->walk && m->ops->take;
	case BPF_MAP_DELETE_BATCH: return m->ops->walk && m->ops->take;
	default: return m->ops->walk; /* BPF_MAP_UPDATE_BATCH */
	}
}

/* Processes element number @n of the batch. Returns 0 or -errno. */
static int batch_one(
	struct bpf_map *m, u32 cmd, const union bpf_attr *a, u32 n, u32 *cursor, u8 *key, u8 *value)
{
	uaddr_t ukey = UADDR(a->batch.keys + (u64)n * m->key_size);
	uaddr_t uvalue = UADDR(a->batch.values + (u64)n * m->value_bytes);
	int err;

	if (cmd == BPF_MAP_UPDATE_BATCH || cmd == BPF_MAP_DELETE_BATCH) {
		if (copy_from_user(key, ukey, m->key_size))
			return -EFAULT;
		if (cmd == BPF_MAP_DELETE_BATCH)
			return m->ops->remove(m, key);
		if (copy_from_user(value, uvalue, m->value_bytes))
			return -EFAULT;
		if (a->batch.elem_flags > BPF_EXIST)
			return -EINVAL;
		return m->ops->update(m, key, value, a->batch.elem_flags, true);
	}
	err = m->ops->walk(m, cursor, key, value);
	if (err)
		return err;
	if (copy_to_user(ukey, key, m->key_size) || copy_to_user(uvalue, value, m->value_bytes))
		return -EFAULT;
	if (cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
		m->ops->remove(m, key); /* another task may have removed it */
	return 0;
}

/*
 * Serves a batch, with buffers for a key and a value. Stores the number of processed elements in
 * the guest's attributes, even after an error other than -EFAULT. Returns 0 or -errno; -ENOENT: the
 * end of the map.
 */
static int do_batch(
	struct bpf_map *m, u32 cmd, const union bpf_attr *a, uaddr_t uattr, u8 *key, u8 *value)
{
	bool looks = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	uaddr_t ucount = uaddr_add(uattr, offsetof(union bpf_attr, batch.count));
	u32 cursor = 0, n = 0;
	int err = 0;

	if (looks && a->batch.in_batch && copy_from_user(&cursor, UADDR(a->batch.in_batch), 4))
		return -EFAULT;
	if (put_user(0u, ucount))
		return -EFAULT;
	for (; n < a->batch.count && !err; n += !err) {
		cond_resched();
		err = fatal_signal_pending(current) ? -EINTR :
						      batch_one(m, cmd, a, n, &cursor, key, value);
	}
	if (err == -EFAULT)
		return err;
	if (put_user(n, ucount))
		return -EFAULT;
	if (looks && copy_to_user(UADDR(a->batch.out_batch), &cursor, 4))
		return -EFAULT;
	return err;
}

long bpf_map_batch(u32 cmd, const union bpf_attr *a, uaddr_t uattr)
{
	bool writes = cmd != BPF_MAP_LOOKUP_BATCH;
	bool reads = cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH;
	u32 mode;
	struct bpf_map *m = bpf_map_of_fd(a->batch.map_fd, &mode);
	u8 *buf, *value;
	int err;

	if (IS_ERR(m))
		return PTR_ERR(m);
	err = may(m, mode, reads, writes);
	if (!err && !batches(m, cmd))
		err = -ENOTSUPP;
	if (!err &&
		(a->batch.flags ||
			(a->batch.elem_flags & ~(u64)BPF_F_LOCK && cmd != BPF_MAP_UPDATE_BATCH) ||
			a->batch.elem_flags & BPF_F_LOCK))
		err = -EINVAL;
	if (!err && a->batch.count) {
		buf = buffers(m, &value);
		err = buf ? do_batch(m, cmd, a, uattr, buf, value) : -ENOMEM;
		kfree(buf);
	}
	bpf_map_put(m);
	return err;
}
