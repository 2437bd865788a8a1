/* SPDX-License-Identifier: MIT */
/*
 * exec_images: execve(2) of ELF files that no linker makes. Each is a small program that stops
 * itself and has odd or wrong headers. The test shows the result of execve(), what becomes of the
 * process, and its mappings.
 */
#include "t.h"

#include <elf.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define BASE 0x40000UL
#define MAX_PH 12

/* kill(getpid(), SIGSTOP); exit(7) */
static const unsigned char code[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0x89, 0xc7, 0xbe, 19, 0, 0, 0,
	0xb8, 62, 0, 0, 0, 0x0f, 0x05, 0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05 };

struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[MAX_PH];
	size_t size;    /* of the file */
	char tail[256]; /* at TAIL */
};
#define TAIL 0xf00UL
#define CODE 0x800UL

static struct image im;

static Elf64_Phdr *add(
	uint32_t type, uint32_t flags, uint64_t off, uint64_t va, uint64_t filesz, uint64_t memsz)
{
	Elf64_Phdr *p = &im.ph[im.eh.e_phnum++];

	*p = (Elf64_Phdr){ .p_type = type,
		.p_flags = flags,
		.p_offset = off,
		.p_vaddr = va,
		.p_paddr = va,
		.p_filesz = filesz,
		.p_memsz = memsz,
		.p_align = PAGE };
	return p;
}

/* Begins an image with a single segment, the first page of its file. */
static void start(int type)
{
	memset(&im, 0, sizeof(im));
	memcpy(im.eh.e_ident, ELFMAG, SELFMAG);
	im.eh.e_ident[EI_CLASS] = ELFCLASS64;
	im.eh.e_ident[EI_DATA] = ELFDATA2LSB;
	im.eh.e_ident[EI_VERSION] = EV_CURRENT;
	im.eh.e_type = type;
	im.eh.e_machine = EM_X86_64;
	im.eh.e_version = EV_CURRENT;
	im.eh.e_phoff = sizeof(im.eh);
	im.eh.e_ehsize = sizeof(im.eh);
	im.eh.e_phentsize = sizeof(Elf64_Phdr);
	im.eh.e_entry = (type == ET_EXEC ? BASE : 0) + CODE;
	im.size = PAGE;
	add(PT_LOAD, PF_R | PF_X, 0, type == ET_EXEC ? BASE : 0, PAGE, PAGE);
}

static void put(const char *name)
{
	int fd = NEED(open(name, O_RDWR | O_CREAT | O_TRUNC, 0755));

	NEED(ftruncate(fd, im.size));
	if (im.size > sizeof(im.eh))
		NEED(pwrite(fd, im.ph,
			sizeof(im.ph) < im.size - sizeof(im.eh) ? sizeof(im.ph) :
								  im.size - sizeof(im.eh),
			sizeof(im.eh)));
	NEED(pwrite(fd, &im.eh, sizeof(im.eh) < im.size ? sizeof(im.eh) : im.size, 0));
	if (im.size >= PAGE) {
		NEED(pwrite(fd, code, sizeof(code), CODE));
		NEED(pwrite(fd, im.tail, sizeof(im.tail), TAIL));
	}
	close(fd);
}

/*
 * Prints the mappings of the stopped program, except for its stack and those of the kernel.
 * Addresses above 4 GiB count from the first of them.
 */
static void maps(pid_t pid)
{
	char path[64], line[512];
	unsigned long first = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long s, e, off;
		char perm[8], name[256] = "";

		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &s, &e, perm, &off, name) < 4)
			continue;
		if (!strcmp(name, "[stack]"))
			say("    stack %s", perm);
		if (name[0] == '[' && strcmp(name, "[heap]"))
			continue;
		if (!first && s >= 1UL << 32)
			first = s;
		s -= first, e -= first;
		say("    %s%lx-%lx %s %lx %s", first ? "+" : "", s, e, perm,
			name[0] == '/' ? off : 0, name[0] == '/' ? strrchr(name, '/') : name);
	}
	if (f)
		fclose(f);
}

