/* SPDX-License-Identifier: MIT */
/*
 * fanotify.c: groups and their marks: fanotify_init(2), fanotify_mark(2).
 *
 * A mark on an inode holds a reference to it (unless the mark is evictable) and is removed when the
 * inode loses its last name. A mark on a mount or superblock holds no reference and is removed when
 * that ends. Without CAP_SYS_ADMIN a program may only have groups that report file identifiers and
 * mark inodes.
 *
 * Locks: fanotify.h. References to inodes are dropped without fanotify_lock.
 */
#include <linux/inotify.h>
#include <linux/magic.h>

#include "gen/syscalls.h"
#include "kernel/vfs/notify/fanotify.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/sysctl.h"
#include "kernel/vfs/super.h"

static int max_queued_events = 16384;

#define HASH_SIZE 1024
#define ADMIN_FLAGS                                                                                \
	(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT | FAN_REPORT_TID | FAN_REPORT_PIDFD |           \
		FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS)
#define INIT_FLAGS (ADMIN_FLAGS | FAN_FID_BITS | FAN_CLOEXEC | FAN_NONBLOCK)
#define EVENT_F_FLAGS                                                                              \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME)
#define INODE_EVENTS (FAN_DIRENT_EVENTS | FAN_ATTRIB | FAN_MOVE_SELF | FAN_DELETE_SELF)
#define EVENT_FLAGS (FAN_ONDIR | FAN_EVENT_ON_CHILD)
#define VALID_MASK (FAN_PATH_EVENTS | INODE_EVENTS | FAN_FS_ERROR | EVENT_FLAGS)
#define TYPE_BITS (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)
#define IGNORE_BITS (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)
#define MARK_FLAGS                                                                                 \
	(FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH | FAN_MARK_DONT_FOLLOW |                  \
		FAN_MARK_ONLYDIR | TYPE_BITS | IGNORE_BITS | FAN_MARK_IGNORED_SURV_MODIFY |        \
		FAN_MARK_EVICTABLE)

DEFINE_MUTEX(fanotify_lock);
u32 fanotify_nr_marks;
static struct hlist_head hash[HASH_SIZE]; /* of fan_mark.node, under fanotify_lock */

static struct hlist_head *bucket(const void *object)
{
	return &hash[((u64)object >> 6) % HASH_SIZE];
}

void fan_for_each_mark(const void *object, void (*fn)(struct fan_mark *m, void *arg), void *arg)
{
	struct fan_mark *m;

	assert_mutex_held(&fanotify_lock);
	hlist_for_each_entry(m, bucket(object), node)
		if (m->object == object)
			fn(m, arg);
}

int fan_fsid(struct super_block *sb, u32 fsid[2])
{
	u64 id = sb->s_fsid ? sb->s_fsid : sb->s_dev;

	fsid[0] = (u32)id;
	fsid[1] = (u32)(id >> 32);
	return id ? 0 : -ENODEV;
}

void fan_group_put(struct fan_group *g)
{
	if (!atomic_dec_and_test(&g->refs))
		return;
	kfree(g);
}

/* ---- marks ---- */

static struct fan_mark *mark_find(const struct fan_group *g, const void *object)
{
	struct fan_mark *m;

	hlist_for_each_entry(m, bucket(object), node)
		if (m->object == object && m->group == g)
			return m;
	return NULL;
}

/*
 * Frees a mark. Returns the inode whose reference the caller must drop without the lock, or NULL.
 */
static struct inode *mark_free(struct fan_mark *m)
{
	struct inode *inode = NULL;

	if (m->type == FAN_ON_INODE && !(m->flags & FAN_MARK_EVICTABLE))
		inode = (struct inode *)m->object;
	hlist_del_init(&m->node);
	list_del(&m->group_link);
	m->group->nr_marks--;
	if (!(m->group->flags & FAN_UNLIMITED_MARKS))
		ucounts_uncharge(m->group->uc, UCOUNT_FANOTIFY_MARKS);
	WRITE_ONCE(fanotify_nr_marks, fanotify_nr_marks - 1);
	kfree(m);
	return inode;
}

/*
 * Adds a mark without events. Takes a reference to an inode, unless the mark is evictable.
 * fanotify_lock is held. Returns ERR_PTR on failure.
 */
