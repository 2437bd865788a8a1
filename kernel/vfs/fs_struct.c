/* SPDX-License-Identifier: MIT */
/*
 * fs_struct.c: a process's root, working directory and umask: chdir, fchdir, chroot, getcwd, umask;
 * and d_path(), which returns the path of a dentry as seen from a root.
 *
 * Locks: fs->lock. d_path() holds mount_lock and rename_lock during its walk upwards, so the path
 * that it returns was true at one moment.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"

static struct fs_struct init_fs = {
	.users = ATOMIC_INIT(1), .lock = SPINLOCK_INIT(init_fs.lock), .umask = 022
};

/* Returns the fs_struct of the first kernel thread, which all kernel threads share or copy. */
struct fs_struct *fs_initial(void)
{
	return &init_fs;
}

struct fs_struct *fs_dup(struct fs_struct *old)
{
	struct fs_struct *fs = kmalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	if (!old)
		old = &init_fs;
	atomic_set(&fs->users, 1);
	spin_lock_init(&fs->lock);
	fs->umask = old->umask;
	fs->seq = 0;
	fs->in_exec = false;
	spin_lock(&old->lock);
	fs->root = old->root;
	fs->pwd = old->pwd;
	path_get(&fs->root);
	path_get(&fs->pwd);
	spin_unlock(&old->lock);
	return fs;
}

static void fs_free(struct fs_struct *fs)
{
	path_put(&fs->root);
	path_put(&fs->pwd);
	kfree(fs);
}

void fs_put(struct fs_struct *fs)
{
	if (fs && atomic_dec_and_test(&fs->users))
		fs_free(fs);
}

bool fs_share(struct fs_struct *fs)
{
	bool may;

	spin_lock(&fs->lock);
	may = !fs->in_exec;
	if (may)
		atomic_inc(&fs->users);
	spin_unlock(&fs->lock);
	return may;
}

/*
 * Replaces current's fs_struct in one step, so that exec counts the threads that share it
 * correctly.
 */
void fs_exchange(struct fs_struct *fs)
{
	struct fs_struct *old = current->fs;
	bool last;

	if (!old)
		return;
	spin_lock(&current->alloc_lock);
	spin_lock(&old->lock);
	current->fs = fs;
	last = atomic_dec_and_test(&old->users);
	spin_unlock(&old->lock);
	spin_unlock(&current->alloc_lock);
	if (last)
		fs_free(old);
}

long sys_umask(u32 mask)
{
	return (u32)xchg(&current->fs->umask, (int)(mask & S_IRWXUGO));
}

static int may_enter(const struct path *p)
{
	if (!is_dir(p->dentry->d_inode))
		return -ENOTDIR;
	return path_permission(p, MAY_EXEC | MAY_CHDIR);
}

long sys_chdir(uaddr_t ua)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, ua, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = may_enter(&path);
	if (!err)
		set_fs_pwd(current->fs, &path);
	path_put(&path);
	return err;
}

