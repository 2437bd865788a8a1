/* SPDX-License-Identifier: MIT */
/*
 * acl.c: POSIX access control lists (acl(5); the withdrawn POSIX 1003.1e draft 17).
 *
 * A list has entries for the owner, the group and others, as the mode has, and for further users
 * and groups that it names. If it names any, it has a mask, and the mode's group bits are that
 * mask. So programs that know only the mode see, and set with chmod(2), the maximum that a named
 * user or group gets. New files in a directory begin with its default list.
 *
 * States of i_acl and i_default_acl: ACL_UNREAD --acl_cached()--> marked (odd, the reader's own)
 * --> a list or NULL --acl_changed()--> ACL_UNREAD. A reader that finds another reader's mark, or
 * whose own mark was overwritten by a change, uses the list that it has read but does not cache it
 * in the inode.
 *
 * Invariants:
 * 1. A cached list is immutable; it is freed after a grace period, so a reader that does not sleep
 *    needs no reference.
 * 2. Each list passed valid(): before it was stored, or when it was read from a disk.
 *
 * Locks: changes are made with i_rwsem held; readers take no lock.
 */
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>

#include "kernel/vfs/xattr/acl.h"
#include "kernel/vfs/idmap.h"

struct acl_entry {
	u16 tag, perm;
	/* A kuid or kgid in entries of ACL_USER and ACL_GROUP. */
	u32 id;
};

struct posix_acl {
	struct rcu_head rcu;
	u32 n;
	struct acl_entry e[];
};

/* Maximum number of entries of a list. Linux limits only the size of the attribute. */
#define MAX_ENTRIES 4096
#define TEXT_SIZE(n)                                                                               \
	(sizeof(struct posix_acl_xattr_header) + (n) * sizeof(struct posix_acl_xattr_entry))

static bool is_default(const char *name)
{
	return !strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT);
}

bool is_acl_name(const char *name)
{
	return is_default(name) || !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS);
}

static bool keeps_acls(const struct inode *inode)
{
	return (inode->i_sb->s_iflags & SB_I_POSIXACL) && !S_ISLNK(inode->i_mode);
}

static struct posix_acl *acl_alloc(u32 n)
{
	struct posix_acl *acl = kmalloc(sizeof(*acl) + n * sizeof(acl->e[0]), GFP_KERNEL);

	if (acl)
		acl->n = n;
	return acl;
}

/* ---- lists and their attributes ---- */

/*
 * True if the entries are in the order owner, users, group, groups, mask, others, each with valid
 * bits. There must be a mask if any user or group is named.
 */
static bool valid(const struct posix_acl *acl)
{
	/*
	 * The tag expected next. At ACL_USER, ACL_GROUP_OBJ may come as well. 0: the list is
	 * complete.
	 */
	u16 next = ACL_USER_OBJ;
	bool named = false;

	for (u32 i = 0; i < acl->n; i++) {
		const struct acl_entry *e = &acl->e[i];

		if (e->perm & ~7)
			return false;
		if (e->tag == ACL_USER_OBJ && next == ACL_USER_OBJ)
			next = ACL_USER;
		else if (e->tag == ACL_GROUP_OBJ && next == ACL_USER)
			next = ACL_GROUP;
		else if ((e->tag == ACL_USER || e->tag == ACL_GROUP) && e->tag == next)
			named = true;
		else if (e->tag == ACL_MASK && next == ACL_GROUP)
			next = ACL_OTHER;
		else if (e->tag == ACL_OTHER &&
			 (next == ACL_OTHER || (next == ACL_GROUP && !named)))
			next = 0;
		else
			return false;
	}
	return !next;
}

/*
 * Parses one entry of the attribute. Returns 0 or -EINVAL. @ns maps its ids; if @ns is NULL, they
 * are the ids of the kernel itself.
 */
