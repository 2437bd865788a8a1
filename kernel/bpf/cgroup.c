/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c: programs of control groups, which decide whether a group's tasks may make or open a
 * device node.
 *
 * A group has up to 64 programs, all attached with the same flags: none, BPF_F_ALLOW_OVERRIDE (a
 * single program, which a second replaces) or BPF_F_ALLOW_MULTI. A group with a program and no
 * flags forbids programs in the groups below it. A task is subject to the programs of the nearest
 * group upwards that has any, and to those of all groups above it that have ALLOW_MULTI. All of
 * them run, and each must return 1 (linux/bpf.h, at BPF_F_ALLOW_OVERRIDE).
 *
 * A group drops its programs when it is removed, and accepts none afterwards.
 *
 * Locks: attach_mutex protects cgroup->programs and program_flags. It is an innermost lock, and no
 * memory is allocated under it, since device nodes are opened with inodes locked.
 */
#include <linux/stat.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/bpf/internal.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/cgroup/v1.h"
#include "kernel/lib/printk.h"
#include "kernel/mm/mm.h"
#include "kernel/ident/cred.h"
#include "kernel/vfs/vfs.h"

#define MAX_PROGRAMS 64
#define KINDS (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI)

struct attachment {
	/* Link in cgroup->programs, which is in the order of attachment. */
	struct list_head list;
	struct bpf_prog *prog; /* referenced */
};

static DEFINE_MUTEX(attach_mutex);
/* number of attached programs; changed under attach_mutex */
static atomic_t nr_attached = ATOMIC_INIT(0);

/* ---- the check ---- */

/*
 * Returns @c or the nearest group above it whose programs apply, or NULL. @found: a group below has
 * programs, so only groups with BPF_F_ALLOW_MULTI apply.
 */
static struct cgroup *effective(struct cgroup *c, bool found)
{
	while (c &&
		(list_empty(&c->programs) || (found && !(c->program_flags & BPF_F_ALLOW_MULTI))))
		c = c->parent;
	return c;
}

static bool all_allow(struct cgroup *c, struct bpf_cgroup_dev_ctx *ctx)
{
	struct attachment *a;
	bool ok = true;

	for (c = effective(c, false); c; c = effective(c->parent, true))
		list_for_each_entry(a, &c->programs, list)
			ok &= ebpf_run(&a->prog->code, ctx) & 1;
	return ok;
}

/*
 * Implements device_guard: first the device controller of version 1 decides, then the programs.
 * Returns 0 or -EPERM.
 */
static int check_device(umode_t mode, dev_t dev, int what)
{
	struct bpf_cgroup_dev_ctx ctx = { .major = MAJOR(dev), .minor = MINOR(dev) };
	struct cgroup *c;
	u32 access = 0;
	bool ok;

	if (!cgroup1_may_use(mode, dev, what))
		return -EPERM;
	if (!atomic_read(&nr_attached))
		return 0;
	access |= what & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0;
	access |= what & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0;
	access |= what & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0;
	ctx.access_type = access << 16 | (S_ISBLK(mode) ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	c = task_get_cgroup(current);
	mutex_lock(&attach_mutex);
	ok = all_allow(c, &ctx);
	mutex_unlock(&attach_mutex);
	cgroup_put(c);
	return ok ? 0 : -EPERM;
}

/* ---- attaching and detaching: attach_mutex is held ---- */

static u32 count(const struct cgroup *c)
{
	const struct list_head *p;
	u32 n = 0;

	list_for_each(p, &c->programs)
		n++;
	return n;
}

static bool ancestors_allow(const struct cgroup *c)
{
	for (c = c->parent; c; c = c->parent) {
		if (c->program_flags & BPF_F_ALLOW_MULTI)
			return true;
		if (!list_empty(&c->programs))
			return c->program_flags & BPF_F_ALLOW_OVERRIDE;
	}
	return true;
}

static struct attachment *find(struct cgroup *c, const struct bpf_prog *p)
{
	struct attachment *a;

	list_for_each_entry(a, &c->programs, list)
		if (a->prog == p)
			return a;
	return NULL;
}

/*
 * Returns the attachment that a new program replaces, NULL if the program is added, or ERR_PTR if
 * it is refused.
 */
static struct attachment *place(
	struct cgroup *c, const struct bpf_prog *p, const struct bpf_prog *replace, u32 kind)
{
	struct attachment *a;

	if (!(kind & BPF_F_ALLOW_MULTI))
		return list_first_entry_or_null(&c->programs, struct attachment, list);
	if (p != replace && find(c, p))
		return ERR_PTR(-EINVAL);
	if (!replace)
		return NULL;
	a = find(c, replace);
	return a ? a : ERR_PTR(-ENOENT);
}

/*
 * Attaches @p. On success takes over the reference to @p, and *fresh if the program is added. *old:
 * the replaced program, whose reference passes to the caller. Returns 0 or -errno.
 */
static int attach_locked(struct cgroup *c, struct bpf_prog *p, const struct bpf_prog *replace,
	u32 kind, struct attachment **fresh, struct bpf_prog **old)
{
	struct attachment *a;

	if (READ_ONCE(c->dead))
		return -ENOENT;
	if (!ancestors_allow(c))
		return -EPERM;
	if (!list_empty(&c->programs) && c->program_flags != kind)
		return -EPERM;
	if (count(c) >= MAX_PROGRAMS)
		return -E2BIG;
	a = place(c, p, replace, kind);
	if (IS_ERR(a))
		return (int)PTR_ERR(a);
	if (a) {
		*old = a->prog;
	} else {
		a = *fresh;
		*fresh = NULL;
		list_add_tail(&a->list, &c->programs);
		atomic_inc(&nr_attached);
	}
	a->prog = p;
	c->program_flags = kind;
	return 0;
}

static void remove(struct cgroup *c, struct attachment *a)
{
	list_del(&a->list);
	kfree(a);
	atomic_dec(&nr_attached);
	if (list_empty(&c->programs))
		c->program_flags = 0;
}

/* Attaches @p. On success takes over the reference to it. Returns 0 or -errno. */
static int attach(struct cgroup *c, struct bpf_prog *p, const struct bpf_prog *replace, u32 kind)
{
	struct attachment *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL | __GFP_ACCOUNT);
	struct bpf_prog *old = NULL;
	int err;

	if (!fresh)
		return -ENOMEM;
	mutex_lock(&attach_mutex);
	err = attach_locked(c, p, replace, kind, &fresh, &old);
	mutex_unlock(&attach_mutex);
	kfree(fresh);
	if (old)
		bpf_prog_put(old);
	return err;
}

