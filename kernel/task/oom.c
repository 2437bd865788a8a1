/* SPDX-License-Identifier: MIT */
/*
 * oom.c: chooses and kills a process when memory is out, and logs it.
 *
 * mm calls oom_kill_any() (by mm_task_ops) when it can reclaim nothing. The process with the
 * highest badness is killed. Badness is its number of pages in memory, in swap areas and in page
 * tables, plus oom_score_adj thousandths of all memory. Process 1, kernel threads and processes
 * with an oom_score_adj of -1000 are never killed. No second victim is chosen while a victim still
 * holds memory, unless oom_reap.c has given it up.
 *
 * Locks: tasklist_lock (read) over the choice.
 */
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/internal.h"

#define OOM_SCORE_ADJ_MIN (-1000)

int sysctl_oom_kill_allocating_task, sysctl_panic_on_oom, sysctl_oom_dump_tasks = 1;

struct usage {
	u64 anon, file, shmem, tables, swap, total_vm; /* pages */
};

/* Reads the memory usage of a thread's process. Returns false if the thread has no mm any more. */
static bool memory_by(struct task *t, struct usage *u)
{
	bool found;

	spin_lock(&t->alloc_lock);
	found = t->mm;
	if (found) {
		u->anon = (u64)max(t->mm->rss_anon.v, 0L);
		u->swap = (u64)max(t->mm->swapents.v, 0L);
		u->file = (u64)max(t->mm->rss_file.v, 0L);
		u->shmem = (u64)max(t->mm->rss_shmem.v, 0L);
		u->tables = t->mm->pmap.nr_tables;
		u->total_vm = t->mm->total_vm;
	}
	spin_unlock(&t->alloc_lock);
	return found;
}

/*
 * Reads the memory usage of a process, through any of its threads that still has the mm. Returns
 * false if no thread has it. The caller holds tasklist_lock.
 */
static bool memory_of(struct task *p, struct usage *u)
{
	struct task *t;

	for_each_thread(p->signal, t)
		if (memory_by(t, u))
			return true;
	return false;
}

bool oom_may_kill(const struct task *p)
{
	return !(p->flags & PF_KTHREAD) && !same_thread_group(p, init_process) &&
	       p->signal->oom_score_adj != OOM_SCORE_ADJ_MIN;
}

/*
 * Returns the pages that @p uses, raised or lowered by oom_score_adj thousandths of @total, or
 * INT64_MIN if @p may not be killed. Stores the usage in *@u. The caller holds tasklist_lock.
 */
static s64 badness(struct task *p, u64 total, struct usage *u)
{
	s64 points;

	if (!oom_may_kill(p) || !memory_of(p, u))
		return INT64_MIN;
	points = (s64)(u->anon + u->file + u->shmem + u->tables + u->swap);
	return points + p->signal->oom_score_adj * (s64)(total / 1000);
}

/*
 * True if @p is in the group that is out of memory. @scope is NULL if the whole machine is out of
 * memory: every process belongs to it.
 */
static bool is_within(const struct oom_scope *scope, struct task *p)
{
	return !scope || scope->in(p, scope->arg);
}

/*
 * Chooses the victim and returns it with a reference, or NULL. Sets *waiting to true if an earlier
 * victim has not freed its memory yet.
 */
static struct task *choose_victim(
	u64 total, struct usage *best_usage, bool *waiting, const struct oom_scope *scope)
{
	s64 best_points = INT64_MIN;
	struct task *p, *best = NULL;
	struct usage u;

	read_lock(&tasklist_lock);
	for_each_process(p) {
		s64 points = badness(p, total, &u);

		if (points == INT64_MIN || !is_within(scope, p))
			continue;
		if (READ_ONCE(p->signal->oom_skip))
			continue;
		if (p->signal->oom_since) {
			oom_reap_overdue(p);
			*waiting = true;
			break;
		}
		if (!best || points > best_points) {
			best = p;
			best_points = points;
			*best_usage = u;
		}
	}
	if (*waiting)
		best = NULL;
	if (best)
		get_task(best);
	read_unlock(&tasklist_lock);
	return best;
}

static unsigned long long kb(u64 pages)
{
	return pages * (PAGE_SIZE / 1024);
}

static void log_killed(const char *why, struct task *p, const struct usage *u)
{
	pr_err("%s: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, "
	       "file-rss:%llukB, shmem-rss:%llukB, UID:%u pgtables:%llukB oom_score_adj:%d\n",
		why, p->tgid, p->comm, kb(u->total_vm), kb(u->anon), kb(u->file), kb(u->shmem),
		p->cred->uid, kb(u->tables), p->signal->oom_score_adj);
}

void oom_print_use(const char *what, u64 pages, u64 limit, u64 refused)
{
	/* Without a limit, Linux's largest number is shown. */
	limit = min(limit, (u64)INT64_MAX / PAGE_SIZE);
	pr_info("%s: usage %llukB, limit %llukB, failcnt %llu\n", what, kb(pages), kb(limit),
		(unsigned long long)refused);
}

void oom_print_killed(struct task *p)
{
	struct usage u = { 0 };

	memory_by(p, &u);
	log_killed("Memory cgroup out of memory", p, &u);
}

/*
 * Logs and kills the process of the leader @p. @why: start of the message. @u: its memory. Takes
 * tasklist_lock.
 */
static void kill_victim(const char *why, struct task *p, const struct usage *u)
{
	struct task *t;

	log_killed(why, p, u);
	count_vm(oom_kill, 1);
	WRITE_ONCE(p->signal->oom_since, max(ktime_get(), 1UL));
	send_sig_group(SIGKILL, p, SEND_SIG_PRIV);
	read_lock(&tasklist_lock);
	/* The victim may use the memory reserve, so that it can end. */
	for_each_thread(p->signal, t)
		WRITE_ONCE(t->memdie, true);
	read_unlock(&tasklist_lock);
}

