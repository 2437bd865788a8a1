/* SPDX-License-Identifier: MIT */
/*
 * save.c: the machine's part of a saved state, and of continuing from one. os-linux/state/ has the
 * files and the mapping; kernel/state/state.c calls both.
 *
 *	machine_save_reset()     a new save begins; the calls below are repeated until they succeed
 *	machine_save_begin()    allocates the lists; the machine still runs
 *	machine_save_prepare()  a thread of the host opens the files, and gets memory for copies
 *	machine_save_early_begin()   of a large memory: see below
 *	machine_save_settle()   stopped: copies state that is in spaces to the guest's own memory
 *	machine_save()          stopped: writes; returns once more in each process that continues
 *	machine_save_end()      frees the lists
 *	machine_save_sync()     the machine runs again: writes the data that was only copied
 *
 * Spaces are not saved: they are a cache of the page tables. Information that only a space has is
 * fetched first: FPU states, and which pages were touched. The saved instance keeps its spaces
 * unchanged.
 */
#include <asm/errno.h>

#include "arch/um/internal.h"
#include "arch/um/machine/timetravel.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/sched.h"
#include "skas/skas.h"

#define MSEC 1000000UL
/* larger than the host's vdso */
#define VDSO_SIZE 0x10000UL
/* ns for which a save waits for tasks to leave the host's vdso */
#define VDSO_PATIENCE (50 * MSEC)

/* spare entries for stacks that are made between the count and the stop */
#define SPARE_STACKS 256

static struct os_state state;
static struct os_state_map *maps;
static u32 maps_max;
static u8 *skip;
/* the vCPU's clock and the host's clock at the stop, in ns */
static u64 cpu_ns, host_ns;
/*
 * time at which this save first found a task in the host's vdso, or 0. A save waits for such tasks
 * only once.
 */
static u64 vdso_since;
bool machine_vdso_used;

u32 machine_boot;

const char *machine_save_obstacle(void)
{
#ifdef CONFIG_ASAN
	return "a kernel of MODE=asan has memory outside of what is saved";
#endif
	if (time_travels)
		return "with time-travel= the instance's time is not the host's";
	if (!physmem_is_private())
		return "its memory is the file of physmem=";
	if (initrd_is_mapped())
		return "it has not finished its boot";
	return NULL;
}

static u64 skip_size(void)
{
	return DIV_ROUND_UP(physmem_frames, 8);
}

void machine_save_reset(void)
{
	vdso_since = 0;
}

static int make_lists(void)
{
	maps_max = PHYSMEM_MAPS + REGION_MAPS + stacks_max() + SPARE_STACKS;
	maps = kmalloc(maps_max * sizeof(*maps), GFP_KERNEL);
	/* without this bitmap, free frames that are not zero are written too */
	skip = kmalloc(skip_size(), GFP_KERNEL);
	return maps ? 0 : -ENOMEM;
}

int machine_save_begin(void)
{
	if (make_lists())
		return -ENOMEM;
	memset(&state, 0, sizeof(state));
	physmem_describe(&state, maps);
	state.nr_maps = PHYSMEM_MAPS;
	state.map = maps;
	return 0;
}

int machine_save_prepare(const char *dir, char *why, size_t size)
{
	int err = os_state_prepare(dir, &state);

	if (err && err != -EINPROGRESS)
		strscpy(why, state.why, size);
	return err;
}

void machine_save_drop(void)
{
	os_state_drop();
}

void machine_save_end(void)
{
	kfree(maps);
	kfree(skip);
	maps = NULL;
	skip = NULL;
}

/*
 * Fetches the task's FPU state from its runner. A dead task's runner may be gone with its space;
 * the state of such a task is dropped.
 */
static int settle_task(struct task *t)
{
	if (t->arch.fpu.runner)
		skas_fpu_save(&t->arch.fpu);
	return 0;
}

/* the task that holds a lock which an mm needs to settle in this stop, or NULL */
static const struct task *holder;

static int settle_mm(struct mm *mm)
{
	int err = pmap_settle_stopped(&mm->pmap);

	if (err)
		holder = mm->pmap.lock.owner;
	return err;
}

/*
 * Settles all address spaces. On -EAGAIN @why names the task for which the machine has to run on.
 */
static int settle_mms(char *why, size_t size)
{
	int err;

	holder = NULL;
	err = mm_each_stopped(settle_mm);
	if (holder)
		scnprintf(why, size, "task %s holds an address space for too long, and %s",
			holder->comm, holder->state == TASK_RUNNING ? "gets no turn" : "sleeps");
	return err;
}

bool arch_in_host_vdso(u64 addr)
{
	return skas_host_vdso() && addr - skas_host_vdso() < VDSO_SIZE;
}

/* True if the task is in the host's vdso, or will be when a signal handler returns. */
static int uses_host_vdso(struct task *t)
{
	return t->arch.vdso_frames || arch_in_host_vdso(task_regs(t)->rip);
}

/*
 * Returns -EAGAIN, so that the machine runs on for a while, if a task is in the host's vdso, since
 * another host may have other code there. A task stays there only for nanoseconds, but it may be
 * waiting for a vCPU, or be stopped.
 */
