/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounts of hugetlbfs, and nameless files of huge pages for mmap, shmget and memfd_create.
 *
 * Options: size= and min_size= (bytes with k, m, g, or a percentage of the pool), nr_inodes=,
 * pagesize= (2M), mode=, uid=, gid=. A size becomes a quota (kernel/mm/hugetlb/hugetlb_pool.c); the
 * pages of min_size= are reserved for the mount as long as it exists.
 *
 * tmpfs implements directories and names.
 */
#include "kernel/fs/hugetlbfs/hugetlbfs.h"

static struct kmem_cache *inode_cache;
static struct mount *nameless; /* immutable after init */

/* ---- options ---- */

struct options {
	struct hugetlbfs_sb *h;
	u64 max, min; /* in huge pages; max ~0: no limit */
};

static int parse_pages(const char *v, u64 *pages)
{
	struct hugetlb_numbers pool;
	int err;

	hugetlb_numbers(&pool);
	err = tmpfs_parse_size(v, (pool.total - pool.surplus) << HPAGE_SHIFT, pages);
	*pages >>= HPAGE_SHIFT;
	return err;
}

static int parse_option(void *arg, const char *key, char *v)
{
	struct options *o = arg;
	u64 x;
	int err;

	if (!v)
		return -EINVAL;
	if (!strcmp(key, "size"))
		return parse_pages(v, &o->max);
	if (!strcmp(key, "min_size"))
		return parse_pages(v, &o->min);
	if (!strcmp(key, "pagesize"))
		return kstrtosize(v, &x) || x != HPAGE_SIZE ? -EINVAL : 0;
	err = tmpfs_parse_option(&o->h->t, key, v);
	o->h->t.mode &= 01777;
	return err;
}

static int parse_options(struct options *o, char *data)
{
	int err = tmpfs_parse_options("hugetlbfs", data, parse_option, o);

	return !err && o->min > o->max ? -EINVAL : err;
}

static int hugetlbfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	struct hugetlbfs_sb *h = hugetlbfs_sb(sb);
	int n = tmpfs_show_ids(&h->t, buf, size);

	if (h->t.mode != 0755)
		n += scnprintf(buf + n, size - n, ",mode=%o", h->t.mode);
	if (h->t.max_inodes)
		n += scnprintf(buf + n, size - n, ",nr_inodes=%lu", h->t.max_inodes);
	n += scnprintf(buf + n, size - n, ",pagesize=%luM", HPAGE_SIZE >> 20);
	if (h->quota && h->quota->max != ~0UL)
		n += scnprintf(buf + n, size - n, ",size=%lu", h->quota->max << HPAGE_SHIFT);
	if (h->quota && h->quota->min)
		n += scnprintf(buf + n, size - n, ",min_size=%lu", h->quota->min << HPAGE_SHIFT);
	return n;
}

/*
 * Fills in the counts only for a mount with a quota, as on Linux. The counts of inodes are ~0 if
 * their number has no limit.
 */
static int hugetlbfs_statfs(struct dentry *d, struct kstatfs *st)
{
	struct hugetlbfs_sb *h = hugetlbfs_sb(d->d_sb);

	st->f_type = HUGETLBFS_MAGIC;
	st->f_bsize = HPAGE_SIZE;
	st->f_namelen = NAME_MAX;
	if (!h->quota)
		return 0;
	st->f_blocks = h->quota->max;
	st->f_bfree = st->f_bavail = h->quota->max - huge_quota_used(h->quota);
	spin_lock(&h->t.lock);
	st->f_files = h->t.max_inodes ? h->t.max_inodes : ~0UL;
	st->f_ffree = h->t.max_inodes ? h->t.max_inodes - h->t.used_inodes : ~0UL;
	spin_unlock(&h->t.lock);
	return 0;
}

/* ---- inodes' memory ---- */

static struct inode *hugetlbfs_alloc_inode(struct super_block *sb)
{
	struct hugetlbfs_inode *h = kmem_cache_zalloc(inode_cache, GFP_KERNEL);

	if (!h)
		return NULL;
	spin_lock_init(&h->t.lock);
	simple_xattrs_init(&h->t.xattrs);
	return &h->t.vfs;
}

static void hugetlbfs_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, hugetlbfs_inode(inode));
}

