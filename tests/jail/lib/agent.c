/* SPDX-License-Identifier: MIT */
/*
 * agent.c: makes a kernel process that has a hole (MODE=fallen) do what its standard input says. It
 * runs in the guest, as root. With the argument "here" it does so itself, with its own rights: then
 * it is a program of the host that a kernel process is compared with.
 *
 *      base                        the address of the hole's memory in the kernel process
 *      put OFFSET HEX              writes bytes to the memory
 *      get OFFSET LENGTH           reads bytes of it
 *      job ENTRY NUMBER...         runs the job, whose words are numbers, or +OFFSET for an address
 *                                  in the memory, by blob_first (0) or blob_second (1)
 *      later ENTRY NUMBER...       begins that in another process, and does not wait
 *      result OFFSET               the u64 there
 *
 * Each answer is a line "@@ ANSWER", or "@@ error ERRNO".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "blob.h"

#define FILE_NAME "/proc/nestling/fallen"
#define LINE_ROOM (4 * HOLE_SIZE)

extern char __start_blob[], __stop_blob[];
/* the memory, if it is this process's own; or NULL */
static char *here;
static int hole = -1;
/* the memory's address in the kernel process */
static uint64_t base;
static char line[LINE_ROOM], bytes[HOLE_SIZE];

static long put(uint64_t at, const void *from, size_t n)
{
	if (!here)
		return pwrite(hole, from, n, (off_t)at) == (ssize_t)n ? 0 : -errno;
	memcpy(here + at, from, n);
	return 0;
}

static long get(uint64_t at, void *to, size_t n)
{
	if (!here)
		return pread(hole, to, n, (off_t)at) == (ssize_t)n ? 0 : -errno;
	memcpy(to, here + at, n);
	return 0;
}

/* Runs the function at the offset. Returns 0, with its return value in *@result, or an error. */
static long run(uint64_t at, uint64_t *result)
{
	if (here) {
		*result = ((uint64_t(*)(char *))(here + at))(here);
		return 0;
	}
	if (pwrite(hole, &at, sizeof(at), HOLE_SIZE) != sizeof(at))
		return -errno;
	return pread(hole, result, sizeof(*result), HOLE_SIZE) == sizeof(*result) ? 0 : -errno;
}

static uint64_t entry_of(unsigned long n)
{
	return (uint64_t)((n ? (char *)blob_second : (char *)blob_first) - __start_blob);
}

static void say(long err, uint64_t value)
{
	if (err)
		printf("@@ error %ld\n", -err);
	else
		printf("@@ %lld\n", (long long)value);
}

static void do_put(char *words)
{
	uint64_t at = strtoull(words, &words, 0);
	size_t n = 0;
	unsigned byte;

	words += strspn(words, " ");
	while (n < sizeof(bytes) && sscanf(words, "%2x", &byte) == 1) {
		bytes[n++] = (char)byte;
		words += 2;
	}
	say(at > HOLE_SIZE || n > HOLE_SIZE - at ? -EINVAL : put(at, bytes, n), n);
}

static void do_get(char *words)
{
	uint64_t at = strtoull(words, &words, 0), n = strtoull(words, NULL, 0);
	long err = at > HOLE_SIZE || n > HOLE_SIZE - at ? -EINVAL : get(at, bytes, n);

	if (err) {
		say(err, 0);
		return;
	}
	printf("@@ ");
	for (size_t i = 0; i < n; i++)
		printf("%02x", (unsigned char)bytes[i]);
	printf("\n");
}

static void do_job(char *words, int waits)
{
	unsigned long entry = strtoul(words, &words, 0);
	struct job j = { 0 };
	uint64_t *word = (uint64_t *)&j, result = 0;
	long err;

	for (size_t i = 0; i < sizeof(j) / sizeof(*word); i++) {
		words += strspn(words, " ");
		word[i] = *words == '+' ? base : 0;
		word[i] += strtoull(words, &words, 0);
	}
	err = put(JOB_AT + entry * JOB_ROOM, &j, sizeof(j));
	if (!err && !waits && fork() == 0) {
		run(entry_of(entry), &result);
		_exit(0);
	}
	if (!err && waits)
		err = run(entry_of(entry), &result);
	say(err, result);
}

/* Finds the address of the memory in the kernel process. */
static long find_base(void)
{
	/* mov %rdi, %rax; ret */
	long err = put(JOB_AT - 16, "\x48\x89\xf8\xc3", 4);

	return err ? err : run(JOB_AT - 16, &base);
}

static void obey(char *words)
{
	uint64_t value = 0;
	long err;

	words[strcspn(words, "\r\n")] = 0;
	if (!strncmp(words, "put ", 4))
		do_put(words + 4);
	else if (!strncmp(words, "get ", 4))
		do_get(words + 4);
	else if (!strncmp(words, "job ", 4))
		do_job(words + 4, 1);
	else if (!strncmp(words, "later ", 6))
		do_job(words + 6, 0);
	else if (!strcmp(words, "base"))
		say(find_base(), base);
	else if (!strncmp(words, "result ", 7)) {
		err = get(strtoull(words + 7, NULL, 0), &value, sizeof(value));
		say(err, value);
	} else
		say(-EINVAL, 0);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct termios raw;
	long err;

	if (argc > 1 && !strcmp(argv[1], "here"))
		here = mmap(NULL, HOLE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else
		hole = open(FILE_NAME, O_RDWR | O_CLOEXEC);
	if (here == MAP_FAILED || (!here && hole < 0)) {
		printf("@@ error %d\n", errno);
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	if (!tcgetattr(0, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(0, TCSANOW, &raw);
	}
	err = put(0, __start_blob, (size_t)(__stop_blob - __start_blob));
	say(err ? err : find_base(), 0);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
