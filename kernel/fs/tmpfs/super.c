/* SPDX-License-Identifier: MIT */
/*
 * super.c: tmpfs superblocks: options, limits, statfs; the types tmpfs, ramfs and rootfs; files for
 * shared anonymous memory.
 *
 * Options: size= (bytes with k, m, g, or a percentage of memory), nr_blocks=, nr_inodes=, mode=,
 * uid=, gid=. A limit of 0 means no limit; the default is half of the memory. Without effect:
 * huge=, mpol=, inode32, inode64, noswap. ramfs and rootfs have no limits.
 *
 * Lock: tmpfs_sb.lock for the counters.
 */
#include "kernel/fs/tmpfs/tmpfs.h"
#include "arch/um/machine/arch.h"
#include "kernel/vfs/mount/fsparam.h"

static struct kmem_cache *inode_cache;
static const struct tmpfs_kind tmpfs_files = {
	.iops = &tmpfs_file_iops, .fops = &tmpfs_file_ops, .aops = &tmpfs_aops
};

int tmpfs_charge(struct super_block *sb, u64 n)
{
	struct tmpfs_sb *s = tmpfs_sb(sb);
	int err = 0;

	spin_lock(&s->lock);
	if (s->max_blocks && s->used_blocks + n > s->max_blocks)
		err = -ENOSPC;
	else
		s->used_blocks += n;
	spin_unlock(&s->lock);
	return err;
}

void tmpfs_uncharge(struct super_block *sb, u64 n)
{
	struct tmpfs_sb *s = tmpfs_sb(sb);

	spin_lock(&s->lock);
	s->used_blocks -= n;
	spin_unlock(&s->lock);
}

/* ---- options ---- */

int tmpfs_parse_size(const char *v, u64 whole, u64 *bytes)
{
	size_t n = strlen(v);
	char num[24];
	u64 x;

	if (!n || v[n - 1] != '%' || n >= sizeof(num))
		return kstrtosize(v, bytes) ? -EINVAL : 0;
	memcpy(num, v, n - 1);
	num[n - 1] = 0;
	if (kstrtou64(num, 10, &x) || x > 10000)
		return -EINVAL;
	*bytes = whole * x / 100;
	return 0;
}

/* Reads a uid or gid of the mounter's user namespace. Returns 0 or -EINVAL. */
static int parse_id(const char *v, u32 *id, bool group)
{
	u64 x;

	if (kstrtou64(v, 10, &x) || x >= ~0U)
		return -EINVAL;
	*id = group ? make_kgid(current_user_ns(), (u32)x) : make_kuid(current_user_ns(), (u32)x);
	return uid_valid(*id) ? 0 : -EINVAL;
}

static int parse_inodes(const char *v, u64 *max)
{
	int err = kstrtosize(v, max);

	return err || *max > U64_MAX / TMPFS_INODE_SPACE ? -EINVAL : 0;
}

int tmpfs_parse_option(struct tmpfs_sb *s, const char *key, const char *v)
{
	u64 x;

	if (!strcmp(key, "nr_inodes"))
		return parse_inodes(v, &s->max_inodes);
	if (!strcmp(key, "uid"))
		return parse_id(v, &s->uid, false);
	if (!strcmp(key, "gid"))
		return parse_id(v, &s->gid, true);
	if (strcmp(key, "mode") != 0 || kstrtou64(v, 8, &x))
		return -EINVAL;
	s->mode = x & 07777;
	return 0;
}

int tmpfs_parse_options(
	const char *fs, char *data, int (*option)(void *arg, const char *key, char *v), void *arg)
{
	char *opt, *v;
	int err = 0;

	while (!err && (opt = fs_next_option(&data, &v))) {
		err = option(arg, opt, v);
		if (err)
			pr_info("%s: bad option '%s'\n", fs, opt);
	}
	return err;
}

int tmpfs_show_ids(const struct tmpfs_sb *s, char *buf, size_t size)
{
	struct user_namespace *ns = current_user_ns();
	int n = 0;

	if (s->uid)
		n += scnprintf(buf, size, ",uid=%u", from_kuid_munged(ns, s->uid));
	if (s->gid)
		n += scnprintf(buf + n, size - n, ",gid=%u", from_kgid_munged(ns, s->gid));
	return n;
}

