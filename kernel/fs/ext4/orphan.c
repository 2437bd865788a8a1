/* SPDX-License-Identifier: MIT */
/*
 * orphan.c: inodes that are being removed or shrunk: a list chained through i_dtime from the
 * superblock, and the orphan file.
 *
 * Removing blocks may take several transactions, so an inode that shrinks or is removed is first
 * put on the list: after a crash the next mount finishes it. This kernel writes only the list. A
 * file system with the feature orphan_file may have inodes in its orphan file (Linux puts them
 * there). A mount finishes them like the inodes of the list, and removes them from the file. An
 * inode that cannot be finished, because a block cannot be read, keeps its place on the list for
 * the next mount when it leaves memory.
 *
 * Locks: orphan_lock for the list, under a handle.
 *
 * Source: linux-doc, filesystems/ext4/orphan.
 */
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/task/signal/signal.h"

/*
 * Largest number of unfinished inodes of a damaged list that are kept, since each new one is
 * compared with all of them. The next mount handles the rest.
 */
#define LEFT_MAX 4096

#define ORPHAN_MAGIC 0x0b10ca04U
struct orphan_tail {
	__le32 magic, checksum;
} __packed;

/* Makes @ino the first of the list on disk. 0: the list is empty. */
static void set_head(struct ext4_handle *h, struct ext4_sb *sbi, u32 ino)
{
	struct ext4_disk_sb *d = (void *)(sbi->sb_buf->data + sbi->sb_off);

	mutex_lock(&sbi->alloc_lock);
	d->s_last_orphan = ino;
	mutex_unlock(&sbi->alloc_lock);
	ext4_dirty(h, sbi->sb_buf); /* the commit sets its checksum */
}

/* Returns the inode of an orphan that is in memory (@left is not set). */
static struct ext4_inode *inode_of(struct ext4_orphan *o)
{
	return container_of(o, struct ext4_inode, orphan);
}

/*
 * Makes the inode number @next follow @o in the list on disk. Returns 0 or -errno. orphan_lock is
 * held.
 */
static int set_next(struct ext4_handle *h, struct ext4_sb *sbi, struct ext4_orphan *o, u32 next)
{
	u32 old;
	int err;

	if (o->left)
		return ext4_set_raw_dtime(h, sbi->sb, o->ino, next);
	old = inode_of(o)->dtime;
	inode_of(o)->dtime = next;
	err = ext4_write_inode_raw(h, &inode_of(o)->vfs);
	if (err)
		inode_of(o)->dtime = old;
	return err;
}

int ext4_orphan_add(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);
	int err = 0;

	mutex_lock(&sbi->orphan_lock);
	if (list_empty(&ei->orphan.link)) {
		struct ext4_orphan *head =
			list_first_entry_or_null(&sbi->orphans, struct ext4_orphan, link);

		ei->dtime = head ? head->ino : 0;
		err = ext4_write_inode_raw(h, inode);
		if (!err) {
			ei->orphan.ino = (u32)inode->i_ino;
			list_add(&ei->orphan.link, &sbi->orphans);
			set_head(h, sbi, (u32)inode->i_ino);
		}
	}
	mutex_unlock(&sbi->orphan_lock);
	return err;
}

/* Takes the inode off the list. The caller writes the inode afterwards. Returns 0 or -errno. */
int ext4_orphan_del(struct ext4_handle *h, struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);
	int err = 0;

	mutex_lock(&sbi->orphan_lock);
	if (!list_empty(&ei->orphan.link)) {
		if (ei->orphan.link.prev == &sbi->orphans)
			set_head(h, sbi, ei->dtime);
		else
			err = set_next(h, sbi, list_prev_entry(&ei->orphan, link), ei->dtime);
		if (!err) {
			list_del_init(&ei->orphan.link);
			ei->dtime = 0;
		}
	}
	mutex_unlock(&sbi->orphan_lock);
	return err;
}

