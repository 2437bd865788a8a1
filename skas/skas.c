/* SPDX-License-Identifier: MIT */
/*
 * skas.c: start and end of skas, and the choice of the mode; implements most of skas.h.
 *
 * skas_init() probes the host, writes the filters and the addresses of the chosen window into a
 * copy of the stub's image, and starts the zygote from it. Then it makes one space with one runner
 * as a trial: if that fails, no guest could run. With skas_config.trial_later, skas_trial() makes
 * this space.
 */
#include <asm/unistd.h>
#include <linux/elf.h>
#include <linux/prctl.h>

#include "gen/stub_syms.h"
#include "kernel/lib/string.h"
#include "skas/internal.h"

/* with states up to this size, two frames and three areas fit into the alt stack */
#define MAX_XSTATE 5632
#define START_ATTEMPTS 16
/*
 * attempts at the highest addresses, where the zygote's own stack, at a random address, may be
 * in the way
 */
#define LOWER_AFTER 8
#define LOWER_STEP (16UL * STUB_WINDOW)
#define TRAMP_WINDOW (16UL << 20)
#define TRAMP_DISP 2 /* displacement in the trampoline's lea */
/* sizes of the instructions that replace others where the host has no FSGSBASE */
#define TRAMP_FIND_SIZE 9
#define TRAMP_SKIP_SIZE 2
/* shift of the address bits by which the trampoline recognises the window */
#define TRAMP_SHIFT 24

struct skas skas;

extern const char stub_elf_start[], stub_elf_end[];

/* ---- the image ---- */

static const Elf64_Phdr *phdr_of(const void *image, u64 addr)
{
	const Elf64_Ehdr *eh = image;
	const Elf64_Phdr *ph = (const void *)((const u8 *)image + eh->e_phoff);

	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && addr >= ph[i].p_vaddr &&
			addr < ph[i].p_vaddr + ph[i].p_filesz)
			return &ph[i];
	return NULL;
}

/* Returns the size of the part of the file that is loaded. */
static u64 loaded_size(const void *image)
{
	const Elf64_Ehdr *eh = image;
	const Elf64_Phdr *ph = (const void *)((const u8 *)image + eh->e_phoff);
	u64 size = 0;

	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			size = max(size, ph[i].p_offset + ph[i].p_filesz);
	return size;
}

static u64 file_offset(const void *image, u64 addr)
{
	const Elf64_Phdr *ph = phdr_of(image, addr);

	return ph->p_offset + (addr - ph->p_vaddr);
}

/* Replaces an instruction of the trampoline by the one at @from. */
static void replace(u8 *image, u64 to, u64 from, u64 size)
{
	memcpy(image + file_offset(image, to), image + file_offset(image, from), size);
}

static void without_fsgsbase(u8 *image)
{
	replace(image, STUB_SYM_tramp, STUB_SYM_tramp_find_rcx, TRAMP_FIND_SIZE);
	replace(image, STUB_SYM_tramp_rbx, STUB_SYM_tramp_find_rbx, TRAMP_FIND_SIZE);
	replace(image, STUB_SYM_tramp_fs, STUB_SYM_tramp_skip, TRAMP_SKIP_SIZE);
}

/*
 * Adapts the program to the window at @base. It is linked at 0 without relocations, so only the
 * addresses in its headers change.
 */
static void write_image(u8 *image, u64 size, u64 base)
{
	s32 window = -(s32)(u32)(base >> TRAMP_SHIFT);
	Elf64_Ehdr *eh = (void *)image;
	Elf64_Phdr *ph;

	memcpy(image, stub_elf_start, size);
	memcpy(image + file_offset(image, STUB_SYM_tramp_window) + TRAMP_DISP, &window,
		sizeof(window));
	if (!(skas.caps & OS_SPACE_FSGSBASE))
		without_fsgsbase(image);
	ph = (void *)(image + eh->e_phoff);
	filters_write(image + file_offset(image, STUB_SYM_stub_filters), base);
	memcpy(image + file_offset(image, STUB_SYM_stub_xfeatures), &skas.xfeatures,
		sizeof(skas.xfeatures));
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD) {
			ph[i].p_vaddr += base;
			ph[i].p_paddr += base;
		}
	eh->e_entry += base;
	eh->e_shoff = 0;
	eh->e_shnum = eh->e_shstrndx = 0;
}

/* ---- the zygote ---- */

/*
 * Starts the zygote at @base. The image is assembled in memory that will be the first space's
 * control area. Returns 0, -EADDRINUSE if the window is not free, or another -errno.
 */
