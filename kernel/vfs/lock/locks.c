/* SPDX-License-Identifier: MIT */
/*
 * locks.c: advisory locks on files: POSIX record locks, open file description locks, flock.
 *
 *   setlk(file, request, wait)     fcntl(F_SETLK ...), flock(2)
 *   locks_remove_posix, locks_remove_file     closing
 *
 * A request that conflicts waits until any lock in the inode's hash bucket is released, then tries
 * again. POSIX requests that wait are on a list, each with the owner that it waits for. A chain
 * from that owner back to the requester is a deadlock (EDEADLK), as POSIX requires.
 *
 * A file system whose files are also used on the host has f_op->lock, for which the whole guest is
 * one owner:
 * - lock(f, F_SETLK, req) is called, with the bucket locked, before a lock is granted with which no
 *   lock in the guest conflicts. It returns 0 or -EAGAIN and may not sleep. A request of type
 *   FLK_NONE reports a range that no owner in the guest holds any more.
 * - lock(f, F_GETLK, req) returns 1 if a lock conflicts, and changes @req into that lock.
 *
 * A request that must wait for a lock on the host is tried again every 20 ms.
 *
 * Locks: buckets[].lock, by inode, for inode->i_flock; inside it blocked_lock for the waiters' list
 * and all_lock for /proc/locks. Not supported: mandatory locks. Leases are in lease.c.
 */
#include <asm-generic/fcntl.h>

#include "gen/syscalls.h"
#include "kernel/vfs/internal.h"
#include "kernel/vfs/lock/locks.h"

#define NR_BUCKETS 64

struct bucket {
	spinlock_t lock;
	struct wait_queue_head wait; /* woken up when a lock is released */
};
static struct bucket buckets[NR_BUCKETS];

struct blocked { /* a waiting request; on its task's stack */
	struct list_head list;
	const void *owner, *by;
};
static DEFINE_SPINLOCK(blocked_lock);
static LIST_HEAD(blocked_list); /* under blocked_lock */
static DEFINE_SPINLOCK(all_lock);
static LIST_HEAD(all_locks); /* under all_lock */

static struct bucket *bucket_of(struct inode *inode)
{
	return &buckets[hash_u64((u64)inode) & (NR_BUCKETS - 1)];
}

/* ---- lists ---- */

static void note_new(struct file_lock *l)
{
	spin_lock(&all_lock);
	list_add_tail(&l->all, &all_locks);
	spin_unlock(&all_lock);
}

static void free_locks(struct list_head *gone)
{
	while (!list_empty(gone)) {
		struct file_lock *l = list_first_entry(gone, struct file_lock, list);

		list_del(&l->list);
		spin_lock(&all_lock);
		list_del(&l->all);
		spin_unlock(&all_lock);
		kfree(l);
	}
}

static struct file_lock *find_conflict(struct inode *inode, const struct file_lock *req)
{
	struct file_lock *l;

	list_for_each_entry(l, &inode->i_flock, list)
		if (locks_conflict(l, req))
			return l;
	return NULL;
}

/* Finds a lock of @req's owner in @req's range, for F_OFD_GETLK with F_UNLCK. */
static struct file_lock *find_own(struct inode *inode, const struct file_lock *req)
{
	struct file_lock *l;

	list_for_each_entry(l, &inode->i_flock, list)
		if (l->owner == req->owner && l->kind == req->kind && locks_overlap(l, req))
			return l;
	return NULL;
}

/*
 * Applies a request with the bucket locked. Adds those spares that have become locks to all_locks,
 * for /proc/locks.
 */
static void apply(struct inode *inode, const struct file_lock *req, struct file_lock *spare[2],
	struct list_head *gone)
{
	struct file_lock *before[2] = { spare[0], spare[1] };

	lock_range_apply(&inode->i_flock, req, spare, gone);
	for (int i = 0; i < 2; i++)
		if (before[i] && !spare[i])
			note_new(before[i]);
}

/* ---- waiting ---- */

/*
 * True if it would be a deadlock if @owner waited for @by. Follows up to 256 owners, and of an
 * owner with several waiting requests only the newest; a longer circle is not found. blocked_lock
 * is held.
 */
