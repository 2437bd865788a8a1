/* SPDX-License-Identifier: MIT */
/* sysinfo(2), getrusage(2): figures that must make sense. */
#include "t.h"
#include <sys/sysinfo.h>

TEST(sysinfo)
{
	struct sysinfo s;
	struct timespec up;
	struct rusage a, b;
	char *p;
	int i;

	T(clock_gettime(CLOCK_BOOTTIME, &up));
	T(sysinfo(&s));
	say("a second begun counts: %d", s.uptime >= up.tv_sec + (up.tv_nsec > 0));
	say("%d %d %d %d", s.totalram > 0, s.freeram <= s.totalram, s.procs > 0, s.mem_unit >= 1);
	T(sysinfo(BAD));
	T(getrusage(RUSAGE_SELF, &a));
	p = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 256; i++)
		p[i * PAGE] = 1;
	T(getrusage(RUSAGE_SELF, &b));
	say("faults counted %d, size grows %d", b.ru_minflt > a.ru_minflt,
		b.ru_maxrss >= a.ru_maxrss && b.ru_maxrss > 0);
	T(getrusage(RUSAGE_THREAD, &b));
	T(getrusage(RUSAGE_CHILDREN, &a));
	CHILD({
		volatile long n;

		for (n = 0; n < 100000000; n++)
			;
	});
	T(getrusage(RUSAGE_CHILDREN, &b));
	say("children's time %d", timercmp(&b.ru_utime, &a.ru_utime, >));
	T(getrusage(77, &b));
	T(getrusage(RUSAGE_SELF, BAD));
	getrusage(RUSAGE_SELF, &a);
	/* by sleeping; one sleep may be over before it has begun */
	T_WAIT((getrusage(RUSAGE_SELF, &b), b.ru_nvcsw > a.ru_nvcsw));
	say("a sleep is a voluntary switch: %d", b.ru_nvcsw > a.ru_nvcsw);
}
