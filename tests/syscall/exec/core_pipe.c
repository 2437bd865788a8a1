/* SPDX-License-Identifier: MIT */
/*
 * core_pipe: core dumps that are piped to a program (core_pattern with '|', core(5)). Only the
 * guest does this, since a test may not change the host's pattern. The host's side prints what
 * Linux does.
 */
#include "t.h"
#include <elf.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

static void expected(void)
{
	say("SIGSEGV, dumped");
	say("argc 6, -x, pid right, signal 11, name ok, program 1, stdin: core, umask 22 in /");
	say("SIGABRT, dumped");
	say("argc 6, -x, pid right, signal 6, name ok, program 1, stdin: core, umask 22 in /");
	say("limit 1: SIGSEGV, not dumped");
	say("nothing came");
	say("no such program: SIGSEGV, not dumped");
	say("nothing came");
	say("process 1 is as it was");
	say("core_pipe_limit 0: SIGSEGV, dumped, the program goes on");
	say("core_pipe_limit 1: SIGSEGV, dumped, the program has read it all");
	say("one more at once: SIGSEGV, not dumped");
	say("..: 1");
	say(".: 1");
	say("(no name): 1");
	say("a/.: 1");
}

/* The program reads the whole core, and waits until it is told to go on. */
static void slow_helper(void)
{
	static char buf[65536];
	int fd;

	while (read(0, buf, sizeof(buf)) > 0)
		;
	NEED(chdir(t_argv[2]));
	close(NEED(open("read", O_WRONLY | O_CREAT, 0600)));
	fd = NEED(open("go", O_RDONLY));
	NEED(read(fd, buf, 1));
	close(NEED(open("slow", O_WRONLY | O_CREAT, 0600)));
	_exit(0);
}

/* The program writes its arguments and what it reads about the core to a file. */
static void helper(void)
{
	static char buf[65536];
	char line[512], where[64] = "";
	long n, total = 0;
	bool core = false;
	int fd;

	while ((n = read(0, buf, sizeof(buf))) > 0) {
		if (!total)
			core = n > 64 && !memcmp(buf, ELFMAG, SELFMAG) &&
			       ((Elf64_Ehdr *)buf)->e_type == ET_CORE;
		total += n;
	}
	getcwd(where, sizeof(where));
	snprintf(line, sizeof(line), "%d %s %s %s %s %d %s %o %s", t_argc, t_argv[1], t_argv[3],
		t_argv[4], t_argv[5], getppid() < 2, core && total > 100000 ? "core" : "nothing",
		umask(0), where);
	snprintf(buf, sizeof(buf), "%s.new", t_argv[2]);
	fd = open(buf, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (write(fd, line, strlen(line)) < 0)
		_exit(1);
	rename(buf, t_argv[2]);
	_exit(0);
}

static void set_pattern(const char *text)
{
	int fd = NEED(open("/proc/sys/kernel/core_pattern", O_WRONLY));

	NEED(write(fd, text, strlen(text)));
	close(fd);
}

/* Writes the umask and the working directory of process 1 to @to. */
static void first_process(char *to, size_t n)
{
	char text[4096] = "", *p;
	int fd = NEED(open("/proc/1/status", O_RDONLY));

	NEED(read(fd, text, sizeof(text) - 1));
	close(fd);
	p = strstr(text, "Umask:");
	snprintf(to, n, "%.11s ", p ? p : "");
	NEED(readlink("/proc/1/cwd", to + strlen(to), n - strlen(to) - 1));
}

static void crash(const char *what, int sig, rlim_t limit)
{
	char line[512] = "", option[64], name[64];
	int status, argc, number, program, fd, mask;
	struct rlimit rl = { limit, limit };
	struct pollfd comes = { .events = POLLIN };
	char pid_text[32], kind[32], where[64];
	pid_t pid;

	comes.fd = NEED(inotify_init1(IN_CLOEXEC));
	NEED(inotify_add_watch(comes.fd, ".", IN_MOVED_TO));
	pid = SPAWN({
		setrlimit(RLIMIT_CORE, &rl);
		signal(sig, SIG_DFL);
		raise(sig);
	});
	NEED(waitpid(pid, &status, 0));
	say("%s%s, %s", what, t_signame(WTERMSIG(status)),
		WCOREDUMP(status) ? "dumped" : "not dumped");
	poll(&comes, 1, WCOREDUMP(status) ? 100000 : 100);
	close(comes.fd);
	fd = open("out", O_RDONLY);
	if (fd == -1) {
		say("nothing came");
		return;
	}
	if (read(fd, line, sizeof(line) - 1) < 0 ||
		sscanf(line, "%d %63s %31s %d %63s %d %31s %o %63s", &argc, option, pid_text,
			&number, name, &program, kind, &mask, where) != 9)
		say("garbled: %s", line);
	else
		say("argc %d, %s, pid %s, signal %d, name %s, program %d, stdin: %s, umask %o in "
		    "%s",
			argc, option, atoi(pid_text) == pid ? "right" : "wrong", number,
			strcmp(name, "core_pipe") ? name : "ok", program, kind, mask, where);
	close(fd);
	unlink("out");
}

static pid_t crashing(void)
{
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };

	return SPAWN({
		setrlimit(RLIMIT_CORE, &rl);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	});
}

