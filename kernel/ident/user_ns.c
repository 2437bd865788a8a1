/* SPDX-License-Identifier: MIT */
/*
 * user_ns.c: user namespaces: creates them, checks capabilities in them, and counts the objects
 * that are limited for each user. Rules: user_namespaces(7), namespaces(7) ("The /proc/sys/user
 * directory").
 *
 * Locks: ucounts_lock (innermost) for the counts. Maps: user_ns_map.c.
 */
#include <linux/securebits.h>

#include "kernel/ident/internal.h"

#define MAX_LEVEL 32

static struct ns_common *no_copy(
	struct ns_common *old, struct user_namespace *owner, struct fs_struct *fs)
{
	return ERR_PTR(-EINVAL);
}

/*
 * Frees a namespace, and then parents whose last child is freed, in a loop instead of recursion
 * over 33 levels.
 */
static void user_ns_free(struct ns_common *ns)
{
	struct user_namespace *u = container_of(ns, struct user_namespace, ns);

	for (;;) {
		struct user_namespace *up = u->parent;

		ns_uncount(&u->ns);
		kfree(u->uid_map.ext);
		kfree(u->gid_map.ext);
		kfree(u->projid_map.ext);
		kfree(u->binfmt_misc);
		kfree(u);
		if (!up || !atomic_dec_and_test(&up->ns.count))
			return;
		u = up;
	}
}

static struct ns_common *user_ns_parent(struct ns_common *ns)
{
	struct user_namespace *up = container_of(ns, struct user_namespace, ns)->parent;

	return up ? &up->ns : NULL;
}

static int user_ns_install(struct nsset *set, struct ns_common *ns)
{
	struct user_namespace *u = container_of(ns, struct user_namespace, ns);
	struct cred *c = set->cred;

	if (!c || u == current_user_ns() || !thread_group_empty(current) || !set->fs_alone)
		return -EINVAL;
	if (!ns_capable(u, CAP_SYS_ADMIN))
		return -EPERM;
	put_user_ns(c->user_ns);
	c->user_ns = get_user_ns(u);
	c->securebits = SECUREBITS_DEFAULT;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bset = CAP_FULL;
	return 0;
}

static const struct ns_ops user_ns_ops = {
	.name = "user",
	.flag = CLONE_NEWUSER,
	.count = UCOUNT_USER,
	.copy = no_copy,
	.free = user_ns_free,
	.install = user_ns_install,
	.parent = user_ns_parent,
};

static struct id_extent whole = { 0, 0, ~0U };
struct user_namespace init_user_ns = {
	.ns = { .count = ATOMIC_INIT(3), .inum = 4026531837U, .ops = &user_ns_ops },
	.uid_map = { 1, &whole },
	.gid_map = { 1, &whole },
	.projid_map = { 1, &whole },
	.setgroups_allowed = true,
};

struct user_namespace *get_user_ns(struct user_namespace *ns)
{
	atomic_inc(&ns->ns.count);
	return ns;
}

void put_user_ns(struct user_namespace *ns)
{
	if (ns && atomic_dec_and_test(&ns->ns.count))
		user_ns_free(&ns->ns);
}

bool in_userns(const struct user_namespace *top, const struct user_namespace *ns)
{
	while (ns->level > top->level)
		ns = ns->parent;
	return ns == top;
}

/* ---- capabilities ---- */

bool cred_ns_capable(const struct cred *c, const struct user_namespace *target, int cap)
{
	const struct user_namespace *ns;

	for (ns = target;; ns = ns->parent) {
		if (ns == c->user_ns)
			return c->cap_effective & CAP_BIT(cap);
		if (ns->level <= c->user_ns->level)
			return false;
		if (ns->parent == c->user_ns && ns->owner == c->euid)
			/* A task in the parent with the creator's euid has all capabilities. */
			return true;
	}
}

bool ns_capable(struct user_namespace *ns, int cap)
{
	if (!cred_ns_capable(current->cred, ns, cap))
		return false;
	current->flags |= PF_SUPERPRIV;
	return true;
}

bool ns_capable_to(struct task *t, int cap)
{
	const struct cred *c = get_task_cred(t);
	bool yes = ns_capable(c->user_ns, cap);

	put_cred(c);
	return yes;
}

bool capable_wrt_ids(kuid_t uid, kgid_t gid, int cap)
{
	struct user_namespace *ns = current_user_ns();

	return ns_capable(ns, cap) && kuid_has_mapping(ns, uid) && kgid_has_mapping(ns, gid);
}

bool root_of_current(kuid_t uid)
{
	const struct user_namespace *ns;

	if (!uid_valid(uid))
		return false;
	for (ns = current_user_ns(); ns; ns = ns->parent)
		if (from_kuid(ns, uid) == 0)
			return true;
	return false;
}

/* ---- making ---- */