static void run_as(const char *what, const char *path, bool show)
{
	char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };
	int report[2], err = 0, status = 0;
	pid_t pid;

	NEED(pipe2(report, O_CLOEXEC));
	pid = NEED(fork());
	if (!pid) {
		t_soft_limit(RLIMIT_CORE, 0);
		execve(path, argv, envp);
		err = errno;
		NEED(write(report[1], &err, sizeof(err)));
		_exit(0);
	}
	close(report[1]);
	if (read(report[0], &err, sizeof(err)) > 0) {
		say("%s: execve: %s", what, t_errno(err));
		NEED(waitpid(pid, &status, 0));
	} else {
		NEED(waitpid(pid, &status, WUNTRACED));
		t_status(what, status);
		if (WIFSTOPPED(status)) {
			if (show)
				maps(pid);
			NEED(kill(pid, SIGKILL));
			NEED(waitpid(pid, &status, 0));
		}
	}
	close(report[0]);
}

static void run(const char *what)
{
	put("image");
	run_as(what, "./image", true);
}

#define ODD(type, what, ...)                                                                       \
	do {                                                                                       \
		start(type);                                                                       \
		__VA_ARGS__;                                                                       \
		run(what);                                                                         \
	} while (0)
#define EXEC(what, ...) ODD(ET_EXEC, what, __VA_ARGS__)
#define DYN(what, ...) ODD(ET_DYN, what, __VA_ARGS__)

static void headers(void)
{
	EXEC("plain", );
	EXEC("class 32", im.eh.e_ident[EI_CLASS] = ELFCLASS32);
	EXEC("class 9", im.eh.e_ident[EI_CLASS] = 9);
	EXEC("big endian", im.eh.e_ident[EI_DATA] = ELFDATA2MSB);
	EXEC("ident version 9", im.eh.e_ident[EI_VERSION] = 9);
	EXEC("osabi 9", im.eh.e_ident[EI_OSABI] = 9);
	EXEC("version 9", im.eh.e_version = 9);
	EXEC("type none", im.eh.e_type = ET_NONE);
	EXEC("type relocatable", im.eh.e_type = ET_REL);
	EXEC("type core", im.eh.e_type = ET_CORE);
	EXEC("machine arm", im.eh.e_machine = EM_ARM);
	EXEC("machine none", im.eh.e_machine = 0);
	EXEC("ehsize 0", im.eh.e_ehsize = 0);
	EXEC("phentsize 55", im.eh.e_phentsize--);
	EXEC("phentsize 57", im.eh.e_phentsize++);
	EXEC("phentsize 0", im.eh.e_phentsize = 0);
	EXEC("phnum 0", im.eh.e_phnum = 0);
	EXEC("phnum 65535", im.eh.e_phnum = 65535);
	EXEC("phnum 1170", im.eh.e_phnum = 1170);
	EXEC("phnum 1171", im.size = 80000; im.eh.e_phnum = 1171);
	EXEC("phnum 1170 in a long file", im.size = 80000; im.eh.e_phnum = 1170);
	EXEC("phnum up to the end", im.eh.e_phnum = (PAGE - 64) / 56);
	EXEC("phnum past the end", im.eh.e_phnum = (PAGE - 64) / 56 + 1);
	EXEC("phoff beyond", im.eh.e_phoff = 0x100000);
	EXEC("phoff huge", im.eh.e_phoff = -8);
	EXEC("phoff 2^63", im.eh.e_phoff = 1UL << 63);
	EXEC("entry 0", im.eh.e_entry = 0);
	EXEC("entry of the kernel", im.eh.e_entry = 0xffffffff81000000);
	EXEC("entry not canonical", im.eh.e_entry = 1UL << 60);
	EXEC("entry not mapped", im.eh.e_entry = BASE + 2 * PAGE);
	EXEC("magic alone", im.size = 4);
	EXEC("half a header", im.size = 40);
	EXEC("header alone", im.size = 64);
	EXEC("header and a half", im.size = 64 + 30);
	EXEC("headers alone", im.size = 64 + 56);
}

