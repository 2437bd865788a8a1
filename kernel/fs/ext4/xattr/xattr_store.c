/* SPDX-License-Identifier: MIT */
/*
 * xattr_store.c: extended attributes on the disk: in the area after the inode's fields, and in one
 * block that belongs to the inode.
 *
 * An area is a list of entries from its beginning and values from its end. All attributes are read
 * into memory (ext4_attrs_load), changed there, and written out again (ext4_attrs_store): into the
 * inode as far as they fit, and the rest into the block. So there is only one way to write, and no
 * free space inside an area to manage. Linux lets inodes share a block (h_refcount > 1). This
 * kernel never makes such a block. Before it writes an inode's attributes, it leaves a shared block
 * to the other inodes.
 *
 * Lock: i_data_sem. Source: linux-doc, filesystems/ext4/attributes.
 */
#include "kernel/fs/ext4/xattr/xattr.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define XATTR_MAGIC 0xea020000U

struct xattr_header { /* at the beginning of a block */
	__le32 h_magic, h_refcount, h_blocks, h_hash, h_checksum, h_reserved[3];
} __packed;
struct xattr_entry {
	u8 e_name_len, e_name_index;
	__le16 e_value_offs;
	__le32 e_value_inum, e_value_size, e_hash;
	char e_name[];
} __packed;
_Static_assert(
	sizeof(struct xattr_header) == 32 && sizeof(struct xattr_entry) == 16, "xattr layout");

/* Return the space that a name's entry and a value take, in bytes: multiples of 4. */
static u32 entry_len(u32 name_len)
{
	return (u32)(sizeof(struct xattr_entry) + name_len + 3) & ~3U;
}

static u32 value_len(u32 size)
{
	return (size + 3) & ~3U;
}

void ext4_attrs_free(struct attrs *as)
{
	while (as->n--)
		kfree(as->a[as->n]);
	as->n = 0;
}

int ext4_attrs_add(
	struct attrs *as, u8 index, const char *name, u32 name_len, const void *value, u32 size)
{
	struct attr *a;

	if (as->n == MAX_ATTRS)
		return -ENOSPC;
	a = kmalloc(sizeof(*a) + size, GFP_NOFS);
	if (!a)
		return -ENOMEM;
	*a = (struct attr){
		.index = index, .name_len = (u8)name_len, .size = size, .value = (u8 *)(a + 1)
	};
	memcpy(a->name, name, name_len);
	a->name[name_len] = 0;
	memcpy(a->value, value, size);
	as->a[as->n++] = a;
	return 0;
}

/* Adds an entry whose value lies in its own inode. Returns 0 or -errno. */
static int attrs_add_inode(struct attrs *as, const struct xattr_entry *e, const char *name)
{
	u32 hash = 0, i;
	int err = ext4_attrs_add(as, e->e_name_index, name, e->e_name_len, "", 0);

	if (err)
		return err;
	for (i = 0; i < e->e_name_len; i++)
		hash = (hash << 5) ^ (hash >> 27) ^ (u8)as->a[as->n - 1]->name[i];
	as->a[as->n - 1]->size = e->e_value_size;
	as->a[as->n - 1]->inum = e->e_value_inum;
	/* the part of e_hash that depends on the value */
	as->a[as->n - 1]->hash = (hash << 16) ^ (hash >> 16) ^ e->e_hash;
	return 0;
}

/*
 * Copies an entry before it is checked: on a damaged image, two inodes may share an area but not a
 * lock, so that one inode's task changes the area while the other's checks it.
 */
static void entry_at(struct xattr_entry *e, const u8 *p)
{
	memcpy(e, p, sizeof(*e));
	barrier();
}

/*
 * Adds the entries from @first on, which must end before @end, to @as. The offsets of their values
 * count from @values. Returns 0 or -errno.
 */
static int parse(
	struct inode *inode, struct attrs *as, const u8 *first, const u8 *end, const u8 *values)
{
	const u8 *p = first;
	int err = 0;