/* Returns the attachment to detach, or ERR_PTR. @p is NULL if the guest has named no program. */
static struct attachment *to_detach(struct cgroup *c, const struct bpf_prog *p)
{
	struct attachment *a;

	if (!(c->program_flags & BPF_F_ALLOW_MULTI))
		a = list_first_entry_or_null(&c->programs, struct attachment, list);
	else if (!p)
		return ERR_PTR(-EINVAL);
	else
		a = find(c, p);
	return a ? a : ERR_PTR(-ENOENT);
}

/* ---- the calls ---- */

static struct cgroup *cgroup_of(u32 fd)
{
	bool may;

	return fd <= INT32_MAX ? cgroup_of_fd((int)fd, &may) : ERR_PTR(-EBADF);
}

long bpf_cgroup_attach(const union bpf_attr *a)
{
	u32 kind = a->attach_flags & KINDS;
	struct bpf_prog *p, *replace = NULL;
	struct cgroup *c;
	long err;

	if (a->attach_flags & ~(KINDS | BPF_F_REPLACE) || a->attach_type != BPF_CGROUP_DEVICE)
		return -EINVAL;
	if (!bpf_admin(CAP_NET_ADMIN))
		return -EPERM;
	p = bpf_prog_of_fd(a->attach_bpf_fd, BPF_PROG_TYPE_CGROUP_DEVICE);
	if (IS_ERR(p))
		return PTR_ERR(p);
	c = cgroup_of(a->target_fd);
	err = IS_ERR(c) ? PTR_ERR(c) : 0;
	if (err)
		goto out_prog;
	if (a->attach_flags & BPF_F_REPLACE && kind & BPF_F_ALLOW_MULTI)
		replace = bpf_prog_of_fd(a->replace_bpf_fd, BPF_PROG_TYPE_CGROUP_DEVICE);
	err = IS_ERR(replace) ? PTR_ERR(replace) : 0;
	if (err)
		goto out_cgroup;
	err = -EINVAL;
	if (kind != KINDS && (!(a->attach_flags & BPF_F_REPLACE) || kind & BPF_F_ALLOW_MULTI))
		err = attach(c, p, replace, kind);
	if (replace)
		bpf_prog_put(replace);
out_cgroup:
	cgroup_put(c);
out_prog:
	if (err)
		bpf_prog_put(p);
	return err;
}

long bpf_cgroup_detach(const union bpf_attr *a)
{
	struct bpf_prog *p, *old = NULL;
	struct attachment *which;
	struct cgroup *c;

	if (a->attach_type != BPF_CGROUP_DEVICE)
		return -EINVAL;
	if (!bpf_admin(CAP_NET_ADMIN))
		return -EPERM;
	c = cgroup_of(a->target_fd);
	if (IS_ERR(c))
		return PTR_ERR(c);
	p = bpf_prog_of_fd(
		a->attach_bpf_fd, BPF_PROG_TYPE_CGROUP_DEVICE); /* to_detach() accepts NULL */
	mutex_lock(&attach_mutex);
	which = to_detach(c, IS_ERR(p) ? NULL : p);
	if (!IS_ERR(which)) {
		old = which->prog;
		remove(c, which);
	}
	mutex_unlock(&attach_mutex);
	if (old)
		bpf_prog_put(old);
	if (!IS_ERR(p))
		bpf_prog_put(p);
	cgroup_put(c);
	return IS_ERR(which) ? PTR_ERR(which) : 0;
}

/* ---- queries of attached programs ---- */

#define IDS_MAX 1024