static int settle_vdso(void)
{
	machine_vdso_used = stacks_each_task(uses_host_vdso);
	if (!machine_vdso_used)
		return 0;
	if (!vdso_since)
		vdso_since = os_clock_mono();
	return os_clock_mono() - vdso_since < VDSO_PATIENCE ? -EAGAIN : 0;
}

int machine_save_settle(char *why, size_t size)
{
	int err = settle_vdso();

	if (err)
		strscpy(why, "a task is in the host's vdso", size);
	else
		err = settle_mms(why, size);
	return err ? err : stacks_each_task(settle_task);
}

/* ---- writing most of a large memory before the stop ---- */

bool machine_save_wants_early(void)
{
	return os_state_wants_early();
}

static int drop_mm(struct mm *mm)
{
	return pmap_drop_stopped(&mm->pmap);
}

int machine_save_early_begin(char *why, size_t size)
{
	int err = settle_mms(why, size);

	if (!err)
		err = mm_each_stopped(drop_mm);
	if (err)
		return err;
	/* a pooled space maps frames, and the next mm might keep these mappings */
	skas_forget_images();
	if (skip) {
		memset(skip, 0, skip_size());
		mm_note_free(skip);
	}
	state.skip = skip;
	os_state_early_begin();
	return 0;
}

s64 machine_save_early(char *why, size_t size)
{
	int err = os_state_early(&state);

	if (err && err != -EINPROGRESS)
		strscpy(why, state.why, size);
	return err;
}

void machine_look_for_events(void)
{
	os_event_poll(smp_processor_id());
	irq_poll();
}

void machine_pause(u64 ns)
{
	os_sleep_until(os_clock_mono() + ns);
}

static u64 write_state(void *dir)
{
	return (u64)(s64)os_state_save(dir, &state);
}

/* Describes all memory. Returns -EAGAIN if the lists are now too small. */
static int describe(void)
{
	if (stacks_max() + PHYSMEM_MAPS + REGION_MAPS > maps_max)
		return -EAGAIN;
	memset(&state, 0, sizeof(state));
	physmem_describe(&state, maps);
	state.nr_maps = PHYSMEM_MAPS;
	state.nr_maps += stacks_describe(maps + state.nr_maps);
	state.nr_maps += region_describe(&state, maps + state.nr_maps);
	state.map = maps;
	if (skip) {
		memset(skip, 0, skip_size());
		mm_note_free(skip);
	}
	state.skip = skip;
	state.ncpus = (u32)nr_cpus;
	state.stub_base = skas_base();
	state.xfeatures = skas_xfeatures();
	state.xstate_size = xstate_size;
	cpu_ns = arch_cpu_clock();
	host_ns = os_clock_mono();
	for (int cpu = 0; cpu < nr_cpus; cpu++)
		state.sp[cpu] = machine_sp[cpu];
	return 0;
}

/* ---- after spaces were lost ---- */

static int forget_mm(struct mm *mm)
{
	pmap_forget_space(&mm->pmap);
	return 0;
}

static int forget_answers(struct task *t)
{
	t->arch.answers_at = 0;
	t->arch.fpu.runner = NULL;
	return 0;
}

/*
 * Resets this process's own data after the memory was put back: the former spaces are in the pool,
 * and no mm has a space.
 */
static void is_back(void)
{
	irq_put_back();
	pmap_forget_cpus();
	stacks_each_task(forget_answers);
	cpu_clock_put_back(cpu_ns, host_ns);
	skas_answers_revoke();
	arch_entry.clock_changed();
	arch_entry.random_renew();
}

/* ---- the save itself ---- */

s64 machine_save(const char *dir, char *why, size_t size)
{
	s64 err = describe();

	if (err)
		return err;
	err = (s64)machine_park(&state.sp[0], write_state, (void *)dir);
	if (err == (s64)MACHINE_RESTORED && os_marked()) {
		mm_each_stopped(forget_mm);
		is_back();
		return MACHINE_PUT_BACK;
	}
	if (err == (s64)MACHINE_RESTORED)
		return MACHINE_GOES_ON;
	if (err)
		strscpy(why, state.why, size);
	return err;
}

bool machine_mark_saved(void)
{
	return !os_mark_saved(&state);
}

s64 machine_save_sync(char *why, size_t size)
{
	int err = os_state_finish(&state);

	if (err && err != -EINPROGRESS)
		strscpy(why, state.why, size);
	return err ? err : (s64)state.bytes;
}

/* ---- going back in place ---- */

int machine_mark_begin(void)
{
	return make_lists();
}

/* the mm that its tasks do not change and no other task uses, or NULL */
static const struct mm *quiet_mm;

static int no_sleepers(struct mm *mm)
{
	mm->pmap.sleepers = 0;
	return 0;
}

static int count_sleeper(struct task *t)
{
	if (t->mm && READ_ONCE(t->state) == TASK_INTERRUPTIBLE)
		t->mm->pmap.sleepers++;
	return 0;
}

/*
 * True if no task has changed a page table entry and not yet queued the order to the space for it:
 * all tasks of the mm sleep interruptibly, which a task never does between the change and the
 * order, and no other task holds the mm's lock.
 */