static struct fan_mark *mark_new(
	struct fan_group *g, const void *object, enum fan_type type, u32 flags)
{
	struct ucounts *uc = NULL;
	struct fan_mark *m;

	if (!(g->flags & FAN_UNLIMITED_MARKS))
		uc = ucounts_charge(g->uc->ns, g->uc->uid, UCOUNT_FANOTIFY_MARKS);
	if (IS_ERR(uc))
		return ERR_CAST(uc);
	m = kzalloc(sizeof(*m), GFP_NOFS);
	if (!m) {
		ucounts_uncharge(uc, UCOUNT_FANOTIFY_MARKS);
		return ERR_PTR(-ENOMEM);
	}
	m->group = g;
	m->object = object;
	m->type = type;
	m->flags = flags & FAN_MARK_EVICTABLE;
	if (type == FAN_ON_INODE && !m->flags)
		ihold((struct inode *)object);
	hlist_add_head(&m->node, bucket(object));
	list_add_tail(&m->group_link, &g->marks);
	g->nr_marks++;
	WRITE_ONCE(fanotify_nr_marks, fanotify_nr_marks + 1);
	return m;
}

/*
 * Removes the first mark of @marks whose type is @type (negative: any type), and returns true. The
 * caller must drop the reference to *inode, which may be NULL. Returns false if there is no such
 * mark.
 */
static bool take_mark(struct list_head *marks, int type, struct inode **inode)
{
	struct fan_mark *m;

	list_for_each_entry(m, marks, group_link)
		if (type < 0 || m->type == (enum fan_type)type) {
			*inode = mark_free(m);
			return true;
		}
	return false;
}

static void flush_marks(struct fan_group *g, int type)
{
	struct inode *inode = NULL;
	bool more;

	do {
		mutex_lock(&fanotify_lock);
		more = take_mark(&g->marks, type, &inode);
		mutex_unlock(&fanotify_lock);
		if (more && inode)
			iput(inode);
	} while (more);
}

void fanotify_gone(const void *object)
{
	struct fan_mark *m;
	u32 inodes = 0;
	bool again;

	mutex_lock(&fanotify_lock);
	do {
		again = false;
		hlist_for_each_entry(m, bucket(object), node)
			if (m->object == object) {
				inodes += mark_free(m) != NULL;
				again = true;
				break;
			}
	} while (again);
	mutex_unlock(&fanotify_lock);
	while (inodes--)
		iput((struct inode *)object);
}

void fanotify_inode_gone(struct inode *inode)
{
	fanotify_gone(inode);
}

/*
 * Removes one mark in bucket @i that is on an inode of @sb, which is being unmounted. Returns the
 * inode whose reference the caller must drop, or NULL. Sets *found if a mark was removed.
 */
static struct inode *take_sb_mark(struct super_block *sb, u32 i, bool *found)
{
	struct fan_mark *m;

	hlist_for_each_entry(m, &hash[i], node)
		if (m->type == FAN_ON_INODE && ((const struct inode *)m->object)->i_sb == sb) {
			*found = true;
			return mark_free(m);
		}
	*found = false;
	return NULL;
}

void fanotify_sb_inodes_gone(struct super_block *sb)
{
	struct inode *inode;
	bool found;
	u32 i = 0;

	while (i < HASH_SIZE) {
		mutex_lock(&fanotify_lock);
		inode = take_sb_mark(sb, i, &found);
		mutex_unlock(&fanotify_lock);
		if (inode)
			iput(inode);
		if (!found)
			i++;
		cond_resched();
	}
}

/* ---- fanotify_init ---- */

int fanotify_release(struct inode *inode, struct file *f)
{
	struct fan_group *g = f->private_data;

	fan_release_events(g);
	flush_marks(g, -1);
	fan_release_events(g); /* events queued since the first call */
	ucounts_uncharge(g->uc, UCOUNT_FANOTIFY_GROUPS);
	fan_group_put(g);
	return 0;
}

static int check_fid_flags(u32 flags)
{
	u32 fid = flags & FAN_FID_BITS;
	u32 class = flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT);

	if (class == (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT) || (fid && class))
		return -EINVAL;
	if ((fid & FAN_REPORT_NAME) && !(fid & FAN_REPORT_DIR_FID))
		return -EINVAL;
	if ((fid & FAN_REPORT_TARGET_FID) && (!(fid & FAN_REPORT_NAME) || !(fid & FAN_REPORT_FID)))
		return -EINVAL;
	return 0;
}

