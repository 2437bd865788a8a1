/* SPDX-License-Identifier: MIT */
/*
 * hugetlb-group: tests the hugetlb controller, as root and with no other user of huge pages. Prints
 * a line for each step: huge pages of the group in use and promised, and refusals there and above.
 * tests/mm/hugetlb-group has Linux's answers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define H (2UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)

static char text[256];

static void need(int yes, const char *what)
{
	if (!yes) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static const char *get(const char *file)
{
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	close(fd);
	return text;
}

static int put(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY), err;

	err = fd < 0 || write(fd, value, strlen(value)) < 0 ? errno : 0;
	close(fd);
	return err;
}

static long pages(const char *file)
{
	return atol(get(file)) / (long)H;
}

static void state(const char *what)
{
	long used = pages("g/hugetlb.2MB.current"), promised = pages("g/hugetlb.2MB.rsvd.current");
	long here = atol(get("g/hugetlb.2MB.events.local") + 4);

	printf("%s: %ld used, %ld promised; refused %ld, above %ld\n", what, used, promised, here,
		atol(get("hugetlb.2MB.events") + 4));
}

static void set(const char *value)
{
	int err = put("g/hugetlb.2MB.max", value);

	printf("max = %s: %s, %s\n", value, err ? strerrorname_np(err) : "ok",
		get("g/hugetlb.2MB.max"));
}

static char *map(size_t n, int flags, int fd)
{
	char *p = mmap(NULL, n * H, RW, flags, fd, 0);

	if (p == MAP_FAILED)
		printf("mmap of %zu: %s\n", n, strerrorname_np(errno));
	return p;
}

/* Returns the signal that ends a child which touches @n pages, or 0. */
static int touches(char *p, size_t n)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		for (size_t i = 0; i < n; i++)
			p[i * H] = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A size that no pool can have must be refused at once, not after a count page by page. */
static void promise_too_much(void)
{
	struct timespec from, now;
	int refused = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 4; i++)
		refused += mmap(NULL, 1UL << 45, RW, ANON, -1, 0) == MAP_FAILED;
	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("too much: refused %d times, at once %d\n", refused,
		(now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < 500);
}

static void member(void)
{
	int fd;
	char *p, *q;

	need(!put("g/cgroup.procs", "0"), "cgroup.procs");
	p = map(3, ANON, -1);
	state("3 mapped");
	p[0] = p[H] = 1;
	state("2 touched");
	munmap(p, H);
	state("1 of them unmapped");
	munmap(p + H, 2 * H);
	state("all");

	fd = memfd_create("f", MFD_HUGETLB);
	need(fd >= 0 && !ftruncate(fd, 4 * H), "memfd");
	p = map(4, MAP_SHARED, fd);
	q = map(4, MAP_SHARED, fd);
	state("4 of a file, twice");
	p[0] = 1;
	q[H] = 1;
	state("2 touched");
	munmap(p, 4 * H);
	munmap(q, 4 * H);
	state("unmapped");
	need(!ftruncate(fd, H), "ftruncate");
	state("cut");
	close(fd);
	state("gone");

	set("4M");
	p = map(3, ANON | MAP_NORESERVE, -1);
	state("3 without a promise");
	printf("touched by a child: signal %d\n", touches(p, 2));
	state("2 touched by a child");
	printf("touched by a child: signal %d\n", touches(p, 3));
	state("3 touched by a child");
	munmap(p, 3 * H);

	need(!put("g/hugetlb.2MB.rsvd.max", "2M"), "rsvd.max");
	p = map(2, ANON, -1);
	state("2 promised");
	p = map(1, ANON, -1);
	state("1 promised");
	p[0] = 1;
	state("touched");
	printf("a child writes to it: signal %d\n", touches(p, 1));
	set("0");
	set("5000000");
	set("max");
	set("x");
	printf("%s\n", get("g/hugetlb.2MB.numa_stat"));
	need(!put("g/hugetlb.2MB.rsvd.max", "max"), "rsvd.max");
	promise_too_much();
	_exit(0);
}

int main(void)
{
	int status;
	pid_t pid;

	setvbuf(stdout, NULL, _IONBF, 0);
	need(!put("/proc/sys/vm/nr_hugepages", "8"), "nr_hugepages");
	need(!mkdir("/cg", 0755) && !mount("none", "/cg", "cgroup2", 0, NULL) && !chdir("/cg"),
		"cgroup2");
	need(!put("cgroup.subtree_control", "+hugetlb"), "subtree_control");
	need(!mkdir("top", 0755) && !chdir("top"), "mkdir");
	need(!put("cgroup.subtree_control", "+hugetlb") && !mkdir("g", 0755), "mkdir");
	pid = fork();
	if (!pid)
		member();
	waitpid(pid, &status, 0);
	state("at the end");
	printf("status %d, huge pages free: ", status);
	fflush(stdout);
	system("grep -E 'HugePages_(Free|Rsvd)' /proc/meminfo | tr -s ' ' | tr '\\n' ' '; echo");
	while (rmdir("g") && errno == EBUSY)
		;
	printf("removed; above: %ld\n", pages("hugetlb.2MB.current"));
	return 0;
}
