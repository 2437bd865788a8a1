/* SPDX-License-Identifier: MIT */
/*
 * statmount_long: statmount of a mount whose strings have the greatest lengths: root, mount point,
 * source and options are returned whole, as on Linux.
 */
#include "guest.h"
#include <sys/mount.h>

#define STATMOUNT 457
#define TEXT_WANTED (0x8 | 0x10 | 0x20 | 0x80 | 0x200 | 0x400) /* MNT_ROOT ... OPT_ARRAY */
#define TEXTS_AT 512

struct request {
	uint32_t size, fd;
	uint64_t id, param, ns;
};

static uint32_t answer[16384];

/* Goes down into @n folders that it makes, and appends their names to @path. */
static void go_down(char *path, int n)
{
	char name[201];

	memset(name, 'd', 200);
	name[200] = 0;
	while (n--) {
		NEED(mkdir(name, 0755));
		NEED(chdir(name));
		strcat(path, "/");
		strcat(path, name);
	}
}

static const char *text(int word)
{
	return (const char *)answer + TEXTS_AT + answer[word];
}

/* Returns the unique id of the mount on "m". */
static uint64_t mount_id(void)
{
	uint64_t x[32] = { 0 };

	NEED(syscall(SYS_statx, AT_FDCWD, "m", 0, 0x4000, x));
	return x[0x90 / 8];
}

static void check(const char *source, const char *root, const char *options)
{
	struct request r = { 24, 0, mount_id(), TEXT_WANTED, 0 };
	const char *last;

	G(syscall(STATMOUNT, &r, answer, sizeof(answer), 0), "0");
	last = text(33);
	for (uint32_t i = 1; i < answer[32]; i++)
		last += strlen(last) + 1;
	say("root %d, source %d, options %d, the last of them %d", !strcmp(text(26), root),
		!strcmp(text(31), source), !!strstr(text(1), options),
		last + strlen(last) < (char *)answer + answer[0] && strchr(text(1), *last));
}

TEST(statmount_long)
{
	static char source[4001], root[4096], low[4096] = "low", up[4096] = "up", place[4096],
					      data[9000];
	int top, in;

	if (!in_guest()) {
		say("syscall(STATMOUNT, &r, answer, sizeof(answer), 0) = 0");
		say("root 1, source 1, options 1, the last of them 1");
		return;
	}
	memset(source, 'S', 4000);
	NEED(mkdir("t", 0755));
	NEED(mount("t", "t", "tmpfs", 0, NULL));
	NEED(chdir("t"));
	top = NEED(open(".", O_RDONLY | O_DIRECTORY));
	NEED(mkdir("ov", 0755) | mkdir("work", 0755) | mkdir("low", 0755) | mkdir("up", 0755) |
		mkdir("place", 0755));
	NEED(chdir("low"));
	go_down(low, 14);
	NEED(fchdir(top));
	NEED(chdir("up"));
	go_down(up, 4);
	NEED(fchdir(top));
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=%s,workdir=work", low, up);
	NEED(mount(source, "ov", "overlay", 0, data));
	NEED(chdir("ov"));
	go_down(root, 19);
	in = NEED(open(".", O_RDONLY | O_DIRECTORY));
	NEED(fchdir(top));
	NEED(chdir("place"));
	go_down(place, 18);
	NEED(mkdir("m", 0755));
	snprintf(data, sizeof(data), "/proc/self/fd/%d", in);
	NEED(mount(data, "m", NULL, MS_BIND, NULL));
	snprintf(data, sizeof(data), "upperdir=%s", up);
	check(source, root, data);
	umount2("m", MNT_DETACH);
	NEED(fchdir(top));
	umount2("ov", MNT_DETACH);
	NEED(chdir(".."));
	umount2("t", MNT_DETACH);
}