	while (!err) {
		u32 space = (u32)(end - values);
		struct xattr_entry e;
		const char *name;

		if (end - p < 4)
			goto bad;
		if (!*(const __le32 *)p)
			return 0;
		if (end - p < (long)sizeof(e))
			goto bad;
		entry_at(&e, p);
		name = (const char *)p + sizeof(e);
		if ((u32)(end - p) < entry_len(e.e_name_len) || memchr(name, 0, e.e_name_len) ||
			(e.e_value_inum ? e.e_value_size > EXT4_VALUE_MAX ||
						  e.e_value_inum == inode->i_ino ||
						  EXT4_I(inode)->i_flags & EXT4_EA_INODE_FL ||
						  !EXT4_HAS(EXT4_SB(inode->i_sb), incompat,
							  INCOMPAT_EA_INODE) :
					  e.e_value_size > space ||
						  (e.e_value_size &&
							  e.e_value_offs > space - e.e_value_size)))
			goto bad;
		if (e.e_value_inum)
			err = attrs_add_inode(as, &e, name);
		else
			err = ext4_attrs_add(as, e.e_name_index, name, e.e_name_len,
				values + e.e_value_offs, e.e_value_size);
		p += entry_len(e.e_name_len);
	}
	return err;
bad:
	ext4_error(inode->i_sb, "inode %lu: damaged extended attributes", inode->i_ino);
	return -EFSCORRUPTED;
}

/*
 * Computes the checksum as if h_checksum were 0. Does not change the field, since other tasks may
 * read the block meanwhile, and the journal may copy it.
 */
static u32 block_csum(struct ext4_sb *sbi, u64 block, const struct xattr_header *h)
{
	const u32 at = offsetof(struct xattr_header, h_checksum);
	static const u8 zero[4];
	__le64 nr = block;
	u32 crc = ext4_csum(sbi->csum_seed, &nr, sizeof(nr));

	crc = ext4_csum(crc, h, at);
	crc = ext4_csum(crc, zero, sizeof(zero));
	return ext4_csum(crc, (const u8 *)h + at + 4, sbi->block_size - at - 4);
}

/*
 * True if the checksum matches. Takes b->lock, since an inode that leaves a shared block changes
 * its header (leave_block()).
 */
static bool csum_ok(struct ext4_sb *sbi, struct ext4_buf *b)
{
	const struct xattr_header *h = (const void *)b->data;
	bool ok;

	mutex_lock(&b->lock);
	ok = block_csum(sbi, b->block, h) == h->h_checksum;
	mutex_unlock(&b->lock);
	return ok;
}

/*
 * Returns the inode's block of attributes (file_acl is not 0), referenced and checked, or ERR_PTR.
 */
static struct ext4_buf *read_block(struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b = ext4_bread(sbi, EXT4_I(inode)->file_acl, EXT4_USE(EXT4_ATTRS, 0));
	struct xattr_header *h;

	if (IS_ERR(b))
		return b;
	h = (void *)b->data;
	if (h->h_magic == XATTR_MAGIC && h->h_blocks == 1 && (!sbi->csum || csum_ok(sbi, b)))
		return b;
	ext4_brelse(b);
	ext4_error(inode->i_sb, "inode %lu: damaged attribute block %lu", inode->i_ino,
		EXT4_I(inode)->file_acl);
	return ERR_PTR(-EFSCORRUPTED);
}

/*
 * Finds the bounds of the area after the inode's fields in the raw inode. Returns false if there is
 * no area.
 */
static bool body_area(struct inode *inode, struct ext4_disk_inode *raw, u8 **start, u8 **end)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u32 off = EXT4_GOOD_OLD_INODE_SIZE + EXT4_I(inode)->extra_isize;

	if (sbi->inode_size <= EXT4_GOOD_OLD_INODE_SIZE ||
		off + 4 + sizeof(struct xattr_entry) > sbi->inode_size)
		return false;
	*start = (u8 *)raw + off;
	*end = (u8 *)raw + sbi->inode_size;
	return true;
}

int ext4_attrs_load(struct inode *inode, struct attrs *as)
{
	struct ext4_disk_inode *raw;
	struct ext4_buf *b = ext4_raw_inode(inode, &raw);
	u8 *start, *end;
	int err = 0;

	as->n = 0;
	as->alone = false;
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	if (body_area(inode, raw, &start, &end) && *(__le32 *)start == XATTR_MAGIC)
		err = parse(inode, as, start + 4, end, start + 4);
	ext4_brelse(b);
	if (!err && EXT4_I(inode)->file_acl) {
		b = read_block(inode);
		if (IS_ERR(b)) {
			err = (int)PTR_ERR(b);
		} else {
			u32 i = as->n;

			err = parse(inode, as, b->data + sizeof(struct xattr_header),
				b->data + inode->i_sb->s_blocksize, b->data);
			for (; i < as->n; i++)
				as->a[i]->shared = ((struct xattr_header *)b->data)->h_refcount > 1;
			ext4_brelse(b);
		}
	}
	if (err)
		ext4_attrs_free(as);
	return err;
}

