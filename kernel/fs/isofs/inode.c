/* SPDX-License-Identifier: MIT */
/*
 * inode.c: inodes from records, and their pages.
 *
 * A directory is found by its position on the device; its first record, ".", describes the whole
 * directory. A file is one record or, with the flag ISO_NOT_FINAL, several consecutive records,
 * each for one section of the file, and the sections can lie anywhere. Pages that lie within one
 * section are read in large bios. The last page, and pages across a border of sections, are read
 * piece by piece through the device's page cache, and filled up with zeros beyond the file's end.
 */
#include <asm/errno.h>

#include "kernel/fs/isofs/isofs.h"
#include "kernel/sched/sched.h"
#include "kernel/vfs/bdev/bdev.h"
#include "kernel/vfs/libfs.h"

#define RA_CHUNK 128U /* pages */

static struct kmem_cache *inode_cache;

int iso_inode_cache_init(void)
{
	inode_cache = kmem_cache_create("isofs_inode", sizeof(struct iso_inode), SLAB_RECLAIMABLE);
	return inode_cache ? 0 : -ENOMEM;
}

struct inode *iso_alloc_inode(struct super_block *sb)
{
	struct iso_inode *ii = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	return ii ? &ii->vfs : NULL;
}

void iso_free_inode(struct inode *inode)
{
	struct iso_inode *ii = ISO_I(inode);

	kfree(inode->i_link);
	if (ii->sections != &ii->one)
		kfree(ii->sections);
	kmem_cache_free(inode_cache, ii);
}

/* ---- pages ---- */

/* Returns the section that has byte @pos of the file, or NULL. */
static const struct iso_section *section_of(const struct iso_inode *ii, u64 pos)
{
	u32 i;

	for (i = 0; i < ii->nr_sections; i++)
		if (pos >= ii->sections[i].pos && pos - ii->sections[i].pos < ii->sections[i].size)
			return &ii->sections[i];
	return NULL;
}

/*
 * Returns the byte position of a page on the device, or 0 if the page is not contiguous there or
 * does not begin on a sector.
 */
static u64 page_place(const struct iso_inode *ii, u64 index)
{
	u64 pos = index << PAGE_SHIFT;
	const struct iso_section *x = section_of(ii, pos);

	if (!x || x->pos + x->size - pos < PAGE_SIZE)
		return 0;
	pos += x->at - x->pos;
	return pos & 511 ? 0 : pos;
}

/* Reads a locked page through the device's page cache, and unlocks it. Returns 0 or -errno. */
static int read_in_pieces(struct iso_inode *ii, struct page *p)
{
	u64 pos = p->index << PAGE_SHIFT, size = (u64)ii->vfs.i_size;
	u8 *to = page_address(p);
	u32 left = PAGE_SIZE;
	int err = 0;

	while (left && pos < size && !err) {
		const struct iso_section *x = section_of(ii, pos);
		u32 n = x ? (u32)min_t(u64, left, x->pos + x->size - pos) : 0;

		err = x ? bdev_read_bytes(ii->vfs.i_sb->s_bdev, x->at + (pos - x->pos), to, n) :
			  -EIO;
		to += n;
		pos += n;
		left -= n;
	}
	memset(to, 0, left);
	end_page_read(p, err);
	return err;
}

/*
 * Reads locked pages of consecutive indexes, which are unlocked when they are read, perhaps later.
 * Returns 0 or -errno.
 */
static int read_pages(struct iso_inode *ii, struct page **pages, u32 n)
{
	struct bio *bio = NULL;
	u64 next = 0;
	int err = 0, r;
	u32 i;

	for (i = 0; i < n; i++) {
		u64 at = page_place(ii, pages[i]->index);

		if (bio && (at != next || !bio_add_page(bio, pages[i], PAGE_SIZE, 0))) {
			submit_bio(bio);
			bio = NULL;
		} else if (bio) {
			next += PAGE_SIZE;
			continue;
		}
		if (at)
			bio = bio_alloc(ii->vfs.i_sb->s_bdev, min(n - i, (u32)BIO_MAX_VECS),
				REQ_READ, GFP_NOFS);
		if (!bio) { /* page_place() gave 0, or no memory */
			r = read_in_pieces(ii, pages[i]);
			err = err ? err : r;
			continue;
		}
		bio->sector = at >> SECTOR_SHIFT;
		bio->end_io = bio_end_read_pages;
		bio_add_page(bio, pages[i], PAGE_SIZE, 0);
		next = at + PAGE_SIZE;
	}
	if (bio)
		submit_bio(bio);
	return err;
}

