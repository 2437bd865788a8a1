/* SPDX-License-Identifier: MIT */
/*
 * fdtable.c: tables of file descriptors, and the system calls that only need them: close, dup,
 * close_range.
 *
 * A descriptor is free, reserved (its bit in open_fds is set, its entry in the leaf is NULL) or
 * open. get_unused_fd() reserves it, fd_install() opens it, put_unused_fd() frees a reserved one,
 * and close frees an open one.
 *
 * For each 64 descriptors a table has a word in open_fds, a word in close_on_exec, and a pointer to
 * a leaf, which holds their files and is allocated when the first of them is reserved. So a high
 * descriptor costs three words for each 64 descriptors below it, and one leaf.
 *
 * Invariants: every fd below next_fd is reserved or open; bits at or above max_fds do not exist;
 * where a bit of open_fds is set there is a leaf.
 *
 * Locks: files->lock protects a whole table. Other tasks access a task's table with its alloc_lock
 * held around files->lock. A task whose table has no other user may read its own table without a
 * lock, since only that task could change it. So fdget() takes no reference then, and the file
 * stays open for the length of the call.
 */
#include <linux/close_range.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

#define FD_START FD_LEAF
#define FD_LIMIT (1U << 20)        /* default of fs.nr_open */
#define FD_WORDS (3 * sizeof(u64)) /* bytes for each 64 descriptors */

u32 sysctl_nr_open = FD_LIMIT;

static struct file **leaf_alloc(void)
{
	return kzalloc(FD_LEAF * sizeof(struct file *), GFP_KERNEL);
}

/*
 * Allocates a table without leaves. @n: its size in descriptors, a power of two. Returns false if
 * there is no memory, or if the table is larger than the allocator can give.
 */
static bool fdt_alloc(struct fdtable *t, u32 n)
{
	u64 size = n / FD_LEAF * FD_WORDS;

	t->max_fds = n;
	t->open_fds = size <= PAGE_SIZE << MM_MAX_ORDER ? kzalloc(size, GFP_KERNEL) : NULL;
	if (!t->open_fds)
		return false;
	t->close_on_exec = t->open_fds + n / FD_LEAF;
	t->leaf = (struct file ***)(t->close_on_exec + n / FD_LEAF);
	return true;
}

static void fdt_free(struct fdtable *t)
{
	for (u32 w = 0; w < t->max_fds / FD_LEAF; w++)
		kfree(t->leaf[w]);
	kfree(t->open_fds);
}

/* Moves the content of a table, leaves included, into a larger one. */
static void fdt_move(struct fdtable *to, const struct fdtable *from)
{
	u64 bytes = from->max_fds / FD_LEAF * sizeof(u64);

	memcpy(to->leaf, from->leaf, bytes);
	memcpy(to->open_fds, from->open_fds, bytes);
	memcpy(to->close_on_exec, from->close_on_exec, bytes);
}

struct files_struct *files_alloc(void)
{
	struct files_struct *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	atomic_set(&f->count, 1);
	spin_lock_init(&f->lock);
	if (!fdt_alloc(&f->fdt, FD_START))
		goto err_free;
	f->fdt.leaf[0] = leaf_alloc();
	if (f->fdt.leaf[0])
		return f;
	fdt_free(&f->fdt);
err_free:
	kfree(f);
	return NULL;
}

static inline bool has_room(const struct fdtable *t, u32 fd)
{
	return fd < t->max_fds && t->leaf[fd / FD_LEAF];
}

static inline bool bit_get(const u64 *map, u32 n)
{
	return map[n / 64] >> (n % 64) & 1;
}
static inline void bit_put(u64 *map, u32 n, bool v)
{
	if (v)
		map[n / 64] |= 1UL << (n % 64);
	else
		map[n / 64] &= ~(1UL << (n % 64));
}

static inline struct file **fd_slot(const struct fdtable *t, u32 fd)
{
	return &t->leaf[fd / FD_LEAF][fd % FD_LEAF];
}

/*
 * Enlarges the table to @size descriptors. files->lock is held; it is dropped and retaken. Returns
 * 0 or -ENOMEM.
 */
