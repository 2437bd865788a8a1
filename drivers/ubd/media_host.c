/* SPDX-License-Identifier: MIT */
/*
 * media_host.c: see media_host.h. The record is appended with one write for each piece, so a kernel
 * that is killed leaves whole pieces (the last one may be cut). The beginning of an operation is
 * recorded before the system call, its end after the call. The lock is held only while recording,
 * so concurrent operations may be recorded in either order, which a reader has to expect anyway.
 * Reads, and files that are only read, are not recorded.
 */
#include "drivers/ubd/media_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os-linux/calls.h"

#define MAX_FILES 32
#define MAX_IOV 257

/* Written before the first worker starts, except log, which append() closes after an error. */
static struct {
	bool on; /* true: a record or faults are set up */
	int log; /* or -1 */
	/* the operation that fails: MEDIA_FILE (a read), MEDIA_WRITE, MEDIA_FLUSH */
	int op;
	bool data_only; /* only data writes, not holes */
	int unit, err;
	uint64_t every; /* 0: nothing fails */
	/* range in the file, for all but flushes */
	uint64_t from, to;
} conf = { .log = -1, .unit = -1, .to = UINT64_MAX };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int fd;
	uint32_t unit;
} files[MAX_FILES];
static int nr_files;
static uint64_t next_id = 1, random_state; /* under lock */
static uint64_t faults_left = UINT64_MAX;  /* under lock */

/* ---- settings ---- */

int media_record(const char *path)
{
	conf.log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (conf.log < 0)
		return -errno;
	conf.on = true;
	return 0;
}

/*
 * True if the word at *@s, up to the next comma or the end, is @word; *@s is then moved past the
 * word.
 */
static bool take(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) || ((*s)[n] && (*s)[n] != ','))
		return false;
	*s += n + ((*s)[n] == ',');
	return true;
}

/* Reads an optional number after a comma. Returns false for any other text. */
static bool take_number(const char **s, uint64_t *n)
{
	char *end;

	if (**s != ',')
		return !**s;
	*n = strtoull(*s + 1, &end, 10);
	if (end == *s + 1)
		return false;
	*s = end;
	return true;
}

int media_fault(const char *spec)
{
	const char *s = spec;
	uint64_t seed = 1, bytes = UINT64_MAX;
	char *end;

	if (*s >= '0' && *s <= '9') {
		conf.unit = (int)strtol(s, &end, 10);
		if (*end != ',')
			return -EINVAL;
		s = end + 1;
	}
	if (take(&s, "read"))
		conf.op = MEDIA_FILE;
	else if (take(&s, "write"))
		conf.op = MEDIA_WRITE;
	else if (take(&s, "data"))
		conf.op = MEDIA_WRITE, conf.data_only = true;
	else if (take(&s, "flush"))
		conf.op = MEDIA_FLUSH;
	else
		return -EINVAL;
	if (take(&s, "eio"))
		conf.err = EIO;
	else if (take(&s, "enospc"))
		conf.err = ENOSPC;
	else
		return -EINVAL;
	conf.every = strtoull(s, &end, 10);
	if (end == s || !conf.every)
		return -EINVAL;
	s = end;
	if (!take_number(&s, &seed) || !take_number(&s, &conf.from) || !take_number(&s, &bytes) ||
		!take_number(&s, &faults_left) || *s)
		return -EINVAL;
	if (bytes < UINT64_MAX - conf.from)
		conf.to = conf.from + bytes;
	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	conf.on = true;
	return 0;
}

/* ---- failing ---- */

static int unit_of(int fd)
{
	int i, n = __atomic_load_n(&nr_files, __ATOMIC_ACQUIRE);

	for (i = 0; i < n; i++)
		if (files[i].fd == fd)
			return (int)files[i].unit;
	return -1;
}

/*
 * True, with errno set, if a call is made to fail: decided with xorshift, which is random enough.
 */
static bool fails(int fd, int op, uint64_t off)
{
	int unit;
	bool yes;

	if (!conf.every || op != conf.op || off < conf.from || off >= conf.to)
		return false;
	unit = unit_of(fd);
	if (unit < 0 || (conf.unit >= 0 && unit != conf.unit))
		return false;
	pthread_mutex_lock(&lock);
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	yes = faults_left && (random_state >> 16) % conf.every == 0;
	faults_left -= yes;
	pthread_mutex_unlock(&lock);
	if (yes)
		errno = conf.err;
	return yes;
}

/* ---- the record ---- */