/*
 * Reports where the attributes lie, for FIEMAP: in the inode if any attribute is there, else in the
 * block, as on Linux.
 */
int ext4_xattr_extent(struct inode *inode, struct file_extent *e)
{
	struct ext4_inode *ei = EXT4_I(inode);
	u32 bits = inode->i_blkbits, off;
	struct ext4_disk_inode *raw;
	u8 *start, *end;
	struct ext4_buf *b;
	u64 block;
	int err;

	*e = (struct file_extent){ .flags = FILE_EXTENT_HOLE };
	err = ext4_locate_inode(inode->i_sb, inode->i_ino, &block, &off);
	if (err)
		return err;
	down_read(&ei->i_data_sem);
	b = ext4_raw_inode(inode, &raw);
	if (IS_ERR(b)) {
		up_read(&ei->i_data_sem);
		return (int)PTR_ERR(b);
	}
	/* An area whose first word is the end mark (0) is empty. */
	if (body_area(inode, raw, &start, &end) && *(__le32 *)start == XATTR_MAGIC &&
		*(__le32 *)(start + 4))
		*e = (struct file_extent){ .phys = (block << bits) + off + (u64)(start - (u8 *)raw),
			.len = (u64)(end - start),
			.flags = FILE_EXTENT_INLINE };
	else if (ei->file_acl)
		*e = (struct file_extent){ .phys = ei->file_acl << bits,
			.len = inode->i_sb->s_blocksize };
	ext4_brelse(b);
	up_read(&ei->i_data_sem);
	return 0;
}

struct attr *ext4_attrs_find(struct attrs *as, u8 index, const char *name)
{
	u32 i;

	for (i = 0; i < as->n; i++)
		if (as->a[i]->index == index && !strcmp(as->a[i]->name, name))
			return as->a[i];
	return NULL;
}

bool ext4_has_xattrs(struct inode *inode, const struct ext4_disk_inode *raw)
{
	u8 *start, *end;

	if (EXT4_I(inode)->file_acl)
		return true;
	return body_area(inode, (void *)raw, &start, &end) && *(__le32 *)start == XATTR_MAGIC &&
	       end - start >= 8 && *(__le32 *)(start + 4);
}

/* Computes e_hash, over the name and the value or the value's checksum. */
static u32 entry_hash(const struct attr *a)
{
	u32 hash = 0, i;

	for (i = 0; i < a->name_len; i++)
		hash = (hash << 5) ^ (hash >> 27) ^ (u8)a->name[i];
	if (a->inum)
		return (hash << 16) ^ (hash >> 16) ^ a->hash;
	for (i = 0; i < value_len(a->size) / 4; i++) {
		u32 v = 0;

		memcpy(&v, a->value + i * 4, min(4U, a->size - i * 4));
		hash = (hash << 16) ^ (hash >> 16) ^ v;
	}
	return hash;
}

static bool is_system_data(const struct attr *a)
{
	return a->index == SYSTEM && !strcmp(a->name, SYSTEM_DATA);
}

/*
 * Writes the attributes that fit into [first, end) and marks them in @done. @values: the address
 * from which the offsets of values count. @hashes: the area is the block's, whose entries have a
 * hash, and which cannot hold system.data.
 */
static void put_area(struct attrs *as, bool *done, u8 *first, u8 *end, u8 *values, bool hashes)
{
	u8 *p = first, *v = end;
	u32 i;

	memset(first, 0, (size_t)(end - first));
	for (i = 0; i < as->n; i++) {
		struct attr *a = as->a[i];
		struct xattr_entry *e = (void *)p;

		u32 here = a->inum ? 0 : a->size;

		if (done[i] || (hashes && is_system_data(a)) ||
			entry_len(a->name_len) + value_len(here) + 4 > (u64)(v - p))
			continue;
		v -= value_len(here);
		memcpy(v, a->value, here);
		e->e_name_len = a->name_len;
		e->e_name_index = a->index;
		e->e_value_offs = here ? (u16)(v - values) : 0;
		e->e_value_inum = a->inum;
		e->e_value_size = a->size;
		e->e_hash = hashes || a->inum ? entry_hash(a) : 0;
		memcpy(e->e_name, a->name, a->name_len);
		p += entry_len(a->name_len);
		done[i] = true;
	}
}

static int attr_cmp(const struct attr *a, const struct attr *b)
{
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len ? -1 : 1;
	return memcmp(a->name, b->name, a->name_len);
}

