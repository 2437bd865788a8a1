/* SPDX-License-Identifier: MIT */
/*
 * super.c: mounting, the INIT exchange, inodes and their numbers.
 *
 * Options: fd=, rootmode=, user_id=, group_id= (all needed), default_permissions, allow_other,
 * max_read=, blksize=; subtype= and source= have no effect here. mount(2) returns at once; INIT is
 * the first request, and all others wait for its answer.
 *
 * An inode is found by its nodeid. It counts the answers of the server that contained this nodeid
 * (lookups), and eviction returns that count by one FORGET. If the server uses a nodeid again with
 * another file type, the lookup fails with EIO.
 */
#include "arch/um/machine/arch.h"
#include "kernel/fs/fuse/fuse.h"
#include "kernel/vfs/mount/fsparam.h"

static struct kmem_cache *inode_cache;

/* ---- time ---- */

u64 fuse_until(u64 sec, u32 nsec)
{
	u64 now = ktime_get();

	if (!sec && !nsec)
		return 0;
	if (sec > 10000000000UL - 1 || nsec > 999999999)
		return ~0UL;
	return now + min_t(u64, sec, 9000000000UL) * 1000000000UL + nsec;
}

static struct timespec64 stamp(u64 sec, u32 nsec)
{
	return (struct timespec64){ (s64)sec, min_t(u32, nsec, 999999999) };
}

/* ---- inodes ---- */

/* Converts a device number from the protocol's form. */
static dev_t narrow_dev(u32 d)
{
	return MKDEV((d >> 8) & 0xfff, (d & 0xff) | ((d >> 12) & 0xfff00));
}

u64 fuse_asking(struct fuse_conn *fc)
{
	return __atomic_load_n(&fc->attr_version, __ATOMIC_SEQ_CST);
}

/*
 * Sets a size that is newer than all answers to requests that were sent before. fi->lock is held.
 */
static void learn_size(struct inode *inode, loff_t size)
{
	struct fuse_conn *fc = fuse_conn_of(inode);
	struct fuse_inode *fi = FUSE_I(inode);

	assert_spin_held(&fi->lock);
	fi->attr_version = __atomic_add_fetch(&fc->attr_version, 1, __ATOMIC_SEQ_CST);
	i_size_write(inode, size);
}

void fuse_grow(struct inode *inode, loff_t size)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	if (size > i_size_read(inode))
		learn_size(inode, size);
	spin_unlock(&fi->lock);
}

void fuse_set_size(struct inode *inode, loff_t size, bool grow)
{
	struct fuse_inode *fi = FUSE_I(inode);

	spin_lock(&fi->lock);
	learn_size(inode, grow ? max(size, i_size_read(inode)) : size);
	fi->attr_until = 0;
	spin_unlock(&fi->lock);
}

/*
 * Adopts attributes from the answer to a request. @asked: fuse_asking() before that request. If the
 * known size is newer than the request, because of a write or another answer in between, the
 * answer's size is ignored, and the other attributes are taken only if the known ones are out of
 * date. With fi->ours this kernel keeps size, mtime and ctime, and ignores the server's.
 */
void fuse_set_attr(struct inode *inode, const struct fuse_attr *a, u64 until, u64 asked)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = fuse_conn_of(inode);
	bool changed, late, keep;
	loff_t old;

	spin_lock(&fi->lock);
	late = fi->ours || fi->attr_version > asked || a->size > S64_MAX;
	keep = late && !fi->ours && fi->attr_until;
	old = i_size_read(inode);
	/* The size of directories and symlinks too, since stat shows it. */
	if (!late && (asked == ~0UL || old != (loff_t)a->size))
		learn_size(inode, (loff_t)a->size);
	if (keep) {
		if (old != (loff_t)a->size) /* unclear which is newer: ask again */
			fi->attr_until = 0;
		spin_unlock(&fi->lock);
		return;
	}
	fi->ino = a->ino;
	fi->attr_until = (late && !fi->ours) || fi->inval_version > asked ? 0 : until;
	inode->i_mode = (inode->i_mode & S_IFMT) | (a->mode & 07777);
	inode->i_uid = make_kuid(fc->user_ns, a->uid);
	inode->i_gid = make_kgid(fc->user_ns, a->gid);
	set_nlink(inode, a->nlink);
	inode->i_blocks = a->blocks;
	changed = inode->i_mtime.tv_sec != (s64)a->mtime ||
		  inode->i_mtime.tv_nsec != (s64)a->mtimensec;
	inode->i_atime = stamp(a->atime, a->atimensec);
	if (!fi->ours) {
		inode->i_mtime = stamp(a->mtime, a->mtimensec);
		inode->i_ctime = stamp(a->ctime, a->ctimensec);
	}
	spin_unlock(&fi->lock); /* fi->lock serialises concurrent answers */
	if (!S_ISREG(inode->i_mode) || late)
		return;
	if (old != (loff_t)a->size) {
		if (old > (loff_t)a->size)
			truncate_pagecache(&inode->i_data, (loff_t)a->size);
		if (fc->auto_inval)
			invalidate_mapping_pages(&inode->i_data, 0, ~0UL);
	} else if (changed && fc->auto_inval) {
		invalidate_mapping_pages(&inode->i_data, 0, ~0UL);
	}
}

