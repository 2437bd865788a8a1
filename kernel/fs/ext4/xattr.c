/* SPDX-License-Identifier: MIT */
/*
 * xattr.c: extended attributes, behind the inode's fields and in one block of the inode's own.
 *
 * An area is a list of entries from its beginning and values from its end. A set rebuilds: all attributes are read into memory, changed there, and
 * written out again, small ones first into the inode and the rest into the block, so there is one way to write and no hole to manage. A
 * block that several inodes share (h_refcount > 1, which Linux makes and we never do) is left to the others.
 * Lock: i_data_sem. Source: linux-doc, filesystems/ext4/attributes.
 */
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "kernel/fs/ext4/xattr.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/vfs/acl.h"

#define XATTR_MAGIC 0xea020000U

struct xattr_header { /* of a block */
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

static const struct {
	u8 index;
	const char *prefix;
} prefixes[] = {
	{ 1, "user." },
	{ 2, "system.posix_acl_access" },
	{ 3, "system.posix_acl_default" },
	{ 4, "trusted." },
	{ 6, "security." },
};

#define SYSTEM 7 /* system.data: a small file's content; nobody sees it as an attribute */
#define SYSTEM_DATA "data"

/* One attribute in memory. */
struct attr {
	u8 index, name_len;
	char name[256];
	u32 size;
	u32 inum, hash; /* the inode that holds the value, and its checksum; 0: the value is here */
	bool made;      /* that inode was made by this change */
	bool shared;    /* named by a block that others have too */
	u8 *value;
};
#define MAX_ATTRS 128
#define MIN_INODE_VALUE 32 /* shorter ones are not worth an inode */
struct attrs {
	u32 n;
	struct attr *a[MAX_ATTRS];
};

static u32 entry_len(u32 name_len)
{
	return (u32)(sizeof(struct xattr_entry) + name_len + 3) & ~3U;
}

static u32 value_len(u32 size)
{
	return (size + 3) & ~3U;
}

/* "user.x" -> index and the rest; false: not a name that we know. */
static bool split_name(const char *name, u8 *index, const char **rest)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);
		bool whole = prefixes[i].prefix[n - 1] != '.';

		if (strncmp(name, prefixes[i].prefix, n) || (whole && name[n]))
			continue;
		*index = prefixes[i].index;
		*rest = name + n;
		return true;
	}
	return false;
}

static const char *prefix_of(u8 index)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (prefixes[i].index == index)
			return prefixes[i].prefix;
	return NULL;
}

static void attrs_free(struct attrs *as)
{
	while (as->n--)
		kfree(as->a[as->n]);
	as->n = 0;
}

