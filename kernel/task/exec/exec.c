/* SPDX-License-Identifier: MIT */
/*
 * exec.c: execve and execveat: a process becomes another program.
 *
 * do_execveat() gathers the strings, finds a format (for a script it continues with the
 * interpreter), and has the ELF loader build the new address space. Until this point every step can
 * fail, and the old program continues. Then commit() kills the other threads, and replaces the old
 * program's memory, handlers and credentials.
 *
 * Invariants:
 * 1. Before commit() current has not changed. A failure while the loader maps still kills the
 *    process (bprm.too_late), as on Linux, which has given up the old program by then. After
 *    de_thread() only own_files() can fail, which then kills the process.
 * 2. cred_guard_mutex is held from the check for tracers to the installed credentials, so no tracer
 *    can attach in between. exec_update_mutex is held while memory and credentials change, so that
 *    a reader of both sees the old or the new ones. Until files are closed, the process has the new
 *    memory but still the old credentials. Meanwhile a task may access that memory only if the new
 *    credentials would also allow it.
 *
 * Locks: signal->cred_guard_mutex (outermost here); the functions called take other locks.
 */
#include <linux/fcntl.h>
#include <linux/ptrace.h>

#include "gen/syscalls.h"
#include "kernel/lib/trace.h"
#include "kernel/task/audit/audit.h"
#include "kernel/task/exec/exec.h"
#include "kernel/task/ns/nsproxy.h"
#include "kernel/task/perf.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/task/proc_event.h"

#define MAX_INTERPRETERS 5

