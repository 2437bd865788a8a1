/* SPDX-License-Identifier: MIT */
/*
 * mqueue_calls.c: names and attributes of POSIX message queues: mq_open, mq_unlink, mq_getsetattr.
 *
 * The C library strips the leading slash, so a name is one component below the root of the
 * namespace's file system.
 * Locks: the root's i_rwsem while a name is looked up, made or removed.
 */
#include "kernel/ipc/mqueue.h"
#include "kernel/vfs/super.h"

/*
 * Reads a name from the guest, which the caller frees with putname(). Returns ERR_PTR(-ENOENT,
 * -ENAMETOOLONG or -EFAULT) on failure.
 */
static char *queue_name(uaddr_t uname)
{
	char *name = getname(uname);

	if (!IS_ERR(name) && strlen(name) > NAME_MAX) {
		putname(name);
		return ERR_PTR(-ENAMETOOLONG);
	}
	return name;
}

/*
 * Checks that current may open the queue @d with @oflags, or makes it. The root's i_rwsem is held.
 * Returns 0 or -errno.
 */
static int find_or_make(
	struct dentry *root, struct dentry *d, int oflags, umode_t mode, const struct mq_attr *attr)
{
	static const int wants[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE };
	int err;

	if (d_is_negative(d)) {
		if (!(oflags & O_CREAT))
			return -ENOENT;
		err = inode_permission(root->d_inode, MAY_WRITE | MAY_EXEC);
		return err ? err : mq_create(root->d_inode, d, mode, attr);
	}
	if ((oflags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((oflags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_permission(d->d_inode, wants[oflags & O_ACCMODE]);
}

/*
 * Opens a queue's file, which keeps all flags of the open, even O_CLOEXEC. With O_PATH the file has
 * no operations.
 */
static struct file *queue_file(const struct path *path, int oflags)
{
	static const struct file_operations name_only;
	struct file *f;

	if ((oflags & (O_DIRECT | O_PATH)) == O_DIRECT)
		return ERR_PTR(-EINVAL);
	f = alloc_file(path, (u32)oflags, oflags & O_PATH ? &name_only : &mqueue_file_ops);
	if (!IS_ERR(f))
		f->f_flags |= (u32)oflags & (oflags & O_PATH ? ~0U : O_CLOEXEC);
	return f;
}

/* Returns the queue's file, with a reference, or ERR_PTR. Takes the root's i_rwsem. */
static struct file *open_queue(
	struct mount *m, const char *name, int oflags, umode_t mode, const struct mq_attr *attr)
{
	struct dentry *root = m->mnt_root, *d;
	struct path path = { m, NULL };
	struct file *f;
	int err;

	down_write(&root->d_inode->i_rwsem);
	d = lookup_one_len(name, root, (int)strlen(name));
	err = IS_ERR(d) ? (int)PTR_ERR(d) : find_or_make(root, d, oflags, mode, attr);
	up_write(&root->d_inode->i_rwsem);
	if (IS_ERR(d))
		return ERR_PTR(err);
	path.dentry = d;
	f = err ? ERR_PTR(err) : queue_file(&path, oflags);
	dput(d);
	return f;
}

/* Returns a new descriptor or -errno. */
static long open_fd(const char *name, int oflags, umode_t mode, const struct mq_attr *attr)
{
	int fd = get_unused_fd(O_CLOEXEC);
	struct mount *m;
	struct file *f;

	if (fd < 0)
		return fd;
	m = mq_mount_get(current_ipc_ns());
	if (IS_ERR(m)) {
		put_unused_fd(fd);
		return PTR_ERR(m);
	}
	f = open_queue(m, name, oflags, mode, attr);
	mntput(m);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}

long sys_mq_open(uaddr_t uname, int oflags, umode_t mode, uaddr_t uattr)
{
	struct mq_attr attr;
	char *name;
	long ret;

	if (uattr.v && copy_from_user(&attr, uattr, sizeof(attr)))
		return -EFAULT;
	name = queue_name(uname);
	if (IS_ERR(name))
		return PTR_ERR(name);
	mode &= ~(umode_t)READ_ONCE(current->fs->umask);
	ret = open_fd(name, oflags, mode, uattr.v ? &attr : NULL);
	putname(name);
	return ret;
}

static int unlink_queue(struct mount *m, const char *name)
{
	struct inode *dir = m->mnt_root->d_inode;
	struct dentry *d;
	int err;

	down_write(&dir->i_rwsem);
	d = lookup_one_len(name, m->mnt_root, (int)strlen(name));
	if (IS_ERR(d)) {
		err = (int)PTR_ERR(d);
	} else {
		err = d_is_negative(d) ? -ENOENT : vfs_unlink(dir, d);
		dput(d);
	}
	up_write(&dir->i_rwsem);
	return err;
}

long sys_mq_unlink(uaddr_t uname)
{
	char *name = queue_name(uname);
	struct mount *m;
	int err;

	if (IS_ERR(name))
		return PTR_ERR(name);
	m = mq_mount_get(current_ipc_ns());
	err = PTR_ERR(m);
	if (!IS_ERR(m)) {
		err = unlink_queue(m, name);
		mntput(m);
	}
	putname(name);
	return err;
}

/* ---- attributes ---- */

static void get_and_set(struct file *f, const struct mq_attr *want, struct mq_attr *old)
{
	struct mq_inode *q = MQ(f->f_inode);

	spin_lock(&q->lock);
	old->mq_maxmsg = q->max_msgs;
	old->mq_msgsize = q->msg_size;
	old->mq_curmsgs = q->nr;
	old->mq_flags = f->f_flags & O_NONBLOCK;
	if (want) {
		spin_lock(&f->f_lock);
		f->f_flags = (f->f_flags & ~(u32)O_NONBLOCK) | (u32)want->mq_flags;
		spin_unlock(&f->f_lock);
		q->vfs.i_atime = q->vfs.i_ctime = current_time(&q->vfs);
	}
	spin_unlock(&q->lock);
}

long sys_mq_getsetattr(int fd, uaddr_t attr, uaddr_t oattr)
{
	struct mq_attr want, old = { 0 };
	struct fd f;
	int err;

	if (attr.v) {
		if (copy_from_user(&want, attr, sizeof(want)))
			return -EFAULT;
		if (want.mq_flags & ~(s64)O_NONBLOCK)
			return -EINVAL;
	}
	f = mq_fd(fd, &err);
	if (err)
		return err;
	get_and_set(f.file, attr.v ? &want : NULL, &old);
	fdput(f);
	return oattr.v && copy_to_user(oattr, &old, sizeof(old)) ? -EFAULT : 0;
}
