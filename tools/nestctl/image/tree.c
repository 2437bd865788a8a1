/* SPDX-License-Identifier: MIT */
/*
 * tree.c: see tree.h. Nodes are found by a hash of parent and name, and each folder has a list of
 * its nodes.
 *
 * Invariants:
 * 1. A node is in the hash if and only if it is in its parent's list. A removed node is in neither,
 *    and its memory is not freed.
 * 2. A node without a source is a folder that no layer names. It will belong to root and have mode
 *    755.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/tree.h"

#define BUCKETS (1 << 16)
#define LINKS_MAX 40
#define DEPTH_MAX 1024
#define NAME_BYTES 255
#define PATH_BYTES 4095

/* A name. Nodes are never freed. */
struct node {
	struct node *parent;
	struct node *hash_next, *first, *next; /* @next: in its folder's list */
	struct node *next_name;
	struct source *source;
	char *target; /* of a symbolic link, or NULL */
	mode_t type;
	unsigned int layer, depth; /* @depth: 0 is the root */
	char name[];
};

struct tree {
	struct node *root;
	struct node *buckets[BUCKETS];
	uint64_t bytes, most; /* bytes of memory for nodes and targets */
};

/* bucket() returns the bucket of a name of @len bytes in @dir. find() returns its node, or NULL. */
static struct node **bucket(struct tree *t, const struct node *dir, const char *name, size_t len)
{
	uint64_t hash = (uintptr_t)dir >> 4;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
	return &t->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static struct node *find(struct tree *t, const struct node *dir, const char *name, size_t len)
{
	struct node *n = *bucket(t, dir, name, len);

	while (n && (n->parent != dir || strncmp(n->name, name, len) || n->name[len]))
		n = n->hash_next;
	return n;
}

/*
 * Counts memory for names, and dies beyond the limit: deep paths can need a thousand times their
 * own bytes.
 */
static void count(struct tree *t, uint64_t bytes)
{
	t->bytes += bytes;
	if (t->most && t->bytes > t->most)
		die("its names and folders take more than %llu MiB of memory; with a larger --size "
		    "they may take more",
			(unsigned long long)t->most >> 20);
}

/* Makes a folder that no layer names, as the first entry in the list of @dir. */
static struct node *node_new(struct tree *t, struct node *dir, const char *name, size_t len)
{
	struct node *n = xalloc(sizeof(*n) + len + 1), **head = bucket(t, dir, name, len);

	if (dir->depth == DEPTH_MAX)
		die("%.*s: folders nested more than %d deep", (int)len, name, DEPTH_MAX);
	count(t, sizeof(*n) + len + 17);
	memcpy(n->name, name, len);
	n->parent = dir;
	n->depth = dir->depth + 1;
	n->type = S_IFDIR;
	n->hash_next = *head;
	*head = n;
	n->next = dir->first;
	dir->first = n;
	return n;
}

/* Removes a node without children from its folder and its bucket. */
static void unlink_node(struct tree *t, struct node *n)
{
	struct node **p = bucket(t, n->parent, n->name, strlen(n->name));

	while (*p != n)
		p = &(*p)->hash_next;
	*p = n->hash_next;
	for (p = &n->parent->first; *p != n; p = &(*p)->next)
		;
	*p = n->next;
}

struct tree *tree_new(uint64_t most)
{
	struct tree *t = xalloc(sizeof(*t));

	t->most = most;
	t->root = xalloc(sizeof(*t->root) + 1);
	t->root->type = S_IFDIR;
	return t;
}

/* ---- paths ---- */

/* Dies if the path is not allowed (tree.h). */
static void check_path(const char *path)
{
	if (strlen(path) > PATH_BYTES)
		die("a path of more than %d bytes: %.40s...", PATH_BYTES, path);
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && !strncmp(p, "..", 2))
			die("a path with '..': %s", path);
		if (len > NAME_BYTES)
			die("a name of more than %d bytes: %.40s...", NAME_BYTES, p);
		p += len + (p[len] == '/');
	}
}

/*
 * Returns the folder at @path[0..len) relative to @dir, or NULL if it is missing. @make: makes
 * missing folders.
 */
static struct node *folder(struct tree *t, struct node *dir, const char *path, size_t len,
	int *links, bool make, unsigned int layer)
{
	const char *end = path + len;

	for (size_t n; dir && path < end; path += n + (path + n < end)) {
		struct node *child;

		for (n = 0; path + n < end && path[n] != '/'; n++)
			;
		if (!n || (n == 1 && *path == '.'))
			continue;
		if (n == 2 && !strncmp(path, "..", 2)) { /* occurs in symbolic links */
			dir = dir->parent ?: dir;
			continue;
		}
		child = find(t, dir, path, n);
		if (!child && n > NAME_BYTES)
			die("a name of more than %d bytes: %.40s...", NAME_BYTES, path);
		if (!child && make) {
			child = node_new(t, dir, path, n);
			child->layer = layer;
		}
		if (child && S_ISLNK(child->type)) {
			if (++*links > LINKS_MAX)
				die("%s: too many symbolic links", child->name);
			child = folder(t, *child->target == '/' ? t->root : dir, child->target,
				strlen(child->target), links, make, layer);
		}
		if (child && !S_ISDIR(child->type)) {
			if (make)
				die("%s is not a folder, and there is something in it",
					child->name);
			return NULL;
		}
		dir = child;
	}
	return dir;
}