/* ---- orphans whose inodes have left memory ---- */

/* Makes the record of an orphan that is not in memory. orphan_lock is held. */
static struct ext4_orphan *leave(struct ext4_sb *sbi, u32 ino)
{
	struct ext4_orphan *o = kmalloc(sizeof(*o), GFP_NOFS | __GFP_NOFAIL);

	sbi->orphans_left++;
	*o = (struct ext4_orphan){ .ino = ino, .left = true };
	return o;
}

/*
 * Keeps the place of an evicted orphan in the list, since the list on disk still leads through it.
 * Otherwise the next change of the list would cut off all orphans that follow it.
 */
void ext4_orphan_evicted(struct inode *inode)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_orphan *o = &EXT4_I(inode)->orphan;

	mutex_lock(&sbi->orphan_lock);
	if (!list_empty(&o->link)) {
		list_add(&leave(sbi, o->ino)->link, &o->link);
		list_del_init(&o->link);
	}
	mutex_unlock(&sbi->orphan_lock);
}

bool ext4_orphans_removed(struct ext4_sb *sbi)
{
	struct ext4_orphan *o;
	bool any = false;

	mutex_lock(&sbi->orphan_lock);
	list_for_each_entry(o, &sbi->orphans, link)
		any |= !o->left && !inode_of(o)->vfs.i_nlink;
	mutex_unlock(&sbi->orphan_lock);
	return any;
}

void ext4_orphans_free(struct ext4_sb *sbi)
{
	struct ext4_orphan *o, *next;

	list_for_each_entry_safe(o, next, &sbi->orphans, link) {
		if (!o->left)
			continue;
		list_del(&o->link);
		kfree(o);
	}
}

/* Returns the list's entry for the inode, or NULL. orphan_lock is held. */
static struct ext4_orphan *find(struct ext4_sb *sbi, u32 ino)
{
	struct ext4_orphan *o;

	list_for_each_entry(o, &sbi->orphans, link)
		if (o->ino == ino)
			return o;
	return NULL;
}

void ext4_orphan_back(struct inode *inode, const struct ext4_disk_inode *raw)
{
	struct ext4_sb *sbi = EXT4_SB(inode->i_sb);
	struct ext4_inode *ei = EXT4_I(inode);
	struct ext4_orphan *o;

	if (!READ_ONCE(sbi->orphans_left))
		return;
	mutex_lock(&sbi->orphan_lock);
	o = find(sbi, (u32)inode->i_ino);
	if (o && o->left) {
		ei->dtime = raw->i_dtime;
		ei->slot_clean = true; /* the slot already has this inode */
		ei->orphan.ino = o->ino;
		list_add(&ei->orphan.link, &o->link);
		list_del(&o->link);
		kfree(o);
		sbi->orphans_left--;
	}
	mutex_unlock(&sbi->orphan_lock);
}

/*
 * Appends an inode of the disk's list to the list in memory. @inode is NULL if it cannot be read.
 * Returns false if the list in memory already has it, which means that the disk's list is circular.
 */
static bool meet(struct ext4_sb *sbi, u32 ino, struct inode *inode)
{
	struct ext4_orphan *o;
	bool first;

	mutex_lock(&sbi->orphan_lock);
	o = find(sbi, ino);
	first = !o;
	if (first) {
		o = inode ? &EXT4_I(inode)->orphan : leave(sbi, ino);
		o->ino = ino;
		list_add_tail(&o->link, &sbi->orphans);
	}
	mutex_unlock(&sbi->orphan_lock);
	return first;
}

/*
 * Takes off the list an inode that has a name and is no regular file. Only regular files may be on
 * the list for a truncation.
 */
static void take_off(struct inode *inode)
{
	struct ext4_handle *h = ext4_start(inode->i_sb, 2 * EXT4_INODE_CREDITS);

	printk(KERN_WARNING "EXT4-fs (%s): inode %lu is on the list of orphans, but is none\n",
		inode->i_sb->s_id, inode->i_ino);
	if (IS_ERR(h))
		return;
	if (!ext4_orphan_del(h, inode))
		ext4_write_inode_raw(h, inode);
	ext4_stop(h);
}

