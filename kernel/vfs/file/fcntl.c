/* SPDX-License-Identifier: MIT */
/*
 * fcntl.c: fcntl(2): descriptor flags, status flags, owners of SIGIO, seals. Record locks are in
 * locks.c, pipe sizes in pipe.c, F_NOTIFY in dnotify.c, leases in lease.c, and the delivery of
 * SIGIO in fasync.c.
 * Locks: f_lock for f_flags and f_owner.
 */
#include <asm-generic/fcntl.h>
#include <linux/eventpoll.h>

#include "gen/syscalls.h"
#include "kernel/vfs/idmap.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/landlock/landlock.h"

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

/* ---- status flags ---- */

static int setfl_allowed(struct file *f, u32 flags)
{
	if ((f->f_inode->i_flags & S_APPEND) && ((f->f_flags ^ flags) & O_APPEND))
		return -EPERM;
	if ((flags & O_NOATIME) && !(f->f_flags & O_NOATIME) && !path_owner_or_capable(&f->f_path))
		return -EPERM;
	if ((flags & O_DIRECT) && !file_may_be_direct(f) && !S_ISFIFO(f->f_inode->i_mode))
		return -EINVAL;
	return f->f_op->setfl ? f->f_op->setfl(f, flags) : 0;
}

static int set_fasync(int fd, struct file *f, u32 flags)
{
	if (!((flags ^ f->f_flags) & FASYNC) || !f->f_op->fasync)
		return 0;
	return f->f_op->fasync(fd, f, flags & FASYNC);
}

static int do_setfl(int fd, struct file *f, u32 flags)
{
	u32 mask = f->f_op->fasync ? SETFL_MASK : SETFL_MASK & ~(u32)FASYNC;
	int err = setfl_allowed(f, flags);

	if (!err)
		err = set_fasync(fd, f, flags);
	if (err)
		return err < 0 ? err : 0;
	spin_lock(&f->f_lock);
	f->f_flags = (flags & mask) | (f->f_flags & ~mask);
	spin_unlock(&f->f_lock);
	return 0;
}

/* ---- owners ---- */

void fown_put(struct fown *o)
{
	put_pid(o->pid);
	put_pid(o->setter);
	landlock_put(o->landlock);
}

/*
 * Makes @pid the file's owner, with references of its own. @instead: replaces an owner that exists;
 * otherwise that owner stays.
 */
static void set_owner(struct file *f, struct pid *pid, int type, bool instead)
{
	struct fown o = { .pid = pid, .type = type, .uid = current_uid(), .euid = current_euid() },
		    old;

	get_pid(pid);
	if (pid && landlocked()) {
		o.landlock = landlock_get(current_cred()->landlock);
		o.setter = get_pid(current->signal->pids[PIDTYPE_TGID]);
	}
	spin_lock(&f->f_lock);
	old = o;
	if (instead || !f->f_owner.pid) {
		old = f->f_owner;
		o.signum = old.signum;
		f->f_owner = o;
	}
	spin_unlock(&f->f_lock);
	fown_put(&old);
}

void file_set_owner(struct file *f, struct pid *pid, int type)
{
	set_owner(f, pid, type, true);
}

void file_owned_by_us(struct file *f)
{
	set_owner(f, current->signal->pids[PIDTYPE_TGID], PIDTYPE_TGID, false);
}

void file_drop_owner(struct file *f)
{
	struct fown old;

	spin_lock(&f->f_lock);
	old = f->f_owner;
	f->f_owner = (struct fown){ .type = PIDTYPE_TGID, .uid = old.uid, .euid = old.euid };
	spin_unlock(&f->f_lock);
	fown_put(&old);
}

