/* SPDX-License-Identifier: MIT */
/*
 * sysv_undo.c: SEM_UNDO: changes of semaphores that are undone at the end of the process.
 *
 * A task's sem_undo_list has a record for each set that it used with SEM_UNDO. clone(CLONE_SYSVSEM)
 * shares the list, a child of fork begins without one, exec keeps it. The last task of a list
 * applies its records (at exit or unshare).
 *
 * An exiting process and the removal of a set may race for a record. The first of them clears
 * record->list under undo_lock and frees the record; the other leaves it alone.
 *
 * Locks: undo_lock for all lists (inside perm.lock); adj under the set's perm.lock.
 */
#include <linux/sched.h>

#include "kernel/ipc/sysv_sem.h"

DEFINE_SPINLOCK(undo_lock);

static size_t undo_bytes(const struct sem_set *s)
{
	return sizeof(struct sem_undo) + s->nsems * sizeof(s16);
}

/* Frees a record, and drops its reference to the set. No lock is held. */
static void undo_free(struct sem_undo *u)
{
	struct sem_set *s = u->set;
	size_t n = undo_bytes(s);

	ipc_free(u, n);
	sysv_put(&sysv_sem_type, &s->perm);
}

void sem_undo_free_list(struct list_head *freed)
{
	struct sem_undo *u, *next;

	list_for_each_entry_safe(u, next, freed, list_link)
		undo_free(u);
}

/* ---- records of current ---- */

/*
 * Returns the list of current, and makes it if there is none. NULL: memory is short. No other task
 * changes the pointer.
 */
static struct sem_undo_list *own_list(void)
{
	struct sem_undo_list *l = current->sysvsem;

	if (l)
		return l;
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return NULL;
	atomic_set(&l->users, 1);
	INIT_LIST_HEAD(&l->undos);
	current->sysvsem = l;
	return l;
}

static struct sem_undo *find_undo(const struct sem_undo_list *l, const struct sem_set *s)
{
	struct sem_undo *u;

	assert_spin_held(&undo_lock);
	list_for_each_entry(u, &l->undos, list_link)
		if (u->set == s)
			return u;
	return NULL;
}

/* Makes a record with a reference to the set, in no list. Returns NULL if memory is short. */
static struct sem_undo *new_undo(struct sem_set *s)
{
	struct sem_undo *u = ipc_zalloc(undo_bytes(s));

	if (!u)
		return NULL;
	u->set = s;
	atomic_inc(&s->perm.refs);
	return u;
}

/*
 * Links @u unless another thread has linked a record for the set. Returns the record in the list.
 * perm.lock is held.
 */
static struct sem_undo *link_undo(struct sem_undo_list *l, struct sem_set *s, struct sem_undo *u)
{
	struct sem_undo *found;

	spin_lock(&undo_lock);
	found = find_undo(l, s);
	if (!found) {
		u->list = l;
		list_add(&u->list_link, &l->undos);
		list_add(&u->set_link, &s->undos);
	}
	spin_unlock(&undo_lock);
	return found ? found : u;
}

struct sem_undo *sem_undo_get(struct sem_set *s)
{
	struct sem_undo_list *l = own_list();
	struct sem_undo *u, *fresh;

	if (!l)
		return ERR_PTR(-ENOMEM);
	spin_lock(&undo_lock);
	u = find_undo(l, s);
	spin_unlock(&undo_lock);
	if (u)
		return u;
	fresh = new_undo(s);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	u = ERR_PTR(sysv_lock(&s->perm)); /* a set that was removed gets no record */
	if (!u) {
		u = link_undo(l, s, fresh);
		spin_unlock(&s->perm.lock);
	}
	if (u != fresh)
		undo_free(fresh);
	return u;
}

void sem_undo_clear(struct sem_set *s, u32 n)
{
	struct sem_undo *u;

	spin_lock(&undo_lock);
	list_for_each_entry(u, &s->undos, set_link) {
		if (n != ~0U)
			u->adj[n] = 0;
		else
			memset(u->adj, 0, s->nsems * sizeof(s16));
	}
	spin_unlock(&undo_lock);
}

void sem_undo_forget(struct sem_set *s, struct list_head *freed)
{
	struct sem_undo *u, *next;

	assert_spin_held(&s->perm.lock);
	spin_lock(&undo_lock);
	list_for_each_entry_safe(u, next, &s->undos, set_link) {
		list_del_init(&u->set_link);
		if (!u->list)
			continue;
		u->list = NULL;
		list_move(&u->list_link, freed);
	}
	spin_unlock(&undo_lock);
}

/* ---- the end of a list ---- */

/* Applies a record to its set. perm.lock is held. */
static void apply(struct sem_set *s, struct sem_undo *u)
{
	struct pid *me = sysv_tgid(current);

	for (u32 i = 0; i < s->nsems; i++) {
		int val;

		if (!u->adj[i])
			continue;
		val = s->sems[i].val + u->adj[i];
		s->sems[i].val = clamp(val, 0, SEMVMX);
		sysv_set_pid(&s->sems[i].pid, me);
	}
	s->otime = sysv_now();
	sem_update(s);
}

/* Takes a record off the list, which no task uses any more. NULL: there is none. */
static struct sem_undo *pop(struct sem_undo_list *l)
{
	struct sem_undo *u = NULL;

	spin_lock(&undo_lock);
	if (!list_empty(&l->undos)) {
		u = list_first_entry(&l->undos, struct sem_undo, list_link);
		list_del(&u->list_link);
		u->list = NULL;
	}
	spin_unlock(&undo_lock);
	return u;
}

void sem_task_exit(struct task *t)
{
	struct sem_undo_list *l = t->sysvsem;
	struct sem_undo *u;

	t->sysvsem = NULL;
	if (!l || !atomic_dec_and_test(&l->users))
		return;
	while ((u = pop(l))) {
		struct sem_set *s = u->set;

		if (!sysv_lock(&s->perm)) {
			spin_lock(&undo_lock);
			list_del(&u->set_link);
			spin_unlock(&undo_lock);
			apply(s, u);
			spin_unlock(&s->perm.lock);
		}
		undo_free(u);
		cond_resched();
	}
	kfree(l);
}

int sem_task_fork(struct task *child, u64 clone_flags)
{
	child->sysvsem = NULL;
	if (!(clone_flags & CLONE_SYSVSEM))
		return 0;
	if (!own_list())
		return -ENOMEM;
	atomic_inc(&current->sysvsem->users);
	child->sysvsem = current->sysvsem;
	return 0;
}
