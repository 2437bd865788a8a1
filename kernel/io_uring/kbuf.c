/* SPDX-License-Identifier: MIT */
/*
 * kbuf.c: groups of buffers, from which the kernel chooses one when there is something to read
 * (IOSQE_BUFFER_SELECT).
 *
 * A group is a list of buffers that PROVIDE_BUFFERS added, or a ring of buffers in shared memory
 * (IORING_REGISTER_PBUF_RING). The ring lies in the program's memory, or with IOU_PBUF_RING_MMAP in
 * the kernel's, which the program maps. The program adds buffers at the ring's tail. Only the
 * kernel has the head.
 *
 *	uring_choose(r)
 *	        0: r->buf is the next buffer; -ENOBUFS
 *	r->cflags |= uring_use(r, n)
 *	        r->buf got @n bytes: it leaves the group; with IOU_PBUF_RING_INC only those bytes do
 *	uring_unchoose(r)
 *	        no data arrived: the buffer stays in the group
 *
 *	n = uring_choose_several(r, most, vec, max)
 *	        for a bundle: r->buf is the first
 *	r->cflags |= uring_use_several(r, vec, n, got)
 *
 * ring->lock is held from the choice of a buffer to its use or uring_unchoose(), so that no other
 * request can choose it.
 *
 * Invariants: 1. A chosen buffer stays in its group until it is used. 2. A group's memory is
 * charged (uring_charge()).
 *
 * Locks: ring->lock; cq_lock for the list of buffer rings in kernel memory, since mmap() may not
 * wait for a task that holds ring->lock while it copies.
 */
#include "kernel/io_uring/uring.h"

#define MAX_IDS 65536
#define MAX_RING 32768

struct entry {
	struct list_head link;
	u64 addr;
	u32 len;
	u16 id;
};

struct uring_group {
	u32 id;
	bool ring, inc;
	u32 nr;                /* list: of buffers; ring: of slots */
	struct list_head list; /* by entry.link */
	u16 head;              /* of the buffer ring */
	/* address of the ring in the program's memory; 0: it lies in kernel memory (@map) */
	u64 at;
	struct uring_map map;
	/* in ring->mapped. With @map under cq_lock. */
	struct list_head mapped;
};

static struct uring_group *group_new(struct uring *u, u32 id)
{
	struct uring_group *g = uring_zalloc(1, sizeof(*g));

	if (!g)
		return ERR_PTR(-ENOMEM);
	g->id = id;
	INIT_LIST_HEAD(&g->list);
	INIT_LIST_HEAD(&g->mapped);
	if (radix_insert(&u->groups, id, g)) {
		uring_free(g, 1, sizeof(*g));
		return ERR_PTR(-ENOMEM);
	}
	return g;
}

static void entry_drop(struct uring_group *g, struct entry *e)
{
	list_del(&e->link);
	uring_free(e, 1, sizeof(*e));
	g->nr--;
}

static void group_free(struct uring *u, struct uring_group *g)
{
	spin_lock(&u->cq_lock);
	list_del_init(&g->mapped);
	spin_unlock(&u->cq_lock);
	radix_delete(&u->groups, g->id);
	while (!list_empty(&g->list))
		entry_drop(g, list_first_entry(&g->list, struct entry, link));
	uring_map_free(&g->map);
	uring_free(g, 1, sizeof(*g));
}

void uring_groups_free(struct uring *u)
{
	struct uring_group *g;
	u64 id = 0;

	while ((g = radix_next(&u->groups, &id)))
		group_free(u, g);
}

/* ---- choosing ---- */

/* Copies a slot of a buffer ring: to the ring if @write, else from it. Returns 0 or -EFAULT. */
static int slot_copy(struct uring_group *g, u16 at, struct io_uring_buf *b, bool write)
{
	u64 off = (u64)(at & (g->nr - 1)) * sizeof(*b);

	if (g->at && write)
		/* 12 bytes, since the rest of slot 0 has the ring's tail. */
		return copy_to_user(UADDR(g->at + off), b, 12) ? -EFAULT : 0;
	if (g->at)
		return copy_from_user(b, UADDR(g->at + off), sizeof(*b)) ? -EFAULT : 0;
	if (write)
		memcpy(map_at(&g->map, off), b, 12);
	else
		memcpy(b, map_at(&g->map, off), sizeof(*b));
	return 0;
}

