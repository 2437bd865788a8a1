/* SPDX-License-Identifier: MIT */
/*
 * landlock.c: rule sets: landlock_create_ruleset(2), landlock_add_rule(2),
 * landlock_restrict_self(2).
 *
 * A rule set is a file: the rights that it handles, and rules that grant some of them below a file
 * or at a port. landlock_restrict_self(2) makes a layer from a copy of the set, so rules that are
 * added to the set later change no domain.
 *
 * A rule holds a reference to its inode (in proc also to its dentry: see object_new()) until the
 * last copy of the rule is freed or the file system is unmounted (landlock_sb_gone). So a file that
 * was removed keeps its blocks as long as a rule names it, as on Linux.
 *
 * Locks: ruleset->lock (sleeps) -> objects_lock (spins). objects_lock is never held over iput():
 * the last iput() of a removed file frees its blocks, which may take long or never end on a dead
 * file system. landlock_sb_gone() waits until all running calls of iput() for rules have returned,
 * so that afterwards no rule holds an inode of the superblock.
 */
#include "gen/syscalls.h"
#include "kernel/vfs/landlock/landlock_rules.h"

/* Rules are charged to the memory group. There is no other limit to their number. */
#define LL_GFP (GFP_KERNEL | __GFP_ACCOUNT)
#define CREATE_VERSION 1
#define CREATE_ERRATA 2
/*
 * Bitmask of the errata of Linux's Landlock that are fixed here: erratum 1 (rules for ports concern
 * TCP only) and erratum 2 (threads of a process may signal each other).
 */
#define ERRATA 3
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

struct ruleset {
	struct mutex lock; /* for the rules */
	u32 fs, net, scope;
	struct ll_rules files, ports;
};

struct ruleset_attr {
	u64 fs, net, scope;
};
struct path_beneath_attr {
	u64 access;
	s32 fd;
} __attribute__((packed));
struct net_port_attr {
	u64 access, port;
};

/* ---- objects ---- */

/* Number of objects handled before objects_lock is dropped: programs choose how many there are. */
#define AT_A_TIME 256

/* Protects the objects, and each superblock's list of them, s_ruled. */
static DEFINE_SPINLOCK(objects_lock);
/*
 * Objects that were taken off their superblock's list, and whose inodes another task is dropping.
 * Under objects_lock.
 */
static LIST_HEAD(puts);
static DECLARE_WAIT_QUEUE_HEAD(puts_done); /* an object left @puts */

static struct ll_object *object_get_locked(struct ll_object *o)
{
	o->usage++;
	return o;
}

/* Drops a reference. The last one drops the inode, so this may sleep. */
static void object_put(struct ll_object *o)
{
	bool last;

	spin_lock(&objects_lock);
	last = --o->usage == 0;
	if (last)
		list_move(&o->list, &puts);
	spin_unlock(&objects_lock);
	if (!last)
		return;
	dput(o->dentry);
	iput(o->inode);
	spin_lock(&objects_lock);
	list_del(&o->list);
	spin_unlock(&objects_lock);
	wake_up_all(&puts_done);
	kfree(o);
}

/*
 * Makes the object of a file. On file systems that do not cache names (proc) it also keeps the
 * dentry: otherwise a later lookup would make another inode, which has no rule.
 */
static struct ll_object *object_new(struct dentry *d)
{
	struct inode *inode = d->d_inode;
	struct ll_object *o = kzalloc(sizeof(*o), LL_GFP);

	if (!o)
		return NULL;
	o->usage = 1;
	ihold(inode);
	o->inode = inode;
	if (d->d_op && d->d_op->d_delete)
		o->dentry = dget(d);
	o->sb = inode->i_sb;
	spin_lock(&objects_lock);
	list_add(&o->list, &o->sb->s_ruled);
	spin_unlock(&objects_lock);
	return o;
}

/*
 * Moves at most AT_A_TIME objects of @sb from the superblock's list to @taken, each with a
 * reference. Clears their inodes and dentries, whose references the caller drops (going,
 * going_dentry). Returns true if there were any objects.
 */