static bool closes_circle(const void *owner, const void *by)
{
	struct blocked *b;

	for (int steps = 0; steps < 256; steps++) {
		const void *next = NULL;

		if (by == owner)
			return true;
		list_for_each_entry(b, &blocked_list, list)
			if (b->owner == by) {
				next = b->by;
				break;
			}
		if (!next)
			return false;
		by = next;
	}
	return false;
}

/*
 * Records that the owner of @req, a POSIX lock, waits for the owner @by. Returns 0, or -EDEADLK if
 * they would wait for each other.
 */
static int note_blocked(struct blocked *b, const struct file_lock *req, const void *by)
{
	int err = 0;

	if (req->kind != FLK_POSIX)
		return 0;
	spin_lock(&blocked_lock);
	if (!list_empty(&b->list))
		list_del_init(&b->list);
	if (closes_circle(req->owner, by)) {
		err = -EDEADLK;
	} else {
		b->owner = req->owner;
		b->by = by;
		list_add(&b->list, &blocked_list);
	}
	spin_unlock(&blocked_lock);
	return err;
}

static void forget_blocked(struct blocked *b)
{
	if (list_empty(&b->list))
		return;
	spin_lock(&blocked_lock);
	list_del_init(&b->list);
	spin_unlock(&blocked_lock);
}

/*
 * Waits until a lock in the bucket is released. The bucket is locked on entry and exit. Returns 0
 * if the caller must check again, or -ERESTARTSYS.
 */
static int wait_for_unlock(struct bucket *bk)
{
	struct wait_queue_entry e;
	int err = 0;

	init_wait_entry(&e);
	prepare_to_wait(&bk->wait, &e, TASK_INTERRUPTIBLE);
	spin_unlock(&bk->lock);
	if (signal_pending(current))
		err = -ERESTARTSYS;
	else
		schedule();
	finish_wait(&bk->wait, &e);
	spin_lock(&bk->lock);
	return err;
}

static int alloc_spares(struct file_lock *spare[2])
{
	spare[0] =
		/* Charged to a control group; there is no other limit. */
		kzalloc(sizeof(**spare), GFP_KERNEL | __GFP_ACCOUNT);
	spare[1] = kzalloc(sizeof(**spare), GFP_KERNEL | __GFP_ACCOUNT);
	if (spare[0] && spare[1])
		return 0;
	kfree(spare[0]);
	kfree(spare[1]);
	return -ENOLCK;
}

/*
 * Converts a flock: gives up the old lock first, as Linux does. Otherwise two holders of a shared
 * lock that both request an exclusive one would wait for each other for ever.
 */
static void flock_convert(struct bucket *bk, const struct file_lock *req, struct list_head *gone)
{
	struct file_lock *l;

	if (req->kind != FLK_FLOCK || req->type == FLK_NONE)
		return;
	list_for_each_entry(l, &req->inode->i_flock, list) {
		if (l->owner != req->owner || l->kind != FLK_FLOCK)
			continue;
		if (l->type != req->type) {
			list_move_tail(&l->list, gone);
			wake_up_all(&bk->wait);
		}
		break;
	}
}

/* ---- locks on the host ---- */

#define OTHERS_NS 20000000 /* ns between two tries */

static int ask_others(struct file *f, const struct file_lock *req)
{
	struct file_lock copy = *req;

	if (likely(!f->f_op->lock) || req->type == FLK_NONE)
		return 0;
	return f->f_op->lock(f, F_SETLK, &copy);
}

/* True if the two locks can conflict: flock and record locks ignore each other. */
static bool same_sort(const struct file_lock *a, const struct file_lock *b)
{
	return (a->kind == FLK_FLOCK) == (b->kind == FLK_FLOCK);
}

/*
 * Returns the guest's lock at @pos. If there is none, returns NULL and sets *next to the start of
 * the next lock.
 */
static const struct file_lock *held_at(const struct file_lock *req, loff_t pos, loff_t *next)
{
	const struct file_lock *l;

	*next = FLK_END;
	list_for_each_entry(l, &req->inode->i_flock, list) {
		if (!same_sort(l, req) || l->end < pos)
			continue;
		if (l->start <= pos)
			return l;
		*next = min(*next, l->start);
	}
	return NULL;
}

/*
 * Reports to the host which bytes of @req's range no lock in the guest covers any more. The bucket
 * is locked on entry and exit. In between it is unlocked from time to time, so that other tasks can
 * run, since programs choose the number of pieces. Ranges that are locked again meanwhile are not
 * reported.
 */
