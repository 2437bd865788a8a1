/* SPDX-License-Identifier: MIT */
/*
 * register.c: io_uring_register(2): buffers, files, an eventfd, personalities, restrictions, and the question what is supported.
 *
 * A registered buffer is an address range that was there when it was registered; it is not pinned, so a guest that unmaps it gets EFAULT.
 * Locks: ring->lock; the eventfd under cq_lock.
 */
#include <linux/resource.h>
#include <linux/uio.h>

#include "kernel/io_uring/uring.h"

#define MAX_BUFFERS (1U << 14)
#define MAX_FILES (1U << 15)
#define MAX_BUFFER_SIZE (1UL << 30)
#define MAX_PERSONALITY 0xffffU
#define PERSONALITY_BYTES 64 /* about what one takes in its table */
#define MAX_RESTRICTIONS (IORING_RESTRICTION_LAST + URING_REGISTER_LAST + URING_OP_LAST)
BUILD_BUG_ON(URING_REGISTER_LAST > 64 || URING_OP_LAST > 64); /* bits of struct uring_limits */

/* ---- buffers ---- */

static int check_buffer(struct uring_buffer *b)
{
	u64 end;

	if (!b->base && !b->len)
		return 0; /* an empty slot */
	if (!b->base || !b->len || b->len > MAX_BUFFER_SIZE)
		return -EFAULT;
	if (check_add_overflow(b->base, b->len, &end) || !access_ok(UADDR(b->base), b->len))
		return -EOVERFLOW;
	if (user_make_present(UADDR(b->base), true) || user_make_present(UADDR(end - 1), true))
		return -EFAULT;
	return 0;
}

static long buffers_register(struct uring *u, uaddr_t arg, u32 nr)
{
	struct uring_buffer *b;
	int err = 0;

	if (u->buffers)
		return -EBUSY;
	if (!nr || nr > MAX_BUFFERS)
		return -EINVAL;
	b = uring_zalloc(nr, sizeof(*b));
	if (!b)
		return -ENOMEM;
	if (copy_from_user(b, arg, nr * sizeof(*b))) /* as struct iovec */
		err = -EFAULT;
	for (u32 i = 0; !err && i < nr; i++)
		err = check_buffer(&b[i]);
	if (err) {
		uring_free(b, nr, sizeof(*b));
		return err;
	}
	u->buffers = b;
	u->nr_buffers = nr;
	return 0;
}

static long buffers_unregister(struct uring *u)
{
	if (!u->buffers)
		return -ENXIO;
	uring_free(u->buffers, u->nr_buffers, sizeof(*u->buffers));
	u->buffers = NULL;
	u->nr_buffers = 0;
	return 0;
}

/* ---- files ---- */

/* @fd -1: none. ERR_PTR. */
static struct file *file_of(int fd)
{
	struct file *f;

	if (fd == -1)
		return NULL;
	f = fget(fd);
	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op != &uring_fops)
		return f;
	fput(f);
	return ERR_PTR(-EBADF);
}

static long files_unregister(struct uring *u)
{
	if (!u->files)
		return -ENXIO;
	for (u32 i = 0; i < u->nr_files; i++)
		if (u->files[i])
			fput(u->files[i]);
	uring_free(u->files, u->nr_files, sizeof(*u->files));
	u->files = NULL;
	u->nr_files = u->alloc_from = u->alloc_to = u->file_hint = 0;
	return 0;
}

/* @arg NULL: all slots are empty. */
static long files_register(struct uring *u, uaddr_t arg, u32 nr)
{
	struct file **files;
	int err = 0, fd;

	if (u->files)
		return -EBUSY;
	if (!nr)
		return -EINVAL;
	if (nr > MAX_FILES || nr > rlimit(RLIMIT_NOFILE))
		return -EMFILE;
	files = uring_zalloc(nr, sizeof(*files));
	if (!files)
		return -ENOMEM;
	u->files = files;
	u->nr_files = nr;
	u->alloc_from = 0;
	u->alloc_to = nr;
	for (u32 i = 0; !err && i < nr; i++) {
		struct file *f;

		if (!arg.v)
			break;
		if (get_user(fd, uaddr_add(arg, (u64)i * sizeof(fd)))) {
			err = -EFAULT;
			break;
		}
		f = file_of(fd);
		err = PTR_ERR(f);
		if (!IS_ERR(f)) {
			files[i] = f;
			err = 0;
		}
	}
	if (err)
		files_unregister(u);
	return err;
}