static bool is_quiet(struct mm *mm)
{
	if (mm == quiet_mm)
		return true;
	if (mm->pmap.sleepers != (u32)atomic_read(&mm->mm_users) ||
		!down_write_trylock(&mm->mmap_lock))
		return false;
	up_write(&mm->mmap_lock);
	return true;
}

static int put_space(struct mm *mm)
{
	return pmap_leave_stopped(&mm->pmap, is_quiet(mm));
}

static int forget_put(struct mm *mm)
{
	pmap_forget_left(&mm->pmap);
	return 0;
}

/*
 * Gives all spaces back to the pool. The caller then calls forget_put() for all mms, unless the
 * memory is replaced. First copies FPU states from the runners to the tasks, since a space that is
 * put loses them.
 */
static int put_spaces(const struct mm *quiet)
{
	int err = stacks_each_task(settle_task);

	quiet_mm = quiet;
	mm_each_stopped(no_sleepers);
	stacks_each_task(count_sleeper);
	if (!err)
		err = mm_each_stopped(put_space);
	return err;
}

static u64 copy_memory(void *unused)
{
	return (u64)(s64)os_mark(&state);
}

s64 machine_mark(char *why, size_t size)
{
	s64 err = settle_mms(why, size);

	if (!err)
		err = put_spaces(NULL);
	mm_each_stopped(forget_put);
	if (!err)
		err = describe();
	if (err)
		return err;
	/* pooled spaces have to end, since they still map frames that are free at the mark */
	skas_trim();
	err = (s64)machine_park(&state.sp[0], copy_memory, NULL);
	if (err == (s64)MACHINE_RESTORED) {
		is_back();
		return MACHINE_GOES_ON;
	}
	if (err)
		strscpy(why, state.why, size);
	else
		physmem_marked();
	return err;
}

static u64 mark_restored(void *unused)
{
	return (u64)(s64)os_mark_restored(state.sp[0]);
}

s64 machine_mark_restored(void)
{
	s64 err;

	if (!os_restored()->rolled_back)
		return -EINVAL;
	cpu_ns = arch_cpu_clock();
	host_ns = os_clock_mono();
	err = (s64)machine_park(&state.sp[0], mark_restored, NULL);
	if (err != (s64)MACHINE_RESTORED)
		return err;
	is_back();
	return MACHINE_GOES_ON;
}

bool machine_can_go_back(const char *dir)
{
	return os_can_go_back(dir);
}

void machine_unmark_states(void)
{
	os_unmark_states();
}

int machine_put_back_begin(const struct mm *quiet)
{
	int err = os_marked() ? put_spaces(quiet) : -EINVAL;

	if (err)
		machine_put_back_undo();
	return err;
}

void machine_put_back_undo(void)
{
	mm_each_stopped(forget_put);
}

void machine_put_back(void)
{
	os_put_back();
}

void machine_unmark(void)
{
	os_unmark();
}

/* ---- continuing from a state ---- */

void machine_restored(void)
{
	const struct os_restored *r = os_restored();

	physmem_restored(r->file);
	region_restored(r->file + PHYSMEM_MAPS);
	stacks_restored();
	irq_restored();
	oops_restored();
	pmap_forget_cpus();
	mm_each_stopped(forget_mm);
	stacks_each_task(forget_answers);
	cpu_clock_restored(cpu_ns, host_ns);
	if (r->identity == OS_IDENTITY_NEW)
		machine_boot++;
}

bool machine_is_copy(void)
{
	const struct os_restored *r = os_restored();

	/* a process that has booted was put back in place */
	return !r || os_marked() || (r->identity != OS_IDENTITY_MOVED && !r->fresh);
}

const char *machine_restored_from(void)
{
	const struct os_restored *r = os_restored();

	return r ? r->dir : NULL;
}

void machine_read_parameters(void)
{
	const struct os_restored *r = os_restored();

	params_again(r->argc, r->argv, r->fresh != 0);
}

bool machine_is_fresh(u64 *gap)
{
	const struct os_restored *r = os_restored();

	*gap = r->gap;
	if (r->fresh)
		machine_boot++;
	return r->fresh != 0;
}

bool machine_waits(void)
{
	return os_restored()->waits != 0;
}

void machine_wait_begin(void)
{
	os_clock_stand();
	os_restored_waits();
}

void machine_wait_end(void)
{
	os_clock_go_on();
	arch_entry.clock_changed();
}

void machine_runs(void)
{
	os_restored_runs();
}

int machine_save_readable(const char *dir)
{
	size_t size = strlen(dir) + sizeof("/memory");
	char *path = kmalloc(size, GFP_KERNEL);
	int file;

	if (!path)
		return -ENOMEM;
	scnprintf(path, size, "%s/memory", dir);
	file = os_file_open(path, OS_READ);
	kfree(path);
	if (file < 0)
		return file;
	os_file_close(file);
	return 0;
}

void machine_roll_back(const char *dir)
{
	vcpu_stop_for_good();
	skas_exit();
	os_restart_from(dir);
}
