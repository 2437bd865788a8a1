/* SPDX-License-Identifier: MIT */
/*
 * mempolicy.c: policies for the node of memory, on a machine with one node: set_mempolicy,
 * get_mempolicy, mbind, set_mempolicy_home_node.
 *
 * All memory is on node 0, so every valid policy is followed. It is checked and stored as on Linux:
 * for a thread in task->mempolicy, for an area in vm_policy (areas with different policies do not
 * merge). A policy is one number: mode and mode flags in the upper bits, the nodes that the program
 * has named in the lower bits; 0 is the default.
 *
 * Locks: task->mempolicy is accessed by current only; vm_policy is under mmap_lock.
 */
#include "kernel/mm/internal.h"

#include <linux/capability.h>
#include <linux/mempolicy.h>

#include "arch/um/machine/uaccess.h"
#include "gen/syscalls.h"

#define MODE_SHIFT 48
#define NODES_MASK (BIT(MODE_SHIFT) - 1)
#define NODE_0 1UL
#define MODE_FLAGS (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)
#define PREFERRED_MANY 5
#define MODES 7 /* modes up to weighted interleave */
#define MAX_MASK_BITS (PAGE_SIZE * 8)

static u32 policy_mode(u64 policy)
{
	return (u32)(policy >> MODE_SHIFT) & ~(u32)MODE_FLAGS;
}

/*
 * Reads a mask of @maxnode - 1 bits. Bits of nodes beyond the largest possible number are an error.
 */
int get_user_nodes(uaddr_t from, u64 maxnode, u64 *nodes)
{
	u64 word;

	*nodes = 0;
	maxnode--;
	if (!maxnode || !from.v)
		return 0;
	if (maxnode >= MAX_MASK_BITS)
		return -EINVAL;
	for (u64 bit = 0; bit < maxnode; bit += 64) {
		if (get_user(word, uaddr_add(from, bit / 8)))
			return -EFAULT;
		if (maxnode - bit < 64)
			word &= BIT(maxnode - bit) - 1;
		if (!bit)
			*nodes = word;
		else if (word)
			return -EINVAL;
	}
	return *nodes & ~NODES_MASK ? -EINVAL : 0;
}

static int check_mode(u32 mode, u32 flags)
{
	if (mode >= MODES)
		return -EINVAL;
	if ((flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) ==
		(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	return flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND ? -EINVAL : 0;
}

/* Encodes the arguments as one number; 0 or -EINVAL. */
static int make_policy(u32 mode, u32 flags, u64 nodes, u64 *policy)
{
	bool named = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);

	*policy = 0;
	if (mode == MPOL_DEFAULT)
		return nodes ? -EINVAL : 0;
	if (mode == MPOL_PREFERRED && !nodes)
		mode = MPOL_LOCAL;
	if (mode == MPOL_LOCAL) {
		*policy = (u64)mode << MODE_SHIFT;
		return nodes || named ? -EINVAL : 0;
	}
	/* relative nodes are counted modulo the number of nodes */
	if (!nodes || (!(flags & MPOL_F_RELATIVE_NODES) && !(nodes & NODE_0)))
		return -EINVAL;
	if (!named)
		nodes &= NODE_0;
	*policy = (u64)(mode | flags) << MODE_SHIFT | nodes;
	return 0;
}

/* Reads a policy from the arguments of a system call. May sleep. 0 or -errno. */
static int policy_from_user(int mode, uaddr_t nmask, u64 maxnode, u64 *policy)
{
	u32 flags = (u32)mode & MODE_FLAGS;
	u64 nodes;
	int err;

	mode &= ~MODE_FLAGS;
	err = check_mode((u32)mode, flags);
	if (!err)
		err = get_user_nodes(nmask, maxnode, &nodes);
	return err ? err : make_policy((u32)mode, flags, nodes, policy);
}

long sys_set_mempolicy(int mode, uaddr_t nmask, unsigned long maxnode)
{
	u64 policy;
	int err = policy_from_user(mode, nmask, maxnode, &policy);

	if (!err)
		current->mempolicy = policy;
	return err;
}

/* ---- get_mempolicy ---- */

static int put_user_nodes(uaddr_t to, u64 maxnode, u64 nodes)
{
	u64 bytes = round_up(maxnode - 1, 64) / 8;

	if (bytes > PAGE_SIZE)
		return -EINVAL;
	if (bytes > 8 && clear_user(uaddr_add(to, 8), bytes - 8))
		return -EFAULT;
	return bytes && put_user(nodes, to) ? -EFAULT : 0;
}

/* Returns the policy of the area at @addr in *policy. Takes mmap_lock. 0 or -EFAULT. */
static int policy_of_area(u64 addr, u64 *policy)
{
	struct mm *mm = current->mm;
	struct vm_area *v;

	down_read(&mm->mmap_lock);
	v = vma_lookup(mm, addr);
	if (v)
		*policy = v->vm_policy;
	up_read(&mm->mmap_lock);
	return v ? 0 : -EFAULT;
}

/* Returns the node of the page at @addr: 0, since it is faulted in on the only node; or -errno. */
static int node_of_page(u64 addr)
{
	struct page *p = get_user_page(current->mm, addr, 0);

	if (IS_ERR(p))
		return (int)PTR_ERR(p);
	put_page(p);
	return 0;
}

/* Serves get_mempolicy(2). 0 or -errno. */
static int ask_policy(u64 addr, u64 flags, int *value, u64 *nodes)
{
	u64 policy = current->mempolicy;
	int err = 0;

	if (flags & MPOL_F_ADDR)
		err = policy_of_area(addr, &policy);
	else if (addr)
		err = -EINVAL;
	if (err)
		return err;
	*nodes = policy & NODES_MASK;
	*value = (int)(policy >> MODE_SHIFT);
	if (!(flags & MPOL_F_NODE))
		return 0;
	*value = 0;
	if (flags & MPOL_F_ADDR)
		return node_of_page(addr);
	return policy_mode(policy) == MPOL_INTERLEAVE ? 0 : -EINVAL;
}

long sys_get_mempolicy(uaddr_t upolicy, uaddr_t nmask, unsigned long maxnode, unsigned long addr,
	unsigned long flags)
{
	u64 nodes = NODE_0;
	int value = 0, err = 0;

	if (flags & ~(u64)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (nmask.v && !maxnode)
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED)
		err = flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : 0;
	else
		err = ask_policy(addr, flags, &value, &nodes);
	if (err)
		return err;
	if (upolicy.v && put_user(value, upolicy))
		return -EFAULT;
	return nmask.v ? put_user_nodes(nmask, maxnode, nodes) : 0;
}

void mm_policy_text(u64 policy, char *buf, size_t size)
{
	static const char *const names[MODES] = { "default", "prefer", "bind", "interleave",
		"local", "prefer (many)", "weighted interleave" };
	u64 nodes = policy & NODES_MASK;
	u32 flags = (u32)(policy >> MODE_SHIFT) & MODE_FLAGS, mode = policy_mode(policy);
	int n = scnprintf(buf, size, "%s", names[mode]);

	if (flags & MPOL_F_NUMA_BALANCING)
		n += scnprintf(buf + n, size - (size_t)n, "=balancing");
	if (flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
		n += scnprintf(buf + n, size - (size_t)n, "%s%s",
			flags & MPOL_F_NUMA_BALANCING ? "|" : "=",
			flags & MPOL_F_STATIC_NODES ? "static" : "relative");
	if (nodes) /* those nodes that exist */
		scnprintf(buf + n, size - (size_t)n, ":0");
}

/* ---- areas ---- */

static bool range_is_mapped(struct mm *mm, u64 start, u64 end)
{
	struct vm_area *v;

	for (v = vma_lookup(mm, start); v && v->vm_start <= start && v->vm_end < end;
		v = vma_next(v))
		start = v->vm_end;
	return v && v->vm_start <= start;
}

/*
 * Sets the policy of the areas in the range. mmap_lock is held for writing. 0, -EFAULT or -ENOMEM.
 */
static int set_range(struct mm *mm, u64 start, u64 end, u64 policy)
{
	struct vm_area *first = find_vma(mm, start);

	if (!first || first->vm_start >= end)
		return -EFAULT;
	if (policy_mode(policy) != MPOL_DEFAULT && !range_is_mapped(mm, start, end))
		return -EFAULT; /* the default policy may be set over holes */
	if (mm->map_count + 2 > sysctl_max_map_count || vma_split_range(mm, start, end))
		return -ENOMEM;
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v))
		v->vm_policy = policy;
	vma_merge_range(mm, start, end);
	return 0;
}