/*
 * Prints the processes within @scope (NULL: all). @total: pages of memory, as for badness(). Takes
 * tasklist_lock.
 */
static void dump_tasks(u64 total, const struct oom_scope *scope)
{
	struct task *p;
	struct usage u;

	pr_info("Tasks state (memory values in pages):\n");
	pr_info("[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem "
		"pgtables_bytes swapents oom_score_adj name\n");
	read_lock(&tasklist_lock);
	for_each_process(p)
		if (badness(p, total, &u) != INT64_MIN && is_within(scope, p))
			pr_info("[%7d] %5u %5d %8lu %8lu %8lu %8lu %9lu %8lu %8lu         %5d %s\n",
				p->pid, p->cred->uid, p->tgid, u.total_vm,
				u.anon + u.file + u.shmem, u.anon, u.file, u.shmem,
				u.tables * PAGE_SIZE, u.swap, p->signal->oom_score_adj, p->comm);
	read_unlock(&tasklist_lock);
}

static void log_invoked(const char *mask, u32 order)
{
	pr_warn("%s invoked oom-killer: gfp_mask=%s, order=%u, oom_score_adj=%d\n", current->comm,
		mask, order, current->signal->oom_score_adj);
}

/* Logs a line that programs parse: the constraint, the group and the victim. */
static void log_choice(struct task *victim, const struct oom_scope *scope)
{
	char *text = kmalloc(2 * OOM_PATH_MAX + 64, GFP_ATOMIC), *own = text + OOM_PATH_MAX + 64;
	const char *constraint = scope ? "MEMCG" : "NONE";

	if (!text)
		return;
	strscpy(text, "global_oom", OOM_PATH_MAX);
	strscpy(own, "/", OOM_PATH_MAX);
	if (scope) {
		scope->path(NULL, scope->arg, own, OOM_PATH_MAX);
		scnprintf(text, OOM_PATH_MAX + 64, "oom_memcg=%s", own);
		scope->path(victim, scope->arg, own, OOM_PATH_MAX);
	} else {
		cgroup_memory_path(victim, own, OOM_PATH_MAX);
	}
	pr_info("oom-kill:constraint=CONSTRAINT_%s,nodemask=(null),cpuset=/,mems_allowed=0,%s,"
		"task_memcg=%s,task=%s,pid=%d,uid=%u\n",
		constraint, text, own, victim->comm, victim->pid, victim->cred->uid);
	kfree(text);
}

/* Logs the use of the machine's memory. */
static void dump_memory(const struct meminfo *mi)
{
	pr_warn("Mem-Info: total:%llukB free:%llukB anon:%llukB file:%llukB (active:%llukB "
		"inactive:%llukB mapped:%llukB) shmem:%llukB\n",
		kb(mi->total), kb(mi->free), kb(mi->anon), kb(mi->cached), kb(mi->active_file),
		kb(mi->inactive_file), kb(mi->mapped), kb(mi->shmem));
	pr_warn("Mem-Info: dirty:%llukB writeback:%llukB buffers:%llukB slab:%llukB "
		"(reclaimable:%llukB) pagetables:%llukB kernel_stack:%llukB\n",
		kb(mi->dirty), kb(mi->writeback), kb(mi->buffers), kb(mi->slab),
		kb(mi->slab_reclaimable), kb(mi->page_tables), kb(mi->kernel_stack));
}

/* As badness(), of the current process; takes tasklist_lock. */
static s64 own_badness(u64 total, struct usage *u)
{
	s64 points;

	read_lock(&tasklist_lock);
	points = badness(current, total, u);
	read_unlock(&tasklist_lock);
	return points;
}

bool oom_kill_any(gfp_t gfp, u32 order)
{
	const char *why = "Out of memory (oom_kill_allocating_task)";
	struct usage u = { 0 };
	bool waiting = false;
	struct meminfo mi;
	struct task *victim;

	if (fatal_signal_pending(current)) {
		WRITE_ONCE(current->memdie, true);
		return true;
	}
	if (sysctl_panic_on_oom)
		panic("Out of memory: system-wide panic_on_oom is enabled");
	si_meminfo(&mi);
	if (sysctl_oom_kill_allocating_task && own_badness(mi.total, &u) != INT64_MIN) {
		victim = current->group_leader;
		get_task(victim);
	} else {
		victim = choose_victim(mi.total, &u, &waiting, NULL);
		why = "Out of memory";
	}
	if (!victim)
		return waiting;
	log_invoked(
		gfp & GFP_USER ? "0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP)" : "0xcc0(GFP_KERNEL)",
		order);
	dump_memory(&mi);
	if (sysctl_oom_dump_tasks)
		dump_tasks(mi.total, NULL);
	log_choice(victim, NULL);
	audit_refused("memory", victim);
	kill_victim(why, victim, &u);
	put_task(victim);
	return true;
}

struct task *oom_kill_within(const struct oom_scope *scope, bool *any)
{
	struct usage u = { 0 };
	struct task *victim;

	*any = false;
	victim = choose_victim(scope->total, &u, any, scope);
	if (!victim)
		return NULL;
	*any = true;
	log_invoked("0xcc0(GFP_KERNEL)", 0);
	scope->log_use(scope->arg);
	if (sysctl_oom_dump_tasks)
		dump_tasks(scope->total, scope);
	log_choice(victim, scope);
	kill_victim("Memory cgroup out of memory", victim, &u);
	return victim;
}
