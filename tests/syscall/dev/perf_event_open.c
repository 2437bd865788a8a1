/* SPDX-License-Identifier: MIT */
/*
 * perf_event_open(2): errors, software events, groups, read formats, inheritance, enable_on_exec.
 */
#include "t.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>

static int event(struct perf_event_attr *a, pid_t pid, int cpu, int group, unsigned long flags)
{
	return syscall(SYS_perf_event_open, a, pid, cpu, group, flags);
}

static struct perf_event_attr software(uint64_t config)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(struct perf_event_attr), .config = config
	};
}

static uint64_t count(int fd)
{
	uint64_t v[8] = { 0 };

	NEED(read(fd, v, sizeof(v)));
	return v[0];
}

static void burn(void)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_nsec / 1000000 % 20 < 10);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_nsec / 1000000 % 20 >= 10);
}

/*
 * Makes at least @times context switches. Page faults are not tested: the kernel decides how many
 * pages a fault brings in.
 */
static void pauses(int times)
{
	struct timespec t = { 0, 200000 };
	struct rusage now;
	long end;

	/* on a busy machine the time may be over before the sleep has begun */
	NEED(getrusage(RUSAGE_THREAD, &now));
	for (end = now.ru_nvcsw + times; now.ru_nvcsw < end; NEED(getrusage(RUSAGE_THREAD, &now)))
		nanosleep(&t, NULL);
}

/* Sampling, and the order of the checks: no kernel supports these requests. */
static void nonsense(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	int leader;

	a.exclude_kernel = 1;
	leader = NEED(event(&a, 0, -1, -1, 0));
	a.sample_period = 1ULL << 63;
	OK(event(&a, 0, -1, -1, 0));
	a.freq = 1;
	a.sample_freq = 1000000000;
	OK(event(&a, 0, -1, -1, 0));
	a.freq = 0;
	a.sample_freq = 0;
	a.sample_type = PERF_SAMPLE_STACK_USER;
	a.sample_stack_user = 3;
	OK(event(&a, 0, -1, -1, 0));
	a.sample_stack_user = 65535;
	OK(event(&a, 0, -1, -1, 0));
	a.sample_type = 0;
	a.use_clockid = 1;
	a.clockid = 99;
	OK(event(&a, 0, -1, -1, 0));
	a.clockid = CLOCK_BOOTTIME;
	OK(event(&a, 0, -1, -1, 0));
	a.use_clockid = 0;
	OK(event(&a, 0, -1, -1, PERF_FLAG_PID_CGROUP));
	OK(event(&a, -1, 0, -1, PERF_FLAG_PID_CGROUP));
	a.pinned = 1;
	OK(event(&a, 0, -1, leader, 0));
	OK(event(&a, 0, -1, leader, PERF_FLAG_FD_NO_GROUP));
	a.pinned = 0;
	a.exclusive = 1;
	OK(event(&a, 0, -1, leader, 0));
	a.exclusive = 0;
	a.namespaces = 1;
	OK(event(&a, 0, -1, -1, 0));
	close(leader);
}

