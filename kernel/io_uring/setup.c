/* SPDX-License-Identifier: MIT */
/*
 * setup.c: io_uring_setup(2): makes and frees rings. Also the operations of a ring's file: mmap,
 * poll, release.
 *
 * The rings (indexes, completions, the submission array) are one piece of shared memory, and the
 * submission entries another. The kernel has their pages, and the guest maps them at the offsets
 * that io_uring_setup(2) returns. With IORING_SETUP_NO_MMAP they are the program's own pages. If
 * that memory is a private mapping without MADV_DONTFORK, the program and the kernel may use
 * different pages after a fork.
 *
 * IORING_SETUP_SQPOLL: no thread polls the submission queue. IORING_SQ_NEED_WAKEUP is always set,
 * as it is on Linux while the thread sleeps, and the io_uring_enter() that would wake up the thread
 * submits all entries itself. If its caller does not belong to the process that made the ring, it
 * asks a thread of that process to submit them.
 *
 * References: the file and each request hold one. The last close cancels waiting requests, and the
 * memory is freed with the last request.
 *
 * Locks: rings_lock for the list of all rings.
 */
#include <linux/eventpoll.h>

#include "kernel/io_uring/uring.h"
#include "kernel/lib/sysctl.h"

#define SUPPORTED                                                                                  \
	(IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_ATTACH_WQ |                      \
		IORING_SETUP_IOPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |                   \
		IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |    \
		IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |                           \
		IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |            \
		URING_SETUP_NO_SQARRAY | URING_SETUP_NO_MMAP | URING_SETUP_REGISTERED_FD_ONLY)
#define FEATURES                                                                                   \
	(IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |                \
		IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |     \
		IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS |       \
		IORING_FEAT_CQE_SKIP | IORING_FEAT_RSRC_TAGS | IORING_FEAT_LINKED_FILE |           \
		IORING_FEAT_SQPOLL_NONFIXED | URING_FEAT_REG_REG_RING |                            \
		URING_FEAT_RECVSEND_BUNDLE | URING_FEAT_MIN_TIMEOUT)

struct list_head all_rings = LIST_HEAD_INIT(all_rings);
DEFINE_SPINLOCK(rings_lock);
static atomic64_t charged; /* bytes: uring_charge() */

int uring_charge(size_t bytes)
{
	if ((u64)atomic_add_return((s64)bytes, &charged) <= nr_managed_frames() * (PAGE_SIZE / 4))
		return 0;
	uring_uncharge(bytes);
	return -ENOMEM;
}

void uring_uncharge(size_t bytes)
{
	atomic_sub((s64)bytes, &charged);
}

void *uring_zalloc(size_t n, size_t size)
{
	void *p;

	if (uring_charge(n * size))
		return NULL;
	p = kcalloc(n, size, GFP_KERNEL);
	if (!p)
		uring_uncharge(n * size);
	return p;
}

void uring_free(void *p, size_t n, size_t size)
{
	if (!p)
		return;
	kfree(p);
	uring_uncharge(n * size);
}

/* ---- memory ---- */

void uring_map_free(struct uring_map *m)
{
	for (u32 i = 0; i < m->nr; i++)
		put_page(m->pages[i]);
	kfree(m->pages);
	if (m->file)
		fput(m->file);
	uring_uncharge(m->charged);
}

/*
 * Allocates @m->pages for @want pages, and charges @each bytes for each of them in addition.
 * Returns 0 or -ENOMEM.
 */
static int map_room(struct uring_map *m, u32 want, size_t each)
{
	size_t bytes = want * (each + sizeof(*m->pages));

	if (uring_charge(bytes))
		return -ENOMEM;
	m->charged = bytes;
	m->pages = kcalloc(want, sizeof(*m->pages), GFP_KERNEL);
	return m->pages ? 0 : -ENOMEM;
}

