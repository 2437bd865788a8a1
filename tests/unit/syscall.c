/* SPDX-License-Identifier: MIT */
/*
 * syscall.c: the generated table has Linux's calls, its wrappers cast arguments correctly, and
 * traces are readable.
 * SOURCES: kernel/syscall/names.c build/gen/syscalls_table.c kernel/lib/vsprintf.c
 * SOURCES: kernel/lib/string.c
 */
#include <asm/errno.h>
#include <asm/unistd.h>

#include "kernel/lib/string.h"
#include "kernel/syscall/internal.h"
#include "unit.h"

static struct {
	int fd;
	uaddr_t buf;
	size_t count;
	loff_t pos;
	u32 mode;
	int calls;
} got;

long sys_pread64(int fd, uaddr_t buf, size_t count, loff_t pos)
{
	got.fd = fd;
	got.buf = buf;
	got.count = count;
	got.pos = pos;
	got.calls++;
	return -EBADF;
}

long sys_umask(u32 mask)
{
	got.mode = mask;
	return 022;
}

long sys_getpid(void)
{
	got.calls++;
	return 7;
}

static const struct syscall_desc *entry(int nr, const char *name)
{
	assert_string_equal(syscall_table[nr].name, name);
	return &syscall_table[nr];
}

static void numbers(void **state)
{
	entry(__NR_read, "read");
	entry(__NR_rt_sigreturn, "rt_sigreturn");
	entry(__NR_clone3, "clone3");
	entry(__NR_openat2, "openat2");
	entry(__NR_bpf, "bpf");
	assert_null(syscall_table[400].name);
	assert_true(NR_SYSCALLS > __NR_futex_waitv);
}

static void table(void **state)
{
	for (int nr = 0; nr < NR_SYSCALLS; nr++) {
		const struct syscall_desc *d = &syscall_table[nr];

		if (!d->name)
			continue;
		assert_in_range(d->nargs, 0, 6);
		assert_int_equal(d->call != NULL, d->status != SYSCALL_MISSING);
		if (d->status != SYSCALL_FULL)
			assert_true(strlen(d->note) > 0);
		for (int i = 0; i < d->nargs; i++)
			assert_non_null(d->args[i]);
	}
	assert_null(syscall_table[__NR_write].handler); /* the test defines none */
	assert_non_null(syscall_table[__NR_getpid].handler);
}

/* Only the low half of an int argument is used. 64-bit arguments are passed completely. */
static void casts(void **state)
{
	const u64 args[6] = { 0xdeadbeef00000005, 0xffff800000001234, ~0UL, (u64)-3, 1, 2 };

	assert_int_equal(entry(__NR_pread64, "pread64")->call(args), -EBADF);
	assert_int_equal(got.fd, 5);
	assert_true(got.buf.v == 0xffff800000001234);
	assert_true(got.count == ~0UL);
	assert_true(got.pos == -3);
	assert_int_equal(entry(__NR_umask, "umask")->call(args), 022);
	assert_int_equal(got.mode, 5);
	got.calls = 0;
	assert_int_equal(entry(__NR_getpid, "getpid")->call(args), 7);
	assert_int_equal(got.calls, 1);
}

static void prints(enum syscall_arg type, u64 v, const char *text)
{
	char buf[200] = "";

	assert_int_equal(format_arg(buf, sizeof(buf), 0, type, v), strlen(text));
	assert_string_equal(buf, text);
}

static void arguments(void **state)
{
	prints(SYSCALL_ARG_OFLAGS, 02000102, "O_RDWR|O_CREAT|O_CLOEXEC");
	prints(SYSCALL_ARG_OFLAGS, 0, "O_RDONLY");
	prints(SYSCALL_ARG_OFLAGS, 04010000 | 0x40000000, "O_RDONLY|O_SYNC|0x40000000");
	prints(SYSCALL_ARG_PROT, 0, "PROT_NONE");
	prints(SYSCALL_ARG_PROT, 5, "PROT_READ|PROT_EXEC");
	prints(SYSCALL_ARG_MFLAGS, 0x22, "MAP_PRIVATE|MAP_ANONYMOUS");
	prints(SYSCALL_ARG_MFLAGS, 3, "MAP_SHARED_VALIDATE");
	prints(SYSCALL_ARG_MFLAGS, 0, "0");
	prints(SYSCALL_ARG_FD, (u32)-100, "AT_FDCWD");
	prints(SYSCALL_ARG_FD, 7, "7");
	prints(SYSCALL_ARG_SIG, 9, "SIGKILL");
	prints(SYSCALL_ARG_SIG, 40, "40");
	prints(SYSCALL_ARG_SIG, ~0UL, "-1");
	prints(SYSCALL_ARG_WHENCE, 2, "SEEK_END");
	prints(SYSCALL_ARG_CLOCKID, 1, "CLOCK_MONOTONIC");
	prints(SYSCALL_ARG_CLOCKID, (u64)-6, "-6");
	prints(SYSCALL_ARG_MODE, 0644, "0644");
	prints(SYSCALL_ARG_UADDR, 0, "NULL");
	prints(SYSCALL_ARG_ADDR, 0x7fff0000, "0x7fff0000");
	prints(SYSCALL_ARG_INT, 0xffffffff, "-1");
	prints(SYSCALL_ARG_UINT, 0xffffffff, "4294967295");
	prints(SYSCALL_ARG_LOFF_T, ~0UL, "-1");
}

static void bounds(void **state)
{
	char buf[12] = "abc";
	size_t len = 3;

	for (int i = 0; i < 5; i++)
		len = format_arg(buf, 8, len, SYSCALL_ARG_OFLAGS, ~0UL);
	assert_int_equal(len, 7);
	assert_string_equal(buf, "abcO_AC");
	len = format_quoted(buf, 8, 0, "\n\"x", 3, true);
	assert_int_equal(len, 7);
	assert_string_equal(buf, "\"\\012\\0");
	len = format_quoted(buf, sizeof(buf), 0, "a\\", 2, false);
	assert_string_equal(buf, "\"a\\134\"");
}

static void errnos(void **state)
{
	assert_string_equal(errno_name(EBADF), "EBADF");
	assert_string_equal(errno_name(EHWPOISON), "EHWPOISON");
	assert_string_equal(errno_name(ERESTARTSYS), "ERESTARTSYS");
	assert_null(errno_name(0));
	assert_null(errno_name(-1));
	assert_null(errno_name(100000));
}

UNIT_MAIN(cmocka_unit_test(numbers), cmocka_unit_test(table), cmocka_unit_test(casts),
	cmocka_unit_test(arguments), cmocka_unit_test(bounds), cmocka_unit_test(errnos))
