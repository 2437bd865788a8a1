/* SPDX-License-Identifier: MIT */
/*
 * sysctl_ns.c: /proc/sys/user/max_*: limits on a user's namespaces of each type, and on instances,
 * groups, watches and marks of inotify and fanotify, for the reader's user namespace
 * (namespaces(7)); and fs.mount-max. No locks: each value is a single word.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/sysctl.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"

static const struct {
	const char *path;
	enum ucount kind;
} maxima[] = {
	{ "sys/user/max_cgroup_namespaces", UCOUNT_CGROUP },
	{ "sys/user/max_fanotify_groups", UCOUNT_FANOTIFY_GROUPS },
	{ "sys/user/max_fanotify_marks", UCOUNT_FANOTIFY_MARKS },
	{ "sys/user/max_inotify_instances", UCOUNT_INOTIFY_INSTANCES },
	{ "sys/user/max_inotify_watches", UCOUNT_INOTIFY_WATCHES },
	{ "sys/user/max_ipc_namespaces", UCOUNT_IPC },
	{ "sys/user/max_mnt_namespaces", UCOUNT_MNT },
	{ "sys/user/max_net_namespaces", UCOUNT_NET },
	{ "sys/user/max_pid_namespaces", UCOUNT_PID },
	{ "sys/user/max_time_namespaces", UCOUNT_TIME },
	{ "sys/user/max_user_namespaces", UCOUNT_USER },
	{ "sys/user/max_uts_namespaces", UCOUNT_UTS },
};

static int show_max(struct seq *s, void *arg)
{
	enum ucount kind = *(enum ucount *)arg;

	seq_printf(s, "%lu\n", READ_ONCE(seq_user_ns(s)->ucount_max[kind]));
	return 0;
}

static int store_max(char *text, size_t n, void *arg)
{
	enum ucount kind = *(enum ucount *)arg;
	struct user_namespace *ns = current_user_ns();
	s64 v;

	text[strcspn(text, " \t\n")] = 0;
	if (!ns_capable(ns, CAP_SYS_RESOURCE))
		return -EPERM;
	if (sysctl_number(text, &v) || v < 0 || v > INT32_MAX)
		return -EINVAL;
	WRITE_ONCE(ns->ucount_max[kind], (u64)v);
	return 0;
}

static bool may(const struct cred *c)
{
	return cred_ns_capable(c, current_user_ns(), CAP_SYS_RESOURCE);
}

static const struct sysctl table[] = {
	{ .path = "fs/mount-max",
		.kind = SYSCTL_INT,
		.mode = 0644,
		.data = &sysctl_mount_max,
		.min = 1,
		.max = INT32_MAX },
};

static int sysctl_ns_init(void)
{
	int err = sysctl_register(table, ARRAY_SIZE(table));

	for (u32 i = 0; !err && i < ARRAY_SIZE(maxima); i++) {
		err = proc_create(
			maxima[i].path, 0644, show_max, store_max, (void *)&maxima[i].kind);
		if (!err)
			err = proc_let_only(maxima[i].path, may);
	}
	return err;
}
INITCALL(3, sysctl_ns_init);