static void segments(void)
{
	EXEC("no load", im.ph[0].p_type = PT_NOTE);
	EXEC("null segment", im.ph[0].p_type = PT_NULL);
	EXEC("unaligned offset", im.ph[0].p_offset = 1);
	EXEC("unaligned address", im.ph[0].p_vaddr += 16; im.eh.e_entry += 16);
	EXEC("both", im.ph[0].p_vaddr += 16; im.ph[0].p_offset += 16;
		im.ph[0].p_filesz = im.ph[0].p_memsz = PAGE - 16);
	EXEC("align 0", im.ph[0].p_align = 0);
	EXEC("align 3", im.ph[0].p_align = 3);
	EXEC("align 2M", im.ph[0].p_align = 2 << 20);
	EXEC("memsz smaller", im.ph[0].p_memsz = 100);
	EXEC("memsz 0", im.ph[0].p_memsz = 0);
	EXEC("filesz beyond the file", im.ph[0].p_filesz = im.ph[0].p_memsz = 4 * PAGE);
	EXEC("filesz 0", im.ph[0].p_filesz = 0);
	EXEC("memsz huge", im.ph[0].p_memsz = 1UL << 60);
	EXEC("memsz to the kernel", im.ph[0].p_memsz = 1UL << 47);
	EXEC("memsz all", im.ph[0].p_memsz = -1UL);
	EXEC("filesz huge", im.ph[0].p_filesz = im.ph[0].p_memsz = 1UL << 60);
	EXEC("filesz all", im.ph[0].p_filesz = im.ph[0].p_memsz = -1UL);
	EXEC("offset beyond the file", im.ph[0].p_offset = 1 << 20);
	EXEC("offset huge", im.ph[0].p_offset = -PAGE);
	EXEC("address of the kernel", im.ph[0].p_vaddr = -4 * PAGE);
	EXEC("address not canonical", im.ph[0].p_vaddr = 1UL << 60);
	EXEC("nothing may be done", im.ph[0].p_flags = 0);
	EXEC("write only", im.ph[0].p_flags = PF_W);
	EXEC("execute only", im.ph[0].p_flags = PF_X);
	EXEC("read only", im.ph[0].p_flags = PF_R);
	EXEC("all of it", im.ph[0].p_flags = 7);
	EXEC("other flags", im.ph[0].p_flags = 0x7ffffff8 | PF_R | PF_X);
	EXEC("the same twice", add(PT_LOAD, 7, 0, BASE, PAGE, PAGE));
	EXEC("overlapping", im.ph[0].p_memsz = 3 * PAGE; im.ph[0].p_flags = 7;
		add(PT_LOAD, PF_R, 0, BASE + PAGE, PAGE, PAGE));
	EXEC("lower ones later", add(PT_LOAD, PF_R | PF_W, 0, 0x20000, PAGE, PAGE));
	EXEC("data and bss", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R | PF_W, PAGE, BASE + PAGE, 0x800, 2 * PAGE));
	EXEC("data, bss executable", im.size = 3 * PAGE;
		add(PT_LOAD, 7, PAGE, BASE + PAGE, 0x800, 2 * PAGE));
	EXEC("bss in the file's last page", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R | PF_W, PAGE, BASE + PAGE, 0x800, 0xa00));
	EXEC("bss that is read only", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R, PAGE, BASE + PAGE, 0x800, 0xa00));
	EXEC("bss that is read only, more pages", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R, PAGE, BASE + PAGE, 0x800, 3 * PAGE));
	EXEC("bss in front of another", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R, PAGE, BASE + PAGE, 0x800, 2 * PAGE);
		add(PT_LOAD, PF_R | PF_W, PAGE, BASE + 8 * PAGE, PAGE, PAGE));
	EXEC("nothing of the file", add(PT_LOAD, PF_R, 0, BASE + PAGE, 0, PAGE));
	EXEC("nothing of the file, unaligned offset",
		add(PT_LOAD, PF_R, 0x123, BASE + PAGE, 0, PAGE));
	EXEC("nothing of the file, unaligned address",
		add(PT_LOAD, PF_R, 0, BASE + PAGE + 0x123, 0, PAGE));
	EXEC("nothing at all", add(PT_LOAD, PF_R, 0, BASE + PAGE, 0, 0));
	EXEC("nothing at all, unaligned", add(PT_LOAD, PF_R, 0, BASE + PAGE + 0x123, 0, 0));
	EXEC("nothing at all, far away", add(PT_LOAD, PF_R, 0, 1UL << 60, 0, 0));
	EXEC("something, but no memory", add(PT_LOAD, PF_R, 0, BASE + PAGE, 16, 0));
	EXEC("a hole", add(PT_LOAD, PF_R, 0, BASE + 0x100000, PAGE, PAGE));
	EXEC("a wide hole", add(PT_LOAD, PF_R, 0, 0x700000000000, PAGE, PAGE));
	EXEC("unknown kinds", add(0x12345678, 7, -1UL, -1UL, -1UL, -1UL);
		add(PT_SHLIB, 7, 0, 0, 0, 0); add(PT_TLS, 7, -1UL, -1UL, 9, 3));
}

