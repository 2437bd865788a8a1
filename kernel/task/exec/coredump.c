/* SPDX-License-Identifier: MIT */
/*
 * coredump.c: writes the core dump of a process that a signal kills: an ELF file for gdb.
 *
 * coredump() checks that a dump is wanted (RLIMIT_CORE, dumpable). It kills all other threads,
 * which then wait in coredump_wait_exit() with their registers. It makes a new file with the name
 * from core_pattern, and writes headers, notes (registers of each thread, auxv, mapped files,
 * siginfo) and memory. At last it lets the other threads exit.
 *
 * Invariants: the threads that coredump() waits for have not set PF_NO_MM. signal->core_state is
 * set until the dump is written, and is NULL afterwards. The process's coredump_filter selects the
 * memory in the dump (core(5)).
 *
 * A pattern that begins with '|' names a program that gets the dump (core_pipe.c); core_name.c
 * expands its letters.
 *
 * Locks: sighand->lock for core_state; mmap_lock (read) while the list of mappings is copied.
 */
#include <asm/ptrace.h>
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"
#include "kernel/vfs/vfs.h"

#define NT_SIGINFO_TYPE 0x53494749
#define NT_FILE_TYPE 0x46494c45
#define MAX_FILES_NOTE (256UL << 10)
#define FXSAVE_SIZE 512

struct core_state {
	/* Number of threads that have not arrived yet; under sighand->lock. */
	u32 waiting_for;
	struct list_head threads; /* of core_thread.list, under sighand->lock */
	struct completion gathered, done;
};
struct core_thread {
	struct list_head list;
	struct task *task;
};

