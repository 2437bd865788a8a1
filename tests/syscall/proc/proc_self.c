/* SPDX-License-Identifier: MIT */
/*
 * What programs rely on in /proc: links, maps, status, stat, fd, cmdline, environ, and writing to
 * oom_score_adj.
 */
#include "t.h"

static char text[65536];

static char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY), n, len = 0;

	if (fd == -1) {
		say("%s: %s", path, t_errno(errno));
		text[0] = 0;
		return text;
	}
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = 0;
	close(fd);
	return text;
}

static void field(const char *name)
{
	char *p = slurp("/proc/self/status"), key[40];

	snprintf(key, sizeof(key), "\n%s:", name);
	p = strstr(p, key);
	if (!p) {
		say("%s is missing", name);
		return;
	}
	p++;
	*strchr(p, '\n') = 0;
	say("%s", p);
}

static void maps(void)
{
	char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), want[64],
	     *line;
	int stack, vdso;

	snprintf(want, sizeof(want), "%lx-%lx r--s", (unsigned long)p, (unsigned long)p + 3 * PAGE);
	say("own mapping in maps: %d", strstr(slurp("/proc/self/maps"), want) != NULL);
	stack = strstr(text, "[stack]") != NULL;
	vdso = strstr(text, "[vdso]") != NULL;
	line = strchr(text, '\n');
	say("stack %d vdso %d program first %d", stack, vdso, line && strstr(text, "/") < line);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p[0] = 'm';
	{
		int fd = NEED(open("/proc/self/mem", O_RDWR));
		char c = 0;

		T(pread(fd, &c, 1, (off_t)(uintptr_t)p));
		say("%c", c);
		T(pwrite(fd, "w", 1, (off_t)(uintptr_t)p));
		say("%c", p[0]);
		NEED(munmap(p, PAGE));
		T(pread(fd, &c, 1, (off_t)(uintptr_t)p));
	}
}

/*
 * Prints bits of the ninth word of stat: PF_EXITING, PF_FORKNOEXEC, PF_SIGNALED and PF_KTHREAD of
 * Linux.
 */
static void flags_of(const char *what, int pid)
{
	char path[64], *p;
	unsigned flags = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	p = strrchr(slurp(path), ')');
	if (p)
		sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags);
	say("%s: %#x", what, flags & 0x200444);
}

static void task_flags(void)
{
	pid_t pid = SPAWN(pause());

	flags_of("flags", getpid());
	flags_of("of a child", pid);
	kill(pid, SIGKILL);
	t_until(pid, 'Z');
	flags_of("of what was killed", pid);
	t_wait("child", pid);
}

TEST(proc_self)
{
	char link[PATH_MAX], cwd[PATH_MAX], path[64];
	struct stat a, b;
	int n, fd;

	n = NEED(readlink("/proc/self", link, sizeof(link)));
	link[n] = 0;
	say("self is me: %d", atoi(link) == getpid());
	n = NEED(readlink("/proc/self/cwd", link, sizeof(link)));
	link[n] = 0;
	NEED(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	say("cwd: %d", !strcmp(link, cwd));
	NEED(stat("/proc/self/root", &a));
	NEED(stat("/", &b));
	say("root: %d", a.st_ino == b.st_ino);
	NEED(stat("/proc/self/exe", &a));
	say("exe is a file: %d", S_ISREG(a.st_mode));
	slurp("/proc/self/cmdline");
	say("cmdline: %d", !strcmp(text, t_argv[0]));
	say("comm: %s", strtok(slurp("/proc/self/comm"), "\n"));
	field("State");
	field("Threads");
	field("Uid");
	field("Gid");
	/* libc's own; the parent may have ignored them */
	for (n = 32; n <= 33; n++)
		syscall(SYS_rt_sigaction, n, &(struct {
			void *f;
			long flags, restorer, mask;
		}){ 0 },
			NULL, 8);
	field("SigIgn");
	field("SigCgt");
	t_text("f", "");
	fd = NEED(open("f", O_RDWR | O_APPEND));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	say("fdinfo has flags: %d", strstr(slurp(path), "flags:\t0102002") != NULL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	NEED(lstat(path, &a));
	say("fd: %s %03o", t_type(a.st_mode), a.st_mode & 0777);
	T(open("/proc/self/fd/999", O_RDONLY));
	maps();
	{
		int pid = 0, ppid = 0, pgrp = 0;
		char state = 0, *p = strrchr(slurp("/proc/self/stat"), ')');

		pid = atoi(text);
		sscanf(p + 1, " %c %d %d", &state, &ppid, &pgrp);
		say("stat: %d %c %d %d", pid == getpid(), state, ppid == getppid(),
			pgrp == getpgrp());
	}
	fd = NEED(open("/proc/self/comm", O_WRONLY));
	T(write(fd, "renamed", 7));
	say("comm: %s", strtok(slurp("/proc/self/comm"), "\n"));
	say("oom_score_adj: %s", strtok(slurp("/proc/self/oom_score_adj"), "\n"));
	fd = NEED(open("/proc/self/oom_score_adj", O_WRONLY));
	T(write(fd, "500", 3));
	T(write(fd, "2000", 4));
	say("oom_score_adj: %s", strtok(slurp("/proc/self/oom_score_adj"), "\n"));
	T(mkdir("/proc/x", 0755) == -1);
	T(unlink("/proc/self/stat") == -1);
	T(access("/proc/1", F_OK));
	T(access("/proc/999999999", F_OK));
	{
		pid_t pid = SPAWN(_exit(0));

		t_until(pid, 'Z');
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		T(readlink(path, link, sizeof(link)));
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		say("a zombie's cmdline: %d", (int)strlen(slurp(path)));
		t_wait("zombie", pid);
		T(access(path, F_OK));
	}
	say("some files are there: %d %d %d %d %d", access("/proc/meminfo", R_OK),
		access("/proc/stat", R_OK), access("/proc/uptime", R_OK),
		access("/proc/loadavg", R_OK), access("/proc/cpuinfo", R_OK));
	task_flags();
}
