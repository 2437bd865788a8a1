/* SPDX-License-Identifier: MIT */
/*
 * pidfd.c: descriptors that name one process, never a later one with the same pid: pidfd_open,
 * pidfd_send_signal, pidfd_getfd, polling.
 *
 * A pidfd is a file whose inode holds a reference to a struct pid: so it can be opened again
 * through /proc/PID/fd. It becomes readable when its whole process has ended: when the process is a
 * zombie without other threads, or was reaped. With PIDFD_THREAD it becomes readable when its
 * thread has ended. Locks: tasklist_lock protects what is read of the process.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>

#include "gen/syscalls.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/task/internal.h"
#include "kernel/task/ns/nsfs.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/super.h"
#include "kernel/vfs/vfs.h"

/* Constants that are newer than the headers of the build. */
#define PIDFD_SELF_THREAD_ (-10000)
#define PIDFD_SELF_GROUP (-10001)
/* Ioctls _IO(PIDFS_MAGIC, n): PIDFD_GET_*_NAMESPACE. */
#define PIDFS_MAGIC 0xff
#define NR_NAMESPACES 10
struct pidfd_info_ {
	u64 mask, cgroupid;
	u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	s32 exit_code;
	u32 coredump_mask, coredump_signal; /* since Linux 6.16; the signal stays 0 */
};
#define INFO_SIZE_FIRST 64
#define INFO_PID 1
#define INFO_CREDS 2
#define INFO_CGROUPID 4
#define INFO_EXIT 8
#define INFO_COREDUMP 16
#define INFO_DUMPED 1
#define INFO_DUMP_SKIP 2
#define INFO_DUMP_USER 4
#define INFO_DUMP_ROOT 8
#define SEND_THREAD 1
#define SEND_PROCESS 2
#define SEND_GROUP 4
#define SEND_SCOPES (SEND_THREAD | SEND_PROCESS | SEND_GROUP)

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->private_data;
	struct task *t;
	bool ended, gone;

	poll_wait(f, &pid->wait_pidfd, pt);
	read_lock(&tasklist_lock);
	if (f->f_flags & PIDFD_THREAD) {
		t = pid_task_locked(pid, PIDTYPE_PID);
		ended = !t || (t->exit_state && (!thread_group_leader(t) || thread_group_empty(t)));
	} else {
		t = pid_task_locked(pid, PIDTYPE_TGID);
		ended = !t || (t->exit_state && thread_group_empty(t));
	}
	gone = !t; /* the process was reaped */
	read_unlock(&tasklist_lock);
	if (gone)
		return (u32)EPOLLIN | (u32)EPOLLRDNORM | (u32)EPOLLHUP;
	return ended ? (u32)EPOLLIN | (u32)EPOLLRDNORM : 0;
}

static int pidfd_open(struct inode *inode, struct file *f)
{
	f->private_data = inode->i_private;
	return 0;
}

static void pidfd_evict(struct inode *inode)
{
	truncate_inode_pages(&inode->i_data, 0);
	put_pid(inode->i_private);
}

static const struct super_operations pidfd_super_ops = {
	.drop_inode = generic_delete_inode,
	.evict_inode = pidfd_evict,
	.statfs = simple_statfs,
};

static int pidfd_init(void)
{
	return pseudo_set_super("[pidfd]", &pidfd_super_ops);
}
INITCALL(2, pidfd_init);

static int pidfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct pid *pid = f->private_data;
	struct task *t = pid_get_task(pid, PIDTYPE_PID);
	u32 level = current_pid_ns()->level;
	int nr = t ? pid_vnr(pid) : -1, n;

	if (t)
		put_task(t);
	n = scnprintf(buf, size, "Pid:\t%d\nNSpid:\t%d", nr, nr);
	for (u32 i = level; nr > 0 && i < pid->level; i++)
		n += scnprintf(buf + n, size - (size_t)n, "\t%d", pid->upper[i].nr);
	return n + scnprintf(buf + n, size - (size_t)n, "\n");
}

/* ---- PIDFD_GET_INFO ---- */