/* With tags is not here. */
static long files_register2(struct uring *u, uaddr_t arg, u32 size)
{
	struct io_uring_rsrc_register rr;

	if (size != sizeof(rr))
		return -EINVAL;
	if (copy_from_user(&rr, arg, sizeof(rr)))
		return -EFAULT;
	if (!rr.nr || rr.resv2 || rr.flags & ~IORING_RSRC_REGISTER_SPARSE)
		return -EINVAL;
	if (rr.flags & IORING_RSRC_REGISTER_SPARSE && rr.data)
		return -EINVAL;
	if (rr.tags)
		return -EOPNOTSUPP;
	if (!rr.data && !(rr.flags & IORING_RSRC_REGISTER_SPARSE))
		return -EFAULT;
	return files_register(u, UADDR(rr.data), rr.nr);
}

/* @f is a reference, or NULL. */
static void slot_set(struct uring *u, u32 at, struct file *f)
{
	if (u->files[at])
		fput(u->files[at]);
	u->files[at] = f;
	u->file_hint = f ? at + 1 : at;
}

static int file_update(struct uring *u, u32 at, int fd)
{
	struct file *f;

	if (fd == IORING_REGISTER_FILES_SKIP)
		return 0;
	f = file_of(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	slot_set(u, at, f);
	return 0;
}

/* How many of the table's files from @at on were replaced by the descriptors at @fds, or why not one. */
static long files_replace(struct uring *u, u32 at, uaddr_t fds, u32 nr)
{
	u32 done = 0, end;
	int err = 0, fd;

	if (!u->files)
		return -ENXIO;
	if (check_add_overflow(at, nr, &end))
		return -EOVERFLOW;
	if (end > u->nr_files)
		return -EINVAL;
	for (; !err && done < nr; done += !err) {
		if (get_user(fd, uaddr_add(fds, (u64)done * sizeof(fd))))
			err = -EFAULT;
		else
			err = file_update(u, at + done, fd);
	}
	return done ? (long)done : err;
}

static long files_update(struct uring *u, uaddr_t arg, u32 nr)
{
	struct io_uring_files_update up;

	if (!nr)
		return -EINVAL;
	if (copy_from_user(&up, arg, sizeof(up)))
		return -EFAULT;
	return up.resv ? -EINVAL : files_replace(u, up.offset, UADDR(up.fds), nr);
}

/* The same as a request. */

int files_update_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->flags & IOSQE_FIXED_FILE || s->rw_flags || s->splice_fd_in || !s->len ? -EINVAL :
											  0;
}

/* A slot that is free, or -ENFILE. */
static int free_slot(const struct uring *u)
{
	u32 range = u->alloc_to - u->alloc_from, at = u->file_hint;

	if (at < u->alloc_from || at >= u->alloc_to)
		at = u->alloc_from;
	for (u32 tried = 0; tried < range; tried++) {
		if (!u->files[at])
			return (int)at;
		if (++at == u->alloc_to)
			at = u->alloc_from;
	}
	return -ENFILE;
}

/* Puts the file of @fd into a slot that is free: its number, or -errno. */
static int file_place(struct uring *u, int fd)
{
	int at = free_slot(u), err;

	if (at < 0)
		return at;
	err = fd < 0 ? -EBADF : file_update(u, (u32)at, fd);
	return err ? err : at;
}

long uring_place_file(struct uring *u, u32 index, struct file *f)
{
	bool any = index == IORING_FILE_INDEX_ALLOC;
	int at = any ? free_slot(u) : (int)index - 1;

	if (!u->files)
		return -ENXIO;
	if (!index || (!any && index > u->nr_files))
		return -EINVAL;
	if (at < 0)
		return at;
	slot_set(u, (u32)at, get_file(f));
	return any ? at : 0;
}

