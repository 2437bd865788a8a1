/* SPDX-License-Identifier: MIT */
/*
 * audit.c: the lines of audit.h.
 *
 * The program's path is the path from the root of its mount namespace, even if the process has
 * another root directory. Arguments are read from the new program's memory before it runs.
 *
 * Locks: takes tasklist_lock for reading, to find the parent.
 */
#include "kernel/task/audit/audit.h"

#include "arch/um/machine/uaccess.h"
#include "kernel/ident/cred.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/task/internal.h"
#include "kernel/vfs/file/file.h"
#include "kernel/vfs/name/dentry.h"

#define ARGS_READ 1024 /* most bytes of arguments read */
/* Most bytes of one argument in the line, with its escapes. */
#define ARGS_MOST 2000
#define UNREACHABLE "(unreachable)"

bool audit_begin_task(struct audit *a, const char *event)
{
	if (!audit_begin(a, event))
		return false;
	audit_number(a, "pid", current->tgid);
	audit_number(a, "uid", current_cred()->uid);
	return true;
}

static pid_t parent_of(const struct task *t)
{
	pid_t pid;

	read_lock(&tasklist_lock);
	pid = t->real_parent ? t->real_parent->tgid : 0;
	read_unlock(&tasklist_lock);
	return pid;
}

void audit_fork(const struct task *child)
{
	struct audit a;

	if (!audit_on() || child->pid != child->tgid || !audit_begin(&a, "fork"))
		return;
	audit_number(&a, "pid", child->tgid);
	audit_number(&a, "ppid", parent_of(child));
	audit_number(&a, "uid", child->cred->uid);
	audit_end(&a);
}

/*
 * Adds the path of the program; marks the line as incomplete if the path is too long. @buf:
 * PATH_MAX bytes of scratch.
 */
static void add_exe(struct audit *a, char *buf)
{
	/* With an empty root the path is built up to the root of the mount namespace. */
	const struct path above = { 0 };
	const char *text = d_path_root(&current->mm->exe_file->f_path, &above, buf, PATH_MAX);

	if (IS_ERR(text)) {
		audit_cut(a);
		return;
	}
	if (!strncmp(text, UNREACHABLE, sizeof(UNREACHABLE) - 1))
		text += sizeof(UNREACHABLE) - 1;
	audit_text(a, "exe", text, strlen(text), AUDIT_PATH);
}

/*
 * Adds the argument strings that current's memory has now, at most ARGS_READ bytes of them. Marks
 * the line as incomplete if they do not fit or cannot be read. @buf: ARGS_READ bytes of scratch.
 * May sleep.
 */
static void add_args(struct audit *a, char *buf)
{
	const struct mm *mm = current->mm;
	u64 size = mm->arg_end - mm->arg_start;
	ssize_t n =
		access_mm(current->mm, mm->arg_start, buf, min(size, (u64)ARGS_READ), false, true);
	bool fits = n >= 0 && (u64)n == size;

	audit_list(a, "argv");
	for (ssize_t at = 0; at < n;) {
		size_t len = strnlen(buf + at, (size_t)(n - at));

		if (!audit_text(a, NULL, buf + at, len, ARGS_MOST)) {
			fits = false;
			break;
		}
		at += (ssize_t)len + 1;
	}
	audit_list_end(a);
	if (!fits)
		audit_cut(a);
}

void audit_exec(void)
{
	struct audit a;
	char *buf;

	if (!audit_on())
		return;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf) {
		audit_ops->lose();
		return;
	}
	audit_note_memory(0);
	if (audit_begin_task(&a, "exec")) {
		audit_number(&a, "ppid", parent_of(current));
		add_exe(&a, buf);
		add_args(&a, buf);
		audit_end(&a);
	}
	kfree(buf);
}

void audit_refused(const char *what, const struct task *t)
{
	char line[100];

	/* Allocates no memory, which may be the resource that was refused. */
	if (audit_on())
		audit_ops->add(line,
			(size_t)scnprintf(line, sizeof(line),
				"\"event\":\"refused\",\"pid\":%d,\"uid\":%u,\"what\":\"%s\"}",
				t->tgid, t->cred->uid, what));
}

/* Returns by how many frames the peak of current's memory exceeded its present size. */
static u64 was_larger(void)
{
	const struct mm *mm = current->mm;
	u64 now = mm ? (u64)(mm->rss_anon.v + mm->rss_shmem.v) : 0;
	u64 all = mm ? now + (u64)mm->rss_file.v : 0;

	return mm && mm->hiwater_rss > all ? mm->hiwater_rss - all : 0;
}

void audit_exit(int code)
{
	struct audit a;

	/* Kernel threads are not logged, neither their start nor their end. */
	if (!audit_on() || current->flags & PF_KTHREAD)
		return;
	audit_note_memory(was_larger());
	if (!audit_begin_task(&a, "exit"))
		return;
	if (code & 0x7f)
		audit_number(&a, "signal", code & 0x7f);
	else
		audit_number(&a, "status", code >> 8 & 0xff);
	audit_end(&a);
}
