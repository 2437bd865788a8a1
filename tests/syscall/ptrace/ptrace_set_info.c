/* SPDX-License-Identifier: MIT */
/*
 * PTRACE_SET_SYSCALL_INFO (Linux 6.16): a tracer gives a call another number, other arguments,
 * another result.
 */
#include "newer.h"
#include <linux/ptrace.h>
#include <sys/user.h>

#define SET_INFO 0x4212
#define SIZE 88 /* of the structure since Linux 6.16 */

static union {
	struct ptrace_syscall_info si;
	char room[SIZE];
} info;

static long pt(long request, pid_t pid, long addr, void *data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

/* Continues the tracee to the next stop of a call. */
static int stop(pid_t pid)
{
	int status = 0;

	NEED(pt(PTRACE_SYSCALL, pid, 0, NULL));
	NEED(waitpid(pid, &status, 0));
	if (WIFSTOPPED(status))
		NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, SIZE, &info));
	return status;
}

static void at_entry(pid_t pid)
{
	char saved[SIZE];

	memcpy(saved, &info, SIZE);
	info.si.op = PTRACE_SYSCALL_INFO_EXIT;
	CHECK(pt(SET_INFO, pid, SIZE, &info), -EINVAL);
	memcpy(&info, saved, SIZE);
	info.si.pad[0] = 1;
	CHECK(pt(SET_INFO, pid, SIZE, &info), -EINVAL);
	memcpy(&info, saved, SIZE);
	info.si.entry.nr = 1UL << 40;
	CHECK(pt(SET_INFO, pid, SIZE, &info), -ERANGE);
	memcpy(&info, saved, SIZE);
	CHECK(pt(SET_INFO, pid, SIZE - 9, &info), -EINVAL);
	CHECK(pt(SET_INFO, pid, SIZE, BAD), -EFAULT);
	info.si.entry.nr = SYS_dup3;
	info.si.entry.args[0] = 1;
	info.si.entry.args[1] = 77;
	info.si.entry.args[2] = 0;
	CHECK(pt(SET_INFO, pid, SIZE, &info), 0);
	memset(&info, 0, SIZE);
	NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, SIZE, &info));
	check("the number and an argument are seen",
		info.si.entry.nr == SYS_dup3 && info.si.entry.args[1] == 77 &&
			info.si.entry.args[3] == 4,
		1);
}

static void at_exit(pid_t pid)
{
	check("the call made was another", info.si.exit.rval, 77);
	info.si.exit.rval = -EXDEV;
	info.si.exit.is_error = 1;
	CHECK(pt(SET_INFO, pid, SIZE, &info), 0);
	memset(&info, 0, SIZE);
	NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, SIZE, &info));
	check("an error is seen", info.si.exit.rval == -EXDEV && info.si.exit.is_error, 1);
	info.si.exit.rval = 4242;
	info.si.exit.is_error = 0;
	CHECK(pt(SET_INFO, pid, SIZE, &info), 0);
}

TEST(ptrace_set_info)
{
	pid_t pid = SPAWN({
		NEED(pt(PTRACE_TRACEME, 0, 0, NULL));
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
		_exit(syscall(9999, 1, 2, 3, 4, 5, 6) == 4242 && fcntl(77, F_GETFD) == 0);
	});
	int status;

	NEED(waitpid(pid, &status, 0));
	NEED(pt(PTRACE_SETOPTIONS, pid, 0, (void *)PTRACE_O_TRACESYSGOOD));
	have = pt(SET_INFO, pid, 0, NULL) == -1 && errno == EINVAL;
	do
		status = stop(pid);
	while (info.si.op != PTRACE_SYSCALL_INFO_ENTRY || info.si.entry.nr != 9999);
	at_entry(pid);
	stop(pid);
	at_exit(pid);
	do
		status = stop(pid);
	while (WIFSTOPPED(status));
	check("the tracee had the result", WEXITSTATUS(status), 1);
}
