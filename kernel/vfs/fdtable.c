/* SPDX-License-Identifier: MIT */
/*
 * fdtable.c: tables of file descriptors, and the calls that only touch them: close, dup, close_range.
 *
 * A descriptor is free, reserved (its bit in open_fds is set, fd[] is NULL) or open. get_unused_fd() reserves, fd_install() opens,
 * put_unused_fd() gives back, close frees.
 *
 * Invariants: every fd below next_fd is not free; bits at or above max_fds do not exist.
 * Locks: files->lock for all of it. A task whose table has no other user may read its own table without: only it could change it. So
 * fdget() takes no reference then, and the file stays open for the length of the call.
 */
#include <linux/close_range.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

#define FD_START 64
#define FD_LIMIT (1U << 20) /* fs.nr_open */

u32 sysctl_nr_open = FD_LIMIT;

static bool fdt_alloc(struct fdtable *t, u32 n)
{
	t->max_fds = n;
	t->fd = kzalloc(n * sizeof(*t->fd), GFP_KERNEL);
	t->open_fds = kzalloc(2 * n / 8, GFP_KERNEL);
	if (t->fd && t->open_fds) {
		t->close_on_exec = t->open_fds + n / 64;
		return true;
	}
	kfree(t->fd);
	kfree(t->open_fds);
	return false;
}

static void fdt_free(struct fdtable *t)
{
	kfree(t->fd);
	kfree(t->open_fds);
}

static void fdt_copy(struct fdtable *to, const struct fdtable *from, u32 n)
{
	memcpy(to->fd, from->fd, n * sizeof(*to->fd));
	memcpy(to->open_fds, from->open_fds, n / 8);
	memcpy(to->close_on_exec, from->close_on_exec, n / 8);
}