/* Structures as gdb expects them: <sys/procfs.h>. */
struct elf_prstatus_k {
	s32 si_signo, si_code, si_errno;
	s16 cursig;
	u64 sigpend, sighold;
	s32 pid, ppid, pgrp, sid;
	s64 utime[2], stime[2], cutime[2], cstime[2];
	u64 reg[27];
	s32 fpvalid;
};
BUILD_BUG_ON(sizeof(struct elf_prstatus_k) != 336);
struct elf_prpsinfo_k {
	s8 state, sname, zomb, nice;
	u64 flag;
	u32 uid, gid;
	s32 pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
BUILD_BUG_ON(sizeof(struct elf_prpsinfo_k) != 136);

#define MAX_SEGMENTS 65000 /* e_phnum has 16 bits */

/* A mapping as of the beginning of the dump. */
struct segment {
	u64 start, end, size; /* size: number of bytes that are dumped */
	u32 rights;           /* PF_* */
};

struct dump {
	struct file *file;
	loff_t pos;
	/* limit: RLIMIT_CORE; written: bytes written, without holes */
	u64 limit, written;
	/* begun: the writing of the core has begun. Even a truncated core is reported as a core. */
	bool pipe, begun;
	int err;
	const siginfo_t *info;
	struct core_state *cs;
	struct segment *segments;
	u32 nr_segments;
	u8 *files; /* content of the NT_FILE note */
	u64 files_size;
};

/* ---- gathering the threads ---- */

void coredump_wait_exit(void)
{
	struct sighand_struct *sh = current->sighand;
	struct core_state *cs;
	struct core_thread me = { .task = current };

	spin_lock(&sh->lock);
	cs = current->signal->core_state;
	if (cs) {
		list_add_tail(&me.list, &cs->threads);
		if (!--cs->waiting_for)
			complete(&cs->gathered);
	} else {
		current->flags |= PF_NO_MM;
	}
	spin_unlock(&sh->lock);
	if (!cs)
		return;
	wait_for_completion(&cs->done);
	/* cs is on the stack of the dumper, which waits until all threads have passed this lock. */
	spin_lock(&sh->lock);
	list_del(&me.list);
	if (list_empty(&cs->threads))
		complete(&cs->gathered);
	spin_unlock(&sh->lock);
}

/*
 * Kills all threads but current, and waits until they are in coredump_wait_exit(). Returns false,
 * without effect, if the process is ending or executes a program.
 */
static bool stop_others(struct core_state *cs, int sig)
{
	struct signal_struct *signal = current->signal;
	struct task *t;

	spin_lock(&current->sighand->lock);
	if (signal->group_exit || signal->group_exec_task) {
		spin_unlock(&current->sighand->lock);
		return false;
	}
	signal->core_state = cs;
	/*
	 * process_is_dying() reads core_state without the lock: core_state must be visible before
	 * group_exit, or the memory would be freed early.
	 */
	smp_mb();
	begin_group_exit(signal, sig);
	for_each_thread(signal, t)
		cs->waiting_for += t != current && !(t->flags & PF_NO_MM);
	zap_other_threads(current);
	current->flags |= PF_DUMPCORE | PF_NO_MM;
	/*
	 * An earlier signal must not interrupt the writes. A SIGKILL that comes from now on does.
	 */
	clear_bit(TIF_SIGPENDING, &current->work_flags);
	spin_unlock(&current->sighand->lock);
	if (cs->waiting_for)
		wait_for_completion(&cs->gathered);
	return true;
}

static bool was_killed(void)
{
	return READ_ONCE(current->pending->signal) & sigmask_of(SIGKILL);
}

/*
 * Lets the threads that wait in coredump_wait_exit() go on, and waits until they do not need @cs
 * any more.
 */
static void let_others_go(struct core_state *cs, bool written)
{
	bool wait;

	spin_lock(&current->sighand->lock);
	if (written && !was_killed())
		current->signal->group_exit_code |= 0x80;
	current->signal->core_state = NULL;
	wait = !list_empty(&cs->threads);
	init_completion(&cs->gathered);
	spin_unlock(&current->sighand->lock);
	complete_all(&cs->done);
	if (!wait)
		return;
	wait_for_completion(&cs->gathered);
	/*
	 * Wait until the task that completed @gathered has dropped the lock, since it accesses cs
	 * until then.
	 */
	spin_lock(&current->sighand->lock);
	spin_unlock(&current->sighand->lock);
}

/* ---- writing ---- */

/* Writes @n bytes to the dump. A failure sets d->err, after which nothing is written. */
static void emit(struct dump *d, const void *p, size_t n)
{
	loff_t nowhere = 0;
	ssize_t done;

	if (d->err || !n)
		return;
	if (n > d->limit - d->written) {
		d->err = -EFBIG;
		return;
	}
	done = kernel_write(d->file, p, n, d->pipe ? &nowhere : &d->pos);
	if (d->pipe && done > 0)
		d->pos += done;
	if (done > 0)
		d->written += (u64)done;
	if (done != (ssize_t)n)
		d->err = done < 0 ? (int)done : -ENOSPC;
}

static const u8 zeros[PAGE_SIZE];

/* Leaves a hole of @n bytes, at most a page. In a pipe, writes zeros instead. */
static void skip(struct dump *d, size_t n)
{
	if (d->pipe)
		emit(d, zeros, n);
	else if (!d->err)
		d->pos += (loff_t)n;
}

/*
 * Extends the file to the length that its headers promise, if the dump ends with a hole and the
 * limit allows.
 */
static void end_file(struct dump *d)
{
	if (d->pipe || d->err || d->pos <= i_size_read(d->file->f_inode))
		return;
	d->pos--;
	emit(d, zeros, 1);
}

static void pad_to(struct dump *d, u64 align)
{
	skip(d, (size_t)(round_up((u64)d->pos, align) - (u64)d->pos));
}

static u64 note_size(u64 n)
{
	return sizeof(Elf64_Nhdr) + 8 + round_up(n, 4UL);
}

/* Writes a note whose content has two parts. */
static void note2(struct dump *d, const char *name, u32 type, const void *p, size_t n,
	const void *rest, size_t n_rest)
{
	Elf64_Nhdr nh = {
		.n_namesz = (u32)strlen(name) + 1, .n_descsz = (u32)(n + n_rest), .n_type = type
	};
	char padded[8] = { 0 };

	strscpy(padded, name, sizeof(padded));
	emit(d, &nh, sizeof(nh));
	emit(d, padded, sizeof(padded));
	emit(d, p, n);
	emit(d, rest, n_rest);
	pad_to(d, 4);
}

static void note(struct dump *d, const char *name, u32 type, const void *p, size_t n)
{
	note2(d, name, type, p, n, NULL, 0);
}

/* ---- which memory is dumped ---- */

/* Bits of /proc/PID/coredump_filter, see core(5). */
#define DUMP_ANON_PRIVATE 0x01
#define DUMP_ANON_SHARED 0x02
#define DUMP_FILE_PRIVATE 0x04
#define DUMP_FILE_SHARED 0x08
#define DUMP_ELF_HEADERS 0x10

/*
 * True if pages of a file's mapping were written to, even if they are write-protected now. These
 * are the dynamic linker's relocated data, which gdb needs to find the libraries.
 */
static bool has_private_pages(struct vm_area *vma)
{
	struct mem_walk_stats st = { 0 };

	vma_stats(vma, &st);
	return st.anonymous;
}

/* Returns how many bytes of the area the dump contains, from the area's beginning. */
static u64 dump_size(struct vm_area *vma)
{
	u32 filter = vma->vm_mm->coredump_filter;

	if (vma->vm_flags & (VM_IO | VM_DONTDUMP | VM_PFNMAP))
		return 0;
	if (vma->vm_flags & VM_SPECIAL_NAME)
		return vma->vm_end - vma->vm_start;
	if (!(vma->vm_flags & VM_SHARED) && (!vma->vm_file || (vma->vm_flags & VM_WRITE)))
		return filter & DUMP_ANON_PRIVATE ? vma->vm_end - vma->vm_start : 0;
	if (vma->vm_flags & VM_SHARED) {
		bool anon = !vma->vm_file || !vma->vm_file->f_inode->i_nlink;

		return filter & (anon ? DUMP_ANON_SHARED : DUMP_FILE_SHARED) ?
			       vma->vm_end - vma->vm_start :
			       0;
	}
	if (filter & DUMP_ANON_PRIVATE && has_private_pages(vma))
		return vma->vm_end - vma->vm_start;
	if (filter & DUMP_FILE_PRIVATE)
		return vma->vm_end - vma->vm_start;
	/* The headers of a program, which contain its build id. */
	if (filter & DUMP_ELF_HEADERS && !vma->vm_pgoff && (vma->vm_flags & VM_READ))
		return PAGE_SIZE;
	return 0;
}

/*
 * Writes @size bytes of memory from @start on; pages that cannot be read become a hole. SIGKILL
 * ends the dump with d->err.
 */
static void emit_memory(struct dump *d, u64 start, u64 size)
{
	for (u64 addr = start; addr < start + size && !d->err; addr += PAGE_SIZE) {
		struct page *p;

		if (was_killed()) {
			d->err = -EINTR;
			return;
		}
		p = get_user_page(current->mm, addr, FOLL_FORCE | FOLL_DUMP);
		if (IS_ERR_OR_NULL(p)) {
			skip(d, PAGE_SIZE);
		} else {
			emit(d, page_address(p), PAGE_SIZE);
			put_page(p);
		}
		cond_resched();
	}
}

/* ---- notes ---- */

static u32 thread_notes_size(void)
{
	return (u32)(note_size(sizeof(struct elf_prstatus_k)) + note_size(FXSAVE_SIZE) +
		     (xstate_size > FXSAVE_SIZE ? note_size(xstate_size) : 0));
}

/* Writes registers and FPU state of current or of a stopped thread. */
static void emit_thread(struct dump *d, struct task *t)
{
	struct elf_prstatus_k ps;
	u8 head[XSTATE_BV_OFFSET];
	const void *rest;
	u64 utime, stime;

	memset(&ps, 0, sizeof(ps));
	ps.si_signo = ps.cursig = (s16)d->info->si_signo;
	ps.sigpend = t->pending->signal;
	ps.sighold = t->blocked;
	ps.pid = task_pid_vnr(t);
	ps.ppid = task_tgid_vnr(t->real_parent);
	ps.pgrp = pid_vnr(task_pgrp(t));
	ps.sid = pid_vnr(task_session(t));
	task_times(t, &utime, &stime);
	ps.utime[0] = (s64)(utime / 1000000000UL);
	ps.stime[0] = (s64)(stime / 1000000000UL);
	fill_user_regs((struct user_regs_struct *)ps.reg, task_regs(t));
	ps.fpvalid = 1;
	note(d, "CORE", NT_PRSTATUS, &ps, sizeof(ps));
	rest = fpu_image(t, head);
	note(d, "CORE", NT_PRFPREG, head, FXSAVE_SIZE);
	if (xstate_size > FXSAVE_SIZE)
		note2(d, "LINUX", NT_X86_XSTATE, head, FXSAVE_SIZE, rest,
			xstate_size - FXSAVE_SIZE);
}

static void emit_psinfo(struct dump *d)
{
	struct mm *mm = current->mm;
	struct elf_prpsinfo_k pi;
	u64 n = min(mm->arg_end - mm->arg_start, sizeof(pi.psargs) - 1);

	memset(&pi, 0, sizeof(pi));
	pi.sname = 'R';
	pi.nice = (s8)current->nice;
	pi.uid = from_kuid_munged(current_user_ns(), current_cred()->uid);
	pi.gid = from_kgid_munged(current_user_ns(), current_cred()->gid);
	pi.pid = task_tgid_vnr(current);
	pi.ppid = task_tgid_vnr(current->real_parent);
	pi.pgrp = pid_vnr(task_pgrp(current));
	pi.sid = pid_vnr(task_session(current));
	memcpy(pi.fname, current->comm, sizeof(pi.fname));
	if (copy_from_user(pi.psargs, UADDR(mm->arg_start), n))
		memset(pi.psargs, 0, sizeof(pi.psargs));
	for (u64 i = 0; i + 1 < n; i++)
		if (!pi.psargs[i])
			pi.psargs[i] = ' ';
	note(d, "CORE", NT_PRPSINFO, &pi, sizeof(pi));
}

/*
 * Writes the file's name to @to, with a final zero, or "?" if @room (at least two bytes) is too
 * small. Returns the length in bytes, with the zero.
 */
static size_t put_file_name(const struct path *p, char *to, u64 room)
{
	/* d_path() writes to the end of the buffer, so the text is moved. */
	char *path = d_path(p, to, (int)min(room, (u64)PATH_MAX));
	size_t len;

	if (IS_ERR(path))
		path = "?";
	len = strlen(path) + 1;
	memmove(to, path, len);
	return len;
}

/*
 * Builds the NT_FILE note: count, page size, {start, end, offset in pages} of each mapping, then
 * the names. After each name there is still room for a "?" for each later name. mmap_lock is held.
 */
static void build_files_note(struct dump *d)
{
	u64 count = 0, left, *head = (u64 *)d->files;
	const char *end = (const char *)d->files + MAX_FILES_NOTE;
	struct vm_area *vma;
	char *names;

	list_for_each_entry(vma, &current->mm->mmap_list, vm_list) {
		count += !!vma->vm_file;
		cond_resched();
	}
	if ((2 + 3 * count) * sizeof(u64) > MAX_FILES_NOTE / 2)
		count = 0;
	names = (char *)(head + 2 + 3 * count);
	head[0] = count;
	head[1] = PAGE_SIZE;
	head += 2;
	left = count;
	list_for_each_entry(vma, &current->mm->mmap_list, vm_list) {
		if (!left)
			break;
		if (!vma->vm_file)
			continue;
		left--;
		cond_resched();
		head[0] = vma->vm_start;
		head[1] = vma->vm_end;
		head[2] = vma->vm_pgoff;
		head += 3;
		names += put_file_name(
			file_shown(vma->vm_file), names, (u64)(end - names) - left * sizeof("?"));
	}
	d->files_size = (u64)((u8 *)names - d->files);
}

static u64 notes_size(struct dump *d, u32 nr_threads_dumped)
{
	return (u64)thread_notes_size() * nr_threads_dumped +
	       note_size(sizeof(struct elf_prpsinfo_k)) + note_size(sizeof(siginfo_t)) +
	       note_size(current->mm->nr_auxv * sizeof(u64)) + note_size(d->files_size);
}

static void emit_notes(struct dump *d)
{
	struct core_thread *ct;

	emit_thread(d, current);
	emit_psinfo(d);
	note(d, "CORE", NT_SIGINFO_TYPE, d->info, sizeof(*d->info));
	note(d, "CORE", NT_AUXV, current->mm->auxv, current->mm->nr_auxv * sizeof(u64));
	note(d, "CORE", NT_FILE_TYPE, d->files, d->files_size);
	list_for_each_entry(ct, &d->cs->threads, list)
		emit_thread(d, ct->task);
}

/* ---- the file ---- */

/*
 * Writes the ELF header and the program headers. @notes: bytes of all notes. @data: file offset in
 * bytes of the first segment's content.
 */
static void emit_headers(struct dump *d, u64 notes, u64 data)
{
	Elf64_Ehdr eh = {
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (u16)(d->nr_segments + 1),
	};
	Elf64_Phdr ph = { .p_type = PT_NOTE,
		.p_filesz = notes,
		.p_offset = sizeof(eh) + (d->nr_segments + 1) * sizeof(ph) };

	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = EV_CURRENT;
	emit(d, &eh, sizeof(eh));
	emit(d, &ph, sizeof(ph));
	for (u32 i = 0; i < d->nr_segments; i++) {
		const struct segment *s = &d->segments[i];

		ph = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_offset = data,
			.p_vaddr = s->start,
			.p_filesz = s->size,
			.p_memsz = s->end - s->start,
			.p_align = PAGE_SIZE,
			.p_flags = s->rights,
		};
		emit(d, &ph, sizeof(ph));
		data += ph.p_filesz;
	}
}

