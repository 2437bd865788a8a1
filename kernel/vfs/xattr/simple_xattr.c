/* SPDX-License-Identifier: MIT */
/*
 * simple_xattr.c: extended attributes in memory. The attributes of a file are in a tree by name,
 * since a file may have any number of them, and in a list, the newest first, which is the order
 * that programs see. names_len is the length of all names, so that a list which fits no buffer need
 * not be walked.
 *
 * Lock: simple_xattrs.lock; memory is allocated and freed without it.
 */
#include <linux/xattr.h>

#include "kernel/vfs/internal.h"
#include "kernel/vfs/xattr/simple_xattr.h"

struct simple_xattr {
	struct rb_node node;
	struct list_head list;
	char *name;
	size_t size;
	u8 value[];
};

void simple_xattrs_init(struct simple_xattrs *x)
{
	spin_lock_init(&x->lock);
	INIT_LIST_HEAD(&x->list);
	x->tree = RB_ROOT;
	x->names_len = 0;
}

static void xattr_free(struct simple_xattr *a)
{
	if (!a)
		return;
	kfree(a->name);
	kfree(a);
}

static void free_first(struct simple_xattrs *x)
{
	struct simple_xattr *a = list_first_entry(&x->list, struct simple_xattr, list);

	list_del(&a->list);
	xattr_free(a);
}

/* Frees all attributes. Called when no task can look any up. */
void simple_xattrs_free(struct simple_xattrs *x)
{
	while (!list_empty(&x->list))
		free_first(x);
	x->tree = RB_ROOT;
	x->names_len = 0;
}

void simple_xattrs_evict(struct simple_xattrs *x)
{
	for (; !list_empty(&x->list); cond_resched())
		free_first(x);
	simple_xattrs_free(x);
}

u32 simple_xattrs_count(struct simple_xattrs *x, const char *prefix, size_t *bytes)
{
	struct simple_xattr *a;
	u32 n = 0;

	*bytes = 0;
	spin_lock(&x->lock);
	list_for_each_entry(a, &x->list, list)
		if (!strncmp(a->name, prefix, strlen(prefix))) {
			*bytes += a->size;
			n++;
		}
	spin_unlock(&x->lock);
	return n;
}

static struct simple_xattr *find_locked(struct simple_xattrs *x, const char *name)
{
	struct rb_node *n = x->tree.node;

	assert_spin_held(&x->lock);
	while (n) {
		struct simple_xattr *a = rb_entry(n, struct simple_xattr, node);
		int order = strcmp(name, a->name);

		if (!order)
			return a;
		n = order < 0 ? n->left : n->right;
	}
	return NULL;
}

static void link_locked(struct simple_xattrs *x, struct simple_xattr *fresh)
{
	struct rb_node **at = &x->tree.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = strcmp(fresh->name, rb_entry(parent, struct simple_xattr, node)->name) < 0 ?
			     &parent->left :
			     &parent->right;
	}
	rb_link_node(&fresh->node, parent, at);
	rb_insert_color(&fresh->node, &x->tree);
	list_add(&fresh->list, &x->list);
	x->names_len += strlen(fresh->name) + 1;
}

static void unlink_locked(struct simple_xattrs *x, struct simple_xattr *old)
{
	rb_erase(&old->node, &x->tree);
	list_del(&old->list);
	x->names_len -= strlen(old->name) + 1;
}

ssize_t simple_xattr_get(struct simple_xattrs *x, const char *name, void *buf, size_t size)
{
	struct simple_xattr *a;
	ssize_t n = -ENODATA;

	spin_lock(&x->lock);
	a = find_locked(x, name);
	if (a) {
		n = a->size;
		if (buf && size < a->size)
			n = -ERANGE;
		else if (buf)
			memcpy(buf, a->value, a->size);
	}
	spin_unlock(&x->lock);
	return n;
}

static struct simple_xattr *xattr_new(const char *name, const void *value, size_t size)
{
	struct simple_xattr *a = kmalloc(sizeof(*a) + size, GFP_KERNEL);

	if (!a)
		return NULL;
	a->name = kstrdup(name);
	if (!a->name) {
		kfree(a);
		return NULL;
	}
	a->size = size;
	memcpy(a->value, value, size);
	return a;
}

int simple_xattr_set(
	struct simple_xattrs *x, const char *name, const void *value, size_t size, int flags)
{
	struct simple_xattr *fresh = NULL, *old;
	int err = 0;

	if (value) {
		fresh = xattr_new(name, value, size);
		if (!fresh)
			return -ENOMEM;
	}
	spin_lock(&x->lock);
	old = find_locked(x, name);
	if (old && (flags & XATTR_CREATE))
		err = -EEXIST;
	else if (!old && ((flags & XATTR_REPLACE) || !value))
		err = -ENODATA;
	if (err) {
		old = fresh;
	} else {
		if (old)
			unlink_locked(x, old);
		if (fresh)
			link_locked(x, fresh);
	}
	spin_unlock(&x->lock);
	xattr_free(old);
	return err;
}

/*
 * Limits for user attributes of a cgroup's directory, since they are kernel memory and any user may
 * own the directory. As on Linux, a new value counts in addition to the value that it replaces.
 */
#define USER_XATTRS_MAX 128
#define USER_XATTRS_BYTES (128U << 10)

static bool has_user_room(struct simple_xattrs *x, size_t size)
{
	size_t bytes;

	return simple_xattrs_count(x, "user.", &bytes) < USER_XATTRS_MAX &&
	       bytes + size <= USER_XATTRS_BYTES;
}

int simple_xattr_set_bounded(
	struct simple_xattrs *x, const char *name, const void *value, size_t size, int flags)
{
	if (strncmp(name, "user.", 5) != 0 && strncmp(name, "trusted.", 8) != 0 &&
		strncmp(name, "security.", 9) != 0)
		return -EOPNOTSUPP;
	if (value && name[0] == 'u' && !has_user_room(x, size))
		return -ENOSPC;
	return simple_xattr_set(x, name, value, size, flags);
}

ssize_t simple_xattr_list(struct simple_xattrs *x, char *buf, size_t size)
{
	struct simple_xattr *a;
	ssize_t n = 0;

	spin_lock(&x->lock);
	if (!buf || x->names_len > size) {
		n = buf ? -ERANGE : (ssize_t)x->names_len;
		spin_unlock(&x->lock);
		return n;
	}
	list_for_each_entry(a, &x->list, list) {
		size_t len = strlen(a->name) + 1;

		memcpy(buf + n, a->name, len);
		n += (ssize_t)len;
	}
	spin_unlock(&x->lock);
	return n;
}
