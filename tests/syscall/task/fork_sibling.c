/* SPDX-License-Identifier: MIT */
/*
 * fork_sibling: each child sees its parent's memory as it is at its own fork, whatever its siblings
 * had in theirs: pages change, come and go between forks, children write to all of theirs, some
 * outlive the next ones, some become another program.
 */
#include "t.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096
#define PAGES 24
#define AREAS 3
#define ROUNDS 120
#define ALIVE 3

static char data[PAGES * PAGE] __attribute__((aligned(PAGE))) = { 1 };
static char bss[PAGES * PAGE] __attribute__((aligned(PAGE)));
static char *heap;
/* what each page holds, in its first and last word; 0: never touched */
static unsigned want[AREAS][PAGES];

static char *area(int i)
{
	return i == 0 ? data : i == 1 ? bss : heap;
}

static unsigned *word(int i, int page, int last)
{
	return (unsigned *)(area(i) + page * PAGE + (last ? PAGE - sizeof(unsigned) : 0));
}

static int wrong(void)
{
	int n = 0;

	for (int i = 0; i < AREAS; i++)
		for (int p = 0; p < PAGES; p++)
			n += *word(i, p, 0) != want[i][p] || *word(i, p, 1) != want[i][p];
	return n;
}

static void put(int i, int p, unsigned v)
{
	*word(i, p, 0) = *word(i, p, 1) = want[i][p] = v;
}

/* A child: checks its memory, overwrites it, and checks that the new contents stay. */
static int child(int round, int wait_for)
{
	int bad = wrong();
	char c;

	for (int i = 0; i < AREAS; i++)
		for (int p = round & 1; p < PAGES; p += 1 + (round & 1))
			put(i, p, 0xbad00000u + (unsigned)(round << 8 | p));
	if (wait_for >= 0 && read(wait_for, &c, 1) < 0)
		bad++;
	bad += wrong();
	if (round % 5 == 4 && !bad) {
		execl("/proc/self/exe", "fork_sibling", "-", NULL);
		bad++;
	}
	return bad ? 1 : 0;
}

static void change(int round)
{
	for (int k = 0; k < 7; k++)
		put((round + k) % AREAS, (round * 5 + k * 11) % PAGES,
			(unsigned)(round << 8 | k) + 1);
	if (round % 9 == 8) { /* the heap's pages go, and some come again */
		madvise(heap, PAGES * PAGE, MADV_DONTNEED);
		memset(want[2], 0, sizeof(want[2]));
	}
	if (round % 13 == 12) {
		munmap(heap + 4 * PAGE, 8 * PAGE);
		mmap(heap + 4 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		memset(want[2] + 4, 0, 8 * sizeof(want[2][0]));
	}
}

TEST(fork_sibling)
{
	int gate[ROUNDS][2], status, bad = 0;
	pid_t pid[ROUNDS];

	if (t_argc > 1) /* the other program */
		return;
	heap = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	put(0, 0, 7);
	for (int r = 0; r < ROUNDS; r++) {
		int slow = r % 4 == 1;

		change(r);
		NEED(pipe(gate[r]));
		pid[r] = fork();
		if (!pid[r])
			_exit(child(r, slow ? gate[r][0] : -1));
		if (!slow) {
			waitpid(pid[r], &status, 0);
			bad += status != 0;
			pid[r] = 0;
		}
		/* an older child, after younger siblings */
		if (r >= ALIVE && pid[r - ALIVE]) {
			NEED(write(gate[r - ALIVE][1], "", 1));
			waitpid(pid[r - ALIVE], &status, 0);
			bad += status != 0;
			pid[r - ALIVE] = 0;
		}
		if (r >= ALIVE) {
			close(gate[r - ALIVE][0]);
			close(gate[r - ALIVE][1]);
		}
		bad += wrong();
	}
	for (int r = ROUNDS - ALIVE; r < ROUNDS; r++)
		if (pid[r]) {
			NEED(write(gate[r][1], "", 1));
			waitpid(pid[r], &status, 0);
			bad += status != 0;
		}
	say("%d wrong", bad);
}