static void hugetlbfs_evict_inode(struct inode *inode)
{
	struct tmpfs_sb *t = tmpfs_sb(inode->i_sb);
	struct huge_file *h = inode->i_data.huge;

	if (h) {
		mutex_lock(&h->lock);
		huge_file_drop(h, &inode->i_data, 0, ~0UL >> HPAGE_SHIFT, true);
		mutex_unlock(&h->lock);
	}
	spin_lock(&t->lock);
	t->used_inodes--;
	spin_unlock(&t->lock);
	clear_inode(inode);
}

static void hugetlbfs_put_super(struct super_block *sb)
{
	struct hugetlbfs_sb *h = hugetlbfs_sb(sb);

	huge_quota_put(h->quota);
	kfree(h);
	sb->s_fs_info = NULL;
}

static const struct super_operations hugetlbfs_super_ops = {
	.alloc_inode = hugetlbfs_alloc_inode,
	.free_inode = hugetlbfs_free_inode,
	.drop_inode = generic_delete_inode,
	.evict_inode = hugetlbfs_evict_inode,
	.put_super = hugetlbfs_put_super,
	.statfs = hugetlbfs_statfs,
	.show_options = hugetlbfs_show_options,
};

/* ---- mounting ---- */

/* Parses the options and makes the quota, if an option sets it. Returns 0 or -errno. */
static int set_up(struct hugetlbfs_sb *h, char *data)
{
	struct options o = { .h = h, .max = ~0UL };
	int err;

	spin_lock_init(&h->t.lock);
	h->t.kind = &hugetlbfs_files;
	h->t.mode = 0755;
	h->t.uid = current_fsuid();
	h->t.gid = current_fsgid();
	err = data ? parse_options(&o, data) : 0;
	if (err || (o.max == ~0UL && !o.min))
		return err;
	h->quota = huge_quota_new(o.max, o.min);
	return h->quota ? 0 : -ENOMEM;
}

static int hugetlbfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct hugetlbfs_sb *h = kzalloc(sizeof(*h), GFP_KERNEL);
	struct inode *root;
	int err;

	if (!h)
		return -ENOMEM;
	err = set_up(h, data);
	if (err) {
		kfree(h);
		return err;
	}
	sb->s_op = &hugetlbfs_super_ops; /* from now on put_super() frees @h */
	sb->s_fs_info = &h->t;
	sb->s_magic = HUGETLBFS_MAGIC;
	sb->s_blocksize = HPAGE_SIZE;
	sb->s_blocksize_bits = HPAGE_SHIFT;
	sb->s_maxbytes = (loff_t)(~0UL >> 1) & (loff_t)HPAGE_MASK;
	root = tmpfs_new_inode(sb, NULL, S_IFDIR | h->t.mode, 0);
	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	root->i_uid = h->t.uid;
	root->i_gid = h->t.gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *hugetlbfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, hugetlbfs_fill_super);
}

static struct file_system_type hugetlbfs_type = {
	.name = "hugetlbfs", .mount = hugetlbfs_mount, .kill_sb = kill_anon_super
};

/* ---- nameless files ---- */

static struct file *nameless_file(const char *name, loff_t size, bool promise)
{
	struct file *f = tmpfs_nameless_file(nameless, name, size);
	struct huge_file *h;
	int err;

	if (IS_ERR(f) || !promise)
		return f;
	h = f->f_mapping->huge;
	mutex_lock(&h->lock);
	err = huge_file_promise(h, 0, (u64)size >> HPAGE_SHIFT);
	mutex_unlock(&h->lock);
	if (!err)
		return f;
	fput(f);
	return ERR_PTR(err);
}

static const struct hugetlb_ops ops_for_mm = { .file_setup = nameless_file };

static int hugetlbfs_init(void)
{
	inode_cache = kmem_cache_create("hugetlbfs_inode", sizeof(struct hugetlbfs_inode), 64);
	if (!inode_cache)
		return -ENOMEM;
	register_filesystem(&hugetlbfs_type);
	nameless = kern_mount(&hugetlbfs_type);
	if (IS_ERR(nameless))
		return (int)PTR_ERR(nameless);
	hugetlb_ops = &ops_for_mm;
	return 0;
}
INITCALL(3, hugetlbfs_init);
