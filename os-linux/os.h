/* SPDX-License-Identifier: MIT */
/*
 * os.h: the host, as the kernel world sees it. One contract; os-linux/ is the only code that makes host system calls.
 *
 * - Every function may be called from kernel world (through its generated door, on the vCPU's host stack) and from host
 *   world. What only host-world files (drivers/X/X_host.c) may call is in host.h.
 * - Results are >= 0 or a negative errno. Interrupted host calls are repeated.
 * - A handle is a small integer into os-linux's own table, never a host fd. It stays valid over a snapshot, because its
 *   owner opens it again.
 * - Times are nanoseconds; a deadline is on os_clock_mono()'s scale, OS_FOREVER is none.
 * - Nothing here calls up into the kernel world. The two exceptions are named: os_vcpu_start() enters it at an address
 *   that the kernel world gave, and a synchronous fault resumes at one (os_fault_setup()).
 * - This header uses <stdint.h> only, so that both worlds can include it.
 */
#ifndef NESTLING_OS_H
#define NESTLING_OS_H

#include <stddef.h>
#include <stdint.h>

#define OS_FOREVER (~(uint64_t)0)
#define OS_MAX_CPUS 64
#define OS_MAX_IRQS 256

/* ---- files ---- */

#define OS_READ 1
#define OS_WRITE 2
#define OS_CREATE 4 /* mode 0600 */
#define OS_TRUNC 8
#define OS_EXCL 16
#define OS_APPEND 32

/* A handle, or -errno. Blocks; nothing but a regular file or block device opens (-EINVAL). */
int os_file_open(const char *path, unsigned flags);
void os_file_close(int file);
/* Whole transfers unless the file ends: bytes done (short only at the end of the file), or -errno. They block. */
long os_file_pread(int file, void *buf, size_t n, uint64_t off);
long os_file_pwrite(int file, const void *buf, size_t n, uint64_t off);
int64_t os_file_size(int file);
int os_file_sync(int file);
/* Human text of an errno (positive or negative), for refusals. Static storage. */
const char *os_strerror(int err);

/* ---- why the host says no (why.c) ---- */
/*
 * Notes that the host has refused @call, a string that stays, with @err, an errno > 0, for
 * os_why(). Returns -@err.
 */
int os_refused(const char *call, int err);
/*
 * Returns a text with the thread's last refused call, if known, the error @err (negative), and the
 * cause as far as it can be read: limits, sysctls, filters. Valid until the thread's next call.
 */
const char *os_why(int err);
/* Returns the limit of processes: "pids.max of the control group /a is 12". */
void os_why_no_tasks(char *buf, size_t size);

/* ---- memory ---- */

/* A sparse memory file of @size bytes (a memfd). A handle. */
int os_mem_create(const char *name, uint64_t size);
/* The file at @path as memory of @size bytes: created if absent, and allocated whole (-ENOSPC) . A handle. */
int os_mem_open(const char *path, uint64_t size);

#define OS_PROT_READ 1
#define OS_PROT_WRITE 2
#define OS_PROT_EXEC 4
#define OS_MAP_REPLACE 1 /* over whatever is there; otherwise -EEXIST when the range is in use */
#define OS_MAP_POPULATE 2

/* Maps [off, off+len) of @file shared at @addr. @file -1: anonymous private, no reserve (prot 0: reserves the range). */
int os_mem_map(void *addr, size_t len, int prot, int file, uint64_t off, unsigned flags);
int os_mem_unmap(void *addr, size_t len);
int os_mem_protect(void *addr, size_t len, int prot);
/* Copies [addr, addr+len) into @file at @off and maps that there, shared. The caller's kernel stack may lie in it. */
int os_mem_adopt(void *addr, size_t len, int file, uint64_t off);
/* Gives the blocks of a range back to the host: it reads as zeros afterwards. */
int os_mem_punch(int file, uint64_t off, uint64_t len);
/*
 * Backs [addr, addr+len), aligned parts of a shared mapping of a memory file, with large pages. 0 or -errno:
 * -EOPNOTSUPP    never: this host has no large pages, or cannot be asked for them
 * -EINVAL        not for this memory, as it is now and as the host is set up now
 * -ENOMEM, ...   the host has no room or no time for it now
 */
