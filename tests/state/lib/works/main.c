/* SPDX-License-Identifier: MIT */
/*
 * main.c: starts the works of works.h and prints again and again how far they are:
 *
 *	ok SEQ RANDOM NAME=ROUNDS...
 *	BAD NAME: WHY
 *
 *	works [NAME...]              as init of an initrd: all works, or the named ones, for ever;
 *	                             the name "all" stands for those that need no name
 *	works --for SECONDS [NAME...]   ends with status 0 if each has done a round and none was
 *	                                wrong
 *	works --made FILE KEY        the compiler of the work "build" (programs.c)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "works.h"

#define MAX_WORKS 64
#define STATUS_MS 15
#define SWAP_SIZE (16 << 20)

extern const struct work __start_works[], __stop_works[];
int make_file(const char *path, const char *key);

const char *disk, *self;
static struct {
	const struct work *work;
	pid_t pid;
} started[MAX_WORKS];
static int nr_started;
/* the rounds of each work, in memory that all processes share */
static uint64_t *rounds;
static int own;

void done(void)
{
	__atomic_fetch_add(&rounds[own], 1, __ATOMIC_SEQ_CST);
}

void bad(const char *format, ...)
{
	char line[400];
	va_list args;
	int n = snprintf(line, sizeof(line), "BAD %s: ", started[own].work->name);

	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(2);
	_exit(1);
}

pid_t helper(void (*fn)(void *), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	MUST(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	fn(arg);
	_exit(0);
}

void read_all(int fd, void *to, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = read(fd, (char *)to + at, n - at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			BAD("read of %zu: %zd %m", n - at, r);
		at += r;
	}
}

void write_all(int fd, const void *from, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = write(fd, (const char *)from + at, n - at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			BAD("write of %zu: %zd %m", n - at, r);
		at += r;
	}
}

int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

struct timespec in_ns(int64_t ns)
{
	return (struct timespec){ ns / SEC, ns % SEC };
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15;
	return x ^ x >> 29;
}

void fill(void *at, size_t n, uint64_t key)
{
	for (size_t i = 0; i < n; i++)
		((unsigned char *)at)[i] = mix(key + i / 8) >> i % 8 * 8;
}

void check(const char *what, const void *at, size_t n, uint64_t key)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char wanted = mix(key + i / 8) >> i % 8 * 8;
		unsigned char got = ((const volatile unsigned char *)at)[i];

		if (got != wanted)
			BAD("%s: byte %zu of %zu is %02x, not %02x", what, i, n, got, wanted);
	}
}

int chance(uint64_t *row, int below)
{
	*row = mix(*row + 0x1234567);
	return (*row >> 20) % below;
}

/* ---- the machine, as init ---- */

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("# %s: %m\n", path);
	close(fd);
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, "lo");
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		printf("# lo: %m\n");
	close(fd);
}

/* Makes a swap file at @path and turns it on. */
static void swap_on(const char *path)
{
	static char page[4096];
	static char rest[1 << 20];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	*(uint32_t *)(page + 1024) = 1;
	*(uint32_t *)(page + 1028) = SWAP_SIZE / 4096 - 1;
	memcpy(page + 4086, "SWAPSPACE2", 10);
	for (int i = 0; i < SWAP_SIZE >> 20; i++)
		if (write(fd, rest, sizeof(rest)) != sizeof(rest))
			printf("# %s: %m\n", path);
	if (pwrite(fd, page, sizeof(page), 0) != sizeof(page) || fsync(fd) || close(fd) ||
		swapon(path, 0))
		printf("# swapon %s: %m\n", path);
}

static void be_init(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/disk", 0755);
	mkdir("/tmp", 01777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("pts", "/dev/pts", "devpts", 0, NULL);
	mount("tmp", "/tmp", "tmpfs", 0, NULL);
	loopback_up();
	put("/proc/sys/vm/nr_hugepages", "4");
	disk = "/tmp";
	if (!mount("/dev/ubda", "/disk", "ext4", 0, NULL)) {
		disk = "/disk";
		swap_on("/disk/swap");
	}
}

/* ---- starting and looking ---- */

static void start(const struct work *w)
{
	own = nr_started++;
	started[own].work = w;
	fflush(stdout);
	started[own].pid = fork();
	if (started[own].pid)
		return;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->run();
	bad("came to its end");
}

static bool is_named(const struct work *w, char **names)
{
	if (!*names)
		return !w->if_named;
	for (; *names; names++)
		if (!strcmp(w->name, *names) || (!w->if_named && !strcmp("all", *names)))
			return true;
	return false;
}

static void print_status(uint64_t seq)
{
	char line[3000];
	unsigned char chance[8];
	int n;

	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		memset(chance, 0, sizeof(chance));
	n = snprintf(line, sizeof(line), "ok %lu %02x%02x%02x%02x%02x%02x", seq, chance[0],
		chance[1], chance[2], chance[3], chance[4], chance[5]);
	for (int i = 0; i < nr_started; i++)
		n += snprintf(
			line + n, sizeof(line) - n, " %s=%lu", started[i].work->name, rounds[i]);
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(2);
}

/* Returns the number of works that have ended. */
static int reap(void)
{
	int status, ended = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < nr_started; i++) {
			if (started[i].pid != pid)
				continue;
			printf("BAD %s: ended with %#x\n", started[i].work->name, status);
			fflush(stdout);
			started[i].pid = 0;
			ended++;
		}
	return ended;
}

static int look(int64_t end)
{
	struct timespec pause = { 0, STATUS_MS * MS };
	int ended = 0;

	for (uint64_t seq = 0; now(CLOCK_MONOTONIC) < end; seq++) {
		ended += reap();
		print_status(seq);
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < nr_started; i++) {
		if (started[i].pid)
			kill(-started[i].pid, SIGKILL);
		if (!rounds[i]) {
			printf("BAD %s: no round\n", started[i].work->name);
			ended++;
		}
	}
	return ended != 0;
}

int main(int argc, char **argv)
{
	char **names = argv + 1, path[PATH_MAX] = "/init";
	int64_t end = INT64_MAX;

	if (argc == 4 && !strcmp(argv[1], "--made"))
		return make_file(argv[2], argv[3]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	disk = ".";
	if (getpid() == 1) {
		be_init();
	} else if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) {
		perror("/proc/self/exe");
		return 2;
	}
	self = path;
	if (argc > 2 && !strcmp(argv[1], "--for")) {
		end = now(CLOCK_MONOTONIC) + atoi(argv[2]) * SEC;
		names += 2;
	}
	if (chdir(disk))
		perror(disk);
	rounds = mmap(NULL, MAX_WORKS * sizeof(*rounds), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (const struct work *w = __start_works; w < __stop_works; w++)
		if (is_named(w, names) && (!w->wants || !access(w->wants, F_OK)))
			start(w);
	return look(end);
}
