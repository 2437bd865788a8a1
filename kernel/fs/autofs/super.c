/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting, and inodes. Options: fd= (the write end of the daemon's pipe), pgrp= (the
 * daemon's process group; default: the mounter's), minproto=, maxproto=, uid=, gid=, one of direct,
 * offset and indirect (the default), strictexpire, ignore (a hint for programs that list mounts).
 */
#include "kernel/fs/autofs/autofs.h"
#include "kernel/vfs/mount/fsparam.h"
#include "kernel/vfs/libfs.h"

#define AUTOFS_MAGIC 0x0187

struct options {
	s64 fd, pgrp, minproto, maxproto;
	kuid_t uid;
	kgid_t gid;
	u32 type;
	bool strictexpire, ignore, has_pgrp;
};

struct file_operations autofs_root_fops, autofs_dir_fops;

/* ---- inodes ---- */

struct inode *autofs_new_inode(struct super_block *sb, umode_t mode)
{
	const struct inode *root = sb->s_root ? d_inode(sb->s_root) : NULL;
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = __atomic_add_fetch(&AUTOFS_SB(sb)->last_ino, 1, __ATOMIC_RELAXED);
	inode->i_mode = mode;
	if (root) {
		inode->i_uid = root->i_uid;
		inode->i_gid = root->i_gid;
	}
	inode->i_atime = inode->i_mtime = inode->i_ctime = inode->i_btime = current_time(inode);
	if (S_ISDIR(mode)) {
		set_nlink(inode, 2);
		inode->i_op = &autofs_dir_iops;
		inode->i_fop = &autofs_dir_fops;
	} else {
		static const struct inode_operations link_iops = { .get_link = simple_get_link };

		inode->i_op = &link_iops;
	}
	return inode;
}

static struct inode *autofs_alloc_inode(struct super_block *sb)
{
	return kzalloc(sizeof(struct inode), GFP_KERNEL | __GFP_ACCOUNT);
}

/* Frees an inode, after an RCU grace period: lockless path walks may still read i_link. */
static void autofs_free_inode(struct inode *inode)
{
	kfree(inode->i_link);
	kfree(inode);
}

static void autofs_evict_inode(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	simple_dir_free(inode);
	clear_inode(inode);
}

/*
 * Opens a directory. Returns -ENOENT for an empty directory without a mount: the daemon has failed
 * to mount on it.
 */
static int autofs_dir_open(struct inode *inode, struct file *f)
{
	if (!autofs_oz(AUTOFS_SB(inode->i_sb)) && simple_dir_empty(inode) &&
		!path_is_mountpoint(&f->f_path))
		return -ENOENT;
	return 0;
}

/* ---- options ---- */

/* Sets an option with a number. Returns 0 or -EINVAL. */
static int parse_number(struct options *o, const char *key, const char *value)
{
	s64 n;

	if (!value || kstrtos64(value, 10, &n) || n < 0 || n > INT32_MAX)
		return -EINVAL;
	if (!strcmp(key, "fd")) {
		o->fd = n;
	} else if (!strcmp(key, "pgrp")) {
		o->pgrp = n;
		o->has_pgrp = true;
	} else if (!strcmp(key, "minproto")) {
		o->minproto = n;
	} else if (!strcmp(key, "maxproto")) {
		o->maxproto = n;
	} else if (!strcmp(key, "uid")) {
		o->uid = make_kuid(current_user_ns(), (u32)n);
	} else if (!strcmp(key, "gid")) {
		o->gid = make_kgid(current_user_ns(), (u32)n);
	} else {
		return -EINVAL;
	}
	return uid_valid(o->uid) && uid_valid(o->gid) ? 0 : -EINVAL;
}