/* Moves system.data, which must lie in the inode, to the front. */
static void system_data_first(struct attrs *as)
{
	u32 i;

	for (i = as->n; i-- > 1;)
		if (is_system_data(as->a[i])) {
			struct attr *a = as->a[i];

			memmove(&as->a[1], &as->a[0], i * sizeof(a));
			as->a[0] = a;
		}
}

/* Sorts the attributes into the order that entries of a block must have. */
static void sort_attrs(struct attrs *as)
{
	u32 i, k;

	for (i = 1; i < as->n; i++) {
		struct attr *a = as->a[i];

		for (k = i; k && attr_cmp(as->a[k - 1], a) > 0; k--)
			as->a[k] = as->a[k - 1];
		as->a[k] = a;
	}
}

static bool all_done(const bool *done, u32 n)
{
	while (n--)
		if (!done[n])
			return false;
	return true;
}

/*
 * Drops the inode's reference to its block. Returns true if it was the last one, so that the block
 * is freed. A shared block stays with the other inodes.
 */
static bool leave_block(struct ext4_handle *h, struct inode *inode, struct ext4_buf *b)
{
	struct xattr_header *head = (void *)b->data;
	struct ext4_sb *sbi = b->sbi;
	bool last;

	mutex_lock(&b->lock); /* other inodes hold their own i_data_sem */
	last = head->h_refcount <= 1;
	if (!last) {
		head->h_refcount--;
		if (sbi->csum)
			head->h_checksum = block_csum(sbi, b->block, head);
	}
	mutex_unlock(&b->lock);
	if (last) {
		ext4_free_blocks(h, inode, b->block, 1, true);
		return true;
	}
	ext4_dirty(h, b);
	inode_add_bytes(inode, -(s64)sbi->block_size);
	return false;
}

int ext4_attr_block_go(struct ext4_handle *h, struct inode *inode, bool *alone)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u64 block = EXT4_I(inode)->file_acl;
	struct ext4_buf *b, *bitmap;
	bool last = false;
	int err = 0;

	if (!block)
		return 0;
	bitmap = ext4_hold_bitmap(h, sbi, block);
	if (IS_ERR(bitmap))
		return (int)PTR_ERR(bitmap);
	b = ext4_bread(sbi, block, EXT4_USE(EXT4_ATTRS, 0));
	if (!IS_ERR(b)) {
		last = leave_block(h, inode, b);
		ext4_brelse(b);
	} else if (PTR_ERR(b) != -EFSCORRUPTED) {
		err = (int)PTR_ERR(b);
	}
	if (!err)
		EXT4_I(inode)->file_acl = 0;
	if (alone)
		*alone = last;
	if (bitmap)
		ext4_brelse(bitmap);
	return err;
}

/*
 * Returns a block, referenced, that only this inode uses: its own, or a new one. *alone: as for
 * ext4_attr_block_go(). Drops a shared block only after the new one is allocated. Returns ERR_PTR
 * on failure, with nothing changed.
 */
static struct ext4_buf *own_block(struct ext4_handle *h, struct inode *inode, bool *alone)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b;
	u32 len = 1;
	u64 block;
	int err;

	if (EXT4_I(inode)->file_acl) {
		b = read_block(inode);
		*alone = !IS_ERR(b) && ((struct xattr_header *)b->data)->h_refcount <= 1;
		if (IS_ERR(b) || *alone)
			return b;
		ext4_brelse(b);
	}
	err = ext4_reserve_meta(sbi, 1, false);
	if (err)
		return ERR_PTR(err);
	block = ext4_alloc_blocks(h, inode, 0, &len, &err);
	ext4_unreserve(sbi, 1);
	if (!block)
		return ERR_PTR(err);
	b = ext4_bnew(sbi, block, EXT4_USE(EXT4_ATTRS, 0));
	err = IS_ERR(b) ? (int)PTR_ERR(b) : ext4_attr_block_go(h, inode, alone);
	if (!err) {
		EXT4_I(inode)->file_acl = block;
		return b;
	}
	if (!IS_ERR(b))
		ext4_brelse(b);
	ext4_free_blocks(h, inode, block, 1, true);
	return ERR_PTR(err);
}

/*
 * Writes the attributes that are not marked in @done into the inode's own block. Returns 0 or
 * -errno.
 */
