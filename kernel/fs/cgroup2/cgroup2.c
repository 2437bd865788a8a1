/* SPDX-License-Identifier: MIT */
/*
 * cgroup2.c: the file system "cgroup2": a directory for each group, with its control files.
 *
 * The groups (kernel/cgroup) are authoritative; dentries are a cache of them, and every use checks
 * them (d_revalidate). From their first lookup until the group's removal, a group holds references
 * to its inodes (cgroup->dir, ->files), so that owners, modes and watches stay. There is one
 * superblock, which the kernel keeps mounted.
 *
 * Locks: a directory's i_rwsem (by vfs), then cgroup_mutex; cgroup->files_lock for the inodes.
 */
#include <linux/eventpoll.h>
#include <linux/inotify.h>
#include <linux/magic.h>

#include "kernel/fs/cgroup2/internal.h"
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/libfs.h"

#define FILE_INO(c, i) (((c)->id << 8) | BIT(48) | (u64)(i))

static const struct inode_operations dir_iops, file_iops;
static const struct file_operations dir_fops, file_fops;
static const struct dentry_operations cgroup_dops;
/* never unmounted; this pointer is for leak.c */
static struct mount *kernel_mount __used;

static struct cgroup *cgroup_of(const struct inode *inode)
{
	return inode->i_private;
}

static const struct cg_file *file_of(const struct inode *inode)
{
	return &cg_files[inode->i_generation];
}

/* ---- inodes ---- */

/* Gives the new inode of a control file its owner: that of the group's directory. */
static void inherit_owner(struct inode *inode, struct cgroup *c)
{
	if (c->dir) {
		inode->i_uid = c->dir->i_uid;
		inode->i_gid = c->dir->i_gid;
	}
}

/*
 * Makes an inode with a reference to @c. @index: as for get_inode(). Returns NULL if memory is
 * short.
 */
static struct inode *make_inode(struct super_block *sb, struct cgroup *c, int index)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_private = cgroup_get(c);
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	if (index < 0) {
		inode->i_ino = c->id;
		inode->i_mode = S_IFDIR | 0755;
		inode->i_op = &dir_iops;
		inode->i_fop = &dir_fops;
		set_nlink(inode, 2);
	} else {
		inode->i_ino = FILE_INO(c, index);
		inode->i_generation = (u32)index;
		inode->i_mode = S_IFREG | cg_files[index].mode;
		inode->i_op = &file_iops;
		inode->i_fop = &file_fops;
		set_nlink(inode, 1);
		inherit_owner(inode, c);
	}
	return inode;
}

static struct inode **slot_of(struct cgroup *c, int index)
{
	return index < 0 ? &c->dir : &c->files[index];
}

/*
 * Returns the group's inode for control file @index, or for its directory (-1), referenced. Returns
 * NULL if memory is short or the group is dead.
 */
static struct inode *get_inode(struct super_block *sb, struct cgroup *c, int index)
{
	struct inode **slot = slot_of(c, index), *fresh = NULL, *inode;

	spin_lock(&c->files_lock);
	if (!*slot && !c->dead) {
		spin_unlock(&c->files_lock);
		fresh = make_inode(sb, c, index);
		spin_lock(&c->files_lock);
		if (!*slot && fresh && !c->dead) {
			*slot = fresh; /* the slot keeps the first reference */
			fresh = NULL;
		}
	}
	inode = *slot;
	if (inode)
		ihold(inode);
	spin_unlock(&c->files_lock);
	if (fresh)
		iput(fresh);
	return inode;
}

/* Drops the group's references to its inodes. The group is dead. */
static void drop_inodes(struct cgroup *c)
{
	for (int i = -1; i < CG_MAX_FILES; i++) {
		struct inode **slot = slot_of(c, i), *inode;

		spin_lock(&c->files_lock);
		inode = *slot;
		*slot = NULL;
		spin_unlock(&c->files_lock);
		if (inode)
			iput(inode);
	}
}