static int start_zygote_at(u64 base, u64 top)
{
	u8 *image = (u8 *)(CTL_MAP_BASE + skas.ctl_stride);
	struct os_space_setup setup = {
		.image = image,
		.size = loaded_size(stub_elf_start),
		.base = base,
		.window = STUB_WINDOW,
		.vdso_at = base + STUB_VDSO,
		.vdso_room = STUB_VDSO_SIZE,
		.top = top,
		.filter = skas.caps & OS_SPACE_SECCOMP ? base + STUB_SYM_stub_filters : 0,
		.words_at = base + STUB_WORDS,
		.words_size = (u64)skas.cfg.ncpus * WORDS_SIZE,
		.words_off = CTL_WORDS,
		.ctl = skas.ctl_file,
		.physmem = skas.cfg.physmem,
		.running = skas_running,
		.tsc_may = &skas.tsc_may,
		.tsc_traps = skas.cfg.trap_tsc ? &skas.tsc_traps : NULL,
	};
	int err;

	if (setup.size > skas.ctl_stride)
		return -E2BIG;
	write_image(image, setup.size, base);
	err = os_space_start(&setup, &skas.vdso);
	os_mem_punch(skas.ctl_file, skas.ctl_stride, skas.ctl_stride);
	return err;
}

/*
 * Starts the zygote at the highest possible address. The window does not cross 4 GiB, since filters
 * compare addresses by halves. It lies at the start of 16 MiB in which no guest maps anything, so
 * the trampoline can recognise it by the high address bits.
 */
static int start_zygote(void)
{
	u64 top = os_space_top();
	u64 base = skas.cfg.base ? skas.cfg.base : round_down(top - STUB_WINDOW, TRAMP_WINDOW);
	int err = -EADDRINUSE;

	for (int i = 0; i < START_ATTEMPTS && err == -EADDRINUSE; i++) {
		if (i >= LOWER_AFTER && !skas.cfg.base)
			base -= LOWER_STEP;
		skas.base = base;
		err = start_zygote_at(base, top);
	}
	return err;
}

/* ---- start ---- */

static int open_control_file(void)
{
	u64 size;
	int err;

	skas.ctl_stride = CTL_FIRST_SLOT + (u64)skas.cfg.ncpus * SLOT_STRIDE;
	size = (u64)skas.max_spaces * skas.ctl_stride;
	skas.ctl_file = os_mem_create("nestling-control", size);
	if (skas.ctl_file < 0)
		return skas.ctl_file;
	err = os_mem_map(
		(void *)CTL_MAP_BASE, size, OS_PROT_READ | OS_PROT_WRITE, skas.ctl_file, 0, 0);
	if (err)
		os_file_close(skas.ctl_file);
	return err;
}

/* Makes one space and one runner, which then go to the pool. Returns 0 or -errno. */
static int trial(void)
{
	struct space *s = space_make();
	int err;

	if (IS_ERR(s))
		return (int)PTR_ERR(s);
	err = runner_make(&s->runner[0]);
	if (err)
		space_end(s);
	else
		space_put(s);
	return err;
}

static int start_mode(const struct skas_ops *ops)
{
	int err;

	skas.ops = ops;
	err = start_zygote();
	if (err)
		return err;
	skas.patching = skas.cfg.patch && ops == &seccomp_ops && skas.caps & OS_SPACE_BMI2;
	err = skas.cfg.trial_later ? 0 : trial();
	if (err)
		os_space_stop();
	return err;
}

#define ASKED "seccomp=on: "
/* Returns NULL if seccomp mode can work on this host, or the reason why not. */
static const char *seccomp_obstacle(void)
{
	if (!(skas.caps & OS_SPACE_SECCOMP))
		return ASKED "the host offers no seccomp filters";
	if (!(skas.caps & OS_SPACE_IRET))
		return ASKED "iretq faults in user mode, as in QEMU before 9.1 with SMAP "
			     "(remedy: -cpu MODEL,-smap)";
	return NULL;
}

/* Returns the message for a host on which no mode works. */
static const char *reason(int err)
{
	static char text[400];

	if (skas.strays)
		return "no address space for a guest: the host ignores CLONE_PARENT, as gVisor "
		       "does";
	if (err == -EADDRINUSE)
		return "no address space for a guest: the top of the host's address space is in "
		       "use";
	snprintf(text, sizeof(text), "no address space for a guest: %s", os_why(err));
	return text;
}

