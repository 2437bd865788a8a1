/* SPDX-License-Identifier: MIT */
/*
 * mm_hooks.c: the tables of operations by which lower rooms call kernel/task: mm (limits,
 * capabilities, the OOM victim), ident (the effect of changed credentials on memory), files
 * (signals, pidfds) and control groups.
 */
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/task/proc_event.h"
#include "kernel/vfs/process_ops.h"

int suid_dumpable;

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

void set_dumpable(struct mm *mm, u32 mode)
{
	mm->dump_mode = mode;
	mm->dumpable = mode == 1;
}

static void cred_gains_secrets(void)
{
	if (current->mm)
		set_dumpable(current->mm, suid_dumpable);
}

static const struct cred_task_ops task_ops_for_creds = {
	.gains = cred_gains_secrets,
	.changed = proc_event_ids,
};

static void kill_for_group(struct task *t)
{
	send_sig_group(SIGKILL, t, SEND_SIG_PRIV);
}

static const struct cgroup_task_ops ops_for_groups = {
	.oom_kill_within = oom_kill_within,
	.oom_may_kill = oom_may_kill,
	.oom_print_use = oom_print_use,
	.oom_print_killed = oom_print_killed,
	.kill = kill_for_group,
	.set_freeze = task_set_freeze,
	.execve = kernel_execve,
	.spawn_helper = kernel_spawn_helper,
};

static const struct process_ops ops_for_files = {
	.send_sig = send_sig,
	.send_sig_group = send_sig_group,
	.send_sig_one_of_many = send_sig_one_of_many,
	.pidfd_file = pidfd_file,
};

static int mm_hooks_init(void)
{
	mm_task_ops = &task_ops_for_mm;
	cred_task_ops = &task_ops_for_creds;
	process_ops = &ops_for_files;
	cgroup_task_ops = &ops_for_groups;
	user_ns_set_limits(nr_managed_frames());
	return 0;
}
INITCALL(1, mm_hooks_init);
