/* SPDX-License-Identifier: MIT */
/*
 * file_table.c: open files: their allocation, references and last close; and files outside every
 * tree (pipes, sockets, eventfds).
 *
 *   file_alloc -> f_path, vfs_open      open(2)
 *   alloc_file                          files that need no f_op->open
 *   get_file, fput                      references
 *
 * States: empty (file_alloc) -> open (FMODE_OPENED: f_op->open has succeeded or is not needed) ->
 * closing (count 0) -> freed after a grace period. The last fput() may come with locks held
 * (munmap), so the closing runs as task work on the way to user mode; fput_now() closes at once,
 * for callers that hold no locks.
 */
#include <linux/inotify.h>
#include <linux/magic.h>

#include "kernel/vfs/internal.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/process_ops.h"

const struct file_watch_ops *file_watch_ops;
const struct process_ops *process_ops;

static struct kmem_cache *file_cache;
static atomic64_t files_in_use; /* struct file that exist */
u64 sysctl_file_max = INT64_MAX;

u64 nr_files(void)
{
	return atomic_read(&files_in_use);
}

struct file *file_alloc(u32 flags)
{
	struct file *f;

	if (unlikely((u64)atomic_read(&files_in_use) >= READ_ONCE(sysctl_file_max)) &&
		!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-ENFILE);
	f = kmem_cache_zalloc(file_cache, GFP_KERNEL);
	if (!f)
		return ERR_PTR(-ENOMEM);
	atomic_set(&f->f_count, 1);
	spin_lock_init(&f->f_lock);
	mutex_init(&f->f_pos_lock);
	INIT_LIST_HEAD(&f->f_ep);
	f->f_flags = flags;
	f->f_mode = flags & O_PATH ? FMODE_PATH : (flags + 1) & O_ACCMODE;
	f->f_cred = get_cred(current_cred());
	__atomic_add_fetch(&files_in_use.v, 1, __ATOMIC_RELAXED);
	return f;
}

static void file_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(file_cache, container_of(h, struct file, f_rcu));
}

void file_free(struct file *f)
{
	put_cred(f->f_cred);
	__atomic_sub_fetch(&files_in_use.v, 1, __ATOMIC_RELAXED);
	call_rcu(&f->f_rcu, file_free_rcu);
}

/*
 * Drops the path, the counts of readers and writers that open took, and a denial of writes.
 * Unmounts the detached tree of a file with FMODE_NEED_UNMOUNT.
 */
void file_drop_path(struct file *f)
{
	if (f->f_mode & FMODE_WRITER_COUNTED)
		atomic_dec(&f->f_inode->i_writecount);
	if (f->f_mode & FMODE_READER_COUNTED)
		atomic_dec(&f->f_inode->i_readcount);
	if (f->f_mode & FMODE_DENY_WRITE)
		allow_write_access(f);
	if (f->f_mode & FMODE_MNT_WRITER)
		mnt_drop_kept(f->f_path.mnt);
	if (f->f_mode & FMODE_NEED_UNMOUNT)
		mnt_dissolve(f->f_path.mnt);
	f->f_mode &= ~(
		FMODE_WRITER_COUNTED | FMODE_READER_COUNTED | FMODE_MNT_WRITER | FMODE_DENY_WRITE);
	dput(f->f_path.dentry);
	mntput(f->f_path.mnt);
	f->f_path = (struct path){ NULL, NULL };
}

