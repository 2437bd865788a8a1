/* SPDX-License-Identifier: MIT */
/*
 * root.c: the file system "proc": its fixed tree and inodes; mount.c has the mounts.
 *
 * Inodes are made at lookup and freed when unused. The fixed tree consists of struct proc_entry;
 * pid.c has the directories of processes. Inodes of the fixed tree have the numbers of their
 * entries, others get theirs from a counter.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

#define PROC_ROOT_INO 1
#define FIXED_INO_BASE 0xf0000000U
/* readdir positions of processes begin at this one */
#define PID_POS_BASE 0x10000

struct proc_entry proc_root_entry = { .name = "", .mode = S_IFDIR | 0555, .ino = PROC_ROOT_INO };
static u32 next_fixed_ino = FIXED_INO_BASE;
static atomic64_t next_ino = ATOMIC_INIT(0x1000);

/* ---- the fixed tree ---- */

struct proc_entry *proc_find(struct proc_entry *dir, const char *name, u32 len)
{
	struct proc_entry *e;

	for (e = S_ISDIR(dir->mode) ? dir->children : NULL; e; e = e->next)
		if (strlen(e->name) == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

/*
 * Links a complete entry into its directory, possibly after boot. Stores the pointer last, so that
 * a concurrent lookup finds a complete entry or none.
 */
static void link_entry(struct proc_entry *dir, struct proc_entry *e)
{
	struct proc_entry **at = &dir->children;

	while (*at)
		at = &(*at)->next;
	WRITE_ONCE(*at, e);
}

static struct proc_entry *new_entry(struct proc_entry *dir, const char *name, u32 len, umode_t mode)
{
	struct proc_entry *e = kzalloc(sizeof(*e) + len + 1, GFP_KERNEL);
	char *copy = (char *)(e + 1);

	if (!e)
		return NULL;
	memcpy(copy, name, len);
	e->name = copy;
	e->mode = mode;
	e->ino = next_fixed_ino++;
	e->parent = dir;
	return e;
}

static struct proc_entry *add_entry(struct proc_entry *dir, const char *name, u32 len, umode_t mode)
{
	struct proc_entry *e = new_entry(dir, name, len, mode);

	if (e)
		link_entry(dir, e);
	return e;
}

/*
 * Makes the missing directories of *path and returns the last directory, or NULL if memory is
 * short. *path becomes the last component.
 */
static struct proc_entry *walk_to(struct proc_entry *dir, const char **path)
{
	const char *slash;

	while (dir && (slash = strchr(*path, '/'))) {
		u32 len = (u32)(slash - *path);
		struct proc_entry *next = proc_find(dir, *path, len);

		dir = next ? next : add_entry(dir, *path, len, S_IFDIR | 0555);
		*path = slash + 1;
	}
	return dir;
}

/*
 * Makes an entry, which the caller fills in and then links by link_entry(). Returns NULL if memory
 * is short.
 */
static struct proc_entry *create(struct proc_entry *root, const char *path, umode_t mode)
{
	struct proc_entry *dir = walk_to(root, &path);

	return dir ? new_entry(dir, path, (u32)strlen(path), mode) : NULL;
}

struct proc_entry *tree_find(struct proc_entry *root, const char *path)
{
	struct proc_entry *e = root;

	while (e && *path) {
		const char *slash = strchr(path, '/');
		u32 len = (u32)(slash ? (size_t)(slash - path) : strlen(path));

		e = proc_find(e, path, len);
		path += len + (slash != NULL);
	}
	return e;
}

int tree_mkdir(struct proc_entry *root, const char *path)
{
	struct proc_entry *e;

	if (tree_find(root, path))
		return 0;
	e = create(root, path, S_IFDIR | 0555);
	if (e)
		link_entry(e->parent, e);
	return e ? 0 : -ENOMEM;
}

int tree_rename(struct proc_entry *root, const char *path, const char *name)
{
	struct proc_entry *e = tree_find(root, path);

	if (e)
		WRITE_ONCE(e->name, name);
	return e ? 0 : -ENOENT;
}

int tree_create(struct proc_entry *root, const char *path, umode_t mode, show_fn show,
	store_fn store, void *arg)
{
	struct proc_entry *e = create(root, path, S_IFREG | mode);

	if (!e)
		return -ENOMEM;
	e->show = show;
	e->store = store;
	e->arg = arg;
	e->fops = root->fops;
	link_entry(e->parent, e);
	return 0;
}

int tree_symlink_shown(struct proc_entry *root, const char *path, show_fn show, void *arg)
{
	struct proc_entry *e = create(root, path, S_IFLNK | 0777);

	if (!e)
		return -ENOMEM;
	e->show = show;
	e->arg = arg;
	link_entry(e->parent, e);
	return 0;
}

int tree_symlink(struct proc_entry *root, const char *path, const char *target)
{
	struct proc_entry *e = create(root, path, S_IFLNK | 0777);

	if (!e)
		return -ENOMEM;
	e->target = target;
	link_entry(e->parent, e);
	return 0;
}

int proc_mkdir(const char *path)
{
	return tree_mkdir(&proc_root_entry, path);
}

int proc_create(const char *path, umode_t mode, show_fn show, store_fn store, void *arg)
{
	struct proc_entry *e = create(&proc_root_entry, path, S_IFREG | mode);

	if (!e)
		return -ENOMEM;
	e->show = show;
	e->store = store;
	e->arg = arg;
	e->fops = strncmp(path, "sys/", 4) ? &proc_text_fops : &proc_sysctl_fops;
	link_entry(e->parent, e);
	return 0;
}

/* Returns e->extra, allocated if it was missing, or NULL if memory is short. */
static struct proc_extra *make_extra(struct proc_entry *e)
{
	struct proc_extra *x;

	if (e->extra)
		return e->extra;
	x = kzalloc(sizeof(*x), GFP_KERNEL);
	if (x)
		smp_store_release(&e->extra, x);
	return x;
}

/* Sets *x to make_extra() of the entry at @path. Returns 0 or -errno. */
static int find_extra(const char *path, struct proc_extra **x)
{
	struct proc_entry *e = tree_find(&proc_root_entry, path);

	*x = e ? make_extra(e) : NULL;
	return !e ? -ENOENT : *x ? 0 : -ENOMEM;
}

int proc_let(const char *path, bool (*may)(const struct cred *c))
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err)
		WRITE_ONCE(x->may, may);
	return err;
}