/*
 * Returns the folder that contains @path, and the last name in *name, of *len bytes. An empty name
 * means the root.
 */
static struct node *parent_folder(struct tree *t, const char *path, bool make, unsigned int layer,
	const char **name, size_t *len)
{
	const char *end = path + strlen(path), *from;
	int links = 0;

	check_path(path);
	for (;;) { /* skips trailing slashes and dots */
		while (end > path && end[-1] == '/')
			end--;
		for (from = end; from > path && from[-1] != '/'; from--)
			;
		if (end - from != 1 || *from != '.')
			break;
		end = from;
	}
	*name = from;
	*len = (size_t)(end - from);
	return folder(t, t->root, path, (size_t)(from - path), &links, make, layer);
}

/* Returns the node of a path, or NULL. Does not follow a symbolic link at its end. */
static struct node *find_path(struct tree *t, const char *path)
{
	const char *name;
	size_t len;
	struct node *dir = parent_folder(t, path, false, 0, &name, &len);

	return !dir ? NULL : len ? find(t, dir, name, len) : dir;
}

/* ---- removal ---- */

/* Removes entries that layers below @layer put there. True if the node itself was removed. */
static bool remove_lower(struct tree *t, struct node *n, unsigned int layer)
{
	for (struct node *c = n->first, *next; c; c = next) {
		next = c->next;
		remove_lower(t, c, layer);
	}
	if (n->layer >= layer)
		return false;
	if (n->first) { /* entries of @layer remain in it */
		n->source = NULL;
		n->layer = layer;
		return false;
	}
	unlink_node(t, n);
	return true;
}

void tree_remove(struct tree *t, const char *path, unsigned int layer)
{
	struct node *n = find_path(t, path);

	if (n && n != t->root)
		remove_lower(t, n, layer);
}

void tree_empty(struct tree *t, const char *path, unsigned int layer)
{
	struct node *n = find_path(t, path);

	for (struct node *c = n ? n->first : NULL, *next; c; c = next) {
		next = c->next;
		remove_lower(t, c, layer);
	}
}

/* ---- additions ---- */

static void drop_children(struct tree *t, struct node *n)
{
	while (n->first) {
		drop_children(t, n->first);
		unlink_node(t, n->first);
	}
}

/*
 * Returns the node of @path in @layer with this type, which replaces an earlier entry. A folder
 * keeps its contents.
 */
static struct node *place(struct tree *t, const char *path, unsigned int layer, mode_t type)
{
	const char *name;
	size_t len;
	struct node *dir = parent_folder(t, path, true, layer, &name, &len);
	struct node *n = len ? find(t, dir, name, len) : dir;

	if (!n)
		n = node_new(t, dir, name, len);
	if (!S_ISDIR(type)) {
		if (n == t->root)
			die("the root is not a folder");
		drop_children(t, n);
	}
	n->layer = layer;
	n->type = type;
	return n;
}

void tree_add(struct tree *t, const char *path, unsigned int layer, mode_t type, const char *target,
	struct source *s)
{
	struct node *n = place(t, path, layer, type);

	n->source = s;
	if (target)
		count(t, strlen(target) + 17);
	n->target = target ? format("%s", target) : NULL;
}

void tree_link(struct tree *t, const char *path, unsigned int layer, const char *old)
{
	struct node *to = find_path(t, old), *n;

	if (!to || !to->source || S_ISDIR(to->type))
		die("%s: a hard link to %s, which is not an earlier file", path, old);
	struct node copy = *to;

	n = place(t, path, layer, copy.type);
	n->source = copy.source;
	n->target = copy.target;
}

bool tree_has(struct tree *t, const char *path)
{
	return find_path(t, path) != NULL;
}

bool tree_has_file(struct tree *t, const char *path)
{
	struct node *n = find_path(t, path);

	return n && S_ISREG(n->type);
}

/* ---- the result ---- */

/* Adds the node, and those below it, to the names of their sources. */
static void give_names(struct node *n)
{
	if (n->source) {
		n->next_name = n->source->names;
		n->source->names = n;
	}
	for (struct node *c = n->first; c; c = c->next)
		give_names(c);
}

void tree_finish(struct tree *t)
{
	give_names(t->root);
}

struct node *node_next_name(const struct node *n)
{
	return n->next_name;
}

char *node_path(const struct node *n)
{
	size_t len = 0;
	char *path, *p;

	for (const struct node *m = n; m->parent; m = m->parent)
		len += strlen(m->name) + 1;
	if (!len)
		return format("%s", "");
	path = xalloc(len);
	p = path + len - 1;
	for (const struct node *m = n; m->parent; m = m->parent) {
		size_t part = strlen(m->name);

		p -= part;
		memcpy(p, m->name, part);
		if (p > path)
			*--p = '/';
	}
	return path;
}
