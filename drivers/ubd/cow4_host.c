/* SPDX-License-Identifier: MIT */
/*
 * cow4_host.c: COW files of version 4 as a layer: opening, closing, the dirty flag.
 * cow4_table_host.c has the tables and the flush.
 *
 * A write puts its data into the file, then sets bits in memory; a flush makes both durable.
 *
 * States of the file: clean -> dirty before the first change of a session -> clean at close. If a
 * file is found dirty and opened for writing, all its tables are checked, and the next flush
 * rewrites a torn slot. In a clean file a torn slot is damage.
 */
#include "drivers/ubd/cow4_table_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/media_host.h"
#include "os-linux/calls.h"

/* ---- the operations ---- */

static int cow4_where(
	struct layer *l, uint64_t off, uint64_t len, bool nowait, struct image_piece *p)
{
	struct cow4 *c = l->state;
	uint64_t index = off / COW4_TABLE_SPAN, in = off % COW4_TABLE_SPAN;
	struct table *t = table_peek(c, index);
	bool set;
	int err;

	if (!t && nowait)
		return -EAGAIN;
	if (!t)
		t = table_get(l, index, &err);
	if (!t)
		return err;
	if (len > COW4_TABLE_SPAN - in)
		len = COW4_TABLE_SPAN - in;
	len = table_run(t, in / LAYER_SECTOR, len / LAYER_SECTOR, &set) * LAYER_SECTOR;
	p->fd = set ? l->fd : LAYER_BELOW;
	p->off = l->base + off;
	p->len = len;
	if (!set && c->pack)
		cow4_pack_where(c->pack, off, len, p);
	return 0;
}

static int cow4_decode(struct layer *l, uint64_t off, const struct iovec *iov, int nr, bool nowait)
{
	struct cow4 *c = l->state;

	return cow4_pack_read(c->pack, off, iov, nr, nowait);
}

/*
 * Extends a file that has been written to its full length and sets COW4_F_FULL, so that a later
 * truncation is detected when the file is opened. Does nothing if the host does not support files
 * of that length. The length is on the disk before the flag.
 */
static void make_long(struct layer *l, struct cow4_header *h)
{
	struct stat st;

	if (h->flags & COW4_F_FULL || host_fstat(l->fd, &st) < 0)
		return;
	if ((uint64_t)st.st_size < h->data_off + h->size &&
		(ftruncate(l->fd, (off_t)(h->data_off + h->size)) < 0 || layer_sync(l)))
		return;
	h->flags |= COW4_F_FULL;
}

/*
 * Writes the next header to the disk. If that may have failed, the slot is invalid, and the next
 * attempt writes to this slot again.
 */
static int header_to_disk(struct layer *l, struct cow4 *c)
{
	int err = cow4_write_header(l->fd, &c->header, &c->slot);

	if (err)
		return err;
	err = layer_sync(l);
	if (err)
		c->slot = !c->slot;
	return err;
}

