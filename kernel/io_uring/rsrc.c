/* SPDX-License-Identifier: MIT */
/*
 * rsrc.c: files and buffers that are registered with a ring, and their tags.
 *
 * A slot of a table is a struct uring_rsrc or NULL. The table holds a reference, and so does each
 * request that uses the resource, so that a request continues to use the resource that the slot had
 * when the request began. When the last reference is dropped, a tag other than 0 is posted as the
 * user_data of a completion.
 *
 *	r->file = uring_req_file(r, fd, fixed, &r->file_slot)
 *	uring_take_buffer(r)	sets r->buffer to the buffer of slot sqe.buf_index
 *	uring_rsrc_put(n)	does nothing for NULL
 *
 * A registered buffer is an address range that existed at registration. It is not pinned, so a
 * request fails with EFAULT after the guest has unmapped it.
 *
 * Locks: ring->lock for the tables.
 */
#include <linux/resource.h>
#include <linux/uio.h>

#include "kernel/io_uring/uring.h"

#define MAX_BUFFERS (1U << 14)
#define MAX_FILES (1U << 15)
#define MAX_BUFFER_SIZE (1UL << 30)

static struct uring_rsrc *rsrc_new(struct uring *u, u64 tag)
{
	struct uring_rsrc *n = uring_zalloc(1, sizeof(*n));

	if (!n)
		return ERR_PTR(-ENOMEM);
	atomic_set(&n->refs, 1);
	n->ring = u;
	n->tag = tag;
	return n;
}

void uring_rsrc_put(struct uring_rsrc *n)
{
	if (!n || !atomic_dec_and_test(&n->refs))
		return;
	if (n->tag)
		uring_post(n->ring, (struct uring_result){ n->tag, 0, 0 }, true);
	if (n->file)
		fput(n->file);
	uring_free(n, 1, sizeof(*n));
}

/* ---- tables ---- */

static int table_make(struct uring_table *t, u32 nr)
{
	t->slots = uring_zalloc(nr, sizeof(struct uring_rsrc *));
	if (!t->slots)
		return -ENOMEM;
	t->nr = nr;
	return 0;
}

static long table_free(struct uring_table *t)
{
	if (!t->slots)
		return -ENXIO;
	/* Drop the slots in the order in which Linux reports their tags. */
	for (u32 i = t->nr; i > 0; i--)
		uring_rsrc_put(t->slots[i - 1]);
	uring_free(t->slots, t->nr, sizeof(struct uring_rsrc *));
	*t = (struct uring_table){ 0 };
	return 0;
}

/* Sets a slot, and drops the reference to its old resource. */
static void slot_set(struct uring_table *t, u32 at, struct uring_rsrc *n)
{
	struct uring_rsrc *old = t->slots[at];

	t->slots[at] = n;
	uring_rsrc_put(old);
}

static struct uring_rsrc *slot_get(const struct uring_table *t, u32 at)
{
	struct uring_rsrc *n = at < t->nr ? t->slots[at] : NULL;

	if (n)
		atomic_inc(&n->refs);
	return n;
}

/*
 * Reads element @i of the program's array of tags. Without an array the tag is 0. Returns 0 or
 * -EFAULT.
 */
static int tag_of(uaddr_t tags, u32 i, u64 *tag)
{
	*tag = 0;
	return tags.v && get_user(*tag, uaddr_add(tags, (u64)i * sizeof(*tag))) ? -EFAULT : 0;
}

/* ---- buffers ---- */

bool uring_take_buffer(struct uring_req *r)
{
	if (!r->buffer)
		r->buffer = slot_get(&r->ring->buffers, r->sqe.buf_index);
	return r->buffer;
}

/*
 * True for a shared mapping of a file that is written back to a disk. Its pages must not be pinned
 * for long, so it cannot be a registered buffer.
 */
static bool of_disk(const struct vm_area *v)
{
	return v->vm_flags & VM_SHARED && v->vm_mapping && !v->vm_mapping->a_ops->memory_only &&
	       !v->vm_mapping->huge;
}