static long file_set(struct uring *u, u32 at, int fd)
{
	if (!u->files)
		return -ENXIO;
	return at < u->nr_files ? file_update(u, at, fd) : -EINVAL;
}

long uring_place_fd(struct uring_req *r, long fd)
{
	u32 index = r->sqe.file_index;
	long ret;

	if (!index || fd < 0)
		return fd;
	if (index == IORING_FILE_INDEX_ALLOC)
		ret = file_place(r->ring, (int)fd);
	else
		ret = file_set(r->ring, index - 1, (int)fd);
	sys_close((int)fd);
	return ret;
}

long uring_remove_file(struct uring *u, u32 at)
{
	if (!u->files)
		return -ENXIO;
	if (at >= u->nr_files)
		return -EINVAL;
	return u->files[at] ? file_update(u, at, -1) : -EBADF;
}

/* Writes the slots over the descriptors. */
static long files_place(struct uring *u, uaddr_t fds, u32 nr)
{
	u32 done = 0;
	int err = u->files ? 0 : -ENXIO, fd;

	for (; !err && done < nr; done += !err) {
		uaddr_t p = uaddr_add(fds, (u64)done * sizeof(fd));
		int slot = get_user(fd, p) ? -EFAULT : file_place(u, fd);

		err = min(slot, 0);
		if (!err && put_user(slot, p)) {
			file_update(u, (u32)slot, -1);
			err = -EFAULT;
		}
	}
	return done ? (long)done : err;
}

long files_update_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	uaddr_t fds = UADDR(s->addr);

	if ((u32)s->off == IORING_FILE_INDEX_ALLOC)
		return files_place(r->ring, fds, s->len);
	return files_replace(r->ring, (u32)s->off, fds, s->len);
}

/* Where slots are looked for by who lets us choose. */
static long alloc_range(struct uring *u, uaddr_t arg)
{
	struct uring_file_range r;
	u32 end;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (check_add_overflow(r.off, r.len, &end))
		return -EOVERFLOW;
	if (r.resv || end > u->nr_files)
		return -EINVAL;
	u->alloc_from = u->file_hint = r.off;
	u->alloc_to = end;
	return 0;
}

/* ---- eventfd ---- */

static long eventfd_set(struct uring *u, struct file *f)
{
	struct file *old;

	spin_lock(&u->cq_lock);
	old = u->eventfd;
	if (!f || !old)
		u->eventfd = f;
	spin_unlock(&u->cq_lock);
	if (!f && !old)
		return -ENXIO;
	if (old)
		fput(f ? f : old);
	return f && old ? -EBUSY : 0;
}

static long eventfd_register(struct uring *u, uaddr_t arg, u32 nr)
{
	struct file *f;
	int fd;

	if (nr != 1)
		return -EINVAL;
	if (u->eventfd)
		return -EBUSY;
	if (get_user(fd, arg))
		return -EFAULT;
	f = eventfd_fget(fd);
	return IS_ERR(f) ? PTR_ERR(f) : eventfd_set(u, f);
}

/* ---- personalities: credentials of who registers, for requests of whoever submits ---- */

static long personality_register(struct uring *u)
{
	const struct cred *c;
	u32 id = u->next_personality;
	int err = -EBUSY;

	if (uring_charge(PERSONALITY_BYTES))
		return -ENOMEM;
	c = get_cred(current_cred());
	while (err && u->nr_personalities < MAX_PERSONALITY) {
		id = id % MAX_PERSONALITY + 1;
		err = radix_insert(&u->personalities, id, (void *)c);
		if (err != -EEXIST)
			break;
	}
	if (err) {
		uring_uncharge(PERSONALITY_BYTES);
		put_cred(c);
		return err;
	}
	u->nr_personalities++;
	u->next_personality = id;
	return id;
}