static void stacks(void)
{
	EXEC("stack rw", add(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0));
	EXEC("stack rwx", add(PT_GNU_STACK, 7, 0, 0, 0, 0));
	EXEC("stack nothing", add(PT_GNU_STACK, 0, 0, 0, 0, 0));
	EXEC("stack twice", add(PT_GNU_STACK, 7, 0, 0, 0, 0); add(PT_GNU_STACK, 6, 0, 0, 0, 0));
	EXEC("stack twice, the other way", add(PT_GNU_STACK, 6, 0, 0, 0, 0);
		add(PT_GNU_STACK, 7, 0, 0, 0, 0));
	EXEC("stack of a size", add(PT_GNU_STACK, 6, 0, 0, 0, 1 << 20));
	EXEC("relro", add(PT_GNU_RELRO, PF_R, 0, BASE, PAGE, PAGE));
	EXEC("property",
		memcpy(im.tail, "\4\0\0\0\x10\0\0\0\5\0\0\0GNU\0\2\0\0\xc0\4\0\0\0\3\0\0\0\0\0\0\0",
			32);
		add(PT_GNU_PROPERTY, PF_R, TAIL, BASE + TAIL, 32, 32)->p_align = 8);
	EXEC("property, wrong alignment",
		memcpy(im.tail, "\4\0\0\0\x10\0\0\0\5\0\0\0GNU\0\2\0\0\xc0\4\0\0\0\3\0\0\0\0\0\0\0",
			32);
		add(PT_GNU_PROPERTY, PF_R, TAIL, BASE + TAIL, 32, 32));
	EXEC("property, too long",
		add(PT_GNU_PROPERTY, PF_R, TAIL, BASE + TAIL, 1 << 20, 32)->p_align = 8);
	EXEC("property, garbage", memset(im.tail, 0xee, 64);
		add(PT_GNU_PROPERTY, PF_R, TAIL, BASE + TAIL, 64, 64)->p_align = 8);
	EXEC("property beyond the file",
		add(PT_GNU_PROPERTY, PF_R, 1 << 20, BASE + TAIL, 32, 32)->p_align = 8);
}

