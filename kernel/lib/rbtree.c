/* SPDX-License-Identifier: MIT */
/*
 * rbtree.c: balancing of the intrusive red-black trees (Cormen et al., Introduction to Algorithms,
 * chapter 13).
 *
 * Invariants: the root is black; a red node has black children; every path from a node down to a
 * missing child has an equal number of black nodes. A missing child counts as black, so there is no
 * sentinel, and erase keeps track of the parent of the child, which may be missing.
 */
#include "kernel/lib/rbtree.h"

static bool is_red(const struct rb_node *n)
{
	return n && n->red;
}

/* Makes @new a child of @parent, or the root, in place of @old. */
static void replace_child(
	struct rb_node *old, struct rb_node *new, struct rb_node *parent, struct rb_root *root)
{
	if (!parent)
		root->node = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
}

static void rotate_left(struct rb_node *n, struct rb_root *root)
{
	struct rb_node *r = n->right;

	n->right = r->left;
	if (r->left)
		r->left->parent = n;
	r->parent = n->parent;
	replace_child(n, r, n->parent, root);
	r->left = n;
	n->parent = r;
}

static void rotate_right(struct rb_node *n, struct rb_root *root)
{
	struct rb_node *l = n->left;

	n->left = l->right;
	if (l->right)
		l->right->parent = n;
	l->parent = n->parent;
	replace_child(n, l, n->parent, root);
	l->right = n;
	n->parent = l;
}

void rb_insert_color(struct rb_node *n, struct rb_root *root)
{
	while (is_red(n->parent)) {
		struct rb_node *p = n->parent, *g = p->parent;
		bool p_left = p == g->left;
		struct rb_node *uncle = p_left ? g->right : g->left;

		if (is_red(uncle)) {
			p->red = uncle->red = 0;
			g->red = 1;
			n = g;
			continue;
		}
		if (p_left && n == p->right) {
			rotate_left(p, root);
			p = n;
		} else if (!p_left && n == p->left) {
			rotate_right(p, root);
			p = n;
		}
		p->red = 0;
		g->red = 1;
		if (p_left)
			rotate_right(g, root);
		else
			rotate_left(g, root);
		break;
	}
	root->node->red = 0;
}

/* Rebalances: paths through @n, a child of @parent that may be missing, lack one black node. */
static void erase_color(struct rb_node *n, struct rb_node *parent, struct rb_root *root)
{
	while (n != root->node && !is_red(n)) {
		bool left = n == parent->left;
		struct rb_node *s = left ? parent->right : parent->left;

		if (s->red) {
			s->red = 0;
			parent->red = 1;
			if (left)
				rotate_left(parent, root);
			else
				rotate_right(parent, root);
			s = left ? parent->right : parent->left;
		}
		if (!is_red(s->left) && !is_red(s->right)) {
			s->red = 1;
			n = parent;
			parent = n->parent;
			continue;
		}
		if (left && !is_red(s->right)) {
			s->left->red = 0;
			s->red = 1;
			rotate_right(s, root);
			s = parent->right;
		} else if (!left && !is_red(s->left)) {
			s->right->red = 0;
			s->red = 1;
			rotate_left(s, root);
			s = parent->left;
		}
		s->red = parent->red;
		parent->red = 0;
		if (left) {
			s->right->red = 0;
			rotate_left(parent, root);
		} else {
			s->left->red = 0;
			rotate_right(parent, root);
		}
		n = root->node;
	}
	if (n)
		n->red = 0;
}

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	struct rb_node *child, *parent, *succ;
	u64 lost_red;

	if (!n->left || !n->right) {
		child = n->left ? n->left : n->right;
		parent = n->parent;
		lost_red = n->red;
		if (child)
			child->parent = parent;
		replace_child(n, child, parent, root);
	} else {
		for (succ = n->right; succ->left;)
			succ = succ->left;
		child = succ->right;
		lost_red = succ->red;
		parent = succ->parent;
		if (parent == n) {
			parent = succ;
		} else {
			parent->left = child;
			if (child)
				child->parent = parent;
			succ->right = n->right;
			succ->right->parent = succ;
		}
		succ->left = n->left;
		succ->left->parent = succ;
		succ->parent = n->parent;
		succ->red = n->red;
		replace_child(n, succ, n->parent, root);
	}
	if (!lost_red)
		erase_color(child, parent, root);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->left)
		n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->right)
		n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	if (n->right) {
		for (n = n->right; n->left;)
			n = n->left;
		return (struct rb_node *)n;
	}
	while (n->parent && n == n->parent->right)
		n = n->parent;
	return n->parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	if (n->left) {
		for (n = n->left; n->right;)
			n = n->right;
		return (struct rb_node *)n;
	}
	while (n->parent && n == n->parent->left)
		n = n->parent;
	return n->parent;
}