/* Sets an option. @value: NULL if it has none. Returns 0 or -EINVAL. */
static int parse_word(struct options *o, const char *key, const char *value)
{
	if (value)
		return parse_number(o, key, value);
	if (!strcmp(key, "direct"))
		o->type = AUTOFS_TYPE_DIRECT;
	else if (!strcmp(key, "offset"))
		o->type = AUTOFS_TYPE_OFFSET;
	else if (!strcmp(key, "indirect"))
		o->type = AUTOFS_TYPE_INDIRECT;
	else if (!strcmp(key, "strictexpire"))
		o->strictexpire = true;
	else if (!strcmp(key, "ignore"))
		o->ignore = true;
	else
		return -EINVAL;
	return 0;
}

/* Modifies @data. Returns 0 or -EINVAL. */
static int parse_options(struct options *o, char *data)
{
	char *word, *value;
	int err = 0;

	while (!err && (word = fs_next_option(&data, &value)))
		err = parse_word(o, word, value);
	return err;
}

static int autofs_show_options(struct super_block *sb, char *buf, size_t size)
{
	static const char *const types[] = { [AUTOFS_TYPE_INDIRECT] = "indirect",
		[AUTOFS_TYPE_DIRECT] = "direct",
		[AUTOFS_TYPE_OFFSET] = "offset" };
	const struct autofs_sb *s = AUTOFS_SB(sb);
	const struct inode *root = d_inode(sb->s_root);
	int n = scnprintf(buf, size, ",fd=%d", READ_ONCE(s->pipe_fd));

	if (root->i_uid)
		n += scnprintf(buf + n, size - (size_t)n, ",uid=%u",
			from_kuid_munged(sb->s_user_ns, root->i_uid));
	if (root->i_gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u",
			from_kgid_munged(sb->s_user_ns, root->i_gid));
	return n + scnprintf(buf + n, size - (size_t)n,
			   ",pgrp=%d,timeout=%lu,minproto=%d,maxproto=%d%s,%s,pipe_ino=%ld%s",
			   READ_ONCE(s->pgrp), READ_ONCE(s->timeout) / 1000000000UL, s->min_proto,
			   s->max_proto, s->strictexpire ? ",strictexpire" : "", types[s->type],
			   (long)READ_ONCE(s->pipe_ino), s->ignore ? ",ignore" : "");
}

/* ---- superblocks ---- */

static const struct super_operations autofs_sops = {
	.alloc_inode = autofs_alloc_inode,
	.free_inode = autofs_free_inode,
	.evict_inode = autofs_evict_inode,
	.statfs = simple_statfs,
	.show_options = autofs_show_options,
};

int autofs_use_pipe(struct file *f)
{
	if (!S_ISFIFO(f->f_inode->i_mode) || !(f->f_mode & FMODE_WRITE))
		return -EINVAL;
	spin_lock(&f->f_lock);
	/* packet mode: one packet per write */
	f->f_flags = (f->f_flags & ~(u32)O_NONBLOCK) | O_DIRECT;
	spin_unlock(&f->f_lock);
	return 0;
}

static int autofs_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct autofs_sb *s = data;
	struct inode *root;

	s->sb = sb;
	sb->s_fs_info = s;
	sb->s_op = &autofs_sops;
	sb->s_d_op = &autofs_dops;
	sb->s_magic = AUTOFS_MAGIC;
	sb->s_blocksize = 1024;
	sb->s_blocksize_bits = 10;
	sb->s_maxbytes = S64_MAX;
	root = autofs_new_inode(sb, S_IFDIR | 0755);
	if (!root)
		return -ENOMEM;
	root->i_fop = &autofs_root_fops;
	sb->s_root = d_make_root(root);
	if (!sb->s_root || autofs_info_new(sb->s_root))
		return -ENOMEM;
	if (autofs_is_trigger(s))
		d_set_managed(sb->s_root);
	return 0;
}

static void sb_free(struct autofs_sb *s)
{
	if (s->pipe)
		fput(s->pipe);
	if (s->oz_pgrp)
		put_pid(s->oz_pgrp);
	kfree(s);
}

/*
 * Sets what the options give, with references to pipe and process group. Returns 0, -EINVAL or
 * -EBADF; the caller frees @s by sb_free().
 */
