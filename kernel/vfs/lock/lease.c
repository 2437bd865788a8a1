/* SPDX-License-Identifier: MIT */
/*
 * lease.c: leases on files: fcntl(F_SETLEASE), F_GETLEASE. The holder of a lease is signalled
 * before another task opens or truncates the file.
 *
 *	held      -> breaking: a conflicting open or truncate came, the holder gets SIGIO
 *	breaking  -> given up or downgraded by the holder, or taken away after
 *	             /proc/sys/fs/lease-break-time seconds
 *
 * While a lease is breaking, the task that opens or truncates the file waits, or with O_NONBLOCK
 * gets EAGAIN.
 *
 * A lease belongs to an open file and ends with its last reference. A read lease requires that no
 * task has the file open for writing, a write lease that no other open file of it exists
 * (i_writecount, i_readcount). An open first increments a count and then searches for leases; the
 * setting of a lease first adds it and then reads the counts. So the open finds the lease, or the
 * setting of the lease sees the count.
 *
 * Locks: lease_lock, a spinlock, for all leases; an inode without leases costs one test of
 * i_leases.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"

int sysctl_leases_enable = 1, sysctl_lease_break_time = 45;

/* All members are under lease_lock. */
struct lease {
	struct lease *next; /* link in inode->i_leases */
	struct list_head all;
	/* The holder's pid in the initial namespace, for lists of locks. */
	pid_t pid;
	/* Holds no reference: the end of the file removes the lease. */
	struct file *file;
	int fd;
	int type; /* F_RDLCK, F_WRLCK */
	/* The type to which a running break changes the lease: F_RDLCK or F_UNLCK. */
	int target;
	bool breaking; /* a break is running */
	u64 deadline;  /* of the break: ktime, ns; ~0: never */
};

static DEFINE_SPINLOCK(lease_lock);
static LIST_HEAD(all_leases);               /* by lease.all; under lease_lock */
static DECLARE_WAIT_QUEUE_HEAD(lease_wait); /* woken up when a lease ends */

static struct lease **find(struct inode *inode, const struct file *f)
{
	struct lease **at = &inode->i_leases;

	assert_spin_held(&lease_lock);
	while (*at && (*at)->file != f)
		at = &(*at)->next;
	return at;
}

/*
 * Unlinks a lease and removes the file's owner for signals, since the next lease by this file may
 * be set by another process.
 */
static void unlink_lease(struct lease **at)
{
	struct lease *l = *at;

	file_drop_owner(l->file);
	WRITE_ONCE(*at, l->next);
	list_del(&l->all);
	kfree(l);
}

/* ---- setting a lease ---- */

/* True if open files exist that the lease would forbid. */
static bool in_use(const struct file *f, int type)
{
	struct inode *inode = f->f_inode;
	s32 writers = atomic_read(&inode->i_writecount), readers = atomic_read(&inode->i_readcount);

	if (type == F_RDLCK)
		return writers > 0;
	return writers != !!(f->f_mode & FMODE_WRITER_COUNTED) ||
	       readers != !!(f->f_mode & FMODE_READER_COUNTED);
}

static bool conflicts_with_others(const struct inode *inode, const struct file *f, int type)
{
	const struct lease *l;

	for (l = inode->i_leases; l; l = l->next)
		if (l->file != f && (type == F_WRLCK || l->type == F_WRLCK || l->breaking))
			return true;
	return false;
}

/* Sets a new lease, or changes the type of the existing one. Returns 0 or -errno. */
static int set_locked(struct file *f, struct lease **l, int fd, int type)
{
	struct inode *inode = f->f_inode;
	struct lease **at = find(inode, f), *have = *at;

	if (conflicts_with_others(inode, f, type))
		return -EAGAIN;
	if (have) {
		if (have->breaking && type != have->target)
			return -EAGAIN;
		if (in_use(f, type) && !have->breaking)
			return -EAGAIN;
		have->type = type;
		have->breaking = false;
		have->fd = fd;
		file_owned_by_us(f);
		return 0;
	}
	(*l)->file = f;
	(*l)->fd = fd;
	(*l)->type = type;
	(*l)->next = inode->i_leases;
	__atomic_store_n(&inode->i_leases, *l, __ATOMIC_SEQ_CST);
	if (in_use(f, type)) {
		WRITE_ONCE(inode->i_leases, (*l)->next);
		return -EAGAIN;
	}
	/* Makes current the owner that a break signals. */
	file_owned_by_us(f);
	(*l)->pid = current->tgid;
	list_add_tail(&(*l)->all, &all_leases);
	*l = NULL;
	return 0;
}

static int set_lease(int fd, struct file *f, int type)
{
	struct lease *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	if (!l)
		return -ENOMEM;
	spin_lock(&lease_lock);
	err = set_locked(f, &l, fd, type);
	spin_unlock(&lease_lock);
	kfree(l);
	wake_up_all(&lease_wait);
	return err;
}

static int drop_lease(struct file *f)
{
	struct lease **at;
	int err = -EAGAIN;

	spin_lock(&lease_lock);
	at = find(f->f_inode, f);
	if (*at) {
		unlink_lease(at);
		err = 0;
	}
	spin_unlock(&lease_lock);
	wake_up_all(&lease_wait);
	return err;
}

void lease_remove_file(struct file *f)
{
	if (f->f_inode && READ_ONCE(f->f_inode->i_leases))
		drop_lease(f);
}

