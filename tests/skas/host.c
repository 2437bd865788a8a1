/* SPDX-License-Identifier: MIT */
/*
 * host.c: main() of the skas test: skas-test [seccomp|ptrace|auto] [ncpus] [auto|spin|sleep]
 * [tests|figures|forever|soak].
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/os_space.h"
#include "os-linux/space_internal.h"
#include "os-linux/state/tables.h"
#include "tests/skas/host.h"

int printk(const char *fmt, ...);
void panic(const char *fmt, ...) __attribute__((noreturn));

void host_print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout); /* a test may kill it */
}

void host_fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(2);
}

/* Nothing is saved here. */
void os_state_note(uint64_t off, uint64_t len)
{
}

void early_punched(int file, uint64_t off, uint64_t len)
{
}

bool host_has_int80(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		long nr = 20; /* getpid() */

		__asm__ volatile("int $0x80" : "+a"(nr) : : "memory");
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status);
}

/* Shown with SKAS_TEST_VERBOSE only. */
int printk(const char *fmt, ...)
{
	va_list ap;

	if (!getenv("SKAS_TEST_VERBOSE"))
		return 0;
	va_start(ap, fmt);
	vfprintf(stderr, fmt + 2, ap);
	va_end(ap);
	return 0;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

static unsigned long long tsc(void)
{
	return __builtin_ia32_rdtsc();
}

unsigned host_tsc_mhz(void)
{
	static unsigned mhz;
	struct timespec a, b;
	unsigned long long t;

	if (mhz)
		return mhz;
	clock_gettime(CLOCK_MONOTONIC, &a);
	t = tsc();
	usleep(20000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	t = tsc() - t;
	return mhz = t * 1000 / ((b.tv_sec - a.tv_sec) * 1000000000UL + b.tv_nsec - a.tv_nsec);
}

static volatile int kicking;
static pthread_t kicker;
static void *kick_loop(void *us)
{
	while (kicking) {
		os_cpu_kick(0);
		usleep((unsigned)(unsigned long)us);
	}
	return NULL;
}

void host_kicker_start(unsigned us)
{
	kicking = 1;
	pthread_create(&kicker, NULL, kick_loop, (void *)(unsigned long)us);
}

void host_kicker_stop(void)
{
	kicking = 0;
	pthread_join(kicker, NULL);
}

char **os_argv; /* for os-linux/process.c */

/* Nothing here is jailed. */
bool os_jailed(void)
{
	return false;
}

bool os_jail_is_open(void)
{
	return false;
}

bool jail_has_no_ptrace(void)
{
	return false;
}

void os_jail_grant(const char *path, unsigned how)
{
	abort();
}

int os_packet_socket(int fd)
{
	return fd;
}

bool os_packet_drop(int fd)
{
	return false;
}

bool state_tables_may_have(const char *dir, bool (*is)(const char *word))
{
	return false;
}

void os_jail_again(const char *dir)
{
	abort();
}

static unsigned end_delay;
static void *end_task(void *task)
{
	usleep(end_delay);
	os_space_end((int)(long)task);
	return NULL;
}

void host_end_later(int task, unsigned us)
{
	pthread_t thread;

	end_delay = us;
	pthread_create(&thread, NULL, end_task, (void *)(long)task);
	pthread_detach(thread);
}

int host_filters(int task)
{
	char path[64], line[256];
	int n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)os_space_pid(task));
	f = fopen(path, "re");
	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp_filters: %d", &n);
	if (f)
		fclose(f);
	return n;
}

void host_take_terminal(void)
{
	struct termios t;

	if (tcgetattr(0, &t))
		return;
	if (os_guard_terminal(0) < 0)
		host_fail("harness: the terminal cannot be guarded");
	cfmakeraw(&t);
	tcsetattr(0, TCSANOW, &t);
}

static int choice(const char *text, const char *a, const char *b, const char *c, const char *d)
{
	if (!strcmp(text, a))
		return 0;
	if (!strcmp(text, b))
		return 1;
	if (!strcmp(text, c))
		return 2;
	if (!strcmp(text, d))
		return 3;
	fprintf(stderr, "skas-test: %s is none of %s, %s, %s, %s\n", text, a, b, c, d);
	exit(2);
}

int main(int argc, char **argv)
{
	int mode = choice(argc > 1 ? argv[1] : "auto", "auto", "seccomp", "ptrace", "");
	int ncpus = argc > 2 ? atoi(argv[2]) : 1;
	int handoff = choice(argc > 3 ? argv[3] : "auto", "auto", "spin", "sleep", "");

	os_process_setup();
	os_vcpu_adopt(0);
	return harness_main(mode, ncpus, handoff,
		choice(argc > 4 ? argv[4] : "tests", "tests", "figures", "forever", "soak"));
}