int file_setown(struct file *f, s32 who)
{
	int type = who < 0 ? PIDTYPE_PGID : PIDTYPE_TGID;
	struct pid *pid = NULL;

	if (who == (s32)0x80000000)
		return -EINVAL;
	if (who) {
		pid = find_get_pid(who < 0 ? -who : who);
		if (!pid)
			return -ESRCH;
	}
	file_set_owner(f, pid, type);
	put_pid(pid);
	return 0;
}

long file_getown(struct file *f)
{
	long nr;

	spin_lock(&f->f_lock);
	nr = pid_vnr(f->f_owner.pid);
	if (f->f_owner.type == PIDTYPE_PGID)
		nr = -nr;
	spin_unlock(&f->f_lock);
	return nr;
}

struct owner_ex { /* struct f_owner_ex of fcntl(2) */
	s32 type;
	s32 pid;
};
static const int owner_types[] = { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID };

static int do_setown_ex(struct file *f, uaddr_t arg)
{
	struct pid *pid = NULL;
	struct owner_ex o;

	if (copy_from_user(&o, arg, sizeof(o)))
		return -EFAULT;
	if ((u32)o.type >= ARRAY_SIZE(owner_types))
		return -EINVAL;
	if (o.pid) {
		pid = find_get_pid(o.pid);
		if (!pid)
			return -ESRCH;
	}
	file_set_owner(f, pid, owner_types[o.type]);
	put_pid(pid);
	return 0;
}

static int do_getown_ex(struct file *f, uaddr_t arg)
{
	struct owner_ex o = { 0, 0 };

	spin_lock(&f->f_lock);
	o.pid = pid_vnr(f->f_owner.pid);
	for (u32 i = 0; i < ARRAY_SIZE(owner_types); i++)
		if (owner_types[i] == f->f_owner.type)
			o.type = i;
	spin_unlock(&f->f_lock);
	return copy_to_user(arg, &o, sizeof(o)) ? -EFAULT : 0;
}

static int do_getowner_uids(struct file *f, uaddr_t arg)
{
	kuid_t ids[2];

	spin_lock(&f->f_lock);
	ids[0] = f->f_owner.uid;
	ids[1] = f->f_owner.euid;
	spin_unlock(&f->f_lock);
	return copy_to_user(arg, ids, sizeof(ids)) ? -EFAULT : 0;
}

/* ---- seals ---- */

#define F_SEAL_CONTENT (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define SEALS_KNOWN (F_SEAL_SEAL | F_SEAL_CONTENT | F_SEAL_EXEC)

/*
 * Adds seals against writing, unless a mapping is or is becoming writable. Takes i_mmap_sem, since
 * memory areas that are being split or moved are briefly not counted. Returns 0 or -EBUSY.
 */
static int seal_writes(struct inode *inode, u32 seals)
{
	struct address_space *m = inode->i_mapping;
	int err = 0;

	down_write(&m->i_mmap_sem);
	if (mapping_deny_writable(m)) {
		inode->i_seals |= seals;
		mapping_allow_writable(m);
	} else {
		err = -EBUSY;
	}
	up_write(&m->i_mmap_sem);
	return err;
}

static int do_add_seals(struct file *f, u32 seals)
{
	struct inode *inode = f->f_inode;
	int err = 0;

	if (!(f->f_mode & FMODE_WRITE))
		return -EPERM;
	if (!(inode->i_seals & SEALS_ALLOWED) || (seals & ~(u32)SEALS_KNOWN))
		return -EINVAL;
	down_write(&inode->i_rwsem);
	/* The contents of a sealed program must not change. */
	if (seals & F_SEAL_EXEC && inode->i_mode & S_IXUGO)
		seals |= F_SEAL_CONTENT;
	if (inode->i_seals & F_SEAL_SEAL)
		err = -EPERM;
	else if ((seals & F_SEAL_WRITE) && !(inode->i_seals & F_SEAL_WRITE))
		err = seal_writes(inode, seals);
	else
		inode->i_seals |= seals;
	up_write(&inode->i_rwsem);
	return err;
}

