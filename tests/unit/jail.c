/* SPDX-License-Identifier: MIT */
/*
 * The filter of os-linux/jail/filter.c, run by a small interpreter: it allows the calls that the
 * table allows, each check of an argument matters, and no other call is allowed.
 *
 * SOURCES: os-linux/jail/table.c os-linux/jail/filter.c
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "os-linux/jail/jail.h"

#define SELF 4711
#define FIRST 64
#define NUMBERS 1024
/* most calls that an instance may need by itself, without hostfs and seccomp=off */
#define CALLS_MAX 50

static struct sock_filter filter[JAIL_FILTER_MAX];
static int length;

static uint32_t run(const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (int pc = 0; pc < length; pc++) {
		const struct sock_filter *i = &filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = *(const uint32_t *)((const char *)d + i->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
		case BPF_JMP | BPF_JA: pc += (int)i->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
		case BPF_RET | BPF_K: return i->k;
		default: fail();
		}
	}
	fail(); /* ran past the filter's end */
	return 0;
}

static uint32_t call(int nr, uint64_t a, uint64_t b, uint64_t c)
{
	struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_X86_64, .args = { a, b, c } };

	return run(&d);
}

static int assemble(void **state)
{
	const struct jail_numbers numbers = { SELF, FIRST };
	const struct jail_calls calls = { jail_table, jail_rows, JAIL_SCOPED };

	(void)state;
	length = jail_filter(filter, &calls, &numbers, SECCOMP_RET_TRAP);
	return length > 0 ? 0 : -1;
}

/* True if the filter has the row. It has no row of the broker's calls or of other profiles. */
static bool counts(const struct jail_row *r)
{
	return r->action != JAIL_ASK && !(r->profile & ~JAIL_SCOPED);
}

static int rows_of(int nr)
{
	int n = 0;

	for (size_t i = 0; i < jail_rows; i++)
		n += jail_table[i].nr == nr && counts(&jail_table[i]);
	return n;
}

static bool admits(int nr)
{
	for (size_t i = 0; i < jail_rows; i++)
		if (jail_table[i].nr == nr && counts(&jail_table[i]) &&
			jail_table[i].action == JAIL_ALLOW)
			return true;
	return false;
}

static void test_no_other_call(void **state)
{
	int calls = 0;

	(void)state;
	for (int nr = -1; nr < NUMBERS; nr++) {
		calls += admits(nr);
		if (!rows_of(nr))
			assert_int_equal(call(nr, 0, 0, 0), SECCOMP_RET_TRAP);
		assert_int_equal(call(nr | 0x40000000, 0, 0, 0), SECCOMP_RET_TRAP); /* x32 */
	}
	assert_in_range(calls, 1, CALLS_MAX);
}

static void test_foreign_calls(void **state)
{
	(void)state;
	for (int nr = 0; nr < NUMBERS; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = AUDIT_ARCH_I386 };

		assert_int_equal(run(&d), SECCOMP_RET_KILL_PROCESS);
	}
}

static uint32_t good(const struct jail_check *c, int i)
{
	switch (c->value[i]) {
	case JAIL_SELF: return SELF;
	case JAIL_PACKETS: return FIRST;
	default: return c->value[i];
	}
}

/* Returns a call that passes all checks of the row, with the first value that each accepts. */
static struct seccomp_data admitted(const struct jail_row *r)
{
	struct seccomp_data d = { .nr = r->nr, .arch = AUDIT_ARCH_X86_64 };

	for (int i = 0; i < JAIL_CHECKS && r->check[i].n; i++)
		d.args[r->check[i].arg] = good(&r->check[i], 0);
	return d;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < jail_rows; i++) {
		const struct jail_row *r = &jail_table[i];
		struct seccomp_data d = admitted(r);
		uint32_t answer =
			r->action == JAIL_ALLOW ? SECCOMP_RET_ALLOW : (SECCOMP_RET_ERRNO | ENOSYS);

		if (!counts(r))
			continue;
		assert_int_equal(run(&d), answer);
		for (int k = 0; k < JAIL_CHECKS && r->check[k].n; k++) {
			const struct jail_check *c = &r->check[k];

			for (int v = 0; v < c->n; v++) {
				d = admitted(r);
				d.args[c->arg] = good(c, v);
				assert_int_equal(run(&d), answer);
			}
			if (rows_of(r->nr) > 1) /* another row may allow it */
				continue;
			d.args[c->arg] = good(c, 0) ^ (c->mask & -c->mask) ^ (c->mask & 0x40000000);
			assert_int_equal(run(&d), SECCOMP_RET_TRAP);
		}
	}
}

/* No call that intruding code would try from inside the process is allowed. */
static void test_attempts(void **state)
{
	static const int never[] = { SYS_open, SYS_openat, SYS_openat2, SYS_creat, SYS_execve,
		SYS_execveat, SYS_socket, SYS_connect, SYS_bind, SYS_ptrace, SYS_process_vm_writev,
		SYS_fork, SYS_vfork, SYS_clone3, SYS_mount, SYS_setuid, SYS_unshare, SYS_setns,
		SYS_io_uring_setup, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open, SYS_keyctl,
		SYS_pidfd_send_signal, SYS_pidfd_getfd, SYS_rt_sigqueueinfo, SYS_personality,
		SYS_pkey_mprotect, SYS_remap_file_pages, SYS_unlink, SYS_rename, SYS_chmod,
		SYS_truncate, SYS_setrlimit, SYS_seccomp };

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_int_not_equal(call(never[i], 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(call(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_mprotect, 0, 4096, PROT_EXEC), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_mprotect, 0, 4096, PROT_EXEC | 1UL << 32), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_clone, SIGCHLD, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_tgkill, SELF, SELF, SIGSTOP), SECCOMP_RET_ALLOW);
	/* Landlock allows SIGKILL and SIGUSR1 only to the process and its children. */
	assert_int_equal(call(SYS_tgkill, SELF, SELF, SIGTERM), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_kill, SELF + 1, SIGKILL, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_tgkill, SELF + 1, SELF + 1, SIGTERM), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_tgkill, SELF + 1, SELF + 1, SIGSTOP), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_sched_setaffinity, 1, 8, 0), SECCOMP_RET_TRAP);
	assert_int_equal(call(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0), SECCOMP_RET_TRAP);
}

/* Sockets: frames can only be sent over the descriptors of packets.c, and not to an address. */
static void test_sockets(void **state)
{
	static const int none[] = { SYS_sendto, SYS_sendmsg, SYS_connect, SYS_setsockopt };
	static const int others[] = { 0, 7, FIRST - 1, FIRST + PACKETS };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_not_equal(call(none[i], FIRST, 0, 0), SECCOMP_RET_ALLOW);
	for (uint64_t fd = FIRST; fd < FIRST + PACKETS; fd++) {
		assert_int_equal(call(SYS_sendmmsg, fd, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYS_dup3, FIRST, fd, 0), SECCOMP_RET_ALLOW);
		/* No other descriptor can take such a number. */
		assert_int_not_equal(call(SYS_close, fd, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_not_equal(call(SYS_dup3, 7, fd, 0), SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(call(SYS_sendmmsg, (uint64_t)others[i], 0, 0), SECCOMP_RET_TRAP);
		assert_int_equal(call(SYS_close, (uint64_t)others[i], 0, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(call(SYS_dup3, 7, (uint64_t)others[i], 0), SECCOMP_RET_ALLOW);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_other_call),
		cmocka_unit_test(test_foreign_calls),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_attempts),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, assemble, NULL);
}
