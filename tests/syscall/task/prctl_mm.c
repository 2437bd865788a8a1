/* SPDX-License-Identifier: MIT */
/*
 * prctl_mm: PR_SET_MM_MAP: where /proc shows the parts of a program, all set at once and without a
 * capability; what is refused. A host may be built without it.
 */
#include "newer.h"

#include <linux/prctl.h>
#include <sys/prctl.h>

static struct prctl_mm_map now;

/* Reads the boundaries of memory, which are among fields 26 to 51 of /proc/self/stat. */
static void learn(void)
{
	char text[2048], *p;
	int fd = NEED(open("/proc/self/stat", O_RDONLY)), field = 2;
	__u64 *const to[52] = { [26] = &now.start_code,
		[27] = &now.end_code,
		[28] = &now.start_stack,
		[45] = &now.start_data,
		[46] = &now.end_data,
		[47] = &now.start_brk,
		[48] = &now.arg_start,
		[49] = &now.arg_end,
		[50] = &now.env_start,
		[51] = &now.env_end };
	ssize_t n = NEED(read(fd, text, sizeof(text) - 1));

	close(fd);
	text[n] = 0;
	for (p = strrchr(text, ')'); p && field < 52; p = strchr(p + 1, ' '), field++)
		if (to[field])
			*to[field] = strtoull(p + 1, NULL, 10);
	now.brk = (unsigned long)sbrk(0);
	now.exe_fd = ~0U;
}

static long set(const struct prctl_mm_map *m)
{
	return prctl(PR_SET_MM, PR_SET_MM_MAP, m, sizeof(*m), 0);
}

static long contents(const char *path, char *text, size_t size)
{
	int fd = NEED(open(path, O_RDONLY));
	long n = NEED(read(fd, text, size));

	close(fd);
	return n;
}

static void refused(void)
{
	struct prctl_mm_map m = now;

	CHECK(prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m) - 8, 0), -EINVAL);
	CHECK(prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m), 1), -EINVAL);
	CHECK(prctl(PR_SET_MM, PR_SET_MM_MAP, NULL, sizeof(m), 0), -EFAULT);
	CHECK(prctl(PR_SET_MM, PR_SET_MM_START_CODE, m.start_code, 1, 0), -EINVAL);
	m.end_code = m.start_code;
	CHECK(set(&m), -EINVAL);
	m = now;
	m.start_data = m.end_data + 1;
	CHECK(set(&m), -EINVAL);
	m = now;
	m.brk = m.start_brk - 1;
	CHECK(set(&m), -EINVAL);
	m = now;
	m.arg_start = 4096;
	CHECK(set(&m), -EINVAL);
	m = now;
	m.env_end = ~0UL;
	CHECK(set(&m), -EINVAL);
	m = now;
	m.auxv_size = 16;
	CHECK(set(&m), -EINVAL);
	m.auxv = (__u64 *)16;
	CHECK(set(&m), -EFAULT);
	m.auxv_size = 8192;
	CHECK(set(&m), -EINVAL);
}

TEST(prctl_mm)
{
	static const char text_of[] = "another\0name";
	static __u64 auxv[] = { 6, 4096, 17, 100, 0, 0, 9, 9 };
	static char text[65536];
	char *words = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct prctl_mm_map m;
	unsigned size = 0;

	/* Linux does not show arguments in pages of a file */
	memcpy(words, text_of, sizeof(text_of));
	have = !prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0);
	HOLDS(size == sizeof(m));
	learn();
	refused();
	m = now;
	CHECK(set(&m), 0);
	m.arg_start = (uintptr_t)words;
	m.arg_end = m.arg_start + sizeof(text_of);
	m.auxv = auxv;
	m.auxv_size = sizeof(auxv);
	CHECK(set(&m), 0);
	HOLDS(contents("/proc/self/cmdline", text, sizeof(text)) == sizeof(text_of) &&
		!memcmp(text, text_of, sizeof(text_of)));
	HOLDS(contents("/proc/self/auxv", text, sizeof(text)) == 48 && !memcmp(text, auxv, 48));
	HOLDS(sbrk(0) == (void *)(uintptr_t)now.brk);
	CHECK(set(&now), 0);
}