/*
 * Collects the ids of the programs in the order of execution, with @up including those of groups
 * above. Returns their number, of which at most @max are stored.
 */
static u32 collect(struct cgroup *c, bool up, u32 *ids, u32 max)
{
	struct attachment *a;
	u32 n = 0;

	for (c = up ? effective(c, false) : c; c; c = up ? effective(c->parent, true) : NULL)
		list_for_each_entry(a, &c->programs, list) {
			if (n < max)
				ids[n] = a->prog->id;
			n++;
		}
	return n;
}

static long put_prog_ids(const union bpf_attr *a, uaddr_t uattr, const u32 *ids, u32 n, u32 flags)
{
	u32 room = a->query.prog_cnt, copied = min(n, min(room, (u32)IDS_MAX));

	if (put_user(flags, uaddr_add(uattr, offsetof(union bpf_attr, query.attach_flags))) ||
		put_user(n, uaddr_add(uattr, offsetof(union bpf_attr, query.prog_cnt))))
		return -EFAULT;
	if (!room || !a->query.prog_ids || !n)
		return 0;
	if (copy_to_user(UADDR(a->query.prog_ids), ids, copied * sizeof(*ids)))
		return -EFAULT;
	for (u32 i = 0; a->query.prog_attach_flags && i < copied; i++)
		if (put_user(flags, UADDR(a->query.prog_attach_flags + i * sizeof(flags))))
			return -EFAULT;
	return copied < n ? -ENOSPC : 0;
}

/* True for attach types of control groups. Only BPF_CGROUP_DEVICE can have programs. */
static bool is_group_type(u32 type)
{
	switch (type) {
	case BPF_CGROUP_INET_INGRESS:
	case BPF_CGROUP_INET_EGRESS:
	case BPF_CGROUP_INET_SOCK_CREATE:
	case BPF_CGROUP_INET_SOCK_RELEASE:
	case BPF_CGROUP_SOCK_OPS:
	case BPF_CGROUP_DEVICE:
	case BPF_CGROUP_INET4_BIND:
	case BPF_CGROUP_INET6_BIND:
	case BPF_CGROUP_INET4_CONNECT:
	case BPF_CGROUP_INET6_CONNECT:
	case BPF_CGROUP_INET4_POST_BIND:
	case BPF_CGROUP_INET6_POST_BIND:
	case BPF_CGROUP_INET4_GETPEERNAME:
	case BPF_CGROUP_INET6_GETPEERNAME:
	case BPF_CGROUP_INET4_GETSOCKNAME:
	case BPF_CGROUP_INET6_GETSOCKNAME:
	case BPF_CGROUP_UDP4_SENDMSG:
	case BPF_CGROUP_UDP6_SENDMSG:
	case BPF_CGROUP_UDP4_RECVMSG:
	case BPF_CGROUP_UDP6_RECVMSG:
	case BPF_CGROUP_SYSCTL:
	case BPF_CGROUP_GETSOCKOPT:
	case BPF_CGROUP_SETSOCKOPT: return true;
	}
	return false;
}

long bpf_cgroup_query(const union bpf_attr *a, uaddr_t uattr)
{
	bool device, up = a->query.query_flags & BPF_F_QUERY_EFFECTIVE;
	struct cgroup *c;
	u32 *ids, n, flags;
	long err = -ENOMEM;

	if (!bpf_admin(CAP_NET_ADMIN))
		return -EPERM;
	if (a->query.query_flags & ~BPF_F_QUERY_EFFECTIVE || !is_group_type(a->query.attach_type))
		return -EINVAL;
	c = cgroup_of(a->query.target_fd);
	if (IS_ERR(c))
		return PTR_ERR(c);
	ids = kmalloc(IDS_MAX * sizeof(*ids), GFP_KERNEL);
	if (up && a->query.prog_attach_flags)
		err = -EINVAL;
	else if (ids)
		err = 0;
	if (!err) {
		mutex_lock(&attach_mutex);
		device = a->query.attach_type == BPF_CGROUP_DEVICE;
		n = device ? collect(c, up, ids, IDS_MAX) : 0;
		flags = up || !device ? 0 : c->program_flags;
		mutex_unlock(&attach_mutex);
		err = put_prog_ids(a, uattr, ids, n, flags);
	}
	kfree(ids);
	cgroup_put(c);
	return err;
}

/* ---- removal of a group ---- */

static void drop_all(struct cgroup *c)
{
	struct attachment *a;
	struct bpf_prog *p;

	do {
		p = NULL;
		mutex_lock(&attach_mutex);
		a = list_first_entry_or_null(&c->programs, struct attachment, list);
		if (a) {
			p = a->prog;
			remove(c, a);
		}
		mutex_unlock(&attach_mutex);
		if (p)
			bpf_prog_put(p);
	} while (p);
}

static const struct cgroup_program_ops program_ops = { .drop = drop_all };
static const struct device_guard_ops guard_ops = { .permission = check_device };

static int bpf_cgroup_init(void)
{
	cgroup_program_ops = &program_ops;
	device_guard = &guard_ops;
	return 0;
}
INITCALL(4, bpf_cgroup_init);
