/* SPDX-License-Identifier: MIT */
/*
 * The system-call fuzzer: random programs of random calls, one after the other, each in a process
 * of its own.
 *
 *	fuzz run SECONDS [SEED [ROUNDS]]	as the job of a guest (nestctl run ... -- /fuzz run
 *                                              20); SEED repeats a run
 *
 * Prints a line a round, before it starts: the last one of a guest that died says what killed it,
 * and with that seed and ROUNDS 1 it can be tried again (threads make that a matter of luck; a few
 * ROUNDS of the same seed help). After each round all processes but the supervisor and init are
 * killed; one that does not die is a hang. At the end the memory and the slabs must be about what
 * they were after the first tenth of the rounds.
 *
 * It kills every process of the machine, so it refuses to run in any but a Nestling guest.
 */
#define _GNU_SOURCE
#include "fuzz.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CACHES 200

static struct log *log_page;
struct protect *protect;

void protect_pid(int index, int pid)
{
	mprotect(protect, PAGE, PROT_READ | PROT_WRITE);
	protect->pid[index] = pid;
	mprotect(protect, PAGE, PROT_READ);
}

struct usage {
	long free_kb;
	int n;
	char name[MAX_CACHES][32];
	long objects[MAX_CACHES];
};

static struct usage early, late;

uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ul;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ul;
	x = (x ^ x >> 27) * 0x94d049bb133111ebul;
	return x ^ x >> 31;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* ---- memory ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static void measure(struct usage *u)
{
	char line[400], name[64];
	long value;
	FILE *f;

	memset(u, 0, sizeof(*u));
	sync();
	/* objects that a worker or the end of a grace period frees */
	nap(1500);
	write_file("/proc/sys/vm/drop_caches", "3");
	write_file("/proc/sys/vm/drop_caches", "3");
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &value) == 1)
			u->free_kb = value;
	if (f)
		fclose(f);
	f = fopen("/proc/slabinfo", "r");
	while (f && u->n < MAX_CACHES && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %ld", name, &value) == 2 && name[0] != '#') {
			strcpy(u->name[u->n], name);
			u->objects[u->n++] = value;
		}
	if (f)
		fclose(f);
}

/*
 * Returns 1 if less memory is free, or a slab has more objects, than the rounds since @early
 * explain: a leak grows with every round. @tell: prints what leaks.
 */
static int compare(int rounds, bool tell)
{
	long lost = early.free_kb - late.free_kb;
	int i, j, bad = 0;

	for (i = 0; i < late.n; i++)
		for (j = 0; j < early.n; j++)
			if (!strcmp(late.name[i], early.name[j]) &&
				late.objects[i] - early.objects[j] > 64 + rounds / 2) {
				if (tell)
					printf("LEAK of slab %s: %ld objects, were %ld\n",
						late.name[i], late.objects[i], early.objects[j]);
				bad = 1;
			}
	if (tell || !bad)
		printf("fuzz: memory %+ld KiB in %d rounds\n", -lost, rounds);
	if (lost > 4096 + 4l * rounds) {
		if (tell)
			printf("LEAK of memory: %ld KiB free, were %ld\n", late.free_kb,
				early.free_kb);
		bad = 1;
	}
	return bad;
}

/*
 * Returns 1 if the memory leaks. Measures up to 12 times, since a busy host may delay what frees
 * memory later.
 */
static int leaks(int rounds)
{
	int tries = 12;

	do
		measure(&late);
	while (compare(rounds, tries == 1) && --tries);
	return !tries;
}

/* ---- clearing up ---- */

static void show_file(int pid, const char *name)
{
	char path[64], text[2000];
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text));
	printf("%s: %.*s\n", path, (int)(n > 0 ? n : 0), text);
	close(fd);
}

/*
 * Calls @show (or NULL) for each process but init, this one and its parent. Returns their number.
 */
static int each_process(void (*show)(int))
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		int pid = atoi(e->d_name);

		if (pid <= 1 || pid == getpid() || pid == getppid())
			continue;
		n++;
		if (show)
			show(pid);
	}
	closedir(d);
	return n;
}

/* Prints what the threads of process @pid do, if the fuzzer started it. */
static void show_process(int pid)
{
	char path[64];
	struct dirent *e;
	DIR *d;

	if (pid < getpid())
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "task/%s/stat", e->d_name);
		show_file(pid, path);
		snprintf(path, sizeof(path), "task/%s/syscall", e->d_name);
		show_file(pid, path);
		snprintf(path, sizeof(path), "task/%s/status", e->d_name);
		show_file(pid, path);
	}
	if (d)
		closedir(d);
}

static void show_log(void)
{
	int i, k;

	for (i = 0; i < MAX_THREADS; i++) {
		for (k = 0; k < ncalls && calls[k].nr != log_page->nr[i]; k++)
			;
		printf("thread %d, %ld calls, last %s(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n", i,
			log_page->done[i], k < ncalls ? calls[k].name : "-", log_page->args[i][0],
			log_page->args[i][1], log_page->args[i][2], log_page->args[i][3],
			log_page->args[i][4], log_page->args[i][5]);
	}
}

/*
 * Kills all processes that can be killed from here. Returns false and prints them if some are still
 * there after 150 seconds: SIGKILL ends a process that is stopped, traced, blocked or asleep.
 */
static bool kill_all(void)
{
	double start = now();

	for (;;) {
		int left;

		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		left = waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD ? 0 : 1;
		if (!left)
			return true;
		if (now() - start > 150) {
			printf("HANG: processes that SIGKILL does not end\n");
			show_log();
			each_process(show_process);
			return false;
		}
		nap(2);
	}
}

/*
 * Detaches up to 100 mounts in the sandbox. Returns how many it detached. A bind of a bind may have
 * made very many mounts, and each hides others: call it again until it returns 0.
 */