static long do_get_seals(struct file *f)
{
	u32 seals = f->f_inode->i_seals;

	return seals & SEALS_ALLOWED ? (long)(seals & ~SEALS_ALLOWED) : -EINVAL;
}

/* ---- hints ---- */

/* Sets or gets the expected lifetime of the inode's data, which is stored but not used. */
static int rw_hint(struct file *f, bool set, uaddr_t arg)
{
	struct inode *inode = f->f_inode;
	u64 hint = READ_ONCE(inode->i_write_hint);

	if (!set)
		return put_user(hint, arg);
	if (get_user(hint, arg))
		return -EFAULT;
	if (hint > RWH_WRITE_LIFE_EXTREME)
		return -EINVAL;
	if (!path_owner_or_capable(&f->f_path))
		return -EPERM;
	WRITE_ONCE(inode->i_write_hint, (u8)hint);
	return 0;
}

/* ---- the call ---- */

/* Commands that are newer than the headers of the build. */
#define F_DUPFD_QUERY_ 1027
#define F_CREATED_QUERY_ 1028

/* Returns 1 if @fd refers to the open file @f, 0 if it refers to another file, or -EBADF. */
static long same_file(const struct file *f, int fd)
{
	struct fd other = fdget_raw(fd);
	long same = other.file ? other.file == f : -EBADF;

	if (other.file)
		fdput(other);
	return same;
}

/* Handles the commands that O_PATH files permit too. Returns -ENOSYS for all other commands. */
static long fcntl_fd(int fd, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case F_DUPFD: return f_dupfd(arg, f, 0);
	case F_DUPFD_CLOEXEC: return f_dupfd(arg, f, O_CLOEXEC);
	case F_DUPFD_QUERY_: return same_file(f, (int)arg);
	case F_CREATED_QUERY_: return !!(f->f_mode & FMODE_CREATED);
	case F_GETFD: return fd_is_cloexec(current, fd) ? FD_CLOEXEC : 0;
	case F_SETFD: return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL: return f->f_flags;
	default: return -ENOSYS;
	}
}

static long fcntl_file(int fd, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case F_SETFL: return do_setfl(fd, f, arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW: return fcntl_lock(fd, f, cmd, UADDR(arg));
	case F_SETOWN: return file_setown(f, arg);
	case F_GETOWN: return file_getown(f);
	case F_SETOWN_EX: return do_setown_ex(f, UADDR(arg));
	case F_GETOWN_EX: return do_getown_ex(f, UADDR(arg));
	case F_SETSIG:
		if (arg > NSIG_MAX)
			return -EINVAL;
		spin_lock(&f->f_lock);
		f->f_owner.signum = arg;
		spin_unlock(&f->f_lock);
		return 0;
	case F_GETSIG: return f->f_owner.signum;
	case F_NOTIFY: return fcntl_notify(fd, f, arg);
	case F_SETLEASE: return fcntl_setlease(fd, f, (int)arg);
	case F_GETLEASE: return fcntl_getlease(f);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ: return pipe_fcntl(f, cmd, arg);
	case F_GET_RW_HINT:
	case F_SET_RW_HINT: return rw_hint(f, cmd == F_SET_RW_HINT, UADDR(arg));
	case F_GETOWNER_UIDS: return do_getowner_uids(f, UADDR(arg));
	case F_ADD_SEALS: return do_add_seals(f, arg);
	case F_GET_SEALS: return do_get_seals(f);
	default: return -EINVAL;
	}
}

long sys_fcntl(int fd, u32 cmd, u64 arg)
{
	struct fd f = fdget_raw(fd);
	long ret;

	if (!f.file)
		return -EBADF;
	ret = fcntl_fd(fd, f.file, cmd, arg);
	if (ret == -ENOSYS)
		ret = f.file->f_mode & FMODE_PATH ? -EBADF : fcntl_file(fd, f.file, cmd, arg);
	fdput(f);
	return ret;
}
