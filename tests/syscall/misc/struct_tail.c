/* SPDX-License-Identifier: MIT */
/*
 * struct_tail: a struct that is larger than the kernel's and ends on an unmapped page: a byte that
 * is not zero is reported before the fault.
 */
#include "t.h"
#include <linux/openat2.h>

#define LEN sizeof(struct open_how)

TEST(struct_tail)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *how;

	NEED(munmap(page + 4096, 4096));
	how = page + 4096 - LEN - 8;
	memset(how, 0, LEN + 8);
	T(syscall(SYS_openat2, AT_FDCWD, "none", how, LEN + 8));
	T(syscall(SYS_openat2, AT_FDCWD, "none", how, LEN + 16)); /* zeroes, then nothing */
	how[LEN + 7] = 1;
	T(syscall(SYS_openat2, AT_FDCWD, "none", how, LEN + 8));
	T(syscall(SYS_openat2, AT_FDCWD, "none", how, LEN + 16)); /* not zero, then nothing */
	how[LEN + 7] = 0;
	how[0] = 1;
	T(syscall(SYS_openat2, AT_FDCWD, "none", how + 16, LEN));
	/* the part that is known cannot be read, the rest could */
	T(syscall(SYS_openat2, AT_FDCWD, "none", page + 4096, LEN));
}
