/* SPDX-License-Identifier: MIT */
/*
 * data_host.c: open files, their data, and the worker threads for calls that may wait.
 *
 * Reads of data in the host's page cache are made by the caller (RWF_NOWAIT); workers do all other
 * reads, fsync, syncfs and fallocate. Writes go to the host's page cache and are made by the
 * caller.
 *
 * Only regular files and directories are ever opened. The object's type is checked through its
 * O_PATH descriptor, and the object is then opened for data through /proc/self/fd, so no device or
 * FIFO can take its name in between.
 *
 * Locks: `lock` for the list of work. Finished requests are pushed onto a lock-free list, which the
 * interrupt takes as a whole, as in ubd. Workers sleep on a futex word, not on a condition
 * variable; ubd_host.c has the reason.
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
static int nr_todo, idle, threads;                  /* under lock; nr_todo: length of todo */
static struct hostfs_io *done;                      /* atomic stack */

_Static_assert(sizeof(struct hostfs_vec) == sizeof(struct iovec), "a vector is the host's");

int hostfs_host_setup(int line)
{
	irq = line;
	return 0;
}

/* ---- opening ---- */

int open_handle(int fd, int *file)
{
	struct hostfs_file *h = calloc(1, sizeof(*h));

	*file = h ? os_object_add(h) : -ENOMEM;
	if (*file < 0) {
		free(h);
		close(fd);
		fd_release();
		return -ENOMEM;
	}
	h->fd = fd;
	return 0;
}

void hostfs_host_close(int file)
{
	struct hostfs_file *f = os_object(file);

	if (!f)
		return;
	os_object_del(file);
	if (f->fd >= 0) {
		close(f->fd);
		fd_release();
	}
	if (f->node)
		node_put(f->node);
	free(f);
}

/*
 * Reopens the object behind the O_PATH descriptor @fd with @flags; its type must be @type. Returns
 * a descriptor that is counted against the limit.
 */
static int reopen(int fd, uint32_t type, int flags)
{
	struct hostfs_attr a;
	int err = attr_at(fd, "", &a), got;

	if (!err && (a.mode & S_IFMT) != type)
		err = -ESTALE;
	if (!err)
		err = fd_reserve();
	if (err)
		return err;
	got = open_again(fd, flags);
	if (got < 0 && fd_pressure(-errno))
		got = open_again(fd, flags);
	if (got >= 0)
		return got;
	err = -errno;
	fd_release();
	return err == -EMFILE ? -ENFILE : err;
}

