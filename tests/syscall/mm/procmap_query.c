/* SPDX-License-Identifier: MIT */
/*
 * procmap_query: PROCMAP_QUERY, an ioctl of /proc/PID/maps: the area at an address or behind it, in
 * binary.
 */
#include "recorded.h"
#include <elf.h>
#include <stddef.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

struct query {
	uint64_t size, flags, addr;
	uint64_t start, end, vma_flags, page_size, offset;
	uint64_t inode;
	uint32_t major, minor, name_size, id_size;
	uint64_t name, id;
};
#define QUERY _IOWR('f', 17, struct query)
#define READABLE 1
#define WRITABLE 2
#define EXECUTABLE 4
#define SHARED 8
#define NEXT 0x10
#define OF_FILE 0x20

static int maps;
static char name[PATH_MAX];
static unsigned char id[32];
static char *base; /* addresses are told from here on */

static void ask(const char *what, const void *at, uint64_t flags)
{
	struct query q = { .size = sizeof(q),
		.flags = flags,
		.addr = (uintptr_t)at,
		.name = (uintptr_t)name,
		.name_size = sizeof(name) };

	strcpy(name, "-");
	if (ioctl(maps, QUERY, &q))
		say("%s: %s", what, t_errno(errno));
	else
		say("%s: pages %ld to %ld, flags %d, size %d, offset %#lx, file %d, name %u %s",
			what, ((long)q.start - (long)base) / PAGE,
			((long)q.end - (long)base) / PAGE, (int)q.vma_flags, (int)q.page_size,
			(long)q.offset, q.inode != 0, q.name_size ? 1 : 0,
			q.name_size ? strrchr(name, '/') ? strrchr(name, '/') : name : "");
}

static void areas(void)
{
	int fd = NEED(open("file", O_RDWR | O_CREAT, 0600));
	struct query q = { .size = sizeof(q) };
	struct stat st;

	NEED(ftruncate(fd, 8 * PAGE));
	NEED(fstat(fd, &st));
	base = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	munmap(base, 16 * PAGE);
	mmap(base, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(base + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, PAGE);
	mmap(base + 6 * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 3 * PAGE);
	mmap(base + 8 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(base + 9 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0);
	ask("the first", base, 0);
	ask("within", base + PAGE + 7, 0);
	ask("a hole", base + 2 * PAGE, 0);
	ask("behind a hole", base + 2 * PAGE, NEXT);
	ask("a file", base + 5 * PAGE, 0);
	ask("a file, of files", base + 5 * PAGE, OF_FILE);
	ask("none, of files", base, OF_FILE);
	ask("next of files", base, OF_FILE | NEXT);
	ask("writable", base, WRITABLE);
	ask("next writable", base, WRITABLE | NEXT);
	ask("next executable", base, EXECUTABLE | NEXT);
	ask("next shared", base, SHARED | NEXT);
	ask("next private writable", base + 7 * PAGE, WRITABLE | NEXT);
	ask("no rights", base + 8 * PAGE, 0);
	ask("no rights, readable", base + 8 * PAGE, READABLE);
	ask("the end", (void *)-1L, NEXT);
	q.addr = (uintptr_t)base + 4 * PAGE;
	T(ioctl(maps, QUERY, &q));
	say("device %d, inode %d", makedev(q.major, q.minor) == st.st_dev, q.inode == st.st_ino);
	close(fd);
}

static void names(void)
{
	int fd = NEED(memfd_create("some", 0)), local = 0;
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	struct query q = { .size = sizeof(q), .addr = (uintptr_t)p, .name = (uintptr_t)name };

	base = p;
	ask("a memfd", p, 0);
	q.name_size = 5;
	T(ioctl(maps, QUERY, &q));
	q.name_size = strlen("/memfd:some (deleted)");
	T(ioctl(maps, QUERY, &q));
	q.name_size++;
	T(ioctl(maps, QUERY, &q));
	say("%u %s", q.name_size, name);
	q.addr = (uintptr_t)&local;
	q.name_size = 3;
	T(ioctl(maps, QUERY, &q));
	q.name_size = sizeof(name);
	T(ioctl(maps, QUERY, &q));
	say("%u %s", q.name_size, name);
	q.name = 1;
	T(ioctl(maps, QUERY, &q));
	q.name = 0;
	T(ioctl(maps, QUERY, &q));
	munmap(p, PAGE);
	close(fd);
}

/* Tests build ids with a file of one page that has only a header and notes. */
static void build_id(void)
{
	struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[2];
		Elf64_Nhdr other;
		char other_name[4];
		char other_data[8];
		Elf64_Nhdr note;
		char note_name[4];
		unsigned char data[20];
	} f = { 0 };
	int fd = NEED(open("elf", O_RDWR | O_CREAT, 0600)), asked;
	struct query q = { .size = sizeof(q), .id = (uintptr_t)id };
	char *p;

	memcpy(f.eh.e_ident, ELFMAG "\2\1\1", 7);
	f.eh.e_type = ET_DYN;
	f.eh.e_machine = EM_X86_64;
	f.eh.e_version = 1;
	f.eh.e_phoff = sizeof(f.eh);
	f.eh.e_phentsize = sizeof(f.ph[0]);
	f.eh.e_phnum = 2;
	f.eh.e_ehsize = sizeof(f.eh);
	f.ph[0].p_type = PT_LOAD;
	f.ph[1].p_type = PT_NOTE;
	f.ph[1].p_offset = offsetof(__typeof__(f), other);
	f.ph[1].p_filesz = sizeof(f) - f.ph[1].p_offset;
	f.other = (Elf64_Nhdr){ 4, 7, 1 };
	memcpy(f.other_name, "GNU", 4);
	f.note = (Elf64_Nhdr){ 4, 20, NT_GNU_BUILD_ID };
	memcpy(f.note_name, "GNU", 4);
	for (int i = 0; i < 20; i++)
		f.data[i] = (unsigned char)(i + 1);
	NEED(write(fd, &f, sizeof(f)));
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	q.addr = (uintptr_t)p;
	q.id_size = sizeof(id);
	T(ioctl(maps, QUERY, &q));
	say("%u: %d %d %d", q.id_size, id[0], id[19], id[20]);
	/*
	 * No permission event comes, which we could not answer. Whether a notification comes
	 * differs between Linux 6.12 and 6.18.
	 */
	asked = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY);
	if (asked >= 0)
		NEED(fanotify_mark(
			asked, FAN_MARK_ADD, FAN_ACCESS_PERM | FAN_OPEN_PERM, AT_FDCWD, "elf"));
	alarm(100);
	q.id_size = 20;
	T(ioctl(maps, QUERY, &q));
	alarm(0);
	close(asked);
	q.id_size = 19;
	T(ioctl(maps, QUERY, &q));
	f.note.n_type = 4;
	NEED(pwrite(fd, &f, sizeof(f), 0));
	q.id_size = 20;
	T(ioctl(maps, QUERY, &q));
	say("%u", q.id_size);
	munmap(p, PAGE);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q.addr = (uintptr_t)p;
	q.id_size = 20;
	T(ioctl(maps, QUERY, &q));
	say("%u", q.id_size);
	munmap(p, PAGE);
	close(fd);
}

