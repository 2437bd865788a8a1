/* SPDX-License-Identifier: MIT */
/*
 * fault_log: lines of the kernel's log about programs that fault ("segfault at", "Code:",
 * "traps:"), debug.exception-trace and the rate limit of such lines, kernel.print-fatal-signals,
 * and an unreadable signal frame. Only the guest does this, since a test may not read the host's
 * log. Addresses are compared, not printed.
 */
#include "guest.h"
#include "t.h"

#define RATE "/proc/sys/kernel/printk_ratelimit"
#define TRACE "/proc/sys/debug/exception-trace"
#define FATAL "/proc/sys/kernel/print-fatal-signals"

static int log_fd = -1;

static void put(const char *path, const char *value)
{
	int fd = GNEED(open(path, O_WRONLY));

	if (in_guest()) {
		NEED(write(fd, value, strlen(value)));
		close(fd);
	}
}

/* True if the line is about a fault: the kernel may log other lines meanwhile. */
static bool is_ours(const char *l)
{
	static const char *const heads[] = { "Code: ", "CPU: ", "RIP: ", "RSP: " };

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (!strncmp(l, heads[i], strlen(heads[i])))
			return true;
	return strstr(l, "fault_log");
}

/* Returns the text of the next record about a fault, without head and newline, or "". */
static const char *line(void)
{
	static char text[8192];
	char *start, *end;
	ssize_t n;

	while ((n = read(log_fd, text, sizeof(text) - 1)) > 0) {
		text[n] = 0;
		start = strchr(text, ';');
		end = strchr(text, '\n');
		if (!start || !end)
			return "?";
		*end = 0;
		if (is_ours(start + 1))
			return start + 1;
	}
	return "";
}

static void skip_all(void)
{
	while (*line())
		;
}

static void faults(int how)
{
	if (how == 0)
		*(volatile int *)0x10 = 1;
	else if (how == 1)
		__asm__ volatile("hlt");
	else if (how == 2)
		__asm__ volatile("ud2");
	else if (how == 3)
		__asm__ volatile("int3");
	else if (how == 4)
		__asm__ volatile("xor %%rsp, %%rsp; mov $15, %%eax; syscall" ::: "memory");
	else
		((void (*)(void))0x1234)();
}

static pid_t dies(int how)
{
	pid_t pid = !in_guest() ? 0 : SPAWN({
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		faults(how);
	});

	if (pid)
		waitpid(pid, NULL, 0);
	return pid;
}

/*
 * True if the next line begins with @format, filled with the child's name and pid, and contains
 * @with.
 */
static bool tells(const char *format, pid_t pid, const char *with)
{
	char head[128];
	const char *l = line();

	snprintf(head, sizeof(head), format, "fault_log", (int)pid);
	return !strncmp(l, head, strlen(head)) && strstr(l, with);
}

static bool is_silent(void)
{
	return !*line();
}

static void segfaults(void)
{
	pid_t pid = dies(0);

	G(tells("%s[%d]: segfault at 10 ip 0000", pid, " error 6 in "), "1");
	G(tells("Code: ", pid, " <"), "1");
	pid = dies(5);
	G(tells("%s[%d]: segfault at 1234 ip 0000000000001234 sp 0000", pid,
		  " error 14 likely on CPU "),
		"1");
	G(tells("Code: Unable to access opcode bytes at 0x120a.", pid, ""), "1");
	G(is_silent(), "1");
}

static void traps(void)
{
	G(tells("traps: %s[%d] general protection fault ip:", dies(1), " error:0 in "), "1");
	G(tells("traps: %s[%d] trap invalid opcode ip:", dies(2), " error:0 in "), "1");
	G(tells("traps: %s[%d] trap int3 ip:", dies(3), " error:0 in "), "1");
	G(tells("%s[%d] bad frame in rt_sigreturn frame:", dies(4), " orax:f in "), "1");
	G(is_silent(), "1");
}

static void exits(int sig)
{
	_exit(0);
}

/* A signal with a handler, or with a tracer, is not logged. */
static void handled(void)
{
	pid_t pid = !in_guest() ? 0 : SPAWN({
		signal(SIGSEGV, exits);
		faults(0);
	});

	if (pid)
		waitpid(pid, NULL, 0);
	G(is_silent(), "1");
	put(TRACE, "0");
	dies(0);
	G(is_silent(), "1");
	put(TRACE, "1");
}

static void fatal_signals(void)
{
	put(FATAL, "1");
	put(TRACE, "0");
	dies(0);
	put(TRACE, "1");
	put(FATAL, "0");
	G(strstr(line(), ": potentially unexpected fatal signal 11.") != NULL, "1");
	G(!strncmp(line(), "CPU: ", 5), "1");
	G(!strncmp(line(), "RIP: 0033:0x", 12), "1");
	G(!strncmp(line(), "Code: ", 6), "1");
	G(!strncmp(line(), "RSP: 002b:", 10), "1");
	skip_all();
}

/* With a burst of 0 no line is logged in the interval, which is longer than the test. */
static void limited(void)
{
	put(RATE, "0");
	put("/proc/sys/kernel/printk_ratelimit_burst", "0");
	put(RATE, "100000");
	dies(0);
	G(is_silent(), "1");
	put("/proc/sys/kernel/printk_ratelimit_burst", "10");
	put(RATE, "0");
	dies(0);
	G(strstr(line(), ": segfault at 10 ") != NULL, "1");
	skip_all();
}

TEST(fault_log)
{
	log_fd = GNEED(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));
	/* earlier faults of other programs do not count */
	put(RATE, "0");
	GNEED(lseek(log_fd, 0, SEEK_END));
	segfaults();
	traps();
	handled();
	fatal_signals();
	limited();
	put(RATE, "5");
}
