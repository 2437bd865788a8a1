/* SPDX-License-Identifier: MIT */
/*
 * os_space.h: the host side of guest address spaces, for skas/ only (and os_guard_terminal() for
 * consoles' back ends).
 *
 * A task is a mapper or a runner: a host process, named here by a handle > 0. The zygote is the
 * parent of all of them and reaps only what os_space_reap() says, so a handle's pid is never
 * somebody else's.
 *
 *	os_space_start(&setup);                the zygote runs
 *	m = os_space_fork(offset);             a mapper, for the order area at that offset of the control file
 *	r = os_space_adopt(pid);               a runner that a mapper has made
 *	os_space_end(r); os_space_reap(r);     SIGKILL; then wait for the death, and the handle is free
 *
 * Rules are those of os.h: any thread, results >= 0 or -errno. The ptrace calls (os_trace_*) are
 * for the thread that called os_trace_seize() on that task. Locks: the zygote's socket and the task
 * table have a mutex each, leaves of every order.
 */
#ifndef NESTLING_OS_SPACE_H
#define NESTLING_OS_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what the host offers ---- */
#define OS_SPACE_SECCOMP 1  /* filters with RET_TRAP */
#define OS_SPACE_FSGSBASE 2 /* rdfsbase and its kin work in user mode */
#define OS_SPACE_BMI2 4     /* rorx */
#define OS_SPACE_LDT 8      /* modify_ldt */
#define OS_SPACE_IRET 16    /* iretq from user mode to user mode */
struct os_space_host {
	unsigned caps; /* OS_SPACE_* */
	/*
	 * Bytes of an xsave area as a signal frame holds it; 512: the CPU or the host has no XSAVE.
	 */
	uint32_t xstate_size;
	/* The mask of the area's components; 0 without XSAVE. */
	uint64_t xfeatures;
};
/* Returns 0; -EAGAIN or -ENOMEM: the host allows no child; -EPERM: it killed the child. */
int os_space_probe(struct os_space_host *host);
/* End of the addresses that a program may map. */
uint64_t os_space_top(void);

/* ---- the zygote ---- */
struct os_space_setup {
	const void *image; /* an ELF program, static, at fixed addresses */
	uint64_t size;
	uint64_t base, window; /* nothing else stays mapped in it, but the host's vdso and vvar: */
	uint64_t vdso_at, vdso_room;
	uint64_t top; /* os_space_top() */
	uint64_t
		filter; /* of the sock_fprog in the image that zygote and mappers install; 0 none */
	int ctl, physmem;                         /* files */
	uint64_t words_at, words_size, words_off; /* of ctl, mapped read-only into every space */
	uint32_t *
		running; /* running[16 * cpu]: the task that vCPU waits for, 0 none; the kicker reads it */
	bool *tsc_may; /* whether the host has PR_SET_TSC for them */
	bool *tsc_traps; /* NULL, or rdtsc is to be SIGSEGV in all tasks of spaces: whether the host does that */
};
/*
 * 0 and *vdso (0: the host has none); -EADDRINUSE: the window was taken, try again or elsewhere;
 * other errors are final, and os_why() knows the call.
 */
int os_space_start(const struct os_space_setup *setup, uint64_t *vdso);
/* The zygote, and every task of it, end. */
void os_space_stop(void);
/*
 * True if the zygote has died, which normally outlives us. The text says how, with the cause if it
 * can be read ("was killed by signal 9").
 */
bool os_space_zygote_died(char *buf, size_t size);
/* True if @task has died by itself and is not reaped; the text says how. */
bool os_space_died(int task, char *buf, size_t size);
/* Gives the zygote another file, for mappers made from now on, at that fd of theirs. */
int os_space_give_file(int file, int at_fd);

/* ---- tasks ---- */
int os_space_fork(uint64_t order_offset, uint64_t order_size);
int os_space_adopt(uint32_t pid);
void os_space_end(int task);
/* Its wait status, or -errno. Waits until it is dead. */
int os_space_reap(int task);
/* 1: it is dead, as the host says (not reaped); 0: it lives. */
int os_space_is_dead(int task);
/* Returns 1 if the host gave the task another parent than the zygote, as gVisor does, or 0. */
int os_space_is_stray(int task);
/* Interrupts a runner (SIGUSR1). */
void os_space_kick(int task);
/*
 * After running[16 * cpu] has been cleared: 0 when no kick to @task is being sent or pending;
 * -EBUSY otherwise. Costs a look into /proc when the task has been kicked since the last call that
 * returned 0.
 */
