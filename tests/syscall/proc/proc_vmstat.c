/* SPDX-License-Identifier: MIT */
/*
 * /proc/vmstat, getrusage(2): faults are counted for whoever they are served for, also where the
 * kernel makes pages itself: for read(2), MAP_POPULATE and mlock, and for a program that starts.
 * Pages that are allocated and freed, and what disks read and write, are counted.
 */
#include "guest.h"

#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#define EXECS 50
#define KIB 1024 /* of the loop device's transfers */

/* Returns the sum of the figures whose names begin with @prefix. */
static unsigned long figure(const char *prefix)
{
	unsigned long sum = 0, n;
	char line[128], name[64];
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu", name, &n) == 2 &&
			!strncmp(name, prefix, strlen(prefix)))
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

static long minor(int who)
{
	struct rusage r;

	NEED(getrusage(who, &r));
	return r.ru_minflt;
}

static char *fresh(size_t size, int flags)
{
	char *p = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	NEED(p == MAP_FAILED ? -1 : 0);
	return p;
}

/* Counts page faults of large areas, since a small one may have its pages from the start. */
static void own_faults(void)
{
	const size_t size = 256 * PAGE;
	unsigned long all = figure("pgfault");
	long n = minor(RUSAGE_SELF);
	char *p = fresh(size, 0);
	int zero = NEED(open("/dev/zero", O_RDONLY));

	memset(p, 1, size);
	say("touched: %d", minor(RUSAGE_SELF) > n);
	n = minor(RUSAGE_SELF);
	p = fresh(size, 0);
	NEED(read(zero, p + 128 * PAGE, PAGE));
	say("filled by read: %d", minor(RUSAGE_SELF) > n);
	n = minor(RUSAGE_SELF);
	fresh(size, MAP_POPULATE);
	say("populated: %d", minor(RUSAGE_SELF) > n);
	n = minor(RUSAGE_SELF);
	p = fresh(size, 0);
	NEED(mlock(p, 4 * PAGE));
	say("locked: %d", minor(RUSAGE_SELF) > n);
	say("all four in pgfault: %d", figure("pgfault") >= all + 4);
}

static void program_starts(void)
{
	char *argv[] = { "proc_vmstat", "end", NULL };
	unsigned long faults = figure("pgfault"), got = figure("pgalloc_"),
		      freed = figure("pgfree");
	long n = minor(RUSAGE_CHILDREN);

	for (int i = 0; i < EXECS; i++) {
		int status, pid = NEED(vfork());

		if (!pid) {
			execv("/proc/self/exe", argv);
			_exit(127);
		}
		NEED(waitpid(pid, &status, 0));
		NEED(status ? -1 : 0);
	}
	say("starts in the parent's ru_minflt: %d", minor(RUSAGE_CHILDREN) >= n + EXECS);
	say("in pgfault: %d", figure("pgfault") >= faults + EXECS);
	say("pages allocated %d, freed %d", figure("pgalloc_") >= got + EXECS,
		figure("pgfree") >= freed + EXECS);
}

/* Reads and writes a loop device past the page cache. */
static void disk(void)
{
	unsigned long in, out;
	int ctl, lo, backing;
	char *buf, name[32];

	if (in_guest()) {
		ctl = NEED(open("/dev/loop-control", O_RDWR));
		snprintf(name, sizeof(name), "/dev/loop%ld",
			(long)NEED(ioctl(ctl, LOOP_CTL_GET_FREE)));
		backing = NEED(open("backing", O_RDWR | O_CREAT, 0600));
		NEED(ftruncate(backing, KIB * 1024));
		lo = NEED(open(name, O_RDWR | O_DIRECT));
		NEED(ioctl(lo, LOOP_SET_FD, backing));
		buf = fresh(KIB * 1024, 0);
		in = figure("pgpgin");
		out = figure("pgpgout");
		NEED(pwrite(lo, buf, KIB * 1024, 0) == KIB * 1024 ? 0 : -1);
		NEED(pread(lo, buf, KIB * 1024, 0) == KIB * 1024 ? 0 : -1);
		in = figure("pgpgin") - in;
		out = figure("pgpgout") - out;
		NEED(ioctl(lo, LOOP_CLR_FD));
	} else {
		in = out = KIB;
	}
	say("read %d, written %d", in >= KIB, out >= KIB);
}

TEST(proc_vmstat)
{
	if (t_argc > 1)
		_exit(0);
	own_faults();
	program_starts();
	disk();
}
