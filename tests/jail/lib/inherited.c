/* SPDX-License-Identifier: MIT */
/*
 * inherited.c: runs a program under a filter that it inherits: `inherited HOW PROGRAM...`.
 *
 *      listener   the filter admits all, and has a listener: no other filter can have one
 *      old        listeners of seccomp are EINVAL, as on a host that does not know them
 *      none       seccomp(2) is EPERM, as in a container that forbids it
 *      prctl      a filter by prctl(2) is EPERM
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, no)
#define RET(value) BPF_STMT(BPF_RET | BPF_K, value)

int main(int argc, char **argv)
{
	struct sock_filter all[] = { RET(SECCOMP_RET_ALLOW) };
	struct sock_filter old[] = { LOAD(nr), IS(SYS_seccomp, 3), LOAD(args[1]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0, 1),
		RET(SECCOMP_RET_ERRNO | EINVAL), RET(SECCOMP_RET_ALLOW) };
	struct sock_filter none[] = { LOAD(nr), IS(SYS_seccomp, 1), RET(SECCOMP_RET_ERRNO | EPERM),
		RET(SECCOMP_RET_ALLOW) };
	struct sock_filter by_prctl[] = { LOAD(nr), IS(SYS_prctl, 3), LOAD(args[0]),
		IS(PR_SET_SECCOMP, 1), RET(SECCOMP_RET_ERRNO | EPERM), RET(SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, all };
	const char *how = argc > 2 ? argv[1] : "";
	int status;
	pid_t pid;
	unsigned flags = strcmp(how, "listener") ? 0 : SECCOMP_FILTER_FLAG_NEW_LISTENER;

	if (!strcmp(how, "old"))
		prog = (struct sock_fprog){ sizeof(old) / sizeof(old[0]), old };
	if (!strcmp(how, "none"))
		prog = (struct sock_fprog){ sizeof(none) / sizeof(none[0]), none };
	if (!strcmp(how, "prctl"))
		prog = (struct sock_fprog){ sizeof(by_prctl) / sizeof(by_prctl[0]), by_prctl };
	if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0) {
		perror("inherited");
		return 125;
	}
	/* the parent keeps the listener */
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(126);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
