/* SPDX-License-Identifier: MIT */
/*
 * hostfs_host.h: where hostfs's halves meet: files of the host, reached from one folder downwards.
 * Fixed-width types only.
 *
 * A node is an object of the host that the guest knows: its parent's node and its
 * name there, its device and inode number, and, as long as there is room, an O_PATH descriptor.
 * Names are single components without a slash, never "." or "..", and no call follows a symbolic
 * link, so nothing outside the folder has a node. A node whose descriptor was closed is opened
 * again from its parent; if another object has its name by then, the call returns ESTALE.
 *
 * The front end names nodes and open files by numbers (os_object_add()), and gives them to new
 * objects after a restore. 0 is an object that is gone: ESTALE.
 *
 * All functions return 0 (or a count) or -errno. Those of "names" and "objects" are short and are
 * made on the vCPU's host stack; calls that can wait for a disk go through hostfs_host_submit() to
 * worker threads. They may be called from several vCPUs at once.
 */
#ifndef NESTLING_HOSTFS_HOST_H
#define NESTLING_HOSTFS_HOST_H

#include <stddef.h>
#include <stdint.h>

struct hostfs_time {
	int64_t sec;
	uint32_t nsec;
};
struct hostfs_attr {
	uint64_t ino, dev; /* the host's */
	uint64_t size, blocks;
	uint32_t mode, nlink, uid, gid, blksize;
	uint32_t rdev_major, rdev_minor;
	struct hostfs_time atime, mtime, ctime, btime; /* btime.sec 0: unknown */
};

/* ---- the folder ---- */

/*
 * Returns the ids of this process on the host, for mapping ids. Returns 1 if it may give files away
 * (effective user 0).
 */
int hostfs_host_ids(uint32_t *uid, uint32_t *gid);
/*
 * Sets up worker threads, which raise @irq when a request has ended. Called once, before all
 * others.
 */
int hostfs_host_setup(int irq);
/*
 * @dir and @only may be given to hostfs_host_root() later, when the process may be jailed. Called
 * before that. A jailed process then reaches the folder, or the one file in it.
 */
void hostfs_host_share(const char *dir, const char *only);
/*
 * Opens the folder @path beneath @jail. The user's own @jail may contain links. Links in @path are
 * followed only as long as they stay beneath @jail. @only: the one name that can be looked up
 * there, in a folder that cannot be listed or changed; or NULL. -ENOTDIR, -ENOENT, -EXDEV (leads
 * out). *root is 0, or the node's number before a restore.
 */
int hostfs_host_root(const char *jail, const char *path, const char *only, int *root);

/* ---- objects ---- */

/* Makes a node for an object that hostfs_host_lookup() has found. Makes no call to the host. */
int hostfs_host_node(int dir, const char *name, const struct hostfs_attr *a, int *node);
void hostfs_host_put(int node);
/*
 * Makes node @node again after a restore, without a name: hostfs_host_moved() sets that. @a has its
 * identity: ino, dev, btime.
 */
int hostfs_host_restore(int node, const struct hostfs_attr *a);
/* Notes that @node was found as @name in @dir, where it is looked for from now on. */
void hostfs_host_moved(int node, int dir, const char *name);
/* Keeps the descriptor of @node, which is about to lose its name. */
int hostfs_host_keep(int node);
/* Reads attributes through @file (of @node), or 0. */
int hostfs_host_getattr(int node, int file, struct hostfs_attr *a);

#define HOSTFS_SET_MODE 1
#define HOSTFS_SET_UID 2
#define HOSTFS_SET_GID 4
#define HOSTFS_SET_SIZE 8
#define HOSTFS_SET_ATIME 16
#define HOSTFS_SET_MTIME 32
struct hostfs_set {
	uint32_t valid, mode, uid, gid;
	uint64_t size;
	struct hostfs_time atime, mtime;
};
/* Changes owner, mode, size, times, in this order; @a gets the attributes afterwards. */
int hostfs_host_setattr(int node, int file, const struct hostfs_set *s, struct hostfs_attr *a);

struct hostfs_statfs {
	uint64_t bsize, frsize, blocks, bfree, bavail, files, ffree, namelen;
};
int hostfs_host_statfs(int node, struct hostfs_statfs *st);
/* Return bytes; @size 0: how many it would be. A NULL value removes. */
long hostfs_host_getxattr(int node, const char *name, void *buf, size_t size);
int hostfs_host_setxattr(int node, const char *name, const void *value, size_t size, int flags);
long hostfs_host_listxattr(int node, char *buf, size_t size);
/* Returns bytes of the text, not terminated. */
long hostfs_host_readlink(int dir, const char *name, char *buf, size_t size);

