/* SPDX-License-Identifier: MIT */
/*
 * node_host.c: the objects of the host that the guest knows, and their descriptors.
 *
 *      hostfs_host_root -> node -> hostfs_host_node for an object in it -> ... -> hostfs_host_put
 *      node_pin(n) -> fd ... node_unpin(n)
 *
 * A descriptor is opened when it is first needed and closed again when there are too many
 * (max_fds), the least recently used first. It is opened by name from its parent's descriptor,
 * without following links, and must then have the known inode and device number. So whatever users
 * of the host rename or replace meanwhile, the guest gets the object that it knew, or ESTALE.
 *
 * Invariants:
 * 1. A node with a parent holds a reference to it.
 * 2. A node is on the list exactly if it has a descriptor that may be closed: fd >= 0, not kept.
 * 3. nr_fds counts all descriptors of nodes and files.
 *
 * Lock: `lock`, for all members except the immutable ones. It is held while a descriptor is opened,
 * a single host call that looks up one name.
 */
#include "drivers/hostfs/internal_host.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os-linux/host.h"

#define SPARE_FDS 256  /* left to the rest of the process */
#define MAX_FDS 100000 /* of nodes and files together */
#define MAX_NODE_FDS 16384

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hostfs_node *oldest, *newest; /* under lock */
static uint32_t nr_fds, nr_node_fds;        /* under lock */
static uint32_t max_fds;                    /* set by the first mount, under lock */

/* ---- names and attributes ---- */