static bool objects_take(struct super_block *sb, struct list_head *taken)
{
	struct ll_object *o;

	spin_lock(&objects_lock);
	for (u32 n = 0; n < AT_A_TIME && !list_empty(&sb->s_ruled); n++) {
		o = list_first_entry(&sb->s_ruled, struct ll_object, list);
		object_get_locked(o);
		o->going = o->inode;
		o->going_dentry = o->dentry;
		WRITE_ONCE(o->inode, NULL);
		o->dentry = NULL;
		list_move(&o->list, taken);
	}
	spin_unlock(&objects_lock);
	return !list_empty(taken);
}

static bool puts_under_way(struct super_block *sb)
{
	struct ll_object *o;
	bool any = false;

	spin_lock(&objects_lock);
	list_for_each_entry(o, &puts, list)
		any |= o->sb == sb;
	spin_unlock(&objects_lock);
	return any;
}

void landlock_sb_gone(struct super_block *sb)
{
	struct ll_object *o, *next;
	LIST_HEAD(taken);

	while (objects_take(sb, &taken))
		list_for_each_entry_safe(o, next, &taken, list) {
			dput(o->going_dentry);
			iput(o->going);
			/* Needs no lock: the object is on no shared list any more. */
			list_del_init(&o->list);
			object_put(o);
			cond_resched();
		}
	wait_event(&puts_done, !puts_under_way(sb));
}

/* ---- rules ---- */

