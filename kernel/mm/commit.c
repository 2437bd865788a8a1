/* SPDX-License-Identifier: MIT */
/*
 * commit.c: how much memory guests were promised (vm.overcommit_memory, Linux's three modes).
 *
 * Mode 0 refuses only requests larger than memory and swap areas together; mode 1 allows
 * everything; mode 2 allows no more than vm_commit_limit() in total. The count is exact in all
 * modes, so that the mode can be changed at any time.
 */
#include <linux/capability.h>

#include "kernel/mm/hugetlb/hugetlb_internal.h"
#include "kernel/mm/swap/swap.h"

int sysctl_overcommit_memory, sysctl_overcommit_ratio = 50;
u64 sysctl_overcommit_kbytes; /* 0: use the ratio */
int sysctl_admin_reserve_kbytes, sysctl_user_reserve_kbytes;
static atomic64_t committed;

u64 vm_committed(void)
{
	s64 n = atomic_read(&committed);

	return n > 0 ? n : 0;
}

u64 vm_commit_limit(void)
{
	struct hugetlb_numbers huge;

	if (sysctl_overcommit_kbytes)
		return (sysctl_overcommit_kbytes >> 2) + nr_swap_pages();
	hugetlb_numbers(&huge);
	return (nr_managed_frames() - (huge.total << HPAGE_ORDER)) * sysctl_overcommit_ratio / 100 +
	       nr_swap_pages();
}

/*
 * Returns the limit in mode 2, less the reserve for an administrator's login, and less the reserve
 * that one process must leave for others.
 */
static u64 strict_limit(void)
{
	u64 limit = vm_commit_limit(), keep = 0;

	if (!mm_capable(CAP_SYS_ADMIN))
		keep += (u64)sysctl_admin_reserve_kbytes >> 2;
	if (current->mm)
		keep += min(current->mm->total_vm / 32, (u64)sysctl_user_reserve_kbytes >> 2);
	return limit - min(limit, keep);
}

static int reserves_init(void)
{
	sysctl_user_reserve_kbytes = (int)min(nr_free_frames() / 8, 128UL << 10);
	sysctl_admin_reserve_kbytes = (int)min(nr_free_frames() / 8, 8UL << 10);
	return 0;
}
INITCALL(1, reserves_init);

int vm_enough_memory(u64 pages)
{
	u64 now = atomic_add_return((s64)pages, &committed);
	bool ok = true;

	if (sysctl_overcommit_memory == 0)
		ok = pages <= nr_managed_frames() + nr_swap_pages();
	else if (sysctl_overcommit_memory == 2)
		ok = now <= strict_limit();
	if (!ok)
		atomic_sub((s64)pages, &committed);
	return ok ? 0 : -ENOMEM;
}

void vm_unacct_memory(u64 pages)
{
	atomic_sub((s64)pages, &committed);
}
