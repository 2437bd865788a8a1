/* SPDX-License-Identifier: MIT */
/* execve(2), execveat(2): arguments, environment, what survives, scripts, errors. */
#include "t.h"
#include <sys/auxv.h>

static void self(void)
{
	sigset_t set;
	struct sigaction sa;
	int i;

	for (i = 0; i < t_argc; i++)
		if (i != 2 || strcmp(t_argv[1], "state"))
			say("argv[%d] = %s", i, t_argv[i]);
	for (i = 0; environ[i]; i++)
		say("env %s", environ[i]);
	say("argv ends: %d", t_argv[t_argc] == NULL);
	if (strcmp(t_argv[1], "state"))
		return;
	say("fd 50 %s, fd 51 %s", fcntl(50, F_GETFD) == -1 ? "closed" : "open",
		fcntl(51, F_GETFD) == -1 ? "closed" : "open");
	sigprocmask(SIG_BLOCK, NULL, &set);
	say("blocked USR1 %d", sigismember(&set, SIGUSR1));
	sigpending(&set);
	say("pending USR1 %d", sigismember(&set, SIGUSR1));
	sigaction(SIGUSR2, NULL, &sa);
	say("handled USR2 is default %d", sa.sa_handler == SIG_DFL);
	sigaction(SIGHUP, NULL, &sa);
	say("ignored HUP stays ignored %d", sa.sa_handler == SIG_IGN);
	say("umask %03o nice %d", umask(0), getpriority(PRIO_PROCESS, 0));
	say("pid right %d", getpid() == atoi(t_argv[2]));
	say("page size %ld, entry %d, phdr %d, base %d, random %d, secure %ld, uid %ld",
		getauxval(AT_PAGESZ), getauxval(AT_ENTRY) != 0, getauxval(AT_PHDR) != 0,
		getauxval(AT_BASE) == 0, getauxval(AT_RANDOM) != 0, getauxval(AT_SECURE),
		getauxval(AT_UID));
	say("clktck %ld platform %s execfn %s", getauxval(AT_CLKTCK),
		(char *)getauxval(AT_PLATFORM), (char *)getauxval(AT_EXECFN));
}

static void survives(void)
{
	char pid[16], *argv[] = { "execve", "state", pid, NULL },
		      *envp[] = { "A=b", "C=d e", NULL };

	CHILD({
		snprintf(pid, sizeof(pid), "%d", getpid());
		NEED(dup2(1, 50));
		NEED(dup3(1, 51, O_CLOEXEC));
		t_block(SIGUSR1);
		raise(SIGUSR1);
		t_handle(SIGUSR2, 0);
		signal(SIGHUP, SIG_IGN);
		umask(0123);
		NEED(setpriority(PRIO_PROCESS, 0, 5));
		execve("/proc/self/exe", argv, envp);
		say("not reached");
	});
}

static void arguments(void)
{
	char *none[] = { NULL }, *empty[] = { "execve", "", "x y", "", NULL };
	char *big[4], *text = malloc(200000);

	CHILD(execve("/proc/self/exe", empty, none));
	memset(text, 'a', 200000);
	text[199999] = 0;
	big[0] = "execve";
	big[1] = text;
	big[2] = NULL;
	T(execve("/proc/self/exe", big, none)); /* a string over 128 KiB */
	T(execve("/proc/self/exe", BAD, none));
	T(execve("/proc/self/exe", empty, BAD));
	empty[1] = BAD;
	T(execve("/proc/self/exe", empty, none));
	T(execve(BAD, none, none));
	free(text);
}

static void files(void)
{
	char *argv[] = { "x", "y", NULL }, *envp[] = { NULL };
	char exe[PATH_MAX], line[PATH_MAX + 50];
	int n = NEED(readlink("/proc/self/exe", exe, sizeof(exe) - 1));

	exe[n] = 0;
	T(execve("missing", argv, envp));
	T(execve("", argv, envp));
	T(execve(".", argv, envp));
	t_text("plain", "hello");
	T(execve("plain", argv, envp));
	NEED(chmod("plain", 0755));
	T(execve("plain", argv, envp));
	T(execve("plain/x", argv, envp));
	t_text("empty", "");
	NEED(chmod("empty", 0755));
	T(execve("empty", argv, envp));
	t_file("elf", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0", 24);
	NEED(chmod("elf", 0755));
	T(execve("elf", argv, envp));
	t_text("noint", "#!/missing/interpreter\n");
	NEED(chmod("noint", 0755));
	T(execve("noint", argv, envp));
	t_text("bare", "#!\n");
	NEED(chmod("bare", 0755));
	T(execve("bare", argv, envp));
	t_text("loop", "#!./loop\n");
	NEED(chmod("loop", 0755));
	T(execve("loop", argv, envp));

	/* the interpreter is this program, by a name that chooses this test */
	NEED(symlink(exe, "execve"));
	snprintf(line, sizeof(line), "#! ./execve  one two  \nrest\n");
	t_text("script", line);
	NEED(chmod("script", 0755));
	CHILD(execve("./script", argv, envp));
	t_text("second", "#!./script arg\n");
	NEED(chmod("second", 0755));
	CHILD(execve("./second", argv, envp));
	{
		int fd = NEED(open("script", O_WRONLY));

		T(execve("script", argv, envp)); /* open for writing */
		close(fd);
	}
	NEED(mkfifo("fifo", 0755));
	T(execve("fifo", argv, envp));
	CHILD({
		NEED(chmod("script", 0700));
		NEED(setuid(65534));
		T(execve("script", argv, envp));
	});
}

static void at(void)
{
	char *argv[] = { "execve", "at", NULL }, *envp[] = { NULL };
	int dir = NEED(open(".", O_RDONLY)), fd = NEED(open("execve", O_RDONLY));

	CHILD(syscall(SYS_execveat, dir, "execve", argv, envp, 0));
	CHILD(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH));
	T(syscall(SYS_execveat, fd, "", argv, envp, 0));
	T(syscall(SYS_execveat, dir, "execve", argv, envp, AT_SYMLINK_NOFOLLOW));
	T(syscall(SYS_execveat, -1, "execve", argv, envp, 0));
	T(syscall(SYS_execveat, dir, "execve", argv, envp, 0x10));
	T(syscall(SYS_execveat, dir, "", argv, envp, 0x10));
	T(syscall(SYS_execveat, dir, (char *)-1, argv, envp, 0x10));
	T(syscall(SYS_execveat, NEED(open("plain", O_RDONLY)), "x", argv, envp, 0));
}

static void busy(void)
{
	char exe[PATH_MAX], buf[65536];
	int in, out, n;

	/* a running program cannot be written to */
	n = NEED(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	exe[n] = 0;
	in = NEED(open(exe, O_RDONLY));
	NEED(mkdir("bin", 0755));
	out = NEED(open("bin/pause", O_WRONLY | O_CREAT, 0755));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, n));
	close(out);
	{
		pid_t pid = SPAWN(execl("bin/pause", "execve", "wait", NULL));

		t_until(pid, 'S');
		T(open("bin/pause", O_WRONLY));
		T(truncate("bin/pause", 0));
		NEED(kill(pid, SIGKILL));
		t_wait("program", pid);
		OK(open("bin/pause", O_WRONLY));
	}
}

TEST(execve)
{
	if (t_argc > 1 && !strcmp(t_argv[1], "wait")) {
		pause();
		return;
	}
	if (t_argc > 1) {
		self();
		return;
	}
	survives();
	arguments();
	files();
	at();
	busy();
}