static int parse_entry(
	struct acl_entry *e, const struct posix_acl_xattr_entry *x, const struct user_namespace *ns)
{
	*e = (struct acl_entry){ .tag = x->e_tag, .perm = x->e_perm, .id = ACL_UNDEFINED_ID };
	switch (e->tag) {
	case ACL_USER: e->id = ns ? make_kuid(ns, x->e_id) : x->e_id; break;
	case ACL_GROUP: e->id = ns ? make_kgid(ns, x->e_id) : x->e_id; break;
	case ACL_USER_OBJ:
	case ACL_GROUP_OBJ:
	case ACL_MASK:
	case ACL_OTHER: return 0;
	default: return -EINVAL;
	}
	return e->id == (u32)-1 ? -EINVAL : 0;
}

/*
 * Parses an attribute. Returns the list, NULL if the attribute has no entries, which means that
 * there is no list, or ERR_PTR.
 */
static struct posix_acl *parse(const void *value, size_t size, const struct user_namespace *ns)
{
	const struct posix_acl_xattr_header *h = value;
	const struct posix_acl_xattr_entry *x = (const void *)(h + 1);
	struct posix_acl *acl;
	size_t n;
	int err = 0;

	if (size < sizeof(*h))
		return ERR_PTR(-EINVAL);
	if (h->a_version != POSIX_ACL_XATTR_VERSION)
		return ERR_PTR(-EOPNOTSUPP);
	n = (size - sizeof(*h)) / sizeof(*x);
	if ((size - sizeof(*h)) % sizeof(*x) || n > MAX_ENTRIES)
		return ERR_PTR(-EINVAL);
	if (!n)
		return NULL;
	acl = acl_alloc((u32)n);
	if (!acl)
		return ERR_PTR(-ENOMEM);
	for (size_t i = 0; i < n && !err; i++)
		err = parse_entry(&acl->e[i], &x[i], ns);
	if (!err)
		return acl;
	kfree(acl);
	return ERR_PTR(err);
}

/* Returns the attribute of a list, in memory that the caller frees, or NULL without memory. */
static void *print(const struct posix_acl *acl, const struct user_namespace *ns)
{
	struct posix_acl_xattr_header *h = kmalloc(TEXT_SIZE(acl->n), GFP_KERNEL);
	struct posix_acl_xattr_entry *x = h ? (void *)(h + 1) : NULL;

	if (!h)
		return NULL;
	h->a_version = POSIX_ACL_XATTR_VERSION;
	for (u32 i = 0; i < acl->n; i++) {
		const struct acl_entry *e = &acl->e[i];

		x[i].e_tag = e->tag;
		x[i].e_perm = e->perm;
		x[i].e_id = e->id;
		if (ns && e->tag == ACL_USER)
			x[i].e_id = from_kuid(ns, e->id);
		else if (ns && e->tag == ACL_GROUP)
			x[i].e_id = from_kgid(ns, e->id);
	}
	return h;
}

/* ---- lists of the file system ---- */

static const char *name_of(bool dflt)
{
	return dflt ? XATTR_NAME_POSIX_ACL_DEFAULT : XATTR_NAME_POSIX_ACL_ACCESS;
}

/*
 * Tries once to read the list. Returns the list, NULL or ERR_PTR; -ERANGE: the attribute grew
 * between the reads of its size and its content.
 */
static struct posix_acl *acl_try_read(struct inode *inode, bool dflt)
{
	const char *name = name_of(dflt);
	struct posix_acl *acl;
	ssize_t n = vfs_getxattr(inode, name, NULL, 0);
	void *value;

	if (n == -ENODATA || n == -EOPNOTSUPP)
		return NULL;
	if (n < 0)
		return ERR_PTR(n);
	value = kmalloc(max((size_t)n, (size_t)1), GFP_KERNEL);
	if (!value)
		return ERR_PTR(-ENOMEM);
	n = vfs_getxattr(inode, name, value, (size_t)n);
	if (n == -ENODATA)
		acl = NULL;
	else
		acl = n < 0 ? ERR_PTR(n) : parse(value, (size_t)n, NULL);
	kfree(value);
	if (!IS_ERR_OR_NULL(acl) && !valid(acl)) {
		kfree(acl);
		acl = ERR_PTR(-EIO);
	}
	return acl;
}

/*
 * Reads a list from the file system. Returns the list, which the caller frees; NULL if there is
 * none; or ERR_PTR.
 */
static struct posix_acl *acl_read(struct inode *inode, bool dflt)
{
	struct posix_acl *acl;

