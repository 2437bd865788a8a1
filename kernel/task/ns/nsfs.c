/* SPDX-License-Identifier: MIT */
/*
 * nsfs.c: namespaces as files: the targets of the links in /proc/PID/ns, which can be opened,
 * bind-mounted and queried (ioctl_ns(2)).
 *
 * An inode of nsfs has a reference to its namespace, and the namespace's number. Each open or mount
 * makes a new inode with that number, and programs compare two descriptors by st_dev and st_ino. A
 * bind mount keeps the dentry, the inode and so the namespace alive.
 */
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>

#include "kernel/task/internal.h"
#include "kernel/task/ns/nsfs.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/libfs.h"
#include "kernel/vfs/mount/mount.h"
#include "kernel/vfs/super.h"

static struct mount *nsfs_mnt; /* set once, at boot */
static const struct file_operations nsfs_fops;

static struct file *open_ns(struct ns_common *ns);

struct ns_common *nsfs_inode_ns(const struct inode *inode)
{
	return inode->i_fop == &nsfs_fops ? inode->i_private : NULL;
}

struct ns_common *nsfs_file_ns(const struct file *f)
{
	return nsfs_inode_ns(f->f_inode);
}

/* ---- ioctl ---- */

/* Ioctls of Linux 6.11, newer than the headers of the build. */
#define NS_GET_MNTNS_ID_ _IOR(NSIO, 5, u64)
#define NS_GET_PID_FROM_PIDNS_ _IOR(NSIO, 6, int)
#define NS_GET_TGID_FROM_PIDNS_ _IOR(NSIO, 7, int)
#define NS_GET_PID_IN_PIDNS_ _IOR(NSIO, 8, int)
#define NS_GET_TGID_IN_PIDNS_ _IOR(NSIO, 9, int)

/*
 * struct mnt_ns_info of Linux 6.12. The ioctl's number contains its size, which may be larger in
 * other versions.
 */
struct mnt_info {
	u32 size, nr_mounts;
	u64 id;
};
#define NR_MNT_INFO 10
#define NR_MNT_NEXT 11
#define NR_MNT_PREV 12

static bool is_mnt_ioctl(u32 cmd)
{
	return _IOC_DIR(cmd) == _IOC_READ && _IOC_TYPE(cmd) == NSIO &&
	       _IOC_NR(cmd) >= NR_MNT_INFO && _IOC_NR(cmd) <= NR_MNT_PREV;
}