static int attrs_add(
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

/* An entry whose value lies in an inode. */
static int attrs_add_inode(struct attrs *as, const struct xattr_entry *e)
{
	u32 hash = 0, i;
	int err = attrs_add(as, e->e_name_index, e->e_name, e->e_name_len, "", 0);

	if (err)
		return err;
	for (i = 0; i < e->e_name_len; i++)
		hash = (hash << 5) ^ (hash >> 27) ^ (u8)e->e_name[i];
	as->a[as->n - 1]->size = e->e_value_size;
	as->a[as->n - 1]->inum = e->e_value_inum;
	as->a[as->n - 1]->hash = (hash << 16) ^ (hash >> 16) ^ e->e_hash; /* what it was made of */
	return 0;
}

/* Entries from @first in the area [base, end), values relative to @values. */
static int parse(
	struct inode *inode, struct attrs *as, const u8 *first, const u8 *end, const u8 *values)
{
	const u8 *p = first;
	int err = 0;

	while (!err) {
		const struct xattr_entry *e = (const void *)p;
		u32 space = (u32)(end - values);

		if (end - p < 4)
			goto bad;
		if (!*(const __le32 *)p)
			return 0;
		if (end - p < (long)sizeof(*e) || (u32)(end - p) < entry_len(e->e_name_len) ||
			(e->e_value_inum ?
					e->e_value_size > EXT4_VALUE_MAX ||
						!EXT4_HAS(EXT4_SB(inode->i_sb), incompat,
							INCOMPAT_EA_INODE) :
					e->e_value_size > space ||
						(e->e_value_size &&
							e->e_value_offs > space - e->e_value_size)))
			goto bad;
		if (e->e_value_inum)
			err = attrs_add_inode(as, e);
		else
			err = attrs_add(as, e->e_name_index, e->e_name, e->e_name_len,
				values + e->e_value_offs, e->e_value_size);
		p += entry_len(e->e_name_len);
	}
	return err;
bad:
	ext4_error(inode->i_sb, "inode %lu: damaged extended attributes", inode->i_ino);
	return -EFSCORRUPTED;
}

static u32 block_csum(struct ext4_sb *sbi, u64 block, struct xattr_header *h)
{
	__le64 nr = block;
	__le32 old = h->h_checksum;
	u32 crc;

	h->h_checksum = 0;
	crc = ext4_csum(ext4_csum(sbi->csum_seed, &nr, sizeof(nr)), h, sbi->block_size);
	h->h_checksum = old;
	return crc;
}

static struct ext4_buf *read_block(struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b = ext4_bread(sbi, EXT4_I(inode)->file_acl);
	struct xattr_header *h;

	if (IS_ERR(b))
		return b;
	h = (void *)b->data;
	if (h->h_magic == XATTR_MAGIC && h->h_blocks == 1 &&
		(!sbi->csum || block_csum(sbi, b->block, h) == h->h_checksum))
		return b;
	ext4_brelse(b);
	ext4_error(inode->i_sb, "inode %lu: damaged attribute block %lu", inode->i_ino,
		EXT4_I(inode)->file_acl);
	return ERR_PTR(-EFSCORRUPTED);
}

/* The area behind the inode's fields: its bounds in the raw inode; false: there is none. */
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

static int load_attrs(struct inode *inode, struct attrs *as)
{
	struct ext4_disk_inode *raw;
	struct ext4_buf *b = ext4_raw_inode(inode, &raw);
	u8 *start, *end;
	int err = 0;

	as->n = 0;
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
		attrs_free(as);
	return err;
}

static struct attr *find(struct attrs *as, u8 index, const char *name)
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

/* ---- access control lists: version 1 on disk, where only named users and groups have an id ---- */

struct disk_acl { /* follows a version word */
	__le16 tag, perm;
	__le32 id;
} __packed;
#define DISK_ACL_VERSION 1
#define DISK_ACL_SHORT 4

static bool is_acl(u8 index)
{
	return index == 2 || index == 3;
}

static bool acl_has_id(u16 tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

/* To the attribute as vfs knows it; its size, also without @out. */
static ssize_t acl_from_disk(const u8 *p, u32 size, void *out, size_t room)
{
	struct posix_acl_xattr_header *h = out;
	struct posix_acl_xattr_entry *x = h ? (void *)(h + 1) : NULL;
	const u8 *end = p + size;
	size_t need = sizeof(*h);

	if (size < 4 || *(const __le32 *)p != DISK_ACL_VERSION)
		return -EINVAL;
	for (p += 4; p < end; need += sizeof(*x)) {
		const struct disk_acl *d = (const void *)p;
		u32 len = end - p < DISK_ACL_SHORT ? 0 :
			  acl_has_id(d->tag)       ? sizeof(*d) :
						     DISK_ACL_SHORT;

		if (!len || (u32)(end - p) < len)
			return -EINVAL;
		if (out && need + sizeof(*x) > room)
			return -ERANGE;
		if (out)
			*x++ = (struct posix_acl_xattr_entry){ d->tag, d->perm,
				acl_has_id(d->tag) ? d->id : (u32)ACL_UNDEFINED_ID };
		p += len;
	}
	if (out && need > room)
		return -ERANGE;
	if (out)
		h->a_version = POSIX_ACL_XATTR_VERSION;
	return (ssize_t)need;
}

/* vfs has looked at @value: it is whole. In memory that the caller frees; NULL. */
static void *acl_to_disk(const void *value, size_t size, size_t *len)
{
	const struct posix_acl_xattr_entry *x =
		(const void *)((const struct posix_acl_xattr_header *)value + 1);
	u8 *out = kmalloc(size, GFP_NOFS), *p = out + 4;

	if (!out)
		return NULL;
	*(__le32 *)out = DISK_ACL_VERSION;
	for (; (const u8 *)(x + 1) <= (const u8 *)value + size; x++) {
		struct disk_acl *d = (void *)p;

		d->tag = x->e_tag;
		d->perm = x->e_perm;
		if (acl_has_id(x->e_tag))
			d->id = x->e_id;
		p += acl_has_id(x->e_tag) ? sizeof(*d) : DISK_ACL_SHORT;
	}
	*len = (size_t)(p - out);
	return out;
}

/* ---- reading ---- */

ssize_t ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct attrs *as;
	const char *rest;
	struct attr *a;
	u8 index;
	ssize_t n;
	int err = 0;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	as = kmalloc(sizeof(*as), GFP_NOFS);
	if (!as)
		return -ENOMEM;
	down_read(&EXT4_I(inode)->i_data_sem);
	n = load_attrs(inode, as);
	up_read(&EXT4_I(inode)->i_data_sem);
	if (n)
		goto out;
	a = find(as, index, rest);
	if (!a) {
		n = -ENODATA;
	} else if (is_acl(index)) {
		n = acl_from_disk(a->value, a->size, buf, size);
	} else {
		n = a->size;
		if (buf && a->size > size)
			n = -ERANGE;
		else if (buf && a->inum)
			err = ext4_value_read(inode->i_sb, a->inum, buf, a->size);
		else if (buf)
			memcpy(buf, a->value, a->size);
	}
	attrs_free(as);
out:
	kfree(as);
	return err ? err : n;
}

ssize_t ext4_listxattr(struct inode *inode, char *buf, size_t size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	ssize_t n;
	size_t used = 0;
	u32 i;

	if (!as)
		return -ENOMEM;
	down_read(&EXT4_I(inode)->i_data_sem);
	n = load_attrs(inode, as);
	up_read(&EXT4_I(inode)->i_data_sem);
	if (n)
		goto out;
	for (i = 0; i < as->n && n >= 0; i++) {
		const char *prefix = prefix_of(as->a[i]->index);
		size_t need;

		if (!prefix)
			continue;
		need = strlen(prefix) + as->a[i]->name_len + 1;
		if (buf && used + need > size)
			n = -ERANGE;
		else if (buf)
			scnprintf(buf + used, need, "%s%s", prefix, as->a[i]->name);
		used += need;
	}
	attrs_free(as);
out:
	kfree(as);
	return n ? n : (ssize_t)used;
}

/* ---- writing ---- */

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
 * Writes attributes as far as they fit into [first, end): those that were put are marked by done. The space they took is exact. @hashes:
 * it is the block, which takes all but system.data.
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

/* What must be in the inode comes first. */
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

/* Entries of a block are sorted. */
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

/* A shared block stays with the others; one of our own is freed. */
static void let_block_go(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	u64 block = EXT4_I(inode)->file_acl;
	struct ext4_buf *b;
	struct xattr_header *head;

	if (!block)
		return;
	EXT4_I(inode)->file_acl = 0;
	b = ext4_bread(sbi, block);
	if (IS_ERR(b))
		return;
	head = (void *)b->data;
	if (head->h_refcount > 1) {
		head->h_refcount--;
		if (sbi->csum)
			head->h_checksum = block_csum(sbi, block, head);
		ext4_dirty(h, b);
		ext4_brelse(b);
		inode_add_bytes(inode, -(s64)sbi->block_size);
		return;
	}
	ext4_brelse(b);
	ext4_free_blocks(h, inode, block, 1, true);
}

static struct ext4_buf *own_block(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b;
	u32 len = 1;
	u64 block;
	int err;

	if (EXT4_I(inode)->file_acl) {
		b = read_block(inode);
		if (IS_ERR(b) || ((struct xattr_header *)b->data)->h_refcount <= 1)
			return b;
		ext4_brelse(b);
		let_block_go(h, inode);
	}
	block = ext4_alloc_blocks(h, inode, 0, &len, &err);
	if (!block)
		return ERR_PTR(err);
	b = ext4_bnew(sbi, block);
	if (IS_ERR(b))
		ext4_free_blocks(h, inode, block, 1, false);
	else
		EXT4_I(inode)->file_acl = block;
	return b;
}

static int put_block(struct ext4_handle *h, struct inode *inode, struct attrs *as, bool *done)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_buf *b = own_block(h, inode);
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

/* Will everything fit? A dry run into scratch memory, so that nothing can fail for space after the first change. */
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

/* The value goes into an inode of its own. */
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

static void drop_value(struct ext4_handle *h, struct inode *inode, const struct attr *a)
{
	if (ext4_value_ref(h, inode->i_sb, a->inum, -1))
		ext4_error(inode->i_sb,
			"inode %lu: the value of an attribute in inode %u is damaged", inode->i_ino,
			a->inum);
	inode_add_bytes(inode, -(s64)round_up(a->size, EXT4_SB(inode->i_sb)->block_size));
}

/* Entries that come from a block that others keep name their inodes once more. */
static void keep_shared(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	u32 i;

	for (i = 0; i < as->n; i++)
		if (as->a[i]->inum && as->a[i]->shared && !as->a[i]->made)
			ext4_value_ref(h, inode->i_sb, as->a[i]->inum, 1);
}

/* The longest value that is not in an inode yet; NULL: none is worth one. */
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

/* Values move into inodes until the rest fits; on failure all is as it was. */
static int make_fit(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	bool may = EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE);
	int err = 0;
	u32 i;

	while (!err && !fits(inode, as)) {
		struct attr *a = may ? longest(as) : NULL;

		err = a ? value_to_inode(h, inode, a) : -ENOSPC;
	}
	for (i = 0; err && i < as->n; i++)
		if (as->a[i]->made)
			drop_value(h, inode, as->a[i]);
	return err;
}