static void movable(void)
{
	DYN("pie", );
	DYN("pie, entry 0", im.eh.e_entry = 0);
	DYN("pie, first at 0x40000", im.ph[0].p_vaddr = BASE; im.eh.e_entry += BASE);
	DYN("pie with bss", im.size = 3 * PAGE;
		add(PT_LOAD, PF_R | PF_W, PAGE, 0x20000, 0x800, 2 * PAGE));
	DYN("pie, lower ones later", im.ph[0].p_vaddr = BASE; im.eh.e_entry += BASE;
		add(PT_LOAD, PF_R, 0, 0x20000, PAGE, PAGE));
	DYN("pie, wraps", im.ph[0].p_vaddr = 0xfffffffffffff000UL - PAGE);
	DYN("pie, high address", im.ph[0].p_vaddr = 0x7fff00000000UL;
		im.eh.e_entry += 0x7fff00000000UL);
	DYN("pie, address of the kernel", im.ph[0].p_vaddr = 0xffff800000000000UL;
		im.eh.e_entry += 0xffff800000000000UL);
	DYN("pie, huge", add(PT_LOAD, PF_R, 0, 0x700000000000UL, PAGE, PAGE));
	DYN("pie, more than there is", add(PT_LOAD, PF_R, 0, 0x800000000000UL, PAGE, PAGE));
	DYN("pie, align 2M", im.ph[0].p_align = 2 << 20);
	DYN("pie, align 3", im.ph[0].p_align = 3);
	DYN("pie, unaligned", im.ph[0].p_offset = 1);
	DYN("pie, nothing to load", im.ph[0].p_type = PT_NOTE);
}

/*
 * The interpreter of the images that follow: a movable file of one page, and @...; named
 * "./interp".
 */
#define INTERP(...)                                                                                \
	do {                                                                                       \
		start(ET_DYN);                                                                     \
		im.ph[0].p_flags = 7;                                                              \
		__VA_ARGS__;                                                                       \
		put("interp");                                                                     \
	} while (0)
/* Runs a program with this interpreter; the program's own code is not reached. */
static void with_interp(const char *what, const void *name, size_t n)
{
	start(ET_EXEC);
	memcpy(im.tail, name, n);
	add(PT_INTERP, PF_R, TAIL, BASE + TAIL, n, n);
	run(what);
}

static void interpreters(void)
{
	INTERP();
	with_interp("interpreter", "./interp", 9);
	with_interp("interpreter, something behind the name", "./interp\0b", 11);
	with_interp("interpreter, no end", "./interpreter", 8);
	with_interp("interpreter, no end, something behind", "./interp\0b", 10);
	with_interp("interpreter of nothing", "", 0);
	with_interp("interpreter of one byte", "", 1);
	with_interp("interpreter of two bytes", "\0", 2);
	with_interp("interpreter is not there", "/f/b", 5);
	with_interp("interpreter is a directory", ".", 2);
	with_interp("interpreter is itself", "./image", 8);
	start(ET_EXEC);
	add(PT_INTERP, PF_R, TAIL, 0, 5000, 5000);
	run("interpreter's name too long");
	start(ET_EXEC);
	add(PT_INTERP, PF_R, 1 << 20, 0, 9, 9);
	run("interpreter's name beyond the file");
	start(ET_EXEC);
	memcpy(im.tail, "./interp\0/f/b", 14);
	add(PT_INTERP, PF_R, TAIL, 0, 9, 9);
	add(PT_INTERP, PF_R, TAIL + 9, 0, 5, 5);
	run("two interpreters");
	INTERP(im.eh.e_machine = EM_PPC64);
	with_interp("interpreter of another machine", "./interp", 9);
	INTERP(im.eh.e_type = ET_REL);
	with_interp("interpreter to be linked", "./interp", 9);
	INTERP(im.eh.e_ident[0] = 'x');
	with_interp("interpreter without its magic", "./interp", 9);
	INTERP(im.eh.e_phnum = 0);
	with_interp("interpreter without segments", "./interp", 9);
	INTERP(im.eh.e_phentsize = 3);
	with_interp("interpreter with odd segments", "./interp", 9);
	INTERP(im.size = 4);
	with_interp("interpreter of 4 bytes", "./interp", 9);
	INTERP(im.size = 64);
	with_interp("interpreter of a header", "./interp", 9);
	INTERP(im.size = 0);
	with_interp("interpreter of nothing", "./interp", 9);
	INTERP(im.ph[0].p_type = PT_NOTE);
	with_interp("interpreter with nothing to load", "./interp", 9);
	INTERP(im.ph[0].p_offset = 1);
	with_interp("interpreter unaligned", "./interp", 9);
	INTERP(im.ph[0].p_memsz = 1UL << 60);
	with_interp("interpreter, memsz huge", "./interp", 9);
	INTERP(im.ph[0].p_flags = 5);
	with_interp("interpreter that is not written to", "./interp", 9);
	INTERP(im.ph[0].p_flags = 5; im.ph[0].p_filesz = im.ph[0].p_memsz = 0xa00);
	with_interp("the same with a rest of a page", "./interp", 9);
	INTERP(im.size = 3 * PAGE; add(PT_LOAD, PF_R | PF_W, PAGE, 2 * PAGE, 0x800, 2 * PAGE));
	with_interp("interpreter with bss", "./interp", 9);
	INTERP(im.eh.e_entry = 1UL << 60);
	with_interp("interpreter's entry nowhere", "./interp", 9);
	INTERP(im.eh.e_type = ET_EXEC; im.ph[0].p_vaddr = 0x80000; im.eh.e_entry += 0x80000);
	with_interp("interpreter at a fixed place", "./interp", 9);
	INTERP(im.eh.e_type = ET_EXEC; im.ph[0].p_vaddr = BASE; im.eh.e_entry += BASE);
	with_interp("interpreter at the program's place", "./interp", 9);
	INTERP(memcpy(im.tail, "/f/b", 5); add(PT_INTERP, PF_R, TAIL, 0, 5, 5));
	with_interp("interpreter with an interpreter", "./interp", 9);
	t_text("interp", "#!/bin/sh\n");
	NEED(chmod("interp", 0755));
	with_interp("interpreter is a script", "./interp", 9);
	INTERP();
	NEED(chmod("interp", 0644));
	with_interp("interpreter may not be executed", "./interp", 9);
	NEED(chmod("interp", 0755));
	start(ET_DYN);
	memcpy(im.tail, "./interp", 9);
	add(PT_INTERP, PF_R, TAIL, TAIL, 9, 9);
	put("image");
	run_as("pie with an interpreter", "./image", false);
}

