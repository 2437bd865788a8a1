/* SPDX-License-Identifier: MIT */
/*
 * data_host.c: open files, their data, and the worker threads for calls that may wait.
 *
 * Reads of data that the host has in memory are made at once (RWF_NOWAIT), all others by a worker,
 * as are fsync, syncfs and fallocate. Writes go to the host's page cache and are made at once.
 *
 * Only regular files and directories are ever opened. The O_PATH descriptor tells the type before
 * the object is opened for data through /proc/self/fd, so no name can turn into a device or a FIFO
 * in between.
 *
 * Locks: `lock` for the list of work. Finished requests are pushed onto a list without a lock,
 * which is taken whole, as in ubd. Workers sleep on a futex word, not on a condition variable;
 * ubd_host.c has the reason.
 */
#include "drivers/hostfs/internal_host.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os-linux/host.h"

#define WORKERS 4

static int irq = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t work;                               /* futex word; changes under lock */
static struct hostfs_io *todo, **todo_tail = &todo; /* under lock */
static int idle, threads;                           /* under lock */
static struct hostfs_io *done;                      /* atomic stack */

_Static_assert(sizeof(struct hostfs_vec) == sizeof(struct iovec), "a vector is the host's");

int hostfs_host_setup(int line)
{
	irq = line;
	return 0;
}

/* ---- opening ---- */

int open_handle(int fd, struct hostfs_file **f)
{
	struct hostfs_file *h = malloc(sizeof(*h));

	if (!h) {
		close(fd);
		fd_release();
		return -ENOMEM;
	}
	h->fd = fd;
	h->refs = 1;
	*f = h;
	return 0;
}

void hostfs_host_hold(struct hostfs_file *f)
{
	__atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
}

void hostfs_host_close(struct hostfs_file *f)
{
	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close(f->fd);
	fd_release();
	free(f);
}

/* Opens the object behind @fd (O_PATH), which must be of @type, anew with @flags. */
static int reopen(int fd, uint32_t type, int flags, struct hostfs_file **f)
{
	struct hostfs_attr a;
	int err = attr_at(fd, "", &a), got;

	if (!err && (a.mode & S_IFMT) != type)
		err = -ESTALE;
	if (!err)
		err = fd_reserve();
	if (err)
		return err;
	got = open(fd_name(fd).text, flags);
	if (got < 0 && fd_pressure(-errno))
		got = open(fd_name(fd).text, flags);
	if (got >= 0)
		return open_handle(got, f);
	err = -errno;
	fd_release();
	return err == -EMFILE ? -ENFILE : err;
}

int hostfs_host_open(struct hostfs_node *n, uint32_t how, struct hostfs_file **f)
{
	int acc = how == HOSTFS_READ ? O_RDONLY : how == HOSTFS_WRITE ? O_WRONLY : O_RDWR;
	int fd = node_pin(n), err;

	if (fd < 0)
		return fd;
	err = reopen(fd, S_IFREG, acc | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, f);
	node_unpin(n);
	return err;
}

int hostfs_host_opendir(struct hostfs_node *n, struct hostfs_file **f)
{
	int fd = node_pin(n), err;

	if (fd < 0)
		return fd;
	err = reopen(fd, S_IFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC, f);
	node_unpin(n);
	return err;
}

long hostfs_host_getdents(struct hostfs_file *f, void *buf, size_t size)
{
	long n = syscall(SYS_getdents64, f->fd, buf, size);

	return n < 0 ? -errno : n;
}

int64_t hostfs_host_seek(struct hostfs_file *f, int64_t off, int whence)
{
	off_t at = lseek(f->fd, off, whence);

	return at < 0 ? -errno : at;
}

static int lock_result(int ret)
{
	if (ret == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK ? -EAGAIN : 0;
}

int hostfs_host_lock(struct hostfs_file *f, int type, int64_t start, int64_t len)
{
	struct flock fl = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len
	};

	return lock_result(fcntl(f->fd, F_OFD_SETLK, &fl));
}

int hostfs_host_flock(struct hostfs_file *f, int type)
{
	int op = type == F_RDLCK ? LOCK_SH : type == F_WRLCK ? LOCK_EX : LOCK_UN;

	return lock_result(flock(f->fd, op | LOCK_NB));
}

int hostfs_host_getlock(struct hostfs_file *f, struct hostfs_lock *l)
{
	struct flock fl = {
		.l_type = (short)l->type, .l_whence = SEEK_SET, .l_start = l->start, .l_len = l->len
	};

	if (fcntl(f->fd, F_OFD_GETLK, &fl) < 0 || fl.l_type == F_UNLCK)
		return 0;
	*l = (struct hostfs_lock){ fl.l_type, fl.l_start, fl.l_len };
	return 1;
}

