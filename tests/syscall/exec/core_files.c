/* SPDX-License-Identifier: MIT */
/*
 * core_files: core dumps to a file. A file that is there under the core's name is emptied, unless
 * it has another name, too. Of more mapped files than the list has room for names, each is in the
 * list, with "?" for the names that do not fit, and the list's size is right. A test may not change
 * the host's core pattern, so the host's side prints what is expected.
 */
#include "guest.h"
#include <elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define MAPS 5440
#define LONG_NAMES 40
#define NOTE_MAX (256UL << 10)

/* Makes a file whose path is nearly as long as a path can be. Returns its descriptor. */
static int file_far_down(void)
{
	char dir[201];
	int fd, top = NEED(open(".", O_RDONLY | O_DIRECTORY));

	memset(dir, 'd', 200);
	dir[200] = 0;
	for (int i = 0; i < 19; i++) {
		NEED(mkdir(dir, 0700));
		NEED(chdir(dir));
	}
	fd = NEED(open("f", O_RDWR | O_CREAT, 0600));
	NEED(fchdir(top));
	close(top);
	return fd;
}

static void abort_dumping(void)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &lim);
	abort();
}

static void crash(int far, int near)
{
	char *at = mmap(NULL, MAPS * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < MAPS; i++)
		NEED(mmap(at + i * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED,
			     i < LONG_NAMES ? far : near, 0) == MAP_FAILED ?
				-1 :
				0);
	abort_dumping();
}

/* Checks the core's note about mapped files. Returns what is wrong with it, or "all of them". */
static const char *check(const char *core, size_t size)
{
	const Elf64_Phdr *ph = (const void *)(core + ((const Elf64_Ehdr *)core)->e_phoff);
	const char *at = core + ph->p_offset, *end = at + ph->p_filesz, *names;
	const Elf64_Nhdr *n;
	const uint64_t *head;
	unsigned count = 0;

	if (end > core + size)
		return "cut off";
	for (;; at += sizeof(*n) + 8 + (n->n_descsz + 3) / 4 * 4) {
		n = (const void *)at;
		if (at >= end)
			return "no list";
		if (n->n_type == NT_FILE)
			break;
	}
	head = (const void *)(at + sizeof(*n) + 8);
	end = (const char *)head + n->n_descsz;
	if (n->n_descsz > NOTE_MAX || head[0] < MAPS)
		return "too long, or too short";
	for (names = (const char *)(head + 2 + 3 * head[0]); names < end; count++)
		names += strlen(names) + 1;
	if (names != end || count != head[0])
		return "not as many names as files";
	return strcmp(end - 2, "?") ? "no file without a name" : "all of them";
}

/* The core is a new file, even if another process has the old one open or may read it. */
static void what_is_there(void)
{
	struct stat st;
	int fd, status;

	fd = NEED(open("core", O_WRONLY | O_CREAT, 0644));
	NEED(write(fd, "keep", 4));
	NEED(link("core", "other"));
	waitpid(SPAWN(abort_dumping()), &status, 0);
	NEED(fstat(fd, &st));
	say("two names: %ld bytes, dumped %d", (long)st.st_size, !!WCOREDUMP(status));
	close(fd);
	NEED(unlink("other"));
	NEED(chmod("core", 0644));
	fd = NEED(open("core", O_WRONLY));
	NEED(ftruncate(fd, 1L << 40));
	waitpid(SPAWN(abort_dumping()), &status, 0);
	NEED(fstat(fd, &st));
	say("one name: emptied %d, names %d, dumped %d", st.st_size < 1L << 40, (int)st.st_nlink,
		!!WCOREDUMP(status));
	close(fd);
	NEED(stat("core", &st));
	say("new: mode %o", st.st_mode & 0777);
	NEED(unlink("core"));
	NEED(symlink("target", "core"));
	waitpid(SPAWN(abort_dumping()), &status, 0);
	NEED(lstat("core", &st));
	say("link: replaced %d, target %d, dumped %d", S_ISREG(st.st_mode), !access("target", F_OK),
		!!WCOREDUMP(status));
}