static void file_close(struct file *f)
{
	struct inode *gone = NULL;
	struct mount *mnt = NULL;

	if (f->f_mode & FMODE_OPENED) {
		if (!(f->f_mode & FMODE_PATH))
			fsnotify_file(
				f, f->f_mode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
		if (!list_empty(&f->f_ep))
			file_watch_ops->release(f);
		locks_remove_file(f);
		lease_remove_file(f);
		if (READ_ONCE(f->f_inode->i_dnotify))
			dnotify_remove(f, NULL);
		/*
		 * The list is tested and not FASYNC: of two concurrent fcntl() calls, the call that
		 * writes the flags last need not be the call that changes the list last.
		 */
		if (READ_ONCE(f->f_fasync))
			f->f_op->fasync(-1, f, false);
		if (f->f_op->release)
			f->f_op->release(f->f_inode, f);
	}
	if (f->f_owner.pid)
		fown_put(&f->f_owner);
	if (f->f_inode && !f->f_inode->i_nlink && f->f_inode->i_sb->s_bdev) {
		/* This may be the last use of the inode's blocks. */
		gone = f->f_inode;
		ihold(gone);
		/* This may be the last file that kept its file system mounted. */
		mnt = mntget(f->f_path.mnt);
	}
	if (f->f_path.dentry)
		file_drop_path(f);
	path_put(&f->f_shown);
	file_free(f);
	iput_removed(gone);
	mntput(mnt);
}

/*
 * Files that were released by kernel threads and zombies, which never return to user mode. A work
 * item closes them.
 */
static struct task_work *orphans; /* lock-free list */
static struct work orphan_work;

static void orphans_run(struct work *w)
{
	struct task_work *l = xchg(&orphans, NULL), *next;

	for (; l; l = next) {
		next = l->next;
		file_close(container_of(l, struct file, f_work));
	}
}

static void file_close_work(struct task_work *w)
{
	file_close(container_of(w, struct file, f_work));
}

void fput(struct file *f)
{
	if (!f || !atomic_dec_and_test(&f->f_count))
		return;
	/*
	 * An exiting task runs its task work once more before it notifies its parent, which may
	 * then unmount a file system that the task had open.
	 */
	if (!(current->flags & PF_KTHREAD) && !current->exit_state) {
		f->f_work.func = file_close_work;
		task_work_add(current, &f->f_work);
		return;
	}
	do
		f->f_work.next = READ_ONCE(orphans);
	while (cmpxchg(&orphans, f->f_work.next, &f->f_work) != f->f_work.next);
	work_queue(&orphan_work);
}

void fput_now(struct file *f)
{
	if (atomic_dec_and_test(&f->f_count))
		file_close(f);
}

struct file *alloc_file(const struct path *path, u32 flags, const struct file_operations *fop)
{
	struct file *f = file_alloc(flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC));

	if (IS_ERR(f))
		return f;
	f->f_path = *path;
	f->f_inode = path->dentry->d_inode;
	f->f_mapping = f->f_inode->i_mapping;
	f->f_op = fop;
	f->f_mode |= FMODE_OPENED;
	if (fop->llseek && fop->llseek != no_llseek)
		f->f_mode |= FMODE_LSEEK;
	if ((f->f_mode & FMODE_LSEEK) && is_reg(f->f_inode))
		f->f_mode |= FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS;
	path_get(path);
	return f;
}

/* ---- files outside every tree ---- */

struct pseudo_fs {
	const char *name;
	u64 magic;
	/* Under pseudo_lock until it is set, then immutable. */
	struct mount *mnt;
	struct list_head list;
};
static DEFINE_MUTEX(pseudo_lock);
static LIST_HEAD(pseudo_list); /* pseudo_fs.list; under pseudo_lock */
/* The inode that all anonymous files share; under pseudo_lock until it is set. */
static struct inode *anon_inode;
static atomic64_t next_pseudo_ino; /* inode numbers given out so far */

static const struct super_operations pseudo_super_ops = {
	.drop_inode = generic_delete_inode,
	.statfs = simple_statfs,
};
static const struct inode_operations pseudo_inode_ops = { .setattr = simple_setattr };

/* Refuses changes of an inode that many files share, or that belongs to a process. */
static int fixed_setattr(struct dentry *d, struct iattr *attr)
{
	return -EOPNOTSUPP;
}
static const struct inode_operations fixed_inode_ops = { .setattr = fixed_setattr };

static char *pseudo_dname(struct dentry *d, char *buf, int len)
{
	char text[64];
	int n;

	if (d->d_sb->s_magic == ANON_INODE_FS_MAGIC ||
		d->d_name.name[0] == '[') /* for "bpf-map" and "[pidfd]" */
		n = scnprintf(text, sizeof(text), "anon_inode:%s", d->d_name.name);
	else
		n = scnprintf(text, sizeof(text), "%s:[%llu]", d->d_name.name,
			(unsigned long long)d->d_inode->i_ino);
	if (n + 1 > len)
		return ERR_PTR(-ENAMETOOLONG);
	memcpy(buf + len - n - 1, text, n + 1);
	return buf + len - n - 1;
}
static const struct dentry_operations pseudo_dentry_ops = { .d_dname = pseudo_dname };

static int pseudo_fill(struct super_block *sb, void *data, bool silent)
{
	struct inode *root;

	sb->s_op = &pseudo_super_ops;
	sb->s_magic = (u64)data;
	sb->s_iflags |= SB_I_NOUSER | SB_I_NOEXEC;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_mode = S_IFDIR | 0600;
	root->i_op = &pseudo_inode_ops;
	root->i_fop = &simple_dir_operations;
	root->i_atime = root->i_mtime = root->i_ctime = root->i_btime = current_time(root);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *pseudo_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, pseudo_fill);
}
static struct file_system_type pseudo_type = {
	.name = "pseudo", .mount = pseudo_mount, .kill_sb = kill_anon_super
};

static u64 pseudo_magic(const char *name)
{
	if (!strcmp(name, "pipe"))
		return PIPEFS_MAGIC;
	/* The magic number of pidfs, which is newer than the headers of the build. */
	if (!strcmp(name, "[pidfd]"))
		return 0x50494446;
	return strcmp(name, "socket") ? ANON_INODE_FS_MAGIC : SOCKFS_MAGIC;
}

struct mount *kern_mount_data(struct file_system_type *t, void *data)
{
	struct dentry *root = t->mount(t, 0, t->name, data);
	struct mount *m;

	if (IS_ERR(root))
		return ERR_CAST(root);
	up_write(&root->d_sb->s_umount);
	m = mnt_alloc_internal(root, t->name);
	if (IS_ERR(m))
		deactivate_super(root->d_sb);
	dput(root);
	return m;
}

