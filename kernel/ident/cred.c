/* SPDX-License-Identifier: MIT */
/*
 * cred.c: credentials and their lifetime, and the counts that are kept for each user.
 *
 * A change: c = prepare_creds(); edit c; commit_creds(c) (or abort_creds). A task reads its own
 * credentials with current_cred(), another task's with get_task_cred() and put_cred().
 *
 * Invariants:
 * 1. An installed cred is never written, except its count.
 * 2. cred->user is the user of cred->uid.
 * 3. user->processes counts the tasks (threads too, as on Linux) whose installed cred points to the
 *    user.
 *
 * Locks: users_lock for the list of users; task->alloc_lock where another task's cred is read or a
 * task replaces its own.
 */
#include <linux/securebits.h>

#include "kernel/ident/internal.h"

const struct cred_domain_ops *cred_domain_ops;
const struct cred_task_ops *cred_task_ops;
static DEFINE_SPINLOCK(users_lock);
static LIST_HEAD(users); /* under users_lock */

static struct user_struct root_user = { .usage = ATOMIC_INIT(2) };
static struct group_info init_groups = { .usage = ATOMIC_INIT(2) };
struct cred init_cred = {
	.usage = ATOMIC_INIT(4),
	.cap_permitted = CAP_FULL,
	.cap_effective = CAP_FULL,
	.cap_bset = CAP_FULL,
	.group_info = &init_groups,
	.user = &root_user,
	.user_ns = &init_user_ns,
};

/* Returns the user with a reference, or NULL. users_lock is held. */
static struct user_struct *user_find_locked(kuid_t uid)
{
	struct user_struct *u;

	if (uid == 0) {
		atomic_inc(&root_user.usage);
		return &root_user;
	}
	list_for_each_entry(u, &users, list)
		if (u->uid == uid) {
			atomic_inc(&u->usage);
			return u;
		}
	return NULL;
}

struct user_struct *get_uid_user(kuid_t uid)
{
	struct user_struct *u, *fresh;

	spin_lock(&users_lock);
	u = user_find_locked(uid);
	spin_unlock(&users_lock);
	if (u)
		return u;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	atomic_set(&fresh->usage, 1);
	spin_lock(&users_lock);
	u = user_find_locked(uid);
	if (!u) {
		list_add(&fresh->list, &users);
		u = fresh;
		fresh = NULL;
	}
	spin_unlock(&users_lock);
	kfree(fresh);
	return u;
}

void put_uid_user(struct user_struct *u)
{
	spin_lock(&users_lock);
	if (atomic_dec_and_test(&u->usage) && u != &root_user)
		list_del(&u->list);
	else
		u = NULL;
	spin_unlock(&users_lock);
	kfree(u);
}

static void groups_put(struct group_info *g)
{
	if (atomic_dec_and_test(&g->usage))
		kfree(g);
}

/*
 * Freed by RCU: a task that passes no quiescent state meanwhile, such as a sender of a signal, may
 * read another task's credentials without a reference.
 */
struct cred_box {
	struct cred c;
	struct rcu_head rcu;
};

static void cred_free_rcu(struct rcu_head *h)
{
	struct cred_box *b = container_of(h, struct cred_box, rcu);

	groups_put(b->c.group_info);
	put_uid_user(b->c.user);
	if (b->c.landlock)
		cred_domain_ops->put(b->c.landlock);
	put_user_ns(b->c.user_ns);
	kfree(b);
}

const struct cred *get_cred(const struct cred *c)
{
	atomic_inc(&((struct cred *)c)->usage);
	return c;
}

void put_cred(const struct cred *cred)
{
	struct cred *c = (struct cred *)cred;

	if (!c || !atomic_dec_and_test(&c->usage))
		return;
	call_rcu(&container_of(c, struct cred_box, c)->rcu, cred_free_rcu);
}

const struct cred *get_task_cred(struct task *t)
{
	const struct cred *c;

	spin_lock(&t->alloc_lock);
	c = get_cred(t->real_cred ? t->real_cred : t->cred);
	spin_unlock(&t->alloc_lock);
	return c;
}

struct cred *prepare_creds(void)
{
	struct cred_box *b = kmalloc(sizeof(*b), GFP_KERNEL | __GFP_ACCOUNT);
	struct cred *c = b ? &b->c : NULL;

	if (!c)
		return NULL;
	*c = *current->cred;
	atomic_set(&c->usage, 1);
	atomic_inc(&c->group_info->usage);
	atomic_inc(&c->user->usage);
	if (c->landlock)
		cred_domain_ops->get(c->landlock);
	get_user_ns(c->user_ns);
	return c;
}

void abort_creds(struct cred *c)
{
	put_cred(c);
}

bool cap_issubset(u64 a, u64 b)
{
	return !(a & ~b);
}

/*
 * True if @c has no capability that @of lacks. The creator of a user namespace counts as having all
 * capabilities in it.
 */
