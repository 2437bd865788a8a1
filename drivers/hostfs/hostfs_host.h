/* SPDX-License-Identifier: MIT */
/*
 * hostfs_host.h: the interface between hostfs's halves: access to files of the host in one folder
 * and below. Fixed-width types only.
 *
 * A node is an object of the host that the guest knows: its parent's node and its name there, its
 * device and inode number, and, while the limit of descriptors allows, an O_PATH descriptor. Names
 * are single components without a slash, never "." or "..", and no call follows a symbolic link, so
 * nothing outside the folder has a node. A node whose descriptor was closed is reopened from its
 * parent by name; if another object has that name by then, the call returns ESTALE.
 *
 * The front end identifies nodes and open files by numbers (os_object_add()). After a restore it
 * assigns these numbers to new objects. 0 stands for an object that is gone: ESTALE.
 *
 * All functions return 0 (or a count) or -errno. Those under "names" and "objects" are short and
 * run on the vCPU; calls that may wait for a disk are passed to worker threads by
 * hostfs_host_submit(). All functions may be called on several vCPUs at once. Numbers stay valid
 * until hostfs_host_put() or hostfs_host_close(), which no call with that number may overlap.
 * Strings end with a NUL. @a is set to the attributes of the object after the call.
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
	uint64_t ino, dev;     /* the host's */
	uint64_t size, blocks; /* bytes; blocks of 512 bytes */
	uint32_t mode, nlink, uid, gid, blksize;
	uint32_t rdev_major, rdev_minor;
	struct hostfs_time atime, mtime, ctime, btime; /* btime.sec 0: unknown */
};

/* ---- the folder ---- */

/*
 * Sets the ids of this process on the host, for mapping ids. Returns 1 if it may change owners of
 * files (effective uid 0).
 */
int hostfs_host_ids(uint32_t *uid, uint32_t *gid);
/*
 * Sets the interrupt that worker threads raise when a request has ended. Called once in a process,
 * before all other functions.
 */
int hostfs_host_setup(int irq);
/*
 * Prepares for hostfs_host_root() with @dir and @only after the process is jailed: a jailed process
 * can access that folder, or the one file in it, with @read_only to read only. Fails if @dir cannot
 * be opened as a folder.
 */
int hostfs_host_share(const char *dir, const char *only, int read_only);
/*
 * Opens the folder @path beneath @jail. @jail, which the user chose, may contain links. Links in
 * @path are followed only as long as they stay beneath @jail. @only: the single name that can be
 * looked up, in a folder that cannot be listed or changed; or NULL. Returns 0 or -errno: -ENOTDIR,
 * -ENOENT, -EXDEV (leads outside), -EACCES (a file system of processes). @read_only as
 * hostfs_host_share() got it. *root must be 0, or the node's number before a restore; it is set to
 * the node's number.
 */
int hostfs_host_root(
	const char *jail, const char *path, const char *only, int read_only, int *root);

/* ---- objects ---- */

/*
 * Makes a node for the object @name of folder @dir, which hostfs_host_lookup() has found, and sets
 * *node to its number. Makes no host call.
 */
int hostfs_host_node(int dir, const char *name, const struct hostfs_attr *a, int *node);
/* Frees the number. The node lives on while nodes below it or open files need it. Ignores 0. */
void hostfs_host_put(int node);
/*
 * Recreates node @node after a restore, without a name, which hostfs_host_moved() sets. @a has the
 * object's identity: ino, dev, btime.
 */
int hostfs_host_restore(int node, const struct hostfs_attr *a);
/* Records that @node's object was found as @name in @dir: from now on it is opened by that name. */
void hostfs_host_moved(int node, int dir, const char *name);
/*
 * Opens the descriptor of @node, which is about to lose its name, and keeps it open until
 * hostfs_host_moved() gives the node a name, or until the node is freed.
 */
int hostfs_host_keep(int node);
/* Reads attributes through the open @file of @node, or by the node if @file is 0. */
int hostfs_host_getattr(int node, int file, struct hostfs_attr *a);

#define HOSTFS_SET_MODE 1
#define HOSTFS_SET_UID 2
#define HOSTFS_SET_GID 4
#define HOSTFS_SET_SIZE 8
#define HOSTFS_SET_ATIME 16
#define HOSTFS_SET_MTIME 32
struct hostfs_set {
	uint32_t valid, mode, uid, gid; /* valid: HOSTFS_SET_*; mode: 12 bits */
	uint64_t size;
	struct hostfs_time atime, mtime;
};
/*
 * Changes owner, mode, size, times, in this order, up to the first failure. @file: 0, or the node's
 * open file, through which the size is changed.
 */
int hostfs_host_setattr(int node, int file, const struct hostfs_set *s, struct hostfs_attr *a);

/* Values of struct statvfs. */
struct hostfs_statfs {
	uint64_t bsize, frsize, blocks, bfree, bavail, files, ffree, namelen;
};
/* Sets *st to the values of statvfs(3) for the file system of @node. */
int hostfs_host_statfs(int node, struct hostfs_statfs *st);
/*
 * Get, set and list extended attributes, with results and flags of getxattr(2) and similar calls.
 * Those that return bytes return the needed size if @size is 0. A NULL @value removes the
 * attribute.
 */
long hostfs_host_getxattr(int node, const char *name, void *buf, size_t size);
int hostfs_host_setxattr(int node, const char *name, const void *value, size_t size, int flags);
long hostfs_host_listxattr(int node, char *buf, size_t size);
/* Returns the length of the link's text, which is not terminated and is cut to @size. */
long hostfs_host_readlink(int dir, const char *name, char *buf, size_t size);