static int store(struct ext4_handle *h, struct inode *inode, struct attrs *as)
{
	bool done[MAX_ATTRS] = { false };
	struct ext4_disk_inode *raw;
	struct ext4_buf *b;
	u8 *start, *end;
	int err;

	sort_attrs(as);
	system_data_first(as);
	err = make_fit(h, inode, as);
	if (err)
		return err;
	keep_shared(h, inode, as);
	b = ext4_raw_inode(inode, &raw);
	if (IS_ERR(b))
		return (int)PTR_ERR(b);
	if (body_area(inode, raw, &start, &end)) {
		put_area(as, done, start + 4, end, start + 4, false);
		*(__le32 *)start = XATTR_MAGIC;
	}
	if (!all_done(done, as->n))
		err = put_block(h, inode, as, done);
	else
		let_block_go(h, inode);
	ext4_dirty(h, b);
	ext4_brelse(b);
	return err;
}

void ext4_xattr_delete(struct ext4_handle *h, struct inode *inode)
{
	struct attrs *as = EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE) ?
				   kmalloc(sizeof(*as), GFP_NOFS) :
				   NULL;
	u32 i;

	if (as && !load_attrs(inode, as)) {
		for (i = 0; i < as->n; i++)
			if (as->a[i]->inum && !as->a[i]->shared)
				drop_value(h, inode, as->a[i]);
		attrs_free(as);
	}
	kfree(as);
	let_block_go(h, inode);
}

