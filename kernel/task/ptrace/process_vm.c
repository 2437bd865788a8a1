/* SPDX-License-Identifier: MIT */
/*
 * process_vm.c: process_vm_readv and process_vm_writev: copy between the caller's memory and
 * another process's, without stopping it.
 *
 * The caller needs the right to ptrace the process. Bytes are copied through a page of the
 * kernel's. The copy ends early at an address that cannot be accessed in one of the two memories,
 * or when a signal kills the caller. The result is the number of bytes copied until then, or
 * -EFAULT if even the first byte could not be accessed.
 */
#include "gen/syscalls.h"
#include "kernel/task/internal.h"

#define MAX_VECTORS 1024

struct transfer {
	struct mm *mm;
	struct iov_iter local;
	bool write; /* true: to the other process */
	u8 *page;
	u64 done;
};

/*
 * Copies one remote vector, and adds the copied bytes to tr->done. Returns 0, -EFAULT if an address
 * of either side cannot be accessed, or -EINTR if current is being killed.
 */
static int transfer_vector(struct transfer *tr, u64 addr, u64 len)
{
	while (len && tr->local.count) {
		size_t want = min(min(len, tr->local.count), PAGE_SIZE - (addr & ~PAGE_MASK));
		size_t n = want;
		ssize_t got;

		if (tr->write) {
			n = copy_from_iter(tr->page, want, &tr->local);
			got = n ? access_mm(tr->mm, addr, tr->page, n, true, false) : -EFAULT;
		} else {
			got = access_mm(tr->mm, addr, tr->page, n, false, false);
			if (got > 0)
				got = (ssize_t)copy_to_iter(tr->page, (size_t)got, &tr->local);
		}
		if (got <= 0)
			return -EFAULT;
		tr->done += (u64)got;
		if ((size_t)got < want)
			return -EFAULT;
		addr += want;
		len -= want;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Copies all remote vectors. Returns the bytes copied, or -errno of an error before the first. */
static long transfer(struct transfer *tr, const struct uvec *remote, u64 nr)
{
	int err = 0;

	tr->page = get_free_page(GFP_KERNEL);
	if (!tr->page)
		return -ENOMEM;
	for (u64 i = 0; i < nr && !err; i++)
		err = transfer_vector(tr, remote[i].base, remote[i].len);
	free_page_addr(tr->page);
	return tr->done ? (long)tr->done : err;
}

/*
 * Returns the memory of the process @pid, with a reference, if current may access it, or ERR_PTR.
 */
static struct mm *mm_of(pid_t pid)
{
	struct task *t = find_get_task(pid);
	struct mm *mm;

	if (!t)
		return ERR_PTR(-ESRCH);
	mm = mm_access(t, true);
	put_task(t);
	if (mm == ERR_PTR(-EACCES))
		return ERR_PTR(-EPERM);
	return mm ? mm : ERR_PTR(-ESRCH);
}

/* Returns a copy of the @nr vectors at @rvec, to be freed with kfree(), or ERR_PTR. */
static struct uvec *read_remote(uaddr_t rvec, u64 nr)
{
	struct uvec *v;
	u64 sum = 0;

	if (nr > MAX_VECTORS)
		return ERR_PTR(-EINVAL);
	v = kcalloc(nr ? nr : 1, sizeof(*v), GFP_KERNEL);
	if (!v)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(v, rvec, nr * sizeof(*v))) {
		kfree(v);
		return ERR_PTR(-EFAULT);
	}
	for (u64 i = 0; i < nr; i++)
		if ((s64)v[i].len < 0 || check_add_overflow(sum, v[i].len, &sum) || (s64)sum < 0) {
			kfree(v);
			return ERR_PTR(-EINVAL);
		}
	return v;
}

/* True if no range has a byte. */
static bool is_empty(const struct uvec *v, u64 nr)
{
	for (u64 i = 0; i < nr; i++)
		if (v[i].len)
			return false;
	return true;
}

/*
 * Copies from the memory of the process @pid or, with @write, to it. Returns the bytes copied or
 * -errno. May sleep.
 */
static long process_vm(
	pid_t pid, uaddr_t lvec, u64 nr_local, uaddr_t rvec, u64 nr_remote, u64 flags, bool write)
{
	struct transfer tr = { .write = write };
	struct uvec *to_free = NULL, *remote;
	long ret;

	if (flags)
		return -EINVAL;
	ret = iov_iter_import(&tr.local, lvec, nr_local, &to_free);
	if (ret)
		return ret;
	if (!tr.local.count)
		goto out_local;
	remote = read_remote(rvec, nr_remote);
	ret = PTR_ERR(remote);
	if (IS_ERR(remote))
		goto out_local;
	ret = 0;
	/* as on Linux: nothing to copy succeeds, whatever @pid is */
	if (is_empty(remote, nr_remote))
		goto out_remote;
	tr.mm = mm_of(pid);
	ret = PTR_ERR(tr.mm);
	if (IS_ERR(tr.mm))
		goto out_remote;
	ret = transfer(&tr, remote, nr_remote);
	mmput(tr.mm);
out_remote:
	kfree(remote);
out_local:
	kfree(to_free);
	return ret;
}

long sys_process_vm_readv(
	pid_t pid, uaddr_t lvec, u64 liovcnt, uaddr_t rvec, u64 riovcnt, u64 flags)
{
	return process_vm(pid, lvec, liovcnt, rvec, riovcnt, flags, false);
}

long sys_process_vm_writev(
	pid_t pid, uaddr_t lvec, u64 liovcnt, uaddr_t rvec, u64 riovcnt, u64 flags)
{
	return process_vm(pid, lvec, liovcnt, rvec, riovcnt, flags, true);
}