/* Reads what the host offers. Returns 0, or -errno with *why set. */
static int probe(const char **why)
{
	struct os_space_host host;
	int err = os_space_probe(&host);

	if (err) {
		*why = reason(err);
		return err;
	}
	skas.caps = host.caps;
	skas.xfeatures = host.xfeatures;
	xstate_size = host.xstate_size;
	skas.host_cpus = os_ncpus();
	fpu_learn_parts();
	handoff_init();
	answers_init();
	space_init();
	if (xstate_size >= XSAVE_LEGACY && xstate_size <= MAX_XSTATE)
		return 0;
	*why = "the host's signal frames have an FPU state of a size that is not supported, as "
	       "in gVisor on a CPU with AMX";
	return -ENODEV;
}

static int start_any_mode(const char **why)
{
	const char *obstacle = seccomp_obstacle();
	int err = -ENODEV;

	if (skas.cfg.mode == SKAS_SECCOMP && obstacle) {
		*why = obstacle;
		return err;
	}
	if (skas.cfg.mode != SKAS_PTRACE && obstacle)
		pr_notice("skas: guests run under ptrace: %s\n", obstacle + sizeof(ASKED) - 1);
	if (skas.cfg.mode != SKAS_PTRACE && !obstacle)
		err = start_mode(&seccomp_ops);
	if (err && skas.cfg.mode != SKAS_SECCOMP)
		err = start_mode(&ptrace_ops);
	if (err)
		*why = reason(err);
	return err;
}

int skas_init(const struct skas_config *cfg, const char **why)
{
	int err;

	skas.cfg = *cfg;
	BUG_ON(cfg->ncpus < 1 || cfg->ncpus > STUB_MAX_SLOTS);
	err = probe(why);
	if (err)
		return err;
	err = open_control_file();
	if (err) {
		*why = reason(err);
		return err;
	}
	return start_any_mode(why);
}

int skas_trial(const char **why)
{
	int err = skas.cfg.trial_later ? trial() : 0;

	skas.cfg.trial_later = false;
	if (err)
		*why = reason(err);
	return err;
}

void skas_exit(void)
{
	os_space_stop();
}

const char *skas_mode_name(void)
{
	return skas.ops->name;
}

u64 skas_xfeatures(void)
{
	return skas.xfeatures;
}

u64 skas_base(void)
{
	return skas.base;
}

u64 skas_task_size(void)
{
	return skas.base;
}

bool skas_has_ldt(void)
{
	return skas.caps & OS_SPACE_LDT;
}

bool skas_tsc_traps(void)
{
	return skas.tsc_traps;
}

bool skas_tsc_may_trap(void)
{
	return skas.tsc_may;
}

u64 skas_host_vdso(void)
{
	return skas.vdso;
}

u64 skas_patch_entry(void)
{
	return skas.patching ? skas.base + STUB_SYM_tramp : 0;
}

int skas_region_add(int region, int file)
{
	if (region < 1 || region >= MAX_REGIONS)
		return -EINVAL;
	/* at boot the pool has only the space of the trial */
	pool_empty();
	if (spaces_exist())
		return -EBUSY;
	return os_space_give_file(file, ZFD_REGION + region);
}

/* ---- running ---- */

/*
 * Makes a runner, ending pooled spaces at the host's limit of tasks. Returns -EAGAIN if that was
 * not enough.
 */
static int make_runner(struct runner *r)
{
	int err = runner_make(r);

	if (err == -EAGAIN || err == -ENOMEM) {
		pool_empty();
		err = runner_make(r);
	}
	return err == -ENOMEM ? -EAGAIN : err;
}

/*
 * Makes a runner if there is none, and applies all orders. Returns 0, -EAGAIN if the host has no
 * task for a runner now, or another -errno if the space cannot run any more.
 */
static int make_ready(struct space *s, struct runner *r)
{
	if (unlikely(space_dead(s)))
		return -EIO;
	if (unlikely(r->state == RUNNER_NONE))
		return make_runner(r);
	return space_pending(s) ? space_flush(s) : 0;
}

/* for messages only: if two spaces are lost at once, the later cause is kept */
static char why_lost[256];

void note_death(const char *role, int task)
{
	char how[200];

	if (os_space_died(task, how, sizeof(how)))
		snprintf(why_lost, sizeof(why_lost), "%s %s", role, how);
}

const char *skas_why_lost(void)
{
	return why_lost;
}

bool skas_zygote_died(char *buf, size_t size)
{
	return os_space_zygote_died(buf, size);
}

void skas_run(struct space *s, int cpu, struct regs *regs, struct fpu *fpu, u64 deadline,
	struct skas_event *ev)
{
	struct runner *r = &s->runner[cpu];
	int err = make_ready(s, r);

