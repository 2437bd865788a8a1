/* SPDX-License-Identifier: MIT */
/*
 * rock.c: the System Use entries in a directory record: names, owners, links, devices, dates, and
 * directories that were moved.
 *
 * Entries follow the record's name, and continue in other areas, to which CE entries point. An area
 * lies within one sector, and at most ISO_MAX_AREAS of them are read, so a circular chain ends too.
 * An entry that is too short for its type is skipped.
 *
 * Source: IEEE P1281 (SUSP), P1282 (Rock Ridge 1.12).
 */
#include <asm/errno.h>

#include "kernel/fs/isofs/isofs.h"
#include "kernel/vfs/bdev/bdev.h"

#define IS(e, a, b) ((e)->sig[0] == (a) && (e)->sig[1] == (b))

/* An area of entries, in memory. */
struct area {
	u8 *bytes; /* at most ISO_SECTOR bytes */
	u32 n;
	bool more; /* a CE entry names the next area */
	u64 next_block;
	u32 next_offset, next_n;
};

/* Returns the number at byte @at of the entry's data. */
static u32 number(const struct susp *e, u32 at)
{
	u32 v;

	memcpy(&v, e->data + at, sizeof(v));
	return v;
}

/* Returns the length of the entry's data in bytes. */
static u32 data_len(const struct susp *e)
{
	return e->length - (u32)sizeof(*e);
}

static void add_name(struct rock *k, const struct susp *e)
{
	u32 n = data_len(e), i;

	if (n < 1 || e->data[0] & (RR_NM_CURRENT | RR_NM_PARENT))
		return;
	n = min(n - 1, (u32)NAME_MAX - k->name_len);
	for (i = 0; i < n; i++) {
		char c = (char)e->data[1 + i];

		k->name[k->name_len++] = !c || c == '/' ? '_' : c;
	}
	k->have |= ROCK_NAME;
}

/* Appends text to a link's target, as far as it fits. */
static void link_text(struct rock *k, const void *text, u32 n)
{
	n = min(n, (u32)PATH_MAX - 1 - k->link_len);
	memcpy(k->link + k->link_len, text, n);
	k->link_len += n;
}

/* Appends a component to a symbolic link's target. */
static void link_part(struct rock *k, u8 flags, const u8 *text, u32 n)
{
	if (flags & RR_SL_ROOT) {
		k->link_len = 0;
		link_text(k, "/", 1);
		k->link_joins = true;
		return;
	}
	if (k->link_len && !k->link_joins)
		link_text(k, "/", 1);
	if (flags & RR_SL_CURRENT)
		link_text(k, ".", 1);
	else if (flags & RR_SL_PARENT)
		link_text(k, "..", 2);
	else if (!memchr(text, 0, n))
		link_text(k, text, n);
	k->link_joins = flags & RR_SL_CONTINUE;
}

static void add_link(struct rock *k, const struct susp *e)
{
	u32 n = data_len(e), at = 1;

	k->have |= ROCK_LINK;
	while (k->link && at + 2 <= n) {
		u32 len = e->data[at + 1];

		if (len > n - at - 2)
			break;
		link_part(k, e->data[at], e->data + at + 2, len);
		at += 2 + len;
	}
}

static void add_attrs(struct rock *k, const struct susp *e)
{
	if (data_len(e) < RR_PX_SIZE)
		return;
	k->mode = number(e, RR_PX_MODE);
	k->nlink = number(e, RR_PX_LINKS);
	k->uid = number(e, RR_PX_UID);
	k->gid = number(e, RR_PX_GID);
	k->have |= ROCK_ATTRS;
}

/* Returns the value of the @n digits at @d in a long date. A byte that is no digit counts as 0. */
static u32 digits(const u8 *d, u32 n)
{
	u32 v = 0;

	for (; n; n--, d++)
		v = v * 10 + (*d >= '0' && *d <= '9' ? (u32)(*d - '0') : 0U);
	return v;
}

/* Returns the seconds since 1970 of a date in digits. */
static s64 long_date(const u8 *d)
{
	u8 s[7] = { (u8)((u32)digits(d, 4) - 1900), (u8)digits(d + 4, 2), (u8)digits(d + 6, 2),
		(u8)digits(d + 8, 2), (u8)digits(d + 10, 2), (u8)digits(d + 12, 2), d[16] };

	return iso_date(s);
}