/* Returns the index of @key, or the index at which it would be inserted. */
static u32 place_of(const struct ll_rules *r, u64 key)
{
	u32 lo = 0, hi = r->nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (r->v[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * Returns the rule for @key and @inode, or NULL. Several rules may have one key: when a file system
 * is unmounted, another inode may later have the same address.
 */
static struct ll_rule *rule_of(const struct ll_rules *r, u64 key, const struct inode *inode)
{
	for (u32 i = place_of(r, key); i < r->nr && r->v[i].key == key; i++)
		if (!inode || READ_ONCE(r->v[i].obj->inode) == inode)
			return &r->v[i];
	return NULL;
}

u32 ll_find(const struct ll_rules *r, u64 key, const struct inode *inode)
{
	const struct ll_rule *rule = rule_of(r, key, inode);

	return rule ? rule->access : 0;
}

static int rules_grow(struct ll_rules *r)
{
	u32 room = r->room ? 2 * r->room : 8;
	struct ll_rule *v;

	if (r->nr < r->room)
		return 0;
	if (room > (~0U) / 4 / sizeof(*v))
		return -E2BIG;
	v = kmalloc(room * sizeof(*v), LL_GFP);
	if (!v)
		return -ENOMEM;
	if (r->nr)
		memcpy(v, r->v, r->nr * sizeof(*v));
	kfree(r->v);
	r->v = v;
	r->room = room;
	return 0;
}

/*
 * Grants @access at @key, in addition to the rights granted before. The set's lock is held. Returns
 * 0 or -errno.
 */
static int rules_add(struct ll_rules *r, u64 key, struct dentry *d, u32 access)
{
	struct ll_rule *there = rule_of(r, key, d ? d->d_inode : NULL);
	struct ll_object *o = NULL;
	u32 at;
	int err;

	if (there) {
		there->access |= access;
		return 0;
	}
	err = rules_grow(r);
	if (err)
		return err;
	if (d) {
		o = object_new(d);
		if (!o)
			return -ENOMEM;
	}
	at = place_of(r, key);
	memmove(&r->v[at + 1], &r->v[at], (r->nr - at) * sizeof(r->v[0]));
	r->v[at] = (struct ll_rule){ key, o, access };
	r->nr++;
	return 0;
}

static void objects_get(const struct ll_rule *v, u32 n)
{
	spin_lock(&objects_lock);
	for (; n; n--, v++)
		if (v->obj)
			object_get_locked(v->obj);
	spin_unlock(&objects_lock);
}

int ll_copy(struct ll_rules *to, const struct ll_rules *from)
{
	*to = (struct ll_rules){ NULL, 0, 0 };
	if (!from->nr)
		return 0;
	to->v = kmemdup(from->v, from->nr * sizeof(from->v[0]), LL_GFP);
	if (!to->v)
		return -ENOMEM;
	to->nr = to->room = from->nr;
	for (u32 i = 0; i < to->nr; i += AT_A_TIME) {
		/* The objects cannot be freed meanwhile, since @from has references to them. */
		objects_get(to->v + i, min(to->nr - i, (u32)AT_A_TIME));
		cond_resched();
	}
	return 0;
}

void ll_free(struct ll_rules *r)
{
	for (u32 i = 0; i < r->nr; i++) {
		if (r->v[i].obj)
			object_put(r->v[i].obj);
		cond_resched();
	}
	kfree(r->v);
	*r = (struct ll_rules){ NULL, 0, 0 };
}

/* ---- the rule set as a file ---- */

static int ruleset_release(struct inode *inode, struct file *f)
{
	struct ruleset *r = f->private_data;

	ll_free(&r->files);
	ll_free(&r->ports);
	kfree(r);
	return 0;
}

static ssize_t ruleset_io(struct file *f, struct iov_iter *it, loff_t *pos)
{
	return -EINVAL;
}

static const struct file_operations ruleset_fops = {
	.read_iter = ruleset_io,
	.write_iter = ruleset_io,
	.release = ruleset_release,
};

static struct ruleset *ruleset_of(const struct file *f)
{
	return f->f_op == &ruleset_fops ? f->private_data : ERR_PTR(-EBADFD);
}

static int read_attr(struct ruleset_attr *a, uaddr_t attr, size_t size)
{
	if (!attr.v)
		return -EFAULT;
	if (size < sizeof(a->fs))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	memset(a, 0, sizeof(*a));
	return copy_struct_from_user(a, sizeof(*a), attr, size);
}

static long about(int flags)
{
	switch (flags) {
	case CREATE_VERSION: return LANDLOCK_ABI;
	case CREATE_ERRATA: return ERRATA;
	default: return -EINVAL;
	}
}

long sys_landlock_create_ruleset(uaddr_t attr, size_t size, int flags)
{
	struct ruleset_attr a;
	struct ruleset *r;
	long fd;
	int err;

	if (flags)
		return attr.v || size ? -EINVAL : about(flags);
	err = read_attr(&a, attr, size);
	if (err)
		return err;
	if ((a.fs & ~(u64)LL_FS_ALL) || (a.net & ~(u64)LL_NET_ALL) ||
		(a.scope & ~(u64)LL_SCOPE_ALL))
		return -EINVAL;
	if (!a.fs && !a.net && !a.scope)
		return -ENOMSG;
	r = kzalloc(sizeof(*r), LL_GFP);
	if (!r)
		return -ENOMEM;
	mutex_init(&r->lock);
	r->fs = (u32)a.fs;
	r->net = (u32)a.net;
	r->scope = (u32)a.scope;
	fd = anon_fd("[landlock-ruleset]", &ruleset_fops, r, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		kfree(r);
	return fd;
}

/* ---- adding ---- */

/* Gets the file to which a rule applies. Refuses a file outside every tree. Returns 0 or -errno. */
static int rule_file(int fd, struct fd *to)
{
	struct fd f = fdget_raw(fd);
	const struct dentry *d;

	if (!f.file)
		return -EBADF;
	d = f.file->f_path.dentry;
	if (f.file->f_op == &ruleset_fops || (d->d_flags & DCACHE_PSEUDO) ||
		(d->d_sb->s_iflags & SB_I_NOUSER) || (d->d_inode->i_flags & S_PRIVATE)) {
		fdput(f);
		return -EBADFD;
	}
	*to = f;
	return 0;
}

/*
 * Reads a rule from guest memory and checks its rights, with which both types of rule begin.
 * Returns 0 or -errno.
 */
static int read_rule(void *to, size_t size, uaddr_t attr, u32 handled)
{
	u64 access;

	if (copy_from_user(to, attr, size))
		return -EFAULT;
	memcpy(&access, to, sizeof(access));
	if (!access)
		return -ENOMSG;
	return access & ~(u64)handled ? -EINVAL : 0;
}

static int add_locked(struct ruleset *r, struct ll_rules *to, u64 key, struct dentry *d, u64 access)
{
	int err;

	mutex_lock(&r->lock);
	err = rules_add(to, key, d, (u32)access);
	mutex_unlock(&r->lock);
	return err;
}

static int add_path(struct ruleset *r, uaddr_t attr)
{
	struct path_beneath_attr a;
	struct dentry *d;
	struct fd f;
	int err = read_rule(&a, sizeof(a), attr, r->fs);

	if (!err)
		err = rule_file(a.fd, &f);
	if (err)
		return err;
	d = f.file->f_path.dentry;
	if (!is_dir(d->d_inode) && (a.access & ~(u64)LL_FS_FILE))
		err = -EINVAL;
	else
		err = add_locked(r, &r->files, (u64)d->d_inode, d, a.access);
	fdput(f);
	return err;
}

static int add_port(struct ruleset *r, uaddr_t attr)
{
	struct net_port_attr a;
	int err = read_rule(&a, sizeof(a), attr, r->net);

	if (!err && a.port > 0xffff)
		err = -EINVAL;
	return err ? err : add_locked(r, &r->ports, a.port, NULL, a.access);
}

long sys_landlock_add_rule(int fd, int type, uaddr_t attr, int flags)
{
	struct ruleset *r;
	struct fd f;
	long err;

	if (flags)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	r = ruleset_of(f.file);
	if (IS_ERR(r))
		err = PTR_ERR(r);
	else if (type == RULE_PATH_BENEATH)
		err = add_path(r, attr);
	else
		err = type == RULE_NET_PORT ? add_port(r, attr) : -EINVAL;
	fdput(f);
	return err;
}

/* ---- restricting ---- */

/*
 * Makes @d, with one reference, a layer with the rules of @r on top of @parent, which may be NULL.
 * Returns 0 or -ENOMEM; in both cases the caller must drop the reference to @d.
 */
static int domain_fill(struct landlock_domain *d, struct ruleset *r, struct landlock_domain *parent)
{
	int err;

	atomic_set(&d->usage, 1);
	d->depth = parent ? parent->depth + 1 : 1;
	/*
	 * By default no file may be moved to another directory, so each layer that handles a right
	 * of files also handles LL_REFER.
	 */
	d->fs = r->fs ? r->fs | LL_REFER : 0;
	d->net = r->net;
	d->scope = r->scope;
	d->any_fs = d->fs | (parent ? parent->any_fs : 0);
	d->any_net = d->net | (parent ? parent->any_net : 0);
	mutex_lock(&r->lock);
	err = ll_copy(&d->files, &r->files);
	if (!err)
		err = ll_copy(&d->ports, &r->ports);
	mutex_unlock(&r->lock);
	d->parent = landlock_get(parent);
	return err;
}

static int restrict_to(struct ruleset *r)
{
	struct landlock_domain *d, *parent;
	struct cred *c = prepare_creds();
	int err;

	if (!c)
		return -ENOMEM;
	parent = c->landlock;
	err = -E2BIG;
	if (parent && parent->depth >= LANDLOCK_LAYERS)
		goto err_abort;
	err = -ENOMEM;
	d = kzalloc(sizeof(*d), LL_GFP);
	if (!d)
		goto err_abort;
	err = domain_fill(d, r, parent);
	c->landlock = d;
	landlock_put(parent);
	if (!err)
		return commit_creds(c);
err_abort:
	abort_creds(c);
	return err;
}

long sys_landlock_restrict_self(int fd, int flags)
{
	struct ruleset *r;
	struct fd f;
	long err;

	if (!current->no_new_privs && !ns_capable(current_user_ns(), CAP_SYS_ADMIN))
		return -EPERM;
	if (flags)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	r = ruleset_of(f.file);
	err = IS_ERR(r) ? PTR_ERR(r) : restrict_to(r);
	fdput(f);
	return err;
}