/*
 * Accepts words that have no effect here: inode numbers are always 64 bits wide, and tmpfs is never
 * swapped out. Returns 0 or -EINVAL.
 */
static int parse_word(const char *opt)
{
	return !strcmp(opt, "inode64") || !strcmp(opt, "inode32") || !strcmp(opt, "noswap") ?
		       0 :
		       -EINVAL;
}

static const char *const huge_words[] = { "never", "always", "within_size", "advise", NULL };
static const char *const policy_words[] = { "default", "prefer", "bind", "interleave", "local",
	"prefer (many)", "weighted interleave", NULL };

/* Returns 0 if the @n bytes at @v are one of @words, which have no effect, or -EINVAL. */
static int known_word(const char *const *words, const char *v, size_t n)
{
	for (; *words; words++)
		if (strlen(*words) == n && !memcmp(*words, v, n))
			return 0;
	return -EINVAL;
}

/* @arg: the superblock's struct tmpfs_sb. Returns 0 or -EINVAL. */
static int parse_option(void *arg, const char *key, char *v)
{
	struct tmpfs_sb *s = arg;
	u64 bytes;
	int err;

	if (!v)
		return parse_word(key);
	if (!strcmp(key, "huge"))
		return known_word(huge_words, v, strlen(v));
	if (!strcmp(key, "mpol"))
		return known_word(policy_words, v, strcspn(v, "=:"));
	if (!strcmp(key, "nr_blocks"))
		return kstrtosize(v, &s->max_blocks) ? -EINVAL : 0;
	if (strcmp(key, "size") != 0)
		return tmpfs_parse_option(s, key, v);
	err = tmpfs_parse_size(v, nr_managed_frames() << PAGE_SHIFT, &bytes);
	if (!err)
		s->max_blocks = DIV_ROUND_UP(bytes, PAGE_SIZE);
	return err;
}

static int parse_options(struct tmpfs_sb *s, char *data)
{
	return tmpfs_parse_options("tmpfs", data, parse_option, s);
}

static int tmpfs_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct tmpfs_sb *s = tmpfs_sb(sb), n = *s;
	int err = data ? parse_options(&n, data) : 0;

	if (err)
		return err;
	spin_lock(&s->lock);
	if ((n.max_blocks && n.max_blocks < s->used_blocks) ||
		(n.max_inodes && n.max_inodes * TMPFS_INODE_SPACE < tmpfs_inode_space(s))) {
		err = -EINVAL;
	} else {
		s->max_blocks = n.max_blocks;
		s->max_inodes = n.max_inodes;
	}
	spin_unlock(&s->lock);
	return err;
}

static int tmpfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct tmpfs_sb *s = tmpfs_sb(sb);
	int n = 0;

	if (sb->s_magic != TMPFS_MAGIC)
		return 0;
	if (s->max_blocks && s->max_blocks != nr_managed_frames() / 2)
		n += scnprintf(buf + n, size - n, ",size=%lluk",
			(unsigned long long)s->max_blocks * (PAGE_SIZE / 1024));
	if (s->max_inodes && s->max_inodes != nr_managed_frames() / 2)
		n += scnprintf(
			buf + n, size - n, ",nr_inodes=%llu", (unsigned long long)s->max_inodes);
	if (s->mode != 01777)
		n += scnprintf(buf + n, size - n, ",mode=%o", s->mode);
	return n + tmpfs_show_ids(s, buf + n, size - n);
}

static int tmpfs_statfs(struct dentry *d, struct kstatfs *st)
{
	struct tmpfs_sb *s = tmpfs_sb(d->d_sb);

	st->f_type = d->d_sb->s_magic;
	st->f_bsize = PAGE_SIZE;
	st->f_namelen = NAME_MAX;
	spin_lock(&s->lock);
	if (s->max_blocks) {
		st->f_blocks = s->max_blocks;
		st->f_bfree = st->f_bavail = s->max_blocks - s->used_blocks;
	}
	if (s->max_inodes) {
		st->f_files = s->max_inodes;
		st->f_ffree =
			s->max_inodes - DIV_ROUND_UP(tmpfs_inode_space(s), (u64)TMPFS_INODE_SPACE);
	}
	spin_unlock(&s->lock);
	return 0;
}

/* ---- inodes' memory ---- */

