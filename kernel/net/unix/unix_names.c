/* SPDX-License-Identifier: MIT */
/*
 * unix_names.c: names of AF_UNIX sockets: abstract names, each of which belongs to one network
 * namespace and one type of socket, and sockets in the file system, found by their inode. It also
 * has the list of all sockets, for sock_diag and /proc.
 *
 * States of a socket's name: none -> its own name (bind). An accepted socket has the name of its
 * listener instead, and lookups of that name do not find the accepted socket. A name exists until
 * the socket is freed, and lookups find it until the socket is dead (unix_unhash).
 *
 * Locks: unix_names_lock (spin) for both tables, and for the names themselves. It is not taken
 * while a c.lock is held.
 * Source: unix(7).
 */
#include <asm/errno.h>

#include "kernel/lib/keyhash.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/net/unix/unix.h"
#include "kernel/vfs/xattr/acl.h"

#define NAME_HASH 4096

static DEFINE_SPINLOCK(unix_names_lock);
static struct hlist_head names[NAME_HASH];
static struct hlist_head all_sockets;
/* a hash key, so that programs, which choose the names, cannot put all of them in one chain */
static struct hash_key name_key;

static bool is_abstract(const struct sockaddr_buf *a)
{
	return a->len > sizeof(u16) && !a->data[2];
}

static struct hlist_head *name_bucket(const struct sockaddr_buf *a, u16 type)
{
	return &names[(keyhash_bytes(&name_key, a->data, a->len) ^ type) % NAME_HASH];
}

static struct hlist_head *inode_bucket(const struct inode *inode)
{
	return &names[hash_u64((u64)inode) % NAME_HASH];
}

void unix_names_init(void)
{
	arch_random(&name_key, sizeof(name_key));
}

int unix_check_addr(struct sockaddr_buf *a)
{
	if (a->len < sizeof(u16) || a->len > sizeof(struct sockaddr_un) || a->family != AF_UNIX)
		return -EINVAL;
	if (a->len > sizeof(u16) && a->data[2]) {
		u32 n = (u32)strnlen((char *)a->data + 2, a->len - 2);

		/* data[] is larger than any sockaddr_un */
		a->data[2 + n] = 0;
		a->len = 2 + n + 1;
	}
	return 0;
}

int unix_check_target(struct sockaddr_buf *a)
{
	return a->len <= sizeof(u16) ? -EINVAL : unix_check_addr(a);
}

static struct unix_sock *find_abstract(
	const struct net *net, const struct sockaddr_buf *a, u16 type)
{
	struct unix_sock *u;

	hlist_for_each_entry(u, name_bucket(a, type), name_hash)
		if (u->net == net && u->name && u->c.type == type && u->name->len == a->len &&
			!memcmp(u->name->data, a->data, a->len))
			return u;
	return NULL;
}

static struct unix_sock *find_inode(const struct inode *inode)
{
	struct unix_sock *u;

	hlist_for_each_entry(u, inode_bucket(inode), name_hash)
		if (u->path.dentry && d_inode(u->path.dentry) == inode)
			return u;
	return NULL;
}

/*
 * True if current's Landlock domain lets current reach the creator of @u. Always true unless @u has
 * an abstract name.
 */
bool unix_in_scope(const struct unix_sock *u)
{
	const struct sockaddr_buf *name = READ_ONCE(u->name);

	if (!landlocked() || !name || !is_abstract(name))
		return true;
	return landlock_may_reach(current_cred()->landlock, u->landlock);
}

struct unix_sock *unix_find_sock(const struct net *net, struct sockaddr_buf *a, u16 type)
{
	struct unix_sock *u;
	struct path path;
	int err;