void pidfd_keep_exit(struct task *t)
{
	struct pid *pid = t->thread_pid;
	bool whole = thread_group_leader(t) && t->signal->group_exit;

	pid->exit_code = whole ? t->signal->group_exit_code : t->exit_code;
	pid->exit_cgroup = t->cgroup ? t->cgroup->id : 0;
	pid->released = true;
}

/* Returns one of INFO_DUMP_*, or 0 if @t has no memory. */
static u32 dump_rights(struct task *t)
{
	u32 mask = 0;

	spin_lock(&t->alloc_lock);
	if (t->mm)
		mask = t->mm->dump_mode == 1 ? INFO_DUMP_USER :
		       t->mm->dump_mode      ? INFO_DUMP_ROOT :
					       INFO_DUMP_SKIP;
	spin_unlock(&t->alloc_lock);
	return mask;
}

static void info_of_cred(struct task *t, struct pidfd_info_ *i)
{
	const struct cred *c = get_task_cred(t);
	struct user_namespace *ns = current_user_ns();

	i->ruid = from_kuid_munged(ns, c->uid);
	i->rgid = from_kgid_munged(ns, c->gid);
	i->euid = from_kuid_munged(ns, c->euid);
	i->egid = from_kgid_munged(ns, c->egid);
	i->suid = from_kuid_munged(ns, c->suid);
	i->sgid = from_kgid_munged(ns, c->sgid);
	i->fsuid = from_kuid_munged(ns, c->fsuid);
	i->fsgid = from_kgid_munged(ns, c->fsgid);
	put_cred(c);
}

/*
 * Fills in the information on a task that exists, perhaps as a zombie. Returns 0, or -EREMOTE if
 * the task has no pid in current's namespace.
 */
static int info_of_task(struct task *t, struct pidfd_info_ *i)
{
	i->pid = (u32)task_pid_vnr(t);
	i->tgid = (u32)task_tgid_vnr(t);
	read_lock(&tasklist_lock);
	i->ppid = t->real_parent ? (u32)task_tgid_vnr(t->real_parent) : 0;
	read_unlock(&tasklist_lock);
	if (!i->pid || !i->tgid)
		return -EREMOTE;
	info_of_cred(t, i);
	spin_lock(&t->alloc_lock);
	i->cgroupid = t->cgroup ? t->cgroup->id : 0;
	spin_unlock(&t->alloc_lock);
	i->mask |= INFO_PID | INFO_CREDS | INFO_CGROUPID;
	return 0;
}

/*
 * Fills the members that are still known of a reaped process. @asked: INFO_*. Returns 0 or -ESRCH.
 * Takes tasklist_lock.
 */
static int info_of_gone(struct pid *pid, u64 asked, struct pidfd_info_ *i)
{
	int err = -ESRCH;

	read_lock(&tasklist_lock);
	if (pid->released && (asked & INFO_EXIT)) {
		i->exit_code = pid->exit_code;
		i->cgroupid = pid->exit_cgroup;
		i->mask |= INFO_EXIT | INFO_CGROUPID;
		if (asked & INFO_COREDUMP) {
			i->mask |= INFO_COREDUMP;
			i->coredump_mask = i->exit_code & 0x80 ? INFO_DUMPED | INFO_DUMP_USER : 0;
		}
		err = 0;
	}
	read_unlock(&tasklist_lock);
	return err;
}

/*
 * Serves PIDFD_GET_INFO. The structure differs in size between kernels: the command contains the
 * caller's size, and fields that this kernel does not know are zero.
 */
static long pidfd_get_info(struct pid *pid, u32 cmd, uaddr_t to)
{
	struct pidfd_info_ i = { 0 };
	size_t size = _IOC_SIZE(cmd);
	struct task *t;
	u64 asked;
	int err;

	if (!to.v)
		return -EINVAL;
	if (get_user(asked, to))
		return -EFAULT;
	t = pid_get_task(pid, PIDTYPE_PID);
	if (!t) {
		err = info_of_gone(pid, asked, &i);
	} else {
		err = info_of_task(t, &i);
		if (asked & INFO_COREDUMP) {
			i.mask |= INFO_COREDUMP;
			i.coredump_mask = dump_rights(t);
		}
		put_task(t);
	}
	if (err)
		return err;
	if (size > sizeof(i) && clear_user(UADDR(to.v + sizeof(i)), size - sizeof(i)))
		return -EFAULT;
	return copy_to_user(to, &i, size < sizeof(i) ? size : sizeof(i)) ? -EFAULT : 0;
}

