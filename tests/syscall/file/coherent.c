/* SPDX-License-Identifier: MIT */
/* One file seen through read, write and mappings of several processes: always the same bytes. */
#include "t.h"

TEST(coherent)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT, 0600)), i, status, bad = 0;
	char *a, *b, buf[16] = "";
	volatile int *counter;

	NEED(ftruncate(fd, 8 * PAGE));
	a = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * PAGE);
	a[5 * PAGE] = 'a';
	say("two mappings: %c", b[PAGE]);
	NEED(pwrite(fd, "W", 1, 5 * PAGE));
	say("written: %c %c", a[5 * PAGE], b[PAGE]);
	b[PAGE] = 'B';
	NEED(pread(fd, buf, 1, 5 * PAGE));
	say("read: %s", buf);

	/* atomic counters in a file's page, from four processes that map it for themselves */
	for (i = 0; i < 4; i++)
		SPAWN({
			int own = NEED(open("f", O_RDWR)), n;
			int *c = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);

			for (n = 0; n < 5000; n++)
				__atomic_add_fetch(c, 1, __ATOMIC_SEQ_CST);
		});
	while (wait(&status) > 0)
		bad += status != 0;
	counter = (volatile int *)a;
	say("counter %d, bad %d", *counter, bad);

	/* a writer by write() and a reader by mapping */
	{
		pid_t pid = SPAWN({
			for (i = 1; i <= 2000; i++)
				NEED(pwrite(fd, &i, sizeof(i), 2 * PAGE));
		});
		volatile int *seen = (volatile int *)(a + 2 * PAGE);
		int last = 0, now;

		while (last < 2000) {
			now = *seen;
			bad += now < last;
			last = now;
		}
		t_wait("writer", pid);
		say("went back %d times", bad);
	}

	/* copy on write of a file's pages is private, also to a child of the writer */
	{
		char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 3 * PAGE);

		p[0] = 'p';
		CHILD({
			say("child sees %c", p[0]);
			p[0] = 'c';
			a[3 * PAGE] = 'f';
		});
		say("private %c, file %c", p[0], a[3 * PAGE]);
	}
	/*
	 * a mapping of a file that rename() replaces keeps the old file, as that of a running
	 * program
	 */
	t_text("new", "new contents");
	NEED(rename("new", "f"));
	say("old mapping: %c", a[3 * PAGE]);
	t_cat("f");
}
