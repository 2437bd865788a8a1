/* SPDX-License-Identifier: MIT */
/*
 * namespace.c: cgroup namespaces. The group in which the namespace was made is shown as the root
 * (cgroup_namespaces(7)) in /proc/PID/cgroup, and in file systems that are mounted from inside.
 *
 * The namespace is a border as well (nsdelegate): a task inside moves no task across it, and at its
 * top group sets none of the values that divide resources with the groups outside, such as limits.
 * Limits and the tree stay as they are.
 *
 * Locks: none; the root is immutable.
 */
#include <linux/sched.h>

#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/ns.h"

struct cgroup_namespace {
	struct ns_common ns;
	struct cgroup *root; /* a reference */
	/*
	 * Version 1's roots, by the hierarchy's slot, with references. Where the pointer is NULL,
	 * or belongs to a hierarchy that has ended, the root is the hierarchy's top.
	 */
	struct cgroup1 *roots[CGROUP1_MAX];
};

static const struct ns_ops cgroup_ns_ops;
static struct cgroup_namespace init_cgroup_ns = {
	.ns = { .count = ATOMIC_INIT(2), .inum = 4026531835U }, .root = &cgroup_root
};

static struct ns_common *cgroup_ns_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	struct cgroup_namespace *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return ERR_PTR(-ENOMEM);
	err = ns_init(&c->ns, &cgroup_ns_ops, owner);
	if (err) {
		kfree(c);
		return ERR_PTR(err);
	}
	c->root = task_get_cgroup(current);
	cgroup1_copy(current, c->roots);
	return &c->ns;
}

static void cgroup_ns_free(struct ns_common *ns)
{
	struct cgroup_namespace *c = container_of(ns, struct cgroup_namespace, ns);

	cgroup_put(c->root);
	for (u32 i = 0; i < CGROUP1_MAX; i++)
		cgroup1_put(c->roots[i]);
	ns_fini(ns);
	kfree(c);
}

static const struct ns_ops cgroup_ns_ops = {
	.name = "cgroup",
	.flag = CLONE_NEWCGROUP,
	.count = UCOUNT_CGROUP,
	.copy = cgroup_ns_copy,
	.free = cgroup_ns_free,
	.install = ns_install_default,
};

static struct cgroup_namespace *of_current(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p ? container_of(p->ns[NS_CGROUP], struct cgroup_namespace, ns) : &init_cgroup_ns;
}

struct cgroup *cgroup_ns_root(void)
{
	return of_current()->root;
}

struct cgroup1 *cgroup1_ns_root(struct cgroup1_hier *h)
{
	struct cgroup1 *g = of_current()->roots[h->slot];

	return g && g->hier == h ? g : h->top;
}

struct cgroup *cgroup_ns_top(void)
{
	const struct nsproxy *p = current->nsproxy;

	return p && p->ns[NS_CGROUP] != &init_cgroup_ns.ns ? cgroup_ns_root() : NULL;
}

bool cgroup_ns_is_first(void)
{
	return of_current() == &init_cgroup_ns;
}

bool cgroup_leaves(const struct cgroup *top, const struct cgroup *from, const struct cgroup *to)
{
	return top && !(cgroup_is_descendant(from, top) && cgroup_is_descendant(to, top));
}

static int cgroup_ns_init(void)
{
	ns_register(NS_CGROUP, &cgroup_ns_ops, &init_cgroup_ns.ns);
	return 0;
}
INITCALL(1, cgroup_ns_init);