int uring_map_make(struct uring_map *m, u64 size)
{
	u32 want = (u32)(PAGE_ALIGN(size) >> PAGE_SHIFT);
	int err = map_room(m, want, PAGE_SIZE);

	if (err)
		return err;
	m->file = shmem_file_setup("[io_uring]", (loff_t)want << PAGE_SHIFT);
	if (IS_ERR(m->file)) {
		err = PTR_ERR(m->file);
		m->file = NULL;
		return err;
	}
	while (m->nr < want) {
		struct page *p = read_cache_page(m->file->f_mapping, m->nr, m->file);

		if (IS_ERR(p))
			return PTR_ERR(p);
		m->pages[m->nr++] = p;
	}
	return 0;
}

/* Pins the program's own pages at @addr. Returns 0 or -errno. */
static int map_take(struct uring_map *m, u64 addr, u64 size)
{
	u32 want = (u32)(PAGE_ALIGN(size) >> PAGE_SHIFT);
	int err = addr & ~PAGE_MASK ? -EINVAL : map_room(m, want, 0);

	if (err)
		return err;
	while (m->nr < want) {
		s32 got = get_user_pages(addr + ((u64)m->nr << PAGE_SHIFT), want - m->nr,
			FOLL_WRITE, m->pages + m->nr);

		if (got < 0)
			return got;
		m->nr += (u32)got;
		cond_resched();
	}
	return 0;
}

static int map_get(struct uring_map *m, u64 size, const struct io_uring_params *p, u64 addr)
{
	return p->flags & URING_SETUP_NO_MMAP ? map_take(m, addr, size) : uring_map_make(m, size);
}

/* ---- creation and end ---- */

void uring_put(struct uring *u)
{
	struct uring_overflow *o, *next;

	if (!atomic_dec_and_test(&u->refs))
		return;
	list_for_each_entry_safe(o, next, &u->overflow, link) {
		kfree(o);
		uring_uncharge(sizeof(*o));
	}
	uring_map_free(&u->rings);
	uring_map_free(&u->sqes);
	if (u->issuer)
		put_pid(u->issuer);
	if (u->owner)
		put_pid(u->owner);
	clock_unwatch(&u->watch);
	uring_free(u, 1, sizeof(*u));
}

void uring_set_issuer(struct uring *u)
{
	if (u->flags & IORING_SETUP_SINGLE_ISSUER && !u->issuer)
		u->issuer = get_pid(current->thread_pid);
}

bool uring_may_issue(const struct uring *u)
{
	return !u->issuer || u->issuer == current->thread_pid;
}

/* Makes a ring, with one reference, for checked parameters. Returns ERR_PTR on failure. */
static struct uring *uring_new(const struct io_uring_params *p)
{
	struct uring *u;
	u64 size;
	int err;

	u = uring_zalloc(1, sizeof(*u));
	if (!u)
		return ERR_PTR(-ENOMEM);
	atomic_set(&u->refs, 1);
	INIT_LIST_HEAD(&u->all);
	mutex_init(&u->lock);
	spin_lock_init(&u->cq_lock);
	INIT_LIST_HEAD(&u->overflow);
	for (u32 i = 0; i < URING_BUCKETS; i++)
		INIT_LIST_HEAD(&u->waiting[i]);
	INIT_LIST_HEAD(&u->counting);
	INIT_LIST_HEAD(&u->ending);
	INIT_LIST_HEAD(&u->drained);
	INIT_LIST_HEAD(&u->mapped);
	INIT_LIST_HEAD(&u->deferred);
	INIT_LIST_HEAD(&u->shots);
	INIT_LIST_HEAD(&u->again);
	init_waitqueue_head(&u->wait);
	timeout_init(u);
	u->clock = CLOCK_MONOTONIC;
	u->mm = current->mm;
	u->workers[0] = min(p->sq_entries, 4U * (u32)nr_cpus);
	u->workers[1] = (u32)min(rlimit(RLIMIT_NPROC), (u64)INT32_MAX);
	u->flags = p->flags;
	if (!(p->flags & IORING_SETUP_R_DISABLED))
		uring_set_issuer(u);
	u->sq_entries = p->sq_entries;
	u->cq_entries = p->cq_entries;
	size = sizeof(struct uring_shared) + (u64)p->cq_entries * uring_cqe_size(p->flags);
	if (!(p->flags & URING_SETUP_NO_SQARRAY)) {
		u->array_at = (u32)size;
		size += (u64)p->sq_entries * sizeof(u32);
	}
	err = map_get(&u->rings, size, p, p->cq_off.resv2); /* this field holds user_addr */
	if (!err)
		err = map_get(&u->sqes, (u64)p->sq_entries * uring_sqe_size(p->flags), p,
			p->sq_off.resv2);
	if (err) {
		uring_put(u);
		return ERR_PTR(err);
	}
	shared_of(u)->sq_entries = p->sq_entries;
	shared_of(u)->cq_entries = p->cq_entries;
	shared_of(u)->sq_mask = p->sq_entries - 1;
	shared_of(u)->cq_mask = p->cq_entries - 1;
	if (p->flags & IORING_SETUP_SQPOLL) {
		u->owner = get_pid(current->group_leader->thread_pid);
		shared_of(u)->sq_flags = IORING_SQ_NEED_WAKEUP;
	}
	return u;
}