int os_mem_enlarge(void *addr, size_t len);
/* The first offset >= @off that has data (or is a hole); the file's size when there is none. */
int64_t os_mem_next_data(int file, uint64_t off);
int64_t os_mem_next_hole(int file, uint64_t off);

/*
 * Which pages of [addr, addr+len), a shared mapping of a memory file, the host backs: vec[i] is 1 or 0. A page that it does not back
 * reads as zeros. 0 or -errno.
 */
int os_mem_incore(void *addr, size_t len, unsigned char *vec);
/* Does a page of a file that is mapped and resident come into a process's page table when it is touched, not before, and does the host show that? */
int os_mem_tells_touched(void);

struct os_mem_info {
	uint64_t host_total, host_free; /* bytes; free is what the host calls available */
	uint64_t max_maps;              /* vm.max_map_count */
};
int os_mem_info(struct os_mem_info *info);

/* ---- time, randomness ---- */
uint64_t os_clock_mono(void);
uint64_t os_clock_real(void);
uint64_t os_clock_boot(void);
/* Monotonic and real time as of the host's last tick, and monotonic time without NTP's corrections. */
uint64_t os_clock_mono_coarse(void);
uint64_t os_clock_real_coarse(void);
uint64_t os_clock_raw(void);
int os_sleep_until(uint64_t deadline);
/* Where the function @name lies in the host's vdso, from its start; -ENOENT, also when the host's clock needs system calls. */
long os_vdso_function(const char *name);
/* Bytes of the host's vdso from @offset on: how many, at most @n; 0: it does not reach so far, or there is none. */
size_t os_vdso_read(uint64_t offset, void *buf, size_t n);
/* Fills the buffer or ends the process: there is no kernel without randomness. */
void os_getrandom(void *buf, size_t n);

/* ---- futex ---- */

/*
 * Sleeps while *word == val, until a wake or @deadline: 0 (may be spurious), -EAGAIN (other value), -ETIMEDOUT. The word
 * may lie in memory shared with other processes.
 */
int os_futex_wait(uint32_t *word, uint32_t val, uint64_t deadline);
/* Wakes at most @n sleepers; how many. */
int os_futex_wake(uint32_t *word, int n);

/* ---- vCPUs, interrupts, idling ---- */

/*
 * What both worlds know of a vCPU. It lies in the arena, the kernel world hands it over with os_irq_setup().
 *
 * state   OS_CPU_KERNEL  runs kernel code: it will look at the pending mask at its next boundary, nothing is sent
 *         OS_CPU_GUEST   is on its way into, or in, skas_run(): the kicker that skas registered brings it back
 *         OS_CPU_IDLE    is on its way into, or in, os_idle(): os_cpu_kick() wakes it
 * The vCPU writes state, then (full barrier) looks at the pending mask and at kicked before it goes on; whoever raises an
 * interrupt sets the bit, then (full barrier) looks at state. So none is lost.
 * kicked  set by os_cpu_kick(), cleared by the vCPU at a boundary before it looks for work. skas_run() looks at it after it
 *         has published which runner it starts and before the runner may go on; when it is set it returns EV_KICK.
 */
enum { OS_CPU_OFF, OS_CPU_KERNEL, OS_CPU_GUEST, OS_CPU_IDLE };
struct os_cpu {
	uint32_t state;
	uint32_t kicked;
	uint32_t pad[14];
} __attribute__((aligned(64)));

struct os_irq_page {
	uint64_t pending[OS_MAX_IRQS / 64]; /* set by os_irq_raise(), taken by irq_poll() */
	uint64_t pad[4];
	struct os_cpu cpu[OS_MAX_CPUS];
};
int os_irq_setup(struct os_irq_page *page, int ncpus);

/* Marks @irq pending and sees to it that some vCPU comes to a boundary soon. From any host thread; never blocks. */
void os_irq_raise(int irq);
/* Makes vCPU @cpu come to a boundary soon. From any host thread; never blocks; may be spurious. */
void os_cpu_kick(int cpu);
/*
 * Sleeps until an interrupt, a kick or @deadline. The caller has set its state to OS_CPU_IDLE and found nothing to do.
 * The first idle vCPU owns the event set and waits for it; others wait on a futex.
 */