static void take_segment(struct segment *s, struct vm_area *vma)
{
	*s = (struct segment){
		.start = vma->vm_start,
		.end = vma->vm_end,
		.size = dump_size(vma),
		.rights = ((vma->vm_flags & VM_READ) ? PF_R : 0) |
			  ((vma->vm_flags & VM_WRITE) ? PF_W : 0) |
			  ((vma->vm_flags & VM_EXEC) ? PF_X : 0),
	};
}

/*
 * Records the mappings before the dump is written, since another process that shares the memory
 * (CLONE_VM) may change them meanwhile. Mappings beyond MAX_SEGMENTS are left out. Sets d->err if
 * there is no memory.
 */
static void take_mappings(struct dump *d)
{
	struct mm *mm = current->mm;
	struct vm_area *vma;

	down_read(&mm->mmap_lock);
	d->segments = kcalloc(
		clamp(mm->map_count, 1U, (u32)MAX_SEGMENTS), sizeof(*d->segments), GFP_KERNEL);
	if (d->segments) {
		list_for_each_entry(vma, &mm->mmap_list, vm_list) {
			if (d->nr_segments == MAX_SEGMENTS)
				break;
			take_segment(&d->segments[d->nr_segments++], vma);
			cond_resched();
		}
		build_files_note(d);
	} else {
		d->err = -ENOMEM;
	}
	up_read(&mm->mmap_lock);
}