/*
 * Allocates an inode, charged to the current task's group: a user that may make groups can make any
 * number of inodes by looking up their files.
 */
static struct inode *alloc_inode(struct super_block *sb)
{
	return kmalloc(sizeof(struct inode), GFP_KERNEL | __GFP_ACCOUNT);
}

static void free_inode(struct inode *inode)
{
	kfree(inode);
}

static void evict(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	cgroup_put(inode->i_private);
	inode->i_private = NULL;
}

/* ---- directories ---- */

/* Returns 1 if the dentry's group lives and has this file, else 0. */
static int revalidate(struct dentry *d, u32 flags)
{
	struct inode *inode = d_inode(d);
	struct cgroup *c;

	if (!inode)
		return 0;
	c = cgroup_of(inode);
	if (READ_ONCE(c->dead))
		return 0;
	return S_ISDIR(inode->i_mode) || cg_file_here(c, file_of(inode));
}

/* True if @d is dropped as soon as it is unused. This holds for dentries of control files. */
static int unused(const struct dentry *d)
{
	return d->d_inode && !S_ISDIR(d->d_inode->i_mode);
}

static const struct dentry_operations cgroup_dops = { .d_revalidate = revalidate,
	.d_delete = unused };

/* Returns the index of the group's control file in cg_files, or -1. */
static int find_file(const struct cgroup *c, const struct qstr *name)
{
	for (u32 i = 0; i < nr_cg_files; i++)
		if (strlen(cg_files[i].name) == name->len &&
			!memcmp(cg_files[i].name, name->name, name->len) &&
			cg_file_here(c, &cg_files[i]))
			return (int)i;
	return -1;
}

static struct dentry *dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct cgroup *c = cgroup_of(dir), *child;
	int index = find_file(c, &d->d_name);
	struct inode *inode;

	if (d->d_name.len > CGROUP_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d->d_op = &cgroup_dops;
	if (index >= 0) {
		inode = get_inode(dir->i_sb, c, index);
	} else {
		child = cgroup_child(c, d->d_name.name, d->d_name.len);
		if (!child) {
			d_add(d, NULL); /* negative; revalidate() rejects it */
			return NULL;
		}
		inode = get_inode(dir->i_sb, child, -1);
		cgroup_put(child);
	}
	if (!inode)
		return ERR_PTR(READ_ONCE(c->dead) ? -ENODEV : -ENOMEM);
	return d_splice_alias(inode, d);
}

static int dir_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct cgroup *parent = cgroup_of(dir), *c;
	struct inode *inode;

	c = cgroup_mkdir(parent, d->d_name.name, d->d_name.len);
	if (IS_ERR(c))
		return (int)PTR_ERR(c);
	inode = get_inode(dir->i_sb, c, -1);
	if (!inode) {
		cgroup_rmdir(c);
		cgroup_put(c);
		return -ENOMEM;
	}
	inode->i_mode = S_IFDIR | (mode & 01777);
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	cgroup_put(c);
	inc_nlink(dir);
	d_instantiate(d, inode);
	return 0;
}

static int dir_rmdir(struct inode *dir, struct dentry *d)
{
	struct cgroup *c = cgroup_get(cgroup_of(d_inode(d)));
	int err = cgroup_rmdir(c);

	if (!err) {
		drop_inodes(c);
		drop_nlink(dir);
		clear_nlink(d_inode(d));
	}
	cgroup_put(c);
	return err;
}

/* Refuses to remove a control file. */
static int dir_unlink(struct inode *dir, struct dentry *d)
{
	return -EPERM;
}

#define CHILD_POS 1024

/*
 * Finds the first child whose id is at least @n, and copies its id and name. Returns false if there
 * is none.
 */