void os_idle(int cpu, uint64_t deadline);
/*
 * Looks at the event set without sleeping, for a vCPU that is busy (at most every millisecond or so). When another vCPU
 * idles and nobody owns the set, that one is woken to own it.
 */
void os_event_poll(int cpu);

/*
 * Starts the host thread of vCPU @cpu (256 KiB stack, signals but synchronous faults blocked) which calls entry(arg) in host
 * world; entry is the kernel world's assembly that records the host stack and goes over to a kernel stack.
 * The thread that calls os_vcpu_adopt() becomes a vCPU as it is (the main thread, vCPU 0).
 */
int os_vcpu_start(int cpu, void (*entry)(void *arg), void *arg);
int os_vcpu_adopt(int cpu);
/* How many host CPUs this process may use. */
int os_ncpus(void);

/*
 * Synchronous faults (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP) of vCPU threads. A fault whose rip is in @fixups goes on at its
 * fixup. Any other fills @frame of that vCPU and goes on at @entry with @stack_top of that vCPU as rsp (a kernel stack with a
 * valid head), the vCPU number in rdi and the top of a fresh host stack in rsi, for that head. A fault in a thread that is no vCPU,
 * or a second one of the same vCPU, ends the process.
 */
struct os_fixup {
	uint64_t from, to;
};
struct os_fault {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t rip, cs, eflags, rsp, ss;
	uint64_t addr, error, trapno;
	int32_t signo, code;
};
struct os_fault_config {
	const struct os_fixup *fixups, *fixups_end;
	void (*entry)(uint64_t cpu, uint64_t host_sp);
	struct os_fault *frame[OS_MAX_CPUS];
	uint64_t stack_top[OS_MAX_CPUS]; /* aligned to 16 */
};
int os_fault_setup(const struct os_fault_config *cfg);
/*
 * Memory that others may take away: [addr, addr + len) maps a file that the host may cut or fail to read. An access that the host answers
 * with SIGBUS finds zeros from then on: the page is replaced, its bit in @lost (one for each page, from bit 0 of byte 0) is set, then
 * *count goes up. So whoever has read from there looks at *count, and at the bit, afterwards. At most 16 for ever. 0 or -ENOSPC.
 */
int os_fault_guard(void *addr, size_t len, uint8_t *lost, uint32_t *count);

/*
 * Signals to the kernel process, by a host thread of their own. SIGTERM, SIGHUP (unless it was
 * ignored at the start), SIGINT, SIGALRM and SIGXCPU raise @shutdown_irq; @grace ns after the
 * first of them the process ends with status 1, or later where one carries a time (end.h).
 * SIGTSTP stops and SIGCONT continues everything, SIGPIPE is ignored.
 */
int os_signals_setup(int shutdown_irq, uint64_t grace);
/* Returns the value that the last SIGTERM carried, for init, or 0. */
int os_end_value(void);

/* ---- the process ---- */

/* All of @n bytes, best effort. */
void os_write_stderr(const char *buf, size_t n);
int os_write_stdout(const char *buf, size_t n); /* 0 or -errno */
/* Runs what was registered with os_at_exit() (terminals are put back) and ends the process. From any thread, once. */
void os_exit(int status) __attribute__((noreturn));
/* Notes that data of the guest is lost: the process ends with OS_EXIT_LOST instead of 0. */
#define OS_EXIT_LOST 3
void os_note_lost(void);
/*
 * os_exit(), but starts the same program again with the same arguments, under the same pid. Not when a signal has asked for the end
 * meanwhile, which a panic cannot serve in order: then it is os_exit(1).
 */
void os_restart(void) __attribute__((noreturn));
/*
 * Corrects inherited state (inherit.c), ignores SIGPIPE, blocks signals. Ends the process with a
 * line if this cannot work. Called once, early.
 */
void os_process_setup(void);

/* ---- the host's CPUs ---- */

struct os_cpuinfo {
	char vendor[16], model_name[64];
	uint32_t family, model, stepping, microcode;
	uint32_t mhz, cache_kb;
	uint32_t hwcap, hwcap2, minsigstksz;
	char flags[4000]; /* as in the host's /proc/cpuinfo, blank between them */
	char bugs[400];
};
int os_cpuinfo(struct os_cpuinfo *info);

#endif
