/* SPDX-License-Identifier: MIT */
/* getdents64(2), getdents(2): entries, types, small buffers, rewinding, removed directories. */
#include "t.h"
#include <dirent.h>

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

struct old_entry {
	unsigned long ino;
	unsigned long off;
	unsigned short reclen;
	char name[];
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(int fd, unsigned size)
{
	char buf[8192], *lines[400];
	int n, count = 0, i;
	char *p;

	while ((n = syscall(SYS_getdents64, fd, buf, size)) > 0)
		for (p = buf; p < buf + n; p += ((struct entry *)p)->reclen) {
			struct entry *e = (struct entry *)p;
			char text[300];

			snprintf(text, sizeof(text), "%s type %d aligned %d", e->name, e->type,
				e->reclen % 8 == 0);
			lines[count++] = strdup(text);
		}
	qsort(lines, count, sizeof(lines[0]), by_text);
	if (count > 20)
		say("%d entries, first %s, last %s", count, lines[0], lines[count - 1]);
	else
		for (i = 0; i < count; i++)
			say("%s", lines[i]);
	say("end: %d", n);
}

static void old_call(void)
{
	int fd = NEED(open(".", O_RDONLY)), n, count = 0;
	char buf[4096], *p;

	n = syscall(SYS_getdents, fd, buf, sizeof(buf));
	for (p = buf; p < buf + n; p += ((struct old_entry *)p)->reclen) {
		struct old_entry *e = (struct old_entry *)p;

		count++;
		if (!strcmp(e->name, "sub"))
			say("sub has type %d", p[e->reclen - 1]);
	}
	say("getdents: %d entries", count);
	T(syscall(SYS_getdents, fd, buf, sizeof(buf)));
}

static void many(void)
{
	char name[32];
	int i, fd;

	NEED(mkdir("many", 0755));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/file%03d", i);
		t_text(name, "");
	}
	fd = NEED(open("many", O_RDONLY));
	list(fd, 200);
	T(lseek(fd, 0, SEEK_SET));
	list(fd, 8192);

	/* removal while reading: what stays is seen exactly once */
	T(lseek(fd, 0, SEEK_SET));
	{
		char buf[600], seen[300] = "", *p;
		int n, wrong = 0, total = 0;

		while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
			for (p = buf; p < buf + n; p += ((struct entry *)p)->reclen) {
				struct entry *e = (struct entry *)p;

				if (e->name[0] == '.')
					continue;
				i = atoi(e->name + 4);
				wrong += seen[i]++;
				total++;
				snprintf(name, sizeof(name), "many/%s", e->name);
				unlink(name);
			}
		say("removed while reading: %d seen, %d twice", total, wrong);
	}
	T(rmdir("many"));
	T(syscall(SYS_getdents64, fd, name, sizeof(name)));
}

TEST(getdents64)
{
	char buf[1024];
	int fd;

	t_text("f", "");
	NEED(mkdir("sub", 0755));
	NEED(symlink("f", "l"));
	NEED(mkfifo("p", 0600));
	t_text("a file with a long name, so that records differ in length", "");
	fd = NEED(open(".", O_RDONLY));
	list(fd, 8192);
	T(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	T(lseek(fd, 0, SEEK_SET));
	T(syscall(SYS_getdents64, fd, buf, 10));
	T(syscall(SYS_getdents64, fd, BAD, 1000));
	T(syscall(SYS_getdents64, -1, buf, sizeof(buf)));
	T(syscall(SYS_getdents64, NEED(open("f", O_RDONLY)), buf, sizeof(buf)));
	T(syscall(SYS_getdents64, NEED(open(".", O_PATH)), buf, sizeof(buf)));
	old_call();
	many();
}
