/* SPDX-License-Identifier: MIT */
/*
 * fscontext.c: fsopen(2), fsconfig(2), fspick(2), fsmount(2): a file system is configured step by
 * step through a descriptor, is then made, and gets a mount that is not attached yet (mount_fd.c).
 *
 * Parameters are collected as arguments of mount(2): flags of the superblock, a source, and a text
 * of options, or a list if the file system takes one (file_system_type.mount_list). The file system
 * gets them when the superblock is made or reconfigured. If the file
 * system's type lists its parameters (fsparam.h), a wrong one is refused at once. The reason can
 * then be read from the descriptor, one line at a time. The last eight lines are kept.
 *
 * States (phase): PARAMS -> (CMD_CREATE) MADE -> (fsmount) RECONF, which takes parameters again,
 * for CMD_RECONFIGURE. fspick begins with RECONF. If making or reconfiguring the superblock fails,
 * the state is FAILED, in which all parameters and commands are refused. A command that is refused
 * before, for the state or a missing capability, leaves the state unchanged.
 *
 * Locks: fc->lock for one context; s_umount inside it.
 */
#include <linux/mount.h>

#include "gen/syscalls.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/landlock/landlock.h"
#include "kernel/vfs/mount/mount.h"

#define LOG_LINES 8

enum fc_phase { FC_PARAMS, FC_MADE, FC_RECONF, FC_FAILED };

struct fs_context {
	struct mutex lock;
	enum fc_phase phase;
	struct file_system_type *type;
	/*
	 * sb_flags: flags for the superblock. named: those flags that parameters have set or
	 * cleared.
	 */
	u32 sb_flags, named;
	char *source; /* NULL: none */
	/* "key=value,flag", or with takes_list() "key=value\0flag\0" and one more NUL */
	char *data;
	size_t size; /* of @data */
	size_t len;  /* bytes in @data, without the last NUL */
	/*
	 * In MADE and RECONF: the root, with a reference to it and one to the superblock
	 * (s_active). Neither keeps a mount from being unmounted.
	 */
	struct dentry *root;
	char *log[LOG_LINES];
	u32 log_first, log_nr;
};

#define KEY_MAX 256
#define LINE_MAX 384
#define DATA_MAX (128U << 10) /* bytes of all options */
/* FSCONFIG_CMD_CREATE_EXCL of Linux 6.6: fails if the superblock exists already. */
#define CMD_CREATE_EXCL 8

/* True if options are passed as a list. */
static bool takes_list(const struct fs_context *fc)
{
	return fc->type->mount_list;
}

/* ---- files ---- */

static void drop_root(struct fs_context *fc)
{
	struct super_block *sb = fc->root ? fc->root->d_sb : NULL;

	if (!sb)
		return;
	dput(fc->root);
	fc->root = NULL;
	deactivate_super(sb);
}

static int fc_release(struct inode *inode, struct file *f)
{
	struct fs_context *fc = f->private_data;

	drop_root(fc);
	for (u32 i = 0; i < LOG_LINES; i++)
		kfree(fc->log[i]);
	kfree(fc->source);
	kfree(fc->data);
	kfree(fc);
	return 0;
}

/* ---- messages ---- */

/*
 * Logs "e WHO: TEXT", or "e TEXT" if @who is NULL. A full log drops its oldest line. Without memory
 * the new line is lost.
 */
static void fc_error(struct fs_context *fc, const char *who, const char *text)
{
	char line[LINE_MAX];
	u32 slot;

	scnprintf(line, sizeof(line), "e %s%s%s\n", who ? who : "", who ? ": " : "", text);
	if (fc->log_nr == LOG_LINES) {
		fc->log_first = (fc->log_first + 1) % LOG_LINES;
		fc->log_nr--;
	}
	slot = (fc->log_first + fc->log_nr) % LOG_LINES;
	kfree(fc->log[slot]);
	fc->log[slot] = kstrdup(line);
	if (fc->log[slot])
		fc->log_nr++;
}