static int check_init(u32 flags, u32 event_f_flags)
{
	if (!capable(CAP_SYS_ADMIN) && ((flags & ADMIN_FLAGS) || !(flags & FAN_FID_BITS)))
		return -EPERM;
	if (flags & ~(u32)INIT_FLAGS)
		return -EINVAL;
	if ((flags & FAN_REPORT_PIDFD) && (flags & FAN_REPORT_TID))
		return -EINVAL;
	if (event_f_flags & ~(u32)EVENT_F_FLAGS || (event_f_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return check_fid_flags(flags);
}

long sys_fanotify_init(int flags, int event_flags)
{
	struct ucounts *uc;
	struct fan_group *g;
	int fd = check_init((u32)flags, (u32)event_flags);

	if (fd)
		return fd;
	uc = ucounts_charge(current_user_ns(), current_euid(), UCOUNT_FANOTIFY_GROUPS);
	if (IS_ERR(uc))
		return PTR_ERR(uc) == -ENOSPC ? -EMFILE : PTR_ERR(uc);
	fd = -ENOMEM;
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		goto err_uncount;
	atomic_set(&g->refs, 1);
	g->flags = (u32)flags & ~(u32)(FAN_CLOEXEC | FAN_NONBLOCK);
	g->event_f_flags = (u32)event_flags;
	g->max_events = (u32)READ_ONCE(max_queued_events);
	g->unprivileged = !capable(CAP_SYS_ADMIN);
	INIT_LIST_HEAD(&g->marks);
	INIT_LIST_HEAD(&g->hit);
	INIT_LIST_HEAD(&g->events);
	INIT_LIST_HEAD(&g->asked);
	init_waitqueue_head(&g->wqh);
	g->uc = uc;
	fd = anon_fd("[fanotify]", &fanotify_fops, g,
		O_RDWR | (flags & FAN_CLOEXEC ? O_CLOEXEC : 0) |
			(flags & FAN_NONBLOCK ? O_NONBLOCK : 0));
	if (fd >= 0)
		return fd;
	fan_group_put(g);
err_uncount:
	ucounts_uncharge(uc, UCOUNT_FANOTIFY_GROUPS);
	return fd;
}

/* ---- fanotify_mark ---- */

struct mark_call {
	u32 flags, mask;
	enum fan_type type;
};

static enum fan_type type_of(u32 flags)
{
	return flags & FAN_MARK_MOUNT      ? FAN_ON_MOUNT :
	       flags & FAN_MARK_FILESYSTEM ? FAN_ON_SB :
					     FAN_ON_INODE;
}

static int check_command(u32 flags, u64 mask)
{
	switch (flags & (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH)) {
	case FAN_MARK_ADD:
	case FAN_MARK_REMOVE: return mask ? 0 : -EINVAL;
	case FAN_MARK_FLUSH: return flags & ~(u32)(TYPE_BITS | FAN_MARK_FLUSH) ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* Makes the checks that do not need the group. Returns 0 or -errno. */
static int check_mark(u32 flags, u64 mask)
{
	int err;

	if (mask >> 32 || flags & ~(u32)MARK_FLAGS || (flags & TYPE_BITS) == TYPE_BITS)
		return -EINVAL;
	err = check_command(flags, mask);
	if (err)
		return err;
	if (mask & ~(u64)VALID_MASK || (flags & IGNORE_BITS) == IGNORE_BITS)
		return -EINVAL;
	return 0;
}

static int check_with_group(const struct fan_group *g, const struct mark_call *c)
{
	u32 fid = g->flags & FAN_FID_BITS;

	if (g->unprivileged && c->type != FAN_ON_INODE)
		return -EPERM;
	if ((c->mask & FAN_PERM_EVENTS) &&
		!(g->flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)))
		return -EINVAL;
	if ((c->mask & FAN_FS_ERROR) && c->type != FAN_ON_SB)
		return -EINVAL;
	if ((c->flags & FAN_MARK_EVICTABLE) && c->type != FAN_ON_INODE)
		return -EINVAL;
	if ((c->mask & ~(u32)(FAN_PATH_EVENTS | EVENT_FLAGS)) && (!fid || c->type == FAN_ON_MOUNT))
		return -EINVAL;
	if ((c->mask & FAN_RENAME) && !(fid & FAN_REPORT_NAME))
		return -EINVAL;
	return 0;
}

static int find_path(int dfd, uaddr_t name, u32 flags, struct path *path)
{
	u32 lookup = flags & FAN_MARK_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW;
	struct file *f;
	int err;

	if (!name.v) {
		f = fget(dfd);
		if (!f)
			return -EBADF;
		err = (flags & FAN_MARK_ONLYDIR) && !S_ISDIR(f->f_inode->i_mode) ? -ENOTDIR : 0;
		if (!err) {
			*path = f->f_path;
			path_get(path);
		}
		fput(f);
	} else {
		err = user_path_at(dfd, name,
			lookup | (flags & FAN_MARK_ONLYDIR ? LOOKUP_DIRECTORY : 0), path);
	}
	if (err)
		return err;
	err = path_permission(path, MAY_READ);
	if (err)
		path_put(path);
	return err;
}

/*
 * Checks whether events can name files by handles. Returns 0 or -errno. A file system that cannot
 * find a file by its handle still allows marks on single files; their handles then only distinguish
 * files.
 */
static int check_fid(const struct mark_call *c, const struct inode *inode)
{
	u32 fsid[2];

	if (c->type != FAN_ON_INODE && !inode_has_handle(inode))
		return -EOPNOTSUPP;
	return fan_fsid(inode->i_sb, fsid);
}

/* Checks whether this type of object may have the mark. Returns 0 or -errno. */
static int check_object(const struct fan_group *g, const struct mark_call *c, const struct path *p)
{
	const struct inode *inode = p->dentry->d_inode;
	bool dir = S_ISDIR(inode->i_mode);

	/* The listener may need /proc to answer, and would then wait for itself. */
	if ((c->mask & FAN_PERM_EVENTS) && inode->i_sb->s_magic == PROC_SUPER_MAGIC)
		return -EINVAL;
	if (c->type != FAN_ON_INODE &&
		((p->dentry->d_flags & DCACHE_PSEUDO) || (inode->i_sb->s_iflags & SB_I_NOUSER)))
		return -EINVAL; /* the internal mount of pipes or sockets */
	if (c->type == FAN_ON_INODE && !dir &&
		((g->flags & FAN_REPORT_TARGET_FID) || (c->flags & FAN_MARK_IGNORE) ||
			(c->mask & FAN_RENAME)) &&
		(c->mask & (FAN_DIRENT_EVENTS | EVENT_FLAGS)))
		return -ENOTDIR;
	return 0;
}

static int check_ignore(const struct mark_call *c, const struct inode *inode)
{
	if (!(c->flags & FAN_MARK_IGNORE) || (c->flags & FAN_MARK_IGNORED_SURV_MODIFY))
		return 0;
	if (c->type != FAN_ON_INODE)
		return -EINVAL;
	return S_ISDIR(inode->i_mode) ? -EISDIR : 0;
}

/*
 * Makes the checks of a mark in Linux's order. Returns 0 or -errno. A mark that is being removed
 * was checked when it was added.
 */
static int check_path(const struct fan_group *g, const struct mark_call *c, const struct path *p)
{
	const struct inode *inode = p->dentry->d_inode;
	bool adds = c->flags & FAN_MARK_ADD;
	int err = adds ? check_object(g, c, p) : 0;

	if (!err && (g->flags & FAN_FID_BITS))
		err = check_fid(c, inode);
	return !err && adds ? check_ignore(c, inode) : err;
}

static int add_bits(struct fan_mark *m, const struct mark_call *c)
{
	/* FAN_MARK_IGNORED_MASK is refused after the mark has used FAN_MARK_IGNORE. */
	if ((c->flags & FAN_MARK_IGNORED_MASK) && (m->flags & FAN_MARK_IGNORE))
		return -EEXIST;
	if ((c->flags & FAN_MARK_EVICTABLE) && !(m->flags & FAN_MARK_EVICTABLE))
		return -EEXIST;
	if (!(c->flags & IGNORE_BITS)) {
		m->mask |= c->mask;
		return 0;
	}
	if ((m->flags & FAN_MARK_IGNORED_SURV_MODIFY) &&
		!(c->flags & FAN_MARK_IGNORED_SURV_MODIFY) && (c->flags & FAN_MARK_IGNORE))
		return -EEXIST;
	m->flags |= c->flags & (FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_IGNORE);
	m->ignored |= c->mask;
	return 0;
}

static int add_mark(struct fan_group *g, const void *object, const struct mark_call *c)
{
	struct fan_mark *m = mark_find(g, object);
	bool fresh = !m;

	if (fresh)
		m = mark_new(g, object, c->type, c->flags);
	if (IS_ERR(m))
		return (int)PTR_ERR(m);
	/* A mark that stops being evictable takes a reference to the inode. */
	if (!fresh && m->type == FAN_ON_INODE && (m->flags & FAN_MARK_EVICTABLE) &&
		!(c->flags & FAN_MARK_EVICTABLE)) {
		m->flags &= ~(u32)FAN_MARK_EVICTABLE;
		ihold((struct inode *)object);
	}
	return add_bits(m, c); /* does not fail for a new mark */
}

static int remove_bits(
	struct fan_group *g, const void *object, const struct mark_call *c, struct inode **put)
{
	struct fan_mark *m = mark_find(g, object);

	if (!m)
		return -ENOENT;
	if (c->flags & IGNORE_BITS)
		m->ignored &= ~c->mask;
	else
		m->mask &= ~c->mask;
	if (!(m->mask & ~(u32)EVENT_FLAGS) && !(m->ignored & ~(u32)EVENT_FLAGS))
		*put = mark_free(m);
	return 0;
}

static int do_mark(struct fan_group *g, const struct path *path, const struct mark_call *c)
{
	struct inode *inode = path->dentry->d_inode, *put = NULL;
	const void *object = c->type == FAN_ON_MOUNT ? (const void *)path->mnt :
			     c->type == FAN_ON_SB    ? (const void *)inode->i_sb :
						       (const void *)inode;
	int err = check_path(g, c, path);

	if (err)
		return err;
	mutex_lock(&fanotify_lock);
	err = c->flags & FAN_MARK_ADD ? add_mark(g, object, c) : remove_bits(g, object, c, &put);
	mutex_unlock(&fanotify_lock);
	if (put)
		iput(put);
	return err;
}

static int mark_in_group(struct fan_group *g, const struct mark_call *c, int dfd, uaddr_t name)
{
	struct path path;
	int err = check_with_group(g, c);

	if (err)
		return err;
	if (c->flags & FAN_MARK_FLUSH) {
		flush_marks(g, (int)c->type);
		return 0;
	}
	err = find_path(dfd, name, c->flags, &path);
	if (err)
		return err;
	err = do_mark(g, &path, c);
	path_put(&path);
	return err;
}

long sys_fanotify_mark(int fd, int flags, u64 mask, int dfd, uaddr_t name)
{
	struct mark_call c = { .flags = (u32)flags, .mask = (u32)mask };
	struct file *f;
	int err = check_mark((u32)flags, mask);

	if (err)
		return err;
	c.type = type_of(c.flags);
	if (c.flags & FAN_MARK_IGNORED_MASK)
		c.mask &= ~(u32)EVENT_FLAGS; /* FAN_MARK_IGNORED_MASK has no flags */
	f = fget(fd);
	if (!f)
		return -EBADF;
	err = f->f_op == &fanotify_fops ? mark_in_group(f->private_data, &c, dfd, name) : -EINVAL;
	fput(f);
	return err;
}

static const struct sysctl sysctls[] = {
	SYSCTL_NUM("fs/fanotify/max_queued_events", max_queued_events, 0, 0x7fffffff),
	SYSCTL_BIG("fs/fanotify/max_user_groups", init_user_ns.ucount_max[UCOUNT_FANOTIFY_GROUPS],
		0, 0x7fffffff),
	SYSCTL_BIG("fs/fanotify/max_user_marks", init_user_ns.ucount_max[UCOUNT_FANOTIFY_MARKS], 0,
		0x7fffffff),
};

static int fanotify_sysctl_init(void)
{
	return sysctl_register(sysctls, ARRAY_SIZE(sysctls));
}
INITCALL(4, fanotify_sysctl_init);
