/* SPDX-License-Identifier: MIT */
/*
 * super.c: the folders of the host that guests may mount, the mount operation, its options.
 *
 *      hostfs=DIR[,append]     mount -t hostfs none /mnt -o /sub/dir
 *                              DIR and everything below it, as in User Mode Linux
 *      hostfs<n>[r]=DIR        mount -t hostfs hostfs<n> /mnt
 *                              this folder; with r always read-only
 *      rootfstype=hostfs rootflags=DIR
 *                              the root, below hostfs=DIR if that is given
 *
 * Without such a parameter nothing of the host can be mounted: the user who starts the instance
 * decides what the guest may see, and root in the guest cannot change that. User Mode Linux
 * differs: without hostfs= it offers everything that the user can see (here: hostfs=/).
 *
 * Options: the path (the first word that is none of the following; it may contain commas), uid=N,
 * gid=N, setid, append, cache=none|auto|always, interval=MS.
 */
#include "drivers/hostfs/hostfs.h"
#include "kernel/state/state.h"
#include "os-linux/os.h"

#define SHARES 16
#define INTERVAL_MS 1000
#define MS_NS 1000000UL

static struct hostfs_share all; /* hostfs= */
static struct hostfs_share shares[SHARES];
static char texts[SHARES + 1][PATH_MAX];

struct kmem_cache *hostfs_inode_cache;
LIST_HEAD(hostfs_sbs);
DEFINE_SPINLOCK(hostfs_sbs_lock);

/* ---- parameters ---- */

/*
 * Sets the folder. @eq: "=DIR". DIR is the rest of the parameter, commas included, except for the
 * ",append" of hostfs=.
 */
static void set_dir(struct hostfs_share *s, u32 i, const char *param, const char *eq)
{
	char *text = texts[i], *comma;

	if (strscpy(text, eq + 1, sizeof(texts[i])) <= 0)
		refuse("hostfs%s: expected a folder of the host", param);
	comma = i < SHARES ? NULL : strrchr(text, ',');
	if (comma && !strcmp(comma, ",append")) {
		s->append = true;
		*comma = 0;
	}
	s->dir = text;
}

/*
 * Splits the last component off the folder's path and makes it the only name that guests may use.
 */
static void set_file(struct hostfs_share *s, u32 i, const char *param)
{
	char *slash = strrchr(texts[i], '/');

	if (!slash || !slash[1] || !strcmp(slash + 1, ".") || !strcmp(slash + 1, ".."))
		refuse("hostfs%s: expected the full path of a file", param);
	*slash = 0;
	s->only = slash + 1;
	s->dir = slash == texts[i] ? "/" : texts[i];
}

/* Opens the folder while the process may still open paths. Ends the boot if it is no folder. */
static void share_dir(const struct hostfs_share *s, const char *param)
{
	int err = hostfs_host_share(s->dir, s->only, s->ro);

	if (err)
		refuse("hostfs%s: %s: %s", param, s->dir, os_why(err));
}

static int hostfs_setup(const char *s)
{
	const char *p = s;
	bool file;
	u32 n = 0;

	if (*p == '=') {
		set_dir(&all, SHARES, s, p);
		share_dir(&all, s);
		return 0;
	}
	while (*p >= '0' && *p <= '9' && n < 1000)
		n = n * 10 + (u32)(*p++ - '0');
	if (n >= SHARES)
		refuse("hostfs%s: there are hostfs0 to hostfs%d", s, SHARES - 1);
	file = *p == 'f';
	p += file;
	shares[n].ro = *p == 'r';
	p += *p == 'r';
	if (*p != '=')
		refuse("hostfs%s: expected hostfs<n>=DIR, or hostfs<n>r=DIR for reading only", s);
	set_dir(&shares[n], n, s, p);
	shares[n].only = NULL;
	if (file)
		set_file(&shares[n], n, s);
	share_dir(&shares[n], s);
	return 0;
}
PARAM_DEV("hostfs", hostfs_setup,
	"hostfs[<n>[f][r]]=PATH  a folder (f: a file) of the host that guests may mount (none; "
	"/ for all)");

/* ---- options ---- */

