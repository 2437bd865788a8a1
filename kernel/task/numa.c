/* SPDX-License-Identifier: MIT */
/*
 * numa.c: migrate_pages and move_pages. There is one node, so no page ever moves: the arguments are
 * checked, and the node of each page is returned.
 */
#include <linux/mempolicy.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"

#define NODE_0 1UL

/*
 * Returns the memory of the process @pid, with a reference, if current may access it, or ERR_PTR.
 * @pid 0 is current. @none: the error if the process has no memory.
 */
static struct mm *mm_of(pid_t pid, int none)
{
	struct task *t = current;
	struct mm *mm;

	if (pid)
		t = find_get_task(pid);
	else
		get_task(t);
	if (!t)
		return ERR_PTR(-ESRCH);
	mm = mm_access(t, false);
	put_task(t);
	if (mm == ERR_PTR(-EACCES))
		return ERR_PTR(-EPERM);
	return mm ? mm : ERR_PTR(none);
}

long sys_migrate_pages(pid_t pid, unsigned long maxnode, uaddr_t from, uaddr_t to)
{
	u64 old, new;
	struct mm *mm;
	int err = get_user_nodes(from, maxnode, &old);

	if (!err)
		err = get_user_nodes(to, maxnode, &new);
	if (err)
		return err;
	mm = mm_of(pid, -EINVAL);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	mmput(mm);
	if (new & ~NODE_0 && !capable(CAP_SYS_NICE))
		return -EPERM;
	return new &NODE_0 ? 0 : -EINVAL;
}

/*
 * Stores the node of the page that entry @i of @pages names, or -errno, as entry @i of @status.
 * Returns 0, -EFAULT, or -ENODEV if the wanted node is not node 0.
 */
static int move_one(struct mm *mm, uaddr_t pages, uaddr_t nodes, uaddr_t status, u64 i)
{
	u64 addr;
	int node = 0, where;

	if (get_user(addr, uaddr_add(pages, i * sizeof(addr))))
		return -EFAULT;
	if (nodes.v && get_user(node, uaddr_add(nodes, i * sizeof(node))))
		return -EFAULT;
	if (node)
		return -ENODEV;
	where = mm_page_node(mm, addr);
	return put_user(where, uaddr_add(status, i * sizeof(where))) ? -EFAULT : 0;
}

long sys_move_pages(
	pid_t pid, unsigned long nr, uaddr_t pages, uaddr_t nodes, uaddr_t status, int flags)
{
	struct mm *mm;
	int err = 0;

	if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	mm = mm_of(pid, -EINVAL);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	for (u64 i = 0; i < nr && !err; i++) {
		err = move_one(mm, pages, nodes, status, i);
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	mmput(mm);
	return err;
}
