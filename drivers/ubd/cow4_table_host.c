/* SPDX-License-Identifier: MIT */
/*
 * cow4_table_host.c: the tables of the sectors in the data area of a COW file of version 4, and how
 * they are flushed to the disk.
 *
 * A flush makes earlier writes durable:
 *
 *      copy the tables that have changed -> fdatasync (data) -> write the copies, each into its
 *      older slot -> fdatasync (tables)
 *
 * and is one fdatasync if no table has changed. So at any time, all data to which a table on the
 * disk refers is on the disk, too. A table that was being written at a power cut is recognised by
 * its checksum, and its other slot has the state of the last flush. A flush that had to wait while
 * a later one began and ended well does nothing more.
 *
 * States of a table: not read (NULL) -> empty (shared, read only) or loaded -> changed (in
 * c->changed) -> loaded. No table is freed before the file is closed: they take 4 KiB for 15.75 MiB
 * of the disk.
 *
 * Invariants:
 * 1. A bit is set in a table in the file only after the data was on the disk.
 * 2. A write never goes to the slot of the last complete write.
 * 3. Bits are never cleared.
 *
 * Locks: flush_lock (one flush at a time; slot, copies) -> lock (table pointers, changed list,
 * header). Bits are atomic.
 */
#include "drivers/ubd/cow4_table_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "drivers/ubd/media_host.h"

struct table cow4_empty;

/* ---- loading tables ---- */

static uint32_t table_crc(const struct cow4_table *t)
{
	static const uint8_t none[4];
	const uint8_t *p = (const uint8_t *)t;
	uLong crc = crc32(0, p, 4);

	crc = crc32(crc, none, sizeof(none));
	return (uint32_t)crc32(crc, p + 8, COW4_TABLE - 8);
}

enum { SLOT_EMPTY, SLOT_WHOLE, SLOT_CUT };

static int slot_state(const struct cow4 *c, const struct cow4_table *t, uint64_t index)
{
	static const struct cow4_table zeros;

	if (t->magic == COW4_TABLE_MAGIC && t->id == c->header.id && t->index == index &&
		t->crc == table_crc(t))
		return SLOT_WHOLE;
	return memcmp(t, &zeros, sizeof(zeros)) ? SLOT_CUT : SLOT_EMPTY;
}

static uint64_t slot_off(const struct cow4 *c, uint64_t index, unsigned int slot)
{
	return c->header.table_off + (index * 2 + slot) * COW4_TABLE;
}

/*
 * Reads a table from the file. Returns fresh memory, &cow4_empty, or NULL with *err. *cut is set if
 * a slot is torn.
 */
struct table *table_read(struct layer *l, uint64_t index, bool *cut, int *err)
{
	struct cow4 *c = l->state;
	struct cow4_table two[2];
	int state[2];
	struct table *t;

	*err = layer_pread(l->fd, two, sizeof(two), slot_off(c, index, 0));
	if (*err)
		return NULL;
	state[0] = slot_state(c, &two[0], index);
	state[1] = slot_state(c, &two[1], index);
	*cut = state[0] == SLOT_CUT || state[1] == SLOT_CUT;
	*err = -EIO;
	if (*cut && !c->torn_is_fine)
		return NULL;
	if (state[0] == SLOT_CUT && state[1] == SLOT_CUT)
		return NULL;
	if (state[0] != SLOT_WHOLE && state[1] != SLOT_WHOLE && !*cut)
		return &cow4_empty;
	*err = -ENOMEM;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->index = index;
	t->slot = state[1] == SLOT_WHOLE && (state[0] != SLOT_WHOLE || two[1].seq > two[0].seq);
	if (state[t->slot] == SLOT_WHOLE)
		t->disk = two[t->slot];
	else
		/* the slot that is not torn is valid, and has no bits */
		t->slot = state[0] == SLOT_CUT;
	return t;
}

struct table *table_peek(const struct cow4 *c, uint64_t index)
{
	return __atomic_load_n(&c->tables[index], __ATOMIC_ACQUIRE);
}