static int put_block(struct ext4_handle *h, struct inode *inode, struct attrs *as, bool *done)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b = own_block(h, inode, &as->alone);
	struct xattr_header *head;

	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	head = (void *)b->data;
	memset(head, 0, sizeof(*head));
	head->h_magic = XATTR_MAGIC;
	head->h_refcount = head->h_blocks = 1;
	put_area(as, done, b->data + sizeof(*head), b->data + sbi->block_size, b->data, true);
	if (sbi->csum)
		head->h_checksum = block_csum(sbi, b->block, head);
	ext4_dirty(h, b);
	ext4_brelse(b);
	return 0;
}

/*
 * True if all attributes fit. Tries it in scratch memory, so that no later step fails for lack of
 * space. False also if memory is short.
 */
static bool fits(struct inode *inode, struct attrs *as)
{
	u32 bs = (u32)inode->i_sb->s_blocksize, body = 0;
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u8 *scratch = kmalloc(bs, GFP_NOFS);
	bool done[MAX_ATTRS] = { false }, ok;

	if (!scratch)
		return false;
	if (sbi->inode_size > EXT4_GOOD_OLD_INODE_SIZE + EXT4_I(inode)->extra_isize + 4 +
				      sizeof(struct xattr_entry))
		body = sbi->inode_size - EXT4_GOOD_OLD_INODE_SIZE - EXT4_I(inode)->extra_isize - 4;
	if (body)
		put_area(as, done, scratch, scratch + body, scratch, false);
	put_area(as, done, scratch + sizeof(struct xattr_header), scratch + bs, scratch, true);
	ok = all_done(done, as->n);
	kfree(scratch);
	return ok;
}

/* Moves a value into its own, new inode. Returns 0 or -errno. */
static int value_to_inode(struct ext4_handle *h, struct inode *inode, struct attr *a)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	int err = ext4_value_create(h, inode, a->value, a->size, &a->inum);

	if (err) {
		a->inum = 0;
		return err;
	}
	a->made = true;
	a->hash = ext4_value_hash(sbi, a->value, a->size);
	inode_add_bytes(inode, (s64)round_up(a->size, sbi->block_size));
	return 0;
}

int ext4_attr_hold_value(struct super_block *sb, struct attr *a)
{
	struct inode *value = ext4_value_hold(sb, a->inum);
	int err = IS_ERR(value) ? (int)PTR_ERR(value) : 0;

	if (!err)
		a->held = value;
	return err == -EFSCORRUPTED || err == -EFSBADCRC ? 0 : err;
}

void ext4_attr_release_value(struct attr *a)
{
	if (a->held)
		iput(a->held);
	a->held = NULL;
}

void ext4_attr_leave_value(struct inode *inode, const struct attr *a)
{
	inode_add_bytes(inode, -(s64)round_up(a->size, EXT4_SB(inode->i_sb)->block_size));
}

void ext4_attr_drop_value(struct ext4_handle *h, struct inode *inode, struct attr *a)
{
	if (ext4_value_ref(h, inode->i_sb, a->inum, -1))
		ext4_error(inode->i_sb,
			"inode %lu: the value of an attribute in inode %u is damaged", inode->i_ino,
			a->inum);
	ext4_attr_release_value(a);
	ext4_attr_leave_value(inode, a);
}

/* Drops the values that this change has put into inodes, after a failure. */
static void drop_made(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	u32 i;

	for (i = 0; i < as->n; i++)
		if (as->a[i]->made)
			ext4_attr_drop_value(h, inode, as->a[i]);
}

/*
 * Raises the count of each value inode that an entry of a shared block names, since the other
 * inodes keep that block with its entries. Called before this inode leaves the block, since
 * afterwards the block's last user could drop the values. Returns 0 or -errno.
 */
static int keep_shared(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	u32 i;

	for (i = 0; i < as->n; i++) {
		struct attr *a = as->a[i];
		int err = a->inum && a->shared && !a->made ?
				  ext4_value_ref(h, inode->i_sb, a->inum, 1) :
				  -EFSCORRUPTED;

		a->kept = !err;
		if (err && err != -EFSCORRUPTED && err != -EFSBADCRC)
			return err;
	}
	return 0;
}

/* Undoes keep_shared(). */
static void keep_no_more(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	u32 i;

	for (i = 0; i < as->n; i++)
		if (as->a[i]->kept)
			ext4_value_ref(h, inode->i_sb, as->a[i]->inum, -1);
}

/*
 * Returns the attribute with the longest value that is not in its own inode yet, or NULL if no
 * value is long enough.
 */
static struct attr *longest(struct attrs *as)
{
	struct attr *best = NULL;
	u32 i;

