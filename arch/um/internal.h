/* SPDX-License-Identifier: MIT */
/* internal.h: declarations shared by the files of arch/um. */
#ifndef NESTLING_ARCH_INTERNAL_H
#define NESTLING_ARCH_INTERNAL_H

#include "arch/um/machine/arch.h"
#include "os-linux/os.h"

/*
 * The *_init() functions are called once at boot, in the order of main.c, and end the process with
 * refuse() if the host refuses. The *_restored() functions take their place in a process that
 * continues from a saved state.
 */

/* irq.c: the state of each vCPU, pending lines and kicks */
extern struct os_irq_page irq_page;
void irq_init(void);
/* True from a kick until the next irq_poll(). */
bool cpu_kicked(int cpu);
/*
 * Publishes what @cpu, the calling vCPU, does next (OS_CPU_*). Includes a full barrier, so that the
 * caller may check for work afterwards.
 */
static inline void cpu_set_state(int cpu, u32 state)
{
	__atomic_exchange_n(&irq_page.cpu[cpu].state, state, __ATOMIC_SEQ_CST);
}

/* vcpu.c */
/*
 * vCPU 0's idle stack is the first aligned block in boot_area. The linker is not asked to align it:
 * the alignment would leave an unmapped hole between the kernel's data and its bss.
 */
#define BOOT_AREA_SIZE (2 * KSTACK_ALIGN)
extern u8 boot_area[BOOT_AREA_SIZE];
static inline u8 *boot_stack(void)
{
	return (u8 *)round_up((u64)boot_area, (u64)KSTACK_ALIGN);
}
void vcpu_boot_init(void); /* current is valid after this call */
/* makes the window of kernel stacks usable; called after arena_init() */
void vcpu_init_stacks(void);
/* returns a block of KSTACK_ALIGN bytes (its guard half is unmapped), or NULL; no lock needed */
void *kstack_alloc(void);
/* Puts a block of kstack_alloc() into the pool, still mapped. The stack is not in use. */
void kstack_free(void *block);
/* Sets nr_cpus, unless ncpus= was given. */
void vcpu_choose_number(void);
void vcpu_init(void);
void vcpu_start_all(void); /* starts all but vCPU 0 */
void vcpu_idle_loop(void) __noreturn;
static inline struct kstack_head *kstack_head_of(void *block)
{
	return (struct kstack_head *)((u8 *)block + KSTACK_SIZE);
}

/*
 * switch.S: saves the stack pointer in *save_sp and continues at @load_sp, which an earlier call
 * has saved. Returns there the @prev of the call that switched to it.
 */
struct task *switch_stack(u64 *save_sp, u64 load_sp, struct task *prev);
/* The first code on a new stack: calls schedule_tail(rax), then rbx(r12). */
void task_first(void);
/* changes from the host world to the stack @block and calls vcpu_main() */
void vcpu_enter(void *block);
/* not a C function: changes to the kernel stack in rax and calls r8; used by entry/start.S */
void arch_go_over(void);
/* The first function of a vCPU other than vCPU 0. */
void vcpu_main(void) __noreturn;
/* state.c: does not return once the machine is going down */
void vcpu_park_when_stopping(void);
void vcpu_stop_for_good(void); /* called when the machine goes down */

/* stop.c */
/*
 * Saves this vCPU's stack pointer in *sp and returns fn(arg). Returns again, with MACHINE_RESTORED,
 * each time that the machine continues from the state or mark that was recorded meanwhile
 * (switch.S).
 */
u64 machine_park(u64 *sp, u64 (*fn)(void *arg), void *arg);
#define MACHINE_RESTORED (~0UL)
/*
 * Makes the machine_park() that saved @sp return MACHINE_RESTORED. The first code of a vCPU's new
 * host thread (os_vcpu_start()); not a C function (switch.S).
 */
void arch_unpark(void *sp);

/*
 * For variables of the host process, which are not saved with the guest. They are zero in a process
 * that continues from a saved state.
 */
#define __machine __attribute__((section(".machine,\"aw\",@nobits#")))

