/* SPDX-License-Identifier: MIT */
/*
 * ioctl.c: ioctls of ext4: an inode's generation, the file system's label, trimming. Requests that
 * would move blocks or groups (defragmenting, resizing) are refused.
 *
 * The label is changed in the superblock, under a handle. The superblock's copies in other groups
 * keep the old label until e2fsck or tune2fs writes them.
 */
#include <linux/capability.h>
#include <linux/fs.h>

#include "arch/um/machine/uaccess.h"
#include "kernel/fs/ext4/ext4.h"
#include "kernel/lib/string.h"
#include "kernel/ident/cred.h"

#define LABEL_MAX 16 /* bytes, without a terminator */

/* ext4's own requests that are not in the uapi headers. Source: linux-doc, filesystems/ext4. */
#define EXT4_IOC_GETVERSION_OLD _IOR('f', 3, long)
#define EXT4_IOC_GROUP_EXTEND _IOW('f', 7, unsigned long)
#define EXT4_IOC_GROUP_ADD _IOW('f', 8, u8[40])
#define EXT4_IOC_MOVE_EXT _IOWR('f', 15, u8[40])
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, u64)
#define EXT4_IOC_SWAP_BOOT _IO('f', 17)
#define EXT4_IOC_SHUTDOWN _IOR('X', 125, u32)

static long get_label(struct ext4_sb *sbi, uaddr_t to)
{
	char label[LABEL_MAX + 1] = "";

	mutex_lock(&sbi->alloc_lock);
	memcpy(label, ext4_live_sb(sbi)->s_volume_name, LABEL_MAX);
	mutex_unlock(&sbi->alloc_lock);
	return copy_to_user(to, label, sizeof(label)) ? -EFAULT : 0;
}

/* Changes the label. @label: LABEL_MAX bytes, padded with zeros. Returns 0 or -errno. */
static long write_label(struct ext4_sb *sbi, const char *label)
{
	struct ext4_handle *h = ext4_start(sbi->sb, 1);

	if (IS_ERR(h))
		return PTR_ERR(h);
	mutex_lock(&sbi->alloc_lock);
	memcpy(ext4_live_sb(sbi)->s_volume_name, label, LABEL_MAX);
	mutex_unlock(&sbi->alloc_lock);
	ext4_dirty(h, sbi->sb_buf); /* the commit sets its checksum */
	ext4_stop(h);
	return 0;
}

static long set_label(struct file *f, uaddr_t from)
{
	char label[LABEL_MAX + 1] = "";
	size_t n;
	long err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (copy_from_user(label, from, sizeof(label)))
		return -EFAULT;
	n = strnlen(label, sizeof(label));
	if (n > LABEL_MAX)
		return -EINVAL;
	memset(label + n, 0, sizeof(label) - n);
	err = mnt_want_write(f->f_path.mnt);
	if (err)
		return err;
	err = write_label(EXT4_SB(f->f_inode->i_sb), label);
	mnt_drop_write(f->f_path.mnt);
	return err;
}

long ext4_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inode *inode = f->f_inode;

	switch (cmd) {
	case FS_IOC_GETVERSION: return put_user(inode->i_generation, UADDR(arg));
	case FS_IOC_GETFSLABEL: return get_label(EXT4_SB(inode->i_sb), UADDR(arg));
	case FS_IOC_SETFSLABEL: return set_label(f, UADDR(arg));
	case EXT4_IOC_SHUTDOWN: return ext4_shutdown(inode->i_sb, UADDR(arg));
	case FITRIM: return ext4_fitrim(inode->i_sb, UADDR(arg));
	case EXT4_IOC_GETVERSION_OLD: return put_user(inode->i_generation, UADDR(arg));
	case EXT4_IOC_MOVE_EXT:
	case EXT4_IOC_SWAP_BOOT:
	case EXT4_IOC_GROUP_EXTEND:
	case EXT4_IOC_GROUP_ADD:
	case EXT4_IOC_RESIZE_FS:
		return capable(CAP_SYS_ADMIN) || cmd == EXT4_IOC_MOVE_EXT ? -EOPNOTSUPP : -EPERM;
	default: return -ENOTTY;
	}
}