/* True if the mode has one of the seven file types. */
static bool valid_type(u64 mode)
{
	u64 type = mode & S_IFMT;

	return type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFCHR ||
	       type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK;
}

bool fuse_valid_entry(const struct fuse_entry_out *e)
{
	return e->nodeid != FUSE_ROOT_ID && e->attr.size <= S64_MAX && valid_type(e->attr.mode);
}

void fuse_forget_one(struct fuse_conn *fc, u64 nodeid)
{
	struct fuse_forget *f = kzalloc(sizeof(*f), GFP_KERNEL | __GFP_ACCOUNT);

	/*
	 * Without memory no FORGET is sent, and the server keeps the node too long, which is
	 * harmless.
	 */
	if (!f)
		return;
	f->nodeid = nodeid;
	f->nlookup = 1;
	fuse_queue_forget(fc, f);
}

/* Fills in what never changes in a new inode: node, type, device, operations. */
static void fill_new(struct inode *inode, const struct fuse_entry_out *e)
{
	struct fuse_inode *fi = FUSE_I(inode);

	fi->nodeid = e->nodeid;
	inode->i_generation = (u32)e->generation;
	inode->i_mode = (umode_t)e->attr.mode;
	inode->i_rdev = narrow_dev(e->attr.rdev);
	inode->i_data.a_ops = &fuse_aops;
	fuse_set_ops(inode);
}

struct inode *fuse_iget(struct super_block *sb, const struct fuse_entry_out *e, u64 asked)
{
	struct fuse_conn *fc = sb->s_fs_info;
	struct inode *inode = iget_locked(sb, e->nodeid);
	struct fuse_inode *fi;

	if (IS_ERR(inode)) {
		fuse_forget_one(fc, e->nodeid);
		return inode;
	}
	fi = FUSE_I(inode);
	if (inode->i_state & I_NEW) {
		fill_new(inode, e);
		if (fc->writeback && S_ISREG(inode->i_mode)) {
			fuse_set_attr(inode, &e->attr, 0, ~0UL);
			fi->ours = true;
		}
		unlock_new_inode(inode);
	} else if ((inode->i_mode & S_IFMT) != (e->attr.mode & S_IFMT)) {
		fuse_forget_one(fc, e->nodeid);
		iput(inode);
		return ERR_PTR(-EIO);
	}
	spin_lock(&fi->lock);
	fi->nlookup++;
	spin_unlock(&fi->lock);
	fuse_set_attr(inode, &e->attr, fuse_until(e->attr_valid, e->attr_valid_nsec), asked);
	return inode;
}

static struct inode *fuse_alloc_inode(struct super_block *sb)
{
	struct fuse_inode *fi = kmem_cache_alloc(inode_cache, GFP_KERNEL);

	if (!fi)
		return NULL;
	/* A separate allocation, since the FORGET may be queued after the inode is freed. */
	fi->forget = kzalloc(sizeof(*fi->forget), GFP_KERNEL | __GFP_ACCOUNT);
	if (!fi->forget) {
		kmem_cache_free(inode_cache, fi);
		return NULL;
	}
	atomic_set(&fi->forget->refs, 1);
	spin_lock_init(&fi->lock);
	INIT_LIST_HEAD(&fi->writers);
	init_waitqueue_head(&fi->wait);
	fi->nodeid = fi->ino = fi->nlookup = 0;
	fi->attr_until = fi->attr_version = fi->inval_version = 0;
	fi->nr_async = 0;
	fi->ours = fi->times_ours = false;
	INIT_LIST_HEAD(&fi->flights);
	fi->created = NULL;
	return &fi->vfs;
}

