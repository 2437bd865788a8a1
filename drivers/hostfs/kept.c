/* SPDX-License-Identifier: MIT */
/*
 * kept.c: files of the host that stay open for reading after the guest has closed them. A program
 * that reads files repeatedly (a compiler its headers, a server its pages) then needs one host
 * call, for the name, instead of four.
 *
 *      old = hostfs_keep(inode)   at the last close; under open_lock. Afterwards, without it:
 *                                 hostfs_close_idle(old)
 *      hostfs_take_kept(inode)    at an open: closes files that may not be reused
 *      hostfs_drop_kept(hs, i)    closes those of @i, or all (NULL): unmount, last unlink
 *
 * A file is kept only if it was open only for reading and was never locked. It is reused only while
 * its ctime is unchanged: after a chmod, a write or a rename on the host it is opened again, so
 * that the host checks the permission. Each mount keeps the last HOSTFS_KEPT files, each with a
 * reference to its inode.
 *
 * Locks: hostfs_sb.lock for the table and hostfs_inode.kept; open_lock, which is taken before it,
 * for the rest.
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
 * Puts @inode into the table's oldest slot, unless it is in the table. Returns the inode that was
 * in the slot, with the table's reference, or NULL.
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
