/* SPDX-License-Identifier: MIT */
/*
 * cgroup1.c: the file system "cgroup": a hierarchy of version 1, which has a name, controllers or
 * both. Each group is a directory.
 *
 * Each hierarchy has a superblock, whose dentries are the tree of groups. A directory's inode
 * refers to its group. Each group below the top holds a reference to the superblock. So a hierarchy
 * with groups outlives its mounts, and a later mount finds it by its name or its controllers.
 *
 * A mount takes a controller from version 2 only while no group of version 2 uses it (else EBUSY),
 * as on Linux. A remount cannot change the set of controllers (EBUSY). Groups are not renamed. The
 * file system "cpuset" is a hierarchy with the controller cpuset, in which the files' names have no
 * prefix.
 *
 * Locks, outermost first: cg1_mount_lock (one mount at a time), s_umount, a directory's i_rwsem,
 * cgroup1_mutex.
 */
#include <linux/magic.h>

#include "kernel/cgroup/cgroup.h"
#include "kernel/fs/cgroup1/internal.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/libfs.h"

static DEFINE_MUTEX(cg1_mount_lock);
static const struct inode_operations dir_iops;

static struct cgroup1 *group_of(const struct inode *inode)
{
	return inode->i_private;
}

/* ---- directories ---- */

struct inode *cg1_new_inode(struct super_block *sb, struct cgroup1 *g, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	mutex_lock(&cgroup1_mutex);
	inode->i_ino = ++g->hier->last_ino;
	mutex_unlock(&cgroup1_mutex);
	inode->i_private = cgroup1_get(g);
	inode->i_mode = mode;
	if (g->parent) { /* the task that makes a group owns it */
		inode->i_uid = current_fsuid();
		inode->i_gid = current_fsgid();
	}
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	set_nlink(inode, 1);
	return inode;
}

/* Makes a group's directory inode. @mode: permissions. Returns NULL if memory is short. */
static struct inode *new_dir(struct super_block *sb, struct cgroup1 *g, umode_t mode)
{
	struct inode *inode = cg1_new_inode(sb, g, S_IFDIR | mode);

	if (!inode)
		return NULL;
	inode->i_op = &dir_iops;
	inode->i_fop = &simple_dir_operations;
	set_nlink(inode, 2);
	return inode;
}

static void evict(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	cgroup1_put(inode->i_private);
	inode->i_private = NULL;
}

/* Removes the incomplete directory of a new group after make_dir() has failed. */
static void undo_dir(struct inode *dir, struct dentry *d, struct cgroup1 *g)
{
	struct inode *inode = d_inode(d);

	down_write(&inode->i_rwsem);
	cg1_remove_files(g, inode);
	simple_rmdir(dir, d);
	inode->i_flags |= S_DEAD;
	up_write(&inode->i_rwsem);
	d_drop(d);
}

/* Makes the directory of a new group, with its files. Returns 0, or -errno with nothing left. */
static int make_dir(struct inode *dir, struct dentry *d, struct cgroup1 *g, umode_t mode)
{
	struct inode *inode = new_dir(dir->i_sb, g, mode & 01777);
	int err;

	if (!inode)
		return -ENOMEM;
	err = simple_dir_add_new(dir, d, inode);
	if (err)
		return err;
	inc_nlink(dir);
	err = cg1_add_files(g, d);
	if (err)
		undo_dir(dir, d, g);
	return err;
}

static int dir_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct cgroup1 *g;
	int err;

	/* A newline would split the group's line in /proc/PID/cgroup. */
	if (strchr(d->d_name.name, '\n'))
		return -EINVAL;
	/* The name of a control file is refused even if @dir does not have its files yet. */
	if (cg1_is_file(group_of(dir)->hier, d->d_name.name))
		return -EEXIST;
	g = cgroup1_mkdir(group_of(dir), d->d_name.name, d->d_name.len);
	if (IS_ERR(g))
		return PTR_ERR(g);
	err = make_dir(dir, d, g, mode);
	if (!err) {
		mutex_lock(&cgroup1_mutex);
		g->dir = d; /* valid until cgroup1_rmdir() */
		WRITE_ONCE(g->ino, d_inode(d)->i_ino);
		mutex_unlock(&cgroup1_mutex);
		atomic_inc(&dir->i_sb->s_active);
	} else {
		cgroup1_rmdir(g);
	}
	cgroup1_put(g);
	return err;
}

static int dir_rmdir(struct inode *dir, struct dentry *d)
{
	struct cgroup1 *g = group_of(d_inode(d));
	int err = cgroup1_rmdir(g);

	if (err)
		return err;
	cg1_remove_files(g, d_inode(d));
	simple_rmdir(dir, d);
	deactivate_super(dir->i_sb); /* the caller's mount holds a reference too */
	return 0;
}

