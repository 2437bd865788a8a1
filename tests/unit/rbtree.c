/* SPDX-License-Identifier: MIT */
/*
 * rbtree.c: the tree stays sorted, balanced and complete over random insertions and deletions.
 * SOURCES: kernel/lib/rbtree.c
 */
#include "kernel/lib/rbtree.h"
#include "unit.h"

#define N 2000

struct item {
	struct rb_node node;
	u32 key;
	bool in;
};
static struct item items[N];

static void insert(struct rb_root *root, struct item *it)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < rb_entry(parent, struct item, node)->key ? &parent->left :
									    &parent->right;
	}
	rb_link_node(&it->node, parent, link);
	rb_insert_color(&it->node, root);
	it->in = true;
}

/*
 * Returns the number of black nodes on each path down, with the NULL at its end. Fails if paths
 * differ, or if a red node has a red child.
 */
static int black_height(const struct rb_node *n, const struct rb_node *parent)
{
	int left, right;

	if (!n)
		return 1;
	assert_ptr_equal(n->parent, parent);
	assert_false(n->red && parent && parent->red);
	left = black_height(n->left, n);
	right = black_height(n->right, n);
	assert_int_equal(left, right);
	return left + !n->red;
}

static void check(const struct rb_root *root, u32 expected)
{
	u32 n = 0, last = 0;

	black_height(root->node, NULL);
	for (struct rb_node *p = rb_first(root); p; p = rb_next(p), n++) {
		u32 key = rb_entry(p, struct item, node)->key;

		assert_true(key >= last);
		last = key;
		if (rb_next(p))
			assert_ptr_equal(rb_prev(rb_next(p)), p);
		else
			assert_ptr_equal(rb_last(root), p);
	}
	assert_int_equal(n, expected);
}

static void random_operations(void **state)
{
	struct rb_root root = RB_ROOT;
	u32 count = 0;

	for (u32 i = 0; i < 20000; i++) {
		struct item *it = &items[fake_random() % N];

		if (it->in) {
			rb_erase(&it->node, &root);
			it->in = false;
			count--;
		} else {
			it->key = fake_random() % (N / 2);
			insert(&root, it);
			count++;
		}
		if (i % 500 == 0)
			check(&root, count);
	}
	for (u32 i = 0; i < N; i++)
		if (items[i].in)
			rb_erase(&items[i].node, &root);
	assert_null(root.node);
}

static void empty_tree(void **state)
{
	struct rb_root root = RB_ROOT;

	assert_null(rb_first(&root));
	assert_null(rb_last(&root));
}

UNIT_MAIN(cmocka_unit_test(random_operations), cmocka_unit_test(empty_tree))