static void errors(void)
{
	struct perf_event_attr a = software(0);
	char c;
	int fd;

	for (uint64_t i = 0; i <= 10; i++) {
		a.config = i;
		OK(event(&a, 0, -1, -1, 0));
	}
	a.config = 99;
	OK(event(&a, 0, -1, -1, 0));
	a = software(0);
	a.type = 77;
	OK(event(&a, 0, -1, -1, 0));
	OK(event(NULL, 0, -1, -1, 0));
	a = software(1);
	a.size = 10;
	OK(event(&a, 0, -1, -1, 0));
	IS(a.size >= 64);
	a.size = 0;
	OK(event(&a, 0, -1, -1, 0));
	a.size = 5000;
	OK(event(&a, 0, -1, -1, 0));
	a = software(1);
	OK(event(&a, 0, -1, -1, 1 << 10));
	OK(event(&a, -1, -1, -1, 0));
	OK(event(&a, 0, 99999, -1, 0));
	OK(event(&a, 0, -2, -1, 0));
	OK(event(&a, 4000000, -1, -1, 0));
	OK(event(&a, 0, -1, 0, 0));
	OK(event(&a, 0, -1, 500, 0));
	OK(event(&a, 0, -1, -2, 0));
	a.__reserved_1 = 1;
	OK(event(&a, 0, -1, -1, 0));
	a = software(1);
	a.read_format = 1 << 9;
	OK(event(&a, 0, -1, -1, 0));
	a = software(1);
	a.sample_type = 1UL << 40;
	OK(event(&a, 0, -1, -1, 0));
	a = software(0);
	OK(event(&a, -1, 0, -1, 0));
	fd = NEED(event(&a, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
	T(fcntl(fd, F_GETFD));
	T(read(fd, &c, 1));
	T(write(fd, &c, 1));
	T(lseek(fd, 0, SEEK_SET));
	T(ioctl(fd, PERF_EVENT_IOC_REFRESH, 1));
	T(ioctl(fd, PERF_EVENT_IOC_PAUSE_OUTPUT, 1));
	T(ioctl(fd, 0x1234, 1));
	T(ioctl(fd, PERF_EVENT_IOC_ID, NULL));
	CHILD({
		NEED(setresuid(65534, 65534, 65534));
		a = software(1);
		OK(event(&a, 0, -1, -1, 0));
		OK(event(&a, -1, 0, -1, 0));
		a.exclude_kernel = 1;
		OK(event(&a, 0, -1, -1, 0));
		OK(event(&a, 1, -1, -1, 0));
	});
}

static void counting(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	uint64_t v[8], at;
	char *p;
	int fd;

	a.disabled = 1;
	a.read_format =
		PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING | PERF_FORMAT_ID;
	fd = NEED(event(&a, 0, -1, -1, 0));
	burn();
	T(read(fd, v, 24));
	T(read(fd, v, sizeof(v)));
	IS(v[0] == 0 && v[1] == 0 && v[2] == 0 && v[3] != 0);
	T(ioctl(fd, PERF_EVENT_IOC_ID, &at));
	IS(at == v[3]);
	T(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	burn();
	T(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
	at = count(fd);
	IS(at >= 5000000);
	NEED(read(fd, v, sizeof(v)));
	IS(v[1] >= 5000000 && v[1] == v[2]);
	burn();
	IS(count(fd) == at);
	T(ioctl(fd, PERF_EVENT_IOC_RESET, 0));
	IS(count(fd) == 0);
	NEED(read(fd, v, sizeof(v)));
	IS(v[1] >= 5000000); /* the times stay */

	a = software(PERF_COUNT_SW_CONTEXT_SWITCHES);
	fd = NEED(event(&a, 0, -1, -1, 0));
	at = count(fd);
	pauses(50);
	IS(count(fd) - at >= 50);
	a = software(PERF_COUNT_SW_PAGE_FAULTS);
	fd = NEED(event(&a, 0, -1, -1, 0));
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 1 << 20);
	IS(count(fd) > 0);
	a = software(PERF_COUNT_SW_DUMMY);
	fd = NEED(event(&a, 0, -1, -1, 0));
	T(count(fd));
}

static void groups(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	uint64_t v[16];
	int lead, one, two;

	a.disabled = 1;
	a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
	lead = NEED(event(&a, 0, -1, -1, 0));
	a = software(PERF_COUNT_SW_CONTEXT_SWITCHES);
	one = NEED(event(&a, 0, -1, lead, 0));
	a.disabled = 1;
	two = NEED(event(&a, 0, -1, lead, 0));
	OK(event(&a, 0, -1, one, 0));
	pauses(10);
	T(count(one));
	NEED(ioctl(lead, PERF_EVENT_IOC_ENABLE, 0));
	pauses(50);
	IS(count(one) >= 50);
	T(count(two));
	T(read(lead, v, 32));
	T(read(lead, v, sizeof(v)));
	T(v[0]);
	IS(v[1] > 0 && v[3] >= 50 && v[5] == 0);
	NEED(ioctl(lead, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP));
	NEED(ioctl(lead, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP));
	pauses(50);
	NEED(ioctl(lead, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP));
	v[0] = count(two);
	pauses(50);
	IS(count(two) == v[0]);
	close(lead);
	close(one);
	T(close(two));
}

static void children(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_CONTEXT_SWITCHES);
	int fd, other, go[2];
	uint64_t at;
	pid_t pid;
	char c;

	a.inherit = 1;
	fd = NEED(event(&a, 0, -1, -1, 0));
	a.inherit = 0;
	other = NEED(event(&a, 0, -1, -1, 0));
	CHILD(pauses(100); CHILD(pauses(100)));
	IS(count(fd) >= 200);
	IS(count(other) < 100);
	close(fd);

	NEED(pipe(go));
	pid = SPAWN(close(go[1]); read(go[0], &c, 1); pauses(100); pause());
	fd = NEED(event(&a, pid, -1, -1, 0));
	close(go[0]);
	close(go[1]);
	for (at = 0; at < 100;) {
		sleep_ms(5);
		at = count(fd);
	}
	kill(pid, SIGKILL);
	t_wait("it", pid);
	IS(count(fd) >= 100);

	a = software(PERF_COUNT_SW_TASK_CLOCK);
	a.disabled = a.enable_on_exec = a.inherit = 1;
	fd = NEED(event(&a, 0, -1, -1, 0));
	CHILD(burn());
	T(count(fd));
	CHILD(execl("/proc/self/exe", "perf_event_open", "burn", NULL));
	IS(count(fd) > 0);
}

/* Uses @ms of this thread's CPU time, whatever else runs. */
static void burn_ms(long ms)
{
	struct timespec t, end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	end.tv_nsec += ms * 1000000;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_sec < end.tv_sec || (t.tv_sec == end.tv_sec && t.tv_nsec < end.tv_nsec));
}

/* Prints how big a group may be, and what a member of it reads. */
static void big_groups(void)
{
	struct rlimit room = { 4096, 4096 };
	struct perf_event_attr a = software(PERF_COUNT_SW_DUMMY);
	uint64_t v[2048];
	int lead, last = -1, n;

	NEED(setrlimit(RLIMIT_NOFILE, &room));
	a.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID;
	lead = NEED(event(&a, 0, -1, -1, 0));
	for (n = 1;; n++) {
		int fd = event(&a, 0, -1, lead, 0);

		if (fd < 0)
			break;
		last = fd;
	}
	IS(errno == E2BIG);
	T(n);
	T(read(lead, v, sizeof(v)));
	T(v[0]);
	T(read(last, v, sizeof(v)));
	T(v[0]);
	T(read(last, v, 100));
	a.inherit = 1;
	T(event(&a, 0, -1, last, 0));
	OK(event(&a, 0, -1, last, PERF_FLAG_FD_NO_GROUP));
}

/* Counts tasks that have ended, have called execve(), or may not be inspected. */
static void ends(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	siginfo_t info;
	int fd, off, go[2];
	pid_t pid;
	char c;

	pid = SPAWN(_exit(0));
	NEED(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	T(event(&a, pid, -1, -1, 0));
	t_wait("it", pid);
	a.remove_on_exec = a.enable_on_exec = 1;
	T(event(&a, 0, -1, -1, 0));
	a = software(PERF_COUNT_SW_TASK_CLOCK);
	a.inherit_thread = 1;
	T(event(&a, 0, -1, -1, 0));
	a.inherit_thread = 0;
	a.sigtrap = 1;
	T(event(&a, 0, -1, -1, 0));
	a.sigtrap = 0;
	for (int secret = 0; secret < 2; secret++) {
		NEED(pipe(go));
		pid = SPAWN({
			close(go[1]);
			read(go[0], &c, 1);
			if (secret)
				NEED(setresuid(65534, 65534, 65534));
			execl("self", "perf_event_open", "burn", NULL);
		});
		a.remove_on_exec = 0;
		fd = NEED(event(&a, pid, -1, -1, 0));
		a.remove_on_exec = 1;
		off = NEED(event(&a, pid, -1, -1, 0));
		close(go[1]);
		close(go[0]);
		t_wait("it", pid);
		say("secret %d: it is counted: %d, where removed: %d\n", secret,
			count(fd) >= 190000000, count(off) >= 190000000);
		close(fd);
		close(off);
	}
}

static void *burn_long(void *arg)
{
	burn_ms(200);
	return NULL;
}

/* With inherit_thread only the threads of a counted task are counted, not its child processes. */
static void threads_only(void)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	uint64_t before;
	pthread_t t;
	int fd;

	a.inherit = a.inherit_thread = 1;
	fd = NEED(event(&a, 0, -1, -1, 0));
	before = count(fd);
	CHILD(burn_ms(200));
	IS(count(fd) - before < 150000000);
	NEED0(pthread_create(&t, NULL, burn_long, NULL));
	pthread_join(t, NULL);
	IS(count(fd) - before >= 190000000);
}

/* A child's events are a group as their originals are, which the leader's switch reaches. */
static void inherited_group(int leads, int counts)
{
	struct perf_event_attr a = software(PERF_COUNT_SW_TASK_CLOCK);
	int leader, member, up[2], down[2];
	uint64_t before;
	pid_t pid;
	char c;

	say("leader %d, member %d", leads, counts);
	NEED(pipe(up));
	NEED(pipe(down));
	a.inherit = 1;
	a.disabled = !leads;
	leader = NEED(event(&a, 0, -1, -1, 0));
	a.disabled = !counts;
	member = NEED(event(&a, 0, -1, leader, 0));
	pid = SPAWN({
		for (int i = 0; i < 3; i++) {
			burn_ms(100);
			write(up[1], "x", 1);
			read(down[0], &c, 1);
		}
	});
	NEED(read(up[0], &c, 1));
	IS(count(leader) >= 95000000);
	IS(count(member) >= 95000000);
	T(ioctl(leader, leads ? PERF_EVENT_IOC_DISABLE : PERF_EVENT_IOC_ENABLE, 0));
	before = count(member);
	write(down[1], "x", 1);
	NEED(read(up[0], &c, 1));
	IS(count(member) - before >= 95000000);
	if (!leads)
		close(leader);
	before = count(member);
	write(down[1], "x", 1);
	NEED(read(up[0], &c, 1));
	IS(count(member) - before >= 95000000);
	write(down[1], "x", 1);
	NEED(waitpid(pid, NULL, 0));
	if (leads)
		close(leader);
	close(member);
	close(up[0]);
	close(up[1]);
	close(down[0]);
	close(down[1]);
}

/* Makes a copy of this program that may be run, but not read. */
static void make_self(void)
{
	char buf[65536];
	int in = NEED(open("/proc/self/exe", O_RDONLY)), out;
	ssize_t n;

	NEED(chmod(".", 0755));
	out = NEED(open("self", O_CREAT | O_WRONLY, 0600));
	while ((n = read(in, buf, sizeof(buf))) > 0)
		NEED(write(out, buf, n));
	NEED(fchmod(out, 0711));
	close(in);
	close(out);
}

TEST(perf_event_open)
{
	if (t_argc > 1) {
		if (!strcmp(t_argv[1], "burn"))
			burn_ms(200);
		return;
	}
	make_self();
	CHILD(big_groups());
	ends();
	threads_only();
	errors();
	nonsense();
	counting();
	groups();
	children();
	inherited_group(1, 1);
	inherited_group(0, 1);
	inherited_group(1, 0);
}