long sys_fchdir(int fd)
{
	struct fd f = fdget_raw(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = may_enter(&f.file->f_path);
	if (!err)
		set_fs_pwd(current->fs, &f.file->f_path);
	fdput(f);
	return err;
}

long sys_chroot(uaddr_t ua)
{
	struct path path;
	int err = user_path_at(AT_FDCWD, ua, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = may_enter(&path);
	if (!err && !ns_capable(current_user_ns(), CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		set_fs_root(current->fs, &path);
	path_put(&path);
	return err;
}

/* ---- d_path ---- */

/* A text that is built from the end of a buffer towards its start. */
struct back_buf {
	char *at;
	int left;
};

static void prepend(struct back_buf *b, const char *s, int n)
{
	b->left -= n;
	if (b->left < 0)
		return;
	b->at -= n;
	memcpy(b->at, s, n);
}

/*
 * Prepends the path of @p as seen from @root. Returns false if @root is not above @p. mount_lock
 * and rename_lock are held.
 */
static bool prepend_path(struct back_buf *b, const struct path *p, const struct path *root)
{
	struct dentry *d = p->dentry;
	struct mount *m = p->mnt;
	bool any = false, met = true;

	/* The loop stops when the buffer is full, since the depth of directories is not limited. */
	while (b->left >= 0 && (d != root->dentry || m != root->mnt)) {
		if (d == m->mnt_root || d->d_parent == d) {
			if (m->mnt_parent == m || d != m->mnt_root) {
				met = false;
				break;
			}
			d = m->mnt_mountpoint;
			m = m->mnt_parent;
			continue;
		}
		prepend(b, d->d_name.name, d->d_name.len);
		prepend(b, "/", 1);
		any = true;
		d = d->d_parent;
	}
	if (!any)
		prepend(b, "/", 1);
	return met;
}

/*
 * Returns the text of a path. If @mark is set, a path that cannot be reached from the root begins
 * with "(unreachable)". Sets *deleted: true if the path was deleted. Returns
 * ERR_PTR(-ENAMETOOLONG) if the text does not fit.
 */
static char *path_text(
	const struct path *p, const struct path *root, char *buf, int len, bool mark, bool *deleted)
{
	struct back_buf b = { buf + len, len };
	bool met;

	prepend(&b, "", 1);
	spin_lock(&mount_seq.lock);
	/* While this lock is held, no dentry is temporarily unhashed by a rename. */
	spin_lock(&rename_seq.lock);
	*deleted = d_unlinked(p->dentry);
	if (*deleted)
		prepend(&b, " (deleted)", 10);
	met = prepend_path(&b, p, root);
	spin_unlock(&rename_seq.lock);
	spin_unlock(&mount_seq.lock);
	if (!met && mark)
		prepend(&b, "(unreachable)", 13);
	return b.left < 0 ? ERR_PTR(-ENAMETOOLONG) : b.at;
}

/*
 * True if the path's d_dname makes the text, as for pseudo files. A pseudo file that is the root of
 * a mount has the path of its mountpoint instead.
 */
static bool has_dname(const struct path *p)
{
	return p->dentry->d_op && p->dentry->d_op->d_dname &&
	       (p->dentry->d_flags & DCACHE_PSEUDO) && p->dentry != p->mnt->mnt_root;
}

char *d_path_root(const struct path *p, const struct path *root, char *buf, int len)
{
	bool deleted;

	if (has_dname(p))
		return p->dentry->d_op->d_dname(p->dentry, buf, len);
	return path_text(p, root, buf, len, true, &deleted);
}

char *d_path(const struct path *p, char *buf, int len)
{
	struct path root;
	bool deleted;
	char *text;

	if (has_dname(p))
		return p->dentry->d_op->d_dname(p->dentry, buf, len);
	get_fs_root(current->fs ? current->fs : &init_fs, &root);
	text = path_text(p, &root, buf, len, false, &deleted);
	path_put(&root);
	return text;
}

/* Writes the path within the file system: the fourth field of mountinfo. */
char *dentry_path(struct dentry *d, char *buf, int len)
{
	struct back_buf b = { buf + len, len };
	bool any = false;

	prepend(&b, "", 1);
	if (d_unlinked(d))
		prepend(&b, "//deleted", 9);
	spin_lock(&rename_seq.lock);
	for (; b.left >= 0 && d->d_parent != d; d = d->d_parent) {
		prepend(&b, d->d_name.name, d->d_name.len);
		prepend(&b, "/", 1);
		any = true;
	}
	spin_unlock(&rename_seq.lock);
	if (!any)
		prepend(&b, "/", 1);
	return b.left < 0 ? ERR_PTR(-ENAMETOOLONG) : b.at;
}

long sys_getcwd(uaddr_t ua, u64 size)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *text;
	struct path pwd, root;
	bool deleted;
	long n;

	if (!buf)
		return -ENOMEM;
	get_fs_root(current->fs, &root);
	get_fs_pwd(current->fs, &pwd);
	text = path_text(&pwd, &root, buf, PATH_MAX, true, &deleted);
	n = deleted ? -ENOENT : PTR_ERR(text);
	if (deleted || IS_ERR(text))
		goto out;
	n = strlen(text) + 1;
	if ((u64)n > size)
		n = -ERANGE;
	else if (copy_to_user(ua, text, n))
		n = -EFAULT;
out:
	path_put(&pwd);
	path_put(&root);
	kfree(buf);
	return n;
}