int read_exact(struct file *f, void *buf, size_t n, u64 pos)
{
	loff_t at = (loff_t)pos;
	ssize_t got;

	if (at < 0)
		return -ENOEXEC;
	got = kernel_read(f, buf, n, &at);
	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

/* ---- the file ---- */

/* Fills b->buf from b->file. Returns 0 or -errno. */
static int read_start(struct bprm *b)
{
	loff_t pos = 0;
	ssize_t n;

	memset(b->buf, 0, sizeof(b->buf));
	n = kernel_read(b->file, b->buf, sizeof(b->buf), &pos);
	return n < 0 ? (int)n : 0;
}

static void bprm_close(struct bprm *b)
{
	if (b->file)
		exe_file_put(b->file);
	b->file = NULL;
}

int bprm_take(struct bprm *b, struct file *f)
{
	bprm_close(b);
	b->file = f;
	return read_start(b);
}

int bprm_open(struct bprm *b, const char *name)
{
	struct file *f = open_exec(AT_FDCWD, name, 0);

	return IS_ERR(f) ? PTR_ERR(f) : bprm_take(b, f);
}

/* Opens the program and sets the names of @b. Returns 0 or -errno. */
static int open_first(struct bprm *b, int dfd, const char *name, u32 flags)
{
	struct file *f = open_exec(dfd, name, flags);

	if (IS_ERR(f))
		return PTR_ERR(f);
	b->file = f;
	b->filename = name;
	if (dfd == AT_FDCWD || name[0] == '/')
		return read_start(b);
	b->fdpath = kmalloc(PATH_MAX + 32, GFP_KERNEL);
	if (!b->fdpath)
		return -ENOMEM;
	if (name[0])
		snprintf(b->fdpath, PATH_MAX + 32, "/dev/fd/%d/%s", dfd, name);
	else
		snprintf(b->fdpath, PATH_MAX + 32, "/dev/fd/%d", dfd);
	b->filename = b->fdpath;
	b->by_descriptor = !name[0];
	b->path_inaccessible = fd_is_cloexec(current, dfd);
	return read_start(b);
}

/* Tries each format until one has built an address space. Returns 0 or -errno. */
static int load_binary(struct bprm *b)
{
	int err;

	for (b->depth = 0;; b->depth++) {
		if (b->depth > MAX_INTERPRETERS)
			return -ELOOP;
		err = load_misc(b);
		if (err == -ENOEXEC)
			err = load_script(b);
		if (err == -ENOEXEC)
			break;
		if (err)
			return err;
	}
	/*
	 * A script does not count: its text is not in memory. But a file that an interpreter gets
	 * as a descriptor counts, since the interpreter was not checked for the right to read it.
	 */
	bprm_note_reading(b, b->file);
	if (b->executable)
		bprm_note_reading(b, b->executable);
	err = bprm_creds(b);
	return err ? err : load_elf(b);
}

/* ---- the point of no return ---- */

/* Detaches current from its old memory, which is not accessed from now on. */
static void leave_mm(void)
{
	struct mm *old = current->mm;

	exit_mm_release();
	/*
	 * From now on the FPU state is not kept in the registers of the old mm's host process.
	 */
	arch_exec_regs(0, 0);
	if (old) {
		u64 rss = (u64)(old->rss_anon.v + old->rss_file.v + old->rss_shmem.v);

		current->signal->maxrss = max(current->signal->maxrss, max(rss, old->hiwater_rss));
	}
}

/*
 * Gives the process its own copy of the handlers if it shares them with another process. @fresh was
 * allocated beforehand for the copy; NULL: not shared.
 */
static void own_sighand(struct sighand_struct *fresh)
{
	struct sighand_struct *old = current->sighand;

	if (!fresh)
		return;
	write_lock(&tasklist_lock);
	spin_lock(&old->lock);
	memcpy(fresh->action, old->action, sizeof(fresh->action));
	WRITE_ONCE(current->sighand, fresh);
	spin_unlock(&old->lock);
	write_unlock(&tasklist_lock);
	sighand_put(old);
}

static void reset_signals(void)
{
	spin_lock(&current->sighand->lock);
	flush_signal_handlers(current, false);
	spin_unlock(&current->sighand->lock);
	current->sas_ss_sp = current->sas_ss_size = 0;
	current->sas_ss_flags = SS_DISABLE;
	current->restart.fn = NULL;
	process_timer_ops.exec(current->signal);
}

static void set_comm(const char *name, size_t len)
{
	spin_lock(&current->alloc_lock);
	memset(current->comm, 0, sizeof(current->comm));
	memcpy(current->comm, name, min(len, sizeof(current->comm) - 1));
	spin_unlock(&current->alloc_lock);
}

/*
 * Sets the task's name: the last component of the caller's path, or the last component of the
 * file's own path if the caller gave only a descriptor.
 */
static void take_name(const struct bprm *b)
{
	const char *slash = strrchr(b->filename, '/');
	const char *base = slash ? slash + 1 : b->filename;
	struct name_snapshot s;

	if (!b->by_descriptor) {
		set_comm(base, strlen(base));
		return;
	}
	d_keep_name(b->mm->exe_file->f_path.dentry, &s);
	set_comm(s.name.name, s.name.len);
	d_drop_name(&s);
}

/* True if the new program may dump core and be traced by its user. */
static bool is_dumpable(const struct bprm *b)
{
	const struct cred *c = b->cred;

	/*
	 * b->secure does not count: it is also set for a program whose privileges were withheld
	 * because of a tracer, and such a program has nothing to hide.
	 */
	return !b->nondump && c->euid == c->uid && c->egid == c->gid &&
	       !cred_gains(current_cred(), c);
}

/* Gives current the new credentials, which @b no longer has then. */
static void take_credentials(struct bprm *b)
{
	const struct cred *old = current_cred();

	if (b->secure || b->cred->euid != old->euid || b->cred->egid != old->egid)
		current->pdeath_signal = 0;
	/* commit_creds() may clear the dumpable flag, which the caller then sets again. */
	commit_creds(b->cred);
	b->cred = NULL;
}

/*
 * Gives the interpreter a descriptor of the program's own file (AT_EXECFD). The auxiliary vector
 * contains that entry already, but without its value.
 */
static void hand_over_executable(struct bprm *b)
{
	struct mm *mm = current->mm;
	int fd = get_unused_fd(0);
	u64 value = (u64)fd;

	if (fd < 0) {
		force_fatal_sig(SIGSEGV); /* the old program is lost */
		return;
	}
	allow_write_access(b->executable);
	fd_install(fd, b->executable);
	b->executable = NULL;
	mm->auxv[b->execfd_nr] = value;
	if (access_mm(mm, b->execfd_at, &value, sizeof(value), true, true) !=
		(ssize_t)sizeof(value))
		force_fatal_sig(SIGSEGV);
}

static struct user_namespace *owner_of_memory(const struct bprm *b)
{
	return b->dump_ns ? b->dump_ns : current_user_ns();
}

/*
 * Sets the user namespace in which CAP_SYS_PTRACE allows access to memory that is not dumpable.
 * Other tasks read mm->user_ns under alloc_lock, or as tracers while current is stopped.
 */
static void give_memory_to(struct mm *mm, struct user_namespace *ns)
{
	struct user_namespace *old = mm->user_ns;

	if (old == ns)
		return;
	spin_lock(&current->alloc_lock);
	mm->user_ns = get_user_ns(ns);
	spin_unlock(&current->alloc_lock);
	put_user_ns(old);
}

/*
 * Installs the new memory. At first only tasks that could access the old memory may access it,
 * since descriptors of the old program are still open. But these tasks must see the new program as
 * soon as the last close-on-exec descriptor is closed, since a parent detects the exec by that.
 * Returns the old memory, which the caller must put.
 */
static struct mm *show_new_mm(struct bprm *b)
{
	u32 dumpable = is_dumpable(b) ? 1 : 0;
	struct mm *old = current->mm;
	struct user_namespace *ns = owner_of_memory(b);

	/*
	 * The root of an inner namespace may not yet access an undumpable process that comes from
	 * an outer one.
	 */
	if (old && old->dump_mode != 1 && old->user_ns && old->user_ns->level < ns->level)
		ns = old->user_ns;
	give_memory_to(b->mm, ns);
	/* suid_dumpable applies only to the new credentials, which are not installed yet. */
	set_dumpable(b->mm, !old || old->dump_mode == 1 ? dumpable : old->dump_mode);
	mutex_lock(&current->signal->exec_update_mutex);
	spin_lock(&current->alloc_lock);
	current->mm = b->mm;
	spin_unlock(&current->alloc_lock);
	mutex_unlock(&current->signal->exec_update_mutex);
	take_name(b);
	return old;
}

/*
 * Installs the new credentials and the permission to access the new memory. For tasks that call
 * exec_hold() this is one step.
 */
static void become(struct bprm *b)
{
	bool dumpable = is_dumpable(b);

	mutex_lock(&current->signal->exec_update_mutex);
	take_credentials(b);
	give_memory_to(b->mm, owner_of_memory(b));
	set_dumpable(b->mm, dumpable ? 1 : (u32)suid_dumpable);
	if (perf_counted(current))
		perf_exec(!dumpable && suid_dumpable != 1);
	mutex_unlock(&current->signal->exec_update_mutex);
}

/*
 * Gives current its own descriptor table if another process shares it. Called after de_thread(): a
 * table that only the process's own threads share is kept, and its POSIX locks with it. Returns 0
 * or -errno.
 */
static int own_files(void)
{
	int err = unshare_files(~0U);

	if (err)
		/*
		 * The other threads are dead already, so the process cannot continue; as on Linux.
		 */
		force_fatal_sig(SIGSEGV);
	return err;
}

/*
 * Replaces current's program by the new one: takes over b->mm, b->file and b->cred. On failure
 * returns -errno, and @b keeps all three. May sleep.
 */
static int commit(struct bprm *b)
{
	struct sighand_struct *fresh = NULL;
	struct mm *old;
	int err;

	if (atomic_read(&current->sighand->count) > 1) {
		fresh = sighand_alloc();
		if (!fresh)
			return -ENOMEM;
	}
	err = exec_namespaces(b->mm);
	/*
	 * de_thread() and own_files() are the last steps that can fail. de_thread() fails only in a
	 * task that is being killed. After it the other threads are dead.
	 */
	if (!err)
		err = de_thread();
	if (!err)
		err = own_files();
	if (err) {
		sighand_put(fresh);
		return err;
	}
	if (atomic_read(&current->sighand->count) == 1) {
		sighand_put(fresh);
		fresh = NULL;
	}
	if (atomic_read(&current->uring_busy) || current->uring_rings)
		task_uring_ops->end(current);
	/* The denial of writes that open_exec() began lasts until the file is closed. */
	b->file->f_mode |= FMODE_DENY_WRITE;
	if (current->mm) {
		b->mm->coredump_filter = current->mm->coredump_filter;
		b->mm->thp_disabled = current->mm->thp_disabled;
		b->mm->mdwe = mdwe_inherited(current->mm->mdwe);
		ksm_exec(b->mm, current->mm);
	}
	b->mm->exe_file = b->file;
	b->file = NULL;
	leave_mm();
	old = show_new_mm(b);
	vfork_finish(current);
	files_close_on_exec(current->files);
	/*
	 * The old program has chosen exit signals for its children, which do not apply to the new
	 * program.
	 */
	WRITE_ONCE(current->signal->exec_id, current->signal->exec_id + 1);
	become(b);
	if (old)
		mmput(old);
	own_sighand(fresh);
	current->personality &= ~b->per_clear;
	current->flags &= ~(u32)PF_FORKNOEXEC;
	current->did_exec = true;
	keys_exec(current);
	current->robust_list = UNULL;
	current->rseq = UNULL;
	reset_signals();
	TRACE(exec, "%s[%d] %s", current->comm, current->pid, b->filename);
	if (b->executable)
		hand_over_executable(b);
	b->mm = NULL;
	return 0;
}

/* ---- before the point of no return ---- */

/*
 * Sets in b->unsafe why another task could misuse privileges of the new program. If no other
 * process shares the fs_struct, it may not become shared until the end of the exec: a sharing
 * process could chroot() a privileged program.
 */
static void check_unsafe(struct bprm *b)
{
	struct fs_struct *fs = current->fs;
	struct task *t;
	int users = 0;

	if (current->no_new_privs)
		b->unsafe |= UNSAFE_NO_NEW_PRIVS;
	read_lock(&tasklist_lock);
	/*
	 * A tracer with CAP_SYS_PTRACE in this namespace gains no rights by the exec.
	 * cred_guard_mutex prevents new tracers.
	 */
	if (current->ptrace &&
		!cred_ns_capable(current->ptracer_cred, current_user_ns(), CAP_SYS_PTRACE))
		b->unsafe |= UNSAFE_PTRACE;
	spin_lock(&fs->lock);
	for_each_thread(current->signal, t)
		users += READ_ONCE(t->fs) == fs;
	if (atomic_read(&fs->users) > users)
		b->unsafe |= UNSAFE_SHARE;
	else
		fs->in_exec = true;
	spin_unlock(&fs->lock);
	read_unlock(&tasklist_lock);
}

/*
 * Clears the mark of a running exec in the fs_struct. The mark is set only if no other process
 * shared it.
 */
static void end_unsafe(void)
{
	spin_lock(&current->fs->lock);
	current->fs->in_exec = false;
	spin_unlock(&current->fs->lock);
}

/* The strings of one exec: from a guest's vectors, or, if kargv is set, from the kernel's. */
struct exec_strings {
	uaddr_t argv, envp;
	const char *const *kargv, *const *kenvp;
};

static int count_kernel(const char *const *v)
{
	int n = 0;

	while (v && v[n])
		n++;
	return n;
}

static int push_kernel_vector(struct exec_args *a, const char *const *v, int n)
{
	int err = 0;

	while (!err && n-- > 0)
		err = args_push_kernel(a, v[n]);
	return err;
}

/* Copies the strings of argv and envp and the file's name to b->args. Returns 0 or -errno. */
static int gather_strings(struct bprm *b, const struct exec_strings *s)
{
	struct exec_args *a = &b->args;
	int err;

	a->argc = s->kargv ? count_kernel(s->kargv) : args_count(s->argv);
	if (a->argc < 0)
		return a->argc;
	a->envc = s->kargv ? count_kernel(s->kenvp) : args_count(s->envp);
	if (a->envc < 0)
		return a->envc;
	err = args_limits(a);
	if (!err)
		err = args_push_kernel(a, b->filename);
	a->exec = a->p;
	if (!err)
		err = s->kargv ? push_kernel_vector(a, s->kenvp, a->envc) :
				 args_push_user(a, s->envp, a->envc);
	if (!err)
		err = s->kargv ? push_kernel_vector(a, s->kargv, a->argc) :
				 args_push_user(a, s->argv, a->argc);
	if (!err && !a->argc) {
		/* programs rely on argv[0] */
		err = args_push_kernel(a, "");
		a->argc = 1;
	}
	return err;
}

static void bprm_free(struct bprm *b)
{
	bprm_close(b);
	if (b->executable)
		exe_file_put(b->executable);
	if (b->mm)
		mmput(b->mm);
	if (b->cred)
		abort_creds(b->cred);
	args_free(&b->args);
	kfree(b->interp);
	kfree(b->fdpath);
	kfree(b);
}

/*
 * Notifies the tracer of the exec: by an event if the tracer has requested that, otherwise by a
 * SIGTRAP.
 */
static void notify_tracer(pid_t old_pid)
{
	if (!current->ptrace)
		return;
	if (ptrace_event_enabled(current, PTRACE_EVENT_EXEC))
		ptrace_event(PTRACE_EVENT_EXEC, (u64)old_pid);
	else if (!(current->ptrace & PT_SEIZED))
		send_sig(SIGTRAP, current, SEND_SIG_NOINFO);
}

/*
 * True if the user has more processes than RLIMIT_NPROC allows because of an earlier setuid(),
 * which does not fail for that reason. Otherwise forgets that setuid().
 */
static bool too_many_processes(void)
{
	bool yes = current->over_nproc &&
		   (u64)atomic_read(&current_cred()->user->processes) > rlimit(RLIMIT_NPROC);

	if (!yes)
		current->over_nproc = false;
	return yes;
}

/*
 * Serves execveat(2), also for the kernel. May sleep. Returns 0 or -errno; a failure after the
 * point of no return also kills current.
 */
static int do_execveat(int dfd, const char *name, const struct exec_strings *s, u32 flags)
{
	struct bprm *b = too_many_processes() ? ERR_PTR(-EAGAIN) : kzalloc(sizeof(*b), GFP_KERNEL);
	pid_t old_pid; /* current's old pid, for the tracer */
	u64 entry, sp;
	int err;

	if (IS_ERR_OR_NULL(b))
		return b ? PTR_ERR(b) : -ENOMEM;
	err = mutex_lock_interruptible(&current->signal->cred_guard_mutex);
	if (err) {
		kfree(b);
		return -ERESTARTNOINTR;
	}
	current->in_execve = true;
	old_pid = ptrace_own_nr(); /* no tracer can attach from now on */
	check_unsafe(b);
	b->cred = prepare_creds();
	err = b->cred ? args_init(&b->args) : -ENOMEM;
	if (!err)
		err = open_first(b, dfd, name, flags);
	if (!err)
		err = gather_strings(b, s);
	if (!err)
		err = load_binary(b);
	if (!err)
		err = commit(b);
	else if (b->too_late && !s->kargv)
		force_fatal_sig(SIGSEGV);
	entry = b->entry;
	sp = b->sp;
	current->in_execve = false;
	end_unsafe();
	mutex_unlock(&current->signal->cred_guard_mutex);
	bprm_free(b);
	if (err)
		return err;
	hw_debug_free(current);
	user_dispatch_clear(current);
	arch_exec_regs(entry, sp);
	notify_tracer(old_pid);
	proc_event_exec();
	audit_exec();
	return 0;
}

int kernel_execve(const char *path, const char *const *argv, const char *const *envp)
{
	struct exec_strings s = { .kargv = argv, .kenvp = envp };

	/*
	 * Files that the caller has written and closed must not count as open for writing
	 * (ETXTBSY).
	 */
	task_work_run();
	return do_execveat(AT_FDCWD, path, &s, 0);
}

/*
 * Serves execve(2) and execveat(2). @upath, @argv, @envp: user addresses. Returns 0 if current has
 * the new program, or -errno.
 */
static long execve_user(int dfd, uaddr_t upath, uaddr_t argv, uaddr_t envp, u32 flags)
{
	struct exec_strings s = { .argv = argv, .envp = envp };
	char *name;
	long err;

	name = getname_flags(upath, (flags & AT_EMPTY_PATH) ? LOOKUP_EMPTY : 0);
	if (IS_ERR(name))
		return PTR_ERR(name);
	err = flags & ~(u32)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) ?
		      -EINVAL :
		      do_execveat(dfd, name, &s, flags);
	putname(name);
	return err;
}

long sys_execve(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	return execve_user(AT_FDCWD, path, argv, envp, 0);
}

long sys_execveat(int dfd, uaddr_t path, uaddr_t argv, uaddr_t envp, int flags)
{
	return execve_user(dfd, path, argv, envp, (u32)flags);
}
