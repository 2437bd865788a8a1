/* SPDX-License-Identifier: MIT */
/*
 * rbtree.h: intrusive red-black trees (Cormen et al., Introduction to Algorithms, chapter 13). The
 * caller searches: it finds the parent and the link (the child pointer, or &root->node), then calls
 * rb_link_node and rb_insert_color. No locks: the owner locks.
 */
#ifndef NESTLING_LIB_RBTREE_H
#define NESTLING_LIB_RBTREE_H

#include "kernel/lib/types.h"

struct rb_node {
	struct rb_node *parent, *left, *right;
	u64 red;
};
struct rb_root {
	struct rb_node *node;
};
#define RB_ROOT ((struct rb_root){ NULL })
#define rb_entry(p, t, m) container_of(p, t, m)
#define rb_entry_safe(p, t, m)                                                                     \
	({                                                                                         \
		struct rb_node *n_ = (p);                                                          \
		n_ ? rb_entry(n_, t, m) : NULL;                                                    \
	})

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->parent = parent;
	n->left = n->right = NULL;
	n->red = 1;
	*link = n;
}
/*
 * Rebalance the tree after rb_link_node(), and take a node out of it, which the caller may then
 * free or link again.
 */
void rb_insert_color(struct rb_node *n, struct rb_root *root);
void rb_erase(struct rb_node *n, struct rb_root *root);
/* Return the first, last, next or previous node in the tree's order, or NULL. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

#endif