static int tail_of(struct uring_group *g, u16 *tail)
{
	u64 off = offsetof(struct io_uring_buf_ring, tail);

	if (g->at)
		return get_user(*tail, UADDR(g->at + off)) ? -EFAULT : 0;
	*tail = smp_load_acquire((u16 *)map_at(&g->map, off));
	return 0;
}

static int choose_of_ring(struct uring_group *g, struct uring_chosen *c)
{
	struct io_uring_buf b;
	u16 tail;

	if (tail_of(g, &tail) || tail == g->head || slot_copy(g, g->head, &b, false))
		return -ENOBUFS;
	*c = (struct uring_chosen){ .addr = b.addr, .len = b.len, .id = b.bid, .there = true };
	return 0;
}

static int choose_of_list(struct uring_group *g, struct uring_chosen *c)
{
	struct entry *e;

	if (list_empty(&g->list))
		return -ENOBUFS;
	e = list_first_entry(&g->list, struct entry, link);
	*c = (struct uring_chosen){ .addr = e->addr, .len = e->len, .id = e->id, .there = true };
	return 0;
}

static struct uring_group *group_of(const struct uring_req *r)
{
	return radix_lookup(&r->ring->groups, r->sqe.buf_group);
}

/* Chooses a buffer for r->buf, which stays in the group until it is used. Returns 0 or -ENOBUFS. */
int uring_choose(struct uring_req *r)
{
	struct uring_group *g = group_of(r);

	if (!g)
		return -ENOBUFS;
	return g->ring ? choose_of_ring(g, &r->buf) : choose_of_list(g, &r->buf);
}

static u32 more_of_list(struct uring_group *g, u64 most, struct uvec *vec, u32 max)
{
	u64 total = 0;
	struct entry *e;
	u32 n = 0;

	list_for_each_entry(e, &g->list, link) {
		total += e->len;
		if (n == max || (n && total > most))
			break;
		vec[n++] = (struct uvec){ e->addr, e->len };
	}
	return n;
}

/*
 * Adds to vec[0] the buffers that follow it in the ring, as far as they fit into @most bytes and
 * @max entries. Returns the number of entries.
 */
static u32 more_of_ring(struct uring_group *g, u64 most, struct uvec *vec, u32 max)
{
	u64 total = vec[0].len;
	struct io_uring_buf b;
	u16 tail;
	u32 n = 1;

	if (tail_of(g, &tail))
		return n;
	for (; n < min(max, g->nr) && (u16)(g->head + n) != tail; n++) {
		if (slot_copy(g, (u16)(g->head + n), &b, false) || total + b.len > most)
			break;
		vec[n] = (struct uvec){ b.addr, b.len };
		total += b.len;
	}
	return n;
}

int uring_choose_several(struct uring_req *r, u64 most, struct uvec *vec, u32 max)
{
	struct uring_group *g = group_of(r);
	int err = uring_choose(r);

	if (err)
		return g ? err : -ENOENT;
	vec[0] = (struct uvec){ r->buf.addr, r->buf.len };
	return (int)(g->ring ? more_of_ring(g, most, vec, max) : more_of_list(g, most, vec, max));
}

bool uring_group_empty(const struct uring_req *r)
{
	struct uring_group *g = group_of(r);
	u16 tail;

	if (!g || !g->ring)
		return !g || list_empty(&g->list);
	return tail_of(g, &tail) || tail == g->head;
}

void uring_unchoose(struct uring_req *r)
{
	r->buf.there = false;
}

static void drop_head(struct uring_group *g)
{
	if (g->ring)
		g->head++;
	else
		entry_drop(g, list_first_entry(&g->list, struct entry, link));
}

/* Uses @n bytes of the buffer at the ring's head. Returns true if a part of the buffer remains. */
static bool use_part(struct uring_group *g, const struct uring_chosen *c, size_t n)
{
	struct io_uring_buf b = { .addr = c->addr, .len = c->len, .bid = c->id };

	if (n > b.len)
		n = b.len;
	b.addr += n;
	b.len -= (u32)n;
	return b.len && !slot_copy(g, g->head, &b, true);
}

