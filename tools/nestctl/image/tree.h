/* SPDX-License-Identifier: MIT */
/*
 * tree.h: which entry of which layer each name of the result comes from. Names only, no data: layers are read once to fill the tree and
 * once more to write what it kept (layers.c).
 *
 * Paths come from outside: one with "..", a component above 255 bytes, more than 4095 bytes or 1024 levels dies. Symbolic links
 * on the way to a name are followed within the tree, as they would be in the instance.
 */
#ifndef NESTLING_NESTCTL_TREE_H
#define NESTLING_NESTCTL_TREE_H

#include <stdbool.h>
#include <sys/types.h>

struct node;
struct tree;

/* An entry of a layer that has data and attributes of its own. Its names that are left, after tree_finish(). */
struct source {
	struct node *names;
};

struct tree *tree_new(void);
/*
 * @path is now an entry of type @type (S_IFMT) in layer @layer (layers are added in their order); a folder over a folder keeps
 * what is in it. @target: of a symbolic link.
 */
void tree_add(struct tree *t, const char *path, unsigned int layer, mode_t type, const char *target,
	struct source *s);
/* @path is now the same file as @old, which is there. */
void tree_link(struct tree *t, const char *path, unsigned int layer, const char *old);
/* Whiteouts: what lower layers put at @path, or into the folder @path, is gone. */
void tree_remove(struct tree *t, const char *path, unsigned int layer);
void tree_empty(struct tree *t, const char *path, unsigned int layer);
/* A file of this name is there, no folder. */
bool tree_has_file(struct tree *t, const char *path);
bool tree_has(struct tree *t, const char *path);

/* Gives each source its names. */
void tree_finish(struct tree *t);
/* The next name of the same source, or NULL; and a name as a path, "usr/bin/x", to be freed. */
struct node *node_next_name(const struct node *n);
char *node_path(const struct node *n);

#endif