static pid_t crashes; /* in the shared memory */

static int map_and_unmap(void *file)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == crashes) {
		void *at[64];

		for (int i = 0; i < 64; i++)
			at[i] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, *(int *)file, 0);
		for (int i = 0; i < 64; i++)
			munmap(at[i], PAGE);
	}
	return 0;
}

static void crash_shared(int file)
{
	static char stack[65536] __attribute__((aligned(16)));

	for (int i = 0; i < 200; i++)
		mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	crashes = getpid();
	NEED(clone(map_and_unmap, stack + sizeof(stack), CLONE_VM | SIGCHLD, &file));
	abort_dumping();
}

/* Another process has the same memory, and changes what is mapped while it is dumped. */
static void shared(int file)
{
	int status, dumped = 0;

	for (int i = 0; i < 8; i++) {
		waitpid(SPAWN(crash_shared(file)), &status, 0);
		dumped += !!WCOREDUMP(status);
	}
	say("shared: dumped %d", dumped);
}

static void filter(unsigned action)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, f };
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &lim);
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

static void *call_last(void *arg)
{
	t_until(getpid(), 'Z');
	syscall(SYS_getppid);
	return NULL;
}

/* The leader has ended, and the filter kills the thread that is left. */
static void last_of_two(void)
{
	pthread_t t;

	filter(SECCOMP_RET_KILL_THREAD);
	NEED0(pthread_create(&t, NULL, call_last, NULL));
	syscall(SYS_exit, 0);
}

static void *call_now(void *arg)
{
	syscall(SYS_getppid);
	return NULL;
}

static void first_of_two(void)
{
	pthread_t t;

	filter(SECCOMP_RET_KILL_THREAD);
	NEED0(pthread_create(&t, NULL, call_now, NULL));
	pthread_join(t, NULL);
}

static void tell_dumped(const char *who, pid_t pid)
{
	int status;

	NEED(waitpid(pid, &status, 0));
	say("%s: signal %d, dumped %d", who, WTERMSIG(status), !!WCOREDUMP(status));
}

/* A task that its seccomp filter kills leaves a core, but a thread of several does not. */
static void filtered(void)
{
	tell_dumped("filter, process", SPAWN(filter(SECCOMP_RET_KILL_PROCESS); getppid()));
	tell_dumped("filter, only thread", SPAWN(filter(SECCOMP_RET_KILL_THREAD); getppid()));
	tell_dumped("filter, last thread", SPAWN(last_of_two()));
	tell_dumped("filter, first thread", SPAWN(first_of_two()));
}

TEST(core_files)
{
	static char core[4 << 20];
	int fd, far, near;
	size_t n;

	if (!in_guest()) {
		say("two names: 4 bytes, dumped 1");
		say("one name: emptied 0, names 0, dumped 1");
		say("new: mode 600");
		say("link: replaced 1, target 0, dumped 1");
		say("filter, process: signal 31, dumped 1");
		say("filter, only thread: signal 31, dumped 1");
		say("filter, last thread: signal 31, dumped 1");
		say("filter, first thread: signal 0, dumped 0");
		say("files: all of them");
		say("shared: dumped 8");
		return;
	}
	fd = NEED(open("/proc/sys/kernel/core_pattern", O_WRONLY));
	NEED(write(fd, "core", 4));
	close(fd);
	what_is_there();
	filtered();
	far = file_far_down();
	near = NEED(open("near", O_RDWR | O_CREAT, 0600));
	NEED(ftruncate(far, PAGE) | ftruncate(near, PAGE));
	waitpid(SPAWN(crash(far, near)), NULL, 0);
	fd = NEED(open("core", O_RDONLY));
	n = NEED(read(fd, core, sizeof(core)));
	say("files: %s", check(core, n));
	shared(near);
}
