/* SPDX-License-Identifier: MIT */
/*
 * delta.c: sends a file as what has changed since the version that the receiver has.
 *
 * Blocks of 4 KiB are compared with the old version: at the same place, or at the distance at which
 * the last equal block was. Where that fails a table of the old version's blocks, by their sum, is
 * asked: the memory of an instance is written without its zeros, so that blocks move. What counts
 * is the comparison of bytes; the sums only say where to look.
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

#define PROBES 8
#define STEP_BLOCKS 1024
#define INDEX_MAX (1U << 30) /* blocks */

struct version version_open(int dirfd, const char *name)
{
	struct version v = { .fd = -1 };
	struct stat st;

	v.fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (v.fd < 0 || fstat(v.fd, &st))
		die("%s: %s", name, strerror(errno));
	v.size = (uint64_t)st.st_size;
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
	free(v->table);
	*v = (struct version){ .fd = -1 };
}

/* ---- the table ---- */

static uint32_t sum_of(const uint8_t *block)
{
	return crc32c_add(~0U, block, MIG_BLOCK);
}

static bool is_zero(const uint8_t *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

void version_index(struct version *v)
{
	uint64_t blocks = v->size / MIG_BLOCK;

	if (v->table || !blocks || blocks > INDEX_MAX)
		return;
	v->slots = 1024;
	while (v->slots < 2 * blocks)
		v->slots *= 2;
	v->table = calloc(v->slots, sizeof(*v->table));
	for (uint32_t i = 0; v->table && i < blocks; i++) {
		size_t slot = sum_of(v->map + (uint64_t)i * MIG_BLOCK) & (v->slots - 1);

		for (int n = 0; n < PROBES && v->table[slot]; n++)
			slot = (slot + 1) & (v->slots - 1);
		if (!v->table[slot])
			v->table[slot] = i + 1;
	}
}

/* Finds a block of @old that is equal. False if none is known. */
static bool find(const struct version *old, const uint8_t *block, uint64_t *at)
{
	size_t slot;

	if (!old->table)
		return false;
	slot = sum_of(block) & (old->slots - 1);
	for (int n = 0; n <= PROBES && old->table[slot]; n++) {
		*at = (uint64_t)(old->table[slot] - 1) * MIG_BLOCK;
		if (!memcmp(old->map + *at, block, MIG_BLOCK))
			return true;
		slot = (slot + 1) & (old->slots - 1);
	}
	return false;
}

/* ---- sending ---- */

enum kind { SAME, CONTENT, MOVED, ZERO };

struct sender {
	struct conn *c;
	const struct version *old, *new;
	bool fresh;
	/* the blocks that are about to be sent: of one kind, and one behind another */
	enum kind kind;
	uint64_t at, length, from;
	int64_t distance; /* of the last equal block */
	uint64_t content;
};

static void send_run(struct sender *s)
{
	struct mig_copy copy = { s->at, s->from, s->length };
	struct mig_zero zero = { s->at, s->length };

	if (!s->length)
		return;
	switch (s->kind) {
	case CONTENT:
		conn_send(s->c, MIG_DATA, &s->at, sizeof(s->at), s->new->map + s->at, s->length);
		s->content += s->length;
		break;
	case MOVED: conn_send(s->c, MIG_COPY, &copy, sizeof(copy), NULL, 0); break;
	case ZERO: conn_send(s->c, MIG_ZERO, &zero, sizeof(zero), NULL, 0); break;
	case SAME: break;
	}
	s->length = 0;
}

static void add(struct sender *s, enum kind kind, uint64_t at, size_t n, uint64_t from)
{
	bool joins = kind == s->kind && at == s->at + s->length &&
		     (kind != MOVED || from == s->from + s->length) &&
		     (kind != CONTENT || s->length + n <= MIG_PIECE);

	if (!joins) {
		send_run(s);
		s->kind = kind;
		s->at = at;
		s->from = from;
	}
	s->length += n;
}

static bool equals(const struct version *old, int64_t from, const uint8_t *block, size_t n)
{
	return old->map && from >= 0 && (uint64_t)from + n <= old->size &&
	       !memcmp(old->map + from, block, n);
}

static void look_at_moved(struct sender *s, uint64_t at, const uint8_t *block, size_t n)
{
	uint64_t from;

	if (is_zero(block, n))
		add(s, SAME, at, n, 0); /* a fresh file has zeros */
	else if (equals(s->old, (int64_t)at - s->distance, block, n))
		add(s, MOVED, at, n, (uint64_t)((int64_t)at - s->distance));
	else if (n == MIG_BLOCK && find(s->old, block, &from)) {
		s->distance = (int64_t)at - (int64_t)from;
		add(s, MOVED, at, n, from);
	} else
		add(s, CONTENT, at, n, 0);
}

static void look_at(struct sender *s, uint64_t at, size_t n)
{
	const uint8_t *block = s->new->map + at;

	if (s->fresh)
		look_at_moved(s, at, block, n);
	else if (equals(s->old, (int64_t)at, block, n))
		add(s, SAME, at, n, 0);
	else
		add(s, is_zero(block, n) ? ZERO : CONTENT, at, n, 0);
}

/* Returns where the data at or behind @at begins, in whole blocks. */
static uint64_t data_at(const struct version *v, uint64_t at, uint64_t end)
{
	off_t data;

	if (v->fd < 0 || at >= v->size)
		return end;
	data = lseek(v->fd, (off_t)at, SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? end : at;
	return (uint64_t)data > at ? (uint64_t)data / MIG_BLOCK * MIG_BLOCK : at;
}

uint64_t delta_send(struct conn *c, const char *name, const struct version *old,
	const struct version *new, bool fresh, void (*step)(uint64_t bytes))
{
	struct sender s = { .c = c, .old = old, .new = new, .fresh = fresh };
	struct mig_file file = { .size = new->size, .fresh = fresh };
	uint64_t at = 0, a, b;

	if (strlen(name) >= sizeof(file.name))
		die("%s: too long a name", name);
	memcpy(file.name, name, strlen(name));
	conn_send(c, MIG_FILE, &file, sizeof(file), NULL, 0);
	while (at < new->size) {
		/* a hole of both is the same */
		a = data_at(new, at, new->size);
		b = fresh ? a : data_at(old, at, new->size);
		at = a < b ? a : b;
		for (int i = 0; i < STEP_BLOCKS && at < new->size; i++) {
			size_t n =
				new->size - at < MIG_BLOCK ? (size_t)(new->size - at) : MIG_BLOCK;

			look_at(&s, at, n);
			at += n;
		}
		conn_tick(c);
		if (step)
			step(at < new->size ? at : new->size);
	}
	send_run(&s);
	conn_send(c, MIG_DONE, NULL, 0, NULL, 0);
	return s.content;
}