static long personality_unregister(struct uring *u, u32 id)
{
	const struct cred *c = radix_delete(&u->personalities, id);

	if (!c)
		return -EINVAL;
	put_cred(c);
	uring_uncharge(PERSONALITY_BYTES);
	u->nr_personalities--;
	return 0;
}

const struct cred *uring_personality(struct uring *u, u32 id)
{
	const struct cred *c = radix_lookup(&u->personalities, id);

	return c ? get_cred(c) : NULL;
}

void uring_personalities_free(struct uring *u)
{
	u64 id = 0;

	while (radix_next(&u->personalities, &id))
		personality_unregister(u, (u32)id);
}

/* ---- restrictions ---- */

static int restrict_one(struct uring_limits *l, const struct io_uring_restriction *r)
{
	switch (r->opcode) {
	case IORING_RESTRICTION_REGISTER_OP:
		if (r->register_op >= URING_REGISTER_LAST)
			return -EINVAL;
		l->register_ops |= BIT(r->register_op);
		return 0;
	case IORING_RESTRICTION_SQE_OP:
		if (r->sqe_op >= URING_OP_LAST)
			return -EINVAL;
		l->ops |= BIT(r->sqe_op);
		return 0;
	case IORING_RESTRICTION_SQE_FLAGS_ALLOWED: l->flags_allowed = r->sqe_flags; return 0;
	case IORING_RESTRICTION_SQE_FLAGS_REQUIRED: l->flags_required = r->sqe_flags; return 0;
	default: return -EINVAL;
	}
}

/* Once, and only before the ring is enabled; all of them or none. */
static long restrictions_register(struct uring *u, uaddr_t arg, u32 nr)
{
	struct uring_limits l = { .registered = true };
	int err = 0;

	if (!(u->flags & IORING_SETUP_R_DISABLED))
		return -EBADFD;
	if (u->limits.registered)
		return -EBUSY;
	if (!arg.v || nr > MAX_RESTRICTIONS)
		return -EINVAL;
	for (u32 i = 0; !err && i < nr; i++) {
		struct io_uring_restriction r;

		err = copy_from_user(&r, uaddr_add(arg, (u64)i * sizeof(r)), sizeof(r)) ?
			      -EFAULT :
			      restrict_one(&l, &r);
	}
	if (!err)
		u->limits = l;
	return err;
}

bool uring_permitted(const struct uring_req *r)
{
	const struct uring_limits *l = &r->ring->limits;
	u8 flags = r->sqe.flags;

	return l->ops & BIT(r->sqe.opcode) && (flags & l->flags_required) == l->flags_required &&
	       !(flags & ~(l->flags_allowed | l->flags_required));
}

/* ---- what is there ---- */