long nsfs_fd(struct ns_common *ns)
{
	struct file *f;
	int fd = get_unused_fd(O_CLOEXEC);

	if (fd < 0)
		return fd;
	f = open_ns(ns);
	if (IS_ERR(f)) {
		put_unused_fd(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}

/*
 * Makes a descriptor of the owning user namespace, which must be current's own or below it. Returns
 * the descriptor or -errno.
 */
static long fd_of_owner(struct ns_common *ns)
{
	if (!ns->owner || !in_userns(current_user_ns(), ns->owner))
		return -EPERM;
	return nsfs_fd(&ns->owner->ns);
}

/*
 * Returns a descriptor of the parent namespace, or -errno: -EPERM if there is no parent or current
 * may not see it, -EINVAL if namespaces of this kind have no parents.
 */
static long fd_of_parent(struct ns_common *ns)
{
	struct ns_common *up;

	if (!ns->ops->parent)
		return -EINVAL;
	up = ns->ops->parent(ns);
	if (!up)
		return -EPERM;
	if (ns->ops->flag == CLONE_NEWUSER ?
			!in_userns(current_user_ns(), container_of(up, struct user_namespace, ns)) :
			!in_pidns(task_active_pid_ns(current),
				container_of(up, struct pid_namespace, ns)))
		return -EPERM;
	return nsfs_fd(up);
}

static long owner_uid(struct ns_common *ns, uaddr_t to)
{
	u32 uid;

	if (ns->ops->flag != CLONE_NEWUSER)
		return -EINVAL;
	uid = from_kuid_munged(
		current_user_ns(), container_of(ns, struct user_namespace, ns)->owner);
	return put_user(uid, to) ? -EFAULT : 0;
}

static long mount_ns_id(const struct ns_common *ns, uaddr_t to)
{
	u64 id;

	if (ns->ops->flag != CLONE_NEWNS)
		return -EINVAL;
	id = mnt_ns_unique(container_of(ns, struct mnt_namespace, ns));
	return put_user(id, to) ? -EFAULT : 0;
}

/*
 * Copies as many bytes of the struct as fit into the caller's struct of @size bytes. Returns 0 or
 * -EFAULT.
 */
static int put_mnt_info(struct mnt_namespace *m, uaddr_t to, u32 size)
{
	struct mnt_info info = {
		.size = sizeof(info), .nr_mounts = mnt_ns_count(m), .id = mnt_ns_unique(m)
	};

	return copy_to_user(to, &info, min_t(u32, size, sizeof(info))) ? -EFAULT : 0;
}

/*
 * Makes a descriptor of the next newer or older mount namespace over which current has
 * CAP_SYS_ADMIN. Returns the descriptor or -errno.
 */
static long mnt_ns_next(struct mnt_namespace *m, bool older, uaddr_t to, u32 size)
{
	struct mnt_namespace *next = mnt_ns_neighbour(m, older);
	int err = 0;
	long fd;

	if (!next)
		return -ENOENT;
	if (to.v)
		err = put_mnt_info(next, to, size);
	fd = err ? err : nsfs_fd(&next->ns);
	ns_put(&next->ns);
	return fd;
}

/*
 * True if current may see all namespaces. The walk over mount namespaces requires this, since it
 * shows namespaces that cannot be reached in another way. Later versions of Linux require it too.
 */
static bool may_see_all(void)
{
	return task_active_pid_ns(current) == &init_pid_ns && capable(CAP_SYS_ADMIN);
}

/*
 * Serves the ioctls of mount namespaces. @to: user address of a struct mnt_info, may be 0 except
 * for NS_MNT_GET_INFO. Returns 0, a descriptor or -errno.
 */
static long mnt_ns_ioctl(struct ns_common *ns, u32 cmd, uaddr_t to)
{
	struct mnt_namespace *m = container_of(ns, struct mnt_namespace, ns);
	u32 size = _IOC_SIZE(cmd);

	if (size < sizeof(struct mnt_info))
		return -ENOTTY;
	if (_IOC_NR(cmd) != NR_MNT_INFO && !may_see_all())
		return -EPERM;
	if (ns->ops->flag != CLONE_NEWNS)
		return -EINVAL;
	if (_IOC_NR(cmd) != NR_MNT_INFO)
		return mnt_ns_next(m, _IOC_NR(cmd) == NR_MNT_PREV, to, size);
	return to.v ? put_mnt_info(m, to, size) : -EINVAL;
}

/*
 * Translates the pid or tgid @nr between @ns and current's pid namespace, as the ioctl @cmd says.
 * Returns the number; -EINVAL: @ns is no pid namespace; -ESRCH: no such task, or it has no number
 * there.
 */
static long translate(struct ns_common *ns, u32 cmd, pid_t nr)
{
	bool from = cmd == NS_GET_PID_FROM_PIDNS_ || cmd == NS_GET_TGID_FROM_PIDNS_;
	bool process = cmd == NS_GET_TGID_FROM_PIDNS_ || cmd == NS_GET_TGID_IN_PIDNS_;
	struct pid_namespace *theirs, *ours = task_active_pid_ns(current);
	struct pid *pid;
	struct task *t;
	pid_t found = 0;

	if (ns->ops->flag != CLONE_NEWPID)
		return -EINVAL;
	theirs = container_of(ns, struct pid_namespace, ns);
	pid = find_get_pid_ns(nr, from ? theirs : ours);
	t = pid ? pid_get_task(pid, PIDTYPE_PID) : NULL;
	put_pid(pid);
	if (!t)
		return -ESRCH;
	if (process)
		found = task_tgid_nr_ns(t, from ? ours : theirs);
	else
		found = task_pid_nr_ns(t, from ? ours : theirs);
	put_task(t);
	return found ? found : -ESRCH;
}

static long nsfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct ns_common *ns = nsfs_file_ns(f);

	if (is_mnt_ioctl(cmd))
		return mnt_ns_ioctl(ns, cmd, UADDR(arg));
	switch (cmd) {
	case NS_GET_USERNS: return fd_of_owner(ns);
	case NS_GET_PARENT: return fd_of_parent(ns);
	case NS_GET_NSTYPE: return ns->ops->flag;
	case NS_GET_OWNER_UID: return owner_uid(ns, UADDR(arg));
	case NS_GET_MNTNS_ID_: return mount_ns_id(ns, UADDR(arg));
	case NS_GET_PID_FROM_PIDNS_:
	case NS_GET_TGID_FROM_PIDNS_:
	case NS_GET_PID_IN_PIDNS_:
	case NS_GET_TGID_IN_PIDNS_: return translate(ns, cmd, (pid_t)arg);
	}
	return -ENOTTY;
}

static const struct file_operations nsfs_fops = { .ioctl = nsfs_ioctl, .llseek = no_llseek };

/* ---- the file system ---- */

static void nsfs_evict(struct inode *inode)
{
	struct ns_common *ns = inode->i_private;

	truncate_inode_pages(&inode->i_data, 0);
	clear_inode(inode);
	ns_put(ns);
}

static const struct super_operations nsfs_super_ops = {
	.drop_inode = generic_delete_inode,
	.evict_inode = nsfs_evict,
	.inode_ns = nsfs_inode_ns,
	.statfs = simple_statfs,
};

static char *nsfs_dname(struct dentry *d, char *buf, int len)
{
	const struct ns_common *ns = d_inode(d)->i_private;
	char text[40];
	int n = scnprintf(text, sizeof(text), "%s:[%u]", ns->ops->name, ns->inum);

	if (n + 1 > len)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buf + len - n - 1, text, (size_t)n + 1);
}

