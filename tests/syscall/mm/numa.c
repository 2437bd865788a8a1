/* SPDX-License-Identifier: MIT */
/*
 * numa: mbind(2), set_mempolicy(2), get_mempolicy(2), set_mempolicy_home_node(2), migrate_pages(2),
 * move_pages(2), numa_maps on a machine with one node. Where a host forbids them, or has more
 * nodes, the host's side prints the known answers.
 */
#include "asked.h"
#include <linux/mempolicy.h>

#define HOME_NODE 450

static int policy, status[4];
static unsigned long mask[64];
static const unsigned long none = 0, node0 = 1, node1 = 2, both = 3;

static long set(int mode, const void *nodes, unsigned long max)
{
	return syscall(SYS_set_mempolicy, mode, nodes, max);
}

/* Returns the policy and the low bits of the mask, or -1. */
static long get(void *addr, unsigned long flags)
{
	mask[0] = 0;
	if (syscall(SYS_get_mempolicy, &policy, mask, 64UL, addr, flags) == -1)
		return -1;
	return policy << 8 | (mask[0] & 0xff);
}

static long bind_to(void *p, unsigned long len, int mode, const void *nodes, unsigned flags)
{
	return syscall(SYS_mbind, p, len, mode, nodes, nodes ? 64UL : 0, flags);
}

static long move(
	int pid, unsigned long n, const void *pages, const void *nodes, void *st, int flags)
{
	return syscall(SYS_move_pages, pid, n, pages, nodes, st, flags);
}

static void threads(void)
{
	unsigned long big[512] = { [0] = 1, [20] = 1 };

	WANT(0, get(NULL, 0));
	WANT(1, get(NULL, MPOL_F_MEMS_ALLOWED));
	WANT(-EINVAL, get(NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE));
	WANT(-EINVAL, get(NULL, 8));
	WANT(-EINVAL, get(mask, 0));
	WANT(-EINVAL, get(NULL, MPOL_F_NODE));
	WANT(-EFAULT, get(NULL, MPOL_F_ADDR));
	WANT(0, get(mask, MPOL_F_ADDR | MPOL_F_NODE));
	WANT(-EINVAL, syscall(SYS_get_mempolicy, NULL, mask, 0, NULL, 0));
	WANT(-EFAULT, syscall(SYS_get_mempolicy, BAD, NULL, 0, NULL, 0));
	WANT(-EFAULT, syscall(SYS_get_mempolicy, NULL, BAD, 64UL, NULL, 0));
	WANT(-EINVAL, syscall(SYS_get_mempolicy, NULL, mask, 1UL << 20, NULL, 0));
	WANT(-EINVAL, set(MPOL_DEFAULT, &node0, 64));
	WANT(0, set(MPOL_BIND, &node0, 64));
	WANT(0x201, get(NULL, 0));
	WANT(-EINVAL, set(MPOL_BIND, &node1, 64));
	WANT(0, set(MPOL_BIND | MPOL_F_STATIC_NODES, &both, 64));
	WANT(0x800203, get(NULL, 0));
	WANT(0, set(MPOL_PREFERRED | MPOL_F_RELATIVE_NODES, &node1, 64));
	WANT(0x400102, get(NULL, 0));
	WANT(-EINVAL, set(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &node0, 64));
	WANT(0, set(MPOL_PREFERRED, &none, 64));
	WANT(0x400, get(NULL, 0));
	WANT(-EINVAL, set(MPOL_LOCAL, &node0, 64));
	WANT(-EINVAL, set(-1, NULL, 0));
	WANT(-EFAULT, set(MPOL_BIND, BAD, 64));
	WANT(-EINVAL, set(MPOL_BIND, &node0, 1));
	WANT(0, set(MPOL_BIND, &node0, 2));
	WANT(-EINVAL, set(MPOL_BIND, big, 2000));
	WANT(-EINVAL, set(MPOL_BIND, big, 1UL << 40));
	WANT(0, set(MPOL_INTERLEAVE, &node0, 64));
	WANT(1, get(NULL, MPOL_F_NODE));
	CHILD(WANT(0x301, get(NULL, 0)));
	WANT(0, set(MPOL_DEFAULT, NULL, 0));
}