static int fdt_enlarge(struct files_struct *files, u32 size)
{
	struct fdtable fresh;
	u64 *old;

	spin_unlock(&files->lock);
	if (!fdt_alloc(&fresh, size)) {
		spin_lock(&files->lock);
		return -ENOMEM;
	}
	spin_lock(&files->lock);
	if (files->fdt.max_fds >= size) {
		old = fresh.open_fds; /* another task came first */
	} else {
		old = files->fdt.open_fds;
		fdt_move(&fresh, &files->fdt);
		files->fdt = fresh;
	}
	spin_unlock(&files->lock);
	kfree(old);
	spin_lock(&files->lock);
	return 0;
}

/* Allocates leaf @w. files->lock is held; it is dropped and retaken. Returns 0 or -ENOMEM. */
static int fdt_add_leaf(struct files_struct *files, u32 w)
{
	struct file **leaf;

	spin_unlock(&files->lock);
	leaf = leaf_alloc();
	spin_lock(&files->lock);
	if (!leaf)
		return -ENOMEM;
	if (!files->fdt.leaf[w]) {
		files->fdt.leaf[w] = leaf;
		return 0;
	}
	spin_unlock(&files->lock);
	kfree(leaf);
	spin_lock(&files->lock);
	return 0;
}

/*
 * Makes room for @fd. Returns 0 if there was room, 1 after enlarging the table, for which
 * files->lock was dropped and retaken, -ENOMEM, or -EMFILE if @fd is not below @limit. A table
 * never shrinks.
 */
static int fdt_room(struct files_struct *files, u32 fd, u32 limit)
{
	u32 size = files->fdt.max_fds;
	int err = 0;

	assert_spin_held(&files->lock);
	if (has_room(&files->fdt, fd))
		return 0;
	if (fd >= limit)
		return -EMFILE;
	while (size <= fd)
		size *= 2;
	if (size > files->fdt.max_fds)
		err = fdt_enlarge(files, size);
	if (!err && !files->fdt.leaf[fd / FD_LEAF])
		err = fdt_add_leaf(files, fd / FD_LEAF);
	return err ?: 1;
}

static u32 next_zero(const struct fdtable *t, u32 from)
{
	for (u32 w = from / 64; w < t->max_fds / 64; w++) {
		u64 free = ~t->open_fds[w];

		if (w == from / 64)
			free &= ~0UL << (from % 64);
		if (free)
			return w * 64 + __builtin_ctzl(free);
	}
	return t->max_fds;
}

int get_unused_fd_from(u32 min, u32 flags)
{
	struct files_struct *files = current->files;
	u64 limit = rlimit(RLIMIT_NOFILE);
	int err;
	u32 fd;

	if (min >= limit)
		return -EMFILE;
	spin_lock(&files->lock);
	for (;;) {
		fd = next_zero(&files->fdt, max(min, files->next_fd));
		err = -EMFILE;
		if (fd >= limit)
			goto out;
		err = fdt_room(files, fd, READ_ONCE(sysctl_nr_open));
		if (!err)
			break;
		if (err < 0)
			goto out;
	}
	bit_put(files->fdt.open_fds, fd, true);
	bit_put(files->fdt.close_on_exec, fd, flags & O_CLOEXEC);
	if (min <= files->next_fd)
		files->next_fd = fd + 1;
	err = fd;
out:
	spin_unlock(&files->lock);
	return err;
}

int get_unused_fd(u32 flags)
{
	return get_unused_fd_from(0, flags);
}

static void fd_release_locked(struct files_struct *files, u32 fd)
{
	assert_spin_held(&files->lock);
	bit_put(files->fdt.open_fds, fd, false);
	bit_put(files->fdt.close_on_exec, fd, false);
	if (fd < files->next_fd)
		files->next_fd = fd;
}

void put_unused_fd(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	fd_release_locked(files, fd);
	spin_unlock(&files->lock);
}

void fd_install(int fd, struct file *f)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	BUG_ON(*fd_slot(&files->fdt, fd));
	*fd_slot(&files->fdt, fd) = f;
	spin_unlock(&files->lock);
}

/* ---- lookups ---- */

static inline struct file *fd_peek(struct files_struct *files, int fd)
{
	struct file **leaf;

	if ((u32)fd >= files->fdt.max_fds)
		return NULL;
	leaf = files->fdt.leaf[(u32)fd / FD_LEAF];
	return likely(leaf) ? READ_ONCE(leaf[(u32)fd % FD_LEAF]) : NULL;
}

/*
 * Returns the first descriptor at or above @fd that is open or reserved; a number at or above
 * max_fds if there is none.
 */
