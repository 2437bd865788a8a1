/* SPDX-License-Identifier: MIT */
/*
 * name.c: names: UTF-16 on disk and in comparisons, UTF-8 (or ISO 8859-1) for the guest, code page
 * 437 in short names.
 *
 * Names are compared without regard to case. Case is known for Latin (with Latin Extended-A), Greek
 * and Cyrillic letters.
 */
#include <asm/errno.h>

#include "kernel/fs/fat/fat.h"

static const u16 cp437[128] = { 0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb, 0xe8,
	0xef, 0xee, 0xec, 0xc4, 0xc5, 0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff, 0xd6,
	0xdc, 0xa2, 0xa3, 0xa5, 0x20a7, 0x192, 0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1, 0xaa, 0xba, 0xbf,
	0x2310, 0xac, 0xbd, 0xbc, 0xa1, 0xab, 0xbb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561,
	0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
	0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566,
	0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553,
	0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x3b1, 0xdf, 0x393,
	0x3c0, 0x3a3, 0x3c3, 0xb5, 0x3c4, 0x3a6, 0x398, 0x3a9, 0x3b4, 0x221e, 0x3c6, 0x3b5, 0x2229,
	0x2261, 0xb1, 0x2265, 0x2264, 0x2320, 0x2321, 0xf7, 0x2248, 0xb0, 0x2219, 0xb7, 0x221a,
	0x207f, 0xb2, 0x25a0, 0xa0 };

/* Returns the capital letter of @c, or @c. */
static u16 upper(u16 c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	if (c >= 0xe0 && c <= 0xfe)
		return c == 0xf7 ? c : c - 32;
	if (c == 0xff)
		return 0x178;
	if ((c >= 0x100 && c < 0x130) || (c >= 0x132 && c < 0x138) || (c >= 0x14a && c < 0x178))
		return c & ~1U;
	if ((c >= 0x139 && c < 0x149) || (c >= 0x179 && c < 0x17f))
		return c & 1 ? c : c - 1;
	if (c >= 0x3b1 && c <= 0x3c9)
		return c == 0x3c2 ? c : c - 32;
	if (c >= 0x430 && c <= 0x44f)
		return c - 32;
	return c >= 0x450 && c <= 0x45f ? c - 80 : c;
}

/* Returns the small letter of @c, or @c. Knows Latin-1 only. */
static u16 lower(u16 c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	return c >= 0xc0 && c <= 0xde && c != 0xd7 ? c + 32 : c;
}

bool fat_name_same(const u16 *a, u32 an, const u16 *b, u32 bn)
{
	u32 i;

	for (i = 0; an == bn && i < an; i++)
		if (upper(a[i]) != upper(b[i]))
			return false;
	return an == bn;
}

u32 fat_name_hash(const u16 *units, u32 n)
{
	u32 h = n, i;

	for (i = 0; i < n; i++)
		h = h * 31 + upper(units[i]);
	return h;
}

/* ---- to and from the guest ---- */