static void fuse_free_inode(struct inode *inode)
{
	/* The server has counted no lookups, so the forget is freed and needs no connection. */
	if (FUSE_I(inode)->forget)
		fuse_forget_put(NULL, FUSE_I(inode)->forget);
	kmem_cache_free(inode_cache, FUSE_I(inode));
}

static void fuse_evict_inode(struct inode *inode)
{
	struct fuse_inode *fi = FUSE_I(inode);
	struct fuse_conn *fc = fuse_conn_of(inode);

	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	if (fi->created)
		fuse_file_release(inode, fi->created, O_RDWR);
	fi->created = NULL;
	if (!fi->nlookup || !fc)
		return;
	fi->forget->nodeid = fi->nodeid;
	fi->forget->nlookup = fi->nlookup;
	fuse_forget_put(fc, fi->forget);
	fi->forget = NULL;
}

/* ---- INIT ---- */

/* Takes over the answer to INIT. No other request has been sent. */
static void take_flags(struct fuse_conn *fc, const struct fuse_init_out *o)
{
	u32 f = o->flags, max = FUSE_MAX_IO;

	fc->atomic_trunc = f & FUSE_ATOMIC_O_TRUNC;
	fc->auto_inval = f & FUSE_AUTO_INVAL_DATA;
	fc->handle_killpriv = f & FUSE_HANDLE_KILLPRIV;
	fc->writeback = f & FUSE_WRITEBACK_CACHE;
	fc->minor = o->minor;
	if (f & FUSE_MAX_PAGES)
		max = clamp((u32)o->max_pages, 1U, max / (u32)PAGE_SIZE) * (u32)PAGE_SIZE;
	fc->max_write = clamp(o->max_write, 4096U, max);
	fc->max_read = min(fc->max_read, max);
}

/* Ends INIT: the connection is initialised, or ends if the server refuses. */
static void init_end(struct fuse_req *r)
{
	struct fuse_conn *fc = r->fc;
	struct fuse_init_out o;
	bool ok = !r->err && r->out_len >= 8;

	memset(&o, 0, sizeof(o));
	if (ok) {
		memcpy(&o, r->out, min_t(size_t, sizeof(o), r->out_len));
		ok = o.major == FUSE_KERNEL_VERSION && o.minor;
		if (o.minor < 6) /* no flags before protocol 7.6 */
			o.flags = o.flags2 = 0;
		if (o.minor < 5)
			o.max_write = 0;
	}
	if (!ok) {
		spin_lock(&fc->lock);
		fc->connected = false;
		spin_unlock(&fc->lock);
	} else {
		take_flags(fc, &o);
		spin_lock(&fc->lock);
		/* s_shared_lookup: the server handles concurrent lookups in one directory. */
		if (fc->sb)
			WRITE_ONCE(fc->sb->s_shared_lookup, o.flags & FUSE_PARALLEL_DIROPS);
		smp_store_release(&fc->initialized, true);
		spin_unlock(&fc->lock);
	}
	wake_up_all(&fc->waiters);
	if (!ok)
		wake_up_all(&fc->readers);
}

void fuse_send_init(struct fuse_conn *fc)
{
	/*
	 * This kernel offers protocol 7.38, and accepts a server that answers with a later minor
	 * version.
	 */
	struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION,
		.minor = 38,
		.max_readahead = FUSE_MAX_IO,
		.flags = FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
			 FUSE_AUTO_INVAL_DATA | FUSE_PARALLEL_DIROPS | FUSE_NO_OPEN_SUPPORT |
			 FUSE_NO_OPENDIR_SUPPORT | FUSE_MAX_PAGES | FUSE_HANDLE_KILLPRIV |
			 FUSE_HAS_IOCTL_DIR | FUSE_WRITEBACK_CACHE | FUSE_INIT_EXT,
		.flags2 = FUSE_HAS_EXPIRE_ONLY >> 32 };
	struct fuse_req *r =
		fuse_req_new(fc, FUSE_INIT, 0, sizeof(in), sizeof(struct fuse_init_out));

	if (IS_ERR(r)) {
		fuse_abort(fc);
		return;
	}
	memcpy(r->in, &in, sizeof(in));
	r->out_var = true;
	fuse_send_async(r, init_end);
}

