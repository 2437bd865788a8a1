/* SPDX-License-Identifier: MIT */
/*
 * within SECONDS COMMAND...: runs a command for at most that long, and leaves none of its
 * processes.
 *
 * Processes of the command whose parents end become children of this program (a subreaper), also
 * those with a session of their own. At the time limit, and when this program is told to end or its
 * parent has ended, the process group gets SIGTERM and has five seconds. Then, as after each end of
 * the command, children that are left get half a second, SIGTERM, and a second later SIGKILL. Only
 * children that were not waited for are signalled, so no pid can be that of another program by
 * then.
 *
 * Ends with the command's status, or 128 plus the signal that ended it; 124 if the time was up; 128
 * plus the signal that this program got; 127 if there is no such command, 126 if it cannot be
 * executed; 2 if the arguments are wrong.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 500, TERM_MS = 1000, GROUP_MS = 5000, KILL_MS = 30000, STEP_MS = 10 };

static pid_t command;
/* the command's wait status; -1 while it runs */
static int command_status = -1;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for children that have ended. Returns false if there are no others. */
static bool reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == command)
			command_status = status;
	}
	return pid == 0;
}

/*
 * Returns the parent of the process whose folder in /proc is @name, and puts the process's name in
 * @comm. Returns -1 if the process has ended.
 */
static pid_t parent_of(const char *name, char comm[32])
{
	char path[64], line[512], *end;
	size_t n;
	FILE *f;
	int parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	end = strrchr(line, ')');
	if (!end || sscanf(end, ") %*c %d", &parent) != 1)
		return -1;
	*end = 0;
	end = strchr(line, '(');
	snprintf(comm, 32, "%s", end ? end + 1 : "?");
	return parent;
}

/* Sends @sig to each child, and names the child on standard error if @say. */
static void signal_children(int sig, bool say)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	char comm[32];

	while (proc && (e = readdir(proc))) {
		if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
			parent_of(e->d_name, comm) != getpid())
			continue;
		if (say)
			fprintf(stderr, "within: process %s (%s) was left, and is ended\n",
				e->d_name, comm);
		kill(atoi(e->d_name), sig);
	}
	if (proc)
		closedir(proc);
}

/* Waits until all children have ended, for @ms at most. Returns true if none is left. */
static bool all_ended(long ms)
{
	long end = now_ms() + ms;

	while (reap()) {
		if (now_ms() >= end)
			return false;
		usleep(STEP_MS * 1000);
	}
	return true;
}

/* Ends all children, and those that become children as their parents end. Gives up at KILL_MS. */
static void end_children(void)
{
	long end = now_ms() + KILL_MS;

	if (all_ended(GRACE_MS))
		return;
	signal_children(SIGTERM, true);
	if (all_ended(TERM_MS))
		return;
	do
		signal_children(SIGKILL, false);
	while (!all_ended(STEP_MS) && now_ms() < end);
}

/*
 * Waits for the command until @end, or a signal to stop. Returns 0 if the command has ended, 124 at
 * @end, or 128 plus the signal.
 */
static int await(const sigset_t *set, long end)
{
	while (command_status < 0) {
		long left = end - now_ms();
		struct timespec t = { left / 1000, left % 1000 * 1000000 };
		int sig;

		if (left <= 0)
			return 124;
		sig = sigtimedwait(set, NULL, &t);
		if (sig == SIGCHLD)
			reap();
		else if (sig > 0)
			return 128 + sig;
	}
	return 0;
}

static void end_group(const sigset_t *set)
{
	long end = now_ms() + GROUP_MS;

	kill(0, SIGTERM); /* blocked here */
	kill(0, SIGCONT);
	while (command_status < 0 && now_ms() < end)
		await(set, end);
}

int main(int argc, char **argv)
{
	sigset_t set, old;
	char *rest;
	long seconds = argc > 2 ? strtol(argv[1], &rest, 10) : 0;
	int code;

	if (seconds <= 0 || seconds > 1000000 || *rest) {
		fprintf(stderr, "within: usage: within SECONDS COMMAND...\n");
		return 2;
	}
	for (int sig = 1; sig < NSIG; sig++) /* whatever the caller ignores */
		signal(sig, SIG_DFL);
	sigemptyset(&old);
	sigemptyset(&set);
	for (const int *sig = (const int[]){ SIGCHLD, SIGTERM, SIGINT, SIGHUP, 0 }; *sig; sig++)
		sigaddset(&set, *sig);
	sigprocmask(SIG_SETMASK, &set, NULL);
	setpgid(0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	command = fork();
	if (command < 0) {
		perror("within: fork");
		return 126;
	}
	if (command == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		execvp(argv[2], argv + 2);
		fprintf(stderr, "within: %s: %s\n", argv[2], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	code = await(&set, now_ms() + seconds * 1000);
	if (code)
		end_group(&set);
	end_children();
	if (code)
		return code;
	return WIFSIGNALED(command_status) ? 128 + WTERMSIG(command_status) :
					     WEXITSTATUS(command_status);
}
