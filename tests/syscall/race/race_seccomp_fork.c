/* SPDX-License-Identifier: MIT */
/*
 * race_seccomp_fork: a child that is forked while another thread gives its filters to all threads
 * (TSYNC) has both the filters and no_new_privs, or neither.
 */
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define ROUNDS 300
#define FORKS 8
#define BYTES (2 << 20) /* a fork takes the longer */

static int ready;

static void *syncs(void *arg)
{
	struct sock_filter f[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, f };

	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		;
	for (volatile long i = 0; i < (long)arg; i++)
		;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
	return NULL;
}

/* Returns the number of children that have a filter without no_new_privs. */
static int one_round(long delay)
{
	pthread_t t;
	int bad = 0;

	NEED0(pthread_create(&t, NULL, syncs, (void *)delay));
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < FORKS; i++) {
		int status;
		pid_t pid = NEED(fork());

		if (!pid)
			_exit(prctl(PR_GET_SECCOMP) && !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		NEED(waitpid(pid, &status, 0));
		bad += status != 0;
	}
	pthread_join(t, NULL);
	return bad;
}

TEST(race_seccomp_fork)
{
	char *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int bad = 0;

	memset(p, 1, BYTES);
	for (long i = 0; i < ROUNDS; i++) {
		int status;
		pid_t pid = SPAWN(_exit(one_round(i % 50 * 2000)));

		NEED(waitpid(pid, &status, 0));
		bad += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	say("filters without no_new_privs: %d", bad);
}