struct files_struct *files_alloc(void)
{
	struct files_struct *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return NULL;
	atomic_set(&f->count, 1);
	spin_lock_init(&f->lock);
	if (fdt_alloc(&f->fdt, FD_START))
		return f;
	kfree(f);
	return NULL;
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

/* files->lock is held, and dropped for a moment. The table has at least n entries afterwards: 0, -ENOMEM, -EMFILE. */
static int fdt_grow(struct files_struct *files, u32 n)
{
	struct fdtable fresh, old;
	u32 size = files->fdt.max_fds;

	if (n > READ_ONCE(sysctl_nr_open))
		return -EMFILE;
	while (size < n)
		size *= 2;
	spin_unlock(&files->lock);
	if (!fdt_alloc(&fresh, size)) {
		spin_lock(&files->lock);
		return -ENOMEM;
	}
	spin_lock(&files->lock);
	if (files->fdt.max_fds >= size) {
		old = fresh; /* somebody else was faster */
	} else {
		old = files->fdt;
		fdt_copy(&fresh, &old, old.max_fds);
		files->fdt = fresh;
	}
	spin_unlock(&files->lock);
	fdt_free(&old);
	spin_lock(&files->lock);
	return 0;
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
		if (fd < files->fdt.max_fds)
			break;
		err = fdt_grow(files, fd + 1);
		if (err)
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
	BUG_ON(files->fdt.fd[fd]);
	files->fdt.fd[fd] = f;
	spin_unlock(&files->lock);
}

/* ---- looking up ---- */

static inline struct file *fd_peek(struct files_struct *files, int fd)
{
	return (u32)fd < files->fdt.max_fds ? READ_ONCE(files->fdt.fd[fd]) : NULL;
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

/* @t's table with a reference, or NULL. */
static struct files_struct *get_files(struct task *t)
{
	struct files_struct *files;

	spin_lock(&t->alloc_lock);
	files = t->files;
	if (files)
		atomic_inc(&files->count);
	spin_unlock(&t->alloc_lock);
	return files;
}

struct file *fget_task(struct task *t, int fd)
{
	struct files_struct *files = get_files(t);
	struct file *f;

	if (!files)
		return NULL;
	f = files_get(files, fd, 0);
	files_put(files);
	return f;
}

struct file *fget_task_next(struct task *t, int *fd)
{
	struct files_struct *files = get_files(t);
	struct file *f = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	for (; (u32)*fd < files->fdt.max_fds; ++*fd) {
		f = files->fdt.fd[*fd];
		if (f) {
			get_file(f);
			break;
		}
	}
	spin_unlock(&files->lock);
	files_put(files);
	return f;
}

bool fd_is_cloexec(struct task *t, int fd)
{
	struct files_struct *files = get_files(t);
	bool yes;

	if (!files)
		return false;
	spin_lock(&files->lock);
	yes = (u32)fd < files->fdt.max_fds && bit_get(files->fdt.close_on_exec, fd);
	spin_unlock(&files->lock);
	files_put(files);
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
		files->fdt.fd[fd] = NULL;
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

	/* the descriptor is gone: the call must not be repeated */
	return err == -ERESTARTSYS || err == -ERESTARTNOINTR ? -EINTR : err;
}

static void close_all(struct files_struct *files)
{
	for (u32 fd = 0; fd < files->fdt.max_fds; fd++) {
		struct file *f = files->fdt.fd[fd];

		if (!f)
			continue;
		files->fdt.fd[fd] = NULL;
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

static u32 used_fds(const struct fdtable *t, u32 max)
{
	u32 n = max < t->max_fds ? round_up(max, 64U) : t->max_fds;

	while (n > FD_START && !t->open_fds[n / 64 - 1])
		n -= 64;
	return n;
}

/* Reserved descriptors (no file yet) stay the original's own. */
static void fdt_inherit(struct fdtable *to, const struct fdtable *from, u32 n, u32 max)
{
	memset(to->fd, 0, to->max_fds * sizeof(*to->fd));
	memset(to->open_fds, 0, 2 * to->max_fds / 8);
	fdt_copy(to, from, n);
	for (u32 fd = 0; fd < n; fd++) {
		if (to->fd[fd] && fd < max) {
			get_file(to->fd[fd]);
			continue;
		}
		to->fd[fd] = NULL;
		bit_put(to->open_fds, fd, false);
		bit_put(to->close_on_exec, fd, false);
	}
}

struct files_struct *files_dup(struct files_struct *old, u32 max)
{
	struct files_struct *f = files_alloc();
	u32 n;

	if (!f)
		return ERR_PTR(-ENOMEM);
	spin_lock(&old->lock);
	while ((n = used_fds(&old->fdt, max)) > f->fdt.max_fds) {
		spin_unlock(&old->lock);
		fdt_free(&f->fdt);
		for (u32 size = FD_START;; size *= 2)
			if (size >= n) {
				n = size;
				break;
			}
		if (!fdt_alloc(&f->fdt, n)) {
			kfree(f);
			return ERR_PTR(-ENOMEM);
		}
		spin_lock(&old->lock);
	}
	fdt_inherit(&f->fdt, &old->fdt, n, max);
	spin_unlock(&old->lock);
	return f;
}

static void set_files(struct files_struct *files)
{
	struct files_struct *old = current->files;

	spin_lock(&current->alloc_lock);
	current->files = files;
	spin_unlock(&current->alloc_lock);
	files_put(old);
}

int unshare_files(void)
{
	struct files_struct *f;

	if (atomic_read(&current->files->count) == 1)
		return 0;
	f = files_dup(current->files, ~0U);
	if (IS_ERR(f))
		return PTR_ERR(f);
	set_files(f);
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

/* Puts @f (a reference that is consumed) at @newfd; what was there is closed. */
static int dup_at(struct file *f, u32 newfd, u32 flags)
{
	struct files_struct *files = current->files;
	struct file *was;
	int err = 0;

	spin_lock(&files->lock);
	if (newfd >= files->fdt.max_fds)
		err = fdt_grow(files, newfd + 1);
	if (err)
		goto err_unlock;
	was = files->fdt.fd[newfd];
	err = -EBUSY; /* reserved: another thread is just opening it */
	if (!was && bit_get(files->fdt.open_fds, newfd))
		goto err_unlock;
	files->fdt.fd[newfd] = f;
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

	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	if ((u32)newfd >= rlimit(RLIMIT_NOFILE))
		return -EBADF;
	f = fget_raw(oldfd);
	return f ? dup_at(f, newfd, flags) : -EBADF;
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
	spin_lock(&files->lock);
	for (u32 fd = first; fd <= last && fd < files->fdt.max_fds; fd++)
		if (bit_get(files->fdt.open_fds, fd))
			bit_put(files->fdt.close_on_exec, fd, true);
	spin_unlock(&files->lock);
}

static void range_close(struct files_struct *files, u32 first, u32 last)
{
	for (u32 fd = first; fd <= last && fd < READ_ONCE(files->fdt.max_fds); fd++) {
		struct file *f;

		spin_lock(&files->lock);
		f = fd_take(files, fd);
		spin_unlock(&files->lock);
		if (f)
			filp_close(f, files);
		cond_resched();
	}
}

long sys_close_range(u32 first, u32 last, int flags)
{
	int err;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = unshare_files();
		if (err)
			return err;
	}
	if (flags & CLOSE_RANGE_CLOEXEC)
		range_cloexec(current->files, first, last);
	else
		range_close(current->files, first, last);
	return 0;
}