static bool nth_child(struct cgroup *c, u64 n, u64 *id, char *name)
{
	struct cgroup *child;
	bool found = false;

	mutex_lock(&cgroup_mutex);
	list_for_each_entry(child, &c->children, sibling)
		if (child->id >= n) { /* the list is sorted by id */
			*id = child->id;
			strscpy(name, child->name, CGROUP_NAME_MAX + 1);
			found = true;
			break;
		}
	mutex_unlock(&cgroup_mutex);
	return found;
}

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct cgroup *c = cgroup_of(f->f_inode);
	char *name;
	u64 id;

	if (READ_ONCE(c->dead) || !dir_emit_dots(f, ctx))
		return READ_ONCE(c->dead) ? -ENODEV : 0;
	for (; ctx->pos - 2 < nr_cg_files; ctx->pos++) {
		u32 i = (u32)(ctx->pos - 2);

		if (cg_file_here(c, &cg_files[i]) &&
			!dir_emit(ctx, cg_files[i].name, (int)strlen(cg_files[i].name),
				FILE_INO(c, i), 8))
			return 0;
	}
	if (ctx->pos < CHILD_POS)
		ctx->pos = CHILD_POS;
	name = kmalloc(CGROUP_NAME_MAX + 1, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	while (nth_child(c, (u64)ctx->pos - CHILD_POS, &id, name)) {
		ctx->pos = (loff_t)id + CHILD_POS;
		if (!dir_emit(ctx, name, (int)strlen(name), id, 4))
			break;
		ctx->pos++;
	}
	kfree(name);
	return 0;
}

static ssize_t dir_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return simple_xattr_get(&cgroup_of(inode)->xattrs, name, buf, size);
}

/* Sets an extended attribute. i_rwsem is held. */
static int dir_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	return simple_xattr_set_bounded(&cgroup_of(inode)->xattrs, name, value, size, flags);
}

static ssize_t dir_listxattr(struct inode *inode, char *buf, size_t size)
{
	return simple_xattr_list(&cgroup_of(inode)->xattrs, buf, size);
}

static const struct inode_operations dir_iops = {
	.lookup = dir_lookup,
	.mkdir = dir_mkdir,
	.rmdir = dir_rmdir,
	.unlink = dir_unlink,
	.setattr = simple_setattr,
	.getxattr = dir_getxattr,
	.setxattr = dir_setxattr,
	.listxattr = dir_listxattr,
};
static const struct file_operations dir_fops = {
	.iterate = dir_iterate,
	.llseek = generic_file_llseek,
};

/* ---- control files ---- */

static int file_open(struct inode *inode, struct file *f)
{
	struct cg_open *o;

	if (READ_ONCE(cgroup_of(inode)->dead))
		return -ENODEV;
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return -ENOMEM;
	seq_open(&o->seq, f);
	o->top = cgroup_ns_top();
	if (o->top)
		cgroup_get(o->top);
	o->unread = true;
	f->private_data = o;
	return 0;
}

static int file_release(struct inode *inode, struct file *f)
{
	struct cg_open *o = f->private_data;

	if (o) {
		psi_trigger_destroy(o->trigger);
		mem_watch_end(&o->peak);
		seq_close(&o->seq);
		cgroup_put(o->top);
	}
	kfree(o);
	return 0;
}

static int make_text(struct seq *s, void *arg)
{
	struct file *f = arg;
	struct cg_open *o = f->private_data;
	const struct cg_file *cf = file_of(f->f_inode);
	struct cgroup *c = cgroup_of(f->f_inode);

	if (READ_ONCE(c->dead) || !cg_file_here(c, cf))
		return -ENODEV;
	if (!cf->show)
		return -EINVAL;
	o->unread = false;
	if (cf->notify >= 0)
		o->seen = READ_ONCE(c->notify[cf->notify].seq);
	return cf->show(s, c);
}

static ssize_t file_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct cg_open *o = f->private_data;

	return seq_read(&o->seq, to, pos, make_text, f);
}

/*
 * Stores @text, with the group locked by cg_begin() if the file is a setting. Returns 0 or -errno.
 */
static int store(struct file *f, struct cgroup *c, const struct cg_file *cf, char *text)
{
	int err;

	if (!(cf->flags & CGF_SETTING))
		return cf->store(f, c, text);
	err = cg_begin(c, cf->controller);
	if (!err) {
		err = cf->store(f, c, text);
		cg_end();
	}
	return err;
}

