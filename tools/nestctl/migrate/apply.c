/* SPDX-License-Identifier: MIT */
/*
 * apply.c: makes files from the source's messages. Offsets and lengths are checked against the
 * file, and names must be those of a state's files or of a requested image.
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
#define ZERO_PIECE (1U << 20)

/* prefix that marks files of the round before */
#define BEFORE "was."

/* A file that is received, of @size bytes. */
struct target {
	struct apply *a;
	const char *name;
	int fd;
	uint64_t size;
};

static void __attribute__((noreturn)) bad(const struct apply *a, const char *what)
{
	die("%s: it does not keep to the protocol (%s)", a->conn->peer, what);
}

/* True for the terminated name of a file of a state. */
static bool is_name(const char name[MIG_NAME])
{
	return !name[MIG_NAME - 1] && mig_number(name) >= 0;
}

/* Writes to @to the name that the file @name of the round before has now. */
static void before(char to[MIG_NAME + 8], const char *name)
{
	snprintf(to, MIG_NAME + 8, BEFORE "%s", name);
}

/* ---- one file ---- */

/* Returns the descriptor for "image N", which must be in a->wanted, and removes it from there. */
static int take_image(struct apply *a, const char *name)
{
	char *end;
	unsigned long i = strncmp(name, "image ", 6) ? MIG_IMAGES : strtoul(name + 6, &end, 10);

	if (i >= MIG_IMAGES || end == name + 6 || *end || !(a->wanted >> i & 1))
		bad(a, "a file");
	a->wanted &= ~(1ULL << i);
	return a->image[i];
}

/* Renames the file @from of the round before to @name, its name in this round. */
static void take_over(const struct apply *a, const char *from, const char *name)
{
	char old[MIG_NAME + 8];

	before(old, from);
	if (renameat2(a->dirfd, old, a->dirfd, name, RENAME_NOREPLACE))
		die("%s: %s", name, strerror(errno));
}

/* Opens an image's file, or the state's file: with its content of the round before if @over. */
static void open_target(struct target *t, bool over)
{
	if (!is_name(t->name)) {
		t->fd = take_image(t->a, t->name);
		return;
	}
	if (over)
		take_over(t->a, t->name, t->name);
	t->fd = openat(t->a->dirfd, t->name,
		O_RDWR | O_CLOEXEC | O_NOFOLLOW | (over ? 0 : O_CREAT | O_EXCL), 0600);
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
		zeros = xalloc(ZERO_PIECE);
	while (z.length) {
		size_t n = z.length < ZERO_PIECE ? (size_t)z.length : ZERO_PIECE;

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
	if (file.name[sizeof(file.name) - 1] || file.over > 1 || file.size > SIZE_MAX_BYTES)
		bad(a, "a file");
	t.name = file.name;
	t.size = file.size;
	open_target(&t, file.over);
	if (ftruncate(t.fd, (off_t)t.size))
		die("%s: %s", t.name, strerror(errno));
	for (;;) {
		struct message m = conn_receive(a->conn);

		if (m.type == MIG_DONE)
			break;
		switch (m.type) {
		case MIG_DATA: take_data(&t, &m); break;
		case MIG_ZERO: take_zero(&t, &m); break;
		default: bad(a, "what belongs to no file");
		}
		conn_tick(a->conn);
	}
	if (is_name(t.name))
		close(t.fd);
}

void apply_keep(const struct apply *a, const struct message *m)
{
	struct mig_keep k;

	if (m->length != sizeof(k))
		bad(a, "a file that stays");
	memcpy(&k, m->data, sizeof(k));
	if (!is_name(k.from) || !is_name(k.name))
		bad(a, "a file that stays");
	take_over(a, k.from, k.name);
}

void apply_round(const struct apply *a)
{
	for (int i = 0; i < MIG_FILES; i++) {
		const char *name = mig_name(i);
		char old[MIG_NAME + 8];

		before(old, name);
		unlinkat(a->dirfd, old, 0);
		if (renameat(a->dirfd, name, a->dirfd, old) && errno != ENOENT)
			die("%s: %s", name, strerror(errno));
	}
}
