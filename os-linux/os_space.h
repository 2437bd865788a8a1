/* SPDX-License-Identifier: MIT */
/*
 * os_space.h: the host side of guest address spaces ("spaces"), for skas/ only (and
 * os_guard_terminal() for the back ends of consoles).
 *
 * A task is a mapper or a runner: a host process, named here by a handle > 0. The zygote is the
 * parent of all tasks and reaps a task only after os_space_reap(), so the pid of a handle never
 * belongs to another process.
 *
 *      os_space_start(&setup);                the zygote runs
 *      m = os_space_fork(offset, size);       a mapper, which reads its commands (orders) from the
 *                                             area at that offset of the control file
 *      r = os_space_adopt(pid);               a runner that a mapper has made
 *      os_space_end(r); os_space_reap(r);     SIGKILL; then waits for the death, frees the handle
 *
 * The rules of os.h hold: any thread, results >= 0 or -errno. A @task is such a handle, not yet
 * reaped unless the comment admits that. Functions that ask the zygote (fork, give_file, reap,
 * guards) block until it has answered. Only the thread that called os_trace_seize() on a task may
 * make the ptrace calls (os_trace_*) for it.
 * Locks: a mutex for the zygote's socket and one for the task table, both leaves.
 */
#ifndef NESTLING_OS_SPACE_H
#define NESTLING_OS_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what the host offers ---- */
#define OS_SPACE_SECCOMP 1  /* filters with RET_TRAP */
#define OS_SPACE_FSGSBASE 2 /* the host keeps what wrfsbase etc. load */
#define OS_SPACE_BMI2 4     /* rorx */
#define OS_SPACE_LDT 8      /* modify_ldt */
#define OS_SPACE_IRET 16    /* iretq from user mode to user mode */
struct os_space_host {
	unsigned caps; /* OS_SPACE_* */
	/* Bytes of an xsave area in a signal frame; 512 if the CPU or the host has no XSAVE. */
	uint32_t xstate_size;
	/* mask of the components in the area, or 0 */
	uint64_t xfeatures;
};
/*
 * Fills @host. Returns 0; -EAGAIN or -ENOMEM: the host allows no child; -EPERM: it killed the
 * child, or does not let a signal handler return.
 */
int os_space_probe(struct os_space_host *host);
/* Returns the end of the addresses that a program may map. */
uint64_t os_space_top(void);

/* ---- the zygote ---- */
struct os_space_setup {
	/* a static ELF program at fixed addresses, of @size bytes */
	const void *image;
	uint64_t size;
	/*
	 * The stub's window, @window bytes at @base. The host's vdso and vvar move into it; apart
	 * from the window, only the image stays mapped.
	 */
	uint64_t base, window;
	uint64_t vdso_at, vdso_room; /* address, and bytes there */
	uint64_t top;                /* os_space_top() */
	/* address in the image of the sock_fprog that the zygote and the mappers install, or 0 */
	uint64_t filter;
	/* handles of the memory files: the control file, and the guest's memory */
	int ctl, physmem;
	/*
	 * words_size bytes of ctl from words_off on, mapped read-only into every space at words_at
	 */
	uint64_t words_at, words_size, words_off;
	/* running[16 * cpu] is the task that the vCPU waits for, or 0; read by the kicker */
	uint32_t *running;
	/* set to true if tasks may use the host's PR_SET_TSC */
	bool *tsc_may;
	/*
	 * If not NULL, rdtsc is to raise SIGSEGV in all tasks of spaces; set to true if the host
	 * does that.
	 */
	bool *tsc_traps;
};
/*
 * Starts the zygote. Returns 0 and sets *vdso to the address of the vdso in all spaces, 0 if the
 * host has none. -EADDRINUSE: the window was in use, and the caller may try again or at another
 * address. Other errors are final, and os_why() names the refused call. The zygote still makes its
 * last steps then: if one fails, os_space_fork() returns the error. setup->running stays in use
 * until os_space_stop().
 */
int os_space_start(const struct os_space_setup *setup, uint64_t *vdso);
/* Kills the zygote and all its tasks, and waits for the zygote's death only. */
void os_space_stop(void);
/*
 * True if the zygote has died; normally it outlives the kernel process. The text gives the cause if
 * it is known ("was killed by signal 9").
 */
bool os_space_zygote_died(char *buf, size_t size);
/* True if @task has died and is not reaped; the text in @buf gives the cause. */
bool os_space_died(int task, char *buf, size_t size);
/*
 * Gives the zygote the file of handle @file. Mappers made from now on inherit it as descriptor
 * @at_fd. Returns 0 or -errno.
 */
int os_space_give_file(int file, int at_fd);

/* ---- tasks ---- */
/*
 * Makes a mapper. It reads its commands from @order_size bytes at @order_offset of the control
 * file. Returns its handle or -errno.
 */
int os_space_fork(uint64_t order_offset, uint64_t order_size);
/*
 * Returns a handle for the runner with process id @pid that a mapper has made; -ESRCH if no process
 * can have that id; or -EAGAIN without a free handle, after killing the runner.
 */
int os_space_adopt(uint32_t pid);
/* Kills the task, without waiting for its death. Does nothing after os_space_reap(). */
void os_space_end(int task);
/*
 * Blocks until the task, which os_space_end() has killed, is dead, and frees the handle. Returns
 * its wait status, or -errno.
 */