static ssize_t file_write(struct file *f, struct iov_iter *from, loff_t *pos)
{
	const struct cg_file *cf = file_of(f->f_inode);
	const struct cg_open *o = f->private_data;
	struct cgroup *c = cgroup_of(f->f_inode);
	size_t n = from->count;
	char *text;
	int err;

	if (!cf->store)
		return -EINVAL;
	if (n >= PAGE_SIZE)
		return -E2BIG;
	text = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, n, from) != n)
		err = -EFAULT;
	else if (READ_ONCE(c->dead) || !cg_file_here(c, cf))
		err = -ENODEV;
	else
		err = c == o->top && !(cf->flags & CGF_DELEGATED) ? -EPERM : 0;
	if (!err) {
		text[n] = 0;
		err = store(f, c, cf, strim(text));
	}
	kfree(text);
	if (err)
		return err;
	*pos += (loff_t)n;
	return (ssize_t)n;
}

/*
 * Polls as kernfs does: the file is always readable and writable. EPOLLERR and EPOLLPRI are
 * reported before the first read, and after a change since the last read. A file with a psi trigger
 * reports only the trigger's events, as EPOLLPRI.
 */
static u32 file_poll(struct file *f, struct poll_table *pt)
{
	const struct cg_file *cf = file_of(f->f_inode);
	struct cgroup *c = cgroup_of(f->f_inode);
	struct cg_open *o = f->private_data;
	u32 mask = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

	if (o->trigger) {
		poll_wait(f, psi_trigger_wait(o->trigger), pt);
		return psi_trigger_take(o->trigger) ? mask | EPOLLPRI : mask;
	}
	if (cf->notify >= 0)
		poll_wait(f, &c->notify[cf->notify].wait, pt);
	if (READ_ONCE(o->unread) ||
		(cf->notify >= 0 && READ_ONCE(c->notify[cf->notify].seq) != o->seen))
		mask |= EPOLLERR | EPOLLPRI;
	return mask;
}

static const struct inode_operations file_iops = { .setattr = simple_setattr };
static const struct file_operations file_fops = {
	.open = file_open,
	.release = file_release,
	.read_iter = file_read,
	.write_iter = file_write,
	.poll = file_poll,
	.llseek = generic_file_llseek,
};

/* ---- changes ---- */

/* Reports IN_MODIFY to watchers of the group's control files that @which (CGN_*) stands for. */
static void notify_inode(struct cgroup *c, u32 which)
{
	for (u32 i = 0; i < nr_cg_files; i++) {
		struct inode *inode = NULL;

		if (cg_files[i].notify != (int)which)
			continue;
		spin_lock(&c->files_lock);
		if (c->files[i]) {
			inode = c->files[i];
			ihold(inode);
		}
		spin_unlock(&c->files_lock);
		if (inode) {
			fsnotify_inode(inode, IN_MODIFY);
			iput(inode);
		}
	}
}

/* ---- the superblock ---- */

/* Finds a group's directory by its inode number, for file handles. */
static struct inode *handle_inode(struct super_block *sb, u64 ino, u32 generation)
{
	struct cgroup *c, *found = NULL;
	struct inode *inode = NULL;

	mutex_lock(&cgroup_mutex);
	for (c = &cgroup_root; c && !found; c = cgroup_next(c, &cgroup_root))
		if (c->id == ino && !generation)
			found = cgroup_get(c);
	mutex_unlock(&cgroup_mutex);
	if (found) {
		inode = get_inode(sb, found, -1);
		cgroup_put(found);
	}
	return inode ? inode : ERR_PTR(-ESTALE);
}

/* Returns the directory above @dir, referenced. The root is its own parent. */
static struct inode *parent_inode(struct inode *dir)
{
	struct cgroup *c = cgroup_of(dir);
	struct inode *inode = get_inode(dir->i_sb, c->parent ? c->parent : c, -1);