long fcntl_setlease(int fd, struct file *f, int type)
{
	const struct inode *inode = f->f_inode;
	struct user_namespace *was = idmap_enter(f->f_path.mnt);
	bool owner = current_fsuid() == seen_uid(inode);

	idmap_leave(was);
	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (!owner && !capable(CAP_LEASE))
		return -EACCES;
	if (!is_reg(inode))
		return -EINVAL;
	if (type == F_UNLCK)
		return drop_lease(f);
	/*
	 * A file with f_op->lock can also be opened on the host, which would not break the guest's
	 * lease.
	 */
	if (!sysctl_leases_enable || f->f_op->lock)
		return -EINVAL;
	return set_lease(fd, f, type);
}

long fcntl_getlease(struct file *f)
{
	struct lease *l;
	long type;

	spin_lock(&lease_lock);
	l = *find(f->f_inode, f);
	type = !l ? F_UNLCK : l->breaking ? l->target : l->type;
	spin_unlock(&lease_lock);
	return type;
}

/* ---- breaking ---- */

static bool in_the_way(const struct lease *l, const struct file *f, bool write)
{
	return l->file != f && (write || l->type == F_WRLCK);
}

/* Ends breaking leases whose deadline has passed: removes each, or downgrades it to its target. */
static void expire(struct inode *inode)
{
	struct lease **at = &inode->i_leases;
	u64 now = ktime_get();

	while (*at) {
		struct lease *l = *at;

		if (!l->breaking || l->deadline > now) {
			at = &l->next;
		} else if (l->target == F_UNLCK) {
			unlink_lease(at);
		} else {
			l->type = l->target;
			l->breaking = false;
			at = &l->next;
		}
	}
}

/* Starts to break a lease. Returns true if its holder must be signalled. */
static bool start_break(struct lease *l, bool write)
{
	int target = write ? F_UNLCK : F_RDLCK;

	if (l->breaking && (l->target == target || l->target == F_UNLCK))
		return false;
	l->target = target;
	if (!l->breaking)
		l->deadline = sysctl_lease_break_time ?
				      ktime_get() + (u64)sysctl_lease_break_time * 1000000000UL :
				      ~0UL;
	l->breaking = true;
	return true;
}

/*
 * Checks the inode's leases once. Returns false if no lease conflicts any more; otherwise sets *due
 * to the time of the next check.
 */
static bool break_round(struct inode *inode, const struct file *f, bool write, u64 *due)
{
	struct lease *l;
	bool wait = false;

	*due = ~0UL;
	spin_lock(&lease_lock);
	expire(inode);
	for (l = inode->i_leases; l; l = l->next) {
		if (!in_the_way(l, f, write))
			continue;
		wait = true;
		if (start_break(l, write))
			kill_fasync(l->file, l->fd, EPOLLMSG);
		*due = min(*due, l->deadline);
	}
	spin_unlock(&lease_lock);
	return wait;
}

static bool still_there(struct inode *inode, const struct file *f, bool write)
{
	struct lease *l;
	bool there = false;

	spin_lock(&lease_lock);
	for (l = inode->i_leases; l; l = l->next)
		there |= in_the_way(l, f, write);
	spin_unlock(&lease_lock);
	return there;
}

int lease_break_slow(struct inode *inode, const struct file *f, bool write, bool nonblock)
{
	u64 due;
	int err;

	while (break_round(inode, f, write, &due)) {
		if (nonblock)
			return -EAGAIN;
		err = wait_event_timeout(&lease_wait, !still_there(inode, f, write), due, true);
		if (err && err != -ETIMEDOUT)
			return err;
	}
	return 0;
}

/* ---- /proc/locks, and the lines of fdinfo ---- */

static int print_lease(const struct lease *l, pid_t pid, u32 nr, char *buf, size_t size)
{
	const struct inode *inode = l->file->f_inode;
	dev_t dev = inode->i_sb->s_dev;
	int type = l->breaking ? l->target : l->type;

	return scnprintf(buf, size, "%u: LEASE  %s %s %d %02x:%02x:%llu 0 EOF\n", nr,
		l->breaking ? "BREAKING " : "ACTIVE   ",
		type == F_WRLCK ? "WRITE" :
		type == F_RDLCK ? "READ" :
				  "UNLCK",
		pid, MAJOR(dev), MINOR(dev), (unsigned long long)inode->i_ino);
}

int leases_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size)
{
	u32 skip = at->leases;
	const struct lease *l;
	size_t n = 0;
	pid_t pid;

	spin_lock(&lease_lock);
	list_for_each_entry(l, &all_leases, all) {
		if (skip) {
			skip--;
			continue;
		}
		if (n + LOCK_LINE_MAX > size)
			break;
		at->leases++;
		pid = pid_from_global_ns(l->pid, ns);
		if (pid)
			n += (size_t)print_lease(l, pid, at->locks + at->leases, buf + n, size - n);
	}
	spin_unlock(&lease_lock);
	return (int)n;
}

int lease_fdinfo(struct file *f, int nr, char *buf, size_t size)
{
	struct lease **at;
	int n = 0;

	spin_lock(&lease_lock);
	at = find(f->f_inode, f);
	if (*at) {
		n = scnprintf(buf, size, "lock:\t");
		n += print_lease(
			*at, pid_from_global((*at)->pid), (u32)nr, buf + n, size - (size_t)n);
	}
	spin_unlock(&lease_lock);
	return n;
}
