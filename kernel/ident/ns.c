/* SPDX-License-Identifier: MIT */
/*
 * ns.c: the common part of all kinds of namespaces: numbers, counts and owners (ns.h).
 *
 * Locks: inum_lock, a leaf, for the numbers; task->alloc_lock where another task's nsproxy is read.
 */
#include "kernel/ident/ns.h"
#include "kernel/ident/internal.h"
#include "kernel/lib/radix.h"

#define FIRST_INUM 4026531842U

struct nsproxy init_nsproxy = { .count = ATOMIC_INIT(1) };

static DEFINE_SPINLOCK(inum_lock);
/* Index: number - FIRST_INUM; under inum_lock. */
static struct radix inums = RADIX_INIT;
static u64 last_inum; /* under inum_lock */

/*
 * Returns a new number. Numbers are not reused soon, since a program may compare a namespace with a
 * number that it has stored.
 */
static u32 inum_get(void)
{
	s64 n;

	spin_lock(&inum_lock);
	n = radix_alloc(&inums, last_inum, 0x07ffffff, &inums);
	if (n == -ENOSPC)
		n = radix_alloc(&inums, 0, 0x07ffffff, &inums);
	if (n >= 0)
		last_inum = (u64)n + 1;
	spin_unlock(&inum_lock);
	return n < 0 ? 0 : FIRST_INUM + (u32)n;
}

static void inum_put(u32 inum)
{
	spin_lock(&inum_lock);
	radix_delete(&inums, inum - FIRST_INUM);
	spin_unlock(&inum_lock);
}

/* ---- namespaces ---- */

void ns_register(enum ns_slot slot, const struct ns_ops *ops, struct ns_common *init)
{
	init->ops = ops;
	init->owner = &init_user_ns;
	init_nsproxy.ns[slot] = init;
}

int ns_init(struct ns_common *ns, const struct ns_ops *ops, struct user_namespace *owner)
{
	ns->uc = ucounts_charge(owner, current_euid(), ops->count);
	if (IS_ERR(ns->uc))
		return PTR_ERR(ns->uc);
	ns->inum = inum_get();
	if (!ns->inum) {
		ucounts_uncharge(ns->uc, ops->count);
		return -ENOMEM;
	}
	atomic_set(&ns->count, 1);
	ns->ops = ops;
	ns->owner = get_user_ns(owner);
	return 0;
}

void ns_uncount(struct ns_common *ns)
{
	inum_put(ns->inum);
	ucounts_uncharge(ns->uc, ns->ops->count);
}

void ns_fini(struct ns_common *ns)
{
	ns_uncount(ns);
	put_user_ns(ns->owner);
}

struct ns_common *ns_get(struct ns_common *ns)
{
	if (ns)
		atomic_inc(&ns->count);
	return ns;
}

void ns_put(struct ns_common *ns)
{
	if (ns && atomic_dec_and_test(&ns->count))
		ns->ops->free(ns);
}

struct ns_common *ns_of_task(struct task *t, enum ns_slot slot)
{
	struct ns_common *ns = NULL;

	spin_lock(&t->alloc_lock);
	if (t->nsproxy)
		ns = ns_get(t->nsproxy->ns[slot]);
	spin_unlock(&t->alloc_lock);
	return ns;
}

struct user_namespace *current_ns_owner(enum ns_slot slot)
{
	const struct nsproxy *p = current->nsproxy;

	return p && p->ns[slot] ? p->ns[slot]->owner : &init_user_ns;
}

int ns_install_default(struct nsset *set, struct ns_common *ns)
{
	struct user_namespace *mine = set->cred ? set->cred->user_ns : current_user_ns();

	if (!ns_capable(ns->owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (set->cred ? !cred_ns_capable(set->cred, mine, CAP_SYS_ADMIN) :
			!ns_capable(mine, CAP_SYS_ADMIN))
		return -EPERM;
	return 0;
}
