/* SPDX-License-Identifier: MIT */
/*
 * pid_dirs.c: /proc/PID/ns and /proc/PID/net: folders that look the same for every process, since there is one namespace of each kind.
 */
#include <asm/errno.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"

/* ---- ns: one namespace of each kind ---- */

static const struct {
	const char *name;
	u32 ino;
} namespaces[] = {
	{ "cgroup", 4026531835U },
	{ "ipc", 4026531839U },
	{ "mnt", 4026531841U },
	{ "net", 4026531840U },
	{ "pid", 4026531836U },
	{ "pid_for_children", 4026531836U },
	{ "time", 4026531834U },
	{ "time_for_children", 4026531834U },
	{ "user", 4026531837U },
	{ "uts", 4026531838U },
};

static const char *ns_get_link(struct dentry *d, struct inode *inode, char **to_free)
{
	u32 i = (u32)PROC_I(inode)->fd;
	const char *name = namespaces[i].name;
	char *text = kzalloc(40, GFP_KERNEL);
	int n = (int)strcspn(name, "_");

	if (!text)
		return ERR_PTR(-ENOMEM);
	scnprintf(text, 40, "%.*s:[%u]", n, name, namespaces[i].ino);
	*to_free = text;
	return text;
}

static const struct inode_operations ns_link_iops = { .get_link = ns_get_link };

static struct dentry *ns_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct task *t = proc_task(dir);
	struct inode *inode;
	u32 i;

	if (!t)
		return ERR_PTR(-ENOENT);
	for (i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (strlen(namespaces[i].name) != d->d_name.len ||
			memcmp(namespaces[i].name, d->d_name.name, d->d_name.len))
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
	u32 i;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (i = (u32)(ctx->pos - 2); i < ARRAY_SIZE(namespaces); i++) {
		ctx->pos = i + 2;
		if (!dir_emit(ctx, namespaces[i].name, (int)strlen(namespaces[i].name),
			    f->f_inode->i_ino * 64 + i, 10))
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

static struct dentry *net_dir_lookup(struct inode *dir, struct dentry *d, u32 flags)
{
	struct proc_entry *net = net_tree(), *e;
	struct inode *inode;

	e = net ? proc_find(net, d->d_name.name, d->d_name.len) : NULL;
	if (!e)
		return ERR_PTR(-ENOENT);
	inode = proc_new_inode(dir->i_sb, e->mode, NULL);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	PROC_I(inode)->de = e;
	inode->i_fop = e->fops;
	d_add(d, inode);
	return NULL;
}

static int net_dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct proc_entry *net = net_tree(), *e;
	loff_t n = 2;

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
