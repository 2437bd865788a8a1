/* SPDX-License-Identifier: MIT */
/*
 * rseq(2): registration (glibc's is there already), the CPU number, sequences that a signal or
 * another process breaks.
 */
#include "t.h"
#include <sys/rseq.h>

static volatile sig_atomic_t alarms;
static struct rseq *area;

static void on_alarm(int sig)
{
	alarms++;
}

/* Spins inside a sequence for @rounds, or until it is aborted. Returns 1 if it was aborted. */
static int spin_in_sequence(unsigned long rounds)
{
	int broken = 0;

	__asm__ goto(
		".pushsection .data.rseq_cs, \"aw\"\n"
		".balign 32\n"
		"3: .long 0, 0\n"
		".quad 1f, 2f - 1f, 4f\n"
		".popsection\n"
		"lea 3b(%%rip), %%rax\n"
		"mov %%rax, %c[cs](%[area])\n"
		"mov %[rounds], %%rcx\n"
		"1:\n"
		"dec %%rcx\n"
		"jnz 1b\n"
		"2:\n"
		".pushsection .text.rseq_abort, \"ax\"\n"
		".long 0x53053053\n"
		"4: jmp %l[aborted]\n"
		".popsection\n"
		:
		: [area] "r"(area), [cs] "i"(offsetof(struct rseq, rseq_cs)), [rounds] "r"(rounds)
		: "rax", "rcx", "memory"
		: aborted);
	return broken;
aborted:
	return 1;
}

static void registration(void)
{
	static struct rseq other __attribute__((aligned(32)));

	say("registered %d", __rseq_size > 0);
	T(syscall(SYS_rseq, area, 32, 0, RSEQ_SIG));
	T(syscall(SYS_rseq, area, 32, 0, 1));
	T(syscall(SYS_rseq, &other, 32, 0, RSEQ_SIG));
	T(syscall(SYS_rseq, area, 32, 2, RSEQ_SIG));
	T(syscall(SYS_rseq, &other, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
	T(syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, 1));
	T(syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
	say("cpu_id %d", (int)area->cpu_id);
	T(syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
	T(syscall(SYS_rseq, (char *)area + 8, 32, 0, RSEQ_SIG));
	T(syscall(SYS_rseq, area, 16, 0, RSEQ_SIG));
	T(syscall(SYS_rseq, area, 32, 0, RSEQ_SIG));
}

static void numbers(void)
{
	cpu_set_t all, one;
	int right = 1;

	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		right &= (int)area->cpu_id == cpu && (int)area->cpu_id_start == cpu;
	}
	sched_setaffinity(0, sizeof(all), &all);
	say("numbers are right %d", right);
}

static void *thread(void *unused)
{
	struct rseq *mine = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

	say("a thread has its own: %d, number %d", mine != area, (int)mine->cpu_id >= 0);
	return NULL;
}

static void forked(void)
{
	if (!fork()) {
		T(syscall(SYS_rseq, area, 32, 0, RSEQ_SIG));
		say("child: number %d", (int)area->cpu_id >= 0);
		_exit(0);
	}
	wait(NULL);
}

static void broken_by_signal(void)
{
	/* again and again: the first may come before the sequence */
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { 0 };
	int broken;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	broken = spin_in_sequence(1UL << 40);
	setitimer(ITIMER_REAL, &off, NULL);
	say("by a signal: broken %d, pointer cleared %d", broken, !area->rseq_cs);
	say("short: broken %d", spin_in_sequence(1));
}

/* Two processes on one CPU: each is switched out inside the sequence soon. */
static void broken_by_switch(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid = fork();
	if (!pid)
		for (;;)
			;
	say("by a switch: broken %d", spin_in_sequence(1UL << 36));
	t_kill(pid);
}

static void wrong_signature(void)
{
	static struct rseq_cs cs __attribute__((aligned(32)));
	int status;
	pid_t pid = fork();

	if (!pid) {
		cs.start_ip = (uintptr_t)wrong_signature;
		cs.post_commit_offset = 1;
		cs.abort_ip = (uintptr_t)broken_by_switch;
		memcpy(&area->rseq_cs, &(uint64_t){ (uintptr_t)&cs }, 8);
		usleep(10000);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say("a wrong signature: signal %s", t_signame(WTERMSIG(status)));
}

TEST(rseq)
{
	pthread_t t;

	area = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	registration();
	numbers();
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	forked();
	broken_by_signal();
	broken_by_switch();
	wrong_signature();
}