	do {
		acl = acl_try_read(inode, dflt);
	} while (acl == ERR_PTR(-ERANGE));
	return acl;
}

static int acl_write(struct inode *inode, bool dflt, const struct posix_acl *acl)
{
	void *value = NULL;
	int err;

	if (!inode->i_op->setxattr)
		return -EOPNOTSUPP;
	if (acl) {
		value = print(acl, NULL);
		if (!value)
			return -ENOMEM;
	}
	err = inode->i_op->setxattr(inode, name_of(dflt), value, acl ? TEXT_SIZE(acl->n) : 0, 0);
	kfree(value);
	return err == -ENODATA ? 0 : err;
}

static void acl_free_rcu(struct rcu_head *h)
{
	kfree(container_of(h, struct posix_acl, rcu));
}

static void let_go(struct posix_acl *acl)
{
	if (acl && !acl_unread(acl))
		call_rcu(&acl->rcu, acl_free_rcu);
}

void acl_changed(struct inode *inode)
{
	let_go(xchg(&inode->i_acl, ACL_UNREAD));
	let_go(xchg(&inode->i_default_acl, ACL_UNREAD));
}

void acl_free(struct inode *inode)
{
	if (!acl_unread(inode->i_acl))
		kfree(inode->i_acl);
	if (!acl_unread(inode->i_default_acl))
		kfree(inode->i_default_acl);
}

/*
 * Returns the list in @slot, after reading it if needed. NULL: there is no list. Returns ERR_PTR on
 * failure. The list is valid until the caller sleeps.
 */
static const struct posix_acl *acl_cached(struct inode *inode, struct posix_acl **slot)
{
	struct posix_acl *acl = READ_ONCE(*slot), *mark = (void *)((u64)&mark | 1), *old;

	if (!acl_unread(acl))
		return acl;
	old = cmpxchg(slot, ACL_UNREAD, mark);
	acl = acl_read(inode, slot == &inode->i_default_acl);
	if (old == ACL_UNREAD && cmpxchg(slot, mark, IS_ERR(acl) ? ACL_UNREAD : acl) == mark)
		return acl;
	if (!IS_ERR(acl))
		let_go(acl);
	return acl;
}

/* ---- permission checks ---- */

static bool gives(const struct posix_acl *acl, const struct acl_entry *e, u16 want)
{
	u16 perm = e->perm;

	if (e->tag != ACL_OTHER)
		for (const struct acl_entry *m = e; m < acl->e + acl->n; m++)
			if (m->tag == ACL_MASK)
				perm &= m->perm;
	return (perm & want) == want;
}

int acl_permission(struct inode *inode, int mask)
{
	const struct posix_acl *acl;
	u16 want = (u16)(mask & (MAY_READ | MAY_WRITE | MAY_EXEC));
	bool found = false, mine;

	if (!keeps_acls(inode) || !(inode->i_mode & S_IRWXG))
		return -EAGAIN;
	acl = acl_cached(inode, &inode->i_acl);
	if (IS_ERR_OR_NULL(acl))
		return acl ? (int)PTR_ERR(acl) : -EAGAIN;
	for (const struct acl_entry *e = acl->e; e < acl->e + acl->n; e++)
		switch (e->tag) {
		case ACL_USER:
			if (sb_seen_uid(inode->i_sb, e->id) == current_fsuid())
				return gives(acl, e, want) ? 0 : -EACCES;
			break;
		case ACL_GROUP_OBJ:
		/* The first of current's groups whose entry grants all requested rights decides. */
		case ACL_GROUP:
			mine = in_kept_group(inode, e->tag == ACL_GROUP ? e->id : inode->i_gid);
			found |= mine;
			if (mine && (e->perm & want) == want)
				return gives(acl, e, want) ? 0 : -EACCES;
			break;
		case ACL_OTHER: return !found && gives(acl, e, want) ? 0 : -EACCES;
		}
	return -EIO;
}

/* ---- the attributes ---- */

/*
 * Translates the ids of a list in place by the functions @uid and @gid: sb_seen_*() turn stored ids
 * into those that current sees, sb_kept_*() do the reverse. Does nothing unless current works
 * through an id-mapped mount. Returns false if an id has no counterpart.
 */
