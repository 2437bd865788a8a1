/* SPDX-License-Identifier: MIT */
/*
 * pid_dirs.c: /proc/PID/ns, the links to a task's namespaces, and /proc/PID/net, a tree with the
 * same files for every process.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/task/ns/nsproxy.h"

/* ---- ns: links to the namespaces of a task (kernel/task/ns/nsfs.c) ---- */

static const char *ns_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	struct task *t = proc_task(inode);
	char *text = kzalloc(40, GFP_KERNEL);
	int err = -ENOMEM;

	if (!t) {
		kfree(text);
		return ERR_PTR(-ESRCH);
	}
	if (text)
		err = ns_link_text(t, ns_link_nth((u32)PROC_I(inode)->fd), text, 40);
	put_task(t);
	if (err < 0) {
		kfree(text);
		return ERR_PTR(err);
	}
	*to_free = text;
	return text;
}

static int ns_follow_link(struct dentry *d, struct inode *inode, struct path *to)
{
	struct task *t = proc_task(inode);
	int err;

	if (!t)
		return -ESRCH;
	err = ns_link_path(t, ns_link_nth((u32)PROC_I(inode)->fd), to);
	put_task(t);
	return err;
}

static const struct inode_operations ns_link_iops = {
	.get_link = ns_get_link,
	.follow_link = ns_follow_link,
	.setattr = proc_pid_setattr,
};

static struct dentry *ns_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	const struct ns_link *l;
	struct inode *inode;

	if (!t)
		return ERR_PTR(-ENOENT);
	for (u32 i = 0; (l = ns_link_nth(i)); i++) {
		if (strlen(l->name) != d->d_name.len ||
			memcmp(l->name, d->d_name.name, d->d_name.len))
			continue;
		inode = proc_pid_inode(
			dir, S_IFLNK | 0777, PROC_I(dir)->pid, PROC_I(dir)->thread, t);
		put_task(t);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		PROC_I(inode)->fd = (int)i;
		inode->i_op = &ns_link_iops;
		d_add(d, inode);
		return NULL;
	}
	put_task(t);
	return ERR_PTR(-ENOENT);
}

static int ns_dir_iterate(struct file *f, struct dir_context *ctx)
{
	const struct ns_link *l;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (u32 i = (u32)(ctx->pos - 2); (l = ns_link_nth(i)); i++) {
		ctx->pos = i + 2;
		if (!dir_emit(ctx, l->name, (int)strlen(l->name), f->f_inode->i_ino * 64 + i, 10))
			return 0;
		ctx->pos = i + 3;
	}
	return 0;
}

/* ---- net: the fixed tree's ".net" directory, seen from each process ---- */

static struct proc_entry *net_tree(void)
{
	return proc_find(&proc_root_entry, ".net", 4);
}

/* True if the process has a network namespace. A process that has ended has none. */
static bool in_net(const struct inode *dir)
{
	struct task *t = proc_task(dir);
	bool yes = t && !READ_ONCE(t->exit_state);

	if (t)
		put_task(t);
	return yes;
}

static int net_revalidate(struct dentry *d, u32 flags)
{
	return in_net(d_inode(d->d_parent));
}
static const struct dentry_operations net_dops = { .d_revalidate = net_revalidate };

static struct dentry *net_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct proc_entry *net = net_tree(), *e;
	struct inode *inode;

	e = net && in_net(dir) ? proc_find(net, d->d_name.name, d->d_name.len) : NULL;
	if (!e)
		return ERR_PTR(-ENOENT);
	inode = proc_new_inode(dir->i_sb, e->mode, NULL);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	PROC_I(inode)->de = e;
	inode->i_fop = e->fops;
	d->d_op = &net_dops;
	d_add(d, inode);
	return NULL;
}

static int net_dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct proc_entry *net = net_tree(), *e;
	loff_t n = 2;

	if (!in_net(f->f_inode))
		return -EINVAL;
	if (!dir_emit_dots(f, ctx))
		return 0;
	for (e = net ? net->children : NULL; e; e = e->next, n++) {
		if (n < ctx->pos)
			continue;
		if (!dir_emit(ctx, e->name, (int)strlen(e->name), e->ino, (e->mode & S_IFMT) >> 12))
			return 0;
		ctx->pos = n + 1;
	}
	return 0;
}

const struct inode_operations proc_ns_dir_iops = { .lookup = ns_dir_lookup,
	.setattr = proc_pid_setattr };
const struct inode_operations proc_net_dir_iops = { .lookup = net_dir_lookup,
	.setattr = proc_pid_setattr };
const struct file_operations proc_ns_dir_fops = { .iterate = ns_dir_iterate,
	.llseek = generic_file_llseek };
const struct file_operations proc_net_dir_fops = { .iterate = net_dir_iterate,
	.llseek = generic_file_llseek };