/* Decodes a UTF-8 character. Returns its length in bytes, or 0 if it is invalid. */
static u32 get_utf8(const u8 *s, u32 left, u32 *c)
{
	u32 n = s[0] < 0x80 ? 1 :
		s[0] < 0xc2 ? 0 :
		s[0] < 0xe0 ? 2 :
		s[0] < 0xf0 ? 3 :
		s[0] < 0xf5 ? 4 :
			      0,
	    i;
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (!n || n > left)
		return 0;
	*c = n == 1 ? s[0] : s[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

/* True if a long name may have the character. */
static bool allowed(u32 c)
{
	return c >= 0x20 && (c >= 0x80 || !strchr("\"*/:<>?\\|", (int)c));
}

int fat_name_parse(const struct fat_sb *s, const struct qstr *q, struct fat_name *name)
{
	const u8 *p = (const u8 *)q->name;
	u32 left = q->len, n, c;

	while (left && p[left - 1] == '.') /* they are ignored */
		left--;
	name->n = 0;
	if (!left)
		return -ENOENT;
	for (; left; p += n, left -= n) {
		c = *p;
		n = s->opt.utf8 ? get_utf8(p, left, &c) : 1;
		if (!n || !allowed(c))
			return -EINVAL;
		if (name->n + (c >= 0x10000 ? 2 : 1) > 255)
			return -ENAMETOOLONG;
		if (c >= 0x10000) {
			name->units[name->n++] = (u16)(0xd800 + ((c - 0x10000) >> 10));
			c = 0xdc00 + (c & 0x3ff);
		}
		name->units[name->n++] = (u16)c;
	}
	return 0;
}

/* Writes @c as UTF-8, or nothing if it needs more than @room bytes. Returns its length, or 0. */
static u32 put_utf8(char *to, u32 room, u32 c)
{
	u32 n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	if (n > room)
		return 0;
	for (i = n - 1; i; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(n == 1 ? c : c | (0xf00U >> n & 0xff));
	return n;
}

u32 fat_name_put(const struct fat_sb *s, const u16 *units, u32 n, char *to)
{
	u32 i, len = 0;

	for (i = 0; i < n && len < NAME_MAX; i++) {
		u32 c = units[i], more = 1;

		if (c >= 0xd800 && c < 0xdc00 && i + 1 < n && units[i + 1] >= 0xdc00 &&
			units[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (units[++i] - 0xdc00U);
		else if (c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		if (!c || c == '/')
			c = '_';
		if (s->opt.utf8)
			more = put_utf8(to + len, NAME_MAX - len, c);
		else
			to[len] = (char)(c < 0x100 ? c : '?');
		if (!more)
			break;
		len += more;
	}
	return len;
}

/* ---- short names ---- */

/* Converts a byte of code page 437. */
static u16 from_oem(u8 c)
{
	return c < 0x80 ? c : cp437[c - 0x80];
}

/* Converts a character to code page 437. Returns 0 if that code page does not have it. */
static u8 to_oem(u16 c)
{
	u32 i;

	if (c < 0x80)
		return (u8)c;
	for (i = 0; i < 128; i++)
		if (cp437[i] == c)
			return (u8)(0x80 + i);
	return 0;
}

/*
 * Converts the base or extension of a short name, @n bytes padded with blanks. Returns its length
 * in units.
 */
static u32 part_units(const u8 *from, u32 n, bool small, u16 *to)
{
	u32 i;

	while (n && from[n - 1] == ' ')
		n--;
	for (i = 0; i < n; i++)
		to[i] = small ? lower(from_oem(from[i])) : from_oem(from[i]);
	return n;
}

u32 fat_short_units(const struct fat_sb *s, const struct fat_slot *d, u16 units[12])
{
	bool flags = s->vfat && (s->opt.shortname == FAT_MIXED || s->opt.shortname == FAT_WINNT);
	bool small = !s->vfat || s->opt.shortname == FAT_LOWER; /* msdos shows small letters */
	u8 base[8];
	u32 n, ext;

	memcpy(base, d->name, 8);
	if (base[0] == 5) /* 5 stands for a first byte 0xe5 */
		base[0] = FAT_DELETED;
	n = part_units(base, 8, small || (flags && d->lcase & FAT_LOWER_BASE), units);
	ext = part_units(
		d->name + 8, 3, small || (flags && d->lcase & FAT_LOWER_EXT), units + n + 1);
	if (ext)
		units[n] = '.';
	return ext ? n + 1 + ext : n;
}

u8 fat_short_sum(const u8 name[11])
{
	u8 sum = 0;
	u32 i;

	for (i = 0; i < 11; i++)
		sum = (u8)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

/*
 * Makes the base or the extension of a short name from @n characters, at most @room bytes. Returns
 * false if characters were lost or replaced. Sets bits in *cases: 1 for small letters, 2 for
 * capitals.
 */
static bool make_part(const u16 *from, u32 n, u8 *to, u32 room, u32 *cases)
{
	bool exact = true;
	u32 i, k = 0;

	for (i = 0; i < n; i++) {
		u8 c = to_oem(upper(from[i]));

		if (from[i] == ' ' || from[i] == '.') {
			exact = false;
			continue;
		}
		if (!c || (c < 0x80 && strchr("+,;=[]", c))) {
			c = '_';
			exact = false;
		}
		if (k == room)
			return false;
		if (from[i] != upper(from[i]))
			*cases |= 1;
		else if (from[i] != lower(from[i]))
			*cases |= 2;
		to[k++] = c;
	}
	return exact;
}

bool fat_short_make(const struct fat_sb *s, const struct fat_name *name, u8 to[11], u8 *lcase)
{
	u32 dot = name->n, base = 0, ext = 0;
	bool exact;

	while (dot && name->units[dot - 1] != '.')
		dot--;
	if (dot <= 1) /* no dot, or only at the beginning */
		dot = name->n + 1;
	memset(to, ' ', 11);
	exact = make_part(name->units, dot - 1, to, 8, &base);
	if (dot <= name->n)
		exact &= make_part(name->units + dot, name->n - dot, to + 8, 3, &ext);
	if (to[0] == ' ') {
		to[0] = '_';
		exact = false;
	}
	if (to[0] == FAT_DELETED)
		to[0] = 5;
	*lcase = 0;
	if (!s->vfat)
		return exact;
	if (s->opt.shortname == FAT_WINNT && base != 3 && ext != 3) {
		*lcase = (base == 1 ? FAT_LOWER_BASE : 0) | (ext == 1 ? FAT_LOWER_EXT : 0);
		return exact;
	}
	return exact && !(base & 1) && !(ext & 1);
}

/*
 * Appends a tail to the base name: "LONGNAME" becomes "LONGNA~1", or after a few @tries "LO1A2B~1",
 * which contains a hash of the long name.
 */
void fat_short_tail(u8 name[11], u32 tries, u32 hash)
{
	char tail[12];
	u32 n, at = 0;

	if (tries < 5)
		n = (u32)scnprintf(tail, sizeof(tail), "~%u", tries + 1);
	else
		n = (u32)scnprintf(tail, sizeof(tail), "%04X~%u",
			(hash + (tries - 5) / 9 * 0x9e37U) & 0xffff, (tries - 5) % 9 + 1);
	while (at < 8 - n && name[at] != ' ')
		at++;
	memcpy(name + at, tail, n);
	memset(name + at + n, ' ', 8 - at - n);
}
