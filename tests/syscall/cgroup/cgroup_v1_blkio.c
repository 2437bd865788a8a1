/* SPDX-License-Identifier: MIT */
/*
 * cgroup_v1_blkio: version 1's blkio, which is implemented by version 2's io: which hierarchy has
 * it, its files, limits and their effect, the figures of a group and of its descendants. A test may
 * not change the host's groups, so the host's side prints what is expected. Only lower bounds of
 * times are checked.
 */
#include "cgroup.h"

#include <sys/sysmacros.h>

#define T "/blkio.throttle."

static char disk[24]; /* "98:0" */
static char *data;
static int file;

static long limit(const char *group, const char *which, const char *what)
{
	char path[80], line[128];

	snprintf(path, sizeof(path), "%s" T "%s_device", group, which);
	snprintf(line, sizeof(line), "%s %s", disk, what);
	return put(path, line);
}

static bool limit_is(const char *group, const char *which, const char *what)
{
	char path[80], line[128] = "";

	snprintf(path, sizeof(path), "%s" T "%s_device", group, which);
	if (*what)
		snprintf(line, sizeof(line), "%s %s\n", disk, what);
	return !strcmp(get(path), line);
}

static void owner(void)
{
	NEED(mkdir("v2", 0755));
	GIVES(mount("none", "v2", "cgroup2", 0, NULL), 0);
	WANT("version 2 has it", strstr(get("v2/cgroup.controllers"), "io"));
	GIVES(mkdir("v2/g", 0755), 0);
	GIVES(put("v2/cgroup.subtree_control", "+io"), 0);
	GIVES(mount("none", "v1", "cgroup", 0, "blkio"), EBUSY);
	GIVES(put("v2/cgroup.subtree_control", "-io"), 0);
	GIVES(mount("none", "v1", "cgroup", 0, "blkio,bogus"), EINVAL);
	WANT("still version 2's", strstr(get("v2/cgroup.controllers"), "io"));
	GIVES(mount("none", "v1", "cgroup", 0, "blkio"), 0);
	WANT("not version 2's any more", !strstr(get("v2/cgroup.controllers"), " io"));
	GIVES(put("v2/cgroup.subtree_control", "+io"), ENOENT);
	GIVES(access("v2/io.stat", F_OK), ENOENT);
	WANT("in /proc/cgroups", !strstr(get("/proc/cgroups"), "blkio\t0\t"));
	WANT("and of a process", strstr(get("/proc/self/cgroup"), ":blkio:/\n"));
}

static void no_owner(void)
{
	GIVES(umount("v1"), 0);
	WANT("version 2 has it again", strstr(get("v2/cgroup.controllers"), "io"));
	GIVES(access("v2/io.stat", F_OK), 0);
	GIVES(put("v2/cgroup.subtree_control", "+io"), 0);
	GIVES(access("v2/g/io.max", F_OK), 0);
	GIVES(put("v2/cgroup.subtree_control", "-io"), 0);
	GIVES(rmdir("v2/g"), 0);
	GIVES(umount("v2"), 0);
	NEED(rmdir("v2"));
}

static void settings(void)
{
	GIVES(mkdir("v1/a", 0755), 0);
	GIVES(mkdir("v1/a/b", 0755), 0);
	GIVES(access("v1" T "read_bps_device", F_OK), 0);
	GIVES(take("v1/a/blkio.reset_stats"), EINVAL);
	GIVES(put("v1/a/blkio.reset_stats", "1"), 0);
	GIVES(put("v1/a/blkio.reset_stats", "x"), EINVAL);
	GIVES(limit("v1/a", "read_bps", "1048576"), 0);
	GIVES(limit("v1/a", "write_iops", "17"), 0);
	WANT("two", limit_is("v1/a", "read_bps", "1048576") &&
			    limit_is("v1/a", "write_iops", "17") &&
			    limit_is("v1/a", "write_bps", ""));
	GIVES(limit("v1/a", "read_bps", ""), EINVAL);
	GIVES(limit("v1/a", "read_bps", "max"), EINVAL);
	GIVES(limit("v1/a", "read_bps", "-1"), EINVAL);
	GIVES(put("v1/a" T "read_bps_device", "4000:1 5"), ENODEV);
	GIVES(put("v1/a" T "read_bps_device", "98 5"), EINVAL);
	GIVES(put("v1/a" T "read_bps_device", "x"), EINVAL);
	WANT("as before", limit_is("v1/a", "read_bps", "1048576"));
	GIVES(limit("v1/a", "read_bps", " 8x"), 0);
	WANT("up to its digits", limit_is("v1/a", "read_bps", "8"));
	GIVES(limit("v1/a", "read_iops", "5000000000"), 0);
	WANT("of 32 bits", limit_is("v1/a", "read_iops", "705032704"));
	GIVES(limit("v1/a", "read_iops", "0"), 0);
	GIVES(limit("v1/a", "read_bps", "0"), 0);
	GIVES(limit("v1/a", "write_iops", "18446744073709551615"), 0);
	WANT("none", limit_is("v1/a", "read_bps", "") && limit_is("v1/a", "write_iops", "") &&
			     limit_is("v1/a", "read_iops", ""));
}

