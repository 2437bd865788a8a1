/* SPDX-License-Identifier: MIT */
/*
 * container.c: executes a program as in a container: with no_new_privs, and under a seccomp filter
 * that answers as docker's default filter does in a container without capabilities.
 *
 *	container COMMAND...
 *
 * Docker's filter lists the calls that it allows. This filter lists those that it refuses, so calls
 * that are newer than this file are allowed.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

/* includes io_uring and userfaultfd: nestctl and the kernel must work without them */
static const int refused[] = { SYS_acct, SYS_add_key, SYS_bpf, SYS_chroot, SYS_clock_settime,
	SYS_clock_adjtime, SYS_create_module, SYS_delete_module, SYS_fanotify_init,
	SYS_finit_module, SYS_fsconfig, SYS_fsmount, SYS_fsopen, SYS_fspick, SYS_get_kernel_syms,
	SYS_get_mempolicy, SYS_init_module, SYS_io_uring_enter, SYS_io_uring_register,
	SYS_io_uring_setup, SYS_ioperm, SYS_iopl, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load,
	SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_migrate_pages, SYS_mount, SYS_mount_setattr,
	SYS_move_mount, SYS_move_pages, SYS_name_to_handle_at, SYS_nfsservctl,
	SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open, SYS_pivot_root, SYS_query_module,
	SYS_quotactl, SYS_reboot, SYS_request_key, SYS_set_mempolicy, SYS_setns, SYS_settimeofday,
	SYS_swapoff, SYS_swapon, SYS__sysctl, SYS_sysfs, SYS_syslog, SYS_umount2, SYS_unshare,
	SYS_uselib, SYS_userfaultfd, SYS_ustat, SYS_vhangup };

#define NR_REFUSED (sizeof(refused) / sizeof(refused[0]))
static struct sock_filter code[32 + 2 * NR_REFUSED];
static unsigned short used;

static void add(uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	code[used++] = (struct sock_filter){ op, jt, jf, k };
}

/* Adds the answer @value to call @nr. */
static void answer(long nr, uint32_t value)
{
	add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	add(BPF_RET | BPF_K, value, 0, 0);
}

static void build(void)
{
	add(BPF_LD | BPF_W | BPF_ABS, DATA(arch), 0, 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	add(BPF_RET | BPF_K, REFUSE, 0, 0);
	add(BPF_LD | BPF_W | BPF_ABS, DATA(nr), 0, 0);
	answer(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < NR_REFUSED; i++)
		answer(refused[i], REFUSE);
	/* clone() only for processes and threads */
	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
	add(BPF_LD | BPF_W | BPF_ABS, DATA(args[0]), 0, 0);
	add(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
	add(BPF_RET | BPF_K, REFUSE, 0, 0);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	/* socket() except for AF_ALG and AF_VSOCK */
	add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4);
	add(BPF_LD | BPF_W | BPF_ABS, DATA(args[0]), 0, 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, 1, 0);
	add(BPF_JMP | BPF_JEQ | BPF_K, AF_VSOCK, 0, 1);
	add(BPF_RET | BPF_K, REFUSE, 0, 0);
	add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { .filter = code };

	if (argc < 2)
		return 2;
	build();
	program.len = used;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) {
		perror("seccomp");
		return 125;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
