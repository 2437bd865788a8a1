/* SPDX-License-Identifier: MIT */
/*
 * apply.c: makes files of what the source sends. Everything in its messages is checked against the
 * file that it is about; names are those of a state, or of an image that was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

#define SIZE_MAX_BYTES (1ULL << 46)
#define COPY_PIECE (1U << 20)

struct target {
	struct apply *a;
	const char *name;
	int fd, old; /* -1: there is none */
	uint64_t size, old_size;
};

static void __attribute__((noreturn)) bad(const struct apply *a, const char *what)
{
	die("%s: it does not keep to the protocol (%s)", a->conn->peer, what);
}

/* Returns the number behind @prefix if that is all, below @end; or -1. */
static int number_in(const char *name, const char *prefix, const char *suffix, int end)
{
	for (int i = 0; i < end; i++) {
		char text[32];

		snprintf(text, sizeof(text), "%s%d%s", prefix, i, suffix);
		if (!strcmp(name, text))
			return i;
	}
	return -1;
}

bool apply_is_name(const char *name)
{
	return !strcmp(name, STATE_MEMORY) || number_in(name, "ubd", ".layer", STATE_DISKS) >= 0;
}

/* ---- the file ---- */

static int take_image(struct apply *a, const char *name)
{
	int i = number_in(name, "image ", "", MIG_IMAGES);

	if (i < 0 || !(a->wanted >> i & 1))
		bad(a, "a file");
	a->wanted &= ~(1ULL << i);
	return a->image[i];
}

static void open_target(struct target *t, bool fresh)
{
	int dirfd = t->a->dirfd;
	struct stat st;

	t->fd = t->old = -1;
	if (!apply_is_name(t->name)) {
		t->fd = take_image(t->a, t->name);
		return;
	}
	if (fresh) {
		t->old = openat(dirfd, t->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (t->old >= 0 && !fstat(t->old, &st))
			t->old_size = (uint64_t)st.st_size;
		unlinkat(dirfd, t->name, 0);
	}
	t->fd = openat(dirfd, t->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->fd < 0)
		die("%s: %s", t->name, strerror(errno));
}

static void write_at(const struct target *t, const uint8_t *p, size_t n, uint64_t off)
{
	while (n) {
		ssize_t done = pwrite(t->fd, p, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			die("%s: %s", t->name, strerror(done ? errno : ENOSPC));
		p += done;
		n -= (size_t)done;
		off += (uint64_t)done;
	}
}

static bool fits(uint64_t at, uint64_t length, uint64_t size)
{
	return at <= size && length <= size - at;
}

static void take_data(struct target *t, const struct message *m)
{
	uint64_t at;

	if (m->length < sizeof(at))
		bad(t->a, "content");
	memcpy(&at, m->data, sizeof(at));
	if (!fits(at, m->length - sizeof(at), t->size))
		bad(t->a, "content");
	write_at(t, m->data + sizeof(at), m->length - sizeof(at), at);
	t->a->bytes += m->length - sizeof(at);
}

/* Copies by reading and writing, where the file system cannot. */
static void copy_slowly(const struct target *t, uint64_t to, uint64_t from, uint64_t length)
{
	static uint8_t *buf;

	if (!buf)
		buf = xalloc(COPY_PIECE);
	while (length) {
		size_t want = length < COPY_PIECE ? (size_t)length : COPY_PIECE;
		ssize_t n = pread(t->old, buf, want, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("%s: %s", t->name, strerror(n ? errno : EIO));
		write_at(t, buf, (size_t)n, to);
		to += (uint64_t)n;
		from += (uint64_t)n;
		length -= (uint64_t)n;
		conn_tick(t->a->conn);
	}
}

static void take_copy(struct target *t, const struct message *m)
{
	struct mig_copy c;
	off_t from, to;

	if (m->length != sizeof(c))
		bad(t->a, "a copy");
	memcpy(&c, m->data, sizeof(c));
	if (t->old < 0 || !fits(c.to, c.length, t->size) || !fits(c.from, c.length, t->old_size))
		bad(t->a, "a copy");
	from = (off_t)c.from;
	to = (off_t)c.to;
	while (c.length) {
		ssize_t n = copy_file_range(t->old, &from, t->fd, &to,
			c.length < COPY_PIECE ? (size_t)c.length : COPY_PIECE, 0);

		if (n <= 0) {
			copy_slowly(t, (uint64_t)to, (uint64_t)from, c.length);
			return;
		}
		c.length -= (uint64_t)n;
	}
}

static void take_zero(struct target *t, const struct message *m)
{
	static uint8_t *zeros;
	struct mig_zero z;

	if (m->length != sizeof(z))
		bad(t->a, "zeros");
	memcpy(&z, m->data, sizeof(z));
	if (!fits(z.to, z.length, t->size))
		bad(t->a, "zeros");
	if (!z.length || !fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)z.to,
				 (off_t)z.length))
		return;
	if (!zeros)
		zeros = xalloc(COPY_PIECE);
	while (z.length) {
		size_t n = z.length < COPY_PIECE ? (size_t)z.length : COPY_PIECE;

		write_at(t, zeros, n, z.to);
		z.to += n;
		z.length -= n;
		conn_tick(t->a->conn);
	}
}

void apply_file(struct apply *a, const struct message *first)
{
	struct target t = { .a = a };
	struct mig_file file;

	if (first->length != sizeof(file))
		bad(a, "a file");
	memcpy(&file, first->data, sizeof(file));
	if (file.name[sizeof(file.name) - 1] || file.fresh > 1 || file.size > SIZE_MAX_BYTES)
		bad(a, "a file");
	t.name = file.name;
	t.size = file.size;
	open_target(&t, file.fresh);
	if (ftruncate(t.fd, (off_t)t.size))
		die("%s: %s", t.name, strerror(errno));
	for (;;) {
		struct message m = conn_receive(a->conn);

		if (m.type == MIG_DONE)
			break;
		switch (m.type) {
		case MIG_DATA: take_data(&t, &m); break;
		case MIG_COPY: take_copy(&t, &m); break;
		case MIG_ZERO: take_zero(&t, &m); break;
		default: bad(a, "what belongs to no file");
		}
		conn_tick(a->conn);
	}
	if (t.old >= 0)
		close(t.old);
	if (apply_is_name(t.name))
		close(t.fd);
}