/* Transfers 8 pieces of 4 KiB past the cache, in a child in @group. Returns the time in ms. */
static long transfer(const char *group, bool write)
{
	char path[64];
	int status = 0;
	long t = now_ms();
	pid_t pid;

	snprintf(path, sizeof(path), "%s/tasks", group);
	pid = SPAWN(NEED(put(path, "0"));
		    for (long at = 0; at < 8 * PAGE;
			    at +=
			    PAGE) if ((write ? pwrite :
					       (ssize_t(*)(int, const void *, size_t, off_t))pread)(
					      file, data, PAGE, at) != PAGE) _exit(1););
	NEED(waitpid(pid, &status, 0));
	return status ? -1 : now_ms() - t;
}

/* Returns the number in the disk's line that begins with @what. */
static long count(const char *path, const char *what)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof(line), "%s %s ", disk, what);
	at = strstr(get(path), line);
	return at ? strtol(at + strlen(line), NULL, 10) : -1;
}

static void figures(void)
{
	WANT("nothing", !strcmp(get("v1/a/b" T "io_serviced"), "Total 0\n"));
	WANT("read", transfer("v1/a/b", false) >= 0);
	WANT("written", transfer("v1/a", true) >= 0);
	WANT("bytes read", count("v1/a/b" T "io_service_bytes", "Read") == 8 * PAGE);
	WANT("requests", count("v1/a/b" T "io_serviced", "Read") == 8);
	WANT("all", count("v1/a/b" T "io_serviced", "Total") == 8);
	WANT("none written", count("v1/a/b" T "io_serviced", "Write") == 0);
	WANT("bytes written", count("v1/a" T "io_service_bytes", "Write") >= 8 * PAGE);
	WANT("none read", count("v1/a" T "io_serviced", "Read") == 0);
	WANT("but below", count("v1/a" T "io_serviced_recursive", "Read") == 8);
	WANT("the machine's", count("v1" T "io_serviced_recursive", "Read") > 8);
	WANT("the top's own", count("v1" T "io_serviced_recursive", "Read") >
				      count("v1" T "io_serviced", "Read"));
}

static void rates(void)
{
	GIVES(limit("v1/a", "read_iops", "20"), 0);
	WANT("8 reads at 20/s", !guest || transfer("v1/a", false) >= 300);
	GIVES(limit("v1/a", "write_bps", "81920"), 0);
	WANT("32 KiB written at 80 KiB/s", !guest || transfer("v1/a", true) >= 300);
	GIVES(limit("v1/a", "read_iops", "1"), 0);
	WANT("not those below", !guest || transfer("v1/a/b", false) < 7000);
	GIVES(rmdir("v1/a/b"), 0);
	GIVES(rmdir("v1/a"), 0); /* with its limits */
}

static void play(void)
{
	struct stat st;

	if (guest) {
		file = NEED(open("file", O_RDWR | O_CREAT | O_DIRECT, 0600));
		data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(data, 'x', PAGE);
		for (long at = 0; at < 8 * PAGE; at += PAGE)
			NEED(pwrite(file, data, PAGE, at));
		NEED(fsync(file));
		NEED(fstat(file, &st));
		snprintf(disk, sizeof(disk), "%u:%u", major(st.st_dev), minor(st.st_dev));
	}
	NEED(mkdir("v1", 0755));
	owner();
	settings();
	figures();
	rates();
	no_owner();
	NEED(rmdir("v1"));
}

TEST(cgroup_v1_blkio)
{
	guest = in_guest();
	play();
}
