/* SPDX-License-Identifier: MIT */
/*
 * record.c: directory records, their dates and plain names. Records lie one after the other, and
 * none crosses the end of a sector.
 *
 * A plain name has capital letters and a version (";1"). It is shown in small letters without the
 * version. A Joliet name is big-endian UTF-16.
 *
 * Source: ECMA-119, sections 7.5, 7.6, 9.1; the Joliet specification.
 */
#include <asm/errno.h>

#include "kernel/fs/isofs/isofs.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"
#include "kernel/vfs/bdev/bdev.h"

/* True if the record is well-formed and ends within @left bytes. */
static bool record_ok(const struct iso_dir_record *d, u32 left)
{
	return d->length >= sizeof(*d) + 1 && d->length <= left && d->name_len &&
	       sizeof(*d) + d->name_len <= d->length;
}

int iso_read_record(struct super_block *sb, u64 at, struct iso_record *r)
{
	u32 left = ISO_SECTOR - (u32)(at & (ISO_SECTOR - 1));
	u8 length = 0;
	int err = left < sizeof(r->d) ? -EIO : bdev_read_bytes(sb->s_bdev, at, &r->d, sizeof(r->d));

	if (!err && !record_ok(&r->d, left))
		err = -EIO;
	r->at = at;
	if (!err) {
		length = r->d.length;
		err = bdev_read_bytes(sb->s_bdev, at, r->raw, length);
	}
	/* A program may write to the device between the reads. */
	return !err && (r->d.length != length || !record_ok(&r->d, left)) ? -EIO : err;
}

int iso_next(struct super_block *sb, struct iso_walk *w)
{
	u8 length;
	int err;

	for (;;) {
		if (w->pos >= w->size)
			return 0;
		err = boundary_or_killed();
		if (err)
			return err;
		err = bdev_read_bytes(sb->s_bdev, w->at + w->pos, &length, 1);
		if (err)
			return err;
		if (length)
			break;
		w->pos = round_up(w->pos + 1, ISO_SECTOR); /* the rest of the sector is unused */
	}
	err = iso_read_record(sb, w->at + w->pos, &w->r);
	if (err)
		return err;
	w->r_pos = w->pos;
	w->pos += w->r.d.length;
	return 1;
}

u64 iso_extent(const struct iso_sb *s, const struct iso_dir_record *d)
{
	return ((u64)d->extent + d->ext_attr_length) << s->block_bits;
}

bool iso_is_dot(const struct iso_dir_record *d, u8 which)
{
	return d->name_len == 1 && d->name[0] == which;
}

/* Returns the days from 1970 to a date of the Gregorian calendar. */
static s64 days(s64 y, u32 m, u32 d)
{
	s64 era, of_era;

	/* In this formula, years begin in March. */
	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	of_era = y - era * 400;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       (153 * (s64)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1 - 719468;
}

s64 iso_date(const u8 *d)
{
	s64 t;

	if (!d[1] || d[1] > 12)
		return 0;
	t = days(1900 + d[0], d[1], d[2]) * 86400 + d[3] * 3600L + d[4] * 60L + d[5];
	if ((s8)d[6] >= -48 && (s8)d[6] <= 52)
		t -= (s8)d[6] * 900L;
	return t;
}

/* ---- names: ..._name() returns the length of @name, which has NAME_MAX + 1 bytes ---- */

/* Writes @c as UTF-8. Returns its length, at most 4. */
static u32 put_utf8(char *to, u32 c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/*
 * Returns the character at units[*i], of @n units, and moves *i to the next one. Half a surrogate
 * pair becomes Unicode's replacement character.
 */
static u32 utf16_char(const u8 *units, u32 n, u32 *i)
{
	u32 c = (u32)units[2 * *i] << 8 | units[2 * *i + 1], low;

	++*i;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c >= 0xdc00 || *i == n)
		return 0xfffd;
	low = (u32)units[2 * *i] << 8 | units[2 * *i + 1];
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	++*i;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static u32 joliet_name(const struct iso_sb *s, const struct iso_dir_record *d, char *name)
{
	u32 n = d->name_len / 2, i = 0, len = 0, c;

	while (i < n && len + 4 <= NAME_MAX) {
		c = utf16_char(d->name, n, &i);
		if (c == ';') /* cut off the version */
			break;
		if (!c || c == '/')
			c = '?';
		if (s->utf8)
			len += put_utf8(name + len, c);
		else
			name[len++] = (char)(c < 0x100 ? c : '?');
	}
	return len;
}

static u32 short_name(const struct iso_sb *s, const struct iso_dir_record *d, char *name)
{
	bool off = s->map == 'o';
	u32 len = 0, i;

	for (i = 0; i < d->name_len && i < NAME_MAX; i++) {
		char c = (char)d->name[i];

		if (!off && c == ';')
			break;
		if (!off && c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (!c || c == '/')
			c = '_';
		name[len++] = c;
	}
	if (!off && len > 1 && name[len - 1] == '.')
		len--;
	return len;
}

/*
 * RISC OS stores 32 bytes after a name: "ARCHIMEDES", the load address, the execution address, the
 * attributes. A flag in the attributes means that the first character, '_', stands for '!', which
 * ISO 9660 does not allow. The file type is part of the load address, and is shown after a comma.
 */
#define ACORN_LOAD 10
#define ACORN_ATTRS 18
#define ACORN_SIZE 32

static u32 acorn_name(const struct iso_dir_record *d, char *name, u32 len)
{
	u32 at = (u32)sizeof(*d) + d->name_len, load;
	const u8 *more;

	at += at & 1;
	more = (const u8 *)d + at;
	if (!len || at + ACORN_SIZE != d->length || memcmp(more, "ARCHIMEDES", 10) != 0)
		return len;
	if (name[0] == '_' && more[ACORN_ATTRS + 1] & 1)
		name[0] = '!';
	memcpy(&load, more + ACORN_LOAD, sizeof(load));
	if (!(d->flags & ISO_DIRECTORY) && load >> 20 == 0xfff && len + 4 <= NAME_MAX) {
		snprintf(name + len, 5, ",%03x", load >> 8 & 0xfff);
		len += 4;
	}
	return len;
}

u32 iso_plain_name(const struct iso_sb *s, const struct iso_dir_record *d, char *name)
{
	u32 len = s->joliet ? joliet_name(s, d, name) : short_name(s, d, name);

	if (s->map == 'a' && !s->joliet)
		len = acorn_name(d, name, len);
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')) ? 0 : len;
}