/*
 * Removes the oldest message from the log and returns it, or ERR_PTR: -ENODATA if there is none;
 * -EMSGSIZE if it is longer than @room bytes, in which case it stays in the log.
 */
static char *take_message(struct fs_context *fc, size_t room)
{
	char *line = fc->log[fc->log_first];

	if (!fc->log_nr)
		return ERR_PTR(-ENODATA);
	if (strlen(line) > room)
		return ERR_PTR(-EMSGSIZE);
	fc->log[fc->log_first] = NULL;
	fc->log_first = (fc->log_first + 1) % LOG_LINES;
	fc->log_nr--;
	return line;
}

static ssize_t fc_read(struct file *f, struct iov_iter *to, loff_t *pos)
{
	struct fs_context *fc = f->private_data;
	ssize_t n = mutex_lock_interruptible(&fc->lock);
	char *line;

	if (n)
		return n;
	line = take_message(fc, to->count);
	mutex_unlock(&fc->lock);
	if (IS_ERR(line))
		return PTR_ERR(line);
	n = (ssize_t)strlen(line);
	if (copy_to_iter(line, (size_t)n, to) != (size_t)n)
		n = -EFAULT;
	kfree(line);
	return n;
}

static const struct file_operations fc_fops = {
	.read_iter = fc_read,
	.release = fc_release,
	.llseek = no_llseek,
};

/*
 * Returns a descriptor for a new context, or -errno. With @root NULL, the context is to make a file
 * system of type @t; otherwise it is to reconfigure the file system with that root.
 */
static long fc_open(struct file_system_type *t, struct dentry *root, u32 oflags)
{
	struct fs_context *fc = kzalloc(sizeof(*fc), GFP_KERNEL);
	int fd = -ENOMEM;

	if (fc)
		fc->data = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!fc || !fc->data)
		goto err_free;
	fc->size = PAGE_SIZE;
	mutex_init(&fc->lock);
	fc->type = t;
	if (root) {
		atomic_inc(&root->d_sb->s_active);
		fc->root = dget(root);
		fc->phase = FC_RECONF;
	}
	fd = anon_fd("[fscontext]", &fc_fops, fc, O_RDWR | oflags);
	if (fd >= 0)
		return fd;
	drop_root(fc);
	kfree(fc->data);
err_free:
	kfree(fc);
	return fd;
}

