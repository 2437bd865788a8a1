/* SPDX-License-Identifier: MIT */
/*
 * patch_text: a reader of a program's text gets the file's bytes, however hot its calls are: read,
 * /proc/PID/mem, ptrace, process_vm_readv.
 */
#include "site.h"
#include <sys/ptrace.h>

SITE(text_getppid, 110);
SITE(text_getuid, 102);

extern char __executable_start[], etext[];

/* True if @got is a function as site_write() makes it. */
static bool as_written(const void *got, uint32_t nr)
{
	char want[SITE_BYTES];

	site_write(want, nr);
	return !memcmp(got, want, sizeof(want));
}

static void warm(void)
{
	char c = 0;
	int i, zero = NEED(open("/dev/zero", O_RDONLY)), null = NEED(open("/dev/null", O_WRONLY));

	for (i = 0; i < HOT; i++) {
		text_getppid(0, 0, 0, 0, 0, 0);
		text_getuid(0, 0, 0, 0, 0, 0);
		getppid();
		NEED(read(zero, &c, 1));
		NEED(write(null, &c, 1));
	}
	close(zero);
	close(null);
}

/* Opens the program's file, from which its text is mapped. */
static int text_file(void)
{
	return NEED(open("/proc/self/exe", O_RDONLY));
}

/* Returns the offset in the file of an address of the text. */
static off_t text_offset(const void *at)
{
	unsigned long lo, hi, off;
	char line[512], perm[8];
	FILE *f = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s %lx", &lo, &hi, perm, &off) == 4 &&
			(uintptr_t)at >= lo && (uintptr_t)at < hi) {
			fclose(f);
			return (uintptr_t)at - lo + off;
		}
	fclose(f);
	return -1;
}

/* Compares the text, without its first page, in the file and in /proc/self/mem. */
static void whole_text(void)
{
	char *file, *mem, *start = __executable_start + PAGE;
	long n = etext - start;
	int fd = text_file(), self = NEED(open("/proc/self/mem", O_RDONLY));

	file = malloc(n);
	mem = malloc(n);
	say("the file: %d", pread(fd, file, n, text_offset(start)) == n);
	say("/proc/self/mem: %d", pread(self, mem, n, (uintptr_t)start) == n);
	say("they agree: %d", !memcmp(file, mem, n));
	say("our sites are in it: %d",
		as_written(file + ((char *)text_getppid - start), NR(getppid)));
	free(file);
	free(mem);
	close(fd);
	close(self);
}

static void vm_readv(void)
{
	char buf[SITE_BYTES];
	struct iovec to = { buf, sizeof(buf) }, from = { (void *)text_getppid, sizeof(buf) };

	T(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	say("process_vm_readv: %d", as_written(buf, NR(getppid)));
}

/* Another mapping of the page has the file's contents, for a read and for a call. */
static void second_mapping(void)
{
	int fd = text_file();
	off_t off = text_offset((void *)text_getppid), page = off & -PAGE;
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, page);

	NEED(p == MAP_FAILED ? -1 : 0);
	say("second mapping: %d", as_written(p + (off - page), NR(getppid)));
	say("it answers: %d", site_call(p + (off - page)) == getppid());
	munmap(p, 2 * PAGE);
	close(fd);
}

static void peek(void)
{
	char buf[16];
	int status, i;
	long word;
	pid_t pid = SPAWN({
		warm();
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		warm();
	});

	NEED(waitpid(pid, &status, 0));
	for (i = 0; i < 2; i++) {
		errno = 0;
		word = ptrace(PTRACE_PEEKTEXT, pid, (char *)text_getppid + 8 * i, 0);
		say("peek: %s", t_errno(errno));
		memcpy(buf + 8 * i, &word, 8);
	}
	say("ptrace sees the file's bytes: %d", as_written(buf, NR(getppid)));
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	t_wait("traced", pid);
}

TEST(patch_text)
{
	warm();
	whole_text();
	vm_readv();
	second_mapping();
	peek();
	warm();
	say("still: %d", text_getppid(0, 0, 0, 0, 0, 0) == getppid());
}