/*
 * Checks that the guest's addresses from @at to @end are mapped, by areas that can be registered.
 * Returns 0 or -EFAULT. Takes mmap_lock.
 */
static int check_areas(u64 at, u64 end)
{
	struct mm *mm = current->mm;
	int err = 0;

	down_read(&mm->mmap_lock);
	while (!err && at < end) {
		struct vm_area *v = find_vma(mm, at);

		if (!v || v->vm_start > at || of_disk(v))
			err = -EFAULT;
		else
			at = v->vm_end;
	}
	up_read(&mm->mmap_lock);
	return err;
}

static int check_buffer(const struct uring_buffer *b)
{
	u64 end;

	if (!b->base || !b->len || b->len > MAX_BUFFER_SIZE)
		return -EFAULT;
	if (check_add_overflow(b->base, b->len, &end) || !access_ok(UADDR(b->base), b->len))
		return -EOVERFLOW;
	if (user_make_present(UADDR(b->base), true) || user_make_present(UADDR(end - 1), true))
		return -EFAULT;
	return check_areas(b->base, end);
}

/* Makes a buffer. Returns NULL for an empty slot, which must have no tag, or ERR_PTR. */
static struct uring_rsrc *buffer_new(struct uring *u, const struct uring_buffer *b, u64 tag)
{
	struct uring_rsrc *n;
	int err;

	if (!b->base && !b->len)
		return tag ? ERR_PTR(-EINVAL) : NULL;
	err = check_buffer(b);
	if (err)
		return ERR_PTR(err);
	n = rsrc_new(u, tag);
	if (!IS_ERR(n))
		n->buffer = *b;
	return n;
}

/*
 * Makes a buffer from element @i of the program's array of struct iovec. Returns as buffer_new().
 */
static struct uring_rsrc *buffer_from(struct uring *u, uaddr_t vec, uaddr_t tags, u32 i)
{
	struct uring_buffer b = { 0 };
	u64 tag;

	if (vec.v && copy_from_user(&b, uaddr_add(vec, (u64)i * sizeof(b)), sizeof(b)))
		return ERR_PTR(-EFAULT);
	if (tag_of(tags, i, &tag))
		return ERR_PTR(-EFAULT);
	return buffer_new(u, &b, tag);
}

/* Undoes a failed registration. Posts no completions for its tags. */
static void table_undo(struct uring_table *t)
{
	for (u32 i = 0; i < t->nr; i++)
		if (t->slots[i])
			t->slots[i]->tag = 0;
	table_free(t);
}

static long buffers_register(struct uring *u, uaddr_t vec, u32 nr, uaddr_t tags)
{
	int err;

	if (u->buffers.slots)
		return -EBUSY;
	if (!nr || nr > MAX_BUFFERS)
		return -EINVAL;
	err = table_make(&u->buffers, nr);
	for (u32 i = 0; !err && i < nr; i++) {
		struct uring_rsrc *n = buffer_from(u, vec, tags, i);

		if (IS_ERR(n))
			err = PTR_ERR(n);
		else
			u->buffers.slots[i] = n;
	}
	if (err)
		table_undo(&u->buffers);
	return err;
}

static int buffer_update(struct uring *u, const struct io_uring_rsrc_update2 *up, u32 i)
{
	struct uring_rsrc *n = buffer_from(u, UADDR(up->data), UADDR(up->tags), i);

	if (IS_ERR(n))
		return PTR_ERR(n);
	slot_set(&u->buffers, up->offset + i, n);
	return 0;
}

/* ---- files ---- */

struct file *uring_req_file(struct uring_req *r, int fd, bool fixed, struct uring_rsrc **slot)
{
	if (!fixed)
		return fget(fd);
	*slot = slot_get(&r->ring->files, (u32)fd);
	return *slot ? get_file((*slot)->file) : NULL;
}

