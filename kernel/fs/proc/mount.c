/* SPDX-License-Identifier: MIT */
/*
 * mount.c: mounts of proc: each is a superblock of its own, with the pid namespace of the mounting
 * process and these options (proc(5)):
 *
 *	hidepid=	off, 0		all users see all processes
 *			noaccess, 1	directories of other users exist and cannot be entered
 *			invisible, 2	directories of other users do not exist
 *			ptraceable, 4	as 2, and gid= has no effect
 *	gid=N		the group to which hidepid= does not apply
 *	subset=pid		only processes, self and thread-self are shown
 *
 * A task that may ptrace a process always sees it. Locks: none. Each option is a word that a
 * remount replaces.
 */
#include <asm/errno.h>
#include <linux/magic.h>

#include "kernel/fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/ident/cred.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/process.h"
#include "kernel/vfs/mount/fsparam.h"

enum hidepid { HIDE_OFF, HIDE_NOACCESS, HIDE_INVISIBLE, HIDE_UNPTRACEABLE = 4 };

static const struct {
	const char *name;
	u32 value;
} hide_names[] = {
	{ "off", HIDE_OFF },
	{ "noaccess", HIDE_NOACCESS },
	{ "invisible", HIDE_INVISIBLE },
	{ "ptraceable", HIDE_UNPTRACEABLE },
};

static const char *hide_name(u32 hide)
{
	u32 i = 0;

	while (hide_names[i].value != hide)
		i++;
	return hide_names[i].name;
}

/* ---- visible processes ---- */

static bool sees(const struct proc_sb *p, struct task *t, u32 from)
{
	u32 hide = READ_ONCE(p->hide);

	if (hide < from)
		return true;
	if (hide != HIDE_UNPTRACEABLE && in_group(p->gid))
		return true;
	return ptrace_may_access(t, false);
}

bool proc_hides(const struct super_block *sb)
{
	const struct proc_sb *p = sb->s_fs_info;

	return p && READ_ONCE(p->hide);
}

bool proc_lists(const struct super_block *sb, struct task *t)
{
	return !proc_hides(sb) || sees(sb->s_fs_info, t, HIDE_INVISIBLE);
}

bool proc_finds(const struct super_block *sb, struct task *t)
{
	const struct proc_sb *p = sb->s_fs_info;

	return !proc_hides(sb) || READ_ONCE(p->hide) != HIDE_UNPTRACEABLE || sees(p, t, 0);
}

int proc_hidden_permission(struct inode *inode, int mask)
{
	const struct proc_sb *p = inode->i_sb->s_fs_info;
	struct task *t = proc_task(inode);
	bool ok;

	if (!t)
		return -ESRCH;
	ok = sees(p, t, HIDE_NOACCESS);
	put_task(t);
	if (!ok)
		return READ_ONCE(p->hide) == HIDE_INVISIBLE ? -ENOENT : -EPERM;
	return generic_permission(inode, mask);
}

int proc_hidden_getattr(const struct path *path, struct kstat *st, u32 request, u32 flags)
{
	struct inode *inode = path->dentry->d_inode;
	struct task *t = proc_task(inode);
	bool ok = t && proc_lists(inode->i_sb, t);

	if (t)
		put_task(t);
	if (!ok)
		return -ENOENT;
	generic_fillattr(inode, st);
	return 0;
}

bool proc_pids_only(const struct super_block *sb)
{
	const struct proc_sb *p = sb->s_fs_info;

	return p && READ_ONCE(p->pids_only);
}

/* ---- the options ---- */

static int parse_hide(const char *word, struct proc_sb *p)
{
	u64 n;

	for (u32 i = 0; i < ARRAY_SIZE(hide_names); i++)
		if (!strcmp(word, hide_names[i].name) ||
			(!kstrtou64(word, 10, &n) && n == hide_names[i].value)) {
			p->hide = hide_names[i].value;
			return 0;
		}
	return -EINVAL;
}

static int parse_gid(const char *word, struct proc_sb *p)
{
	u64 n;

	if (kstrtou64(word, 10, &n) || n >= (u32)-1)
		return -EINVAL;
	p->gid = make_kgid(current_user_ns(), (u32)n);
	return p->gid == (kgid_t)-1 ? -EINVAL : 0;
}

