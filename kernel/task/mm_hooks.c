/* SPDX-License-Identifier: MIT */
/*
 * mm_hooks.c: what mm must know of processes: limits and capabilities of the current one. mm is a lower layer, so it asks through a
 * table.
 */
#include "kernel/task/internal.h"

static struct user_namespace *mm_ns_get(struct user_namespace *ns)
{
	return get_user_ns(ns ? ns : current_user_ns());
}

static const struct mm_task_ops task_ops_for_mm = {
	.rlimit = rlimit,
	.capable = capable,
	.ns_get = mm_ns_get,
	.ns_put = put_user_ns,
	.oom_kill = oom_kill_any,
};

static int mm_hooks_init(void)
{
	mm_task_ops = &task_ops_for_mm;
	return 0;
}
INITCALL(1, mm_hooks_init);