int proc_let_only(const char *path, bool (*may)(const struct cred *c))
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err)
		x->may_only = true;
	return err ? err : proc_let(path, may);
}

int proc_is_text(const char *path, u32 max)
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err)
		x->text_max = max;
	return err;
}

int proc_is_words(const char *path)
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err)
		x->words = true;
	return err;
}

int proc_is_list(const char *path, store_list_fn store)
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err)
		x->store_list = store;
	return err;
}

int proc_may_change(const char *path, const u32 *changes, struct wait_queue_head *changed)
{
	struct proc_extra *x;
	int err = find_extra(path, &x);

	if (!err) {
		x->changed = changed;
		x->changes = changes;
	}
	return err;
}

bool proc_opener_may(const struct file *f, const struct proc_entry *e)
{
	const struct proc_extra *x = proc_extra(e);
	const struct cred *c = f->f_cred;

	return !x->may || c->fsuid == 0 || x->may(c) ||
	       cred_ns_capable(c, &init_user_ns, CAP_DAC_OVERRIDE);
}

int tree_show_when(struct proc_entry *root, const char *path, bool (*when)(void *arg), void *arg)
{
	struct proc_entry *e = tree_find(root, path);
	struct proc_extra *x = e ? make_extra(e) : NULL;

	if (!x)
		return e ? -ENOMEM : -ENOENT;
	x->when_arg = arg;
	WRITE_ONCE(x->when, when);
	return 0;
}

int proc_show_when(const char *path, const char *name, bool (*when)(void *arg), void *arg)
{
	int err = tree_show_when(&proc_root_entry, path, when, arg);

	return err ? err : tree_rename(&proc_root_entry, path, name);
}

int proc_symlink(const char *path, const char *target)
{
	return tree_symlink(&proc_root_entry, path, target);
}

int proc_create_fops(const char *path, umode_t mode, const struct file_operations *fops)
{
	struct proc_entry *e = create(&proc_root_entry, path, S_IFREG | mode);

	if (!e)
		return -ENOMEM;
	e->fops = fops;
	link_entry(e->parent, e);
	return 0;
}

/* ---- inodes ---- */

struct inode *proc_new_inode(struct super_block *sb, umode_t mode, struct pid *pid)
{
	struct inode *inode = new_inode(sb);
	struct proc_inode *pi;

	if (!inode)
		return NULL;
	pi = kzalloc(sizeof(*pi), GFP_KERNEL);
	if (!pi) {
		iput(inode);
		return NULL;
	}
	pi->pid = pid ? get_pid(pid) : NULL;
	pi->fd = -1;
	inode->i_private = pi;
	inode->i_ino = (ino_t)atomic_add_return(1, &next_ino);
	inode->i_mode = mode;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	set_nlink(inode, S_ISDIR(mode) ? 2 : 1);
	return inode;
}