u32 uring_use(struct uring_req *r, size_t n)
{
	struct uring_group *g = group_of(r);
	u32 flags = IORING_CQE_F_BUFFER | (u32)r->buf.id << IORING_CQE_BUFFER_SHIFT;

	if (!r->buf.there)
		return 0;
	r->buf.there = false;
	if (g->inc && use_part(g, &r->buf, n))
		flags |= URING_CQE_F_BUF_MORE;
	else
		drop_head(g);
	return flags;
}

/*
 * Uses @n bytes of the buffer @v at the ring's head, if the group allows partial use. Returns true
 * if a part of the buffer remains.
 */
static bool use_head(struct uring_group *g, const struct uvec *v, size_t n)
{
	struct uring_chosen c = { .addr = v->base, .len = (u32)v->len };
	struct io_uring_buf b;

	if (!g->inc || slot_copy(g, g->head, &b, false))
		return false;
	c.id = b.bid;
	return use_part(g, &c, n);
}

u32 uring_use_several(struct uring_req *r, const struct uvec *vec, u32 nr, size_t n)
{
	struct uring_group *g = group_of(r);
	u32 flags = IORING_CQE_F_BUFFER | (u32)r->buf.id << IORING_CQE_BUFFER_SHIFT;

	r->buf.there = false;
	for (u32 i = 0; i < nr && (n || !i); i++) {
		size_t part = min(n, vec[i].len);

		if (part < vec[i].len && use_head(g, &vec[i], part))
			flags |= URING_CQE_F_BUF_MORE;
		else
			drop_head(g);
		n -= part;
	}
	return flags;
}

bool uring_group_ring(const struct uring_req *r)
{
	struct uring_group *g = group_of(r);

	return g && g->ring;
}

bool uring_group_inc(const struct uring_req *r)
{
	struct uring_group *g = group_of(r);

	return g && g->inc;
}

/* ---- PROVIDE_BUFFERS, REMOVE_BUFFERS ---- */

int provide_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	u64 size, end;

	if (s->rw_flags || s->splice_fd_in)
		return -EINVAL;
	if (s->fd <= 0 || s->fd > MAX_IDS)
		return -E2BIG;
	if (!s->len)
		return -EINVAL;
	if (check_mul_overflow((u64)s->len, (u64)s->fd, &size) ||
		check_add_overflow((u64)s->addr, size, &end))
		return -EOVERFLOW;
	if (!access_ok(UADDR(s->addr), size))
		return -EFAULT;
	if (s->off > MAX_IDS - 1)
		return -E2BIG;
	return s->off + (u64)s->fd > MAX_IDS ? -EINVAL : 0;
}

static int add_one(struct uring_group *g, u64 addr, u32 len, u16 id)
{
	struct entry *e;

	if (g->nr == MAX_IDS)
		return -EOVERFLOW;
	e = uring_zalloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->addr = addr;
	e->len = min(len, 0x7ffff000U);
	e->id = id;
	list_add_tail(&e->link, &g->list);
	g->nr++;
	return 0;
}

long provide_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct uring_group *g = group_of(r);
	int err = 0;
	u32 i;

	if (!g)
		g = group_new(r->ring, s->buf_group);
	if (IS_ERR(g))
		return PTR_ERR(g);
	if (g->ring)
		return -EINVAL;
	for (i = 0; i < (u32)s->fd && !err; i++) {
		err = add_one(g, s->addr + (u64)i * s->len, s->len, (u16)(s->off + i));
		cond_resched();
	}
	return err && i == 1 ? err : 0;
}

int remove_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	if (s->rw_flags || s->addr || s->len || s->off || s->splice_fd_in)
		return -EINVAL;
	return s->fd <= 0 || s->fd > MAX_IDS ? -EINVAL : 0;
}

long remove_issue(struct uring_req *r)
{
	struct uring_group *g = group_of(r);
	long n = 0;

	if (!g)
		return -ENOENT;
	if (g->ring)
		return -EINVAL;
	for (; n < r->sqe.fd && !list_empty(&g->list); n++) {
		entry_drop(g, list_first_entry(&g->list, struct entry, link));
		cond_resched();
	}
	return n;
}

