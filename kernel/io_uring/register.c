/* SPDX-License-Identifier: MIT */
/*
 * register.c: io_uring_register(2): an eventfd, personalities, restrictions, a clock, a limit on
 * workers, and the query of supported operations. rsrc.c registers buffers and files.
 * IORING_REGISTER_EVENTFD_ASYNC, for instance, is not supported.
 *
 * Locks: ring->lock, and cq_lock for the eventfd.
 */
#include "kernel/event/eventfd.h"
#include "kernel/io_uring/uring.h"

#define MAX_PERSONALITY 0xffffU
#define PERSONALITY_BYTES 64 /* estimated */
#define MAX_RESTRICTIONS (IORING_RESTRICTION_LAST + URING_REGISTER_LAST + URING_OP_LAST)
/* struct uring_limits has a bit for each */
BUILD_BUG_ON(URING_REGISTER_LAST > 64 || URING_OP_LAST > 64);

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

/* ---- personalities: credentials of the registering task, for requests of any submitter ---- */

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

/*
 * Sets the restrictions, all or none of them. Permitted once, before the ring is enabled. Returns 0
 * or -errno.
 */
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

/* ---- supported operations ---- */

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

/* ---- Linux's limits of workers, which are only stored, since there are no workers ---- */

static long workers_limit(struct uring *u, uaddr_t arg)
{
	u32 limits[2];

	if (copy_from_user(limits, arg, sizeof(limits)))
		return -EFAULT;
	for (u32 i = 0; i < 2; i++) {
		u32 old = u->workers[i];

		if (limits[i] > INT32_MAX)
			return -EINVAL;
		if (limits[i])
			u->workers[i] = limits[i];
		limits[i] = old;
	}
	return copy_to_user(arg, limits, sizeof(limits)) ? -EFAULT : 0;
}

/*
 * Sets the clock of timeouts from struct io_uring_clock_register, which has the clock's id and
 * three reserved words. Returns 0 or -errno.
 */
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
	case IORING_REGISTER_BUFFERS:
	case IORING_UNREGISTER_BUFFERS:
	case IORING_REGISTER_FILES:
	case IORING_REGISTER_FILES2:
	case IORING_UNREGISTER_FILES:
	case IORING_REGISTER_FILES_UPDATE:
	case IORING_REGISTER_FILES_UPDATE2:
	case IORING_REGISTER_BUFFERS2:
	case IORING_REGISTER_BUFFERS_UPDATE:
	case URING_REGISTER_CLONE_BUFFERS:
	case URING_REGISTER_FILE_ALLOC_RANGE: return uring_rsrc_register(u, op, arg, nr);
	case IORING_REGISTER_EVENTFD: return eventfd_register(u, arg, nr);
	case IORING_UNREGISTER_EVENTFD: return none ? eventfd_set(u, NULL) : -EINVAL;
	case IORING_REGISTER_SYNC_CANCEL:
		return arg.v && nr == 1 ? uring_sync_cancel(u, arg) : -EINVAL;
	case IORING_REGISTER_PBUF_RING:
		return arg.v && nr == 1 ? uring_register_group(u, arg) : -EINVAL;
	case IORING_UNREGISTER_PBUF_RING:
		return arg.v && nr == 1 ? uring_unregister_group(u, arg) : -EINVAL;
	case IORING_REGISTER_RING_FDS: return uring_rings_register(arg, nr);
	case IORING_UNREGISTER_RING_FDS: return uring_rings_unregister(arg, nr);
	case URING_REGISTER_PBUF_STATUS:
		return arg.v && nr == 1 ? uring_group_status(u, arg) : -EINVAL;
	case URING_REGISTER_CLOCK: return arg.v && !nr ? clock_register(u, arg) : -EINVAL;
	case IORING_REGISTER_IOWQ_MAX_WORKERS:
		return arg.v && nr == 2 ? workers_limit(u, arg) : -EINVAL;
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