static u32 next_fd_used(const struct fdtable *t, u32 fd)
{
	for (u32 w = fd / FD_LEAF; w < t->max_fds / FD_LEAF; w++) {
		u64 used = t->open_fds[w];

		if (w == fd / FD_LEAF)
			used &= ~0UL << (fd % FD_LEAF);
		if (used)
			return w * FD_LEAF + __builtin_ctzl(used);
	}
	return t->max_fds;
}

static struct file *files_get(struct files_struct *files, int fd, u32 not_mode)
{
	struct file *f;

	spin_lock(&files->lock);
	f = fd_peek(files, fd);
	if (f && (f->f_mode & not_mode))
		f = NULL;
	if (f)
		get_file(f);
	spin_unlock(&files->lock);
	return f;
}

struct file *fget(int fd)
{
	return files_get(current->files, fd, FMODE_PATH);
}

struct file *fget_raw(int fd)
{
	return files_get(current->files, fd, 0);
}

static inline struct fd fd_light(int fd, u32 not_mode)
{
	struct files_struct *files = current->files;
	struct file *f;

	if (likely(atomic_read(&files->count) == 1)) {
		f = fd_peek(files, fd);
		return (struct fd){ f && (f->f_mode & not_mode) ? NULL : f, false };
	}
	f = files_get(files, fd, not_mode);
	return (struct fd){ f, f != NULL };
}

struct fd fdget(int fd)
{
	return fd_light(fd, FMODE_PATH);
}

struct fd fdget_raw(int fd)
{
	return fd_light(fd, 0);
}

/*
 * Returns the file of a descriptor of another task, with a reference. The table is read under
 * alloc_lock, and no reference to the table is taken. If one were taken, a concurrent exec would
 * copy the table (unshare_files()) and lose its POSIX locks, and this function would have to close
 * the table of a task that exits meanwhile.
 */
struct file *fget_task(struct task *t, int fd)
{
	struct file *f = NULL;

	spin_lock(&t->alloc_lock);
	if (t->files)
		f = files_get(t->files, fd, 0);
	spin_unlock(&t->alloc_lock);
	return f;
}

static struct file *files_get_next(struct files_struct *files, int *fd)
{
	struct file *f = NULL;

	spin_lock(&files->lock);
	for (u32 at = *fd; !f && at < files->fdt.max_fds; at++) {
		at = next_fd_used(&files->fdt, at);
		f = fd_peek(files, at);
		*fd = at;
	}
	if (f)
		get_file(f);
	spin_unlock(&files->lock);
	return f;
}

struct file *fget_task_next(struct task *t, int *fd)
{
	struct file *f = NULL;

	spin_lock(&t->alloc_lock);
	if (t->files)
		f = files_get_next(t->files, fd);
	spin_unlock(&t->alloc_lock);
	return f;
}

bool fd_is_cloexec(struct task *t, int fd)
{
	struct files_struct *files;
	bool yes = false;

	spin_lock(&t->alloc_lock);
	files = t->files;
	if (files) {
		spin_lock(&files->lock);
		yes = (u32)fd < files->fdt.max_fds && bit_get(files->fdt.close_on_exec, fd);
		spin_unlock(&files->lock);
	}
	spin_unlock(&t->alloc_lock);
	return yes;
}

int fd_set_cloexec(int fd, bool on)
{
	struct files_struct *files = current->files;
	int err = 0;

	spin_lock(&files->lock);
	if (fd_peek(files, fd))
		bit_put(files->fdt.close_on_exec, fd, on);
	else
		err = -EBADF;
	spin_unlock(&files->lock);
	return err;
}

/* ---- closing ---- */

int filp_close(struct file *f, struct files_struct *owner)
{
	int err = 0;

	if (!(f->f_mode & FMODE_PATH)) {
		if (f->f_op->flush)
			err = f->f_op->flush(f);
		locks_remove_posix(f, owner);
		if (READ_ONCE(f->f_inode->i_dnotify))
			dnotify_remove(f, owner);
	}
	fput_now(f);
	return err;
}

static struct file *fd_take(struct files_struct *files, u32 fd)
{
	struct file *f;

	assert_spin_held(&files->lock);
	f = fd_peek(files, fd);
	if (f) {
		*fd_slot(&files->fdt, fd) = NULL;
		fd_release_locked(files, fd);
	}
	return f;
}

