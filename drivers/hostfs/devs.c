/* SPDX-License-Identifier: MIT */
/*
 * devs.c: the file systems of the host that the guest has met in a shared folder, for sync(2).
 *
 * The list has one folder of each device but that of the shared folder. The host may unmount a file
 * system and mount another one, often with the same device number. So the root of a mount, which is
 * a folder whose parent has another device, always takes the place of the folder in the list.
 *
 * Locks: hostfs_sb.lock, for the list.
 */
#include "drivers/hostfs/hostfs.h"

void hostfs_note_dev(struct inode *inode, bool mount)
{
	struct hostfs_sb *hs = hostfs_sb_of(inode);
	struct hostfs_inode *hi = HOSTFS_I(inode), **at, *old;

	if (!S_ISDIR(inode->i_mode) || hi->dev == hs->root_dev)
		return;
	spin_lock(&hs->lock);
	for (at = &hs->devs; *at && (*at)->dev != hi->dev; at = &(*at)->next_dev)
		;
	old = *at;
	if (old && (old == hi || !mount)) {
		spin_unlock(&hs->lock);
		return;
	}
	ihold(inode);
	hi->next_dev = old ? old->next_dev : NULL;
	*at = hi;
	spin_unlock(&hs->lock);
	if (old)
		iput(&old->vfs);
}

/*
 * Returns the folders, each with a reference, in an array that the caller frees, and sets *nr.
 * NULL: there are none, or no memory (*nr is not 0).
 */
static struct inode **get_all(struct hostfs_sb *hs, u32 *nr)
{
	struct hostfs_inode *hi;
	struct inode **all;
	u32 n = 0;

	*nr = 0;
	spin_lock(&hs->lock);
	for (hi = hs->devs; hi; hi = hi->next_dev)
		(*nr)++;
	spin_unlock(&hs->lock);
	all = *nr ? kmalloc(*nr * sizeof(struct inode *), GFP_KERNEL) : NULL;
	if (!all)
		return NULL;
	spin_lock(&hs->lock);
	for (hi = hs->devs; hi && n < *nr; hi = hi->next_dev) {
		ihold(&hi->vfs);
		all[n++] = &hi->vfs;
	}
	spin_unlock(&hs->lock);
	*nr = n;
	return all;
}

int hostfs_sync_devs(struct hostfs_sb *hs)
{
	u32 nr;
	struct inode **all = get_all(hs, &nr);
	int err = 0, err2;

	if (!all)
		return nr ? -ENOMEM : 0;
	for (u32 i = 0; i < nr; i++) {
		err2 = (int)hostfs_ask(HOSTFS_OP_SYNCFS, NULL, HOSTFS_I(all[i])->node, 0, 0, 0);
		iput(all[i]);
		/* The host has unmounted or removed it, or the user may not read the folder. */
		if (err2 != -ESTALE && err2 != -EACCES)
			err = err ? err : err2;
	}
	kfree(all);
	return err;
}

void hostfs_drop_devs(struct hostfs_sb *hs)
{
	while (hs->devs) {
		struct hostfs_inode *hi = hs->devs;

		hs->devs = hi->next_dev;
		iput(&hi->vfs);
	}
}
