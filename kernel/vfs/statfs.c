/* SPDX-License-Identifier: MIT */
/* statfs.c: statfs(2), fstatfs(2), ustat(2). */
#include <asm/statfs.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"

/* ST_* flags of statvfs(3), which statfs(2) returns on Linux. */
#define ST_VALID 0x20
static const struct {
	u32 mnt;
	u32 st;
} flag_map[] = {
	{ MS_RDONLY, 0x1 },
	{ MS_NOSUID, 0x2 },
	{ MS_NODEV, 0x4 },
	{ MS_NOEXEC, 0x8 },
	{ MS_NOATIME, 0x400 },
	{ MS_NODIRATIME, 0x800 },
	{ MS_RELATIME, 0x1000 },
	{ MS_NOSYMFOLLOW, 0x2000 },
};

static s64 statfs_flags(const struct path *p)
{
	u32 flags = p->mnt->mnt_flags | (sb_rdonly(p->mnt->mnt_sb) ? MS_RDONLY : 0);
	s64 st = ST_VALID;

	for (u32 i = 0; i < ARRAY_SIZE(flag_map); i++)
		if (flags & flag_map[i].mnt)
			st |= flag_map[i].st;
	if (p->mnt->mnt_sb->s_flags & SB_SYNCHRONOUS)
		st |= 0x10;
	if (p->mnt->mnt_sb->s_flags & MS_MANDLOCK)
		st |= 0x40;
	return st;
}

int vfs_statfs(const struct path *p, struct kstatfs *k)
{
	struct super_block *sb = p->dentry->d_sb;

	*k = (struct kstatfs){
		.f_type = sb->s_magic, .f_bsize = sb->s_blocksize, .f_namelen = NAME_MAX
	};
	if (!sb->s_op->statfs)
		return -ENOSYS;
	k->f_fsid = sb->s_fsid ? sb->s_fsid : sb->s_dev;
	return sb->s_op->statfs(p->dentry, k);
}

static int do_statfs(const struct path *p, uaddr_t buf)
{
	struct kstatfs k;
	struct statfs s;
	int err = vfs_statfs(p, &k);

	if (err)
		return err;
	memset(&s, 0, sizeof(s));
	s.f_type = k.f_type;
	s.f_bsize = k.f_bsize;
	s.f_blocks = k.f_blocks;
	s.f_bfree = k.f_bfree;
	s.f_bavail = k.f_bavail;
	s.f_files = k.f_files;
	s.f_ffree = k.f_ffree;
	s.f_fsid.val[0] = (u32)k.f_fsid;
	s.f_fsid.val[1] = (u32)(k.f_fsid >> 32);
	s.f_namelen = k.f_namelen;
	s.f_frsize = k.f_frsize ? k.f_frsize : k.f_bsize;
	s.f_flags = statfs_flags(p);
	return copy_to_user(buf, &s, sizeof(s)) ? -EFAULT : 0;
}

long sys_statfs(uaddr_t ua, uaddr_t buf)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, ua, LOOKUP_FOLLOW | LOOKUP_AUTOMOUNT, &path);

	if (err)
		return err;
	err = do_statfs(&path, buf);
	path_put(&path);
	return err;
}

long sys_fstatfs(int fd, uaddr_t buf)
{
	struct fd f = fdget_raw(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = do_statfs(&f.file->f_path, buf);
	fdput(f);
	return err;
}

/* ---- ustat ---- */

/* The structure of ustat(2), which Linux's headers no longer have. */
struct ustat {
	s32 f_tfree;
	u64 f_tinode;
	char f_fname[6], f_fpack[6];
};

struct ustat_search {
	dev_t dev;
	struct kstatfs k;
	int err;
	struct super_block *kept; /* holds a reference (s_active) */
};

static int ustat_ask(struct super_block *sb, struct kstatfs *k)
{
	return sb->s_op->statfs ? sb->s_op->statfs(sb->s_root, k) : -ENOSYS;
}

/*
 * Handles a superblock with the device number of the call. If it has a disk, its statfs is called
 * at once. Otherwise it is kept for later: a process may serve it (FUSE), so its statfs must be
 * called without s_umount, for which all of sync() would wait.
 */
static void ustat_super(struct super_block *sb, void *arg)
{
	struct ustat_search *s = arg;

	if (sb->s_dev != s->dev || s->err != -EINVAL || s->kept)
		return;
	if (sb->s_bdev)
		s->err = ustat_ask(sb, &s->k);
	else if (atomic_inc_not_zero(&sb->s_active))
		s->kept = sb;
}

long sys_ustat(u32 dev, uaddr_t buf)
{
	struct ustat_search s = {
		.dev = MKDEV(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00)), .err = -EINVAL
	};
	struct ustat u;

	for_each_super(ustat_super, &s);
	if (s.kept) {
		s.err = ustat_ask(s.kept, &s.k);
		deactivate_super(s.kept);
	}
	if (s.err)
		return s.err;
	memset(&u, 0, sizeof(u));
	u.f_tfree = (s32)s.k.f_bfree;
	u.f_tinode = s.k.f_ffree;
	return copy_to_user(buf, &u, sizeof(u)) ? -EFAULT : 0;
}