/* What a tracer may read and write of a program after execve(). */
static void traced(const char *what, const char *path)
{
	char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };
	int status;
	pid_t pid = SPAWN({
		NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
		NEED(raise(SIGSTOP));
		NEED(execve(path, argv, envp));
	});

	NEED(waitpid(pid, &status, 0));
	NEED(ptrace(PTRACE_CONT, pid, 0, 0));
	NEED(waitpid(pid, &status, 0));
	t_status(what, status);
	OK(ptrace(PTRACE_PEEKDATA, pid, BASE + CODE, 0));
	OK(ptrace(PTRACE_POKEDATA, pid, BASE + CODE, 0));
	OK(ptrace(PTRACE_PEEKUSER, pid, 0, 0));
	NEED(kill(pid, SIGKILL));
	t_wait(what, pid);
}

/* True if other processes may inspect the one that runs this image. */
static void dumpable(void)
{
	char exe[PATH_MAX];
	int n = NEED(readlink("/proc/self/exe", exe, sizeof(exe) - 1));

	exe[n] = 0;
	NEED(symlink(exe, "exec_images"));
	t_text("script", "#!./exec_images dump");
	NEED(chmod("script", 0755));
	run_as("script", "./script", false);
	NEED(chmod("script", 0111));
	start(ET_EXEC);
	put("image");
	put("secret");
	NEED(chmod("secret", 0111));
	start(ET_EXEC);
	memcpy(im.tail, "./interp", 9);
	add(PT_INTERP, PF_R, TAIL, BASE + TAIL, 9, 9);
	put("open");
	INTERP();
	NEED(chmod("interp", 0111));
	CHILD({
		NEED(chmod(".", 0755));
		NEED(setuid(65534));
		run_as("script that may not be read", "./script", false);
		traced("program", "./image");
		traced("program that may not be read", "./secret");
		traced("interpreter that may not be read", "./open");
	});
}

TEST(exec_images)
{
	if (t_argc > 1 && !strcmp(t_argv[1], "dump")) {
		say("dumpable %d", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
		return;
	}
	dumpable();
	headers();
	segments();
	stacks();
	movable();
	interpreters();
}
