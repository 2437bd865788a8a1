/* SPDX-License-Identifier: MIT */
/*
 * agent.c: the part of afl-nestling in the guest, a static program that init runs. It starts the
 * program and, when the program is ready for an input, reads from /proc/nestling/reset: the machine
 * is marked in that read. Each run begins when the read returns an input, which the program gets.
 * The write of the record rolls the whole machine back to the read.
 *
 * The record's header is directly before the coverage map in memory, so that both are written
 * without a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tools/afl-nestling/agent/agent.h"
#include "tools/afl-nestling/protocol.h"

#define PAGE 4096
#define ATTACH_MS 60000
#ifndef RESET_FILE
#define RESET_FILE "/proc/nestling/reset" /* tests set another */
#endif
#ifndef REPORT_FILE
#define REPORT_FILE "/dev/tty4"
#endif

/* /dev/tty4 */
static int report_fd = -1;
static uint8_t input[AGENT_INPUT_MAX];

static void report(const char *text)
{
	if (write(report_fd >= 0 ? report_fd : 2, text, strlen(text)) < 0)
		_exit(1);
}

void fail(const char *fmt, ...)
{
	char text[400] = "error ";
	va_list args;

	va_start(args, fmt);
	vsnprintf(text + 6, sizeof(text) - 8, fmt, args);
	va_end(args);
	strcat(text, "\n");
	report(text);
	exit(1);
}

void write_input(int fd, const void *data, size_t size)
{
	const char *p = data;
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, p + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done < size)
		fail("the input's file: %s", strerror(errno));
}

/* Ids of shared memory, which outlives the agent when it runs on a host. */
static int memory[2], nr_memory;

/* Removes the shared memory when the agent ends. */
static void remove_memory(void)
{
	while (nr_memory)
		shmctl(memory[--nr_memory], IPC_RMID, NULL);
}

int make_memory(const char *variable, size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	char text[16];

	if (id < 0)
		fail("shared memory: %s", strerror(errno));
	memory[nr_memory++] = id;
	snprintf(text, sizeof(text), "%d", id);
	setenv(variable, text, 1);
	return id;
}

/* Allocates the coverage map, which the program finds by its environment. */
static struct agent_record *make_record(void)
{
	char *at = mmap(NULL, PAGE + AGENT_MAP_MAX, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int id = make_memory(AFL_MAP_ENV, AGENT_MAP_MAX);
	char text[16];

	if (at == MAP_FAILED || shmat(id, at + PAGE, SHM_REMAP) == (void *)-1)
		fail("the coverage map: %s", strerror(errno));
	snprintf(text, sizeof(text), "%u", AGENT_MAP_MAX);
	setenv(AFL_MAP_SIZE_ENV, text, 1);
	return (struct agent_record *)(at + PAGE - sizeof(struct agent_record));
}

/* Opens the file, after waiting until the host's reset server is attached. */
static int open_reset(void)
{
	for (int ms = 0; ms < ATTACH_MS; ms++) {
		int fd = open(RESET_FILE, O_RDWR | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != ENXIO)
			fail("%s: %s", RESET_FILE, strerror(errno));
		usleep(1000);
	}
	fail("%s: no server is attached", RESET_FILE);
}

static void parse(struct target *t, const char **mount_type, int argc, char **argv)
{
	for (int key; (key = getopt(argc, argv, "+t:pfVm:c:")) != -1;) {
		switch (key) {
		case 't': t->timeout = atoi(optarg); break;
		case 'p': t->plain = true; break;
		case 'f': t->forked = true; break;
		case 'V': t->loud = true; break;
		case 'c': copy_folder(optarg); break;
		case 'm': *mount_type = optarg; break;
		default: fail("agent: a wrong option");
		}
	}
	t->argv = argv + optind;
	if (!*mount_type && !*t->argv)
		fail("which program?");
}

int main(int argc, char **argv)
{
	static struct target t;
	struct agent_record *r;
	const char *mount_type = NULL;
	char text[32];
	ssize_t n;
	int fd;

	report_fd = open(REPORT_FILE, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	parse(&t, &mount_type, argc, argv);
	atexit(remove_memory);
	r = make_record();
	fd = open_reset();
	if (mount_type)
		image_start(mount_type);
	else
		target_start(&t);
	*r = (struct agent_record){ .magic = AGENT_MAGIC, .map_len = t.map_len };
	snprintf(text, sizeof(text), "map %u\n", t.map_len);
	report(text);
	do {
		n = read(fd, input, sizeof(input));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		fail("%s: %s", RESET_FILE, strerror(errno));
	if (mount_type)
		r->status = image_run(mount_type, input, (size_t)n);
	else
		target_run(&t, input, (size_t)n, r);
	if (write(fd, r, sizeof(*r) + r->map_len) < 0)
		fail("%s: cannot write: %s", RESET_FILE, strerror(errno));
	return 0;
}