struct file *uring_file(struct uring *u, int fd, bool fixed)
{
	if (!fixed)
		return fget(fd);
	return (u32)fd < u->files.nr && u->files.slots[fd] ? get_file(u->files.slots[fd]->file) :
							     NULL;
}

static void file_slot_set(struct uring *u, u32 at, struct uring_rsrc *n)
{
	slot_set(&u->files, at, n);
	u->file_hint = n ? at + 1 : at;
}

/* Makes a registered file and takes over the reference to @f. Returns ERR_PTR on failure. */
static struct uring_rsrc *file_new(struct uring *u, struct file *f, u64 tag)
{
	struct uring_rsrc *n = f->f_op == &uring_fops ? ERR_PTR(-EBADF) : rsrc_new(u, tag);

	if (IS_ERR(n))
		fput(f);
	else
		n->file = f;
	return n;
}

static struct uring_rsrc *file_of(struct uring *u, int fd, u64 tag)
{
	struct file *f = fget(fd);

	return f ? file_new(u, f, tag) : ERR_PTR(-EBADF);
}

static long files_unregister(struct uring *u)
{
	u->alloc_from = u->alloc_to = u->file_hint = 0;
	return table_free(&u->files);
}

/*
 * Reads element @i of the program's array @fds of descriptors, or -1 if @fds is NULL. Returns 0 or
 * -errno.
 */
static int fd_of(uaddr_t fds, u32 i, int *fd)
{
	*fd = -1;
	return fds.v && get_user(*fd, uaddr_add(fds, (u64)i * sizeof(*fd))) ? -EFAULT : 0;
}

/*
 * Registers element @i of the program's array of descriptors in slot @i; -1: leaves the slot empty.
 * Returns 0 or -errno.
 */
static int file_fill(struct uring *u, uaddr_t fds, uaddr_t tags, u32 i)
{
	struct uring_rsrc *n;
	u64 tag;
	int fd;

	if (tag_of(tags, i, &tag) || fd_of(fds, i, &fd))
		return -EFAULT;
	if (fd == -1)
		return tag ? -EINVAL : 0;
	n = file_of(u, fd, tag);
	if (IS_ERR(n))
		return PTR_ERR(n);
	u->files.slots[i] = n;
	return 0;
}

/* Registers files. If @fds is NULL, all slots are empty. Returns 0 or -errno. */
static long files_register(struct uring *u, uaddr_t fds, u32 nr, uaddr_t tags)
{
	int err;

	if (u->files.slots)
		return -EBUSY;
	if (!nr)
		return -EINVAL;
	if (nr > MAX_FILES || nr > rlimit(RLIMIT_NOFILE))
		return -EMFILE;
	err = table_make(&u->files, nr);
	u->alloc_from = u->file_hint = 0;
	u->alloc_to = nr;
	for (u32 i = 0; !err && i < nr && (fds.v || tags.v); i++)
		err = file_fill(u, fds, tags, i);
	if (err) {
		u->alloc_to = 0;
		table_undo(&u->files);
	}
	return err;
}

/*
 * Replaces the file of a slot. Removes the old file even if the new one cannot be registered.
 * Returns 0 or -errno.
 */
static int file_update(struct uring *u, u32 at, int fd, u64 tag)
{
	struct uring_rsrc *n;

	if ((fd == IORING_REGISTER_FILES_SKIP || fd == -1) && tag)
		return -EINVAL;
	if (fd == IORING_REGISTER_FILES_SKIP)
		return 0;
	file_slot_set(u, at, NULL);
	if (fd == -1)
		return 0;
	n = file_of(u, fd, tag);
	if (IS_ERR(n))
		return PTR_ERR(n);
	file_slot_set(u, at, n);
	return 0;
}

static int file_update_from(struct uring *u, const struct io_uring_rsrc_update2 *up, u32 i)
{
	u64 tag;
	int fd;

	if (tag_of(UADDR(up->tags), i, &tag) || fd_of(UADDR(up->data), i, &fd))
		return -EFAULT;
	return file_update(u, up->offset + i, fd, tag);
}

