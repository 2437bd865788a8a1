/* SPDX-License-Identifier: MIT */
/*
 * delta.c: sends the changes of a file since the version that the receiver has.
 *
 * Blocks of 4 KiB are compared with the old version at the same offset. Unchanged files are not
 * sent at all (MIG_KEEP), and the kernel writes a new file with only the changed pages of memory.
 * So only disks that the kernel copies have an old version.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/migrate/migrate.h"

/* bytes to compare between two checks of the connection */
#define STEP_BYTES (1U << 20)

struct version version_open(int dirfd, const char *name)
{
	struct version v = { .fd = -1 };
	struct stat st;

	v.fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (v.fd < 0 || fstat(v.fd, &st))
		die("%s: %s", name, strerror(errno));
	v.size = (uint64_t)st.st_size;
	v.inode = st.st_ino;
	if (!v.size)
		return v;
	v.map = mmap(NULL, v.size, PROT_READ, MAP_SHARED, v.fd, 0);
	if (v.map == MAP_FAILED)
		die("%s: %s", name, strerror(errno));
	return v;
}

void version_close(struct version *v)
{
	if (v->map)
		munmap((void *)v->map, v->size);
	if (v->fd >= 0)
		close(v->fd);
	*v = (struct version){ .fd = -1 };
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* ---- sending ---- */

enum kind { SAME, CONTENT, ZERO };

/* A transfer of @new. @content: bytes of content sent so far. */
struct sender {
	struct conn *c;
	const struct version *old, *new;
	/* a run of consecutive blocks of one kind, to be sent together; offset and size in bytes */
	enum kind kind;
	uint64_t at, length;
	uint64_t content;
};

/* Sends the run of blocks, if there is one. */
static void send_run(struct sender *s)
{
	struct mig_zero zero = { s->at, s->length };

	if (!s->length)
		return;
	switch (s->kind) {
	case CONTENT:
		conn_send(s->c, MIG_DATA, &s->at, sizeof(s->at), s->new->map + s->at, s->length);
		s->content += s->length;
		break;
	case ZERO: conn_send(s->c, MIG_ZERO, &zero, sizeof(zero), NULL, 0); break;
	case SAME: break;
	}
	s->length = 0;
}

/* Adds a block of @n bytes at @at to the run, or begins another. */
static void add(struct sender *s, enum kind kind, uint64_t at, size_t n)
{
	bool joins = kind == s->kind && at == s->at + s->length &&
		     (kind != CONTENT || s->length + n <= MIG_PIECE);

	if (!joins) {
		send_run(s);
		s->kind = kind;
		s->at = at;
	}
	s->length += n;
}

/* True if the old version has these bytes. */
static bool equals(const struct version *old, uint64_t at, const uint8_t *block, size_t n)
{
	return old->map && at + n <= old->size && !memcmp(old->map + at, block, n);
}

static void look_at(struct sender *s, uint64_t at, size_t n)
{
	const uint8_t *block = s->new->map + at;

	if (s->old && equals(s->old, at, block, n))
		add(s, SAME, at, n);
	else if (is_zero(block, n))
		add(s, s->old ? ZERO : SAME, at, n);
	else
		add(s, CONTENT, at, n);
}

/*
 * Returns the offset of the next data from @at on, rounded down to a block, or @end if there is
 * none.
 */
static uint64_t data_at(const struct version *v, uint64_t at, uint64_t end)
{
	off_t data;

	if (at >= v->size)
		return end;
	data = lseek(v->fd, (off_t)at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? end : at;
	return (uint64_t)data > at ? (uint64_t)data / MIG_BLOCK * MIG_BLOCK : at;
}

/* Returns the end of the data that begins with the block at @at, rounded up to a block. */
static uint64_t hole_at(const struct version *v, uint64_t at)
{
	off_t hole;

	at += MIG_BLOCK;
	hole = at < v->size ? lseek(v->fd, (off_t)at, SEEK_HOLE) : -1;
	if (hole < 0)
		return v->size;
	at = ((uint64_t)hole + MIG_BLOCK - 1) / MIG_BLOCK * MIG_BLOCK;
	return at < v->size ? at : v->size;
}

/* Compares the blocks of [at, end). */
static void look_at_all(struct sender *s, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t n = end - at < MIG_BLOCK ? (size_t)(end - at) : MIG_BLOCK;

		look_at(s, at, n);
		at += n;
	}
}

uint64_t delta_send(struct conn *c, const char *name, const struct version *old,
	const struct version *new, void (*step)(uint64_t bytes))
{
	struct sender s = { .c = c, .old = old, .new = new };
	struct mig_file file = { .size = new->size, .over = old != NULL };
	uint64_t at = 0, a, b, end, looked = 0;

	if (strlen(name) >= sizeof(file.name))
		die("%s: too long a name", name);
	memcpy(file.name, name, strlen(name));
	conn_send(c, MIG_FILE, &file, sizeof(file), NULL, 0);
	while (at < new->size) {
		/*
		 * skip holes without reading, which would allocate host page cache for each block
		 */
		a = data_at(new, at, new->size);
		b = old ? data_at(old, at, new->size) : a;
		at = a < b ? a : b;
		if (at >= new->size)
			break;
		end = old ? new->size : hole_at(new, at);
		end = end - at < STEP_BYTES ? end : at + STEP_BYTES;
		look_at_all(&s, at, end);
		looked += end - at;
		at = end;
		if (looked < STEP_BYTES)
			continue;
		looked = 0;
		conn_tick(c);
		if (step)
			step(at);
	}
	send_run(&s);
	conn_send(c, MIG_DONE, NULL, 0, NULL, 0);
	return s.content;
}