/* ---- the superblock ---- */

struct fuse_options {
	u64 fd, rootmode, user_id, group_id, max_read, blksize;
	bool have_fd, have_mode, have_uid, have_gid, default_permissions, allow_other;
};

/* Returns 0 or -errno: -EINVAL if the option is unknown. */
static int parse_value(struct fuse_options *o, const char *key, const char *v)
{
	if (!strcmp(key, "fd")) {
		o->have_fd = true;
		return kstrtou64(v, 10, &o->fd);
	}
	if (!strcmp(key, "rootmode")) {
		o->have_mode = true;
		return kstrtou64(v, 8, &o->rootmode);
	}
	if (!strcmp(key, "user_id")) {
		o->have_uid = true;
		return kstrtou64(v, 10, &o->user_id);
	}
	if (!strcmp(key, "group_id")) {
		o->have_gid = true;
		return kstrtou64(v, 10, &o->group_id);
	}
	if (!strcmp(key, "max_read"))
		return kstrtou64(v, 10, &o->max_read);
	if (!strcmp(key, "blksize"))
		return kstrtou64(v, 10, &o->blksize);
	return !strcmp(key, "subtype") || !strcmp(key, "source") ? 0 : -EINVAL;
}

/* Sets *o, and checks that all needed options are there. Modifies @data. Returns 0 or -EINVAL. */
static int parse_options(struct fuse_options *o, char *data)
{
	char *opt, *v;
	int err = 0;

	while (!err && (opt = fs_next_option(&data, &v))) {
		if (v)
			err = parse_value(o, opt, v) ? -EINVAL : 0;
		else if (!strcmp(opt, "default_permissions"))
			o->default_permissions = true;
		else if (!strcmp(opt, "allow_other"))
			o->allow_other = true;
		else
			err = -EINVAL;
	}
	if (err)
		return err;
	if (!o->have_fd || !o->have_mode || !o->have_uid || !o->have_gid ||
		!valid_type(o->rootmode) || o->rootmode > 0177777 || o->fd > 0x7fffffff ||
		o->user_id >= ~0U || o->group_id >= ~0U)
		return -EINVAL;
	if (!uid_valid(make_kuid(current_user_ns(), (u32)o->user_id)) ||
		!uid_valid(make_kgid(current_user_ns(), (u32)o->group_id)))
		return -EINVAL;
	return 0;
}

static void fuse_put_super(struct super_block *sb)
{
	struct fuse_conn *fc = sb->s_fs_info;

	if (!fc)
		return;
	spin_lock(&fc->lock);
	fc->sb = NULL;
	spin_unlock(&fc->lock);
	fuse_abort(fc);
	/* A background write whose answer is being handled may still use its inode. */
	fuse_await_writes(fc);
	sb->s_fs_info = NULL;
	fuse_conn_put(fc);
}

static void fuse_umount_begin(struct super_block *sb)
{
	if (sb->s_fs_info)
		fuse_abort(sb->s_fs_info);
}

static int fuse_statfs(struct dentry *d, struct kstatfs *st)
{
	struct fuse_conn *fc = d->d_sb->s_fs_info;
	struct fuse_statfs_out o;
	int err;

	st->f_type = FUSE_SUPER_MAGIC;
	if (!fuse_allowed(fc))
		return 0;
	err = fuse_call(
		fc, FUSE_STATFS, FUSE_I(d->d_inode)->nodeid, NULL, 0, NULL, 0, &o, sizeof(o));
	if (err)
		return err;
	st->f_bsize = o.st.bsize;
	st->f_frsize = o.st.frsize;
	st->f_blocks = o.st.blocks;
	st->f_bfree = o.st.bfree;
	st->f_bavail = o.st.bavail;
	st->f_files = o.st.files;
	st->f_ffree = o.st.ffree;
	st->f_namelen = o.st.namelen;
	return 0;
}