/* Writes the whole core file. d->err has the error afterwards. May sleep. */
static void write_core(struct dump *d)
{
	struct core_thread *ct;
	u64 notes, data;
	u32 nr = 1;

	take_mappings(d);
	if (d->err)
		return;
	list_for_each_entry(ct, &d->cs->threads, list)
		nr++;
	notes = notes_size(d, nr);
	data = round_up(
		sizeof(Elf64_Ehdr) + (d->nr_segments + 1) * sizeof(Elf64_Phdr) + notes, PAGE_SIZE);
	d->begun = true;
	emit_headers(d, notes, data);
	emit_notes(d);
	pad_to(d, PAGE_SIZE);
	for (u32 i = 0; i < d->nr_segments; i++)
		emit_memory(d, d->segments[i].start, d->segments[i].size);
	end_file(d);
	kfree(d->segments);
}

/* Starts the program that receives the dump, and returns the pipe to it, or ERR_PTR. */
static struct file *open_pipe(int sig)
{
	char *text = kmalloc(CORE_WORDS_SIZE, GFP_KERNEL);
	const char *argv[CORE_MAX_WORDS + 1];
	struct file *f;

	if (!text)
		return ERR_PTR(-ENOMEM);
	core_words(text, argv, sig);
	f = core_pipe_open(argv);
	kfree(text);
	return f;
}