long sys_mbind(unsigned long start, unsigned long len, unsigned long mode, uaddr_t nmask,
	unsigned long maxnode, unsigned int flags)
{
	struct mm *mm = current->mm;
	u64 policy, end;
	int err = policy_from_user((int)mode, nmask, maxnode, &policy);

	if (err)
		return err;
	if (flags & ~(u32)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !mm_capable(CAP_SYS_NICE))
		return -EPERM;
	end = start + PAGE_ALIGN(len);
	if (start & ~PAGE_MASK || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (down_write_killable(&mm->mmap_lock))
		return -EINTR;
	err = set_range(mm, start, end, policy);
	up_write(&mm->mmap_lock);
	return err;
}

/* Checks its arguments only. The home node is where allocation begins, and there is one node. */
long sys_set_mempolicy_home_node(
	unsigned long start, unsigned long len, unsigned long node, unsigned long flags)
{
	struct mm *mm = current->mm;
	u64 end = start + PAGE_ALIGN(len);
	int err = -ENOENT;

	if (start & ~PAGE_MASK || flags || node)
		return -EINVAL;
	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	down_read(&mm->mmap_lock);
	for (struct vm_area *v = find_vma(mm, start); v && v->vm_start < end; v = vma_next(v)) {
		u32 mode = policy_mode(v->vm_policy);

		if (!v->vm_policy)
			continue;
		err = mode == MPOL_BIND || mode == PREFERRED_MANY ? 0 : -EOPNOTSUPP;
		if (err)
			break;
	}
	up_read(&mm->mmap_lock);
	return err;
}

/* ---- pages, of any process ---- */

int mm_page_node(struct mm *mm, u64 addr)
{
	struct vm_area *v;
	int node = -EFAULT;
	pte_t e, *at;

	down_read(&mm->mmap_lock);
	v = vma_lookup(mm, addr);
	if (v && !(v->vm_flags & (VM_IO | VM_PFNMAP | VM_SPECIAL_NAME))) {
		spin_lock(&mm->page_table_lock);
		at = pmap_pte(&mm->pmap, addr & PAGE_MASK, false);
		e = at ? *at : 0;
		spin_unlock(&mm->page_table_lock);
		node = entry_touched(e, &(struct hole_cursor){ 0 }) ? 0 : -ENOENT;
	}
	up_read(&mm->mmap_lock);
	return node;
}