static void report_unlocked(struct bucket *bk, struct file *f, const struct file_lock *req)
{
	struct file_lock piece = *req;
	loff_t pos = req->start, next;

	if (likely(!f->f_op->lock))
		return;
	piece.type = FLK_NONE;
	for (;;) {
		const struct file_lock *l = held_at(req, pos, &next);

		if (l) {
			next = l->end;
		} else {
			piece.start = pos;
			piece.end = next == FLK_END ? req->end : min(req->end, next - 1);
			f->f_op->lock(f, F_SETLK, &piece);
			next = piece.end;
		}
		if (next >= req->end)
			return;
		pos = next + 1;
		spin_unlock(&bk->lock);
		cond_resched();
		spin_lock(&bk->lock);
	}
}

/*
 * Waits until a lock of the host may have been released. The bucket is locked on entry and exit.
 * Returns 0 if the caller must check again, or -ERESTARTSYS.
 */
static int wait_for_others(struct bucket *bk)
{
	int err;

	spin_unlock(&bk->lock);
	err = wait_event_timeout(&bk->wait, false, ktime_get() + OTHERS_NS, true);
	spin_lock(&bk->lock);
	return err == -ERESTARTSYS ? err : 0;
}

/*
 * Returns 0 when no lock conflicts with @req, after waiting for that if @wait is set; or -errno.
 * The bucket is locked.
 */
static int wait_for_turn(struct bucket *bk, struct file *f, const struct file_lock *req,
	struct blocked *b, bool wait)
{
	struct file_lock *c;
	int err;

	for (;;) {
		c = req->type == FLK_NONE ? NULL : find_conflict(req->inode, req);
		if (!c) {
			err = ask_others(f, req);
			if (err != -EAGAIN || !wait)
				return err;
			err = wait_for_others(bk);
		} else {
			err = wait ? note_blocked(b, req, c->owner) : -EAGAIN;
			if (!err)
				err = wait_for_unlock(bk);
		}
		if (err)
			return err;
	}
}

/* Sets a lock. Returns 0, -EAGAIN, -EDEADLK, -ERESTARTSYS or -ENOLCK. */
static int setlk(struct file *f, const struct file_lock *req, bool wait)
{
	struct inode *inode = req->inode;
	struct bucket *bk = bucket_of(inode);
	struct blocked b = { .list = LIST_HEAD_INIT(b.list) };
	struct file_lock *spare[2];
	LIST_HEAD(gone);
	int err = alloc_spares(spare);

	if (err)
		return err;
	spin_lock(&bk->lock);
	flock_convert(bk, req, &gone);
	err = wait_for_turn(bk, f, req, &b, wait);
	if (!err)
		apply(inode, req, spare, &gone);
	if (req->type == FLK_NONE || (err && !list_empty(&gone)))
		report_unlocked(bk, f, req);
	spin_unlock(&bk->lock);
	forget_blocked(&b);
	/* The old lock may have been stronger, so waiters must check again. */
	if (!list_empty(&gone) || req->type != FLK_WRITE)
		if (waitqueue_active(&bk->wait))
			wake_up_all(&bk->wait);
	free_locks(&gone);
	kfree(spare[0]);
	kfree(spare[1]);
	return err;
}

/* Releases all locks of an owner on the file's inode. */
static void drop_owner(struct file *f, const void *owner)
{
	struct inode *inode = f->f_inode;
	struct bucket *bk = bucket_of(inode);
	struct file_lock *l, *next;
	LIST_HEAD(gone);

	if (list_empty(&inode->i_flock))
		return;
	spin_lock(&bk->lock);
	list_for_each_entry_safe(l, next, &inode->i_flock, list)
		if (l->owner == owner)
			list_move_tail(&l->list, &gone);
	list_for_each_entry(l, &gone, list)
		report_unlocked(bk, f, l);
	spin_unlock(&bk->lock);
	if (list_empty(&gone))
		return;
	free_locks(&gone);
	wake_up_all(&bk->wait);
}

void locks_remove_posix(struct file *f, struct files_struct *owner)
{
	if (f->f_inode)
		drop_owner(f, owner);
}

void locks_remove_file(struct file *f)
{
	if (f->f_inode)
		drop_owner(f, f);
}