/* Returns a descriptor for the data of a regular file, or -errno. */
static int open_data(struct hostfs_node *n, uint32_t how)
{
	int acc = how == HOSTFS_READ ? O_RDONLY : how == HOSTFS_WRITE ? O_WRONLY : O_RDWR;
	int fd = node_pin(n), got;

	if (fd < 0)
		return fd;
	got = reopen(fd, S_IFREG, acc | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	node_unpin(n);
	return got;
}

int hostfs_host_open(int node, uint32_t how, int *file)
{
	int fd = open_data(node_find(node), how);

	return fd < 0 ? fd : open_handle(fd, file);
}

int hostfs_host_restore_file(int file, int node, uint32_t how)
{
	struct hostfs_node *n = node_find(node);
	struct hostfs_file *f = n ? calloc(1, sizeof(*f)) : NULL;
	int err = !n ? -ESTALE : f ? os_object_add_as(file, f) : -ENOMEM;

	if (err) {
		free(f);
		return err;
	}
	node_get(n);
	f->fd = -1;
	f->node = n;
	f->how = how;
	return 0;
}

int file_fd(int number)
{
	static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
	struct hostfs_file *f = os_object(number);
	int fd;

	if (!f)
		return -ESTALE;
	fd = __atomic_load_n(&f->fd, __ATOMIC_ACQUIRE);
	if (fd >= 0)
		return fd;
	pthread_mutex_lock(&opening);
	fd = f->fd;
	if (fd < 0) {
		fd = open_data(f->node, f->how);
		if (fd >= 0)
			__atomic_store_n(&f->fd, fd, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&opening);
	return fd;
}

int hostfs_host_opendir(int node, int *file)
{
	struct hostfs_node *n = node_find(node);
	int fd = n && n->only ? -EACCES : node_pin(n), got;

	if (fd < 0)
		return fd;
	got = reopen(fd, S_IFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	node_unpin(n);
	return got < 0 ? got : open_handle(got, file);
}

long hostfs_host_getdents(int file, void *buf, size_t size)
{
	int fd = file_fd(file);
	long n = fd < 0 ? fd : syscall(SYS_getdents64, fd, buf, size);

	return fd < 0 ? fd : n < 0 ? -errno : n;
}

int64_t hostfs_host_seek(int file, int64_t off, int whence)
{
	int fd = file_fd(file);
	off_t at = fd < 0 ? -1 : lseek(fd, off, whence);

	if (fd < 0)
		return fd;
	return at < 0 ? -errno : at;
}

static int lock_result(int ret)
{
	if (ret == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES || errno == EWOULDBLOCK ? -EAGAIN : 0;
}

int hostfs_host_lock(int file, int type, int64_t start, int64_t len)
{
	int fd = file_fd(file);
	struct flock fl = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len
	};

	if (fd < 0)
		return type == F_UNLCK ? 0 : fd;
	return lock_result(fcntl(fd, F_OFD_SETLK, &fl));
}

int hostfs_host_flock(int file, int type)
{
	int fd = file_fd(file);
	int op = type == F_RDLCK ? LOCK_SH : type == F_WRLCK ? LOCK_EX : LOCK_UN;

	if (fd < 0)
		return type == F_UNLCK ? 0 : fd;
	return lock_result(flock(fd, op | LOCK_NB));
}

int hostfs_host_getlock(int file, struct hostfs_lock *l)
{
	int fd = file_fd(file);
	struct flock fl = {
		.l_type = (short)l->type, .l_whence = SEEK_SET, .l_start = l->start, .l_len = l->len
	};

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &fl) < 0 || fl.l_type == F_UNLCK)
		return 0;
	*l = (struct hostfs_lock){ fl.l_type, fl.l_start, fl.l_len };
	return 1;
}

/* ---- data ---- */

/* Returns the vectors that are not done, at most as many as one host call accepts. */
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
 * Reads the rest of the request, up to the end of the file or an error. Returns all bytes read so
 * far, with the error in io->err, or -errno if there are none. With @nowait, returns -EAGAIN if the
 * rest has to wait.
 */
static int64_t read_all(struct hostfs_io *io, bool nowait)
{
	int fd = file_fd(io->file);

	if (fd < 0)
		return fd;
	while (io->at < io->nr) {
		int nr;
		struct iovec *v = rest(io, &nr);
		ssize_t n = preadv2(fd, v, nr, io->off + io->result, nowait ? RWF_NOWAIT : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && nowait && (errno == EAGAIN || errno == EOPNOTSUPP))
			return -EAGAIN;
		if (n < 0 && !io->result)
			return -errno;
		if (n < 0)
			io->err = -errno;
		if (n <= 0)
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
	int fd = file_fd(io->file);

	if (fd < 0)
		return fd;
	while (io->at < io->nr) {
		int nr;
		struct iovec *v = rest(io, &nr);
		ssize_t n = io->append ? pwritev2(fd, v, nr, 0, RWF_APPEND) :
					 pwritev2(fd, v, nr, io->off + io->result, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			io->err = -errno;
		if (n <= 0)
			break;
		advance(io, (size_t)n);
	}
	if (io->result && io->attr)
		attr_at(fd, "", io->attr);
	return io->result ? io->result : io->err;
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
	int fd;

	if (io->op == HOSTFS_OP_READ)
		return read_all(io, false);
	if (io->op == HOSTFS_OP_SYNCFS)
		return sync_fs(node_find(io->node));
	fd = file_fd(io->file);
	if (fd < 0)
		return fd;
	switch (io->op) {
	case HOSTFS_OP_FSYNC: return fsync(fd) < 0 ? -errno : 0;
	case HOSTFS_OP_DATASYNC: return fdatasync(fd) < 0 ? -errno : 0;
	case HOSTFS_OP_ALLOCATE: return fallocate(fd, io->mode, io->off, io->len) < 0 ? -errno : 0;
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
		nr_todo--;
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
	/* Workers that were woken up for earlier requests count as idle until they run. */
	if (idle <= nr_todo && threads < WORKERS && os_worker_start("hostfs", worker, NULL) == 0)
		threads++;
	if (!threads) {
		pthread_mutex_unlock(&lock);
		io->result = serve(io);
		return 1;
	}
	*todo_tail = io;
	todo_tail = &io->next;
	nr_todo++;
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