int name_check(const char *name)
{
	size_t n = strnlen(name, 257);

	if (!n || n > 255 || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	return 0;
}

struct fd_name fd_name(int fd)
{
	struct fd_name n;

	snprintf(n.text, sizeof(n.text), "/proc/self/fd/%d", fd);
	return n;
}

/* Returns a descriptor of the folder /proc/self/fd, which stays open, or -1 with errno set. */
static int self_fds(void)
{
	static int folder = -1;
	int f = __atomic_load_n(&folder, __ATOMIC_ACQUIRE), expected = -1;

	if (f >= 0)
		return f;
	f = os_jail_self_fds();
	if (f < 0)
		f = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f >= 0 && !__atomic_compare_exchange_n(
			      &folder, &expected, f, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		close(f);
		f = expected;
	}
	return f;
}

int open_again(int fd, int flags)
{
	int folder = self_fds();
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	return folder < 0 ? -1 : openat(folder, name, flags);
}

int link_again(int fd, int dirfd, const char *name)
{
	int folder = self_fds();
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	return folder < 0 || linkat(folder, number, dirfd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

static struct hostfs_time time_of(const struct statx_timestamp *t)
{
	return (struct hostfs_time){ t->tv_sec, t->tv_nsec };
}

int attr_at(int dirfd, const char *name, struct hostfs_attr *a)
{
	struct statx st;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH),
		    STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		return -errno;
	*a = (struct hostfs_attr){
		.ino = st.stx_ino,
		.dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.size = st.stx_size,
		.blocks = st.stx_blocks,
		.mode = st.stx_mode,
		.nlink = st.stx_nlink,
		.uid = st.stx_uid,
		.gid = st.stx_gid,
		.blksize = st.stx_blksize,
		.rdev_major = st.stx_rdev_major,
		.rdev_minor = st.stx_rdev_minor,
		.atime = time_of(&st.stx_atime),
		.mtime = time_of(&st.stx_mtime),
		.ctime = time_of(&st.stx_ctime),
	};
	if (st.stx_mask & STATX_BTIME)
		a->btime = time_of(&st.stx_btime);
	return 0;
}

/* ---- the list of descriptors that may be closed; lock is held ---- */

static void list_take(struct hostfs_node *n)
{
	if (n->older)
		n->older->newer = n->newer;
	else
		oldest = n->newer;
	if (n->newer)
		n->newer->older = n->older;
	else
		newest = n->older;
	n->older = n->newer = NULL;
}

static void list_put(struct hostfs_node *n)
{
	n->older = newest;
	n->newer = NULL;
	if (newest)
		newest->newer = n;
	else
		oldest = n;
	newest = n;
}

static void drop_fd(struct hostfs_node *n)
{
	if (n->fd < 0)
		return;
	if (!n->keep)
		list_take(n);
	close(n->fd);
	n->fd = -1;
	nr_fds--;
	nr_node_fds--;
}

static bool close_oldest(void)
{
	struct hostfs_node *n = oldest;

	while (n && n->pins)
		n = n->newer;
	if (!n)
		return false;
	drop_fd(n);
	return true;
}

static bool make_room(bool of_node)
{
	while (nr_fds >= max_fds || (of_node && nr_node_fds >= MAX_NODE_FDS))
		if (!close_oldest())
			return nr_fds < max_fds;
	return true;
}

int fd_reserve(void)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (make_room(false))
		nr_fds++;
	else
		err = -ENFILE;
	pthread_mutex_unlock(&lock);
	return err;
}

void fd_release(void)
{
	pthread_mutex_lock(&lock);
	nr_fds--;
	pthread_mutex_unlock(&lock);
}

bool fd_pressure(int err)
{
	int closed = 0;

	if (err != -EMFILE && err != -ENFILE)
		return false;
	pthread_mutex_lock(&lock);
	while (closed < 64 && close_oldest())
		closed++;
	pthread_mutex_unlock(&lock);
	return closed;
}

/* ---- opening ---- */

/*
 * Refuses files of the host's /proc in the folder: through /proc/self/mem the guest could escape.
 */
static int check_kind(int fd, const struct hostfs_node *n)
{
	struct statfs fs;

	if (n->parent && n->parent->dev == n->dev)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? -EACCES : 0;
}

/* True if @a belongs to the node's object. The host may have reused the inode number. */
static bool is_object(const struct hostfs_node *n, const struct hostfs_attr *a)
{
	return a->ino == n->ino && a->dev == n->dev &&
	       (!n->btime.sec || (a->btime.sec == n->btime.sec && a->btime.nsec == n->btime.nsec));
}

/* Opens the descriptor of a node whose parent has one. lock is held. */
static int open_node(struct hostfs_node *n)
{
	struct hostfs_attr a;
	int fd, err;

	if (!n->parent)
		return -ESTALE;
	if (!make_room(true))
		return -ENFILE;
	fd = openat(n->parent->fd, n->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && close_oldest())
		fd = openat(n->parent->fd, n->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
	err = attr_at(fd, "", &a);
	if (!err && !is_object(n, &a))
		err = -ESTALE;
	if (!err)
		err = check_kind(fd, n);
	if (err) {
		close(fd);
		return err;
	}
	n->fd = fd;
	nr_fds++;
	nr_node_fds++;
	list_put(n);
	return 0;
}

/*
 * Opens the descriptors of all nodes from the nearest ancestor that has one down to @n. A loop
 * instead of recursion, since guests can make paths of any depth.
 */
static int open_chain(struct hostfs_node *n)
{
	while (n->fd < 0) {
		struct hostfs_node *top = n;
		int err;

		while (top->parent && top->parent->fd < 0)
			top = top->parent;
		if (top->parent)
			top->parent->pins++;
		err = open_node(top);
		if (top->parent)
			top->parent->pins--;
		if (err)
			return err;
	}
	return 0;
}

struct hostfs_node *node_find(int number)
{
	return os_object(number);
}

int node_pin(struct hostfs_node *n)
{
	int err;

	if (!n)
		return -ESTALE;
	pthread_mutex_lock(&lock);
	err = open_chain(n);
	if (!err) {
		n->pins++;
		if (!n->keep && n != newest) {
			list_take(n);
			list_put(n);
		}
	}
	pthread_mutex_unlock(&lock);
	return err ? err : n->fd;
}

void node_unpin(struct hostfs_node *n)
{
	pthread_mutex_lock(&lock);
	n->pins--;
	pthread_mutex_unlock(&lock);
}

/* ---- nodes ---- */

static struct hostfs_node *node_new(const struct hostfs_attr *a)
{
	struct hostfs_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->refs = 1;
	n->fd = -1;
	n->ino = a->ino;
	n->dev = a->dev;
	n->btime = a->btime;
	return n;
}

int node_number(struct hostfs_node *n, int number)
{
	int err;

	if (!number)
		return os_object_add(n);
	err = os_object_add_as(number, n);
	return err ? err : number;
}

int node_of_fd(int fd, struct hostfs_node **node)
{
	struct hostfs_attr a;
	int err = attr_at(fd, "", &a);
	struct hostfs_node *n = err ? NULL : node_new(&a);

	if (!n) {
		close(fd);
		return err ? err : -ENOMEM;
	}
	n->fd = fd;
	n->keep = true;
	pthread_mutex_lock(&lock);
	nr_fds++;
	nr_node_fds++;
	pthread_mutex_unlock(&lock);
	*node = n;
	return 0;
}

int hostfs_host_node(int number, const char *name, const struct hostfs_attr *a, int *node)
{
	struct hostfs_node *dir = node_find(number), *n;
	char *copy;

	if (!dir)
		return -ESTALE;
	n = node_new(a);
	copy = strdup(name);
	*node = n && copy ? node_number(n, 0) : -ENOMEM;
	if (*node < 0) {
		free(n);
		free(copy);
		return -ENOMEM;
	}
	n->name = copy;
	n->parent = dir;
	node_get(dir);
	return 0;
}

int hostfs_host_restore(int node, const struct hostfs_attr *a)
{
	struct hostfs_node *n = node_new(a);
	int err = n ? node_number(n, node) : -ENOMEM;

	if (err < 0)
		free(n);
	return err < 0 ? err : 0;
}

/*
 * Drops a reference to @n, and to its ancestors as far as they become unused. A loop, as in
 * open_chain(). lock is held.
 */
static void put_locked(struct hostfs_node *n)
{
	while (n && !--n->refs) {
		struct hostfs_node *parent = n->parent;

		drop_fd(n);
		free(n->name);
		free(n->only);
		free(n);
		n = parent;
	}
}

void node_get(struct hostfs_node *n)
{
	pthread_mutex_lock(&lock);
	n->refs++;
	pthread_mutex_unlock(&lock);
}

void node_put(struct hostfs_node *n)
{
	pthread_mutex_lock(&lock);
	put_locked(n);
	pthread_mutex_unlock(&lock);
}

void hostfs_host_put(int node)
{
	struct hostfs_node *n = node_find(node);

	if (!n)
		return;
	os_object_del(node);
	node_put(n);
}

/*
 * True if @dir is @n or, by the recorded parents, below it. Users of the host, or another mount,
 * may have swapped parent and child, and only one of the two moves may be recorded yet. Parents
 * must not form a cycle, on which open_chain() would never end. lock is held.
 */
static bool is_below(const struct hostfs_node *dir, const struct hostfs_node *n)
{
	while (dir && dir != n)
		dir = dir->parent;
	return dir;
}

void hostfs_host_moved(int node, int parent, const char *name)
{
	struct hostfs_node *n = node_find(node), *dir = node_find(parent), *from;
	char *copy = NULL, *old;

	if (!n || !dir)
		return;
	pthread_mutex_lock(&lock);
	if (n->parent == dir && n->name && !strcmp(n->name, name))
		goto named;
	if (is_below(dir, n))
		/*
		 * The node returns ESTALE until a walk finds the new place of @dir and calls this
		 * function for @node again.
		 */
		goto out;
	copy = strdup(name);
	if (!copy)
		/* The node keeps its old name; at worst, opening it by that name returns ESTALE. */
		goto out;
	from = n->parent;
	old = n->name;
	dir->refs++;
	n->parent = dir;
	n->name = copy;
	free(old);
	put_locked(from);
named:
	if (n->keep) { /* the node has a name (again) */
		n->keep = false;
		list_put(n);
	}
out:
	pthread_mutex_unlock(&lock);
}

int hostfs_host_keep(int node)
{
	struct hostfs_node *n = node_find(node);
	int err;

	if (!n)
		return -ESTALE;
	pthread_mutex_lock(&lock);
	err = open_chain(n);
	if (!err && !n->keep) {
		n->keep = true;
		list_take(n);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

/* ---- the root ---- */

/*
 * Walks component by component without following links, for hosts where openat2() is forbidden (a
 * seccomp filter) or missing. Consumes @fd. Returns a descriptor or -errno.
 */
static int walk_plain(int fd, const char *path)
{
	char name[256];

	while (*path && fd >= 0) {
		size_t n = strcspn(path, "/");
		int next;

		if (n && !(n == 1 && path[0] == '.')) {
			if (n >= sizeof(name) || (n == 2 && !memcmp(path, "..", 2))) {
				close(fd);
				return n >= sizeof(name) ? -ENAMETOOLONG : -EXDEV;
			}
			memcpy(name, path, n);
			name[n] = 0;
			next = openat(fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
			if (next < 0)
				next = -errno;
			close(fd);
			fd = next;
		}
		path += n + (path[n] == '/');
	}
	return fd;
}

static int open_beneath(int jail, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd, tries = 0;

	while (*path == '/')
		path++;
	do
		fd = (int)syscall(SYS_openat2, jail, *path ? path : ".", &how, sizeof(how));
	/* EAGAIN: a rename happened meanwhile */
	while (fd < 0 && errno == EAGAIN && ++tries < 100);
	if (fd >= 0)
		return fd;
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	fd = fcntl(jail, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : walk_plain(fd, path);
}

static void set_limit(void)
{
	struct rlimit rl = { 1024, 1024 };

	getrlimit(RLIMIT_NOFILE, &rl);
	pthread_mutex_lock(&lock);
	max_fds = rl.rlim_cur > 2 * SPARE_FDS ?
			  (uint32_t)(rl.rlim_cur > MAX_FDS + SPARE_FDS ? MAX_FDS :
									 rl.rlim_cur - SPARE_FDS) :
			  (uint32_t)rl.rlim_cur / 2;
	pthread_mutex_unlock(&lock);
}

/* Folders of hostfs=. Their descriptors stay open, since a jailed process may not open paths. */
#define SHARES_MAX 64
static struct {
	char *dir, *only; /* only: or NULL */
	bool read_only;
	int fd;
} shares[SHARES_MAX];
static int nr_shares; /* fixed before the guest runs */

/* Allows a jailed process to access the folder, or the one file in it. */
static void grant(const char *dir, const char *only, bool read_only)
{
	unsigned how = OS_GRANT_READ | OS_GRANT_BENEATH | (read_only ? OS_GRANT_LOOK : 0);
	char *path = NULL;

	if (!only)
		os_jail_grant(dir, how);
	else if (asprintf(&path, "%s/%s", dir, only) > 0)
		os_jail_grant(path, how);
	free(path);
}

/* Opens the shared folder before the jail closes. Returns a descriptor, or -1 with errno set. */
static int open_share(const char *dir, const char *only, bool read_only)
{
	int fd = os_jail_folder(dir, only, read_only), saved;
	struct stat st;

	if (fd < 0)
		fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* The jail's copy may be that of a file. */
	if (fd >= 0 && !fstat(fd, &st) && !S_ISDIR(st.st_mode)) {
		close(fd);
		errno = ENOTDIR;
		return -1;
	}
	saved = errno;
	/* Called here as well, for a restored instance without hostfs= on its command line. */
	self_fds();
	grant(dir, only, read_only);
	errno = saved;
	return fd;
}

int hostfs_host_share(const char *dir, const char *only, int read_only)
{
	char *name = nr_shares < SHARES_MAX ? strdup(dir) : NULL;
	char *file = name && only ? strdup(only) : NULL;
	int fd = open_share(dir, only, read_only), err = fd < 0 ? -errno : 0;

	if (!name || (only && !file) || err) {
		free(name);
		free(file);
		if (!err)
			close(fd);
		return err ? err : nr_shares < SHARES_MAX ? -ENOMEM : -E2BIG;
	}
	shares[nr_shares].dir = name;
	shares[nr_shares].only = file;
	shares[nr_shares].read_only = read_only;
	shares[nr_shares++].fd = fd;
	return 0;
}

/* Returns a descriptor of a shared folder, for the root of a mount, or -1 with errno set. */
static int open_top(const char *dir, const char *only, bool read_only)
{
	for (int i = 0; i < nr_shares; i++)
		if (!strcmp(shares[i].dir, dir) && !shares[i].only == !only &&
			shares[i].read_only == read_only &&
			(!only || !strcmp(shares[i].only, only)))
			return fcntl(shares[i].fd, F_DUPFD_CLOEXEC, 3);
	return open_share(dir, only, read_only);
}

int hostfs_host_root(const char *jail, const char *path, const char *only, int read_only, int *root)
{
	struct hostfs_node *n;
	int top = open_top(jail, only, read_only), fd, err;
	struct statfs fs;

	if (top < 0)
		return -errno;
	set_limit();
	fd = open_beneath(top, path);
	close(top);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC) {
		close(fd);
		return -EACCES;
	}
	err = node_of_fd(fd, &n);
	if (err)
		return err;
	n->only = only ? strdup(only) : NULL;
	err = only && !n->only ? -ENOMEM : node_number(n, *root);
	if (err < 0)
		node_put(n);
	else
		*root = err;
	return err < 0 ? err : 0;
}

int hostfs_host_ids(uint32_t *uid, uint32_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
	return !*uid;
}
