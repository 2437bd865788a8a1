/* SPDX-License-Identifier: MIT */
/*
 * pid_login.c: /proc/PID/loginuid and sessionid: the user who logged in, even if the task has
 * changed its user since, and the number of the login session.
 *
 * A task's children inherit both; both are -1 until a login program writes its user to its own
 * loginuid. After that only a task with CAP_AUDIT_CONTROL may change them. There is no audit
 * subsystem that would log them.
 */
#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/task/process.h"
#include "kernel/ident/user_ns.h"

static atomic_t last_session;

int proc_show_loginuid(struct seq *s, struct task *t)
{
	seq_printf(s, "%u", from_kuid(seq_user_ns(s), READ_ONCE(t->loginuid)));
	return 0;
}

int proc_show_sessionid(struct seq *s, struct task *t)
{
	seq_printf(s, "%u", READ_ONCE(t->sessionid));
	return 0;
}

int proc_store_loginuid(struct task *t, struct file *f, char *text)
{
	kuid_t uid = (kuid_t)-1;
	u64 v;

	if (t != current)
		return -EPERM;
	if (*text == '+')
		text++;
	if (kstrtou64(text, 10, &v))
		return -EINVAL;
	if (v > UINT32_MAX)
		return -ERANGE;
	if (v != UINT32_MAX) {
		uid = make_kuid(f->f_cred->user_ns, (u32)v);
		if (!uid_valid(uid))
			return -EINVAL;
	}
	if (uid_valid(t->loginuid) && !capable(CAP_AUDIT_CONTROL))
		return -EPERM;
	WRITE_ONCE(t->sessionid, uid_valid(uid) ? (u32)atomic_inc_return(&last_session) : (u32)-1);
	WRITE_ONCE(t->loginuid, uid);
	return 0;
}