static ssize_t dir_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return simple_xattr_get(&group_of(inode)->xattrs, name, buf, size);
}

static int dir_setxattr(
	struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	return simple_xattr_set_bounded(&group_of(inode)->xattrs, name, value, size, flags);
}

static ssize_t dir_listxattr(struct inode *inode, char *buf, size_t size)
{
	return simple_xattr_list(&group_of(inode)->xattrs, buf, size);
}

static const struct inode_operations dir_iops = {
	.lookup = simple_lookup,
	.mkdir = dir_mkdir,
	.rmdir = dir_rmdir,
	.setattr = simple_setattr,
	.getxattr = dir_getxattr,
	.setxattr = dir_setxattr,
	.listxattr = dir_listxattr,
};

/* ---- options ---- */

static const struct fs_param params[] = {
	FS_PARAM("name", FSP_TEXT),
	FS_PARAM("none", FSP_FLAG),
	FS_PARAM("release_agent", FSP_TEXT),
	FS_PARAM("clone_children", FSP_FLAG),
	FS_PARAM("xattr", FSP_FLAG),
	FS_PARAM("noprefix", FSP_FLAG),
	FS_PARAM("favordynmods", FSP_FLAG),
	FS_PARAM("cpuset_v2_mode", FSP_FLAG),
	FS_PARAM("all", FSP_FLAG),
	FS_PARAM("cpuset", FSP_FLAG),
	FS_PARAM("blkio", FSP_FLAG),
	FS_PARAM("hugetlb", FSP_FLAG),
	FS_PARAM("cpu", FSP_FLAG),
	FS_PARAM("memory", FSP_FLAG),
	FS_PARAM("pids", FSP_FLAG),
	FS_PARAM("cpuacct", FSP_FLAG),
	FS_PARAM("devices", FSP_FLAG),
	FS_PARAM("freezer", FSP_FLAG),
	FS_PARAM("net_cls", FSP_FLAG),
	FS_PARAM("perf_event", FSP_FLAG),
	FS_PARAM("net_prio", FSP_FLAG),
	FS_PARAM_END,
};

/*
 * Accepted without effect: the option favordynmods. The options xattr and cpuset_v2_mode have no
 * effect either (attributes always work), but they are recorded and shown.
 */
static const char *const ignored[] = { "favordynmods" };

struct options {
	const char *name, *agent; /* parts of the options' text, or NULL */
	bool none, clone_children, xattr, noprefix, cpuset_v2_mode, all;
	u32 controllers; /* CG1_* */
};

static bool one_of(const char *const *list, u32 n, const char *word)
{
	for (u32 i = 0; i < n; i++)
		if (!strcmp(list[i], word))
			return true;
	return false;
}

/* True if a hierarchy may have this name. */
static bool good_name(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= CGROUP1_NAME)
		return false;
	for (; *name; name++)
		if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			    (*name >= '0' && *name <= '9') || strchr("._-", *name)))
			return false;
	return true;
}

/* Returns the controller's bit (CG1_*), or 0 if there is none of that name. */
static u32 controller(const char *word)
{
	for (u32 i = 0; i < CG1_NR; i++)
		if (!strcmp(cgroup1_controllers[i], word))
			return BIT(i);
	return 0;
}

/* Parses one option into @o, whose strings then point into @word. Returns 0 or -EINVAL. */
static int parse_option(struct options *o, const char *word)
{
	if (!strncmp(word, "name=", 5)) {
		if (o->name || !good_name(word + 5))
			return -EINVAL;
		o->name = word + 5;
	} else if (!strncmp(word, "release_agent=", 14)) {
		if (o->agent || !cg1_may_set_agent(current_cred()))
			return -EINVAL;
		o->agent = word + 14;
	} else if (!strcmp(word, "none")) {
		o->none = true;
	} else if (!strcmp(word, "xattr")) {
		o->xattr = true;
	} else if (!strcmp(word, "noprefix")) {
		o->noprefix = true;
	} else if (!strcmp(word, "cpuset_v2_mode")) {
		o->cpuset_v2_mode = true;
	} else if (!strcmp(word, "clone_children")) {
		o->clone_children = true;
	} else if (!strcmp(word, "all")) {
		o->all = true;
	} else if (controller(word)) {
		o->controllers |= controller(word);
	} else if (!one_of(ignored, ARRAY_SIZE(ignored), word)) {
		return -EINVAL;
	}
	return 0;
}

/*
 * Sets *o, and checks that the options fit together. Modifies @data, which must outlive *o. Returns
 * 0 or -EINVAL.
 */