/*
 * True if the file, which was made just now, is a regular file that current's user owns and no
 * other user can access. A file system may set owner and mode by its own rules (FAT).
 */
static bool is_private(const struct file *f)
{
	const struct inode *i = f->f_inode;

	return S_ISREG(i->i_mode) && i->i_nlink == 1 &&
	       file_seen_uid(f, i->i_uid) == current_fsuid() && (i->i_mode & 0677) == 0600;
}

/* Creates the file of a dump. Returns a reference, or ERR_PTR. */
static struct file *open_core(int sig)
{
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	struct file *f;

	if (!name)
		return ERR_PTR(-ENOMEM);
	core_name(name, PATH_MAX, sig);
	/*
	 * The dump is never written to an existing file, which another user may read or have open.
	 */
	kern_unlink(name);
	f = filp_open(name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_LARGEFILE, 0600);
	kfree(name);
	if (IS_ERR(f) || is_private(f))
		return f;
	fput(f);
	return ERR_PTR(-EPERM);
}

/*
 * True if current's process is dumpable (mode 1 only), and its limit allows a dump. A process with
 * the mode 2 of fs.suid_dumpable never dumps here.
 */
static bool dump_wanted(bool pipe)
{
	u64 limit = rlimit(RLIMIT_CORE);

	if (!current->mm || current->mm->dump_mode != 1)
		return false;
	if (pipe && limit == 1)
		pr_notice("Process %d(%s) has RLIMIT_CORE set to 1: aborting core\n", current->tgid,
			current->comm);
	return pipe ? limit != 1 : limit >= PAGE_SIZE;
}

void coredump(const siginfo_t *info)
{
	struct core_state cs = { .threads = LIST_HEAD_INIT(cs.threads) };
	struct dump d = { .limit = rlimit(RLIMIT_CORE), .info = info, .cs = &cs };
	bool written = false;

	proc_event_coredump();
	d.pipe = core_pattern[0] == '|';
	if (!dump_wanted(d.pipe))
		return;
	if (d.pipe)
		d.limit = ~0UL;
	init_completion(&cs.gathered);
	init_completion(&cs.done);
	d.files = kmalloc(MAX_FILES_NOTE, GFP_KERNEL);
	if (!d.files)
		return;
	if (!stop_others(&cs, info->si_signo))
		goto out_free;
	if (!d.pipe || core_pipe_begin()) {
		d.file = d.pipe ? open_pipe(info->si_signo) : open_core(info->si_signo);
		if (!IS_ERR(d.file)) {
			write_core(&d);
			written = d.begun;
		}
		if (d.pipe)
			core_pipe_end(IS_ERR(d.file) ? NULL : d.file);
		if (!IS_ERR(d.file))
			fput(d.file);
	}
	let_others_go(&cs, written);
out_free:
	kfree(d.files);
}