	return inode ? inode : ERR_PTR(-ENOENT);
}

static const struct fs_param params[] = {
	FS_PARAM("nsdelegate", FSP_FLAG),
	FS_PARAM("favordynmods", FSP_FLAG),
	FS_PARAM("memory_localevents", FSP_FLAG),
	FS_PARAM("memory_recursiveprot", FSP_FLAG),
	FS_PARAM("memory_hugetlb_accounting", FSP_FLAG),
	FS_PARAM("pids_localevents", FSP_FLAG),
	FS_PARAM_END,
};

/*
 * Parses the options of a mount. From the initial cgroup namespace they apply at once to all
 * mounts, from other namespaces they have no effect. Modifies @data. Returns 0 or -EINVAL.
 */
static int take_options(char *data)
{
	bool recursive = false;
	char *word;

	while (data && (word = strsep(&data, ","))) {
		bool ok = !*word;

		for (const struct fs_param *p = params; p->name; p++)
			ok |= !strcmp(word, p->name);
		if (!ok)
			return -EINVAL;
		recursive |= !strcmp(word, "memory_recursiveprot");
	}
	if (cgroup_ns_is_first())
		WRITE_ONCE(mem_keeps_recursive, recursive);
	return 0;
}

static int cgroup_remount(struct super_block *sb, u32 *flags, char *data)
{
	return take_options(data);
}

static int cgroup_show_options(struct super_block *sb, char *buf, size_t size)
{
	return scnprintf(buf, size, ",nsdelegate%s",
		READ_ONCE(mem_keeps_recursive) ? ",memory_recursiveprot" : "");
}

/*
 * Prints the path of a mount's root dentry, relative to the root of the reader's cgroup namespace.
 * Returns its beginning in @buf, or ERR_PTR.
 */
static char *cgroup_show_root(struct dentry *root, char *buf, size_t size)
{
	const struct inode *inode = d_inode(root);
	const char *name = (const char *)root->d_name.name;
	/* length of "/name" of a control file */
	size_t n = S_ISDIR(inode->i_mode) ? 0 : strlen(name) + 1;
	char *p = cgroup_path(cgroup_of(inode), cgroup_ns_root(), buf, size - n), *end;

	if (IS_ERR(p) || !n)
		return p;
	end = p[1] ? buf + size - n - 1 : p;
	*end = '/';
	memcpy(end + 1, name, n);
	return p;
}

static const struct super_operations cgroup_sops = {
	.alloc_inode = alloc_inode,
	.free_inode = free_inode,
	.evict_inode = evict,
	.drop_inode = generic_delete_inode,
	.statfs = simple_statfs,
	.remount = cgroup_remount,
	.show_options = cgroup_show_options,
	.show_root = cgroup_show_root,
	.handle_inode = handle_inode,
	.parent_inode = parent_inode,
	.handle_is_number = true,
};