int os_space_quiet(int task, int cpu);
/* How many VMAs it has; or -errno. Slow. */
int os_space_count_maps(int task);
/* vec[i]: page i from @va on is in its page table; at most 512. 0 or -errno. */
int os_space_present(int task, uint64_t va, uint32_t n, uint8_t *vec);
/* CPU time it has used, in ns; 0 when the host does not say. */
uint64_t os_space_cputime(int task);
uint64_t os_space_usertime(
	int task); /* the part of it that is not the host's kernel's, by its ticks */
/* 1: it sleeps, in a call of its own that a signal would end; 0: it does not, or the host does not say. */
int os_space_is_asleep(int task);
/*
 * FUTEX_CMP_REQUEUE: moves one sleeper from @from to @to if *from is still @val; how many moved, or
 * -EAGAIN.
 */
int os_space_requeue(uint32_t *from, uint32_t *to, uint32_t val);
void os_space_yield(void);

/*
 * ---- placement: host CPUs are numbered 0 .. os_ncpus()-1 as this process may use them; -1: any
 * ----
 */
void os_space_pin(int task, int host_cpu);
/*
 * A patient task does not preempt what runs on its CPU when it is woken. Others do, now and then. Nothing changes where we were
 * started under another policy than the usual one.
 */
void os_space_patient(int task, int patient);
void os_space_pin_self(int host_cpu);
int os_space_this_cpu(void); /* where this thread runs now */
/*
 * How long this thread has been ready to run, but not running, in ns; 0 when the host does not say.
 */
uint64_t os_space_delayed(int task);
/*
 * By how much the waiting of vCPU @cpu's thread, or of @task (0: no task) if that is more, has grown since this was asked for them last,
 * in ns. Not the sum: the thread, when its time-out comes, waits while the task computes or waits too. For the thread it begins with the
 * first call on that thread itself. One call at a time for a vCPU; from any of our threads.
 */
uint64_t os_space_stolen(int cpu, int task);

/* ---- ptrace mode ---- */
struct os_trace_regs { /* as PTRACE_GETREGS gives them */
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
enum os_trace_stop {
	OS_TRACE_SYSCALL, /* before a system call, which will not be made */
	OS_TRACE_SIGNAL,  /* *signo is about to be delivered */
	OS_TRACE_TIMEOUT, /* it still runs */
	OS_TRACE_DEAD,
};
/* Takes a runner that waits in its futex: it is then stopped before that call. 0 or -errno. */
int os_trace_seize(int task);
/* Lets it go on with signal @signo (0 none) to its next stop; an os_trace_stop. */
int os_trace_run(int task, int signo, uint64_t deadline, int *stop_signo);
/* After OS_TRACE_TIMEOUT: waits on. */
int os_trace_wait(int task, uint64_t deadline, int *stop_signo);
int os_trace_get_regs(int task, struct os_trace_regs *regs);
int os_trace_set_regs(int task, const struct os_trace_regs *regs);
/* The AUDIT_ARCH_* of the call before which it stopped. */
uint32_t os_trace_arch(int task);
/* Copy xsave areas, standard format; 512 bytes: fxsave areas. 0 or -errno. */
int os_trace_get_xstate(int task, void *area, uint32_t size);
int os_trace_set_xstate(int task, const void *area, uint32_t size);

/*
 * ---- debug registers of a runner that is in the stub: they stay until it ends, or these change them ----
 *
 * DR0 to DR3 and DR7, as x86 has them; of those that @dr7 does not enable the address does not count. 0; -ESRCH: it is dead; another error:
 * the host does not let us trace, or has no room: none is enabled if that could be seen to.
 */
int os_space_debug_set(int task, const uint64_t addr[4], uint64_t dr7);
/* What the last debug trap was, as DR6 says it, without the bits that are fixed. 0 or -errno. */
int os_space_debug_hits(int task, uint64_t *dr6);

/* ---- terminals: host world only ---- */
/*
 * The present settings of the terminal @fd are put back when the kernel process ends, by SIGKILL
 * too. Call it before changing them, and os_unguard_terminal() with its number after they have been
 * put back. Or -errno: -ENOTTY; -ENOSPC after four; -EAGAIN before os_space_start().
 */
int os_guard_terminal(int fd);
void os_unguard_terminal(int guard);

#endif
