/* SPDX-License-Identifier: MIT */
/*
 * prctl_exe: PR_SET_MM_EXE_FILE and exe_fd of PR_SET_MM_MAP: another executable, once no part of
 * the first is mapped any more; writers of the new executable are denied.
 */
#include "newer.h"

#include <linux/prctl.h>
#include <stddef.h>
#include <sys/prctl.h>

#define MAX 32
struct leave {
	unsigned long nr, range[2 * MAX]; /* start, length */
	long fd, answer;
	int ready[2], go[2];
};

/*
 * leave(struct leave *): the only code that is left when all ranges are gone. Tells the answer,
 * waits, and ends.
 */
extern const char leave_code[], leave_end[];
__asm__(".pushsection .rodata\n"
	".globl leave_code, leave_end\n"
	"leave_code:\n"
	"	mov %rdi, %rbx\n"
	"	mov (%rbx), %r12\n"
	"	lea 8(%rbx), %r13\n"
	"1:	test %r12, %r12\n"
	"	jz 2f\n"
	"	mov (%r13), %rdi\n"
	"	mov 8(%r13), %rsi\n"
	"	mov $11, %eax # munmap\n"
	"	syscall\n"
	"	add $16, %r13\n"
	"	dec %r12\n"
	"	jmp 1b\n"
	"2:	mov $157, %eax # prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0)\n"
	"	mov $35, %edi\n"
	"	mov $13, %esi\n"
	"	mov 520(%rbx), %rdx\n"
	"	xor %r10, %r10\n"
	"	xor %r8, %r8\n"
	"	syscall\n"
	"	mov %rax, 528(%rbx)\n"
	"	mov $1, %eax # write(ready[1], &answer, 8)\n"
	"	movslq 540(%rbx), %rdi\n"
	"	lea 528(%rbx), %rsi\n"
	"	mov $8, %edx\n"
	"	syscall\n"
	"	xor %eax, %eax # read(go[0], &answer, 1)\n"
	"	movslq 544(%rbx), %rdi\n"
	"	lea 528(%rbx), %rsi\n"
	"	mov $1, %edx\n"
	"	syscall\n"
	"	mov $231, %eax\n"
	"	xor %edi, %edi\n"
	"	syscall\n"
	"	hlt\n"
	"leave_end:\n"
	".popsection\n");
_Static_assert(offsetof(struct leave, fd) == 520 && offsetof(struct leave, answer) == 528 &&
		       offsetof(struct leave, ready) == 536 && offsetof(struct leave, go) == 544,
	"as above");

static char self[4096];

/*
 * All that has a name in maps is in the way, as it may be the executable's; the vDSO and the stack
 * stay.
 */
static void find_ranges(struct leave *l)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[5000];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (!strstr(line, self) || sscanf(line, "%lx-%lx", &from, &to) != 2 || l->nr == MAX)
			continue;
		l->range[2 * l->nr] = from;
		l->range[2 * l->nr++ + 1] = to - from;
	}
	if (f)
		fclose(f);
}

static void exe_of(pid_t pid, char *to, size_t size)
{
	char name[64];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/exe", pid);
	n = readlink(name, to, size - 1);
	to[n < 0 ? 0 : n] = 0;
}

static void leave_child(struct leave *l)
{
	size_t size = (size_t)(leave_end - leave_code);
	void *code = mmap(
		NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED)
		_exit(9);
	memcpy(code, leave_code, size);
	find_ranges(l);
	((void (*)(struct leave *))code)(l);
}

static void shows(const char *path, pid_t pid)
{
	char now[4096], want[4096];

	NEED((long)(realpath(path, want) ? 0 : -1));
	exe_of(pid, now, sizeof(now));
	HOLDS(!strcmp(now, want));
	CHECK(open(path, O_WRONLY), -ETXTBSY);
}

/*
 * Prints the result for a child that wants @path as its executable, and the executable if that
 * succeeds.
 */
static void become(const char *path, long told)
{
	struct leave *l =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long answer = -1;
	pid_t pid;

	NEED(pipe(l->ready));
	NEED(pipe(l->go));
	l->fd = NEED(open(path, O_RDONLY | O_CLOEXEC));
	pid = NEED(fork());
	if (!pid)
		leave_child(l);
	close((int)l->fd);
	close(l->ready[1]);
	HOLDS(read(l->ready[0], &answer, sizeof(answer)) == sizeof(answer) && answer == told);
	if (!told)
		shows(path, pid);
	NEED(write(l->go[1], "g", 1));
	waitpid(pid, NULL, 0);
	close(l->ready[0]);
	close(l->go[0]);
	close(l->go[1]);
}
static long set_exe(int fd)
{
	return prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0);
}

TEST(prctl_exe)
{
	unsigned size = 0;
	int plain, dir, exec, w;

	have = !prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) && (set_exe(-1), errno != EPERM);
	exe_of(getpid(), self, sizeof(self));
	plain = NEED(open("plain", O_RDWR | O_CREAT, 0644));
	dir = NEED(open(".", O_RDONLY | O_DIRECTORY));
	w = NEED(open("other", O_RDWR | O_CREAT, 0755));
	CHECK(set_exe(-1), -EBADF);
	CHECK(set_exe(plain), -EACCES);
	CHECK(set_exe(dir), -EACCES);
	CHECK(set_exe(w), -EBUSY);
	close(w);
	exec = NEED(open("other", O_RDONLY));
	CHECK(set_exe(exec), -EBUSY);
	CHECK(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, exec, 1, 0), -EINVAL);
	close(exec);
	WORKS(close(open("other", O_WRONLY)));
	become("other", 0);
	w = NEED(open("other", O_WRONLY)); /* the child's is gone with it */
	become("other", -EACCES);
	close(w);
	unlink("other");
	unlink("plain");
}