static void errors(void)
{
	struct {
		struct query q;
		char more[16];
	} big = { .q = { .size = sizeof(big), .addr = (uintptr_t)base, .flags = NEXT } };
	struct query q = { .size = sizeof(q), .addr = (uintptr_t)base, .flags = 0x40 };
	int smaps = NEED(open("/proc/self/smaps", O_RDONLY)), status, go[2];
	char path[64], c;
	pid_t child;

	T(ioctl(maps, QUERY, NULL));
	T(ioctl(maps, QUERY, &q));
	T(ioctl(maps, QUERY, &big));
	big.more[0] = 1;
	T(ioctl(maps, QUERY, &big));
	big.q.size = 1UL << 20;
	T(ioctl(maps, QUERY, &big));
	q.flags = NEXT;
	q.size = 23;
	T(ioctl(maps, QUERY, &q));
	q.size = 40;
	q.page_size = 77;
	T(ioctl(maps, QUERY, &q));
	say("short: %d, %d", q.end != 0, (int)q.page_size);
	q.size = sizeof(q);
	q.name_size = 1;
	T(ioctl(maps, QUERY, &q));
	q.name_size = 0;
	q.id = 5;
	T(ioctl(maps, QUERY, &q));
	q.id = 0;
	T(ioctl(smaps, QUERY, &q));
	T(ioctl(maps, _IOWR('f', 18, struct query), &q));
	close(smaps);
	NEED(pipe(go));
	child = NEED(fork());
	if (!child) {
		close(go[1]);
		_exit((int)read(go[0], &c, 1));
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
	close(maps);
	maps = NEED(open(path, O_RDONLY));
	q.flags = NEXT;
	T(ioctl(maps, QUERY, &q));
	close(go[1]);
	waitpid(child, &status, 0);
	T(ioctl(maps, QUERY, &q));
}

static const char expected[] =
#include "procmap_query.inc"
	;

TEST(procmap_query)
{
	if (older_than(6, 12))
		RECORDED(expected);
	maps = NEED(open("/proc/self/maps", O_RDONLY));
	areas();
	names();
	build_id();
	errors();
}