struct mount *kern_mount(struct file_system_type *t)
{
	return kern_mount_data(t, NULL);
}

/*
 * Returns the mount of the pseudo file system @name, which it makes if needed and which stays, or
 * ERR_PTR. pseudo_lock is held.
 */
static struct mount *pseudo_find(const char *name)
{
	struct pseudo_fs *p;
	struct mount *m;

	assert_mutex_held(&pseudo_lock);
	list_for_each_entry(p, &pseudo_list, list)
		if (!strcmp(p->name, name))
			return p->mnt;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	m = kern_mount_data(&pseudo_type, (void *)pseudo_magic(name));
	if (IS_ERR(m)) {
		kfree(p);
		return m;
	}
	p->name = name;
	p->mnt = m;
	list_add(&p->list, &pseudo_list);
	return m;
}

/*
 * Returns the internal mount of the pseudo file system @name, which is made on first use, or
 * ERR_PTR.
 */
static struct mount *pseudo_get(const char *name)
{
	struct mount *m;

	mutex_lock(&pseudo_lock);
	m = pseudo_find(name);
	mutex_unlock(&pseudo_lock);
	return m;
}

int pseudo_set_super(const char *fsname, const struct super_operations *op)
{
	struct mount *m = pseudo_get(fsname);

	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	m->mnt_sb->s_op = op;
	return 0;
}

static struct inode *pseudo_inode(struct super_block *sb, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = __atomic_add_fetch(&next_pseudo_ino.v, 1, __ATOMIC_RELAXED) + 1024;
	inode->i_mode = mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &pseudo_inode_ops;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	return inode;
}

/*
 * Returns a new file named @name on @m with @inode, or ERR_PTR. Takes over the reference to @inode,
 * even on failure.
 */
static struct file *pseudo_open(struct mount *m, const char *name, struct inode *inode,
	const struct file_operations *fop, void *priv, u32 flags)
{
	struct dentry *d = d_alloc_pseudo(m->mnt_sb, name);
	struct path path = { m, d };
	struct file *f;

	if (!d) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	d->d_op = &pseudo_dentry_ops;
	d_instantiate(d, inode);
	f = alloc_file(&path, flags, fop);
	dput(d);
	if (!IS_ERR(f)) {
		f->private_data = priv;
		if (fop->nowait)
			f->f_mode |= FMODE_NOWAIT;
	}
	return f;
}

struct file *pseudo_file(
	const char *fsname, umode_t mode, const struct file_operations *fop, void *priv, u32 flags)
{
	struct mount *m = pseudo_get(fsname);
	struct inode *inode;

	if (IS_ERR(m))
		return ERR_CAST(m);
	inode = pseudo_inode(m->mnt_sb, mode);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_fop = fop;
	if (m->mnt_sb->s_magic == pseudo_magic("[pidfd]"))
		inode->i_op = &fixed_inode_ops;
	return pseudo_open(m, fsname, inode, fop, priv, flags);
}

/*
 * Refuses an open through /proc/PID/fd: an anonymous file can be reached only through descriptors.
 */
static int anon_open(struct inode *inode, struct file *f)
{
	return f->f_mode & FMODE_EXEC ? -EACCES : -ENXIO;
}

static const struct file_operations anon_inode_fops = { .open = anon_open };

struct file *anon_file(const char *name, const struct file_operations *fop, void *priv, u32 flags)
{
	struct mount *m = pseudo_get("anon_inodefs");

	if (IS_ERR(m))
		return ERR_CAST(m);
	mutex_lock(&pseudo_lock);
	if (!anon_inode)
		anon_inode = pseudo_inode(m->mnt_sb, 0600);
	if (anon_inode) {
		anon_inode->i_op = &fixed_inode_ops;
		anon_inode->i_fop = &anon_inode_fops;
		ihold(anon_inode);
	}
	mutex_unlock(&pseudo_lock);
	return anon_inode ? pseudo_open(m, name, anon_inode, fop, priv, flags) : ERR_PTR(-ENOMEM);
}

int anon_fd_prepare(
	const char *name, const struct file_operations *fop, void *priv, u32 flags, struct file **f)
{
	int fd = get_unused_fd(flags);

	if (fd < 0)
		return fd;
	*f = anon_file(name, fop, priv, flags);
	if (IS_ERR(*f)) {
		put_unused_fd(fd);
		return (int)PTR_ERR(*f);
	}
	return fd;
}

int anon_fd(const char *name, const struct file_operations *fop, void *priv, u32 flags)
{
	struct file *f;
	int fd = anon_fd_prepare(name, fop, priv, flags, &f);

	if (fd >= 0)
		fd_install(fd, f);
	return fd;
}

void file_table_init(void)
{
	file_cache = kmem_cache_create("filp", sizeof(struct file), 64);
	if (!file_cache)
		panic("no memory for open files");
	work_setup(&orphan_work, orphans_run);
}