/* ---- fcntl ---- */

/*
 * Stores the range of @u, relative to l_whence, as absolute bytes in @req. Returns 0, -EINVAL or
 * -EOVERFLOW.
 */
static int range_of(struct file *f, const struct flock *u, struct file_lock *req)
{
	loff_t base, start, end;

	switch (u->l_whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = f->f_pos; break;
	case SEEK_END: base = i_size_read(f->f_inode); break;
	default: return -EINVAL;
	}
	if (check_add_overflow(base, (loff_t)u->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	end = FLK_END;
	if (u->l_len > 0) {
		if (check_add_overflow(start, (loff_t)u->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (u->l_len < 0) {
		end = start - 1;
		start += u->l_len;
	}
	if (start < 0 || end < 0)
		return -EINVAL;
	req->start = start;
	req->end = end;
	return 0;
}

/*
 * Fills in @req, whose owner is current's descriptor table or, with @ofd, the file. Returns 0 or
 * -errno.
 */
static int request_of(struct file *f, const struct flock *u, bool ofd, struct file_lock *req)
{
	int err;

	memset(req, 0, sizeof(*req));
	err = range_of(f, u, req);
	if (err)
		return err;
	switch (u->l_type) {
	case F_RDLCK: req->type = FLK_READ; break;
	case F_WRLCK: req->type = FLK_WRITE; break;
	case F_UNLCK: req->type = FLK_NONE; break;
	default: return -EINVAL;
	}
	req->kind = ofd ? FLK_OFD : FLK_POSIX;
	req->owner = ofd ? (void *)f : (void *)current->files;
	req->pid = ofd ? -1 : current->tgid;
	req->inode = f->f_inode;
	return 0;
}

/*
 * True if another thread has closed the descriptor since the call began. The lock must then be
 * released, since no later close would do that.
 */
static bool closed_meanwhile(int fd, struct file *f)
{
	struct file *now = fget_raw(fd);
	bool closed = now != f;

	if (now)
		fput(now);
	return closed;
}

static int do_setlk(int fd, struct file *f, const struct flock *u, bool ofd, bool wait)
{
	struct file_lock req;
	int err = request_of(f, u, ofd, &req);

	if (err)
		return err;
	if ((req.type == FLK_READ && !(f->f_mode & FMODE_READ)) ||
		(req.type == FLK_WRITE && !(f->f_mode & FMODE_WRITE)))
		return -EBADF;
	if (ofd && u->l_pid)
		return -EINVAL;
	err = setlk(f, &req, wait);
	if (!err && !ofd && req.type != FLK_NONE && closed_meanwhile(fd, f)) {
		req.type = FLK_NONE;
		setlk(f, &req, false);
		err = -EBADF;
	}
	return err;
}

static int do_getlk(struct file *f, struct flock *u, bool ofd)
{
	struct bucket *bk = bucket_of(f->f_inode);
	struct file_lock req, *c;
	int err;

	if (!ofd && u->l_type != F_RDLCK && u->l_type != F_WRLCK)
		return -EINVAL;
	err = request_of(f, u, ofd, &req);
	if (err)
		return err;
	if (ofd && u->l_pid)
		return -EINVAL;
	spin_lock(&bk->lock);
	c = req.type == FLK_NONE ? find_own(f->f_inode, &req) : find_conflict(f->f_inode, &req);
	if (!c && req.type != FLK_NONE && f->f_op->lock && f->f_op->lock(f, F_GETLK, &req) == 1)
		c = &req;
	u->l_type = F_UNLCK;
	if (c) {
		u->l_type = c->type == FLK_READ ? F_RDLCK : F_WRLCK;
		u->l_whence = SEEK_SET;
		u->l_start = c->start;
		u->l_len = c->end == FLK_END ? 0 : c->end - c->start + 1;
		u->l_pid = c->pid < 0 ? -1 : pid_from_global(c->pid);
	}
	spin_unlock(&bk->lock);
	return 0;
}

long fcntl_lock(int fd, struct file *f, u32 cmd, uaddr_t arg)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct flock u;
	int err;

	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK) {
		err = do_getlk(f, &u, ofd);
		if (!err && copy_to_user(arg, &u, sizeof(u)))
			err = -EFAULT;
		return err;
	}
	return do_setlk(fd, f, &u, ofd, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}

/* ---- flock ---- */

/* Returns the type of lock for an operation of flock(2), or -EINVAL. */
static int flock_type(u32 op)
{
	switch (op & ~(u32)LOCK_NB) {
	case LOCK_SH: return FLK_READ;
	case LOCK_EX: return FLK_WRITE;
	case LOCK_UN: return FLK_NONE;
	default: return -EINVAL;
	}
}

static int do_flock(struct file *f, int type, bool wait)
{
	struct file_lock req = { .kind = FLK_FLOCK,
		.type = type,
		.owner = f,
		.pid = current->tgid,
		.inode = f->f_inode,
		.start = 0,
		.end = FLK_END };

	if (type != FLK_NONE && !(f->f_mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	return setlk(f, &req, wait);
}

/*
 * Serves flock(2). LOCK_MAND, which Linux 5.16 removed, does nothing, even if the descriptor is
 * invalid.
 */
long sys_flock(int fd, u32 op)
{
	struct fd f;
	int type, err;

	if (op & LOCK_MAND)
		return 0;
	type = flock_type(op);
	if (type < 0)
		return type;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	err = do_flock(f.file, type, !(op & LOCK_NB));
	fdput(f);
	return err;
}

/* ---- /proc/locks, and the lines of fdinfo ---- */

static int print_lock(const struct file_lock *l, pid_t pid, u32 nr, char *buf, size_t size)
{
	static const char *const kinds[] = { "POSIX ", "OFDLCK", "FLOCK " };
	dev_t dev = l->inode->i_sb->s_dev;
	int n = scnprintf(buf, size, "%u: %s ADVISORY  %s %d %02x:%02x:%llu %lld ", nr,
		kinds[l->kind], l->type == FLK_READ ? "READ " : "WRITE", pid, MAJOR(dev),
		MINOR(dev), (unsigned long long)l->inode->i_ino, (long long)l->start);

	if (l->end == FLK_END)
		return n + scnprintf(buf + n, size - n, "EOF\n");
	return n + scnprintf(buf + n, size - n, "%lld\n", (long long)l->end);
}

/*
 * Returns the pid of a lock's holder in @ns. The lock of an open file description has no holder, so
 * its pid is -1 in every namespace.
 */
static pid_t holder_in(const struct file_lock *l, const struct pid_namespace *ns)
{
	return l->pid < 0 ? l->pid : pid_from_global_ns(l->pid, ns);
}

int locks_lines(struct locks_at *at, const struct pid_namespace *ns, char *buf, size_t size)
{
	const struct file_lock *l;
	u32 skip = at->locks;
	size_t n = 0;
	pid_t pid;

	spin_lock(&all_lock);
	list_for_each_entry(l, &all_locks, all) {
		if (skip) {
			skip--;
			continue;
		}
		if (n + LOCK_LINE_MAX > size)
			break;
		at->locks++;
		pid = holder_in(l, ns);
		if (pid)
			n += (size_t)print_lock(l, pid, at->locks, buf + n, size - n);
	}
	spin_unlock(&all_lock);
	return n ? (int)n : leases_lines(at, ns, buf, size);
}

int locks_fdinfo(struct locks_at *at, struct file *f, const void *files, char *buf, size_t size)
{
	struct bucket *bk = bucket_of(f->f_inode);
	const struct file_lock *l;
	u32 skip = at->locks;
	size_t n = 0;

	spin_lock(&bk->lock);
	list_for_each_entry(l, &f->f_inode->i_flock, list) {
		if (skip) {
			skip--;
			continue;
		}
		if (n + LOCK_LINE_MAX > size)
			break;
		at->locks++;
		if (l->owner != (l->kind == FLK_POSIX ? files : f))
			continue;
		n += (size_t)scnprintf(buf + n, size - n, "lock:\t");
		n += (size_t)print_lock(
			l, holder_in(l, current_pid_ns()), ++at->lines, buf + n, size - n);
	}
	spin_unlock(&bk->lock);
	if (n || at->leases++)
		return (int)n;
	return lease_fdinfo(f, (int)at->lines + 1, buf, size);
}

static int locks_init(void)
{
	for (int i = 0; i < NR_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock);
		init_waitqueue_head(&buckets[i].wait);
	}
	return 0;
}
INITCALL(1, locks_init);