static int iso_readpage(struct file *file, struct page *page)
{
	return read_pages(ISO_I(page->mapping->host), &page, 1);
}

static void iso_readahead(struct address_space *m, struct file *file, u64 index, u32 nr)
{
	struct page **pages = kmalloc(RA_CHUNK * sizeof(pages[0]), GFP_NOFS);
	u32 i, n;

	if (!pages)
		return;
	while (nr && (n = page_cache_alloc_run(m, index, min(nr, RA_CHUNK), pages))) {
		read_pages(ISO_I(m->host), pages, n);
		for (i = 0; i < n; i++)
			put_page(pages[i]);
		index += n;
		nr -= n;
	}
	kfree(pages);
}

static const struct address_space_operations iso_aops = {
	.readpage = iso_readpage,
	.readahead = iso_readahead,
};
static const struct file_operations iso_file_fops = {
	.llseek = generic_file_llseek,
	.read_iter = generic_file_read_iter,
	.mmap = generic_file_mmap,
};
static const struct inode_operations iso_file_iops = { .getattr_plain = false };
static const struct inode_operations iso_symlink_iops = { .get_link = simple_get_link };

/* ---- attributes ---- */

static void set_times(struct inode *inode, const struct iso_dir_record *d, const struct rock *k)
{
	s64 t = iso_date(d->date);

	inode->i_mtime.tv_sec = k->have & ROCK_MTIME ? k->mtime : t;
	inode->i_atime.tv_sec = k->have & ROCK_ATIME ? k->atime : t;
	inode->i_ctime.tv_sec = k->have & ROCK_CTIME ? k->ctime : t;
}

static void set_owner(struct iso_sb *s, struct inode *inode, bool dir, const struct rock *k)
{
	u32 given = dir ? s->dmode : s->mode;

	inode->i_uid = s->uid;
	inode->i_gid = s->gid;
	inode->i_mode = (dir ? S_IFDIR | 0555 : S_IFREG | 0444);
	set_nlink(inode, dir ? 2 : 1);
	if (k->have & ROCK_ATTRS) {
		inode->i_mode = k->mode;
		inode->i_uid = k->uid;
		inode->i_gid = k->gid;
		set_nlink(inode, max(k->nlink, 1U));
		if (!s->override)
			return;
	}
	if (given != ISO_NO_MODE && !S_ISLNK(inode->i_mode))
		inode->i_mode = (inode->i_mode & S_IFMT) | given;
}

static void set_size(struct inode *inode, u64 size)
{
	i_size_write(inode, (loff_t)size);
	inode->i_blocks = DIV_ROUND_UP(size, 512);
	inode->i_blkbits = inode->i_sb->s_blocksize_bits;
}

static dev_t rock_device(const struct rock *k)
{
	if (!k->dev_high && k->dev_low & ~0xffU) /* the whole number is in dev_low */
		return MKDEV(k->dev_low >> 8, k->dev_low & 0xff);
	return MKDEV(k->dev_high & 0xfff, k->dev_low & 0xfffff);
}

/* ---- directories ---- */

/* Fills a new inode from the "." record at its number. Returns 0 or -errno. */
static int fill_dir(struct super_block *sb, struct inode *inode)
{
	struct iso_sb *s = ISO_SB(sb);
	struct rock *k = kzalloc(sizeof(*k), GFP_NOFS);
	struct iso_record *r = kmalloc(sizeof(*r), GFP_NOFS);
	int err = k && r ? iso_read_record(sb, inode->i_ino, r) : -ENOMEM;

	if (!err && (!iso_is_dot(&r->d, 0) || !(r->d.flags & ISO_DIRECTORY)))
		err = -EIO;
	if (!err)
		err = iso_rock(s, r, k);
	if (!err) {
		k->mode = S_IFDIR | (k->mode & 07777);
		set_owner(s, inode, true, k);
		set_times(inode, &r->d, k);
		set_size(inode, r->d.size);
		ISO_I(inode)->dir_at = inode->i_ino;
		inode->i_op = &iso_dir_iops;
		inode->i_fop = &iso_dir_fops;
	}
	kfree(r);
	kfree(k);
	return err;
}

struct inode *iso_iget_dir(struct super_block *sb, u64 at)
{
	struct inode *inode = at ? iget_locked(sb, at) : ERR_PTR(-EIO);
	int err;

	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	err = fill_dir(sb, inode);
	if (!err) {
		unlock_new_inode(inode);
		return inode;
	}
	iget_failed(inode);
	return ERR_PTR(err);
}