/*
 * Finishes an orphan inode: removes a file that was deleted while it was open, or completes a
 * truncation. Returns false if the list already had the inode. Drops the reference to @inode.
 */
static bool finish(struct inode *inode)
{
	bool first = meet(EXT4_SB(inode->i_sb), (u32)inode->i_ino, inode);

	if (first && inode->i_nlink && S_ISREG(inode->i_mode))
		ext4_truncate(inode);
	else if (first && inode->i_nlink)
		take_off(inode);
	iput(inode);
	return first;
}

/* Returns an orphan's inode, referenced, or ERR_PTR. */
static struct inode *get_orphan(struct super_block *sb, u32 ino)
{
	struct inode *inode =
		ino < EXT4_SB(sb)->first_ino ? ERR_PTR(-EFSCORRUPTED) : ext4_iget_orphan(sb, ino);

	if (IS_ERR(inode))
		printk(KERN_WARNING "EXT4-fs (%s): orphan list names inode %u, which is damaged\n",
			sb->s_id, ino);
	return inode;
}

/* Finishes the inodes of the list on disk. Returns their number. */
static u32 clean_list(struct super_block *sb)
{
	struct ext4_disk_sb *d = ext4_live_sb(EXT4_SB(sb));
	u32 ino = d->s_last_orphan, steps = 0;

	while (ino && steps < d->s_inodes_count) {
		bool enough =
			fatal_signal_pending(current) || EXT4_SB(sb)->orphans_left >= LEFT_MAX;
		struct inode *inode = enough ? ERR_PTR(-EINTR) : get_orphan(sb, ino);

		if (IS_ERR(inode)) {
			if (PTR_ERR(inode) != -EFSCORRUPTED)
				meet(EXT4_SB(sb), ino, NULL);
			break;
		}
		ino = EXT4_I(inode)->dtime;
		if (!finish(inode)) {
			printk(KERN_WARNING "EXT4-fs (%s): the list of orphans goes in a circle\n",
				sb->s_id);
			break;
		}
		steps++;
		cond_resched();
	}
	return steps;
}

/* ---- the orphan file ---- */

/* Computes the checksum of a block of the orphan file. */
static u32 file_csum(struct inode *file, const struct ext4_buf *b)
{
	__le64 nr = b->block;

	return ext4_csum(ext4_csum(EXT4_I(file)->csum_seed, &nr, sizeof(nr)), b->data,
		b->sbi->block_size - sizeof(struct orphan_tail));
}

/*
 * Removes an entry from its block of the orphan file, and puts @orphan on the list instead, unless
 * it is NULL. Called before the inode is finished. Returns 0 or -errno.
 */
static int take_entry(struct inode *file, struct ext4_buf *b, u32 i, struct inode *orphan)
{
	struct orphan_tail *tail = (void *)(b->data + b->sbi->block_size - sizeof(*tail));
	struct ext4_handle *h = ext4_start(file->i_sb, 2 + 2 * EXT4_INODE_CREDITS);

	if (IS_ERR(h))
		return (int)PTR_ERR(h);
	((__le32 *)b->data)[i] = 0;
	if (b->sbi->csum)
		tail->checksum = file_csum(file, b);
	ext4_dirty(h, b);
	if (orphan)
		ext4_orphan_add(h, orphan);
	ext4_stop(h);
	return 0;
}