static const struct dentry_operations nsfs_dops = { .d_dname = nsfs_dname };
static const struct inode_operations nsfs_iops, nsfs_root_iops;

static int nsfs_setattr(struct dentry *d, struct iattr *attr)
{
	return -EPERM;
}

static const struct inode_operations nsfs_iops = { .setattr = nsfs_setattr };

static int nsfs_fill(struct super_block *sb, void *data, bool silent)
{
	struct inode *root = new_inode(sb);

	if (!root)
		return -ENOMEM;
	sb->s_op = &nsfs_super_ops;
	sb->s_magic = NSFS_MAGIC;
	sb->s_iflags |= SB_I_NOUSER;
	root->i_mode = S_IFDIR | 0555;
	root->i_op = &nsfs_root_iops;
	root->i_fop = &simple_dir_operations;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static struct dentry *nsfs_mount(struct file_system_type *t, u32 flags, const char *dev, char *data)
{
	return mount_nodev(t, flags, data, nsfs_fill);
}

static struct file_system_type nsfs_type = {
	.name = "nsfs",
	.mount = nsfs_mount,
	.kill_sb = kill_anon_super,
};

static int nsfs_init(void)
{
	nsfs_mnt = kern_mount(&nsfs_type);
	return IS_ERR(nsfs_mnt) ? (int)PTR_ERR(nsfs_mnt) : 0;
}
INITCALL(2, nsfs_init);

/* ---- paths ---- */

/* Makes a path for @ns. Takes over the reference to @ns, even on failure. Returns 0 or -errno. */
static int ns_path(struct ns_common *ns, struct path *path)
{
	struct inode *inode = new_inode(nsfs_mnt->mnt_sb);
	struct dentry *d;

	if (!inode) {
		ns_put(ns);
		return -ENOMEM;
	}
	inode->i_ino = ns->inum;
	inode->i_mode = S_IFREG | 0444;
	inode->i_flags |= S_IMMUTABLE; /* cannot be opened for writing */
	set_nlink(inode, 1);
	inode->i_op = &nsfs_iops;
	inode->i_fop = &nsfs_fops;
	inode->i_private = ns;
	inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);
	d = d_alloc_pseudo(nsfs_mnt->mnt_sb, ns->ops->name);
	if (!d) {
		iput(inode);
		return -ENOMEM;
	}
	d->d_op = &nsfs_dops;
	d_instantiate(d, inode);
	*path = (struct path){ mntget(nsfs_mnt), d };
	return 0;
}

