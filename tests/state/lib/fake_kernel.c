/* SPDX-License-Identifier: MIT */
/*
 * fake_kernel.c: a fake kernel for nestctl: a management console that answers the commands about
 * states. It tests them with files and at moments that a real kernel does not produce.
 *
 *	fake_kernel umid=NAME [ubd<N>=...] [eth0=...] [restore=DIR] ...
 *
 * Its memory is a number, which grows by 1 at each "version". FAKE_SAVE: "error": a save fails;
 * "slow": a save writes half of the memory and then sleeps; "silent": the process ends without an
 * answer. FAKE_BYTES: the size of the memory file, 8192 unless set.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct request {
	uint32_t magic, version, len;
	char text[512];
};
struct reply {
	int32_t err, more;
	uint32_t len;
	char text[512];
};

static char **args;
static unsigned long number;

static const char *arg(const char *name)
{
	for (char **a = args + 1; *a; a++)
		if (!strncmp(*a, name, strlen(name)))
			return *a + strlen(name);
	return NULL;
}

/* Returns the value of ubd<N>FLAGS= or eth<N>=. */
static const char *device(const char *name)
{
	for (char **a = args + 1; *a; a++) {
		const char *eq = strchr(*a, '=');

		if (eq && !strncmp(*a, name, strlen(name)) && (*a)[strlen(name)] != '1')
			return eq + 1;
	}
	return NULL;
}

static void fail(const char *what)
{
	fprintf(stderr, "nestling: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_in(const char *dir, const char *name, int flags)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC, 0644);
}

/* Removes the older memory files: the new state needs none of its parent's. */
static void drop_older(const char *dir)
{
	for (int i = 1; i < 8; i++) {
		char path[4200];

		snprintf(path, sizeof(path), "%s/memory.%d", dir, i);
		unlink(path);
	}
}

static const char *how(void)
{
	return getenv("FAKE_SAVE") ? getenv("FAKE_SAVE") : "";
}

static int save(const char *dir, char *text)
{
	long size = getenv("FAKE_BYTES") ? atol(getenv("FAKE_BYTES")) : 8192;
	char *memory = calloc(1, size);
	int fd;

	if (!strcmp(how(), "silent"))
		_exit(1);
	sprintf(text, "ubd1 is held by a snapshot");
	if (!strcmp(how(), "error"))
		return -EBUSY;
	sprintf(memory, "%lu", number);
	fd = open_in(dir, "memory", O_WRONLY | O_CREAT | O_EXCL);
	errno = ENOSPC; /* for a short write */
	if (fd < 0 || write(fd, memory, size / 2) != size / 2) {
		sprintf(text, "%s", strerror(errno));
		return -ENOSPC;
	}
	if (!strcmp(how(), "slow"))
		sleep(1000);
	if (write(fd, memory + size / 2, size - size / 2) != size - size / 2) {
		sprintf(text, "%s", strerror(errno));
		return -ENOSPC;
	}
	close(fd);
	for (int i = 0; i < 2; i++) {
		char name[16], layer[16];

		sprintf(name, "ubd%d", i);
		sprintf(layer, "ubd%d.layer", i);
		if ((fd = device(name) ? open_in(dir, layer, O_WRONLY | O_CREAT | O_EXCL) : -1) < 0)
			continue;
		if (ftruncate(fd, 1 << 20) || pwrite(fd, "layer", 5, 65536) != 5)
			return -ENOSPC;
		close(fd);
	}
	drop_older(dir);
	sprintf(text, "stopped 1234567");
	return 0;
}

static void restore(const char *dir)
{
	int fd = open_in(dir, "memory", O_RDONLY);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		fail(dir);
	close(fd);
	if (strspn(text, "0123456789") != strlen(text)) {
		fprintf(stderr, "nestling: restore=%s: memory: wrong checksum\n", dir);
		exit(1);
	}
	number = strtoul(text, NULL, 10);
}

/* Executes itself again with restore=@dir, after it has answered. */
static void roll_back(const char *dir)
{
	static char *argv[100], word[4200];
	int n = 0;

	for (char **a = args; *a; a++)
		if (strncmp(*a, "restore=", 8) && strncmp(*a, "ready=", 6))
			argv[n++] = *a;
	snprintf(word, sizeof(word), "restore=%s", dir);
	argv[n++] = word;
	execv("/proc/self/exe", argv);
	fail("exec");
}

/* True while the other ends of con4 and con5 are open. */
static int channels_live(void)
{
	struct pollfd p[2] = { { .fd = -1, .events = POLLOUT }, { .fd = -1, .events = POLLIN } };

	if (arg("con4=null,fd:"))
		p[0].fd = atoi(arg("con4=null,fd:"));
	if (arg("con5=fd:"))
		p[1].fd = atoi(arg("con5=fd:"));
	poll(p, 2, 0);
	return !(p[0].revents & POLLERR) && !p[1].revents;
}

static int answer(const char *q, char *text)
{
	const char *value;

	if (!strcmp(q, "version"))
		return sprintf(text, "%lu %s", ++number, channels_live() ? "live" : "dead"), 0;
	if (!strncmp(q, "state save ", 11))
		return save(q + 11, text);
	if (!strncmp(q, "state rollback ", 15))
		return sprintf(text, "rolling back"), 0;
	if (!strcmp(q, "config mem"))
		return sprintf(text, "67108864"), 0;
	if (!strcmp(q, "proc cpuinfo"))
		return sprintf(text, "processor\t: 0\nprocessor\t: 1\n"), 0;
	if (!strncmp(q, "config ", 7) && (value = device(q + 7)))
		return sprintf(text, "%.400s", value), 0;
	sprintf(text, "No such device");
	return -ENODEV;
}

/* Keeps the files of "ubdN=LAYER,IMAGE" open, as the kernel does: nestctl save looks for them. */
static void open_images(char **argv)
{
	for (; *argv; argv++)
		if (!strncmp(*argv, "ubd", 3) && strchr(*argv, ','))
			open(strchr(*argv, ',') + 1, O_RDONLY);
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char folder[60], path[80];
	FILE *f;
	int s;

	args = argv;
	open_images(argv);
	if (arg("restore="))
		restore(arg("restore="));
	snprintf(folder, sizeof(folder), "%.30s/.uml", getenv("HOME"));
	mkdir(folder, 0700);
	snprintf(folder, sizeof(folder), "%.30s/.uml/%.20s", getenv("HOME"), arg("umid=") ?: "x");
	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/pid", folder);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%d\n", getpid()) < 0 || fclose(f))
		fail(path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/mconsole", folder);
	unlink(a.sun_path);
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)))
		fail(a.sun_path);
	if (arg("ready=") &&
		(write(atoi(arg("ready=")), "r", 1) != 1 || close(atoi(arg("ready=")))))
		fail("ready=");
	for (;;) {
		struct sockaddr_un from;
		socklen_t len = sizeof(from);
		struct request q = { 0 };
		struct reply r = { 0 };

		if (recvfrom(s, &q, sizeof(q), 0, (struct sockaddr *)&from, &len) < 12 ||
			q.len > 511)
			continue;
		q.text[q.len] = 0;
		r.err = answer(q.text, r.text);
		r.len = strlen(r.text) + 1;
		sendto(s, &r, 12 + r.len, 0, (struct sockaddr *)&from, len);
		if (!strncmp(q.text, "state rollback ", 15))
			roll_back(q.text + 15);
	}
}
