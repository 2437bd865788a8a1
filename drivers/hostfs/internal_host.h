/* SPDX-License-Identifier: MIT */
/*
 * internal_host.h: what the files of hostfs's host half share.
 *
 *      node_host.c    nodes and their descriptors
 *      names_host.c   lookups and changes of names
 *      object_host.c  attributes, xattrs
 *      data_host.c    open files, worker threads
 */
#ifndef NESTLING_HOSTFS_INTERNAL_HOST_H
#define NESTLING_HOSTFS_INTERNAL_HOST_H

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "drivers/hostfs/hostfs_host.h"

struct hostfs_node {
	/* immutable, like the time of its birth: sec 0 if unknown */
	uint64_t ino, dev;
	struct hostfs_time btime;
	/* under the lock of node_host.c */
	uint32_t refs, pins;
	int fd;                     /* O_PATH, -1: closed */
	bool keep;                  /* the root, or nameless: fd stays open */
	struct hostfs_node *parent; /* a reference; NULL: the root, or nameless */
	char *name;                 /* in @parent */
	/* of a root: the only name in it that there is, and nothing of it changes; or NULL */
	char *only;
	struct hostfs_node *older, *newer; /* open descriptors that may be closed */
};

struct hostfs_file {
	/* -1: to be opened when it is used, after a restore; atomic */
	int fd;
	/* for that: a reference, or NULL */
	struct hostfs_node *node;
	uint32_t how;
};

/* Returns the node with this number, or NULL. */
struct hostfs_node *node_find(int number);
void node_get(struct hostfs_node *n);
void node_put(struct hostfs_node *n);
/* Gives a node a number: @number, or a new one if that is 0. Returns it, or -errno. */
int node_number(struct hostfs_node *n, int number);
/* Returns the node's descriptor, which stays open until node_unpin(), or -errno. @n may be NULL. */
int node_pin(struct hostfs_node *n);
void node_unpin(struct hostfs_node *n);
/* Makes a node with a descriptor of its own and no name. Takes @fd, also on failure. */
int node_of_fd(int fd, struct hostfs_node **node);

/* Counts an open file against the limit of descriptors. Returns 0 or -ENFILE. */
int fd_reserve(void);
void fd_release(void);
/* Closes some descriptors if the host has none left. Returns false if none could be closed. */
bool fd_pressure(int err);

/* Returns 0 for a name that stays in its folder, or -EINVAL. */
int name_check(const char *name);
/* Reads attributes of @name in @dirfd, or of @dirfd itself if @name is "". */
int attr_at(int dirfd, const char *name, struct hostfs_attr *a);
/* "/proc/self/fd/N": the name of an O_PATH descriptor, for calls that take none. */
struct fd_name {
	char text[32];
};
struct fd_name fd_name(int fd);
/*
 * Opens the object of an O_PATH descriptor again, relative to a descriptor of /proc/self/fd, since
 * a jailed process may not use a path. Returns a descriptor, or -1 with errno.
 */
int open_again(int fd, int flags);
/* Gives the object of an O_PATH descriptor another name. Returns 0 or -errno. */
int link_again(int fd, int dirfd, const char *name);
/* Makes the file @fd a number. Takes @fd and a reserved place, also on failure. */
int open_handle(int fd, int *file);
/* Returns the descriptor of an open file, or -errno. */
int file_fd(int number);

#endif