static struct inode *tmpfs_alloc_inode(struct super_block *sb)
{
	struct tmpfs_inode *t = kmem_cache_alloc(inode_cache, GFP_KERNEL);

	if (!t)
		return NULL;
	spin_lock_init(&t->lock);
	t->charged = 0;
	t->xattr_bytes = 0;
	t->flags = 0;
	simple_xattrs_init(&t->xattrs);
	return &t->vfs;
}

/* Frees an inode, after an RCU grace period: lockless path walks may still read i_link. */
static void tmpfs_free_inode(struct inode *inode)
{
	kfree(inode->i_link);
	kmem_cache_free(inode_cache, tmpfs_inode(inode));
}

static void tmpfs_evict_inode(struct inode *inode)
{
	struct tmpfs_sb *s = tmpfs_sb(inode->i_sb);

	if (s->kind->evict)
		s->kind->evict(inode);
	truncate_inode_pages(&inode->i_data, 0);
	tmpfs_recount(inode);
	simple_xattrs_evict(&tmpfs_inode(inode)->xattrs);
	spin_lock(&s->lock);
	s->used_inodes--;
	s->xattr_bytes -= tmpfs_inode(inode)->xattr_bytes;
	spin_unlock(&s->lock);
	clear_inode(inode);
}

static void tmpfs_put_super(struct super_block *sb)
{
	kfree(sb->s_fs_info);
	sb->s_fs_info = NULL;
}

/*
 * Finds the inode of a file handle in the inode hash, which contains every inode with a handle. A
 * file without a name is not found, as on Linux.
 */
static struct inode *tmpfs_handle_inode(struct super_block *sb, u64 ino, u32 generation)
{
	struct inode *inode = ilookup(sb, ino);

	if (inode && inode->i_generation == generation && READ_ONCE(inode->i_nlink))
		return inode;
	iput(inode);
	return ERR_PTR(-ESTALE);
}

static const struct super_operations tmpfs_super_ops = {
	.alloc_inode = tmpfs_alloc_inode,
	.free_inode = tmpfs_free_inode,
	.drop_inode = generic_delete_inode,
	.evict_inode = tmpfs_evict_inode,
	.put_super = tmpfs_put_super,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.handle_inode = tmpfs_handle_inode,
	.handle_hashes = true,
};

/* Fills a superblock, which owns @s from then on. Returns 0 or -errno. */
static int fill(struct super_block *sb, struct tmpfs_sb *s, char *data)
{
	struct inode *root;
	int err;

	spin_lock_init(&s->lock);
	s->kind = &tmpfs_files;
	s->mode = 01777;
	s->uid = current_fsuid();
	s->gid = current_fsgid();
	sb->s_op = &tmpfs_super_ops;
	sb->s_fs_info = s;
	sb->s_magic = TMPFS_MAGIC;
	sb->s_stat_attrs = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;
	sb->s_maxbytes = (loff_t)(~0UL >> 1) & PAGE_MASK;
	err = data ? parse_options(s, data) : 0;
	if (err)
		return err;
	root = tmpfs_new_inode(sb, NULL, S_IFDIR | s->mode, 0);
	if (IS_ERR(root))
		return PTR_ERR(root);
	root->i_uid = s->uid;
	root->i_gid = s->gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

int tmpfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct tmpfs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->max_blocks = s->max_inodes = nr_managed_frames() / 2;
	sb->s_iflags |= SB_I_POSIXACL;
	return fill(sb, s, data);
}

/* Parses a mount option of ramfs. Only mode= has an effect, and unknown options are ignored. */
static int ramfs_option(void *arg, const char *key, char *v)
{
	u64 mode;

	if (strcmp(key, "mode") != 0)
		return 0;
	if (!v || kstrtou64(v, 8, &mode))
		return -EINVAL;
	*(umode_t *)arg = mode & 07777;
	return 0;
}

static int ramfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct tmpfs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);
	umode_t mode = 0755;
	int err;

	if (!s)
		return -ENOMEM;
	err = fill(sb, s, NULL);
	if (!err && data)
		err = tmpfs_parse_options("ramfs", data, ramfs_option, &mode);
	if (err)
		return err;
	s->max_blocks = s->max_inodes = 0;
	sb->s_magic = RAMFS_MAGIC;
	sb->s_root->d_inode->i_mode = S_IFDIR | mode;
	return 0;
}

