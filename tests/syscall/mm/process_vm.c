/* SPDX-License-Identifier: MIT */
/*
 * process_vm_readv(2), process_vm_writev(2): another process's memory in vectors, holes,
 * permissions.
 */
#include "t.h"

static char mine[64], theirs[] = "what the other one has";

TEST(process_vm)
{
	struct iovec l[2] = { { mine, 4 }, { mine + 4, 60 } };
	struct iovec r[2] = { { theirs, 5 }, { theirs + 9, 13 } };
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int p[2], ready[2];
	char c;

	NEED(munmap(page + PAGE, PAGE));
	memset(page, 'p', PAGE);
	NEED(pipe(p));
	NEED(pipe(ready));
	pid = SPAWN({
		NEED(close(p[1]));
		strcpy(theirs, "what the child has now");
		NEED(write(ready[1], "x", 1));
		_exit(read(p[0], &c, 1) ? 1 : !!strcmp(theirs, "WHAT the child has now"));
	});
	NEED(read(ready[0], &c, 1));
	T(process_vm_readv(pid, l, 2, r, 2, 0));
	say("'%s'", mine);
	T(process_vm_readv(pid, l, 1, r, 2, 0));
	strcpy(mine, "WHAT");
	T(process_vm_writev(pid, l, 1, r, 1, 0));
	r[0] = (struct iovec){ page + PAGE - 10, 20 };
	T(process_vm_readv(pid, l + 1, 1, r, 1, 0)); /* up to the hole */
	r[0] = (struct iovec){ page + PAGE, 20 };
	T(process_vm_readv(pid, l + 1, 1, r, 1, 0));
	T(process_vm_readv(pid, l, 0, r, 1, 0));
	T(process_vm_readv(pid, l, 1, r, 0, 0));
	T(process_vm_readv(pid, l, 1, r, 1, 1));
	T(process_vm_readv(pid, l, 1, r, 2000, 0));
	T(process_vm_readv(pid, BAD, 1, r, 1, 0));
	T(process_vm_readv(pid, l, 1, BAD, 1, 0));
	T(process_vm_readv(0x3fffffff, l, 1, r, 1, 0));
	T(process_vm_readv(0x3fffffff, l, 1, r, 0, 0));
	r[0].iov_len = r[1].iov_len = 0;
	T(process_vm_readv(0x3fffffff, l, 1, r, 2, 0));
	r[0] = (struct iovec){ theirs, 4 };
	CHILD({
		NEED(setuid(65534));
		T(process_vm_readv(pid, l, 1, r, 1, 0));
		T(process_vm_readv(getpid(), l, 1, r, 1, 0));
	});
	close(p[1]);
	t_wait("child", pid);
}