static bool is_get_info(u32 cmd)
{
	return _IOC_TYPE(cmd) == PIDFS_MAGIC && _IOC_NR(cmd) == 11 &&
	       _IOC_DIR(cmd) == (_IOC_READ | _IOC_WRITE) && _IOC_SIZE(cmd) >= INFO_SIZE_FIRST;
}

/*
 * Serves the ioctls of a pidfd. Descriptors of namespaces are made only for a process that exists.
 */
static long pidfd_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct task *t;
	long ret;

	if (is_get_info(cmd))
		return pidfd_get_info(f->private_data, cmd, UADDR(arg));
	if (cmd >> 8 != PIDFS_MAGIC || !(cmd & 0xff) || (cmd & 0xff) > NR_NAMESPACES)
		return -ENOTTY;
	t = pid_get_task(f->private_data, PIDTYPE_PID);
	if (!t)
		return -ESRCH;
	ret = arg ? -EINVAL : nsfs_task_fd(t, cmd & 0xff);
	put_task(t);
	return ret;
}

static const struct file_operations pidfd_fops = {
	.open = pidfd_open,
	.ioctl = pidfd_ioctl,
	.poll = pidfd_poll,
	.show_fdinfo = pidfd_fdinfo,
	.llseek = no_llseek,
};

struct file *pidfd_file(struct pid *pid, u32 flags)
{
	struct file *f = pseudo_file("[pidfd]", 0700, &pidfd_fops, pid, flags | O_RDWR);

	if (IS_ERR(f))
		return f;
	f->f_inode->i_private = get_pid(pid);
	f->f_inode->i_ino = pid->ident; /* programs compare pidfds by this number */
	f->f_flags |= flags & PIDFD_THREAD;
	return f;
}

struct pid *pidfd_pid(const struct file *f)
{
	return f->f_op == &pidfd_fops ? f->private_data : ERR_PTR(-EBADF);
}

void pidfd_notify(struct task *t)
{
	wake_up_all(&t->thread_pid->wait_pidfd);
}

long sys_pidfd_open(pid_t nr, int flags)
{
	struct pid *pid;
	struct file *f;
	long fd;

	if (flags & ~(O_NONBLOCK | PIDFD_THREAD))
		return -EINVAL;
	if (nr <= 0)
		return -EINVAL;
	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	fd = -ENOENT; /* the pid of a thread, not a process */
	if (!(flags & PIDFD_THREAD) && list_empty(&pid->tasks[PIDTYPE_TGID]))
		goto out;
	fd = get_unused_fd(O_CLOEXEC);
	if (fd < 0)
		goto out;
	f = pidfd_file(pid, (u32)flags | O_CLOEXEC);
	if (IS_ERR(f)) {
		put_unused_fd((int)fd);
		fd = PTR_ERR(f);
		goto out;
	}
	fd_install((int)fd, f);
out:
	put_pid(pid);
	return fd;
}

/* Returns the struct pid to which a pidfd refers, with a reference, or ERR_PTR. */
static struct pid *get_pidfd(int fd)
{
	struct file *f = fget(fd);
	struct pid *pid;

	if (!f)
		return ERR_PTR(-EBADF);
	pid = pidfd_pid(f);
	if (!IS_ERR(pid))
		get_pid(pid);
	fput(f);
	return pid;
}

/*
 * Fills *@info for the signal. @uinfo: user address of a siginfo_t, or 0. Returns 0, -EFAULT,
 * -EINVAL or -EPERM.
 */
static int pidfd_info(siginfo_t *info, int sig, uaddr_t uinfo, struct pid *pid)
{
	if (!uinfo.v) {
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
		info->si_code = SI_USER;
		info->si_pid = task_tgid_vnr(current);
		info->si_uid = from_kuid_munged(current_user_ns(), current_uid());
		return 0;
	}
	if (copy_siginfo_from_user(info, uinfo))
		return -EFAULT;
	if (info->si_signo != sig)
		return -EINVAL;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && pid != current->thread_pid)
		return -EPERM;
	return 0;
}