/* physmem.c */
void physmem_init(void);
void arena_init(void);
int physmem_handle(void); /* handle of region 0's file */
/* Maps stack number @index at @addr. Returns 0 or -errno. */
int arena_map_stack(void *addr, u64 index);
u64 arena_stack_offset(u64 index); /* in the arena's file, in bytes */
/* For save.c: the parts of a saved state. */
#define PHYSMEM_MAPS 2
#define REGION_MAPS 15
bool physmem_is_private(void); /* true: memory is no physmem= file */
/* Fills in the first two files of @s, and the first PHYSMEM_MAPS of @maps. */
void physmem_describe(struct os_state *s, struct os_state_map *maps);
/* @files: the handles of these two files in the new process. */
void physmem_restored(const int *files);
/* Called once machine_mark() (arch.h) has recorded a mark: reads base_bits again. */
void physmem_marked(void);
/*
 * Result of os_base(): a bit for each frame, set if the frame's content is still in the file of a
 * state or in the memory of a mark. NULL: there is neither.
 */
extern const u64 *base_bits;
static inline bool physmem_has_base(void)
{
	return unlikely(base_bits != NULL);
}
static inline bool physmem_in_base(pfn_t pfn)
{
	return physmem_has_base() && pfn < physmem_frames &&
	       __atomic_load_n(&base_bits[pfn / 64], __ATOMIC_ACQUIRE) >> pfn % 64 & 1;
}
/* pieces.c: records that physmem consists of @n host maps now */
void physmem_set_pieces(u32 n);
/*
 * Adds the files of the regions to @s, and their maps to @maps, which has room for REGION_MAPS.
 * Returns the number of maps.
 */
u32 region_describe(struct os_state *s, struct os_state_map *maps);
/* @files: the handles of the regions' files in the new process. */
void region_restored(const int *files);
u32 stacks_max(void); /* upper bound for stacks_describe() */
/* Adds the maps of the kernel stacks to @maps, with room for stacks_max(). Returns how many. */
u32 stacks_describe(struct os_state_map *maps);
void stacks_restored(void);
/*
 * Calls @fn for each task that has a stack, dead ones included, until a call does not return 0.
 * Returns that result, or 0. The machine is stopped.
 */
int stacks_each_task(int (*fn)(struct task *t));
/* True between arch_initrd() and arch_initrd_free(). */
bool initrd_is_mapped(void);
void oops_restored(void);
/*
 * Sets the clock of cpuclock.c after a restore: it showed @cpu_ns when os_clock_mono() was
 * @host_ns.
 */
void cpu_clock_restored(u64 cpu_ns, u64 host_ns);
/* Does as cpu_clock_restored(), after the machine was put back to its mark. */
void cpu_clock_put_back(u64 cpu_ns, u64 host_ns);
void irq_restored(void);
/* Makes every line pending, after the machine was put back to its mark. */
void irq_put_back(void);
/*
 * Sets the parameters of a restore, or ends the process with refuse(). @fresh: they replace those
 * of the saved command line.
 */
void params_again(int argc, char **argv, bool fresh);

/* time.c: guest's monotonic clock + mono_base = host's, in ns */
extern u64 mono_base;
void time_init(void);
/* Converts a deadline of ktime_get() (~0: none) to os_clock_mono()'s scale. */
static inline u64 host_deadline(u64 guest_deadline)
{
	s64 t;

	if (__builtin_add_overflow((s64)guest_deadline, (s64)mono_base, &t) ||
		(s64)guest_deadline < 0)
		return OS_FOREVER;
	return t < 0 ? 0 : (u64)t;
}

/* true: a task was in the host's vdso when the instance was saved */
extern bool machine_vdso_used;
struct vdso_data;
/* time.c: fills in the offsets between clocks */
void time_vdso_data(struct vdso_data *d);

/* cpuclock.c */
void cpu_clock_start(void);

/* params.c: reads the command line; ends the process for --help, or with refuse() */
void params_parse(int argc, char **argv);

/* oops.c */
void oops_init(void);

#endif