static int unmount_some(void)
{
	/* follows the path of a mount on a file that was removed */
	static const char deleted[] = "\\040(deleted)";
	char where[100][256], line[1000], path[256];
	int n = 0, gone = 0;
	FILE *f = fopen("/proc/self/mounts", "r");

	while (f && n < 100 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %255s", path) == 1 && !strncmp(path, BOX, strlen(BOX))) {
			if (strstr(path, deleted))
				*strstr(path, deleted) = '\0';
			strcpy(where[n++], path);
		}
	if (f)
		fclose(f);
	while (n-- > 0)
		gone += !umount2(where[n], MNT_DETACH);
	return gone;
}

static void unmount_box(void)
{
	int rounds = 0;

	while (unmount_some() && rounds++ < 1000)
		;
}

static void clear_flags(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), none = 0;

	if (fd >= 0) {
		ioctl(fd, FS_IOC_SETFLAGS, &none);
		close(fd);
	}
}

/*
 * Removes @path, for nftw(). A file or its folder may be immutable or append-only: clears these
 * flags and tries again. Returns 0.
 */
static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char folder[4096];

	if (!remove(path))
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", ftw->base, path);
	clear_flags(path);
	clear_flags(folder);
	if (remove(path))
		perror(path);
	return 0;
}

/* Removes System V objects and message queues, which outlive the processes that made them. */
static void remove_ipc(void)
{
	char buf[512];
	int i, id;

	for (i = 0; i < 64; i++) {
		if ((id = syscall(SYS_shmctl, i, 13 /* SHM_STAT */, buf)) >= 0)
			syscall(SYS_shmctl, id, 0, buf);
		if ((id = syscall(SYS_semctl, i, 0, 18 /* SEM_STAT */, buf)) >= 0)
			syscall(SYS_semctl, id, 0, 0, buf);
		if ((id = syscall(SYS_msgctl, i, 11 /* MSG_STAT */, buf)) >= 0)
			syscall(SYS_msgctl, id, 0, buf);
	}
	syscall(SYS_mq_unlink, "q");
	syscall(SYS_mq_unlink, "r");
}

/* Kills processes and removes the sandbox. Returns false if some processes do not die. */
static bool clear_up(void)
{
	if (!kill_all())
		return false;
	unmount_box();
	nftw(BOX, remove_one, 20, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	remove_ipc();
	/* perhaps something is mounted that this namespace does not show */
	if (!access(BOX, F_OK)) {
		printf("fuzz: the sandbox stays\n");
		show_file(getpid(), "mountinfo");
	}
	return true;
}

/* ---- rounds ---- */

static bool one_round(int i, uint64_t seed)
{
	uint64_t bits = mix(seed ^ 77);
	struct round r = { .seed = seed, .nobody = bits & 1, .tmpfs = bits >> 1 & 1 };
	double end = now() + 1.3;
	int pid;

	r.nthreads = bits >> 2 & 1 ? 1 : 2 + (bits >> 3) % 3;
	r.ncalls = 300 + (bits >> 8) % 700;
	printf("fuzz: round %d, seed %lu, %s, %s, %d threads\n", i, seed,
		r.nobody ? "nobody" : "root", r.tmpfs ? "tmpfs" : "root fs", r.nthreads);
	fflush(stdout);
	if (mkdir(BOX, 0755))
		perror(BOX);
	log_page->children = 0;
	pid = fork();
	if (pid == 0)
		worker(&r, log_page);
	while (now() < end) {
		int status, k, got = waitpid(pid, &status, WNOHANG | __WALL);

		if (got == pid && WIFEXITED(status) && WEXITSTATUS(status) > 76)
			printf("fuzz: the sandbox could not be made\n");
		if (got && getenv("FUZZ_VERBOSE")) {
			for (i = 0, k = 0; k < MAX_THREADS; k++)
				i += (int)log_page->done[k];
			printf("status %#x, %d calls of %d\n", status, i, r.nthreads * r.ncalls);
			if (status)
				show_log();
		}
		if (got)
			break;
		nap(5);
	}
	return clear_up();
}

static void refuse_elsewhere(void)
{
	struct utsname u;

	uname(&u);
	if (!strstr(u.release, "nestling") || geteuid()) {
		fprintf(stderr,
			"fuzz: only for root of a Nestling guest; it kills every other process\n");
		exit(2);
	}
}

static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd >= 0) {
		ioctl(fd, SIOCSIFFLAGS, &r);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	double start, seconds;
	uint64_t base;
	int i, rounds, warm = 0;

	log_page = mmap((void *)LOG, (sizeof(*log_page) + PAGE - 1) & ~(PAGE - 1),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	protect = mmap((void *)(LOG + 0x100000), PAGE, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (argc > 1 && !strcmp(argv[1], "x")) /* executed by a worker */
		worker_child((uint64_t)getpid(), log_page);
	if (argc < 3 || strcmp(argv[1], "run")) /* or so, without arguments */
		return 2;
	refuse_elsewhere();
	seconds = atof(argv[2]);
	base = argc > 3 && *argv[3] ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
	rounds = argc > 4 ? atoi(argv[4]) : 0;
	protect_pid(0, getpid());
	protect_pid(1, getppid());
	loopback_up();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	start = now();
	for (i = 0; rounds ? i < rounds : now() - start < seconds; i++) {
		if (!warm && !rounds && now() - start > seconds / 5) {
			measure(&early);
			warm = i;
		}
		if (!one_round(i, rounds ? base : mix(base + i)))
			return 1;
	}
	printf("fuzz: %d rounds of base seed %lu\n", i, base);
	if (!warm)
		return 0;
	return leaks(i - warm);
}
