/* SPDX-License-Identifier: MIT */
/*
 * tree.h: finds for each name of the result its layer and its entry there. Names only, no data:
 * layers are read once to fill the tree and once more to write what it kept (layers.c).
 *
 * Paths are not trusted: one with "..", a component above 255 bytes, more than 4095 bytes or 1024
 * levels dies. Symbolic links on the way to a name are followed within the tree, as they would be
 * in the instance.
 */
#ifndef NESTLING_NESTCTL_TREE_H
#define NESTLING_NESTCTL_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node;
struct tree;

/*
 * An entry of a layer with data and attributes of its own. names: those that remain, after
 * tree_finish().
 */
struct source {
	struct node *names;
};

/* @most: bytes of memory for its names; more dies. 0: any number. */
struct tree *tree_new(uint64_t most);
/*
 * Makes @path an entry of type @type (S_IFMT) in layer @layer (layers are added in order). A folder
 * over a folder keeps its content. @target: of a symbolic link.
 */
void tree_add(struct tree *t, const char *path, unsigned int layer, mode_t type, const char *target,
	struct source *s);
/* Makes @path a hard link to the existing @old. */
void tree_link(struct tree *t, const char *path, unsigned int layer, const char *old);
/* Handle whiteouts: what lower layers put at @path, or into the folder @path, is removed. */
void tree_remove(struct tree *t, const char *path, unsigned int layer);
void tree_empty(struct tree *t, const char *path, unsigned int layer);
/* True if a file, not a folder, has this name. */
bool tree_has_file(struct tree *t, const char *path);
bool tree_has(struct tree *t, const char *path);

/* Gives each source its names. */
void tree_finish(struct tree *t);
/* Return the next name of the source, or NULL; and a name as a path, "usr/bin/x", to be freed. */
struct node *node_next_name(const struct node *n);
char *node_path(const struct node *n);

#endif