static int parse_options(char *data, struct proc_sb *p)
{
	char *word;
	int err = 0;

	while (!err && data && (word = strsep(&data, ","))) {
		if (!strncmp(word, "hidepid=", 8))
			err = parse_hide(word + 8, p);
		else if (!strncmp(word, "gid=", 4))
			err = parse_gid(word + 4, p);
		else if (!strcmp(word, "subset=pid"))
			p->pids_only = true;
		else if (*word)
			err = -EINVAL;
	}
	return err;
}

static int proc_show_options(struct super_block *sb, char *buf, size_t size)
{
	const struct proc_sb *p = sb->s_fs_info;
	int n = 0;

	if (p->gid)
		n += scnprintf(buf, size, ",gid=%u", from_kgid_munged(current_user_ns(), p->gid));
	if (p->hide)
		n += scnprintf(buf + n, size - (size_t)n, ",hidepid=%s", hide_name(p->hide));
	if (p->pids_only)
		n += scnprintf(buf + n, size - (size_t)n, ",subset=pid");
	return n;
}

static int proc_remount(struct super_block *sb, u32 *flags, char *data)
{
	struct proc_sb *p = sb->s_fs_info, fresh = *p;
	int err = parse_options(data, &fresh);

	if (err)
		return err;
	/* Drop cached dentries, which may have to be hidden now. */
	shrink_dcache_sb(sb);
	WRITE_ONCE(p->hide, fresh.hide);
	WRITE_ONCE(p->gid, fresh.gid);
	WRITE_ONCE(p->pids_only, fresh.pids_only);
	return 0;
}

/* ---- the superblock ---- */

static struct super_operations proc_sops; /* tree_super_operations + show_options */

static int proc_fill_super(struct super_block *sb, void *data, bool silent)
{
	struct pid_namespace *ns = current_pid_ns();
	struct proc_sb *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err = p ? parse_options(data, p) : -ENOMEM;

	if (err) {
		kfree(p);
		return err;
	}
	p->ns = ns;
	ns_get(&ns->ns);
	sb->s_fs_info = p;
	sb->s_user_ns = get_user_ns(ns->ns.owner);
	err = tree_fill_super(sb, &proc_root_entry, PROC_SUPER_MAGIC);
	sb->s_op = &proc_sops;
	return err;
}

static struct dentry *proc_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, proc_fill_super);
}

static void proc_kill_super(struct super_block *sb)
{
	struct proc_sb *p = sb->s_fs_info;

	kill_anon_super(sb);
	if (p)
		ns_put(&p->ns->ns);
	kfree(p);
}

/* Returns the user namespace that owns the pid namespace that the mount will show. */
static struct user_namespace *proc_owner(void)
{
	return current_pid_ns()->ns.owner;
}

static const char *const hide_words[] = { "0", "1", "2", "4", "off", "noaccess", "invisible",
	"ptraceable", NULL };
static const char *const subset_words[] = { "pid", NULL };
static const struct fs_param params[] = {
	FS_PARAM("gid", FSP_GID),
	{ .name = "hidepid",
		.kind = FSP_WORD,
		.words = hide_words,
		.bad = "unknown value of hidepid - %s\n" },
	{ .name = "subset",
		.kind = FSP_WORD,
		.words = subset_words,
		.bad = "unsupported subset option - %s\n" },
	FS_PARAM_END,
};

static struct file_system_type proc_type = {
	.name = "proc",
	.fs_flags = FS_USERNS_MOUNT | FS_USERNS_VISIBLE,
	.owner = proc_owner,
	.is_bare = tree_is_bare,
	.params = params,
	.mount = proc_mount,
	.kill_sb = proc_kill_super,
};

static int proc_init(void)
{
	int err;

	proc_sops = tree_super_operations;
	proc_sops.show_options = proc_show_options;
	proc_sops.remount = proc_remount;
	err = register_filesystem(&proc_type);
	if (!err)
		err = proc_symlink("self", NULL);
	if (!err)
		err = proc_symlink("thread-self", NULL);
	if (!err)
		err = proc_symlink("mounts", "self/mounts");
	if (!err)
		err = proc_symlink("net", "self/net");
	return err;
}
INITCALL(2, proc_init);
