/* SPDX-License-Identifier: MIT */
/*
 * export.c: file handles, which name a file independently of its path: name_to_handle_at(2),
 * open_by_handle_at(2), and fanotify's FIDs.
 *
 * A handle holds the inode's number and generation, in 8 bytes, or in 12 if the number is wider
 * than 32 bits. With s_op->handle_is_number it holds the 64-bit number alone. A file system that
 * can find an inode by a handle's content has s_op->handle_inode. If a file that is opened by a
 * handle has no dentry, it gets one outside every tree. A directory is first connected to the root,
 * since ".." must work: name by name from its lowest ancestor that has a dentry.
 *
 * Locks: a directory's i_rwsem while it is searched for a name.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/name/namei.h"

#define MAX_HANDLE 128
#define TYPE_INO_GEN 1
#define TYPE_KERNFS 0xfe
/* Flags that older headers lack. */
#define AT_HANDLE_MNT_ID_UNIQUE_ 0x001
#define AT_HANDLE_CONNECTABLE_ 0x002
/*
 * The handle only distinguishes files and need not be decodable, so every file system has such
 * handles.
 */
#define AT_HANDLE_FID_ 0x200
#define MAX_DEPTH 4096 /* limit for connecting a directory */

/* struct file_handle of <fcntl.h>, which is in no UAPI header */
struct handle_head {
	u32 bytes;
	s32 type;
};

bool inode_has_handle(const struct inode *inode)
{
	return inode->i_sb->s_op->handle_inode != NULL;
}

u32 inode_handle(struct inode *inode, u32 fh[3])
{
	u64 ino = inode->i_ino;

	if (inode->i_sb->s_op->handle_hashes)
		inode_hash_late(inode);
	fh[0] = (u32)ino;
	fh[1] = inode->i_generation;
	fh[2] = (u32)(ino >> 32);
	if (!inode->i_sb->s_op->handle_is_number)
		return fh[2] ? 12 : 8;
	fh[1] = fh[2];
	fh[2] = 0;
	return 8;
}

int inode_handle_type(const struct inode *inode)
{
	return inode->i_sb->s_op->handle_is_number ? TYPE_KERNFS : TYPE_INO_GEN;
}

/* ---- from a path to a handle ---- */

static int put_mount_id(const struct mount *m, uaddr_t to, bool unique)
{
	return unique ? put_user(m->mnt_id_unique, to) : put_user(m->mnt_id, to);
}

static long put_handle(const struct path *p, uaddr_t handle, uaddr_t mount_id, int flags)
{
	struct inode *inode = p->dentry->d_inode;
	struct handle_head h;
	u32 fh[3], n;

	if (!inode_has_handle(inode) && !(flags & AT_HANDLE_FID_))
		return -EOPNOTSUPP;
	if (copy_from_user(&h, handle, sizeof(h)))
		return -EFAULT;
	if (h.bytes > MAX_HANDLE)
		return -EINVAL;
	n = inode_handle(inode, fh);
	if (put_mount_id(p->mnt, mount_id, flags & AT_HANDLE_MNT_ID_UNIQUE_))
		return -EFAULT;
	if (h.bytes < n)
		return put_user(n, handle) ? -EFAULT : -EOVERFLOW;
	h.bytes = n;
	h.type = inode_handle_type(inode);
	if (copy_to_user(handle, &h, sizeof(h)) ||
		copy_to_user(uaddr_add(handle, sizeof(h)), fh, n))
		return -EFAULT;
	return 0;
}

long sys_name_to_handle_at(int dfd, uaddr_t name, uaddr_t handle, uaddr_t mount_id, int flags)
{
	u32 lookup = flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0;
	struct path path;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID_ |
			    AT_HANDLE_MNT_ID_UNIQUE_ | AT_HANDLE_CONNECTABLE_))
		return -EINVAL;
	if ((flags & AT_HANDLE_FID_) && (flags & AT_HANDLE_CONNECTABLE_))
		return -EINVAL;
	if (flags & AT_HANDLE_CONNECTABLE_)
		/* handles that also name the directory are not supported */
		return -EOPNOTSUPP;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, name, lookup, &path);
	if (err)
		return err;
	err = put_handle(&path, handle, mount_id, flags);
	path_put(&path);
	return err;
}

/* ---- connecting a directory ---- */

struct name_search {
	struct dir_context ctx;
	u64 ino;
	int len;
	bool found;
	char name[NAME_MAX + 1];
};

static bool search_actor(
	struct dir_context *ctx, const char *name, int len, loff_t pos, u64 ino, u32 type)
{
	struct name_search *s = container_of(ctx, struct name_search, ctx);

	if (ino != s->ino || len > NAME_MAX || (name[0] == '.' && len <= 2 && name[len - 1] == '.'))
		return true;
	memcpy(s->name, name, (size_t)len);
	s->len = len;
	s->found = true;
	return false;
}

/*
 * Makes the dentry of @child, a directory in @parent, by finding its name there. Returns 0, -ESTALE
 * or another -errno.
 */
static int connect_below(struct mount *m, struct dentry *parent, const struct inode *child)
{
	struct path path = { m, parent };
	struct name_search *s;
	struct dentry *d;
	struct file *f = dentry_open(&path, O_RDONLY | O_DIRECTORY, FMODE_NONOTIFY);
	int err;

	if (IS_ERR(f))
		return (int)PTR_ERR(f);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	err = -ENOMEM;
	if (!s)
		goto out_put;
	s->ctx.actor = search_actor;
	s->ino = child->i_ino;
	err = iterate_dir(f, &s->ctx);
	if (!err && !s->found)
		err = -ESTALE;
	if (!err) {
		down_write(&parent->d_inode->i_rwsem);
		d = lookup_one_len(s->name, parent, s->len);
		up_write(&parent->d_inode->i_rwsem);
		if (IS_ERR(d))
			err = (int)PTR_ERR(d);
		else if (d->d_inode != child)
			err = -ESTALE;
		if (!IS_ERR(d))
			dput(d);
	}
	kfree(s);
out_put:
	fput(f);
	return err;
}