	*ev = (struct skas_event){ .type = err == -EAGAIN ? EV_SCARCE : EV_DEAD };
	if (likely(!err))
		skas.ops->run(r, regs, fpu, deadline, ev);
	if (likely(ev->type != EV_DEAD))
		return;
	note_death("a runner", r->task);
	pr_notice("skas: a space is lost: runner %s, event %u, turn %u, signal %d at stub+%#llx, "
		  "fault at %#llx\n",
		os_space_is_dead(r->task) == 1 ? "dead" : "alive", r->ctl->event, r->ctl->turn,
		r->ctl->code, (unsigned long long)(r->ctl->stub_rip - skas.base),
		(unsigned long long)r->ctl->cr2);
	space_lose(s);
}

/* ---- debug registers ---- */

static bool same_debug(const struct debug_regs *a, const struct debug_regs *b)
{
	return a->dr7 == b->dr7 && (!a->dr7 || !memcmp(a->addr, b->addr, sizeof(a->addr)));
}

int skas_debug(struct space *s, int cpu, const struct debug_regs *d)
{
	struct runner *r = &s->runner[cpu];
	int err;

	if ((r->state == RUNNER_NONE && !d->dr7) || same_debug(&r->debug, d))
		return 0;
	if (skas.ops != &seccomp_ops)
		return -EOPNOTSUPP;
	err = make_ready(s, r);
	if (err == -EAGAIN)
		return err;
	/* the space is given up, or skas_run() would make a runner without the breakpoints */
	if (err) {
		space_lose(s);
		return 0;
	}
	err = os_space_debug_set(r->task, d->addr, d->dr7);
	if (!err) {
		r->debug = *d;
		return 1;
	}
	/* the runner is dead, which skas_run() reports; a zombie may not be traced (-EPERM) */
	if (err == -ESRCH || os_space_is_dead(r->task) == 1)
		return 0;
	/* no other task may stop at a breakpoint that is perhaps still set */
	if (r->debug.dr7) {
		space_lose(s);
		return 0;
	}
	return err;
}

int skas_debug_hits(struct space *s, int cpu, u64 *dr6)
{
	return os_space_debug_hits(s->runner[cpu].task, dr6);
}

/* ---- the time-stamp counter ---- */

/* Makes the mapper, and the runners that it makes, trap rdtsc. */
static int ask_for_tsc(struct space *s)
{
	struct order o = { .nr = __NR_prctl, .rdi = PR_SET_TSC, .rsi = PR_TSC_SIGSEGV };
	int err = 0;

	skas_lock(&s->lock);
	if (!s->tsc_traps)
		err = s->dead ? -EIO : space_try_locked(s, &o);
	if (!err)
		s->tsc_traps = true;
	skas_unlock(&s->lock);
	return err;
}

void skas_trap_tsc(struct space *s, int cpu)
{
	struct runner *r = &s->runner[cpu];

	if (likely(r->tsc_traps))
		return;
	if (ask_for_tsc(s)) {
		space_lose(s);
		return;
	}
	if (r->state == RUNNER_NONE)
		return;
	fpu_evict(r);
	skas_lock(&s->lock);
	runner_end(r);
	skas_unlock(&s->lock);
}

void skas_kick(int cpu)
{
	os_cpu_kick(cpu);
}

static u64 patched_calls(void)
{
	u64 n = 0;

	for (int cpu = 0; cpu < skas.cfg.ncpus; cpu++)
		n += READ_ONCE(skas.calls[cpu].patched);
	return n;
}

int skas_format_stats(char *buf, size_t size)
{
	const struct skas_stats *st = &skas.stats;
	struct handoff_counts c;
	int n;

	handoff_sum(&c);
	n = scnprintf(buf, size,
		"mode %s\npatched_calls %llu\nfpu_saves %llu\nspun %llu\nslept %llu\nwoken "
		"%llu\nacross %llu\napart %llu\nmoves %llu\n",
		skas.ops->name, (unsigned long long)patched_calls(),
		(unsigned long long)st->fpu_saves, (unsigned long long)c.spun,
		(unsigned long long)c.slept, (unsigned long long)c.woken,
		(unsigned long long)c.across, (unsigned long long)c.apart,
		(unsigned long long)c.moves);
	return n + scnprintf(buf + n, size - (size_t)n,
			   "kicks %llu\nproofs %llu\nproofs_failed %llu\nspaces_made %llu\n"
			   "spaces_from_pool %llu\nspaces_killed %llu\nrunners_made %llu\n"
			   "flushes %llu\norders %llu\n",
			   (unsigned long long)st->kicks, (unsigned long long)st->proofs,
			   (unsigned long long)st->proofs_failed, (unsigned long long)st->forks,
			   (unsigned long long)st->pooled, (unsigned long long)st->killed,
			   (unsigned long long)st->runners, (unsigned long long)st->flushes,
			   (unsigned long long)st->orders);
}
