/* SPDX-License-Identifier: MIT */
/*
 * arch_prctl(2): the segment bases are set and read, and belong to the thread; gs base is also read
 * by the processor's instruction.
 */
#include "t.h"
#include <asm/prctl.h>

static unsigned long gs(void)
{
	unsigned long v;

	NEED(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	return v;
}

static long word = 4711, other = 4712;

static void *thread(void *arg)
{
	long v;

	say("a thread starts with its creator's gs: %d", gs() == (unsigned long)&word);
	NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, &other));
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	say("%ld", v);
	return NULL;
}

static unsigned long rdgs(void)
{
	unsigned long v;

	__asm__ volatile("rdgsbase %0" : "=r"(v));
	return v;
}

static void wrgs(unsigned long v)
{
	__asm__ volatile("wrgsbase %0" : : "r"(v));
}

static void calls(void)
{
	for (int i = 0; i < 100; i++)
		close(-1);
}

/*
 * Loads gs base by an instruction, so that no call tells the kernel of it, once call sites are hot.
 */
static void by_instruction(void)
{
	static unsigned long bases[] = { (unsigned long)&word, 0, 1, 0, (unsigned long)&other };

	calls();
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		wrgs(bases[i]);
		calls();
		say("base %zu stays: %d %d", i, rdgs() == bases[i], gs() == bases[i]);
	}
	wrgs(0);
	sleep_ms(5);
	say("0 after sleeping: %d", rdgs() == 0);
	CHILD(calls(); say("0 in a child: %d", rdgs() == 0));
}

/* A selector of 0 changes the base on some processors; setting it anew has to bring it back. */
static void set_again(void)
{
	long v = 0;

	for (int i = 0; i < 100; i++) {
		NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
		__asm__ volatile("mov %0, %%gs" : : "r"(0));
		NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
		__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
		if (v != word)
			break;
	}
	say("set again: %ld", v);
}

static bool has_fsgsbase(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[8192];
	bool has = false;

	while (!has && fgets(line, sizeof(line), f))
		has = !strncmp(line, "flags", 5) && strstr(line, " fsgsbase");
	fclose(f);
	return has;
}

TEST(arch_prctl)
{
	unsigned long fs = 0;
	pthread_t t;
	long v;
	int i;

	/* some hosts allow the instructions, and lose what they load */
	if (has_fsgsbase())
		CHILD(by_instruction());
	CHILD(set_again());
	T(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	__asm__ volatile("mov %%fs:0, %0" : "=r"(v));
	say("fs is the thread pointer: %d", (unsigned long)v == fs);
	T(syscall(SYS_arch_prctl, ARCH_SET_FS, fs));
	T(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
	say("%d", gs() == (unsigned long)&word);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	say("%ld", v);
	for (i = 0; i < 100; i++)
		sched_yield();
	sleep_ms(5);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	say("after sleeping %ld", v);
	NEED0(pthread_create(&t, NULL, thread, NULL));
	pthread_join(t, NULL);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	say("%ld", v);
	CHILD({
		__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
		say("child %ld", v);
	});
	T(syscall(SYS_arch_prctl, ARCH_SET_GS, 0xdead000000000000ul));
	T(syscall(SYS_arch_prctl, ARCH_SET_FS, 0xffff800000000000ul));
	T(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD));
	T(syscall(SYS_arch_prctl, 0x9999, 0));
	/* Components that need no permission. 18, AMX's tiles, depends on the CPU. */
	T(syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, 2));
	T(syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, 100));
}