static bool translate(struct posix_acl *acl, const struct super_block *sb,
	kuid_t (*uid)(const struct super_block *, kuid_t),
	kgid_t (*gid)(const struct super_block *, kgid_t))
{
	bool all = true;

	if (!acl || likely(!current->idmap))
		return true;
	for (struct acl_entry *e = acl->e; e < acl->e + acl->n; e++) {
		if (e->tag != ACL_USER && e->tag != ACL_GROUP)
			continue;
		e->id = e->tag == ACL_USER ? uid(sb, e->id) : gid(sb, e->id);
		all = all && uid_valid(e->id);
	}
	return all;
}

void acl_value_seen(const struct mount *m, void *value, size_t size)
{
	struct posix_acl_xattr_header *h = value;
	struct posix_acl_xattr_entry *x = (void *)(h + 1);

	if (likely(!m->mnt_idmap))
		return;
	for (; (char *)(x + 1) <= (char *)value + size; x++) {
		if (x->e_tag == ACL_USER)
			x->e_id = mnt_seen_uid(m, x->e_id);
		else if (x->e_tag == ACL_GROUP)
			x->e_id = mnt_seen_gid(m, x->e_id);
	}
}

ssize_t acl_get(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct posix_acl *acl;
	void *value = NULL;
	ssize_t n;

	if (!keeps_acls(inode))
		return -EOPNOTSUPP;
	acl = acl_read(inode, is_default(name));
	if (IS_ERR_OR_NULL(acl))
		return acl ? PTR_ERR(acl) : -ENODATA;
	translate(acl, inode->i_sb, sb_seen_uid, sb_seen_gid);
	n = (ssize_t)TEXT_SIZE(acl->n);
	if (buf && (size_t)n > size)
		n = -ERANGE;
	if (buf && n > 0) {
		value = print(acl, current_user_ns());
		if (value)
			memcpy(buf, value, (size_t)n);
		else
			n = -ENOMEM;
	}
	kfree(value);
	kfree(acl);
	return n;
}

/*
 * Sets the permission bits of *mode to those that @acl stands for. Returns true if the list has no
 * mask: then it names no user or group, and the mode alone expresses it.
 */
static bool mode_of(const struct posix_acl *acl, umode_t *mode)
{
	umode_t bits = 0, mask = 0;
	bool masked = false;

	for (u32 i = 0; i < acl->n; i++)
		switch (acl->e[i].tag) {
		case ACL_USER_OBJ: bits |= (umode_t)(acl->e[i].perm << 6); break;
		case ACL_GROUP_OBJ: bits |= (umode_t)(acl->e[i].perm << 3); break;
		case ACL_OTHER: bits |= acl->e[i].perm; break;
		case ACL_MASK: mask = acl->e[i].perm; masked = true;
		}
	if (masked)
		bits = (bits & ~(umode_t)S_IRWXG) | (umode_t)(mask << 3);
	*mode = (*mode & ~(umode_t)S_IRWXUGO) | bits;
	return !masked;
}

static int set_access(struct dentry *d, const struct posix_acl *acl)
{
	struct inode *inode = d->d_inode;
	struct iattr a = { .ia_valid = ATTR_MODE | ATTR_CTIME,
		.ia_mode = inode->i_mode & S_IALLUGO };
	int err;

	if (!acl)
		return acl_write(inode, false, NULL);
	if (mode_of(acl, &a.ia_mode))
		acl = NULL;
	/* As in chmod(2), since the list changes the mode. */
	if (!in_kept_group(inode, inode->i_gid) && !capable_wrt_inode(inode, CAP_FSETID))
		a.ia_mode &= ~(umode_t)S_ISGID;
	a.ia_ctime = current_time(inode);
	err = acl_write(inode, false, acl);
	return err || !inode->i_op->setattr ? err : inode->i_op->setattr(d, &a);
}

