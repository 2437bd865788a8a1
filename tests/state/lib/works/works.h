/* SPDX-License-Identifier: MIT */
/*
 * works.h: programs that compute something that they can check, for states of an instance.
 *
 * A work is an endless loop of rounds. A round checks its results, ends the process by BAD() if one
 * is wrong, and calls done(). main.c starts the works, and prints how many rounds each has done.
 */
#ifndef TESTS_STATE_WORKS_H
#define TESTS_STATE_WORKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000LL
#define SEC (1000 * MS)

struct work {
	const char *name;
	void (*run)(void);
	/* What run() needs, or NULL: a path that must exist. */
	const char *wants;
	bool if_named; /* true: not among "all" */
};

#define WORK(NAME, FUNCTION, WANTS)                                                                \
	static const struct work work_##NAME __attribute__((                                       \
		used, section("works"), aligned(8))) = { #NAME, FUNCTION, WANTS, false }
#define WORK_IF_NAMED(NAME, FUNCTION)                                                              \
	static const struct work work_##NAME __attribute__((                                       \
		used, section("works"), aligned(8))) = { #NAME, FUNCTION, NULL, true }

/* Ends this work: something was wrong. main.c prints the line. */
void bad(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define BAD(...) bad(__VA_ARGS__)
/* Ends this work unless the condition is true; the line has the condition and errno. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			bad("%s:%d: %s: %m", __FILE_NAME__, __LINE__, #condition);                 \
	} while (0)

/* Counts a round, of whichever process of the work. */
void done(void);

/* The folder for files of the works: a disk, if there is one. */
extern const char *disk;
/* The path of this program, for execve(). */
extern const char *self;

/* Forks a helper that dies with its parent, and runs @fn(@arg) in it. */
pid_t helper(void (*fn)(void *), void *arg);
/* Reads and writes all, through partial transfers and EINTR. */
void read_all(int fd, void *to, size_t n);
void write_all(int fd, const void *from, size_t n);
int64_t now(clockid_t clock);
struct timespec in_ns(int64_t ns);
/* Fills memory with bytes that the key decides, and checks them. */
void fill(void *at, size_t n, uint64_t key);
void check(const char *what, const void *at, size_t n, uint64_t key);
/* Returns the next of a row of numbers; never less than 0. */
int chance(uint64_t *row, int below);

#endif
