/* SPDX-License-Identifier: MIT */
/*
 * v1_net.c: net_cls and net_prio of cgroup version 1 (linux-doc's
 * admin-guide/cgroup-v1/{net_cls,net_prio}): a socket has two numbers, a class for the packet
 * filter and an index of priorities for network devices.
 *
 * A socket has the numbers themselves and no reference to a group; the devices keep the priorities
 * by index (kernel/net/socket/sock_cgroup.c). An index belongs to its group until the group's
 * memory is freed. A socket that outlives the group then has the priorities of the next group with
 * that index, as on Linux.
 *
 * Locks: cgroup1_mutex for moves and classes; cgroup1_lock protects the groups' numbers; ids_lock,
 * innermost, protects the indices.
 */
#include "kernel/cgroup/internal.h"
#include "kernel/cgroup/v1.h"
#include "kernel/ident/pid_ns.h"

#define PRIO_IDS 65536

const struct cgroup1_net_ops *cgroup1_net;

void cgroup_file_received(struct file *f)
{
	if (cgroup1_net)
		cgroup1_net->received(f);
}
static struct cgroup1_hier *cls_owner, *prio_owner; /* under cgroup1_lock; tested racily */
static u64 used_ids[PRIO_IDS / 64] = { 3 };         /* bit map; 0: none, 1: top; ids_lock */
static DEFINE_SPINLOCK(ids_lock);

/* ---- indices ---- */

static u32 take_id(void)
{
	u32 id = 0;

	spin_lock(&ids_lock);
	for (u32 i = 0; i < ARRAY_SIZE(used_ids) && !id; i++)
		if (~used_ids[i]) {
			u32 bit = (u32)__builtin_ctzl(~used_ids[i]);

			used_ids[i] |= BIT(bit);
			id = i * 64 + bit;
		}
	spin_unlock(&ids_lock);
	return id;
}

void cgroup1_free_net(const struct cgroup1 *g)
{
	if (g->prioidx < 2)
		return;
	spin_lock(&ids_lock);
	used_ids[g->prioidx / 64] &= ~BIT(g->prioidx % 64);
	spin_unlock(&ids_lock);
}

int cgroup1_inherit_net(struct cgroup1 *g, const struct cgroup1 *parent)
{
	if (!(g->hier->controllers & CG1_NET_PRIO))
		return 0;
	g->prioidx = take_id();
	return g->prioidx ? cgroup1_net->copy(parent->prioidx, g->prioidx) : -ENOSPC;
}

/* ---- the numbers of a task ---- */

void cgroup1_net_owner(struct cgroup1_hier *h, bool on)
{
	spin_lock(&cgroup1_lock);
	if (h->controllers & CG1_NET_CLS)
		WRITE_ONCE(cls_owner, on ? h : NULL);
	if (h->controllers & CG1_NET_PRIO)
		WRITE_ONCE(prio_owner, on ? h : NULL);
	spin_unlock(&cgroup1_lock);
}

void cgroup1_net_ids(const struct task *t, struct cgroup1_net_ids *ids)
{
	*ids = (struct cgroup1_net_ids){ 0, 0 };
	if (likely(!READ_ONCE(cls_owner) && !READ_ONCE(prio_owner)))
		return;
	spin_lock(&cgroup1_lock);
	if (cls_owner)
		ids->classid = cgroup1_group_of(t, cls_owner)->classid;
	if (prio_owner)
		ids->prioidx = cgroup1_group_of(t, prio_owner)->prioidx;
	spin_unlock(&cgroup1_lock);
}

/* ---- open sockets ---- */

/*
 * Returns, with a reference, the thread of @of's process that has the least pid above @after and
 * does not use the files @done. NULL: there is none.
 */
static struct task *next_thread(const struct task *of, pid_t after, const struct files_struct *done)
{
	struct task *t, *best = NULL;

	read_lock(&tasklist_lock);
	list_for_each_entry(t, &of->signal->threads, thread_node)
		if (t->pid > after && READ_ONCE(t->files) != done && (!best || t->pid < best->pid))
			best = t;
	if (best)
		get_task(best);
	read_unlock(&tasklist_lock);
	return best;
}

void cgroup1_mark_moved(const struct cgroup1 *g, struct task *t, bool process)
{
	u32 which = g->hier->controllers & CG1_NETWORK;
	const struct files_struct *done = NULL; /* only compared, never used */
	struct task *at;

	assert_mutex_held(&cgroup1_mutex);
	if (likely(!which))
		return;
	if (!process) {
		cgroup1_net->mark(t, which);
		return;
	}
	for (pid_t nr = 0; (at = next_thread(t, nr, done)) && !fatal_signal_pending(current);) {
		done = READ_ONCE(at->files);
		cgroup1_net->mark(at, which);
		nr = at->pid;
		put_task(at);
		cond_resched();
	}
	if (at)
		put_task(at);
}

/*
 * Marks the sockets of the thread @nr with its group's numbers, unless the thread shares the files
 * @done, whose sockets were marked before. Returns the thread's files, to be compared only.
 */
static const struct files_struct *mark_thread(pid_t nr, const struct files_struct *done)
{
	struct pid *pid = find_get_pid_ns(nr, &init_pid_ns);
	struct task *t = pid ? pid_get_task(pid, PIDTYPE_PID) : NULL;

	if (pid)
		put_pid(pid);
	if (!t)
		return done;
	if (READ_ONCE(t->files) != done) {
		done = READ_ONCE(t->files);
		cgroup1_net->mark(t, CG1_NET_CLS);
	}
	put_task(t);
	cond_resched();
	return done;
}

int cgroup1_set_classid(struct cgroup1 *g, u32 classid)
{
	const struct files_struct *done = NULL;
	pid_t *all = NULL;
	s64 n;

	mutex_lock(&cgroup1_mutex);
	n = g->dead ? -ENODEV : cgroup1_collect(g, false, &all);
	if (n >= 0) {
		spin_lock(&cgroup1_lock);
		g->classid = classid;
		spin_unlock(&cgroup1_lock);
	}
	for (s64 i = 0; i < n && !fatal_signal_pending(current); i++)
		done = mark_thread(all[i], done);
	mutex_unlock(&cgroup1_mutex);
	kfree(all);
	return n < 0 ? (int)n : 0;
}