/* ---- names ---- */

/* Reads the attributes of @name in the folder @dir. -ENOENT: there is no such name. */
int hostfs_host_lookup(int dir, const char *name, struct hostfs_attr *a);

/* Properties of a new object. Its owner is @uid and @gid unless they are ~0. */
struct hostfs_new {
	uint32_t mode; /* with the type bits */
	uint32_t rdev_major, rdev_minor;
	uint32_t uid, gid;
	const char *target; /* of a symbolic link */
};
/* Creates a directory, link or special file. If it fails, nothing is left on the host. */
int hostfs_host_make(
	int dir, const char *name, const struct hostfs_new *new, struct hostfs_attr *a);
/*
 * Creates a regular file, which must not exist, opens it for reading and writing, and sets *file to
 * its number.
 */
int hostfs_host_create(
	int dir, const char *name, const struct hostfs_new *new, int *file, struct hostfs_attr *a);
/* Creates a file without a name and opens it; *node is set to its node. */
int hostfs_host_tmpfile(
	int dir, const struct hostfs_new *new, int *node, int *file, struct hostfs_attr *a);
/* Gives the object of @node a further name. */
int hostfs_host_link(int node, int dir, const char *name, struct hostfs_attr *a);
int hostfs_host_remove(int dir, const char *name, int is_dir);

struct hostfs_rename {
	int odir, ndir;
	const char *oname, *nname;
	uint32_t flags; /* RENAME_NOREPLACE, RENAME_EXCHANGE */
};
int hostfs_host_rename(const struct hostfs_rename *r);

/*
 * Open and read a folder. hostfs_host_getdents() fills @buf with the host's struct linux_dirent64
 * records. Returns the bytes, or 0 at the end.
 */
int hostfs_host_opendir(int node, int *file);
long hostfs_host_getdents(int file, void *buf, size_t size);

/* ---- data ---- */

#define HOSTFS_READ 1
#define HOSTFS_WRITE 2
/*
 * Opens the regular file @node for @how, HOSTFS_READ | HOSTFS_WRITE, and sets *file to its number.
 */
int hostfs_host_open(int node, uint32_t how, int *file);
/*
 * Recreates open file @file of @node after a restore; the host's file is opened at the first use.
 */
int hostfs_host_restore_file(int file, int node, uint32_t how);
void hostfs_host_close(int file);
/* Returns the offset in bytes; @whence is SEEK_DATA or SEEK_HOLE. */
int64_t hostfs_host_seek(int file, int64_t off, int whence);
/*
 * Sets a lock that other processes of the host see. To the host this process is one owner, and its
 * locks belong to @file. @type is F_RDLCK, F_WRLCK or F_UNLCK, for @len bytes (0: to the end) from
 * @start on. Returns -EAGAIN if a process of the host holds a conflicting lock, -ESTALE, or 0: also
 * if the host refuses the lock for another reason, such as a file system without locks or a write
 * lock on a @file open for reading. Never waits.
 */
int hostfs_host_lock(int file, int type, int64_t start, int64_t len);
/* Sets a flock(2) lock of that @type on the whole file, with these results. */
int hostfs_host_flock(int file, int type);
/* Replaces *@l by the first lock that conflicts with it and returns 1, or 0 if there is none. */
struct hostfs_lock {
	int32_t type;
	int64_t start, len;
};
int hostfs_host_getlock(int file, struct hostfs_lock *l);

enum { HOSTFS_OP_READ, HOSTFS_OP_FSYNC, HOSTFS_OP_DATASYNC, HOSTFS_OP_SYNCFS, HOSTFS_OP_ALLOCATE };

struct hostfs_vec {
	void *p;
	uint64_t len; /* bytes */
};
/* A request. It and its memory belong to the host's half from submit to reap. */
struct hostfs_io {
	struct hostfs_io *next;
	int32_t file, node; /* numbers; node: for HOSTFS_OP_SYNCFS */
	uint32_t op, nr;    /* HOSTFS_OP_*; number of vectors */
	uint32_t at;        /* first vector that is not done yet */
	int32_t mode;       /* of HOSTFS_OP_ALLOCATE */
	int32_t append;     /* write at the end of the file */
	int64_t off, len;   /* bytes; len: of HOSTFS_OP_ALLOCATE */
	int64_t result;     /* 0 at first; bytes, 0 or -errno */
	/* 0 at first; -errno of the call that failed after @result bytes were read or written */
	int32_t err;
	struct hostfs_attr *attr; /* set after a write; or NULL */
	void *cookie;             /* owned by the front end */
	struct hostfs_vec vec[];
};
/*
 * Reads data that is in the host's page cache. Returns the bytes read (all requested, or up to the
 * end of the file, or up to an error, which io->err then is); -EAGAIN: the caller must then submit
 * @io, which does the rest; or -errno if no byte was read.
 */
int64_t hostfs_host_read(struct hostfs_io *io);
/*
 * Writes, and sets *io->attr. Returns the bytes, perhaps fewer than requested (io->err says why, if
 * an error is the reason), or -errno.
 */
int64_t hostfs_host_write(struct hostfs_io *io);
/*
 * Gives @io to a worker, and returns 0; hostfs_host_reap() returns it when it is done. Returns 1 if
 * no thread could be started and @io was done at once instead.
 */
int hostfs_host_submit(struct hostfs_io *io);
/* Returns the requests that ended since the last call, linked by next, oldest first, or NULL. */
struct hostfs_io *hostfs_host_reap(void);

#endif