const struct task_proc_ops *task_proc_ops;

/*
 * Returns the struct pid to which a pidfd, a descriptor of /proc/PID, or a PIDFD_SELF_* constant
 * refers, with a reference, or ERR_PTR. If *@scope is 0, sets it to SEND_THREAD if the descriptor
 * stands for a thread; 0 means the process.
 */
static struct pid *get_pidfd_or_dir(int fd, int *scope)
{
	struct file *f;
	struct pid *pid;

	if (fd == PIDFD_SELF_THREAD_) {
		*scope = *scope ? *scope : SEND_THREAD;
		return get_pid(current->thread_pid);
	}
	if (fd == PIDFD_SELF_GROUP)
		return get_pid(current->signal->pids[PIDTYPE_TGID]);
	f = fget(fd);
	if (!f)
		return ERR_PTR(-EBADF);
	pid = pidfd_pid(f);
	if (!IS_ERR(pid) && f->f_flags & PIDFD_THREAD && !*scope)
		*scope = SEND_THREAD;
	if (IS_ERR(pid) && task_proc_ops && task_proc_ops->dir_pid(f))
		pid = task_proc_ops->dir_pid(f);
	if (!IS_ERR(pid))
		get_pid(pid);
	fput(f);
	return pid;
}

/* Sends the signal. @scope: SEND_*, or 0 for the process. Returns 0 or -errno. */
static long send_scope(struct pid *pid, int sig, siginfo_t *info, int scope)
{
	struct task *t;
	long err;

	switch (scope) {
	case SEND_THREAD:
		t = pid_get_task(pid, PIDTYPE_PID);
		if (!t)
			return -ESRCH;
		err = kill_thread(t, sig, info);
		put_task(t);
		return err;
	case SEND_GROUP: return kill_pgrp(pid, sig, info);
	default: return kill_pid(pid, sig, info);
	}
}

long sys_pidfd_send_signal(int pidfd, int sig, uaddr_t uinfo, int flags)
{
	siginfo_t info;
	struct pid *pid;
	long err;

	if (flags & ~SEND_SCOPES || flags & (flags - 1))
		return -EINVAL;
	pid = get_pidfd_or_dir(pidfd, &flags);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	/*
	 * A process that has no pid in current's namespace cannot be signalled, even by a pidfd
	 * that current got from another task.
	 */
	err = in_pidns(current_pid_ns(), pid_ns_of(pid)) ? pidfd_info(&info, sig, uinfo, pid) :
							   -EINVAL;
	if (!err)
		err = send_scope(pid, sig, &info, flags);
	put_pid(pid);
	return err;
}

/* Returns the file of the descriptor @fd of the task, with a reference, or ERR_PTR. May sleep. */
static struct file *file_of_task(struct pid *pid, int fd)
{
	struct task *t = pid_get_task(pid, PIDTYPE_PID);
	struct file *f;
	int err;

	if (!t)
		return ERR_PTR(-ESRCH);
	err = exec_hold(t);
	if (err) {
		put_task(t);
		return ERR_PTR(err);
	}
	f = ptrace_may_access(t, true) ? fget_task(t, fd) : ERR_PTR(-EPERM);
	exec_release(t);
	if (!f)
		f = ERR_PTR(READ_ONCE(t->files) ? -EBADF : -ESRCH); /* no files: @t is exiting */
	put_task(t);
	return f;
}

long sys_pidfd_getfd(int pidfd, int targetfd, int flags)
{
	struct pid *pid;
	struct file *f;
	int fd;

	if (flags)
		return -EINVAL;
	pid = get_pidfd(pidfd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	f = file_of_task(pid, targetfd);
	put_pid(pid);
	if (IS_ERR(f))
		return PTR_ERR(f);
	fd = get_unused_fd(O_CLOEXEC);
	if (fd < 0) {
		fput(f);
		return fd;
	}
	cgroup_file_received(f);
	fd_install(fd, f);
	return fd;
}