int create_user_ns(struct cred *c, bool chrooted)
{
	struct user_namespace *up = c->user_ns, *ns;
	int err;

	if (up->level > MAX_LEVEL)
		return -ENOSPC;
	ns = kzalloc(sizeof(*ns), GFP_KERNEL);
	if (!ns)
		return -ENOMEM;
	err = ns_init(&ns->ns, &user_ns_ops, up); /* checks the limit before the rights */
	if (err)
		goto err_free;
	err = -EPERM;
	if (chrooted || !kuid_has_mapping(up, c->euid) || !kgid_has_mapping(up, c->egid))
		goto err_fini;
	ns->parent = up;
	ns->level = up->level + 1;
	ns->owner = c->euid;
	ns->group = c->egid;
	ns->parent_could_setfcap = c->cap_effective & CAP_BIT(CAP_SETFCAP);
	ns->setgroups_allowed = READ_ONCE(up->setgroups_allowed);
	for (int i = 0; i < UCOUNTS; i++)
		ns->ucount_max[i] = ~0UL >> 33;
	/* ns.owner holds a reference to the parent now: ns_init() took it. */
	c->user_ns = ns;
	put_user_ns(up);
	c->securebits = SECUREBITS_DEFAULT;
	c->cap_inheritable = c->cap_ambient = 0;
	c->cap_permitted = c->cap_effective = c->cap_bset = CAP_FULL;
	return 0;
err_fini:
	ns_fini(&ns->ns);
err_free:
	kfree(ns);
	return err;
}

/* ---- counts ---- */

static DEFINE_SPINLOCK(ucounts_lock);
static LIST_HEAD(all_ucounts); /* under ucounts_lock */

/*
 * Returns the counts of @uid in @ns, with a reference, or NULL. If they did not exist, *fresh
 * becomes the new counts and is set to NULL. The namespace outlives them, since only objects inside
 * it are counted.
 */
static struct ucounts *ucounts_find(struct user_namespace *ns, kuid_t uid, struct ucounts **fresh)
{
	struct ucounts *uc;

	assert_spin_held(&ucounts_lock);
	list_for_each_entry(uc, &all_ucounts, list)
		if (uc->ns == ns && uc->uid == uid) {
			uc->usage++;
			return uc;
		}
	uc = *fresh;
	if (uc) {
		*fresh = NULL;
		uc->ns = ns;
		uc->uid = uid;
		uc->usage = 1;
		list_add(&uc->list, &all_ucounts);
	}
	return uc;
}

static void ucounts_drop(struct ucounts *uc)
{
	bool last;

	spin_lock(&ucounts_lock);
	last = !--uc->usage;
	if (last)
		list_del(&uc->list);
	spin_unlock(&ucounts_lock);
	if (last)
		kfree(uc);
}

static struct ucounts *ucounts_get(struct user_namespace *ns, kuid_t uid)
{
	struct ucounts *fresh = NULL, *uc;

	spin_lock(&ucounts_lock);
	uc = ucounts_find(ns, uid, &fresh);
	spin_unlock(&ucounts_lock);
	if (uc)
		return uc;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	spin_lock(&ucounts_lock);
	uc = ucounts_find(ns, uid, &fresh);
	spin_unlock(&ucounts_lock);
	kfree(fresh);
	return uc;
}

/*
 * Subtracts one from @uc and, in each namespace above up to @top, from the counts of the creator of
 * the namespace below it.
 */
static void uncharge_up_to(struct ucounts *uc, struct user_namespace *top, enum ucount kind)
{
	while (uc) {
		struct user_namespace *ns = uc->ns;
		struct ucounts *above = NULL, *none = NULL;

		spin_lock(&ucounts_lock);
		uc->count[kind]--;
		if (ns != top && ns->parent) {
			above = ucounts_find(ns->parent, ns->owner, &none);
			if (above)
				/* the charge holds another reference */
				above->usage--;
		}
		spin_unlock(&ucounts_lock);
		ucounts_drop(uc);
		uc = above;
	}
}

struct ucounts *ucounts_charge(struct user_namespace *ns, kuid_t uid, enum ucount kind)
{
	struct user_namespace *at = ns, *below = NULL;
	struct ucounts *first = NULL, *uc;

	for (; at; below = at, uid = at->owner, at = at->parent) {
		bool full;

		uc = ucounts_get(at, uid);
		if (!uc)
			goto no_memory;
		spin_lock(&ucounts_lock);
		full = uc->count[kind] >= READ_ONCE(at->ucount_max[kind]);
		if (!full)
			uc->count[kind]++;
		spin_unlock(&ucounts_lock);
		if (full) {
			ucounts_drop(uc);
			if (first)
				uncharge_up_to(first, below, kind);
			return ERR_PTR(-ENOSPC);
		}
		if (!first)
			first = uc;
	}
	return first;

no_memory:
	if (first)
		uncharge_up_to(first, below, kind);
	return ERR_PTR(-ENOMEM);
}

void ucounts_uncharge(struct ucounts *uc, enum ucount kind)
{
	if (uc)
		uncharge_up_to(uc, NULL, kind);
}

void user_ns_set_limits(u64 frames)
{
	for (int i = 0; i < UCOUNTS; i++)
		init_user_ns.ucount_max[i] = frames / 32 + 128;
	init_user_ns.ucount_max[UCOUNT_INOTIFY_INSTANCES] = 128;
	init_user_ns.ucount_max[UCOUNT_INOTIFY_WATCHES] = 65536;
	init_user_ns.ucount_max[UCOUNT_FANOTIFY_GROUPS] = 128;
	init_user_ns.ucount_max[UCOUNT_FANOTIFY_MARKS] = 8192;
}