int os_space_reap(int task);
/* Returns 1 if the host reports that the task is dead and not yet reaped, or 0. */
int os_space_is_dead(int task);
/* Returns 1 if the host gave the task another parent than the zygote, as gVisor does, or 0. */
int os_space_is_stray(int task);
/* Interrupts a runner (SIGUSR1). Never blocks. */
void os_space_kick(int task);
/*
 * Returns 0 if no kick to @task is being sent or pending, or -EBUSY. The caller has cleared
 * running[16 * cpu]. Reads /proc if the task was kicked since the last call that returned 0.
 */
int os_space_quiet(int task, int cpu);
/* Returns how many VMAs the task has, or -errno. Slow: reads /proc/PID/maps. */
int os_space_count_maps(int task);
/*
 * Sets vec[i] to 1 if the i-th page from address @va on is in the task's page table, else to 0, for
 * @n <= 512 pages. Returns 0 or -errno (-EINVAL for more pages).
 */
int os_space_present(int task, uint64_t va, uint32_t n, uint8_t *vec);
/* Returns the CPU time that the task has used, in ns, or 0 if the host does not report it. */
uint64_t os_space_cputime(int task);
/* As os_space_cputime(), but of user mode only, as the host's ticks count it. */
uint64_t os_space_usertime(int task);
/*
 * Returns 1 if the task sleeps in a system call of its own that a signal would end; else 0, also if
 * the host does not report it.
 */
int os_space_is_asleep(int task);
/*
 * Moves one sleeper from @from to @to if *from is still @val (FUTEX_CMP_REQUEUE). Returns how many
 * moved, or -EAGAIN.
 */
int os_space_requeue(uint32_t *from, uint32_t *to, uint32_t val);
void os_space_yield(void); /* sched_yield(2) */

/*
 * ---- placement ----
 *
 * Host CPUs are numbered 0 to os_ncpus()-1, those that this process may use; -1 means any of them.
 * os_space_pin() and os_space_pin_self() ignore a refusal of the host.
 */
void os_space_pin(int task, int host_cpu);
/*
 * Sets whether a task is patient. A patient task that is woken does not preempt the task running on
 * its CPU; others sometimes do. Changes nothing if the instance was started under another policy
 * than SCHED_OTHER.
 */
void os_space_patient(int task, int patient);
void os_space_pin_self(int host_cpu);
int os_space_this_cpu(void); /* returns the CPU of this thread */
/*
 * Returns how long @task, or with 0 the calling thread, has been ready to run but not running since
 * its start, in ns; 0 if the host does not report it.
 */
uint64_t os_space_delayed(int task);
/*
 * Returns by how much the waiting time of vCPU @cpu's thread or of @task (0: no task), whichever is
 * more, has grown since the last call for them, in ns. The sum would be wrong: after a time-out the
 * thread waits for a CPU while the task runs or waits too. The thread's first call begins its
 * count. Callable from any of our threads, one call at a time for a vCPU.
 */
uint64_t os_space_stolen(int cpu, int task);

/* ---- ptrace mode ---- */
struct os_trace_regs { /* as PTRACE_GETREGS gives them */
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
enum os_trace_stop {
	/* before a system call, which is not made */
	OS_TRACE_SYSCALL,
	OS_TRACE_SIGNAL,  /* *stop_signo is about to be delivered */
	OS_TRACE_TIMEOUT, /* still running */
	OS_TRACE_DEAD,
};
/* Seizes a runner that waits in its futex and stops it before that call. Returns 0 or -errno. */
int os_trace_seize(int task);
/*
 * Continues the runner with signal @signo (0: none) and blocks until its next stop or @deadline.
 * Returns an enum os_trace_stop, and sets *@stop_signo for OS_TRACE_SIGNAL.
 */
int os_trace_run(int task, int signo, uint64_t deadline, int *stop_signo);
/* Continues to wait after OS_TRACE_TIMEOUT. Returns as os_trace_run() does. */
int os_trace_wait(int task, uint64_t deadline, int *stop_signo);
/* Read and write the registers of a stopped runner. Return 0, or -ESRCH if it is dead. */
int os_trace_get_regs(int task, struct os_trace_regs *regs);
int os_trace_set_regs(int task, const struct os_trace_regs *regs);
/* Returns the AUDIT_ARCH_* of the call before which the runner stopped. */
uint32_t os_trace_arch(int task);
/*
 * Copy the xsave area of a stopped runner, @size bytes in standard format; 512 bytes: an fxsave
 * area. Return 0 or -errno.
 */
int os_trace_get_xstate(int task, void *area, uint32_t size);
int os_trace_set_xstate(int task, const void *area, uint32_t size);

/*
 * ---- debug registers of a runner in the stub ----
 *
 * They stay until the runner ends or these functions change them.
 *
 * os_space_debug_set() sets DR0 to DR3 and DR7, in x86's format; the address of a breakpoint that
 * @dr7 does not enable is ignored. Returns 0, or -ESRCH if the runner is dead. Another error means
 * that the host forbids tracing or has no free debug register. Then, as far as possible, no
 * breakpoint is enabled.
 */
int os_space_debug_set(int task, const uint64_t addr[4], uint64_t dr7);
/* Reads DR6 of the last debug trap, without the bits that are always set. Returns 0 or -errno. */
int os_space_debug_hits(int task, uint64_t *dr6);

/* ---- terminals: host world only ---- */
/*
 * os_guard_terminal() makes the zygote restore the present settings of terminal @fd when the kernel
 * process ends, even by SIGKILL. @fd stays the caller's. The caller guards before it changes the
 * settings, and calls os_unguard_terminal() with the returned number after it has put them back.
 * Errors: -ENOTTY; -ENOSPC after four guards; -EAGAIN before os_space_start().
 */
int os_guard_terminal(int fd);
void os_unguard_terminal(int guard);

#endif