static void changed_locked(struct cow4 *c, struct table *t)
{
	if (t->changed)
		return;
	t->changed = true;
	t->next = c->changed;
	c->changed = t;
	c->nr_changed++;
}

void table_enter(struct cow4 *c, uint64_t index, struct table *t)
{
	if (t != &cow4_empty) {
		t->all = c->all;
		c->all = t;
	}
	__atomic_store_n(&c->tables[index], t, __ATOMIC_RELEASE);
}

struct table *table_get(struct layer *l, uint64_t index, int *err)
{
	struct cow4 *c = l->state;
	struct table *t = table_peek(c, index);
	bool cut;

	if (t)
		return t;
	pthread_mutex_lock(&c->lock);
	t = table_peek(c, index);
	if (!t) {
		t = table_read(l, index, &cut, err);
		if (t)
			table_enter(c, index, t);
	}
	pthread_mutex_unlock(&c->lock);
	return t;
}

struct table *table_get_own(struct layer *l, uint64_t index, int *err)
{
	struct cow4 *c = l->state;
	struct table *t = table_get(l, index, err);

	if (t != &cow4_empty)
		return t;
	pthread_mutex_lock(&c->lock);
	t = table_peek(c, index);
	if (t == &cow4_empty) {
		t = calloc(1, sizeof(*t));
		*err = -ENOMEM;
		if (t) {
			t->slot = 1;
			t->index = index;
			table_enter(c, index, t);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return t;
}

uint64_t table_next(struct layer *l, uint64_t index)
{
	struct cow4 *c = l->state;
	uint64_t off = slot_off(c, index, 0), end = slot_off(c, c->nr_tables, 0);
	off_t data = lseek(l->fd, (off_t)off, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? c->nr_tables : index;
	if ((uint64_t)data >= end)
		return c->nr_tables;
	return (uint64_t)data <= off ? index :
				       ((uint64_t)data - c->header.table_off) / (2 * COW4_TABLE);
}

/* ---- bits ---- */

uint64_t table_run(const struct table *t, uint64_t first, uint64_t max, bool *set)
{
	uint64_t n = 0;

	*set = __atomic_load_n(&t->disk.bits[first / 64], __ATOMIC_ACQUIRE) >> (first % 64) & 1;
	while (n < max) {
		uint64_t at = first + n, w;

		w = __atomic_load_n(&t->disk.bits[at / 64], __ATOMIC_ACQUIRE) ^ (*set ? ~0UL : 0);
		w >>= at % 64;
		if (w)
			return n + (uint64_t)__builtin_ctzl(w) < max ?
				       n + (uint64_t)__builtin_ctzl(w) :
				       max;
		n += 64 - at % 64;
	}
	return max;
}

static void table_set(struct table *t, uint64_t first, uint64_t n)
{
	uint64_t end = first + n;

	while (first < end) {
		uint64_t in = first % 64, part = 64 - in < end - first ? 64 - in : end - first;
		uint64_t mask = (part == 64 ? ~0UL : (1UL << part) - 1) << in;

		__atomic_or_fetch(&t->disk.bits[first / 64], mask, __ATOMIC_RELEASE);
		first += part;
	}
}

uint64_t table_count(const struct table *t)
{
	uint64_t n = 0, i;

	for (i = 0; i < COW4_TABLE_WORDS; i++)
		n += (uint64_t)__builtin_popcountl(t->disk.bits[i]);
	return n;
}

/* ---- the flush ---- */

uint64_t table_changed(struct cow4 *c, struct table *t)
{
	uint64_t n;

	pthread_mutex_lock(&c->lock);
	changed_locked(c, t);
	n = c->nr_changed;
	pthread_mutex_unlock(&c->lock);
	return n;
}

uint64_t table_own(struct cow4 *c, struct table *t, uint64_t first, uint64_t n)
{
	bool set;
	uint64_t changed;

	if (table_run(t, first, n, &set) == n && set)
		return 0;
	pthread_mutex_lock(&c->lock);
	table_set(t, first, n);
	changed_locked(c, t);
	changed = c->nr_changed;
	pthread_mutex_unlock(&c->lock);
	return changed;
}

/* Copies the changed tables. Returns their number, or -ENOMEM. */
static int64_t copy_changed(struct cow4 *c)
{
	int64_t n = 0;

	pthread_mutex_lock(&c->lock);
	if (c->nr_changed > c->room) {
		uint64_t room = c->nr_changed + CHANGED_MAX / 8;
		struct copy *more = realloc(c->copies, room * sizeof(*more));

		if (!more) {
			pthread_mutex_unlock(&c->lock);
			return -ENOMEM;
		}
		c->copies = more;
		c->room = room;
	}
	for (; c->changed; c->changed = c->changed->next, n++) {
		c->changed->changed = false;
		c->copies[n].of = c->changed;
		memcpy(&c->copies[n].disk, &c->changed->disk, sizeof(struct cow4_table));
	}
	c->nr_changed = 0;
	pthread_mutex_unlock(&c->lock);
	return n;
}

static void changed_again(struct cow4 *c, int64_t n)
{
	pthread_mutex_lock(&c->lock);
	while (n--)
		changed_locked(c, c->copies[n].of);
	pthread_mutex_unlock(&c->lock);
}

/* Writes a table to its older slot. */
static int write_table(struct layer *l, const struct table *of, struct cow4_table *t)
{
	const struct cow4 *c = l->state;

	t->magic = COW4_TABLE_MAGIC;
	t->id = c->header.id;
	t->index = of->index;
	t->seq++;
	t->crc = table_crc(t);
	return layer_pwrite(l->fd, t, sizeof(*t), slot_off(c, of->index, !of->slot));
}

static int write_copies(struct layer *l, int64_t n)
{
	struct cow4 *c = l->state;
	int64_t i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = write_table(l, c->copies[i].of, &c->copies[i].disk);
	if (!err)
		err = layer_sync(l);
	/* the slot just written is now the valid one */
	for (i = 0; !err && i < n; i++) {
		c->copies[i].of->slot ^= 1;
		c->copies[i].of->disk.seq++;
	}
	return err;
}

static int flush_locked(struct layer *l)
{
	struct cow4 *c = l->state;
	int64_t n = copy_changed(c);
	int err;

	if (n < 0)
		return (int)n;
	err = layer_sync(l);
	if (!err && n)
		err = write_copies(l, n);
	if (err)
		changed_again(c, n);
	return err;
}

int cow4_flush(struct layer *l)
{
	struct cow4 *c = l->state;
	uint64_t seen = __atomic_load_n(&c->begun, __ATOMIC_ACQUIRE), number;
	int err = 0;

	pthread_mutex_lock(&c->flush_lock);
	/* Otherwise a flush that began after this call has made its writes durable. */
	if (c->ended_well <= seen) {
		number = __atomic_add_fetch(&c->begun, 1, __ATOMIC_ACQ_REL);
		err = flush_locked(l);
		if (!err)
			c->ended_well = number;
	}
	pthread_mutex_unlock(&c->flush_lock);
	return err;
}

int cow4_flush_at_exit(struct layer *l)
{
	static struct cow4_table copy;
	struct cow4 *c = l->state;
	struct table *t;
	int err;

	if (pthread_mutex_trylock(&c->flush_lock))
		return -EBUSY; /* a flush is in progress */
	if (pthread_mutex_trylock(&c->lock)) {
		pthread_mutex_unlock(&c->flush_lock);
		return -EBUSY;
	}
	err = layer_sync(l);
	for (t = c->changed; !err && t; t = t->next) {
		memcpy(&copy, &t->disk, sizeof(copy));
		err = write_table(l, t, &copy);
	}
	if (!err && c->changed)
		err = layer_sync(l);
	/* the locks stay held: no thread may write any more */
	return err;
}