static const struct inode_operations fixed_dir_iops, fixed_link_iops, fixed_file_iops;
static const struct file_operations fixed_dir_fops;

static struct inode *fixed_inode(struct super_block *sb, const struct proc_entry *e)
{
	struct inode *inode = proc_new_inode(sb, e->mode, NULL);

	if (!inode)
		return NULL;
	PROC_I(inode)->de = e;
	inode->i_ino = e->ino;
	if (S_ISDIR(e->mode)) {
		inode->i_op = &fixed_dir_iops;
		inode->i_fop = &fixed_dir_fops;
	} else if (S_ISLNK(e->mode)) {
		inode->i_op = &fixed_link_iops;
	} else {
		inode->i_op = &fixed_file_iops;
		inode->i_fop = e->fops;
		inode->i_size =
			sb->s_magic == SYSFS_MAGIC ? PAGE_SIZE : 0; /* the largest attribute */
	}
	return inode;
}

static bool entry_seen(const struct proc_entry *e)
{
	const struct proc_extra *x = proc_extra(e);

	return !x->when || x->when(x->when_arg);
}

static int sometimes_revalidate(struct dentry *d, u32 flags)
{
	const struct proc_entry *e = PROC_I(d_inode(d))->de;

	return entry_seen(e) && strlen(e->name) == d->d_name.len &&
	       !memcmp(e->name, d->d_name.name, d->d_name.len);
}
static const struct dentry_operations sometimes_dops = { .d_revalidate = sometimes_revalidate };

/*
 * True if the mount shows the entry. With subset=pid it shows only processes, self and thread-self.
 */
static bool in_subset(
	const struct super_block *sb, const struct proc_entry *dir, const struct proc_entry *e)
{
	return dir != &proc_root_entry || !proc_pids_only(sb) || (S_ISLNK(e->mode) && !e->target);
}

static struct dentry *fixed_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	const struct proc_entry *de = PROC_I(dir)->de;
	const struct qstr *name = &d->d_name;
	struct proc_entry *e = proc_find((struct proc_entry *)de, name->name, name->len);
	struct inode *inode;

	if (!e && de == &proc_root_entry)
		return proc_pid_lookup(dir, d, name);
	if (!e || !entry_seen(e) || !in_subset(dir->i_sb, de, e))
		return ERR_PTR(-ENOENT);
	inode = fixed_inode(dir->i_sb, e);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (proc_extra(e)->when)
		d->d_op = &sometimes_dops;
	d_add(d, inode);
	return NULL;
}

/* Returns the target of a link, which is printed each time the link is read, or ERR_PTR. */
static const char *shown_link(const struct proc_entry *e, char **to_free)
{
	struct seq s = { 0 };
	int err;

	seq_reserve(&s, 256);
	err = e->show(&s, e->arg);
	seq_write(&s, "", 1);
	if (!err && s.full)
		err = -ENOMEM;
	if (err) {
		kfree(s.buf);
		return ERR_PTR(err);
	}
	*to_free = s.buf;
	return s.buf;
}

static const char *fixed_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	const struct pid_namespace *ns = proc_pid_ns(inode->i_sb);
	const struct proc_entry *e = PROC_I(inode)->de;
	pid_t tgid;
	char *text;

	if (e->target)
		return e->target;
	if (e->show)
		return shown_link(e, to_free);
	/* self and thread-self have the reader's pid in this mount's pid namespace. */
	tgid = task_tgid_nr_ns(current, ns);
	if (!tgid)
		return ERR_PTR(-ENOENT);
	text = kzalloc(64, GFP_KERNEL);
	if (!text)
		return ERR_PTR(-ENOMEM);
	if (!strcmp(e->name, "self"))
		scnprintf(text, 64, "%d", tgid);
	else
		scnprintf(text, 64, "%d/task/%d", tgid, task_pid_nr_ns(current, ns));
	*to_free = text;
	return text;
}

static int fixed_setattr(struct dentry *d, struct iattr *attr)
{
	struct inode *inode = d_inode(d);
	int err;

	if (attr->ia_valid & ATTR_MODE)
		return -EPERM;
	err = setattr_prepare(d, attr);
	if (err)
		return err;
	if (!(attr->ia_valid & ATTR_SIZE)) /* O_TRUNC has no effect */
		setattr_copy(inode, attr);
	return 0;
}