int close_fd(int fd)
{
	struct files_struct *files = current->files;
	struct file *f;

	spin_lock(&files->lock);
	f = fd_take(files, fd);
	spin_unlock(&files->lock);
	return f ? filp_close(f, files) : -EBADF;
}

long sys_close(int fd)
{
	int err = close_fd(fd);

	/* The descriptor is closed already, so the call must not be restarted. */
	return err == -ERESTARTSYS || err == -ERESTARTNOINTR ? -EINTR : err;
}

static void close_all(struct files_struct *files)
{
	for (u32 fd = 0; (fd = next_fd_used(&files->fdt, fd)) < files->fdt.max_fds; fd++) {
		struct file *f = *fd_slot(&files->fdt, fd);

		if (!f)
			continue;
		*fd_slot(&files->fdt, fd) = NULL;
		filp_close(f, files);
		cond_resched();
	}
}

void files_put(struct files_struct *files)
{
	if (!files || !atomic_dec_and_test(&files->count))
		return;
	close_all(files);
	fdt_free(&files->fdt);
	kfree(files);
}

/* ---- copies ---- */

/* Copies a leaf, except descriptors that are only reserved. */
static void inherit_leaf(struct fdtable *to, const struct fdtable *from, u32 w, u32 max)
{
	for (u64 left = from->open_fds[w]; left; left &= left - 1) {
		u32 i = __builtin_ctzl(left), fd = w * FD_LEAF + i;
		struct file *f = from->leaf[w][i];

		if (!f || fd >= max)
			continue;
		to->leaf[w][i] = get_file(f);
		bit_put(to->open_fds, fd, true);
		bit_put(to->close_on_exec, fd, bit_get(from->close_on_exec, fd));
	}
}

/*
 * Makes room in @f for the descriptors that @old has below @max. Returns 1 if there was room; 0 if
 * room was made, so that the caller must call again: old->lock was dropped; or -ENOMEM, -EMFILE.
 */
static int inherit_room(struct files_struct *f, struct files_struct *old, u32 max)
{
	int err, all = 1;

	for (u32 fd = 0;; fd = (fd | (FD_LEAF - 1)) + 1) {
		fd = next_fd_used(&old->fdt, fd);
		if (fd >= min(max, old->fdt.max_fds))
			return all;
		if (has_room(&f->fdt, fd))
			continue;
		all = 0;
		spin_unlock(&old->lock);
		spin_lock(&f->lock);
		err = fdt_room(f, fd, round_up(READ_ONCE(sysctl_nr_open), FD_LEAF));
		spin_unlock(&f->lock);
		spin_lock(&old->lock);
		if (err < 0)
			return err;
	}
}

struct files_struct *files_dup(struct files_struct *old, u32 max)
{
	struct files_struct *f = files_alloc();
	int err;

	if (!f)
		return ERR_PTR(-ENOMEM);
	spin_lock(&old->lock);
	do
		err = inherit_room(f, old, max);
	while (!err);
	if (err > 0)
		for (u32 w = 0; w < min(f->fdt.max_fds, old->fdt.max_fds) / FD_LEAF; w++)
			inherit_leaf(&f->fdt, &old->fdt, w, max);
	spin_unlock(&old->lock);
	if (err > 0)
		return f;
	files_put(f);
	return ERR_PTR(err);
}

void files_exchange(struct files_struct *files)
{
	struct files_struct *old = current->files;

	spin_lock(&current->alloc_lock);
	current->files = files;
	spin_unlock(&current->alloc_lock);
	files_put(old);
}

struct files_struct *files_unshared(u32 max)
{
	return atomic_read(&current->files->count) == 1 ? NULL : files_dup(current->files, max);
}

int unshare_files(u32 max)
{
	struct files_struct *f = files_unshared(max);

	if (IS_ERR(f))
		return PTR_ERR(f);
	if (f)
		files_exchange(f);
	return 0;
}

void files_close_on_exec(struct files_struct *files)
{
	struct fdtable *t = &files->fdt;

	for (u32 w = 0; w < t->max_fds / 64; w++)
		while (t->close_on_exec[w] & t->open_fds[w]) {
			u32 fd = w * 64 + __builtin_ctzl(t->close_on_exec[w] & t->open_fds[w]);
			struct file *f;

			spin_lock(&files->lock);
			f = fd_take(files, fd);
			if (!f)
				fd_release_locked(files, fd);
			spin_unlock(&files->lock);
			if (f)
				filp_close(f, files);
		}
}