static bool any(const struct uring_req *r, const void *arg)
{
	return true;
}

static int uring_release(struct inode *inode, struct file *f)
{
	struct uring *u = f->private_data;
	struct file *eventfd;

	spin_lock(&rings_lock);
	list_del_init(&u->all);
	spin_unlock(&rings_lock);
	spin_lock(&u->cq_lock);
	u->dying = true;
	eventfd = u->eventfd;
	u->eventfd = NULL;
	spin_unlock(&u->cq_lock);
	uring_cancel(u, any, NULL, NULL, ~0U);
	uring_drop_deferred(u);
	mutex_lock(&u->lock);
	uring_groups_free(u);
	uring_personalities_free(u);
	uring_rsrc_free(u);
	mutex_unlock(&u->lock);
	if (eventfd)
		fput(eventfd);
	uring_put(u);
	return 0;
}

/* ---- the ring as a file ---- */

static struct file *shared_file(struct uring *u, u64 off, u32 *pages)
{
	struct uring_map *m;

	switch (off) {
	case IORING_OFF_SQ_RING:
	case IORING_OFF_CQ_RING: m = &u->rings; break;
	case IORING_OFF_SQES: m = &u->sqes; break;
	default: return ERR_PTR(-EINVAL);
	}
	if (!m->file)
		return ERR_PTR(-ENOMEM);
	*pages = m->nr;
	return get_file(m->file);
}

/* Lets the area map the shared memory instead of this file. Returns 0 or -errno. */
static int uring_mmap(struct file *f, struct vm_area *v)
{
	struct uring *u = f->private_data;
	u64 off = v->vm_pgoff << PAGE_SHIFT;
	struct file *shared;
	u32 pages;

	if ((off & URING_OFF_MASK) == URING_OFF_PBUF_RING)
		shared = uring_group_file(
			u, (off & ~URING_OFF_MASK) >> URING_OFF_PBUF_SHIFT, &pages);
	else
		shared = shared_file(u, off, &pages);
	if (IS_ERR(shared))
		return PTR_ERR(shared);
	if (v->vm_end - v->vm_start > (u64)pages << PAGE_SHIFT) {
		fput(shared);
		return -EINVAL;
	}
	v->vm_file = shared;
	v->vm_pgoff = 0;
	fput(f);
	return 0;
}