/*
 * Returns the link count of a directory, from which programs derive the number of subdirectories
 * (find(1), sandboxes). It is 1 in /proc/sys and below, where subdirectories are not counted.
 */
static u32 fixed_nlink(const struct super_block *sb, const struct proc_entry *dir)
{
	u32 n = 2;

	for (const struct proc_entry *e = dir; e; e = e->parent)
		if (e->parent == &proc_root_entry && !strcmp(e->name, "sys"))
			return 1;
	for (const struct proc_entry *e = dir->children; e; e = e->next)
		n += S_ISDIR(e->mode) && e->name[0] != '.' && entry_seen(e) &&
		     in_subset(sb, dir, e);
	return dir == &proc_root_entry ? n + nr_processes() : n;
}

static int fixed_dir_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;

	generic_fillattr(inode, st);
	st->nlink = fixed_nlink(inode->i_sb, PROC_I(inode)->de);
	return 0;
}

static const struct inode_operations fixed_dir_iops = {
	.lookup = fixed_lookup, .getattr = fixed_dir_getattr, .setattr = fixed_setattr
};
static const struct inode_operations fixed_link_iops = { .get_link = fixed_get_link };
/*
 * Checks the permission of a fixed entry. In /proc/sys even root is refused an access that the mode
 * gives to no user.
 */
static int fixed_permission(struct inode *inode, int mask)
{
	const struct proc_entry *e = PROC_I(inode)->de;
	const struct proc_extra *x = e ? proc_extra(e) : NULL;

	if (x && x->may && !(mask & MAY_EXEC) && x->may(current_cred()))
		return 0;
	if (x && x->may_only && mask & MAY_WRITE)
		return -EACCES;
	if (inode->i_fop == &proc_sysctl_fops &&
		((mask & MAY_WRITE && !(inode->i_mode & 0222)) ||
			(mask & MAY_READ && !(inode->i_mode & 0444))))
		return -EACCES;
	return generic_permission(inode, mask);
}

static const struct inode_operations fixed_file_iops = { .setattr = fixed_setattr,
	.permission = fixed_permission };

static u32 dtype(umode_t mode)
{
	return (mode & S_IFMT) >> 12;
}

static int fixed_iterate(struct file *f, struct dir_context *ctx)
{
	const struct proc_entry *de = PROC_I(f->f_inode)->de, *e;
	loff_t n = 2;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (e = de->children; e; e = e->next, n++) {
		if (n < ctx->pos || e->name[0] == '.' || !entry_seen(e) ||
			!in_subset(f->f_inode->i_sb, de, e))
			continue; /* .net is only shown as PID/net */
		if (!dir_emit(ctx, e->name, (int)strlen(e->name), e->ino, dtype(e->mode)))
			return 0;
		ctx->pos = n + 1;
	}
	if (de != &proc_root_entry)
		return 0;
	if (ctx->pos < PID_POS_BASE)
		ctx->pos = PID_POS_BASE;
	return proc_pid_iterate(f, ctx, PID_POS_BASE);
}

static const struct file_operations fixed_dir_fops = {
	.iterate = fixed_iterate,
	.llseek = generic_file_llseek,
};

/* ---- the superblock ---- */

static void proc_evict_inode(struct inode *inode)
{
	struct proc_inode *pi = PROC_I(inode);

	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	if (pi && pi->pid)
		put_pid(pi->pid);
	kfree(pi);
	inode->i_private = NULL;
}

static int proc_drop_inode(struct inode *inode)
{
	return 1;
}

const struct super_operations tree_super_operations = {
	.evict_inode = proc_evict_inode,
	.drop_inode = proc_drop_inode,
	.statfs = simple_statfs,
};

bool tree_is_bare(const struct inode *dir)
{
	const struct proc_entry *e = S_ISDIR(dir->i_mode) ? PROC_I(dir)->de : NULL;

	return e && !READ_ONCE(e->children);
}

int tree_fill_super(struct super_block *sb, struct proc_entry *tree, u64 magic)
{
	struct inode *root;

	sb->s_blocksize_bits = magic == SYSFS_MAGIC ? PAGE_SHIFT : 10;
	sb->s_blocksize = 1U << sb->s_blocksize_bits;
	sb->s_maxbytes = S64_MAX;
	sb->s_magic = magic;
	sb->s_op = &tree_super_operations;
	sb->s_flags |= SB_NODEV | SB_NOEXEC | SB_NOSUID;
	root = fixed_inode(sb, tree);
	if (!root)
		return -ENOMEM;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}