/* ---- files and buffers ---- */

/*
 * Copies a structure of @want bytes from the guest. @size: the size that the program has passed.
 * Returns 0 or -errno.
 */
static int arg_get(void *to, size_t want, uaddr_t arg, u32 size)
{
	if (size != want)
		return -EINVAL;
	return copy_from_user(to, arg, want) ? -EFAULT : 0;
}

static long register2(struct uring *u, uaddr_t arg, u32 size, bool files)
{
	struct io_uring_rsrc_register rr;
	int err = arg_get(&rr, sizeof(rr), arg, size);

	if (err)
		return err;
	if (!rr.nr || rr.resv2 || rr.flags & ~IORING_RSRC_REGISTER_SPARSE)
		return -EINVAL;
	if (rr.flags & IORING_RSRC_REGISTER_SPARSE && rr.data)
		return -EINVAL;
	return files ? files_register(u, UADDR(rr.data), rr.nr, UADDR(rr.tags)) :
		       buffers_register(u, UADDR(rr.data), rr.nr, UADDR(rr.tags));
}

/* Changes slots. Returns how many were changed, or -errno if the first change failed. */
static long update(struct uring *u, const struct io_uring_rsrc_update2 *up, bool files)
{
	struct uring_table *t = files ? &u->files : &u->buffers;
	u32 done = 0, end;
	int err = 0;

	if (check_add_overflow(up->offset, up->nr, &end))
		return -EOVERFLOW;
	if (!t->slots)
		return -ENXIO;
	if (end > t->nr)
		return -EINVAL;
	for (; !err && done < up->nr; done += !err)
		err = files ? file_update_from(u, up, done) : buffer_update(u, up, done);
	return done ? (long)done : err;
}

static long update2(struct uring *u, uaddr_t arg, u32 size, bool files)
{
	struct io_uring_rsrc_update2 up;
	int err = arg_get(&up, sizeof(up), arg, size);

	if (err)
		return err;
	return !up.nr || up.resv || up.resv2 ? -EINVAL : update(u, &up, files);
}

static long files_update(struct uring *u, uaddr_t arg, u32 nr)
{
	struct io_uring_rsrc_update2 up = { .nr = nr };

	if (!nr)
		return -EINVAL;
	if (copy_from_user(&up, arg, sizeof(struct io_uring_rsrc_update)))
		return -EFAULT;
	return up.resv ? -EINVAL : update(u, &up, true);
}

/* ---- slots that requests fill ---- */

int files_update_prep(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;

	return s->flags & IOSQE_FIXED_FILE || s->rw_flags || s->splice_fd_in || !s->len ? -EINVAL :
											  0;
}

/* Returns the number of a free slot, or -ENFILE. */
static int free_slot(const struct uring *u)
{
	u32 range = u->alloc_to - u->alloc_from, at = u->file_hint;

	if (at < u->alloc_from || at >= u->alloc_to)
		at = u->alloc_from;
	for (u32 tried = 0; tried < range; tried++) {
		if (!u->files.slots[at])
			return (int)at;
		if (++at == u->alloc_to)
			at = u->alloc_from;
	}
	return -ENFILE;
}

/* Registers the file of descriptor @fd in a free slot. Returns the slot's number or -errno. */
static int file_place(struct uring *u, int fd)
{
	struct file *f = fd < 0 ? NULL : fget(fd); /* -EBADF comes before other errors */
	int at = free_slot(u), err;

	if (!f)
		return -EBADF;
	fput(f);
	if (at < 0)
		return at;
	err = file_update(u, (u32)at, fd, 0);
	return err ? err : at;
}

long uring_place_file(struct uring *u, u32 index, struct file *f)
{
	bool any = index == IORING_FILE_INDEX_ALLOC;
	int at = any ? free_slot(u) : (int)index - 1;
	struct uring_rsrc *n;

	if (!u->files.slots)
		return -ENXIO;
	if (!index || (!any && index > u->files.nr))
		return -EINVAL;
	if (at < 0)
		return at;
	n = file_new(u, get_file(f), 0);
	if (IS_ERR(n))
		return PTR_ERR(n);
	file_slot_set(u, (u32)at, n);
	return any ? at : 0;
}