	if (is_abstract(a)) {
		spin_lock(&unix_names_lock);
		u = find_abstract(net, a, type);
		if (u)
			unix_get(u);
		spin_unlock(&unix_names_lock);
		return u ? u : ERR_PTR(-ECONNREFUSED);
	}
	err = kern_path((char *)a->data + 2, LOOKUP_FOLLOW, &path);
	if (err)
		return ERR_PTR(err);
	err = path_permission(&path, MAY_WRITE);
	if (!err && !S_ISSOCK(d_inode(path.dentry)->i_mode))
		err = -ECONNREFUSED;
	u = NULL;
	if (!err) {
		spin_lock(&unix_names_lock);
		u = find_inode(d_inode(path.dentry));
		if (u)
			unix_get(u);
		spin_unlock(&unix_names_lock);
	}
	path_put(&path);
	if (err)
		return ERR_PTR(err);
	if (!u)
		return ERR_PTR(-ECONNREFUSED);
	if (u->c.type != type) {
		unix_put(u);
		return ERR_PTR(-EPROTOTYPE);
	}
	return u;
}

/*
 * Returns the mode of the socket's file: that of the socket's own inode, which fchmod(2) changes.
 * As on Linux, the umask applies even in a folder with a default access control list.
 */
static umode_t file_mode(const struct unix_sock *u, struct inode *dir)
{
	umode_t mode = READ_ONCE(u->file->f_inode->i_mode);

	return acl_umask(dir, mode & ~(umode_t)READ_ONCE(current->fs->umask));
}

/*
 * Binds to a path. If the socket has a name already, the file is made nevertheless, and removed
 * again, since errors of its path take precedence.
 */
static int bind_path(struct unix_sock *u, struct sockaddr_buf *name)
{
	struct path parent;
	struct dentry *d;
	int err;

	d = path_create(-100 /* AT_FDCWD */, (char *)name->data + 2, &parent, 0);
	if (IS_ERR(d))
		return PTR_ERR(d) == -EEXIST ? -EADDRINUSE : (int)PTR_ERR(d);
	err = landlocked() ? landlock_make(&parent, S_IFSOCK) : 0;
	if (!err)
		err = vfs_mknod(d_inode(parent.dentry), d, file_mode(u, d_inode(parent.dentry)), 0);
	if (!err) {
		spin_lock(&unix_names_lock);
		if (u->name) {
			err = -EINVAL;
		} else {
			u->path.mnt = parent.mnt;
			u->path.dentry = d;
			path_get(&u->path);
			u->name = name;
			hlist_add_head(&u->name_hash, inode_bucket(d_inode(d)));
		}
		spin_unlock(&unix_names_lock);
		if (err)
			vfs_unlink(d_inode(parent.dentry), d);
	}
	done_path_create(&parent, d);
	return err == -EEXIST ? -EADDRINUSE : err;
}

static int bind_abstract(struct unix_sock *u, struct sockaddr_buf *name)
{
	int err = 0;

	spin_lock(&unix_names_lock);
	if (u->name)
		err = -EINVAL;
	else if (find_abstract(u->net, name, u->c.type))
		err = -EADDRINUSE;
	if (!err) {
		u->name = name;
		hlist_add_head(&u->name_hash, name_bucket(name, u->c.type));
	}
	spin_unlock(&unix_names_lock);
	return err;
}

/* Binds to a name that the kernel chooses: an abstract name of five hex digits. */
static int autobind(struct unix_sock *u)
{
	/*
	 * read and written without a lock: if two tasks get one number, one of them tries the next
	 */
	static u32 next;
	struct sockaddr_buf *name = kzalloc(sizeof(*name), GFP_KERNEL);
	u32 tries;
	int err = -ENOSPC;

	if (!name)
		return -ENOMEM;
	name->family = AF_UNIX;
	name->len = 2 + 1 + 5;
	for (tries = 0; tries < 1U << 20; tries++) {
		scnprintf((char *)name->data + 3, 6, "%05x", next++ & 0xfffff);
		err = bind_abstract(u, name);
		if (err != -EADDRINUSE)
			break;
	}
	if (err)
		kfree(name);
	return err == -EINVAL ? 0 : err; /* -EINVAL: bound by another task */
}