/*
 * Compares the numa_maps line of the area that begins at @p, without the count of active pages; 0
 * if it is @want.
 */
static long numa_line(void *p, const char *want)
{
	char line[512], rest[512] = "", *word, *next;
	FILE *f = fopen("/proc/self/numa_maps", "r");
	long ret = -1;

	while (f && ret && fgets(line, sizeof(line), f)) {
		if (strtoul(line, &next, 16) != (unsigned long)p)
			continue;
		while ((word = strsep(&next, " \n")))
			if (*word && strncmp(word, "active=", 7) != 0)
				snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), " %s",
					word);
		ret = strcmp(rest + 1, want) ? -1 : 0;
		break;
	}
	if (f)
		fclose(f);
	if (ret)
		say("numa_maps: \"%s\"", rest);
	return ret;
}

static void lines(char *p)
{
	WANT(0, numa_line(p, "bind:0 anon=1 dirty=1 N0=1 kernelpagesize_kB=4"));
	WANT(0, numa_line(p + PAGE, "default"));
	WANT(0, set(MPOL_INTERLEAVE, &node0, 64));
	WANT(0, numa_line(p + PAGE, "interleave:0"));
	WANT(0, bind_to(p, PAGE, MPOL_BIND | MPOL_F_STATIC_NODES, &node0, 0));
	WANT(0, numa_line(p, "bind=static:0 anon=1 dirty=1 N0=1 kernelpagesize_kB=4"));
	WANT(0, set(MPOL_LOCAL, NULL, 0));
	WANT(0, numa_line(p + PAGE, "local"));
	WANT(0, set(MPOL_DEFAULT, NULL, 0));
	WANT(0, bind_to(p, PAGE, MPOL_BIND, &node0, 0));
}

static void areas(char *p)
{
	WANT(0, bind_to(p, PAGE, MPOL_BIND, &node0, MPOL_MF_STRICT | MPOL_MF_MOVE));
	WANT(0x201, get(p, MPOL_F_ADDR));
	WANT(0, get(p + PAGE, MPOL_F_ADDR));
	lines(p);
	WANT(-EINVAL, bind_to(p, PAGE, MPOL_BIND, &node1, 0));
	WANT(-EINVAL, bind_to(p + 1, PAGE, MPOL_BIND, &node0, 0));
	WANT(0, bind_to(p, 0, MPOL_BIND, &node0, 0));
	WANT(-EINVAL, bind_to(p, -PAGE, MPOL_BIND, &node0, 0));
	WANT(-EINVAL, bind_to(p, PAGE, MPOL_BIND, &node0, 8));
	WANT(-EINVAL, bind_to(p, PAGE, MPOL_BIND, NULL, 0));
	WANT(0, syscall(HOME_NODE, p, PAGE, 0, 0));
	WANT(-EINVAL, syscall(HOME_NODE, p, PAGE, 1, 0));
	WANT(-EINVAL, syscall(HOME_NODE, p, PAGE, 0, 1));
	WANT(-ENOENT, syscall(HOME_NODE, p + PAGE, PAGE, 0, 0));
	WANT(0, bind_to(p, PAGE, MPOL_INTERLEAVE, &node0, 0));
	WANT(-EOPNOTSUPP, syscall(HOME_NODE, p, PAGE, 0, 0));
	WANT(0, bind_to(p, PAGE, MPOL_DEFAULT, NULL, MPOL_MF_STRICT));
	WANT(0, get(p, MPOL_F_ADDR));
	WANT(-EFAULT, bind_to(p, 8 * PAGE, MPOL_BIND, &node0, 0));
	WANT(0, get(p, MPOL_F_ADDR));
}