/* ---- files ---- */

/*
 * Adds the record's section at byte *size of the file, and its length to *size. Returns 0 or
 * -errno.
 */
static int add_section(
	struct iso_sb *s, struct iso_inode *ii, const struct iso_dir_record *d, u64 *size)
{
	struct iso_section *more;

	if (d->unit_size || d->interleave)
		return -EIO; /* interleaved files are not supported */
	if (ii->nr_sections == ISO_MAX_SECTIONS)
		return -EIO;
	more = krealloc(ii->sections == &ii->one ? NULL : ii->sections,
		(ii->nr_sections + 1) * sizeof(*more), GFP_NOFS);
	if (!more)
		return -ENOMEM;
	ii->sections = more;
	more[ii->nr_sections++] =
		(struct iso_section){ .pos = *size, .size = d->size, .at = iso_extent(s, d) };
	*size += d->size;
	return 0;
}

/*
 * Adds all sections of the file whose first record is @w's. Sets *size to the bytes of all
 * sections. Returns 0 or -errno.
 */
static int read_sections(
	struct super_block *sb, struct iso_inode *ii, const struct iso_walk *w, u64 *size)
{
	struct iso_walk *x = kmemdup(w, sizeof(*w), GFP_NOFS);
	int err = x ? 0 : -ENOMEM;

	while (!err) {
		err = add_section(ISO_SB(sb), ii, &x->r.d, size);
		if (err || !(x->r.d.flags & ISO_NOT_FINAL))
			break;
		err = iso_next(sb, x) == 1 ? 0 : -EIO;
	}
	kfree(x);
	return err;
}

/* Sets the text of a symbolic link. Returns 0 or -errno. */
static int fill_symlink(struct inode *inode, struct rock *k)
{
	if (!k->link_len)
		return -EIO;
	k->link[k->link_len] = 0;
	inode->i_link = kmemdup(k->link, k->link_len + 1, GFP_NOFS);
	if (!inode->i_link)
		return -ENOMEM;
	set_size(inode, k->link_len);
	inode->i_op = &iso_symlink_iops;
	return 0;
}

/* Sets operations, size and sections for i_mode. Returns 0 or -errno. */
static int fill_kind(
	struct super_block *sb, struct inode *inode, const struct iso_walk *w, struct rock *k)
{
	struct iso_inode *ii = ISO_I(inode);
	u64 size = 0;
	int err;

	inode->i_op = &iso_file_iops;
	switch (inode->i_mode & S_IFMT) {
	case S_IFLNK: return fill_symlink(inode, k);
	case S_IFREG:
		if (!(w->r.d.flags & ISO_NOT_FINAL) && !w->r.d.unit_size && !w->r.d.interleave) {
			size = w->r.d.size & (ISO_SB(sb)->cruft ? 0xffffffU : ~0U);
			ii->one = (struct iso_section){ 0, size, iso_extent(ISO_SB(sb), &w->r.d) };
			ii->sections = &ii->one;
			ii->nr_sections = 1;
		} else {
			err = read_sections(sb, ii, w, &size);
			if (err)
				return err;
		}
		set_size(inode, size);
		inode->i_fop = &iso_file_fops;
		inode->i_data.a_ops = &iso_aops;
		return 0;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK: init_special_inode(inode, inode->i_mode, rock_device(k)); return 0;
	default: return -EIO;
	}
}

/* Fills a new inode from the walk's record. Returns 0 or -errno. */
static int fill_file(struct super_block *sb, struct inode *inode, const struct iso_walk *w)
{
	struct rock *k = kzalloc(sizeof(*k), GFP_NOFS);
	int err = -ENOMEM;

	if (k)
		k->link = kmalloc(PATH_MAX, GFP_NOFS);
	if (!k || !k->link)
		goto out;
	err = iso_rock(ISO_SB(sb), &w->r, k);
	if (!err) {
		set_owner(ISO_SB(sb), inode, false, k);
		set_times(inode, &w->r.d, k);
		err = fill_kind(sb, inode, w, k);
	}
out:
	if (k)
		kfree(k->link);
	kfree(k);
	return err;
}

struct inode *iso_iget_file(struct super_block *sb, const struct iso_walk *w)
{
	struct inode *inode = iget_locked(sb, w->r.at);
	int err;

	if (IS_ERR(inode) || !(inode->i_state & I_NEW))
		return inode;
	err = fill_file(sb, inode, w);
	if (!err) {
		unlock_new_inode(inode);
		return inode;
	}
	iget_failed(inode);
	return ERR_PTR(err);
}
