/* SPDX-License-Identifier: MIT */
/*
 * fake_kernel.c: a fake kernel and agent for afl-nestling, without a guest. Its management console
 * knows "reset", and it does with each input what the first letters say. It ends with a line on its
 * console if the server breaks the protocol.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/state/reset_abi.h"
#include "tools/afl-nestling/record.h"

#define MAP 64

struct request {
	uint32_t magic, version, len;
	char text[512];
};
struct reply {
	int32_t err, more;
	uint32_t len;
	char text[512];
};

static int console = 2, report = 2, channel;
static char folder[200];
static uint8_t *memory;
static struct reset_area *area;

static void end(const char *why)
{
	dprintf(console, "fake kernel: %s\n", why);
	unlink(strcat(folder, "/mconsole"));
	exit(1);
}

/* Returns what follows @name in the word that begins with it, or NULL. */
static const char *value(char **argv, const char *name)
{
	for (; *argv; argv++)
		if (!strncmp(*argv, name, strlen(name)))
			return *argv + strlen(name);
	return NULL;
}

static int console_fd(char **argv, const char *name)
{
	const char *v = value(argv, name);
	const char *fd = v ? strstr(v, "null,fd:") : NULL;

	return fd ? atoi(fd + 8) : 2;
}

static int serve(const char *umid)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	FILE *f;

	snprintf(folder, sizeof(folder), "%.150s/.uml", getenv("HOME"));
	mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%.100s/.uml/%.40s", getenv("HOME"), umid);
	mkdir(folder, 0700);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/pid", folder);
	f = fopen(a.sun_path, "w");
	if (f) {
		fprintf(f, "%d\n", getpid());
		fclose(f);
	}
	usleep(20000); /* the server waits for it */
	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/mconsole", folder);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		end("bind");
	return fd;
}

/* Receives "reset" with its descriptors, and answers it. */
static void attach(int fd)
{
	union {
		char room[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr header;
	} control;
	struct sockaddr_un from;
	struct request q = { 0 };
	struct reply r = { 0 };
	struct iovec iov = { &q, sizeof(q) };
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct stat st;
	int fds[RESET_FDS];

	if (recvmsg(fd, &m, 0) < 0 || strcmp(q.text, "reset") || !CMSG_FIRSTHDR(&m) ||
		CMSG_FIRSTHDR(&m)->cmsg_len != CMSG_LEN(sizeof(fds)))
		end("not a request 'reset' with two descriptors");
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fds));
	channel = fds[RESET_FD_SOCKET];
	fstat(fds[RESET_FD_AREA], &st);
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		fds[RESET_FD_AREA], 0);
	area = (void *)memory;
	if (!(fcntl(fds[RESET_FD_AREA], F_GET_SEALS) & F_SEAL_SHRINK))
		end("the memory is not sealed against shrinking");
	if (area->magic != RESET_MAGIC || area->version != RESET_VERSION ||
		area->size != (uint64_t)st.st_size || area->input_at % 4096 ||
		area->record_at % 4096 || area->cover_at % 4096 ||
		area->input_at + area->input_max > area->record_at ||
		area->record_at + area->record_max > area->cover_at ||
		area->cover_at + area->cover_len > area->size)
		end("a wrong area");
	r.len = 1;
	sendto(fd, &r, sizeof(r), 0, (struct sockaddr *)&from, m.msg_namelen);
	close(fds[RESET_FD_AREA]);
}

