/* SPDX-License-Identifier: MIT */
/*
 * block.c: reads blocks from the device and decodes (decompresses) them.
 *
 *	n = sqfs_decode_meta(s, pos, out, &next);
 *
 *	w = sqfs_space_get(s);
 *	n = sqfs_decode_data(s, w, pos, size, out, max);
 *	sqfs_space_put(s, w);
 *
 * Compressed metadata is read through the device's page cache, so that decoding a dropped block
 * again costs no request. Data is not, since it would then be cached twice. A work space holds the
 * buffers of one decompression. There are as many work spaces as threads= allows. The mount
 * allocates the first, and the others are allocated on demand. A task that holds a work space waits
 * only for the device, so each waiting task gets one in the end. Bounds: a data block is at most
 * block_size bytes on disk and decoded, a metadata block SQFS_META_SIZE.
 */
#include <asm/errno.h>

#include "arch/um/machine/arch.h"
#include "kernel/fs/squashfs/squashfs.h"
#include "kernel/lib/decompress.h"
#include "kernel/vfs/bdev/bdev.h"

#define SECTOR 512U

/* ---- work spaces ---- */

static void space_free(struct sqfs_space *w)
{
	kfree(w->in);
	kfree(w->out);
	kfree(w);
}

/*
 * Makes a work space, with room for the largest data or metadata block and one more sector at both
 * ends. Returns NULL if memory is short.
 */
static struct sqfs_space *space_new(const struct sqfs_sb *s)
{
	struct sqfs_space *w = kzalloc(sizeof(*w), GFP_NOFS);

	if (!w)
		return NULL;
	w->in = kmalloc(max(s->block_size, SQFS_META_SIZE) + 2 * SECTOR, GFP_NOFS);
	w->out = kmalloc(s->block_size, GFP_NOFS);
	if (w->in && w->out)
		return w;
	space_free(w);
	return NULL;
}

int sqfs_spaces_init(struct sqfs_sb *s)
{
	struct sqfs_space *w = space_new(s);

	if (!w)
		return -ENOMEM;
	list_add(&w->list, &s->spaces);
	s->nr_spaces = 1;
	/* A work space for each vCPU, and another for a reader that waits for the device. */
	s->max_spaces = s->threads ? s->threads : (u32)nr_cpus + 1;
	return 0;
}

void sqfs_spaces_free(struct sqfs_sb *s)
{
	struct sqfs_space *w, *next;

	list_for_each_entry_safe(w, next, &s->spaces, list)
		space_free(w);
	INIT_LIST_HEAD(&s->spaces);
}

/* Returns an unused work space, or NULL: the caller makes one (*make) or waits. */
static struct sqfs_space *space_try(struct sqfs_sb *s, bool *make)
{
	struct sqfs_space *w = NULL;

	spin_lock(&s->space_lock);
	*make = false;
	if (!list_empty(&s->spaces)) {
		w = list_first_entry(&s->spaces, struct sqfs_space, list);
		list_del(&w->list);
	} else if (s->nr_spaces < s->max_spaces) {
		s->nr_spaces++;
		*make = true;
	}
	spin_unlock(&s->space_lock);
	return w;
}

struct sqfs_space *sqfs_space_get(struct sqfs_sb *s)
{
	struct sqfs_space *w;
	bool make;

	for (;;) {
		w = space_try(s, &make);
		if (!w && !make)
			wait_event(&s->space_wait, (w = space_try(s, &make)) || make);
		if (w)
			return w;
		w = space_new(s);
		if (w)
			return w;
		spin_lock(&s->space_lock); /* no memory: make no more spaces */
		s->nr_spaces--;
		s->max_spaces = s->nr_spaces;
		spin_unlock(&s->space_lock);
	}
}

void sqfs_space_put(struct sqfs_sb *s, struct sqfs_space *w)
{
	spin_lock(&s->space_lock);
	list_add(&w->list, &s->spaces);
	spin_unlock(&s->space_lock);
	if (waitqueue_active(&s->space_wait))
		wake_up(&s->space_wait);
}

/* ---- from the device ---- */

/* True if the bytes [pos, pos+n) lie in the image, behind its superblock. */
static bool in_image(const struct sqfs_sb *s, u64 pos, u64 n)
{
	return pos >= sizeof(struct sqfs_disk_sb) && pos <= s->bytes_used &&
	       n <= s->bytes_used - pos;
}

int sqfs_read_cached(struct sqfs_sb *s, u64 pos, void *buf, u32 n)
{
	if (!in_image(s, pos, n))
		return sqfs_error(s, "a table goes beyond the end", pos);
	return bdev_read_bytes(s->sb->s_bdev, pos, buf, n);
}

/*
 * Reads @n bytes at @pos into the work space. *data: where they begin in it. Returns 0 or -errno.
 */
static int read_raw(struct sqfs_sb *s, struct sqfs_space *w, u64 pos, u32 n, u8 **data)
{
	struct block_device *b = s->sb->s_bdev;
	u32 off = (u32)(pos & (SECTOR - 1)), len = round_up(off + n, SECTOR);

	*data = w->in + off;
	if ((pos >> SECTOR_SHIFT) + (len >> SECTOR_SHIFT) > b->nr_sectors)
		return -EIO;
	return bdev_rw(b, REQ_READ, pos >> SECTOR_SHIFT, w->in, len);
}

/* ---- decoding ---- */

/*
 * Decodes @n bytes. @plain: they are not compressed. Returns the length, at most @max, -EIO or
 * -ENOMEM.
 */
static long unpack(struct sqfs_sb *s, u8 *out, u32 max, const u8 *in, u32 n, bool plain)
{
	long r;

	if (plain) {
		if (n > max)
			return -EIO;
		memcpy(out, in, n);
		return n;
	}
	r = decompress_block(s->kind, out, max, in, n);
	return r == -ENOMEM ? r : r <= 0 ? -EIO : r;
}

long sqfs_decode_meta(struct sqfs_sb *s, u64 pos, u8 *out, u64 *next)
{
	struct sqfs_space *w;
	__le16 head;
	u32 n;
	long r = sqfs_read_cached(s, pos, &head, sizeof(head));

	if (r)
		return r;
	n = head & ~SQFS_META_PLAIN;
	if (!n || n > SQFS_META_SIZE)
		return sqfs_error(s, "a metadata block has a length that cannot be", pos);
	w = sqfs_space_get(s);
	r = sqfs_read_cached(s, pos + sizeof(head), w->in, n);
	if (!r)
		r = unpack(s, out, SQFS_META_SIZE, w->in, n, head & SQFS_META_PLAIN);
	sqfs_space_put(s, w);
	*next = pos + sizeof(head) + n;
	return r == -EIO ? sqfs_error(s, "a metadata block cannot be decompressed", pos) : r;
}

long sqfs_decode_data(struct sqfs_sb *s, struct sqfs_space *w, u64 pos, u32 size, u8 *out, u32 max)
{
	u32 n = size & ~SQFS_BLOCK_PLAIN;
	u8 *data;
	long r;

	if (!n || n > s->block_size || !in_image(s, pos, n))
		return sqfs_error(s, "a data block has a place that cannot be", pos);
	r = read_raw(s, w, pos, n, &data);
	if (!r)
		r = unpack(s, out, max, data, n, size & SQFS_BLOCK_PLAIN);
	return r == -EIO ? sqfs_error(s, "a data block cannot be read", pos) : r;
}