static int fill_super(struct super_block *sb, void *data, bool silent)
{
	struct inode *root;

	sb->s_magic = CGROUP2_SUPER_MAGIC;
	sb->s_op = &cgroup_sops;
	sb->s_d_op = &cgroup_dops;
	sb->s_maxbytes = INT64_MAX;
	sb->s_flags |= SB_NODEV | SB_NOEXEC | SB_NOSUID;
	root = get_inode(sb, &cgroup_root, -1);
	if (!root)
		return -ENOMEM;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/*
 * Finds the directory of @c, a child group of @parent's group. Drops the reference to @parent.
 * Returns ERR_PTR on failure: -ENODEV if the group was removed, even if another group has its name
 * now.
 */
static struct dentry *child_dentry(struct dentry *parent, const struct cgroup *c)
{
	struct dentry *d;

	down_write(&d_inode(parent)->i_rwsem);
	d = lookup_one_len(c->name, parent, (int)strlen(c->name));
	up_write(&d_inode(parent)->i_rwsem);
	dput(parent);
	if (!IS_ERR(d) && (!d_inode(d) || cgroup_of(d_inode(d)) != c)) {
		dput(d);
		d = ERR_PTR(-ENODEV);
	}
	return d;
}

/* Returns the ancestor at @level (0: the root), or @c itself, without a reference. */
static const struct cgroup *ancestor_at(const struct cgroup *c, u32 level)
{
	while (c->level > level)
		c = c->parent;
	return c;
}

/*
 * Exchanges the reference to the root directory for a reference to the directory that is the root
 * in current's cgroup namespace. On failure drops s_umount and the superblock.
 */
static struct dentry *ns_dentry(struct dentry *d)
{
	const struct cgroup *top = cgroup_ns_root();
	struct super_block *sb = d->d_sb;

	for (u32 level = 1; level <= top->level && !IS_ERR(d); level++)
		d = child_dentry(d, ancestor_at(top, level));
	if (IS_ERR(d)) {
		up_write(&sb->s_umount);
		deactivate_super(sb);
	}
	return d;
}

static struct dentry *cgroup_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	int err = take_options(data);

	struct dentry *root = err ? ERR_PTR(err) : mount_single(t, flags, data, fill_super);

	return IS_ERR(root) || cgroup_is_root(cgroup_ns_root()) ? root : ns_dentry(root);
}

static struct user_namespace *cgroup_owner(void)
{
	return current_ns_owner(NS_CGROUP);
}

static struct file_system_type cgroup2_type = {
	.name = "cgroup2",
	.fs_flags = FS_USERNS_MOUNT,
	.owner = cgroup_owner,
	.params = params,
	.mount = cgroup_mount,
	.kill_sb = kill_anon_super,
};

/*
 * Finds the group of a directory's descriptor for CLONE_INTO_CGROUP (O_PATH is enough). Sets *may
 * to true if current may write to the group's cgroup.procs. Returns a reference, or
 * ERR_PTR(-EBADF).
 */
static struct cgroup *of_fd(int fd, bool *may)
{
	struct file *f = fget_raw(fd);
	struct cgroup *c = ERR_PTR(-EBADF);

	if (!f)
		return c;
	if (f->f_inode->i_fop == &dir_fops) {
		int index = find_file(
			cgroup_of(f->f_inode), &(struct qstr){ .name = "cgroup.procs", .len = 12 });
		struct inode *procs = get_inode(f->f_inode->i_sb, cgroup_of(f->f_inode), index);

		c = cgroup_get(cgroup_of(f->f_inode));
		*may = !procs || !inode_permission(procs, MAY_WRITE);
		if (procs)
			iput(procs);
	}
	fput(f);
	return c;
}

static const struct cgroup_file_ops file_ops = {
	.of_fd = of_fd,
	.may_write = cg_may_write_procs,
	.is_file = cg_is_file,
	.notify_inode = notify_inode,
};

static int cgroup2_init(void)
{
	int err = register_filesystem(&cgroup2_type);

	if (err)
		return err;
	cgroup_file_ops = &file_ops;
	kernel_mount = kern_mount(&cgroup2_type);
	return IS_ERR(kernel_mount) ? (int)PTR_ERR(kernel_mount) : 0;
}
INITCALL(4, cgroup2_init);

/*
 * ---- /sys/kernel/cgroup: the names of files that are delegated with a group, and of options ----
 */

static int show_delegate(struct seq *s, void *arg)
{
	for (u32 i = 0; i < nr_cg_files; i++)
		if (cg_files[i].flags & CGF_DELEGATED)
			seq_printf(s, "%s\n", cg_files[i].name);
	return 0;
}

static int show_features(struct seq *s, void *arg)
{
	seq_puts(s, "nsdelegate\nmemory_recursiveprot\n");
	return 0;
}

static int features_init(void)
{
	int err = sysfs_create("kernel/cgroup/delegate", show_delegate, NULL);

	return err ? err : sysfs_create("kernel/cgroup/features", show_features, NULL);
}
INITCALL(5, features_init);