int tmpfs_fill_internal(struct super_block *sb, const struct tmpfs_kind *kind, u32 magic)
{
	struct tmpfs_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err = s ? fill(sb, s, NULL) : -ENOMEM;

	if (err)
		return err;
	s->kind = kind;
	sb->s_magic = magic;
	return 0;
}

static struct dentry *tmpfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, tmpfs_fill_super);
}

static struct dentry *ramfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, ramfs_fill_super);
}

static const struct fs_param params[] = {
	FS_PARAM("size", FSP_PERCENT),
	FS_PARAM("nr_blocks", FSP_SIZE),
	FS_PARAM("nr_inodes", FSP_SIZE),
	FS_PARAM("mode", FSP_OCTAL),
	FS_PARAM("uid", FSP_UID),
	FS_PARAM("gid", FSP_GID),
	FS_PARAM_WORD("huge", huge_words),
	FS_PARAM("mpol", FSP_TEXT),
	FS_PARAM("inode32", FSP_FLAG),
	FS_PARAM("inode64", FSP_FLAG),
	FS_PARAM("noswap", FSP_FLAG),
	FS_PARAM_END,
};

static struct file_system_type tmpfs_type = { .name = "tmpfs",
	.fs_flags = FS_USERNS_MOUNT | FS_ALLOW_IDMAP,
	.params = params,
	.mount = tmpfs_mount,
	.kill_sb = kill_anon_super };
static struct file_system_type ramfs_type = { .name = "ramfs",
	.fs_flags = FS_USERNS_MOUNT,
	.mount = ramfs_mount,
	.kill_sb = kill_anon_super };
static struct file_system_type rootfs_type = {
	.name = "rootfs", .mount = ramfs_mount, .kill_sb = kill_anon_super
};

/* ---- shared anonymous memory, memfd ---- */

static struct mount *shm_mount; /* immutable after init */

/* Prints a name such as "/memfd:name (deleted)" or "/dev/zero (deleted)". */
static char *shm_dname(struct dentry *d, char *buf, int len)
{
	static const char tail[] = " (deleted)";
	int n = d->d_name.len + sizeof(tail) + 1;

	if (n > len)
		return ERR_PTR(-ENAMETOOLONG);
	buf += len - n;
	buf[0] = '/';
	memcpy(buf + 1, d->d_name.name, d->d_name.len);
	memcpy(buf + 1 + d->d_name.len, tail, sizeof(tail));
	return buf;
}
static const struct dentry_operations shm_dentry_ops = { .d_dname = shm_dname };

struct file *tmpfs_nameless_file(struct mount *mnt, const char *name, loff_t size)
{
	struct super_block *sb = mnt->mnt_sb;
	struct inode *inode;
	struct path path;
	struct file *f;

	if (size < 0 || size > sb->s_maxbytes)
		return ERR_PTR(-EINVAL);
	inode = tmpfs_new_inode(sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	i_size_write(inode, size);
	clear_nlink(inode);
	path.mnt = mnt;
	path.dentry = d_alloc_pseudo(sb, name);
	if (!path.dentry) {
		iput(inode);
		return ERR_PTR(-ENOMEM);
	}
	path.dentry->d_op = &shm_dentry_ops;
	d_instantiate(path.dentry, inode);
	f = alloc_file(&path, O_RDWR, inode->i_fop);
	dput(path.dentry);
	return f;
}

static struct file *tmpfs_file_setup(const char *name, loff_t size)
{
	return tmpfs_nameless_file(shm_mount, name, size);
}

static const struct shmem_ops ops_for_mm = { .file_setup = tmpfs_file_setup };

static int tmpfs_init(void)
{
	int err;

	inode_cache = kmem_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), 64);
	if (!inode_cache)
		return -ENOMEM;
	register_filesystem(&tmpfs_type);
	register_filesystem(&ramfs_type);
	err = set_initial_root(&rootfs_type);
	if (err)
		return err;
	shm_mount = kern_mount(&ramfs_type);
	if (IS_ERR(shm_mount))
		return PTR_ERR(shm_mount);
	shm_mount->mnt_sb->s_magic = TMPFS_MAGIC;
	shmem_ops = &ops_for_mm;
	return 0;
}
INITCALL(2, tmpfs_init);
