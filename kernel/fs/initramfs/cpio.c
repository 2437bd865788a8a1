/* SPDX-License-Identifier: MIT */
/*
 * cpio.c: the reader of cpio archives: a state machine with four states, which takes its input in
 * pieces of any size.
 *
 *	SKIP (padding, zeros between archives) -> HEAD -> NAME -> DATA -> SKIP
 *
 * Invariant: between calls, in the states HEAD and NAME, buf holds the first `have` of the `want`
 * bytes of a header or a name, and have < want. Lengths from the archive are checked before they
 * are used.
 */
#include <asm/errno.h>

#include "kernel/fs/initramfs/cpio.h"
#include "kernel/lib/string.h"

void cpio_begin(struct cpio *c, const struct cpio_ops *ops, void *arg)
{
	memset(c, 0, offsetof(struct cpio, buf));
	c->ops = ops;
	c->arg = arg;
}

/* Reads a number of eight hexadecimal digits. Returns 0 or -EINVAL. */
static int hex8(const char *s, u32 *out)
{
	u32 v = 0;

	for (int i = 0; i < 8; i++) {
		char ch = s[i];

		if (ch >= '0' && ch <= '9')
			v = v * 16 + ch - '0';
		else if (ch >= 'a' && ch <= 'f')
			v = v * 16 + ch - 'a' + 10;
		else if (ch >= 'A' && ch <= 'F')
			v = v * 16 + ch - 'A' + 10;
		else
			return -EINVAL;
	}
	*out = v;
	return 0;
}

/* Takes over the header in buf: a name follows. Returns 0 or -EINVAL. */
static int parse_header(struct cpio *c)
{
	struct cpio_entry *e = &c->e;
	u32 name_size, check;
	u32 *fields[] = { &e->ino, &e->mode, &e->uid, &e->gid, &e->nlink, &e->mtime, &e->size,
		&e->major, &e->minor, &e->rmajor, &e->rminor, &name_size, &check };

	if (memcmp(c->buf, "070701", 6) && memcmp(c->buf, "070702", 6))
		return -EINVAL;
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
		if (hex8(c->buf + 6 + 8 * i, fields[i]))
			return -EINVAL;
	if (!name_size || name_size > CPIO_NAME_MAX)
		return -EINVAL;
	c->state = CPIO_NAME;
	c->want = name_size;
	c->have = 0;
	return 0;
}

/* Ends an entry or the archive. Returns 0 or end()'s -errno. */
static int end_entry(struct cpio *c)
{
	c->state = CPIO_SKIP;
	if (!c->trailer)
		return c->ops->end(c->arg);
	c->ops->trailer(c->arg);
	return 0;
}

/* Takes over the name in buf: data follows. Returns 0, -EINVAL or entry()'s -errno. */
static int parse_name(struct cpio *c)
{
	int err;

	if (c->buf[c->want - 1])
		return -EINVAL;
	c->e.name = c->buf;
	c->left = c->e.size;
	c->trailer = !strcmp(c->buf, "TRAILER!!!");
	c->state = CPIO_DATA;
	if (!c->trailer) {
		err = c->ops->entry(c->arg, &c->e);
		if (err)
			return err;
	}
	return c->left ? 0 : end_entry(c);
}

/* Returns how many bytes of padding come next (0 to 3). */
static u32 padding(const struct cpio *c)
{
	/* zeros behind the trailer are skipped anyway */
	bool before = (c->state == CPIO_SKIP && !c->trailer) ||
		      (c->state == CPIO_DATA && c->left == c->e.size);

	return before ? -c->at & 3 : 0;
}

/* Appends input to the header or name in buf, and returns the bytes used. */
static size_t gather(struct cpio *c, const u8 *data, size_t n)
{
	n = min_t(size_t, n, c->want - c->have);
	memcpy(c->buf + c->have, data, n);
	c->have += n;
	return n;
}

/* Takes the next *used of the @n bytes (at least 1). Returns 0 or -errno. */
static int step(struct cpio *c, const u8 *data, size_t n, size_t *used)
{
	int err = 0;

	*used = 1;
	if (padding(c))
		return 0;
	switch (c->state) {
	case CPIO_SKIP:
		if (!*data) /* zeros between archives */
			return 0;
		c->state = CPIO_HEAD;
		c->want = CPIO_HEADER;
		c->have = 0;
		c->at = 0; /* fall through */
	case CPIO_HEAD: *used = gather(c, data, n); return c->have == c->want ? parse_header(c) : 0;
	case CPIO_NAME: *used = gather(c, data, n); return c->have == c->want ? parse_name(c) : 0;
	case CPIO_DATA:
		*used = min_t(size_t, n, c->left);
		if (!c->trailer)
			err = c->ops->data(c->arg, data, *used);
		c->left -= *used;
		return err || c->left ? err : end_entry(c);
	}
	return -EINVAL;
}

int cpio_feed_one(struct cpio *c, const u8 *data, size_t n, size_t *used)
{
	*used = 0;
	while (*used < n) {
		size_t taken;
		int err = step(c, data + *used, n - *used, &taken);

		if (err)
			return err;
		c->at += taken;
		*used += taken;
		if (c->state == CPIO_SKIP && c->trailer)
			break;
	}
	return 0;
}

int cpio_feed(struct cpio *c, const u8 *data, size_t n)
{
	int err = 0;

	for (size_t used; n && !err; data += used, n -= used)
		err = cpio_feed_one(c, data, n, &used);
	return err;
}

int cpio_finish(const struct cpio *c)
{
	return c->state == CPIO_SKIP ? 0 : -EINVAL;
}
