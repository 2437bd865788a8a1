/* SPDX-License-Identifier: MIT */
/*
 * tree.h: finds the layer, and the entry in it, that each name of the merged file system comes
 * from. The tree has names, but no data. Layers are read once to fill the tree, and again to write
 * the files that remain (layers.c).
 *
 * Paths are untrusted: nestctl dies with a message if a path has a component "..", a component of
 * more than 255 bytes, more than 4095 bytes in all, or more than 1024 levels. Symbolic links on the
 * way to a name are followed within the tree, as they would be in the instance.
 */
#ifndef NESTLING_NESTCTL_TREE_H
#define NESTLING_NESTCTL_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node;
struct tree;

/*
 * An entry of a layer that has its own data and attributes. @names: the first of the names that
 * remain for it, set by tree_finish(); NULL at first and if there are none.
 */
struct source {
	struct node *names;
};

/*
 * Makes an empty tree. @most: the bytes of memory that its names may take, 0 for no limit. A
 * function that needs more dies.
 */
struct tree *tree_new(uint64_t most);
/*
 * Makes @path an entry of type @type (S_IFMT) in layer @layer. Layers are numbered from 0 and added
 * in order. A folder over an existing folder keeps its contents. @target: of a symbolic link, or
 * NULL. @s must stay as long as the tree; the texts are copied.
 */
void tree_add(struct tree *t, const char *path, unsigned int layer, mode_t type, const char *target,
	struct source *s);
/* Makes @path a hard link to the existing file @old. Dies if there is none. */
void tree_link(struct tree *t, const char *path, unsigned int layer, const char *old);
/*
 * Handle whiteouts of layer @layer. tree_remove() removes the entry @path with its contents,
 * tree_empty() the contents of the folder @path. Entries of @layer itself, and folders in which
 * such entries remain, stay. Both do nothing if there is no such path.
 */
void tree_remove(struct tree *t, const char *path, unsigned int layer);
void tree_empty(struct tree *t, const char *path, unsigned int layer);
/* tree_has_file() is true if @path is a regular file, tree_has() if it is any entry. */
bool tree_has_file(struct tree *t, const char *path);
bool tree_has(struct tree *t, const char *path);

/* Sets the names of each source. The tree is complete. */
void tree_finish(struct tree *t);
/*
 * node_next_name() returns the next name of the source, or NULL. node_path() returns the path of a
 * name, such as "usr/bin/x", which the caller frees.
 */
struct node *node_next_name(const struct node *n);
char *node_path(const struct node *n);

#endif