static long file_set(struct uring *u, u32 at, int fd)
{
	if (!u->files.slots)
		return -ENXIO;
	return at < u->files.nr ? file_update(u, at, fd, 0) : -EINVAL;
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
	if (!u->files.slots)
		return -ENXIO;
	if (at >= u->files.nr)
		return -EINVAL;
	return u->files.slots[at] ? file_update(u, at, -1, 0) : -EBADF;
}

/*
 * Registers the files of an array of descriptors in free slots, and replaces the descriptors in the
 * array by the slots' numbers. Returns how many were registered, or -errno.
 */
static long files_place(struct uring *u, uaddr_t fds, u32 nr)
{
	u32 done = 0;
	int err = u->files.slots ? 0 : -ENXIO, fd;

	for (; !err && done < nr; done += !err) {
		uaddr_t p = uaddr_add(fds, (u64)done * sizeof(fd));
		int slot = get_user(fd, p) ? -EFAULT : file_place(u, fd);

		err = min(slot, 0);
		if (!err && put_user(slot, p)) {
			file_update(u, (u32)slot, -1, 0);
			err = -EFAULT;
		}
	}
	return done ? (long)done : err;
}

long files_update_issue(struct uring_req *r)
{
	const struct io_uring_sqe *s = &r->sqe;
	struct io_uring_rsrc_update2 up = { .offset = (u32)s->off, .data = s->addr, .nr = s->len };

	if (up.offset == IORING_FILE_INDEX_ALLOC)
		return files_place(r->ring, UADDR(s->addr), s->len);
	return update(r->ring, &up, true);
}

/* Sets the range of slots in which the kernel looks for free ones. Returns 0 or -errno. */
static long alloc_range(struct uring *u, uaddr_t arg)
{
	struct uring_file_range r;
	u32 end;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	if (check_add_overflow(r.off, r.len, &end))
		return -EOVERFLOW;
	if (r.resv || end > u->files.nr)
		return -EINVAL;
	u->alloc_from = u->file_hint = r.off;
	u->alloc_to = end;
	return 0;
}

/* ---- another ring's buffers ---- */

struct clone { /* struct io_uring_clone_buffers */
	u32 src_fd, flags, src_off, dst_off, nr, pad[3];
};

/*
 * Makes a new table with copies of the other ring's slots. The table has room for this ring's slots
 * outside the range of @c, which clone() moves into it. Returns 0 or -errno.
 */
static int clone_table(struct uring_table *t, struct uring *u, const struct uring_table *src,
	const struct clone *c)
{
	int err = table_make(t, max(c->dst_off + c->nr, u->buffers.nr));

	for (u32 i = 0; !err && i < c->nr; i++) {
		const struct uring_rsrc *from = src->slots[c->src_off + i];
		struct uring_rsrc *n = from ? rsrc_new(u, 0) : NULL;

		if (IS_ERR(n)) {
			err = PTR_ERR(n);
			break;
		}
		if (n)
			n->buffer = from->buffer;
		t->slots[c->dst_off + i] = n;
	}
	if (err)
		table_free(t);
	return err;
}

/*
 * Replaces the buffers of @u: those in the range of @c become buffers of @from, the others stay.
 * The locks of both rings are held. Returns 0 or -errno.
 */