static u32 uring_poll(struct file *f, struct poll_table *pt)
{
	struct uring *u = f->private_data;
	struct uring_shared *s = shared_of(u);
	u32 mask = 0;

	poll_wait(f, &u->wait, pt);
	if (READ_ONCE(s->sq_tail) - READ_ONCE(u->sq_head) < u->sq_entries)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (uring_ready(u) || !list_empty(&u->overflow) || uring_has_deferred(u))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static int uring_fdinfo(struct file *f, char *buf, size_t size)
{
	struct uring *u = f->private_data;
	struct uring_shared *s = shared_of(u);

	return scnprintf(buf, size,
		"SqMask:\t0x%x\nSqHead:\t%u\nSqTail:\t%u\nCqMask:\t0x%x\nCqHead:\t%u\nCqTail:\t%u\n"
		"UserFiles:\t%u\nUserBufs:\t%u\n",
		u->sq_entries - 1, READ_ONCE(u->sq_head), READ_ONCE(s->sq_tail), u->cq_entries - 1,
		READ_ONCE(s->cq_head), READ_ONCE(u->cq_tail), READ_ONCE(u->files.nr),
		READ_ONCE(u->buffers.nr));
}

const struct file_operations uring_fops = {
	.llseek = no_llseek,
	.mmap = uring_mmap,
	.poll = uring_poll,
	.release = uring_release,
	.show_fdinfo = uring_fdinfo,
};

/* ---- setup ---- */

static u32 power_of_two(u32 n)
{
	u32 p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

static int size_one(u32 *n, u32 most, u32 flags)
{
	if (!*n)
		return -EINVAL;
	if (*n > most) {
		if (!(flags & IORING_SETUP_CLAMP))
			return -EINVAL;
		*n = most;
	}
	*n = power_of_two(*n);
	return 0;
}

static int choose_sizes(struct io_uring_params *p, u32 entries)
{
	int err = size_one(&entries, URING_MAX_ENTRIES, p->flags);

	if (err)
		return err;
	p->sq_entries = entries;
	if (!(p->flags & IORING_SETUP_CQSIZE)) {
		p->cq_entries = 2 * entries;
		return 0;
	}
	err = size_one(&p->cq_entries, 2 * URING_MAX_ENTRIES, p->flags);
	return err ? err : p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

static void fill_offsets(const struct uring *u, struct io_uring_params *p)
{
	bool own = p->flags & URING_SETUP_NO_MMAP;

	p->features = FEATURES;
	p->sq_off = (struct io_sqring_offsets){ .resv2 = own ? p->sq_off.resv2 : 0 };
	p->cq_off = (struct io_cqring_offsets){ .resv2 = own ? p->cq_off.resv2 : 0 };
	p->sq_off.head = offsetof(struct uring_shared, sq_head);
	p->sq_off.tail = offsetof(struct uring_shared, sq_tail);
	p->sq_off.ring_mask = offsetof(struct uring_shared, sq_mask);
	p->sq_off.ring_entries = offsetof(struct uring_shared, sq_entries);
	p->sq_off.flags = offsetof(struct uring_shared, sq_flags);
	p->sq_off.dropped = offsetof(struct uring_shared, sq_dropped);
	p->sq_off.array = u->array_at;
	p->cq_off.head = offsetof(struct uring_shared, cq_head);
	p->cq_off.tail = offsetof(struct uring_shared, cq_tail);
	p->cq_off.ring_mask = offsetof(struct uring_shared, cq_mask);
	p->cq_off.ring_entries = offsetof(struct uring_shared, cq_entries);
	p->cq_off.overflow = offsetof(struct uring_shared, cq_overflow);
	p->cq_off.cqes = offsetof(struct uring_shared, cqes);
	p->cq_off.flags = offsetof(struct uring_shared, cq_flags);
}

/*
 * Checks the ring of IORING_SETUP_ATTACH_WQ, whose workers or thread Linux would share. Nestling
 * has neither, but the descriptor must be a ring. Returns 0 or -errno.
 */
static int check_attached(const struct io_uring_params *p)
{
	struct file *f;
	int err;

	if (!(p->flags & IORING_SETUP_ATTACH_WQ))
		return 0;
	f = fget((int)p->wq_fd);
	if (!f)
		return -ENXIO;
	err = f->f_op == &uring_fops ? 0 : -EINVAL;
	fput(f);
	return err;
}

static int check_sqpoll(const struct io_uring_params *p)
{
	if (!(p->flags & IORING_SETUP_SQPOLL))
		return p->flags & IORING_SETUP_SQ_AFF ? -EINVAL : 0;
	if (p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
			       IORING_SETUP_DEFER_TASKRUN))
		return -EINVAL;
	return p->flags & IORING_SETUP_SQ_AFF && p->sq_thread_cpu >= (u32)nr_cpus ? -EINVAL : 0;
}

static int check_params(const struct io_uring_params *p)
{
	int err;

	for (u32 i = 0; i < ARRAY_SIZE(p->resv); i++)
		if (p->resv[i])
			return -EINVAL;
	if (p->flags & ~(u32)SUPPORTED)
		return -EINVAL;
	err = check_sqpoll(p);
	if (!err)
		err = check_attached(p);
	if (err)
		return err;
	if (p->flags & URING_SETUP_REGISTERED_FD_ONLY && !(p->flags & URING_SETUP_NO_MMAP))
		return -EINVAL;
	if (p->flags & IORING_SETUP_TASKRUN_FLAG &&
		!(p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
		return -EINVAL;
	if (p->flags & IORING_SETUP_DEFER_TASKRUN && !(p->flags & IORING_SETUP_SINGLE_ISSUER))
		return -EINVAL;
	return 0;
}

static int ring_fd(struct uring *u)
{
	struct file *f;
	int fd = anon_fd_prepare("[io_uring]", &uring_fops, u, O_RDWR | O_CLOEXEC, &f);

	if (fd < 0)
		return fd;
	f->f_mode |= FMODE_NOPASS;
	if (u->flags & URING_SETUP_REGISTERED_FD_ONLY) {
		put_unused_fd(fd);
		atomic_inc(&u->refs); /* held until the file is registered */
		fd = uring_rings_place(f);
		if (fd >= 0)
			uring_put(u);
		return fd;
	}
	fd_install(fd, f);
	return fd;
}

/*
 * sysctl kernel.io_uring_disabled. 1: only tasks with CAP_SYS_ADMIN or in the group
 * kernel.io_uring_group may make rings. 2: no task may. Existing rings continue to work.
 */
static int disabled, allowed_group = -1;

static bool may_set_up(void)
{
	int now = READ_ONCE(disabled);
	kgid_t group = (kgid_t)READ_ONCE(allowed_group);

	if (now == 2)
		return false;
	return !now || capable(CAP_SYS_ADMIN) || (group != (kgid_t)-1 && in_group(group));
}

long sys_io_uring_setup(u32 entries, uaddr_t uparams)
{
	struct io_uring_params p;
	struct uring *u;
	int fd, err;

	if (!may_set_up())
		return -EPERM;
	if (copy_from_user(&p, uparams, sizeof(p)))
		return -EFAULT;
	err = check_params(&p);
	if (!err)
		err = choose_sizes(&p, entries);
	if (!err)
		err = uring_rings_table();
	if (err)
		return err;
	u = uring_new(&p);
	if (IS_ERR(u))
		return PTR_ERR(u);
	fill_offsets(u, &p);
	if (copy_to_user(uparams, &p, sizeof(p))) {
		uring_put(u);
		return -EFAULT;
	}
	spin_lock(&rings_lock);
	list_add_tail(&u->all, &all_rings);
	spin_unlock(&rings_lock);
	fd = ring_fd(u);
	if (fd < 0) {
		spin_lock(&rings_lock);
		list_del_init(&u->all);
		spin_unlock(&rings_lock);
		uring_put(u);
	}
	return fd;
}

static const struct sysctl knobs[] = {
	SYSCTL_NUM("kernel/io_uring_disabled", disabled, 0, 2),
	SYSCTL_NUM("kernel/io_uring_group", allowed_group, -0x80000000L, 0x7fffffff),
};

static int setup_init(void)
{
	return sysctl_register(knobs, ARRAY_SIZE(knobs));
}
INITCALL(4, setup_init);