/* Brings the dirty flag to the disk before the first change of a session. */
static int cow4_begin(struct layer *l, uint64_t off, uint64_t len)
{
	struct cow4 *c = l->state;
	int err = 0;

	if (__atomic_load_n(&c->session, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&c->lock);
	if (!c->session) {
		make_long(l, &c->header);
		c->header.flags |= COW4_F_DIRTY;
		err = header_to_disk(l, c);
		__atomic_store_n(&c->session, !err, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

static int cow4_own(struct layer *l, uint64_t off, uint64_t len)
{
	struct cow4 *c = l->state;
	bool full = false;

	while (len) {
		uint64_t index = off / COW4_TABLE_SPAN, in = off % COW4_TABLE_SPAN;
		uint64_t n = len < COW4_TABLE_SPAN - in ? len : COW4_TABLE_SPAN - in;
		int err;
		struct table *t = table_get_own(l, index, &err);

		if (!t)
			return err;
		full |= table_own(c, t, in / LAYER_SECTOR, n / LAYER_SECTOR) >= CHANGED_MAX;
		off += n;
		len -= n;
		if (full) {
			err = cow4_flush(l);
			if (err)
				return err;
			full = false;
		}
	}
	return 0;
}

/* ---- opening and closing ---- */

/*
 * Marks the file, whose data is flushed, as clean. On failure the dirty flag remains, and the next
 * session checks the tables.
 */
static void say_clean(struct layer *l)
{
	struct cow4 *c = l->state;

	c->header.flags &= ~(uint32_t)COW4_F_DIRTY;
	(void)header_to_disk(l, c);
}

static bool is_open(const struct layer *l, const struct cow4 *c)
{
	return c->session || (c->torn_is_fine && !l->rdonly);
}

static int cow4_at_exit(struct layer *l)
{
	int err = is_open(l, l->state) ? cow4_flush_at_exit(l) : 0;

	if (!err && is_open(l, l->state))
		say_clean(l);
	return err;
}

static int cow4_seal(struct layer *l)
{
	int err = cow4_flush(l);

	if (!err)
		say_clean(l);
	return err;
}

static void cow4_close(struct layer *l, bool clean)
{
	struct cow4 *c = l->state;
	struct table *t, *next;

	if (clean && is_open(l, c))
		say_clean(l);
	for (t = c->all; t; t = next) {
		next = t->all;
		free(t);
	}
	free(c->tables);
	free(c->copies);
	cow4_pack_close(c->pack);
	free(c);
}

static int check_below(struct layer *l, struct layer_open *lo)
{
	struct cow4 *c = l->state;

	return cow4_check_backing(&c->header, l->below->fd, lo->why, sizeof(lo->why));
}

static int cow4_rebase(struct layer *l, const char *backing, int backing_fd, bool raw)
{
	struct cow4 *c = l->state;
	int err = cow4_set_backing(&c->header, backing, backing_fd, raw);

	return err ? err : header_to_disk(l, c);
}

const struct layer_ops layer_cow4_ops = {
	.name = "COW version 4",
	.where = cow4_where,
	.decode = cow4_decode,
	.begin = cow4_begin,
	.own = cow4_own,
	.flush = cow4_flush,
	.at_exit = cow4_at_exit,
	.seal = cow4_seal,
	.check = check_below,
	.rebase = cow4_rebase,
	.close = cow4_close,
};

/* Recovers a file that was not closed: writes torn slots again, so that a clean file has none. */
static int recover(struct layer *l, struct layer_open *lo)
{
	struct cow4 *c = l->state;
	uint64_t i;
	int err = 0;

	for (i = table_next(l, 0); !err && i < c->nr_tables; i = table_next(l, i + 1)) {
		bool cut;
		struct table *t = table_read(l, i, &cut, &err);

		if (!t) {
			snprintf(lo->why, sizeof(lo->why), "table %llu is damaged",
				(unsigned long long)i);
			return err;
		}
		err = 0;
		table_enter(c, i, t);
		if (cut && table_changed(c, t) >= CHANGED_MAX)
			err = cow4_flush(l);
		if (i + 1 == c->nr_tables)
			break;
	}
	return err ? err : cow4_flush(l);
}

/*
 * Reads the header, the index of packed clusters and the name of the backing file. Returns 0 or
 * -errno. On failure the caller frees what was made.
 */
static int open_parts(struct layer *l, struct cow4 *c, struct layer_open *lo)
{
	int err = cow4_read_header(l->fd, &c->header, &c->slot, lo->why, sizeof(lo->why));
	struct stat st;

	if (err)
		return err;
	if (host_fstat(l->fd, &st) < 0)
		return -errno;
	if (c->header.flags & COW4_F_FULL &&
		(uint64_t)st.st_size < c->header.data_off + c->header.size) {
		snprintf(lo->why, sizeof(lo->why), "COW file cut short (%lld bytes)",
			(long long)st.st_size);
		return -EINVAL;
	}
	err = cow4_pack_open(l->fd, &c->header, &c->pack, lo->why, sizeof(lo->why));
	if (err)
		return err;
	c->torn_is_fine = c->header.flags & COW4_F_DIRTY;
	c->tables = calloc(cow4_tables(c->header.size), sizeof(c->tables[0]));
	if (!c->tables)
		return -ENOMEM;
	c->nr_tables = cow4_tables(c->header.size);
	if (c->header.backing[0]) {
		lo->backing = strdup(c->header.backing);
		lo->backing_raw = c->header.flags & COW4_F_BACKING_RAW;
		if (!lo->backing)
			return -ENOMEM;
	}
	return 0;
}

int cow4_open(struct layer *l, struct layer_open *lo)
{
	struct cow4 *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->flush_lock, NULL);
	l->state = c;
	l->unit = LAYER_SECTOR;
	err = open_parts(l, c, lo);
	if (!err && c->torn_is_fine && !l->rdonly)
		err = recover(l, lo);
	if (err) {
		cow4_close(l, false);
		return err;
	}
	l->ops = &layer_cow4_ops;
	l->size = c->header.size;
	l->base = c->header.data_off;
	l->head = c->header.table_off;
	return 0;
}

/* ---- checking the whole file ---- */

/* True if the table has a sector beyond the end of the disk. */
static bool beyond_end(const struct cow4 *c, const struct table *t, uint64_t index)
{
	uint64_t i, sectors = c->header.size / LAYER_SECTOR - index * COW4_TABLE_SECTORS;

	for (i = sectors; i < COW4_TABLE_SECTORS; i++)
		if (t->disk.bits[i / 64] >> (i % 64) & 1)
			return true;
	return false;
}

int cow4_check(struct layer *l, void (*say)(void *arg, const char *what), void *arg)
{
	struct cow4 *c = l->state;
	char line[100];
	uint64_t i;
	int bad = 0, err;

	for (i = table_next(l, 0); i < c->nr_tables; i = table_next(l, i + 1)) {
		const struct table *t = table_get(l, i, &err);

		if (!t && err == -ENOMEM)
			return err;
		if (!t || beyond_end(c, t, i)) {
			snprintf(line, sizeof(line), "table %llu %s", (unsigned long long)i,
				t ? "has sectors beyond the end of the disk" : "is damaged");
			say(arg, line);
			bad++;
		}
		if (i + 1 == c->nr_tables)
			break;
	}
	err = c->pack ? cow4_pack_check(c->pack, say, arg) : 0;
	return err < 0 ? err : bad + err;
}

int cow4_usage(struct layer *l, struct cow4_usage *u)
{
	struct cow4 *c = l->state;
	uint64_t i;
	int err;

	memset(u, 0, sizeof(*u));
	u->dirty = c->header.flags & COW4_F_DIRTY;
	u->header = c->header;
	for (i = table_next(l, 0); i < c->nr_tables; i = table_next(l, i + 1)) {
		const struct table *t = table_get(l, i, &err);

		if (!t)
			return err;
		u->sectors += table_count(t);
		if (i + 1 == c->nr_tables)
			break;
	}
	if (c->pack)
		cow4_pack_usage(c->pack, &u->packed, &u->packed_bytes);
	return 0;
}