static void say(uint32_t op, uint32_t arg)
{
	struct reset_message q = { op, arg };

	if (send(channel, &q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
		exit(0);
}

static struct reset_message hear(void)
{
	struct reset_message q;

	if (recv(channel, &q, sizeof(q), 0) != sizeof(q))
		exit(0);
	return q;
}

static void await_back(void)
{
	if (hear().op != RESET_BACK)
		end("not BACK");
}

/* Gives the server a record with a map that differs by input. */
static void done(int status, uint32_t flags, const uint8_t *input, uint32_t len)
{
	struct agent_record *r = (void *)(memory + area->record_at);

	*r = (struct agent_record){ AGENT_MAGIC, status, flags, MAP };
	memset(r->map, 0, MAP);
	r->map[0] = 1;
	if (len)
		r->map[1 + input[0] % (MAP - 1)] = 3;
	if (area->cover_len)
		memory[area->cover_at + 5] = 9;
	area->record_len = sizeof(*r) + MAP;
	say(RESET_DONE, area->record_len);
}

static void dead(uint32_t why)
{
	area->record_len = 0;
	say(RESET_DEAD, why);
}

/* Resets the "machine". Until READY the server may send nothing but BACK. */
static void put_back(void)
{
	struct pollfd p = { .fd = channel, .events = POLLIN };

	usleep(2000);
	if (poll(&p, 1, 0) > 0 && p.revents & POLLIN && hear().op != RESET_BACK)
		end("a message before READY");
	area->resets++;
	area->reset_ns = 500000;
	area->reset_pages = 10;
	say(RESET_READY, 0);
}

static void run(const uint8_t *input, uint32_t len)
{
	char word[16];

	snprintf(word, sizeof(word), "%.*s", (int)(len < 8 ? len : 8), (const char *)input);
	if (area->cover_len && memory[area->cover_at + 5])
		end("the map of the kernel is not cleared");
	if (area->input_len != len)
		end("two lengths of the input");
	if (!strcmp(word, "CRASH"))
		done(SIGSEGV, 0, input, len);
	else if (!strcmp(word, "EXIT"))
		done(7 << 8, 0, input, len);
	else if (!strcmp(word, "SLOW"))
		done(SIGKILL, AGENT_HANG, input, len);
	else if (!strcmp(word, "LOST"))
		done(SIGABRT, AGENT_LOST, input, len);
	else if (!strcmp(word, "HANG"))
		await_back();
	else if (!strcmp(word, "STUCK")) {
		await_back();
		pause();
	} else if (!strcmp(word, "CROSS")) {
		await_back(); /* sent too late for the kernel */
		done(0, 0, input, len);
	} else if (!strcmp(word, "PANIC")) {
		dprintf(console, "a line before\nKernel panic: the fake one\n");
		dead(RESET_DEAD_PANIC);
	} else if (!strcmp(word, "HALT"))
		dead(RESET_DEAD_HALT);
	else if (!strcmp(word, "READER"))
		dead(RESET_DEAD_READER);
	else if (!strcmp(word, "GONE"))
		end("the last words");
	else if (!strcmp(word, "LIE")) {
		memset(memory + area->record_at, 255, sizeof(struct agent_record));
		say(RESET_DONE, ~0u);
	} else {
		done(0, 0, input, len);
	}
	put_back();
}

int main(int argc, char **argv)
{
	const char *umid = value(argv, "umid="), *how = getenv("FAKE_KERNEL") ?: "";

	signal(SIGPIPE, SIG_IGN);
	console = console_fd(argv, "con0=");
	report = console_fd(argv, "con4=");
	if (!umid || !value(argv, "ubd0mx=") || !value(argv, "initrd="))
		end("words are missing");
	if (!strcmp(how, "early"))
		end("it does not boot");
	attach(serve(umid));
	if (!strcmp(how, "error")) {
		dprintf(report, "error /bin/none: No such file or directory\n");
		pause();
	}
	if (!strcmp(how, "refused")) {
		area->record_len =
			(uint32_t)sprintf((char *)memory + area->record_at, "a disk is not quiet");
		say(RESET_DEAD, RESET_DEAD_REFUSED);
		pause();
	}
	dprintf(report, "map %d\n", MAP);
	say(RESET_READY, 0);
	for (;;) {
		struct reset_message q = hear();

		if (q.op != RESET_RUN)
			end("not RUN");
		run(memory + area->input_at, q.arg);
	}
}