static int fuse_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct fuse_conn *fc = sb->s_fs_info;
	int n = scnprintf(buf, size, ",user_id=%u,group_id=%u",
		from_kuid_munged(fc->user_ns, fc->user_id),
		from_kgid_munged(fc->user_ns, fc->group_id));

	if (fc->default_permissions)
		n += scnprintf(buf + n, size - (size_t)n, ",default_permissions");
	if (fc->allow_other)
		n += scnprintf(buf + n, size - (size_t)n, ",allow_other");
	if (fc->max_read_asked)
		n += scnprintf(buf + n, size - (size_t)n, ",max_read=%u", fc->max_read_asked);
	return n;
}

static const struct super_operations fuse_sops = {
	.alloc_inode = fuse_alloc_inode,
	.free_inode = fuse_free_inode,
	.evict_inode = fuse_evict_inode,
	/* no caching of unused inodes: the server keeps a node until it is forgotten */
	.drop_inode = generic_delete_inode,
	.put_super = fuse_put_super,
	.umount_begin = fuse_umount_begin,
	.statfs = fuse_statfs,
	.show_options = fuse_show_options,
};

/* Sets sb->s_root. The server is not asked. Returns 0 or -errno. */
static int make_root(struct super_block *sb, const struct fuse_options *o)
{
	struct fuse_entry_out e;
	struct inode *root = iget_locked(sb, FUSE_ROOT_ID);

	if (IS_ERR(root))
		return (int)PTR_ERR(root);
	memset(&e, 0, sizeof(e));
	e.nodeid = FUSE_ROOT_ID;
	e.attr.ino = FUSE_ROOT_ID;
	e.attr.mode = (u32)o->rootmode;
	e.attr.nlink = 1;
	e.attr.uid = (u32)o->user_id;
	e.attr.gid = (u32)o->group_id;
	fill_new(root, &e);
	unlock_new_inode(root);
	fuse_set_attr(root, &e.attr, 0, ~0UL);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int fuse_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct fuse_options o;
	struct fuse_conn *fc;
	struct file *f;
	int err;

	memset(&o, 0, sizeof(o));
	sb->s_op = &fuse_sops;
	sb->s_magic = FUSE_SUPER_MAGIC;
	sb->s_d_op = &fuse_dops;
	err = data ? parse_options(&o, data) : -EINVAL;
	if (err)
		return err;
	fc = fuse_conn_new();
	if (!fc)
		return -ENOMEM;
	sb->s_fs_info = fc;
	fc->user_id = make_kuid(fc->user_ns, (u32)o.user_id);
	fc->group_id = make_kgid(fc->user_ns, (u32)o.group_id);
	fc->default_permissions = o.default_permissions;
	fc->allow_other = o.allow_other;
	fc->max_read_asked = (u32)clamp(o.max_read, o.max_read ? 4096UL : 0UL, (u64)FUSE_MAX_IO);
	if (o.max_read)
		fc->max_read = fc->max_read_asked;
	if (o.blksize && o.blksize >= 512 && o.blksize <= PAGE_SIZE &&
		!(o.blksize & (o.blksize - 1)))
		sb->s_blocksize = (u32)o.blksize;
	err = make_root(sb, &o);
	if (err)
		return err;
	f = fget((int)o.fd);
	/*
	 * The opener of /dev/fuse and the mounter must be in one user namespace. Otherwise they
	 * would give an id in a message two meanings.
	 */
	err = f && f->f_cred->user_ns == fc->user_ns ? fuse_dev_attach(f, fc) : -EINVAL;
	if (f)
		fput(f);
	if (err)
		return err == -EBUSY ? -EINVAL : err;
	fc->sb = sb;
	fuse_send_init(fc);
	return 0;
}

static struct dentry *fuse_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, fuse_fill_super);
}

static struct file_system_type fuse_type = {
	.name = "fuse",
	.fs_flags = FS_USERNS_MOUNT | FS_HAS_SUBTYPE,
	.mount = fuse_mount,
	.kill_sb = kill_anon_super,
};

static int fuse_init(void)
{
	inode_cache =
		kmem_cache_create("fuse_inode", sizeof(struct fuse_inode), 64 | SLAB_RECLAIMABLE);
	return inode_cache ? register_filesystem(&fuse_type) : -ENOMEM;
}
INITCALL(3, fuse_init);