struct mount_args {
	const char *dev;
	char *data;
	const struct hostfs_share *share;
	/* path in the share's folder; points into @data */
	char *path;
	kuid_t uid;
	kgid_t gid;
	bool setid, append;
	u64 interval;
};

static int parse_id(const char *v, u32 *id, bool group)
{
	u64 x;

	if (kstrtou64(v, 10, &x) || x >= ~0U)
		return -EINVAL;
	*id = group ? make_kgid(current_user_ns(), (u32)x) : make_kuid(current_user_ns(), (u32)x);
	return uid_valid(*id) ? 0 : -EINVAL;
}

static int parse_cache(const char *v, u64 *interval)
{
	if (!strcmp(v, "none"))
		*interval = 0;
	else if (!strcmp(v, "always"))
		*interval = HOSTFS_FOREVER;
	else
		return strcmp(v, "auto") ? -EINVAL : 0;
	return 0;
}

static int parse_interval(const char *v, u64 *interval)
{
	u64 ms;

	if (kstrtou64(v, 10, &ms) || ms > 86400000)
		return -EINVAL;
	*interval = ms * MS_NS;
	return 0;
}

/* Parses an option. Returns 0, -EINVAL, or 1 if @o is part of the path. */
static int parse_option(struct mount_args *m, const char *o)
{
	if (!strncmp(o, "uid=", 4))
		return parse_id(o + 4, &m->uid, false);
	if (!strncmp(o, "gid=", 4))
		return parse_id(o + 4, &m->gid, true);
	if (!strncmp(o, "cache=", 6))
		return parse_cache(o + 6, &m->interval);
	if (!strncmp(o, "interval=", 9))
		return parse_interval(o + 9, &m->interval);
	if (!strcmp(o, "setid"))
		m->setid = true;
	else if (!strcmp(o, "append"))
		m->append = true;
	else
		return 1;
	return 0;
}

/*
 * Parses all options. A part that is no option must follow the path directly, and is appended to it
 * with its comma.
 */
static int parse_options(struct mount_args *m)
{
	char *rest = m->data, *o, *end = NULL;

	while ((o = strsep(&rest, ","))) {
		int err = *o ? parse_option(m, o) : 0;

		if (err < 0) {
			pr_info("hostfs: bad option '%s'\n", o);
			return err;
		}
		if (!err)
			continue;
		if (!strncmp(o, "hostfs=", 7))
			o += 7;
		if (!m->path)
			m->path = o;
		else if (end && o == end + 1)
			*end = ',';
		else
			return -EINVAL;
		end = o + strlen(o);
	}
	return 0;
}

/*
 * Finds the share of the command line to which a mount belongs. The mount of the root (before
 * process 1 runs a program) needs none. Returns 0 with m->share, -ENOENT or -EPERM.
 */
static int find_share(struct mount_args *m)
{
	static const struct hostfs_share anything = { .dir = "/" };
	u64 n;

	if (m->dev && !strncmp(m->dev, "hostfs", 6) && !kstrtou64(m->dev + 6, 10, &n)) {
		m->share = n < SHARES && shares[n].dir ? &shares[n] : NULL;
		if (!m->share)
			pr_warn("hostfs: %s is no folder of the host: start the instance with "
				"%s=DIR\n",
				m->dev, m->dev);
		return m->share ? 0 : -ENOENT;
	}
	if (all.dir)
		m->share = &all;
	else if (!current->mm)
		m->share = &anything;
	else
		pr_warn("hostfs: this instance may not see the host's files: start it with "
			"hostfs=DIR "
			"(hostfs=/ for all that you can see)\n");
	return m->share ? 0 : -EPERM;
}

/* ---- memory of inodes ---- */

static struct inode *hostfs_alloc_inode(struct super_block *sb)
{
	struct hostfs_inode *hi = kmem_cache_zalloc(hostfs_inode_cache, GFP_KERNEL);

	if (!hi)
		return NULL;
	mutex_init(&hi->open_lock);
	spin_lock_init(&hi->lock);
	return &hi->vfs;
}

