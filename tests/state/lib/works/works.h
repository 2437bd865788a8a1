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
	/* a path that must exist for run(), or NULL */
	const char *wants;
	bool if_named; /* true: not among "all" */
};

/* Adds a work to main.c's table. */
#define WORK(NAME, FUNCTION, WANTS)                                                                \
	static const struct work work_##NAME __attribute__((                                       \
		used, section("works"), aligned(8))) = { #NAME, FUNCTION, WANTS, false }
#define WORK_IF_NAMED(NAME, FUNCTION)                                                              \
	static const struct work work_##NAME __attribute__((                                       \
		used, section("works"), aligned(8))) = { #NAME, FUNCTION, NULL, true }

/* Prints a line and ends this work, since a result was wrong. */
void bad(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define BAD(...) bad(__VA_ARGS__)
/* Ends this work unless the condition is true; the line has the condition and errno. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			bad("%s:%d: %s: %m", __FILE_NAME__, __LINE__, #condition);                 \
	} while (0)

/* Counts a round. Any process of the work may call it. */
void done(void);

/* The folder for files of the works: a disk, if there is one. */
extern const char *disk;
/* The path of this program, for execve(). */
extern const char *self;

/* Forks a process that runs @fn(@arg) and exits. It dies with its parent. Returns its pid. */
pid_t helper(void (*fn)(void *), void *arg);
/*
 * Transfer all bytes, in spite of partial transfers and EINTR. End the work at an error, and at the
 * end of the file.
 */
void read_all(int fd, void *to, size_t n);
void write_all(int fd, const void *from, size_t n);
/* Returns ns of @clock. */
int64_t now(clockid_t clock);
/* Converts ns. */
struct timespec in_ns(int64_t ns);
/*
 * Fill memory with bytes that @key decides, and check them. check() ends the work if a byte is
 * wrong. @what: for the message.
 */
void fill(void *at, size_t n, uint64_t key);
void check(const char *what, const void *at, size_t n, uint64_t key);
/* Returns the next number of a pseudorandom sequence, from 0 to @below - 1. @row: its state. */
int chance(uint64_t *row, int below);

#endif
