/* SPDX-License-Identifier: MIT */
/*
 * kept.c: files of the host that stay open for reading after the guest has closed them. A program
 * that reads files again and again (a compiler its headers, a server its pages) then asks the host
 * for the name only, one call instead of four.
 *
 *      old = hostfs_keep(inode)   its last user has gone; under open_lock, and without it:
 *                                 hostfs_close_idle(old)
 *      hostfs_take_kept(inode)    it is opened again: closes files that are not trusted any more
 *      hostfs_drop_kept(hs, i)    the inode @i, or all (NULL): unmounting, the last name goes
 *
 * A file is kept only if it was open for reading alone and has never been locked. It is reused only
 * while its ctime is unchanged: after a chmod, a write or a rename on the host, the host is asked
 * again whether it may be read. Each mount keeps the last few, each with a reference of its inode.
 *
 * Locks: hostfs_sb.lock for the table and hostfs_inode.kept; open_lock for the rest. The second may
 * be held when the first is taken.
 */
#include "drivers/hostfs/hostfs.h"

void hostfs_close_idle(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	mutex_lock(&hi->open_lock);
	if (!hi->users && hi->idle)
		hostfs_close_files(inode);
	mutex_unlock(&hi->open_lock);
	iput(inode);
}

/*
 * Puts @inode into the place of the one that has waited longest. Returns that inode, with the
 * table's reference, or NULL.
 */
static struct inode *put_in_table(struct hostfs_sb *hs, struct inode *inode)
{
	struct inode **place, *old;

	spin_lock(&hs->lock);
	if (HOSTFS_I(inode)->kept) {
		spin_unlock(&hs->lock);
		return NULL;
	}
	place = &hs->kept[hs->next_kept++ % HOSTFS_KEPT];
	old = *place;
	*place = inode;
	ihold(inode);
	HOSTFS_I(inode)->kept = true;
	if (old)
		HOSTFS_I(old)->kept = false;
	spin_unlock(&hs->lock);
	return old;
}

struct inode *hostfs_keep(struct inode *inode)
{
	struct hostfs_sb *hs = hostfs_sb_of(inode);
	struct hostfs_inode *hi = HOSTFS_I(inode);

	if (!hi->rfile || hi->wfile || hi->lfile || !inode->i_nlink || !hs->interval) {
		hostfs_close_files(inode);
		return NULL;
	}
	hi->idle = true;
	hi->idle_ctime = inode->i_ctime;
	return put_in_table(hs, inode);
}

void hostfs_take_kept(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	if (!hi->idle)
		return;
	hi->idle = false;
	if (hi->idle_ctime.tv_sec != inode->i_ctime.tv_sec ||
		hi->idle_ctime.tv_nsec != inode->i_ctime.tv_nsec)
		hostfs_close_files(inode);
}

void hostfs_drop_kept(struct hostfs_sb *hs, const struct inode *which)
{
	for (u32 i = 0; i < HOSTFS_KEPT; i++) {
		struct inode *inode;

		spin_lock(&hs->lock);
		inode = hs->kept[i];
		if (inode && which && inode != which)
			inode = NULL;
		if (inode) {
			hs->kept[i] = NULL;
			HOSTFS_I(inode)->kept = false;
		}
		spin_unlock(&hs->lock);
		if (inode)
			hostfs_close_idle(inode);
	}
}