static long probe(uaddr_t arg, u32 nr)
{
	u32 n = min(nr, (u32)URING_OP_LAST);
	size_t size = sizeof(struct io_uring_probe) + n * sizeof(struct io_uring_probe_op);
	struct io_uring_probe *p;
	long ret = 0;

	if (nr > 256)
		return -EINVAL;
	p = kzalloc(size, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	if (copy_from_user(p, arg, size))
		ret = -EFAULT;
	for (size_t i = 0; !ret && i < size; i++)
		if (((u8 *)p)[i])
			ret = -EINVAL;
	if (ret)
		goto out;
	p->last_op = URING_OP_LAST - 1;
	p->ops_len = (u8)n;
	for (u32 i = 0; i < n; i++) {
		p->ops[i].op = (u8)i;
		if (uring_ops[i].issue)
			p->ops[i].flags = IO_URING_OP_SUPPORTED;
	}
	if (copy_to_user(arg, p, size))
		ret = -EFAULT;
out:
	kfree(p);
	return ret;
}

/* struct io_uring_clock_register: the clock, and three words that are reserved. */
static long clock_register(struct uring *u, uaddr_t arg)
{
	u32 reg[4];

	if (copy_from_user(reg, arg, sizeof(reg)))
		return -EFAULT;
	if (reg[1] || reg[2] || reg[3] || (reg[0] != CLOCK_MONOTONIC && reg[0] != CLOCK_BOOTTIME))
		return -EINVAL;
	u->clock = (int)reg[0];
	return 0;
}

static long enable(struct uring *u, uaddr_t arg, u32 nr)
{
	if (arg.v || nr)
		return -EINVAL;
	if (!(u->flags & IORING_SETUP_R_DISABLED))
		return -EBADFD;
	uring_set_issuer(u);
	u->limits.active = u->limits.registered;
	WRITE_ONCE(u->flags, u->flags & ~IORING_SETUP_R_DISABLED);
	return 0;
}

static long do_register(struct uring *u, u32 op, uaddr_t arg, u32 nr)
{
	bool none = !arg.v && !nr;

	if (u->limits.active && !(u->limits.register_ops & BIT(op)))
		return -EACCES;
	switch (op) {
	case IORING_REGISTER_BUFFERS: return arg.v ? buffers_register(u, arg, nr) : -EFAULT;
	case IORING_UNREGISTER_BUFFERS: return none ? buffers_unregister(u) : -EINVAL;
	case IORING_REGISTER_FILES: return arg.v ? files_register(u, arg, nr) : -EFAULT;
	case IORING_REGISTER_FILES2: return files_register2(u, arg, nr);
	case IORING_UNREGISTER_FILES: return none ? files_unregister(u) : -EINVAL;
	case IORING_REGISTER_FILES_UPDATE: return files_update(u, arg, nr);
	case IORING_REGISTER_EVENTFD: return eventfd_register(u, arg, nr);
	case IORING_UNREGISTER_EVENTFD: return none ? eventfd_set(u, NULL) : -EINVAL;
	case IORING_REGISTER_SYNC_CANCEL:
		return arg.v && nr == 1 ? uring_sync_cancel(u, arg) : -EINVAL;
	case IORING_REGISTER_PBUF_RING:
		return arg.v && nr == 1 ? uring_register_group(u, arg) : -EINVAL;
	case IORING_UNREGISTER_PBUF_RING:
		return arg.v && nr == 1 ? uring_unregister_group(u, arg) : -EINVAL;
	case URING_REGISTER_FILE_ALLOC_RANGE: return arg.v && !nr ? alloc_range(u, arg) : -EINVAL;
	case IORING_REGISTER_RING_FDS: return uring_rings_register(arg, nr);
	case IORING_UNREGISTER_RING_FDS: return uring_rings_unregister(arg, nr);
	case URING_REGISTER_PBUF_STATUS:
		return arg.v && nr == 1 ? uring_group_status(u, arg) : -EINVAL;
	case URING_REGISTER_CLOCK: return arg.v && !nr ? clock_register(u, arg) : -EINVAL;
	case IORING_REGISTER_PROBE: return arg.v ? probe(arg, nr) : -EINVAL;
	case IORING_REGISTER_PERSONALITY: return none ? personality_register(u) : -EINVAL;
	case IORING_UNREGISTER_PERSONALITY: return arg.v ? -EINVAL : personality_unregister(u, nr);
	case IORING_REGISTER_RESTRICTIONS: return restrictions_register(u, arg, nr);
	case IORING_REGISTER_ENABLE_RINGS: return enable(u, arg, nr);
	}
	return -EINVAL;
}

long sys_io_uring_register(int fd, u32 op, uaddr_t arg, u32 nr)
{
	bool registered = op & URING_REGISTER_USE_REGISTERED_RING;
	struct file *f;
	struct uring *u;
	long ret;

	op &= ~URING_REGISTER_USE_REGISTERED_RING;
	if (op >= URING_REGISTER_LAST)
		return -EINVAL;
	f = uring_get_ring(fd, registered);
	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = -EOPNOTSUPP;
	if (f->f_op == &uring_fops) {
		u = f->private_data;
		ret = mutex_lock_killable(&u->lock);
		if (!ret) {
			ret = uring_may_issue(u) ? do_register(u, op, arg, nr) : -EEXIST;
			mutex_unlock(&u->lock);
		}
	}
	fput(f);
	return ret;
}