/*
 * Connects one directory on the path to @dir: the child of the lowest ancestor that has a dentry.
 * Returns 0 or -errno.
 */
static int connect_step(struct mount *m, struct inode *dir)
{
	struct super_block *sb = dir->i_sb;
	struct inode *child = dir, *up;
	struct dentry *parent = NULL;
	u32 depth;
	int err = 0;

	ihold(child);
	for (depth = 0; !parent && !err; depth++) {
		up = depth < MAX_DEPTH ? sb->s_op->parent_inode(child) : ERR_PTR(-ESTALE);
		if (IS_ERR(up)) {
			err = (int)PTR_ERR(up);
			break;
		}
		parent = d_find_alias(up);
		if (!parent) {
			iput(child);
			child = up;
			cond_resched();
			continue;
		}
		iput(up);
		err = connect_below(m, parent, child);
	}
	dput(parent);
	iput(child);
	return err;
}

static struct dentry *connected_dir(struct mount *m, struct inode *dir)
{
	struct dentry *d;
	int err = 0, i;

	for (i = 0; i < MAX_DEPTH && !err; i++) {
		d = d_find_alias(dir);
		if (d)
			return d;
		err = dir->i_sb->s_op->parent_inode ? connect_step(m, dir) : -ESTALE;
	}
	return ERR_PTR(err ? err : -ESTALE);
}

/* ---- from a handle to a file ---- */

static char *loose_dname(struct dentry *d, char *buf, int len)
{
	if (len < 2)
		return ERR_PTR(-ENAMETOOLONG);
	buf[len - 2] = '/';
	buf[len - 1] = 0;
	return buf + len - 2;
}
static const struct dentry_operations loose_dops = { .d_dname = loose_dname };

/*
 * Returns a dentry of the inode, whose reference it takes over: a cached dentry, or a new one
 * outside every tree.
 */
static struct dentry *inode_dentry(struct mount *m, struct inode *inode)
{
	struct dentry *d = d_find_alias(inode);

	if (!d && is_dir(inode)) {
		d = connected_dir(m, inode);
	} else if (!d) {
		d = d_alloc_pseudo(inode->i_sb, "/");
		if (d) {
			d->d_op = &loose_dops;
			ihold(inode);
			d_instantiate(d, inode);
		}
	}
	iput(inode);
	return d ? d : ERR_PTR(-ENOMEM);
}

static struct dentry *handle_dentry(struct mount *m, const struct handle_head *h, const u32 *fh)
{
	struct super_block *sb = m->mnt_sb;
	struct inode *inode;
	u64 ino;

	if (!sb->s_op->handle_inode)
		return ERR_PTR(-ESTALE);
	if (sb->s_op->handle_is_number) {
		if (h->type != TYPE_KERNFS || h->bytes < 8)
			return ERR_PTR(-ESTALE);
		inode = sb->s_op->handle_inode(sb, fh[0] | (u64)fh[1] << 32, 0);
	} else {
		if (h->type != TYPE_INO_GEN || (h->bytes != 8 && h->bytes != 12))
			return ERR_PTR(-ESTALE);
		ino = fh[0] | (h->bytes == 12 ? (u64)fh[2] << 32 : 0);
		inode = sb->s_op->handle_inode(sb, ino, fh[1]);
	}
	if (IS_ERR(inode))
		return PTR_ERR(inode) == -ENOMEM ? ERR_CAST(inode) : ERR_PTR(-ESTALE);
	return inode_dentry(m, inode);
}

static int mount_of(int dfd, struct path *p)
{
	struct file *f;

	if (dfd == AT_FDCWD) {
		get_fs_pwd(current->fs, p);
		return 0;
	}
	f = fget(dfd);
	if (!f)
		return -EBADF;
	*p = f->f_path;
	path_get(p);
	fput(f);
	return 0;
}

static struct file *open_handle(int dfd, const struct handle_head *h, const u32 *fh, int flags)
{
	struct path base, path;
	struct file *f;
	int err = mount_of(dfd, &base);

	if (err)
		return ERR_PTR(err);
	path.dentry = handle_dentry(base.mnt, h, fh);
	if (IS_ERR(path.dentry)) {
		f = ERR_CAST(path.dentry);
	} else {
		path.mnt = mntget(base.mnt);
		f = open_path(&path, (u32)flags);
	}
	path_put(&base);
	return f;
}

long sys_open_by_handle_at(int mount_fd, uaddr_t handle, int flags)
{
	struct handle_head h;
	u32 fh[MAX_HANDLE / 4];
	struct file *f;
	int fd;

	if (!capable(CAP_DAC_READ_SEARCH))
		return -EPERM;
	if (copy_from_user(&h, handle, sizeof(h)))
		return -EFAULT;
	if (!h.bytes || h.bytes > MAX_HANDLE || (s32)h.type < 0)
		return -EINVAL;
	if (copy_from_user(fh, uaddr_add(handle, sizeof(h)), h.bytes))
		return -EFAULT;
	fd = get_unused_fd((u32)flags);
	if (fd < 0)
		return fd;
	f = open_handle(mount_fd, &h, fh, flags);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}
