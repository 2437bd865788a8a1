/* SPDX-License-Identifier: MIT */
/*
 * jail.c: restricts nestling-slirp once it runs, since it parses packets of a guest, which might
 * take it over. The process then has:
 *
 * - no new privileges, no execve and no fork;
 * - files only for reading (seccomp), and only files in /etc and /run, and in the folder to which
 *   /etc/resolv.conf leads (Landlock); on a host without Landlock it can read all files of its
 *   user;
 * - stat() of every path;
 * - only sockets of the internet families, memory that is never executable, clocks, random bytes.
 *
 * Landlock refuses with EACCES, seccomp with EPERM. A call of another architecture (32-bit code)
 * kills the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/slirp/slirp.h"

#define FILTER_MAX 256
#define NR offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)
#define ARG(n) (offsetof(struct seccomp_data, args) + (n)*8)

static struct sock_filter filter[FILTER_MAX];
static unsigned short len;

/* Adds an instruction to the filter. @k: its constant. @jt, @jf: its jumps if true, if false. */
static void insn(uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (len < FILTER_MAX)
		filter[len++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(size_t at)
{
	insn(BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void give(uint32_t action)
{
	insn(BPF_RET | BPF_K, action, 0, 0);
}

/* Allows call @nr with any arguments. The filter must have loaded the call's number. */
static void allow(int nr)
{
	insn(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	give(SECCOMP_RET_ALLOW);
}

/* Allows call @nr if argument @n is @a or @b. */
static void allow_either(int nr, int n, uint32_t a, uint32_t b)
{
	insn(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 5);
	load(ARG(n));
	insn(BPF_JMP | BPF_JEQ | BPF_K, a, 1, 0);
	insn(BPF_JMP | BPF_JEQ | BPF_K, b, 0, 1);
	give(SECCOMP_RET_ALLOW);
	give(SECCOMP_RET_ERRNO | EPERM);
}

/* Allows call @nr if argument @n has none of @bits. */
static void allow_without(int nr, int n, uint32_t bits)
{
	insn(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	load(ARG(n));
	insn(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
	give(SECCOMP_RET_ALLOW);
	give(SECCOMP_RET_ERRNO | EPERM);
}

static void build_filter(void)
{
	static const int plain[] = { SYS_poll, SYS_ppoll, SYS_recvmmsg, SYS_sendmmsg, SYS_recvfrom,
		SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_read, SYS_write, SYS_readv, SYS_writev,
		SYS_clock_gettime, SYS_close, SYS_connect, SYS_bind, SYS_listen, SYS_accept,
		SYS_accept4, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
		SYS_shutdown, SYS_futex, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise,
		SYS_getrandom, SYS_gettimeofday, SYS_time, SYS_fstat, SYS_stat, SYS_newfstatat,
		SYS_lseek, SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group };

	load(ARCH);
	insn(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	give(SECCOMP_RET_KILL_PROCESS);
	load(NR);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		allow(plain[i]);
	allow_either(SYS_socket, 0, AF_INET, AF_INET6);
	allow_either(SYS_ioctl, 1, FIONREAD, FIONBIO);
	allow_either(SYS_fcntl, 1, F_GETFL, F_SETFL);
	allow_without(SYS_mmap, 2, PROT_EXEC);
	allow_without(SYS_mprotect, 2, PROT_EXEC);
	allow_without(SYS_openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_PATH);
	give(SECCOMP_RET_ERRNO | EPERM);
}

static void allow_below(int ruleset, const char *dir)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };

	rule.parent_fd = open(dir, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/*
 * Allows the folder in which resolv.conf really is: /etc/resolv.conf may be a link, and another
 * program may put a new file in its place. Of the root, the present file only.
 */
static void allow_resolvers(int ruleset)
{
	char path[PATH_MAX], *last;

	if (!realpath("/etc/resolv.conf", path))
		return;
	last = strrchr(path, '/');
	if (last > path)
		*last = '\0';
	allow_below(ruleset, path);
}

/* Restricts files by Landlock. Hosts without it rely on the filter. */
static void restrict_files(void)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs =
						      (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return;
	allow_below(ruleset, "/etc");
	allow_below(ruleset, "/run");
	allow_resolvers(ruleset);
	syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
}

const char *jail_enter(void)
{
	struct sock_fprog prog = { .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "the host refuses no_new_privs";
	restrict_files();
	build_filter();
	prog.len = len;
	if (len == FILTER_MAX || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return "the host refuses a seccomp filter for the helper";
	return NULL;
}
