/* SPDX-License-Identifier: MIT */
/* posix_spawn and vfork: descriptors, attributes, failures, from many threads at once. */
#include "t.h"
#include <spawn.h>

static int spawn(
	const char *path, posix_spawn_file_actions_t *fa, posix_spawnattr_t *at, char *const *argv)
{
	char *envp[] = { "X=y", NULL };
	int status;
	pid_t pid;
	int err = posix_spawn(&pid, path, fa, at, argv, envp);

	if (err)
		return -err;
	NEED(waitpid(pid, &status, 0));
	return status;
}

static void *spawner(void *arg)
{
	char *argv[] = { "posix_spawn", "exit", NULL };
	long ok = 0;
	int i;

	for (i = 0; i < 20; i++)
		ok += spawn("/proc/self/exe", NULL, NULL, argv) == 42 << 8;
	return (void *)ok;
}

TEST(posix_spawn)
{
	char *show[] = { "posix_spawn", "show", NULL }, *quit[] = { "posix_spawn", "exit", NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t set;
	pthread_t t[4];
	void *r;
	long sum = 0;
	int i;

	if (t_argc > 1) {
		if (!strcmp(t_argv[1], "exit"))
			_exit(42);
		sigprocmask(SIG_BLOCK, NULL, &set);
		say("child: fd 30 %s, env %s, USR1 blocked %d, own group %d",
			fcntl(30, F_GETFD) == -1 ? "closed" : "open", getenv("X"),
			sigismember(&set, SIGUSR1), getpgrp() == getpid());
		return;
	}
	T(spawn("/proc/self/exe", NULL, NULL, quit));
	T(spawn("missing", NULL, NULL, quit));
	T(spawn(".", NULL, NULL, quit));
	T(spawn("/proc/self/exe", NULL, NULL, show));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, 1, 30);
	posix_spawnattr_init(&at);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawnattr_setsigmask(&at, &set);
	T(spawn("/proc/self/exe", &fa, &at, show));
	posix_spawn_file_actions_addopen(&fa, 31, "missing", O_RDONLY, 0);
	T(spawn("/proc/self/exe", &fa, &at, show));
	for (i = 0; i < 4; i++)
		NEED0(pthread_create(&t[i], NULL, spawner, NULL));
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	say("%ld of 80 from four threads", sum);
	T(WEXITSTATUS(system("exit 7")) == 7 || access("/bin/sh", X_OK) == -1);
}