static void add_dates(struct rock *k, const struct susp *e)
{
	u32 n = data_len(e), at = 1, size, bit;
	u8 flags;

	if (!n)
		return;
	flags = e->data[0];
	size = flags & RR_TF_LONG ? 17 : 7;
	for (bit = RR_TF_CREATE; bit < RR_TF_LONG && at + size <= n; bit <<= 1) {
		s64 t;

		if (!(flags & bit))
			continue;
		t = size == 7 ? iso_date(e->data + at) : long_date(e->data + at);
		at += size;
		if (bit == RR_TF_MODIFY) {
			k->mtime = t;
			k->have |= ROCK_MTIME;
		} else if (bit == RR_TF_ACCESS) {
			k->atime = t;
			k->have |= ROCK_ATIME;
		} else if (bit == RR_TF_ATTRIBUTES) {
			k->ctime = t;
			k->have |= ROCK_CTIME;
		}
	}
}

/* Stores the content of an entry in @k. That of a CE entry, which names the next area, in @a. */
static void entry(struct rock *k, const struct susp *e, struct area *a)
{
	u32 n = data_len(e);

	if (IS(e, 'N', 'M')) {
		add_name(k, e);
	} else if (IS(e, 'P', 'X')) {
		add_attrs(k, e);
	} else if (IS(e, 'S', 'L')) {
		add_link(k, e);
	} else if (IS(e, 'T', 'F')) {
		add_dates(k, e);
	} else if (IS(e, 'P', 'N') && n >= RR_PN_SIZE) {
		k->dev_high = number(e, RR_PN_HIGH);
		k->dev_low = number(e, RR_PN_LOW);
		k->have |= ROCK_DEVICE;
	} else if (IS(e, 'C', 'L') && n >= 8) {
		k->child = number(e, 0);
		k->have |= ROCK_CHILD;
	} else if (IS(e, 'R', 'E')) {
		k->have |= ROCK_MOVED;
	} else if (IS(e, 'C', 'E') && n >= SUSP_CE_SIZE) {
		a->more = true;
		a->next_block = number(e, SUSP_CE_BLOCK);
		a->next_offset = number(e, SUSP_CE_OFFSET);
		a->next_n = number(e, SUSP_CE_LENGTH);
	}
}

/* Handles the entries of an area, up to the first damaged one. */
static void entries(struct rock *k, struct area *a)
{
	u32 at = 0;

	while (a->n - at >= sizeof(struct susp)) {
		const struct susp *e = (const void *)(a->bytes + at);

		if (e->length < sizeof(*e) || e->length > a->n - at || IS(e, 'S', 'T'))
			break;
		entry(k, e, a);
		at += e->length;
	}
}

/*
 * Returns the byte offset of the System Use entries in a record, or the record's length if it has
 * none.
 */
static u32 system_use(const struct iso_record *r)
{
	u32 at = (u32)sizeof(r->d) + r->d.name_len;

	return min(at + !(r->d.name_len & 1), (u32)r->d.length);
}

int iso_rock(struct iso_sb *s, const struct iso_record *r, struct rock *k)
{
	u32 from = min(system_use(r) + s->rock_skip, (u32)r->d.length), i;
	struct area a = { .n = r->d.length - from };
	int err = 0;

	if (!s->rock)
		return 0;
	a.bytes = kmalloc(ISO_SECTOR, GFP_NOFS);
	if (!a.bytes)
		return -ENOMEM;
	memcpy(a.bytes, r->raw + from, a.n);
	for (i = 0; !err && i < ISO_MAX_AREAS; i++) {
		a.more = false;
		entries(k, &a);
		if (!a.more)
			break;
		if (a.next_offset > ISO_SECTOR || a.next_n > ISO_SECTOR - a.next_offset)
			err = -EIO;
		else
			err = bdev_read_bytes(s->sb->s_bdev,
				(a.next_block << s->block_bits) + a.next_offset, a.bytes, a.next_n);
		a.n = a.next_n;
	}
	kfree(a.bytes);
	return i == ISO_MAX_AREAS ? -EIO : err;
}

void iso_rock_probe(struct iso_sb *s, const struct iso_record *r)
{
	u32 at = system_use(r), left = r->d.length - at;
	const struct susp *e;

	for (; left >= 7; at++, left--) { /* may follow 14 bytes of CD-ROM XA */
		e = (const void *)(r->raw + at);
		if (IS(e, 'S', 'P') && e->length == 7 && e->data[0] == 0xbe && e->data[1] == 0xef) {
			s->rock = true;
			s->rock_skip = e->data[2];
			return;
		}
	}
}