/* ---- system.data ---- */

int ext4_system_data(struct inode *inode, u8 **value, u32 *size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	struct attr *a;
	int err = as ? load_attrs(inode, as) : -ENOMEM;

	if (!err) {
		a = find(as, SYSTEM, SYSTEM_DATA);
		*value = a && !a->inum ? kmalloc(max(a->size, 1U), GFP_NOFS) : NULL;
		err = *value ? 0 : a ? -ENOMEM : -ENODATA;
		if (!err) {
			memcpy(*value, a->value, a->size);
			*size = a->size;
		}
		attrs_free(as);
	}
	kfree(as);
	return err;
}

static int change(struct attrs *as, u8 index, const char *name, const void *value, size_t size,
	int flags, struct attr **was);

int ext4_set_system_data(struct ext4_handle *h, struct inode *inode, const void *value, u32 size)
{
	struct attrs *as = kmalloc(sizeof(*as), GFP_NOFS);
	struct attr *was = NULL;
	int err = as ? load_attrs(inode, as) : -ENOMEM;

	if (!err) {
		err = change(as, SYSTEM, SYSTEM_DATA, value, size, 0, &was);
		if (err == -ENODATA) /* there was none */
			err = 0;
		if (!err)
			err = store(h, inode, as);
		kfree(was);
		attrs_free(as);
	}
	kfree(as);
	return err;
}

