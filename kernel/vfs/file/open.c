/* SPDX-License-Identifier: MIT */
/*
 * open.c: from a path to an open file: open, openat, openat2, creat, and the kernel's own opening.
 *
 *   build_open()      open flags -> lookup flags and permissions to check
 *   do_filp_open()    looks the path up (creating the last component if requested) and opens it
 *   vfs_open()        a file whose path is set -> f_op, counts of writers, f_op->open
 *
 * Creation: the last component is first looked up without locks. Only if it does not exist, the
 * directory is locked, the name looked up again, and the file made. So opening an existing file
 * with O_CREAT takes no lock.
 *
 * i_writecount > 0: number of open files for writing; < 0: number of tasks that execute the file,
 * negated. Writers and executing tasks exclude each other (ETXTBSY).
 */
#include <linux/inotify.h>
#include <linux/openat2.h>

#include "gen/syscalls.h"
#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/calls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/name/namei.h"
#include "kernel/vfs/name/peek.h"

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define VALID_OPEN_FLAGS                                                                           \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |     \
		O_SYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |  \
		O_CLOEXEC | O_PATH | O_TMPFILE)
#define PATH_OPEN_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

/* ---- writers and executing tasks exclude each other ---- */

static int count_unless(atomic_t *a, int step)
{
	s32 c = atomic_read(a);

	do
		if (step > 0 ? c < 0 : c > 0)
			return -ETXTBSY;
	while (!__atomic_compare_exchange_n(
		&a->v, &c, c + step, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return 0;
}

int deny_write_access(struct file *f)
{
	return count_unless(&f->f_inode->i_writecount, -1);
}

void allow_write_access(struct file *f)
{
	atomic_inc(&f->f_inode->i_writecount);
}

int get_write_access(struct inode *inode)
{
	return count_unless(&inode->i_writecount, 1);
}

void put_write_access(struct inode *inode)
{
	atomic_dec(&inode->i_writecount);
}

void exe_file_put(struct file *f)
{
	allow_write_access(f);
	fput(f);
}

/* ---- opening a found file ---- */

static bool is_special(umode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

/*
 * Counts the file among the readers or writers of its inode, and among the writers of its mount.
 * file_drop_path() undoes that. Returns 0 or -errno.
 */
static int file_count_writer(struct file *f)
{
	int err;

	if ((f->f_mode & (FMODE_READ | FMODE_WRITE)) == FMODE_READ && is_reg(f->f_inode)) {
		atomic_inc(&f->f_inode->i_readcount);
		f->f_mode |= FMODE_READER_COUNTED;
	}
	if (!(f->f_mode & FMODE_WRITE) || is_special(f->f_inode->i_mode))
		return 0;
	err = get_write_access(f->f_inode);
	if (err)
		return err;
	f->f_mode |= FMODE_WRITER_COUNTED;
	err = mnt_keep_write(f->f_path.mnt);
	if (!err)
		f->f_mode |= FMODE_MNT_WRITER;
	return err;
}

bool inode_may_be_direct(const struct inode *inode)
{
	return S_ISBLK(inode->i_mode) || (is_reg(inode) && inode->i_sb->s_bdev);
}

bool file_may_be_direct(const struct file *f)
{
	return (f->f_mode & FMODE_CAN_ODIRECT) || inode_may_be_direct(f->f_inode);
}

static const struct file_operations no_fops;

int vfs_open(struct file *f)
{
	struct inode *inode = f->f_path.dentry->d_inode;
	int err;

	f->f_inode = inode;
	f->f_mapping = inode->i_mapping;
	f->f_wb_err_seq = mapping_wb_sample(inode->i_mapping);
	f->f_sb_err_seq = READ_ONCE(inode->i_sb->s_wb_err_seen);
	f->f_ra = (struct file_ra){ .prev = ~0UL - 1 };
	f->f_op = inode->i_fop ? inode->i_fop : &no_fops;
	if (f->f_mode & FMODE_PATH) {
		f->f_op = &no_fops;
		f->f_mode |= FMODE_OPENED;
		return 0;
	}
	err = file_count_writer(f);
	if (err)
		return err;
	f->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	if (f->f_op->read_iter == generic_file_read_iter)
		f->f_mode |= FMODE_NOWAIT;
	if (is_reg(inode) || is_dir(inode))
		f->f_mode |= FMODE_ATOMIC_POS;
	if (S_ISSOCK(inode->i_mode))
		return -ENXIO;
	if (landlocked())
		err = landlock_open(f);
	if (err)
		return err;
	err = fsnotify_permission(f, FSNOTIFY_OPEN_PERM);
	if (!err)
		err = lease_break(inode, f, f->f_mode & FMODE_WRITE || f->f_flags & O_TRUNC,
			f->f_flags & O_NONBLOCK);
	if (!err && f->f_op->open)
		err = f->f_op->open(inode, f);
	if (err)
		return err;
	f->f_mode |= FMODE_OPENED;
	if (!f->f_op->llseek || f->f_op->llseek == no_llseek)
		f->f_mode &= ~FMODE_LSEEK;
	f->f_flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	if ((f->f_flags & O_DIRECT) && !file_may_be_direct(f))
		return -EINVAL;
	fsnotify_file(f, IN_OPEN);
	return 0;
}

/*
 * Checks whether current may open the path with @acc (MAY_*) and *flags (O_*), by the inode and the
 * mount. Clears O_TRUNC for devices, FIFOs and sockets. Returns 0 or -errno.
 */
static int may_open(const struct path *path, int acc, u32 *flags)
{
	struct inode *inode = path->dentry->d_inode;
	int err;

	switch (inode->i_mode & S_IFMT) {
	case S_IFLNK: return -ELOOP;
	case S_IFDIR:
		if (acc & MAY_WRITE)
			return -EISDIR;
		if (acc & MAY_EXEC)
			return -EACCES;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if ((path->mnt->mnt_flags & MS_NODEV) || (inode->i_sb->s_iflags & SB_I_NODEV))
			return -EACCES; /* fall through */
	case S_IFIFO:
	case S_IFSOCK:
		if (acc & MAY_EXEC)
			return -EACCES;
		*flags &= ~O_TRUNC;
		break;
	default:
		if ((acc & MAY_EXEC) && ((path->mnt->mnt_flags & MS_NOEXEC) ||
						(inode->i_sb->s_iflags & SB_I_NOEXEC)))
			return -EACCES;
	}
	err = path_permission(path, MAY_OPEN | acc);
	if (err)
		return err;
	if (inode->i_flags & S_APPEND) {
		if ((*flags & O_ACCMODE) != O_RDONLY && !(*flags & O_APPEND))
			return -EPERM;
		if (*flags & O_TRUNC)
			return -EPERM;
	}
	if ((*flags & O_NOATIME) && !path_owner_or_capable(path))
		return -EPERM;
	return 0;
}

/*
 * Truncates for O_TRUNC, even if the file was opened only for reading, but not if it is being
 * executed.
 */
static int truncate_opened(struct file *f)
{
	int err = mnt_want_write(f->f_path.mnt);

	if (err)
		return err;
	err = landlock_ftruncate(f);
	if (!err)
		err = get_write_access(f->f_inode);
	if (!err) {
		err = do_truncate(&f->f_path, 0, f, ATTR_MTIME | ATTR_CTIME | ATTR_OPEN);
		put_write_access(f->f_inode);
	}
	mnt_drop_write(f->f_path.mnt);
	return err;
}

struct file *path_file(const struct path *path)
{
	struct file *f = file_alloc(O_PATH);
	int err;

	if (IS_ERR(f))
		return f;
	path_get(path);
	f->f_path = *path;
	err = vfs_open(f);
	if (!err)
		return f;
	fput(f);
	return ERR_PTR(err);
}

/*
 * Opens the found path, whose references it takes over. @created: the file is new. Returns ERR_PTR
 * on failure.
 */
static struct file *open_found(struct path *path, const struct open_how_k *how, bool created)
{
	u32 flags = created ? how->flags & ~O_TRUNC : how->flags;
	struct file *f;
	int err = 0;

	if (!(flags & O_PATH))
		err = may_open(path, created ? 0 : how->acc, &flags);
	f = err ? ERR_PTR(err) : file_alloc(flags & ~O_CLOEXEC);
	if (IS_ERR(f)) {
		path_put(path);
		return f;
	}
	f->f_path = *path;
	if (how->acc & MAY_EXEC)
		f->f_mode |= FMODE_EXEC;
	if (created)
		f->f_mode |= FMODE_CREATED;
	err = vfs_open(f);
	if (!err && (flags & O_TRUNC) && is_reg(f->f_inode))
		err = truncate_opened(f);
	if (!err)
		return f;
	fput_now(f);
	return ERR_PTR(err);
}

static struct file *open_existing(int dfd, const char *name, const struct open_how_k *how)
{
	struct path path;
	int err = path_lookupat(dfd, name, how->lookup, &path);

	return err ? ERR_PTR(err) : open_found(&path, how, false);
}

/* ---- creating ---- */

/*
 * Applies the sysctls protected_regular and protected_fifos. In a sticky directory that all users
 * may write to (at level 2 also its group), O_CREAT must not open a regular file or FIFO of another
 * user than the caller or the directory's owner. Returns 0 or -EACCES.
 */
static int may_open_in_sticky(const struct inode *dir, const struct inode *inode)
{
	bool fifo = S_ISFIFO(inode->i_mode), reg = S_ISREG(inode->i_mode);
	int level = fifo ? sysctl_protected_fifos : reg ? sysctl_protected_regular : 0;

	if (!level || !(dir->i_mode & S_ISVTX) || seen_uid(inode) == current_fsuid() ||
		(inode->i_uid == dir->i_uid && uid_valid(seen_uid(inode))))
		return 0;
	if ((dir->i_mode & S_IWOTH) || ((dir->i_mode & S_IWGRP) && level >= 2))
		return -EACCES;
	return 0;
}

/*
 * Looks a name up again whose creation has failed because another client of the file system's
 * server has made the file. Returns the dentry, or ERR_PTR: -EEXIST if the file is gone again.
 */
static struct dentry *lookup_made(struct dentry *parent, const struct qstr *name)
{
	struct dentry *d = lookup_hash(parent, name, LOOKUP_CREATE | LOOKUP_OPEN);

	if (IS_ERR(d) || d->d_inode)
		return d;
	dput(d);
	return ERR_PTR(-EEXIST);
}

/*
 * Returns the dentry of the last component, which it creates if it does not exist, or ERR_PTR. Sets
 * *created.
 */
static struct dentry *lookup_or_create(
	struct nameidata *nd, const struct open_how_k *how, bool *created)
{
	struct dentry *parent = nd->path.dentry, *d = d_lookup(parent, &nd->last.name);
	struct inode *dir = parent->d_inode;
	struct user_namespace *was;
	int err, err_write;

	if (d)
		d = revalidate(d, LOOKUP_OPEN);
	if (IS_ERR(d) || (d && d->d_inode))
		return d;
	dput(d);
	err_write = mnt_want_write(nd->path.mnt);
	if (down_write_killable(&dir->i_rwsem)) {
		d = ERR_PTR(-EINTR);
		goto out;
	}
	was = idmap_enter(nd->path.mnt);
	d = lookup_hash(parent, &nd->last.name, LOOKUP_CREATE | LOOKUP_OPEN);
	if (!IS_ERR(d) && !d->d_inode) {
		err = err_write;
		if (!err && landlocked())
			err = landlock_make(&nd->path, S_IFREG);
		if (!err)
			err = vfs_create(dir, d, acl_umask(dir, how->mode), how->flags & O_EXCL);
		if (err) {
			dput(d);
			d = err == -EEXIST && !(how->flags & O_EXCL) ?
				    lookup_made(parent, &nd->last.name) :
				    ERR_PTR(err);
		}
		*created = !err;
	}
	up_write(&dir->i_rwsem);
	idmap_leave(was);
out:
	if (!err_write)
		mnt_drop_write(nd->path.mnt);
	return d;
}

/* Opens an existing file with O_CREAT; nd->path is the file. */
static struct file *open_after_create(
	struct nameidata *nd, const struct open_how_k *how, const struct inode *dir)
{
	struct inode *inode = nd->path.dentry->d_inode;
	struct path path = nd->path;
	struct user_namespace *was = idmap_enter(path.mnt);
	int err = 0;

	if (how->flags & O_EXCL)
		err = -EEXIST;
	else if (is_dir(inode))
		err = -EISDIR;
	else if (dir)
		err = may_open_in_sticky(dir, inode);
	idmap_leave(was);
	if (err)
		return ERR_PTR(err);
	nd->path.mnt = NULL;
	return open_found(&path, how, false);
}

/*
 * Opens or creates the last component, whose parent is in nd. Returns the file or ERR_PTR; NULL if
 * the component was a symlink, which nd has followed, so that the caller must call again.
 */
static struct file *open_create_round(struct nameidata *nd, const struct open_how_k *how)
{
	struct path parent, path;
	bool created = false;
	const char *rest = "";
	struct dentry *d;
	struct file *f;
	int err;

	if (nd->last.type == LAST_DOTDOT) {
		err = nd_dotdot(nd);
		if (err)
			return ERR_PTR(err);
	}
	if (nd->last.type != LAST_NORM)
		return open_after_create(nd, how, NULL);
	if (nd->last.slash)
		return ERR_PTR(-EISDIR);
	if (nd->last.name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d = lookup_or_create(nd, how, &created);
	if (IS_ERR(d))
		return ERR_CAST(d);
	if (created) {
		path = (struct path){ mntget(nd->path.mnt), d };
		return open_found(&path, how, true);
	}
	if (is_lnk(d->d_inode) && !(how->flags & O_EXCL)) {
		if (how->flags & O_NOFOLLOW) {
			dput(d);
			return ERR_PTR(-ELOOP);
		}
		err = nd_follow(nd, d, &rest, true);
		if (!err)
			err = nd_walk(nd, rest, true);
		return ERR_PTR(err); /* NULL if err is 0 */
	}
	parent = nd->path;
	path_get(&parent);
	path_put(&nd->path);
	nd->path = (struct path){ mntget(parent.mnt), d };
	nd->trigger = true;
	err = nd_cross_mounts(nd);
	f = err ? ERR_PTR(err) : open_after_create(nd, how, parent.dentry->d_inode);
	path_put(&parent);
	return f;
}

static struct file *open_create(int dfd, const char *name, const struct open_how_k *how)
{
	struct nameidata nd;
	struct file *f;
	int err = nd_parent(&nd, dfd, name, how->lookup & ~(LOOKUP_FOLLOW | LOOKUP_DIRECTORY));

	if (err)
		return ERR_PTR(err);
	do
		f = open_create_round(&nd, how);
	while (!f);
	nd_end(&nd);
	return f;
}

/* ---- O_TMPFILE ---- */

struct dentry *vfs_tmpfile(const struct path *dir, umode_t mode, bool linkable)
{
	struct inode *parent = dir->dentry->d_inode, *inode;
	struct qstr name = { "#", 1, 0 };
	struct dentry *d;
	int err = inode_permission(parent, MAY_WRITE | MAY_EXEC);

	if (!err && !parent->i_op->tmpfile)
		err = -EOPNOTSUPP;
	if (!err && !has_kept_ids(parent->i_sb))
		err = -EOVERFLOW;
	if (err)
		return ERR_PTR(err);
	d = d_alloc(dir->dentry, &name);
	if (!d)
		return ERR_PTR(-ENOMEM);
	mode = acl_umask(parent, mode & S_IALLUGO) | S_IFREG;
	err = parent->i_op->tmpfile(parent, d, mode);
	if (err) {
		dput(d);
		return ERR_PTR(err);
	}
	inode = d->d_inode;
	d->d_name.len =
		scnprintf(d->d_iname, DNAME_INLINE, "#%llu", (unsigned long long)inode->i_ino);
	if (linkable) {
		spin_lock(&inode->i_lock);
		inode->i_state |= I_LINKABLE;
		spin_unlock(&inode->i_lock);
	}
	return d;
}

/* Serves O_TMPFILE: @name is the directory. Returns ERR_PTR on failure. */
static struct file *open_tmpfile(int dfd, const char *name, const struct open_how_k *how)
{
	struct user_namespace *was;
	struct path dir, path;
	struct dentry *d;
	int err = path_lookupat(dfd, name, how->lookup, &dir);

	if (err)
		return ERR_PTR(err);
	err = mnt_want_write(dir.mnt);
	if (err)
		goto out_put;
	was = idmap_enter(dir.mnt);
	d = vfs_tmpfile(&dir, how->mode, !(how->flags & O_EXCL));
	idmap_leave(was);
	mnt_drop_write(dir.mnt);
	err = PTR_ERR(d);
	if (IS_ERR(d))
		goto out_put;
	path = (struct path){ mntget(dir.mnt), d };
	path_put(&dir);
	return open_found(&path, how, true);
out_put:
	path_put(&dir);
	return ERR_PTR(err);
}

static struct file *open_once(int dfd, const char *name, const struct open_how_k *how)
{
	if (how->flags & TMPFILE_BIT)
		return open_tmpfile(dfd, name, how);
	if (how->flags & O_CREAT)
		return open_create(dfd, name, how);
	return open_existing(dfd, name, how);
}

/*
 * Opens a file. -ESTALE from open_once() means that the file system noticed, at the last moment,
 * that the name now belongs to another file, and dropped the dentry. The open is then repeated, up
 * to 32 times.
 */
struct file *do_filp_open(int dfd, const char *name, const struct open_how_k *how)
{
	struct file *f = open_once(dfd, name, how);

	for (int tries = 0; unlikely(f == ERR_PTR(-ESTALE)) && tries < 32; tries++)
		f = open_once(dfd, name, how);
	return f;
}

/* ---- flags ---- */

static int acc_of(u32 flags)
{
	static const int acc[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
		MAY_READ | MAY_WRITE };
	int a = acc[flags & O_ACCMODE];

	if (flags & O_TRUNC)
		a |= MAY_WRITE;
	if (flags & O_APPEND)
		a |= MAY_APPEND;
	return a;
}

static u32 lookup_of_resolve(u64 resolve)
{
	static const struct {
		u64 resolve;
		u32 lookup;
	} map[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV },
		{ RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS },
		{ RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
		{ RESOLVE_CACHED, LOOKUP_CACHED },
	};
	u32 lookup = 0;

	for (u32 i = 0; i < ARRAY_SIZE(map); i++)
		if (resolve & map[i].resolve)
			lookup |= map[i].lookup;
	return lookup;
}
#define VALID_RESOLVE                                                                              \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |         \
		RESOLVE_IN_ROOT | RESOLVE_CACHED)

/*
 * Checks valid bits (O_*, RESOLVE_*) for bad combinations and fills in *how. Returns 0, -EINVAL or
 * -EAGAIN.
 */
static int build_open(u64 flags, u64 mode, u64 resolve, struct open_how_k *how)
{
	if (flags & O_PATH)
		flags &= PATH_OPEN_FLAGS;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	if (flags & TMPFILE_BIT) {
		/* O_TRUNC asks for the right to write, but does not open the file for writing. */
		if ((flags & O_TMPFILE) != O_TMPFILE || !(acc_of(flags & O_ACCMODE) & MAY_WRITE) ||
			(flags & O_CREAT))
			return -EINVAL;
	}
	if ((resolve & RESOLVE_CACHED) && (flags & (O_TRUNC | O_CREAT | TMPFILE_BIT)))
		return -EAGAIN;
	if (flags & O_SYNC & ~O_DSYNC)
		flags |= O_DSYNC;
	how->flags = flags;
	how->mode = flags & (O_CREAT | TMPFILE_BIT) ? mode & S_IALLUGO : 0;
	how->acc = flags & O_PATH ? 0 : acc_of(flags);
	how->lookup = LOOKUP_OPEN | lookup_of_resolve(resolve);
	if (flags & O_DIRECTORY)
		how->lookup |= LOOKUP_DIRECTORY;
	if (!(flags & O_NOFOLLOW))
		how->lookup |= LOOKUP_FOLLOW;
	return 0;
}

/* ---- system calls ---- */

/* Opens the path at the guest address @ua. Returns a new descriptor or -errno. */
static long open_fd(int dfd, uaddr_t ua, const struct open_how_k *how)
{
	char *name = getname(ua);
	struct file *f;
	int fd;

	if (IS_ERR(name))
		return PTR_ERR(name);
	fd = get_unused_fd(how->flags);
	if (fd < 0)
		goto out;
	f = do_filp_open(dfd, name, how);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		fd = PTR_ERR(f);
	} else {
		fd_install(fd, f);
	}
out:
	putname(name);
	return fd;
}

long sys_openat(int dfd, uaddr_t ua, int flags, u32 mode)
{
	struct open_how_k how;
	int err = build_open((flags & VALID_OPEN_FLAGS) | O_LARGEFILE, mode, 0, &how);

	return err ? err : open_fd(dfd, ua, &how);
}

long sys_open(uaddr_t ua, int flags, u32 mode)
{
	return sys_openat(AT_FDCWD, ua, flags, mode);
}

long sys_creat(uaddr_t ua, u32 mode)
{
	return sys_openat(AT_FDCWD, ua, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_openat2(int dfd, uaddr_t ua, uaddr_t uhow, size_t size)
{
	struct open_how how;
	long err = get_open_how(&how, uhow, size);

	return err ? err : openat_how(dfd, ua, &how);
}

long get_open_how(struct open_how *h, uaddr_t uhow, size_t size)
{
	if (size < sizeof(*h))
		return -EINVAL;
	return size > PAGE_SIZE ? -E2BIG : copy_struct_from_user(h, sizeof(*h), uhow, size);
}

long openat_how(int dfd, uaddr_t ua, const struct open_how *h)
{
	struct open_how_k how;
	int err;

	if ((h->flags & ~(u64)VALID_OPEN_FLAGS) || (h->resolve & ~(u64)VALID_RESOLVE) ||
		(h->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) ==
			(RESOLVE_BENEATH | RESOLVE_IN_ROOT))
		return -EINVAL;
	if (h->flags & (O_CREAT | TMPFILE_BIT) ? h->mode & ~(u64)S_IALLUGO : h->mode)
		return -EINVAL;
	if ((h->flags & O_PATH) && (h->flags & ~(u64)PATH_OPEN_FLAGS))
		return -EINVAL;
	err = build_open(h->flags, h->mode, h->resolve, &how);
	return err ? err : open_fd(dfd, ua, &how);
}

/* ---- opens by the kernel itself ---- */

struct file *open_path(struct path *path, u32 flags)
{
	struct open_how_k how;
	int err = build_open(
		(flags & VALID_OPEN_FLAGS & ~(O_CREAT | TMPFILE_BIT)) | O_LARGEFILE, 0, 0, &how);

	if (!err && (flags & O_DIRECTORY) && !is_dir(path->dentry->d_inode))
		err = -ENOTDIR;
	if (!err)
		return open_found(path, &how, false);
	path_put(path);
	return ERR_PTR(err);
}

struct file *dentry_open(const struct path *path, u32 flags, u32 fmode)
{
	struct file *f = file_alloc(flags & ~O_CLOEXEC);
	int err;

	if (IS_ERR(f))
		return f;
	f->f_path = *path;
	path_get(&f->f_path);
	f->f_mode |= fmode;
	err = vfs_open(f);
	if (!err)
		return f;
	fput(f);
	return ERR_PTR(err);
}

struct file *filp_open(const char *path, u32 flags, umode_t mode)
{
	struct open_how_k how;
	int err = build_open(flags & VALID_OPEN_FLAGS, mode, 0, &how);

	return err ? ERR_PTR(err) : do_filp_open(AT_FDCWD, path, &how);
}

struct file *mount_open(struct mount *mnt, const char *name)
{
	const struct open_how_k how = {
		.flags = O_RDONLY | O_NONBLOCK | O_LARGEFILE,
		.acc = MAY_READ,
		.lookup = LOOKUP_OPEN | LOOKUP_FOLLOW | LOOKUP_NO_XDEV | LOOKUP_NO_MAGICLINKS |
			  LOOKUP_BENEATH,
	};
	const struct path top = { .mnt = mnt, .dentry = mnt->mnt_root };
	struct fs_struct *own = current->fs, *fs = fs_dup(own);
	struct file *f;

	if (IS_ERR_OR_NULL(fs))
		return ERR_PTR(-ENOMEM);
	set_fs_root(fs, &top);
	set_fs_pwd(fs, &top);
	spin_lock(&current->alloc_lock);
	current->fs = fs;
	spin_unlock(&current->alloc_lock);
	f = do_filp_open(AT_FDCWD, name, &how);
	spin_lock(&current->alloc_lock);
	current->fs = own;
	spin_unlock(&current->alloc_lock);
	fs_put(fs);
	return f;
}

struct file *open_exec(int dfd, const char *name, u32 at_flags)
{
	struct open_how_k how = { .flags = O_RDONLY, .acc = MAY_EXEC, .lookup = LOOKUP_OPEN };
	struct file *f;
	int err;

	if (at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return ERR_PTR(-EINVAL);
	if (!(at_flags & AT_SYMLINK_NOFOLLOW))
		how.lookup |= LOOKUP_FOLLOW;
	if (at_flags & AT_EMPTY_PATH)
		how.lookup |= LOOKUP_EMPTY;
	f = do_filp_open(dfd, name, &how);
	if (IS_ERR(f))
		return f;
	err = is_reg(f->f_inode) ? deny_write_access(f) : -EACCES;
	if (!err)
		return f;
	fput(f);
	return ERR_PTR(err);
}
