/* SPDX-License-Identifier: MIT */
/*
 * procs.c: cgroup.procs and cgroup.threads: show the members of a group, and move tasks into it.
 *
 * To move a process, a task needs the right to write to cgroup.procs of the destination (checked at
 * open) and of the common ancestor of both groups. So a task inside a delegated subtree cannot move
 * processes into or out of it. No task, not even a privileged one, can move a process across the
 * border of its cgroup namespace.
 */
#include "kernel/fs/cgroup2/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"

static int show_numbers(struct seq *s, pid_t *all, s64 n)
{
	if (n < 0)
		return (int)n;
	for (s64 i = 0; i < n; i++)
		/* 0: the member is not in the reader's pid namespace */
		seq_printf(s, "%d\n", pid_from_global(all[i]));
	kfree(all);
	return 0;
}

int cg_show_procs(struct seq *s, struct cgroup *c)
{
	pid_t *all = NULL;
	s64 n;

	if (c->threaded)
		return -EOPNOTSUPP;
	/* All processes of a threaded subtree are shown as members of its top group. */
	n = cgroup_collect(c, true, !cgroup_is_root(c) && c->nr_threaded_children, &all);
	return show_numbers(s, all, n);
}

int cg_show_threads(struct seq *s, struct cgroup *c)
{
	pid_t *all = NULL;
	s64 n = cgroup_collect(c, false, false, &all);

	return show_numbers(s, all, n);
}

bool cg_may_write_procs(const struct cred *cr, struct cgroup *c)
{
	const struct cred *own = override_creds(cr);
	const struct inode *dir;
	bool ok = false;

	spin_lock(&c->files_lock);
	dir = c->dir;
	/* Until a lookup has made the inode, the file's owner is the directory's owner. */
	if (c->files[0])
		ok = !generic_permission(c->files[0], MAY_WRITE);
	else if (dir)
		ok = cr->fsuid == dir->i_uid ||
		     capable_wrt_ids(dir->i_uid, dir->i_gid, CAP_DAC_OVERRIDE);
	else
		ok = capable(CAP_DAC_OVERRIDE);
	spin_unlock(&c->files_lock);
	revert_creds(own);
	return ok;
}

static int may_move(struct cgroup *from, struct cgroup *to, void *arg)
{
	const struct file *f = arg; /* the opener's credentials are checked */
	const struct cg_open *o = f->private_data;
	struct cgroup *common = from;

	while (!cgroup_is_descendant(to, common))
		common = common->parent;
	if (!cg_may_write_procs(f->f_cred, common))
		return -EACCES;
	return cgroup_leaves(o->top, from, to) ? -ENOENT : 0;
}

static int store(struct file *f, struct cgroup *c, char *text, bool process)
{
	s64 nr;

	if (kstrtos64(text, 0, &nr) || nr < 0 || nr > INT32_MAX)
		return -EINVAL;
	return cgroup_attach(c, (pid_t)nr, process, may_move, f);
}

int cg_store_procs(struct file *f, struct cgroup *c, char *text)
{
	/* Works for a threaded group too, whose cgroup.procs cannot be read. */
	return store(f, c, text, true);
}

int cg_store_threads(struct file *f, struct cgroup *c, char *text)
{
	return store(f, c, text, false);
}
