/* SPDX-License-Identifier: MIT */
/*
 * shutdown.c: FS_IOC_SHUTDOWN: the file system stops as if its disk were gone, and stays mounted.
 * Crash tests use it.
 *
 *	default     all changes reach the disk first; there is nothing to replay
 *	logflush    the running transaction is committed; the next mount replays the log
 *	nologflush  no more writes: changes that were not committed are lost
 *
 * From then on, open, read, write, mmap, fsync and changes of any kind fail with EIO. Names and
 * attributes can still be looked up. Only unmounting ends this state. The journal is aborted as
 * after an error of the disk, but the file system does not become read-only, so the error is EIO,
 * not EROFS.
 *
 * Order: sbi->shutdown is set before the abort, so that a task to which the journal refuses a
 * handle finds it set.
 */
#include <linux/capability.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/printk.h"
#include "kernel/ident/cred.h"

enum { GOING_DEFAULT, GOING_LOGFLUSH, GOING_NOLOGFLUSH };

static void stop_all(struct ext4_sb *sbi)
{
	__atomic_store_n(&sbi->shutdown, true, __ATOMIC_SEQ_CST);
}

/*
 * Freezes the file system, which writes all changes to the disk, and stops it while there is no
 * writer. If the freeze returns -EBUSY, the file system is already frozen, and all changes are on
 * the disk. Returns 0 or -errno.
 */
static int stop_whole(struct super_block *sb)
{
	int err = freeze_super(sb);

	if (err && err != -EBUSY)
		return err;
	stop_all(EXT4_SB(sb));
	ext4_journal_give_up(EXT4_SB(sb));
	if (!err)
		thaw_super(sb);
	return 0;
}

long ext4_shutdown(struct super_block *sb, uaddr_t from)
{
	struct ext4_sb *sbi = EXT4_SB(sb);
	u32 how;
	int err = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(&how, from, sizeof(how)))
		return -EFAULT;
	if (how > GOING_NOLOGFLUSH)
		return -EINVAL;
	if (ext4_alive(sbi))
		return 0;
	printk(KERN_ALERT "EXT4-fs (%s): shut down requested (%u)\n", sb->s_id, how);
	switch (how) {
	case GOING_DEFAULT: err = stop_whole(sb); break;
	case GOING_LOGFLUSH:
		stop_all(sbi);
		if (!ext4_journal_is_aborted(sbi))
			ext4_force_commit(sb, true);
		ext4_journal_give_up(sbi);
		break;
	case GOING_NOLOGFLUSH:
		stop_all(sbi);
		ext4_journal_give_up(sbi);
		break;
	}
	return err;
}