/* ---- rings ---- */

static int check_reg(const struct io_uring_buf_reg *reg)
{
	u32 flags = reg->pad;

	if (reg->resv[0] || reg->resv[1] || reg->resv[2] ||
		flags & ~(URING_PBUF_RING_MMAP | URING_PBUF_RING_INC))
		return -EINVAL;
	if (flags & URING_PBUF_RING_MMAP ? reg->ring_addr != 0 : !reg->ring_addr)
		return flags & URING_PBUF_RING_MMAP ? -EINVAL : -EFAULT;
	if (reg->ring_addr & ~PAGE_MASK || !reg->ring_entries ||
		reg->ring_entries & (reg->ring_entries - 1))
		return -EINVAL;
	return reg->ring_entries > MAX_RING ? -EINVAL : 0;
}

/*
 * Checks that the memory is mapped. Linux requires that, since it pins the memory. Returns 0 or
 * -errno.
 */
static int check_memory(u64 addr, u64 size)
{
	if (!access_ok(UADDR(addr), size))
		return -EFAULT;
	for (u64 at = addr & PAGE_MASK; at < addr + size; at += PAGE_SIZE)
		if (user_make_present(UADDR(at), true))
			return -EFAULT;
	return 0;
}

long uring_register_group(struct uring *u, uaddr_t arg)
{
	struct io_uring_buf_reg reg;
	struct uring_group *g;
	u64 size;
	int err;

	if (copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	err = check_reg(&reg);
	if (err)
		return err;
	size = (u64)reg.ring_entries * sizeof(struct io_uring_buf);
	g = radix_lookup(&u->groups, reg.bgid);
	if (g && (g->ring || !list_empty(&g->list)))
		return -EEXIST;
	if (!g)
		g = group_new(u, reg.bgid);
	if (IS_ERR(g))
		return PTR_ERR(g);
	err = reg.ring_addr ? check_memory(reg.ring_addr, size) : uring_map_make(&g->map, size);
	if (err) {
		group_free(u, g);
		return err;
	}
	g->ring = true;
	g->inc = reg.pad & URING_PBUF_RING_INC;
	g->at = reg.ring_addr;
	g->nr = reg.ring_entries;
	if (!g->at) {
		spin_lock(&u->cq_lock);
		list_add_tail(&g->mapped, &u->mapped);
		spin_unlock(&u->cq_lock);
	}
	return 0;
}

long uring_unregister_group(struct uring *u, uaddr_t arg)
{
	struct io_uring_buf_reg reg;
	struct uring_group *g;

	if (copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	if (reg.resv[0] || reg.resv[1] || reg.resv[2] || reg.pad)
		return -EINVAL;
	g = radix_lookup(&u->groups, reg.bgid);
	if (!g)
		return -ENOENT;
	if (!g->ring)
		return -EINVAL;
	group_free(u, g);
	return 0;
}

/*
 * Writes the head of a buffer ring to the guest's struct io_uring_buf_status (group, head,
 * reserved). Returns 0 or -errno.
 */
long uring_group_status(struct uring *u, uaddr_t arg)
{
	u32 status[10];
	struct uring_group *g;

	if (copy_from_user(status, arg, sizeof(status)))
		return -EFAULT;
	for (u32 i = 2; i < ARRAY_SIZE(status); i++)
		if (status[i])
			return -EINVAL;
	g = radix_lookup(&u->groups, status[0]);
	if (!g)
		return -ENOENT;
	if (!g->ring)
		return -EINVAL;
	status[1] = g->head;
	return copy_to_user(arg, status, sizeof(status)) ? -EFAULT : 0;
}

struct file *uring_group_file(struct uring *u, u64 id, u32 *pages)
{
	struct file *f = ERR_PTR(-EINVAL);
	struct uring_group *g;

	spin_lock(&u->cq_lock);
	list_for_each_entry(g, &u->mapped, mapped)
		if (g->id == id) {
			f = get_file(g->map.file);
			*pages = g->map.nr;
			break;
		}
	spin_unlock(&u->cq_lock);
	return f;
}