static bool caps_subset(const struct cred *of, const struct cred *c)
{
	const struct user_namespace *ns;

	if (of->user_ns == c->user_ns)
		return cap_issubset(c->cap_permitted, of->cap_permitted);
	for (ns = c->user_ns; ns->parent; ns = ns->parent)
		if (ns->parent == of->user_ns && ns->owner == of->euid)
			return true;
	return false;
}

bool cred_gains(const struct cred *old, const struct cred *new)
{
	return old->euid != new->euid || old->egid != new->egid || old->fsuid != new->fsuid ||
	       old->fsgid != new->fsgid || !caps_subset(old, new);
}

int commit_creds(struct cred *c)
{
	const struct cred *old = current->cred;

	if (cred_gains(old, c)) {
		if (cred_task_ops)
			cred_task_ops->gains();
		current->pdeath_signal = 0;
		smp_mb();
	}
	if (c->user != old->user) {
		atomic_inc(&c->user->processes);
		atomic_dec(&old->user->processes);
	}
	spin_lock(&current->alloc_lock);
	current->cred = c;
	spin_unlock(&current->alloc_lock);
	if (cred_task_ops)
		cred_task_ops->changed(old, c);
	put_cred(old);
	arch_answers_forget(); /* only current's own answers have changed */
	return 0;
}

const struct cred *override_creds(const struct cred *c)
{
	const struct cred *old = current->cred;

	get_cred(c);
	spin_lock(&current->alloc_lock);
	if (!current->real_cred)
		current->real_cred = old;
	current->cred = c;
	spin_unlock(&current->alloc_lock);
	return old;
}

void revert_creds(const struct cred *old)
{
	const struct cred *c = current->cred;

	spin_lock(&current->alloc_lock);
	current->cred = old;
	if (old == current->real_cred)
		current->real_cred = NULL;
	spin_unlock(&current->alloc_lock);
	put_cred(c);
}

/*
 * Gives a child its credentials. Threads share an object; a process gets its own, as exec does:
 * linkat() compares the objects to find out which process opened a descriptor.
 */
int copy_creds(struct task *child, u64 flags, bool chrooted)
{
	struct cred *c;
	int err;

	if (flags & CLONE_THREAD) {
		child->cred = get_cred(current->cred);
	} else {
		c = prepare_creds();
		if (!c)
			return -ENOMEM;
		err = flags & CLONE_NEWUSER ? create_user_ns(c, chrooted) : 0;
		if (err) {
			abort_creds(c);
			return err;
		}
		child->cred = c;
	}
	atomic_inc(&child->cred->user->processes);
	return 0;
}

void exit_creds(struct task *t)
{
	const struct cred *c = t->cred;

	t->cred = NULL;
	put_cred(c);
}

bool capable(int cap)
{
	return ns_capable(&init_user_ns, cap);
}

/* True if the group is in the list, which is sorted. */
static bool groups_search(const struct group_info *g, kgid_t gid)
{
	u32 lo = 0, hi = g->ngroups;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (g->gid[mid] == gid)
			return true;
		if (g->gid[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool in_group(kgid_t gid)
{
	return gid == current->cred->fsgid || groups_search(current->cred->group_info, gid);
}

bool in_egroup(kgid_t gid)
{
	return gid == current->cred->egid || groups_search(current->cred->group_info, gid);
}

/*
 * Changes capabilities when uids change to or from 0 (capabilities(7), "Effect of user ID
 * changes"), unless SECBIT_NO_SETUID_FIXUP forbids it. If all uids become non-zero, all ambient
 * capabilities are dropped and, without SECBIT_KEEP_CAPS, all permitted and effective ones. If euid
 * becomes non-zero, the effective ones are dropped. If euid becomes 0, they are restored.
 */
void cap_setuid_fixup(struct cred *new, const struct cred *old)
{
	kuid_t root = make_kuid(new->user_ns, 0);
	bool was_root = old->uid == root || old->euid == root || old->suid == root;
	bool is_root = new->uid == root || new->euid == root || new->suid == root;

	if (new->securebits & issecure_mask(SECURE_NO_SETUID_FIXUP))
		return;
	if (was_root && !is_root) {
		if (!(new->securebits &issecure_mask(SECURE_KEEP_CAPS)))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (old->euid == root && new->euid != root)
		new->cap_effective = 0;
	if (old->euid != root && new->euid == root)
		new->cap_effective = new->cap_permitted;
}

#define CAP_FS_SET                                                                                 \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_DAC_OVERRIDE) |                     \
		CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |         \
		CAP_BIT(CAP_MAC_OVERRIDE) | CAP_BIT(CAP_LINUX_IMMUTABLE))

void cap_setfsuid_fixup(struct cred *new, const struct cred *old)
{
	kuid_t root = make_kuid(new->user_ns, 0);

	if (new->securebits & issecure_mask(SECURE_NO_SETUID_FIXUP))
		return;
	if (old->fsuid == root && new->fsuid != root)
		new->cap_effective &= ~CAP_FS_SET;
	if (old->fsuid != root && new->fsuid == root)
		new->cap_effective |= new->cap_permitted &CAP_FS_SET;
}