static int take_options(struct autofs_sb *s, const struct options *o)
{
	if (o->minproto > AUTOFS_MAX_PROTO_VERSION || o->maxproto < AUTOFS_MIN_PROTO_VERSION)
		return -EINVAL;
	s->type = o->type;
	s->strictexpire = o->strictexpire;
	s->ignore = o->ignore;
	s->min_proto = (int)o->minproto;
	s->max_proto = (int)o->maxproto;
	s->version = min(s->max_proto, AUTOFS_MAX_PROTO_VERSION);
	s->oz_pgrp =
		o->has_pgrp ? find_get_pid((pid_t)o->pgrp) : get_task_pid(current, PIDTYPE_PGID);
	if (!s->oz_pgrp)
		return -EINVAL;
	s->pgrp = pid_vnr(s->oz_pgrp);
	s->pipe_fd = (int)o->fd;
	s->pipe = o->fd < 0 ? NULL : fget((int)o->fd);
	if (!s->pipe)
		return o->fd < 0 ? -EINVAL : -EBADF;
	s->pipe_ino = s->pipe->f_inode->i_ino;
	return autofs_use_pipe(s->pipe) ? -EBADF : 0;
}

/* Returns a struct to free by sb_free(), or ERR_PTR. */
static struct autofs_sb *sb_new(const struct options *o)
{
	struct autofs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL | __GFP_ACCOUNT);
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	mutex_init(&s->lock);
	mutex_init(&s->pipe_lock);
	INIT_LIST_HEAD(&s->requests);
	INIT_LIST_HEAD(&s->names);
	init_waitqueue_head(&s->expired);
	err = take_options(s, o);
	if (!err)
		return s;
	sb_free(s);
	return ERR_PTR(err);
}

static struct dentry *autofs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct options o = { .fd = -1,
		.minproto = AUTOFS_MIN_PROTO_VERSION,
		.maxproto = AUTOFS_MAX_PROTO_VERSION,
		.uid = current_cred()->uid,
		.gid = current_cred()->gid,
		.type = AUTOFS_TYPE_INDIRECT };
	struct autofs_sb *s;
	struct dentry *root;
	int err = parse_options(&o, data);

	if (err)
		return ERR_PTR(err);
	s = sb_new(&o);
	if (IS_ERR(s))
		return ERR_CAST(s);
	root = mount_nodev(t, flags, s, autofs_fill_super);
	if (IS_ERR(root)) {
		sb_free(s);
		return root;
	}
	d_inode(root)->i_uid = o.uid;
	d_inode(root)->i_gid = o.gid;
	return root;
}

/* Destroys a superblock. If its mount failed (s_born is unset), autofs_mount() frees @s. */
static void autofs_kill_sb(struct super_block *sb)
{
	struct autofs_sb *s = AUTOFS_SB(sb);
	bool finished = sb->s_born;

	if (s && finished)
		autofs_catatonic(s);
	kill_anon_super(sb);
	if (s && finished)
		sb_free(s);
}

static const struct fs_param params[] = {
	FS_PARAM("fd", FSP_U32),
	FS_PARAM("pgrp", FSP_U32),
	FS_PARAM("minproto", FSP_U32),
	FS_PARAM("maxproto", FSP_U32),
	FS_PARAM("uid", FSP_UID),
	FS_PARAM("gid", FSP_GID),
	FS_PARAM("direct", FSP_FLAG),
	FS_PARAM("offset", FSP_FLAG),
	FS_PARAM("indirect", FSP_FLAG),
	FS_PARAM("strictexpire", FSP_FLAG),
	FS_PARAM("ignore", FSP_FLAG),
	FS_PARAM_END,
};

static struct file_system_type autofs_type = {
	.name = "autofs",
	.params = params,
	.mount = autofs_mount,
	.kill_sb = autofs_kill_sb,
};

static int autofs_init(void)
{
	autofs_dir_fops = autofs_root_fops = simple_dir_operations;
	autofs_root_fops.ioctl = autofs_mount_ioctl;
	autofs_dir_fops.open = autofs_dir_open;
	return register_filesystem(&autofs_type);
}
INITCALL(4, autofs_init);
