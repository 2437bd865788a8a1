/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID: maps and map_files of areas that are not plain files; syscall, read by its own task.
 */
#include "t.h"

static bool in_maps(const char *what, unsigned long start)
{
	char line[512], want[32];
	FILE *f = fopen("/proc/self/maps", "r");
	bool found = false;

	snprintf(want, sizeof(want), "%lx-", start);
	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, want, strlen(want)) && strstr(line, what);
	if (f)
		fclose(f);
	return found;
}

static void at_fault(int sig)
{
	_exit(1);
}

/* Calls in the vsyscall page work if and only if maps shows the page. */
static void vsyscall_page(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, at_fault);
		((long (*)(void *, void *))0xffffffffff600000)(NULL, NULL);
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	IS(in_maps("[vsyscall]", 0xffffffffff600000) == (status == 0));
}

static void link_of(const char *fmt, unsigned long a, unsigned long b)
{
	char path[128], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), fmt, a, b);
	n = readlink(path, target, sizeof(target));
	say("map_files \"%s\": %s", strrchr(fmt, '/') + 1, n < 0 ? t_errno(errno) : "a link");
}

/* Private memory of /dev/zero is anonymous, and keeps the file's name. */
static void dev_zero(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	unsigned long a = (unsigned long)p, b = a + 3 * PAGE;

	NEED(close(fd));
	IS(in_maps("/dev/zero", a));
	p[PAGE] = 1;
	IS(p[0] == 0 && p[PAGE] == 1);
	link_of("/proc/self/map_files/%lx-%lx", a, b);
	link_of("/proc/self/map_files/ %lx-%lx", a, b);
	link_of("/proc/self/map_files/%lx-%lx ", a, b);
	link_of("/proc/self/map_files/0%lx-%lx", a, b);
	link_of("/proc/self/map_files/%lx-0%lx", a, b);
	link_of("/proc/self/map_files/%lx-", a, b);
	link_of("/proc/self/map_files/10000000000000000%lx-%lx", a, b);
	T(madvise(p, PAGE, MADV_DONTNEED));
	T(msync(p, 3 * PAGE, MS_SYNC));
	T(mprotect(p + PAGE, PAGE, PROT_READ));
	IS(in_maps("/dev/zero", a + PAGE) && in_maps("/dev/zero", a + 2 * PAGE));
	IS(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
	T(munmap(p + PAGE, 2 * PAGE));
}

static void own_syscall(void)
{
	char text[256] = { 0 }, want[128];
	int fd = open("/proc/self/syscall", O_RDONLY);

	snprintf(want, sizeof(want), "%d %#lx %#lx %#lx 0x", SYS_read, (long)fd, (long)text,
		sizeof(text) - 1);
	if (fd < 0)
		return;
	IS(syscall(SYS_read, fd, text, sizeof(text) - 1) > 0);
	text[strlen(want)] = 0;
	IS(!strcmp(text, want));
	close(fd);
}

TEST(proc_areas)
{
	vsyscall_page();
	dev_zero();
	own_syscall();
}