static long clone(struct uring *u, struct uring *from, struct clone *c)
{
	const struct uring_table *src = &from->buffers;
	struct uring_table t = { 0 };
	u32 end;
	int err;

	if (from->mm != u->mm || (!c->nr && (c->dst_off || c->src_off)))
		return -EINVAL;
	if (!src->slots)
		return -ENXIO;
	if (!c->nr)
		c->nr = src->nr;
	else if (c->nr > src->nr || c->nr > MAX_BUFFERS)
		return -EINVAL;
	if (check_add_overflow(c->nr, c->src_off, &end) || end > src->nr)
		return -EOVERFLOW;
	if (check_add_overflow(c->nr, c->dst_off, &end))
		return -EOVERFLOW;
	if (end > MAX_BUFFERS)
		return -EINVAL;
	err = clone_table(&t, u, src, c);
	if (err)
		return err;
	for (u32 i = 0; i < u->buffers.nr; i++) {
		if (i >= c->dst_off && i < end)
			continue;
		t.slots[i] = u->buffers.slots[i];
		u->buffers.slots[i] = NULL;
	}
	table_free(&u->buffers);
	u->buffers = t;
	return 0;
}

/*
 * Takes the other ring's lock while this ring's lock is held. Only tries to take it, and drops this
 * ring's lock if that fails, since two rings may clone each other's tables at the same time.
 */
static void lock_other(struct uring *u, struct uring *other)
{
	while (u != other && !mutex_trylock(&other->lock)) {
		mutex_unlock(&u->lock);
		mutex_lock(&other->lock);
		mutex_unlock(&other->lock);
		mutex_lock(&u->lock);
	}
}

static long clone_buffers(struct uring *u, uaddr_t arg)
{
	struct clone c;
	struct file *f;
	long ret = -EINVAL;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.flags & ~(URING_CLONE_SRC_REGISTERED | URING_CLONE_DST_REPLACE))
		return -EINVAL;
	if (!(c.flags & URING_CLONE_DST_REPLACE) && u->buffers.slots)
		return -EBUSY;
	if (c.pad[0] || c.pad[1] || c.pad[2])
		return -EINVAL;
	f = uring_get_ring((int)c.src_fd, c.flags & URING_CLONE_SRC_REGISTERED);
	if (IS_ERR(f))
		return PTR_ERR(f);
	ret = -EOPNOTSUPP;
	if (f->f_op == &uring_fops) {
		struct uring *from = f->private_data;

		lock_other(u, from);
		ret = u->buffers.slots && !(c.flags & URING_CLONE_DST_REPLACE) ? -EBUSY :
										 clone(u, from, &c);
		if (from != u)
			mutex_unlock(&from->lock);
	}
	fput(f);
	return ret;
}

/* ---- the end of a ring, and the dispatch of registrations ---- */

void uring_rsrc_free(struct uring *u)
{
	table_free(&u->files);
	table_free(&u->buffers);
}

long uring_rsrc_register(struct uring *u, u32 op, uaddr_t arg, u32 nr)
{
	uaddr_t no = UADDR(0);
	bool none = !arg.v && !nr;

	switch (op) {
	case IORING_REGISTER_BUFFERS: return arg.v ? buffers_register(u, arg, nr, no) : -EFAULT;
	case IORING_UNREGISTER_BUFFERS: return none ? table_free(&u->buffers) : -EINVAL;
	case IORING_REGISTER_FILES: return arg.v ? files_register(u, arg, nr, no) : -EFAULT;
	case IORING_UNREGISTER_FILES: return none ? files_unregister(u) : -EINVAL;
	case IORING_REGISTER_FILES_UPDATE: return files_update(u, arg, nr);
	case IORING_REGISTER_FILES2: return register2(u, arg, nr, true);
	case IORING_REGISTER_BUFFERS2: return register2(u, arg, nr, false);
	case IORING_REGISTER_FILES_UPDATE2: return update2(u, arg, nr, true);
	case IORING_REGISTER_BUFFERS_UPDATE: return update2(u, arg, nr, false);
	case URING_REGISTER_CLONE_BUFFERS:
		return arg.v && nr == 1 ? clone_buffers(u, arg) : -EINVAL;
	case URING_REGISTER_FILE_ALLOC_RANGE: return arg.v && !nr ? alloc_range(u, arg) : -EINVAL;
	}
	return -EINVAL;
}