static int parse_options(struct options *o, char *data)
{
	char *word;
	int err = 0;

	*o = (struct options){ .name = NULL };
	while (!err && data && (word = strsep(&data, ",")))
		if (*word)
			err = parse_option(o, word);
	if (err)
		return err;
	if ((o->none && (o->all || o->controllers || !o->name)) || (o->all && o->controllers))
		return -EINVAL;
	/* without a name and controllers: all controllers */
	if (o->all || (!o->none && !o->name && !o->controllers))
		o->controllers = BIT(CG1_NR) - 1;
	return o->noprefix && o->controllers & ~CG1_CPUSET ? -EINVAL : 0;
}

/* ---- superblocks ---- */

static int cg1_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct cgroup1_hier *h = sb->s_fs_info;
	int n = 0;

	for (u32 i = 0; i < CG1_NR; i++)
		if (h->controllers & BIT(i))
			n += scnprintf(buf + n, size - (size_t)n, ",%s", cgroup1_controllers[i]);
	if (h->noprefix)
		n += scnprintf(buf + n, size - (size_t)n, ",noprefix");
	if (h->xattr)
		n += scnprintf(buf + n, size - (size_t)n, ",xattr");
	if (h->cpuset_v2_mode)
		n += scnprintf(buf + n, size - (size_t)n, ",cpuset_v2_mode");
	mutex_lock(&cgroup1_mutex);
	if (h->agent && *h->agent) {
		n += scnprintf(buf + n, size - (size_t)n, ",release_agent=");
		n += show_option_value(buf + n, size - (size_t)n, h->agent);
	}
	if (READ_ONCE(h->top->clone_children))
		n += scnprintf(buf + n, size - (size_t)n, ",clone_children");
	if (h->name[0])
		n += scnprintf(buf + n, size - (size_t)n, ",name=%s", h->name);
	mutex_unlock(&cgroup1_mutex);
	return n;
}

static int cg1_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct cgroup1_hier *h = sb->s_fs_info;
	struct options o;
	int err = parse_options(&o, data);

	if (err)
		return err;
	if (o.xattr != h->xattr || o.noprefix != h->noprefix ||
		o.cpuset_v2_mode != h->cpuset_v2_mode || (o.name && strcmp(o.name, h->name) != 0))
		return -EINVAL;
	if (READ_ONCE(h->top->nr_children) || (o.controllers && o.controllers != h->controllers))
		return -EBUSY;
	return o.agent ? cgroup1_set_agent(h, o.agent) : 0;
}

static const struct super_operations cg1_sops = {
	.evict_inode = evict,
	.drop_inode = generic_delete_inode,
	.statfs = simple_statfs,
	.remount = cg1_remount,
	.show_options = cg1_show_options,
};

/*
 * Fills the superblock, which then holds a reference to the hierarchy's top group. Returns 0 or
 * -errno. At a failure cg1_kill_sb() undoes all.
 */
static int cg1_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct cgroup1_hier *h = data;
	struct inode *root;

	cgroup1_get(h->top);
	sb->s_fs_info = h;
	sb->s_magic = CGROUP_SUPER_MAGIC;
	sb->s_op = &cg1_sops;
	sb->s_maxbytes = INT64_MAX;
	sb->s_iflags |= SB_I_NODEV | SB_I_NOEXEC;
	root = new_dir(sb, h->top, 0555);
	if (!root)
		return -ENOMEM;
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	return cg1_add_files(h->top, sb->s_root);
}

static void cg1_kill_sb(struct super_block *sb)
{
	struct cgroup1_hier *h = sb->s_fs_info;

	if (h) {
		mutex_lock(&cgroup1_mutex);
		cgroup1_unlist(h);
		mutex_unlock(&cgroup1_mutex);
	}
	kill_anon_super(sb);
	if (h)
		cgroup1_put(h->top);
}

/*
 * Mounts a new hierarchy and lists it. Returns the root, referenced, with s_umount held, or
 * ERR_PTR.
 */
static struct dentry *make_super(
	struct file_system_type *t, u32 flags, struct cgroup1_hier *h, const struct options *o)
{
	struct dentry *root;
	int err = o->agent ? cgroup1_set_agent(h, o->agent) : 0;

	h->xattr = o->xattr;
	h->noprefix = o->noprefix;
	h->cpuset_v2_mode = o->cpuset_v2_mode;
	h->top->clone_children = o->clone_children;
	root = err ? ERR_PTR(err) : mount_nodev(t, flags, h, cg1_fill_super);
	if (IS_ERR(root))
		return root;
	mutex_lock(&cgroup1_mutex);
	h->top->dir = root->d_sb->s_root;
	cgroup1_list(h, root->d_sb);
	mutex_unlock(&cgroup1_mutex);
	return root;
}

/*
 * Takes the controllers in @mask from hierarchies that are being destroyed. cgroup1_mutex is held.
 * Returns 0, or -EBUSY if a hierarchy in use has one of them.
 */