static int set_checked(struct dentry *d, bool dflt, const struct posix_acl *acl)
{
	struct inode *inode = d->d_inode;

	if (!keeps_acls(inode))
		return -EOPNOTSUPP;
	if (dflt && !is_dir(inode))
		return acl ? -EACCES : 0;
	if (!inode_owner_or_capable(inode))
		return -EPERM;
	if (acl && !valid(acl))
		return -EINVAL;
	return dflt ? acl_write(inode, true, acl) : set_access(d, acl);
}

int acl_set(struct dentry *d, const char *name, const void *value, size_t size)
{
	struct posix_acl *acl = NULL;
	int err;

	assert_rwsem_held_write(&d->d_inode->i_rwsem);
	if (value && size) {
		acl = parse(value, size, current_user_ns());
		if (IS_ERR(acl))
			return (int)PTR_ERR(acl);
	}
	if (translate(acl, d->d_inode->i_sb, sb_kept_uid, sb_kept_gid))
		err = set_checked(d, is_default(name), acl);
	else
		err = -EINVAL;
	kfree(acl);
	return err;
}

/* ---- new files, and chmod ---- */

bool acl_inherits(struct inode *dir)
{
	return keeps_acls(dir) && READ_ONCE(dir->i_default_acl);
}

/*
 * Returns @mode of a new file in @dir. If @dir has the set-group-ID bit, and @mode has it for a
 * group-executable file that is no directory, clears the bit unless the caller may set it for the
 * group of @dir. The umask does not matter here.
 */
static umode_t strip_setgid(struct inode *dir, umode_t mode)
{
	if (S_ISDIR(mode) || !(dir->i_mode & S_ISGID) ||
		(mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) ||
		in_kept_group(dir, dir->i_gid) || capable_wrt_inode(dir, CAP_FSETID))
		return mode;
	return mode & ~(umode_t)S_ISGID;
}

umode_t acl_umask(struct inode *dir, umode_t mode)
{
	mode = strip_setgid(dir, mode);
	if (acl_inherits(dir) && acl_cached(dir, &dir->i_default_acl))
		return mode;
	return mode & ~(umode_t)READ_ONCE(current->fs->umask);
}

static struct acl_entry *entry(struct posix_acl *acl, u16 tag)
{
	for (u32 i = 0; i < acl->n; i++)
		if (acl->e[i].tag == tag)
			return &acl->e[i];
	return NULL;
}

/* Returns the entry that corresponds to the mode's group bits. */
static struct acl_entry *group_class(struct posix_acl *acl)
{
	struct acl_entry *mask = entry(acl, ACL_MASK);

	return mask ? mask : entry(acl, ACL_GROUP_OBJ);
}

/* Restricts the entries of a new file's list to the mode that its creator requested. */
static void narrow(struct posix_acl *acl, umode_t mode)
{
	entry(acl, ACL_USER_OBJ)->perm &= mode >> 6 & 7;
	group_class(acl)->perm &= mode >> 3 & 7;
	entry(acl, ACL_OTHER)->perm &= mode & 7;
}

int acl_inherit(struct inode *dir, struct inode *inode)
{
	struct posix_acl *acl;
	int err = 0;

	if (!acl_inherits(dir) || S_ISLNK(inode->i_mode))
		return 0;
	acl = acl_read(dir, true);
	if (IS_ERR_OR_NULL(acl))
		return acl ? (int)PTR_ERR(acl) : 0;
	if (is_dir(inode))
		err = acl_write(inode, true, acl);
	narrow(acl, inode->i_mode);
	if (!mode_of(acl, &inode->i_mode) && !err)
		err = acl_write(inode, false, acl);
	kfree(acl);
	return err;
}

int acl_chmod(struct inode *inode)
{
	struct posix_acl *acl;
	int err;

	if (!keeps_acls(inode) || !READ_ONCE(inode->i_acl))
		return 0;
	acl = acl_read(inode, false);
	if (IS_ERR_OR_NULL(acl))
		return acl ? (int)PTR_ERR(acl) : 0;
	entry(acl, ACL_USER_OBJ)->perm = inode->i_mode >> 6 & 7;
	group_class(acl)->perm = inode->i_mode >> 3 & 7;
	entry(acl, ACL_OTHER)->perm = inode->i_mode & 7;
	err = acl_write(inode, false, acl);
	kfree(acl);
	return err;
}
