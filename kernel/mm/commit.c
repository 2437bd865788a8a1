/* SPDX-License-Identifier: MIT */
/*
 * commit.c: how much memory guests were promised (vm.overcommit_memory, Linux's three modes).
 *
 * 0: only what could never be kept is refused; 1: everything is promised; 2: no more than vm_commit_limit().
 * There is no swap. The count is exact in all modes, so that the mode can be changed at any time.
 */
#include "kernel/mm/internal.h"

int sysctl_overcommit_memory, sysctl_overcommit_ratio = 50;
static atomic64_t committed;

u64 vm_committed(void)
{
	s64 n = atomic_read(&committed);

	return n > 0 ? n : 0;
}

u64 vm_commit_limit(void)
{
	return nr_managed_frames() * sysctl_overcommit_ratio / 100;
}

int vm_enough_memory(u64 pages)
{
	u64 now = atomic_add_return((s64)pages, &committed);
	bool ok = true;

	if (sysctl_overcommit_memory == 0)
		ok = pages <= nr_managed_frames();
	else if (sysctl_overcommit_memory == 2)
		ok = now <= vm_commit_limit();
	if (!ok)
		atomic_sub((s64)pages, &committed);
	return ok ? 0 : -ENOMEM;
}

void vm_unacct_memory(u64 pages)
{
	atomic_sub((s64)pages, &committed);
}