int unix_name_asked(struct unix_sock *u)
{
	if (likely(!u->c.passcred && !u->c.rare.passpidfd) || READ_ONCE(u->name))
		return 0;
	return autobind(u);
}

int unix_bind(struct socket *s, struct sockaddr_buf *a)
{
	struct unix_sock *u = UNIX(s);
	struct sockaddr_buf *name;
	int err = unix_check_addr(a);

	if (err)
		return err;
	if (a->len == sizeof(u16))
		return u->name ? 0 : autobind(u);
	if (u->name && is_abstract(a))
		return -EINVAL;
	name = kmemdup(a, sizeof(*a), GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	err = is_abstract(name) ? bind_abstract(u, name) : bind_path(u, name);
	if (err)
		kfree(name);
	return err;
}

void unix_name_accepted(struct unix_sock *srv, const struct unix_sock *l)
{
	spin_lock(&unix_names_lock);
	if (l->name)
		srv->name = kmemdup(l->name, sizeof(*l->name), GFP_ATOMIC);
	spin_unlock(&unix_names_lock);
}

void unix_unhash(struct unix_sock *u)
{
	spin_lock(&unix_names_lock);
	hlist_del_init(&u->name_hash);
	spin_unlock(&unix_names_lock);
}

void unix_name_reported(const struct unix_sock *u, struct sockaddr_buf *a)
{
	a->len = 0;
	if (!u)
		return;
	spin_lock(&unix_names_lock);
	if (u->name)
		*a = *u->name;
	spin_unlock(&unix_names_lock);
}

int unix_getname(struct socket *s, struct sockaddr_buf *a, bool peer)
{
	struct unix_sock *u = UNIX(s), *of = u;

	spin_lock(&u->c.lock);
	if (peer)
		of = u->peer;
	if (of)
		unix_get(of);
	spin_unlock(&u->c.lock);
	if (!of)
		return -ENOTCONN;
	spin_lock(&unix_names_lock);
	if (of->name) {
		*a = *of->name;
	} else {
		memset(a, 0, sizeof(*a));
		a->len = sizeof(u16);
		a->family = AF_UNIX;
	}
	spin_unlock(&unix_names_lock);
	unix_put(of);
	return 0;
}

/* ---- the list of all sockets ---- */

/* Takes a reference, unless the last one was dropped and the socket is being freed. */
static bool get_unless_dying(struct unix_sock *u)
{
	s32 n = atomic_read(&u->refs);

	while (n > 0)
		if (__atomic_compare_exchange_n(
			    &u->refs.v, &n, n + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	return false;
}

void unix_enlist(struct unix_sock *u)
{
	spin_lock(&unix_names_lock);
	hlist_add_head(&u->all, &all_sockets);
	spin_unlock(&unix_names_lock);
}

void unix_unlist(struct unix_sock *u)
{
	spin_lock(&unix_names_lock);
	hlist_del_init(&u->all);
	spin_unlock(&unix_names_lock);
}

struct unix_sock *unix_by_ino(const struct net *net, u64 ino)
{
	struct unix_sock *u, *found = NULL;

	spin_lock(&unix_names_lock);
	hlist_for_each_entry(u, &all_sockets, all) {
		if (u->net == net && u->state != UNIX_DEAD && u->c.ino == ino &&
			get_unless_dying(u)) {
			found = u;
			break;
		}
	}
	spin_unlock(&unix_names_lock);
	return found;
}

u32 unix_list(const struct net *net, struct unix_sock **to, u32 most, u32 skip)
{
	struct unix_sock *u;
	u32 n = 0;

	spin_lock(&unix_names_lock);
	hlist_for_each_entry(u, &all_sockets, all) {
		if (n == most)
			break;
		if (u->net != net || u->state == UNIX_DEAD || (skip && skip--))
			continue;
		if (get_unless_dying(u))
			to[n++] = u;
	}
	spin_unlock(&unix_names_lock);
	return n;
}