/* ---- data ---- */

/* Returns the vectors that are left, at most as many as a call takes. */
static struct iovec *rest(struct hostfs_io *io, int *nr)
{
	uint32_t n = io->nr - io->at;

	*nr = n < IOV_MAX ? (int)n : IOV_MAX;
	return (struct iovec *)io->vec + io->at;
}

/* Marks the first @n of the remaining bytes as done. */
static void advance(struct hostfs_io *io, size_t n)
{
	io->result += (int64_t)n;
	while (io->at < io->nr && n >= io->vec[io->at].len)
		n -= io->vec[io->at++].len;
	if (io->at < io->nr) {
		io->vec[io->at].p = (char *)io->vec[io->at].p + n;
		io->vec[io->at].len -= n;
	}
}

/*
 * Reads on from where an earlier try stopped. Returns all bytes up to the end of the file, or
 * -errno.
 */
static int64_t read_all(struct hostfs_io *io, bool nowait)
{
	while (io->at < io->nr) {
		int nr;
		struct iovec *v = rest(io, &nr);
		ssize_t n =
			preadv2(io->f->fd, v, nr, io->off + io->result, nowait ? RWF_NOWAIT : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && nowait && (errno == EAGAIN || errno == EOPNOTSUPP))
			return -EAGAIN;
		if (n < 0)
			return io->result ? io->result : -errno;
		if (!n)
			break;
		advance(io, (size_t)n);
	}
	return io->result;
}

int64_t hostfs_host_read(struct hostfs_io *io)
{
	return read_all(io, true);
}

int64_t hostfs_host_write(struct hostfs_io *io)
{
	int err = 0;

	while (io->at < io->nr) {
		int nr;
		struct iovec *v = rest(io, &nr);
		ssize_t n = io->append ? pwritev2(io->f->fd, v, nr, 0, RWF_APPEND) :
					 pwritev(io->f->fd, v, nr, io->off + io->result);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		advance(io, (size_t)n);
	}
	if (io->result && io->attr)
		attr_at(io->f->fd, "", io->attr);
	return io->result ? io->result : err;
}

/* ---- workers ---- */

static int64_t sync_fs(struct hostfs_node *n)
{
	int fd = node_pin(n), real, err = 0;

	if (fd < 0)
		return fd;
	real = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (real < 0 || syncfs(real) < 0)
		err = -errno;
	if (real >= 0)
		close(real);
	node_unpin(n);
	return err;
}

static int64_t serve(struct hostfs_io *io)
{
	switch (io->op) {
	case HOSTFS_OP_READ: return read_all(io, false);
	case HOSTFS_OP_FSYNC: return fsync(io->f->fd) < 0 ? -errno : 0;
	case HOSTFS_OP_DATASYNC: return fdatasync(io->f->fd) < 0 ? -errno : 0;
	case HOSTFS_OP_SYNCFS: return sync_fs(io->n);
	case HOSTFS_OP_ALLOCATE:
		return fallocate(io->f->fd, io->mode, io->off, io->len) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

static void finished(struct hostfs_io *io)
{
	struct hostfs_io *old = __atomic_load_n(&done, __ATOMIC_RELAXED);

	do {
		io->next = old;
	} while (!__atomic_compare_exchange_n(
		&done, &old, io, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (!old)
		os_irq_raise(irq);
}

static void worker(void *unused)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		struct hostfs_io *io = todo;

		if (!io) {
			uint32_t seen = work;

			idle++;
			pthread_mutex_unlock(&lock);
			os_futex_wait(&work, seen, OS_FOREVER);
			pthread_mutex_lock(&lock);
			idle--;
			continue;
		}
		todo = io->next;
		if (!todo)
			todo_tail = &todo;
		pthread_mutex_unlock(&lock);
		io->result = serve(io);
		finished(io);
		pthread_mutex_lock(&lock);
	}
}

int hostfs_host_submit(struct hostfs_io *io)
{
	io->next = NULL;
	pthread_mutex_lock(&lock);
	if (!idle && threads < WORKERS && os_worker_start("hostfs", worker, NULL) == 0)
		threads++;
	if (!threads) {
		pthread_mutex_unlock(&lock);
		io->result = serve(io);
		return 1;
	}
	*todo_tail = io;
	todo_tail = &io->next;
	__atomic_add_fetch(&work, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	os_futex_wake(&work, 1);
	return 0;
}

struct hostfs_io *hostfs_host_reap(void)
{
	struct hostfs_io *io = __atomic_exchange_n(&done, NULL, __ATOMIC_ACQUIRE), *list = NULL;

	while (io) {
		struct hostfs_io *next = io->next;

		io->next = list;
		list = io;
		io = next;
	}
	return list;
}