/* Returns a new file of @ns, with a reference, or ERR_PTR. May sleep. */
static struct file *open_ns(struct ns_common *ns)
{
	struct path path;
	struct file *f;
	int err = ns_path(ns_get(ns), &path);

	if (err)
		return ERR_PTR(err);
	f = alloc_file(&path, O_RDONLY, &nsfs_fops);
	path_put(&path);
	return f;
}

/* ---- /proc/PID/ns ---- */

const struct ns_link *ns_link_nth(u32 i)
{
	static const struct ns_link links[] = {
		{ .name = "cgroup", .slot = NS_CGROUP },
		{ .name = "ipc", .slot = NS_IPC },
		{ .name = "mnt", .slot = NS_MNT },
		{ .name = "net", .slot = NS_NET },
		{ .name = "pid", .own_pid = true },
		{ .name = "pid_for_children", .slot = NS_PID },
		{ .name = "time", .slot = NS_TIME },
		{ .name = "time_for_children", .slot = NS_TIME_CHILD },
		{ .name = "user", .user = true },
		{ .name = "uts", .slot = NS_UTS },
	};

	return i < ARRAY_SIZE(links) ? &links[i] : NULL;
}

/*
 * Returns @ns. For a pid namespace without a first process, drops the reference and returns NULL:
 * it is not shown, since it cannot be joined.
 */
static struct ns_common *started(struct ns_common *ns)
{
	if (!ns || ns->ops->flag != CLONE_NEWPID ||
		READ_ONCE(container_of(ns, struct pid_namespace, ns)->child_reaper))
		return ns;
	ns_put(ns);
	return NULL;
}

/* Returns the namespace of @t to which the link @l leads, with a reference, or NULL. */
static struct ns_common *link_ns(struct task *t, const struct ns_link *l)
{
	const struct cred *c;
	struct ns_common *ns;

	if (l->own_pid)
		return task_active_pid_ns_get(t);
	if (!l->user)
		return started(ns_of_task(t, l->slot));
	c = get_task_cred(t);
	ns = ns_get(&c->user_ns->ns);
	put_cred(c);
	return ns;
}

int ns_link_path(struct task *t, const struct ns_link *l, struct path *path)
{
	struct ns_common *ns;

	if (!ptrace_may_access(t, false))
		return -EACCES;
	ns = link_ns(t, l);
	return ns ? ns_path(ns, path) : -ENOENT;
}

/*
 * Makes a descriptor of @t's namespace of the @nth kind, in the order of PIDFD_GET_*_NAMESPACE.
 * Returns the descriptor or -errno.
 */
long nsfs_task_fd(struct task *t, u32 nth)
{
	const struct ns_link *l = nth ? ns_link_nth(nth - 1) : NULL;
	struct ns_common *ns;
	long fd;

	if (!l)
		return -ENOTTY;
	ns = ns_of_task(t, NS_MNT);
	/* A zombie has no nsproxy, so no descriptor is made for any of its namespaces. */
	if (!ns)
		return -ESRCH;
	ns_put(ns);
	if (!ptrace_may_access(t, false))
		return -EACCES;
	ns = link_ns(t, l);
	if (!ns)
		return -ESRCH;
	fd = nsfs_fd(ns);
	ns_put(ns);
	return fd;
}

int ns_link_text(struct task *t, const struct ns_link *l, char *buf, size_t size)
{
	struct ns_common *ns;
	int n;

	if (!ptrace_may_access(t, false))
		return -EACCES;
	ns = link_ns(t, l);
	if (!ns)
		return -ENOENT;
	n = scnprintf(buf, size, "%s:[%u]", ns->ops->name, ns->inum);
	ns_put(ns);
	return n;
}