static int free_controllers(u32 mask)
{
	struct cgroup1_hier *h;

	while ((h = cgroup1_owner(mask))) {
		if (atomic_read(&h->sb->s_active))
			return -EBUSY;
		cgroup1_unlist(h);
	}
	return 0;
}

/*
 * Returns the superblock of the requested hierarchy, with a reference in s_active and s_umount
 * held. NULL: the caller makes it; controllers of dying hierarchies are then free. ERR_PTR(-EBUSY):
 * another hierarchy has its name or a controller.
 */
static struct super_block *grab(const struct options *o)
{
	struct cgroup1_hier *h;
	struct super_block *sb = NULL;
	int err = 0;

	mutex_lock(&cgroup1_mutex);
	h = cgroup1_find(o->name, o->controllers, o->none);
	if (IS_ERR(h))
		err = (int)PTR_ERR(h);
	else if (h && atomic_inc_not_zero(&h->sb->s_active))
		sb = h->sb;
	else if (h)
		cgroup1_unlist(h);
	if (!err && !sb)
		err = free_controllers(o->controllers);
	mutex_unlock(&cgroup1_mutex);
	if (sb)
		down_write(&sb->s_umount);
	return err ? ERR_PTR(err) : sb;
}

/*
 * Exchanges the reference to the top directory for a reference to the directory that is the root in
 * current's cgroup namespace. On failure drops s_umount and the superblock.
 */
static struct dentry *ns_dentry(struct dentry *root)
{
	struct super_block *sb = root->d_sb;
	struct dentry *d;

	mutex_lock(&cgroup1_mutex);
	d = cgroup1_ns_root(sb->s_fs_info)->dir;
	if (d)
		dget(d);
	mutex_unlock(&cgroup1_mutex);
	dput(root);
	if (d)
		return d;
	up_write(&sb->s_umount);
	deactivate_super(sb);
	return ERR_PTR(-ENODEV); /* the root group was removed */
}

static struct user_namespace *cg1_owner(void)
{
	return current_ns_owner(NS_CGROUP);
}

/* Finds or makes the hierarchy. cg1_mount_lock is held. Returns as make_super(). */
static struct dentry *mount_asked(struct file_system_type *t, u32 flags, const struct options *o)
{
	struct super_block *sb = grab(o);
	struct cgroup1_hier *h;
	struct dentry *root;
	int err;

	if (IS_ERR(sb))
		return ERR_CAST(sb);
	if (sb)
		return dget(sb->s_root);
	if (!o->none && !o->controllers)
		return ERR_PTR(-EINVAL);
	/*
	 * Only tasks of the first cgroup namespace may make a hierarchy: one with groups outlives
	 * its mounts, so it could outlive the namespace that made it.
	 */
	if (!cgroup_ns_is_first())
		return ERR_PTR(-EPERM);
	/*
	 * Each controller exists once in the machine, so root of another user namespace cannot take
	 * one.
	 */
	if (o->controllers && cg1_owner() != &init_user_ns)
		return ERR_PTR(-EPERM);
	err = cgroup_give_away(cgroup1_taken(o->controllers));
	if (err)
		return ERR_PTR(err);
	h = cgroup1_create(o->name ? o->name : "", o->controllers);
	root = IS_ERR(h) ? ERR_CAST(h) : make_super(t, flags, h, o);
	if (IS_ERR(root))
		cgroup_take_back(cgroup1_taken(o->controllers));
	if (!IS_ERR(h))
		cgroup1_put(h->top);
	return root;
}

static struct dentry *cg1_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct options o;
	struct dentry *root;
	int err = parse_options(&o, data);

	if (err)
		return ERR_PTR(err);
	mutex_lock(&cg1_mount_lock);
	root = mount_asked(t, flags, &o);
	mutex_unlock(&cg1_mount_lock);
	return IS_ERR(root) ? root : ns_dentry(root);
}

static struct file_system_type cgroup1_type = {
	.name = "cgroup",
	.fs_flags = FS_USERNS_MOUNT,
	.owner = cg1_owner,
	.params = params,
	.mount = cg1_mount,
	.kill_sb = cg1_kill_sb,
};

/* Mounts the file system "cpuset", the interface from before control groups. */
static struct dentry *cpuset_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	char options[] = "cpuset,noprefix,release_agent=/sbin/cpuset_release_agent";

	return data && *data ? ERR_PTR(-EINVAL) : cg1_mount(t, flags, dev, options);
}

static struct file_system_type cpuset_type = {
	.name = "cpuset",
	.owner = cg1_owner,
	.mount = cpuset_mount,
	.kill_sb = cg1_kill_sb,
};

static int cgroup1_init(void)
{
	int err = register_filesystem(&cgroup1_type);

	return err ? err : register_filesystem(&cpuset_type);
}
INITCALL(4, cgroup1_init);