static void hostfs_free_inode(struct inode *inode)
{
	kfree(inode->i_link);
	kmem_cache_free(hostfs_inode_cache, HOSTFS_I(inode));
}

/*
 * Frees the unused inode of an object whose name was removed, although it has other names: the
 * node's descriptor stays open as long as the inode.
 */
static int hostfs_drop_inode(struct inode *inode)
{
	return !inode->i_nlink || READ_ONCE(HOSTFS_I(inode)->nameless);
}

static void hostfs_evict_inode(struct inode *inode)
{
	struct hostfs_inode *hi = HOSTFS_I(inode);

	truncate_inode_pages(&inode->i_data, 0);
	hostfs_close_files(inode);
	hostfs_listing_put(hi->list);
	hostfs_host_put(hi->node);
	hi->node = 0;
	clear_inode(inode);
}

/* ---- the superblock ---- */

static int hostfs_statfs(struct dentry *d, struct kstatfs *st)
{
	struct hostfs_statfs h;
	int err = hostfs_host_statfs(HOSTFS_I(d->d_inode)->node, &h);

	if (err)
		return err;
	st->f_type = HOSTFS_MAGIC;
	st->f_bsize = (s64)h.bsize;
	st->f_frsize = (s64)h.frsize;
	st->f_blocks = h.blocks;
	st->f_bfree = h.bfree;
	st->f_bavail = h.bavail;
	st->f_files = h.files;
	st->f_ffree = h.ffree;
	st->f_namelen = (s64)h.namelen;
	return 0;
}

static int hostfs_sync_fs(struct super_block *sb, bool wait)
{
	struct hostfs_sb *hs = sb->s_fs_info;
	int err, err2;

	if (!wait)
		return 0;
	err = (int)hostfs_ask(HOSTFS_OP_SYNCFS, NULL, hs->root, 0, 0, 0);
	err2 = hostfs_sync_devs(hs);
	return err ? err : err2;
}

static void hostfs_drop_files(struct super_block *sb)
{
	struct hostfs_sb *hs = sb->s_fs_info;
	struct inode *created;

	if (!hs)
		return;
	spin_lock(&hs->lock);
	created = hs->created;
	hs->created = NULL;
	spin_unlock(&hs->lock);
	if (created)
		hostfs_drop_created(created);
	hostfs_drop_kept(hs, NULL);
	hostfs_drop_devs(hs);
}

static void hostfs_put_super(struct super_block *sb)
{
	struct hostfs_sb *hs = sb->s_fs_info;

	if (!hs)
		return;
	spin_lock(&hostfs_sbs_lock);
	list_del(&hs->list);
	spin_unlock(&hostfs_sbs_lock);
	kfree(hs->dir);
	kfree(hs);
	sb->s_fs_info = NULL;
}

static int hostfs_remount(struct super_block *sb, u32 *flags, char *data)
{
	const struct hostfs_sb *hs = sb->s_fs_info;

	if (!hs->fixed_ro || *flags & SB_RDONLY)
		return 0;
	hostfs_write_refused(sb->s_root->d_inode);
	return -EROFS;
}

static int hostfs_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct hostfs_sb *hs = sb->s_fs_info;
	int n = scnprintf(buf, size, ",");

	n += show_option_value(buf + n, size - (size_t)n, hs->dir);
	if (hs->uid)
		n += scnprintf(buf + n, size - (size_t)n, ",uid=%u", hs->uid);
	if (hs->gid)
		n += scnprintf(buf + n, size - (size_t)n, ",gid=%u", hs->gid);
	if (hs->setid)
		n += scnprintf(buf + n, size - (size_t)n, ",setid");
	if (hs->append)
		n += scnprintf(buf + n, size - (size_t)n, ",append");
	if (!hs->interval)
		n += scnprintf(buf + n, size - (size_t)n, ",cache=none");
	else if (hs->interval == HOSTFS_FOREVER)
		n += scnprintf(buf + n, size - (size_t)n, ",cache=always");
	else if (hs->interval != INTERVAL_MS * MS_NS)
		n += scnprintf(buf + n, size - (size_t)n, ",interval=%llu",
			(unsigned long long)(hs->interval / MS_NS));
	return n;
}