/* ---- dup ---- */

static int do_dup(struct file *f, u32 from, u32 flags)
{
	int fd = get_unused_fd_from(from, flags);

	if (fd >= 0)
		fd_install(fd, get_file(f));
	return fd;
}

long f_dupfd(u32 from, struct file *f, u32 flags)
{
	if (from >= rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	return do_dup(f, from, flags);
}

long sys_dup(int oldfd)
{
	struct file *f = fget_raw(oldfd);
	int fd;

	if (!f)
		return -EBADF;
	fd = do_dup(f, 0, 0);
	fput(f);
	return fd;
}

/*
 * Installs @f, whose reference it takes over, as @newfd, and closes the file that was open there.
 */
static int dup_at(struct file *f, u32 newfd, u32 flags)
{
	struct files_struct *files = current->files;
	struct file *was;
	int err = 0;

	spin_lock(&files->lock);
	err = fdt_room(files, newfd, READ_ONCE(sysctl_nr_open));
	if (err < 0)
		goto err_unlock;
	was = *fd_slot(&files->fdt, newfd);
	/* A reserved descriptor: another thread is opening a file there. */
	err = -EBUSY;
	if (!was && bit_get(files->fdt.open_fds, newfd))
		goto err_unlock;
	*fd_slot(&files->fdt, newfd) = f;
	bit_put(files->fdt.open_fds, newfd, true);
	bit_put(files->fdt.close_on_exec, newfd, flags & O_CLOEXEC);
	spin_unlock(&files->lock);
	if (was)
		filp_close(was, files);
	return newfd;
err_unlock:
	spin_unlock(&files->lock);
	fput(f);
	return err;
}

long replace_fd(u32 fd, struct file *f, u32 flags)
{
	return fd >= rlimit(RLIMIT_NOFILE) ? -EBADF : dup_at(get_file(f), fd, flags);
}

long sys_dup3(int oldfd, int newfd, int flags)
{
	struct file *f;
	int err;

	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	if ((u32)newfd >= rlimit(RLIMIT_NOFILE))
		return -EBADF;
	f = fget_raw(oldfd);
	err = f ? dup_at(f, newfd, flags) : -EBADF;
	/* A descriptor at or above fs.nr_open fails like one at or above RLIMIT_NOFILE. */
	return err == -EMFILE ? -EBADF : err;
}

long sys_dup2(int oldfd, int newfd)
{
	struct file *f;

	if (oldfd != newfd)
		return sys_dup3(oldfd, newfd, 0);
	f = fget_raw(oldfd);
	if (!f)
		return -EBADF;
	fput(f);
	return newfd;
}

/* ---- close_range ---- */

static void range_cloexec(struct files_struct *files, u32 first, u32 last)
{
	const struct fdtable *t = &files->fdt;

	spin_lock(&files->lock);
	for (u64 fd = first; fd <= last && (fd = next_fd_used(t, fd)) <= last && fd < t->max_fds;
		fd++)
		bit_put(t->close_on_exec, fd, true);
	spin_unlock(&files->lock);
}

/* Closes the open descriptors from @first to @last, inclusive. No lock is held. */
static void range_close(struct files_struct *files, u32 first, u32 last)
{
	struct file *f;
	u64 fd;

	for (fd = first; fd <= last; fd++) {
		spin_lock(&files->lock);
		fd = next_fd_used(&files->fdt, fd);
		last = min(last, files->fdt.max_fds - 1);
		f = fd <= last ? fd_take(files, fd) : NULL;
		spin_unlock(&files->lock);
		if (f)
			filp_close(f, files);
		cond_resched();
	}
}

/*
 * For close_range() with an unshared table: returns the first descriptor that need not be copied
 * because it would be closed at once; ~0: all must be copied.
 */
static u32 range_keeps(struct files_struct *files, u32 first, u32 last, int flags)
{
	return !(flags & CLOSE_RANGE_CLOEXEC) && last >= READ_ONCE(files->fdt.max_fds) - 1 ? first :
											     ~0U;
}

long sys_close_range(u32 first, u32 last, int flags)
{
	int err;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = unshare_files(range_keeps(current->files, first, last, flags));
		if (err)
			return err;
	}
	if (flags & CLOSE_RANGE_CLOEXEC)
		range_cloexec(current->files, first, last);
	else
		range_close(current->files, first, last);
	return 0;
}
