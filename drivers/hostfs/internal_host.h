/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: declarations shared by the files of hostfs's host half.
 *
 *      node_host.c    nodes and their descriptors
 *      names_host.c   lookups and changes of names
 *      object_host.c  attributes, xattrs
 *      data_host.c    open files, worker threads
 *
 * Functions are callable from any host thread and take the lock that they need.
 */
#ifndef NESTLING_HOSTFS_INTERNAL_HOST_H
#define NESTLING_HOSTFS_INTERNAL_HOST_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "drivers/hostfs/hostfs_host.h"

struct hostfs_node {
	/* Immutable, like @btime; btime.sec is 0 if unknown. */
	uint64_t ino, dev;
	struct hostfs_time btime;
	/* The members below are under the lock of node_host.c. With pins, fd stays open. */
	uint32_t refs, pins;
	int fd; /* O_PATH, or -1 */
	/* true: fd stays open: of a root, a nameless file, or after hostfs_host_keep() */
	bool keep;
	struct hostfs_node *parent; /* with a reference; NULL: root or nameless */
	char *name;                 /* in @parent */
	/*
	 * In the root of a share of a single file: the file's name. Lookups of other names fail,
	 * and so do changes of names and of the root. NULL in all other nodes.
	 */
	char *only;
	struct hostfs_node *older, *newer; /* list of descriptors that may be closed */
};

struct hostfs_file {
	/* -1: not opened yet since a restore; atomic. */
	int fd;
	/*
	 * The node from which to open the file at its first use after a restore; a reference, or
	 * NULL.
	 */
	struct hostfs_node *node;
	uint32_t how;
};

/* Returns the node with this number, or NULL. Takes no reference: the number holds one. */
struct hostfs_node *node_find(int number);
/* Take and drop a reference. The last node_put() closes the descriptor and frees the node. */
void node_get(struct hostfs_node *n);
void node_put(struct hostfs_node *n);
/*
 * Assigns the number @number to a node, or a new number if @number is 0. Returns the node's number,
 * or -errno. On success the caller's reference passes to the number.
 */
int node_number(struct hostfs_node *n, int number);
/*
 * Returns the node's descriptor, which stays open until node_unpin(), or -errno; -ESTALE if @n is
 * NULL.
 */
int node_pin(struct hostfs_node *n);
void node_unpin(struct hostfs_node *n);
/* Makes a node without a name for descriptor @fd. Consumes @fd, also on failure. */
int node_of_fd(int fd, struct hostfs_node **node);

/*
 * Counts a new descriptor against the limit, closing nodes' descriptors for it. Returns 0 or
 * -ENFILE. fd_release() follows when it is closed.
 */
int fd_reserve(void);
void fd_release(void);
/*
 * If @err means that the host has no descriptor left, closes some. Returns false if none could be
 * closed.
 */
bool fd_pressure(int err);

/* Returns 0 if @name is a single component other than "." and "..", else -EINVAL. */
int name_check(const char *name);
/* Reads attributes of @name in @dirfd, or of @dirfd itself if @name is "". Returns 0 or -errno. */
int attr_at(int dirfd, const char *name, struct hostfs_attr *a);
/* "/proc/self/fd/N": a path for an O_PATH descriptor, for calls that accept no descriptor. */
struct fd_name {
	char text[32];
};
struct fd_name fd_name(int fd);
/*
 * Reopens the object of an O_PATH descriptor with @flags. Works relative to a descriptor of
 * /proc/self/fd, since a jailed process may not use an absolute path. Returns a descriptor, or -1
 * with errno set.
 */
int open_again(int fd, int flags);
/* Links the object of an O_PATH descriptor to another name. Returns 0 or -errno. */
int link_again(int fd, int dirfd, const char *name);
/*
 * Assigns a number, *file, to descriptor @fd. Consumes @fd and its fd_reserve(), also on failure.
 */
int open_handle(int fd, int *file);
/* Returns the descriptor of an open file, which the file owns, or -errno (-ESTALE for no file). */
int file_fd(int number);

#endif
