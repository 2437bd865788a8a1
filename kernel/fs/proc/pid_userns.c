/* SPDX-License-Identifier: MIT */
/*
 * pid_userns.c: uid_map, gid_map, projid_map and setgroups of /proc/PID, which belong to the
 * process's user namespace, and timens_offsets. kernel/ident/user_ns_map.c checks the rules, with
 * the credentials of the opener. This file takes no locks.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"

static struct user_namespace *user_ns_of(struct task *t)
{
	const struct cred *c = get_task_cred(t);
	struct user_namespace *ns = get_user_ns(c->user_ns);

	put_cred(c);
	return ns;
}

static int show_map(struct seq *s, struct task *t, enum userns_map which)
{
	struct user_namespace *ns = user_ns_of(t);
	char line[40];
	int n;

	for (u32 i = 0;
		(n = userns_map_line(ns, which, s->file->f_cred, i, line, sizeof(line))) > 0; i++)
		seq_write(s, line, (size_t)n);
	put_user_ns(ns);
	return 0;
}

int proc_show_uid_map(struct seq *s, struct task *t)
{
	return show_map(s, t, USERNS_UID_MAP);
}

int proc_show_gid_map(struct seq *s, struct task *t)
{
	return show_map(s, t, USERNS_GID_MAP);
}

int proc_show_projid_map(struct seq *s, struct task *t)
{
	return show_map(s, t, USERNS_PROJID_MAP);
}

static int store_map(struct task *t, struct file *f, char *text, enum userns_map which)
{
	struct user_namespace *ns = user_ns_of(t);
	int err = userns_map_write(ns, which, f->f_cred, text);

	put_user_ns(ns);
	return err;
}

int proc_store_uid_map(struct task *t, struct file *f, char *text)
{
	return store_map(t, f, text, USERNS_UID_MAP);
}

int proc_store_gid_map(struct task *t, struct file *f, char *text)
{
	return store_map(t, f, text, USERNS_GID_MAP);
}

int proc_store_projid_map(struct task *t, struct file *f, char *text)
{
	return store_map(t, f, text, USERNS_PROJID_MAP);
}

int proc_show_setgroups(struct seq *s, struct task *t)
{
	struct user_namespace *ns = user_ns_of(t);

	seq_puts(s, READ_ONCE(ns->setgroups_allowed) ? "allow\n" : "deny\n");
	put_user_ns(ns);
	return 0;
}

int proc_store_setgroups(struct task *t, struct file *f, char *text)
{
	struct user_namespace *ns = user_ns_of(t);
	int err = -EPERM;

	if (cred_ns_capable(f->f_cred, ns, CAP_SYS_ADMIN))
		err = userns_setgroups_write(ns, text);
	put_user_ns(ns);
	return err;
}

/* ---- offsets of the time namespace for children ---- */

int proc_show_timens(struct seq *s, struct task *t)
{
	char buf[80];
	int n = time_ns_show(t, buf, sizeof(buf));

	seq_write(s, buf, (size_t)n);
	return 0;
}

int proc_store_timens(struct task *t, struct file *f, char *text)
{
	return time_ns_store(t, f->f_cred, text);
}