	for (i = 0; i < as->n; i++)
		if (!as->a[i]->inum && !is_system_data(as->a[i]) &&
			as->a[i]->size > (best ? best->size : MIN_INODE_VALUE))
			best = as->a[i];
	return best;
}

/*
 * Moves values into their own inodes until the rest fits. Returns 0, or -errno after removing these
 * inodes again.
 */
static int make_fit(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	bool may = EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE);
	int err = 0;

	while (!err && !fits(inode, as)) {
		struct attr *a = may ? longest(as) : NULL;

		err = a ? value_to_inode(h, inode, a) : -ENOSPC;
	}
	if (err)
		drop_made(h, inode, as);
	return err;
}

/*
 * Writes all attributes: into the inode as far as they fit, the others into its block. Returns 0,
 * or -errno with the inode unchanged. @saved: scratch memory of inode_size bytes.
 */
static int put_all(struct ext4_handle *h, struct inode *inode, struct attrs *as,
	struct ext4_disk_inode *raw, u8 *saved)
{
	bool done[MAX_ATTRS] = { false };
	u8 *start = NULL, *end = NULL;
	int err;

	if (body_area(inode, raw, &start, &end)) {
		memcpy(saved, start, (size_t)(end - start));
		put_area(as, done, start + 4, end, start + 4, false);
		*(__le32 *)start = XATTR_MAGIC;
	}
	if (!all_done(done, as->n))
		err = put_block(h, inode, as, done);
	else
		err = ext4_attr_block_go(h, inode, &as->alone);
	if (err && start)
		memcpy(start, saved, (size_t)(end - start));
	return err;
}

int ext4_attrs_store(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	u8 *saved = kmalloc(EXT4_SB(inode->i_sb)->inode_size, GFP_NOFS);
	struct ext4_disk_inode *raw;
	struct ext4_buf *b = NULL;
	int err = -ENOMEM;

	if (!saved)
		return err;
	sort_attrs(as);
	system_data_first(as);
	err = make_fit(h, inode, as);
	if (err)
		goto out;
	b = ext4_raw_inode(inode, &raw);
	err = IS_ERR(b) ? (int)PTR_ERR(b) : keep_shared(h, inode, as);
	if (!err)
		err = put_all(h, inode, as, raw, saved);
	if (err) {
		drop_made(h, inode, as);
		keep_no_more(h, inode, as);
		/*
		 * Another writer of the inode may have computed its checksum over the content that
		 * was then undone.
		 */
		if (!IS_ERR(b))
			ext4_write_inode_raw(h, inode);
	} else {
		ext4_dirty(h, b);
		/*
		 * The other inodes have left the block since keep_shared(). So this inode gets the
		 * references to value inodes that the block's entries had, and needs no others.
		 */
		if (as->alone)
			keep_no_more(h, inode, as);
	}
	if (!IS_ERR(b))
		ext4_brelse(b);
out:
	kfree(saved);
	return err;
}

/*
 * Drops the block, the attributes in the inode's area, and the values in inodes. Clears the area:
 * if the removal of the inode is interrupted, the next mount finishes it, and must not find entries
 * that name dropped values. Returns 0 or -errno.
 */
static int go(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	struct ext4_disk_inode *raw;
	struct ext4_buf *b = ext4_raw_inode(inode, &raw);
	u8 *start, *end;
	int err = IS_ERR(b) ? (int)PTR_ERR(b) : ext4_attr_block_go(h, inode, &as->alone);
	u32 i;

	if (!err && body_area(inode, raw, &start, &end)) {
		memset(start, 0, (size_t)(end - start));
		ext4_dirty(h, b);
	}
	if (!IS_ERR(b))
		ext4_brelse(b);
	for (i = 0; !err && i < as->n; i++)
		if (as->a[i]->inum && (!as->a[i]->shared || as->alone))
			ext4_attr_drop_value(h, inode, as->a[i]);
	return err;
}

int ext4_attrs_go(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	bool any = false;
	int err = 0;
	u32 i;

	for (i = 0; !err && i < as->n; i++) {
		any |= as->a[i]->inum;
		if (as->a[i]->inum && !as->a[i]->shared)
			err = ext4_attr_hold_value(inode->i_sb, as->a[i]);
	}
	if (!err)
		err = any ? go(h, inode, as) : ext4_attr_block_go(h, inode, NULL);
	for (i = 0; i < as->n; i++)
		ext4_attr_release_value(as->a[i]);
	return err;
}