long sys_fsopen(uaddr_t uname, int flags)
{
	struct file_system_type *t;
	char name[KEY_MAX];
	ssize_t n;

	if (!may_mount())
		return -EPERM;
	if (flags & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	n = strncpy_from_user(name, uname, sizeof(name));
	if (n < 0 || n == (ssize_t)sizeof(name))
		return n < 0 ? n : -EINVAL;
	t = get_fs_type(name);
	if (!t)
		return -ENODEV;
	return fc_open(t, NULL, flags & FSOPEN_CLOEXEC ? O_CLOEXEC : 0);
}

long sys_fspick(int dfd, uaddr_t ua, int flags)
{
	u32 lookup = flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;
	long err;

	if (!may_mount())
		return -EPERM;
	if (flags & ~(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT |
			    FSPICK_EMPTY_PATH))
		return -EINVAL;
	if (flags & FSPICK_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	err = user_path_at(dfd, ua, lookup, &path);
	if (err)
		return err;
	err = -EINVAL;
	if (path.mnt->mnt_root == path.dentry)
		err = fc_open(path.mnt->mnt_sb->s_type, path.dentry,
			flags & FSPICK_CLOEXEC ? O_CLOEXEC : 0);
	path_put(&path);
	return err;
}

/* ---- parameters ---- */

/*
 * Handles those parameters that are a flag of the superblock for every file system. Returns true if
 * @key is one of these.
 */
static bool set_sb_flag(struct fs_context *fc, const char *key)
{
	static const struct {
		const char *key;
		u32 set, clear;
	} flags[] = {
		{ "ro", SB_RDONLY, 0 },
		{ "rw", 0, SB_RDONLY },
		{ "sync", SB_SYNCHRONOUS, 0 },
		{ "async", 0, SB_SYNCHRONOUS },
		{ "dirsync", MS_DIRSYNC, 0 },
		{ "lazytime", MS_LAZYTIME, 0 },
		{ "nolazytime", 0, MS_LAZYTIME },
		{ "mand", MS_MANDLOCK, 0 },
		{ "nomand", 0, MS_MANDLOCK },
	};

	for (u32 i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(flags[i].key, key)) {
			fc->sb_flags = (fc->sb_flags & ~flags[i].clear) | flags[i].set;
			fc->named |= flags[i].set | flags[i].clear;
			return true;
		}
	return false;
}

/* Makes room for @need more bytes in fc->data. Returns 0 or -errno. */
static int make_room(struct fs_context *fc, size_t need)
{
	size_t size = fc->size;
	char *data;

	while (fc->len + need > size)
		size *= 2;
	if (size > DATA_MAX)
		return -EINVAL;
	data = size == fc->size ? fc->data : krealloc(fc->data, size, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	fc->data = data;
	fc->size = size;
	return 0;
}

static int add_option(struct fs_context *fc, const char *key, const char *value)
{
	size_t need = strlen(key) + (value ? strlen(value) + 1 : 0) + 2;
	bool list = takes_list(fc);
	int err;

	if (!list && (strchr(key, ',') || (value && strchr(value, ','))))
		return -EINVAL;
	err = make_room(fc, need);
	if (err)
		return err;
	fc->len += (size_t)scnprintf(fc->data + fc->len, need, "%s%s%s%s",
		fc->len && !list ? "," : "", key, value ? "=" : "", value ? value : "");
	if (list)
		fc->data[++fc->len] = '\0';
	return 0;
}

static int set_source(struct fs_context *fc, u32 cmd, const char *value)
{
	if (cmd != FSCONFIG_SET_STRING || fc->source) {
		fc_error(fc, NULL, fc->source ? "Multiple sources" : "Non-string source");
		return -EINVAL;
	}
	fc->source = kstrdup(value);
	return fc->source ? 0 : -ENOMEM;
}

/*
 * Serves FSCONFIG_SET_*. Keeps a copy of the parameter, and logs the reason of a refusal. Returns 0
 * or -errno.
 */
static int set_param(struct fs_context *fc, u32 cmd, const char *key, char *value)
{
	char why[LINE_MAX];
	int err;

	if (fc->phase != FC_PARAMS && fc->phase != FC_RECONF)
		return -EBUSY;
	if (set_sb_flag(fc, key))
		return 0;
	if (fc->phase == FC_RECONF && takes_list(fc)) {
		fc_error(fc, fc->type->name, "No changes allowed in reconfigure");
		return -EINVAL;
	}
	if (!strcmp(key, "source"))
		return set_source(fc, cmd, value);
	if (fc->type->params) {
		err = fs_param_check(fc->type->params, cmd, key, value, why, sizeof(why));
		if (err && *why)
			fc_error(fc, fc->type->name, why);
		if (err)
			return err;
		if (!fs_param_in_order(
			    fc->type->params, fc->data, fc->len, takes_list(fc) ? '\0' : ',', key))
			return -EINVAL;
	}
	if (cmd > FSCONFIG_SET_STRING)
		/* No file system of Nestling takes binary data, a path or a descriptor. */
		return -EINVAL;
	return add_option(fc, key, cmd == FSCONFIG_SET_STRING ? value : NULL);
}

/* ---- commands ---- */

static struct dentry *make_super(struct fs_context *fc)
{
	bool disk = fc->type->fs_flags & FS_REQUIRES_DEV;
	struct dentry *root;
	long err;

	if (disk && !fc->source) {
		fc_error(fc, NULL, "No source specified");
		return ERR_PTR(-EINVAL);
	}
	if (takes_list(fc))
		root = fc->type->mount_list(fc->type, fc->sb_flags, fc->source, fc->data);
	else
		root = fc->type->mount(
			fc->type, fc->sb_flags, fc->source, fc->len ? fc->data : NULL);
	err = IS_ERR(root) ? PTR_ERR(root) : 0;
	if (disk && (err == -ENOENT || err == -ENOTBLK || err == -ENOTDIR || err == -EACCES))
		fc_error(fc, fc->source, "Can't lookup blockdev");
	return root;
}

/*
 * Serves FSCONFIG_CMD_CREATE. @exclusive: the superblock must be new, else -EBUSY. Returns 0 or
 * -errno.
 */
static int fc_create(struct fs_context *fc, bool exclusive)
{
	struct dentry *root;

	if (fc->phase != FC_PARAMS)
		return -EBUSY;
	if (!mount_capable(fc->type))
		return -EPERM;
	root = make_super(fc);
	if (IS_ERR(root)) {
		fc->phase = FC_FAILED;
		return PTR_ERR(root);
	}
	up_write(&root->d_sb->s_umount);
	fc->root = root;
	fc->phase = FC_MADE;
	if (!exclusive || atomic_read(&root->d_sb->s_active) == 1)
		return 0;
	/* The superblock existed before. */
	drop_root(fc);
	fc_error(fc, fc->type->name, "reusing existing filesystem not allowed");
	fc->phase = FC_FAILED;
	return -EBUSY;
}

/* Drops the flags and options, so that the next command starts without any. The source stays. */
static void forget_params(struct fs_context *fc)
{
	fc->sb_flags = fc->named = 0;
	fc->len = 0;
	fc->data[0] = '\0';
}

/* Reconfigures the superblock. Settings without a parameter stay unchanged. Returns 0 or -errno. */
static int fc_reconfigure(struct fs_context *fc)
{
	struct super_block *sb;
	int err;

	if (fc->phase != FC_RECONF)
		return -EBUSY;
	sb = fc->root->d_sb;
	if (!ns_capable(sb_user_ns(sb), CAP_SYS_ADMIN))
		return -EPERM;
	down_write(&sb->s_umount);
	err = landlock_mount();
	if (!err)
		err = do_remount_sb(sb, (sb->s_flags & ~fc->named) | (fc->sb_flags & fc->named),
			fc->len ? fc->data : NULL);
	up_write(&sb->s_umount);
	fc->phase = err ? FC_FAILED : FC_RECONF;
	forget_params(fc);
	return err;
}

/* Checks that a command has the arguments that it takes, and no others. Returns 0 or -errno. */
static int check_args(u32 cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case FSCONFIG_SET_FLAG: return !key || value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_STRING: return !key || !value || aux ? -EINVAL : 0;
	case FSCONFIG_SET_BINARY:
		return !key || !value || aux <= 0 || aux > 1024 * 1024 ? -EINVAL : 0;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		return !key || !value || (aux != AT_FDCWD && aux < 0) ? -EINVAL : 0;
	case FSCONFIG_SET_FD: return !key || value || aux < 0 ? -EINVAL : 0;
	case FSCONFIG_CMD_CREATE:
	case CMD_CREATE_EXCL:
	case FSCONFIG_CMD_RECONFIGURE: return key || value || aux ? -EINVAL : 0;
	}
	return -EOPNOTSUPP;
}

/*
 * Copies a string shorter than KEY_MAX bytes from the guest. Returns ERR_PTR(-EFAULT, -EINVAL,
 * -ENOMEM) on failure.
 */
static char *get_text(uaddr_t ua)
{
	char *s = kmalloc(KEY_MAX, GFP_KERNEL);
	ssize_t n;

	if (!s)
		return ERR_PTR(-ENOMEM);
	n = strncpy_from_user(s, ua, KEY_MAX);
	if (n >= 0 && n < KEY_MAX)
		return s;
	kfree(s);
	return ERR_PTR(n < 0 ? n : -EINVAL);
}

static int fc_command(struct fs_context *fc, u32 cmd, const char *key, char *value)
{
	int err = mutex_lock_interruptible(&fc->lock);

	if (err)
		return err;
	if (cmd == FSCONFIG_CMD_CREATE || cmd == CMD_CREATE_EXCL)
		err = fc_create(fc, cmd == CMD_CREATE_EXCL);
	else if (cmd == FSCONFIG_CMD_RECONFIGURE)
		err = fc_reconfigure(fc);
	else
		err = set_param(fc, cmd, key, value);
	mutex_unlock(&fc->lock);
	return err;
}

/*
 * Returns the file of the context to which a descriptor refers, with a reference, or
 * ERR_PTR(-EBADF, -EINVAL).
 */
static struct file *fc_get(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->f_op == &fc_fops)
		return f;
	fput(f);
	return ERR_PTR(-EINVAL);
}

long sys_fsconfig(int fd, u32 cmd, uaddr_t ukey, uaddr_t uvalue, int aux)
{
	char *key = NULL, *value = NULL;
	struct file *f, *object = NULL;
	int err;

	if (fd < 0)
		return -EINVAL;
	err = check_args(cmd, ukey.v, uvalue.v, aux);
	if (err)
		return err;
	f = fc_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (ukey.v)
		key = get_text(ukey);
	if (cmd == FSCONFIG_SET_STRING)
		value = get_text(uvalue);
	if (cmd == FSCONFIG_SET_FD)
		object = fget_raw(aux);
	if (IS_ERR(key) || IS_ERR(value))
		err = IS_ERR(key) ? PTR_ERR(key) : PTR_ERR(value);
	else if (cmd == FSCONFIG_SET_FD && !object)
		err = -EBADF;
	else
		err = fc_command(f->private_data, cmd, key, value);
	if (object)
		fput(object);
	if (!IS_ERR(value))
		kfree(value);
	if (!IS_ERR(key))
		kfree(key);
	fput(f);
	return err;
}

/* ---- fsmount ---- */

/*
 * Mounts the context's file system as a detached tree. Returns a descriptor of that tree, or
 * -errno.
 */
static long fc_mount(struct fs_context *fc, u32 mnt_flags, u32 oflags)
{
	struct mount *m;
	bool too_much;
	long fd;

	if (fc->phase != FC_MADE)
		return fc->phase == FC_RECONF ? -EBUSY : -EINVAL;
	m = mnt_alloc(fc->root, fc->source, mnt_flags);
	if (IS_ERR(m))
		return PTR_ERR(m);
	atomic_inc(&fc->root->d_sb->s_active); /* the mount's reference */
	down_read(&namespace_sem);
	too_much = mount_too_revealing(m);
	up_read(&namespace_sem);
	if (too_much) {
		mntput(m);
		fc_error(fc, NULL, "VFS: Mount too revealing");
		return -EPERM;
	}
	fc->phase = FC_RECONF;
	forget_params(fc);
	fd = mnt_tree_fd(m, oflags);
	return fd;
}

long sys_fsmount(int fd, int flags, u32 attr)
{
	struct fs_context *fc;
	struct file *f;
	int mnt_flags;
	long ret;

	if (!may_mount())
		return -EPERM;
	if (flags & ~FSMOUNT_CLOEXEC)
		return -EINVAL;
	mnt_flags = mnt_flags_of_attr(attr);
	if (mnt_flags < 0)
		return mnt_flags;
	f = fc_get(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	fc = f->private_data;
	ret = mutex_lock_interruptible(&fc->lock);
	if (!ret) {
		ret = fc_mount(fc, (u32)mnt_flags, flags & FSMOUNT_CLOEXEC ? O_CLOEXEC : 0);
		mutex_unlock(&fc->lock);
	}
	fput(f);
	return ret;
}