static const struct super_operations hostfs_sops = {
	.alloc_inode = hostfs_alloc_inode,
	.free_inode = hostfs_free_inode,
	.drop_inode = hostfs_drop_inode,
	.evict_inode = hostfs_evict_inode,
	.put_super = hostfs_put_super,
	.statfs = hostfs_statfs,
	.sync_fs = hostfs_sync_fs,
	.remount = hostfs_remount,
	.show_options = hostfs_show_options,
	.write_refused = hostfs_write_refused,
};

static int make_root(struct super_block *sb, struct hostfs_sb *hs)
{
	struct hostfs_attr a;
	struct inode *root;
	int err = hostfs_host_getattr(hs->root, 0, &a);

	if (err) {
		hostfs_host_put(hs->root);
		return err;
	}
	hs->root_dev = a.dev;
	root = hostfs_iget(sb, 0, NULL, hs->root, &a, hostfs_sample(hs));
	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int hostfs_fill_super(struct super_block *sb, void *data, bool silent)
{
	const struct mount_args *m = data;
	struct hostfs_sb *hs = kzalloc(sizeof(*hs), GFP_KERNEL);
	int err;

	if (!hs)
		return -ENOMEM;
	sb->s_op = &hostfs_sops;
	sb->s_d_op = &hostfs_dops;
	sb->s_magic = HOSTFS_MAGIC;
	sb->s_fs_info = hs;
	hs->sb = sb;
	hs->share = m->share;
	/* a mark does not have this mount's objects */
	state_changed();
	spin_lock(&hostfs_sbs_lock);
	list_add(&hs->list, &hostfs_sbs);
	spin_unlock(&hostfs_sbs_lock);
	sb->s_iflags |= SB_I_NODEV;
	sb->s_flags |=
		SB_NOATIME | (m->share->ro ? SB_RDONLY : 0); /* the host updates the access times */
	spin_lock_init(&hs->lock);
	hs->dir = kstrdup(m->path && *m->path ? m->path : "/");
	if (!hs->dir)
		return -ENOMEM;
	hs->folder = strcmp(m->share->dir, "/") ? m->share->dir : hs->dir;
	hs->uid = m->uid;
	hs->gid = m->gid;
	hs->real_ids = hostfs_host_ids(&hs->host_uid, &hs->host_gid);
	hs->setid = m->setid;
	hs->append = m->append || m->share->append;
	hs->fixed_ro = m->share->ro;
	hs->interval = m->interval;
	err = hostfs_host_root(m->share->dir, hs->dir, m->share->only, m->share->ro, &hs->root);
	return err ? err : make_root(sb, hs);
}

static struct dentry *hostfs_mount(
	struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	struct mount_args m = { .dev = dev, .data = data, .interval = INTERVAL_MS * MS_NS };
	int err = parse_options(&m);

	if (!err)
		err = find_share(&m);
	if (!err && m.share->only && m.path && m.path[strspn(m.path, "/")])
		err = -ENOENT; /* a file has nothing below it */
	if (!err && m.share->ro && !(flags & SB_RDONLY))
		flags |= SB_RDONLY;
	return err ? ERR_PTR(err) : mount_nodev(t, flags, &m, hostfs_fill_super);
}

static void hostfs_kill_super(struct super_block *sb)
{
	const struct hostfs_sb *hs = sb->s_fs_info;

	/* kill_anon_super() syncs too late: without the folders of other devices */
	if (hs && hs->devs)
		sync_filesystem(sb, true);
	hostfs_drop_files(sb);
	kill_anon_super(sb);
}

static struct file_system_type hostfs_type = {
	.name = "hostfs", .mount = hostfs_mount, .kill_sb = hostfs_kill_super
};

static int hostfs_init(void)
{
	int err;

	hostfs_inode_cache = kmem_cache_create(
		"hostfs_inode", sizeof(struct hostfs_inode), 64 | SLAB_RECLAIMABLE);
	if (!hostfs_inode_cache)
		return -ENOMEM;
	err = hostfs_requests_init();
	return err ? err : register_filesystem(&hostfs_type);
}
INITCALL(4, hostfs_init);