/* Finishes the inodes of a block of the orphan file. Returns their number. */
static u32 clean_block(struct inode *file, struct ext4_buf *b)
{
	u32 n = (b->sbi->block_size - (u32)sizeof(struct orphan_tail)) / 4, i, done = 0;

	for (i = 0; i < n; i++) {
		u32 ino = ((__le32 *)b->data)[i];
		struct inode *inode;

		if (!ino)
			continue;
		inode = get_orphan(file->i_sb, ino);
		if (take_entry(file, b, i, IS_ERR(inode) ? NULL : inode))
			break;
		if (IS_ERR(inode))
			continue;
		if (inode->i_nlink && S_ISREG(inode->i_mode))
			ext4_truncate(inode);
		iput(inode);
		done++;
		cond_resched();
	}
	return done;
}

static bool block_ok(struct inode *file, const struct ext4_buf *b)
{
	const struct orphan_tail *tail =
		(const void *)(b->data + b->sbi->block_size - sizeof(*tail));

	return tail->magic == ORPHAN_MAGIC &&
	       (!b->sbi->csum || tail->checksum == file_csum(file, b));
}

/* Returns a block of the orphan file, referenced and checked, or ERR_PTR. */
static struct ext4_buf *file_block(struct inode *file, u32 lblk)
{
	struct ext4_map m = { .lblk = lblk, .len = 1 };
	struct ext4_buf *b;
	int err;

	down_read(&EXT4_I(file)->i_data_sem);
	err = ext4_map_blocks(file, &m);
	up_read(&EXT4_I(file)->i_data_sem);
	if (err || !m.pblk)
		return ERR_PTR(err ? err : -EFSCORRUPTED);
	b = ext4_bread(EXT4_SB(file->i_sb), m.pblk, EXT4_USE(EXT4_DATA, file->i_ino));
	if (IS_ERR(b) || block_ok(file, b))
		return b;
	ext4_brelse(b);
	return ERR_PTR(-EFSCORRUPTED);
}

/* Records in the superblock that the orphan file is empty. */
static void no_orphans_present(struct super_block *sb)
{
	struct ext4_handle *h = ext4_start(sb, 1);

	if (IS_ERR(h))
		return;
	mutex_lock(&EXT4_SB(sb)->alloc_lock);
	ext4_live_sb(EXT4_SB(sb))->s_feature_ro_compat &= ~(u32)RO_COMPAT_ORPHAN_PRESENT;
	mutex_unlock(&EXT4_SB(sb)->alloc_lock);
	ext4_dirty(h, EXT4_SB(sb)->sb_buf);
	ext4_stop(h);
}

/* Finishes the inodes of the orphan file. Returns their number. */
static u32 clean_file(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	struct inode *file = ext4_iget(sb, sbi->disk.s_orphan_file_inum);
	u32 lblk, n, done = 0;
	bool whole = true;

	if (IS_ERR(file)) {
		printk(KERN_WARNING "EXT4-fs (%s): the orphan file cannot be read\n", sb->s_id);
		return 0;
	}
	n = S_ISREG(file->i_mode) ?
		    (u32)min_t(u64, (u64)file->i_size >> file->i_blkbits, 1U << 20) :
		    0;
	for (lblk = 0; lblk < n && !fatal_signal_pending(current); lblk++) {
		struct ext4_buf *b = file_block(file, lblk);

		cond_resched();
		if (IS_ERR(b)) {
			if (whole) /* log once, even if all are damaged */
				printk(KERN_WARNING
					"EXT4-fs (%s): block %u of the orphan file is damaged\n",
					sb->s_id, lblk);
			whole = false;
			continue;
		}
		done += clean_block(file, b);
		ext4_brelse(b);
	}
	iput(file);
	if (whole && lblk == n)
		no_orphans_present(sb);
	return done;
}

void ext4_orphan_cleanup(struct super_block *sb)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 done = clean_list(sb);

	if (EXT4_HAS(sbi, compat, COMPAT_ORPHAN_FILE) &&
		ext4_live_sb(sbi)->s_feature_ro_compat & RO_COMPAT_ORPHAN_PRESENT)
		done += clean_file(sb);
	if (done)
		printk(KERN_INFO "EXT4-fs (%s): %u orphan inodes cleaned up\n", sb->s_id, done);
}
