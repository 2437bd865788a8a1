/* SPDX-License-Identifier: MIT */
/* madvise(2): DONTNEED, FREE, REMOVE, DONTFORK, WIPEONFORK, hints, errors. */
#include "t.h"

TEST(madvise)
{
	static const int hints[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTDUMP, MADV_DODUMP };
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *f, *s;
	char text[32];
	size_t i;
	int fd;

	memset(p, 'x', 8 * PAGE);
	T(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED));
	say("%c %d %d %c", p[PAGE], p[2 * PAGE], p[3 * PAGE], p[4 * PAGE]);
	T(madvise(p, PAGE, MADV_FREE));
	p[0] = 'y'; /* written again: kept */
	say("%c", p[0]);
	t_text("f", "file contents");
	fd = NEED(open("f", O_RDWR));
	f = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	f[0] = 'F';
	T(madvise(f, PAGE, MADV_DONTNEED));
	say("private file page is the file's again: %.4s", f);
	s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	s[0] = 'S';
	T(madvise(s, PAGE, MADV_DONTNEED));
	say("shared file page keeps its change: %.4s", s);
	T(madvise(s, PAGE, MADV_FREE));
	s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s[0] = 'a';
	T(madvise(s, PAGE, MADV_DONTNEED));
	say("shared anonymous: %c", s[0]);
	T(madvise(s, PAGE, MADV_REMOVE));
	say("removed: %d", s[0]);
	T(madvise(p, PAGE, MADV_REMOVE));
	T(madvise(p, PAGE, MADV_DONTFORK));
	T(madvise(p + PAGE, PAGE, MADV_WIPEONFORK));
	CHILD({
		say("child: wiped %d, kept %c", p[PAGE], p[4 * PAGE]);
		(void)*(volatile char *)p;
	});
	say("parent: %c %c", p[0], p[PAGE]);
	T(madvise(p, PAGE, MADV_DOFORK));
	T(madvise(p + PAGE, PAGE, MADV_KEEPONFORK));
	CHILD(say("child: %c %c", p[0], p[PAGE]));
	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		snprintf(text, sizeof(text), "advice %d", hints[i]);
		TN(text, madvise(p, PAGE, hints[i]));
	}
	T(madvise(p, PAGE, 999));
	T(madvise(p + 1, PAGE, MADV_DONTNEED));
	T(madvise(p, 0, MADV_DONTNEED));
	T(madvise(p, 0, 999));
	T(madvise(p, -PAGE, MADV_DONTNEED));
	T(madvise(t_unmapped(), PAGE, MADV_DONTNEED));
	NEED(munmap(p + 5 * PAGE, PAGE));
	T(madvise(p + 4 * PAGE, 4 * PAGE, MADV_DONTNEED)); /* the hole is told, the rest is done */
	say("%d %d", p[4 * PAGE], p[6 * PAGE]);
	/* what may only be written to, or only be read, is populated for that alone */
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*p = 1;
	NEED(mprotect(p, PAGE, PROT_READ));
	T(madvise(p, PAGE, MADV_REMOVE)); /* it could be made writable */
	say("%d", *p);
	p = mmap(NULL, 2 * PAGE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T(madvise(p, 2 * PAGE, 22 /* MADV_POPULATE_READ */));
	T(madvise(p, 2 * PAGE, 23 /* MADV_POPULATE_WRITE */));
	NEED(mprotect(p, PAGE, PROT_READ));
	T(madvise(p, PAGE, 22));
	T(madvise(p, PAGE, 23));
	T(madvise(p, 2 * PAGE, 22));
	NEED(mprotect(p, PAGE, PROT_NONE));
	T(madvise(p, PAGE, 22));
}
