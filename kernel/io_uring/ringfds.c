/* SPDX-License-Identifier: MIT */
/*
 * ringfds.c: IORING_REGISTER_RING_FDS: a task may register up to 16 rings under its own numbers,
 * which io_uring_enter(2) and io_uring_register(2) accept instead of a descriptor. A new process or
 * thread starts with no such rings. exec and exit drop them.
 *
 * No locks: only the task itself uses its table.
 */
#include "kernel/io_uring/uring.h"

#define MAX_RINGS 16
#define ANY_SLOT (~0U)

struct file *uring_get_ring(int fd, bool registered)
{
	struct file *f;

	if (!registered) {
		f = fget(fd);
		return f ? f : ERR_PTR(-EBADF);
	}
	if (!current->uring_rings || (u32)fd >= MAX_RINGS)
		return ERR_PTR(-EINVAL);
	f = current->uring_rings[fd];
	return f ? get_file(f) : ERR_PTR(-EBADF);
}

/*
 * Puts a file into the first free slot of [from, to), and takes over the reference. Returns the
 * slot's number or -errno.
 */
static int place_file(struct file *f, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		if (current->uring_rings[i])
			continue;
		current->uring_rings[i] = f;
		return (int)i;
	}
	fput(f);
	return -EBUSY;
}

static int place(int fd, u32 from, u32 to)
{
	struct file *f = fget(fd);

	if (!f)
		return -EBADF;
	if (f->f_op == &uring_fops)
		return place_file(f, from, to);
	fput(f);
	return -EOPNOTSUPP;
}

int uring_rings_place(struct file *f)
{
	return place_file(f, 0, MAX_RINGS);
}

static void drop(u32 slot)
{
	struct file *f = current->uring_rings[slot];

	current->uring_rings[slot] = NULL;
	if (f)
		fput(f);
}

static int register_one(uaddr_t at)
{
	struct io_uring_rsrc_update up;
	bool any;
	int slot;

	if (copy_from_user(&up, at, sizeof(up)))
		return -EFAULT;
	any = up.offset == ANY_SLOT;
	if (up.resv || (!any && up.offset >= MAX_RINGS))
		return -EINVAL;
	slot = place((int)up.data, any ? 0 : up.offset, any ? MAX_RINGS : up.offset + 1);
	if (slot < 0)
		return slot;
	up.offset = (u32)slot;
	if (!copy_to_user(at, &up, sizeof(up)))
		return 0;
	drop((u32)slot);
	return -EFAULT;
}

static int unregister_one(uaddr_t at)
{
	struct io_uring_rsrc_update up;

	if (copy_from_user(&up, at, sizeof(up)))
		return -EFAULT;
	if (up.resv || up.data || up.offset >= MAX_RINGS)
		return -EINVAL;
	drop(up.offset);
	return 0;
}

/*
 * Calls @one for each entry of the array. Returns the number of successes, or -errno if the first
 * call failed.
 */
static long each(uaddr_t arg, u32 nr, int (*one)(uaddr_t at))
{
	long done = 0;
	int err = 0;

	for (; !err && done < nr; done += !err)
		err = one(uaddr_add(arg, (u64)done * sizeof(struct io_uring_rsrc_update)));
	return done ? done : err;
}

int uring_rings_table(void)
{
	if (!current->uring_rings)
		current->uring_rings = kcalloc(MAX_RINGS, sizeof(struct file *), GFP_KERNEL);
	return current->uring_rings ? 0 : -ENOMEM;
}

long uring_rings_register(uaddr_t arg, u32 nr)
{
	int err = !nr || nr > MAX_RINGS ? -EINVAL : uring_rings_table();

	return err ? err : each(arg, nr, register_one);
}

long uring_rings_unregister(uaddr_t arg, u32 nr)
{
	if (!nr || nr > MAX_RINGS)
		return -EINVAL;
	return current->uring_rings ? each(arg, nr, unregister_one) : 0;
}

void uring_rings_free(struct task *t)
{
	struct file **rings = t->uring_rings;

	t->uring_rings = NULL;
	for (u32 i = 0; rings && i < MAX_RINGS; i++)
		if (rings[i])
			fput(rings[i]);
	kfree(rings);
}