static void set_limit(const char *text)
{
	int fd = NEED(open("/proc/sys/kernel/core_pipe_limit", O_WRONLY));

	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static void limited(const char *limit)
{
	int status, other, fd;
	pid_t pid, ended;

	NEED(mkfifo("go", 0600));
	set_limit(limit);
	pid = crashing();
	T_WAIT(!access("read", F_OK));
	if (*limit == '1')
		NEED(waitpid(crashing(), &other, 0));
	/* without a limit it ends by itself, else not before its program */
	ended = waitpid(pid, &status, *limit == '0' ? 0 : WNOHANG);
	fd = NEED(open("go", O_WRONLY));
	if (!ended) {
		NEED(write(fd, "x", 1));
		NEED(waitpid(pid, &status, 0));
	}
	say("core_pipe_limit %s: %s, %s, the program %s", limit, t_signame(WTERMSIG(status)),
		WCOREDUMP(status) ? "dumped" : "not dumped",
		access("slow", F_OK) ? "goes on" : "has read it all");
	if (*limit == '1')
		say("one more at once: %s, %s", t_signame(WTERMSIG(other)),
			WCOREDUMP(other) ? "dumped" : "not dumped");
	if (ended)
		NEED(write(fd, "x", 1));
	close(fd);
	T_WAIT(!access("slow", F_OK));
	unlink("slow");
	unlink("read");
	unlink("go");
}

static void crash_as(const char *name)
{
	struct rlimit rl = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &rl);
	NEED(unshare(CLONE_NEWUTS));
	NEED(sethostname("in/side", 7));
	NEED(prctl(PR_SET_NAME, name));
	raise(SIGSEGV);
}

/* What replaces a % specifier is part of the file's name, whatever characters it has. */
static void file_name(const char *name, const char *tame)
{
	char program[256] = "", file[1024];

	NEED(readlink("/proc/self/exe", program, sizeof(program) - 1));
	for (char *p = program; *p; p++)
		if (*p == '/')
			*p = '!';
	snprintf(file, sizeof(file), "%s-in!side-%s-%s", tame, strrchr(program, '!') + 1, program);
	NEED(waitpid(SPAWN(crash_as(name)), NULL, 0));
	say("%s: %d", *name ? name : "(no name)", unlink(file) == 0);
}

static void file_names(void)
{
	set_pattern("%e-%h-%f-%E");
	file_name("..", "!.");
	file_name(".", "!");
	file_name("", "!");
	file_name("a/.", "a!.");
}

TEST(core_pipe)
{
	char cwd[200], pattern[512], was[256] = "", before[300] = "", after[300] = "";
	int fd;

	if (t_argc > 1) {
		if (!strcmp(t_argv[1], "-w"))
			slow_helper();
		helper();
		return;
	}
	if (access("/proc/nestling/mode", F_OK)) {
		expected();
		return;
	}
	fd = NEED(open("/proc/sys/kernel/core_pattern", O_RDONLY));
	NEED(read(fd, was, sizeof(was) - 1));
	close(fd);
	NEED(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	snprintf(pattern, sizeof(pattern), "|%s -x %s/out %%p %%s %%e", t_argv[0], cwd);
	set_pattern(pattern);
	first_process(before, sizeof(before));
	crash("", SIGSEGV, RLIM_INFINITY);
	crash("", SIGABRT, 0);
	crash("limit 1: ", SIGSEGV, 1);
	set_pattern("|/no/such/program %p");
	crash("no such program: ", SIGSEGV, RLIM_INFINITY);
	snprintf(pattern, sizeof(pattern), "|%s -w %s", t_argv[0], cwd);
	set_pattern(pattern);
	first_process(after, sizeof(after));
	say("process 1 is %s", strcmp(before, after) ? after : "as it was");
	limited("0");
	limited("1");
	set_limit("0");
	file_names();
	set_pattern(was);
}
