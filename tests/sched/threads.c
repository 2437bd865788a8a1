/* SPDX-License-Identifier: MIT */
/* threads.c: threads that run one function, for the tests of kernel/sched. */
#include "tests/sched/threads.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"

void say(const char *fmt, u64 a, u64 b)
{
	char line[200];
	int n = snprintf(line, sizeof(line), fmt, a, b);

	arch_early_write(line, (size_t)n);
}

u64 random_next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static struct completion all_done;
static atomic_t running;

struct body {
	int (*fn)(u64 me);
	u64 me;
};

static int body_main(void *arg)
{
	struct body b = *(struct body *)arg;

	kfree(arg);
	b.fn(b.me);
	if (atomic_dec_and_test(&running))
		complete(&all_done);
	return 0;
}

static struct task *start(int (*fn)(u64 me), u64 me)
{
	struct body *b = kmalloc(sizeof(*b), 0);
	struct task *t;

	b->fn = fn;
	b->me = me;
	t = kthread_run(body_main, b, "t%lu", (unsigned long)me);
	check(t);
	return t;
}

void run(int (*fn)(u64 me), u64 n)
{
	init_completion(&all_done);
	atomic_set(&running, (int)n);
	for (u64 i = 0; i < n; i++)
		start(fn, i);
	wait_for_completion(&all_done);
}

u64 elapsed(u64 since)
{
	return ktime_get() - since;
}

u64 had(u64 *last)
{
	u64 now = ktime_get(), ns = min(now - *last, 10000000UL);

	*last = now;
	return ns;
}

void some_round(bool (*round)(void))
{
	for (int i = 0; !round(); i++)
		check(i < 8);
}