/* ---- names ---- */

int hostfs_host_lookup(int dir, const char *name, struct hostfs_attr *a);

/* A new object, with owner @uid and @gid unless they are ~0. */
struct hostfs_new {
	uint32_t mode; /* with the type */
	uint32_t rdev_major, rdev_minor;
	uint32_t uid, gid;
	const char *target; /* of a symbolic link */
};
/* Makes a directory, link or special file. Nothing is left when it fails. */
int hostfs_host_make(
	int dir, const char *name, const struct hostfs_new *new, struct hostfs_attr *a);
/* Creates a regular file, which must not exist, and opens it for both ways. */
int hostfs_host_create(
	int dir, const char *name, const struct hostfs_new *new, int *file, struct hostfs_attr *a);
/* Creates a file without a name; returns its node too. */
int hostfs_host_tmpfile(
	int dir, const struct hostfs_new *new, int *node, int *file, struct hostfs_attr *a);
int hostfs_host_link(int node, int dir, const char *name, struct hostfs_attr *a);
int hostfs_host_remove(int dir, const char *name, int is_dir);

struct hostfs_rename {
	int odir, ndir;
	const char *oname, *nname;
	uint32_t flags; /* RENAME_NOREPLACE, RENAME_EXCHANGE */
};
int hostfs_host_rename(const struct hostfs_rename *r);

/*
 * hostfs_host_getdents() fills @buf with the host's struct linux_dirent64 records. Returns bytes, 0
 * at the end.
 */
int hostfs_host_opendir(int node, int *file);
long hostfs_host_getdents(int file, void *buf, size_t size);

/* ---- data ---- */

#define HOSTFS_READ 1
#define HOSTFS_WRITE 2
int hostfs_host_open(int node, uint32_t how, int *file);
/* Makes an open file of @node again after a restore; it is opened when it is first used. */
int hostfs_host_restore_file(int file, int node, uint32_t how);
void hostfs_host_close(int file);
int64_t hostfs_host_seek(int file, int64_t off, int whence); /* SEEK_DATA, SEEK_HOLE */
/*
 * Sets a lock that other processes of the host see. This process is one owner, and its locks are
 * @file's. @type is F_RDLCK, F_WRLCK or F_UNLCK, on @len bytes (0: to the end) from @start on.
 * Returns 0, also on a host without locks, or -EAGAIN if a process of the host holds a conflicting
 * lock.
 */
int hostfs_host_lock(int file, int type, int64_t start, int64_t len);
/* Sets a lock of flock(2) on the whole file. */
int hostfs_host_flock(int file, int type);
/* Returns 1 with the conflicting lock in @l, or 0 without conflict. */
struct hostfs_lock {
	int32_t type;
	int64_t start, len;
};
int hostfs_host_getlock(int file, struct hostfs_lock *l);

enum { HOSTFS_OP_READ, HOSTFS_OP_FSYNC, HOSTFS_OP_DATASYNC, HOSTFS_OP_SYNCFS, HOSTFS_OP_ALLOCATE };

struct hostfs_vec {
	void *p;
	uint64_t len;
};
struct hostfs_io {
	struct hostfs_io *next;
	int32_t file, node; /* numbers; the node of HOSTFS_OP_SYNCFS */
	uint32_t op, nr;
	uint32_t at;    /* vec[at] is the first that is not done */
	int32_t mode;   /* of HOSTFS_OP_ALLOCATE */
	int32_t append; /* at the end of the file */
	int64_t off, len;
	int64_t result;           /* 0 at first; bytes, 0 or -errno */
	struct hostfs_attr *attr; /* after a write */
	void *cookie;
	struct hostfs_vec vec[];
};
/*
 * Reads data that the host has in memory. Returns the bytes read (all requested, or up to the end
 * of the file), or -EAGAIN: then the caller submits @io.
 */
int64_t hostfs_host_read(struct hostfs_io *io);
/* Writes, and sets *io->attr. Returns bytes, perhaps fewer, or -errno. */
int64_t hostfs_host_write(struct hostfs_io *io);
/*
 * Gives @io to a worker; hostfs_host_reap() returns it. Returns 1 if it was done at once for want
 * of a thread.
 */
int hostfs_host_submit(struct hostfs_io *io);
struct hostfs_io *hostfs_host_reap(void);

#endif