/* *@was: what it replaces, the caller's from now on. */
static int change(struct attrs *as, u8 index, const char *name, const void *value, size_t size,
	int flags, struct attr **was)
{
	struct attr *old = find(as, index, name);
	u32 i;

	if (flags & 1 /* XATTR_CREATE */ && old)
		return -EEXIST;
	if ((flags & 2 /* XATTR_REPLACE */ || !value) && !old)
		return -ENODATA;
	for (i = 0; old && i < as->n; i++)
		if (as->a[i] == old) {
			*was = old;
			as->a[i] = as->a[--as->n];
			break;
		}
	return value ? attrs_add(as, index, name, (u32)strlen(name), value, (u32)size) : 0;
}

static int set_attr(
	struct inode *inode, u8 index, const char *rest, const void *value, size_t size, int flags)
{
	struct ext4_inode *ei = EXT4_I(inode);
	struct attr *was = NULL;
	struct ext4_handle *h;
	struct attrs *as;
	int err;
	u32 max_size = EXT4_HAS(EXT4_SB(inode->i_sb), incompat, INCOMPAT_EA_INODE) ?
			       EXT4_VALUE_MAX :
			       (u32)inode->i_sb->s_blocksize;

	if (strlen(rest) > 255 || size > max_size)
		return strlen(rest) > 255 ? -ERANGE : -ENOSPC;
	as = kmalloc(sizeof(*as), GFP_NOFS);
	if (!as)
		return -ENOMEM;
	h = ext4_start(inode->i_sb, 3 * EXT4_ALLOC_CREDITS + 4 * EXT4_INODE_CREDITS + 2 +
					    (u32)size / EXT4_SB(inode->i_sb)->block_size);
	if (IS_ERR(h)) {
		kfree(as);
		return (int)PTR_ERR(h);
	}
	down_write(&ei->i_data_sem);
	err = load_attrs(inode, as);
	if (!err) {
		err = change(as, index, rest, value, size, flags, &was);
		if (!err)
			err = store(h, inode, as);
		attrs_free(as);
	}
	up_write(&ei->i_data_sem);
	if (!err && was && was->inum && !was->shared)
		drop_value(h, inode, was);
	kfree(was);
	if (!err) {
		inode->i_ctime = current_time(inode);
		err = ext4_write_inode_raw(h, inode);
	}
	ext4_stop(h);
	kfree(as);
	return err;
}

int ext4_setxattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	void *acl = NULL;
	const char *rest;
	u8 index;
	int err;

	if (!split_name(name, &index, &rest))
		return -EOPNOTSUPP;
	if (is_acl(index) && value) {
		value = acl = acl_to_disk(value, size, &size);
		if (!acl)
			return -ENOMEM;
	}
	err = set_attr(inode, index, rest, value, size, flags);
	kfree(acl);
	if (!err && is_acl(index))
		acl_changed(inode);
	return err;
}