/* Appends all data, or ends the record if that fails: a record with a gap would be wrong. */
static void append(struct iovec *iov, int nr)
{
	while (nr && conf.log >= 0) {
		ssize_t n = pwritev2(conf.log, iov, nr, HERE, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "cutlog: %s: the record ends here\n", strerror(errno));
			close(conf.log);
			conf.log = -1;
			return;
		}
		while (nr && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			nr--;
		}
		if (nr) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
}

/* Records the beginning of an operation on @fd. Returns its id, or 0 if it is not recorded. */
static uint64_t begin(int type, int fd, uint64_t off, uint64_t len, const struct iovec *iov, int nr)
{
	struct media_rec r = {
		.magic = MEDIA_MAGIC, .type = (uint32_t)type, .off = off, .len = len
	};
	struct iovec all[MAX_IOV];
	int unit = unit_of(fd);

	if (conf.log < 0 || unit < 0 || nr >= MAX_IOV)
		return 0;
	r.file = (uint32_t)unit;
	all[0] = (struct iovec){ &r, sizeof(r) };
	if (nr)
		memcpy(all + 1, iov, (size_t)nr * sizeof(iov[0]));
	pthread_mutex_lock(&lock);
	r.id = next_id++;
	append(all, nr + 1);
	pthread_mutex_unlock(&lock);
	return r.id;
}

static void end(uint64_t id, bool failed)
{
	struct media_rec r = { .magic = MEDIA_MAGIC, .type = MEDIA_END, .id = id };
	struct iovec iov = { &r, sizeof(r) };
	int saved = errno;

	if (!id)
		return;
	r.status = failed ? -saved : 0;
	pthread_mutex_lock(&lock);
	append(&iov, 1);
	pthread_mutex_unlock(&lock);
	errno = saved;
}

void media_attach(int fd, uint32_t unit, const char *path)
{
	struct iovec iov = { (void *)path, strlen(path) };

	if (!conf.on)
		return;
	pthread_mutex_lock(&lock);
	if (nr_files < MAX_FILES) {
		files[nr_files].fd = fd;
		files[nr_files].unit = unit;
		__atomic_store_n(&nr_files, nr_files + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
	begin(MEDIA_FILE, fd, 0, iov.iov_len, &iov, 1);
}

void media_detach(int fd)
{
	int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_files; i++)
		if (files[i].fd == fd)
			files[i].fd = -1;
	pthread_mutex_unlock(&lock);
}

/* ---- the system calls ---- */

static uint64_t iov_bytes(const struct iovec *iov, int nr)
{
	uint64_t n = 0;

	while (nr--)
		n += iov++->iov_len;
	return n;
}

ssize_t media_pwritev(int fd, const struct iovec *iov, int nr, uint64_t off)
{
	uint64_t id;
	ssize_t n;

	if (!conf.on)
		return pwritev2(fd, iov, nr, (off_t)off, 0);
	if (fails(fd, MEDIA_WRITE, off))
		return -1;
	id = begin(MEDIA_WRITE, fd, off, iov_bytes(iov, nr), iov, nr);
	n = pwritev2(fd, iov, nr, (off_t)off, 0);
	end(id, n < 0);
	return n;
}

ssize_t media_pwrite(int fd, const void *p, size_t n, uint64_t off)
{
	struct iovec iov = { (void *)p, n };

	return media_pwritev(fd, &iov, 1, off);
}

ssize_t media_preadv2(int fd, const struct iovec *iov, int nr, uint64_t off, int flags)
{
	if (conf.on && fails(fd, MEDIA_FILE, off))
		return -1;
	return preadv2(fd, iov, nr, (off_t)off, flags);
}

bool media_watches(void)
{
	return conf.on;
}

int media_aio_submit(aio_context_t ctx, struct iocb *io)
{
	return syscall(SYS_io_submit, ctx, 1L, &io) == 1 ? 0 : -errno;
}

int media_punch(int fd, uint64_t off, uint64_t len)
{
	uint64_t id;
	int r;

	if (!conf.on)
		return fallocate(
			fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
	if (!conf.data_only && fails(fd, MEDIA_WRITE, off))
		return -1;
	id = begin(MEDIA_PUNCH, fd, off, len, NULL, 0);
	r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
	end(id, r < 0);
	return r;
}

int media_fdatasync(int fd)
{
	uint64_t id;
	int r;

	if (!conf.on)
		return fdatasync(fd);
	if (fails(fd, MEDIA_FLUSH, conf.from))
		return -1;
	id = begin(MEDIA_FLUSH, fd, 0, 0, NULL, 0);
	r = fdatasync(fd);
	end(id, r < 0);
	return r;
}