/* A policy can be reset in a range with holes, but not in one that holds no mapping. */
static void over_holes(void)
{
	char *p = (char *)NEED(
		mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	WANT(0, bind_to(p, 8 * PAGE, MPOL_BIND, &node0, 0));
	NEED(munmap(p, PAGE));
	NEED(munmap(p + 3 * PAGE, PAGE));
	NEED(munmap(p + 7 * PAGE, PAGE));
	WANT(-EFAULT, bind_to(p, PAGE, MPOL_DEFAULT, NULL, 0));
	WANT(-EFAULT, bind_to(p + PAGE, 3 * PAGE, MPOL_BIND, &node0, 0));
	WANT(0, bind_to(p, 2 * PAGE, MPOL_DEFAULT, NULL, 0));
	WANT(0, get(p + PAGE, MPOL_F_ADDR));
	WANT(0x201, get(p + 2 * PAGE, MPOL_F_ADDR));
	WANT(0, bind_to(p + 2 * PAGE, 3 * PAGE, MPOL_DEFAULT, NULL, MPOL_MF_MOVE));
	WANT(0, get(p + 4 * PAGE, MPOL_F_ADDR));
	WANT(0x201, get(p + 5 * PAGE, MPOL_F_ADDR));
	WANT(0, bind_to(p, 8 * PAGE, MPOL_DEFAULT, NULL, 0));
	WANT(0, get(p + 6 * PAGE, MPOL_F_ADDR));
	NEED(munmap(p, 8 * PAGE));
}

static void pages(char *p)
{
	void *where[3] = { p, p + PAGE, p + 4 * PAGE };
	char *again = NEED(
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	void *more[3] = { again, again + PAGE, again + 2 * PAGE };
	int nodes[3] = { 0, 0, 0 };

	WANT(0, move(0, 3, where, NULL, status, 0));
	if (asked && (status[0] != 0 || status[1] != -ENOENT || status[2] != -EFAULT))
		say("%d %d %d", status[0], status[1], status[2]);
	/*
	 * pages that were touched one after the other, of which the kernel may have mapped some at
	 * once
	 */
	for (int i = 0; i < 2; i++)
		((volatile char *)again)[i * PAGE] = 1;
	WANT(0, move(0, 3, more, NULL, status, 0));
	if (asked && (status[0] || status[1] || status[2] != -ENOENT))
		say("%d %d %d", status[0], status[1], status[2]);
	WANT(0, move(0, 3, where, nodes, status, MPOL_MF_MOVE));
	WANT(-EINVAL, move(0, 3, where, nodes, status, MPOL_MF_STRICT));
	nodes[1] = 1;
	WANT(-ENODEV, move(0, 3, where, nodes, status, MPOL_MF_MOVE));
	WANT(0, move(0, 0, where, nodes, status, MPOL_MF_MOVE));
	WANT(-EFAULT, move(0, 3, BAD, NULL, status, 0));
	WANT(-EFAULT, move(0, 3, where, BAD, status, 0));
	WANT(-EFAULT, move(0, 3, where, NULL, BAD, 0));
	WANT(-ESRCH, move(1 << 29, 3, where, NULL, status, 0));
	WANT(0, syscall(SYS_migrate_pages, 0, 64UL, &node0, &node0));
	WANT(-EINVAL, syscall(SYS_migrate_pages, 0, 64UL, &node0, &node1));
	WANT(-ESRCH, syscall(SYS_migrate_pages, 1 << 29, 64UL, &node0, &node0));
	WANT(-EFAULT, syscall(SYS_migrate_pages, 0, 64UL, BAD, &node0));
}

TEST(numa)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long all[64] = { 0 };

	NEED(munmap(p + 4 * PAGE, PAGE));
	p[0] = 1;
	asked = syscall(SYS_get_mempolicy, NULL, all, 4096UL, NULL, MPOL_F_MEMS_ALLOWED) == 0 &&
		all[0] == 1 && set(MPOL_DEFAULT, NULL, 0) == 0 &&
		bind_to(p, PAGE, MPOL_DEFAULT, NULL, 0) == 0 &&
		move(0, 1, &(void *){ p }, NULL, status, 0) == 0 &&
		(syscall(HOME_NODE, p, 0, 0, 0) == 0 || errno != ENOSYS) &&
		access("/proc/self/numa_maps", R_OK) == 0;
	asked |= access("/proc/nestling/mode", F_OK) == 0;
	threads();
	areas(p);
	over_holes();
	pages(p);
}
