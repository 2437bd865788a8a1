/* SPDX-License-Identifier: MIT */
/* /proc/PID: how the numbers are read that are written there. */
#include "put.h"

static void one(const char *name, const char *value)
{
	char path[64], now[40] = "";
	long n, got;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	n = put(path, value);
	err = errno;
	fd = NEED(open(path, O_RDONLY));
	got = read(fd, now, sizeof(now) - 1);
	close(fd);
	now[got > 0 ? strcspn(now, "\n") : 0] = 0;
	say("%s <- %zu \"%s\" = %ld %s, now %s", name, strlen(value), *value == '\n' ? "" : value,
		n, n < 0 ? t_errno(err) : "", now);
}

TEST(proc_numbers)
{
	static const char *const oom[] = { "5", " 6", "7 ", "0x10", "010", "\t9\n", "1001",
		"99999999999", "99999999999999999999", "", " ", "5x", "+8", "20 20" };
	static const char *const filter[] = { "0x21", "33", "041", "0x100000000",
		"99999999999999999999", "", "1x" };
	static const char *const slack[] = { "70000", "0x20000", "99999999999999999999", "" };

	for (size_t i = 0; i < sizeof(oom) / sizeof(*oom); i++)
		one("oom_score_adj", oom[i]);
	one("oom_score_adj", "1000");
	for (size_t i = 0; i < sizeof(filter) / sizeof(*filter); i++)
		one("coredump_filter", filter[i]);
	for (size_t i = 0; i < sizeof(slack) / sizeof(*slack); i++)
		one("timerslack_ns", slack[i]);
}
